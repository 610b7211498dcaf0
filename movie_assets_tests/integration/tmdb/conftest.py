"""A server on loopback that answers as a test tells it to, faults on the wire included."""

from __future__ import annotations

import json
import logging
import socket
import struct
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import pytest

from movie_assets.tmdb import RetryPolicy, Timeouts, TmdbClient

KEY = "0123456789abcdefSENTINEL01234567"
QUICK = RetryPolicy(attempts=4, total_seconds=20, initial_wait=0.005, max_wait=0.01)


@dataclass(frozen=True)
class Asked:
    """One request as it reached the server."""

    path: str
    query: dict[str, str]
    headers: dict[str, str]
    at: float

    @property
    def page(self) -> int:
        return int(self.query.get("page", "1"))


@dataclass(frozen=True)
class Reply:
    """What to answer; `fault` is 'reset', 'truncate', 'hang', 'drip', 'drip head' or ''."""

    body: Any = None
    status: int = 200
    headers: dict[str, str] = field(default_factory=dict)
    fault: str = ""

    @property
    def raw(self) -> bytes:
        return self.body if isinstance(self.body, bytes) else json.dumps(self.body).encode()


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: FakeTmdb

    def do_GET(self) -> None:
        url = urlsplit(self.path)
        asked = Asked(
            url.path, dict(parse_qsl(url.query)), dict(self.headers.items()), time.monotonic()
        )
        with self.server.lock:
            self.server.asked.append(asked)
        reply = Reply(**self.server.answer(asked))
        if reply.fault == "hang":
            self.server.over.wait(30)
        elif reply.fault == "reset":
            self._reset()
        elif reply.fault == "drip head":
            self._drip(b"HTTP/1.1 200 OK\r\nX: " + b"x" * 5000)
        else:
            self._send(reply)

    def _reset(self) -> None:
        linger = struct.pack("ii", 1, 0)
        self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, linger)
        self.close_connection = True
        self.connection.close()

    def _send(self, reply: Reply) -> None:
        headers = {"Content-Length": str(len(reply.raw))} | reply.headers
        self.send_response(reply.status)
        for name, value in headers.items():
            self.send_header(name, value)
        self.end_headers()
        if reply.fault == "truncate":
            self.wfile.write(reply.raw[: len(reply.raw) // 2])
            self.close_connection = True
        elif reply.fault == "drip":
            self._drip(reply.raw)
        else:
            self.wfile.write(reply.raw)

    def _drip(self, body: bytes) -> None:
        for byte in body:
            self.wfile.write(bytes([byte]))
            if self.server.over.wait(0.02):
                return

    def log_message(self, *args: object) -> None:
        pass


class FakeTmdb(ThreadingHTTPServer):
    """Answers with `answer`, and remembers what it was `asked`."""

    daemon_threads = True
    request_queue_size = 64

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.lock = threading.Lock()
        self.asked: list[Asked] = []
        self.over = threading.Event()
        self.answer: Callable[[Asked], dict[str, Any]] = lambda asked: {"body": {}}

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_address[1]}/3"

    @property
    def pages(self) -> list[int]:
        return sorted(asked.page for asked in self.asked)

    def reply(self, *replies: dict[str, Any]) -> None:
        """Answer with these (fields of a Reply), one after the other; the last stays."""
        waiting = list(replies)

        def answer(asked: Asked) -> dict[str, Any]:
            with self.lock:
                return waiting.pop(0) if len(waiting) > 1 else waiting[0]

        self.answer = answer

    def handle_error(self, request: object, client_address: object) -> None:
        """A client that hung up is no news."""


@pytest.fixture
def tmdb() -> Iterator[FakeTmdb]:
    with FakeTmdb() as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True)
        thread.start()
        yield server
        server.over.set()
        server.shutdown()
        thread.join(timeout=5)


@pytest.fixture
def client_of() -> Iterator[Callable[..., TmdbClient]]:
    """Make clients that are quick to try again, and close them."""
    clients: list[TmdbClient] = []

    def make(url: str, key: str = KEY, **options: Any) -> TmdbClient:
        defaults: dict[str, Any] = {
            "requests_per_second": 1000,
            "max_workers": 16,
            "retry": QUICK,
            "timeouts": Timeouts(connect=2, read=5, whole=10),
        }
        clients.append(TmdbClient(url, key, **(defaults | options)))
        return clients[-1]

    yield make
    for client in clients:
        client.close()


@pytest.fixture
def client(tmdb: FakeTmdb, client_of: Callable[..., TmdbClient]) -> TmdbClient:
    return client_of(tmdb.url)


@pytest.fixture
def popular() -> Callable[..., dict[str, Any]]:
    """Make the answer for one page of a list of films 1, 2, 3..."""

    def page(number: int, total: int, *, size: int = 20, shift: int = 0) -> dict[str, Any]:
        start = max(0, (number - 1) * size + shift)
        return {
            "body": {
                "page": number,
                "results": [
                    {"id": film + 1, "title": f"Film {film + 1}"}
                    for film in range(start, min(start + size, total))
                ],
                "total_pages": -(-total // size),
                "total_results": total,
            }
        }

    return page


@pytest.fixture
def all_logs(caplog: pytest.LogCaptureFixture) -> pytest.LogCaptureFixture:
    caplog.set_level(logging.DEBUG)
    for name in ("urllib3", "urllib3.connectionpool", "requests", "movie_assets"):
        caplog.set_level(logging.DEBUG, logger=name)
    return caplog
