"""Explanations: why two films go together, in words that a person can check."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from movie_assets.recommender.features import MovieFeatures
    from movie_assets.recommender.similar import Neighbours

_PAIRS_A_BLOCK = 50_000

#: How a shared term of each field is told, the most telling field first: who made a film tells more
#: than what it is about, and that more than its genre. Language, decade and what every film has are
#: no reason.
_WORDING = {
    "collection": "{}",
    "directors": "directed by {}",
    "actors": "with {}",
    "writers": "written by {}",
    "keywords": "{}",
    "text": "“{}”",
    "genres": "{}",
}
#: A word that more films than both of these have, a share and a number, tells nothing ("young").
_COMMON_SHARE, _COMMON_FILMS = 0.01, 20
#: How a signal is told, the most telling last, and from which value on it is one.
SIGNALS = {"tmdb": "recommended by TMDB", "co_liked": "liked by the same people"}
_LEAST_SIGNAL = 0.05
#: Well known is what has more votes than this share of the films that have any.
_WELL_KNOWN = 0.9
#: So many years apart are the same years, and ratings (0 to 10) so far apart are alike.
_SAME_YEARS, _ALIKE = 5, 0.5


def reasons(features: MovieFeatures, neighbours: Neighbours, top: int = 3) -> list[list[str]]:
    """What makes the films of each pair go together, the most telling first.

    What people liked comes first, since it counts most. A pair that shares nothing that could be
    told is told what else brought it together, such as "well known, of the same years".

    Args:
        features: what the neighbours were found by.
        neighbours: n_pairs pairs.
        top: the most shared terms that a pair gets.

    Returns:
        n_pairs lists; equally strong terms of a field in the order of columns.
    """
    told = shared_terms(features, neighbours, top)
    for name, wording in SIGNALS.items():
        if name in neighbours.signals:
            for pair in np.flatnonzero(neighbours.signals[name] >= _LEAST_SIGNAL):
                told[pair].insert(0, wording)
    silent = np.array([pair for pair, found in enumerate(told) if not found], dtype=np.intp)
    for wording, holds in _circumstances(
        features, neighbours.rows[silent], neighbours.columns[silent]
    ):
        for pair in silent[holds]:
            told[pair].append(wording)
    return told


def shared_terms(features: MovieFeatures, neighbours: Neighbours, top: int = 3) -> list[list[str]]:
    """The most telling of each pair's shared terms, as they are told.

    Of one field those that add most to the likeness of content come first.
    """
    fields = features.fields_of(np.arange(len(features.vocabulary), dtype=np.int32))
    telling = _telling(features, fields)
    # Each name once: who directed a film has often written it too.
    names = np.array([term.casefold() for term in features.vocabulary], dtype=object)
    wordings = [_WORDING.get(name, "{}") for name in features.fields]
    words = np.array(
        [
            wordings[field].format(term)
            for field, term in zip(fields, features.vocabulary, strict=True)
        ],
        dtype=object,
    )
    out: list[list[str]] = []
    for start in range(0, len(neighbours.rows), _PAIRS_A_BLOCK):
        block = slice(start, start + _PAIRS_A_BLOCK)
        products = features.matrix[neighbours.rows[block]].multiply(
            features.matrix[neighbours.columns[block]]
        )
        products = products.tocsr()
        products.sort_indices()
        products.data *= telling[products.indices] > 0
        products.eliminate_zeros()
        pairs = np.repeat(np.arange(products.shape[0]), np.diff(products.indptr))
        # Stable: equals stay in the order of columns.
        order = np.lexsort((-products.data, -telling[products.indices], pairs))
        terms = products.indices[order]
        out.extend(
            _first(words[terms[begin:end]], names[terms[begin:end]], top)
            for begin, end in zip(products.indptr[:-1], products.indptr[1:], strict=True)
        )
    return out


def _telling(features: MovieFeatures, fields: NDArray[np.intp]) -> NDArray[np.int64]:
    """How telling each term is, by its field; 0 for what is no reason."""
    order = list(_WORDING)[::-1]
    by_field = [order.index(name) + 1 if name in order else 0 for name in features.fields]
    telling = np.array(by_field, dtype=np.int64)[fields]
    if "text" in features.fields:
        text = features.columns_of("text")
        films = (1 + features.n_movies) / np.exp(features.idf[text].astype(np.float64) - 1) - 1
        telling[text][films > max(_COMMON_SHARE * features.n_movies, _COMMON_FILMS)] = 0
        telling[text][_are_genres(features)] = 0
    return telling


def _are_genres(features: MovieFeatures) -> NDArray[np.bool_]:
    """Whether each word of texts is one of a genre's name, such as "fiction"."""
    words = features.vocabulary[features.columns_of("text")]
    genres = (
        features.vocabulary[features.columns_of("genres")] if "genres" in features.fields else ()
    )
    of_genres = {word for genre in genres for word in genre.casefold().split()}
    return np.array([word in of_genres for word in words], dtype=bool)


def _first(words: Sequence[str], names: Sequence[str], top: int) -> list[str]:
    """The first words, without those whose name was told already."""
    told: dict[str, str] = {}
    for word, name in zip(words, names, strict=True):
        if len(told) == top:
            break
        told.setdefault(name, word)
    return list(told.values())


def _circumstances(
    features: MovieFeatures, rows: NDArray[np.int32], columns: NDArray[np.int32]
) -> list[tuple[str, NDArray[np.bool_]]]:
    """What else can be said of pairs of films, and of which of them it holds."""
    votes = features.votes[features.is_candidate]
    well_known = np.quantile(votes, _WELL_KNOWN) if len(votes) else np.inf
    years = features.years.astype(np.int64)
    apart = np.abs(years[rows] - years[columns])
    dated = (years[rows] > 0) & (years[columns] > 0)
    ratings = features.ratings
    rated = (ratings[rows] > 0) & (ratings[columns] > 0)
    return [
        ("well known", features.votes[columns] > well_known),
        ("of the same years", dated & (apart <= _SAME_YEARS)),
        ("rated alike", rated & (np.abs(ratings[rows] - ratings[columns]) <= _ALIKE)),
    ]
