"""Reading much at once: TMDB's lists page by page, while they move under our hands, and films."""

from __future__ import annotations

import threading
from collections import Counter, deque
from collections.abc import Callable, Sequence
from typing import Protocol, TypeVar

from movie_assets.tmdb.details import expect_details
from movie_assets.tmdb.errors import (
    InvalidRequestError,
    NotFoundError,
    TmdbError,
    TooManyChangesError,
    UnexpectedShapeError,
)
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

#: TMDB puts this many films on a page of changes.
CHANGES_PAGE_SIZE = 100

#: A film that was not given in all the tries of a request is asked for again when the others are
#: read, so often in all.
MOST_ROUNDS = 3

#: Where this many films in a row were not given, it is no film's fault but the source's.
MOST_FAILED_IN_A_ROW = 10

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
        """Give one film's details; the error where it may be of this film alone."""
        try:
            return self._ask(
                f"/movie/{movie_id}", parameters, lambda answer: expect_details(answer, movie_id)
            )
        except (NotFoundError, UnexpectedShapeError) as error:
            return error
        except TmdbError as error:
            if not error.transient:
                raise
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
    """Give the ids on all pages of a list of changes; entries without a usable id are left out.

    Raises:
        TooManyChangesError: where the list is longer than what TMDB serves of it.
    """
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
        if answer.total_pages > LAST_PAGE or answer.total_results > LAST_PAGE * CHANGES_PAGE_SIZE:
            raise TooManyChangesError(
                f"More films changed from {parameters.get('start_date')} to "
                f"{parameters.get('end_date')} than TMDB lists ({LAST_PAGE} pages): ask for the "
                "films anew, or compare TMDB's daily exports."
            )
        last = max(last, answer.total_pages)
        for entry in answer.results:
            film = as_integer(entry.get("id")) if isinstance(entry, dict) else None
            if film is not None:
                changed.add(film)

    reading.pump(fetch, take, next_page)
    return changed


class DetailsReader:
    """Reads the details of many films, and those that were not given once more at the end."""

    def __init__(
        self,
        reading: Reading,
        movie_ids: Sequence[int],
        parameters: Parameters,
        take: Callable[[int, Details], None],
    ) -> None:
        self._reading = reading
        self._waiting = iter(movie_ids)
        self._most_failed = min(MOST_FAILED_IN_A_ROW, len(movie_ids))
        self._parameters = parameters
        self._hand_over = take
        self._put_back: deque[int] = deque()
        self._rounds: Counter[int] = Counter()  # of the films that were not given
        self._failed_in_a_row = 0

    def read(self) -> None:
        """Hand the films over as they come.

        Raises:
            TmdbError: where a failure is of no film alone, or many in a row were not given.
        """
        self._reading.pump(self._fetch, self._take, self._next_film)

    def _next_film(self, under_way: int) -> int | None:  # noqa: ARG002 (all films are wanted)
        film = next(self._waiting, None)
        if film is None and self._put_back:
            film = self._put_back.popleft()
        return film

    def _fetch(self, movie_id: int) -> Details:
        return self._reading.details(movie_id, self._parameters)

    def _take(self, movie_id: int, answer: Details) -> None:
        if not (isinstance(answer, TmdbError) and answer.transient):
            self._failed_in_a_row = 0
            self._hand_over(movie_id, answer)
            return
        # Those put back come together, after all the others, and say nothing of the source.
        if not self._rounds[movie_id]:
            self._failed_in_a_row += 1
            if self._failed_in_a_row >= self._most_failed:
                raise answer
        self._rounds[movie_id] += 1
        if self._rounds[movie_id] < MOST_ROUNDS:
            self._put_back.append(movie_id)
        else:
            self._hand_over(movie_id, answer)


def _is_past_the_end(error: InvalidRequestError) -> bool:
    # Older answers have no code of TMDB's: "page must be less than or equal to 500".
    return error.tmdb_code == _INVALID_PAGE or "page" in error.said.lower()
