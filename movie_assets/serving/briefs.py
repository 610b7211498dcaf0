"""Each film as a list shows it, as bytes of JSON, written once when a snapshot is published.

A list of ten films is then ten reads, whatever the number of films: to write their JSON anew takes
ten times as long as everything else about an answer. What belongs here: the shape, and its file.
What does not: lists (``api``), and what is known of a film besides (``films``).
"""

from __future__ import annotations

import mmap
import os
import sys
import weakref
from contextlib import suppress
from itertools import islice, pairwise
from typing import TYPE_CHECKING, Any

import numpy as np
import orjson
import pyarrow as pa

from movie_assets.serving.texts import Texts, texts_of

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

    from numpy.typing import NDArray

    from movie_assets.serving.films import Film

#: The version of the shape. Where a snapshot's is another, the JSON is written anew when asked for.
FORMAT = 1
FOLDER = "briefs"
_JSON, _ENDS = f"films-{FORMAT}.json", f"ends-{FORMAT}.npy"
#: A larger file is read and not mapped, since what was touched of it once would be held; to read
#: takes longer. A million films have 0.3 GB.
_MAPPED = 512 * 1024 * 1024
_BYTES_AHEAD = 2 * 1024 * 1024
#: Linux' MADV_POPULATE_READ, from 5.14 on, which Python has no name for.
_POPULATE = 22
_NONE = np.zeros(0, np.int64)
#: What of a film is shown.
COLUMNS = (
    "movie_id", "imdb_id", "title", "original_title", "release_date", "genres",
    "original_language", "runtime", "popularity", "vote_average", "vote_count", "poster_path",
)  # fmt: skip


def brief(film: Film) -> bytes:
    """A film as a list shows it."""
    return _written(
        film.id,
        film.imdb_id,
        film.title,
        film.original_title,
        film.year,
        film.genres,
        film.language,
        film.runtime,
        float(film.popularity),
        float(film.vote_average),
        film.vote_count,
        film.poster_path,
    )


def write_briefs(
    folder: Path,
    films: Iterable[pa.RecordBatch],
    before: tuple[Path, NDArray[np.int64]] | None = None,
) -> None:
    """Write the file of all films' JSON, a batch at a time.

    Args:
        folder: to be made.
        films: in the order of their rows; of the snapshot's columns.
        before: a folder of other films, and where each film stands there with the same values of
            :data:`COLUMNS`: int64 of shape (n_films,), -1 where it does not. Its JSON is copied.

    Raises:
        OSError: where it cannot be written.
    """
    folder.mkdir()
    known = open_briefs(before[0]) if before else None
    known_sizes = known.sizes() if known is not None else _NONE
    sizes = [np.zeros(1, np.int64)]
    start = 0
    with (folder / _JSON).open("wb") as file:
        for batch in films:
            rows = np.full(len(batch), -1, np.int64)
            if known is not None and before is not None:
                rows = before[1][start : start + len(batch)]
            start += len(batch)
            # All at once: to take a single film out of its columns takes longer than to write it.
            new = iter(_all_written(batch.select(COLUMNS), np.flatnonzero(rows < 0)))
            for begin, end in _runs(rows):
                if rows[begin] < 0 or known is None:
                    written = list(islice(new, end - begin))
                    file.write(b"".join(written))
                    sizes.append(np.fromiter(map(len, written), np.int64, len(written)))
                else:
                    file.write(known.between(int(rows[begin]), int(rows[end - 1]) + 1))
                    sizes.append(known_sizes[rows[begin] : rows[end - 1] + 1])
    np.save(folder / _ENDS, np.cumsum(np.concatenate(sizes)))


def _runs(rows: NDArray[np.int64]) -> Iterable[tuple[int, int]]:
    """The rows that follow each other, and those of -1: where each run begins and ends."""
    follows = (rows[1:] == rows[:-1] + 1) & (rows[:-1] >= 0) | (rows[1:] < 0) & (rows[:-1] < 0)
    begins = [0, *(np.flatnonzero(~follows) + 1).tolist(), len(rows)]
    return pairwise(begins) if len(rows) else []


def _all_written(batch: pa.RecordBatch, rows: NDArray[np.int64]) -> list[bytes]:
    """The JSON of some films."""
    some = batch.take(pa.array(rows)) if len(rows) < len(batch) else batch
    return [
        _written(
            number,
            imdb_id,
            title,
            original_title,
            released.year if released else None,
            genres or (),
            language,
            runtime,
            _seven_digits(popularity),
            _seven_digits(average),
            votes or 0,
            poster,
        )
        for (
            number, imdb_id, title, original_title, released, genres, language, runtime,
            popularity, average, votes, poster,
        ) in zip(*(some[name].to_pylist() for name in COLUMNS), strict=True)
    ]  # fmt: skip


class Briefs:
    """The JSON of a snapshot's films, read by row. Safe for many threads.

    Args:
        folder: that :func:`write_briefs` made.

    Raises:
        FileNotFoundError: where there is none of this version.
    """

    def __init__(self, folder: Path) -> None:
        self._ends = np.asarray(np.load(folder / _ENDS, mmap_mode="r", allow_pickle=False))
        self._bytes: mmap.mmap | None = None
        self._file = os.open(folder / _JSON, os.O_RDONLY)
        weakref.finalize(self, os.close, self._file)
        if 0 < os.fstat(self._file).st_size <= _MAPPED:
            self._bytes = mmap.mmap(self._file, 0, access=mmap.ACCESS_READ)
            array = np.frombuffer(self._bytes, np.uint8)
            self._texts = Texts(array, self._ends[:-1], self._ends[1:])

    def sizes(self) -> NDArray[np.int64]:
        """How many bytes each film has; int64 of shape (n_films,)."""
        return np.diff(self._ends)

    def read_ahead(self) -> None:
        """Have all of it in the system's memory, and in this process's where it is mapped.

        A list is made of ten places of it, and the first one who touches a page waits for it.
        """
        for begin in range(0, os.fstat(self._file).st_size, _BYTES_AHEAD):
            # Python holds all threads while it populates, so there should be nothing to wait for.
            piece = len(os.pread(self._file, _BYTES_AHEAD, begin))
            if self._bytes is not None and sys.platform == "linux":
                with suppress(OSError):  # an older kernel
                    self._bytes.madvise(_POPULATE, begin, piece)

    def __getitem__(self, row: int) -> bytes:
        """A film's JSON."""
        return self.between(row, row + 1)

    def texts(self, rows: NDArray[np.int32]) -> tuple[Texts, NDArray[np.int32]]:
        """Texts among which is the JSON of films, and each film's place among them."""
        if self._bytes is None:
            texts = texts_of(map(self.__getitem__, rows.tolist()))
            return texts, np.arange(len(rows), dtype=np.int32)
        return self._texts, rows

    def between(self, first: int, last: int) -> bytes:
        """The JSON of films from one row up to another, one behind the other."""
        begin, end = self._ends.item(first), self._ends.item(last)
        if self._bytes is not None:
            return self._bytes[begin:end]
        return os.pread(self._file, end - begin, begin)


def open_briefs(folder: Path) -> Briefs | None:
    """The films' JSON; None where the snapshot has none of this version."""
    if not hasattr(os, "pread") or not (folder / _JSON).exists():
        return None
    return Briefs(folder)


def _seven_digits(number: float | None) -> float:
    """A number of 32 bits as it was before it was rounded to them."""
    return float(f"{number or 0:.7g}")


def _written(  # noqa: PLR0913, PLR0917 - the shape
    movie_id: int,
    imdb_id: str | None,
    title: str,
    original_title: str | None,
    year: int | None,
    genres: Any,
    language: str | None,
    runtime: int | None,
    popularity: float,
    vote_average: float,
    vote_count: int,
    poster_path: str | None,
) -> bytes:
    return orjson.dumps(
        {
            "id": movie_id,
            "imdb_id": imdb_id,
            "title": title,
            "original_title": original_title,
            "year": year,
            "genres": genres,
            "language": language,
            "runtime": runtime,
            "popularity": popularity,
            "vote_average": vote_average,
            "vote_count": vote_count,
            "poster_path": poster_path,
        }
    )
