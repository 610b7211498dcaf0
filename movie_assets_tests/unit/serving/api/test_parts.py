"""Small parts of the API by themselves: who wants HTML, keys, rates, addresses, problems."""

from __future__ import annotations

import base64
from typing import Any

import pytest
from starlette.requests import Request

from movie_assets.serving.api import guard, protocol
from movie_assets.serving.api.gate import _takes_gzip
from movie_assets.serving.api.problems import Problem, invalid, problem_response
from movie_assets.serving.api.telling import wants_html
from movie_assets.serving.api.work import Workers


def request(accept: str | None) -> Request:
    headers = [] if accept is None else [(b"accept", accept.encode())]
    return Request({"type": "http", "headers": headers, "path": "/"})


@pytest.mark.parametrize(
    ("accept", "expected"),
    [
        (None, False),
        ("", False),
        ("*/*", False),
        ("application/json", False),
        ("text/html", True),
        ("Text/HTML", True),
        ("text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8", True),
        ("application/json, text/html", True),
        ("application/json, text/html;q=0.9", False),
        ("text/html;q=0", False),
        ("text/html;q=nonsense", False),
        ("application/xhtml+xml", True),
    ],
)
def test_who_wants_html(accept: str | None, expected: bool) -> None:
    assert wants_html(request(accept)) is expected


@pytest.mark.parametrize(
    ("accepted", "expected"),
    [
        (b"", False),
        (b"gzip", True),
        (b"GZIP;q=1.0", True),
        (b"deflate, br", False),
        (b"br, *", True),
        (b"gzip;q=0", False),
        (b"gzip; q=0.0, br", False),
    ],
)
def test_who_takes_gzip(accepted: bytes, expected: bool) -> None:
    assert _takes_gzip(accepted) is expected


def test_keys() -> None:
    assert not guard.Keys([])
    keys = guard.Keys(["one-key", "another-key"])
    assert keys
    assert keys.found({b"x-api-key": b"another-key"}) == "key 1"
    assert keys.found({b"authorization": b"Bearer one-key"}) == "key 0"
    basic = base64.b64encode(b"me:one-key")
    assert keys.found({b"authorization": b"Basic " + basic}) == "key 0"
    assert keys.found({}) is None
    assert keys.found({b"x-api-key": b"one-ke"}) is None
    assert keys.found({b"x-api-key": b"\xff\xfe"}) is None
    assert keys.found({b"authorization": b"Digest one-key"}) is None


def test_rates_are_counted_for_each() -> None:
    rate = guard.Rate("2/hour")
    assert rate.problem("one") is None
    assert rate.problem("one") is None
    assert rate.problem("other") is None
    refused = rate.problem("one")
    assert refused is not None
    assert refused.status == 429
    assert 1 <= int(refused.headers["retry-after"]) <= 3600


@pytest.mark.parametrize(
    ("client", "expected"),
    [
        (("192.0.2.7", 5000), "192.0.2.7"),
        (("2001:db8:1:2:3:4:5:6", 5000), "2001:db8:1:2::/64"),
        (("2001:db8:1:2::9", 5000), "2001:db8:1:2::/64"),
        (("a name", 0), "a name"),
        (None, "unknown"),
    ],
)
def test_what_an_address_is_counted_by(client: Any, expected: str) -> None:
    assert guard._address({"client": client}) == expected


def test_a_problem_names_what_is_wrong_and_stays_short() -> None:
    errors = [
        {"loc": ("query", "x" * 1000), "msg": "Value error, " + "y" * 1000} for _ in range(50)
    ]
    problem = invalid(errors)
    assert problem.status == 422
    assert "and 49 more" in problem.detail
    assert len(problem.more["errors"]) == 20
    assert len(problem_response(problem, "id").body) < 20_000
    assert invalid([{"loc": ("liked", 0), "msg": "no"}], "body").detail == "body liked.0: no."


def test_a_problem_can_be_written_whatever_a_client_called_a_field() -> None:
    body = problem_response(invalid([{"loc": ("\ud800",), "msg": "no"}], "body"), None).body
    assert b'"name":"?"' in bytes(body)


async def _fill(workers: Workers) -> list[str]:
    import asyncio  # noqa: PLC0415
    import threading  # noqa: PLC0415

    gate = threading.Event()
    asked = [asyncio.create_task(workers.do(gate.wait, 10)) for _ in range(4)]
    await asyncio.sleep(0.1)
    try:
        await workers.do(lambda: None)
    except Problem as problem:
        told = [problem.detail, problem.headers["retry-after"]]
    else:
        told = []
    gate.set()
    assert await asyncio.gather(*asked) == [True] * 4
    return told


def test_work_beyond_the_queue_is_told_to_come_back() -> None:
    import asyncio  # noqa: PLC0415

    assert asyncio.run(_fill(Workers(1, 3))) == [
        "The server has too much to do. Ask again in a second.", "1",
    ]  # fmt: skip


def test_what_the_protocol_says_by_itself_is_a_problem_too() -> None:
    said = protocol._problem(408, "Too slow.")
    head, body = said.split(b"\r\n\r\n")
    assert head.startswith(b"HTTP/1.1 408 Request Timeout\r\n")
    assert b"content-length: %d" % len(body) in head
    assert b'"status":408' in body
