"""Explanations: why two films go together, in words that a person can check."""

from __future__ import annotations

from bisect import bisect_right
from dataclasses import dataclass
from functools import cache, cached_property
from itertools import pairwise
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

    from numpy.typing import NDArray

    from movie_assets.recommender.features import MovieFeatures
    from movie_assets.recommender.shared import Telling
    from movie_assets.recommender.similar import Neighbours

_PAIRS_A_BLOCK = 50_000

#: How a shared term of each field is told, the most telling field first: who made a film tells more
#: than what it is about, and that more than its genre. A word that two texts share may mean
#: anything, and is told only where nothing else is. Language, decade and what every film has
#: are no reason.
_WORDING = {
    "collection": "{}",
    "directors": "directed by {}",
    "actors": "with {}",
    "writers": "written by {}",
    "keywords": "{}",
    "genres": "{}",
    "text": "“{}”",
}
_LAST_RESORT = "text"
#: A word that more films than both of these have, a share and a number, tells nothing ("young").
_COMMON_SHARE, _COMMON_FILMS = 0.01, 20
#: How a signal is told, the most telling last, and from which value on it is one.
SIGNALS = {"tmdb": "recommended by TMDB", "co_liked": "liked by the same people"}
_LEAST_SIGNAL = 0.05
#: What is told of films that share no term.
_CIRCUMSTANCES = ("well known", "of the same years", "rated alike")
#: Well known is what has more votes than this share of the films that have any.
_WELL_KNOWN = 0.9
#: So many years apart are the same years, and ratings (0 to 10) so far apart are alike.
_SAME_YEARS, _ALIKE = 5, 0.5


class _Told(NamedTuple):
    """How a term is told, by name once; and whether only where nothing else can be."""

    name: str
    words: str
    is_last_resort: bool


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
    pairs = neighbours.rows, neighbours.columns
    return Explainer(features).reasons(*pairs, neighbours.signals, top)


def shared_terms(features: MovieFeatures, neighbours: Neighbours, top: int = 3) -> list[list[str]]:
    """The most telling of each pair's shared terms, as they are told.

    Of one field those that add most to the likeness of content come first.
    """
    return Explainer(features).shared_terms(neighbours.rows, neighbours.columns, top)


@dataclass(frozen=True)
class Explainer:
    """Tells why films go together, asked as often as one likes. Safe for many threads.

    Attributes:
        features: what the neighbours were found by; of the vocabulary only what is told is read.
    """

    features: MovieFeatures

    def reasons(
        self,
        rows: NDArray[np.int32],
        columns: NDArray[np.int32],
        signals: Mapping[str, NDArray[np.float32]],
        top: int = 3,
    ) -> list[list[str]]:
        """As :func:`reasons`, of pairs of films given as two arrays, and what signals say."""
        told = self.shared_terms(rows, columns, top)
        for name, wording in SIGNALS.items():
            if name in signals:
                for pair in np.flatnonzero(signals[name] >= _LEAST_SIGNAL):
                    told[pair].insert(0, wording)
        silent = np.array([pair for pair, found in enumerate(told) if not found], dtype=np.intp)
        if len(silent):
            for wording, holds in self._circumstances(rows[silent], columns[silent]):
                for pair in silent[holds]:
                    told[pair].append(wording)
        return told

    def shared_terms(
        self, rows: NDArray[np.int32], columns: NDArray[np.int32], top: int = 3
    ) -> list[list[str]]:
        """As :func:`shared_terms`, of pairs of films given as two arrays."""
        features = self.features
        telling = self._ranks
        wording = self._wording()
        out: list[list[str]] = []
        for start in range(0, len(rows), _PAIRS_A_BLOCK):
            block = slice(start, start + _PAIRS_A_BLOCK)
            films, others = features.matrix[rows[block]], features.matrix[columns[block]]
            products = films.multiply(others).tocsr()
            products.eliminate_zeros()
            products.sort_indices()
            pairs = np.repeat(np.arange(products.shape[0]), np.diff(products.indptr))
            # Stable: equals stay in the order of columns.
            by_field = telling[features.fields_of(products.indices)]
            order = np.lexsort((-products.data, -by_field, pairs))
            terms = products.indices[order].tolist()
            ends = products.indptr.tolist()
            out.extend(_first(terms[begin:end], wording, top) for begin, end in pairwise(ends))
        return out

    def told(
        self,
        rows: NDArray[np.int32],
        columns: NDArray[np.int32],
        signals: Mapping[str, NDArray[np.float32]],
        top: int = 3,
    ) -> pa.ListArray:
        """As :meth:`reasons`, of many pairs: a list of strings each."""
        from movie_assets.recommender.shared import most_telling  # noqa: PLC0415 - loads numba

        telling, texts = self._table_of_terms
        n_terms = len(telling.ranks)
        parts = [most_telling(self.features.matrix, telling, rows, columns, top)]
        for place, name in enumerate(SIGNALS):
            if name in signals:
                holds = signals[name] >= _LEAST_SIGNAL
                parts.insert(0, np.where(holds, n_terms + place, -1)[:, None])
        codes = np.concatenate(parts, axis=1, dtype=np.int32)
        silent = np.flatnonzero((codes < 0).all(axis=1))
        extra = np.full((len(codes), len(_CIRCUMSTANCES)), -1, dtype=np.int32)
        for place, (_, holds) in enumerate(self._circumstances(rows[silent], columns[silent])):
            extra[silent[holds], place] = n_terms + len(SIGNALS) + place
        codes = np.concatenate([codes, extra], axis=1)
        is_told = codes >= 0
        ends = np.concatenate([[0], np.cumsum(np.count_nonzero(is_told, axis=1))])
        return pa.ListArray.from_arrays(
            pa.array(ends, pa.int32()), texts.take(pa.array(codes[is_told]))
        )

    @cached_property
    def _table_of_terms(self) -> tuple[Telling, pa.StringArray]:
        """How much each term tells, and how it is told; then how all else is."""
        from movie_assets.recommender.shared import Telling  # noqa: PLC0415 - loads numba

        features = self.features
        fields = features.fields_of(np.arange(len(features.vocabulary), dtype=np.int32))
        vocabulary = features.vocabulary[:]
        terms = pa.array(vocabulary, pa.string())
        # What `_wording` says of one term, which is asked of all of them at once here.
        told = (self._ranks[fields] >= 0) & self._is_rare(fields, terms)
        names = pa.array([name.casefold() for name in vocabulary], pa.string()).dictionary_encode()
        around = [_WORDING.get(name, "{}").split("{}") for name in features.fields]
        before, after = (
            pa.array(texts, pa.string()).take(pa.array(fields))
            for texts in zip(*around, strict=True)
        )
        others = pa.array([*SIGNALS.values(), *_CIRCUMSTANCES], pa.string())
        return (
            Telling(
                np.where(told, self._ranks[fields], -1).astype(np.int8),
                np.array(names.indices, dtype=np.int32),
            ),
            pa.concat_arrays([pc.binary_join_element_wise(before, terms, after, ""), others]),
        )

    def _is_rare(self, fields: NDArray[np.intp], terms: pa.StringArray) -> NDArray[np.bool_]:
        """Whether terms are no words that tell nothing; as :meth:`_tells_nothing` says of one."""
        if "text" not in self.features.fields:
            return np.ones(len(fields), dtype=np.bool_)
        is_text = fields == self.features.fields.index("text")
        common = self._films_with(self.features.idf.astype(np.float64)) > self._common
        of_genres = pc.is_in(terms, pa.array(sorted(self._words_of_genres), pa.string()))
        is_rare: NDArray[np.bool_] = ~(
            is_text & (common | of_genres.to_numpy(zero_copy_only=False))
        )
        return is_rare

    def _tells_nothing(self, term: int, word: str) -> bool:
        """Whether a word of the text is one that too many films have, or one of a genre's name."""
        films = self._films_with(np.float64(self.features.idf[term]))
        return bool(films > self._common) or word in self._words_of_genres

    def _films_with(self, idf: Any) -> Any:
        """How many films have a term, by its inverse document frequency."""
        return (1 + self._n_films) / np.exp(idf - 1) - 1

    @cached_property
    def _n_films(self) -> int:
        frozen = self.features.frozen
        return frozen.n_movies if frozen else self.features.n_movies

    @property
    def _common(self) -> float:
        return max(_COMMON_SHARE * self._n_films, _COMMON_FILMS)

    @cached_property
    def _words_of_genres(self) -> frozenset[str]:
        """Such as "fiction"."""
        features = self.features
        if "genres" not in features.fields:
            return frozenset()
        genres = features.vocabulary[features.columns_of("genres")]
        return frozenset(word for genre in genres for word in genre.casefold().split())

    def _wording(self) -> Callable[[int], _Told | None]:
        """From a term to its name and how it is told; None where it is no reason."""
        features = self.features
        fields = features.fields
        ends = features.field_ends.tolist()

        @cache
        def wording(term: int) -> _Told | None:
            field = fields[bisect_right(ends, term) - 1]
            if field not in _WORDING:
                return None
            name = features.vocabulary[term]
            if field == "text" and self._tells_nothing(term, name):
                return None
            # Each name once: who directed a film has often written it too.
            return _Told(name.casefold(), _WORDING[field].format(name), field == _LAST_RESORT)

        return wording

    @property
    def _ranks(self) -> NDArray[np.int64]:
        """How much the terms of each field tell, the more the larger; -1 for nothing."""
        order = list(_WORDING)[::-1]
        fields = self.features.fields
        return np.array([order.index(n) if n in _WORDING else -1 for n in fields], np.int64)

    @cached_property
    def _well_known(self) -> float:
        frozen = self.features.frozen
        return frozen.well_known if frozen else most_votes_of_little_known(self.features)

    def _circumstances(
        self, rows: NDArray[np.int32], columns: NDArray[np.int32]
    ) -> list[tuple[str, NDArray[np.bool_]]]:
        """What else can be said of pairs of films, and of which of them it holds."""
        features = self.features
        years = [features.years[films].astype(np.int64) for films in (rows, columns)]
        dated = (years[0] > 0) & (years[1] > 0)
        ratings = [features.ratings[films] for films in (rows, columns)]
        rated = (ratings[0] > 0) & (ratings[1] > 0)
        holds = (
            features.votes[columns] > self._well_known,
            dated & (np.abs(years[0] - years[1]) <= _SAME_YEARS),
            rated & (np.abs(ratings[0] - ratings[1]) <= _ALIKE),
        )
        return list(zip(_CIRCUMSTANCES, holds, strict=True))


def most_votes_of_little_known(features: MovieFeatures) -> float:
    """How many votes a film has at most that is not well known."""
    votes = features.votes[features.is_candidate]
    return float(np.quantile(votes, _WELL_KNOWN)) if len(votes) else np.inf


def _first(terms: Iterable[int], wording: Callable[[int], _Told | None], top: int) -> list[str]:
    """How the first terms are told, without those whose name was told already."""
    told: dict[str, _Told] = {}
    for term in terms:
        found = wording(term)
        if found is None:
            continue
        first = next(iter(told.values()), found)
        if len(told) == top or (found.is_last_resort and not first.is_last_resort):
            break
        told.setdefault(found.name, found)
    return [one.words for one in told.values()]
