"""The key shows up nowhere, whatever goes wrong and however much is logged."""

from __future__ import annotations

import traceback
from collections.abc import Callable
from typing import Any
from urllib.parse import quote, quote_plus

import pytest

from movie_assets.tmdb import RetryPolicy, Timeouts, TmdbClient, TmdbError

V3 = "SENTINEL0123456789abcdef01234567"
ODD = "SENTINEL/+=&%key"
V4 = "eyJhbGciOiJIUzI1NiJ9.SENTINELeyJzdWIiOiJ4In0.c2lnbmF0dXJl"
ECHO = "Invalid API key: {key}"

FAULTS: dict[str, Callable[[str], dict[str, Any]]] = {
    "unauthorized": lambda key: {
        "status": 401,
        "body": {"status_code": 7, "status_message": ECHO.format(key=key)},
    },
    "refused": lambda key: {
        "status": 400,
        "body": {"errors": [f"/3/movie?api_key={quote_plus(key)}", quote(key, safe=""), key]},
    },
    "server error": lambda key: {"status": 500, "body": {"status_message": f"Bearer {key}"}},
    "redirect": lambda key: {
        "status": 302,
        "headers": {"Location": f"http://{quote(key, safe='')}.example/?api_key={key}"},
    },
    "reset": lambda key: {"fault": "reset"},
    "truncated": lambda key: {"body": {"key": key}, "fault": "truncate"},
    "html": lambda key: {"body": f"<html>{key}</html>".encode()},
    "odd shape": lambda key: {"body": [key]},
    "hanging": lambda key: {"fault": "hang"},
    "bad headers": lambda key: {"body": {}, "headers": {"Content-Length": f"x{key}"}},
}


def everything_about(error: BaseException) -> str:
    """All that a log, a debugger or Dagster could show of an exception and its chain."""
    told = ["".join(traceback.format_exception(error))]
    waiting: list[BaseException] = [error]
    while waiting:
        current = waiting.pop()
        told += [str(current), repr(current), repr(current.args), repr(vars(current))]
        waiting += [e for e in (current.__cause__, current.__context__) if e is not None]
    return "\n".join(told)


def assert_hidden(key: str, text: str) -> None:
    assert "sentinel" not in text.lower()
    assert quote(key, safe="").lower() not in text.lower()


@pytest.mark.parametrize("key", [V3, ODD, V4], ids=["v3", "odd", "v4"])
@pytest.mark.parametrize("fault", FAULTS)
def test_no_failure_shows_the_key(
    fault: str, key: str, tmdb: Any, client_of: Any, all_logs: pytest.LogCaptureFixture
) -> None:
    tmdb.reply(FAULTS[fault](key))
    client = client_of(
        tmdb.url,
        key,
        retry=RetryPolicy(attempts=2, initial_wait=0.001),
        timeouts=Timeouts(connect=1, read=0.2, whole=1),
    )
    for ask in (client.genres, lambda: client.popular_movies(limit=5)):
        with pytest.raises(TmdbError) as caught:
            ask()
        # Nothing to print, and nothing to find by looking for it either.
        assert caught.value.__cause__ is None
        assert caught.value.__context__ is None
        assert_hidden(key, everything_about(caught.value))
    assert tmdb.asked
    assert_hidden(key, all_logs.text + repr([vars(record) for record in all_logs.records]))


@pytest.mark.parametrize("key", [V3, ODD, V4], ids=["v3", "odd", "v4"])
def test_no_success_logs_the_key(
    key: str, tmdb: Any, client_of: Any, all_logs: pytest.LogCaptureFixture, popular: Any
) -> None:
    tmdb.answer = lambda asked: popular(asked.page, 60)
    client_of(tmdb.url, key).popular_movies(limit=60, language="en")
    sent = tmdb.asked[0].query.get("api_key") or tmdb.asked[0].headers["Authorization"]
    assert sent.removeprefix("Bearer ") == key
    assert "/movie/popular" in all_logs.text  # urllib3 did log the requests
    assert_hidden(key, all_logs.text + repr([vars(record) for record in all_logs.records]))


@pytest.mark.parametrize("url", ["http://127.0.0.1:1/3", "http://does-not-exist.invalid/3", "no"])
def test_no_failure_to_connect_shows_the_key(
    url: str, client_of: Any, all_logs: pytest.LogCaptureFixture
) -> None:
    with pytest.raises(TmdbError) as caught:
        client_of(url, V3).movie(550)
    assert_hidden(V3, everything_about(caught.value) + all_logs.text)


def test_the_client_does_not_show_the_key(tmdb: Any, client_of: Any) -> None:
    client: TmdbClient = client_of(tmdb.url.replace("//", "//user:SENTINEL@"), V3)
    with client:
        assert_hidden(V3, f"{client!r} {client} {vars(client)}")
    assert repr(client).startswith("TmdbClient('127.0.0.1:")
