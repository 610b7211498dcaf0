"""Quality figures of a list of neighbours: how alike in numbers, how wide, how well known.

The three RMSE figures are the tutorial's: how far the recommended films are from the film that was
asked for in popularity, average vote and number of votes. They say how *alike* the films are, not
how *good* the recommendations are, so breadth is reported beside them.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np
from scipy import sparse

if TYPE_CHECKING:
    from numpy.typing import ArrayLike, NDArray

    from movie_assets.recommender.features import MovieFeatures


_LISTS_A_BLOCK = 20_000


class Figure(NamedTuple):
    """One quality figure; value is None where it cannot be told."""

    metric: str
    value: float | None
    description: str


def rmse(reference: ArrayLike, others: ArrayLike) -> float | None:
    """Root of the mean squared difference; None where there is nothing to compare.

    Args:
        reference: a number, or an array that broadcasts with ``others``.
        others: array of any shape.

    >>> rmse(3.0, [0.0, 6.0])
    3.0
    """
    difference = np.asarray(others, dtype=np.float64) - np.asarray(reference, dtype=np.float64)
    return float(np.sqrt(np.mean(difference**2))) if difference.size else None


def quality(  # noqa: PLR0913 - the columns of pairs and films
    features: MovieFeatures,
    *,
    rows: NDArray[np.int32],
    columns: NDArray[np.int32],
    ranks: NDArray[np.int32],
    scores: NDArray[np.float32],
    popularity: NDArray[np.float64],
    vote_average: NDArray[np.float64],
    vote_count: NDArray[np.float64],
    top: int = 10,
) -> list[Figure]:
    """The quality of each film's first ``top`` neighbours, over all films.

    Args:
        features: n_movies films.
        rows: of shape (n_pairs,): index of a film.
        columns: of shape (n_pairs,): index of its neighbour.
        ranks: of shape (n_pairs,): 1 for the best.
        scores: of shape (n_pairs,), in [0, 1].
        popularity: TMDB's popularity, shape (n_movies,), in the features' order.
        vote_average: 0 to 10, shape (n_movies,).
        vote_count: shape (n_movies,).
        top: how many neighbours of each film count.
    """
    first = ranks <= top
    rows, columns, scores = rows[first], columns[first], scores[first]
    n_movies = len(features.movie_ids)
    n_candidates = int(features.is_candidate.sum())
    recommended = np.bincount(columns, minlength=n_movies)
    return [
        *(
            Figure(
                f"{name}_rmse",
                rmse(values[rows], values[columns]),
                f"RMSE of {words} between a film and its {top} nearest, over all films",
            )
            for name, words, values in (
                ("popularity", "TMDB popularity", popularity),
                ("vote_avg", "vote average (0 to 10)", vote_average),
                ("vote_count", "number of votes", vote_count),
            )
        ),
        Figure(
            "films_with_neighbours",
            _ratio(len(np.unique(rows)), n_movies),
            "share of the films that have a neighbour",
        ),
        Figure(
            "catalogue_coverage",
            _ratio(int((recommended > 0).sum()), n_candidates),
            f"share of the films with votes that are among the {top} nearest of some film",
        ),
        Figure(
            "mean_score",
            float(scores.mean()) if len(scores) else None,
            f"mean score of a film's {top} nearest (0 to 1)",
        ),
        Figure(
            "novelty",
            _novelty(columns, vote_count),
            f"mean self-information of the {top} nearest, in bits: -log2(votes of the film / all "
            "votes); the more, the less known the films are",
        ),
        Figure(
            "intra_list_diversity",
            _intra_list_diversity(features, rows, columns),
            f"1 - mean likeness of content of the films of one list of {top} (0 to 1)",
        ),
    ]


def _ratio(part: int, whole: int) -> float | None:
    return part / whole if whole else None


def _novelty(columns: NDArray[np.int32], vote_count: NDArray[np.float64]) -> float | None:
    if not len(columns):
        return None
    return float(-np.log2(vote_count[columns] / vote_count.sum()).mean())


def _intra_list_diversity(
    features: MovieFeatures, rows: NDArray[np.int32], columns: NDArray[np.int32]
) -> float | None:
    # The sum over all ordered pairs of a list is |sum of its rows|^2 less each row's own, so each
    # list takes one sum of rows instead of all its pairs.
    sizes = np.bincount(rows, minlength=len(features.movie_ids))
    pairs = sizes * (sizes - 1)
    if not pairs.any():
        return None
    lists = sparse.csr_matrix(
        (np.ones(len(rows), np.float64), (rows, columns)),
        shape=(len(sizes), features.matrix.shape[0]),
    )
    own = np.asarray(features.matrix.multiply(features.matrix).sum(axis=1)).ravel()
    matrix = features.matrix.astype(np.float64)
    similarity = np.zeros(len(sizes))
    # Sums of rows have many terms: those of all lists at once would fill the memory.
    for start in range(0, len(sizes), _LISTS_A_BLOCK):
        block = slice(start, start + _LISTS_A_BLOCK)
        total = lists[block] @ matrix
        similarity[block] = np.asarray(total.multiply(total).sum(axis=1)).ravel()
    similarity -= lists @ own
    several = pairs > 0
    return float(np.mean(1.0 - similarity[several] / pairs[several]))
