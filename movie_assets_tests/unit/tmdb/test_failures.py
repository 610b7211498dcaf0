"""Failures that a real connection does not easily show; the others are integration tests."""

from __future__ import annotations

import json
import ssl

import pytest
import requests
import urllib3

from movie_assets.tmdb import (
    ConnectionFailedError,
    InvalidKeyError,
    InvalidRequestError,
    MalformedBodyError,
    MissingKeyError,
    RequestFailedError,
    RequestTimeoutError,
    ServerError,
    Timeouts,
    TlsError,
    TmdbError,
)
from movie_assets.tmdb.failures import failure_of, host_of, parse_json, refusal
from movie_assets.tmdb.transport import Credentials


def wrapped(inner: Exception) -> requests.ConnectionError:
    return requests.ConnectionError(urllib3.exceptions.ProtocolError("aborted: api_key=K", inner))


@pytest.mark.parametrize(
    ("error", "kind"),
    [
        (requests.exceptions.SSLError(ssl.SSLEOFError(8, "EOF")), ConnectionFailedError),
        (requests.exceptions.SSLError(ssl.SSLError(1, "WRONG_VERSION_NUMBER")), TlsError),
        (wrapped(ConnectionResetError(104, "reset")), ConnectionFailedError),
        (wrapped(TimeoutError()), RequestTimeoutError),
        (requests.exceptions.ContentDecodingError(urllib3.exceptions.DecodeError("z")),
         MalformedBodyError),
        (OSError(101, "Network is unreachable"), RequestFailedError),
        (requests.exceptions.ProxyError("x"), ConnectionFailedError),
        (requests.TooManyRedirects("30 redirects"), RequestFailedError),
        (requests.exceptions.InvalidURL("http://x/?api_key=K"), RequestFailedError),
    ],
)  # fmt: skip
def test_every_exception_has_a_type(error: Exception, kind: type[TmdbError]) -> None:
    problem = failure_of(error, "api.example", Timeouts())
    assert type(problem) is kind
    assert "api_key" not in str(problem)
    assert "\n" not in str(problem)


def test_an_exception_that_wraps_itself_is_no_trap() -> None:
    error = requests.ConnectionError()
    error.args = (error,)
    assert isinstance(failure_of(error, "h", Timeouts()), ConnectionFailedError)


@pytest.mark.parametrize(
    ("status", "kind"),
    [(400, InvalidRequestError), (405, InvalidRequestError), (422, InvalidRequestError),
     (403, InvalidKeyError), (408, RequestTimeoutError), (500, ServerError), (599, ServerError)],
)  # fmt: skip
@pytest.mark.parametrize("body", [b"", b"[]", b"[" * 5000, b'{"status_code": "x"}', b"<html>"])
def test_every_status_has_a_type(status: int, kind: type[TmdbError], body: bytes) -> None:
    problem = refusal(status, body, host="h", path="/p", location="", redact=str)
    assert type(problem) is kind
    assert problem.status == status
    assert f"(HTTP {status})" in str(problem)


def test_what_the_server_says_is_one_line_and_keeps_no_key() -> None:
    body = b'{"status_code": 22, "errors": ["page\\n must be", "less {x}"]}'
    problem = refusal(422, body, host="h", path="/p", location="", redact=lambda t: t.upper())
    assert problem.tmdb_code == 22
    assert "LESS {X}" in str(problem)
    assert "\n" not in str(problem)


def test_of_what_the_server_says_as_much_as_helps_is_shown() -> None:
    body = json.dumps({"status_message": "\x1b[31mNo\x00 " + "x" * 5000}).encode()
    problem = refusal(500, body, host="h", path="/p", location="", redact=str)
    assert problem.said is not None
    assert problem.said.startswith("[31mNo xxx")
    assert problem.said.endswith("x…")
    assert len(problem.said) == 200
    assert str(problem).isprintable()


def test_the_key_is_taken_out_before_the_end_is_cut_off() -> None:
    key = "0123456789abcdef"
    body = json.dumps({"status_message": "x" * 190 + key[:3] + "\x00" + key[3:]}).encode()
    problem = refusal(
        500, body, host="h", path="/p", location="", redact=lambda text: text.replace(key, "[]")
    )
    assert key[:3] not in str(problem)


@pytest.mark.parametrize("location", ["", "/3/elsewhere", "https://api.example/new", "http://[::1"])
def test_a_redirect_within_the_host_names_it_once(location: str) -> None:
    problem = refusal(301, b"", host="api.example", path="/p", location=location, redact=str)
    assert str(problem).startswith("api.example redirects, which TMDB's API does not do;")
    assert "check TMDB_BASE_URL" in str(problem)


@pytest.mark.parametrize(
    ("body", "words"),
    [
        (b"", "empty"),
        (b" <html></html>", "HTML"),
        (b'{"a": 1', "not JSON"),
        (b"NaN", "not JSON"),
        (b'{"a": -Infinity}', "not JSON"),
        (b"\xff\xfe\xff", "not JSON"),
        (b"[" * 100_000, "not JSON"),
        (b"1" * 10_000, "not JSON"),
    ],
)
def test_only_json_is_json(body: bytes, words: str) -> None:
    with pytest.raises(MalformedBodyError, match=words) as caught:
        parse_json(body, "h")
    assert caught.value.__context__ is None


def test_a_number_beyond_floats_is_kept_as_its_text() -> None:
    assert parse_json(b'{"a": 1e999, "b": 1.5}', "h") == {"a": "1e999", "b": 1.5}


@pytest.mark.parametrize(
    ("url", "host"),
    [
        ("https://user:pw@api.example:8443/3?api_key=K", "api.example:8443"),
        ("https://api.example/3", "api.example"),
        ("http://[::1", "the configured address"),
        ("http://x:99999999", "the configured address"),
        ("", "the configured address"),
    ],
)
def test_of_an_address_only_the_host_is_shown(url: str, host: str) -> None:
    assert host_of(url) == host


@pytest.mark.parametrize("key", ["", "  \n"])
def test_no_key_is_said_with_what_to_do(key: str) -> None:
    with pytest.raises(MissingKeyError, match=r"themoviedb\.org/settings/api .* TMDB_API_KEY"):
        Credentials(key)


@pytest.mark.parametrize("key", ["ab cd", "ab\r\nX: y", "schlüssel", "ab\x00"])
def test_what_cannot_be_a_key_is_refused_without_showing_it(key: str) -> None:
    with pytest.raises(InvalidKeyError) as caught:
        Credentials(key)
    assert key not in str(caught.value)
