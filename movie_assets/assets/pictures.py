"""Pictures in asset metadata: small histograms, drawn where people look at a run.

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
    from numpy.typing import ArrayLike

#: Markdown shorter than this is shown in the asset's page itself.
SHOWN_IN_PLACE = 1000

_BLUE, _GREY = "#47a", "#888"  # read well on the light and the dark theme
_LEFT, _TOP, _STEP, _HEIGHT = 50, 10, 12, 80


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
        return dg.MetadataValue.md(f"{title}: there is nothing to draw.")
    try:
        bar_counts, edges = np.histogram(numbers, bins=bins)
    except ValueError as error:  # values so large that no bar between them has a width
        return dg.MetadataValue.md(f"{title}: cannot be drawn. {error}")
    drawing = _bars(np.log1p(bar_counts) if log_counts else bar_counts)
    drawing += _axes(int(bar_counts.max()), edges, f"{unit} (log heights)" if log_counts else unit)
    width, height = _LEFT + bins * _STEP + 20, _TOP + _HEIGHT + 32
    svg = (
        f"<svg xmlns='http://www.w3.org/2000/svg' width='{width}' height='{height}' "
        f"font-family='sans-serif' font-size='11' fill='{_GREY}' text-anchor='middle'>"
        f"{drawing}</svg>"
    )
    # Spaces, <, > and # would end the address or be read as markdown.
    address = "data:image/svg+xml," + quote(svg, safe="/:=',;+-.")
    return dg.MetadataValue.md(f"![{title}]({address})")


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


def _axes(highest: int, edges: np.ndarray, unit: str) -> str:
    """The base line, the highest bar's count, and the ends and the middle of the values."""
    baseline, right = _TOP + _HEIGHT, _LEFT + (len(edges) - 1) * _STEP
    middle = (_LEFT + right) // 2
    low, high = edges[0], edges[-1]
    texts = [
        (_LEFT // 2, _TOP + 8, f"{highest:,}"),
        (_LEFT, baseline + 14, _short(low)),
        (middle, baseline + 14, _short((low + high) / 2)),
        (right, baseline + 14, _short(high)),
        (middle, baseline + 28, escape(unit)),
    ]
    return f"<path d='M{_LEFT},{baseline}H{right}' stroke='{_GREY}'/>" + "".join(
        f"<text x='{x}' y='{y}'>{text}</text>" for x, y, text in texts
    )


def _short(number: float) -> str:
    return f"{number:.0f}" if 100 <= abs(number) < 1e9 else f"{number:.3g}"
