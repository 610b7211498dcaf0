"""Questions that are answered when they are asked: a dial, filters, one film or a person's films.

Every film of the catalogue is scored, so the answers are exact. What is published for every film
beforehand is ``similar``'s; the order of a list's films is ``diversity``'s.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np

from movie_assets.recommender.diversity import marginal_relevance, spread_collections
from movie_assets.recommender.ranking import Levels, Ranking, fit_ranking
from movie_assets.recommender.similar import Neighbours

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import ArrayLike, NDArray
    from scipy import sparse

    from movie_assets.recommender.features import MovieFeatures
    from movie_assets.recommender.similar import Signal
    from movie_assets.recommender.weights import Weights

    #: A signal's values by its name, each of shape (n_movies,).
    _Values = dict[str, NDArray[np.float32]]

#: How many times the films that are asked for are looked at to make a list diverse.
_POOL = 5
LIKED_FROM, DISLIKED_TO = 4.0, 2.5
#: A second film is named as a reason where it speaks this much as the first.
_SPEAKS_TOO = 0.6


class EmptyTasteError(ValueError):
    """A taste says nothing: no film that the catalogue has is liked."""


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
    """

    first_year: int | None = None
    last_year: int | None = None
    genres: tuple[str, ...] = ()
    without_genres: tuple[str, ...] = ()
    languages: tuple[str, ...] = ()
    least_votes: int = 0
    least_rating: float = 0.0

    def allowed(self, features: MovieFeatures) -> NDArray[np.bool_]:
        """Whether each film may be recommended; shape (n_movies,)."""
        allowed = features.is_candidate & (features.votes >= self.least_votes)
        allowed &= features.ratings >= self.least_rating
        if self.first_year is not None:
            allowed &= (features.years >= self.first_year) & (features.years > 0)
        if self.last_year is not None:
            allowed &= (features.years <= self.last_year) & (features.years > 0)
        for genre in self.genres:
            allowed &= features.has_term("genres", genre)
        for genre in self.without_genres:
            allowed &= ~features.has_term("genres", genre)
        if self.languages:
            spoken = [features.has_term("language", language) for language in self.languages]
            allowed &= np.logical_or.reduce(spoken)
        return allowed


@dataclass(frozen=True)
class Taste:
    """A person's films.

    Attributes:
        films: int32 of shape (n,): indices, each once.
        values: float32 of shape (n,): above 0 for a film that speaks for those like it, below 0
            for one that speaks against them.
        seen: int32 of shape (n_seen,): films that are not to be recommended, ``films`` besides.
    """

    films: NDArray[np.int32]
    values: NDArray[np.float32]
    seen: NDArray[np.int32] = field(default_factory=lambda: np.zeros(0, dtype=np.int32))

    def __post_init__(self) -> None:
        if self.films.shape != self.values.shape:
            raise ValueError("films and values differ in number")
        if len(np.unique(self.films)) != len(self.films):
            raise ValueError("a film is there twice")
        if not np.isfinite(self.values).all():
            raise ValueError("a value is no number")

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
        has only been seen. Younger ratings count more. Of a film that was rated twice the younger
        rating counts.

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
        dislike, half_life = weights.profile.dislike, weights.profile.half_life
        value = np.where(given <= DISLIKED_TO, -dislike, 0.0)
        value[given >= LIKED_FROM] = 1.0
        value *= 0.5 ** (_ages(when) / half_life)
        return cls(rated, value.astype(np.float32))


@dataclass(frozen=True)
class Answer:
    """Films for somebody, the best first.

    Attributes:
        films: int32 of shape (n,): indices.
        scores: float32 of shape (n,), in [0, 1]: in parts of the best that a film could have.
        because: int32 of shape (n, 2): the films of the taste that speak most for each, -1 where
            there are fewer.
    """

    films: NDArray[np.int32]
    scores: NDArray[np.float32]
    because: NDArray[np.int32]


@dataclass(frozen=True)
class Recommender:
    """Answers questions about one catalogue.

    Attributes:
        features: n_movies films.
        weights: of everything.
        signals: what else goes into the score of two films.
        item_weights: CSR float32 of shape (n_movies, n_movies), or None: what liking one film says
            of liking another, learned from many people (``item_weights.fit_item_weights``).
    """

    features: MovieFeatures
    weights: Weights
    signals: Sequence[Signal] = ()
    item_weights: sparse.csr_matrix | None = None

    def similar(
        self,
        film: int,
        k: int,
        *,
        popularity: float | None = None,
        diversity: float = 0.0,
        filters: Filters | None = None,
    ) -> Neighbours:
        """The films most like one film, by any place of the dials.

        Args:
            film: its index.
            k: how many, at least 1.
            popularity: from 0 (hidden gems) to 1 (crowd favourites); None for the default.
            diversity: from 0 (the best) to 1 (as unlike each other as can be).
            filters: which films may be recommended.

        Returns:
            The pairs in the list's order, their ranks from 1; scores fall only where the list is
            by score alone.

        Raises:
            ValueError: where a number is out of range.
        """
        if k < 1:
            raise ValueError(f"k must be at least 1, not {k}")
        ranking = fit_ranking(self.features, self.weights, popularity, self._levels)
        scores, content, closeness, values = self._of_film(ranking, film)
        scores[~(filters or Filters()).allowed(self.features)] = 0
        scores[film] = 0
        best = _best(scores, min(_POOL * k, len(scores)))
        best = best[self._arrange(best, scores[best], k, diversity)]
        return Neighbours(
            rows=np.full(len(best), film, dtype=np.int32),
            columns=best,
            ranks=np.arange(1, len(best) + 1, dtype=np.int32),
            scores=scores[best],
            content=content[best],
            closeness=closeness[best],
            prior=ranking.prior[best],
            signals={name: value[best] for name, value in values.items()},
        )

    def for_taste(
        self,
        taste: Taste,
        k: int,
        *,
        popularity: float | None = 1.0,
        diversity: float = 0.0,
        filters: Filters | None = None,
    ) -> Answer:
        """The films for somebody, of all films but those of the taste.

        Each film of the taste shares out one vote among all films, by their scores raised to the
        power of ``weights.profile.sharpness``, so that none of them drowns the others. The votes
        are added up, times the films' values. Where item weights were learned (EASE, Steck 2019),
        what they say is added.

        Args:
            taste: at least one film with a value other than 0.
            k: how many, at least 1.
            popularity: as for :meth:`similar`; a taste is met best by well-known films.
            diversity: as for :meth:`similar`.
            filters: which films may be recommended.

        Raises:
            EmptyTasteError: where no film of the taste has a value above 0.
            ValueError: where a number is out of range.
        """
        if k < 1:
            raise ValueError(f"k must be at least 1, not {k}")
        speaks = np.flatnonzero(taste.values)
        if not (taste.values > 0).any():
            raise EmptyTasteError(
                "Name at least one film that is liked: of dislikes alone nothing can be told."
            )
        films, values = taste.films[speaks], taste.values[speaks]
        ranking = fit_ranking(self.features, self.weights, popularity, self._levels)
        scores = self._scores(ranking, films, values)
        allowed = (filters or Filters()).allowed(self.features)
        allowed[taste.films] = False
        allowed[taste.seen] = False
        scores[~allowed] = 0
        best = _best(scores, min(_POOL * k, len(scores)))
        best = best[self._arrange(best, scores[best], k, diversity)]
        return Answer(best, scores[best], self._because(ranking, films, values, best))

    @cached_property
    def _without_floor(self) -> tuple[sparse.csr_matrix, sparse.csr_matrix, float]:
        """The rows, and by terms, without the term that every film has; and what that adds."""
        features = self.features
        if "floor" not in features.fields:
            return features.matrix, features.matrix.T.tocsr(), 0.0
        columns = features.columns_of("floor")
        share = float(features.matrix[:, columns].max()) ** 2
        rows = features.matrix[:, : columns.start]
        return rows, rows.T.tocsr(), share

    def _content(self, film: int) -> NDArray[np.float32]:
        """The likeness of a film's content to every film's; shape (n_movies,)."""
        rows, by_term, floor = self._without_floor
        content = np.full(self.features.n_movies, floor, dtype=np.float32)
        likeness = rows[film] @ by_term
        content[likeness.indices] += likeness.data
        return np.minimum(content, np.float32(1), out=content)

    def _of_film(
        self, ranking: Ranking, film: int
    ) -> tuple[NDArray[np.float32], NDArray[np.float32], NDArray[np.float32], _Values]:
        """Every film's score beside a film; its content, closeness and signals."""
        content, closeness = self._content(film), ranking.closeness_to(film)
        values = {
            signal.name: signal.pairs[film].toarray().ravel()
            for signal in self.signals
            if signal.pairs.indptr[film + 1] > signal.pairs.indptr[film]
        }
        own_share = 1 - sum(signal.share for signal in self.signals)
        scores: NDArray[np.float32] = np.float32(own_share) * content * closeness * ranking.prior
        total = own_share
        for signal in self.signals:
            if signal.name in values:
                scores += np.float32(signal.share) * values[signal.name]
                total += signal.share
        scores[ranking.prior == 0] = 0
        scores /= np.float32(total)
        return scores, content, closeness, values

    def _votes(self, ranking: Ranking, film: int) -> NDArray[np.float32]:
        """How a film shares out its vote; shape (n_movies,), adding up to 1."""
        scores = self._of_film(ranking, film)[0]
        scores[film] = 0
        scores **= np.float32(self.weights.profile.sharpness)
        total = float(scores.sum(dtype=np.float64))
        return scores / np.float32(total) if total > 0 else scores

    def _scores(
        self, ranking: Ranking, films: NDArray[np.int32], values: NDArray[np.float32]
    ) -> NDArray[np.float32]:
        total = np.zeros(self.features.n_movies, dtype=np.float32)
        for film, value in zip(films, values, strict=True):
            total += value * self._votes(ranking, int(film))
        votes = _in_parts_of_the_best(total)
        if self.item_weights is None:
            return votes
        share = self.weights.profile.item_weights
        learned = np.asarray(self.item_weights[films].T @ values, dtype=np.float32).ravel()
        if not (learned > 0).any():
            return votes
        learned = np.where(ranking.prior > 0, learned, 0)
        both: NDArray[np.float32] = votes + np.float32(share) * _in_parts_of_the_best(learned)
        return both / np.float32(1 + share)

    def _because(
        self,
        ranking: Ranking,
        films: NDArray[np.int32],
        values: NDArray[np.float32],
        found: NDArray[np.int32],
    ) -> NDArray[np.int32]:
        """For each film found, the two films of the taste that speak most for it."""
        because = np.full((len(found), 2), -1, dtype=np.int32)
        liked = films[values > 0]
        if not len(liked) or not len(found):
            return because
        rows = self.features.matrix
        parts = (rows[liked] @ rows[found].T).toarray()
        parts *= ranking.closeness(liked[:, None], found)
        for signal in self.signals:
            parts += signal.share * signal.pairs[liked][:, found].toarray()
        parts /= max(float(parts.max()), 1e-12)
        if self.item_weights is not None:
            learned = self.item_weights[liked][:, found].toarray()
            parts += learned / max(float(learned.max()), 1e-12)
        parts *= values[values > 0][:, None]
        # Any two films have something in common, so a second reason has to be about as good.
        least = np.maximum(_SPEAKS_TOO * parts.max(axis=0), 1e-12)
        for place, row in enumerate(np.argsort(-parts, axis=0, kind="stable")[:2]):
            speaks = parts[row, np.arange(len(found))] >= least
            because[speaks, place] = liked[row[speaks]]
        return because

    def _arrange(
        self, films: NDArray[np.int32], scores: NDArray[np.float32], k: int, diversity: float
    ) -> NDArray[np.intp]:
        order = marginal_relevance(scores, self.features.matrix[films], len(films), diversity)
        spread = spread_collections(self._collections[films[order]], k)
        return order[spread]

    @cached_property
    def _levels(self) -> Levels:
        return Levels.of(self.features, self.weights)

    @cached_property
    def _collections(self) -> NDArray[np.int32]:
        return self.features.collections


def _ages(times: NDArray[np.float64]) -> NDArray[np.float64]:
    """How many ratings are younger than each; those of one moment share their ages' mean."""
    _, place, counts = np.unique(-times, return_inverse=True, return_counts=True)
    ages: NDArray[np.float64] = (np.cumsum(counts) - counts + (counts - 1) / 2)[place]
    return ages - ages.min(initial=np.inf) if len(ages) else ages


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
