"""A drawing of what a method's accuracy costs in breadth, as a small vector picture.

Only drawing belongs here; the figures are ``judge.py``'s.
"""

from __future__ import annotations

import math
from html import escape
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Sequence

    from movie_assets.recommender.evaluation.figures import Figure

_BLUE, _GREY = "#47a", "#888"  # read well on light and dark pages
_WIDTH, _HEIGHT = 720, 420
_LEFT, _RIGHT, _TOP, _BOTTOM = 60, 30, 40, 50
_BELOW_ZERO = 10  # so that names of points at zero keep off the numbers below
_FONT = 12
_LETTER = 0.56 * _FONT  # how wide letters are on average


class _Point(NamedTuple):
    name: str
    x: float
    y: float
    low: float
    high: float


class _Box(NamedTuple):
    left: float
    top: float
    right: float
    bottom: float

    def overlaps(self, other: _Box) -> bool:
        return (
            self.left < other.right
            and other.left < self.right
            and self.top < other.bottom
            and other.top < self.bottom
        )


def accuracy_against_breadth(figures: Sequence[Figure], task: str) -> str | None:
    """Draw each method's NDCG@10, with its interval, against its number of different films.

    Further up is more often right, further to the right is wider; films are counted on a
    logarithmic scale.

    Args:
        figures: of any tasks.
        task: the one to draw.

    Returns:
        An SVG document; None where no method of the task has both figures.
    """
    measured = {(figure.method, figure.metric): figure for figure in figures if figure.task == task}
    points = []
    for method in dict.fromkeys(method for method, _ in measured):
        wide = measured.get((method, "different_films"))
        right = measured.get((method, "ndcg_at_10"))
        if wide and right and wide.value and right.value is not None:
            low = right.value if right.low is None else right.low
            high = right.value if right.high is None else right.high
            points.append(_Point(method, wide.value, right.value, low, high))
    return _drawing(points, task) if points else None


def _drawing(points: list[_Point], task: str) -> str:
    columns = _log_ticks(min(p.x for p in points), max(p.x for p in points))
    rows = _ticks(max(p.high for p in points))
    width, height = _WIDTH - _LEFT - _RIGHT, _HEIGHT - _TOP - _BOTTOM

    def across(x: float) -> float:
        first, last = math.log(columns[0]), math.log(columns[-1])
        return _LEFT + width * (math.log(x) - first) / (last - first)

    def down(y: float) -> float:
        return _TOP + (height - _BELOW_ZERO) * (1 - y / rows[-1])

    placed = [_Point(p.name, across(p.x), down(p.y), down(p.low), down(p.high)) for p in points]
    parts = [
        f"<text x='{_LEFT}' y='20' font-weight='bold'>{escape(task.capitalize())}: "
        "accuracy against breadth</text>",
        *(_column(across(x), f"{x:,.0f}") for x in columns),
        *(_row(down(y), f"{y:.2g}") for y in rows),
        f"<text x='{_LEFT + width / 2}' y='{_HEIGHT - 10}' text-anchor='middle'>different films in "
        "the lists (log scale)</text>",
        f"<text transform='translate(16,{_TOP + height / 2}) rotate(-90)' "
        "text-anchor='middle'>NDCG@10, 95% interval</text>",
        *(_mark(point) for point in placed),
        *_labels(placed),
    ]
    body = "\n".join(parts)
    return (
        f"<svg xmlns='http://www.w3.org/2000/svg' viewBox='0 0 {_WIDTH} {_HEIGHT}' "
        f"width='{_WIDTH}' height='{_HEIGHT}' font-family='sans-serif' font-size='{_FONT}' "
        f"fill='{_GREY}'>\n{body}\n</svg>\n"
    )


def _mark(point: _Point) -> str:
    return (
        f"<path d='M{point.x:.1f},{point.low:.1f}V{point.high:.1f}' stroke='{_BLUE}' "
        f"stroke-width='2'/><circle cx='{point.x:.1f}' cy='{point.y:.1f}' r='4' fill='{_BLUE}'/>"
    )


def _column(x: float, text: str) -> str:
    bottom = _HEIGHT - _BOTTOM
    return (
        f"<path d='M{x:.1f},{_TOP}V{bottom}' stroke='{_GREY}' stroke-opacity='.25'/>"
        f"<text x='{x:.1f}' y='{bottom + 16}' text-anchor='middle'>{text}</text>"
    )


def _row(y: float, text: str) -> str:
    return (
        f"<path d='M{_LEFT},{y:.1f}H{_WIDTH - _RIGHT}' stroke='{_GREY}' stroke-opacity='.25'/>"
        f"<text x='{_LEFT - 6}' y='{y + 4:.1f}' text-anchor='end'>{text}</text>"
    )


def _labels(points: list[_Point]) -> list[str]:
    """Each point's name beside it, where it covers nothing that is there already, if it can."""
    taken = [_Box(p.x - 5, min(p.high, p.y - 5), p.x + 5, max(p.low, p.y + 5)) for p in points]
    drawn = []
    for point in points:
        width = _LETTER * len(point.name)
        choices = [
            _Box(left, top, left + width, top + _FONT + 2)
            for shift in (0, -15, 15, -30, 30, -45, 45)
            for left in (point.x + 9, point.x - 9 - width)
            for top in (point.y - _FONT / 2 - 1 + shift,)
            if left > _LEFT and left + width < _WIDTH and top + _FONT + 2 <= _HEIGHT - _BOTTOM
        ]
        free = [box for box in choices if not any(box.overlaps(other) for other in taken)]
        box = (free or choices or [_Box(_LEFT, point.y, _LEFT + width, point.y + _FONT)])[0]
        taken.append(box)
        # Widths are a guess: the end that is next to the point is the one to fix.
        x, anchor = (box.left, "start") if box.left > point.x else (box.right, "end")
        drawn.append(
            f"<text x='{x:.1f}' y='{box.bottom - 3:.1f}' text-anchor='{anchor}'>"
            f"{escape(point.name)}</text>"
        )
    return drawn


def _log_ticks(least: float, most: float) -> list[float]:
    """Numbers 1, 2 or 5 times a power of ten, from at most ``least`` to more than ``most``."""
    steps = [
        factor * 10.0**power
        for power in range(math.floor(math.log10(least)), math.ceil(math.log10(most)) + 2)
        for factor in (1, 2, 5)
    ]
    first = max(step for step in steps if step <= least)
    last = min(step for step in steps if step > most)
    return [step for step in steps if first <= step <= last]


def _ticks(most: float) -> list[float]:
    """Round numbers from 0 to at least ``most``."""
    rough = max(most, 1e-3) / 5
    power = 10.0 ** math.floor(math.log10(rough))
    step = next(factor * power for factor in (1, 2, 5, 10) if factor * power >= rough)
    return [step * place for place in range(math.ceil(max(most, 1e-3) / step) + 1)]
