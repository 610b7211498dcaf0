"""What the database file holds now."""

from __future__ import annotations

from typing import TYPE_CHECKING

from movie_assets.warehouse.store import DEFAULT_WAIT_SECONDS, connect

if TYPE_CHECKING:
    from pathlib import Path


def stored_tables(database: Path, *, wait_seconds: float = DEFAULT_WAIT_SECONDS) -> set[str]:
    """The names of the tables that are stored; none where there is no file yet.

    Raises:
        WarehouseError: of the type that says why the file cannot be read.
    """
    if not database.exists():
        return set()
    with connect(database, read_only=True, wait_seconds=wait_seconds) as connection:
        found = connection.execute("SELECT table_name FROM duckdb_tables() WHERE NOT internal")
        return {name for (name,) in found.fetchall()}
