"""Dagster's side of the warehouse: an asset's output is the table of its name.

Only the translation between Dagster's contexts and ``store.py`` belongs here; this is the one
module of this room that imports Dagster.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any, cast

import dagster as dg
import pandas as pd
import pyarrow as pa
from dagster._core.definitions.partitions.utils import TimeWindow
from dagster._core.storage.db_io_manager import (
    DbIOManager,
    DbTypeHandler,
    TablePartitionDimension,
    TableSlice,
)
from dagster_duckdb import DuckDBIOManager
from dagster_duckdb.io_manager import DuckDbClient
from pydantic import Field

from movie_assets.warehouse import store
from movie_assets.warehouse.errors import SchemaError, TableMissingError
from movie_assets.warehouse.merging import Merge, merge_table
from movie_assets.warehouse.row_merging import RowMerge, merge_rows
from movie_assets.warehouse.schema import TableSchema, to_frame, validate
from movie_assets.warehouse.spool import Spooled, spool, write_spooled
from movie_assets.warehouse.tables import TABLES, find_table


class WarehouseIOManager(DuckDBIOManager):
    """Stores assets as declared DuckDB tables, all or nothing.

    An asset's name is its table's name. Its output, a pandas DataFrame or an Arrow table, is
    checked against the declaration before the file is opened, and replaces the table in one
    transaction; of a partitioned asset only its partitions are replaced, by the column that the
    asset's metadata ``partition_expr`` names. A :class:`Merge` replaces only the rows that changed,
    and what :meth:`WarehouseStorage.spool` returns is a table that need not fit into the memory.

    An input is loaded as a DataFrame of the declared dtypes (see :func:`schema.to_frame`), or as an
    Arrow table where it is annotated so; the input's metadata ``columns`` picks columns. Reading
    opens the file read-only.

    Every failure is a :class:`WarehouseError` whose message says what to do.

    Examples:
        .. code-block:: python

            dg.Definitions(
                assets=[movies_table],
                resources={"io_manager": WarehouseIOManager(database="data/movies_data.duckdb")},
            )
    """

    schema_: str | None = Field(
        default="main", alias="schema", description="DuckDB's schema of all tables."
    )
    wait_seconds: float = Field(
        default=store.DEFAULT_WAIT_SECONDS,
        description="How long to wait for the file while another process holds it, in seconds.",
    )

    @staticmethod
    def type_handlers() -> Sequence[DbTypeHandler[Any]]:
        """None: the base class's handlers get a connection before anything could be checked."""
        return []

    @staticmethod
    def tables() -> Mapping[str, TableSchema]:
        """The declared tables by name."""
        return TABLES

    def create_io_manager(self, context: dg.InitResourceContext) -> DbIOManager:  # noqa: ARG002 - Dagster's
        """What Dagster hands outputs to and takes inputs from."""
        return WarehouseStorage(
            Path(self.database),
            self.tables(),
            wait_seconds=self.wait_seconds,
            connection_config=self.connection_config,
        )


def column_schema(table: str) -> dg.TableSchema:
    """A table's columns as Dagster shows them, for metadata ``dagster/column_schema``."""
    schema = find_table(table)
    return dg.TableSchema(
        columns=[
            dg.TableColumn(
                name=column.name,
                type=column.type,
                description=column.description,
                constraints=dg.TableColumnConstraints(
                    nullable=column.nullable, unique=column.unique
                ),
            )
            for column in schema.column_infos
        ],
        constraints=dg.TableConstraints(other=[f"primary key ({', '.join(schema.primary_key)})"]),
    )


class WarehouseStorage(DbIOManager):
    """What an asset's output is handed to, and its inputs are taken from.

    Takes from its base class how a context names a table, its partitions and its columns.
    """

    def __init__(
        self,
        database: Path,
        tables: Mapping[str, TableSchema],
        *,
        wait_seconds: float,
        connection_config: Mapping[str, Any],
    ):
        super().__init__(
            type_handlers=[], db_client=DuckDbClient(), database=str(database), schema="main"
        )
        self._path = database
        self._tables = tables
        self._wait_seconds = wait_seconds
        self._config = connection_config

    def handle_output(self, context: dg.OutputContext, obj: object) -> None:
        """Check an asset's output, and replace its table or partitions."""
        table_slice = self._get_table_slice(context, context)
        schema = self._declared(table_slice.table)
        partitions = _partitions(table_slice)
        written = self._write(schema, obj, partitions)
        count = "dagster/partition_row_count" if partitions else "dagster/row_count"
        context.add_output_metadata(
            {
                count: written.table_rows,
                "dagster/table_name": f"{self._path.stem}.main.{schema.name}",
                "write_seconds": round(written.seconds, 3),
            }
        )

    def _write(
        self, schema: TableSchema, obj: object, partitions: list[store.Partition]
    ) -> store.Written:
        how: dict[str, Any] = {"wait_seconds": self._wait_seconds, "config": self._config}
        if isinstance(obj, pd.DataFrame | pa.Table):
            rows = validate(obj, schema)
            return store.write_table(self._path, schema, rows, partitions=partitions, **how)
        if partitions or not isinstance(obj, Merge | RowMerge | Spooled):
            raise SchemaError(
                f"The asset {schema.name} must return a pandas DataFrame or a pyarrow Table, or, "
                "where it has no partitions, a Merge or Spooled rows, and returned "
                f"{type(obj).__name__}. Nothing was written."
            )
        if isinstance(obj, Merge):
            return merge_table(self._path, schema, obj, **how)
        if isinstance(obj, RowMerge):
            return merge_rows(self._path, schema, obj, **how)
        with obj:
            return write_spooled(self._path, obj, **how)

    def load_input(self, context: dg.InputContext) -> pd.DataFrame | pa.Table:
        """Give the stored table or partitions as the input is annotated."""
        upstream = cast("dg.OutputContext", context.upstream_output)
        table_slice = self._get_table_slice(context, upstream)
        schema = self._declared(table_slice.table)
        found = store.read_arrow(
            self._path,
            schema,
            table_slice.columns,
            partitions=_partitions(table_slice),
            wait_seconds=self._wait_seconds,
            config=self._config,
        )
        if context.dagster_type.typing_type is pa.Table:
            return found
        return to_frame(found, schema.project(found.column_names))

    @property
    def database(self) -> Path:
        """The DuckDB file."""
        return self._path

    def spool(
        self, name: str, batches: Iterable[pa.RecordBatch | pa.Table | pd.DataFrame]
    ) -> Spooled:
        """Check the rows of a large table, batch by batch, as an output that replaces the table.

        Raises:
            SchemaError: where the rows are not as declared.
            WarehouseFullError: where there is no room for them beside the database.
        """
        return spool(self._declared(name), batches, self._path.parent)

    def read_stored(self, name: str) -> pa.Table | None:
        """A table's rows as they are stored, for the asset that is about to replace them.

        None where there are none yet, or where they were written to another declaration.
        """
        try:
            return store.read_arrow(
                self._path,
                self._declared(name),
                wait_seconds=self._wait_seconds,
                config=self._config,
            )
        except (SchemaError, TableMissingError):
            return None

    def _declared(self, name: str) -> TableSchema:
        if name not in self._tables:
            raise SchemaError(
                f"The asset {name!r} has no declared table. Declare one in "
                "movie_assets/warehouse/tables.py, or store the asset with another IO manager. "
                f"Declared are: {', '.join(self._tables)}."
            )
        return self._tables[name]


def _partitions(table_slice: TableSlice) -> list[store.Partition]:
    return [_partition(found) for found in table_slice.partition_dimensions or []]


def _partition(dimension: TablePartitionDimension) -> store.Partition:
    if isinstance(dimension.partitions, TimeWindow):
        start, end = dimension.partitions
        window = (start.replace(tzinfo=None), end.replace(tzinfo=None))
        return store.Partition(dimension.partition_expr, window=window)
    return store.Partition(dimension.partition_expr, keys=tuple(dimension.partitions))
