"""What lists of ten are chosen from: films asked about x the candidates that may come into them.

NDCG has no gradient, so whoever searches for weights that make it large has to make lists again and
again. Of each film asked about only the best few hundred candidates take part, by weights that are
near already and at three places of the dial: the rest comes into no list.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np

from movie_assets.recommender import ranking
from movie_assets.recommender.evaluation import accuracy
from movie_assets.recommender.evaluation.methods import lists_of
from movie_assets.recommender.similar import nearest_neighbours
from movie_assets.recommender.weights import FIELDS

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.typing import NDArray

    from movie_assets.recommender.evaluation.truth import Truth
    from movie_assets.recommender.features import MovieFeatures
    from movie_assets.recommender.weights import Weights

#: So many of the best candidates take part, by each of these exponents of the prior.
BEST, EXPONENTS = 500, (0.35, 0.65, 1.0)
_LIST = 10
_SEEDS_A_BLOCK = 100
_TINY = 1e-9
#: A search goes back and forth between so few genres' weights that their likeness is kept.
_TRIED_AT_ONCE = 4
#: The exponent that makes lists of one breadth is found by halving, so many times.
_HALVINGS, _LEAST_EXPONENT = 5, 0.2


@dataclass(frozen=True)
class Genres:
    """The genres of films asked about and of their candidates.

    Attributes:
        names: of n_genres.
        idf: float64 of shape (n_genres,): how rare each is.
        of_films: bool of shape (n_genres, n_movies).
        shared: bool of shape (n_genres, n_seeds, n_candidates).
        seeds: int32 of shape (n_seeds,): films by index.
        films: as :class:`Contest` has them.
    """

    names: tuple[str, ...]
    idf: NDArray[np.float64]
    of_films: NDArray[np.bool_]
    shared: NDArray[np.bool_]
    seeds: NDArray[np.int32]
    films: NDArray[np.int32]
    _last: dict[tuple[float, ...], NDArray[np.float64]] = field(default_factory=dict, repr=False)

    @classmethod
    def of(
        cls, features: MovieFeatures, seeds: NDArray[np.int32], films: NDArray[np.int32]
    ) -> Genres:
        """Of these films asked about, and these candidates."""
        columns = features.columns_of("genres")
        of_films = (features.matrix[:, columns] > 0).toarray().T
        return cls(
            names=features.vocabulary[columns],
            idf=features.idf[columns].astype(np.float64),
            of_films=of_films,
            shared=of_films[:, films] & of_films[:, seeds][:, :, None],
            seeds=seeds,
            films=films,
        )

    def likeness(self, weights: Mapping[str, float]) -> NDArray[np.float64]:
        """The cosines of genres, float64 of shape (n_seeds, n_candidates).

        Args:
            weights: what each genre's rarity is times; 1 where nothing is said.
        """
        key = tuple(weights.get(name, 1.0) for name in self.names)
        if key not in self._last:
            squares = (np.array(key) * self.idf) ** 2
            lengths = np.zeros(self.of_films.shape[1])
            products = np.zeros(self.films.shape)
            # Not as a matrix product, whose last bits differ between processors.
            for square, of_films, shared in zip(squares, self.of_films, self.shared, strict=True):
                lengths += square * of_films
                products += square * shared
            lengths = np.sqrt(np.where(lengths > 0, lengths, 1.0))
            products /= lengths[self.seeds][:, None] * lengths[self.films]
            if len(self._last) >= _TRIED_AT_ONCE:
                self._last.clear()
            self._last[key] = products
        return self._last[key]


@dataclass(frozen=True)
class Contest:
    """Films asked about x their candidates, in all that a score is made of.

    Attributes:
        films: int32 of shape (n_seeds, n_candidates): the candidates by index, -1 where fewer.
        likeness: float64 of shape (n_fields, n_seeds, n_candidates): cosines, by
            :data:`movie_assets.recommender.weights.FIELDS`; that of genres where all weigh 1.
        genres: what the likeness of genres is made of, whatever they weigh.
        apart: float64 of shape (5, n_seeds, n_candidates), as
            :class:`movie_assets.recommender.ranking.Apart` has it.
        alone: float64 of shape (5, n_seeds, n_candidates): what the prior counts.
        given: float64 of shape (n_seeds, n_candidates): logarithm of the audiences' closeness; -inf
            where there is no candidate.
        right: bool of shape (n_seeds, n_candidates).
        n_right: int64 of shape (n_seeds,): how many films are right, candidates or not.
    """

    films: NDArray[np.int32]
    likeness: NDArray[np.float64]
    genres: Genres
    apart: NDArray[np.float64]
    alone: NDArray[np.float64]
    given: NDArray[np.float64]
    right: NDArray[np.bool_]
    n_right: NDArray[np.int64]

    @classmethod
    def of(cls, features: MovieFeatures, weights: Weights, truth: Truth) -> Contest:
        """The contest of the films that the truth tells of.

        Args:
            features: of all films, made with one and the same weight for each field, and genre.
            weights: near those that are searched for; the weight of audiences is taken from them.
            truth: what is right.
        """
        films = _candidates(features, weights, truth.seeds)
        seeds = truth.seeds[:, None]
        levels = ranking.Levels.of(features, weights)
        of_films = levels.levels[levels.codes]
        audiences = ranking.audiences(features)
        given = -weights.closeness.audience * ranking.audiences_apart(
            np.broadcast_to(audiences[seeds], films.shape), audiences[films]
        ).astype(np.float64)
        given[films < 0] = -np.inf
        right = accuracy.hits(films, truth.relevant)
        return cls(
            films=films,
            likeness=_likeness(features, truth.seeds, films),
            genres=Genres.of(features, truth.seeds, films),
            apart=np.stack(ranking.levels_apart(of_films[seeds], of_films[films])).astype(float),
            alone=ranking.prior_terms(features, weights)[:, films],
            given=given,
            right=right,
            n_right=np.diff(truth.relevant.indptr).astype(np.int64),
        )

    def value(self, weights: Weights, breadth: float) -> float:
        """The mean NDCG@10 of two places of the dial: where lists are so broad, and its end.

        Args:
            weights: of fields, genres, prior and closeness; no other part of them counts here.
            breadth: how many different films a list, as :meth:`_at` has them.
        """
        content = np.zeros(self.films.shape)
        for place, name in enumerate(FIELDS):
            # Not as a matrix product, whose last bits differ between processors.
            content += weights.fields[name] * (
                self.likeness[place] if name != "genres" else self.genres.likeness(weights.genres)
            )
        near, prior, apart = weights.closeness, weights.prior, ranking.Apart(*self.apart)
        fixed = np.log(content + _TINY) + self.given
        fixed -= near.years * apart.years + near.newer * apart.newer + near.rating * apart.rating
        by_dial = -(near.known * apart.known + near.fame * apart.fame)
        factors = (prior.votes, prior.fame, prior.rating, prior.era, prior.era_votes)
        for factor, term in zip(factors, self.alone, strict=True):
            by_dial += factor * term
        end, narrow = self._at(fixed + by_dial)
        if narrow >= breadth:
            return end
        return (self._where_broad(fixed, by_dial, breadth, (end, narrow)) + end) / 2

    def _where_broad(
        self,
        fixed: NDArray[np.float64],
        by_dial: NDArray[np.float64],
        breadth: float,
        end: tuple[float, float],
    ) -> float:
        """NDCG@10 at the exponent of the prior that makes lists so broad, between two tried.

        0 where no exponent does: what is broad enough is to be found first.
        """
        low, high, over = _LEAST_EXPONENT, 1.0, end
        under = self._at(fixed + low * by_dial)
        for _ in range(_HALVINGS):
            middle = (low + high) / 2
            found = self._at(fixed + middle * by_dial)
            if found[1] >= breadth:
                low, under = middle, found
            else:
                high, over = middle, found
        return float(np.interp(breadth, [over[1], under[1]], [over[0], under[0]], right=0.0))

    def _at(self, scores: NDArray[np.float64]) -> tuple[float, float]:
        """NDCG@10 of the lists by some scores, and how many different films a list they hold."""
        k = min(_LIST, scores.shape[1])
        some = np.argpartition(-scores, k - 1, axis=1)[:, :k]
        order = np.argsort(-np.take_along_axis(scores, some, axis=1), axis=1, kind="stable")
        best = np.take_along_axis(some, order, axis=1)
        lists = np.take_along_axis(self.films, best, axis=1)
        ndcg = accuracy.ndcg(np.take_along_axis(self.right, best, axis=1), self.n_right)
        return float(ndcg.mean()), len(np.unique(lists[lists >= 0])) / len(lists)


def _candidates(
    features: MovieFeatures, weights: Weights, seeds: NDArray[np.int32]
) -> NDArray[np.int32]:
    """The best of each, in the order of their index, -1 behind them; (n_seeds, n_candidates)."""
    weighted = features.reweighted(weights)
    best = []
    for exponent in EXPONENTS:
        at_it = weights.model_copy(update={"popularity": exponent})
        best.append(lists_of(seeds, BEST, nearest_neighbours(weighted, at_it, BEST, rows=seeds)))
    films = np.sort(np.concatenate(best, axis=1), axis=1)
    films[:, 1:][films[:, 1:] == films[:, :-1]] = -1
    n_films = np.iinfo(np.int32).max
    films = np.sort(np.where(films < 0, n_films, films), axis=1)
    films = films[:, : max(1, int((films < n_films).sum(axis=1).max(initial=0)))]
    return np.where(films == n_films, -1, films).astype(np.int32)


def _likeness(
    features: MovieFeatures, seeds: NDArray[np.int32], films: NDArray[np.int32]
) -> NDArray[np.float64]:
    share = 1 / len(FIELDS)  # of each field, in the features as they were made
    found = np.zeros((len(FIELDS), *films.shape))
    for place, name in enumerate(FIELDS):
        if name not in features.fields:
            continue
        block = features.matrix[:, features.columns_of(name)]
        for start in range(0, len(seeds), _SEEDS_A_BLOCK):
            some = slice(start, start + _SEEDS_A_BLOCK)
            products = (block[seeds[some]] @ block.T).toarray()
            found[place, some] = np.take_along_axis(products, films[some], axis=1) / share
    return found
