"""Each film as a list shows it, as bytes of JSON, written once when a snapshot is published.

A list of ten films is then ten reads, whatever the number of films: to write their JSON anew takes
ten times as long as everything else about an answer. What belongs here: the shape, and its file.
What does not: lists (``api``), and what is known of a film besides (``films``).
"""

from __future__ import annotations

import mmap
import os
import weakref
from typing import TYPE_CHECKING, Any

import numpy as np
import orjson

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

    import pyarrow as pa

    from movie_assets.serving.films import Film

#: The version of the shape. Where a snapshot's is another, the JSON is written anew when asked for.
FORMAT = 1
FOLDER = "briefs"
_JSON, _ENDS = f"films-{FORMAT}.json", f"ends-{FORMAT}.npy"
#: A larger file is read and not mapped, which takes a microsecond more: what was touched of it once
#: would be held.
_MAPPED = 64 * 1024 * 1024
_COLUMNS = (
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


def write_briefs(folder: Path, films: Iterable[pa.RecordBatch]) -> None:
    """Write the file of all films' JSON, a batch at a time.

    Args:
        folder: to be made.
        films: in the order of their rows; of the snapshot's columns.

    Raises:
        OSError: where it cannot be written.
    """
    folder.mkdir()
    sizes = [np.zeros(1, np.int64)]
    with (folder / _JSON).open("wb") as file:
        for batch in films:
            rows = [
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
                ) in zip(*(batch[name].to_pylist() for name in _COLUMNS), strict=True)
            ]  # fmt: skip
            file.write(b"".join(rows))
            sizes.append(np.fromiter(map(len, rows), np.int64, len(rows)))
    np.save(folder / _ENDS, np.cumsum(np.concatenate(sizes)))


class Briefs:
    """The JSON of a snapshot's films, read by row. Safe for many threads.

    Args:
        folder: that :func:`write_briefs` made.

    Raises:
        FileNotFoundError: where there is none of this version.
    """

    def __init__(self, folder: Path) -> None:
        self._ends = memoryview(np.load(folder / _ENDS, mmap_mode="r", allow_pickle=False))
        with (folder / _JSON).open("rb") as file:
            if 0 < os.fstat(file.fileno()).st_size <= _MAPPED:
                self._bytes: mmap.mmap | None = mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ)
                return
            self._bytes, self._file = None, os.dup(file.fileno())
        weakref.finalize(self, os.close, self._file)

    def __getitem__(self, row: int) -> bytes:
        """A film's JSON."""
        begin, end = self._ends[row], self._ends[row + 1]
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
