"""Histograms and bars: drawings that are right, small, and never an asset's failure."""

from __future__ import annotations

import re
from typing import Any
from urllib.parse import unquote
from xml.etree import ElementTree

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from movie_assets.assets.pictures import SHOWN_IN_PLACE, bars, histogram, histogram_of

_DRAWING = re.compile(r"!\[(.*)\]\(data:image/svg\+xml,(.*)\)")


def drawn(values: Any, unit: str = "votes", **options: Any) -> ElementTree.Element:
    return parsed(histogram(values, "Votes per film", unit, **options), "Votes per film")


def counted(counts: list[int], ends: tuple[float, float], **options: Any) -> ElementTree.Element:
    return parsed(histogram_of(counts, ends, "Votes", "films", **options), "Votes")


def parsed(picture: Any, title: str) -> ElementTree.Element:
    found = _DRAWING.fullmatch(picture.value)
    assert found
    assert found[1] == title
    assert not re.search(r"[\s<>()]", found[2])  # would end the address
    return ElementTree.fromstring(unquote(found[2]))


def texts(drawing: ElementTree.Element) -> list[str | None]:
    return [element.text for element in drawing if element.tag.endswith("text")]


def upright(drawing: ElementTree.Element) -> list[tuple[int, int]]:
    """Where each bar stands, and how high it is."""
    path = next(e for e in drawing if e.tag.endswith("path"))
    found = re.findall(r"M(\d+),(\d+)V(\d+)", path.attrib["d"])
    return [(int(x), int(low) - int(high)) for x, low, high in found]


def test_bars_by_hand() -> None:
    drawing = drawn([0, 0, 0, 0, 5, 10, 10], bins=4)
    heights = [height for _, height in upright(drawing)]
    assert heights == [80, 20, 40]  # the second of the four is empty
    positions = [x for x, _ in upright(drawing)]
    assert np.diff(positions).tolist() == [24, 12]
    assert texts(drawing) == ["4", "0", "5", "10", "votes"]


def test_a_logarithmic_axis_lifts_what_is_small() -> None:
    values = [0.0] * 999 + [1.0]
    plain, log = (
        [height for _, height in upright(drawn(values, bins=2, log_counts=is_log))]
        for is_log in (False, True)
    )
    assert plain == [80, 1]
    assert log == [80, 9]  # ln 2 / ln 1000 of 80
    assert re.fullmatch(r"votes\b.*\blog\b.*", texts(drawn(values, log_counts=True))[-1] or "")


@pytest.mark.parametrize(
    "values",
    [[1, 2, None], [1, 2, float("nan"), float("inf"), float("-inf")], pd.array([1, 2, None])],
)
def test_missing_and_infinite_values_are_left_out(values: Any) -> None:
    assert upright(drawn(np.array(pd.Series(values, dtype="float64")))) == upright(drawn([1, 2]))


@pytest.mark.parametrize("values", [[], [float("nan")]])
def test_nothing_to_draw(values: list[float]) -> None:
    assert histogram(values, "Votes", "votes").value == "Votes: there is nothing to draw."


@pytest.mark.parametrize("values", [[1e300], [1e16, 1e16], [-1.7e308, 1.7e308]])
@pytest.mark.filterwarnings("ignore:overflow|invalid value:RuntimeWarning")
def test_what_cannot_be_drawn_is_said(values: list[float]) -> None:
    assert histogram(values, "Popularity", "").value.startswith("Popularity: cannot be drawn.")


def test_the_unit_may_hold_any_sign() -> None:
    assert texts(drawn([1, 2], unit="<votes> & 'more' #1"))[-1] == "<votes> & 'more' #1"


@settings(max_examples=100, deadline=None)
@given(st.lists(st.floats(0, 1e308), min_size=1, max_size=40), st.booleans())
@pytest.mark.filterwarnings("ignore:overflow:RuntimeWarning")
def test_any_values_make_something_small(values: list[float], log_counts: bool) -> None:
    shown = histogram(values, "Popularity", "TMDB popularity", log_counts=log_counts).value
    assert shown.startswith(("![Popularity]", "Popularity: cannot be drawn."))
    assert len(shown) < SHOWN_IN_PLACE


def test_the_fullest_drawing_is_shown_in_place() -> None:
    values = np.repeat(np.arange(30.0), np.arange(1000, 1030)) * 1e8
    shown = histogram(values, "Scores of all neighbours", "cosine similarity", log_counts=True)
    assert len(shown.value) < SHOWN_IN_PLACE


# -- counted already ----------------------------------------------------------------------------


def test_counted_bars_by_hand() -> None:
    drawing = counted([4, 0, 1], (0.0, 9.0))
    assert [height for _, height in upright(drawing)] == [80, 20]
    assert texts(drawing) == ["4", "0", "4.5", "9", "films"]


def test_the_middle_of_equal_ratios_is_the_geometric_one() -> None:
    drawing = counted([1, 1], (1.0, 100.0), log_scale=True)
    assert texts(drawing)[1:4] == ["1", "10", "100"]


@pytest.mark.parametrize(
    ("n_bars", "heights"), [(40, [80] * 40), (41, [80] * 20 + [40]), (120, [80] * 40)]
)
def test_more_bars_than_fit_are_put_together(n_bars: int, heights: list[int]) -> None:
    assert [height for _, height in upright(counted([1] * n_bars, (0, 1)))] == heights


@pytest.mark.parametrize("counts", [[], [0, 0], [float("nan")]])
def test_counts_of_nothing(counts: list[float]) -> None:
    assert histogram_of(counts, (0, 1), "Votes", "").value == "Votes: there is nothing to draw."


# -- lying bars ---------------------------------------------------------------------------------


def lying(names: list[str], values: Any, unit: str = "films") -> ElementTree.Element:
    return parsed(bars(names, values, "Genres", unit), "Genres")


def lengths(drawing: ElementTree.Element) -> list[int]:
    path = next(e for e in drawing if e.tag.endswith("path"))
    return [int(length) for length in re.findall(r"h(\d+)", path.attrib["d"])]


def test_lying_bars_by_hand() -> None:
    drawing = lying(["Drama", "Horror"], [340, 85])
    assert lengths(drawing) == [170, 43]  # a part of a point is drawn as one
    assert texts(drawing) == ["Drama", "340", "Horror", "85", "films"]
    rows = [int(e.attrib["y"]) for e in drawing if e.text in {"Drama", "Horror"}]
    assert np.diff(rows).tolist() == [15]


def test_one_lying_bar_is_whole() -> None:
    assert lengths(lying(["Drama"], [0.002])) == [170]


def test_names_that_are_long_are_cut_and_may_hold_any_sign() -> None:
    drawing = lying(["x" * 20, "y" * 21, "<a> & 'b' #1"], [3, 2, 1], unit="<films>")
    assert texts(drawing)[:-1:2] == ["x" * 20, "y" * 19 + "…", "<a> & 'b' #1"]
    assert texts(drawing)[-1] == "<films>"


def test_what_is_missing_or_zero_has_a_name_and_no_bar() -> None:
    drawing = lying(["Drama", "Music", "War"], [4, float("nan"), 0])
    assert lengths(drawing) == [170]
    assert texts(drawing) == ["Drama", "4", "Music", "-", "War", "0", "films"]


@pytest.mark.parametrize("values", [[], [0.0, 0.0], [float("nan")] * 2])
@pytest.mark.filterwarnings("error")
def test_no_lying_bars(values: list[float]) -> None:
    names = ["Drama", "Music"][: len(values)]
    assert bars(names, values, "Genres", "films").value == "Genres: there is nothing to draw."


@settings(max_examples=60, deadline=None)
@given(st.lists(st.tuples(st.text(max_size=40), st.floats(0, 1e12)), min_size=1, max_size=40))
def test_as_many_bars_as_are_shown_in_place(rows: list[tuple[str, float]]) -> None:
    """The first ones, in their order; all of them where they fit."""
    names, values = [name for name, _ in rows], [value for _, value in rows]
    shown = bars(names, values, "Genres", "films").value
    assert len(shown) < SHOWN_IN_PLACE
    assert shown.startswith(("![Genres]", "Genres: there is nothing"))


def test_bars_that_do_not_fit_are_left_out_from_the_end() -> None:
    names = [f"Genre {n}" for n in range(30)]
    shown = texts(lying(names, range(30, 0, -1)))[:-1:2]
    assert 5 <= len(shown) < 30
    assert shown == names[: len(shown)]
