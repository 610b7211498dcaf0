"""Whatever a declaration allows comes back as it was written."""

from __future__ import annotations

import datetime as dt
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from movie_assets.warehouse import (
    Column,
    TableSchema,
    content_hash,
    read_arrow,
    to_frame,
    validate,
    write_table,
)
from movie_assets.warehouse.store import connect

SCHEMA = TableSchema(
    name="every type",
    description="One column of each type, and 'quotes' wherever there can be some.",
    columns=(
        Column("id", "INTEGER", "The key's."),
        Column('a "name"', "VARCHAR", "Any text.", nullable=True),
        Column("big", "BIGINT", ".", nullable=True),
        Column("double", "DOUBLE", ".", nullable=True),
        Column("single", "FLOAT", "."),
        Column("flag", "BOOLEAN", ".", nullable=True),
        Column("moment", "TIMESTAMP", ".", nullable=True),
        Column("numbers", "INTEGER[]", ".", nullable=True),
        Column("bigs", "BIGINT[]", "."),
        Column("select", "VARCHAR[]", ".", nullable=True),
    ),
    primary_key=("id",),
    may_be_empty=True,
)

INTEGERS = st.integers(-(2**31), 2**31 - 1)
BIGINTS = st.integers(-(2**63), 2**63 - 1)
TEXTS = st.text(st.characters(exclude_categories=["Cs"]), max_size=20)
DOUBLES = st.floats(allow_nan=False, allow_infinity=False)
# pandas' text form of times ends at year 9999, DuckDB's and ours do not.
MOMENTS = st.datetimes(dt.datetime(1, 1, 1), dt.datetime(9999, 12, 31))  # noqa: DTZ001

ROWS = st.lists(
    st.tuples(
        INTEGERS,
        st.none() | TEXTS,
        st.none() | BIGINTS,
        st.none() | DOUBLES,
        st.floats(allow_nan=False, allow_infinity=False, width=32),
        st.none() | st.booleans(),
        st.none() | MOMENTS,
        st.none() | st.lists(INTEGERS, max_size=3),
        st.lists(BIGINTS, max_size=3),
        st.none() | st.lists(TEXTS, max_size=3),
    ),
    unique_by=lambda row: row[0],
    max_size=8,
)


@pytest.fixture(scope="module")
def database_of_all(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """One database for all examples, each of which replaces the one before."""
    return tmp_path_factory.mktemp("round_trip") / "x.duckdb"


@settings(max_examples=30, deadline=None)
@given(rows=ROWS, order=st.permutations(SCHEMA.column_names))
def test_any_valid_frame_is_read_back_equal(
    database_of_all: Path, rows: list[tuple[Any, ...]], order: list[str]
) -> None:
    frame = pd.DataFrame(rows, columns=list(SCHEMA.column_names), dtype="object")
    frame = frame.astype({"single": "float32"})
    written = validate(frame[order], SCHEMA)
    assert write_table(database_of_all, SCHEMA, written).rows == len(rows)
    table = read_arrow(database_of_all, SCHEMA)
    assert table.schema.equals(SCHEMA.arrow_schema)
    assert table.to_pylist() == [dict(zip(SCHEMA.column_names, row, strict=True)) for row in rows]
    assert content_hash(table) == content_hash(written)
    assert validate(to_frame(table, SCHEMA.columns), SCHEMA).equals(table)


def test_no_bar_is_drawn_into_our_output(tmp_path: Path) -> None:
    """DuckDB's own, for what takes long."""
    with connect(tmp_path / "films.duckdb", read_only=False) as connection:
        found = connection.execute("SELECT current_setting('enable_progress_bar')").fetchone()
    assert found == (False,)
