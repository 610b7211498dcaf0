"""What the terminal shows of a build, and of the state of the graph."""

from __future__ import annotations

import io
import time
from datetime import datetime

import pytest
from rich.console import Console

from movie_assets.console import BuildProgress, status_rows
from movie_assets.staleness import AssetState, Materialization, Verdict


def console_to(output: io.StringIO, *, terminal: bool) -> Console:
    return Console(file=output, force_terminal=terminal, width=60, color_system=None)


def run(progress: BuildProgress) -> None:
    with progress:
        progress.message("2 runs of a process that has died were marked as failed [by build]")
        progress.run_started("0123", 3)
        progress.step_started("raw_genres")
        progress.step_ended("raw_genres", 0.1234, failed=False)
        progress.step_started("raw_genres_checks")
        progress.step_ended("raw_genres_checks", 1, failed=False)
        progress.step_started("genres_table")
        progress.step_ended("genres_table", 2.5, failed=True)


def test_in_a_file_each_step_has_a_line() -> None:
    output = io.StringIO()
    run(BuildProgress(console_to(output, terminal=False)))
    assert output.getvalue().splitlines() == [
        "2 runs of a process that has died were marked as failed [by build]",
        "Run 0123",
        "raw_genres: 0.12 s",
        "checking raw_genres: 1.00 s",
        "genres_table: failed",
    ]


def test_on_a_terminal_there_is_a_bar() -> None:
    output = io.StringIO()
    console = console_to(output, terminal=True)
    with BuildProgress(console) as progress:
        progress.run_started("0123", 2)
        progress.step_started("raw_genres_checks")
        progress.step_ended("raw_genres_checks", 1, failed=False)
        time.sleep(0.25)  # the bar is drawn ten times a second
    shown = output.getvalue()
    assert "checking raw_genres" in shown
    assert "1/2" in shown
    assert "1.00 s" not in shown


def test_a_failure_shows_on_a_terminal_too() -> None:
    output = io.StringIO()
    run(BuildProgress(console_to(output, terminal=True)))
    assert "genres_table: failed" in output.getvalue()
    assert "raw_genres: 0.12 s" not in output.getvalue()


@pytest.mark.parametrize("terminal", [False, True])
def test_the_bar_goes_away_when_a_build_breaks_off(terminal: bool) -> None:
    output = io.StringIO()
    progress = BuildProgress(console_to(output, terminal=terminal))
    with pytest.raises(KeyboardInterrupt), progress:
        raise KeyboardInterrupt
    progress.step_started("before any run")  # nothing to advance, and no error
    progress.step_ended("before any run", 1, failed=False)
    assert ("before any run: 1.00 s" in output.getvalue()) is not terminal


NOW = 1_700_000_000.0


def made(seconds_ago: float = 0, rows: int | None = 7) -> Materialization:
    return Materialization(NOW - seconds_ago, "code", "data", {}, rows=rows)


def state(name: str, last: Materialization | None, **changes: object) -> AssetState:
    return AssetState(name, (), "code", last, **changes)  # type: ignore[arg-type]


def test_status_of_each_kind() -> None:
    states = [
        state("fresh", made()),
        state("stale", made(rows=None)),
        state("never", None),
        state("tried", None, attempt_failed=True),
        state("broke", made(), attempt_failed=True),
        state("checked", made(), failed_checks=("unique",)),
    ]
    verdicts = {s.name: Verdict((f"why {s.name}",)) for s in states[1:]}
    rows = status_rows({s.name: s for s in states}, verdicts)
    assert [(row.asset, row.state, row.why, row.rows) for row in rows] == [
        ("fresh", "fresh", (), 7),
        ("stale", "stale", ("why stale",), None),
        ("never", "never built", ("why never",), None),
        ("tried", "failed", ("why tried",), None),
        ("broke", "failed", ("why broke",), 7),
        ("checked", "failed", ("why checked",), 7),
    ]
    assert [row.built is None for row in rows] == [False, False, True, True, False, False]


@pytest.mark.parametrize(
    ("seconds", "age"),
    [
        (0, "just now"),
        (59, "just now"),
        (60, "1 min ago"),
        (119 * 60, "119 min ago"),
        (120 * 60, "2 h ago"),
        (49 * 3600, "49 h ago"),
    ],
)
def test_ages(monkeypatch: pytest.MonkeyPatch, seconds: float, age: str) -> None:
    monkeypatch.setattr("time.time", lambda: NOW)
    (row,) = status_rows({"a": state("a", made(seconds))}, {})
    local = datetime.fromtimestamp(NOW - seconds).astimezone()
    assert row.built == f"{local:%Y-%m-%d %H:%M} ({age})"
