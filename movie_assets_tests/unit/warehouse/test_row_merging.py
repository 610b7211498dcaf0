"""Single rows of a table replaced, added and removed by its whole primary key."""

from __future__ import annotations

from pathlib import Path

import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from movie_assets.warehouse import SchemaError, digest_of_table, read_arrow, validate, write_table
from movie_assets.warehouse.row_merging import RowMerge, digest_after, merge_rows
from movie_assets.warehouse.tables import CO_LIKED_MOVIES

TABLE = CO_LIKED_MOVIES
Rows = dict[tuple[int, int], int]


def table_of(rows: Rows) -> pa.Table:
    films, ranks = zip(*rows, strict=True) if rows else ((), ())
    table = pa.table(
        {
            "movie_id": pa.array(films, pa.int32()),
            "rank": pa.array(ranks, pa.int32()),
            "neighbour_id": pa.array(list(rows.values()), pa.int32()),
            "score": pa.array([0.5] * len(rows), pa.float64()),
            "liked_by_both": pa.array([1] * len(rows), pa.int32()),
        }
    )
    return validate(table, TABLE)


def stored(database: Path) -> Rows:
    rows = read_arrow(database, TABLE).to_pylist()
    found = {(row["movie_id"], row["rank"]): row["neighbour_id"] for row in rows}
    assert len(found) == len(rows)
    return found


KEYS = st.tuples(st.integers(1, 4), st.integers(1, 4))
ROWS = st.dictionaries(KEYS, st.integers(1, 9), max_size=10)


@settings(max_examples=8, deadline=None)  # the disk takes a quarter of a second for each
@given(before=ROWS, rows=ROWS, removed=st.sets(KEYS, max_size=5))
def test_rows_are_replaced_and_removed_by_their_whole_key(
    tmp_path_factory: pytest.TempPathFactory,
    before: Rows,
    rows: Rows,
    removed: set[tuple[int, int]],
) -> None:
    database = tmp_path_factory.mktemp("merge") / "films.duckdb"
    write_table(database, TABLE, table_of(before))
    gone = table_of(dict.fromkeys(removed, 1)).select(["movie_id", "rank"])
    merge = RowMerge(table_of(rows), gone)
    digest = digest_after(database, TABLE, merge, digest_of_table(database, TABLE))
    for _ in range(2):  # done twice, it leaves the same
        written = merge_rows(database, TABLE, merge)
        expected = {key: of for key, of in before.items() if key not in removed} | rows
        assert stored(database) == expected
        assert (written.rows, written.table_rows) == (len(rows), len(expected))
        assert digest_of_table(database, TABLE) == digest


def test_rows_that_are_not_as_declared_change_nothing(tmp_path: Path) -> None:
    database = tmp_path / "films.duckdb"
    before: Rows = {(1, 1): 2, (1, 2): 3}
    write_table(database, TABLE, table_of(before))
    wrong = table_of({(1, 1): 5}).set_column(3, "score", pa.array([7.0]))
    none = table_of({}).select(["movie_id", "rank"])
    with pytest.raises(SchemaError, match="score"):
        merge_rows(database, TABLE, RowMerge(wrong, none))
    assert stored(database) == before
