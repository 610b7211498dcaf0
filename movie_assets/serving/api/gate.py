"""The outermost of what stands in front of the routes: what every request and answer has.

One snapshot for the whole request, an id, the headers of caching, compression, a problem in place
of a crash, a measurement and a line in the access log. It is plain ASGI, and one wrapper for all of
these, since each layer is paid for by every request. Who may ask, and how much, is ``guard``'s.
"""

from __future__ import annotations

import logging
import os
import re
import zlib
from itertools import count
from time import perf_counter
from typing import TYPE_CHECKING

from starlette.requests import ClientDisconnect, Request

from movie_assets.serving.api.problems import Problem
from movie_assets.serving.api.telling import tell

if TYPE_CHECKING:
    from starlette.types import ASGIApp, Message, Receive, Scope, Send

    from movie_assets.serving.api.access_log import AccessLog
    from movie_assets.serving.api.current import Current
    from movie_assets.serving.api.metrics import Metrics
    from movie_assets.serving.api.options import ServingSettings

_LOGGER = logging.getLogger("movie_assets.serving")

_REQUEST_ID = re.compile(rb"[A-Za-z0-9._-]{1,64}")
_LEAST_TO_COMPRESS = 1000
_COMPRESSED = (b"application/json", b"application/problem+json", b"text/", b"image/svg")
_COMPRESSED_TOO = (b"application/javascript",)
_GZIP_LEVEL = 4  # of the answers' JSON, 9 takes three times as long for a twentieth less
#: A browser shall not guess that JSON is HTML.
_AS_TOLD = (b"x-content-type-options", b"nosniff")
_CLOSED_BY_CLIENT = 499


class Gate:
    """Gives each request what it needs and each answer what it must have."""

    def __init__(
        self,
        app: ASGIApp,
        *,
        settings: ServingSettings,
        current: Current,
        metrics: Metrics,
        access_log: AccessLog | None,
    ) -> None:
        self._app = app
        self._settings = settings
        self._current = current
        self._metrics = metrics
        self._access_log = access_log
        self._id_prefix = os.urandom(6).hex()
        self._ids = count(1)
        kept = "private" if settings.api_keys else "public"
        self._cache_control = f"{kept}, max-age={settings.cache_seconds}".encode("ascii")

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Handle a request."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        started = perf_counter()
        headers: dict[bytes, bytes] = dict(scope["headers"])
        served = self._current.served
        request_id = self._request_id(headers.get(b"x-request-id"))
        method: str = scope["method"]
        if method == "HEAD":  # is answered as GET is, without the body
            scope = {**scope, "method": "GET"}
        answer = _Answer(send, method, headers, request_id, self._cache_control)
        state = scope.setdefault("state", {})
        state["request_id"] = request_id.decode("ascii")
        state["settings"] = self._settings
        state["headers"] = headers
        state["served"] = served
        state["published"] = None
        if served is not None:
            state["published"] = served.published
            answer.name, answer.etag = served.name_header, served.etag
            served.take()
        try:
            await self._app(scope, receive, answer.send)
        except ClientDisconnect:
            pass  # nobody waits for an answer
        except Exception:
            _LOGGER.exception("Request %s failed.", state["request_id"])
            if answer.status:
                raise  # the half that was sent cannot be taken back; the connection is closed
            problem = Problem(500, "The server failed. It has been logged under this request id.")
            await tell(Request(scope), problem)(scope, receive, answer.send)
        finally:
            if served is not None:
                served.give_back()
            self._note(scope, method, answer, perf_counter() - started)

    def _request_id(self, given: bytes | None) -> bytes:
        if given is not None and _REQUEST_ID.fullmatch(given):
            return given
        return b"%s-%x" % (self._id_prefix.encode(), next(self._ids))

    def _note(self, scope: Scope, method: str, answer: _Answer, seconds: float) -> None:
        route = scope.get("route")
        path = getattr(route, "path", None) or scope.get("movie_assets.route") or "other"
        status = answer.status or _CLOSED_BY_CLIENT
        self._metrics.observe(method, path, status, seconds)
        if self._access_log is not None:
            self._access_log.write(scope, method, path, status, answer, seconds)


class _Answer:
    """The answer on its way out: its headers are completed with the first part of its body.

    Attributes:
        status: as it was sent; 0 before.
        size: bytes of the body that were sent.
    """

    __slots__ = (
        "_cache_control", "_headers", "_method", "_send", "_start", "_zip", "etag", "name",
        "request_id", "size", "status",
    )  # fmt: skip

    def __init__(
        self,
        send: Send,
        method: str,
        headers: dict[bytes, bytes],
        request_id: bytes,
        cache_control: bytes,
    ) -> None:
        self._send = send
        self._method = method
        self._headers = headers
        self._cache_control = cache_control
        self._start: Message | None = None
        self._zip: zlib._Compress | None = None
        self.request_id = request_id
        self.name = self.etag = b""
        self.status = 0
        self.size = 0

    async def send(self, message: Message) -> None:
        """Pass on a message of the application."""
        if message["type"] == "http.response.start":
            self._start = message
            return
        if message["type"] != "http.response.body":
            await self._send(message)
            return
        body: bytes = message.get("body", b"")
        more: bool = message.get("more_body", False)
        start = self._start
        if start is not None:
            self._start = None
            body = self._begin(start, body, more)
            self.status = start["status"]
            await self._send(start)
        elif self._zip is not None:
            body = self._zip.compress(body) + (b"" if more else self._zip.flush())
        if self._method == "HEAD":
            body = b""
        self.size += len(body)
        await self._send({"type": "http.response.body", "body": body, "more_body": more})

    def _begin(self, start: Message, body: bytes, more: bool) -> bytes:
        """Complete the headers; the first part of the body, as it is to be sent."""
        own = {name.lower(): value for name, value in start["headers"]}
        headers: list[tuple[bytes, bytes]] = list(start["headers"])
        headers.append((b"x-request-id", self.request_id))
        if b"x-content-type-options" not in own:
            headers.append(_AS_TOLD)
        if self.name:
            headers.append((b"x-snapshot", self.name))
        kind = own.get(b"content-type", b"")
        if start["status"] == 200 and self.etag and b"cache-control" not in own:
            headers.append((b"etag", self.etag))
            if self._method in ("GET", "HEAD"):
                headers.append((b"cache-control", self._cache_control))
                if self._is_known():
                    start["status"] = 304
                    start["headers"] = [
                        (name, value)
                        for name, value in headers
                        if name.lower() not in (b"content-length", b"content-type")
                    ]
                    return b""
        if kind.startswith(_COMPRESSED) or kind in _COMPRESSED_TOO:
            headers.append((b"vary", b"Accept-Encoding"))
            if (
                (more or len(body) >= _LEAST_TO_COMPRESS)
                and b"content-encoding" not in own
                and _takes_gzip(self._headers.get(b"accept-encoding", b""))
            ):
                body, headers = self._compressed(headers, body, more)
        start["headers"] = headers
        return body

    def _is_known(self) -> bool:
        known = self._headers.get(b"if-none-match")
        if known is None:
            return False
        plain = self.etag.removeprefix(b"W/")
        return known.strip() == b"*" or any(
            tag.strip().removeprefix(b"W/") == plain for tag in known.split(b",")
        )

    def _compressed(
        self, headers: list[tuple[bytes, bytes]], body: bytes, more: bool
    ) -> tuple[bytes, list[tuple[bytes, bytes]]]:
        self._zip = zlib.compressobj(_GZIP_LEVEL, zlib.DEFLATED, 31)
        body = self._zip.compress(body) + (b"" if more else self._zip.flush())
        kept = []
        for name, value in headers:
            if name.lower() == b"etag" and not value.startswith(b"W/"):
                kept.append((name, b"W/" + value))
            elif name.lower() != b"content-length":
                kept.append((name, value))
        kept.append((b"content-encoding", b"gzip"))
        if not more:
            kept.append((b"content-length", str(len(body)).encode("ascii")))
        return body, kept


def _takes_gzip(accepted: bytes) -> bool:
    for part in accepted.split(b","):
        coding, _, quality = part.partition(b";")
        if coding.strip().lower() in (b"gzip", b"*"):
            return quality.replace(b" ", b"") not in (b"q=0", b"q=0.0", b"q=0.00", b"q=0.000")
    return False
