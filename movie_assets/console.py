"""What the terminal shows of a build while it goes on, and of the state of the graph."""

from __future__ import annotations

import re
import sys
import time
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, NamedTuple, Self

from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn
from rich.text import Text

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from types import TracebackType

    from rich.console import Console
    from rich.progress import TaskID

    from movie_assets.catalogue.state import CatalogueState
    from movie_assets.staleness import AssetState, Verdict


# The control characters, the line and paragraph separators, what turns the direction of writing
# round, and halves of characters, which no encoding can write.
_UNPRINTABLE = re.compile("[\x00-\x1f\x7f-\x9f\u2028\u2029\u202a-\u202e\u2066-\u2069\ud800-\udfff]")


def printable(text: str) -> str:
    """Give text from outside as a terminal may have it: on one line and without control codes."""
    return _UNPRINTABLE.sub(" ", text)


def plain(text: str, style: str = "") -> Text:
    """Give text from outside for rich to show just as it is, brackets and colons included."""
    return Text(printable(text), style)


@contextmanager
def without_lost_events() -> Iterator[None]:
    """Keep off stderr what Dagster writes there of each event that its history cannot take.

    The error that ends the run says it once.
    """
    original = sys.stderr
    sys.stderr = _WithoutLostEvents(original)
    try:
        yield
    finally:
        sys.stderr = original


class _WithoutLostEvents:
    def __init__(self, file: Any) -> None:
        self._file = file

    def write(self, text: str) -> int:
        if not text.startswith("Exception while writing logger call"):
            self._file.write(text)
        return len(text)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._file, name)


class BuildProgress:
    """Progress of a build: a bar on a terminal, a line a step where output goes to a file."""

    def __init__(self, console: Console) -> None:
        self._console = console
        self._progress = Progress(
            TextColumn("{task.description}"),
            BarColumn(bar_width=24),
            MofNCompleteColumn(),
            TimeElapsedColumn(),
            console=console,
            transient=True,
            disable=not console.is_terminal,
        )
        self._task: TaskID | None = None

    def __enter__(self) -> Self:
        self._progress.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._progress.stop()

    def run_started(self, run_id: str, steps: int) -> None:
        """Begin a bar of so many steps."""
        self._console.print(f"Run {run_id}", style="dim")
        self._task = self._progress.add_task("", total=steps)

    def step_started(self, step: str) -> None:
        """Name what is being done."""
        if self._task is not None:
            self._progress.update(self._task, description=_words(step))

    def step_ended(self, step: str, seconds: float, *, failed: bool) -> None:
        """Advance the bar, or write a line where there is none."""
        if self._task is not None:
            self._progress.advance(self._task)
        if failed:
            self._console.print(f"{_words(step)}: failed", style="red")
        elif not self._console.is_terminal:
            self._console.print(f"{_words(step)}: {seconds:.2f} s")

    def message(self, text: str) -> None:
        """Write a line."""
        self._console.print(plain(text), style="dim", soft_wrap=True)


class StatusRow(NamedTuple):
    """The state of one asset as it is shown."""

    asset: str
    state: str
    why: tuple[str, ...]
    built: str | None
    rows: int | None


def status_rows(
    states: Mapping[str, AssetState], verdicts: Mapping[str, Verdict]
) -> list[StatusRow]:
    """One row an asset, in the graph's order."""
    return [_status_row(state, verdicts.get(name)) for name, state in states.items()]


def _status_row(state: AssetState, verdict: Verdict | None) -> StatusRow:
    if verdict is None:
        word = "fresh"
    elif state.attempt_failed or state.failed_checks:
        word = "failed"
    else:
        word = "stale" if state.last else "never built"
    last = state.last
    return StatusRow(
        asset=state.name,
        state=word,
        why=verdict.reasons if verdict else (),
        built=_when(last.timestamp) if last else None,
        rows=last.rows if last else None,
    )


def catalogue_lines(state: CatalogueState, pending: int) -> list[str]:
    """The catalogue's state in words.

    Args:
        state: as it is stored.
        pending: fetched films that the database does not have yet.
    """
    from movie_assets.catalogue.plan import PARTS  # noqa: PLC0415 - imports NumPy

    wanted = "no export was read yet" if state.wanted is None else f"{state.wanted:,} in the export"
    are = "is" if state.gone == 1 else "are"
    lines = [f"{state.films:,} films, {wanted}; {state.gone:,} more {are} gone from TMDB"]
    if state.oldest_fetch is not None:
        lines.append(f"the oldest was last asked for {_when(_utc(state.oldest_fetch))}")
    if state.parts_refreshed == PARTS and state.refreshed_at is not None:
        lines.append(f"all changes until {_when(_utc(state.refreshed_at))} are in it")
    else:
        lines.append(f"{state.parts_refreshed} of {PARTS} parts were loaded to the end so far")
    if pending:
        lines.append(f"{pending:,} fetched films wait in the journal for the next run")
    if state.to_refetch:
        films = "film is" if state.to_refetch == 1 else "films are"
        lines.append(f"{state.to_refetch:,} {films} marked to be asked for again")
    return lines


def _utc(at: datetime) -> float:
    return at.replace(tzinfo=UTC).timestamp()


def _when(timestamp: float) -> str:
    at = datetime.fromtimestamp(timestamp).astimezone()
    minutes = (time.time() - timestamp) / 60
    if minutes < 1:
        age = "just now"
    elif minutes < 120:
        age = f"{minutes:.0f} min ago"
    else:
        age = f"{minutes / 60:.0f} h ago"
    return f"{at:%Y-%m-%d %H:%M} ({age})"


def _words(step: str) -> str:
    if step.endswith("_checks"):
        return f"checking {step.removesuffix('_checks')}"
    return step
