"""Which films an export's entries are: by id, else by title and year, else by what is nearly that.

What the films are asked of is only a protocol here: a snapshot for the server, tables for the
command line.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Generic, Literal, Protocol, TypeVar

from movie_assets.recommender.query import LIKED_FROM
from movie_assets.serving.imports.likeness import can_be_one
from movie_assets.titles import words

if TYPE_CHECKING:
    from collections.abc import Container, Sequence

    from movie_assets.serving.imports.entries import Entry, Export

#: How a film was found: a "near miss" has a title or a year that is not quite the export's.
How = Literal["id", "title and year", "title", "near miss"]

#: Years that sites may differ by: a festival's, and the cinemas'.
_YEARS_OFF = 1
_YEARS_TOLD = 5
#: Films of titles like one that are looked at more closely.
_LOOKED_AT = 5
#: To look for titles like one takes a millisecond or two for each of its words, so of an export's
#: titles some hundreds are looked for. Everything else takes microseconds.
NEAR_WORDS = 1_000


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
    def original_title(self) -> str | None:
        """Its title in the language that it was made in."""

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

    def near(self, title: str, year: int | None = None, limit: int = 3) -> Sequence[F_co]:
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
class Liked:
    """A film by TMDB's number, and when it was marked as liked, in Unix time."""

    id: int
    at: float | None


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

    liked: tuple[Liked, ...]
    disliked: tuple[int, ...]
    rated: tuple[Rated, ...]
    seen: tuple[int, ...]

    def as_json(self) -> dict[str, Any]:
        """The profile as ``POST /v1/recommendations`` takes it."""
        return {
            "liked": [{"id": one.id} | _when(one) for one in self.liked],
            "disliked": [{"id": film_id} for film_id in self.disliked],
            "rated": [{"id": one.id, "stars": one.stars} | _when(one) for one in self.rated],
            "seen": [{"id": film_id} for film_id in self.seen],
        }


def _when(one: Liked | Rated) -> dict[str, float]:
    return {} if one.at is None else {"at": one.at}


@dataclass(frozen=True)
class Matched(Generic[F]):
    """An export, matched to films.

    Attributes:
        export: what was matched.
        found: each film once, in the order of the export; near misses last.
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
            stars, when = one.entry.stars, one.entry.rated_at
            at = None if when is None else when.timestamp()
            # A heart says more than three stars; more than five it cannot say.
            if one.entry.liked and (stars is None or stars < LIKED_FROM):
                liked.append(Liked(one.film.id, at))
            elif stars is not None:
                rated.append(Rated(one.film.id, stars, at))
            else:
                seen.append(one.film.id)
        return Profile(tuple(liked), (), tuple(rated), tuple(seen))


def match(export: Export, films: Films[F], *, near_words: int = NEAR_WORDS) -> Matched[F]:
    """Find the film of each entry.

    Entries of one film count as one; its youngest rating counts.

    Args:
        export: as it was read.
        films: to look in.
        near_words: how many words of titles may be looked for that are only like a film's.
    """
    found: dict[int, Match[F]] = {}
    left: list[Entry] = []
    for entry in export.entries:
        if (sure := _sure_match(entry, films)) is None:
            left.append(entry)
        else:
            first = found.setdefault(sure.film.id, sure)
            if first is not sure:
                found[sure.film.id] = replace(first, entry=first.entry.merged(entry))
    # What is only like a film must not speak for one that is there by its own name.
    unmatched: list[Unmatched] = []
    for entry in left:
        near = None
        titled = films.find(entry.title) if entry.title else ()
        if not (entry.tmdb_id or entry.imdb_id):
            near = _near_match(entry, films, titled, found.keys(), look=near_words > 0)
            near_words -= len(words(entry.title))
        if near is None:
            unmatched.append(Unmatched(entry, _why_none(entry, titled)))
        else:
            found[near.film.id] = near
    return Matched(export, tuple(found.values()), tuple(unmatched))


def _sure_match(entry: Entry, films: Films[F]) -> Match[F] | None:
    """The film of an entry's id, or of its very title and year."""
    row = None if entry.tmdb_id is None else films.row_of(entry.tmdb_id)
    if row is None and entry.imdb_id is not None:
        row = films.row_of_imdb(entry.imdb_id)
    if row is not None:
        return Match(entry, films.film_of(row), "id")
    for film in films.find(entry.title, entry.year) if entry.title else ():
        if entry.imdb_id is None or film.imdb_id is None or film.imdb_id == entry.imdb_id:
            return Match(entry, film, "title" if entry.year is None else "title and year")
    return None


def _near_match(
    entry: Entry, films: Films[F], titled: Sequence[F], taken: Container[int], *, look: bool
) -> Match[F] | None:
    """The film of a title or a year that is not quite the entry's."""
    for film in titled:
        if film.id not in taken and _years_fit(film, entry):
            return Match(entry, film, "near miss")
    for film in films.near(entry.title, entry.year, _LOOKED_AT) if look else ():
        if film.id not in taken and _years_fit(film, entry) and _titles_fit(film, entry):
            return Match(entry, film, "near miss")
    return None


def _why_none(entry: Entry, titled: Sequence[Film]) -> str:
    if not entry.title:
        return "no film here has its id"
    if entry.tmdb_id or entry.imdb_id:
        # An id that is none of ours is a film that we do not have; one like it is another.
        return "no film here has its id, or its title and year"
    years = sorted({film.year for film in titled if film.year})[:_YEARS_TOLD]
    if not years:
        return "no film here has this title"
    return f"the film of this title here is of {' and '.join(map(str, years))}"


def _titles_fit(film: Film, entry: Entry) -> bool:
    names = {film.title, film.original_title or film.title}
    return any(can_be_one(entry.title, name) for name in names)


def _years_fit(film: Film, entry: Entry) -> bool:
    return entry.year is None or (
        film.year is not None and abs(film.year - entry.year) <= _YEARS_OFF
    )
