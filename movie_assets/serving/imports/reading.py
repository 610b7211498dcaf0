"""From a file that somebody sent to what it says: finds out what it is, and has its rows read.

Nothing is stored and nothing is logged. Which films the rows are is for ``matching``.
"""

from __future__ import annotations

import re
from collections import Counter
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import partial
from typing import IO, TYPE_CHECKING

from movie_assets.serving.imports.archives import Archive, is_zip
from movie_assets.serving.imports.entries import (
    NAMES,
    Entry,
    Export,
    Limits,
    Place,
    Skipped,
    merge,
)
from movie_assets.serving.imports.errors import (
    EmptyExportError,
    ExportTooLargeError,
    UnknownExportError,
)
from movie_assets.serving.imports.layouts import KNOWN, Row, UnusedRowError, layout_of
from movie_assets.serving.imports.tables import read_table
from movie_assets.serving.imports.trakt_json import (
    entry_of,
    is_json,
    is_of_trakt,
    label_of,
    read_list,
)
from movie_assets.serving.imports.values import BadRowError, shortened

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from movie_assets.serving.imports.entries import Format
    from movie_assets.serving.imports.layouts import Mark

#: Folders of a zip with what somebody deleted, or with lists; Letterboxd's, and that of macOS.
_FOLDERS_LEFT_OUT = {"deleted", "orphaned", "lists", "__macosx"}
#: Letterboxd's files that say nothing that the others do not, or that are nobody's business.
_FILES_LEFT_OUT = {"profile.csv", "comments.csv", "reviews.csv", "watchlist.csv"}
_TRAKT_FILE = re.compile(r"(ratings-movies|watched-movies|lists-favorites)(-[0-9]+)?\.json")
#: Only where there is no list of watched films: it says the same at a hundred times the length.
_TRAKT_HISTORY = re.compile(r"(watched-)?history(-[0-9]+)?\.json")
_NAMES_SHOWN = 5
_BEGINNINGS = (
    (b"\x1f\x8b", "It is packed with gzip: unpack it and send what is in it."),
    (b"%PDF", "It is a PDF. Export your ratings as csv or zip."),
    (b"<", "It is a web page. Were you logged in when you downloaded it?"),
)


def read_export(
    data: bytes | IO[bytes],
    filename: str | None = None,
    *,
    limits: Limits | None = None,
    now: datetime | None = None,
) -> Export:
    """Read an export of Letterboxd, IMDb, Trakt or MovieLens, or a table of ratings.

    The format is found by what is in the file. Rows that cannot be used are listed, not fatal.

    Args:
        data: the file, or something open to read it from.
        filename: as it was called; tells Letterboxd's liked, watched and wanted films apart, whose
            columns are the same, and names the file in messages.
        limits: how much is read.
        now: the time up to which a rating can be; aware.

    Raises:
        ExportError: of the type that says why nothing could be read.
    """
    limits = limits or Limits()
    file = shortened((filename or "").replace("\\", "/").rpartition("/")[2]) or "The file"
    data = data if isinstance(data, bytes) else data.read(limits.file_bytes + 1)
    if len(data) > limits.file_bytes:
        raise ExportTooLargeError(f"{file} has more than {limits.file_bytes:,} bytes.")
    if not data.strip(b"\xef\xbb\xbf \t\r\n\x00"):
        raise EmptyExportError(f"{file} is empty.")
    found = _Found(limits, now or datetime.now(UTC))
    if is_zip(data):
        _read_zip(data, file, found)
    else:
        _read_file(data, file, filename or "", found)
    return found.export(file)


@dataclass
class _Found:
    """What has been read so far."""

    limits: Limits
    now: datetime
    formats: dict[Format, None] = field(default_factory=dict)
    files: list[str] = field(default_factory=list)
    entries: list[Entry] = field(default_factory=list)
    skipped: list[Skipped] = field(default_factory=list)
    ignored: Counter[str] = field(default_factory=Counter)
    notes: list[str] = field(default_factory=list)
    rows: int = 0

    def begin(self, file: str, format_: Format) -> None:
        """The rows of a file follow."""
        self.files.append(file)
        self.formats[format_] = None

    def count_row(self) -> None:
        """One more row, be it blank: to read those takes time too."""
        self.rows += 1
        if self.rows > self.limits.rows:
            raise ExportTooLargeError(
                f"There are more than {self.limits.rows:,} rows. Send those of your ratings only."
            )

    def add(self, place: Place, read: Callable[[], Entry], label: Callable[[], str]) -> None:
        """Take a row in: as a film, as one that is skipped, or as one of no use."""
        try:
            entry = read()
            if not (entry.title or entry.imdb_id or entry.tmdb_id):
                raise BadRowError("no film is named")
        except BadRowError as error:
            self.skipped.append(Skipped(place, label(), str(error)))
        except UnusedRowError as error:
            self.ignored[str(error)] += 1
        else:
            self.entries.append(entry)

    def export(self, file: str) -> Export:
        """All of it, each film once."""
        if not self.entries:
            raise EmptyExportError(f"{file} has no film to learn from: {self._why_none()}.")
        return Export(
            next(iter(self.formats)),
            tuple(self.files),
            tuple(merge(self.entries)),
            tuple(self.skipped),
            dict(self.ignored),
            tuple(self.notes),
        )

    def _why_none(self) -> str:
        if self.skipped:
            first = self.skipped[0]
            return (
                f"none of its rows can be used. Row {first.place.row:,} of {first.place.file}: "
                f"{first.reason}"
            )
        if self.ignored:
            return "its rows are " + ", or ".join(sorted(self.ignored))
        return "there is no row below the first"


def _read_zip(data: bytes, file: str, found: _Found) -> None:
    """Read what is of use in a zip."""
    archive = Archive(data, file, found.limits)
    unknown: list[UnknownExportError] = []
    for name, content in archive.read(_wanted(archive.names)):
        try:
            _read_file(content, shortened(name), name, found)
        except UnknownExportError as error:
            unknown.append(error)
    if not found.files:
        names = ", ".join(shortened(name, 30) for name in archive.names[:_NAMES_SHOWN])
        raise (
            unknown[0]
            if unknown
            else UnknownExportError(
                f"{file} has no file of an export that is known, but: {names or 'nothing'}. {KNOWN}"
            )
        )
    if len(found.formats) > 1:
        sites = " and ".join(NAMES[one] for one in found.formats)
        raise UnknownExportError(f"{file} has exports of {sites}. Send one at a time.")


def _wanted(names: Sequence[str]) -> list[str]:
    """The files of use; ratings come last, since of equally old ratings the last one counts."""
    wanted = [name for name in names if _is_wanted(name)]
    if not any("watched-movies" in name for name in wanted):
        wanted += [name for name in names if _TRAKT_HISTORY.fullmatch(_parts(name)[-1])]
    return sorted(wanted, key=lambda name: _parts(name)[-1].startswith("ratings"))


def _is_wanted(path: str) -> bool:
    *folders, name = _parts(path)
    if name.endswith(".json"):
        return bool(_TRAKT_FILE.fullmatch(name))
    if not name.endswith(".csv") or _FOLDERS_LEFT_OUT & set(folders):
        return False
    if folders[-1:] == ["likes"]:
        return name == "films.csv"
    return name not in _FILES_LEFT_OUT


def _parts(path: str) -> list[str]:
    return path.casefold().replace("\\", "/").split("/")


def _read_file(data: bytes, file: str, path: str, found: _Found) -> None:
    """Read a csv or a JSON list."""
    if is_json(data):
        _read_json(data, file, path, found)
        return
    for beginning, hint in _BEGINNINGS:
        if data.removeprefix(b"\xef\xbb\xbf").lstrip().startswith(beginning):
            raise UnknownExportError(f"{file} is no export that is known. {hint}")
    table = read_table(data, file, found.limits.row_chars)
    layout, columns = layout_of(file, table.columns)
    found.begin(file, layout.format)
    mark = _mark(path)
    if layout.format == "letterboxd" and not mark and not {"rating", "watcheddate"} & set(columns):
        found.notes.append(
            f"{file} was read as watched films: liked and wanted films have the same columns, and "
            "are told by the names films.csv and watchlist.csv."
        )
    for line, cells in table.rows:
        found.count_row()
        if not any(cells):
            continue
        row = Row(Place(file, line), cells, columns, mark, found.now)
        found.add(row.place, partial(layout.read, row), row.label)


def _mark(path: str) -> Mark:
    """What a file's name says of its films; only where Letterboxd's columns do not."""
    *folders, name = _parts(path)
    if "watchlist" in name:
        return "wanted"
    if "watched" in name:
        return "watched"
    return "liked" if "like" in name or name.startswith("films") or "likes" in folders else ""


def _read_json(data: bytes, file: str, path: str, found: _Found) -> None:
    is_favourite = "favorite" in _parts(path)[-1]
    for number, element in read_list(data, file, found.limits.row_chars):
        if number == 1:
            if not is_of_trakt(element):
                raise UnknownExportError(f"{file} is JSON, but no list of Trakt's. {KNOWN}")
            found.begin(file, "trakt")
        found.count_row()
        place = Place(file, number)
        found.add(
            place,
            partial(entry_of, place, element, is_favourite=is_favourite, now=found.now),
            partial(label_of, element),
        )
