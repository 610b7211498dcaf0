"""Reading much at once: TMDB's lists page by page, while they move under our hands, and films."""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from typing import Protocol, TypeVar

from movie_assets.tmdb.details import expect_details
from movie_assets.tmdb.errors import InvalidRequestError, NotFoundError, UnexpectedShapeError
from movie_assets.tmdb.listing import FilmList, Page, parse_page
from movie_assets.tmdb.pump import pump
from movie_assets.tmdb.rows import as_integer
from movie_assets.tmdb.source import Details, PopularMovies, Progress
from movie_assets.tmdb.transport import OpenSockets, Parameters

Answer = TypeVar("Answer")

#: TMDB puts this many films on a page of any list.
PAGE_SIZE = 20

#: TMDB serves this many pages of any list, however long it is.
LAST_PAGE = 500

#: A list that moves shows each film sooner or later: this is where we stop looking, and already
#: after the second reading in a row that brought nothing new.
MOST_READINGS = 12
MOST_VAIN_READINGS = 2

#: TMDB's own code for a page past the end.
_INVALID_PAGE = 22


class Ask(Protocol):
    """What a reading asks by."""

    def __call__(
        self, path: str, parameters: Parameters, parse: Callable[[object], Answer]
    ) -> Answer:
        """Give the answer for a path, taken apart, in whatever number of tries."""
        ...


class Reading:
    """One run over the pages of a list, or over films, in many threads.

    Setting `cancelled` ends the waits of `ask`, aborting `sockets` its requests.
    """

    def __init__(
        self,
        ask: Ask,
        sockets: OpenSockets,
        cancelled: threading.Event,
        workers: int,
    ) -> None:
        self._ask = ask
        self._sockets = sockets
        self._cancelled = cancelled
        self._workers = workers

    def page(self, path: str, parameters: Parameters, number: int) -> Page | None:
        """Give one page; None where the list ends before it."""
        try:
            return self._ask(
                path, {**parameters, "page": number}, lambda answer: parse_page(answer, path)
            )
        except InvalidRequestError as error:
            if number == 1 or not _is_past_the_end(error):
                raise
        return None

    def details(self, movie_id: int, parameters: Parameters) -> Details:
        """Give one film's details; the error where it is of this film alone."""
        try:
            return self._ask(
                f"/movie/{movie_id}", parameters, lambda answer: expect_details(answer, movie_id)
            )
        except (NotFoundError, UnexpectedShapeError) as error:
            return error

    def pump(
        self,
        fetch: Callable[[int], Answer],
        take: Callable[[int, Answer], None],
        next_page: Callable[[int], int | None],
    ) -> None:
        """Fetch pages or films at the same time until none is wanted, or one fails."""
        pump(fetch, take, next_page, workers=self._workers, abort=self._abort)

    def _abort(self) -> None:
        self._cancelled.set()
        self._sockets.abort()


class PopularReader:
    """Reads the popular list: onwards as far as needed, then again for what was missed."""

    def __init__(
        self,
        reading: Reading,
        parameters: Parameters,
        films: FilmList,
        limit: int,
        progress: Progress | None,
    ) -> None:
        self._reading = reading
        self._parameters = parameters
        self._films = films
        self._limit = limit
        self._progress = progress
        self._last = 1  # until the first answer says how many pages there are
        self._end = LAST_PAGE + 1  # the first page that is known to hold nothing

    def read(self) -> PopularMovies:
        """Give the list, complete where that can be had."""
        self._read_pages(1, self._is_page_needed)
        vain = 0
        for count in range(2, MOST_READINGS + 1):
            before = len(self._films)
            if not self._is_film_missing(0) or vain == MOST_VAIN_READINGS:
                break
            self._read_pages(count, self._is_film_missing)
            vain = 0 if len(self._films) > before else vain + 1
        return self._films.result()

    def _is_page_needed(self, under_way: int) -> bool:
        return len(self._films) + PAGE_SIZE * under_way < self._limit

    def _is_film_missing(self, under_way: int) -> bool:  # noqa: ARG002 (it may be on any page)
        return len(self._films) < min(self._films.wanted, LAST_PAGE * PAGE_SIZE)

    def _read_pages(self, count: int, is_wanted: Callable[[int], bool]) -> None:
        """Read the list from its first page, for the `count`-th time, as long as it `is_wanted`."""
        number = 0
        self._end = LAST_PAGE + 1

        def next_page(under_way: int) -> int | None:
            nonlocal number
            if number >= min(self._last, self._end - 1) or not is_wanted(under_way):
                return None
            number += 1
            return number

        def fetch(page: int) -> Page | None:
            return self._reading.page("/movie/popular", self._parameters, page)

        def take(page: int, answer: Page | None) -> None:
            self._take(count, page, answer)

        self._reading.pump(fetch, take, next_page)

    def _take(self, count: int, number: int, page: Page | None) -> None:
        if page is None or not page.results:
            self._end = min(self._end, number)
        if page is None:
            return
        # The longest length that was ever told: a page past the end costs one request, a page
        # too few costs films.
        self._last = max(self._last, min(page.total_pages, LAST_PAGE))
        self._films.add(count, number, page)
        if self._progress is not None:
            wanted = self._films.wanted
            self._progress(min(len(self._films), wanted), wanted)


def read_changes(reading: Reading, parameters: Parameters) -> set[int]:
    """Give the ids on all pages of a list of changes; entries without a usable id are left out."""
    changed: set[int] = set()
    last, number = 1, 0

    def next_page(under_way: int) -> int | None:  # noqa: ARG001 (all pages are wanted)
        nonlocal number
        if number >= last:
            return None
        number += 1
        return number

    def fetch(page: int) -> Page | None:
        return reading.page("/movie/changes", parameters, page)

    def take(page: int, answer: Page | None) -> None:  # noqa: ARG001 (a set has no order)
        nonlocal last
        if answer is None:
            return
        last = max(last, min(answer.total_pages, LAST_PAGE))
        for entry in answer.results:
            film = as_integer(entry.get("id")) if isinstance(entry, dict) else None
            if film is not None:
                changed.add(film)

    reading.pump(fetch, take, next_page)
    return changed


def read_details(
    reading: Reading,
    movie_ids: Sequence[int],
    parameters: Parameters,
    take: Callable[[int, Details], None],
) -> None:
    """Hand the details of films to `take` as they come."""
    waiting = iter(movie_ids)

    def next_film(under_way: int) -> int | None:  # noqa: ARG001 (all films are wanted)
        return next(waiting, None)

    def fetch(movie_id: int) -> Details:
        return reading.details(movie_id, parameters)

    reading.pump(fetch, take, next_film)


def _is_past_the_end(error: InvalidRequestError) -> bool:
    # Older answers have no code of TMDB's: "page must be less than or equal to 500".
    return error.tmdb_code == _INVALID_PAGE or "page" in error.said.lower()
