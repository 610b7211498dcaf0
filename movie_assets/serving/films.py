"""Films as readers see them, out of a snapshot's ``films.arrow``.

What belongs here: what is known of one film. What does not: scores and lists (``published``).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from movie_assets.serving.columns import Column

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import date

    import pyarrow as pa

    Columns = dict[str, Column]
    #: From the columns and a row to a film's field.
    Read = Callable[[Columns, int], Any]

#: So many films are kept once they have been read; those of lists come again and again.
_KEPT = 20_000


@dataclass(frozen=True)
class Film:
    """A film.

    Attributes:
        row: its place in the snapshot, which another snapshot gives to another film.
        id: TMDB's number.
        imdb_id: such as "tt0137523".
        year: of release.
        poster_path: on TMDB's image server, from its slash.
        runtime: in minutes.
        language: the original one, ISO 639-1.
        popularity: TMDB's, at least 0.
        vote_average: 0 to 10.
        collection: the series that it is of.
    """

    row: int
    id: int
    imdb_id: str | None
    title: str
    original_title: str | None
    year: int | None
    release_date: date | None
    overview: str | None
    tagline: str | None
    poster_path: str | None
    runtime: int | None
    language: str | None
    popularity: float
    vote_average: float
    vote_count: int
    genres: tuple[str, ...]
    directors: tuple[str, ...]
    writers: tuple[str, ...]
    actors: tuple[str, ...]
    keywords: tuple[str, ...]
    collection: str | None

    @property
    def label(self) -> str:
        """Title and year."""
        return f"{self.title} ({self.year})" if self.year else self.title


class _MappedFilm(Film):
    """A film whose fields are read when they are asked for: most lists show five of twenty."""

    def __init__(self, row: int, columns: Columns) -> None:
        self.__dict__["row"] = row
        self.__dict__["_columns"] = columns

    def __getattr__(self, name: str) -> Any:
        # Called where the field has not been read yet.
        read = _FIELDS.get(name)
        if read is None:
            raise AttributeError(f"a film has no {name}")
        value = self.__dict__[name] = read(self.__dict__["_columns"], self.__dict__["row"])
        return value


class Films:
    """All films of a snapshot, read when they are asked for. Safe for many threads.

    Args:
        table: ``films.arrow``.
    """

    def __init__(self, table: pa.Table) -> None:
        self._columns = {name: Column(table[name]) for name in table.schema.names}
        self._n_films = int(table.num_rows)
        self._kept: dict[int, Film] = {}

    def __len__(self) -> int:
        return self._n_films

    def __getitem__(self, row: int) -> Film:
        """The film of a row.

        Raises:
            IndexError: where there is no such row.
        """
        film = self._kept.get(row)
        if film is None:
            if not 0 <= row < self._n_films:
                raise IndexError(f"there is no row {row} among {self._n_films} films")
            if len(self._kept) >= _KEPT:
                self._kept = {}
            film = self._kept[row] = _MappedFilm(row, self._columns)
        return film


def _column(name: str) -> Read:
    return lambda columns, row: columns[name][row]


def _names(name: str) -> Read:
    # A null is an empty list.
    return lambda columns, row: columns[name][row] or ()


def _number(name: str) -> Read:
    return lambda columns, row: columns[name][row] or 0


def _year(columns: Columns, row: int) -> int | None:
    released = columns["release_date"][row]
    return None if released is None else released.year


_FIELDS: dict[str, Read] = {
    "id": _column("movie_id"),
    "language": _column("original_language"),
    "year": _year,
    **{name: _number(name) for name in ("popularity", "vote_average", "vote_count")},
    **{name: _names(name) for name in ("genres", "directors", "writers", "actors", "keywords")},
    **{
        name: _column(name)
        for name in (
            "imdb_id", "title", "original_title", "release_date", "overview", "tagline",
            "poster_path", "runtime", "collection",
        )
    },
}  # fmt: skip
