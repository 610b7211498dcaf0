"""The digest of a table: of its rows, whatever their order, and carried on without the rest."""

from __future__ import annotations

import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from movie_assets.warehouse import TABLES, Column, Digest, TableSchema, digest_of_rows, validate
from movie_assets.warehouse.digest import hash_of_place

SCHEMA = TableSchema(
    name="table",
    description="Some of each type.",
    columns=(
        Column("id", "BIGINT", "."),
        Column("text", "VARCHAR", ".", True),
        Column("number", "DOUBLE", ".", True),
        Column("names", "VARCHAR[]", ".", True),
    ),
    primary_key=("id",),
    may_be_empty=True,
)
ROWS = st.lists(
    st.tuples(
        st.integers(0, 20),
        st.none() | st.text(max_size=3),
        st.none() | st.floats(allow_nan=False, allow_infinity=False),
        st.none() | st.lists(st.text(max_size=2), max_size=2),
    ),
    unique_by=lambda row: row[0],
    max_size=8,
)
Row = tuple[int, str | None, float | None, list[str] | None]


def digest(rows: list[Row]) -> Digest:
    frame = pd.DataFrame(
        {
            column.name: pd.Series([row[i] for row in rows], dtype=column.pandas_dtype)
            for i, column in enumerate(SCHEMA.columns)
        }
    )
    return digest_of_rows(validate(frame, SCHEMA), SCHEMA)


@settings(max_examples=20, deadline=None)
@given(rows=ROWS, cut=st.integers(0, 8))
def test_it_is_the_sum_of_its_parts_in_any_order(rows: list[Row], cut: int) -> None:
    whole = digest(rows)
    assert whole.rows == len(rows)
    assert digest(rows[::-1]) == whole
    assert digest(rows[:cut]) + digest(rows[cut:]) == whole
    assert whole - digest(rows[cut:]) == digest(rows[:cut])


ONE: Row = (1, "a", 1.0, ["a"])


@pytest.mark.parametrize(
    "other",
    [
        (2, "a", 1.0, ["a"]),
        (1, "b", 1.0, ["a"]),
        (1, None, 1.0, ["a"]),
        (1, "a", None, ["a"]),
        (1, "a", 1.0000000000000002, ["a"]),
        (1, "a", 1.0, ["a", "a"]),
        (1, "a", 1.0, []),
        (1, "a", 1.0, None),
    ],
)
def test_another_value_is_another_digest(other: Row) -> None:
    assert digest([other]) != digest([ONE])
    assert str(digest([other])) != str(digest([ONE]))


def test_values_do_not_change_places_unseen() -> None:
    two: Row = (2, "b", 2.0, ["b"])
    assert digest([ONE, two]) != digest([(1, "b", 1.0, ["a"]), (2, "a", 2.0, ["b"])])


def test_in_a_list_it_counts_what_stands_where_and_what_is_told_of_it() -> None:
    pairs = TABLES["co_liked_movies"]

    def of(*rows: tuple[int, int, int, float]) -> Digest:
        names = ("movie_id", "rank", "neighbour_id", "score")
        frame = pd.DataFrame(rows, columns=names).assign(liked_by_both=1)
        return digest_of_rows(validate(frame, pairs), pairs)

    one, two = (1, 1, 8, 0.9), (1, 2, 9, 0.8)
    assert of(one, two) == of(two, one) == of(one) + of(two)
    others = [
        [(1, 2, 8, 0.9), (1, 1, 9, 0.8)],  # places changed
        [(1, 1, 9, 0.9), (1, 2, 8, 0.8)],  # names changed
        [(1, 1, 8, 0.8), (1, 2, 9, 0.9)],  # values changed
        [(2, 1, 8, 0.9), two],
        [one, (1, 3, 9, 0.8)],
    ]
    assert not [rows for rows in others if of(*rows) == of(one, two)]


def test_a_table_without_lists_has_no_places() -> None:
    with pytest.raises(ValueError, match="no places"):
        hash_of_place(SCHEMA, "table")
