"""What an export says: its films, what was left out and why.

Values only; reading them is for ``reading``.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from datetime import datetime

#: Where an export is from; "table" is a csv of one's own.
Format = Literal["letterboxd", "imdb", "trakt", "movielens", "table"]

#: The formats as people call them.
NAMES: Mapping[Format, str] = {
    "letterboxd": "Letterboxd",
    "imdb": "IMDb",
    "trakt": "Trakt",
    "movielens": "MovieLens",
    "table": "a table of ratings",
}


@dataclass(frozen=True)
class Limits:
    """How much is read of a file that somebody sent; what is over a limit is refused.

    Attributes:
        file_bytes: of the file as it was sent.
        unpacked_bytes: of all files that are read from a zip, counted while they are unpacked.
        ratio: unpacked to packed bytes of one file in a zip; looked at from 1 MB on.
        files: in a zip, whether they are read or not.
        rows: of all files together.
        row_chars: of one row of a csv, or of one entry of a JSON list times eight.
    """

    file_bytes: int = 20_000_000
    unpacked_bytes: int = 20_000_000
    ratio: int = 100
    files: int = 2_000
    rows: int = 50_000
    row_chars: int = 131_072


@dataclass(frozen=True)
class Place:
    """Where something stands: the file within the export, and its line, or its number in a list."""

    file: str
    row: int


@dataclass(frozen=True)
class Entry:
    """One film of an export.

    Attributes:
        place: of the row that the rating is from, or else of the film's first.
        title: one line of text as the export has it, "" where there is none; not escaped.
        year: of release.
        imdb_id: as tt0137523.
        tmdb_id: from 1 to 2^31 - 1.
        stars: 0.5 to 5; None where the film was not rated.
        liked: whether it was marked as liked; None where the format has no such mark.
        seen: whether the export says that it was watched.
        rated_at: when it was rated or else liked; aware, None where unknown.
    """

    place: Place
    title: str
    year: int | None = None
    imdb_id: str | None = None
    tmdb_id: int | None = None
    stars: float | None = None
    liked: bool | None = None
    seen: bool = True
    rated_at: datetime | None = None

    @property
    def label(self) -> str:
        """The film as the export has it, for people."""
        name = self.title or (f"TMDB {self.tmdb_id}" if self.tmdb_id else f"IMDb {self.imdb_id}")
        return f"{name} ({self.year})" if self.year else name

    def merged(self, later: Entry) -> Entry:
        """Both rows of one film as one: the younger rating counts, of equally old ones ``later``'s.

        A rating without a date is older than one with a date.
        """
        newer, older = (self, later) if _is_younger(self, later) else (later, self)
        marks = [entry.liked for entry in (self, later) if entry.liked is not None]
        return replace(
            newer,
            title=newer.title or older.title,
            year=newer.year or older.year,
            imdb_id=newer.imdb_id or older.imdb_id,
            tmdb_id=newer.tmdb_id or older.tmdb_id,
            rated_at=newer.rated_at or older.rated_at,
            liked=any(marks) if marks else None,
            seen=self.seen or later.seen,
        )


@dataclass(frozen=True)
class Skipped:
    """A row that could not be used, and why in a sentence without a full stop."""

    place: Place
    label: str
    reason: str


@dataclass(frozen=True)
class Export:
    """What a file says.

    Attributes:
        format: where it is from.
        files: that were read, the names within the zip.
        entries: each film once, in the order of the files.
        skipped: rows that could not be used.
        ignored: how many rows are of no use here, such as series, by what they are.
        notes: what else somebody should know, in sentences.
    """

    format: Format
    files: tuple[str, ...]
    entries: tuple[Entry, ...]
    skipped: tuple[Skipped, ...]
    ignored: Mapping[str, int]
    notes: tuple[str, ...]


def merge(entries: Iterable[Entry]) -> list[Entry]:
    """Each film once, in the order in which they came; the same are those of one id or one name."""
    found: dict[object, Entry] = {}
    for entry in entries:
        key = entry.tmdb_id or entry.imdb_id or (entry.title.casefold(), entry.year)
        found[key] = found[key].merged(entry) if key in found else entry
    return list(found.values())


def _is_younger(one: Entry, other: Entry) -> bool:
    """Whether the rating of the one counts and not that of the other."""
    if other.stars is None:
        return True
    if one.stars is None or one.rated_at is None:
        return False
    return other.rated_at is None or one.rated_at > other.rated_at
