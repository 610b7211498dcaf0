"""Our own API: films, lists and tastes, and what is said of questions that cannot be answered."""

from __future__ import annotations

import json
from typing import Any

import httpx
import pytest

from movie_assets.serving.api.models import (
    FilmFull,
    FilmsFound,
    Imported,
    ProblemTold,
    SimilarFilms,
    TasteAnswered,
)
from movie_assets_tests.api_server import ApiServer

LETTERBOXD = (
    "Date,Name,Year,Letterboxd URI,Rating\n"
    "2024-05-01,Heat,1995,https://boxd.it/2a3c,4.5\n"
    "2024-05-02,No Such Film at All,1995,https://boxd.it/2a3d,4.5\n"
)


def problem(response: httpx.Response, status: int) -> dict[str, Any]:
    """The problem details of an answer, which must be of this status."""
    assert response.status_code == status, response.text
    assert response.headers["content-type"] == "application/problem+json"
    assert response.headers["cache-control"] == "no-store"
    document: dict[str, Any] = response.json()
    ProblemTold.model_validate(document)
    assert document["status"] == status
    assert document["request_id"] == response.headers["x-request-id"]
    return document


def test_a_film(client: httpx.Client) -> None:
    film = FilmFull.model_validate_json(client.get("/v1/movies/949").content, strict=True)
    assert (film.title, film.year, film.imdb_id) == ("Heat", 1995, "tt0113277")
    assert film.directors == ["Michael Mann"]


def test_search_by_the_beginning_of_a_title(client: httpx.Client) -> None:
    response = client.get("/v1/movies", params={"q": "spirited aw", "limit": 3})
    found = FilmsFound.model_validate_json(response.content, strict=True)
    assert found.movies[0].title == "Spirited Away"
    assert len(found.movies) <= 3


def test_the_films_most_like_one(client: httpx.Client) -> None:
    response = client.get("/v1/movies/949/similar", params={"limit": 4})
    found = SimilarFilms.model_validate_json(response.content, strict=True)
    assert [one.rank for one in found.recommendations] == [1, 2, 3, 4]
    assert all(0 < one.score <= 1 for one in found.recommendations)
    assert all(set(one.parts) >= {"content", "closeness", "prior"} for one in found.recommendations)
    assert any(one.reasons for one in found.recommendations)


def test_pages_of_a_list_fit_together(client: httpx.Client) -> None:
    for wishes in ({}, {"popularity": 0.2}):
        whole = client.get("/v1/movies/949/similar", params={"limit": 8, **wishes}).json()
        second = client.get(
            "/v1/movies/949/similar", params={"limit": 4, "offset": 4, **wishes}
        ).json()
        assert second["recommendations"] == whole["recommendations"][4:]


def test_filters_and_dials(client: httpx.Client) -> None:
    asked = {
        "from_year": 1980,
        "to_year": 1999,
        "genres": ["drama"],
        "without_genres": ["Romance"],
        "languages": ["en"],
        "min_votes": 500,
        "min_rating": 6.5,
        "min_runtime": 90,
        "max_runtime": 200,
        "popularity": 0.3,
        "diversity": 0.4,
        "limit": 20,
    }
    found = client.get("/v1/movies/949/similar", params=asked).json()["recommendations"]
    assert found
    for film in (one["movie"] for one in found):
        assert 1980 <= film["year"] <= 1999
        assert "Drama" in film["genres"]
        assert "Romance" not in film["genres"]
        assert film["language"] == "en"
        assert film["vote_count"] >= 500
        assert film["vote_average"] >= 6.5
        assert 90 <= film["runtime"] <= 200


def test_the_popularity_dial_changes_what_is_found(client: httpx.Client) -> None:
    def votes(popularity: float) -> float:
        answer = client.get("/v1/movies/949/similar", params={"popularity": popularity}).json()
        return sum(one["movie"]["vote_count"] for one in answer["recommendations"])

    assert votes(0.0) < votes(1.0)


def test_films_for_a_taste(client: httpx.Client) -> None:
    asked = {
        "liked": [{"id": 949}, {"title": "spirited away", "year": 2001}],
        "disliked": [{"imdb_id": "tt0076759"}],
        "rated": [{"title": "Alien", "stars": 4.5, "at": 1714521600}],
        "seen": [{"id": 680}],
        "limit": 20,
    }
    response = client.post("/v1/recommendations", json=asked)
    answer = TasteAnswered.model_validate_json(response.content, strict=True)
    assert answer.films_used == 5
    assert answer.unresolved == []
    named = {949, 129, 11, 348, 680}
    assert not named & {one.movie.id for one in answer.recommendations}
    assert {film.id for one in answer.recommendations for film in one.because} <= {949, 129, 348}
    assert len(answer.recommendations) == 20
    assert response.headers["cache-control"] == "no-store"


def test_films_that_are_not_known_are_told_and_the_others_count(client: httpx.Client) -> None:
    misnamed = [{"title": "Heaat"}, {"id": 5}, {"title": "Alien", "year": 1950}]
    asked = {"liked": [{"id": 949}, *misnamed]}
    answer = client.post("/v1/recommendations", json=asked).json()
    assert answer["films_used"] == 1
    told = {one["where"]: one for one in answer["unresolved"]}
    assert set(told) == {"liked.1", "liked.2", "liked.3"}
    assert {one["problem"] for one in told.values()} == {"unknown"}
    assert told["liked.1"]["candidates"] == [{"id": 949, "title": "Heat", "year": 1995}]
    assert told["liked.3"]["asked"] == "Alien (1950)"
    assert told["liked.3"]["candidates"] == [{"id": 348, "title": "Alien", "year": 1979}]


def test_of_an_ambiguous_title_the_best_known_is_taken_and_all_are_named(
    client: httpx.Client, server: ApiServer
) -> None:
    from movie_assets_tests.snapshots import bundled_films  # noqa: PLC0415

    titles = bundled_films()[:200]["title"].to_pylist()
    twice = next((title for title in titles if titles.count(title) > 1), None)
    if twice is None:
        pytest.skip("no two of the films have one title")
    answer = client.post("/v1/recommendations", json={"liked": [{"title": twice}]}).json()
    assert answer["films_used"] == 1
    assert answer["unresolved"][0]["problem"] == "ambiguous"
    assert len(answer["unresolved"][0]["candidates"]) > 1


def test_a_taste_without_a_liked_film_says_so(client: httpx.Client) -> None:
    for asked in ({}, {"disliked": [{"id": 949}]}, {"liked": [{"title": "No Such Film at All"}]}):
        told = problem(client.post("/v1/recommendations", json=asked), 422)
        assert told["type"] == "urn:movie-assets:problem:empty-taste"
        assert "Name at least one film" in told["detail"]


@pytest.mark.parametrize("way", ["form", "body"])
def test_an_export_becomes_a_profile_that_is_taken(client: httpx.Client, way: str) -> None:
    if way == "form":
        response = client.post("/v1/import", files={"file": ("ratings.csv", LETTERBOXD)})
    else:
        response = client.post(
            "/v1/import",
            params={"filename": "ratings.csv"},
            content=LETTERBOXD,
            headers={"content-type": "text/csv"},
        )
    assert response.status_code == 200, response.text
    imported = Imported.model_validate_json(response.content, strict=True)
    assert imported.format == "letterboxd"
    assert imported.files == ["ratings.csv"]
    assert [film.id for film in imported.matched] == [949]
    assert [row.film for row in imported.unmatched] == ["No Such Film at All (1995)"]
    answer = client.post("/v1/recommendations", json=response.json()["profile"])
    assert answer.status_code == 200
    assert answer.json()["recommendations"]


def test_a_file_that_is_no_export(client: httpx.Client) -> None:
    told = problem(client.post("/v1/import", files={"file": ("x.csv", "a,b\n1,2\n")}), 422)
    assert told["type"] == "urn:movie-assets:problem:unreadable-export"
    assert (
        "field 'file'"
        in problem(client.post("/v1/import", files={"other": ("x.csv", LETTERBOXD)}), 422)["detail"]
    )
    problem(client.post("/v1/import", data={"file": LETTERBOXD}), 415)
    problem(client.post("/v1/import", content=b""), 422)
    broken = {"content-type": "multipart/form-data; boundary=x"}
    problem(client.post("/v1/import", content=b"--y\r\n\r\nbroken", headers=broken), 400)
    no_boundary = {"content-type": "multipart/form-data"}
    problem(client.post("/v1/import", content=b"broken", headers=no_boundary), 400)


@pytest.mark.parametrize(
    ("path", "status", "says"),
    [
        ("/v1/movies/5", 404, "There is no film 5"),
        ("/v1/movies/9223372036854775808", 404, "There is no film 9223372036854775808"),
        ("/v1/movies/0", 422, "greater than or equal to 1"),
        ("/v1/movies/-1", 422, "greater than or equal to 1"),
        ("/v1/movies/heat", 422, "valid integer"),
        ("/v1/movies/1e3", 422, "valid integer"),
        ("/v1/movies/" + "9" * 5000, 422, "integer"),
        ("/v1/movies/9%00", 422, "integer"),
        ("/v1/movies/949/similar?limit=0", 422, "query limit"),
        ("/v1/movies/949/similar?limit=-1", 422, "query limit"),
        ("/v1/movies/949/similar?limit=1000000000", 422, "less than or equal to 100"),
        ("/v1/movies/949/similar?limit=ten", 422, "query limit"),
        ("/v1/movies/949/similar?limit=", 422, "query limit"),
        ("/v1/movies/949/similar?offset=-1", 422, "query offset"),
        ("/v1/movies/949/similar?popularity=nan", 422, "query popularity"),
        ("/v1/movies/949/similar?diversity=inf", 422, "query diversity"),
        ("/v1/movies/949/similar?min_rating=nan", 422, "query min_rating"),
        ("/v1/movies/949/similar?popularity=1.01", 422, "query popularity"),
        ("/v1/movies/949/similar?genres=Dramma", 422, "There are: Action"),
        ("/v1/movies/949/similar?languages=xx", 422, "No film is of the language 'xx'"),
        ("/v1/movies/949/similar?min_vote=5", 422, "query min_vote"),
        ("/v1/movies/5/similar", 404, "There is no film 5"),
        ("/v1/movies", 422, "query q"),
        ("/v1/movies?q=", 422, "query q"),
        ("/v1/movies?q=%20%20", 422, "query q"),
        ("/v1/movies?q=he%00at", 422, "query q"),
        ("/v1/movies?q=" + "x" * 10_000, 422, "at most 200 characters"),
        ("/v1/movies?q=%ff%fe", 200, ""),
        ("/v1/movies?q=heat&limit=0", 422, "query limit"),
        ("/v1/nothing", 404, "nothing at this address"),
        ("/v1/movies/949/similar/", 404, "nothing at this address"),
        ("/../../etc/passwd", 404, "nothing at this address"),
    ],
)
def test_questions_that_cannot_be_answered(
    client: httpx.Client, path: str, status: int, says: str
) -> None:
    response = client.get(path)
    if status == 200:
        assert response.status_code == 200
    else:
        assert says in problem(response, status)["detail"]
    assert client.get("/v1/movies/949").status_code == 200


@pytest.mark.parametrize(
    ("body", "status", "says"),
    [
        (b"", 400, "no JSON"),
        (b"{", 400, "no JSON"),
        (b"\xff\xfe", 400, "no JSON"),
        (b"[" * 100_000, 400, "recursion limit"),
        (b'{"liked": ' * 100_000, 400, "no JSON"),
        (b"null", 422, "body"),
        (b"[]", 422, "body"),
        (b'"Heat"', 422, "body"),
        (b'{"liked": "Heat"}', 422, "body liked"),
        (b'{"liked": [{"id": "949"}]}', 422, "body liked.0.id"),
        (b'{"liked": [{"id": 9223372036854775808}]}', 422, "body liked.0.id"),
        (b'{"liked": [{"id": 0}]}', 422, "body liked.0.id"),
        (b'{"liked": [{"id": 949, "name": "Heat"}]}', 422, "body liked.0.name"),
        (b'{"liked": [{}]}', 422, "Name the film"),
        (b'{"liked": [{"title": ""}]}', 422, "body liked.0.title"),
        (b'{"liked": [{"title": "He\\u0000at"}]}', 422, "body liked.0.title"),
        (b'{"liked": [{"title": "\\ud800"}]}', 400, "no JSON"),
        (b'{"rated": [{"id": 949, "stars": NaN}]}', 422, "body rated.0.stars"),
        (b'{"rated": [{"id": 949, "stars": 1e999}]}', 422, "body rated.0.stars"),
        (b'{"rated": [{"id": 949, "stars": 6}]}', 422, "body rated.0.stars"),
        (b'{"rated": [{"id": 949, "stars": 5, "at": Infinity}]}', 422, "body rated.0.at"),
        (b'{"liked": [{"id": 949}], "limit": 1e9}', 422, "body limit"),
        (b'{"liked": [{"id": 949}], "limit": true}', 422, "body limit"),
        (b'{"liked": [{"id": 949}], "genres": ["Dramma"]}', 422, "There are: Action"),
        (b'{"liked": [{"id": 949}], "disliked": [{"id": 949}]}', 422, "both liked and disliked"),
        (b'{"likes": [{"id": 949}]}', 422, "body likes"),
    ],
)
def test_bodies_that_cannot_be_used(
    client: httpx.Client, body: bytes, status: int, says: str
) -> None:
    response = client.post(
        "/v1/recommendations", content=body, headers={"content-type": "application/json"}
    )
    assert says.lower() in problem(response, status)["detail"].lower()
    assert len(response.content) < 5000
    assert client.get("/v1/movies/949").status_code == 200


@pytest.mark.parametrize("path", ["/v1/recommendations", "/recommendations/"])
def test_a_body_of_another_type(client: httpx.Client, path: str) -> None:
    body = json.dumps({"movie": "Heat", "liked": [{"id": 949}]})
    for kind in ("text/plain", "application/x-www-form-urlencoded", "multipart/form-data", "x"):
        told = problem(client.post(path, content=body, headers={"content-type": kind}), 415)
        assert "Content-Type: application/json" in told["detail"]
    is_tutorial = path == "/recommendations/"
    good = json.dumps({"movie": "Heat"} if is_tutorial else {"liked": [{"id": 949}]})
    for kind in ("application/json; charset=utf-8", "Application/JSON", "application/x+json"):
        sent = client.post(path, content=good, headers={"content-type": kind})
        assert sent.status_code == 200, sent.text
    assert client.post(path, content=good).status_code == 200  # of no type


def test_methods_that_are_not_taken(client: httpx.Client) -> None:
    for method, path in (("DELETE", "/v1/movies/949"), ("GET", "/v1/import"), ("PUT", "/")):
        response = client.request(method, path)
        problem(response, 405)
        assert response.headers["allow"]


def test_head_is_as_get_without_the_body(client: httpx.Client) -> None:
    for path in ("/v1/movies/949", "/v1/movies/949/similar", "/ready"):
        got, headed = client.get(path), client.head(path)
        assert headed.status_code == 200
        assert headed.content == b""
        if path != "/ready":  # whose age grows
            assert headed.headers["content-length"] == str(len(got.content)) or (
                headed.headers.get("content-encoding") == "gzip"
            )


def test_html_and_script_in_what_was_asked_comes_back_as_json_only(client: httpx.Client) -> None:
    response = client.get("/v1/movies", params={"q": "<script>alert(1)</script>"})
    assert response.headers["content-type"] == "application/json"
    assert response.headers["x-content-type-options"] == "nosniff"
    response = client.post("/recommendations/", json={"movie": "<script>alert(1)</script>"})
    assert problem(response, 404)
