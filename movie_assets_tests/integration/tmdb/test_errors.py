"""Every failure that a real connection can have, and what becomes of it."""

from __future__ import annotations

import gzip
import socket
import ssl
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from typing import Any

import pytest
import trustme

from movie_assets.tmdb import (
    BodyTooLargeError,
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
    RetryPolicy,
    ServerError,
    Timeouts,
    TlsError,
    TmdbClient,
    TmdbError,
    UnexpectedShapeError,
)

GENRES = {"genres": [{"id": 18, "name": "Drama"}]}


def refused(status: int, code: int = 11, message: str = "Internal error.") -> dict[str, Any]:
    return {
        "status": status,
        "body": {"success": False, "status_code": code, "status_message": message},
    }


@pytest.fixture
def reply(tmdb: Any) -> Callable[..., None]:
    """Queue answers; the last stays."""
    return tmdb.reply


TRANSIENT = [
    (ServerError, refused(500)),
    (ServerError, refused(503)),
    (RateLimitedError, refused(429, 25, "Over the limit.")),
    (ConnectionFailedError, {"fault": "reset"}),
    (MalformedBodyError, {"body": GENRES, "fault": "truncate"}),
    (MalformedBodyError, {"body": b"<html>Maintenance</html>"}),
    (MalformedBodyError, {"body": b'{"genres": [NaN]}'}),
    (MalformedBodyError, {"body": b""}),
    (MalformedBodyError, {"body": b"no gzip", "headers": {"Content-Encoding": "gzip"}}),
    (MalformedBodyError, {"body": b"zz\r\n", "headers": {"Transfer-Encoding": "chunked"}}),
]
FINAL = [
    (InvalidKeyError, refused(401, 7, "Invalid API key: You must be granted a valid key.")),
    (InvalidKeyError, refused(403, 10, "Suspended API key.")),
    (NotFoundError, refused(404, 34, "The resource could not be found.")),
    (InvalidRequestError, refused(400, 5, "Invalid parameters.")),
    (InvalidRequestError, refused(422, 20, "Invalid date range.")),
    (RedirectError, {"status": 301, "headers": {"Location": "https://elsewhere.example/3"}}),
    (BodyTooLargeError, {"body": b" " * 33 * 2**20}),
]


@pytest.mark.parametrize(("kind", "fields"), TRANSIENT)
def test_transient_failures_are_tried_again_until_they_pass(
    kind: type[TmdbError], fields: dict[str, Any], client: TmdbClient, tmdb: Any, reply: Any
) -> None:
    reply(fields, fields, {"body": GENRES})
    assert client.genres() == GENRES["genres"]
    assert len(tmdb.asked) == 3


@pytest.mark.parametrize(("kind", "fields"), TRANSIENT)
def test_transient_failures_that_stay_are_given_up(
    kind: type[TmdbError], fields: dict[str, Any], client: TmdbClient, tmdb: Any, reply: Any
) -> None:
    reply(fields)
    with pytest.raises(kind, match="gave up after 4 tries in") as caught:
        client.genres()
    assert type(caught.value) is kind
    assert caught.value.transient
    assert len(tmdb.asked) == 4
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(("kind", "fields"), FINAL)
def test_other_failures_are_final(
    kind: type[TmdbError], fields: dict[str, Any], client: TmdbClient, tmdb: Any, reply: Any
) -> None:
    reply(fields)
    with pytest.raises(kind) as caught:
        client.movie(550)
    assert type(caught.value) is kind
    assert not caught.value.transient
    assert len(tmdb.asked) == 1
    assert "\n" not in str(caught.value)


def test_an_odd_shape_is_asked_for_once_more(client: TmdbClient, tmdb: Any, reply: Any) -> None:
    reply({"body": {"genres": None}}, {"body": GENRES})
    assert client.genres() == GENRES["genres"]
    reply({"body": {"genres": None}})
    with pytest.raises(UnexpectedShapeError, match="genre/movie/list"):
        client.genres()
    assert len(tmdb.asked) == 4
    reply({"body": []})
    with pytest.raises(UnexpectedShapeError):
        client.movie(550)


@pytest.mark.parametrize("results", [None, {}, "none"])
def test_a_list_without_a_list_is_an_odd_shape(
    results: object, client: TmdbClient, reply: Any
) -> None:
    reply({"body": {"results": results, "total_pages": 1, "total_results": 1}})
    with pytest.raises(UnexpectedShapeError, match="results"):
        client.popular_movies(limit=5)


def test_retry_after_in_seconds_is_waited_for(client: TmdbClient, tmdb: Any, reply: Any) -> None:
    reply({**refused(429), "headers": {"Retry-After": "1"}}, {"body": GENRES})
    client.genres()
    assert tmdb.asked[1].at - tmdb.asked[0].at >= 0.95


def test_retry_after_as_a_date_is_waited_for(client: TmdbClient, tmdb: Any, reply: Any) -> None:
    then = format_datetime(datetime.now(UTC) + timedelta(seconds=2), usegmt=True)
    reply({**refused(503), "headers": {"Retry-After": then}}, {"body": GENRES})
    client.genres()
    assert tmdb.asked[1].at - tmdb.asked[0].at >= 0.8  # the date has whole seconds


@pytest.mark.parametrize("header", ["-7", "0", "nonsense", "Wed, 21 Oct 2015 07:28:00 GMT"])
def test_a_useless_retry_after_does_no_harm(header: str, client: TmdbClient, reply: Any) -> None:
    reply({**refused(429), "headers": {"Retry-After": header}}, {"body": GENRES})
    assert client.genres() == GENRES["genres"]


def test_an_absurd_retry_after_is_cut(tmdb: Any, client_of: Any, reply: Any) -> None:
    policy = RetryPolicy(attempts=3, initial_wait=0.001, max_retry_after=0.05)
    reply({**refused(429), "headers": {"Retry-After": "86400"}}, {"body": GENRES})
    assert client_of(tmdb.url, retry=policy).genres() == GENRES["genres"]


def test_one_limit_holds_back_every_thread(
    client: TmdbClient, tmdb: Any, reply: Any, client_of: Any
) -> None:
    reply({**refused(429), "headers": {"Retry-After": "1"}}, {"body": GENRES})
    first = threading.Thread(target=client.genres)
    first.start()
    while not tmdb.asked:
        time.sleep(0.005)
    time.sleep(0.3)  # the pause has begun for sure
    client.genres()
    first.join(timeout=10)
    assert tmdb.asked[1].at - tmdb.asked[0].at >= 0.95


def test_one_limit_among_many_good_answers_holds_back_its_own_request_alone(
    tmdb: Any, client_of: Any
) -> None:
    def answer(asked: Any) -> dict[str, Any]:
        film = int(asked.path.rsplit("/", 1)[1])
        first = [a.path for a in tmdb.asked].count(asked.path) == 1
        if film == 30 and first:
            return {**refused(429), "headers": {"Retry-After": "2"}}
        return {"body": {"id": film}}

    tmdb.answer = answer
    came: dict[int, float] = {}
    client = client_of(tmdb.url)
    client.details(list(range(1, 101)), lambda film, _: came.setdefault(film, time.monotonic()))
    assert came[30] == max(came.values())
    assert came[30] - came[100] > 0.5
    first, again = (asked.at for asked in tmdb.asked if asked.path.endswith("/movie/30"))
    assert again - first >= 1.95


def test_the_total_time_ends_the_tries(tmdb: Any, client_of: Any, reply: Any) -> None:
    policy = RetryPolicy(attempts=1000, total_seconds=0.3, initial_wait=0.05, max_wait=0.1)
    reply(refused(500))
    with pytest.raises(ServerError) as caught:
        client_of(tmdb.url, retry=policy).genres()
    assert 1 < len(tmdb.asked) < 20
    assert caught.value.tries == len(tmdb.asked)


def test_a_server_that_hangs(tmdb: Any, client_of: Any, reply: Any) -> None:
    reply({"fault": "hang"}, {"body": GENRES})
    client = client_of(tmdb.url, timeouts=Timeouts(connect=1, read=0.2))
    assert client.genres() == GENRES["genres"]
    assert len(tmdb.asked) == 2


@pytest.mark.parametrize(
    "fields",
    [
        {"body": b" " * 5000, "fault": "drip"},
        {"body": b" " * 5000, "fault": "drip", "headers": {"Connection": "close"}},
        {"fault": "drip head"},
    ],
)
def test_a_server_that_drips(fields: dict[str, Any], tmdb: Any, client_of: Any, reply: Any) -> None:
    reply(fields)
    started = time.monotonic()
    client = client_of(
        tmdb.url,
        timeouts=Timeouts(connect=1, read=1, whole=0.2),
        retry=RetryPolicy(attempts=2, initial_wait=0.001),
    )
    with pytest.raises(RequestTimeoutError, match=r"longer than 0\.2 s"):
        client.genres()
    assert len(tmdb.asked) == 2
    assert time.monotonic() - started < 5


def test_a_connection_that_is_kept_has_a_limit_too(tmdb: Any, client_of: Any, reply: Any) -> None:
    reply({"body": GENRES}, {"fault": "drip head"}, {"body": GENRES})
    client = client_of(tmdb.url, timeouts=Timeouts(connect=1, read=1, whole=0.3))
    for _ in range(2):
        assert client.genres() == GENRES["genres"]
    assert len(tmdb.asked) == 3


def test_a_handshake_that_drips(client_of: Any) -> None:
    """The TLS handshake: a record of 4,000 bytes, byte by byte."""
    over = threading.Event()
    with socket.create_server(("127.0.0.1", 0)) as listener:

        def serve() -> None:
            connection, _ = listener.accept()
            with connection, suppress(OSError):
                for byte in b"\x16\x03\x03\x0f\xa0" + bytes(4000):
                    connection.sendall(bytes([byte]))
                    if over.wait(0.02):
                        return

        thread = threading.Thread(target=serve, daemon=True)
        thread.start()
        client = client_of(
            f"https://127.0.0.1:{listener.getsockname()[1]}/3",
            timeouts=Timeouts(connect=1, read=1, whole=0.3),
            retry=RetryPolicy(attempts=1),
        )
        started = time.monotonic()
        with pytest.raises(RequestTimeoutError, match="longer than"):
            client.genres()
        assert time.monotonic() - started < 5
        over.set()
        thread.join(timeout=5)


def test_a_small_body_that_unpacks_to_a_huge_one(client: TmdbClient, reply: Any) -> None:
    packed = gzip.compress(b" " * 40 * 2**20)
    reply({"body": packed, "headers": {"Content-Encoding": "gzip"}})
    with pytest.raises(BodyTooLargeError, match="32 MB"):
        client.genres()


def test_a_redirect_takes_the_key_nowhere(client: TmdbClient, tmdb: Any, reply: Any) -> None:
    elsewhere = tmdb.url.replace("127.0.0.1", "localhost") + "/elsewhere"
    reply({"status": 302, "headers": {"Location": elsewhere}})
    with pytest.raises(RedirectError, match=r"redirects to localhost:\d+, which TMDB's API does"):
        client.genres()
    assert [asked.path for asked in tmdb.asked] == ["/3/genre/movie/list"]


def test_nobody_listens(client_of: Any) -> None:
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        url = f"http://127.0.0.1:{unused.getsockname()[1]}/3"
        with pytest.raises(ConnectionFailedError, match="4 tries"):
            client_of(url).genres()


def test_a_name_that_nobody_knows(client_of: Any) -> None:
    with pytest.raises(NameResolutionError, match=r"does-not-exist\.invalid"):
        client_of("http://does-not-exist.invalid/3").genres()


def test_a_connection_that_never_stands(client_of: Any) -> None:
    with socket.socket() as full:
        full.bind(("127.0.0.1", 0))
        full.listen(0)
        waiting = [socket.socket() for _ in range(4)]
        for each in waiting:
            each.setblocking(False)
            each.connect_ex(full.getsockname())
        url = f"http://127.0.0.1:{full.getsockname()[1]}/3"
        client = client_of(
            url, timeouts=Timeouts(connect=0.2, read=0.2), retry=RetryPolicy(attempts=1)
        )
        with pytest.raises(RequestTimeoutError, match="1 try"):
            client.genres()
        for each in waiting:
            each.close()


@pytest.mark.parametrize("url", ["nonsense", "http://", "http://[::1", "ftp://127.0.0.1/3"])
def test_an_address_that_is_none(url: str, client_of: Any) -> None:
    with pytest.raises(RequestFailedError, match="TMDB_BASE_URL"):
        client_of(url).genres()


@pytest.fixture
def untrusted_url() -> Iterator[str]:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    trustme.CA().issue_cert("127.0.0.1").configure_cert(context)
    over = threading.Event()
    with socket.create_server(("127.0.0.1", 0)) as listener:
        listener.settimeout(0.05)

        def serve() -> None:
            while not over.is_set():
                try:
                    connection, _ = listener.accept()
                    connection.settimeout(5)
                    context.wrap_socket(connection, server_side=True).close()
                except OSError:
                    continue

        thread = threading.Thread(target=serve, daemon=True)
        thread.start()
        yield f"https://127.0.0.1:{listener.getsockname()[1]}/3"
        over.set()
        thread.join(timeout=5)


def test_a_certificate_that_nobody_trusts(untrusted_url: str, client_of: Any) -> None:
    with pytest.raises(TlsError, match=r"127\.0\.0\.1:\d+ \(.*certificate") as caught:
        client_of(untrusted_url).genres()
    assert caught.value.tries == 1


def test_https_where_there_is_none(tmdb: Any, client_of: Any) -> None:
    with pytest.raises(TlsError):
        client_of(tmdb.url.replace("http:", "https:")).genres()
