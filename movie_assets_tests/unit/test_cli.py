"""What the command shows of data that could mean something to a terminal, and of errors."""

from __future__ import annotations

import sqlite3
import sys
from pathlib import Path

import pytest
from sqlalchemy.exc import OperationalError

from movie_assets import cli
from movie_assets.build import AssetOutcome, BuildReport
from movie_assets.console import without_lost_events
from movie_assets.settings import Settings


def test_a_home_and_an_error_are_shown_as_they_are(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    settings = Settings(_env_file=None, MOVIE_ASSETS_HOME=tmp_path / ":smile: \x1b")
    ran = AssetOutcome("genres_table", "ran", seconds=1.0)
    cli._show_build(BuildReport((ran,), 1.0), settings)
    assert f"into {tmp_path}/:smile:  /movies_data.duckdb." in capsys.readouterr().out
    failed = AssetOutcome("genres_table", "failed", error="[/x] \x1b:smile:")
    cli._show_build(BuildReport((failed,), 1.0), settings)
    assert "genres_table: [/x]  :smile:" in capsys.readouterr().err


def test_an_error_is_one_line(capsys: pytest.CaptureFixture[str]) -> None:
    cli._tell(OSError("[/x]\n\x1b:smile:"))
    assert capsys.readouterr().err == "Error: [/x] :smile:\n"


@pytest.mark.parametrize("words", ["database or disk is full", "disk I/O error"])
@pytest.mark.parametrize("wrapped", [True, False])
def test_a_history_that_cannot_grow_is_told_in_words(
    words: str, wrapped: bool, capsys: pytest.CaptureFixture[str]
) -> None:
    error: Exception = sqlite3.OperationalError(words)
    if wrapped:
        error = OperationalError("INSERT INTO event_logs", {}, error)
    cli._tell(error)
    [line] = capsys.readouterr().err.splitlines()
    assert line.startswith("Error: Dagster's run history cannot be written: the disk is full")
    assert "MOVIE_ASSETS_HOME" in line
    assert "INSERT" not in line


def test_other_failures_of_a_database_are_not_taken_for_a_full_disk(
    capsys: pytest.CaptureFixture[str],
) -> None:
    cli._tell(sqlite3.OperationalError("no such table: runs"))
    assert "OperationalError: no such table: runs" in capsys.readouterr().err


def test_events_that_the_history_lost_are_not_listed(capsys: pytest.CaptureFixture[str]) -> None:
    with without_lost_events():
        sys.stderr.write("Exception while writing logger call to event log: x\n[SQL: y]\n")
        cli._err.print("shown")
        sys.stderr.write("shown too\n")
    sys.stderr.write("and after\n")
    assert capsys.readouterr().err == "shown\nshown too\nand after\n"
