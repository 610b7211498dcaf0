"""Each way in which the file can fail is made for real: the error says so, the old rows stay."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import tempfile
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import duckdb
import pandas as pd
import pyarrow as pa
import pytest

from movie_assets.warehouse import (
    TABLES,
    Column,
    SchemaError,
    TableMissingError,
    View,
    WarehouseError,
    WarehousePermissionError,
    WarehouseVersionError,
    read_arrow,
    read_table,
    validate,
    write_table,
)
from movie_assets.warehouse import store as store_module

Start = Callable[..., "subprocess.Popen[str]"]

GENRES = TABLES["genres_table"]
OLD = pd.DataFrame({"id": [1, 2], "name": ["Drama", "War"]})
NEW = pd.DataFrame({"id": [3], "name": ["Western"]})


@pytest.fixture
def stored(database: Path) -> Path:
    write_table(database, GENRES, validate(OLD, GENRES))
    return database


def ids(database: Path) -> list[int]:
    return list(read_table(database, "genres_table", ["id"])["id"])


class TestHalfWay:
    def test_a_failing_view_undoes_the_rows(self, stored: Path) -> None:
        # The view's name is taken by a table.
        broken = replace(GENRES, views=(View("genres_table", ("id",), "."),))
        with pytest.raises(duckdb.CatalogException):
            write_table(stored, broken, validate(NEW, GENRES))
        assert ids(stored) == [1, 2]

    def test_a_stream_that_breaks_off_undoes_the_rows(self, stored: Path) -> None:
        whole = validate(pd.DataFrame({"id": range(300_000), "name": "x"}), GENRES)

        def batches() -> Iterator[pa.RecordBatch]:
            yield from whole.to_batches(max_chunksize=50_000)[:5]
            raise RuntimeError("broken off")

        stream = pa.RecordBatchReader.from_batches(whole.schema, batches())
        with pytest.raises(Exception, match="broken off"):
            write_table(stored, GENRES, stream)
        assert ids(stored) == [1, 2]

    def test_an_interrupt_before_the_commit_undoes_the_rows(
        self, stored: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        def interrupted(schema: object) -> Iterator[str]:
            yield "SELECT 1"
            raise KeyboardInterrupt

        with monkeypatch.context() as patched:
            patched.setattr(store_module, "_describing", interrupted)
            with pytest.raises(KeyboardInterrupt):
                write_table(stored, GENRES, validate(NEW, GENRES))
        assert ids(stored) == [1, 2]
        write_table(stored, GENRES, validate(NEW, GENRES))
        assert ids(stored) == [3]

    def test_the_first_error_is_the_one_that_is_raised(self, stored: Path) -> None:
        def fail() -> None:
            with (
                store_module.connect(stored, read_only=False) as connection,
                store_module.transaction(connection),
            ):
                connection.rollback()  # as after a failed commit: nothing is left to roll back
                raise RuntimeError("first")

        with pytest.raises(RuntimeError, match="first"):
            fail()


class TestCreation:
    def test_file_system_without_hard_links(
        self, database: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        def refuse(*_: object) -> None:
            raise PermissionError(1, "Operation not permitted")

        monkeypatch.setattr(os, "link", refuse)
        write_table(database, GENRES, validate(OLD, GENRES))
        assert ids(database) == [1, 2]
        assert [path.name for path in database.parent.iterdir()] == [database.name]

    def test_another_process_is_quicker(
        self, database: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        real_connect = duckdb.connect

        def overtaken(path: Path, **options: Any) -> duckdb.DuckDBPyConnection:
            if path != database and not database.exists():
                with real_connect(database) as connection:
                    connection.execute("CREATE TABLE of_the_other AS SELECT 1 AS one")
            return real_connect(path, **options)

        monkeypatch.setattr(duckdb, "connect", overtaken)
        write_table(database, GENRES, validate(OLD, GENRES))
        with real_connect(database, read_only=True) as connection:
            assert connection.execute("FROM of_the_other").fetchall() == [(1,)]
        assert ids(database) == [1, 2]


class TestOtherDeclaration:
    def test_rows_that_were_not_validated_are_refused(self, stored: Path) -> None:
        with pytest.raises(SchemaError, match=r"id int64, name string, declared are id int32"):
            write_table(stored, GENRES, pa.table({"id": [1], "name": ["a"]}))
        assert ids(stored) == [1, 2]

    def test_a_column_declared_since_is_named_when_it_is_read(self, stored: Path) -> None:
        newer = replace(
            GENRES,
            columns=(
                Column("id", "BIGINT", "."),
                GENRES.columns[1],
                Column("since", "VARCHAR", "."),
            ),
        )
        message = r"id is INTEGER and not BIGINT; since is missing and not VARCHAR\. Materialize"
        with pytest.raises(SchemaError, match=message):
            read_arrow(stored, newer)
        assert read_arrow(stored, newer, ["name"])["name"].to_pylist() == ["Drama", "War"]

    def test_a_write_replaces_the_old_declaration(self, stored: Path) -> None:
        with duckdb.connect(stored) as connection:
            connection.execute("ALTER TABLE genres_table ADD COLUMN old VARCHAR")
        write_table(stored, GENRES, validate(NEW, GENRES))
        with duckdb.connect(stored, read_only=True) as connection:
            assert connection.execute("FROM genres_table").fetchall() == [(3, "Western")]
            assert connection.execute("FROM genres").fetchall() == [(3, "Western")]


def of_version(database: Path, version: int) -> bytes:
    """Writes a storage version into the file's header, with the checksum that belongs to it."""
    content = bytearray(database.read_bytes())
    content[12:20] = version.to_bytes(8, "little")
    database.write_bytes(content)
    with pytest.raises(duckdb.Error, match="computed checksum") as caught:
        duckdb.connect(database, read_only=True)
    found = re.search(r"computed checksum (\d+)", str(caught.value))
    assert found is not None
    content[0:8] = int(found[1]).to_bytes(8, "little")
    database.write_bytes(content)
    return bytes(content)


class TestUnreadable:
    @pytest.mark.parametrize(
        ("version", "words"),
        [(38, r"number 38.*created with DuckDB version v0\.5\.0"), (5000, "newer version")],
    )
    def test_file_of_another_duckdb(self, stored: Path, version: int, words: str) -> None:
        content = of_version(stored, version)
        self.check(stored, words)
        assert stored.read_bytes() == content

    @pytest.mark.parametrize(
        "content", [b"", b"hello", b"id,name\n1,Drama\n" * 1000], ids=["empty", "short", "csv"]
    )
    def test_file_that_is_no_database(self, database: Path, content: bytes) -> None:
        database.parent.mkdir()
        database.write_bytes(content)
        self.check(database, "not a valid DuckDB database file")
        assert database.read_bytes() == content

    def test_damaged_file(self, stored: Path) -> None:
        content = bytearray(stored.read_bytes())
        content[100] ^= 0xFF
        stored.write_bytes(content)
        self.check(stored, "Corrupt database file")
        assert stored.read_bytes() == content

    def test_folder_where_the_file_should_be(self, database: Path) -> None:
        database.mkdir(parents=True)
        self.check(database, "Is a directory")

    def check(self, database: Path, words: str) -> None:
        for use in (
            lambda: read_table(database, "genres_table"),
            lambda: write_table(database, GENRES, validate(NEW, GENRES)),
        ):
            with pytest.raises(WarehouseVersionError, match=words) as caught:
                use()
            assert "was left as it is" in str(caught.value)
            assert "move it away" in str(caught.value)


class TestMissing:
    def test_database(self, database: Path) -> None:
        with pytest.raises(TableMissingError, match="--select genres_table"):
            read_table(database, "genres_table")
        assert not database.parent.exists()

    def test_table(self, stored: Path) -> None:
        with pytest.raises(TableMissingError, match="--select movies_table"):
            read_table(stored, "movies_table")

    def test_other_errors_of_the_file_are_ours_too(self, tmp_path: Path) -> None:
        with (
            pytest.raises(WarehouseError, match="does not exist"),
            store_module.connect(tmp_path / "none.duckdb", read_only=True),
        ):
            pass


# Run as another user where the tests run as root, whom no mode keeps out.
AS_NOBODY = """
    import os, sys
    from pathlib import Path
    import pandas as pd
    from movie_assets.warehouse import TABLES, validate, write_table, read_table
    action, database = sys.argv[1], Path(sys.argv[2])
    genres = TABLES["genres_table"]
    rows = validate(pd.DataFrame({"id": [3], "name": ["Western"]}), genres)
    if os.getuid() == 0:
        os.setgid(65534)
        os.setuid(65534)
    try:
        if action == "read":
            print(len(read_table(database, "genres_table")))
        else:
            write_table(database, genres, rows)
    except Exception as error:
        print(type(error).__name__, error)
"""


@pytest.mark.process
class TestPermission:
    @pytest.fixture
    def open_folder(self) -> Iterator[Path]:
        """A folder that other users can look into; pytest's own they cannot."""
        folder = Path(tempfile.mkdtemp())
        folder.chmod(0o755)
        yield folder
        folder.chmod(0o755)
        shutil.rmtree(folder)

    @pytest.mark.parametrize(
        ("file_mode", "folder_mode", "action"),
        [
            (0o444, 0o755, "write"),
            (0o000, 0o755, "read"),
            (0o666, 0o555, "write"),
            (0o666, 0o600, "read"),
        ],
        ids=["file read-only", "file closed", "folder read-only", "folder closed"],
    )
    def test_error_names_the_file_and_the_old_rows_stay(
        self, open_folder: Path, start: Start, file_mode: int, folder_mode: int, action: str
    ) -> None:
        database = open_folder / "x.duckdb"
        write_table(database, GENRES, validate(OLD, GENRES))
        database.chmod(file_mode)
        open_folder.chmod(folder_mode)
        output, errors = start(AS_NOBODY, action, database).communicate(timeout=60)
        open_folder.chmod(0o755)
        database.chmod(0o644)
        assert output.startswith(f"WarehousePermissionError {database} cannot be used"), errors
        assert "Permission denied" in output
        assert "MOVIE_ASSETS_HOME" in output
        assert ids(database) == [1, 2]

    def test_a_folder_that_cannot_be_made(self, open_folder: Path, start: Start) -> None:
        open_folder.chmod(0o555)
        database = open_folder / "sub" / "x.duckdb"
        output, errors = start(AS_NOBODY, "write", database).communicate(timeout=60)
        assert output.startswith(f"WarehousePermissionError {database} cannot be used"), errors

    def test_a_file_in_the_folders_place(self, tmp_path: Path) -> None:
        (tmp_path / "file").write_text("")
        with pytest.raises(WarehousePermissionError, match="File exists"):
            write_table(tmp_path / "file" / "x.duckdb", GENRES, validate(NEW, GENRES))


TOO_MUCH = """
    import resource, sys
    from pathlib import Path
    import pandas as pd
    from movie_assets.warehouse import TABLES, read_table, validate, write_table
    genres = TABLES["genres_table"]
    database, limit, rows = Path(sys.argv[1]), int(sys.argv[2]), int(sys.argv[3])
    write_table(database, genres, validate(pd.DataFrame({"id": [1], "name": ["old"]}), genres))
    if limit:
        resource.setrlimit(resource.RLIMIT_FSIZE, (limit, limit))
    new = pd.DataFrame({"id": range(rows), "name": [f"new {i:x}" for i in range(rows)]})
    try:
        write_table(database, genres, validate(new, genres))
    except Exception as error:
        print(type(error).__name__, error)
    print("rows:", len(read_table(database, "genres_table")))
"""

IN_A_TMPFS = 'mount -t tmpfs -o size=1m tmpfs "$0" && exec "$@"'


@pytest.mark.process
class TestFull:
    # The smaller table goes through DuckDB's log, the larger one straight into the file.
    @pytest.mark.parametrize("rows", [50_000, 400_000])
    def test_largest_file_allowed(self, database: Path, start: Start, rows: int) -> None:
        process = start(TOO_MUCH, database, 700_000, rows)
        self.check(process, database, "File too large")

    @pytest.mark.parametrize("rows", [50_000, 400_000])
    def test_no_space_left(self, tmp_path: Path, start: Start, rows: int) -> None:
        namespace = ("unshare", *(() if os.getuid() == 0 else ("--user", "-r")), "--mount", "sh")
        inside = (*namespace, "-c", IN_A_TMPFS, str(tmp_path))
        if (
            shutil.which("unshare") is None
            or subprocess.run([*inside, "true"], capture_output=True, check=False).returncode
        ):
            pytest.skip("this system lets us mount no file system of our own")
        database = tmp_path / "x.duckdb"
        self.check(start(TOO_MUCH, database, 0, rows, before=inside), database, "No space left")

    def check(self, process: subprocess.Popen[str], database: Path, words: str) -> None:
        output, errors = process.communicate(timeout=60)
        assert output.startswith(f"WarehouseFullError There is no room to write {database}"), errors
        assert words in output
        assert output.endswith("rows: 1\n")

    def test_no_space_for_the_folder(self, database: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        def full(*_: object, **__: object) -> None:
            raise OSError(28, "No space left on device")

        monkeypatch.setattr(Path, "mkdir", full)
        with pytest.raises(WarehouseError, match="no room"):
            write_table(database, GENRES, validate(NEW, GENRES))
