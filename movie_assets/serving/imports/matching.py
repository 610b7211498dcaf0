"""Which films an export's entries are: by id, else by title and year, else by what is nearly that.

What the films are asked of is only a protocol here: a snapshot for the server, tables for the
command line.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Generic, Literal, Protocol, TypeVar

from movie_assets.recommender.query import LIKED_FROM

if TYPE_CHECKING:
    from collections.abc import Sequence

    from movie_assets.serving.imports.entries import Entry, Export

#: How a film was found: a "near miss" has a title or a year that is not quite the export's.
How = Literal["id", "title and year", "title", "near miss"]

#: Years that sites may differ by: a festival's, and the cinemas'.
_YEARS_OFF = 1
_YEARS_TOLD = 5
#: A look-up of titles like one takes milliseconds; so many at most are made for one export.
NEAR_LOOKUPS = 500


class Film(Protocol):
    """As much of a film as matching looks at."""

    @property
    def id(self) -> int:
        """TMDB's number."""

    @property
    def imdb_id(self) -> str | None:
        """As tt0137523."""

    @property
    def title(self) -> str:
        """Its title."""

    @property
    def year(self) -> int | None:
        """Of release."""


F = TypeVar("F", bound=Film)
F_co = TypeVar("F_co", bound=Film, covariant=True)


class Films(Protocol[F_co]):
    """What films are asked of."""

    def row_of(self, movie_id: int) -> int | None:
        """The row of TMDB's number."""

    def row_of_imdb(self, imdb_id: str) -> int | None:
        """The row of IMDb's id."""

    def film_of(self, row: int) -> F_co:
        """The film of a row."""

    def find(self, title: str, year: int | None = None) -> Sequence[F_co]:
        """The films of this title, whatever its case, accents and signs; the best known first.

        Of this year only, where one is given.
        """

    def near(self, title: str, year: int | None = None) -> Sequence[F_co]:
        """The films of a title that is nearly this one, the most alike first.

        Of this year and those beside it only, where one is given.
        """


@dataclass(frozen=True)
class Match(Generic[F]):
    """An entry and its film."""

    entry: Entry
    film: F
    how: How


@dataclass(frozen=True)
class Unmatched:
    """An entry that is none of the films, and why in a sentence without a full stop."""

    entry: Entry
    reason: str


@dataclass(frozen=True)
class Rated:
    """A film by TMDB's number, its stars from 0.5 to 5, and when they were given, in Unix time."""

    id: int
    stars: float
    at: float | None


@dataclass(frozen=True)
class Profile:
    """A person's films by TMDB's numbers, each once, as recommendations are asked for with them.

    Attributes:
        liked: marked as liked, and not rated so that it says the same.
        disliked: none; no site exports such a mark. Low ratings are dislikes.
        rated: by stars.
        seen: and nothing else is known of them.
    """

    liked: tuple[int, ...]
    disliked: tuple[int, ...]
    rated: tuple[Rated, ...]
    seen: tuple[int, ...]

    def as_json(self) -> dict[str, Any]:
        """The profile as ``POST /v1/recommendations`` takes it."""
        return {
            "liked": [{"id": film_id} for film_id in self.liked],
            "disliked": [{"id": film_id} for film_id in self.disliked],
            "rated": [
                {"id": one.id, "stars": one.stars} | ({} if one.at is None else {"at": one.at})
                for one in self.rated
            ],
            "seen": [{"id": film_id} for film_id in self.seen],
        }


@dataclass(frozen=True)
class Matched(Generic[F]):
    """An export, matched to films.

    Attributes:
        export: what was matched.
        found: each film once, in the order of the export.
        unmatched: what is no film here.
    """

    export: Export
    found: tuple[Match[F], ...]
    unmatched: tuple[Unmatched, ...]

    @property
    def profile(self) -> Profile:
        """What the films that were found say of a person."""
        liked, rated, seen = [], [], []
        for one in self.found:
            stars, at = one.entry.stars, one.entry.rated_at
            # A heart says more than three stars; more than five it cannot say.
            if one.entry.liked and (stars is None or stars < LIKED_FROM):
                liked.append(one.film.id)
            elif stars is not None:
                rated.append(Rated(one.film.id, stars, None if at is None else at.timestamp()))
            else:
                seen.append(one.film.id)
        return Profile(tuple(liked), (), tuple(rated), tuple(seen))


def match(export: Export, films: Films[F], *, near_lookups: int = NEAR_LOOKUPS) -> Matched[F]:
    """Find the film of each entry.

    Entries of one film count as one; its youngest rating counts.

    Args:
        export: as it was read.
        films: to look in.
        near_lookups: how often films may be looked for by a title that is only like theirs; it
            takes far longer than all else.
    """
    matcher = _Matcher(films, near_lookups)
    found: dict[int, Match[F]] = {}
    unmatched: list[Unmatched] = []
    for entry in export.entries:
        one = matcher.match(entry)
        if isinstance(one, Unmatched):
            unmatched.append(one)
        elif one.film.id in found:
            first = found[one.film.id]
            found[one.film.id] = Match(first.entry.merged(entry), first.film, first.how)
        else:
            found[one.film.id] = one
    return Matched(export, tuple(found.values()), tuple(unmatched))


@dataclass
class _Matcher(Generic[F]):
    films: Films[F]
    near_lookups: int

    def match(self, entry: Entry) -> Match[F] | Unmatched:
        row = None if entry.tmdb_id is None else self.films.row_of(entry.tmdb_id)
        if row is None and entry.imdb_id is not None:
            row = self.films.row_of_imdb(entry.imdb_id)
        if row is not None:
            return Match(entry, self.films.film_of(row), "id")
        if not entry.title:
            return Unmatched(entry, "no film here has its id")
        for film in self.films.find(entry.title, entry.year):
            if _may_be(film, entry):
                return Match(entry, film, "title" if entry.year is None else "title and year")
        if entry.tmdb_id is not None or entry.imdb_id is not None:
            # An id that is none of ours is a film that we do not have; one like it is another.
            return Unmatched(entry, "no film here has its id, or its title and year")
        return self._near_miss(entry)

    def _near_miss(self, entry: Entry) -> Match[F] | Unmatched:
        titled = self.films.find(entry.title)
        for film in titled:
            if _years_fit(film, entry):
                return Match(entry, film, "near miss")
        if self.near_lookups > 0:
            self.near_lookups -= 1
            for film in self.films.near(entry.title, entry.year):
                if _years_fit(film, entry):
                    return Match(entry, film, "near miss")
        years = sorted({film.year for film in titled if film.year})[:_YEARS_TOLD]
        if years:
            told = " and ".join(map(str, years))
            return Unmatched(entry, f"the film of this title here is of {told}, not {entry.year}")
        return Unmatched(entry, "no film here has this title")


def _may_be(film: Film, entry: Entry) -> bool:
    """Whether a film can be the entry's, by what both have: their ids at IMDb."""
    return entry.imdb_id is None or film.imdb_id is None or film.imdb_id == entry.imdb_id


def _years_fit(film: Film, entry: Entry) -> bool:
    return entry.year is None or (
        film.year is not None and abs(film.year - entry.year) <= _YEARS_OFF
    )
