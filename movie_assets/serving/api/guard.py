"""Who may ask, how often, and how much: keys, rates, and the sizes of bodies.

Nothing is read of a body here beyond its limit, and a key is neither logged nor compared in a time
that tells how much of it was right.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
import ipaddress
import time
from typing import TYPE_CHECKING

import limits
from limits.storage import MemoryStorage
from limits.strategies import SlidingWindowCounterRateLimiter
from starlette.exceptions import HTTPException
from starlette.requests import Request

from movie_assets.serving.api.problems import Problem
from movie_assets.serving.api.telling import tell, wants_html

if TYPE_CHECKING:
    from collections.abc import Iterable

    from starlette.types import ASGIApp, Message, Receive, Scope, Send

    from movie_assets.serving.api.options import ServingSettings

#: Asked by what looks after the server; and what has nothing of the snapshot's.
_OPEN = frozenset({"/health", "/ready", "/docs", "/openapi.json"})
_OPEN_FOLDERS = ("/static/", "/docs/")
#: What a form has besides the file.
_FORM_BYTES = 64 * 1024


class Guard:
    """Lets requests pass that have a key, are not too many, and whose bodies are not too large."""

    def __init__(self, app: ASGIApp, *, settings: ServingSettings) -> None:
        self._app = app
        self._keys = Keys(key.get_secret_value() for key in settings.api_keys)
        self._rate = Rate(settings.rate_limit) if settings.rate_limit else None
        self._max_body = settings.max_body_bytes
        self._max_upload = settings.max_upload_bytes + _FORM_BYTES

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Let a request pass, or answer it."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        headers: dict[bytes, bytes] = scope["state"]["headers"]
        problem = self._problem(scope, headers)
        if problem is None and (b"content-length" in headers or b"transfer-encoding" in headers):
            body = _Body(receive, self._limit(scope, headers))
            problem = body.declared_too_large(headers)
            receive = body.receive
        if problem is not None:
            await tell(Request(scope), problem)(scope, receive, send)
            return
        try:
            await self._app(scope, receive, send)
        except BodyTooLargeError as error:  # in front of the routes; they tell it themselves
            problem = Problem(413, error.detail, headers=error.headers)
            await tell(Request(scope), problem)(scope, receive, send)

    def _problem(self, scope: Scope, headers: dict[bytes, bytes]) -> Problem | None:
        path: str = scope["path"]
        if path in _OPEN or path.startswith(_OPEN_FOLDERS):
            return None
        key = self._keys.found(headers) if self._keys else None
        if self._rate is not None:
            problem = self._rate.problem(key or _address(scope))
            if problem is not None:
                return problem
        if self._keys and key is None:
            return _no_key(wants_html(Request(scope)))
        scope["state"]["with_key"] = key is not None
        return None

    def _limit(self, scope: Scope, headers: dict[bytes, bytes]) -> int:
        is_upload = scope["path"] == "/v1/import" or headers.get(b"content-type", b"").startswith(
            b"multipart/form-data"
        )
        return self._max_upload if is_upload else self._max_body


class Keys:
    """The keys that open the door; false where none are asked for."""

    def __init__(self, keys: Iterable[str]) -> None:
        # Digests are of one length, so that not even a key's length can be measured.
        self._digests = [_digest(key.encode()) for key in keys]

    def __bool__(self) -> bool:
        return bool(self._digests)

    def found(self, headers: dict[bytes, bytes]) -> str | None:
        """What a request is counted by if it has a key: not the key; None where it has none."""
        given = _given_key(headers)
        if given is None:
            return None
        digest = _digest(given)
        # All are compared, whichever it is.
        same = [hmac.compare_digest(digest, known) for known in self._digests]
        return f"key {same.index(True)}" if any(same) else None


class Rate:
    """How often a key or an address may ask; each worker counts for itself.

    Args:
        limit: such as ``"100/minute"``.
    """

    def __init__(self, limit: str) -> None:
        self._limit = limits.parse(limit)
        self._limiter = SlidingWindowCounterRateLimiter(MemoryStorage())

    def problem(self, who: str) -> Problem | None:
        """Count a request; the problem where it is one too many."""
        if self._limiter.hit(self._limit, who):
            return None
        reset = self._limiter.get_window_stats(self._limit, who).reset_time
        seconds = max(1, round(reset - time.time()))
        return Problem(
            429,
            f"More than {self._limit} were asked for. Ask again in {seconds} s.",
            kind="too-many-requests",
            headers={"retry-after": str(seconds)},
        )


class BodyTooLargeError(HTTPException):
    """A body went over its limit while it was read; an HTTPException, so FastAPI lets it pass."""

    def __init__(self, limit: int) -> None:
        super().__init__(
            413,
            f"The body is larger than {limit:,} bytes.",
            # What is still to come is not read.
            {"connection": "close"},
        )


class _Body:
    """A body that ends with an error where it is over its limit."""

    def __init__(self, receive: Receive, limit: int) -> None:
        self._receive = receive
        self._limit = limit
        self._read = 0

    def declared_too_large(self, headers: dict[bytes, bytes]) -> Problem | None:
        """The problem of a body that says itself that it is too large."""
        if int(headers.get(b"content-length", b"0")) <= self._limit:
            return None
        error = BodyTooLargeError(self._limit)
        return Problem(413, error.detail, headers=error.headers)

    async def receive(self) -> Message:
        """A part of the body."""
        message = await self._receive()
        if message["type"] == "http.request":
            self._read += len(message.get("body", b""))
            if self._read > self._limit:
                raise BodyTooLargeError(self._limit)
        return message


def _digest(key: bytes) -> bytes:
    return hashlib.sha256(key).digest()


def _given_key(headers: dict[bytes, bytes]) -> bytes | None:
    """The key of a request: a header of its own, a bearer's token, or a browser's password."""
    own = headers.get(b"x-api-key")
    if own is not None:
        return own.strip()
    scheme, _, rest = headers.get(b"authorization", b"").partition(b" ")
    if scheme.lower() == b"bearer":
        return rest.strip()
    if scheme.lower() == b"basic":
        try:
            return base64.b64decode(rest, validate=True).partition(b":")[2]
        except binascii.Error:
            return None
    return None


def _no_key(asks_with_browser: bool) -> Problem:
    return Problem(
        401,
        "This server asks for a key: send it as 'Authorization: Bearer KEY' or 'X-API-Key: KEY'. "
        "A browser may send it as the password of any user name.",
        kind="no-key",
        headers={
            "www-authenticate": 'Basic realm="movie_assets", charset="UTF-8"'
            if asks_with_browser
            else 'Bearer realm="movie_assets"'
        },
    )


def _address(scope: Scope) -> str:
    """What requests without a key are counted by; of IPv6 the network that a household has."""
    host = (scope.get("client") or ("unknown",))[0]
    try:
        address = ipaddress.ip_address(host)
    except ValueError:
        return str(host)
    if address.version == 4:
        return str(address)
    return str(ipaddress.ip_network((address, 64), strict=False))
