"""The films of TMDB's daily export, batch by batch, and what of it was left out and why.

What belongs here: lines of JSON to rows, for as many films as there are without ever holding more
than a batch of them (and the ids that were met). How the file comes here is in ``download.py``.
"""

from __future__ import annotations

import gzip
import io
from collections import Counter
from collections.abc import Iterator, Set
from dataclasses import dataclass, field
from datetime import date
from typing import IO

import pyarrow as pa

from movie_assets.tmdb.errors import BodyTooLargeError, ExportLinesError, MalformedBodyError
from movie_assets.tmdb.failures import parse_json
from movie_assets.tmdb.rows import as_float, as_integer

#: A million films have about 100 MB.
MAX_UNPACKED_BYTES = 1024 * 1024 * 1024

#: A film has about 100 bytes.
MAX_LINE_BYTES = 64 * 1024

BATCH_ROWS = 65_536

#: Bad lines are passed over as long as there are no more than so many, or this share of all.
MOST_BAD_LINES = 5
MOST_BAD_SHARE = 0.01

#: The columns of a batch.
EXPORT_SCHEMA = pa.schema(
    [
        pa.field("id", pa.int64(), nullable=False),
        pa.field("adult", pa.bool_(), nullable=False),
        pa.field("video", pa.bool_(), nullable=False),
        pa.field("popularity", pa.float64(), nullable=False),
    ]
)

_Film = tuple[int, bool, bool, float]


@dataclass(frozen=True)
class ExportFilter:
    """Which films of an export are wanted.

    Attributes:
        min_popularity: films with less of TMDB's popularity are left out.
        include_adult: whether films that TMDB marks as adult are taken.
        include_video: whether what TMDB counts as a video and not a film is taken.
        known: ids of films that are taken however little popularity they have by now.
    """

    min_popularity: float = 0.0
    include_adult: bool = False
    include_video: bool = False
    known: Set[int] = frozenset()

    def refuses(self, film: _Film) -> str | None:
        """Say why a film is left out; None where it is wanted."""
        number, adult, video, popularity = film
        if adult and not self.include_adult:
            return "adult"
        if video and not self.include_video:
            return "video"
        is_little = popularity < self.min_popularity and number not in self.known
        return "too little popularity" if is_little else None


@dataclass
class ExportCounts:
    """What became of an export's lines, as far as they were read.

    Attributes:
        lines: lines read, empty ones not counted.
        taken: films given.
        left_out: films that are not wanted, by reason.
        bad: lines that could not be used, by reason.
        repeated: lines whose film had been met before; the first one counts.
        example: the first bad line: its number, what is wrong with it, and how it begins.
    """

    lines: int = 0
    taken: int = 0
    left_out: Counter[str] = field(default_factory=Counter)
    bad: Counter[str] = field(default_factory=Counter)
    repeated: int = 0
    example: str | None = None


class ExportReading:
    """One reading of an export, from its first line to its last: an iterator of batches.

    `counts` holds all that is to be told once the iterator has ended.
    """

    def __init__(self, day: date, lines: Iterator[bytes], wanted: ExportFilter) -> None:
        self.counts = ExportCounts()
        self._day = day
        self._wanted = wanted
        self._batches = self._read(lines)

    def __iter__(self) -> Iterator[pa.RecordBatch]:
        return self._batches

    def __next__(self) -> pa.RecordBatch:
        return next(self._batches)

    def _read(self, lines: Iterator[bytes]) -> Iterator[pa.RecordBatch]:
        met: set[int] = set()
        rows: list[_Film] = []
        for line in lines:
            film = self._take(line, met)
            if film is not None:
                rows.append(film)
            if len(rows) == BATCH_ROWS:
                yield _batch(rows)
                rows = []
        self._judge()
        if rows:
            yield _batch(rows)

    def _take(self, line: bytes, met: set[int]) -> _Film | None:
        if not line.strip():
            return None
        counts = self.counts
        counts.lines += 1
        film = _parse(line)
        if isinstance(film, str):
            counts.bad[film] += 1
            if counts.example is None:
                begin = ascii(line[:60].decode("utf-8", "replace").rstrip())
                counts.example = f"line {counts.lines} ({film}): {begin}"
            return None
        if film[0] in met:
            counts.repeated += 1
            return None
        met.add(film[0])
        reason = self._wanted.refuses(film)
        if reason is not None:
            counts.left_out[reason] += 1
            return None
        counts.taken += 1
        return film

    def _judge(self) -> None:
        """Raise where all lines are read and they are no export that can be relied upon."""
        counts, what = self.counts, f"The export of {self._day}"
        bad = counts.bad.total()
        if bad > max(MOST_BAD_LINES, MOST_BAD_SHARE * counts.lines) or bad == counts.lines > 0:
            raise ExportLinesError(
                f"{what} has {bad} unusable lines of {counts.lines}, such as {counts.example}; "
                "nothing of it was taken: check TMDB_EXPORTS_URL; if it is right, TMDB's export "
                "has changed and this program needs an update."
            )
        if not counts.lines:
            raise ExportLinesError(
                f"{what} has no line; nothing was taken: try again later, and check "
                "TMDB_EXPORTS_URL if it stays so."
            )
        if not counts.taken:
            raise ExportLinesError(
                f"{what} has {counts.lines} films and none of them is wanted: lower "
                "MOVIE_ASSETS_MIN_POPULARITY."
            )


class MovieExport:
    """One day's export, in a file of gzip that was found whole.

    Attributes:
        day: the day (UTC) that it is of.
    """

    def __init__(self, day: date, file: IO[bytes]) -> None:
        self.day = day
        self._file = file

    def read(self, wanted: ExportFilter) -> ExportReading:
        """Read the films that are wanted, from the first line on, in the file's order.

        The last batch comes only where the lines as a whole could be used: what was taken before
        that is to be dropped where reading fails.

        Raises (while it is read):
            ExportLinesError: where more lines are bad than can be passed over, or no film is left.
            BodyTooLargeError: where a line has no end.
        """
        return ExportReading(self.day, self._lines(), wanted)

    def _lines(self) -> Iterator[bytes]:
        self._file.seek(0)
        with (
            gzip.GzipFile(fileobj=self._file) as unpacked,
            io.BufferedReader(unpacked, 1 << 18) as lines,
        ):
            while line := lines.readline(MAX_LINE_BYTES):
                if len(line) == MAX_LINE_BYTES and not line.endswith(b"\n"):
                    raise BodyTooLargeError(
                        f"The export of {self.day} has a line of more than "
                        f"{MAX_LINE_BYTES // 1024} KB; nothing of it was taken: check "
                        "TMDB_EXPORTS_URL."
                    )
                yield line


def _parse(line: bytes) -> _Film | str:
    """Give the film of a line, or why there is none."""
    try:
        entry = parse_json(line, "the export")
    except MalformedBodyError:
        return "not JSON"
    if not isinstance(entry, dict):
        return "not an object"
    film, popularity = as_integer(entry.get("id")), as_float(entry.get("popularity"))
    if film is None:
        return "no usable id"
    if popularity is None:
        return "no usable popularity"
    adult, video = entry.get("adult"), entry.get("video")
    if not isinstance(adult, bool) or not isinstance(video, bool):
        return "no usable mark of adult or video"
    return film, adult, video, popularity


def _batch(rows: list[_Film]) -> pa.RecordBatch:
    columns = zip(*rows, strict=True)
    return pa.record_batch(
        [
            pa.array(column, type=column_field.type)
            for column, column_field in zip(columns, EXPORT_SCHEMA, strict=True)
        ],
        schema=EXPORT_SCHEMA,
    )
