"""The whole fit on made-up people who like films by genre and time, and nothing else."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from movie_assets.recommender import Weights, fit_features, load_weights, nearest_neighbours
from movie_assets.recommender.evaluation.ratings import Ratings, split_people
from movie_assets.recommender.evaluation.truth import co_liked_truth
from movie_assets.recommender.films import film_frame
from movie_assets.recommender.fitting import fit
from movie_assets.recommender.fitting.fit import fit_weights
from movie_assets.recommender.weights import FIELDS, save_weights
from movie_assets.recommender.weights import load_weights as load

N_FILMS, N_PEOPLE, LIKES = 120, 160, 25
#: So many different films a list hold the lists of the few films here in the dial's middle.
BREADTH = 1.5
GENRES = ("Drama", "Comedy", "Crime", "Western")


def films() -> pd.DataFrame:
    random = np.random.default_rng(0)
    genres = np.arange(N_FILMS) % len(GENRES)
    return film_frame(
        pd.DataFrame(
            {
                "id": np.arange(1, N_FILMS + 1),
                "overview": [
                    " ".join(f"word{i}" for i in random.integers(0, 30, 6)) for _ in range(N_FILMS)
                ],
                "genres": [[GENRES[genre]] for genre in genres],
                "keywords": [[f"keyword {i}"] for i in random.integers(0, 20, N_FILMS)],
                "original_language": "en",
                "release_date": [f"{year}-01-01" for year in random.integers(1960, 2020, N_FILMS)],
                "vote_count": random.integers(10, 5000, N_FILMS),
                "vote_average": 6.5,
            }
        )
    )


def ratings(catalogue: pd.DataFrame, fame: float = 0.0, likes: int = LIKES) -> Ratings:
    """Everybody likes films of one genre, by votes to a power; the seconds go up by one."""
    random = np.random.default_rng(1)
    of_genre = [np.flatnonzero(np.arange(N_FILMS) % len(GENRES) == g) for g in range(len(GENRES))]
    likely = catalogue["vote_count"].to_numpy() ** fame
    chances = [likely[some] / likely[some].sum() for some in of_genre]
    rows = [
        (person, catalogue["id"][film], 5.0)
        for person in range(N_PEOPLE)
        for film in random.choice(
            of_genre[person % len(GENRES)], likes, replace=False, p=chances[person % len(GENRES)]
        )
    ]
    users, ids, stars = zip(*rows, strict=True)
    return Ratings.of(users, ids, stars, np.arange(len(rows)), catalogue=catalogue["id"])


@pytest.fixture(scope="module")
def fitted() -> Weights:
    catalogue = films()
    return fit_weights(catalogue, ratings(catalogue), load_weights())


def test_what_people_go_by_gets_the_weight(fitted: Weights) -> None:
    assert fitted.fields["genres"] == max(fitted.fields.values()) == 1.0
    assert fitted.fields["genres"] > 5 * fitted.fields["keywords"]
    assert fitted.fields["genres"] > 5 * fitted.fields["text"]


def films_a_list(weights: Weights, people: Ratings) -> float:
    """How many different films there are in the lists, by the films that either half asks about."""
    features = fit_features(films(), weights)
    n_films = n_lists = 0
    for half in split_people(people, seed=0):
        seeds = co_liked_truth(half, features.n_movies).seeds
        found = nearest_neighbours(features, weights, 10, rows=seeds)
        n_films += len(np.unique(found.columns))
        n_lists += len(seeds)
    return n_films / n_lists


@pytest.mark.no_cover
def test_the_published_middle_of_the_dial_is_as_narrow_as_lists_may_be(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(fit, "BREADTH", BREADTH)
    catalogue = films()
    people = ratings(catalogue, fame=1.0, likes=12)
    fitted = fit_weights(catalogue, people, load_weights())
    assert 0.3 < fitted.popularity < 0.98, "there was something to choose from"
    assert films_a_list(fitted, people) >= BREADTH
    narrower = fitted.model_copy(update={"popularity": fitted.popularity + 0.02})
    assert films_a_list(narrower, people) < BREADTH


def test_what_it_was_fitted_on_is_said(fitted: Weights) -> None:
    said = fitted.fitted_on
    assert (said["people"], said["ratings"], said["films"]) == (N_PEOPLE, N_PEOPLE * LIKES, N_FILMS)
    assert said["gains"]["fields.genres"] > 0.2
    assert said["held_out"]["ndcg_at_10"] > 0.5
    assert set(said["gains"]) >= {f"fields.{name}" for name in FIELDS if fitted.fields[name] > 0}


def test_a_field_that_no_film_has_keeps_its_proportion(fitted: Weights) -> None:
    bundled = load_weights()
    ratio = bundled.fields["writers"] / bundled.fields["directors"]
    assert fitted.fields["writers"] == pytest.approx(fitted.fields["directors"] * ratio, rel=1e-3)


@pytest.mark.no_cover
def test_the_same_ratings_give_the_same_file(
    fitted: Weights, tmp_path: pytest.TempPathFactory
) -> None:
    catalogue = films()
    again = fit_weights(catalogue, ratings(catalogue), load_weights())
    assert again == fitted
    path = tmp_path / "weights.json"  # type: ignore[operator]
    save_weights(again, path)
    assert load(path) == fitted


def test_people_who_say_nothing_are_refused() -> None:
    catalogue = films()
    nobody = ratings(catalogue).where(slice(0, 20))
    with pytest.raises(ValueError, match="no film is liked by 10 people"):
        fit_weights(catalogue, nobody, load_weights())


def test_between_two_halves() -> None:
    bundled = load_weights()

    def half(text: float, years: float, **genres: float) -> Weights:
        closeness = bundled.closeness.model_copy(update={"years": years})
        fields = bundled.fields | {"text": text, "decade": 0.0}
        changed = {"fields": fields, "closeness": closeness, "genres": genres}
        return bundled.model_copy(update=changed)

    found = fit._between([half(0.2, 0.8, War=4.0), half(0.8, 1.2, Horror=0.25)])
    assert found.fields["text"] == pytest.approx(0.4)
    assert found.fields["decade"] == 0, "what was dropped stays so"
    assert found.closeness.years == pytest.approx(1.0)
    assert found.genres == {"Horror": 0.5, "War": 2.0}
    assert found.prior == bundled.prior
