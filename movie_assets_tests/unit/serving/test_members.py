"""Members cut out of JSON by compiled code: what reading all of the JSON gives."""

from __future__ import annotations

from typing import Any

import numpy as np
import orjson
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from movie_assets.serving.members import Members
from movie_assets.serving.texts import texts_of

NAMES = ["title", "genres", "votes"]
SCALARS = (
    st.none() | st.booleans() | st.integers(-(2**53), 2**53) | st.floats(-1e9, 1e9)
    | st.text(st.characters(codec="utf-8"))
)  # fmt: skip
VALUES = st.recursive(
    SCALARS,
    lambda one: st.lists(one, max_size=3) | st.dictionaries(st.sampled_from(NAMES), one),
    max_leaves=6,
)
OTHERS = st.dictionaries(st.text(st.characters(codec="utf-8"), max_size=3), VALUES, max_size=3)


@st.composite
def objects(draw: st.DrawFn) -> dict[str, Any]:
    """An object that has the members in their order, and others between them."""
    made: dict[str, Any] = {}
    for name in NAMES:
        made |= draw(OTHERS)
        made[name] = draw(VALUES)
    return made | draw(OTHERS)


def cut_out(pieces: list[bytes], which: list[int]) -> list[list[Any]]:
    found: list[list[Any]] = orjson.loads(
        Members(NAMES).of(texts_of(pieces), np.array(which, np.int32))
    )
    return found


@pytest.mark.no_cover
@settings(deadline=None)  # the first example compiles
@given(films=st.lists(objects(), max_size=4), data=st.data())
def test_they_are_what_reading_everything_gives(
    films: list[dict[str, Any]], data: st.DataObject
) -> None:
    which = data.draw(st.lists(st.integers(0, len(films) - 1), max_size=6)) if films else []
    pieces = [orjson.dumps(film) for film in films]
    assert cut_out(pieces, which) == [
        [orjson.loads(pieces[place])[name] for name in NAMES] for place in which
    ]


def test_what_comes_behind_the_last_of_them_is_not_looked_at() -> None:
    assert cut_out([b'{"title":"a","genres":[],"votes":1,"x'], [0]) == [["a", [], 1]]


@pytest.mark.parametrize(
    "text",
    [
        b"{}",
        b"[]",
        b"null",
        b"{",
        b'{"title":"a","genres":[],"votes":1',
        b'{"title":"a","genres":[]}',
        b'{"genres":[],"title":"a","votes":1}',
        b'{"title":"a","genres":[],"votes":"1}',
        b'{"title":"a\\',
        b'{"title',
        b'{"title":[[[',
    ],
)
def test_what_a_damaged_file_may_hold_is_refused(text: bytes) -> None:
    with pytest.raises(ValueError, match="damaged"):
        cut_out([text], [0])


@pytest.mark.parametrize("place", [-1, 1, 2**31 - 1])
def test_objects_that_are_not_there_are_refused(place: int) -> None:
    with pytest.raises(ValueError, match="is not there"):
        cut_out([b'{"title":"a","genres":[],"votes":1}'], [place])
