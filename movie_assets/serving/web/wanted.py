"""What an address says of the dials and filters, and the address that says it again.

A form sends every field, empty ones too; an address that is to be shared has only what was chosen.
What cannot be used is left out and told, so that a mistyped address still shows a page.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from movie_assets.recommender.query import Filters
from movie_assets.serving.published import Wishes

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable

    from starlette.datastructures import ImmutableMultiDict

    Fields = ImmutableMultiDict[str, str]

#: How many films a page begins with, and how many it can have.
FIRST, MOST = 24, 96

_YEARS = (1870, 2100)
_MINUTES = (1, 1000)
_VOTES = (0, 10_000_000)


@dataclass(frozen=True)
class Wanted:
    """What somebody wants of a list of films.

    Attributes:
        popularity: from 0 (hidden gems) to 1 (crowd favourites); None for the default.
        diversity: from 0 (the best) to 1 (as unlike each other as can be).
        first_year, last_year: of release.
        genres, without_genres: names that the catalogue has.
        language: an ISO 639-1 code that the catalogue has.
        least_votes: on TMDB.
        shortest, longest: in minutes.
        limit: how many films.
        problems: what was asked for and cannot be, a sentence each.
    """

    popularity: float | None = None
    diversity: float = 0.0
    first_year: int | None = None
    last_year: int | None = None
    genres: tuple[str, ...] = ()
    without_genres: tuple[str, ...] = ()
    language: str | None = None
    least_votes: int = 0
    shortest: int | None = None
    longest: int | None = None
    limit: int = FIRST
    problems: tuple[str, ...] = field(default=(), compare=False)

    @property
    def wishes(self) -> Wishes:
        """The same, as it is asked for."""
        return Wishes(
            popularity=self.popularity,
            diversity=self.diversity,
            filters=Filters(
                first_year=self.first_year,
                last_year=self.last_year,
                genres=self.genres,
                without_genres=self.without_genres,
                languages=(self.language,) if self.language else (),
                least_votes=self.least_votes,
                least_runtime=self.shortest,
                longest_runtime=self.longest,
            ),
        )

    @property
    def filters(self) -> int:
        """How many filters are set."""
        single = (self.first_year, self.last_year, self.language, self.shortest, self.longest)
        several = len(self.genres) + len(self.without_genres)
        return sum(value is not None for value in single) + several + (self.least_votes > 0)

    @property
    def fields(self) -> list[tuple[str, str]]:
        """Names and values for an address; nothing that is as it would be anyway."""
        single = {
            "popularity": self.popularity,
            "diversity": self.diversity or None,
            "language": self.language,
            "from": self.first_year,
            "to": self.last_year,
            "votes": self.least_votes or None,
            "shortest": self.shortest,
            "longest": self.longest,
            "limit": self.limit if self.limit != FIRST else None,
        }
        several = {
            "genre": self.genres,
            "without": self.without_genres,
        }
        return [
            *((name, str(value)) for name, value in single.items() if value is not None),
            *((name, value) for name, values in several.items() for value in values),
        ]


def read_wanted(
    fields: Fields,
    *,
    genres: Collection[str],
    languages: Collection[str],
    default_popularity: float,
) -> Wanted:
    """What an address or a form wants.

    Args:
        fields: names and values, each as often as it likes.
        genres: names that the catalogue has.
        languages: codes that the catalogue has.
        default_popularity: where the dial stands when nobody has touched it.
    """
    reader = _Reader(fields)
    popularity = reader.number("popularity", (0, 1), "The popularity dial")
    wanted = Wanted(
        popularity=None if popularity == default_popularity else popularity,
        diversity=reader.number("diversity", (0, 1), "The diversity dial") or 0.0,
        first_year=reader.whole("from", _YEARS, "The first year"),
        last_year=reader.whole("to", _YEARS, "The last year"),
        genres=reader.names("genre", genres, "genre"),
        without_genres=reader.names("without", genres, "genre"),
        language=next(iter(reader.names("language", languages, "language")), None),
        least_votes=reader.whole("votes", _VOTES, "The number of votes") or 0,
        shortest=reader.whole("shortest", _MINUTES, "The shortest length"),
        longest=reader.whole("longest", _MINUTES, "The longest length"),
        limit=reader.whole("limit", (1, MOST), "The number of films") or FIRST,
    )
    return replace(wanted, problems=(*reader.problems, *_contradictions(wanted)))


class _Reader:
    """Takes values out of fields and keeps what was wrong with them."""

    def __init__(self, fields: Fields) -> None:
        self._fields = fields
        self.problems: list[str] = []

    def number(self, name: str, ends: tuple[int, int], told: str) -> float | None:
        """A number within two ends; None where there is none."""
        given = str(self._fields.get(name, "")).strip()
        if not given:
            return None
        low, high = ends
        try:
            value = float(given)
        except ValueError:
            value = math.nan
        if not low <= value <= high:
            self.problems.append(f"{told} has to be a number from {low} to {high}.")
            return None
        return value

    def whole(self, name: str, ends: tuple[int, int], told: str) -> int | None:
        """A number within two ends, its fraction cut off."""
        value = self.number(name, ends, told)
        return None if value is None else int(value)

    def names(self, name: str, known: Collection[str], told: str) -> tuple[str, ...]:
        given = [str(value) for value in self._fields.getlist(name) if value]
        unknown = _once(value for value in given if value not in known)
        if unknown:
            shown = ", ".join(value[:40] for value in unknown[:3])
            self.problems.append(f"No film here has the {told} {shown}.")
        return _once(value for value in given if value in known)


def _once(values: Iterable[str]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(values))


def _contradictions(wanted: Wanted) -> list[str]:
    problems = []
    if wanted.first_year and wanted.last_year and wanted.first_year > wanted.last_year:
        problems.append("The first year is after the last one: no film can be of both.")
    if wanted.shortest and wanted.longest and wanted.shortest > wanted.longest:
        problems.append("The shortest length is above the longest: no film can have both.")
    if both := set(wanted.genres) & set(wanted.without_genres):
        problems.append(f"{', '.join(sorted(both))} is both wanted and left out.")
    return problems
