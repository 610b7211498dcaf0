"""Reasons, against multiplying out what films share."""

from __future__ import annotations

from typing import Any

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


HEAT = {
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


def told(*films: dict[str, Any], top: int = 20, **weights: float) -> list[str]:
    """Why the first two films go together."""
    features = fit_features(films_of(*films), weights_of(weights or dict.fromkeys(FIELDS, 1.0)))
    return reasons(features, pairs_of((0, 1)), top)[0]


def test_each_field_is_told_in_its_words_the_most_telling_first() -> None:
    expected = [
        "Heat Collection",
        "directed by Michael Mann",
        "with Al Pacino",
        "written by {A} Writer",
        "los angeles",
        "Crime",
    ]
    assert told(HEAT, HEAT) == expected
    for top in range(1, 6):
        assert told(HEAT, HEAT, top=top) == expected[:top]
    assert told(HEAT, HEAT, genres=1, keywords=100) == ["los angeles", "Crime"]


def test_a_word_of_texts_is_told_only_where_nothing_else_is() -> None:
    both = HEAT | {"overview": "heist robbers"}
    assert told(both, both, genres=1, text=100) == ["Crime"]
    assert told(both, both, text=1) == ["“heist”", "“robbers”"]
    assert told(both, both, text=1, top=1) == ["“heist”"]


def test_a_name_is_told_once() -> None:
    both = HEAT | {"writers": ["Michael Mann"], "genres": ["Heist"]}
    found = told(both, both)
    assert "directed by Michael Mann" in found
    assert "written by Michael Mann" not in found
    # A genre is not told by a word of the text.
    assert "Heist" in found
    assert "“heist”" not in found
    # The next one takes its place.
    assert told(both, both, top=3, directors=1, writers=1, text=1, genres=1, actors=1) == [
        "directed by Michael Mann",
        "with Al Pacino",
        "Heist",
    ]


def test_words_that_many_films_have_are_no_reason() -> None:
    """Of 50 films 20 are not many, and 21 are; names tell however many have them."""
    common = {"overview": "heist"}
    others = [{"overview": f"word{n}"} for n in range(30)]
    assert told(*[common] * 20, *others, text=1) == ["“heist”"]
    assert told(*[common] * 21, *others[:-1], text=1) == []
    named = common | {"genres": ["Crime"]}
    assert told(*[named] * 21, *others[:-1]) == ["Crime"]


def test_what_brought_films_together_that_share_nothing() -> None:
    """Film 0 is asked about; 19 little known films, and those of which is to be told."""
    known = [{"vote_count": n, "release_date": "1980"} for n in range(1, 20)]
    asked = {"release_date": "1995", "vote_count": 3}
    films = [asked, *known]
    cases: dict[tuple[Any, int], list[str]] = {
        ("1995", 1000): ["well known", "of the same years"],
        ("2001", 1000): ["well known"],
        ("2000", 1): ["of the same years"],
        ("1990", 1): ["of the same years"],
        ("1989", 1): [],
        (None, 1): [],
    }
    for (date, votes), expected in cases.items():
        film = {"release_date": date, "vote_count": votes}
        features = fit_features(films_of(*films, film), weights_of({"floor": 1}))
        assert reasons(features, pairs_of((0, 20))) == [expected], (date, votes)
        # Not where there is a better reason.
        pair = pairs_of((0, 20), tmdb=[1.0])
        assert reasons(features, pair) == [["recommended by TMDB"]]


def test_films_rated_alike_are_told_where_nothing_else_is() -> None:
    films = [{"vote_count": 9, "vote_average": rating} for rating in (8.0, 8.5, 7.4, 0.0, 0.0)]
    features = fit_features(films_of(*films), weights_of({"floor": 1}))
    pairs = pairs_of((0, 1), (0, 2), (3, 0), (3, 4))
    assert reasons(features, pairs) == [["rated alike"], [], [], []]


def test_two_films_of_no_year_are_not_of_the_same_years() -> None:
    assert told({"vote_count": 0}, {"vote_count": 0}) == []


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
        parts = [a * b for a, b in zip(rows[row], rows[column], strict=True)]
        # Collections before genres, and of one field the strongest.
        order = sorted((place < 2, -parts[place], ANIMALS[place]) for place in range(4))
        expected.append([term for _, part, term in order if part][:top])
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(explanations, "_PAIRS_A_BLOCK", block)
        assert shared_terms(features, neighbours, top) == expected


_WEIGHTS = st.sampled_from([0.0, 0.25, 0.5, 1.0])


@settings(max_examples=150, deadline=None)
@given(
    rows=st.lists(st.lists(_WEIGHTS, min_size=8, max_size=8), min_size=2, max_size=8),
    names=st.lists(st.sampled_from(["Ann", "ann", "Bob", "crime"]), min_size=8, max_size=8),
    pairs=st.lists(
        st.tuples(st.integers(0, 1), st.integers(0, 1), _WEIGHTS, st.booleans()), max_size=20
    ),
    top=st.integers(1, 4),
    years=st.lists(st.sampled_from([0, 1990, 1995]), min_size=8, max_size=8),
)
def test_many_pairs_are_told_as_few_are(
    rows: list[list[float]],
    names: list[str],
    pairs: list[tuple[int, int, float, bool]],
    top: int,
    years: list[int],
) -> None:
    """Names that come in several fields, words that are a genre, and a field that is no reason."""
    fields = [("genres", 1), ("text", 2), ("directors", 2), ("language", 1), ("writers", 2)]
    features = features_of(rows, vocabulary=names, fields=fields, years=years[: len(rows)])
    asked = pairs_of(
        *[(film, other) for film, other, _, _ in pairs],
        co_liked=[value for _, _, value, _ in pairs],
        tmdb=[float(held) for _, _, _, held in pairs],
    )
    explainer = explanations.Explainer(features)
    for signals in (asked.signals, {"tmdb": asked.signals["tmdb"]}, {}):
        told = explainer.told(asked.rows, asked.columns, signals, top)
        assert told.to_pylist() == explainer.reasons(asked.rows, asked.columns, signals, top)


def test_many_pairs_of_a_matrix_out_of_order_are_refused() -> None:
    features = features_of([[0.5, 1.0], [0.5, 1.0]], vocabulary=ANIMALS[:2])
    matrix = features.matrix
    matrix.indices, matrix.data = matrix.indices[[1, 0, 3, 2]], matrix.data[[1, 0, 3, 2]]
    matrix.has_sorted_indices = False
    pairs = pairs_of((0, 1))
    with pytest.raises(ValueError, match="sorted"):
        explanations.Explainer(features).told(pairs.rows, pairs.columns, {})
