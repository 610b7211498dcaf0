"""The shorter way to two questions answers, byte for byte, what the routes answer."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest

from movie_assets.serving.api import ServingSettings, app, create_app
from movie_assets_tests.api_server import AppClient, started
from movie_assets_tests.snapshots import write_small_snapshot


class Nothing:
    """In place of the shorter way: everything goes to the routes."""

    def __new__(cls, application: object) -> object:  # type: ignore[misc]
        return application


@pytest.fixture(scope="module")
def both(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[AppClient, AppClient]]:
    """With the shorter way, and without."""
    folder = tmp_path_factory.mktemp("published")
    write_small_snapshot(folder, 60)
    settings = ServingSettings(published_dir=Path(folder), access_log=False)
    with pytest.MonkeyPatch.context() as patch, started(create_app(settings)) as fast:
        patch.setattr(app, "FastPath", Nothing)
        with started(create_app(settings)) as routes:
            yield fast, routes


def same(both: tuple[AppClient, AppClient], method: str, path: str, **sent: object) -> int:
    """The status of both answers, which must be the same in everything but their ids."""
    headers = {"x-request-id": "same", **sent.pop("headers", {})}  # type: ignore[dict-item]
    answers = [client.request(method, path, headers=headers, **sent) for client in both]  # type: ignore[arg-type]
    first, second = answers
    assert first.status_code == second.status_code
    assert first.content == second.content
    assert dict(first.headers) == dict(second.headers)
    return int(first.status_code)


def test_films_most_like_one(both: tuple[AppClient, AppClient]) -> None:
    films = both[0].get("/v1/movies?q=the&limit=20").json()["movies"]
    assert len(films) > 5
    for film in films:
        for query in ("", "?limit=1", "?limit=10", "?limit=100"):
            assert same(both, "GET", f"/v1/movies/{film['id']}/similar{query}") == 200


@pytest.mark.parametrize(
    ("path", "status"),
    [
        ("/v1/movies/5/similar", 404),
        ("/v1/movies/0/similar", 422),
        ("/v1/movies/٩/similar", 422),
        ("/v1/movies/99999999999/similar", 404),
        ("{film}?limit=0", 422),
        ("{film}?limit=101", 422),
        ("{film}?limit=010", 200),
        ("{film}?limit=5&limit=6", 200),
        ("{film}?limit=5&offset=2", 200),
        ("{film}?limit=5&popularity=0.5", 200),
        ("{film}?limit=%35", 200),
        ("{film}?", 200),
        ("{film}/", 404),
    ],
)
def test_what_is_not_plain(both: tuple[AppClient, AppClient], path: str, status: int) -> None:
    film = both[0].get("/v1/movies?q=the").json()["movies"][0]["id"]
    assert same(both, "GET", path.format(film=f"/v1/movies/{film}/similar")) == status


@pytest.mark.parametrize(
    ("body", "status"),
    [
        (b'{"movie": "TITLE"}', 200),
        (b'{"movie": "TITLE", "num_rec": 3}', 200),
        (b'{"num_rec": 3, "movie": "  title ", "stop_words": "english"}', 200),
        (b'{"movie": "TITLE", "num_rec": 100}', 200),
        (b'{"movie": "TITLE", "num_rec": 101}', 422),
        (b'{"movie": "TITLE", "num_rec": 0}', 422),
        (b'{"movie": "TITLE", "num_rec": 3.5}', 422),
        (b'{"movie": "TITLE", "num_rec": true}', 422),
        (b'{"movie": "TITLE", "num_rec": null}', 422),
        (b'{"movie": "TITLE", "movie": "nothing at all like it"}', 404),
        (b'{"movie": "nothing at all like it"}', 404),
        (b'{"movie": ""}', 422),
        (b'{"movie": "   "}', 422),
        (b'{"movie": "a\\u0000b"}', 422),
        (b'{"movie": "\\ud83d\\ude00"}', 404),
        (b'{"movie": "' + b"x" * 301 + b'"}', 422),
        (b'{"movie": "' + "é".encode() * 300 + b'"}', 404),
        (b'{"movie": 5}', 422),
        (b"{}", 422),
        (b"[]", 422),
        (b"", 400),
        (b'{"movie": "TITLE"', 400),
        (b'{"movie": NaN}', 422),
        (b'\xef\xbb\xbf{"movie": "TITLE"}', 400),
        (b'{"movie": "TITLE"}' + b" " * 3000, 200),
    ],
)
@pytest.mark.parametrize("kind", ["application/json", "application/json; charset=utf-8"])
def test_films_by_title(
    both: tuple[AppClient, AppClient], body: bytes, status: int, kind: str
) -> None:
    title = both[0].get("/v1/movies?q=the").json()["movies"][0]["title"]
    sent = body.replace(b"TITLE", title.encode()).replace(b"title", title.lower().encode())
    headers = {"content-type": kind}
    assert same(both, "POST", "/recommendations/", content=sent, headers=headers) == status


def test_a_body_in_parts_and_of_another_type(both: tuple[AppClient, AppClient]) -> None:
    title = both[0].get("/v1/movies?q=the").json()["movies"][0]["title"]
    json = {"content-type": "application/json"}
    for client in both:

        async def parts() -> AsyncIterator[bytes]:
            for part in (b'{"movie": ', b'"%b"' % title.encode(), b"}"):
                yield part

        answer = client.request("POST", "/recommendations/", content=parts(), headers=json)
        assert answer.status_code == 200
    assert same(both, "POST", "/recommendations/", content=b"{}") == 422
    text = {"content-type": "text/plain"}
    assert same(both, "POST", "/recommendations/", content=b"{}", headers=text) == 415


def test_what_is_known_already_and_what_is_compressed(both: tuple[AppClient, AppClient]) -> None:
    film = both[0].get("/v1/movies?q=the").json()["movies"][0]["id"]
    path = f"/v1/movies/{film}/similar?limit=10"
    etag = both[0].get(path).headers["etag"]
    assert same(both, "GET", path, headers={"if-none-match": etag}) == 304
    assert same(both, "GET", path, headers={"accept-encoding": "identity"}) == 200
    assert same(both, "HEAD", path) == 200
