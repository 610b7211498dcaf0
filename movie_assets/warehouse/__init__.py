"""The warehouse: declared tables in one DuckDB file, written all or nothing.

``tables.py`` declares what is stored, ``schema.py`` what a declaration means and how data is
checked against it, ``store.py`` reads and writes the file, ``io_manager.py`` is Dagster's side of
it and ``hashing.py`` names a table's content. How the rows come about is for the assets to say.
Nothing but ``io_manager.py`` imports Dagster.
"""

from movie_assets.warehouse.errors import (
    SchemaError,
    TableMissingError,
    WarehouseError,
    WarehouseFullError,
    WarehouseLockedError,
    WarehousePermissionError,
    WarehouseVersionError,
)
from movie_assets.warehouse.hashing import content_hash
from movie_assets.warehouse.schema import Column, TableSchema, View, to_frame, validate
from movie_assets.warehouse.store import read_arrow, read_table, write_table
from movie_assets.warehouse.tables import TABLES, find_table

__all__ = [
    "TABLES",
    "Column",
    "SchemaError",
    "TableMissingError",
    "TableSchema",
    "View",
    "WarehouseError",
    "WarehouseFullError",
    "WarehouseLockedError",
    "WarehousePermissionError",
    "WarehouseVersionError",
    "content_hash",
    "find_table",
    "read_arrow",
    "read_table",
    "to_frame",
    "validate",
    "write_table",
]
