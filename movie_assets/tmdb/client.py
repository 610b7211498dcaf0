"""The films as TMDB's v3 API gives them."""

from __future__ import annotations

import math
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, date, datetime, timedelta
from typing import Self, TypeVar

import requests

from movie_assets.tmdb.errors import InvalidRequestError
from movie_assets.tmdb.failures import Timeouts
from movie_assets.tmdb.listing import FilmList, Page, parse_page, wrong_shape
from movie_assets.tmdb.pump import pump
from movie_assets.tmdb.redact import redact_http_logs
from movie_assets.tmdb.retry import RetryPolicy, call_with_retries
from movie_assets.tmdb.rows import as_integer
from movie_assets.tmdb.source import PopularMovies, Progress
from movie_assets.tmdb.throttle import Throttle
from movie_assets.tmdb.transport import (
    Credentials,
    OpenSockets,
    Parameters,
    Transport,
    open_session,
)

Answer = TypeVar("Answer")

#: TMDB puts this many films on a page of any list.
PAGE_SIZE = 20

#: TMDB serves this many pages of any list, however long it is.
LAST_PAGE = 500

#: A list that moves shows each film sooner or later: this is where we stop looking, and already
#: after the second reading in a row that brought nothing new.
MOST_READINGS = 12
MOST_VAIN_READINGS = 2

#: The longest time that one question about changes may cover.
CHANGES_WINDOW = timedelta(days=14)

_INVALID_PAGE = 22


class TmdbClient:
    """Asks TMDB, at a steady pace, patiently, and with one error type for each failure.

    A client may be shared by threads: they keep to its rate together. It is a context manager;
    leaving it closes the connections.

    Args:
        base_url: where the API is, such as https://api.themoviedb.org/3.
        api_key: a v3 key or a v4 read access token.
        requests_per_second: the most requests in any second, tries after a failure included.
        timeouts: how long one try may take.
        retry: how often and how long a request is tried.
        max_workers: the most requests under way at the same time.

    Raises:
        MissingKeyError: where `api_key` is blank.
        InvalidKeyError: where `api_key` cannot be a key.
    """

    name: str = "TMDB"

    def __init__(
        self,
        base_url: str,
        api_key: str,
        *,
        requests_per_second: float = 40.0,
        timeouts: Timeouts | None = None,
        retry: RetryPolicy | None = None,
        max_workers: int = 16,
    ) -> None:
        redact_http_logs()
        self._credentials = Credentials(api_key)
        self._retry = retry or RetryPolicy()
        self._transport = Transport(
            base_url, self._credentials, timeouts or Timeouts(), self._retry
        )
        self._throttle = Throttle(requests_per_second)
        self._requests_per_second = requests_per_second
        # More would only queue up before the throttle, until their patience is over.
        self._workers = max(1, min(max_workers, math.ceil(requests_per_second)))
        self._session = open_session(
            self._credentials, connections=self._workers, sockets=OpenSockets()
        )
        self._never = threading.Event()

    def __repr__(self) -> str:
        return f"TmdbClient({self._transport.host!r}, {self._requests_per_second:g} requests/s)"

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Close the connections that are kept for further requests."""
        self._session.close()

    def popular_movies(
        self, *, limit: int, language: str | None = None, progress: Progress | None = None
    ) -> PopularMovies:
        """Read the list of popular films until it has given `limit` different ones.

        Films move between pages while they are read. Those that were skipped are made up for by
        further pages; where there are none, the same pages are read again, a bounded number of
        times. TMDB serves the first 10,000 places of the list only.

        Args:
            limit: how many films, at least 1.
            language: only films with this original language (ISO 639-1); None for all.
            progress: called in this thread with the films found so far and the films wanted.

        Raises:
            TmdbError: one of its types for each failure.
        """
        if limit < 1:
            raise ValueError("limit must be at least 1")
        parameters: dict[str, str | int] = {}
        if language is not None:
            parameters["with_original_language"] = language
        with self._reading() as reading:
            return _PopularReader(reading, parameters, FilmList(limit), limit, progress).read()

    def genres(self, *, language: str | None = None) -> list[object]:
        """Give the entries of the genre list as they are, names in `language` (ISO 639-1).

        Raises:
            TmdbError: one of its types for each failure.
        """
        parameters: Parameters = {} if language is None else {"language": language}
        return self._get("/genre/movie/list", parameters, _parse_genres)

    def movie(self, movie_id: int, *, append: Sequence[str] = ()) -> dict[str, object]:
        """Give one film's details as they are, with the blocks named in `append` in them.

        Raises:
            NotFoundError: where there is no such film.
            TmdbError: one of its other types for each other failure.
        """
        parameters: Parameters = {"append_to_response": ",".join(append)} if append else {}
        return self._get(f"/movie/{movie_id}", parameters, _parse_details)

    def changed_movie_ids(self, since: datetime, until: datetime) -> set[int]:
        """Give the ids of the films that changed between two moments, which need a time zone.

        TMDB counts in days (UTC), so changes of the first and the last day come whole. Where
        `since` is after `until` there are none.

        Raises:
            ValueError: where a moment has no time zone.
            TmdbError: one of its types for each failure.
        """
        if since.tzinfo is None or until.tzinfo is None:
            raise ValueError("since and until need a time zone")
        changed: set[int] = set()
        with self._reading() as reading:
            for start, end in _windows(since.astimezone(UTC).date(), until.astimezone(UTC).date()):
                parameters = {"start_date": start.isoformat(), "end_date": end.isoformat()}
                changed |= _read_changes(reading, parameters)
        return changed

    def _get(self, path: str, parameters: Parameters, parse: Callable[[object], Answer]) -> Answer:
        return self._ask(self._session, self._never, path, parameters, parse)

    def _ask(
        self,
        session: requests.Session,
        cancelled: threading.Event,
        path: str,
        parameters: Parameters,
        parse: Callable[[object], Answer],
    ) -> Answer:
        """Send one request at the shared pace, as often as it takes."""
        # The queue before the first try does not count as time spent in vain.
        self._throttle.acquire(cancelled)
        is_first = True

        def attempt() -> Answer:
            nonlocal is_first
            if not is_first:
                self._throttle.acquire(cancelled)
            is_first = False
            return parse(self._transport.get(session, path, parameters))

        return call_with_retries(
            attempt, self._retry, cancelled=cancelled, hold_everybody=self._throttle.pause
        )

    @contextmanager
    def _reading(self) -> Iterator[_Reading]:
        """Open connections for one reading alone: breaking it off then disturbs no other."""
        sockets = OpenSockets()
        session = open_session(self._credentials, connections=self._workers, sockets=sockets)
        with session:
            yield _Reading(self, session, sockets)


class _Reading:
    """One run over the pages of a list, in many threads."""

    def __init__(self, client: TmdbClient, session: requests.Session, sockets: OpenSockets) -> None:
        self._client = client
        self._session = session
        self._sockets = sockets
        self._cancelled = threading.Event()

    def page(self, path: str, parameters: Parameters, number: int) -> Page | None:
        """Give one page; None where the list ends before it."""

        def parse(answer: object) -> Page:
            return parse_page(answer, path)

        try:
            return self._client._ask(
                self._session, self._cancelled, path, {**parameters, "page": number}, parse
            )
        except InvalidRequestError as error:
            if number == 1 or not _is_past_the_end(error):
                raise
        return None

    def pump(
        self,
        fetch: Callable[[int], Answer],
        take: Callable[[int, Answer], None],
        next_page: Callable[[int], int | None],
    ) -> None:
        """Fetch pages at the same time until none is wanted, or one fails."""
        pump(fetch, take, next_page, workers=self._client._workers, abort=self._abort)

    def _abort(self) -> None:
        self._cancelled.set()
        self._sockets.abort()


class _PopularReader:
    """Reads the popular list: onwards as far as needed, then again for what was missed."""

    def __init__(
        self,
        reading: _Reading,
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


def _read_changes(reading: _Reading, parameters: Parameters) -> set[int]:
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


def _windows(first: date, last: date) -> Iterator[tuple[date, date]]:
    """Cut a time into windows that TMDB accepts.

    They share their border days: whether the last day of a window counts is not documented.
    """
    start = first
    while start <= last:
        end = min(start + CHANGES_WINDOW, last)
        yield start, end
        if end == last:
            return
        start = end


def _is_past_the_end(error: InvalidRequestError) -> bool:
    # Older answers have no code of TMDB's: "page must be less than or equal to 500".
    return error.tmdb_code == _INVALID_PAGE or "page" in error.said.lower()


def _parse_genres(answer: object) -> list[object]:
    genres = answer.get("genres") if isinstance(answer, dict) else None
    if not isinstance(genres, list):
        raise wrong_shape("/genre/movie/list", "has no list of 'genres'")
    return genres


def _parse_details(answer: object) -> dict[str, object]:
    if not isinstance(answer, dict):
        raise wrong_shape("/movie/{id}", "is not an object")
    return answer
