"""Looking things up in the warehouse: a film by its title, and the films most like it.

Reading only, and in one short read-only connection, so that a refresh is not kept waiting. Nothing
here imports Dagster: a look-up takes a fraction of a second. What has to be worked out first, for
dials, filters or a person's films, is for ``answers``.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np
from rapidfuzz import fuzz, process

from movie_assets.recommender.diversity import spread_collections
from movie_assets.recommender.metrics import rmse
from movie_assets.titles import normalised, split_year, without_article
from movie_assets.warehouse import TableMissingError
from movie_assets.warehouse.contents import stored_tables
from movie_assets.warehouse.store import connect

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

_SUGGESTIONS = 5
_LEAST_LIKENESS = 60.0  # of 100; below this a suggestion only confuses


class NoSuchFilmError(LookupError):
    """No film has this title; ``suggestions`` are films that have one like it."""

    def __init__(self, title: str, year: int | None, suggestions: list[Film]) -> None:
        self.suggestions = suggestions
        asked = f"{title!r}" + (f" of {year}" if year else "")
        hint = (
            "Did you mean " + ", ".join(film.label for film in suggestions) + "?"
            if suggestions
            else "Look through movies_table, or take more films (MOVIE_ASSETS_MAX_MOVIES)."
        )
        super().__init__(f"There is no film {asked} in the warehouse. {hint}")


@dataclass(frozen=True)
class Film:
    """A film, as far as a list of recommendations shows it."""

    id: int
    title: str
    original_title: str | None
    year: int | None
    popularity: float
    vote_average: float
    vote_count: int
    genres: tuple[str, ...]

    @property
    def label(self) -> str:
        """Title and year."""
        return f"{self.title} ({self.year})" if self.year else self.title


@dataclass(frozen=True)
class Recommendation:
    """One film that is like another: its place from 1, its score in [0, 1], and why."""

    rank: int
    film: Film
    score: float
    reasons: tuple[str, ...]


@dataclass(frozen=True)
class Recommendations:
    """The films most like a film.

    Attributes:
        film: the film that was asked for.
        others: other films of the same title, the better known first.
        found: the films like it, the nearest first.
    """

    film: Film
    others: tuple[Film, ...]
    found: tuple[Recommendation, ...]

    @property
    def metrics(self) -> dict[str, float | None]:
        """How far the recommended films are from the film, as the tutorial measured it: RMSE."""

        def distance(field: str) -> float | None:
            values = [getattr(recommendation.film, field) for recommendation in self.found]
            found = rmse(getattr(self.film, field), values)
            return None if found is None else round(found, 3)

        return {
            "popularity": distance("popularity"),
            "vote_avg": distance("vote_average"),
            "vote_count": distance("vote_count"),
        }


def recommend(
    database: Path,
    title: str,
    *,
    limit: int = 10,
    year: int | None = None,
    wait_seconds: float = 10.0,
) -> Recommendations:
    """The films most like the film of a title.

    A title matches whatever its case and accents, with or without its article, in the film's own
    language too; ``"Scarface (1932)"`` names the year as ``year=1932`` does. Where several films
    match, the one with most votes is taken and the others are named.

    Args:
        database: the DuckDB file.
        title: the film's title.
        limit: the most films to give.
        year: of the film's release.
        wait_seconds: how long to wait while a run is writing.

    Raises:
        NoSuchFilmError: where no film has that title.
        TableMissingError: where nothing has been built yet.
        WarehouseError: of the type that says why the file cannot be read.
    """
    needed = {"movies_table", "genres_table", "similarity_matrix"}
    stored = stored_tables(database, wait_seconds=wait_seconds)
    if not needed <= stored:
        raise not_built(database)
    with connect(database, read_only=True, wait_seconds=wait_seconds) as connection:
        films = _films(connection)
        chosen, *others = Titles(films).find(title, year)
        pairs = _pairs(connection, chosen, has_details="movie_details" in stored)
    by_id = {film.id: film for film in films}
    pairs = [pair for pair in pairs if pair[0] in by_id]
    # One franchise must not fill the list, though its films are the most alike.
    order = spread_collections(np.array([pair[-1] for pair in pairs], dtype=np.int32), limit)
    found = tuple(
        Recommendation(rank, by_id[neighbour], score, tuple(reasons))
        for rank, (neighbour, score, reasons, _) in enumerate((pairs[i] for i in order), start=1)
    )
    return Recommendations(chosen, tuple(others), found)


def read_films(database: Path, *, wait_seconds: float = 10.0) -> list[Film]:
    """All films.

    Raises:
        TableMissingError: where nothing has been built yet.
        WarehouseError: of the type that says why the file cannot be read.
    """
    if not {"movies_table", "genres_table"} <= stored_tables(database, wait_seconds=wait_seconds):
        raise not_built(database)
    with connect(database, read_only=True, wait_seconds=wait_seconds) as connection:
        return _films(connection)


def not_built(database: Path) -> TableMissingError:
    """Give the error to raise where there is nothing to recommend by."""
    return TableMissingError(
        f"There are no recommendations in {database} yet. Make them with: movie-assets build"
    )


@dataclass(frozen=True)
class Titles:
    """Films by their titles.

    Attributes:
        films: all of them.
    """

    films: list[Film] = field(repr=False)

    def find(self, title: str, year: int | None = None) -> list[Film]:
        """The films of a title, the one with most votes first.

        ``"Scarface (1932)"`` names the year too.

        Raises:
            NoSuchFilmError: with suggestions.
        """
        text, year_named = split_year(title)
        if year_named is not None and year in {None, year_named}:
            title, year = text, year_named
        if found := self.named(title, year):
            return found
        wanted = normalised(title)
        of_other_years = {film.id: film for films in self._matches(wanted) for film in films}
        raise NoSuchFilmError(title, year, list(of_other_years.values()) or self._like(wanted))

    def named(self, title: str, year: int | None = None) -> list[Film]:
        """The same films; none where there are none, at once and without suggestions."""
        for matches in self._matches(normalised(title)):
            if of_year := [film for film in matches if year is None or film.year == year]:
                return of_year
        return []

    def _matches(self, wanted: str) -> Iterator[list[Film]]:
        """The films of a normalised title, and then those that some would call by it."""
        yield self._by_title.get(wanted, [])
        yield self._by_original_title.get(wanted, [])
        yield self._by_title_without_article.get(without_article(wanted), [])

    @cached_property
    def _best_known_first(self) -> list[Film]:
        return sorted(self.films, key=lambda film: (-film.vote_count, film.id))

    @cached_property
    def _by_title(self) -> dict[str, list[Film]]:
        return self._by(lambda film: normalised(film.title))

    @cached_property
    def _by_original_title(self) -> dict[str, list[Film]]:
        return self._by(lambda film: film.original_title and normalised(film.original_title))

    @cached_property
    def _by_title_without_article(self) -> dict[str, list[Film]]:
        return self._by(lambda film: without_article(normalised(film.title)))

    def _by(self, key: Callable[[Film], str | None]) -> dict[str, list[Film]]:
        found: dict[str, list[Film]] = {}
        for film in self._best_known_first:
            name = key(film)
            if name is not None:
                found.setdefault(name, []).append(film)
        return found

    def _like(self, wanted: str) -> list[Film]:
        """The films whose titles are most like one; of equally alike ones the better known."""
        titles = [normalised(film.title) for film in self._best_known_first]
        found = process.extract(
            wanted, titles, scorer=_likeness, limit=_SUGGESTIONS, score_cutoff=_LEAST_LIKENESS
        )
        return [self._best_known_first[index] for _, _, index in found]


def _likeness(one: str, other: str, **_: object) -> float:
    """0 to 100: of the letters or, a little less, of the words that both have."""
    return max(fuzz.ratio(one, other), 0.9 * fuzz.token_set_ratio(one, other))


def _films(connection: Any) -> list[Film]:
    rows = connection.execute(
        """
        WITH names AS (
            SELECT movies_table.id, list(genres_table.name ORDER BY place) AS genres
            FROM movies_table,
                 unnest(genre_ids) WITH ORDINALITY AS genre (genre_id, place)
                 JOIN genres_table ON genres_table.id = genre_id
            GROUP BY movies_table.id
        )
        SELECT id, title, original_title, CAST(year(release_date) AS INTEGER), popularity,
               vote_average, vote_count, coalesce(genres, [])
        FROM movies_table LEFT JOIN names USING (id)
        """
    ).fetchall()
    return [Film(*row[:-1], genres=tuple(row[-1])) for row in rows]  # type: ignore[misc]


def _pairs(
    connection: Any, film: Film, *, has_details: bool
) -> list[tuple[int, float, list[str], int]]:
    """A film's neighbours by rank: id, score, reasons, and the collection, -1 for none."""
    collection, join = "-1", ""
    if has_details:
        collection = "coalesce(collection_id, -1)"
        join = "LEFT JOIN movie_details ON movie_details.id = neighbour_id"
    found: list[tuple[int, float, list[str], int]] = connection.execute(
        f"SELECT neighbour_id, score, reasons, {collection} FROM similarity_matrix {join} "  # noqa: S608
        "WHERE movie_id = ? ORDER BY rank",
        [film.id],
    ).fetchall()
    return found
