"""The notebook's plots: what is drawn, and the figures that go out beside it."""

from __future__ import annotations

import base64
import struct
from collections.abc import Iterator
from typing import Any

import matplotlib.pyplot as plt
import numpy as np
import pytest

from movie_assets.analysis import plots


class Shown:
    """What went out: pictures with their metadata, and sentences; and each plot as it was drawn."""

    def __init__(self, patch: pytest.MonkeyPatch) -> None:
        self.pictures: list[tuple[dict[str, str], dict[str, Any]]] = []
        self.said: list[str] = []
        self.axes: list[Any] = []
        show = plots.show

        def look(ax: Any, *args: Any) -> None:
            self.axes.append(ax)
            show(ax, *args)

        patch.setattr(plots, "show", look)
        patch.setattr(plots, "say", self.said.append)
        patch.setattr(
            plots,
            "publish_display_data",
            lambda data, metadata: self.pictures.append((data, metadata)),
        )

    @property
    def figures(self) -> dict[str, Any]:
        """Of the one picture."""
        [(_, metadata)] = self.pictures
        found: dict[str, Any] = metadata["movie_assets"]
        return found


@pytest.fixture
def shown(monkeypatch: pytest.MonkeyPatch) -> Iterator[Shown]:
    with plt.rc_context():
        plots.prepare()
        yield Shown(monkeypatch)
    left = plt.get_fignums()
    plt.close("all")
    assert left == []  # each takes memory for as long as it is open


def lengths(ax: Any) -> list[float]:
    return [bar.get_width() for bar in ax.patches]


def test_a_picture_has_its_title_for_who_cannot_see_it(shown: Shown) -> None:
    plots.bars(["Drama"], [3], "Genres", "films")
    [(data, metadata)] = shown.pictures
    assert data["text/plain"] == metadata["image/png"]["alt"] == "Genres"
    picture = base64.b64decode(data["image/png"])
    width, height = struct.unpack(">II", picture[16:24])
    size = metadata["image/png"]
    # Half again as many dots as points: sharp on a fine screen.
    assert (width / size["width"], height / size["height"]) == pytest.approx((1.5, 1.5), abs=0.02)


def test_lying_bars_have_names_and_figures(shown: Shown) -> None:
    plots.bars(["Drama", "War"], [1200, 2.5], "Genres", "films", marked="War")
    [ax] = shown.axes
    assert lengths(ax) == [1200, 2.5]
    assert [label.get_text() for label in ax.get_yticklabels()] == ["Drama", "War"]
    assert [text.get_text() for text in ax.texts] == ["1,200", "2.5"]
    first, second = (bar.get_facecolor() for bar in ax.patches)
    assert first != second
    bottom, top = ax.get_ylim()
    assert bottom > top  # the first is at the top
    assert shown.figures == {
        "title": "Genres",
        "unit": "films",
        "kind": "named",
        "names": ["Drama", "War"],
        "values": [1200.0, 2.5],
    }


@pytest.mark.parametrize("names", [[], ["One"], ["x" * 60, "Кино", "<b>"]])
def test_any_names_are_drawn(shown: Shown, names: list[str]) -> None:
    plots.bars(names, range(1, len(names) + 1), "Genres", "films")
    assert shown.figures["names"] == names
    assert len(lengths(shown.axes[0])) == len(names)


def test_a_missing_figure_takes_no_place(shown: Shown) -> None:
    plots.bars(["Drama", "War"], [3, float("nan")], "Genres", "films")
    assert lengths(shown.axes[0])[0] == 3
    assert np.isnan(shown.figures["values"][1])


def test_columns_stand_at_their_places_and_gaps_count(shown: Shown) -> None:
    plots.columns([1990, 1991, 1994], [5, 6, 7], "Films a year", "year")
    [ax] = shown.axes
    assert [bar.get_x() + bar.get_width() / 2 for bar in ax.patches] == [1990, 1991, 1994]
    assert shown.figures["values"] == [5, 6, 0, 0, 7]
    assert (shown.figures["low"], shown.figures["high"]) == (1989.5, 1994.5)


@pytest.mark.parametrize(
    ("places", "low", "high"), [([], 0.0, 1.0), ([1990], 1989.5, 1990.5)], ids=["none", "one"]
)
def test_few_columns(shown: Shown, places: list[int], low: float, high: float) -> None:
    plots.columns(places, [4] * len(places), "Films a year", "year")
    assert shown.figures["values"] == [4] * len(places)
    assert (shown.figures["low"], shown.figures["high"]) == (low, high)


def drawn(values: list[float], bins: int = 4) -> Any:
    _, ax = plt.subplots()
    # Empty bars are not there, as %sqlplot draws them.
    heights, edges = np.histogram(values, bins=bins)
    there = heights > 0
    ax.bar(edges[:-1][there], heights[there], width=edges[1] - edges[0], align="edge")
    return ax


def test_a_histogram_knows_its_empty_bars(shown: Shown) -> None:
    plots.histogram(drawn([0, 0, 0, 5, 10, 10]), "Votes", "votes")
    assert shown.figures == {
        "title": "Votes",
        "unit": "votes",
        "kind": "counted",
        "low": 0.0,
        "high": 10.0,
        "values": [3, 0, 1, 2],
        "log": False,
        "powers": False,
    }
    assert shown.axes[0].get_ylabel() == "films"


def test_logarithms_are_told_on_the_axis_and_in_the_figures(shown: Shown) -> None:
    plots.histogram(drawn([0.0, 1.0, 2.0, 2.0], bins=2), "Votes", "votes", log=True, powers=True)
    [ax] = shown.axes
    assert (ax.get_yscale(), ax.get_ylabel()) == ("log", "films, logarithmic")
    assert ax.xaxis.get_major_formatter()(2, 0) == "100"
    assert (shown.figures["low"], shown.figures["high"]) == pytest.approx((1, 100))
    assert (shown.figures["log"], shown.figures["powers"]) == (True, True)


def test_a_histogram_without_a_bar_is_a_sentence(shown: Shown) -> None:
    _, ax = plt.subplots()
    plots.histogram(ax, "Votes", "votes")
    assert shown.said == ["Votes: there is nothing to draw, for all values are the same."]
    assert shown.pictures == []


def test_shares_are_written_into_their_fields(shown: Shown) -> None:
    shares = [[0.5, float("nan")], [0.03, 0.0]]
    plots.heat(["Drama", "War"], shares, "Both", "", "", plots.named([], [], "films"))
    assert [text.get_text() for text in shown.axes[0].texts] == ["50", "3", "0"]
    light, dark = (shown.axes[0].texts[n].get_color() for n in (0, 1))
    assert light != dark  # each is read well on its field


def test_a_band_has_its_middle(shown: Shown) -> None:
    ax = plots.band([1, 2], [3, 4], ([2, 3], [5, 6]))
    plots.show(ax, "Scores", "rank", "score", plots.counted([1, 2], [3, 4]))
    assert ax.lines[0].get_ydata().tolist() == [3, 4]
    assert [text.get_text() for text in ax.get_legend().get_texts()] == [
        "the middle half",
        "median",
    ]


def test_plots_look_the_same_whatever_this_machines_settings_are() -> None:
    with plt.rc_context({"font.size": 40, "axes.grid": False}):
        plots.prepare()
        assert (plt.rcParams["font.size"], plt.rcParams["axes.grid"]) == (10.5, True)
