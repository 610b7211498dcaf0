"""Frozen features: rows of changed films by what was learned of all, without learning anew.

Terms, their inverse document frequencies and the scale of the prior stay as they are, so that a
film that did not change keeps its row, its prior and its reasons to the last bit. Terms that are
new count for nothing until all is learned anew. When that is has to be decided by who calls this;
what becomes of the films' neighbours is for ``renewal``.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from movie_assets.recommender.explanations import most_votes_of_little_known
from movie_assets.recommender.features import FilmVectorizer, Frozen, frames_of, rows_of_parts
from movie_assets.recommender.ranking import largest_log_prior

if TYPE_CHECKING:
    from collections.abc import Iterable

    import pandas as pd
    from numpy.typing import ArrayLike

    from movie_assets.recommender.features import MovieFeatures
    from movie_assets.recommender.weights import Weights


def freeze(features: MovieFeatures, weights: Weights) -> MovieFeatures:
    """The same features, with what they say of all films at once kept for later ones."""
    return replace(
        features,
        frozen=Frozen(
            features.n_movies,
            largest_log_prior(features, weights),
            most_votes_of_little_known(features),
        ),
    )


def update_features(
    features: MovieFeatures,
    films: pd.DataFrame | Iterable[pd.DataFrame],
    removed: ArrayLike,
    weights: Weights,
) -> MovieFeatures:
    """Features with the rows of some films added or replaced, and without those of others.

    They are what the frozen terms make of all the films that there are now.

    Args:
        features: frozen (:func:`freeze`), made by the same weights.
        films: new and changed ones, as :func:`fit_features` takes them; none twice, maybe none.
        removed: ids of films that are gone; some may be unknown.
        weights: of the fields.

    Raises:
        ValueError: where the features are not frozen, or a field was not learned.
    """
    if features.frozen is None:
        raise ValueError("only frozen features can be updated: freeze them first")
    vectorizer = FilmVectorizer.from_features(features, weights)
    new = [vectorizer.transform(some) for some in frames_of(films)]
    gone = np.concatenate([np.asarray(removed, dtype=np.int64), *(s.movie_ids for s in new)])
    kept = np.flatnonzero(~np.isin(features.movie_ids, gone))
    parts = [features, *new]
    ids = np.concatenate([part.movie_ids for part in parts])
    # Of all rows, old and new, in the order of their films: those that stay, and the new ones.
    rows = np.concatenate([kept, np.arange(features.n_movies, len(ids))])
    rows = rows[np.argsort(ids[rows], kind="stable")]
    years, votes, ratings = (
        np.concatenate([getattr(part, name) for part in parts])[rows]
        for name in ("years", "votes", "ratings")
    )
    return replace(
        features,
        movie_ids=ids[rows],
        matrix=rows_of_parts([part.matrix for part in parts], rows),
        years=years,
        votes=votes,
        ratings=ratings,
    )
