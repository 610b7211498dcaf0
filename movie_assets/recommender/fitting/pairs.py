"""What the weights are fitted on: films asked about, all candidates, and what is right."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from movie_assets.recommender import ranking
from movie_assets.recommender.weights import FIELDS

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from movie_assets.recommender.evaluation.truth import Truth
    from movie_assets.recommender.features import MovieFeatures
    from movie_assets.recommender.weights import Weights

#: So many films are asked about at most: twice as many change the weights by less than another
#: half of the people does, and memory grows with them.
MOST_SEEDS = 300
#: So many candidates take part at most, those with most votes.
MOST_CANDIDATES = 30_000


@dataclass(frozen=True)
class Pairs:
    """Films asked about x candidates, in all that a score is made of.

    Attributes:
        likeness: float64 of shape (n_fields, n_seeds, n_candidates): cosines, by
            :data:`movie_assets.recommender.weights.FIELDS`.
        apart: float64 of shape (3, n_seeds, n_candidates): how far apart in years, votes, ratings,
            as closeness counts them; at least 0.
        alone: float64 of shape (5, n_candidates): what the prior counts: votes, fame, rating, era,
            era and votes.
        given: float64 of shape (n_seeds, n_candidates): logarithms that are not fitted: of the
            audiences' closeness, and -inf for a pair that cannot be (a film and itself).
        right: float64 of shape (n_seeds, n_candidates): 1 / n for the n films that are right.
    """

    likeness: NDArray[np.float64]
    apart: NDArray[np.float64]
    alone: NDArray[np.float64]
    given: NDArray[np.float64]
    right: NDArray[np.float64]


def pairs_of(features: MovieFeatures, weights: Weights, truth: Truth, seed: int) -> Pairs:
    """The pairs of some of the films that the truth tells of.

    Args:
        features: of all films, made with a weight above 0 for each field.
        weights: what the features were made with, and what is not fitted.
        truth: what is right.
        seed: which films are asked about, where there are more than :data:`MOST_SEEDS`.

    Raises:
        ValueError: where nobody says what is right for any film.
    """
    random = np.random.default_rng(seed)
    places = np.arange(len(truth.seeds))
    if not len(places):
        raise ValueError("no film is liked by 10 people: take a larger release, or more films")
    if len(places) > MOST_SEEDS:
        places = np.sort(random.choice(places, MOST_SEEDS, replace=False))
    seeds = truth.seeds[places]
    order = np.argsort(-features.votes, kind="stable")
    candidates = np.sort(order[:MOST_CANDIDATES])
    candidates = candidates[features.votes[candidates] > 0]
    right = truth.relevant[places][:, candidates].toarray().astype(np.float64)
    right /= np.maximum(right.sum(axis=1, keepdims=True), 1)
    audiences = ranking.audiences(features)
    given = -weights.closeness.audience * ranking.audiences_apart(
        audiences[seeds][:, None], audiences[candidates]
    ).astype(np.float64)
    given[seeds[:, None] == candidates] = -np.inf
    return Pairs(
        likeness=_likeness(features, weights, seeds, candidates),
        apart=_apart(features, weights, seeds, candidates),
        alone=ranking.prior_terms(features, weights)[:, candidates],
        given=given,
        right=right,
    )


def _likeness(
    features: MovieFeatures,
    weights: Weights,
    seeds: NDArray[np.int32],
    candidates: NDArray[np.intp],
) -> NDArray[np.float64]:
    shares = weights.shares()
    found = np.zeros((len(FIELDS), len(seeds), len(candidates)))
    for place, name in enumerate(FIELDS):
        if name in features.fields:
            block = features.matrix[:, features.columns_of(name)]
            found[place] = (block[seeds] @ block[candidates].T).toarray() / shares[name]
    return found


def _apart(
    features: MovieFeatures,
    weights: Weights,
    seeds: NDArray[np.int32],
    candidates: NDArray[np.intp],
) -> NDArray[np.float64]:
    levels = ranking.Levels.of(features, weights)
    of_seeds = levels.levels[levels.codes[seeds]][:, None]
    apart = ranking.levels_apart(of_seeds, levels.levels[levels.codes[candidates]])
    return np.stack([apart.years, apart.known, apart.rating]).astype(np.float64)
