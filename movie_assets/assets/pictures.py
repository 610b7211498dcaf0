"""Pictures in asset metadata: small drawings, where people look at a run.

Dagster's web UI shows markdown of fewer than 1,000 characters where it stands and hides anything
longer behind a link. So a picture is a vector drawing of a few hundred characters, which fits; a
bitmap never does.
"""

from __future__ import annotations

from html import escape
from typing import TYPE_CHECKING
from urllib.parse import quote

import dagster as dg
import numpy as np

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import ArrayLike

#: Markdown shorter than this is shown in the asset's page itself.
SHOWN_IN_PLACE = 1000

_BLUE, _GREY = "#47a", "#888"  # read well on the light and the dark theme
_LEFT, _TOP, _STEP, _HEIGHT = 50, 10, 12, 80
#: More bars than this are put together, two by two, three by three and so on.
_MOST_BARS = 40
#: Lying bars: how long the longest is, how high each row, how many letters of a name are kept.
_LENGTH, _ROW, _NAME = 170, 15, 20
_LETTER = 6.2  # how wide letters are on average


def histogram(
    values: ArrayLike, title: str, unit: str, *, bins: int = 30, log_counts: bool = False
) -> dg.MarkdownMetadataValue:
    """A histogram of finite values as a picture in markdown.

    Args:
        values: one-dimensional; missing values are left out.
        title: what is drawn.
        unit: what the horizontal axis shows.
        bins: the number of bars.
        log_counts: a logarithmic vertical axis, for counts of very different sizes.
    """
    numbers = np.asarray(values, dtype=np.float64)
    numbers = numbers[np.isfinite(numbers)]
    if not len(numbers):
        return _nothing(title)
    try:
        bar_counts, edges = np.histogram(numbers, bins=bins)
    except ValueError as error:  # values so large that no bar between them has a width
        return dg.MetadataValue.md(f"{title}: cannot be drawn. {error}")
    return histogram_of(bar_counts, (edges[0], edges[-1]), title, unit, log_counts=log_counts)


def histogram_of(
    counts: ArrayLike,
    ends: tuple[float, float],
    title: str,
    unit: str,
    *,
    log_counts: bool = False,
    log_scale: bool = False,
) -> dg.MarkdownMetadataValue:
    """A histogram whose bars have been counted already.

    Args:
        counts: how high the bars are, at least 0; more than fit are put together.
        ends: where the first bar begins and the last one ends.
        title: what is drawn.
        unit: what the horizontal axis shows.
        log_counts: a logarithmic vertical axis.
        log_scale: the bars stand at equal ratios, and not at equal distances.
    """
    heights = _put_together(np.asarray(counts, dtype=np.float64))
    if not len(heights) or not heights.max() > 0:
        return _nothing(title)
    low, high = ends
    middle = float(np.sqrt(low * high)) if log_scale else (low + high) / 2
    drawing = _bars(np.log1p(heights) if log_counts else heights)
    drawing += _axes(
        heights.max(), (low, middle, high), len(heights), unit + log_counts * " (log heights)"
    )
    width, height = _LEFT + len(heights) * _STEP + 20, _TOP + _HEIGHT + 32
    return _picture(title, width, height, drawing, "text-anchor='middle'")


def bars(
    names: Sequence[str], values: ArrayLike, title: str, unit: str
) -> dg.MarkdownMetadataValue:
    """Lying bars with names and figures, the first at the top: as many as the web UI shows.

    Args:
        names: what the bars stand for.
        values: how long they are, at least 0; a missing one has a name and no bar.
        title: what is drawn.
        unit: what the figures count.
    """
    lengths = np.asarray(values, dtype=np.float64)
    if not (lengths > 0).any():
        return _nothing(title)
    for shown in range(len(lengths), 0, -1):
        drawn = _lying(names[:shown], lengths[:shown], title, unit)
        if len(drawn.value) < SHOWN_IN_PLACE:
            return drawn
    return _nothing(title)


def _lying(
    names: Sequence[str], lengths: np.ndarray, title: str, unit: str
) -> dg.MarkdownMetadataValue:
    cut = [name if len(name) <= _NAME else name[: _NAME - 1] + "…" for name in names]
    left = round(_LETTER * max(map(len, cut))) + 8
    scaled = np.ceil(np.nan_to_num(lengths) / np.nanmax(lengths) * _LENGTH).astype(int)
    strokes = "".join(
        f"M{left},{_ROW * row + 8}h{length}" for row, length in enumerate(scaled) if length
    )
    drawing = f"<path d='{strokes}' stroke='{_BLUE}' stroke-width='{_ROW - 4}'/>"
    for row, (name, length) in enumerate(zip(cut, lengths, strict=True)):
        # One text a row, for each costs thirty characters: the name, and its figure after it.
        drawing += f"<text y='{_ROW * row + 12}'>{escape(name)}</text>"
        drawing += (
            f"<text y='{_ROW * row + 12}' x='{left + scaled[row] + 4}'>{_short(length)}</text>"
        )
    bottom = _ROW * len(cut) + 14
    drawing += f"<text x='{left}' y='{bottom}'>{escape(unit)}</text>"
    return _picture(title, left + _LENGTH + 60, bottom + 6, drawing)


def _picture(
    title: str, width: int, height: int, drawing: str, more: str = ""
) -> dg.MarkdownMetadataValue:
    svg = (
        f"<svg xmlns='http://www.w3.org/2000/svg' width='{width}' height='{height}' "
        f"font-family='sans-serif' font-size='11' fill='{_GREY}' {more}>{drawing}</svg>"
    )
    # Spaces, <, > and # would end the address or be read as markdown.
    address = "data:image/svg+xml," + quote(svg, safe="/:=',;+-.")
    return dg.MetadataValue.md(f"![{title}]({address})")


def _nothing(title: str) -> dg.MarkdownMetadataValue:
    return dg.MetadataValue.md(f"{title}: there is nothing to draw.")


def _put_together(counts: np.ndarray) -> np.ndarray:
    """The same counts in no more bars than fit."""
    each = -(-len(counts) // _MOST_BARS)
    if each <= 1:
        return counts
    return np.add.reduceat(counts, np.arange(0, len(counts), each))


def _bars(heights: np.ndarray) -> str:
    """One path with a stroke a bar: the shortest way to draw them; empty bars are left out."""
    baseline = _TOP + _HEIGHT
    scaled = np.ceil(heights / heights.max() * _HEIGHT).astype(int)
    strokes = "".join(
        f"M{_LEFT + i * _STEP + _STEP // 2},{baseline}V{baseline - height}"
        for i, height in enumerate(scaled)
        if height
    )
    return f"<path d='{strokes}' stroke='{_BLUE}' stroke-width='{_STEP - 1}'/>"


def _axes(highest: float, values: tuple[float, float, float], n_bars: int, unit: str) -> str:
    """The base line, the highest bar's count, and the ends and the middle of the values."""
    baseline, right = _TOP + _HEIGHT, _LEFT + n_bars * _STEP
    middle = (_LEFT + right) // 2
    low, centre, high = values
    texts = [
        (_LEFT // 2, _TOP + 8, f"{highest:,.0f}" if highest >= 10 else f"{highest:.3g}"),
        (_LEFT, baseline + 14, _short(low)),
        (middle, baseline + 14, _short(centre)),
        (right, baseline + 14, _short(high)),
        (middle, baseline + 28, escape(unit)),
    ]
    return f"<path d='M{_LEFT},{baseline}H{right}' stroke='{_GREY}'/>" + "".join(
        f"<text x='{x}' y='{y}'>{text}</text>" for x, y, text in texts
    )


def _short(number: float) -> str:
    if np.isnan(number):
        return "-"
    return f"{number:.0f}" if 100 <= abs(number) < 1e9 else f"{number:.3g}"
