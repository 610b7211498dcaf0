"""Histograms: drawings that are right, small, and never an asset's failure."""

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

from movie_assets.assets.pictures import SHOWN_IN_PLACE, histogram

_DRAWING = re.compile(r"!\[(.*)\]\(data:image/svg\+xml,(.*)\)")


def drawn(values: Any, unit: str = "votes", **options: Any) -> ElementTree.Element:
    found = _DRAWING.fullmatch(histogram(values, "Votes per film", unit, **options).value)
    assert found
    assert found[1] == "Votes per film"
    assert not re.search(r"[\s<>()]", found[2])  # would end the address
    return ElementTree.fromstring(unquote(found[2]))


def texts(drawing: ElementTree.Element) -> list[str | None]:
    return [element.text for element in drawing if element.tag.endswith("text")]


def bars(drawing: ElementTree.Element) -> list[tuple[int, int]]:
    """Where each bar stands, and how high it is."""
    path = next(e for e in drawing if e.tag.endswith("path"))
    found = re.findall(r"M(\d+),(\d+)V(\d+)", path.attrib["d"])
    return [(int(x), int(low) - int(high)) for x, low, high in found]


def test_bars_by_hand() -> None:
    drawing = drawn([0, 0, 0, 0, 5, 10, 10], bins=4)
    heights = [height for _, height in bars(drawing)]
    assert heights == [80, 20, 40]  # the second of the four is empty
    positions = [x for x, _ in bars(drawing)]
    assert np.diff(positions).tolist() == [24, 12]
    assert texts(drawing) == ["4", "0", "5", "10", "votes"]


def test_a_logarithmic_axis_lifts_what_is_small() -> None:
    values = [0.0] * 999 + [1.0]
    plain, log = (
        [height for _, height in bars(drawn(values, bins=2, log_counts=is_log))]
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
    assert bars(drawn(np.array(pd.Series(values, dtype="float64")))) == bars(drawn([1, 2]))


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
