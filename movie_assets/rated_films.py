"""A person's file of ratings, matched to the films of the tables: for the command line.

What a file says and what counts as a match is for ``serving.imports``, here as on the server. Only
where films are looked up belongs here: the tables have no index of titles.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

from rapidfuzz import fuzz, process

from movie_assets import lookup
from movie_assets.serving.imports import Matched, match, read_export
from movie_assets.titles import normalised
from movie_assets.warehouse.store import read_table

if TYPE_CHECKING:
    from pathlib import Path


@dataclass(frozen=True)
class Film(lookup.Film):
    """A film of the tables, with IMDb's id where it is known."""

    imdb_id: str | None = None


def read_rated_films(path: Path, titles: lookup.Titles, database: Path) -> Matched[Film]:
    """Read a file of ratings and find its films.

    Args:
        path: an export of Letterboxd, IMDb, Trakt or MovieLens, or a csv of one's own.
        titles: of the tables' films.
        database: the DuckDB file.

    Raises:
        ExportError: of the type that says why the file cannot be used.
        OSError: where it cannot be read.
        WarehouseError: of the type that says why the database cannot be read.
    """
    with path.open("rb") as file:
        export = read_export(file, path.name)
    details = read_table(database, "movie_details", ["id", "imdb_id"]).dropna()
    imdb_ids = dict(zip(details["id"].tolist(), details["imdb_id"].tolist(), strict=True))
    return match(export, _TableFilms(titles, imdb_ids))


class _TableFilms:
    """The tables' films, as they are matched; a row is a place among them."""

    def __init__(self, titles: lookup.Titles, imdb_ids: dict[int, str]) -> None:
        self._titles = titles
        self._films = [Film(**vars(film), imdb_id=imdb_ids.get(film.id)) for film in titles.films]

    def row_of(self, movie_id: int) -> int | None:
        return self._rows.get(movie_id)

    def row_of_imdb(self, imdb_id: str) -> int | None:
        return self._rows_by_imdb.get(imdb_id)

    def film_of(self, row: int) -> Film:
        return self._films[row]

    def find(self, title: str, year: int | None = None) -> list[Film]:
        return [self._films[self._rows[film.id]] for film in self._titles.named(title, year)]

    def near(self, title: str, year: int | None = None, limit: int = 3) -> list[Film]:
        about = None if year is None else {year - 1, year, year + 1}
        names = {
            row: name
            for row, name in enumerate(self._names)
            if about is None or self._films[row].year in about
        }
        found = process.extract(normalised(title), names, scorer=fuzz.token_set_ratio, limit=limit)
        return [self._films[row] for _, _, row in found]

    @cached_property
    def _rows(self) -> dict[int, int]:
        return {film.id: row for row, film in enumerate(self._films)}

    @cached_property
    def _rows_by_imdb(self) -> dict[str, int]:
        return {film.imdb_id: row for row, film in enumerate(self._films) if film.imdb_id}

    @cached_property
    def _names(self) -> list[str]:
        return [normalised(film.title) for film in self._films]
