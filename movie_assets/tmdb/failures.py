"""From what went wrong on the wire to our own errors, in words that help.

Nothing here shows a word of the original exceptions: they hold the URL, and with it the key.
"""

from __future__ import annotations

import http.client
import json
import math
import socket
import ssl
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from urllib.parse import urlsplit

import requests
import urllib3

from movie_assets.tmdb.errors import (
    ConnectionFailedError,
    InvalidKeyError,
    InvalidRequestError,
    MalformedBodyError,
    NameResolutionError,
    NotFoundError,
    RateLimitedError,
    RedirectError,
    RequestFailedError,
    RequestTimeoutError,
    ServerError,
    TlsError,
    TmdbError,
)

#: The most characters of what a server says that are shown.
_MOST_SAID = 200

_Kind = type[TmdbError]

# The first line that fits any of the exceptions in a chain decides. A connection that breaks off
# while it is encrypted, or in the middle of an answer, is a broken connection before anything else.
_KINDS: tuple[tuple[_Kind, tuple[type[BaseException], ...]], ...] = (
    (ConnectionFailedError, (ssl.SSLEOFError, ssl.SSLZeroReturnError)),
    (TlsError, (ssl.SSLError, urllib3.exceptions.SSLError, requests.exceptions.SSLError)),
    (NameResolutionError, (socket.gaierror, urllib3.exceptions.NameResolutionError)),
    (ConnectionFailedError, (ConnectionError,)),
    (RequestTimeoutError, (TimeoutError, requests.Timeout, urllib3.exceptions.TimeoutError)),
    (
        MalformedBodyError,
        (
            http.client.IncompleteRead,
            urllib3.exceptions.DecodeError,
            urllib3.exceptions.InvalidChunkLength,
        ),
    ),
    (
        ConnectionFailedError,
        (
            requests.ConnectionError,
            urllib3.exceptions.ProtocolError,
            urllib3.exceptions.NewConnectionError,
        ),
    ),
)

_MESSAGES: dict[_Kind, str] = {
    ConnectionFailedError: "The connection to {host} was refused or broke off: check your network, "
    "{setting} and the proxy settings, or try again later.",
    TlsError: "No trusted encrypted connection to {host}{certificate}: check {setting}, this "
    "machine's clock and its certificate authorities (REQUESTS_CA_BUNDLE).",
    NameResolutionError: "The name {host} could not be looked up: check your network and "
    "{setting}.",
    RequestTimeoutError: "{host} did not answer in time ({connect:g} s to connect, {read:g} s to "
    "read): check your network and try again later.",
    MalformedBodyError: "{host} sent an answer that is cut short or garbled: try again later.",
    RequestFailedError: "The request to {host} could not be made ({name}): check {setting} and "
    "the proxy settings.",
}

_KEY_REFUSED: tuple[_Kind, str] = (
    InvalidKeyError,
    "{host} does not accept the API key: check TMDB_API_KEY against "
    "https://www.themoviedb.org/settings/api.",
)

_STATUSES: dict[int, tuple[_Kind, str]] = {
    401: _KEY_REFUSED,
    403: _KEY_REFUSED,
    404: (
        NotFoundError,
        "{host} has nothing at {path}: the film was removed, or TMDB_BASE_URL is wrong.",
    ),
    408: (RequestTimeoutError, "{host} waited too long for the request: try again later."),
    429: (
        RateLimitedError,
        "{host} asks for fewer requests: lower TMDB_REQUESTS_PER_SECOND, or let no other program "
        "use the key at the same time.",
    ),
}

# By a status' first digit.
_CLASSES: dict[int, tuple[_Kind, str]] = {
    3: (
        RedirectError,
        "{host} redirects{target}, which TMDB's API does not do; it is not followed, so that the "
        "key goes nowhere else: check TMDB_BASE_URL.",
    ),
    5: (ServerError, "{host} failed on its side: try again later."),
}

_REFUSED: tuple[_Kind, str] = (
    InvalidRequestError,
    "{host} refuses the request for {path}: check the settings; if they are right, TMDB's API has "
    "changed and this program needs an update.",
)


@dataclass(frozen=True)
class Timeouts:
    """How long one try may take, in seconds.

    Attributes:
        connect: until the connection stands.
        read: between any two pieces of the answer.
        whole: from the request to the last byte of its answer; the look-up of the host's name
            and the wait for each of its addresses cannot be broken off, and come on top.
    """

    connect: float = 5.0
    read: float = 10.0
    whole: float = 20.0


def failure_of(
    error: Exception, host: str, timeouts: Timeouts, setting: str = "TMDB_BASE_URL"
) -> TmdbError:
    """Make one of our errors of what `requests`, urllib3 or a socket raised.

    `setting` is where the address comes from.
    """
    causes = list(_causes(error))
    kind = next((kind for kind, types in _KINDS if _any(causes, types)), RequestFailedError)
    return kind(
        _MESSAGES[kind].format(
            host=host,
            setting=setting,
            certificate=_certificate_problem(causes),
            connect=timeouts.connect,
            read=timeouts.read,
            name=type(error).__name__,
        )
    )


def refusal(
    status: int,
    body: bytes,
    *,
    host: str,
    path: str,
    location: str,
    redact: Callable[[str], str],
) -> TmdbError:
    """Make one of our errors of an answer that is no success.

    `location` is where it redirects to, if it does; `redact` takes the key out of what TMDB says.
    """
    kind, message = _STATUSES.get(status) or _CLASSES.get(status // 100) or _REFUSED
    code, said = _complaint(body)
    said = _shortened(redact(said))  # shortened first, half a key might remain
    elsewhere = _host_in(location)
    target = f" to {redact(elsewhere)}" if elsewhere and elsewhere != host else ""
    message = message.format(host=host, path=path, target=target)
    error = kind(f"{message} (HTTP {status}{': ' + said if said else ''})")
    error.status, error.tmdb_code, error.said = status, code, said
    return error


def parse_json(body: bytes, host: str) -> object:
    """Read a body as JSON, strictly.

    Raises:
        MalformedBodyError: where it is no JSON, NaN and Infinity included.
    """
    try:
        return json.loads(body, parse_constant=_refuse_constant, parse_float=_finite_or_text)
    except (ValueError, RecursionError):
        kind = "an HTML page" if body.lstrip()[:1] == b"<" else "something that is not JSON"
        problem = MalformedBodyError(
            f"{host} sent {'an empty answer' if not body.strip() else kind}: try again later, and "
            "check TMDB_BASE_URL if it stays so."
        )
    raise problem


def _refuse_constant(name: str) -> object:
    raise ValueError(name)


def _finite_or_text(number: str) -> float | str:
    # 1e999 is proper JSON and no float: its text is kept, for the row to be judged by.
    value = float(number)
    return value if math.isfinite(value) else number


def _complaint(body: bytes) -> tuple[int | None, str]:
    """Read TMDB's own code and words from the body of an error, on one line."""
    try:
        answer = json.loads(body)
    except (ValueError, RecursionError):
        return None, ""
    if not isinstance(answer, dict):
        return None, ""
    code = answer.get("status_code")
    said = answer.get("status_message") or answer.get("errors") or ""
    text = said if isinstance(said, str) else json.dumps(said)
    # A control character inside the key would hide it from what takes it out.
    text = "".join(letter for letter in text if letter.isprintable() or letter.isspace())
    return code if isinstance(code, int) else None, " ".join(text.split())


def _shortened(said: str) -> str:
    return said if len(said) <= _MOST_SAID else said[: _MOST_SAID - 1].rstrip() + "…"


def _causes(error: BaseException) -> Iterator[BaseException]:
    """Walk through an exception and all that it wraps, in any of the ways that urllib3 wraps."""
    waiting, met = [error], set()
    while waiting:
        current = waiting.pop(0)
        if id(current) in met:
            continue
        met.add(id(current))
        yield current
        wrapped = (current.__cause__, current.__context__, getattr(current, "reason", None))
        waiting += [e for e in (*wrapped, *current.args) if isinstance(e, BaseException)]


def _any(causes: list[BaseException], types: tuple[type[BaseException], ...]) -> bool:
    return any(isinstance(cause, types) for cause in causes)


def _certificate_problem(causes: list[BaseException]) -> str:
    for cause in causes:
        if isinstance(cause, ssl.SSLCertVerificationError):
            return f" ({cause.verify_message})"
    return ""


def host_of(url: str) -> str:
    """Give an address's host and port, without user name, password, path and query."""
    return _host_in(url) or "the configured address"


def _host_in(url: str) -> str | None:
    try:
        parts = urlsplit(url)
        port = f":{parts.port}" if parts.port else ""
    except ValueError:
        return None
    host = "".join(letter for letter in parts.hostname or "" if letter.isprintable())
    return f"{host[:_MOST_SAID]}{port}" if host else None
