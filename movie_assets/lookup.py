"""Looking things up in the warehouse: a film by its title, and the films most like it.

Reading only, and in one short read-only connection, so that a refresh is not kept waiting. Nothing
here imports Dagster: a look-up takes a fraction of a second.
"""

from __future__ import annotations

import re
import unicodedata
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from rapidfuzz import fuzz, process

from movie_assets.recommender.metrics import rmse
from movie_assets.warehouse import TableMissingError
from movie_assets.warehouse.contents import stored_tables
from movie_assets.warehouse.store import connect

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

_SUGGESTIONS = 5
_LEAST_LIKENESS = 60.0  # of 100; below this a suggestion only confuses
_YEAR_AT_END = re.compile(r"^(?P<title>.*\S)\s*\((?P<year>\d{4})\)$")
_FRACTION_AFTER_DIGIT = re.compile("([0-9])(?=[¼-¾⅐-⅞])")  # "8½" is 8 1/2 and not 81/2
# Letters that Unicode does not take apart, as they are typed without their strokes.
_PLAIN_LETTERS = str.maketrans(
    {"ø": "o", "ł": "l", "đ": "d", "ð": "d", "ı": "i", "æ": "ae", "œ": "oe", "þ": "th"}  # noqa: RUF001
    | dict.fromkeys("'’", "")  # noqa: RUF001
)
_ARTICLE = re.compile(r"^(the|a|an) ")


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
    if (found := _YEAR_AT_END.match(title.strip())) and year in {None, int(found["year"])}:
        title, year = found["title"], int(found["year"])
    needed = {"movies_table", "genres_table", "similarity_matrix"}
    if not needed <= stored_tables(database, wait_seconds=wait_seconds):
        raise TableMissingError(
            f"There are no recommendations in {database} yet. Make them with: movie-assets build"
        )
    with connect(database, read_only=True, wait_seconds=wait_seconds) as connection:
        films = _films(connection)
        matches = find_films(films, title, year)
        chosen, *others = matches
        pairs = connection.execute(
            "SELECT rank, neighbour_id, score, reasons FROM similarity_matrix "
            "WHERE movie_id = ? ORDER BY rank LIMIT ?",
            [chosen.id, limit],
        ).fetchall()
    by_id = {film.id: film for film in films}
    return Recommendations(
        chosen,
        tuple(others),
        tuple(
            Recommendation(rank, by_id[neighbour], score, tuple(terms))
            for rank, neighbour, score, terms in pairs
            if neighbour in by_id
        ),
    )


def find_films(films: Iterable[Film], title: str, year: int | None = None) -> list[Film]:
    """The films of a title, the one with most votes first.

    Raises:
        NoSuchFilmError: with suggestions.
    """
    wanted = normalised(title)
    candidates = sorted(films, key=lambda film: (-film.vote_count, film.id))
    of_other_years: dict[int, Film] = {}
    for same in (_same_title, _same_original_title, _same_but_for_article):
        matches = [film for film in candidates if same(film, wanted)]
        of_year = [film for film in matches if year is None or film.year == year]
        if of_year:
            return of_year
        of_other_years |= {film.id: film for film in matches}
    hints = list(of_other_years.values()) or _suggestions(candidates, wanted)
    raise NoSuchFilmError(title, year, hints)


def normalised(title: str) -> str:
    """A title without case, accents, punctuation and double spaces.

    >>> normalised("Amélie:  Le Fabuleux Destin")
    'amelie le fabuleux destin'
    """
    spaced = _FRACTION_AFTER_DIGIT.sub(r"\1 ", title)
    # First apart, since "№" has capitals only then; and again, since folding makes new letters.
    folded = unicodedata.normalize("NFKD", unicodedata.normalize("NFKD", spaced).casefold())
    plain = folded.translate(_PLAIN_LETTERS)
    letters = "".join(c if _is_letter(c) else " " for c in plain if not _is_accent(c))
    # A title of nothing but signs, such as "$" or "???", is its own name.
    return unicodedata.normalize("NFC", " ".join(letters.split())) or title.strip()


def _is_letter(character: str) -> bool:
    """Letters and digits, and the vowel signs that other scripts write around their letters."""
    return character.isalnum() or unicodedata.category(character).startswith("M")


def _is_accent(character: str) -> bool:
    """Marks that are left out where people type in a hurry.

    Those of Latin, Greek and Cyrillic, Hebrew points and Arabic vowels; not the marks that tell
    "papa" from "haha" in Japanese, nor the vowels of Indian scripts and Thai.
    """
    combining = unicodedata.combining(character)
    return combining >= 200 or 10 <= combining <= 36


def _same_title(film: Film, wanted: str) -> bool:
    return normalised(film.title) == wanted


def _same_original_title(film: Film, wanted: str) -> bool:
    return film.original_title is not None and normalised(film.original_title) == wanted


def _same_but_for_article(film: Film, wanted: str) -> bool:
    return _ARTICLE.sub("", normalised(film.title)) == _ARTICLE.sub("", wanted)


def _suggestions(films: list[Film], wanted: str) -> list[Film]:
    titles = [normalised(film.title) for film in films]
    # Films are in order of votes and the sort is stable, so the better known of equals comes first.
    found = process.extract(
        wanted, titles, scorer=_likeness, limit=_SUGGESTIONS, score_cutoff=_LEAST_LIKENESS
    )
    return [films[index] for _, _, index in found]


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
