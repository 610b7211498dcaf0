"""The recommender of a snapshot: its mapped arrays, as ``recommender.query`` takes them.

What belongs here: from a snapshot's files to features, signals and what is prepared of them. What
does not: what is asked (``published``).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, cast, overload

from scipy import sparse

from movie_assets.recommender import MovieFeatures, Signal
from movie_assets.recommender.features import Frozen
from movie_assets.recommender.query import Prepared, Recommender
from movie_assets.recommender.ranking import Levels
from movie_assets.serving.columns import Column

if TYPE_CHECKING:
    from collections.abc import Mapping

    import numpy as np
    import pyarrow as pa
    from numpy.typing import NDArray

    from movie_assets.serving.film_names import FilmNames
    from movie_assets.serving.snapshot import Snapshot

#: What a snapshot has beside the signals that go into the score of two films.
_ITEM_WEIGHTS, _TRANSITIONS = "item_weights", "transitions"


@dataclass(frozen=True, kw_only=True)
class PublishedFeatures(MovieFeatures):
    """Features whose genres and languages are the films' own, whatever they weigh.

    Attributes:
        names: of all films.
    """

    names: FilmNames

    def has_term(self, name: str, term: str) -> NDArray[np.bool_]:
        """Whether each film has a term in a field; shape (n_movies,), not to be written to."""
        if name == "genres":
            return self.names.of_genre(term)
        if name == "language":
            return self.names.in_language(term)
        return super().has_term(name, term)

    @property
    def collections(self) -> NDArray[np.int32]:
        """A number for each film's collection, -1 where it has none; shape (n_movies,)."""
        return self.names.collections


class _CheckedSignal(Signal):
    """A signal whose values were checked before they were published: all need not be read."""

    def __post_init__(self) -> None:
        pass


def recommender_of(snapshot: Snapshot, names: FilmNames) -> Recommender:
    """What answers questions about a snapshot's films; of its numbers only votes are read."""
    arrays = snapshot.features
    n_films, n_terms = snapshot.manifest.films, snapshot.manifest.terms
    features = PublishedFeatures(
        movie_ids=snapshot.movie_ids,
        matrix=_matrix(arrays, "", (n_films, n_terms)),
        vocabulary=cast("tuple[str, ...]", Terms(snapshot.vocabulary)),
        fields=snapshot.manifest.fields,
        field_ends=arrays["field_ends"],
        idf=arrays["idf"],
        years=arrays["years"],
        votes=arrays["votes"],
        ratings=arrays["ratings"],
        frozen=Frozen.of_array(arrays["frozen"]) if "frozen" in arrays else None,
        names=names,
    )
    n_candidates = int(features.is_candidate.sum())
    pairs = {
        name: _matrix(matrix, "", (n_films, n_films)) for name, matrix in snapshot.signals.items()
    }
    blend = snapshot.weights.blend
    shares = {"co_liked": blend.co_liked, "tmdb": blend.tmdb}
    return Recommender(
        features,
        snapshot.weights,
        [
            _CheckedSignal(name, share, pairs[name])
            for name, share in shares.items()
            if name in pairs
        ],
        pairs.get(_ITEM_WEIGHTS),
        pairs.get(_TRANSITIONS),
        Prepared(
            _matrix(arrays, "by_term_", (n_terms, n_candidates)),
            Levels(arrays["codes"], arrays["levels"]),
            names.collections,
            arrays["runtimes"],
        ),
    )


class Terms(Sequence[str]):
    """A vocabulary that stays in its file, one term at a time."""

    def __init__(self, terms: pa.ChunkedArray) -> None:
        self._column = Column(terms)

    def __len__(self) -> int:
        return len(self._column)

    @overload
    def __getitem__(self, place: int) -> str: ...
    @overload
    def __getitem__(self, place: slice) -> tuple[str, ...]: ...
    def __getitem__(self, place: int | slice) -> str | tuple[str, ...]:
        if isinstance(place, slice):
            return tuple(self._column[i] for i in range(*place.indices(len(self))))
        return str(self._column[place])


def _matrix(arrays: Mapping[str, Any], prefix: str, shape: tuple[int, int]) -> sparse.csr_matrix:
    """A CSR matrix on mapped arrays; its canonical order is the snapshot's promise."""
    data, indices, indptr = (arrays[prefix + name] for name in ("data", "indices", "indptr"))
    matrix = sparse.csr_matrix((data, indices, indptr), shape=shape, copy=False)
    matrix.has_canonical_format = True
    return matrix
