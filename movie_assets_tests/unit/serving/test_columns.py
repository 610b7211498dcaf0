"""Single values out of Arrow's buffers, against Arrow's own."""

from __future__ import annotations

from datetime import date
from typing import Any

import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from movie_assets.serving.columns import Column

DATES = st.dates(date(1, 1, 1), date(9999, 12, 31))
INTEGERS = st.integers(-(2**31), 2**31 - 1)
VALUES: dict[pa.DataType, st.SearchStrategy[Any]] = {
    pa.int32(): INTEGERS,
    pa.date32(): DATES,
    pa.string(): st.text(),
    pa.large_string(): st.text(),
    pa.list_(pa.string()): st.lists(st.text() | st.none(), max_size=3),
    pa.large_list(pa.large_string()): st.lists(st.text(), max_size=3),
}


@pytest.mark.no_cover
@pytest.mark.parametrize("kind", VALUES, ids=str)
@given(data=st.data())
def test_values_are_arrows(kind: pa.DataType, data: st.DataObject) -> None:
    lists = st.lists(st.none() | VALUES[kind], max_size=9)
    chunks = [pa.array(data.draw(lists), kind) for _ in range(data.draw(st.integers(0, 3)))]
    column = pa.chunked_array(chunks, kind)
    # A slice begins in the middle of its buffers.
    column = column.slice(data.draw(st.integers(0, len(column))))
    read = Column(column)
    assert len(read) == len(column)
    expected = [tuple(v) if isinstance(v, list) else v for v in column.to_pylist()]
    assert [read[row] for row in range(len(column))] == expected


def test_numbers_of_32_bits_are_what_was_rounded() -> None:
    values = [7.3, 0.1, 123.456, 1e-7, 8.0, 41234.5]
    column = Column(pa.chunked_array([pa.array(values, pa.float32())]))
    assert [column[row] for row in range(len(values))] == values


@pytest.mark.parametrize("row", [-1, 2, 2**40])
def test_rows_that_are_not_there(row: int) -> None:
    with pytest.raises(IndexError, match=f"no row {row} among 2"):
        Column(pa.chunked_array([["a"], ["b"]]))[row]


def test_other_types_are_refused() -> None:
    with pytest.raises(TypeError, match="a column of bool cannot be read"):
        Column(pa.chunked_array([[True]]))
