"""From the figures of quality to the rows of a plot: where each dot and its interval stand.

A plot is a table with a picture in each row, so that it can be read without seeing it; only places
(in percent of the picture's width) are worked out here.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

#: What is drawn, of which task: the metric, what it is called, and what it tells.
_DRAWN = (
    (
        "similar films",
        "ndcg_at_10",
        "Accuracy of similar films",
        "How many of the ten films shown are ones that people who like the film like too, the "
        "first places counting most (NDCG@10). The people who judge are not those whose ratings "
        "were learned from.",
    ),
    (
        "profiles",
        "ndcg_at_10",
        "Accuracy for somebody's taste",
        "How many of the ten films shown somebody went on to like, told from what they had liked "
        "before (NDCG@10).",
    ),
    (
        "similar films",
        "catalogue_coverage",
        "Breadth",
        "The share of all films that turns up in the lists at all. A list of the same few hits "
        "is easy to make, and of little use.",
    ),
    (
        "similar films",
        "novelty",
        "Novelty",
        "How little known the films shown are, in bits: one more bit is half the votes.",
    ),
    (
        "similar films",
        "intra_list_diversity",
        "Variety",
        "How unlike each other the films of one list are: 0 for all the same, 1 for nothing in "
        "common.",
    ),
)
_OURS = "ours"
_TICKS = 4
_STEPS = (1, 2, 2.5, 5, 10)
#: Of the largest figure of a plot.
_DIGITS = 3


@dataclass(frozen=True)
class Row:
    """One method.

    Attributes:
        method: what made the lists.
        is_ours: whether it is this recommender, and not a baseline.
        value, low, high: the figure and its 95 % interval; None where there is none.
        at, at_low, at_high: where they stand, in percent.
    """

    method: str
    is_ours: bool
    value: float
    low: float | None
    high: float | None
    at: float
    at_low: float | None
    at_high: float | None


@dataclass(frozen=True)
class Plot:
    """One metric of several methods, the best first.

    Attributes:
        name: for the element's id.
        title, explanation: for people.
        rows: of the methods.
        ticks: values of the axis, and where they stand, in percent.
        places: how many decimal places its figures have, so that they can be compared at a glance.
    """

    name: str
    title: str
    explanation: str
    rows: tuple[Row, ...]
    ticks: tuple[tuple[float, float], ...]
    places: int


def plots(quality: Sequence[Mapping[str, Any]]) -> list[Plot]:
    """The plots of what was measured; a metric that was measured of one method only has none.

    Args:
        quality: rows with ``task``, ``method``, ``metric``, ``value``, ``low`` and ``high``.
    """
    drawn = []
    for task, metric, title, explanation in _DRAWN:
        figures = [
            row
            for row in quality
            if row["task"] == task
            and row["metric"] == metric
            # The stored lists are "ours" measured once more.
            and row["method"] != "published"
            and _is_number(row["value"])
        ]
        if len(figures) > 1:
            name = f"{task}-{metric}".replace(" ", "-").replace("_", "-")
            drawn.append(_plot(name, title, explanation, figures))
    return drawn


def _plot(name: str, title: str, explanation: str, figures: list[Mapping[str, Any]]) -> Plot:
    highest = max(_high(row) for row in figures)
    end = _nice_end(highest)
    rows = [_row(row, end) for row in sorted(figures, key=lambda row: -row["value"])]
    ticks = tuple((end * i / _TICKS, _place(end * i / _TICKS, end)) for i in range(_TICKS + 1))
    return Plot(name, title, explanation, tuple(rows), ticks, _decimal_places(highest))


def _row(figure: Mapping[str, Any], end: float) -> Row:
    low, high = (figure[name] if _is_number(figure[name]) else None for name in ("low", "high"))
    method = str(figure["method"])
    return Row(
        method=method,
        is_ours=method.startswith(_OURS),
        value=figure["value"],
        low=low,
        high=high,
        at=_place(figure["value"], end),
        at_low=None if low is None else _place(low, end),
        at_high=None if high is None else _place(high, end),
    )


def _high(figure: Mapping[str, Any]) -> float:
    high = figure["high"] if _is_number(figure["high"]) else figure["value"]
    return max(float(high), float(figure["value"]))


def _decimal_places(highest: float) -> int:
    """So many that the highest figure has three digits that count."""
    first_digit = math.floor(math.log10(highest)) if highest > 0 else -1
    return max(_DIGITS - 1 - first_digit, 0)


def _is_number(value: object) -> bool:
    return isinstance(value, int | float) and math.isfinite(value)


def _place(value: float, end: float) -> float:
    """In percent, leaving room for the dots at both ends."""
    return round(2 + 96 * min(max(value / end, 0), 1), 2)


def _nice_end(value: float) -> float:
    """The next number that divides into quarters that people read easily."""
    if value <= 0:
        return 1.0
    unit = 10.0 ** math.floor(math.log10(value / _TICKS))
    return next(
        step * unit * _TICKS for step in (*_STEPS, 20) if step * unit * _TICKS >= value * 0.999
    )
