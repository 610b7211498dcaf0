"""Ranking: what multiplies the likeness of two films' content, and what else goes into a score.

    score = likeness of content x closeness of the two films x prior of the candidate

The popularity dial says how much fame counts. In its lower half what people like, which is what
everybody knows, is marked down for fame, and a film that is not known may still be a good one: its
rating counts to the end.

Closeness (of years, votes, ratings and audiences) is looked up from a small code a film, so that
the exact kernel can apply it where a score has passed without it. What the numbers are is for
``weights``; how the best are found is for ``neighbours``.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
from scipy import sparse

from movie_assets.recommender.threads import in_threads, processors

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from movie_assets.recommender.features import MovieFeatures
    from movie_assets.recommender.weights import Closeness, Weights

#: Years are counted one by one from here on, and before by fives, from and up to these.
_EACH_YEAR_FROM = 1950
_FIRST_YEAR = 1900
_LAST_YEAR = 2099
#: Two films of which one has no year count as this far apart, in years.
_UNKNOWN_YEARS = 30.0
#: How many years make one unit of closeness, and of the era.
YEARS = 15.0
#: ln(1 + votes) is rounded to whole numbers from the first of these on, and to quarters from the
#: second, where fame begins; ratings to halves within these. Finer steps change no figure, and the
#: kernel's table has a row and a column for each code.
_LEAST_LOG_VOTES, _FINE_LOG_VOTES = 2.0, 8.0
_RATING_STEP = 0.5
_RATINGS = (5.0, 8.5)
_CODES_A_BLOCK = 32
#: Which of the four levels it is.
_AUDIENCE = 3
_ERA_FROM, _USUAL_LOG_VOTES = 1990.0, 7.0
#: ln(1 + votes) above this, some 8,100 votes, is fame.
_FAMOUS = 9.0
#: To a film whose ln(1 + votes) is this, some 60,000 votes, fame counts all that it does.
_MOST_FAMOUS = 11.0
#: With more votes than these a film is known, for whoever looks for hidden gems.
_UNKNOWN_VOTES = 100

#: Whom a film is for, as far as its genres tell: everybody else, families, those who want to learn,
#: those who want to be frightened, and grown-ups (crime and war). Rows and columns: how far apart,
#: in units of the weight.
GENERAL, FAMILY, DOCUMENTARY, HORROR, ADULT = range(5)
_AUDIENCES_APART = np.array(
    [
        [0.0, 1.0, 2.0, 0.5, 0.0],
        [1.0, 0.0, 2.0, 3.0, 2.5],
        [2.0, 2.0, 0.0, 2.0, 2.0],
        [0.5, 3.0, 2.0, 0.0, 0.5],
        [0.0, 2.5, 2.0, 0.5, 0.0],
    ],
    dtype=np.float32,
)
#: From here on audiences have little in common.
_FAR = 2.0


class Apart(NamedTuple):
    """How far films are apart, as closeness counts them; what each is, ``Closeness`` says."""

    years: NDArray[np.float32]
    newer: NDArray[np.float32]
    known: NDArray[np.float32]
    fame: NDArray[np.float32]
    rating: NDArray[np.float32]


class Half(NamedTuple):
    """One of two factors that make the closeness of codes.

    Attributes:
        places: uint32 of shape (n_codes,): of each code among what this factor knows apart.
        factors: float32 of shape (n_places, n_places), in (0, 1].
    """

    places: NDArray[np.uint32]
    factors: NDArray[np.float32]


@dataclass(frozen=True)
class Ranking:
    """What a film counts, and how close any two are.

    Attributes:
        prior: float32 of shape (n_movies,), in [0, 1], its largest 1; 0 for a film that is not to
            be recommended.
        codes: int32 of shape (n_movies,): of year, votes, rating and audience together.
        levels: float32 of shape (n_codes, 4): what each code stands for: year (0: unknown),
            ln(1 + votes), rating, audience.
        weights: of closeness; those by votes (known, fame) times the exponent of the dial.
        obscurity: float32 of shape (n_movies,), in (0, 1]: what is left of what people like of each
            film, the better known the less; None where all of it is.
    """

    prior: NDArray[np.float32]
    codes: NDArray[np.int32]
    levels: NDArray[np.float32]
    weights: Closeness
    obscurity: NDArray[np.float32] | None = None

    def heard(self, pairs: sparse.csr_matrix) -> sparse.csr_matrix:
        """What people like, as much of it as counts; CSR of shape (n, n_movies), as it is given."""
        if self.obscurity is None:
            return pairs
        values = pairs.data * self.obscurity[pairs.indices]
        return sparse.csr_matrix((values, pairs.indices, pairs.indptr), pairs.shape)

    def open_to(self, watched: NDArray[np.int32]) -> NDArray[np.float32]:
        """What films count to who watched some gladly; float32 of shape (n_movies,), in (0, 1].

        Less where a film is for an audience far from those of all that were watched.

        Args:
            watched: int32 of shape (n,), at least one: films by index.
        """
        whom = self.levels[:, _AUDIENCE].astype(np.int64)
        theirs = np.unique(whom[self.codes[watched]])
        every = np.arange(len(_AUDIENCES_APART))
        nearest = far_apart(theirs[:, None], every, self.weights.audience).max(axis=0)
        factors: NDArray[np.float32] = nearest[whom][self.codes]
        return factors

    def factors(self) -> NDArray[np.float32]:
        """The closeness of each code to each; float32 in (0, 1] of shape (n_codes, n_codes).

        Of a million films that is a gigabyte, which whoever asks for it holds, and nobody else.
        """
        n = len(self.levels)
        factors = np.empty((n, n), dtype=np.float32)
        # Codes that differ in their audience alone follow one another: what else lies between two
        # is worked out once for all of them, and added up in the order in which it is for a pair.
        known, place = np.unique(self.levels[:, :_AUDIENCE], axis=0, return_inverse=True)
        place, whom = place.ravel(), self.levels[:, _AUDIENCE].astype(np.int64)
        apart = _audience_logs(np.arange(len(_AUDIENCES_APART))[:, None], whom, self.weights)
        order = np.argsort(place, kind="stable")

        def fill(start: int) -> int:
            codes = order[start : start + _CODES_A_BLOCK]
            first, last = place[codes[0]], place[codes[-1]]
            logs = _logs_but_audience(known[first : last + 1, None], known, self.weights)
            block = logs[:, place][place[codes] - first]
            block += apart[whom[codes]]
            factors[codes] = np.exp(np.negative(block, out=block), out=block)
            return len(codes)

        in_threads(fill, range(0, n, _CODES_A_BLOCK), processors(), n, None)
        return factors

    @cached_property
    def by_halves(self) -> tuple[Half, Half]:
        """The same as a product of two, which are small: of years, and of all else."""
        years, others = self.levels.copy(), self.levels.copy()
        years[:, 1:] = 0  # alike in all else
        others[:, 0] = _LAST_YEAR
        return self._half(years), self._half(others)

    def _half(self, levels: NDArray[np.float32]) -> Half:
        found, places = np.unique(levels, axis=0, return_inverse=True)
        factors = closeness(found[:, None], found, self.weights)
        return Half(places.ravel().astype(np.uint32), factors)

    def closeness(self, rows: NDArray[np.int32], columns: NDArray[np.int32]) -> NDArray[np.float32]:
        """The closeness of pairs of films, given as two index arrays of one shape."""
        return closeness(
            self.levels[self.codes[rows]], self.levels[self.codes[columns]], self.weights
        )

    def closeness_to(self, film: int) -> NDArray[np.float32]:
        """The closeness of a film to every film; shape (n_movies,)."""
        return closeness(self.levels[self.codes[film]], self.levels, self.weights)[self.codes]


@dataclass(frozen=True)
class Levels:
    """The films as closeness sees them, wherever the dial stands.

    Attributes:
        codes: as :class:`Ranking` has them.
        levels: as :class:`Ranking` has them.
    """

    codes: NDArray[np.int32]
    levels: NDArray[np.float32]

    @classmethod
    def of(cls, features: MovieFeatures, weights: Weights) -> Levels:
        """Films of one year, about as many votes, about one rating and one audience are one."""
        years = np.clip(features.years.astype(np.float64), _FIRST_YEAR, _LAST_YEAR)
        years = np.where(years < _EACH_YEAR_FROM, np.round(years / 5) * 5, years)
        ratings = np.clip(shrunk_rating(features, weights), *_RATINGS)
        each = (
            np.where(features.years > 0, years, 0),
            _level_of_votes(log_votes(features)),
            np.round(ratings / _RATING_STEP) * _RATING_STEP,
            audiences(features),
        )
        # Only the codes that are there: a table of all that could be would take gigabytes. By one
        # number a film, in the order of the four: that is sorted far sooner than rows of four.
        values, places = zip(*(np.unique(one, return_inverse=True) for one in each), strict=True)
        shape = tuple(map(len, values))
        found, codes = np.unique(np.ravel_multi_index(places, shape), return_inverse=True)
        levels = [of[at] for of, at in zip(values, np.unravel_index(found, shape), strict=True)]
        return cls(codes.astype(np.int32), np.stack(levels, axis=1, dtype=np.float32))


def fit_ranking(
    features: MovieFeatures,
    weights: Weights,
    popularity: float | None = None,
    levels: Levels | None = None,
    logs: NDArray[np.float64] | None = None,
) -> Ranking:
    """What each film counts at a place of the popularity dial.

    Args:
        features: n_movies films.
        weights: of closeness and prior.
        popularity: from 0 (hidden gems: votes count for nothing) over 0.5 (the default) to 1 (crowd
            favourites).
        levels: of these films, where they are known already.
        logs: what :func:`log_prior` gives, where it is known already.

    Raises:
        ValueError: where the dial is beyond its ends.
    """
    exponent = prior_exponent(weights, popularity)
    levels = levels or Levels.of(features, weights)
    by_votes = {
        "known": exponent * weights.closeness.known,
        "fame": exponent * weights.closeness.fame,
    }
    logs = exponent * (log_prior(features, weights) if logs is None else logs)
    frozen = features.frozen
    largest = None if frozen is None else exponent * frozen.log_prior
    gems, obscurity = max(0.0, 1 - 2 * _place(popularity)), None
    if gems:
        logs += gems * weights.gems.rating * _log_rating(features, weights)
        largest = None  # of this place nothing is published that it would have to agree with
        obscurity = _obscurity(features, gems * weights.gems.fame)
    return Ranking(
        prior=_prior(logs, features.is_candidate, largest),
        codes=levels.codes,
        levels=levels.levels,
        weights=weights.closeness.model_copy(update=by_votes),
        obscurity=obscurity,
    )


def prior_exponent(weights: Weights, popularity: float | None) -> float:
    """The prior's exponent at a place of the dial: 0 at 0, the fitted one at 0.5, 1 at 1.

    In the lower half the rating's part has a larger one: there ``weights.gems.rating`` comes to it,
    all of it at 0.

    Raises:
        ValueError: where the dial is beyond its ends, or no number.
    """
    dial = _place(popularity)
    return float(np.interp(dial, [0.0, 0.5, 1.0], [0.0, weights.popularity, 1.0]))


def _place(popularity: float | None) -> float:
    dial = 0.5 if popularity is None else float(popularity)
    if not 0 <= dial <= 1:
        raise ValueError(f"popularity must be from 0 to 1, not {dial}")
    return dial


def _level_of_votes(logs: NDArray[np.float64]) -> NDArray[np.float64]:
    fine: NDArray[np.float64] = np.round(4 * logs) / 4
    return np.where(logs > _FINE_LOG_VOTES, fine, np.maximum(np.round(logs), _LEAST_LOG_VOTES))


def log_votes(features: MovieFeatures) -> NDArray[np.float64]:
    """ln(1 + votes) of each film."""
    return np.log1p(features.votes.astype(np.float64))


def shrunk_rating(features: MovieFeatures, weights: Weights) -> NDArray[np.float64]:
    """Each film's rating, drawn to the mean where it has few votes (a Bayesian mean), 0 to 10."""
    votes, prior = features.votes.astype(np.float64), weights.prior
    total = votes * features.ratings + prior.rating_votes * prior.rating_mean
    return total / np.maximum(votes + prior.rating_votes, 1e-9)


def audiences(features: MovieFeatures) -> NDArray[np.int64]:
    """Whom each film is for, by its genres (English names, as TMDB has them by default).

    Horror is no family film whatever else it is, and neither is an animated thriller.
    """
    horror, documentary, family = (
        features.has_term("genres", name) for name in ("Horror", "Documentary", "Family")
    )
    grown_up = np.logical_or.reduce(
        [features.has_term("genres", name) for name in ("Crime", "Thriller", "War")]
    )
    family |= features.has_term("genres", "Animation") & ~grown_up
    return np.select(
        [horror, documentary, family, grown_up], [HORROR, DOCUMENTARY, FAMILY, ADULT], GENERAL
    )


def log_prior(features: MovieFeatures, weights: Weights) -> NDArray[np.float64]:
    """The logarithm of what each film counts, before the largest is made 1; shape (n_movies,)."""
    prior = weights.prior
    factors = np.array([prior.votes, prior.fame, prior.rating, prior.era, prior.era_votes])
    # A matrix product would add in an order that depends on where a film stands.
    return np.asarray((factors[:, None] * prior_terms(features, weights)).sum(axis=0))


def prior_terms(features: MovieFeatures, weights: Weights) -> NDArray[np.float64]:
    """What the prior's five weights are multiplied by; float64 of shape (5, n_movies)."""
    votes = log_votes(features)
    years = features.years.astype(np.float64)
    era = np.where(years > 0, (np.clip(years, _FIRST_YEAR, _LAST_YEAR) - _ERA_FROM) / YEARS, 0.0)
    rating = _rating_term(features, weights)
    fame = np.maximum(votes - _FAMOUS, 0)
    return np.stack([votes, fame, rating, era, era * (votes - _USUAL_LOG_VOTES)])


def largest_log_prior(features: MovieFeatures, weights: Weights) -> float:
    """Of the films that may be recommended; 0 where there is none."""
    logs = log_prior(features, weights)[features.is_candidate]
    return float(logs.max()) if len(logs) else 0.0


def _rating_term(features: MovieFeatures, weights: Weights) -> NDArray[np.float64]:
    return shrunk_rating(features, weights) - weights.prior.rating_mean


def _log_rating(features: MovieFeatures, weights: Weights) -> NDArray[np.float64]:
    """The part of :func:`log_prior` that a film's rating makes."""
    return weights.prior.rating * _rating_term(features, weights)


def _obscurity(features: MovieFeatures, fame: float) -> NDArray[np.float32]:
    above = np.maximum(log_votes(features) - np.log1p(_UNKNOWN_VOTES), 0)
    obscurity: NDArray[np.float64] = np.exp(-fame * above)
    return obscurity.astype(np.float32)


def _prior(
    logs: NDArray[np.float64], candidates: NDArray[np.bool_], largest: float | None
) -> NDArray[np.float32]:
    if not candidates.any():
        return np.zeros(len(logs), dtype=np.float32)
    if largest is None:
        largest = float(logs[candidates].max())
    # A film may have come to count more than any did when the largest was frozen.
    over = np.minimum(logs - largest, 0)
    prior: NDArray[np.float64] = np.where(candidates, np.exp(over), 0)
    return prior.astype(np.float32)


def closeness(
    rows: NDArray[np.float32], columns: NDArray[np.float32], weights: Closeness
) -> NDArray[np.float32]:
    """The closeness of levels: arrays that broadcast, with the four levels in the last axis."""
    logs = _logs_but_audience(rows, columns, weights)
    whom, whose = (levels[..., _AUDIENCE].astype(np.int64) for levels in (rows, columns))
    logs += _audience_logs(whom, whose, weights)
    factors: NDArray[np.float32] = np.exp(-logs)
    return factors


def _logs_but_audience(
    rows: NDArray[np.float32], columns: NDArray[np.float32], weights: Closeness
) -> NDArray[np.float32]:
    apart = levels_apart(rows, columns)
    logs = np.float32(weights.years) * apart.years
    for name in ("newer", "known", "fame", "rating"):
        logs += np.float32(getattr(weights, name)) * getattr(apart, name)
    return logs


def _audience_logs(
    rows: NDArray[np.int64], columns: NDArray[np.int64], weights: Closeness
) -> NDArray[np.float32]:
    return np.float32(weights.audience) * audiences_apart(rows, columns)


def levels_apart(rows: NDArray[np.float32], columns: NDArray[np.float32]) -> Apart:
    """How far the levels of films (columns) are from those asked about (rows)."""
    year, its_year = rows[..., 0], columns[..., 0]
    both = (year > 0) & (its_year > 0)
    apart = np.where(both, np.abs(year - its_year), np.float32(_UNKNOWN_YEARS))
    years = np.sqrt(apart / np.float32(YEARS))
    votes, its_votes = rows[..., 1], columns[..., 1]
    famous = np.maximum(its_votes - np.float32(_FAMOUS), 0)
    return Apart(
        years=years,
        newer=np.where(both & (its_year > year), years, np.float32(0)),
        known=np.maximum(votes - its_votes, 0),
        fame=famous * np.maximum(np.float32(_MOST_FAMOUS) - votes, 0),
        rating=np.abs(rows[..., 2] - columns[..., 2]),
    )


def far_apart(
    rows: NDArray[np.int64], columns: NDArray[np.int64], weight: float
) -> NDArray[np.float32]:
    """What pairs count whose audiences have little in common; 1 for all others.

    A crime film is nothing for a child, whoever likes both; a comedy may be.
    """
    apart = audiences_apart(rows, columns)
    factors: NDArray[np.float32] = np.exp(np.float32(-weight) * apart)
    factors[apart < _FAR] = 1
    return factors


def audiences_apart(rows: NDArray[np.int64], columns: NDArray[np.int64]) -> NDArray[np.float32]:
    """How far audiences are apart, in the units of their weight."""
    return np.take(_AUDIENCES_APART, rows * len(_AUDIENCES_APART) + columns)
