"""Putting a list together from its pages, while it moves.

A film that falls while the pages are read is met twice, one that climbs may be met on none: so
films are told apart by id, and how many are still missing is known at any time.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass

from movie_assets.tmdb.errors import UnexpectedShapeError
from movie_assets.tmdb.rows import as_integer
from movie_assets.tmdb.source import PopularMovies

NOT_AN_OBJECT = "not an object"
NO_USABLE_ID = "no usable id"


@dataclass(frozen=True)
class Page:
    """One answer of a paged list."""

    results: list[object]
    total_pages: int
    total_results: int


def parse_page(answer: object, what: str) -> Page:
    """Take a list's answer apart.

    Raises:
        UnexpectedShapeError: where it is no object, `results` is no list or a total no number.
    """
    if not isinstance(answer, dict):
        raise wrong_shape(what, "is not an object")
    results = answer.get("results")
    if not isinstance(results, list):
        raise wrong_shape(what, "has no list of 'results'")
    return Page(results, _count(answer, "total_pages", what), _count(answer, "total_results", what))


def _count(answer: dict[str, object], name: str, what: str) -> int:
    count = answer.get(name)
    if not isinstance(count, int) or isinstance(count, bool) or count < 0:
        raise wrong_shape(what, f"has no whole number as '{name}'")
    return count


def wrong_shape(what: str, how: str) -> UnexpectedShapeError:
    """Make the error for an answer (for `what`) that is not as documented (`how`)."""
    return UnexpectedShapeError(
        f"The answer for {what} {how}: check TMDB_BASE_URL; if it is right, TMDB's API has changed "
        "and this program needs an update."
    )


class FilmList:
    """Collects the pages of a list of films and makes the list of them.

    Pages may come in any order; the outcome depends only on what they hold.
    """

    def __init__(self, limit: int) -> None:
        self._limit = limit
        self._answers: list[tuple[int, int, Page]] = []
        self._ids: set[int] = set()
        self._total_results = 0
        self._lost = 0

    def __len__(self) -> int:
        """How many different films there are so far."""
        return len(self._ids)

    def add(self, reading: int, number: int, page: Page) -> None:
        """Take in page `number` (from 1), read the `reading`-th time (from 1)."""
        self._answers.append((reading, number, page))
        if page.results:  # what an empty page past the end says of the list is not reliable
            self._total_results = page.total_results
        for row in page.results:
            film = _identify(row)
            if isinstance(film, int):
                self._ids.add(film)
            elif reading == 1:
                self._lost += 1

    @property
    def wanted(self) -> int:
        """How many films there can be, by what the source last said."""
        return max(0, min(self._limit, self._total_results - self._lost))

    def result(self) -> PopularMovies:
        """Give the films in the list's order, cut to the limit."""
        places: list[tuple[tuple[int, int], dict[str, object]]] = []
        seen: set[int] = set()
        rejected: Counter[str] = Counter()
        repeated = 0
        for reading, number, page in sorted(self._answers, key=lambda answer: answer[:2]):
            for position, row in enumerate(page.results):
                film = _identify(row)
                if isinstance(film, str):
                    # Reading a page again shows the same bad rows again.
                    rejected[film] += reading == 1
                elif film in seen:
                    repeated += 1
                else:
                    assert isinstance(row, dict)  # noqa: S101 (it has an id)
                    seen.add(film)
                    places.append(((number, position), row))
        places.sort(key=lambda place: place[0])
        return PopularMovies(
            movies=[row for _, row in places[: self._limit]],
            total_results=self._total_results,
            pages=len(self._answers),
            repeated=repeated,
            rejected=dict(+rejected),
            complete=len(places) >= self.wanted,
        )


def _identify(row: object) -> int | str:
    """Give a row's film id, or the reason why it has none."""
    if not isinstance(row, dict):
        return NOT_AN_OBJECT
    film = as_integer(row.get("id"))
    return NO_USABLE_ID if film is None else film
