"""Quality figures, worked out by hand."""

from __future__ import annotations

import dataclasses
import math
from itertools import combinations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from movie_assets.recommender import MovieFeatures, Neighbours, nearest_neighbours, quality, rmse
from movie_assets_tests.films import features_of, pairs_of, weights_of


def test_rmse_by_hand() -> None:
    assert rmse(3.0, [0.0, 6.0]) == 3.0
    assert rmse([1, 2, 3], [1, 2, 7]) == pytest.approx(4 / math.sqrt(3))
    assert rmse(5, []) is None
    assert rmse([], []) is None


def figures(
    features: MovieFeatures, neighbours: Neighbours, top: int = 10
) -> dict[str, float | None]:
    n_movies = features.n_movies
    found = quality(
        features,
        rows=neighbours.rows,
        columns=neighbours.columns,
        ranks=neighbours.ranks,
        scores=neighbours.scores,
        popularity=np.array([10.0, 20.0, 40.0, 80.0])[:n_movies],
        vote_average=np.array([5.0, 6.0, 8.0, 1.0])[:n_movies],
        vote_count=VOTES[:n_movies],
        top=top,
    )
    assert all(figure.description for figure in found)
    return {figure.metric: figure.value for figure in found}


VOTES = np.array([100.0, 300.0, 600.0, 0.0])
# Film 0 has two neighbours, film 1 one; film 3 has no votes and no term in common with any.
FILMS = features_of([[1, 0, 0], [0.6, 0.8, 0], [0.8, 0.6, 0], [0, 0, 1]], votes=VOTES)
NEIGHBOURS = dataclasses.replace(
    pairs_of((0, 2), (0, 1), (1, 2)),
    ranks=np.array([1, 2, 1], np.int32),
    scores=np.array([0.8, 0.6, 0.96], np.float32),
)


def test_all_figures_by_hand() -> None:
    assert figures(FILMS, NEIGHBOURS) == pytest.approx(
        {
            "popularity_rmse": math.sqrt((30**2 + 10**2 + 20**2) / 3),
            "vote_avg_rmse": math.sqrt((3**2 + 1**2 + 2**2) / 3),
            "vote_count_rmse": math.sqrt((500**2 + 200**2 + 300**2) / 3),
            "films_with_neighbours": 2 / 4,
            "catalogue_coverage": 2 / 3,
            "mean_score": (0.8 + 0.6 + 0.96) / 3,
            "novelty": -(2 * math.log2(600 / 1000) + math.log2(300 / 1000)) / 3,
            "intra_list_diversity": 1 - 0.96,  # of film 0 alone: a list of one has no pair
        },
        rel=1e-5,
    )


def test_only_the_first_neighbours_count() -> None:
    of_first = figures(FILMS, NEIGHBOURS, top=1)
    assert of_first["popularity_rmse"] == pytest.approx(math.sqrt((30**2 + 20**2) / 2))
    assert of_first["catalogue_coverage"] == pytest.approx(1 / 3)
    assert of_first["intra_list_diversity"] is None


def test_nothing_can_be_told_without_neighbours() -> None:
    nobody = features_of([[1.0], [0.0]], votes=[0, 0])
    found = figures(nobody, nearest_neighbours(nobody, weights_of(), 5))
    assert found.pop("films_with_neighbours") == 0.0
    assert set(found.values()) == {None}


@settings(max_examples=60, deadline=None)
@given(
    rows=st.lists(
        st.sampled_from([[1.0, 0.0, 0.0], [0.6, 0.8, 0.0], [0.0, 0.6, 0.8], [0.0, 0.0, 1.0]]),
        min_size=4,
        max_size=4,
    ),
    k=st.integers(1, 4),
)
def test_diversity_as_pair_by_pair(rows: list[list[float]], k: int) -> None:
    # Only films with votes are recommended, and only those have a novelty.
    features = features_of(rows, votes=VOTES)
    neighbours = nearest_neighbours(features, weights_of(), k)
    lists = [neighbours.columns[neighbours.rows == row] for row in range(4)]
    distances = [
        np.mean([1 - np.dot(rows[a], rows[b]) for a, b in combinations(films, 2)])
        for films in lists
        if len(films) > 1
    ]
    expected = pytest.approx(np.mean(distances), abs=1e-6) if distances else None
    assert figures(features, neighbours)["intra_list_diversity"] == expected
