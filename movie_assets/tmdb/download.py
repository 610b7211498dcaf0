"""TMDB's daily export of ids, fetched whole to a temporary file.

It is public: no key is sent. Only once all of it has come, and has unpacked to its end without a
fault, is it handed on, so that whoever reads it meets no broken connection half-way. What its
lines hold is for ``export.py`` to say.
"""

from __future__ import annotations

import gzip
import tempfile
import threading
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, date, datetime, timedelta
from typing import IO

import requests
from requests.auth import AuthBase

from movie_assets.tmdb.errors import (
    BodyTooLargeError,
    ExportBrokenError,
    ExportMissingError,
    InvalidRequestError,
    RateLimitedError,
    RedirectError,
    RequestTimeoutError,
    ServerError,
    TemporaryFileError,
    TmdbError,
)
from movie_assets.tmdb.export import MAX_UNPACKED_BYTES, MovieExport
from movie_assets.tmdb.failures import Timeouts, failure_of, host_of
from movie_assets.tmdb.redact import redact_http_logs
from movie_assets.tmdb.retry import RetryPolicy, call_with_retries
from movie_assets.tmdb.transport import WIRE_FAILURES, OpenSockets, TimeLimit, open_session

#: Today's export and those of so many days before it are tried.
DAYS_BACK = 7

#: An export has about 25 MB.
MAX_COMPRESSED_BYTES = 256 * 1024 * 1024

_CHUNK_BYTES = 256 * 1024

_SETTING = "TMDB_EXPORTS_URL"

#: An export is a file and not an answer worked out: it may be long on its way.
_TIMEOUTS = Timeouts(connect=5.0, read=20.0, whole=900.0)
_RETRY = RetryPolicy(attempts=6, total_seconds=1800.0, initial_wait=1.0)

#: The store behind the exports says 403 of a file that is not there.
_NOT_THERE = frozenset({403, 404})


class _Keyless(AuthBase):
    """Sends nothing: no key, and nothing from a ~/.netrc either."""

    def __call__(self, request: requests.PreparedRequest) -> requests.PreparedRequest:
        return request


@contextmanager
def open_export(
    url: str,
    *,
    today: date | None = None,
    timeouts: Timeouts = _TIMEOUTS,
    retry: RetryPolicy = _RETRY,
) -> Iterator[MovieExport]:
    """Fetch the newest export of the last days, which is there as long as the context is open.

    TMDB puts a day's export there at about 08:00 UTC; until then it is the one of the day before.
    So it is where this machine's clock is ahead. Where it is behind, an older export is taken than
    there is, and the next one on the next day.

    Args:
        url: where the exports are, such as https://files.tmdb.org/p/exports.
        today: the day (UTC) to begin with; by default that of this machine's clock.
        timeouts: how long one try may take.
        retry: how often and how long each file is tried.

    Raises:
        ExportMissingError: where there is none of any of these days.
        ExportBrokenError: where what is there is empty, not gzip or cut short, each time.
        BodyTooLargeError: where it is larger than any export, packed or unpacked.
        TemporaryFileError: where there is no room for it on this machine.
        TmdbError: one of its other types for each other failure.
    """
    redact_http_logs()
    newest = datetime.now(UTC).date() if today is None else today
    sockets = OpenSockets()
    with (
        open_session(_Keyless(), connections=1, sockets=sockets) as session,
        # Unbuffered: what could not be written would be tried again when the file is closed.
        tempfile.TemporaryFile(prefix="movie_ids", buffering=0) as file,
    ):
        fetching = _Fetching(session, url, file, timeouts)
        for back in range(DAYS_BACK + 1):
            day = newest - timedelta(days=back)
            if _is_fetched(fetching, day, retry):
                yield MovieExport(day, file)
                return
        raise ExportMissingError(
            f"{host_of(url)} has no export of the ids of films of {newest} or the {DAYS_BACK} days "
            f"before it: check {_SETTING} and this machine's clock, or try again later."
        )


def _is_fetched(fetching: _Fetching, day: date, retry: RetryPolicy) -> bool:
    return call_with_retries(
        lambda: fetching.fetch(day),
        retry,
        cancelled=threading.Event(),
        hold_everybody=lambda seconds: None,  # noqa: ARG005 (nobody else asks for it)
    )


class _Fetching:
    """Fetches the export of one day or another into a file."""

    def __init__(
        self, session: requests.Session, url: str, file: IO[bytes], timeouts: Timeouts
    ) -> None:
        self._session = session
        self._url = url.rstrip("/")
        self._host = host_of(url)
        self._file = file
        self._timeouts = timeouts

    def fetch(self, day: date) -> bool:
        """Fill the file with a day's export; False where there is none of that day.

        Raises:
            TmdbError: one of its types for each failure.
        """
        self._file.seek(0)
        self._file.truncate()
        status = self._download(f"{self._url}/movie_ids_{day:%m_%d_%Y}.json.gz")
        if status in _NOT_THERE:
            return False
        if not 200 <= status < 300:
            raise _refusal(status, self._host)
        self._verify(day)
        return True

    def _download(self, address: str) -> int:
        """Write a file as it comes, gzip as it is, and give the status of the answer."""
        limit = TimeLimit(self._timeouts.whole)
        problem: TmdbError | None = None
        status = 0
        try:
            with (
                limit,
                self._session.get(
                    address,
                    headers={"Accept": "*/*", "Accept-Encoding": "identity"},
                    timeout=(self._timeouts.connect, self._timeouts.read),
                    allow_redirects=False,
                    stream=True,
                ) as response,
            ):
                status = response.status_code
                if 200 <= status < 300:
                    self._write(response)
        except WIRE_FAILURES as error:
            problem = failure_of(error, self._host, self._timeouts, _SETTING)
        if limit.expired:
            problem = RequestTimeoutError(
                f"{self._host} took longer than {self._timeouts.whole:g} s to send its export: "
                "check your network and try again later."
            )
        if problem is not None:
            raise problem
        return status

    def _write(self, response: requests.Response) -> None:
        size = 0
        while piece := response.raw.read1(_CHUNK_BYTES, decode_content=False):
            size += len(piece)
            if size > MAX_COMPRESSED_BYTES:
                raise _too_large(self._host, MAX_COMPRESSED_BYTES, "")
            left = memoryview(piece)
            try:
                while left:
                    left = left[self._file.write(left) :]
            except OSError as error:
                raise TemporaryFileError(
                    f"The export of {self._host} cannot be kept in {tempfile.gettempdir()} "
                    f"({error.strerror}): make room there, or set TMPDIR to another folder."
                ) from None

    def _verify(self, day: date) -> None:
        """Unpack all of the file once, bit by bit, so that it is known to be whole."""
        what = f"The export of {day} from {self._host}"
        self._file.seek(0)
        size = 0
        try:
            with gzip.GzipFile(fileobj=self._file) as unpacked:
                while piece := unpacked.read(_CHUNK_BYTES):
                    size += len(piece)
                    if size > MAX_UNPACKED_BYTES:
                        raise _too_large(self._host, MAX_UNPACKED_BYTES, " unpacked")
        except EOFError:
            raise _broken(f"{what} is cut short") from None
        except (gzip.BadGzipFile, zlib.error):
            raise _broken(f"{what} is not gzip, or damaged") from None
        if not size:
            raise _broken(f"{what} is empty")


def _broken(how: str) -> ExportBrokenError:
    return ExportBrokenError(
        f"{how}; nothing of it was taken: try again later, and check {_SETTING} if it stays so."
    )


def _too_large(host: str, most: int, how: str) -> BodyTooLargeError:
    return BodyTooLargeError(
        f"The export of {host} has more than {most // 2**20} MB{how}, which TMDB's never have: "
        f"check {_SETTING}."
    )


def _refusal(status: int, host: str) -> TmdbError:
    """Make one of our errors of an answer that is no export."""
    said = f"(HTTP {status})"
    if status == 429:
        return RateLimitedError(f"{host} asks for fewer requests: try again later. {said}")
    if status >= 500:
        return ServerError(f"{host} failed on its side: try again later. {said}")
    if 300 <= status < 400:
        return RedirectError(
            f"{host} redirects, which TMDB's exports do not do: check {_SETTING}. {said}"
        )
    return InvalidRequestError(f"{host} refuses to give its export: check {_SETTING}. {said}")
