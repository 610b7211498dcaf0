"""Questions that are answered when they are asked: a dial, filters, one film or a person's films.

Every film of the catalogue is scored, so the answers are exact. What is published for every film
beforehand is ``similar``'s; the order of a list's films is ``diversity``'s.
"""

from __future__ import annotations

from collections import OrderedDict
from dataclasses import dataclass, field, replace
from functools import cached_property
from threading import Lock
from typing import TYPE_CHECKING

import numpy as np
from scipy import sparse

from movie_assets.recommender.diversity import marginal_relevance, spread_collections
from movie_assets.recommender.explanations import Explainer
from movie_assets.recommender.ranking import Levels, Ranking, fit_ranking, log_prior
from movie_assets.recommender.similar import Neighbours
from movie_assets.titles import normalised

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from numpy.typing import ArrayLike, NDArray

    from movie_assets.recommender.features import MovieFeatures
    from movie_assets.recommender.similar import Signal
    from movie_assets.recommender.votes import Terms
    from movie_assets.recommender.weights import Weights

    #: A signal's values by its name, each of shape (n_movies,).
    _Values = dict[str, NDArray[np.float32]]

#: A list is put in order by so many films at a time, the best of them first, so that one page of it
#: agrees with the next however long they are.
_BLOCK = 100
LIKED_FROM, DISLIKED_TO = 4.0, 2.5
#: What counts less for what is liked next is not looked up.
_LEAST_RECENT = 1e-4
#: A second film is named as a reason where it speaks this much as the first.
_SPEAKS_TOO = 0.6
#: Places of the popularity dial whose rankings are kept: at a million films 4 MB each, 8 MB in its
#: lower half.
_RANKINGS_KEPT = 16


class EmptyTasteError(ValueError):
    """A taste says nothing: no film that the catalogue has is liked."""


class UnknownNameError(ValueError):
    """No film has a genre or a language of this name; the message lists those there are."""

    def __init__(self, what: str, name: str, there: Iterable[str]) -> None:
        self.name = name
        self.there = tuple(sorted(there))
        super().__init__(f"No film is of the {what} {name!r}. There are: {', '.join(self.there)}.")


@dataclass(frozen=True)
class Filters:
    """Which films may be recommended; what is left out allows every film.

    Attributes:
        first_year: of release; a film without a year is left out where there is a first or last.
        last_year: of release.
        genres: a film must have all of these.
        without_genres: and none of these.
        languages: its original language must be one of these (ISO 639-1).
        least_votes: on TMDB.
        least_rating: 0 to 10.
        least_runtime: in minutes; a film whose runtime is unknown is left out where there is a
            least or longest.
        longest_runtime: in minutes.
    """

    first_year: int | None = None
    last_year: int | None = None
    genres: tuple[str, ...] = ()
    without_genres: tuple[str, ...] = ()
    languages: tuple[str, ...] = ()
    least_votes: int = 0
    least_rating: float = 0.0
    least_runtime: int | None = None
    longest_runtime: int | None = None

    def allowed(
        self, features: MovieFeatures, runtimes: NDArray[np.int32] | None = None
    ) -> NDArray[np.bool_]:
        """Whether each film may be recommended; shape (n_movies,).

        Args:
            features: of n_movies films.
            runtimes: int32 of shape (n_movies,), in minutes, 0 where unknown.

        Raises:
            ValueError: where runtimes count and there are none.
        """
        allowed = features.is_candidate.copy()
        if self.least_votes > 1:
            allowed &= features.votes >= self.least_votes
        if self.least_rating > 0:
            allowed &= features.ratings >= self.least_rating
        _keep_between(allowed, features.years, self.first_year, self.last_year)
        if self.least_runtime is not None or self.longest_runtime is not None:
            if runtimes is None:
                raise ValueError("the films' runtimes are not known here")
            _keep_between(allowed, runtimes, self.least_runtime, self.longest_runtime)
        for genre in self.genres:
            allowed &= features.has_term("genres", genre)
        for genre in self.without_genres:
            allowed &= ~features.has_term("genres", genre)
        if self.languages:
            spoken = [features.has_term("language", language) for language in self.languages]
            allowed &= np.logical_or.reduce(spoken)
        return allowed

    def among(self, genres: Sequence[str], languages: Sequence[str]) -> Filters:
        """These filters with names as films have them, whatever their case and accents.

        Args:
            genres: all there are.
            languages: all there are.

        Raises:
            UnknownNameError: where there is none of a name.
        """
        if not (self.genres or self.without_genres or self.languages):
            return self

        return replace(
            self,
            genres=_known("genre", self.genres, genres),
            without_genres=_known("genre", self.without_genres, genres),
            languages=_known("language", self.languages, languages),
        )


@dataclass(frozen=True)
class Wishes:
    """What somebody wants of a list.

    Attributes:
        popularity: from 0 (hidden gems) to 1 (crowd favourites); None for the default.
        diversity: from 0 (the best) to 1 (as unlike each other as can be).
        filters: which films may be in it.
    """

    popularity: float | None = None
    diversity: float = 0.0
    filters: Filters = field(default_factory=Filters)


@dataclass(frozen=True)
class Taste:
    """A person's films.

    Attributes:
        films: int32 of shape (n,): indices, each once.
        values: float32 of shape (n,): above 0 for a film that speaks for those like it, below 0
            for one that speaks against them.
        seen: int32 of shape (n_seen,): films that are not to be recommended, ``films`` besides.
        recent: float32 of shape (n,), at least 0: what each film counts for what is liked soon
            after it; None where nobody knows which came last.
    """

    films: NDArray[np.int32]
    values: NDArray[np.float32]
    seen: NDArray[np.int32] = field(default_factory=lambda: np.zeros(0, dtype=np.int32))
    recent: NDArray[np.float32] | None = None

    def __post_init__(self) -> None:
        if self.films.shape != self.values.shape:
            raise ValueError("films and values differ in number")
        if self.recent is not None and self.recent.shape != self.films.shape:
            raise ValueError("films and what is recent differ in number")
        if len(np.unique(self.films)) != len(self.films):
            raise ValueError("a film is there twice")
        if not np.isfinite(self.values).all():
            raise ValueError("a value is no number")

    def leads(self, half_life: float) -> NDArray[np.float32]:
        """What each film counts for what is liked soon after it; float32 of shape (n,).

        Where nobody knows which came last, each counts what it does in the mean over all places.

        Args:
            half_life: after how many younger ones a film counts half.
        """
        if self.recent is not None:
            return self.recent
        mean = float(np.mean(0.5 ** (np.arange(len(self.films)) / half_life)))
        return np.where(self.values >= 0, mean, 0).astype(np.float32)

    @classmethod
    def of_ratings(
        cls,
        films: ArrayLike,
        stars: ArrayLike,
        weights: Weights,
        times: ArrayLike | None = None,
    ) -> Taste:
        """The taste of somebody who rated films.

        From 4 stars on a film is liked; up to 2.5 it is disliked, which counts less; in between it
        has only been seen. Younger ratings count more, and for what is liked soon after them the
        last few alone, liked or only seen. Of a film that was rated twice the younger rating
        counts.

        Args:
            films: indices of shape (n,).
            stars: of shape (n,), 0.5 to 5.
            weights: what a dislike counts, and how fast ratings age.
            times: of shape (n,), in any unit; None where all are as old.

        Raises:
            ValueError: where a rating is no number, or lengths differ.
        """
        rated = np.asarray(films, dtype=np.int32)
        given = np.asarray(stars, dtype=np.float64)
        if rated.shape != given.shape or not np.isfinite(given).all():
            raise ValueError("each film needs one rating, a number")
        when = np.zeros(len(rated)) if times is None else np.asarray(times, dtype=np.float64)
        order = np.lexsort((rated, when))
        rated, given, when = rated[order], given[order], when[order]
        # Of a film the last is kept.
        last = len(rated) - 1 - np.unique(rated[::-1], return_index=True)[1]
        kept = np.sort(last)
        rated, given, when = rated[kept], given[kept], when[kept]
        by, ages = weights.profile, _ages(when)
        places = np.arange(len(when))[::-1]
        value = np.where(given <= DISLIKED_TO, -by.dislike, 0.0)
        value[given >= LIKED_FROM] = 1.0
        value *= 0.5 ** (ages / by.half_life)
        recent = _mean_of_equals(0.5 ** (places / by.last_half_life), when)
        recent[given <= DISLIKED_TO] = 0
        recent[recent < _LEAST_RECENT] = 0
        return cls(rated, value.astype(np.float32), recent=recent.astype(np.float32))


@dataclass(frozen=True)
class Answer:
    """Films for somebody, the best first.

    Attributes:
        films: int32 of shape (n,): indices.
        scores: float32 of shape (n,), in [0, 1]: in parts of the best that a film could have.
        popularity: the place of the dial that was asked for; None for the default.
    """

    films: NDArray[np.int32]
    scores: NDArray[np.float32]
    popularity: float | None


@dataclass(frozen=True)
class Prepared:
    """What questions need of films beside their features, worked out once.

    Attributes:
        by_term: CSR float32 of shape (n_terms, n_candidates): the transpose of the features' rows
            of the films that can be recommended; for no other is anything worked out.
        levels: of the films.
        collections: int32 of shape (n_movies,): a number for each film's collection, -1 for none.
        runtimes: int32 of shape (n_movies,), in minutes, 0 where unknown; None where none is known.
    """

    by_term: sparse.csr_matrix
    levels: Levels
    collections: NDArray[np.int32]
    runtimes: NDArray[np.int32] | None = None

    @classmethod
    def of(cls, features: MovieFeatures, weights: Weights) -> Prepared:
        """Work it out."""
        by_term = features.matrix[features.is_candidate].T.tocsr()
        return cls(by_term, Levels.of(features, weights), features.collections)


@dataclass(frozen=True)
class Recommender:
    """Answers questions about one catalogue. Safe to be asked by many threads.

    Attributes:
        features: n_movies films.
        weights: of everything.
        signals: what else goes into the score of two films.
        item_weights: CSR float32 of shape (n_movies, n_movies), or None: what liking one film says
            of liking another, learned from many people (``item_weights.fit_item_weights``).
        transitions: CSR float32 of shape (n_movies, n_movies), or None: what many people liked soon
            after a film (``transitions.fit_transitions``).
        prepared: what was worked out before; None to do so at the first question.
    """

    features: MovieFeatures
    weights: Weights
    signals: Sequence[Signal] = ()
    item_weights: sparse.csr_matrix | None = None
    transitions: sparse.csr_matrix | None = None
    prepared: Prepared | None = None

    def similar(
        self,
        film: int,
        k: int,
        *,
        offset: int = 0,
        popularity: float | None = None,
        diversity: float = 0.0,
        filters: Filters | None = None,
    ) -> Neighbours:
        """The films most like one film, by any place of the dials.

        Args:
            film: its index.
            k: how many, at least 1.
            offset: how many to leave out before; pages of one list fit together.
            popularity: from 0 (hidden gems) to 1 (crowd favourites); None for the default.
            diversity: from 0 (the best) to 1 (as unlike each other as can be).
            filters: which films may be recommended.

        Returns:
            The pairs in the list's order, their ranks from 1 after the offset; scores fall only
            where the list is by score alone.

        Raises:
            ValueError: where a number is out of range.
        """
        _check_page(k, offset)
        ranking = self._ranking(popularity)
        scores, content, values = self._of_film(ranking, film)
        scores[~self._allowed(filters)] = 0
        scores[film] = 0
        best = self._page(scores, k, offset, diversity)
        rows = np.full(len(best), film, dtype=np.int32)
        return Neighbours(
            rows=rows,
            columns=best,
            ranks=np.arange(offset + 1, offset + len(best) + 1, dtype=np.int32),
            scores=scores[best],
            content=content[best],
            closeness=ranking.closeness(rows, best),
            prior=ranking.prior[best],
            signals={name: value[best] for name, value in values.items()},
        )

    def for_taste(
        self,
        taste: Taste,
        k: int,
        *,
        offset: int = 0,
        popularity: float | None = None,
        diversity: float = 0.0,
        filters: Filters | None = None,
    ) -> Answer:
        """The films for somebody, of all films but those of the taste.

        Each film of the taste shares out one vote among all films, by their scores raised to the
        power of ``weights.profile.sharpness``, so that none of them drowns the others. The votes
        are added up, times the films' values, and are 1 for the best. Where item weights were
        learned (EASE, Steck 2019), what they say is added, and so is what is liked soon after these
        films. Both are added as large as they are: of films that few people like, or of one alone,
        little is known, and then the votes decide.

        Args:
            taste: at least one film with a value other than 0.
            k: how many, at least 1.
            offset: as for :meth:`similar`.
            popularity: as for :meth:`similar`.
            diversity: as for :meth:`similar`.
            filters: which films may be recommended.

        Raises:
            EmptyTasteError: where no film of the taste has a value above 0.
            ValueError: where a number is out of range.
        """
        _check_page(k, offset)
        if not (taste.values > 0).any():
            raise EmptyTasteError(
                "Name at least one film that is liked: of dislikes alone nothing can be told."
            )
        ranking = self._ranking(popularity)
        scores = self._scores(ranking, taste)
        allowed = self._allowed(filters)
        allowed[taste.films] = False
        allowed[taste.seen] = False
        scores[~allowed] = 0
        best = self._page(scores, k, offset, diversity)
        return Answer(best, scores[best], popularity)

    def because(self, taste: Taste, answer: Answer) -> NDArray[np.int32]:
        """For each film of an answer, the two liked films of the taste that speak most for it.

        Args:
            taste: whom it was an answer to.
            answer: of n films.

        Returns:
            int32 of shape (n, 2): films by index, -1 where there are fewer.
        """
        found = answer.films
        because = np.full((len(found), 2), -1, dtype=np.int32)
        is_liked = taste.values > 0
        liked = taste.films[is_liked]
        if not len(liked) or not len(found):
            return because
        parts = self._speak_for(self._ranking(answer.popularity), taste, is_liked, found)
        # Any two films have something in common, so a second reason has to be about as good.
        least = np.maximum(_SPEAKS_TOO * parts.max(axis=0), 1e-12)
        for place, row in enumerate(np.argsort(-parts, axis=0, kind="stable")[:2]):
            speaks = parts[row, np.arange(len(found))] >= least
            because[speaks, place] = liked[row[speaks]]
        return because

    def reasons(self, rows: NDArray[np.int32], columns: NDArray[np.int32]) -> list[list[str]]:
        """Why films go together, in words: of pairs given as two arrays of shape (n_pairs,)."""
        signals = {signal.name: _values_of(signal.pairs, rows, columns) for signal in self.signals}
        if self.item_weights is not None:
            # It was learned from what people like together, as co-liked films were.
            learned = _values_of(self.item_weights, rows, columns)
            co_liked = signals.get("co_liked", learned)
            signals["co_liked"] = np.maximum(co_liked, learned)
        return self.explainer.reasons(rows, columns, signals)

    @cached_property
    def explainer(self) -> Explainer:
        """Tells why films go together."""
        return Explainer(self.features)

    def _allowed(self, filters: Filters | None) -> NDArray[np.bool_]:
        return (filters or Filters()).allowed(self.features, self._prepared.runtimes)

    def _ranking(self, popularity: float | None) -> Ranking:
        return self._rankings.at(popularity)

    @cached_property
    def _rankings(self) -> _Rankings:
        return _Rankings(self.features, self.weights, self._prepared.levels)

    @cached_property
    def _prepared(self) -> Prepared:
        return self.prepared or Prepared.of(self.features, self.weights)

    @cached_property
    def _terms(self) -> Terms:
        # numba takes a fifth of a second to import, which looking up stored lists saves.
        from movie_assets.recommender.votes import terms_of  # noqa: PLC0415

        features = self.features
        n_terms, floor = features.matrix.shape[1], 0.0
        if "floor" in features.fields:
            n_terms = features.columns_of("floor").start
            # A film's floor is the last of its terms, and the same for every film.
            floor = float(features.matrix.data[-1]) ** 2 if features.matrix.nnz else 0.0
        candidates = np.flatnonzero(features.is_candidate)
        return terms_of(features.matrix, self._prepared.by_term, candidates, n_terms, floor)

    def _of_film(
        self, ranking: Ranking, film: int
    ) -> tuple[NDArray[np.float32], NDArray[np.float32], _Values]:
        """Every film's score beside a film; the likeness of their content, and signals."""
        from movie_assets.recommender.votes import add_likeness  # noqa: PLC0415

        terms = self._terms
        row = np.full(len(terms.candidates), terms.floor, dtype=np.float32)
        add_likeness(terms, film, row)
        content = np.zeros(self.features.n_movies, dtype=np.float32)
        content[terms.candidates] = np.minimum(row, np.float32(1))
        values = {
            signal.name: ranking.heard(signal.pairs[film]).toarray().ravel()
            for signal in self.signals
            if signal.pairs.indptr[film + 1] > signal.pairs.indptr[film]
        }
        own_share = 1 - sum(signal.share for signal in self.signals)
        scores: NDArray[np.float32] = np.float32(own_share) * content
        scores *= ranking.closeness_to(film)
        scores *= ranking.prior
        total = own_share
        for signal in self.signals:
            if signal.name in values:
                scores += np.float32(signal.share) * values[signal.name]
                total += signal.share
        if values:
            scores[ranking.prior == 0] = 0
        scores /= np.float32(total)
        return scores, content, values

    def _scores(self, ranking: Ranking, taste: Taste) -> NDArray[np.float32]:
        scores, best = _in_parts_of_the_best(self._votes(ranking, taste)), 1.0
        by = self.weights.profile
        heard = ranking.open_to(taste.films[taste.values >= 0])
        if ranking.obscurity is not None:
            heard *= ranking.obscurity
        for pairs, share, says in (
            (self.item_weights, by.item_weights, taste.values),
            (self.transitions, by.transitions, taste.leads(by.last_half_life)),
        ):
            if pairs is None:
                continue
            speaks = np.flatnonzero(says)
            said = pairs[taste.films[speaks]].T @ says[speaks]
            learned = np.maximum(np.asarray(said, np.float32).ravel(), 0)
            learned[ranking.prior == 0] = 0
            learned *= np.float32(share)
            # By what could be had before anything is marked down: what little is left of it among
            # hidden gems is not to count like all of it.
            best += float(learned.max(initial=0))
            scores += heard * learned
        scores /= np.float32(best)
        return scores

    def _votes(self, ranking: Ranking, taste: Taste) -> NDArray[np.float32]:
        from movie_assets.recommender.votes import votes_of  # noqa: PLC0415

        speaks = np.flatnonzero(taste.values)
        films, values = taste.films[speaks], taste.values[speaks]
        extra = sparse.csr_matrix((len(films), self.features.n_movies), dtype=np.float32)
        # In parts of the content's share: votes are the same whatever all scores are divided by.
        own_share = 1 - sum(signal.share for signal in self.signals)
        for signal in self.signals:
            extra = extra + ranking.heard(signal.pairs[films]) * np.float32(
                signal.share / own_share
            )
        sharpness = self.weights.profile.sharpness
        return votes_of(self._terms, ranking, films, values, extra, sharpness)

    def _speak_for(
        self,
        ranking: Ranking,
        taste: Taste,
        is_liked: NDArray[np.bool_],
        found: NDArray[np.int32],
    ) -> NDArray[np.float32]:
        """How much each liked film speaks for each film found; shape (n_liked, n_found)."""
        rows, liked = self.features.matrix, taste.films[is_liked]
        parts: NDArray[np.float32] = (rows[liked] @ rows[found].T).toarray()
        parts *= ranking.closeness(liked[:, None], found)
        for signal in self.signals:
            parts += signal.share * _between(signal.pairs, liked, found)
        parts /= max(float(parts.max()), 1e-12)
        by = self.weights.profile
        if self.item_weights is not None:
            parts += by.item_weights * _between(self.item_weights, liked, found)
        parts *= taste.values[is_liked][:, None]
        if self.transitions is not None:
            leads = by.transitions * taste.leads(by.last_half_life)[is_liked]
            parts += leads[:, None] * _between(self.transitions, liked, found)
        return parts

    def _page(
        self, scores: NDArray[np.float32], k: int, offset: int, diversity: float
    ) -> NDArray[np.int32]:
        """Some places of the list that scores make: block by block, each in an order of its own."""
        first, last = offset // _BLOCK, -(-(offset + k) // _BLOCK)
        best = _best(scores, min(last * _BLOCK, len(scores)))
        collections = self._prepared.collections
        page = [best[:0]]
        for start in range(first * _BLOCK, min(last * _BLOCK, len(best)), _BLOCK):
            block = best[start : start + _BLOCK]
            if diversity:
                rows = self.features.matrix[block]
                block = block[marginal_relevance(scores[block], rows, len(block), diversity)]
            before = collections[best[:start]]
            page.append(block[spread_collections(collections[block], len(block), before=before)])
        skipped = offset - first * _BLOCK
        return np.concatenate(page)[skipped : skipped + k]


class _Rankings:
    """The rankings of the places of the dial that were asked for last."""

    def __init__(self, features: MovieFeatures, weights: Weights, levels: Levels) -> None:
        self._features, self._weights, self._levels = features, weights, levels
        self._logs = log_prior(features, weights)
        self._kept: OrderedDict[float, Ranking] = OrderedDict()
        self._lock = Lock()

    def at(self, popularity: float | None) -> Ranking:
        """The ranking of a place of the dial.

        Raises:
            ValueError: where the dial is beyond its ends, or no number.
        """
        place = 0.5 if popularity is None else float(popularity)
        with self._lock:
            found = self._kept.get(place)
            if found is not None:
                self._kept.move_to_end(place)
                return found
        made = fit_ranking(self._features, self._weights, place, self._levels, self._logs)
        with self._lock:
            self._kept[place] = made
            while len(self._kept) > _RANKINGS_KEPT:
                self._kept.popitem(last=False)
        return made


def _check_page(k: int, offset: int) -> None:
    if k < 1:
        raise ValueError(f"k must be at least 1, not {k}")
    if offset < 0:
        raise ValueError(f"offset must be at least 0, not {offset}")


def _keep_between(
    allowed: NDArray[np.bool_], values: NDArray[np.integer], least: int | None, most: int | None
) -> None:
    """Allow only films whose value is known, which is above 0, and within these."""
    if least is not None:
        allowed &= values >= max(least, 1)
    if most is not None:
        allowed &= (values <= most) & (values > 0)


def _known(what: str, asked: Iterable[str], there: Iterable[str]) -> tuple[str, ...]:
    by_name = {normalised(name): name for name in there}
    for name in asked:
        if normalised(name) not in by_name:
            raise UnknownNameError(what, name, by_name.values())
    return tuple(dict.fromkeys(by_name[normalised(name)] for name in asked))  # each once


def _values_of(
    pairs: sparse.csr_matrix, rows: NDArray[np.int32], columns: NDArray[np.int32]
) -> NDArray[np.float32]:
    """The value of each pair; shape (n_pairs,)."""
    if not len(rows):
        return np.zeros(0, dtype=np.float32)
    return np.asarray(pairs[rows, columns], dtype=np.float32).ravel()


def _between(
    pairs: sparse.csr_matrix, rows: NDArray[np.int32], columns: NDArray[np.int32]
) -> NDArray[np.float32]:
    """The values of all pairs of some rows and some columns, these each once."""
    some = pairs[rows].tocoo()
    order = np.argsort(columns)
    places = np.minimum(np.searchsorted(columns, some.col, sorter=order), len(columns) - 1)
    places = order[places]
    found = columns[places] == some.col
    values = np.zeros((len(rows), len(columns)), dtype=np.float32)
    values[some.row[found], places[found]] = some.data[found]
    return values


def _ages(times: NDArray[np.float64]) -> NDArray[np.float64]:
    """How many ratings are younger than each; those of one moment share their ages' mean."""
    _, place, counts = np.unique(-times, return_inverse=True, return_counts=True)
    ages: NDArray[np.float64] = (np.cumsum(counts) - counts + (counts - 1) / 2)[place]
    return ages - ages.min(initial=np.inf) if len(ages) else ages


def _mean_of_equals(values: NDArray[np.float64], keys: NDArray[np.float64]) -> NDArray[np.float64]:
    """Each value's mean with those of the same key."""
    _, place, counts = np.unique(keys, return_inverse=True, return_counts=True)
    means: NDArray[np.float64] = np.bincount(place, values)[place] / counts[place]
    return means


def _in_parts_of_the_best(values: NDArray[np.float32]) -> NDArray[np.float32]:
    positive: NDArray[np.float32] = np.maximum(values, 0)
    most = float(positive.max(initial=0))
    return positive / np.float32(most) if most > 0 else positive


def _best(scores: NDArray[np.float32], k: int) -> NDArray[np.int32]:
    """The k best positive scores, equals by film."""
    positive = np.flatnonzero(scores > 0)
    if len(positive) > k:
        least = np.partition(scores[positive], len(positive) - k)[len(positive) - k]
        positive = positive[scores[positive] >= least]
    order = np.lexsort((positive, -scores[positive]))
    return positive[order[:k]].astype(np.int32)
