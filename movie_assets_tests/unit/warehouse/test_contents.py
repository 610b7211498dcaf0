"""What the database holds."""

from __future__ import annotations

from pathlib import Path

import duckdb
import pandas as pd
import pytest

from movie_assets.warehouse import TABLES, WarehouseVersionError, validate, write_table
from movie_assets.warehouse.contents import stored_tables


def test_no_file_no_tables(tmp_path: Path) -> None:
    assert stored_tables(tmp_path / "films.duckdb") == set()
    assert list(tmp_path.iterdir()) == []


def test_tables_but_no_views(tmp_path: Path) -> None:
    database = tmp_path / "films.duckdb"
    genres = TABLES["genres_table"]
    rows = pd.DataFrame({"id": [18], "name": ["Drama"]})
    write_table(database, genres, validate(rows, genres))
    with duckdb.connect(database) as connection:
        connection.execute("CREATE TABLE my_own AS SELECT 1 AS one")
        assert connection.execute("FROM genres").fetchall() == [(18, "Drama")]
    assert stored_tables(database) == {"genres_table", "my_own"}


def test_a_file_that_is_no_database(tmp_path: Path) -> None:
    database = tmp_path / "films.duckdb"
    database.write_bytes(b"no database at all" * 1000)
    with pytest.raises(WarehouseVersionError, match=r"films\.duckdb"):
        stored_tables(database, wait_seconds=0)
