"""From TMDB's numbers to rows, by a table or by a search."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from movie_assets.recommender import rows
from movie_assets.recommender.rows import RowsOfIds

NUMBERS = st.integers(0, 2**31 - 1) | st.integers(0, 30)


@pytest.mark.parametrize("places", [0, 1_000])
@given(ids=st.sets(NUMBERS), wanted=st.lists(NUMBERS))
def test_each_film_s_place(places: int, ids: set[int], wanted: list[int]) -> None:
    known = np.array(sorted(ids), np.int32)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(rows, "_PLACES", places)
        found = RowsOfIds(known).of(np.array([*wanted, *sorted(ids)], np.int32))
    place = {number: row for row, number in enumerate(sorted(ids))}
    assert found.tolist() == [place.get(number, -1) for number in [*wanted, *sorted(ids)]]
    assert found.dtype == np.int64
