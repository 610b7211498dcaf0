"""Made-up films, weights and features for tests of the recommender."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray
from scipy import sparse

from movie_assets.recommender import MovieFeatures, Neighbours, Weights, load_weights
from movie_assets.recommender.films import film_frame
from movie_assets.recommender.weights import Closeness, Gems, Prior


def films_of(*films: dict[str, Any], **columns: Sequence[Any]) -> pd.DataFrame:
    """Films from a dict each or a list a column, with ids from 1 where none are given."""
    frame = pd.DataFrame(list(films)) if films else pd.DataFrame(columns)
    if "id" not in frame:
        frame["id"] = range(1, len(frame) + 1)
    return film_frame(frame)


def weights_of(
    fields: dict[str, float] | None = None,
    closeness: dict[str, float] | None = None,
    prior: dict[str, float] | None = None,
    popularity: float = 0.5,
    gems: dict[str, float] | None = None,
    genres: dict[str, float] | None = None,
) -> Weights:
    """The package's weights with other fields; closeness, prior, gems are 0 but for what is named.

    All genres weigh 1 but for what is named.

    So with none of them, a score is the likeness of content alone.
    """
    bundled = load_weights()
    nothing = dict.fromkeys(Closeness.model_fields, 0.0)
    no_prior = {"votes": 0.0, "fame": 0.0, "rating": 0.0, "era": 0.0, "era_votes": 0.0}
    return Weights(
        fields=bundled.fields if fields is None else fields,
        genres=genres or {},
        closeness=Closeness(**(nothing | (closeness or {}))),
        prior=Prior(**(no_prior | (prior or {}))),
        popularity=popularity,
        gems=Gems(**({"rating": 0.0, "fame": 0.0} | (gems or {}))),
        blend=bundled.blend,
        profile=bundled.profile,
    )


def features_of(
    rows: ArrayLike,
    votes: ArrayLike | None = None,
    ratings: ArrayLike | None = None,
    years: ArrayLike | None = None,
    vocabulary: Sequence[str] | None = None,
    fields: Sequence[tuple[str, int]] | None = None,
) -> MovieFeatures:
    """Features with these very rows: films 10, 11 and so on, each with a vote if nothing is said.

    Args:
        rows: of shape (n_movies, n_terms).
        votes: of each film.
        ratings: of each film.
        years: of each film.
        vocabulary: of the terms.
        fields: names and numbers of terms; all are words if nothing is said.
    """
    matrix = np.array(rows, dtype=np.float32)
    n_movies, n_terms = matrix.shape
    names, sizes = zip(*(fields or [("text", n_terms)]), strict=True)

    def of_each(values: ArrayLike | None, default: float, dtype: type) -> NDArray[Any]:
        return np.full(n_movies, default, dtype) if values is None else np.array(values, dtype)

    return MovieFeatures(
        movie_ids=np.arange(10, 10 + n_movies, dtype=np.int32),
        matrix=sparse.csr_matrix(matrix),
        vocabulary=tuple(vocabulary or (f"term{i:02}" for i in range(n_terms))),
        fields=names,
        field_ends=np.cumsum([0, *sizes], dtype=np.int64),
        idf=np.ones(n_terms, dtype=np.float32),
        years=of_each(years, 0, np.int16),
        votes=of_each(votes, 1, np.int64),
        ratings=of_each(ratings, 0, np.float32),
    )


def pairs_of(*pairs: tuple[int, int], **signals: Sequence[float]) -> Neighbours:
    """Pairs of films, to be explained: what is not said is 1."""
    rows, columns = np.array(pairs, np.int32).reshape(-1, 2).T
    ones = np.ones(len(pairs), np.float32)
    return Neighbours(
        rows=rows,
        columns=columns,
        ranks=np.ones(len(pairs), np.int32),
        scores=ones,
        content=ones,
        closeness=ones,
        prior=ones,
        signals={name: np.array(values, np.float32) for name, values in signals.items()},
    )
