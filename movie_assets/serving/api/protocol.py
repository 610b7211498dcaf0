"""HTTP/1.1 on a socket, with an end to waiting: for clients that send a byte a second, or nothing.

uvicorn's protocol bounds how long a connection is idle after an answer, and nothing else. Here a
request's head has to come within seconds, its body at some speed, and an answer has to be taken.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import orjson
from uvicorn.protocols.http.httptools_impl import (
    STATUS_LINE,
    HttpToolsProtocol,
    RequestResponseCycle,
)

from movie_assets.serving.api.problems import MEDIA_TYPE

if TYPE_CHECKING:
    import asyncio

    from uvicorn._types import ASGI3Application

#: In seconds: for a request's head; for a body before its speed counts; for an answer that is not
#: taken.
HEAD_SECONDS, BODY_SECONDS, TAKING_SECONDS = 10.0, 10.0, 30.0
#: The least speed of a body, in bytes a second.
LEAST_SPEED = 10_000
MOST_HEAD_BYTES = 64 * 1024
_SWEEP_SECONDS = 1.0


class BoundedProtocol(HttpToolsProtocol):
    """uvicorn's protocol, with limits in time."""

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Begin: the first head is waited for."""
        self._since: float | None = self.loop.time()
        self._is_in_head = True
        self._received = 0
        self._not_taken_since: float | None = None
        self._answered: RequestResponseCycle | None = None
        super().connection_made(_Gathered(transport))  # type: ignore[arg-type]
        _sweep_from_now_on(self.loop, self.connections)

    def connection_lost(self, exc: Exception | None) -> None:
        """End: whoever answers learns of it, also where more requests came behind that one."""
        if self._answered is not None and not self._answered.response_complete:
            self._answered.disconnected = True
            self._answered.message_event.set()
        self.pipeline.clear()
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        """Take what has come."""
        if self._since is None:
            self._since = self.loop.time()
            self._is_in_head, self._received = True, 0
        self._received += len(data)
        super().data_received(data)
        if self._is_in_head and self._since is not None and self._received > MOST_HEAD_BYTES:
            self._end(431, f"The head is longer than {MOST_HEAD_BYTES:,} bytes.")

    def _start_asgi_task(self, cycle: RequestResponseCycle, app: ASGI3Application) -> None:
        self._answered = cycle
        super()._start_asgi_task(cycle, app)

    def on_response_complete(self) -> None:
        """The answer is written, but for a head that no body followed."""
        self.transport.flush()  # type: ignore[attr-defined]
        super().on_response_complete()

    def on_headers_complete(self) -> None:
        """The head is there."""
        self._is_in_head = False
        super().on_headers_complete()

    def on_message_complete(self) -> None:
        """All of the request is there."""
        self._since = None
        super().on_message_complete()

    def pause_writing(self) -> None:
        """The client takes less than it is sent."""
        self._not_taken_since = self.loop.time()
        super().pause_writing()

    def resume_writing(self) -> None:
        """It takes more again."""
        self._not_taken_since = None
        super().resume_writing()

    def end_if_too_slow(self, now: float) -> None:
        """End the connection where it has been waited for long enough."""
        if self._not_taken_since is not None and now - self._not_taken_since > TAKING_SECONDS:
            self.transport.abort()
        elif self._since is not None and not self.flow.read_paused:
            seconds = now - self._since
            if self._is_in_head:
                if seconds > HEAD_SECONDS:
                    self._end(408, f"The head did not come within {HEAD_SECONDS:.0f} s.")
            elif self.cycle.response_complete:
                if seconds > BODY_SECONDS:  # what is still sent has been refused
                    self.transport.close()
            elif seconds > BODY_SECONDS + self._received / LEAST_SPEED:
                self._end(408, f"The body comes at less than {LEAST_SPEED:,} bytes a second.")

    def _end(self, status: int, detail: str) -> None:
        """Say what is wrong, if anything of a request has come and nothing been answered."""
        if self.transport.is_closing():
            return
        answering = self.cycle is not None and not self.cycle.response_complete
        if self._received and not (answering and self.cycle.response_started):
            self.transport.write(_problem(status, detail))
        self.transport.close()


class _Gathered:
    """A transport that sends the head of an answer together with the beginning of its body.

    uvicorn writes them one after the other, which costs a system call more, and wakes the client
    twice: at some thousand answers a second that is a third of all work.
    """

    def __init__(self, transport: asyncio.Transport) -> None:
        self._transport = transport
        self._head = b""

    def write(self, data: bytes) -> None:
        """Send, or keep the head of an answer until more comes."""
        if self._head:
            data, self._head = self._head + data, b""
        elif data.startswith(b"HTTP/1.1 ") and not data.startswith(b"HTTP/1.1 100 "):
            self._head = data
            return
        self._transport.write(data)

    def flush(self) -> None:
        """Send what has been kept."""
        if self._head:
            self._transport.write(self._head)
            self._head = b""

    def close(self) -> None:
        """Send what has been kept, and close."""
        self.flush()
        self._transport.close()

    def __getattr__(self, name: str) -> Any:
        return getattr(self._transport, name)


def _problem(status: int, detail: str) -> bytes:
    title = STATUS_LINE[status].split(b" ", 2)[2].strip().decode("ascii")
    body = orjson.dumps({"type": "about:blank", "title": title, "status": status, "detail": detail})
    head = f"content-type: {MEDIA_TYPE}\r\ncontent-length: {len(body)}\r\nconnection: close\r\n\r\n"
    return STATUS_LINE[status] + head.encode("ascii") + body


_sweeping: set[int] = set()


def _sweep_from_now_on(loop: asyncio.AbstractEventLoop, connections: set[Any]) -> None:
    """Look at all connections every second, for as long as there are any."""
    if id(connections) in _sweeping:
        return
    _sweeping.add(id(connections))

    def sweep() -> None:
        now = loop.time()
        for connection in list(connections):
            if isinstance(connection, BoundedProtocol):
                connection.end_if_too_slow(now)
        if connections:
            loop.call_later(_SWEEP_SECONDS, sweep)
        else:
            _sweeping.discard(id(connections))

    loop.call_later(_SWEEP_SECONDS, sweep)
