"""The access log: a line of JSON for each request, on stdout.

No query, no body, no header but the request's id, and of a key only that there was one: what people
search for and what they like stays with them.
"""

from __future__ import annotations

import asyncio
import os
import sys
import time
from contextlib import suppress
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import orjson

if TYPE_CHECKING:
    from starlette.types import Scope

_FLUSH_SECONDS = 0.05
_LONGEST_PATH = 200


class AccessLog:
    """Writes lines together, many times a second: a write for each costs more than an answer."""

    def __init__(self) -> None:
        self._lines: list[dict[str, Any]] = []
        self._is_due = False

    def write(
        self, scope: Scope, method: str, route: str, status: int, answer: Any, seconds: float
    ) -> None:
        """Note an answer."""
        client = scope.get("client")
        state = scope["state"]
        line = {
            "time": time.time(),
            "request_id": state["request_id"],
            "client": client[0] if client else None,
            "with_key": state.get("with_key", False),
            "method": method,
            "path": scope["path"][:_LONGEST_PATH],
            "route": route,
            "status": status,
            "bytes": answer.size,
            "ms": round(1000 * seconds, 3),
            "snapshot": answer.name,
        }
        self._lines.append(line)
        if not self._is_due:
            self._is_due = True
            asyncio.get_running_loop().call_later(_FLUSH_SECONDS, self.flush)

    def flush(self) -> None:
        """Write what has not been written."""
        self._is_due = False
        lines, self._lines = b"".join(map(_written, self._lines)), []
        with suppress(OSError):  # nobody reads any more; that must not stop the server
            sys.stdout.flush()
            while lines:
                lines = lines[os.write(sys.stdout.fileno(), lines) :]


def _written(line: dict[str, Any]) -> bytes:
    line["time"] = datetime.fromtimestamp(line["time"], UTC)
    line["snapshot"] = line["snapshot"].decode("ascii") or None
    return orjson.dumps(line, option=orjson.OPT_APPEND_NEWLINE)
