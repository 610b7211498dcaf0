"""Reasons, against multiplying out what films share."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from movie_assets.recommender import explanations, fit_features, nearest_neighbours, reasons
from movie_assets.recommender.explanations import shared_terms
from movie_assets.recommender.weights import FIELDS
from movie_assets_tests.films import features_of, films_of, pairs_of, weights_of

ANIMALS = ("ant", "bee", "cat", "dog", "elk")


def test_the_strongest_first_and_equals_in_the_order_of_columns() -> None:
    features = features_of(
        [[0.5, 0.5, 0.5, 0.5], [0.1, 0.7, 0.1, 0.7]], vocabulary=ANIMALS[:4], fields=[("genres", 4)]
    )
    assert reasons(features, pairs_of((0, 1)), top=4) == [["bee", "dog", "ant", "cat"]]
    assert reasons(features, pairs_of((0, 1), (1, 0))) == [["bee", "dog", "ant"]] * 2


def test_each_field_is_told_in_its_words() -> None:
    film = {
        "overview": "heist",
        "genres": ["Crime"],
        "keywords": ["los angeles"],
        "directors": ["Michael Mann"],
        "writers": ["{A} Writer"],
        "actors": ["Al Pacino"],
        "collection": "Heat Collection",
        "original_language": "en",
        "release_date": "1995",
    }
    features = fit_features(films_of(film, film), weights_of(dict.fromkeys(FIELDS, 1.0)))
    assert reasons(features, pairs_of((0, 1)), top=20) == [
        [
            "“heist”",
            "Crime",
            "los angeles",
            "directed by Michael Mann",
            "written by {A} Writer",
            "with Al Pacino",
            "Heat Collection",
        ]
    ]


def test_a_field_that_counts_more_is_told_first() -> None:
    film = {"overview": "heist", "actors": ["Al Pacino"]}
    features = fit_features(films_of(film, film), weights_of({"text": 1, "actors": 2}))
    assert reasons(features, pairs_of((0, 1)), top=1) == [["with Al Pacino"]]


def test_nothing_shared_and_no_pairs() -> None:
    features = features_of([[1, 0], [0, 1]])
    assert reasons(features, pairs_of((0, 1))) == [[]]
    assert reasons(features, pairs_of()) == []
    assert reasons(features_of(np.zeros((2, 0))), pairs_of((0, 1))) == [[]]


def test_what_people_liked_comes_first() -> None:
    features = features_of([[1.0], [1.0]], vocabulary=["heist"])
    both = pairs_of((0, 1), (1, 0), co_liked=[0.3, 0], tmdb=[1, 0.5])
    assert reasons(features, both) == [
        ["liked by the same people", "recommended by TMDB", "“heist”"],
        ["recommended by TMDB", "“heist”"],
    ]


def test_a_signal_that_says_next_to_nothing_is_no_reason() -> None:
    features = features_of([[1.0], [1.0]], vocabulary=["heist"])
    pairs = pairs_of(*[(0, 1)] * 3, co_liked=[0.049, 0.051, 0])
    told = ["liked by the same people" in reason for reason in reasons(features, pairs)]
    assert told == [False, True, False]


@settings(max_examples=80, deadline=None)
@given(
    rows=st.lists(
        st.lists(st.sampled_from([0.0, 0.25, 0.5, 1.0]), min_size=5, max_size=5),
        min_size=2,
        max_size=8,
    ),
    top=st.integers(1, 6),
    block=st.integers(1, 5),
)
def test_as_multiplied_out(rows: list[list[float]], top: int, block: int) -> None:
    """The third field, of one term, is no reason however much it adds."""
    fields = [("genres", 2), ("collection", 2), ("language", 1)]
    features = features_of(rows, vocabulary=ANIMALS, fields=fields)
    neighbours = nearest_neighbours(features, weights_of(), 4)
    expected = []
    for row, column in zip(neighbours.rows, neighbours.columns, strict=True):
        shares = [a * b for a, b in zip(rows[row], rows[column], strict=True)]
        order = sorted(
            (-share, term) for share, term in zip(shares[:4], ANIMALS[:4], strict=True) if share
        )
        expected.append([term for _, term in order[:top]])
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(explanations, "_PAIRS_A_BLOCK", block)
        assert shared_terms(features, neighbours, top) == expected
