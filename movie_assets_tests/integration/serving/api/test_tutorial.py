"""The tutorial's contract: what its own service takes and gives."""

from __future__ import annotations

import httpx
import pytest

from movie_assets.recommender.metrics import rmse


def test_the_greeting_is_a_message(client: httpx.Client) -> None:
    response = client.get("/")
    assert response.status_code == 200
    assert list(response.json()) == ["message"]
    assert response.headers["content-type"] == "application/json"


@pytest.mark.parametrize("title", ["Heat", "heat", "HEAT"])
def test_films_like_the_film_of_a_title(client: httpx.Client, title: str) -> None:
    response = client.post("/recommendations/", json={"movie": title, "num_rec": 5})
    assert response.status_code == 200
    answer = response.json()
    assert list(answer) == ["movie", "recommendations", "metrics"]
    assert answer["movie"] == "heat"
    assert len(answer["recommendations"]) == 5
    assert all(name == name.lower() != "heat" for name in answer["recommendations"])
    assert list(answer["metrics"]) == ["popularity", "vote_avg", "vote_count"]


def test_the_metrics_are_what_they_are_said_to_be(client: httpx.Client) -> None:
    answer = client.post("/recommendations/", json={"movie": "Heat"}).json()
    similar = client.get("/v1/movies/949/similar").json()
    films = [one["movie"] for one in similar["recommendations"]]
    assert answer["recommendations"] == [film["title"].lower() for film in films]
    for name, field in (
        ("popularity", "popularity"),
        ("vote_avg", "vote_average"),
        ("vote_count", "vote_count"),
    ):
        expected = rmse(similar["movie"][field], [film[field] for film in films])
        assert answer["metrics"][name] == pytest.approx(expected, abs=0.0006)


def test_ten_films_unless_a_number_is_asked_for(client: httpx.Client) -> None:
    answer = client.post("/recommendations/", json={"movie": "Heat"}).json()
    assert len(answer["recommendations"]) == 10


def test_what_else_the_tutorial_sends_is_left_alone(client: httpx.Client) -> None:
    asked = {"movie": "Heat", "num_rec": 2, "stop_words": "english"}
    answer = client.post("/recommendations/", json=asked)
    assert len(answer.json()["recommendations"]) == 2


def test_a_slash_at_the_end_may_be_missing(client: httpx.Client) -> None:
    asked = {"movie": "Heat", "num_rec": 2}
    with_slash = client.post("/recommendations/", json=asked)
    assert client.post("/recommendations", json=asked).content == with_slash.content


def test_an_unknown_title_is_not_found_and_one_like_it_is_named(client: httpx.Client) -> None:
    response = client.post("/recommendations/", json={"movie": "Heaat", "num_rec": 5})
    assert response.status_code == 404
    assert "Did you mean Heat (1995)?" in response.json()["detail"]
    assert response.json()["suggestions"][0] == {"id": 949, "title": "Heat", "year": 1995}


def test_a_browser_gets_the_page(client: httpx.Client) -> None:
    browser = "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8"
    response = client.get("/", headers={"accept": browser})
    assert response.headers["content-type"].startswith("text/html")
    assert "Accept" in response.headers.get_list("vary")
    for accepted in ("*/*", "application/json", "application/json, text/html;q=0.5"):
        assert "message" in client.get("/", headers={"accept": accepted}).json()
