"""Features: films as one sparse row each, field beside field.

A field is one thing that films are compared by: the words of overview and tagline, genres,
keywords, people, collection and so on. Each has its own TF-IDF and its own length of 1, times the
root of its weight; so the inner product of two rows is the sum over fields of weight times cosine.
A field that a film lacks adds nothing, and takes nothing from the others. What turns rows into
neighbours is not here.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, NamedTuple, cast

import numpy as np
from scipy import sparse

from movie_assets.recommender.threads import in_threads, processors
from movie_assets.recommender.weights import FIELDS, Weights

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    import pandas as pd
    from numpy.typing import NDArray

#: The only term of the field that every film has: with it, any two films have something in common,
#: and a film of which nothing else is known gets the well-known films of its time.
FLOOR_TERM = "a film"

#: A word of a single text cannot match any other, and there are as many of them as of all others.
_LEAST_TEXTS_A_WORD = 2
_FEW_TEXTS = 100
#: So many at a time, so that little memory is needed.
_ROWS_MEASURED = 65_536


class NoFeaturesError(ValueError):
    """There is nothing to compare films by."""


class Frozen(NamedTuple):
    """What scores and reasons take from all films at once, kept while only some films change.

    Without it one film with more votes than any other, or one film more, would change them all.

    Attributes:
        n_movies: how many films the terms were learned from.
        log_prior: the largest logarithm of a candidate's prior; a later film counts no more.
        well_known: how many votes a film has at most that is not well known.
    """

    n_movies: int
    log_prior: float
    well_known: float

    @classmethod
    def of_array(cls, array: NDArray[np.float64]) -> Frozen:
        """From float64 of shape (3,), which is how it is stored."""
        n_movies, log_prior, well_known = array.tolist()
        return cls(int(n_movies), log_prior, well_known)


@dataclass(frozen=True)
class MovieFeatures:
    """The feature matrix of all films, and what else ranking needs of a film.

    Attributes:
        movie_ids: int32 of shape (n_movies,), ascending.
        matrix: CSR float32 of shape (n_movies, n_terms). The block of a field has rows of squared
            length ``weight of the field``, or 0 where the film lacks it; that of the language
            less, the more films share it.
        vocabulary: the term of each column, in column order.
        fields: the fields' names, in column order.
        field_ends: int64 of shape (n_fields + 1,): field f has the columns from ``field_ends[f]``
            up to ``field_ends[f + 1]``.
        idf: float32 of shape (n_terms,): inverse document frequencies; kept, so that films can be
            added without moving all others.
        years: int16 of shape (n_movies,): of release, 0 where unknown.
        votes: int64 of shape (n_movies,).
        ratings: float32 of shape (n_movies,): 0 to 10.
        frozen: None where the films are just those that the terms were learned from.
    """

    movie_ids: NDArray[np.int32]
    matrix: sparse.csr_matrix
    vocabulary: tuple[str, ...]
    fields: tuple[str, ...]
    field_ends: NDArray[np.int64]
    idf: NDArray[np.float32]
    years: NDArray[np.int16]
    votes: NDArray[np.int64]
    ratings: NDArray[np.float32]
    frozen: Frozen | None = field(default=None, kw_only=True)

    def __post_init__(self) -> None:
        n_movies, n_terms = self.matrix.shape
        for name in ("movie_ids", "years", "votes", "ratings"):
            if getattr(self, name).shape != (n_movies,):
                raise ValueError(f"{name} and matrix differ in their number of films")
        if (n_terms, n_terms) != (len(self.vocabulary), len(self.idf)):
            raise ValueError("vocabulary, idf and matrix differ in their number of terms")
        if len(self.field_ends) != len(self.fields) + 1 or self.field_ends[-1] != n_terms:
            raise ValueError("fields and matrix differ in their terms")
        if np.any(np.diff(self.movie_ids) <= 0):
            raise ValueError("movie_ids must ascend without repeats")

    @property
    def is_candidate(self) -> NDArray[np.bool_]:
        """Whether a film may be recommended: one without votes is not, for nobody has seen it."""
        return self.votes > 0

    @property
    def n_movies(self) -> int:
        """How many films there are."""
        return len(self.movie_ids)

    def columns_of(self, name: str) -> slice:
        """The columns of a field."""
        place = self.fields.index(name)
        return slice(int(self.field_ends[place]), int(self.field_ends[place + 1]))

    def fields_of(self, columns: NDArray[np.int32]) -> NDArray[np.intp]:
        """The place among :attr:`fields` of each column's field."""
        return np.searchsorted(self.field_ends, columns, side="right") - 1

    def has_term(self, name: str, term: str) -> NDArray[np.bool_]:
        """Whether each film has a term in a field; shape (n_movies,)."""
        found = np.zeros(self.n_movies, dtype=np.bool_)
        if name in self.fields:
            columns = self.columns_of(name)
            terms = self.vocabulary[columns]
            if term in terms:
                # A column of a CSR matrix: SciPy would make another matrix for it.
                is_it = self.matrix.indices == columns.start + terms.index(term)
                entries = np.flatnonzero(is_it & (self.matrix.data != 0))
                found[np.searchsorted(self.matrix.indptr, entries, side="right") - 1] = True
        return found

    def squared_lengths(self) -> NDArray[np.float64]:
        """The squared length of each film's row in each field; shape (n_movies, n_fields)."""
        n_fields, indptr = len(self.fields), self.matrix.indptr
        lengths = np.empty((self.n_movies, n_fields), dtype=np.float64)
        field_of = self.fields_of(np.arange(self.matrix.shape[1], dtype=np.int32))

        def fill(start: int) -> int:
            ends = indptr[start : start + _ROWS_MEASURED + 1].astype(np.int64)
            sizes, entries = np.diff(ends), slice(int(ends[0]), int(ends[-1]))
            places = np.repeat(np.arange(len(sizes)) * n_fields, sizes)
            places += field_of[self.matrix.indices[entries]]
            squares = np.square(self.matrix.data[entries], dtype=np.float64)
            sums = np.bincount(places, squares, len(sizes) * n_fields)
            lengths[start : start + len(sizes)] = sums.reshape(-1, n_fields)
            return len(sizes)

        starts = range(0, self.n_movies, _ROWS_MEASURED)
        in_threads(fill, starts, processors(), self.n_movies, None)
        return lengths

    @property
    def collections(self) -> NDArray[np.int32]:
        """A number for each film's collection, -1 where it has none; shape (n_movies,)."""
        if "collection" not in self.fields:
            return np.full(self.n_movies, -1, dtype=np.int32)
        block = self.matrix[:, self.columns_of("collection")]
        found = np.full(self.n_movies, -1, dtype=np.int32)
        found[np.diff(block.indptr) > 0] = block.indices  # a film is of one collection at most
        return found

    def reweighted(self, weights: Weights) -> MovieFeatures:
        """The same films by other weights; these films are those that were learned from.

        Raises:
            ValueError: where a field has no weight here but is to get one.
        """
        old = _squared_lengths(self)
        new = weights.shares()
        # What once was weighed 0 cannot be weighed again.
        missing = [n for n, share in new.items() if share > 0 and not old.get(n)]
        if missing:
            raise ValueError(f"the features were made without {', '.join(missing)}")
        factors = np.array(
            [(new[n] / (old[n] or 1.0)) ** 0.5 for n in self.fields],  # type: ignore[index]
            dtype=np.float32,
        )
        matrix = self.matrix.copy()
        matrix.data = matrix.data * factors[self.fields_of(matrix.indices)]
        if new["genres"] > 0 and "genres" in self.fields:
            self._weigh_genres(matrix, weights)
        return replace(self, matrix=matrix)

    def _weigh_genres(self, matrix: sparse.csr_matrix, weights: Weights) -> None:
        """Put the block of genres anew, for each may have another weight than it had."""
        columns = self.columns_of("genres")
        block = matrix[:, columns]
        block.data = np.ones_like(block.data)
        idf = _weighed("genres", self.idf[columns], self.vocabulary[columns], weights)
        of_genres = (matrix.indices >= columns.start) & (matrix.indices < columns.stop)
        matrix.data[of_genres] = _tfidf(block, idf, weights.shares()["genres"]).data


@dataclass
class FilmVectorizer:
    """Learns the terms of films and their inverse document frequencies, and makes rows of films.

    In scikit-learn's manner: ``fit`` learns, ``transform`` applies what was learned to any films.
    The formula is scikit-learn's smooth TF-IDF (words of texts: 1 + ln of their count).

    Attributes:
        weights: of the fields and genres; a field with weight 0 gets no columns.
    """

    weights: Weights
    _vocabularies: dict[str, dict[str, int]] = field(default_factory=dict)
    _idf: dict[str, NDArray[np.float32]] = field(default_factory=dict)

    def fit(self, films: pd.DataFrame | Iterable[pd.DataFrame]) -> FilmVectorizer:
        """Learn from films, as :func:`fit_features` takes them.

        Raises:
            NoFeaturesError: where there is no film.
        """
        self._learn(films)
        return self

    def transform(self, films: pd.DataFrame) -> MovieFeatures:
        """Make rows of films by the terms that were learned; others count for nothing.

        Raises:
            ValueError: where a field has a weight, and nothing was learned of it.
        """
        shares = self.weights.shares()
        missing = [n for n, share in shares.items() if share > 0 and n not in self._vocabularies]
        if missing:
            raise ValueError(f"nothing was learned of {', '.join(missing)}: fit films first")
        counts = {
            name: _counts(terms_of(films, name), vocabulary)
            for name, vocabulary in self._vocabularies.items()
        }
        return self._assemble([_Block(_numbers(films), counts)])

    def fit_transform(self, films: pd.DataFrame | Iterable[pd.DataFrame]) -> MovieFeatures:
        """Both at once, taking each text apart only once."""
        return self._assemble(self._learn(films))

    @classmethod
    def from_features(cls, features: MovieFeatures, weights: Weights) -> FilmVectorizer:
        """What was learned when these features were made, so that films can be added to them."""
        vectorizer = cls(weights)
        for name in features.fields:
            columns = features.columns_of(name)
            terms = features.vocabulary[columns]
            vectorizer._vocabularies[name] = {term: place for place, term in enumerate(terms)}
            vectorizer._idf[name] = features.idf[columns]
        return vectorizer

    def _learn(self, films: pd.DataFrame | Iterable[pd.DataFrame]) -> list[_Block]:
        """Learn from films; gives them taken apart, with the terms that were learned alone.

        Terms are numbered as they come, so that of a block nothing is kept but numbers.
        """
        names = [name for name, share in self.weights.shares().items() if share > 0]
        places: dict[str, dict[str, int]] = {name: {} for name in names}
        blocks = [
            _Block(
                _numbers(some),
                {name: _counts(terms_of(some, name), places[name], learn=True) for name in names},
            )
            for some in frames_of(films)
        ]
        n_films = sum(len(block.numbers.ids) for block in blocks)
        if not n_films:
            raise NoFeaturesError("There is no film to compare. Look at movies_table.")
        for name in names:
            learned = places.pop(name)
            films_a_term = np.zeros(len(learned), dtype=np.int64)
            for block in blocks:
                films_a_term[: block.counts[name].shape[1]] += np.bincount(
                    block.counts[name].indices, minlength=block.counts[name].shape[1]
                )
            rare = name == "text" and n_films >= _FEW_TEXTS
            least = _LEAST_TEXTS_A_WORD if rare else 1
            kept = sorted(term for term, place in learned.items() if films_a_term[place] >= least)
            at = np.fromiter((learned[term] for term in kept), np.int64, len(kept))
            self._vocabularies[name] = {term: place for place, term in enumerate(kept)}
            frequency = films_a_term[at].astype(np.float64)
            self._idf[name] = (np.log((1 + n_films) / (1 + frequency)) + 1).astype(np.float32)
            columns = np.full(len(learned), -1, dtype=np.int32)
            columns[at] = np.arange(len(kept), dtype=np.int32)
            for block in blocks:
                block.counts[name] = _in_columns(block.counts[name], columns, len(kept))
        return blocks

    def _assemble(self, blocks: list[_Block]) -> MovieFeatures:
        shares = self.weights.shares()
        names = [name for name in FIELDS if name in self._vocabularies]
        idf = {
            name: _weighed(name, self._idf[name], self._vocabularies[name], self.weights)
            for name in names
        }
        matrices = []
        numbers = _joined([block.numbers for block in blocks])
        while blocks:  # each is let go once it has its rows
            counts = blocks.pop(0).counts
            parts = [
                _FORMULAS.get(name, _tfidf)(counts[name], idf[name], shares[name]) for name in names
            ]
            matrices.append(sparse.csr_matrix(sparse.hstack(parts, format="csr"), dtype=np.float32))
        sizes = [0, *(len(self._vocabularies[name]) for name in names)]
        return MovieFeatures(
            movie_ids=numbers.ids,
            matrix=stacked(matrices),
            vocabulary=tuple(term for name in names for term in self._vocabularies[name]),
            fields=tuple(names),
            field_ends=np.cumsum(sizes, dtype=np.int64),
            idf=np.concatenate([self._idf[name] for name in names]),
            years=numbers.years,
            votes=numbers.votes,
            ratings=numbers.ratings,
        )


class _Numbers(NamedTuple):
    """Of films, what is a number; see :class:`MovieFeatures`."""

    ids: NDArray[np.int32]
    years: NDArray[np.int16]
    votes: NDArray[np.int64]
    ratings: NDArray[np.float32]


class _Block(NamedTuple):
    """Films taken apart.

    Attributes:
        numbers: what is a number.
        counts: by field, how often each film has each term: CSR float32.
    """

    numbers: _Numbers
    counts: dict[str, sparse.csr_matrix]


def fit_features(films: pd.DataFrame | Iterable[pd.DataFrame], weights: Weights) -> MovieFeatures:
    """Learn from films and make their rows.

    Args:
        films: as :func:`movie_assets.recommender.films.film_frame` gives them; or such frames one
            after the other, their ids ascending from frame to frame. Of a frame that is done with
            nothing is kept but numbers and terms that are new, so that a million films fit into
            4 GB; the result is the same.
        weights: of the fields.

    Raises:
        NoFeaturesError: where there is no film.
    """
    return FilmVectorizer(weights).fit_transform(films)


def terms_of(films: pd.DataFrame, name: str) -> list[list[str]]:
    """The terms that each film has in a field, repeats included."""
    if name == "text":
        from movie_assets.recommender.text import words  # noqa: PLC0415 - takes long to import

        return [
            [*words(overview), *words(tagline)]
            for overview, tagline in zip(films["overview"], films["tagline"], strict=True)
        ]
    if name == "floor":
        return [[FLOOR_TERM]] * len(films)
    if name == "decade":
        return [[] if year != year else [f"{int(year) // 10}0s"] for year in _years(films)]  # noqa: PLR0124 - NaN
    if name in ("collection", "language"):
        column = "original_language" if name == "language" else name
        return [[_tidy(text)] if text else [] for text in films[column]]
    # Once is enough: to be named twice in a list means nothing.
    return [list(dict.fromkeys(_tidy(item) for item in items)) for items in films[name]]


def _years(films: pd.DataFrame) -> NDArray[np.float64]:
    years: NDArray[np.float64] = films["year"].to_numpy(np.float64, na_value=np.nan)
    return years


def _tidy(name: str) -> str:
    return " ".join(name.split())


def stacked(matrices: list[sparse.csr_matrix]) -> sparse.csr_matrix:
    """CSR matrices of the same columns one below the other; the list is emptied meanwhile."""
    if len(matrices) == 1:
        return matrices.pop()
    n_terms, n_entries = matrices[0].shape[1], sum(matrix.nnz for matrix in matrices)
    indptr = np.concatenate([[0], *(np.diff(matrix.indptr) for matrix in matrices)])
    index = np.int32 if n_entries < 2**31 else np.int64
    data, indices = np.empty(n_entries, np.float32), np.empty(n_entries, index)
    end = 0
    while matrices:
        matrix = matrices.pop(0)
        begin, end = end, end + matrix.nnz
        data[begin:end], indices[begin:end] = matrix.data, matrix.indices
    return sparse.csr_matrix(
        (data, indices, np.cumsum(indptr).astype(index)), shape=(len(indptr) - 1, n_terms)
    )


def rows_of_parts(
    matrices: Sequence[sparse.csr_matrix], rows: NDArray[np.int64]
) -> sparse.csr_matrix:
    """Some rows of CSR matrices of the same columns, numbered through all of them.

    Rows that follow one another are copied together: where most do, that takes no longer than to
    copy the matrices once.
    """
    begins = np.cumsum([0, *(matrix.shape[0] for matrix in matrices)])
    sizes = np.concatenate([np.diff(matrix.indptr) for matrix in matrices])[rows]
    begins_run = (np.diff(rows, prepend=-2) != 1) | np.isin(rows, begins)
    firsts = np.flatnonzero(begins_run)
    lasts = np.append(firsts[1:], len(rows))[: len(firsts)] - 1
    data, indices = [np.empty(0, np.float32)], [np.empty(0, np.int32)]
    for first, last in zip(rows[firsts], rows[lasts], strict=True):
        part = int(np.searchsorted(begins, first, side="right")) - 1
        matrix, begin = matrices[part], begins[part]
        entries = slice(matrix.indptr[first - begin], matrix.indptr[last - begin + 1])
        data.append(matrix.data[entries])
        indices.append(matrix.indices[entries])
    indptr = np.concatenate([np.zeros(1, np.int64), np.cumsum(sizes, dtype=np.int64)])
    return sparse.csr_matrix(
        (np.concatenate(data), np.concatenate(indices), indptr),
        shape=(len(rows), matrices[0].shape[1]),
    )


def frames_of(films: pd.DataFrame | Iterable[pd.DataFrame]) -> Iterable[pd.DataFrame]:
    """Frames, of which there may be one alone."""
    # By what a frame alone has, since pandas takes long to import.
    return cast("Iterable[pd.DataFrame]", films if not hasattr(films, "columns") else [films])


def _numbers(films: pd.DataFrame) -> _Numbers:
    return _Numbers(
        films["id"].to_numpy(np.int32),
        films["year"].fillna(0).to_numpy(np.int16),
        films["vote_count"].to_numpy(np.int64),
        films["vote_average"].to_numpy(np.float32),
    )


def _joined(numbers: list[_Numbers]) -> _Numbers:
    return _Numbers(*(np.concatenate(parts) for parts in zip(*numbers, strict=True)))


def _weighed(
    name: str, idf: NDArray[np.float32], terms: Iterable[str], weights: Weights
) -> NDArray[np.float32]:
    """What a field's terms count: their rarity, that of genres times the genre's weight."""
    if name != "genres" or not weights.genres:
        return idf
    factors = np.array([weights.genres.get(term, 1.0) for term in terms], dtype=np.float32)
    return idf * factors


def _tfidf(counts: sparse.csr_matrix, idf: NDArray[np.float32], share: float) -> sparse.csr_matrix:
    """One field's block: rows of squared length ``share``."""
    counts = counts.astype(np.float64)
    counts.data = (1 + np.log(counts.data)) * idf[counts.indices]
    lengths = np.sqrt(np.asarray(counts.multiply(counts).sum(axis=1)).ravel())
    lengths[lengths == 0] = 1
    counts.data *= np.repeat(share**0.5 / lengths, np.diff(counts.indptr))
    return counts.astype(np.float32)


def _rarity(counts: sparse.csr_matrix, idf: NDArray[np.float32], share: float) -> sparse.csr_matrix:
    """The block of a field with one term a film: squared lengths up to ``share``, of the rarest.

    Two films in Hindi have more in common than two in English, which a length of 1 would hide.
    """
    counts = counts.astype(np.float64)
    rarest = max(float(idf.max(initial=0)), 1.0)
    counts.data = np.sqrt(share * idf[counts.indices] / rarest)
    return counts.astype(np.float32)


#: How a field is weighed, where not by TF-IDF.
_FORMULAS = {"language": _rarity}


def _counts(
    documents: Sequence[Sequence[str]], vocabulary: dict[str, int], *, learn: bool = False
) -> sparse.csr_matrix:
    """How often each document has each term; terms that are new are put in, or left out."""
    indptr = [0]
    indices: list[int] = []
    for terms in documents:
        if learn:
            indices.extend(vocabulary.setdefault(term, len(vocabulary)) for term in terms)
        else:
            indices.extend(vocabulary[term] for term in terms if term in vocabulary)
        indptr.append(len(indices))
    counts = sparse.csr_matrix(
        (np.ones(len(indices), np.float32), indices, indptr),
        shape=(len(documents), len(vocabulary)),
    )
    counts.sum_duplicates()
    return counts


def _in_columns(
    counts: sparse.csr_matrix, columns: NDArray[np.int32], n_terms: int
) -> sparse.csr_matrix:
    """The counts in other columns; those that go nowhere (-1) are left out."""
    indices = columns[counts.indices]
    kept = indices >= 0
    indptr = np.concatenate([[0], np.cumsum(kept)])[counts.indptr]
    found = sparse.csr_matrix(
        (counts.data[kept], indices[kept], indptr), shape=(counts.shape[0], n_terms)
    )
    found.sort_indices()
    return found


def _squared_lengths(features: MovieFeatures) -> dict[str, float]:
    """Of the rows in each field; 1 where no film has it, so that any weight will do."""
    found = {}
    for name in features.fields:
        block = features.matrix[:, features.columns_of(name)].astype(np.float64)
        found[name] = float(block.multiply(block).sum(axis=1).max()) if block.nnz else 1.0
    return found
