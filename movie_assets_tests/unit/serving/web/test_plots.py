from __future__ import annotations

from typing import Any

import pytest

from movie_assets.serving.web.plots import plots


def figure(method: str, value: float | None, **more: Any) -> dict[str, Any]:
    return {
        "task": "similar films", "method": method, "metric": "novelty", "value": value,
        "low": None, "high": None, "description": "",
    } | more  # fmt: skip


def test_methods_stand_by_value_on_an_axis_that_ends_at_a_round_number() -> None:
    (plot,) = plots(
        [figure("random", 3.0, low=2.5, high=3.7), figure("ours", 1.0), figure("published", 9.0)]
    )
    assert plot.name == "similar-films-novelty"
    assert [row.method for row in plot.rows] == ["random", "ours"]
    assert [row.is_ours for row in plot.rows] == [False, True]
    assert plot.ticks == ((0.0, 2.0), (1.0, 26.0), (2.0, 50.0), (3.0, 74.0), (4.0, 98.0))
    first, second = plot.rows
    assert (first.at, first.at_low, first.at_high) == (74.0, 62.0, 90.8)
    assert (second.at, second.at_low, second.at_high) == (26.0, None, None)


@pytest.mark.parametrize(
    ("highest", "end"), [(1.0, 1.0), (0.05, 0.08), (10.7, 20.0), (0.34, 0.4), (0.0, 1.0)]
)
def test_the_axis_holds_the_highest(highest: float, end: float) -> None:
    (plot,) = plots([figure("a", highest), figure("b", 0.0)])
    assert plot.ticks[-1][0] == pytest.approx(end)


@pytest.mark.parametrize(
    ("highest", "places"),
    [(0.129, 3), (0.05, 4), (1.0, 2), (10.7, 1), (999.0, 0), (5416.0, 0), (0.0, 3)],
)
def test_figures_of_a_plot_have_as_many_decimal_places(highest: float, places: int) -> None:
    (plot,) = plots([figure("a", highest), figure("b", 0.0)])
    assert plot.places == places


@pytest.mark.parametrize(
    "quality",
    [
        [],
        [figure("ours", 1.0)],
        [figure("ours", 1.0), figure("random", None)],
        [figure("ours", 1.0), figure("random", float("nan"))],
        [figure("ours", 1.0, metric="gini"), figure("random", 2.0, metric="gini")],
    ],
)
def test_what_cannot_be_compared_is_not_drawn(quality: list[dict[str, Any]]) -> None:
    assert plots(quality) == []
