"""The films as TMDB's v3 API gives them."""

from __future__ import annotations

import math
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Self, TypeVar

import requests

from movie_assets.tmdb.details import expect_details
from movie_assets.tmdb.errors import RateLimitedError, TmdbError, TooManyChangesError
from movie_assets.tmdb.failures import Timeouts
from movie_assets.tmdb.listing import FilmList, wrong_shape
from movie_assets.tmdb.reading import DetailsReader, PopularReader, Reading, read_changes
from movie_assets.tmdb.redact import redact_http_logs
from movie_assets.tmdb.retry import RetryPolicy, call_with_retries
from movie_assets.tmdb.source import Details, PopularMovies, Progress
from movie_assets.tmdb.throttle import LimitSigns, Throttle
from movie_assets.tmdb.transport import (
    Credentials,
    OpenSockets,
    Parameters,
    Transport,
    open_session,
)

Answer = TypeVar("Answer")

#: The longest time that one question about changes may cover.
CHANGES_WINDOW = timedelta(days=14)

#: How many requests are under way at the same time, where nothing else is asked for.
FEWEST_WORKERS, MOST_WORKERS = 16, 64


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
        max_workers: the most requests under way at the same time; by default a quarter of a
            second's, and 16 to 64, so that the rate is kept where some of them wait to try again.
        throttle_path: a file by which all processes of this machine that name it keep to
            `requests_per_second` together, and pause together where TMDB asks any of them to; it
            is made where it is not there, and may be removed at any time. All of them should be
            given the same rate. None: the rate is this client's alone.

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
        max_workers: int | None = None,
        throttle_path: Path | None = None,
    ) -> None:
        redact_http_logs()
        self._credentials = Credentials(api_key)
        self._retry = retry or RetryPolicy()
        self._transport = Transport(
            base_url, self._credentials, timeouts or Timeouts(), self._retry
        )
        self._throttle = Throttle(requests_per_second, throttle_path)
        self._limit_signs = LimitSigns()
        self._requests_per_second = requests_per_second
        if max_workers is None:
            max_workers = min(max(FEWEST_WORKERS, round(requests_per_second / 4)), MOST_WORKERS)
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
        with self._reading() as reading:
            return PopularReader(
                reading, _of_language(language), FilmList(limit), limit, progress
            ).read()

    def genres(self, *, language: str | None = None) -> list[object]:
        """Give the entries of the genre list as they are, names in English.

        Args:
            language: of the films that the genres are for (ISO 639-1), which is asked for as it is
                for the films; None for all.

        Raises:
            TmdbError: one of its types for each failure.
        """
        return self._get("/genre/movie/list", _of_language(language), _parse_genres)

    def movie(self, movie_id: int, *, append: Sequence[str] = ()) -> dict[str, object]:
        """Give one film's details as they are, with the blocks named in `append` in them.

        Raises:
            NotFoundError: where there is no such film.
            TmdbError: one of its other types for each other failure.
        """
        return self._get(
            f"/movie/{movie_id}", _with(append), lambda answer: expect_details(answer, movie_id)
        )

    def details(
        self,
        movie_ids: Sequence[int],
        take: Callable[[int, Details], None],
        *,
        append: Sequence[str] = (),
    ) -> None:
        """Hand the details of many films to `take` as they come, in this thread, in any order.

        A film that TMDB does not know (404), or for which it sends something else twice, is handed
        over as that error. One that is not given in all the tries of a request is put back and
        asked for again when the others are read, and handed over as its last error where that is of
        no avail either.

        Raises:
            TmdbError: one of its types for each other failure, and where many films in a row were
                not given; all reading has ended then.
        """
        with self._reading() as reading:
            DetailsReader(reading, movie_ids, _with(append), take).read()

    def changed_movie_ids(self, since: datetime, until: datetime) -> set[int]:
        """Give the ids of the films that changed between two moments, which need a time zone.

        TMDB counts in days (UTC), so changes of the first and the last day come whole. Where
        `since` is after `until` there are none. A time with more changes than TMDB lists is asked
        for in shorter ones.

        Raises:
            ValueError: where a moment has no time zone.
            TooManyChangesError: where one day has more changes than TMDB lists.
            TmdbError: one of its types for each failure.
        """
        if since.tzinfo is None or until.tzinfo is None:
            raise ValueError("since and until need a time zone")
        changed: set[int] = set()
        for start, end in _windows(since.astimezone(UTC).date(), until.astimezone(UTC).date()):
            changed |= self._changes(start, end)
        return changed

    def _changes(self, start: date, end: date) -> set[int]:
        """Give the ids that changed in a time, by halves where TMDB does not list them all."""
        parameters = {"start_date": start.isoformat(), "end_date": end.isoformat()}
        try:
            with self._reading() as reading:
                return read_changes(reading, parameters)
        except TooManyChangesError:
            if end - start <= timedelta(days=1):
                raise
        middle = start + (end - start) // 2
        return self._changes(start, middle) | self._changes(middle, end)

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
        return call_with_retries(
            lambda: parse(self._send(session, path, parameters)),
            self._retry,
            cancelled=cancelled,
            hold_everybody=self._hold_everybody,
            take_turn=lambda: self._throttle.acquire(cancelled),
        )

    def _send(self, session: requests.Session, path: str, parameters: Parameters) -> object:
        asked_to_wait = False
        try:
            return self._transport.get(session, path, parameters)
        except TmdbError as error:
            asked_to_wait = isinstance(error, RateLimitedError) or error.retry_after is not None
            raise
        finally:
            self._limit_signs.note(asked_to_wait=asked_to_wait)

    def _hold_everybody(self, seconds: float) -> None:
        if self._limit_signs.is_reached:
            self._throttle.pause(seconds)

    @contextmanager
    def _reading(self) -> Iterator[Reading]:
        """Open connections for one reading alone: breaking it off then disturbs no other."""
        sockets, cancelled = OpenSockets(), threading.Event()
        with open_session(self._credentials, connections=self._workers, sockets=sockets) as session:

            def ask(path: str, parameters: Parameters, parse: Callable[[object], Answer]) -> Answer:
                return self._ask(session, cancelled, path, parameters, parse)

            yield Reading(ask, sockets, cancelled, self._workers)


def _of_language(language: str | None) -> dict[str, str | int]:
    return {} if language is None else {"with_original_language": language}


def _with(blocks: Sequence[str]) -> dict[str, str | int]:
    return {"append_to_response": ",".join(blocks)} if blocks else {}


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


def _parse_genres(answer: object) -> list[object]:
    genres = answer.get("genres") if isinstance(answer, dict) else None
    if not isinstance(genres, list):
        raise wrong_shape("/genre/movie/list", "has no list of 'genres'")
    return genres
