"""Films and signals from the warehouse's tables."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import pytest

from movie_assets.film_tables import (
    co_liked_pairs,
    films_of,
    item_weights_of,
    recommended_pairs,
    signals_of,
)
from movie_assets.recommender.weights import Blend

IDS = np.array([10, 20, 30], dtype=np.int32)
GENRES = pd.DataFrame({"id": [28, 80], "name": ["Action", "Crime"]})


def movies(**columns: Any) -> pd.DataFrame:
    films = {
        "id": [20, 10],
        "title": ["Twenty", "Ten"],
        "overview": ["A plot", None],
        "original_language": ["en", "cs"],
        "genre_ids": [[80, 28], []],
        "release_date": [pd.Timestamp(1999, 1, 2), pd.NaT],
        "vote_count": [5, 0],
        "vote_average": [7.5, 0.0],
        "popularity": [2.0, 1.0],
    }
    return pd.DataFrame(films | columns)


def details(*rows: dict[str, Any]) -> pd.DataFrame:
    empty = {
        "id": 0,
        "tagline": None,
        "runtime": None,
        "keywords": [],
        "directors": [],
        "writers": [],
        "actors": [],
        "collection_name": None,
        "recommended_ids": [],
    }
    return pd.DataFrame([empty | row for row in rows], columns=list(empty))


def co_liked(*rows: tuple[int, int, float]) -> pd.DataFrame:
    return pd.DataFrame(rows, columns=["movie_id", "neighbour_id", "score"])


# -- films --------------------------------------------------------------------------------------


def test_films_with_their_details() -> None:
    found = films_of(
        movies(),
        GENRES,
        details(
            {"id": 20, "keywords": ["heist"], "actors": ["Ann"], "collection_name": "Tales"},
            {"id": 10, "tagline": "So.", "runtime": 90},
        ),
    )
    assert found["id"].tolist() == [10, 20]
    assert found["genres"].tolist() == [[], ["Crime", "Action"]]
    assert found["keywords"].tolist() == [[], ["heist"]]
    assert found["actors"].tolist() == [[], ["Ann"]]
    assert found["collection"].tolist() == [None, "Tales"]
    assert found["tagline"].tolist() == ["So.", None]
    assert found["runtime"].tolist() == [90, 0]
    assert found["year"].fillna(0).tolist() == [0, 1999]
    assert found["vote_count"].tolist() == [0, 5]
    assert found["overview"].tolist() == [None, "A plot"]


def test_a_film_without_details_lacks_just_these() -> None:
    without = films_of(movies(), GENRES, details())
    assert without["id"].tolist() == [10, 20]
    assert without["genres"].tolist() == [[], ["Crime", "Action"]]
    for name in ("keywords", "directors", "writers", "actors"):
        assert without[name].tolist() == [[], []]
    assert without["collection"].tolist() == [None, None]


def test_a_genre_that_is_not_known_is_left_out() -> None:
    found = films_of(movies(genre_ids=[[99, 80], [99]]), GENRES, details())
    assert found["genres"].tolist() == [[], ["Crime"]]


def test_details_of_a_film_twice_are_refused() -> None:
    """Else its row would be there twice."""
    with pytest.raises(pd.errors.MergeError):
        films_of(movies(), GENRES, details({"id": 20}, {"id": 20}))


# -- signals ------------------------------------------------------------------------------------


def test_co_liked_pairs_of_our_films_alone() -> None:
    table = co_liked((10, 30, 0.5), (30, 10, 0.25), (10, 99, 1.0), (5, 10, 1.0), (99, 5, 1.0))
    pairs = co_liked_pairs(IDS, table)
    assert pairs.toarray().tolist() == [[0, 0, 0.5], [0, 0, 0], [0.25, 0, 0]]
    assert pairs.dtype == np.float32


def test_recommendations_count_less_the_later_they_come() -> None:
    table = details(
        {"id": 20, "recommended_ids": [30, 99, 10]},  # a film that we lack keeps its place
        {"id": 10, "recommended_ids": []},
        {"id": 30, "recommended_ids": [10, 10, 20]},  # named twice, it counts once
        {"id": 7, "recommended_ids": [10]},
    )
    expected = [[0, 0, 0], [1 / np.log2(4), 0, 1], [1, 1 / np.log2(3), 0]]
    np.testing.assert_allclose(recommended_pairs(IDS, table).toarray(), expected, rtol=1e-6)


def test_recommendations_as_duckdb_gives_them() -> None:
    table = details({"id": 10, "recommended_ids": np.array([20, 30], dtype=np.int32)})
    found = recommended_pairs(IDS, table).toarray()
    np.testing.assert_allclose(found[0], [0, 1, 1 / np.log2(3)], rtol=1e-6)


def test_signals_that_there_are() -> None:
    both = (co_liked((10, 20, 0.5)), details({"id": 10, "recommended_ids": [20]}))
    blend = Blend(co_liked=0.5, tmdb=0.25)
    found = signals_of(IDS, blend, *both)
    assert [(signal.name, signal.share) for signal in found] == [("co_liked", 0.5), ("tmdb", 0.25)]
    assert [s.name for s in signals_of(IDS, blend, co_liked(), both[1])] == ["tmdb"]
    assert [s.name for s in signals_of(IDS, blend, both[0], details())] == ["co_liked"]
    assert signals_of(IDS, blend, co_liked(), details()) == []
    # Of films that we lack there is nothing to say; nor of what counts nothing.
    assert signals_of(IDS, blend, co_liked((98, 99, 0.5)), details({"id": 10})) == []
    no_share = Blend(co_liked=0, tmdb=0.25)
    assert [s.name for s in signals_of(IDS, no_share, *both)] == ["tmdb"]


def test_signals_of_no_films() -> None:
    table = details({"id": 10, "recommended_ids": [20]})
    nobody = np.zeros(0, dtype=np.int32)
    assert signals_of(nobody, Blend(co_liked=0.5, tmdb=0.2), co_liked((1, 2, 0.5)), table) == []


# -- item weights --------------------------------------------------------------------------------


def test_item_weights_of_films_that_are_ours() -> None:
    rows = [(10, 30, 0.5), (30, 10, -0.25), (10, 99, 0.75), (98, 10, 0.75)]
    table = pd.DataFrame(rows, columns=["movie_id", "neighbour_id", "weight"])
    weights = item_weights_of(IDS, table)
    assert weights.toarray().tolist() == [[0, 0, 0.5], [0, 0, 0], [-0.25, 0, 0]]
    assert weights.dtype == np.float32
    assert item_weights_of(IDS, table[:0]).nnz == 0
