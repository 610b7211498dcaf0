"""What the columns of each site's csv mean; a layout is known by them, not by a file's name.

How a file's text becomes rows is for ``tables``, Trakt's JSON for ``trakt_json``.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from movie_assets.serving.imports.entries import Entry, Place
from movie_assets.serving.imports.errors import UnknownExportError
from movie_assets.serving.imports.values import (
    BadRowError,
    imdb_id_of,
    shortened,
    stars_of,
    time_of,
    title_and_year_of,
    title_of,
    tmdb_id_of,
    year_of,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from datetime import datetime

    from movie_assets.serving.imports.entries import Format

#: Words in IMDb's "Title Type", in the languages of its site, of what is no film.
_NO_FILM = ("seri", "série", "episod", "épisod", "folge", "game", "juego", "jogo", "jeuvid",
            "videospiel", "podcast", "musicvideo", "musikvideo")  # fmt: skip
_COLUMNS_SHOWN = 20

KNOWN = (
    "Known are: Letterboxd's zip or one of its csv files (Name, Year, Letterboxd URI, Rating); "
    "IMDb's ratings (Const, Your Rating, Title); Trakt's zip, its JSON or csv files (type, title, "
    "trakt_id, rating); MovieLens' ratings (movie_id, imdb_id, tmdb_id, rating, title); and a "
    "table of your own with title,year,rating or tmdb_id,rating."
)


#: What a file's name says of its films.
Mark = Literal["", "liked", "watched", "wanted"]


class UnusedRowError(Exception):
    """A row that is whole and of no use; the message says what such rows are."""


@dataclass(frozen=True)
class Row:
    """A row's cells by their columns.

    Attributes:
        place: where it stands.
        cells: the text of each.
        columns: the place of each column, by its plain name.
        mark: what the file's name says of its films, where the columns do not.
        now: the time up to which a rating can be.
    """

    place: Place
    cells: Sequence[str]
    columns: dict[str, int]
    mark: Mark
    now: datetime

    def text(self, *names: str) -> str:
        """The cell of the first of these columns that is there, stripped; "" where none is."""
        for name in names:
            place = self.columns.get(name, len(self.cells))
            if place < len(self.cells):
                return self.cells[place].strip()
        return ""

    def label(self) -> str:
        """The film, as far as the row names one, for the list of rows that were skipped."""
        return shortened(self.text("title", "name") or self.text("const", "tmdbid", "imdbid"))


@dataclass(frozen=True)
class Layout:
    """How one kind of file is read.

    Attributes:
        format: the site that writes it.
        needed: plain names of columns, of each group at least one.
        read: gives a row's film, or raises BadRowError or UnusedRowError.
    """

    format: Format
    needed: tuple[tuple[str, ...], ...]
    read: Callable[[Row], Entry]


def layout_of(file: str, columns: Sequence[str]) -> tuple[Layout, dict[str, int]]:
    """Find out what a csv is by its columns.

    Returns:
        The layout, and the place of each column by its plain name.

    Raises:
        UnknownExportError: where it is none; the message says what columns were seen.
    """
    places: dict[str, int] = {}
    for place, column in enumerate(columns):
        places.setdefault(_plain(column), place)
    for layout in _LAYOUTS:
        if all(any(name in places for name in names) for names in layout.needed):
            return layout, places
    seen = ", ".join(shortened(column, 30) for column in columns[:_COLUMNS_SHOWN]) or "nothing"
    more = len(columns) - _COLUMNS_SHOWN
    seen += f" and {more:,} more" if more > 0 else ""
    raise UnknownExportError(f"{file} is no export that is known: {_hint(places, seen)} {KNOWN}")


def _plain(column: str) -> str:
    """A column's name without case, spaces and signs: "Letterboxd URI", "tmdb_id", "tmdbID"."""
    return "".join(letter for letter in column[:100].casefold() if letter.isalnum())


def _hint(places: dict[str, int], seen: str) -> str:
    if {"userid", "movieid", "rating"} <= places.keys():
        return "these are many people's ratings, from MovieLens' data sets."
    if "const" in places or {"movieid", "averagerating"} <= places.keys():
        return "this is a list without your ratings. Export your ratings instead."
    if any(name.startswith("letterboxdlistexport") for name in places):
        return "this is one of Letterboxd's lists. Send the whole zip, or its ratings.csv."
    return f"its first row has {seen}."


# -- the sites' rows --------------------------------------------------------------------------


def _letterboxd(row: Row) -> Entry:
    plain = not {"rating", "watcheddate"} & row.columns.keys()
    if plain and row.mark == "wanted":
        raise UnusedRowError("on a watchlist")
    stars = stars_of(row.text("rating"), most=5)
    liked = True if plain and row.mark == "liked" else None
    return Entry(
        row.place,
        title_of(row.text("name")),
        year_of(row.text("year"), row.now),
        stars=stars,
        liked=liked,
        rated_at=time_of(row.text("date"), row.now) if stars or liked else None,
    )


def _imdb(row: Row) -> Entry:
    kind = row.text("titletype").casefold().replace(" ", "").replace("-", "")
    if any(word in kind for word in _NO_FILM):
        raise UnusedRowError("series, episodes and games")
    stars = stars_of(row.text("yourrating", "yourated"), most=10)
    if stars is None:
        raise UnusedRowError("not rated")
    return Entry(
        row.place,
        title_of(row.text("title")),
        year_of(row.text("year"), row.now),
        imdb_id=imdb_id_of(row.text("const")),
        stars=stars,
        rated_at=time_of(row.text("daterated", "created"), row.now),
    )


def _trakt(row: Row) -> Entry:
    if row.text("type") != "movie":
        raise UnusedRowError("series, episodes and games")
    stars = stars_of(row.text("rating"), most=10)
    return Entry(
        row.place,
        title_of(row.text("title")),
        year_of(row.text("year"), row.now),
        imdb_id=imdb_id_of(row.text("imdbid")),
        tmdb_id=tmdb_id_of(row.text("tmdbid")),
        stars=stars,
        rated_at=time_of(row.text("ratedat"), row.now) if stars else None,
    )


def _movielens(row: Row) -> Entry:
    title, year = title_and_year_of(row.text("title"))
    stars = stars_of(row.text("rating"), most=5)
    if stars is None:
        raise UnusedRowError("not rated")
    return Entry(
        row.place,
        title,
        year,
        imdb_id=imdb_id_of(row.text("imdbid")),
        tmdb_id=tmdb_id_of(row.text("tmdbid")),
        stars=stars,
    )


def _table(row: Row) -> Entry:
    title, year = title_and_year_of(row.text("title", "name"))
    stars = stars_of(row.text("rating", "stars"), most=5)
    if stars is None:
        stars = stars_of(row.text("rating10"), most=10)
    if stars is None:
        raise BadRowError("it has no rating")
    return Entry(
        row.place,
        title,
        year_of(row.text("year"), row.now) or year,
        imdb_id=imdb_id_of(row.text("imdbid", "const")),
        tmdb_id=tmdb_id_of(row.text("tmdbid")),
        stars=stars,
        rated_at=time_of(row.text("ratedat", "timestamp", "date", "watcheddate"), row.now),
    )


#: The first that fits counts: the more particular come first.
_LAYOUTS = (
    Layout("imdb", (("const",), ("yourrating", "yourated"), ("title",)), _imdb),
    Layout(
        "trakt",
        (("traktid",), ("type",), ("title",), ("ratedat", "watchedat", "lastwatchedat")),
        _trakt,
    ),
    Layout("movielens", (("movieid",), ("tmdbid",), ("rating",), ("averagerating",)), _movielens),
    Layout("letterboxd", (("name",), ("year",), ("letterboxduri",), ("date",)), _letterboxd),
    Layout(
        "table",
        (("title", "name", "tmdbid", "imdbid"), ("rating", "stars", "rating10")),
        _table,
    ),
)
