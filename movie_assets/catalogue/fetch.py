"""Fetching films: each answer goes to the journal, and the journal to the database now and then."""

from __future__ import annotations

import time
from collections import deque
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa

from movie_assets.catalogue import state
from movie_assets.catalogue.journal import Attempt, Entries, Journal, read_files
from movie_assets.catalogue.plan import Known, Occasion, Plan, changes_since, films_to_ask
from movie_assets.tmdb import (
    DETAIL_BLOCKS,
    MovieSource,
    NotFoundError,
    TooManyChangesError,
    parse_catalogue_movie,
    parse_details,
)
from movie_assets.warehouse import TABLES, MergedFilms, merge_films

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import timedelta
    from pathlib import Path

    from movie_assets.tmdb.source import Details

#: Films that are merged together: some seconds of work, against some minutes of fetching.
FILMS_A_FOLD = 5_000
_SECONDS_A_MESSAGE = 5.0
#: The rate that is told is that of this last while.
_SECONDS_OF_RATE = 60.0
#: Where this many films of the export, and most of those asked for, are said to be unknown, it is
#: the source that is broken.
_MOST_LISTED_GONE = 100
_NOTHING = Plan(np.empty(0, np.int64), {})


class SourceBrokenError(Exception):
    """The source denies films that its own export lists; nothing of that was stored."""


@dataclass
class Fetched:
    """What a refresh did.

    Attributes:
        begun: when its attempt began; an earlier run of it may have done a part.
        plan: what was to be asked for in this run.
        resumed: films that an earlier run had left in the journal.
        answered: films that there is an answer for, those that are gone included.
        gone: films that the source does not have.
        not_renewed: films whose answer was of no use: they keep what is known of them, and are
            asked for again by the next refresh.
        changed: films that came out new or different, or gone.
        revision: of the last of them.
        seconds: that the fetching took.
    """

    begun: datetime
    plan: Plan
    resumed: int = 0
    answered: int = 0
    gone: int = 0
    not_renewed: int = 0
    changed: int = 0
    revision: int = 0
    seconds: float = 0.0

    @property
    def rate(self) -> float:
        """Films a second."""
        return self.answered / self.seconds if self.seconds else 0.0


@dataclass(frozen=True)
class Refresh:
    """A refresh of some parts of the catalogue: what it needs to know.

    Attributes:
        database: the DuckDB file.
        folder: of the journal.
        listed_at: when the export that is stored was read first.
        renew_after: how long an answer is good without any change.
        parts: the parts to refresh.
        tell: is told in words how it goes.
    """

    database: Path
    folder: Path
    listed_at: datetime
    renew_after: timedelta
    parts: frozenset[int]
    tell: Callable[[str], None]

    def run(self, source: MovieSource) -> Fetched:
        """Ask for what has to be asked for, and merge it.

        However it ends, another run goes on where it was.

        Raises:
            TmdbError: one of its types for each failure that is not of one film alone.
            SourceBrokenError: where the source denies most films that its export lists.
            JournalError: where the journal cannot be used.
            WarehouseError: of the type that says why the database cannot be used.
        """
        with Journal.open(self.folder) as journal:
            return _Run(self, source, journal).go()


class _Run:
    def __init__(self, refresh: Refresh, source: MovieSource, journal: Journal) -> None:
        self._refresh = refresh
        self._source = source
        self._journal = journal
        self._listed = state.read_listed(refresh.database)
        self._pending = self._listed_gone = 0
        self._folder = ThreadPoolExecutor(1, thread_name_prefix="merging films")
        self._folding: Future[None] | None = None

    def go(self) -> Fetched:
        refresh = self._refresh
        with self._folder:  # what is being merged is merged, whatever happens
            attempt = self._begin(_now())
            known = state.read_known(refresh.database)
            occasion = Occasion(
                _now(), attempt.begun, refresh.listed_at, refresh.renew_after, refresh.parts
            )
            changed = self._changed(known, occasion)
            self._fetched.plan = films_to_ask(known, self._listed, changed, occasion)
            refresh.tell(_in_words(self._fetched.plan))
            self._ask(self._fetched.plan)
            self._fold()
            self._wait()
        state.note_refreshed(refresh.database, refresh.parts, attempt.begun)
        self._journal.end()
        return self._fetched

    def _begin(self, now: datetime) -> Attempt:
        """Merge what an earlier run left, and go on with its attempt where it is the same one."""
        files = self._journal.files()
        left = read_files(files)
        if left.attempt is None or left.attempt.parts != self._refresh.parts:
            self._attempt = Attempt(now, self._refresh.parts)
        else:
            self._attempt = Attempt(min(left.attempt.begun, now), left.attempt.parts)
            self._refresh.tell(
                f"Going on with the refresh of {self._attempt.begun:%Y-%m-%d %H:%M} UTC."
            )
        if left.unreadable:
            self._refresh.tell(f"{left.unreadable} lines of the journal were torn, and left out.")
        self._fetched = Fetched(self._attempt.begun, _NOTHING, resumed=len(left))
        self._merge(left)
        self._journal.begin(self._attempt)  # first, so that there always is one of the attempt
        self._journal.drop(files)
        return self._attempt

    def _changed(self, known: Known, occasion: Occasion) -> set[int]:
        since = changes_since(known, occasion)
        if since is None:
            return set()
        try:
            return self._source.changed_movie_ids(
                since.replace(tzinfo=UTC), occasion.now.replace(tzinfo=UTC)
            )
        except TooManyChangesError as error:
            self._refresh.tell(f"Every film is asked for: {error}")
            return set(known.ids.tolist())

    def _ask(self, plan: Plan) -> None:
        if not len(plan.ids):
            return
        progress = _Progress(len(plan.ids), self._refresh.tell)
        listed = set(plan.ids[np.isin(plan.ids, self._listed)].tolist())
        fetched, started = self._fetched, time.monotonic()

        def take(film: int, answer: Details) -> None:
            if isinstance(answer, NotFoundError):
                self._journal.add_gone(film, _now())
                fetched.gone += 1
                self._listed_gone += film in listed
            elif isinstance(answer, dict):
                self._journal.add_film(_now(), *_rows(answer))
            else:
                fetched.not_renewed += 1
            fetched.answered += isinstance(answer, dict | NotFoundError)
            self._pending += 1
            fetched.seconds = time.monotonic() - started
            if self._pending >= FILMS_A_FOLD:
                self._fold()
            progress.one_more()

        self._source.details(plan.ids.tolist(), take, append=DETAIL_BLOCKS)
        fetched.seconds = time.monotonic() - started

    def _fold(self) -> None:
        """Have what the journal holds merged, while further answers come."""
        self._wait()
        self._refuse_denials()
        files = self._journal.begin(self._attempt)
        self._pending = self._listed_gone = 0

        def merge() -> None:
            self._merge(read_files(files))
            self._journal.drop(files)

        self._folding = self._folder.submit(merge)

    def _wait(self) -> None:
        """Let the merge end that is under way, and raise what it raised."""
        if self._folding is not None:
            self._folding.result()

    def _merge(self, entries: Entries) -> None:
        merged = merge_entries(self._refresh.database, entries)
        self._fetched.changed += len(merged.changed)
        self._fetched.revision = merged.revision

    def _refuse_denials(self) -> None:
        if self._listed_gone > max(_MOST_LISTED_GONE, self._pending // 2):
            self._journal.drop(self._journal.begin(self._attempt))
            raise SourceBrokenError(
                f"{self._source.name} denies {self._listed_gone} of {self._pending} films, all of "
                "which its export lists: it cannot be right. These answers were not stored, and "
                "what was stored before stays. See whether TMDB_BASE_URL is right, and build again "
                "later."
            )


def merge_entries(database: Path, entries: Entries) -> MergedFilms:
    """Merge what a journal holds; done twice, it leaves the same.

    Raises:
        WarehouseError: of the type that says why the database cannot be used.
    """
    films = TABLES["raw_catalogue_movies"].arrow_schema
    names = [name for name in films.names if name not in ("gone_at", "revision")]
    schema = pa.schema([films.field(name) for name in names])
    return merge_films(
        database,
        pa.Table.from_pylist(list(entries.films.values()), schema=schema),
        pa.Table.from_pylist(
            list(entries.details.values()), schema=TABLES["raw_movie_details"].arrow_schema
        ),
        entries.gone,
    )


def _rows(answer: dict[str, object]) -> tuple[dict[str, object], dict[str, object]]:
    return dict(parse_catalogue_movie(answer)), dict(parse_details(answer))


@dataclass
class _Progress:
    """Tells how far the fetching is, how fast it is, and how long it will take."""

    wanted: int
    tell: Callable[[str], None]
    done: int = 0
    marks: deque[tuple[float, int]] = field(default_factory=deque)

    def __post_init__(self) -> None:
        self.marks.append((time.monotonic(), 0))

    def one_more(self) -> None:
        self.done += 1
        now = time.monotonic()
        if self.done < self.wanted and now - self.marks[-1][0] < _SECONDS_A_MESSAGE:
            return
        while len(self.marks) > 1 and now - self.marks[0][0] > _SECONDS_OF_RATE:
            self.marks.popleft()
        rate = (self.done - self.marks[0][1]) / max(now - self.marks[0][0], 1e-9)
        self.marks.append((now, self.done))
        self.tell(progress_in_words(self.done, self.wanted, rate))


def progress_in_words(done: int, wanted: int, rate: float) -> str:
    """How far the fetching is.

    >>> progress_in_words(12_400, 26_606, 39.8)
    '12,400 of 26,606 films, 39.8 a second, 6 min left'
    """
    return f"{done:,} of {wanted:,} films, {rate:.1f} a second, {_time_left(wanted - done, rate)}"


def _time_left(films: int, rate: float) -> str:
    seconds = films / max(rate, 1e-9)
    if seconds < 90:
        return f"{seconds:.0f} s left"
    if seconds < 2 * 3600:
        return f"{seconds / 60:.0f} min left"
    return f"{seconds / 3600:.1f} h left"


def _in_words(plan: Plan) -> str:
    why = ", ".join(f"{count:,} {reason}" for reason, count in plan.reasons.items())
    return f"Asking for {len(plan.ids):,} films: {why}." if why else "No film has to be asked for."


def _now() -> datetime:
    return datetime.now(UTC).replace(tzinfo=None)
