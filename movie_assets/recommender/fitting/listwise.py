"""The fit itself: weights under which the right films have the largest scores of all candidates.

A list is taken as drawn from a softmax over all candidates, and the likelihood of the right films
is made as large as can be (ListNet's top-one loss: Cao, Qin, Liu, Tsai and Li, "Learning to Rank:
From Pairwise Approach to Listwise Approach", ICML 2007). It has a gradient, unlike NDCG, and no
random search is needed: the same ratings give the same weights. All is worked out in float64 and to
the end, so that they do so on any processor, to more digits than are kept.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from scipy import optimize

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from movie_assets.recommender.fitting.pairs import Pairs

#: Draws the numbers to their start where the data say little (ridge).
_RIDGE = 1e-3
#: Until nothing is left to gain: where the fit was stopped on its way, its last bits, which differ
#: between processors, would say how far it came.
_ITERATIONS, _GRADIENT = 500, 1e-7
_TINY = 1e-9


@dataclass(frozen=True)
class Fitted:
    """What was fitted.

    Attributes:
        fields: float64 of shape (n_fields,), above 0: weights, the largest 1.
        prior: float64 of shape (5,).
        closeness: float64 of shape (3,), at least 0.
        loss: mean cross entropy, in nats.
    """

    fields: NDArray[np.float64]
    prior: NDArray[np.float64]
    closeness: NDArray[np.float64]
    loss: float


def fit_listwise(pairs: Pairs) -> Fitted:
    """Fit the weights by L-BFGS-B.

    The logarithm of a score is ``log(sum of weight x likeness) + prior - closeness``; the softmax
    is over that times a sharpness, which is fitted as well and then dropped, since no ranking
    depends on it.
    """
    n_fields = len(pairs.likeness)
    n_prior, n_closeness = len(pairs.alone), len(pairs.apart)
    start = np.zeros(n_fields + n_prior + n_closeness + 1)
    start[n_fields] = 0.2  # votes: from nothing at all the fit would take long to find them
    bounds: list[tuple[float | None, float | None]] = [(-6.0, 6.0)] * n_fields
    bounds += [(None, None)] * n_prior
    bounds += [(0.0, None)] * n_closeness + [(-2.0, 4.0)]

    def objective(theta: NDArray[np.float64]) -> tuple[float, NDArray[np.float64]]:
        loss, gradient = loss_and_gradient(theta, pairs)
        difference = theta - start
        return loss + _RIDGE * float(difference @ difference), gradient + 2 * _RIDGE * difference

    found = optimize.minimize(
        objective,
        start,
        jac=True,
        method="L-BFGS-B",
        bounds=bounds,
        options={"maxiter": _ITERATIONS, "gtol": _GRADIENT, "ftol": 0.0},
    )
    fields, prior, closeness, _ = _split(found.x, pairs)
    return Fitted(fields / fields.max(), prior, closeness, float(found.fun))


def loss_and_gradient(
    theta: NDArray[np.float64], pairs: Pairs
) -> tuple[float, NDArray[np.float64]]:
    """The mean cross entropy of the right films, and its gradient.

    Args:
        theta: logarithms of the fields' weights, then prior, closeness, log of the sharpness.
        pairs: what is fitted on.
    """
    fields, prior, closeness, sharpness = _split(theta, pairs)
    n_seeds = len(pairs.right)
    content = np.tensordot(fields, pairs.likeness, 1) + _TINY
    logs = np.log(content) + prior @ pairs.alone
    logs -= np.tensordot(closeness, pairs.apart, 1)
    logs += np.where(np.isfinite(pairs.given), pairs.given, 0)
    scaled = sharpness * logs
    scaled[~np.isfinite(pairs.given)] = -np.inf
    most = scaled.max(axis=1, keepdims=True)
    chances = np.exp(scaled - most)
    total = chances.sum(axis=1, keepdims=True)
    chances /= total
    surprise = (most + np.log(total)).ravel()
    hit = np.where(pairs.right > 0, pairs.right * np.where(pairs.right > 0, scaled, 0), 0)
    has_right = pairs.right.sum(axis=1)
    loss = float((has_right * surprise - hit.sum(axis=1)).sum() / n_seeds)

    slope = (has_right[:, None] * chances - pairs.right) / n_seeds
    by_content = sharpness * slope / content
    of_fields = np.tensordot(pairs.likeness, by_content, axes=((1, 2), (0, 1))) * fields
    of_prior = sharpness * (pairs.alone @ slope.sum(axis=0))
    of_closeness = -sharpness * np.tensordot(pairs.apart, slope, axes=((1, 2), (0, 1)))
    of_sharpness = float((slope * logs).sum()) * sharpness
    return loss, np.concatenate([of_fields, of_prior, of_closeness, [of_sharpness]])


def _split(
    theta: NDArray[np.float64], pairs: Pairs
) -> tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.float64], float]:
    ends = np.cumsum([len(pairs.likeness), len(pairs.alone), len(pairs.apart)])
    fields, prior, closeness, sharpness = np.split(theta, ends)
    return np.exp(fields), prior, closeness, float(np.exp(sharpness[0]))
