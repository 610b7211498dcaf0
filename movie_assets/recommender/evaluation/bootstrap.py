"""How far chance can have moved a mean: percentile bootstrap (Efron and Tibshirani 1993, ch. 13).

The lists are drawn anew with replacement, as many as there are, a thousand times; between the 2.5th
and the 97.5th percentile of the means is where the mean of other films or people would be expected.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

#: The share of means within an interval, in percent.
CONFIDENCE = 95.0

_BLOCK = 2**22  # numbers at a time, 32 MiB


class Interval(NamedTuple):
    """A mean and where it can be expected; None where there is nothing to take the mean of."""

    mean: float | None
    low: float | None
    high: float | None


def intervals(
    values: NDArray[np.float64], *, resamples: int = 1000, seed: int = 0
) -> list[Interval]:
    """The mean and its interval of each column, of the same resamples.

    So the difference of two columns, given as a column of its own, is that of a paired bootstrap.

    Args:
        values: float64 of shape (n_lists, n_columns); NaN where a list has no such number.
        resamples: how often the lists are drawn anew.
        seed: of the draws.

    Returns:
        One for each column.
    """
    n_lists, n_columns = values.shape
    there = np.isfinite(values)
    known = np.where(there, values, 0.0)
    if not n_lists:
        return [Interval(None, None, None)] * n_columns
    generator = np.random.default_rng(seed)
    means = np.empty((resamples, n_columns))
    step = max(1, _BLOCK // n_lists)
    for start in range(0, resamples, step):
        stop = min(start + step, resamples)
        # How often each list is drawn says as much as which lists are, and makes one product.
        drawn = generator.multinomial(
            n_lists, np.full(n_lists, 1 / n_lists), size=stop - start
        ).astype(np.float64)
        means[start:stop] = _ratio(drawn @ known, drawn @ there.astype(np.float64))
    outside = (100 - CONFIDENCE) / 2
    return [
        _interval(float(mean), column, outside)
        for mean, column in zip(_ratio(known.sum(axis=0), there.sum(axis=0)), means.T, strict=True)
    ]


def _interval(mean: float, resampled: NDArray[np.float64], outside: float) -> Interval:
    if not np.isfinite(mean):
        return Interval(None, None, None)
    low, high = np.nanpercentile(resampled, [outside, 100 - outside])
    return Interval(mean, float(low), float(high))


def _ratio(parts: NDArray[np.float64], wholes: NDArray[np.float64]) -> NDArray[np.float64]:
    out = np.full(parts.shape, np.nan)
    np.divide(parts, wholes, out=out, where=wholes > 0)
    return out
