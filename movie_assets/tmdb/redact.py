"""Keeping the API key out of everything that a person or a log may see.

A v3 key travels in the URL, so it turns up wherever a URL does: in the messages of exceptions and
in urllib3's own DEBUG lines. Nothing here sends requests.
"""

from __future__ import annotations

import logging
import re
from collections.abc import Iterable
from urllib.parse import quote, quote_plus

MASK = "[redacted]"

# The value may be percent-encoded once more (a URL inside a URL) or quoted (a dict's repr).
_KEY_PARAMETER = re.compile(
    r"""(api[_-]?key["']?\s*(?:=|:|%(?:25)*3D)\s*["']?)[^\s&"'<>,;(){}]+""", re.IGNORECASE
)
_BEARER = re.compile(r"(\bBearer(?:\s|%20|\+)+)[\w.~+/=%-]+", re.IGNORECASE)

#: Filters are not inherited by child loggers, so each logger that may see a URL is named.
_URL_LOGGERS = (
    "urllib3",
    "urllib3.connection",
    "urllib3.connectionpool",
    "urllib3.poolmanager",
    "urllib3.response",
    "urllib3.util.retry",
    "requests",
)


def redact(text: str, secrets: Iterable[str] = ()) -> str:
    """Give `text` with every secret replaced by ``[redacted]``.

    Replaced are the secrets themselves in any letter case and percent-encoded in any of the usual
    ways, and whatever stands after ``api_key=`` or ``Bearer``, known or not.
    """
    forms = {form for secret in secrets if secret for form in _written_forms(secret)}
    for form in sorted(forms, key=len, reverse=True):
        text = re.sub(re.escape(form), MASK, text, flags=re.IGNORECASE)
    text = _KEY_PARAMETER.sub(rf"\1{MASK}", text)
    return _BEARER.sub(rf"\1{MASK}", text)


def _written_forms(secret: str) -> set[str]:
    once = {quote(secret, safe=""), quote(secret), quote_plus(secret)}
    return {secret, *once, *(quote(form, safe="") for form in once), ascii(secret)[1:-1]}


class _RedactingFilter(logging.Filter):
    """Rewrites a log record so that no handler, here or in a parent logger, sees a key."""

    def filter(self, record: logging.LogRecord) -> bool:
        record.msg = redact(record.getMessage())
        record.args = None
        if record.exc_info:
            # A traceback cannot be redacted in place; its last line is worth keeping.
            record.msg += redact(f" ({record.exc_info[1]!r})")
            record.exc_info = record.exc_text = None
        return True


_FILTER = _RedactingFilter()


def redact_http_logs() -> None:
    """Have the logs of urllib3 and requests redacted in this process; harmless to repeat."""
    for name in _URL_LOGGERS:
        logging.getLogger(name).addFilter(_FILTER)
