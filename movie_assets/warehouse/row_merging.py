"""Merging single rows into a stored table, by the whole of its primary key.

``merging.py`` replaces all rows of a film together; where a film has many rows of which few change,
as its neighbours do, only these are replaced here, so that little has to be held and written. A row
that is only numbered otherwise than before, since one above it is new, stays where it is.

Rows are found by one scan of the keys alone, and then changed by where they stand: to join millions
of keys with the table, once for each statement, takes longer.
"""

from __future__ import annotations

import time
from collections import deque
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
import pyarrow as pa

from movie_assets.warehouse import store
from movie_assets.warehouse.digest import Digest, digest_of_rows, hash_of_place, sum_of, sum_of_rows
from movie_assets.warehouse.errors import SchemaError
from movie_assets.warehouse.schema import TableSchema, quote, validate

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping
    from pathlib import Path

    import duckdb
    from numpy.typing import NDArray

#: In :attr:`RowMerge.moved`, what the last column of the primary key is from now on.
TO = "to"

#: DuckDB holds what it updates at once in memory, of ten million rows gigabytes.
_MOVED_AT_ONCE = 500_000
_ROWS_A_BATCH = 2_000_000
_THREADS = 2
#: What the last column of a key becomes where the row is no more.
_GONE = np.iinfo(np.int32).min


@dataclass(frozen=True)
class RowMerge:
    """What changed of a table: an asset's output that the IO manager merges row by row.

    Rows are removed, then others moved, then new ones added; so a row may take the key of one that
    is removed or moved. The table must have places (:attr:`TableSchema.placed`).

    Attributes:
        rows: of the declared columns, to be added.
        removed: in the columns of the primary key, the keys of rows that are no more.
        moved: likewise those of rows of which only the last column of the key becomes another,
            which one in the column :data:`TO`, and what is placed.
        ready: called before the change is committed: waits for what must be there by then, and
            raises where it cannot be.
    """

    rows: pa.Table
    removed: pa.Table
    moved: pa.Table
    ready: Callable[[], object] = lambda: None


def merge_rows(
    database: Path,
    schema: TableSchema,
    merge: RowMerge,
    *,
    wait_seconds: float = store.DEFAULT_WAIT_SECONDS,
    config: Mapping[str, Any] | None = None,
) -> store.Written:
    """Change some rows of a table, in one transaction; see :class:`RowMerge`.

    Either all of it is done afterwards, or nothing; the latter too where what it waits for fails.

    Raises:
        SchemaError: where the rows, or the stored table, are not as declared, a row that is to be
            moved is not there, or a row would get the key of another.
        WarehouseError: of the type that says why the file cannot be written.
    """
    started = time.perf_counter()
    rows = validate(merge.rows, replace(schema, may_be_empty=True))
    plan = _Plan.of(schema, merge, rows)
    name = quote(schema.name)
    with store.writing(database, wait_seconds=wait_seconds, config=config) as connection:
        store.keep_table(connection, schema)
        _change(connection, schema, *_find(connection, schema, plan))
        connection.register("added", rows)
        connection.execute(f"INSERT INTO {name} BY NAME SELECT * FROM added")  # noqa: S608 - quoted
        left = store.number_of(connection.execute(f"SELECT count(*) FROM {name}"))  # noqa: S608 - quoted
        merge.ready()
    return store.Written(len(rows), time.perf_counter() - started, left - len(rows))


def digests(
    database: Path, schema: TableSchema, merge: RowMerge, **options: Any
) -> tuple[Digest, Digest]:
    """The digest of a table as it is, and once rows are merged; by one scan of it.

    Of the rows that are moved only the place counts, so that the table is not asked for them.

    Raises:
        SchemaError: where the rows, or the stored table, are not as declared.
        TableMissingError: where the table or the database is not there yet.
        WarehouseError: of the type that says why the file cannot be read.
    """
    rows = validate(merge.rows, replace(schema, may_be_empty=True))
    was, becomes = (hash_of_place(schema, "moved", place) for place in (schema.primary_key[-1], TO))
    keys = ", ".join(map(quote, schema.primary_key))
    with store.reading(database, schema, **options) as connection:
        _register(connection, schema, merge)
        count, before, after = connection.execute(
            f"SELECT count(*), {sum_of(was)}, {sum_of(becomes)} FROM moved"  # noqa: S608 - quoted
        ).fetchall()[0]
        stored = connection.execute(
            f"SELECT gone, count(*), {sum_of_rows(schema, 'stored')} FROM "  # noqa: S608 - quoted
            f"(SELECT *, ({keys}) IN (SELECT ({keys}) FROM removed) AS gone "
            f"FROM {quote(schema.name)}) stored GROUP BY gone"
        ).fetchall()
    parts = {gone: Digest.of(rows_of, total) for gone, rows_of, total in stored}
    moved = Digest.of(count, after) - Digest.of(count, before)
    left, removed = parts.get(False, Digest()), parts.get(True, Digest())
    return left + removed, left + moved + digest_of_rows(rows, schema)


def _register(connection: duckdb.DuckDBPyConnection, schema: TableSchema, merge: RowMerge) -> None:
    keys = list(schema.primary_key)
    types = [schema.arrow_schema.field(name) for name in keys]
    placed = schema.arrow_schema.field(str(schema.placed))
    moved = pa.schema([*types, types[-1].with_name(TO), placed])
    connection.register("removed", merge.removed.select(keys).cast(pa.schema(types)))
    connection.register("moved", merge.moved.select(moved.names).cast(moved))


class _Plan(NamedTuple):
    """What becomes of which keys, each of them one number.

    Attributes:
        keys: int64[n], ascending: of the rows that are removed or moved.
        to: int32[n], what the last column of each becomes, or that it is gone.
        placed: int32[n], of those that are moved: what must stand there.
        new: int64[n_new], ascending: keys that are given to rows, and that nobody leaves.
        firsts: int32[n_firsts]: what the keys of both begin with.
        moved: how many rows are moved.
    """

    keys: NDArray[np.int64]
    to: NDArray[np.int32]
    placed: NDArray[np.int32]
    new: NDArray[np.int64]
    firsts: NDArray[np.int32]
    moved: int

    @classmethod
    def of(cls, schema: TableSchema, merge: RowMerge, rows: pa.Table) -> _Plan:
        """Plan a merge.

        Raises:
            SchemaError: where two rows are given one key.
        """
        first, last = schema.primary_key
        of_moved = [_numbers(merge.moved[name]) for name in (first, last, TO, str(schema.placed))]
        gone = _key(_numbers(merge.removed[first]), _numbers(merge.removed[last]))
        keys = np.concatenate([gone, _key(*of_moved[:2])])
        to = np.concatenate([np.full(len(gone), _GONE, np.int32), of_moved[2]])
        placed = np.concatenate([np.zeros(len(gone), np.int32), of_moved[3]])
        order = np.argsort(keys, kind="stable")  # nearly two ascending parts: soon done
        keys = keys[order]
        given = _key(_numbers(rows[first]), _numbers(rows[last]))
        given = np.sort(np.concatenate([_key(of_moved[0], of_moved[2]), given]), kind="stable")
        if (twice := int(np.count_nonzero(given[1:] == given[:-1]))) > 0:
            raise _shared(schema, twice)
        new = given[_places(keys, given) < 0]
        firsts = _firsts(np.sort(np.concatenate([keys, new]), kind="stable"))
        return cls(keys, to[order], placed[order], new, firsts, len(of_moved[0]))

    def find(self, batch: pa.RecordBatch) -> _Found:
        """Which of some stored rows are removed or moved, or have a key that is given away."""
        rowids, firsts, lasts, placed = (column.to_numpy() for column in batch.columns)
        # Of most nothing is told: only the others' keys are looked for.
        told = np.flatnonzero(np.isin(firsts, self.firsts))
        keys = _key(firsts[told], lasts[told])
        taken = int(np.count_nonzero(_places(self.new, keys) >= 0))
        places = _places(self.keys, keys)
        named = np.flatnonzero(places >= 0)
        places, told = places[named], told[named]
        becomes = self.to[places]
        is_moved = (becomes != _GONE) & (self.placed[places] == placed[told])
        return _Found(rowids[told], becomes, taken, int(np.count_nonzero(is_moved)))


class _Found(NamedTuple):
    """Of some stored rows, those that a plan names.

    Attributes:
        ids: int64[n]: where they stand.
        becomes: int32[n]: as :attr:`_Plan.to`.
        taken: how many others have a key that is given to a row.
        moved: how many are to be moved, and are what they must be.
    """

    ids: NDArray[np.int64]
    becomes: NDArray[np.int32]
    taken: int
    moved: int

    @classmethod
    def none(cls) -> _Found:
        return cls(np.empty(0, np.int64), np.empty(0, np.int32), 0, 0)


def _numbers(column: pa.ChunkedArray) -> NDArray[np.int32]:
    return np.asarray(column.to_numpy(), np.int32)


def _key(firsts: NDArray[np.int32], lasts: NDArray[np.int32]) -> NDArray[np.int64]:
    """Two whole numbers of 32 bits as one, in the same order."""
    return np.asarray((firsts.astype(np.int64) << 32) + lasts)


def _firsts(keys: NDArray[np.int64]) -> NDArray[np.int32]:
    """What keys that ascend begin with, each once."""
    firsts = (keys >> 32).astype(np.int32)
    return firsts[np.flatnonzero(np.diff(firsts, prepend=np.int32(_GONE)))]


def _places(keys: NDArray[np.int64], wanted: NDArray[np.int64]) -> NDArray[np.int64]:
    """Where each stands among keys that ascend, -1 for none."""
    if not len(keys):
        return np.full(len(wanted), -1)
    places = np.minimum(np.searchsorted(keys, wanted), len(keys) - 1)
    return np.where(keys[places] == wanted, places, -1)


def _find(
    connection: duckdb.DuckDBPyConnection, schema: TableSchema, plan: _Plan
) -> tuple[NDArray[np.int64], NDArray[np.int32]]:
    """Where the rows stand that are removed or moved, ascending, and what becomes of them.

    Raises:
        SchemaError: where one that is to be moved is not there, or is another, or where a row that
            stays has a key that is given to another.
    """
    columns = ", ".join(map(quote, [*schema.primary_key, str(schema.placed)]))
    stored = connection.sql(f"SELECT rowid, {columns} FROM {quote(schema.name)}")  # noqa: S608 - quoted
    found = [_Found.none(), *_in_turn(plan.find, stored.to_arrow_reader(_ROWS_A_BATCH))]
    taken, moved = (sum(getattr(part, name) for part in found) for name in ("taken", "moved"))
    if taken:
        raise _shared(schema, taken)
    if moved != plan.moved:
        raise SchemaError(
            f"{plan.moved - moved} rows of {schema.name} that were to get another "
            f"{schema.primary_key[-1]} are not stored, and nothing was written. Materialize the "
            f"asset {schema.name} again."
        )
    return np.concatenate([part.ids for part in found]), np.concatenate([p.becomes for p in found])


def _in_turn(
    work: Callable[[pa.RecordBatch], _Found], batches: Iterable[pa.RecordBatch]
) -> Iterator[_Found]:
    """What comes of each batch, by two threads while the next one is read; few are held at once."""
    with ThreadPoolExecutor(_THREADS, thread_name_prefix="merge") as pool:
        begun: deque[Future[_Found]] = deque()
        for batch in batches:
            begun.append(pool.submit(work, batch))
            if len(begun) > _THREADS:
                yield begun.popleft().result()
        while begun:
            yield begun.popleft().result()


def _change(
    connection: duckdb.DuckDBPyConnection,
    schema: TableSchema,
    ids: NDArray[np.int64],
    becomes: NDArray[np.int32],
) -> None:
    """Remove rows, and move others."""
    name, last = quote(schema.name), quote(schema.primary_key[-1])
    gone = becomes == _GONE
    connection.register("gone", pa.table({"id": ids[gone]}))
    connection.execute(f"DELETE FROM {name} USING gone WHERE {name}.rowid = gone.id")  # noqa: S608 - quoted
    ids, becomes = ids[~gone], becomes[~gone]
    for start in range(0, len(ids), _MOVED_AT_ONCE):
        some = slice(start, start + _MOVED_AT_ONCE)
        connection.register("moving", pa.table({"id": ids[some], TO: becomes[some]}))
        connection.execute(
            f"UPDATE {name} SET {last} = moving.{quote(TO)} FROM moving "  # noqa: S608 - quoted
            f"WHERE {name}.rowid = moving.id "
            f"AND {name}.rowid BETWEEN {ids[some].min()} AND {ids[some].max()}"
        )


def _shared(schema: TableSchema, rows: int) -> SchemaError:
    return SchemaError(
        f"{rows} rows of {schema.name} would share a primary key ({', '.join(schema.primary_key)}) "
        f"with another, and nothing was written. Correct the asset that makes {schema.name}, and "
        "materialize it again."
    )
