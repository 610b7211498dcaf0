"""The journal: answers on disk as soon as they are there, until the database has them.

Files of JSON lines in a folder of their own, so that one can be merged into the database while the
next is written. The first line of each says what attempt it belongs to: when that began, and for
which parts of the catalogue. Each further line is one film's rows, or says that TMDB does not have
it. A line is handed to the operating system at once, so that a killed process loses
nothing of it, and to the disk about once a second, for the loss of power. A last line that was torn
is left out by the reader: that film is asked for again.

One process at a time has the journal; the operating system ends that with the process.
"""

from __future__ import annotations

import json
import os
import time
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any, Self

from filelock import FileLock, Timeout

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

_SECONDS_TO_DISK = 1.0


class JournalError(Exception):
    """Something is wrong with the journal's folder; the message says what to do."""


@dataclass(frozen=True)
class Attempt:
    """A refresh of some parts of the catalogue, which may take several runs.

    Attributes:
        begun: when its first run began; UTC, without a time zone.
        parts: the parts that it is for: the last two digits of their films' ids.
    """

    begun: datetime
    parts: frozenset[int]


@dataclass
class Entries:
    """What a journal holds.

    Attributes:
        attempt: that it belongs to; None where it is empty.
        films: rows of raw_catalogue_movies but for what a merge fills in, by id.
        details: rows of raw_movie_details, by id; of the same films.
        gone: when TMDB said that it does not have a film, by id.
        unreadable: lines that are torn or no entries.
    """

    attempt: Attempt | None = None
    films: dict[int, dict[str, Any]] = field(default_factory=dict)
    details: dict[int, dict[str, Any]] = field(default_factory=dict)
    gone: dict[int, datetime] = field(default_factory=dict)
    unreadable: int = 0

    def __len__(self) -> int:
        return len(self.films) + len(self.gone)

    def add(self, line: bytes) -> None:
        """Take one line in; a film's last line counts."""
        try:
            entry = json.loads(line)
            self._take(entry)
        except (ValueError, TypeError, KeyError, AttributeError):
            self.unreadable += 1

    def _take(self, entry: dict[str, Any]) -> None:
        if "begun" in entry:
            begun = datetime.fromisoformat(entry["begun"])
            self.attempt = Attempt(begun, frozenset(map(int, entry["parts"])))
        elif "gone" in entry:
            film, at = int(entry["gone"]), datetime.fromisoformat(entry["at"])
            self.films.pop(film, None)
            self.details.pop(film, None)
            self.gone[film] = at
        else:
            film = int(entry["film"]["id"])
            row = entry["film"] | {"fetched_at": datetime.fromisoformat(entry["at"])}
            details = dict(entry["details"])
            self.gone.pop(film, None)
            self.films[film], self.details[film] = row, details


class Journal:
    """The journal of one folder, to write and to read; see :meth:`open`."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._file: IO[bytes] | None = None
        self._to_disk_at = 0.0

    @classmethod
    @contextmanager
    def open(cls, folder: Path) -> Iterator[Self]:
        """The journal of a folder, for this process alone.

        Raises:
            JournalError: where another process has it, or the folder cannot be used.
        """
        with _named_errors(folder):
            folder.mkdir(parents=True, exist_ok=True)
            lock = FileLock(folder / "journal.lock")
            try:
                lock.acquire(timeout=0)
            except Timeout:
                raise JournalError(
                    f"Another run is fetching films into {folder}. Wait until it is done, or "
                    "terminate it in the web UI; then run this again."
                ) from None
        journal = cls(folder)
        try:
            yield journal
        finally:
            journal._close()
            lock.release()

    def begin(self, attempt: Attempt) -> list[Path]:
        """Begin another file, for an attempt; gives those there were, to be read and dropped."""
        head = {"begun": attempt.begun.isoformat(), "parts": sorted(attempt.parts)}
        before = self.files()
        number = int(before[-1].stem.rpartition("-")[2]) + 1 if before else 1
        with _named_errors(self._folder):
            self._close()
            self._file = (self._folder / f"journal-{number:08}.jsonl").open("xb", buffering=0)
        self._write(head)
        return before

    def files(self) -> list[Path]:
        """The files that there are, the oldest first."""
        return sorted(self._folder.glob("journal-*.jsonl"))

    def drop(self, files: Iterable[Path]) -> None:
        """Take files away whose answers the database has."""
        with _named_errors(self._folder):
            for path in files:
                path.unlink(missing_ok=True)

    def add_film(
        self, at: datetime, film: Mapping[str, object], details: Mapping[str, object]
    ) -> None:
        """Note a film's rows, the first but for ``fetched_at``, which is ``at``."""
        self._write({"at": at.isoformat(), "film": film, "details": details})

    def add_gone(self, film: int, at: datetime) -> None:
        """Note that TMDB does not have a film."""
        self._write({"gone": film, "at": at.isoformat()})

    def end(self) -> None:
        """Take all of it away: its attempt has ended, and the database has its answers."""
        self._close()
        self.drop(self.files())

    def _write(self, entry: Mapping[str, object]) -> None:
        assert self._file is not None  # noqa: S101 - begun before films are asked for
        with _named_errors(self._folder):
            line = memoryview(_line(entry))
            while line:  # a disk that fills takes a part of it, and then refuses the rest
                line = line[self._file.write(line) :]
            if time.monotonic() >= self._to_disk_at:
                os.fsync(self._file.fileno())
                self._to_disk_at = time.monotonic() + _SECONDS_TO_DISK

    def _close(self) -> None:
        if self._file is not None:
            self._file.close()
            self._file = None


def read_files(files: Iterable[Path]) -> Entries:
    """What is noted in some files of a journal; of a film, what was noted last.

    Raises:
        JournalError: where a file cannot be read.
    """
    entries = Entries()
    for path in files:
        with _named_errors(path.parent), path.open("rb") as file:
            for line in file:
                entries.add(line)
    return entries


def read_journal(folder: Path) -> Entries:
    """What is noted in a folder, by whatever run; nothing where there is no journal."""
    return read_files(Journal(folder).files())


def _line(entry: Mapping[str, object]) -> bytes:
    return json.dumps(entry, separators=(",", ":")).encode() + b"\n"


@contextmanager
def _named_errors(folder: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise JournalError(
            f"The journal of fetched films in {folder} cannot be used: {error.strerror or error}. "
            "Films that are in the database stay, and so does what the journal holds. Free some "
            "space or give access to the folder, then build again: it goes on from there."
        ) from error
