"""How long the warehouse takes to write, beside the stock DuckDB IO manager.

    python benchmarks/warehouse.py

Both write the same frames into a file of their own, replacing what is there, in turn and in one
process; printed are the medians. Ours checks the frame against its declaration first and commits
once; the stock one, with the smallest handler that works, deletes and inserts in autocommit and
checks nothing.
"""

from __future__ import annotations

import statistics
import tempfile
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import dagster as dg
import duckdb
import numpy as np
import pandas as pd
from dagster._core.storage.db_io_manager import DbTypeHandler, TableSlice
from dagster_duckdb import DuckDBIOManager

from movie_assets.warehouse import TABLES, content_hash, read_table, validate, write_table
from movie_assets.warehouse.io_manager import WarehouseIOManager

ROUNDS = 7


class PandasHandler(DbTypeHandler[pd.DataFrame]):
    """What dagster-duckdb-pandas does, which does not install beside pandas 3."""

    def handle_output(
        self,
        context: dg.OutputContext,  # noqa: ARG002 - the interface's
        table_slice: TableSlice,
        obj: pd.DataFrame,
        connection: duckdb.DuckDBPyConnection,
    ) -> None:
        """Insert by position, as the stock handler does."""
        name = f"{table_slice.schema}.{table_slice.table}"
        connection.register("obj", obj)
        connection.execute(f"CREATE TABLE IF NOT EXISTS {name} AS SELECT * FROM obj LIMIT 0")
        connection.execute(f"INSERT INTO {name} SELECT * FROM obj")

    def load_input(
        self,
        context: dg.InputContext,  # noqa: ARG002 - the interface's
        table_slice: TableSlice,
        connection: duckdb.DuckDBPyConnection,
    ) -> pd.DataFrame:
        """Read the table back."""
        return connection.sql(f"SELECT * FROM {table_slice.schema}.{table_slice.table}").df()

    @property
    def supported_types(self) -> Sequence[type[object]]:
        """Frames only."""
        return [pd.DataFrame]


class StockIOManager(DuckDBIOManager):
    """dagster-duckdb's own IO manager."""

    @staticmethod
    def type_handlers() -> Sequence[DbTypeHandler[Any]]:
        """The one handler."""
        return [PandasHandler()]


def films(count: int) -> pd.DataFrame:
    """Made-up films of the shape of movies_table."""
    random = np.random.default_rng(0)
    return pd.DataFrame(
        {
            "genre_ids": [[18, 35, 10749]] * count,
            "id": np.arange(count, dtype="int32"),
            "original_language": "en",
            "overview": [f"{i} " + "word " * 50 for i in range(count)],
            "popularity": random.random(count) * 100,
            "release_date": pd.Timestamp("2020-01-01"),
            "title": [f"Film {i}" for i in range(count)],
            "vote_average": random.random(count) * 10,
            "vote_count": random.integers(0, 1000, count).astype("int32"),
            "original_title": [f"Film {i}" for i in range(count)],
            "adult": False,
            "video": False,
            "backdrop_path": None,
            "poster_path": [f"/{i}.jpg" for i in range(count)],
            "popularity_rank": np.arange(1, count + 1, dtype="int32"),
        }
    )


def similarity(rows: int) -> pd.DataFrame:
    """Made-up neighbours of the shape of similarity_matrix, 50 a film."""
    random = np.random.default_rng(0)
    terms = np.array([f"keyword:{i}" for i in range(5000)], dtype=object)
    return pd.DataFrame(
        {
            "movie_id": np.repeat(np.arange(rows // 50, dtype="int32"), 50),
            "rank": np.tile(np.arange(1, 51, dtype="int32"), rows // 50),
            "neighbour_id": random.integers(0, 10_000, rows).astype("int32"),
            "score": random.random(rows, np.float32),
            **{part: random.random(rows, np.float32) for part in ("content", "closeness", "prior")},
            "co_liked": np.float32(0),
            "tmdb": np.float32(0),
            "reasons": terms[random.integers(0, 5000, (rows, 3))].tolist(),
        }
    )


def writer(manager: DuckDBIOManager, table: str) -> Callable[[pd.DataFrame], None]:
    """Hands a frame to an IO manager as Dagster does, without the rest of a run."""
    storage = manager.create_io_manager(dg.build_init_resource_context())

    # Made beforehand, for each call its own: a context takes longer to make than a table to write.
    contexts = [
        dg.build_output_context(
            asset_key=dg.AssetKey(table),
            resource_config={"database": manager.database, "connection_config": {}},
        )
        for _ in range(ROUNDS + 1)
    ]

    def write(frame: pd.DataFrame) -> None:
        storage.handle_output(contexts.pop(), frame)

    return write


def seconds(work: Callable[[], object]) -> float:
    """How long it takes, in seconds."""
    started = time.perf_counter()
    work()
    return time.perf_counter() - started


def compare(table: str, frame: pd.DataFrame, folder: Path) -> None:
    """Print the medians for one table."""
    schema = TABLES[table]
    database = folder / "ours.duckdb"
    ours = writer(WarehouseIOManager(database=str(database)), table)
    stock = writer(StockIOManager(database=str(folder / "stock.duckdb"), schema="main"), table)
    rows = validate(frame, schema)
    works: dict[str, Callable[[], object]] = {
        "our IO manager": lambda: ours(frame),
        "stock IO manager": lambda: stock(frame),
        "  of ours: validate": lambda: validate(frame, schema),
        "  of ours: write": lambda: write_table(database, schema, rows),
        "read_table": lambda: read_table(database, table),
        "content_hash": lambda: content_hash(rows),
    }
    for work in works.values():  # the first time pays for imports and for making the file
        work()
    measured: dict[str, list[float]] = {name: [] for name in works}
    for _ in range(ROUNDS):
        for name, work in works.items():
            measured[name].append(seconds(work))
    medians = {name: statistics.median(times) for name, times in measured.items()}
    print(f"\n{table}, {len(frame):,} rows, median of {ROUNDS}")
    for name, median in medians.items():
        print(f"  {name:22} {median:7.3f} s")
    print(
        f"  ours / stock           {medians['our IO manager'] / medians['stock IO manager']:7.2f}"
    )


def main() -> None:
    """Compare both tables."""
    with tempfile.TemporaryDirectory() as folder:
        compare("movies_table", films(10_000), Path(folder))
        compare("similarity_matrix", similarity(500_000), Path(folder))


if __name__ == "__main__":
    main()
