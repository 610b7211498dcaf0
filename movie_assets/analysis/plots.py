"""The notebook's plots: one look for all of them, and what each one shows in numbers.

Runs in the notebook's kernel. Every plot goes out by :func:`show`, as a picture with its title as
its text for those who cannot see it, and with its figures beside it, of which Dagster's small
pictures are drawn (``movie_assets.assets.pictures``).
"""

from __future__ import annotations

import base64
import io
from typing import TYPE_CHECKING, Any

import matplotlib as mpl

mpl.use("agg")  # draws into memory, whatever screen there is

import matplotlib.pyplot as plt
import numpy as np
from cycler import cycler
from IPython.display import publish_display_data

from movie_assets.analysis.cells import say

if TYPE_CHECKING:
    from collections.abc import Sequence

    from matplotlib.axes import Axes
    from numpy.typing import ArrayLike

BLUE, LIGHT, ORANGE, GREY = "#2f6db3", "#a9c6e8", "#d9730d", "#667"
_WIDTH, _HEIGHT = 8.4, 3.6  # inches
_DOTS = 144  # per inch: sharp where a point of the page is two of the screen
_POINTS = 96

_STYLE: Any = {
    "figure.figsize": (_WIDTH, _HEIGHT),
    "figure.constrained_layout.use": True,
    "font.family": "DejaVu Sans",  # comes with matplotlib, and has most alphabets
    "font.size": 10.5,
    "axes.titlesize": 12,
    "axes.titleweight": "bold",
    "axes.titlelocation": "left",
    "axes.labelcolor": GREY,
    "axes.edgecolor": "#bbc",
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.axisbelow": True,
    "axes.grid": True,
    "axes.prop_cycle": cycler(color=[BLUE, ORANGE, GREY]),
    "grid.color": "#e6e8ee",
    "xtick.color": GREY,
    "ytick.color": GREY,
}


def prepare() -> None:
    """Give all plots their look, whatever this machine's own settings are."""
    mpl.rcdefaults()
    mpl.use("agg")
    mpl.rcParams.update(_STYLE)


def show(ax: Axes, title: str, x: str, y: str, figures: dict[str, Any]) -> None:
    """Put a plot out.

    Args:
        ax: what was drawn.
        title: what it shows.
        x: what its horizontal axis counts, with the unit.
        y: the same of its vertical one.
        figures: what it shows in numbers: see :func:`counted` and :func:`named`.
    """
    ax.set(title=title, xlabel=x, ylabel=y)
    figure: Any = ax.figure
    picture = io.BytesIO()
    figure.savefig(picture, format="png", dpi=_DOTS)
    width, height = (round(inches * _POINTS) for inches in figure.get_size_inches())
    publish_display_data(
        {"image/png": base64.b64encode(picture.getvalue()).decode(), "text/plain": title},
        metadata={
            "image/png": {"alt": title, "width": width, "height": height},
            "movie_assets": {"title": title, "unit": x, **figures},
        },
    )
    plt.close(figure)


def counted(
    edges: ArrayLike, counts: ArrayLike, *, log: bool = False, powers: bool = False
) -> dict[str, Any]:
    """The figures of a histogram: where its bars begin and end, and how high they are.

    Args:
        edges: of the bars, the first and the last at least.
        counts: how high they are.
        log: whether their heights are to be drawn by their logarithms.
        powers: whether they stand at equal ratios, and not at equal distances.
    """
    ends = np.asarray(edges, dtype=float)
    return {
        "kind": "counted",
        "low": float(ends[0]),
        "high": float(ends[-1]),
        "values": np.asarray(counts, dtype=float).round(4).tolist(),
        "log": log,
        "powers": powers,
    }


def named(names: Sequence[object], values: ArrayLike, unit: str) -> dict[str, Any]:
    """The figures of bars with names, and what they count."""
    return {
        "kind": "named",
        "unit": unit,
        "names": [str(name) for name in names],
        "values": np.asarray(values, dtype=float).round(4).tolist(),
    }


def histogram(
    ax: Axes, title: str, x: str, y: str = "films", *, log: bool = False, powers: bool = False
) -> None:
    """Put out a histogram that ``%sqlplot histogram`` drew.

    Args:
        ax: what it returned.
        title: what it shows.
        x: what is counted, with the unit.
        y: what the bars count.
        log: a logarithmic vertical axis, for counts of very different sizes.
        powers: whether what is counted are logarithms to base ten.
    """
    bars: list[Any] = [patch for patch in ax.patches if hasattr(patch, "get_width")]
    if not any(bar.get_width() > 0 and bar.get_height() > 0 for bar in bars):
        plt.close(ax.figure.number)  # type: ignore[union-attr]
        say(f"{title}: there is nothing to draw, for all values are the same.")
        return
    for bar in bars:
        bar.set(facecolor=BLUE, edgecolor="white", linewidth=0.6)
    # Where nothing was counted, there is no bar.
    step, left = bars[0].get_width(), min(bar.get_x() for bar in bars)
    places = [round((bar.get_x() - left) / step) for bar in bars]
    heights = np.zeros(max(places) + 1)
    heights[places] = [bar.get_height() for bar in bars]
    edges = [left, left + step * len(heights)]
    edges = [10**edge for edge in edges] if powers else edges
    ax.set_ylim(auto=True)
    if log:
        ax.set_yscale("log")
    if powers:
        ax.xaxis.set_major_formatter(lambda power, _: _short(round(10**power)))
    ax.grid(visible=False, axis="x")
    figures = counted(edges, heights, log=log, powers=powers)
    show(ax, title, x, f"{y}, logarithmic" if log else y, figures)


def columns(places: ArrayLike, values: ArrayLike, title: str, x: str, y: str = "films") -> None:
    """Upright bars at places on a scale, such as years."""
    at, heights = np.asarray(places, dtype=float), np.asarray(values, dtype=float)
    _, ax = plt.subplots()
    step = float(np.diff(at).min()) if len(at) > 1 else 1.0
    ax.bar(at, heights, width=0.86 * step, color=BLUE)
    ax.grid(visible=False, axis="x")
    # Places without a bar belong to the scale too.
    n = round((at.max() - at.min()) / step) + 1 if len(at) else 0
    filled = np.zeros(n)
    filled[np.round((at - at.min()) / step).astype(int) if n else []] = heights
    ends = [at.min() - step / 2, at.max() + step / 2] if n else [0.0, 1.0]
    show(ax, title, x, y, counted(ends, filled))


def bars(
    names: Sequence[object], values: ArrayLike, title: str, x: str, *, marked: str | None = None
) -> None:
    """Lying bars with names, the first at the top, each with its figure.

    Args:
        names: what the bars stand for.
        values: how long they are; a missing one has a name and no bar.
        title: what is shown.
        x: what the lengths count, with the unit.
        marked: the name whose bar stands out.
    """
    lengths = np.asarray(values, dtype=float)
    _, ax = plt.subplots(figsize=(_WIDTH, max(1.6, 0.9 + 0.29 * len(lengths))))
    colours = [ORANGE if str(name) == marked else BLUE for name in names]
    drawn = ax.barh(range(len(lengths)), lengths, color=colours)
    ax.set_yticks(range(len(lengths)), [str(name) for name in names], color="black")
    ax.bar_label(drawn, [_short(length) for length in lengths], padding=4, color=GREY)
    ax.margins(x=0.09)
    ax.invert_yaxis()
    ax.grid(visible=False, axis="y")
    show(ax, title, x, "", named(names, lengths, x))


def heat(names: Sequence[str], shares: ArrayLike, title: str, x: str, y: str, figures: Any) -> None:
    """A square of shares, each written into its field in per cent."""
    values = np.asarray(shares, dtype=float)
    side = 2.4 + 0.46 * len(names)
    _, ax = plt.subplots(figsize=(min(_WIDTH, side + 1.2), side))
    ax.imshow(values, cmap="Blues", vmin=0, vmax=max(float(np.nanmax(values)), 0.01), aspect="auto")
    ax.set_xticks(range(len(names)), names, rotation=45, ha="right", color="black")
    ax.set_yticks(range(len(names)), names, color="black")
    dark = 0.6 * float(np.nanmax(values))
    for (row, column), value in np.ndenumerate(values):
        if np.isfinite(value):
            colour = "white" if value > dark else "#334"
            ax.text(column, row, f"{100 * value:.0f}", ha="center", va="center", color=colour)
    ax.grid(visible=False)
    show(ax, title, x, y, figures)


def band(places: ArrayLike, middle: ArrayLike, ends: tuple[ArrayLike, ArrayLike]) -> Axes:
    """A line, and the band that half of all lie in; goes out by :func:`show`."""
    _, ax = plt.subplots()
    low, high = ends
    ax.fill_between(places, low, high, color=LIGHT, alpha=0.55, label="the middle half")
    ax.plot(places, middle, color=BLUE, marker="o", label="median")
    ax.legend(frameon=False)
    return ax


def _short(number: float) -> str:
    if np.isnan(number):
        return "-"
    if number == 0 or abs(number) >= 100 or number == round(number):
        return f"{number:,.0f}"
    return f"{number:.3g}"
