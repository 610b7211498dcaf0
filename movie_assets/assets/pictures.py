"""Pictures in asset metadata: small histograms, drawn where people look at a run."""

from __future__ import annotations

import base64
import io
from typing import TYPE_CHECKING

import dagster as dg
import numpy as np

if TYPE_CHECKING:
    from numpy.typing import ArrayLike

_BLUE = "#3b6ea5"


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
    # Only runs draw; importing matplotlib with the definitions would slow every command down.
    from matplotlib.backends.backend_agg import FigureCanvasAgg  # noqa: PLC0415
    from matplotlib.figure import Figure  # noqa: PLC0415

    numbers = np.asarray(values, dtype=np.float64)
    numbers = numbers[np.isfinite(numbers)]
    figure = Figure(figsize=(5.2, 2.4), dpi=100, layout="constrained")
    axes = figure.subplots()
    try:
        edges = np.histogram_bin_edges(numbers, bins)
    except ValueError as error:  # values so large that no bar between them has a width
        return dg.MetadataValue.md(f"{title}: cannot be drawn. {error}")
    log = log_counts and len(numbers) > 0
    axes.hist(numbers, bins=edges.tolist(), color=_BLUE, edgecolor="white", linewidth=0.4, log=log)
    axes.set_title(f"{title} ({len(numbers):,})", fontsize=10, loc="left")
    axes.set_xlabel(unit, fontsize=9)
    axes.set_ylabel("films" if not log_counts else "films (log)", fontsize=9)
    axes.tick_params(labelsize=8)
    axes.spines[["top", "right"]].set_visible(False)
    buffer = io.BytesIO()
    FigureCanvasAgg(figure).print_png(buffer)  # type: ignore[no-untyped-call]
    encoded = base64.b64encode(buffer.getvalue()).decode()
    return dg.MetadataValue.md(f"![{title}](data:image/png;base64,{encoded})")
