"""The warehouse: declared tables in one DuckDB file, written all or nothing.

``tables.py`` declares what is stored, ``schema.py`` what a declaration means and how data is
checked against it, ``store.py`` reads and writes the file, ``io_manager.py`` is Dagster's side of
it and ``hashing.py`` names a table's content. Large tables are neither held in memory nor written
again for what changed of them: ``spool.py`` writes batch by batch, ``merging.py`` replaces some
rows, ``changes.py`` says which, and ``digest.py`` names the content. How rows are made is in
``cleaning.py`` and ``genre_names.py``, and when, for the assets to say. Nothing but
``io_manager.py`` imports Dagster.
"""

from movie_assets.warehouse.changes import Wanted, changed_ids, latest_revision, wanted_ids
from movie_assets.warehouse.digest import Digest, digest_of_rows, digest_of_table
from movie_assets.warehouse.errors import (
    SchemaError,
    TableMissingError,
    WarehouseError,
    WarehouseFullError,
    WarehouseLockedError,
    WarehousePermissionError,
    WarehouseVersionError,
)
from movie_assets.warehouse.genre_names import join_genre_names
from movie_assets.warehouse.hashing import content_hash
from movie_assets.warehouse.merging import Merge, MergedFilms, merge_films, merge_table
from movie_assets.warehouse.schema import Column, TableSchema, View, to_frame, validate
from movie_assets.warehouse.spool import Spooled, spool, write_batches, write_spooled
from movie_assets.warehouse.store import read_arrow, read_keys, read_table, write_table
from movie_assets.warehouse.tables import TABLES, find_table

__all__ = [
    "TABLES",
    "Column",
    "Digest",
    "Merge",
    "MergedFilms",
    "SchemaError",
    "Spooled",
    "TableMissingError",
    "TableSchema",
    "View",
    "Wanted",
    "WarehouseError",
    "WarehouseFullError",
    "WarehouseLockedError",
    "WarehousePermissionError",
    "WarehouseVersionError",
    "changed_ids",
    "content_hash",
    "digest_of_rows",
    "digest_of_table",
    "find_table",
    "join_genre_names",
    "latest_revision",
    "merge_films",
    "merge_table",
    "read_arrow",
    "read_keys",
    "read_table",
    "spool",
    "to_frame",
    "validate",
    "wanted_ids",
    "write_batches",
    "write_spooled",
    "write_table",
]
