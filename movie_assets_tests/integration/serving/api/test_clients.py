"""Clients that one would rather not have: slow, silent, endless, gone. The next one is served."""

from __future__ import annotations

import asyncio
import socket
import time
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from movie_assets_tests.api_server import ApiServer, serving_api, wait_until, write_home

#: More than systems keep for a connection.
_ENDLESS = 50_000_000
# The same server with short waits, since a test cannot wait as long as a server should.
_IMPATIENT = """
import sys
from movie_assets.serving.api import protocol
protocol.HEAD_SECONDS = protocol.BODY_SECONDS = 1.0
protocol.TAKING_SECONDS = 1.5
from movie_assets.cli import main
sys.argv = ["movie-assets", "serve", *sys.argv[1:]]
main()
"""


@pytest.fixture(scope="module")
def impatient(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ApiServer]:
    home = write_home(tmp_path_factory.mktemp("impatient"), 40)
    with serving_api(
        home,
        script=_IMPATIENT,
        MOVIE_API_MAX_BODY_BYTES="20000",
        MOVIE_API_MAX_UPLOAD_BYTES="200000",
    ) as server:
        yield server


@pytest.fixture(autouse=True)
def _is_well_afterwards(impatient: ApiServer) -> Iterator[None]:
    yield
    assert impatient.client.get("/ready").status_code == 200


def everything(connection: socket.socket) -> bytes:
    """What comes until the server closes."""
    parts = []
    while part := connection.recv(65536):
        parts.append(part)
    return b"".join(parts)


def test_a_head_that_comes_a_byte_at_a_time(impatient: ApiServer) -> None:
    with impatient.connect() as connection:
        started = time.monotonic()
        answer = b""
        connection.settimeout(0.2)
        for byte in b"GET /v1/movies/949 HTTP/1.1\r\nHost: films.example.org\r\n" * 5:
            try:
                connection.sendall(bytes([byte]))
                answer = connection.recv(1000)
            except TimeoutError:
                continue
            except OSError:
                break
            break
        assert answer.startswith(b"HTTP/1.1 408 Request Timeout\r\n")
        assert b"application/problem+json" in answer
        assert time.monotonic() - started < 5


def test_a_connection_that_says_nothing_is_closed(impatient: ApiServer) -> None:
    with impatient.connect() as connection:
        assert everything(connection) == b""


def test_a_body_that_comes_a_byte_at_a_time(impatient: ApiServer) -> None:
    with impatient.connect() as connection:
        connection.sendall(
            b"POST /v1/recommendations HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n"
            b"Content-Length: 1000\r\n\r\n{"
        )
        assert everything(connection).startswith(b"HTTP/1.1 408")


def test_a_client_that_does_not_take_its_answer(impatient: ApiServer) -> None:
    script = "/docs/swagger-ui-bundle.js"
    size = len(impatient.client.get(script, headers={"accept-encoding": "identity"}).content)
    with impatient.connect() as connection:
        connection.sendall(b"GET %b HTTP/1.1\r\nHost: x\r\n\r\n" % script.encode() * 50)
        time.sleep(4)
        received = 0
        try:
            while part := connection.recv(1 << 20):
                received += len(part)
        except ConnectionResetError:
            pass
    # What had left the server is all that came: of the rest it has let go.
    assert received < 50 * size / 2


def test_clients_that_hang_up_are_no_failures(impatient: ApiServer) -> None:
    asked = b'{"liked": [{"id": 949}], "diversity": 0.5}'
    for cut in (0, 10, len(asked)):
        for _ in range(5):
            with impatient.connect() as connection:
                connection.sendall(
                    b"POST /v1/recommendations HTTP/1.1\r\nHost: x\r\n"
                    b"Content-Type: application/json\r\nContent-Length: %d\r\n\r\n"
                    % len(asked)
                    + asked[:cut]
                )
    time.sleep(0.5)
    assert impatient.client.get("/ready").status_code == 200
    assert not [line for line in impatient.log if line["level"] == "error"]


@pytest.mark.parametrize("way", ["declared", "chunked"])
@pytest.mark.parametrize(
    ("path", "kind"),
    [
        ("/v1/recommendations", b"application/json"),
        ("/recommendations/", b"application/json"),
        ("/v1/import", b"text/csv"),
        ("/v1/import", b"multipart/form-data; boundary=x"),
    ],
)
def test_a_body_over_the_limit(impatient: ApiServer, path: str, kind: bytes, way: str) -> None:
    head = b"POST %b HTTP/1.1\r\nHost: x\r\nContent-Type: %b\r\n" % (path.encode(), kind)
    with impatient.connect() as connection:
        if way == "declared":
            connection.sendall(head + b"Content-Length: 1000000000000\r\n\r\n")
        else:
            connection.sendall(head + b"Transfer-Encoding: chunked\r\n\r\n")
            sent = 0
            start = b'--x\r\nContent-Disposition: form-data; name="file"; filename="x"\r\n\r\n'
            try:
                connection.sendall(b"%x\r\n%b\r\n" % (len(start), start))
                while sent < _ENDLESS:
                    connection.sendall(b"1000\r\n" + b"x" * 4096 + b"\r\n")
                    sent += 4096
            except OSError:
                pass  # it has been answered, and no more is read
            assert sent < _ENDLESS
        try:
            answer = connection.recv(65536)
        except ConnectionResetError:
            assert way == "chunked"  # the answer is lost with what was not read
            return
        assert answer.startswith(b"HTTP/1.1 413 ")
        assert b"connection: close" in answer


def test_what_is_no_http(impatient: ApiServer) -> None:
    for sent, status in (
        (b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" * 20, b"400"),
        (b"GET /\xff\xfe HTTP/1.1\r\nHost: x\r\n\r\n", b"400"),
        (b"GET / HTTP/1.1\r\nHost: x\r\nContent-Length: -5\r\n\r\n", b"400"),
        (b"GET / HTTP/1.1\r\nHost: x\r\nX: " + b"y" * 300_000, b"431"),
        (b"GET /" + b"y" * 300_000 + b" HTTP/1.1\r\nHost: x\r\n\r\n", b"431"),
    ):
        with impatient.connect() as connection:
            try:
                connection.sendall(sent)
                answer = connection.recv(65536)
            except ConnectionResetError:
                continue
            assert answer.startswith(b"HTTP/1.1 " + status), (sent[:40], answer[:200])


def test_many_at_once_that_only_hold_the_line(impatient: ApiServer, tmp_path: Path) -> None:
    held = [impatient.connect() for _ in range(300)]
    try:
        started = time.monotonic()
        assert impatient.client.get("/v1/movies/949").status_code in (200, 404)
        assert time.monotonic() - started < 2
    finally:
        for connection in held:
            connection.close()


def test_many_long_questions_at_once_are_answered_or_told_to_come_back(server: ApiServer) -> None:
    async def ask() -> list[int]:
        limits = httpx.Limits(max_connections=150)
        async with httpx.AsyncClient(
            base_url=f"http://127.0.0.1:{server.port}", limits=limits, timeout=60
        ) as client:
            body = {"liked": [{"id": 949}], "diversity": 1.0, "limit": 100}
            asked = [client.post("/v1/recommendations", json=body) for _ in range(150)]
            return [response.status_code for response in await asyncio.gather(*asked)]

    statuses = asyncio.run(ask())
    assert set(statuses) <= {200, 503}
    assert 200 in statuses
    assert server.client.get("/v1/movies/949/similar").status_code == 200


def test_more_uploads_at_once_than_there_is_memory_for(server: ApiServer) -> None:
    head = b"POST /v1/import HTTP/1.1\r\nHost: x\r\nContent-Type: text/csv\r\n"
    held: list[socket.socket] = []

    def is_full() -> bool:
        # One more each time: the question that asks has a place itself while it is answered, and
        # an upload that comes meanwhile may be the one that is sent away.
        held.append(server.connect())
        held[-1].sendall(head + b"Content-Length: 100000\r\n\r\nid")
        return server.client.post("/v1/import", content=b"id\n1\n").status_code == 503

    try:
        wait_until(is_full)
        assert server.client.get("/v1/movies/949").status_code == 200
    finally:
        for connection in held:
            connection.close()
    wait_until(lambda: server.client.post("/v1/import", content=b"id\n1\n").status_code != 503)
