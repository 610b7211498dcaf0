"""The IO manager's contract, kept by real materializations into a real file."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import dagster as dg
import duckdb
import pandas as pd
import pyarrow as pa
import pytest

from movie_assets.warehouse import (
    TABLES,
    Column,
    SchemaError,
    TableMissingError,
    TableSchema,
    read_table,
)
from movie_assets.warehouse.io_manager import WarehouseIOManager, column_schema

Materialize = Callable[..., dg.ExecuteInProcessResult]


@pytest.fixture
def materialize(database: Path) -> Materialize:
    """Materializes an asset of this name with this content."""

    def run(name: str, content: Any, **options: Any) -> dg.ExecuteInProcessResult:
        @dg.asset(name=name)
        def made() -> Any:
            return content

        return dg.materialize(
            [made],
            resources={"io_manager": WarehouseIOManager(database=str(database))},
            instance=dg.DagsterInstance.ephemeral(),
            **options,
        )

    return run


@pytest.fixture
def load(database: Path) -> Callable[..., Any]:
    """What an asset gets for its input `movies_table`."""

    def run(annotation: Any, metadata: Mapping[str, Any] | None = None) -> Any:
        got = []

        def reads(context: Any, movies_table: Any) -> None:
            got.append(movies_table)

        reads.__annotations__ = {"movies_table": annotation, "return": None}
        dg.materialize(
            [
                dg.AssetSpec("movies_table").with_io_manager_key("io_manager"),
                dg.asset(ins={"movies_table": dg.AssetIn(metadata=metadata)})(reads),
            ],
            resources={"io_manager": WarehouseIOManager(database=str(database), wait_seconds=0)},
            instance=dg.DagsterInstance.ephemeral(),
        )
        return got[0]

    return run


def test_output_is_stored_with_its_views_and_metadata(
    materialize: Materialize, films: pd.DataFrame, database: Path
) -> None:
    result = materialize("movies_table", films)
    (event,) = result.asset_materializations_for_node("movies_table")
    assert event.metadata["dagster/row_count"].value == 3
    assert event.metadata["dagster/table_name"].value == "movies_data.main.movies_table"
    assert 0 < float(str(event.metadata["write_seconds"].value)) < 10

    stored = read_table(database, "movies_table")
    assert stored["id"].tolist() == [3, 1, 2]
    for column in ("genre_ids", "title", "overview", "popularity"):
        assert stored[column].where(stored[column].notna(), None).tolist() == (
            films[column].where(films[column].notna(), None).tolist()
        )
    assert stored["release_date"].equals(films["release_date"])
    with duckdb.connect(database, read_only=True) as connection:
        view = connection.execute("SELECT * FROM movies").df()
        comments = connection.execute(
            "SELECT comment FROM duckdb_columns() WHERE table_name = 'movies_table' "
            "ORDER BY column_index"
        ).fetchall()
    assert tuple(view.columns) == TABLES["movies_table"].views[0].columns
    assert [comment for (comment,) in comments] == [
        column.description for column in TABLES["movies_table"].columns
    ]


def test_rerun_replaces_and_does_not_add(
    materialize: Materialize, films: pd.DataFrame, database: Path
) -> None:
    materialize("movies_table", films)
    first = read_table(database, "movies_table")
    materialize("movies_table", films[films.columns[::-1]])
    pd.testing.assert_frame_equal(read_table(database, "movies_table"), first)


@pytest.mark.parametrize(
    "spoil",
    [
        pytest.param(lambda films: films.assign(other=1), id="extra column"),
        pytest.param(lambda films: films.drop(columns="title"), id="missing column"),
        pytest.param(lambda films: films.assign(id=["1", "2", "3"]), id="type drift"),
        pytest.param(lambda films: films.assign(title=None), id="null"),
        pytest.param(lambda films: films.assign(id=1), id="double key"),
        pytest.param(lambda films: films.assign(vote_average=10.1), id="out of range"),
        pytest.param(lambda films: films.iloc[:0], id="empty"),
        pytest.param(lambda films: films.to_dict(), id="no frame"),
    ],
)
def test_bad_output_fails_the_run_and_leaves_the_file_alone(
    materialize: Materialize, films: pd.DataFrame, database: Path, spoil: Callable[..., Any]
) -> None:
    materialize("movies_table", films)
    before = database.read_bytes()
    with pytest.raises(SchemaError, match="movies_table"):
        materialize("movies_table", spoil(films))
    assert database.read_bytes() == before


def test_table_that_is_not_declared_is_refused(materialize: Materialize, database: Path) -> None:
    with pytest.raises(SchemaError, match=r"'filmz' has no declared table.*movies_table"):
        materialize("filmz", pd.DataFrame({"id": [1]}))
    assert not database.exists()


def test_arrow_tables_are_stored_too(materialize: Materialize, database: Path) -> None:
    genres = pa.table({"name": ["Drama"], "id": pa.array([1], pa.int64())})
    materialize("genres_table", dg.MaterializeResult(value=genres, metadata={"preview": "..."}))
    assert read_table(database, "genres_table").to_dict("list") == {"id": [1], "name": ["Drama"]}


def test_inputs_are_loaded_as_annotated_with_the_columns_asked_for(
    materialize: Materialize, films: pd.DataFrame, load: Callable[..., Any]
) -> None:
    materialize("movies_table", films)
    for annotation in (pd.DataFrame, Any):
        frame = load(annotation, {"columns": ["title", "id"]})
        assert isinstance(frame, pd.DataFrame)
        assert frame.dtypes.astype(str).to_dict() == {"title": "str", "id": "int32"}
    table = load(pa.Table)
    assert table.schema.equals(TABLES["movies_table"].arrow_schema)
    with pytest.raises(SchemaError, match="no column 'other'"):
        load(pd.DataFrame, {"columns": ["other"]})


def test_missing_input_names_the_asset_to_materialize(
    materialize: Materialize, load: Callable[..., Any]
) -> None:
    with pytest.raises(TableMissingError, match="--select movies_table"):
        load(pd.DataFrame)
    materialize("genres_table", pd.DataFrame({"id": [1], "name": ["Drama"]}))
    with pytest.raises(TableMissingError, match="--select movies_table"):
        load(pd.DataFrame)


DAYS = TableSchema(
    name="days",
    description="Something that happens every day in every country.",
    columns=(
        Column("day", "TIMESTAMP", "The day."),
        Column("country", "VARCHAR", "The country."),
        Column("number", "INTEGER", "The key."),
    ),
    primary_key=("number",),
)


class DaysIOManager(WarehouseIOManager):
    @staticmethod
    def tables() -> Mapping[str, TableSchema]:
        return {"days": DAYS}


def days(*rows: tuple[str, str, int]) -> pd.DataFrame:
    frame = pd.DataFrame(rows, columns=["day", "country", "number"])
    return frame.assign(day=pd.to_datetime(frame["day"]))


def stored_numbers(database: Path) -> list[int]:
    with duckdb.connect(database, read_only=True) as connection:
        return [n for (n,) in connection.execute("SELECT number FROM days ORDER BY 1").fetchall()]


@pytest.mark.parametrize(
    ("partitions", "expr", "first", "second"),
    [
        (dg.DailyPartitionsDefinition("2024-01-01"), "day", "2024-01-01", "2024-01-02"),
        (dg.StaticPartitionsDefinition(["it's", "de"]), "country", "it's", "de"),
    ],
    ids=["days", "countries"],
)
def test_only_the_partition_is_replaced_and_read(
    database: Path,
    partitions: dg.PartitionsDefinition[str],
    expr: str,
    first: str,
    second: str,
) -> None:
    content: list[pd.DataFrame] = []
    got: list[pd.DataFrame] = []

    @dg.asset(name="days", partitions_def=partitions, metadata={"partition_expr": expr})
    def make() -> pd.DataFrame:
        return content[-1]

    @dg.asset(partitions_def=partitions, io_manager_key="nothing")
    def use(days: pd.DataFrame) -> None:
        got.append(days)

    def run(frame: pd.DataFrame, key: str) -> None:
        content.append(frame)
        dg.materialize(
            [make, use],
            resources={
                "io_manager": DaysIOManager(database=str(database)),
                "nothing": dg.mem_io_manager,
            },
            instance=dg.DagsterInstance.ephemeral(),
            partition_key=key,
        )

    one = days(("2024-01-01", "it's", 1), ("2024-01-01", "it's", 2))
    two = days(("2024-01-02", "de", 3))
    run(one, first)
    run(two, second)
    run(one, first)
    assert stored_numbers(database) == [1, 2, 3]
    assert got[-1]["number"].tolist() == [1, 2]

    with pytest.raises(SchemaError, match="1 rows for days lie outside"):
        run(two, first)
    with pytest.raises(SchemaError, match="of another partition has already"):
        run(two.assign(number=1), second)
    assert stored_numbers(database) == [1, 2, 3]


def test_partitions_need_a_declared_column(database: Path) -> None:
    @dg.asset(
        name="days",
        partitions_def=dg.StaticPartitionsDefinition(["a"]),
        metadata={"partition_expr": "nowhere"},
    )
    def make() -> pd.DataFrame:
        return days(("2024-01-01", "a", 1))

    with pytest.raises(SchemaError, match="no column 'nowhere'"):
        dg.materialize(
            [make],
            resources={"io_manager": DaysIOManager(database=str(database))},
            instance=dg.DagsterInstance.ephemeral(),
            partition_key="a",
        )


def test_column_schema_is_what_is_declared() -> None:
    columns = {column.name: column for column in column_schema("movies_table").columns}
    assert columns["id"].type == "INTEGER"
    assert columns["id"].constraints == dg.TableColumnConstraints(nullable=False, unique=True)
    assert columns["overview"].constraints.nullable
    assert columns["vote_average"].description == "Mean rating by TMDB's users, 0 to 10."


@pytest.mark.process
def test_assets_in_processes_of_their_own_share_the_file(database: Path, tmp_path: Path) -> None:
    program = tmp_path / "program.py"
    program.write_text(
        """
import sys

import dagster as dg
import pandas as pd

from movie_assets.warehouse.io_manager import WarehouseIOManager


@dg.asset
def genres_table():
    return pd.DataFrame({"id": [1, 2], "name": ["Drama", "War"]})


@dg.asset
def raw_genres(genres_table: pd.DataFrame):
    nothing = pd.Series([None, None], dtype="object")
    return genres_table.assign(position=[1, 2], extra_fields=nothing, malformed_fields=nothing)


def job():
    return dg.Definitions(
        assets=[genres_table, raw_genres],
        jobs=[dg.define_asset_job("all")],
        resources={"io_manager": WarehouseIOManager(database=sys.argv[1])},
        executor=dg.multiprocess_executor.configured({"start_method": {"forkserver": {}}}),
    ).get_job_def("all")


if __name__ == "__main__":
    with dg.instance_for_test() as instance:
        done = dg.execute_job(dg.reconstructable(job), instance=instance, raise_on_error=True)
        sys.exit(not done.success)
"""
    )
    done = subprocess.run(
        [sys.executable, str(program), str(database)],
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )
    assert done.returncode == 0, done.stderr
    assert read_table(database, "raw_genres")["name"].tolist() == ["Drama", "War"]
