"""What the notebook's cells call: a warehouse that can only be read, tables, and sentences."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import duckdb
import pandas as pd
import pytest

from movie_assets.analysis import cells
from movie_assets.analysis.cells import open_warehouse, say, share, table
from movie_assets.warehouse import WarehouseError


@pytest.fixture
def database(tmp_path: Path) -> Path:
    path = tmp_path / "movies.duckdb"
    with duckdb.connect(str(path)) as connection:
        connection.execute("CREATE TABLE films AS SELECT 949 AS id")
    return path


def test_the_warehouse_is_read_and_not_written(database: Path) -> None:
    with open_warehouse(database) as connection:
        assert connection.execute("SELECT id FROM films").fetchall() == [(949,)]
        with pytest.raises(duckdb.InvalidInputException, match="read-only"):
            connection.execute("INSERT INTO films VALUES (1)")


def test_a_file_that_is_not_there_is_not_made(tmp_path: Path) -> None:
    with pytest.raises(WarehouseError):
        open_warehouse(tmp_path / "no.duckdb")
    assert list(tmp_path.iterdir()) == []


def test_a_file_that_is_no_database_is_named(tmp_path: Path) -> None:
    broken = tmp_path / "broken.duckdb"
    broken.write_bytes(b"no database " * 1000)
    with pytest.raises(WarehouseError, match=r"broken\.duckdb"):
        open_warehouse(broken)


def test_it_waits_while_somebody_writes(database: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    tries: list[bool] = []
    connect = duckdb.connect

    def busy_once(*args: Any, **options: Any) -> duckdb.DuckDBPyConnection:
        tries.append(True)
        if len(tries) == 1:
            raise duckdb.IOException("IO Error: Could not set lock on file")
        return connect(*args, **options)

    monkeypatch.setattr(cells, "_PAUSE_SECONDS", 0)
    monkeypatch.setattr(duckdb, "connect", busy_once)
    with open_warehouse(database) as connection:
        assert connection.execute("SELECT id FROM films").fetchall() == [(949,)]
    assert len(tries) == 2


def test_a_table_has_its_rows_without_their_numbers() -> None:
    frame = pd.DataFrame(
        {"title": ["<b>Heat</b>", None], "votes": [6620.4, float("nan")]}, index=[71, 72]
    )
    shown = table(frame)
    assert "&lt;b&gt;Heat&lt;/b&gt;" in shown
    assert "<td>6,620</td>" in shown
    assert "<td></td>" in shown  # what is missing is blank
    assert "NaN" not in shown
    assert "71" not in shown


@pytest.mark.parametrize(
    ("value", "text"), [(0.123456, "0.123"), (999.6, "1e+03"), (1000.4, "1,000")]
)
def test_numbers_are_short(value: float, text: str) -> None:
    assert f"<td>{text}</td>" in table(pd.DataFrame({"x": [value]}))


def test_an_empty_table_has_its_heads() -> None:
    shown = table(pd.DataFrame({"title": []}))
    assert "<th>title</th>" in shown
    assert "<td>" not in shown


def test_of_a_long_table_the_middle_is_left_out() -> None:
    shown = table(pd.DataFrame({"n": range(1000)}))
    assert "<td>0</td>" in shown
    assert "<td>999</td>" in shown
    assert "<td>500</td>" not in shown
    assert shown.count("<tr") <= 42  # forty, the heads and the dots


def test_a_finding_is_shown_escaped_and_kept_as_it_is(monkeypatch: pytest.MonkeyPatch) -> None:
    shown: list[tuple[Any, Any]] = []
    monkeypatch.setattr(cells, "display", lambda what, metadata: shown.append((what, metadata)))
    say("Most votes: <Heat> & others")
    [(what, metadata)] = shown
    assert what.data == "<p>Most votes: &lt;Heat&gt; &amp; others</p>"
    assert metadata == {"movie_assets": {"finding": "Most votes: <Heat> & others"}}


@pytest.mark.parametrize(
    ("part", "whole", "text"),
    [(0, 0, "0 %"), (0, 5, "0 %"), (5, 5, "100 %"), (1, 10, "10 %"), (1, 12, "8.3 %")],
)
def test_shares(part: float, whole: float, text: str) -> None:
    assert share(part, whole) == text


def test_without_a_notebook_there_is_nothing_to_prepare() -> None:
    cells.prepare()
