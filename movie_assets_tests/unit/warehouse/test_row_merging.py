"""Single rows of a table replaced, added and removed by its whole primary key."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from movie_assets.warehouse import (
    SchemaError,
    digest_of_table,
    read_arrow,
    row_merging,
    validate,
    write_table,
)
from movie_assets.warehouse.row_merging import RowMerge, digests, merge_rows
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


FILMS, RANKS = range(1, 5), range(1, 5)


@st.composite
def merges(draw: st.DrawFn) -> tuple[Rows, RowMerge, Rows]:
    """What is stored, what is merged, and what must be stored then."""
    keys = [(film, rank) for film in FILMS for rank in RANKS]
    before = draw(st.dictionaries(st.sampled_from(keys), st.integers(1, 9), max_size=12))
    after: Rows = {}
    moved, kept = [], set()
    for film in FILMS:
        # Who stays, and at which rank.
        ranks = [rank for found, rank in before if found == film]
        stay = draw(st.permutations(ranks))[: draw(st.integers(0, len(ranks)))]
        for rank, to in zip(stay, draw(st.permutations(RANKS)), strict=False):
            after[film, to] = before[film, rank]
            kept.add((film, rank))
            if rank != to:
                moved.append((film, rank, to, before[film, rank]))
    free = [key for key in keys if key not in after]
    rows = draw(st.dictionaries(st.sampled_from(free), st.integers(10, 19))) if free else {}
    # A key that is not stored may be named as well.
    removed = [key for key in keys if key not in kept and (key in before or draw(st.booleans()))]
    return before, merge_of(rows, removed, moved), after | rows


def merge_of(
    rows: Rows,
    removed: list[tuple[int, int]] | None = None,
    moved: list[tuple[int, int, int, int]] | None = None,
) -> RowMerge:
    def keys(named: list[tuple[int, ...]], *names: str) -> pa.Table:
        columns = list(zip(*named, strict=True)) or [()] * len(names)
        return pa.table({n: pa.array(c, pa.int64()) for n, c in zip(names, columns, strict=True)})

    return RowMerge(
        table_of(rows),
        keys(list(removed or []), "movie_id", "rank"),
        keys(list(moved or []), "movie_id", "rank", "to", "neighbour_id"),
    )


@settings(max_examples=20, deadline=None)  # the disk takes a quarter of a second for each
@given(found=merges())
def test_rows_are_removed_moved_and_added_by_their_whole_key(
    tmp_path_factory: pytest.TempPathFactory, found: tuple[Rows, RowMerge, Rows]
) -> None:
    before, merge, after = found
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(row_merging, "_MOVED_AT_ONCE", 2)
        patch.setattr(row_merging, "_ROWS_A_BATCH", 3)
        check_merged(tmp_path_factory, before, merge, after)


def check_merged(
    tmp_path_factory: pytest.TempPathFactory, before: Rows, merge: RowMerge, after: Rows
) -> None:
    database = tmp_path_factory.mktemp("merge") / "films.duckdb"
    write_table(database, TABLE, table_of(before))
    as_it_is, digest = digests(database, TABLE, merge)
    assert as_it_is == digest_of_table(database, TABLE)
    written = merge_rows(database, TABLE, merge)
    assert stored(database) == after
    assert (written.rows, written.table_rows) == (len(merge.rows), len(after))
    assert digest_of_table(database, TABLE) == digest


@pytest.mark.parametrize(
    "merge",
    [
        pytest.param(merge_of({(1, 1): 5}), id="added"),
        pytest.param(merge_of({}, moved=[(1, 1, 2, 2)]), id="moved"),
        pytest.param(merge_of({(1, 3): 5}, moved=[(1, 2, 3, 3)]), id="both"),
        pytest.param(merge_of({}, [(1, 1)], [(1, 2, 3, 2)]), id="another is there"),
        pytest.param(merge_of({}, [(1, 1)], [(1, 4, 3, 2)]), id="none is there"),
        pytest.param(
            RowMerge(
                table_of({(1, 3): 5}).set_column(3, "score", pa.array([7.0])),
                merge_of({}).removed,
                merge_of({}).moved,
            ),
            id="not as declared",
        ),
    ],
)
def test_what_cannot_be_merged_changes_nothing(tmp_path: Path, merge: RowMerge) -> None:
    database = tmp_path / "films.duckdb"
    before: Rows = {(1, 1): 2, (1, 2): 3}
    write_table(database, TABLE, table_of(before))
    with pytest.raises(SchemaError, match=r"primary key|not stored|score"):
        merge_rows(database, TABLE, merge)
    assert stored(database) == before


def test_what_a_merge_waits_for_may_still_stop_it(tmp_path: Path) -> None:
    database = tmp_path / "films.duckdb"
    before: Rows = {(1, 1): 2, (1, 2): 3}
    write_table(database, TABLE, table_of(before))

    def fail() -> None:
        raise LookupError("the lists are not there")

    merge = merge_of({(1, 2): 5}, [(1, 2)], [(1, 1, 3, 2)])
    with pytest.raises(LookupError, match="not there"):
        merge_rows(database, TABLE, dataclasses.replace(merge, ready=fail))
    assert stored(database) == before
    merge_rows(database, TABLE, merge)
    assert stored(database) == {(1, 2): 5, (1, 3): 2}
