"""One request to TMDB and its answer as JSON, or one of our errors.

What `requests` and urllib3 raise never leaves this module: their messages, and the objects that
they hold, carry the URL and with it the key. So our errors are raised after the ``except`` block
has ended: ``raise ... from None`` would still leave the original within reach as ``__context__``.
"""

from __future__ import annotations

import http.client
import http.cookiejar
import socket
import threading
import weakref
from collections.abc import Iterator, Mapping
from contextlib import suppress
from typing import Any, Self

import requests
import urllib3
from requests.adapters import HTTPAdapter
from requests.auth import AuthBase
from urllib3.connectionpool import HTTPConnectionPool, HTTPSConnectionPool

from movie_assets.tmdb.errors import (
    BodyTooLargeError,
    InvalidKeyError,
    MissingKeyError,
    RequestTimeoutError,
    TmdbError,
)
from movie_assets.tmdb.failures import Timeouts, failure_of, host_of, parse_json, refusal
from movie_assets.tmdb.redact import redact
from movie_assets.tmdb.retry import RetryPolicy

#: TMDB's largest answers (a film with all its credits) stay below one.
MAX_BODY_BYTES = 32 * 1024 * 1024

_CHUNK_BYTES = 64 * 1024

# ValueError for what urllib3 and http.client say of addresses and headers: it may quote them.
WIRE_FAILURES = (
    requests.RequestException,
    urllib3.exceptions.HTTPError,
    http.client.HTTPException,
    OSError,
    ValueError,
)

Parameters = Mapping[str, str | int]


class Credentials(AuthBase):
    """The API key, put on a request at the last moment and shown nowhere.

    A v4 read access token is a JSON Web Token and goes in a header; a v3 key goes in the query.
    Being `requests`' auth, it also keeps a ~/.netrc entry from replacing the header.

    Raises:
        MissingKeyError: where `key` is blank.
        InvalidKeyError: where it holds characters that no key has.
    """

    def __init__(self, key: str) -> None:
        key = key.strip()
        if not key:
            raise MissingKeyError(
                "TMDB needs an API key and there is none: get one for free at "
                "https://www.themoviedb.org/settings/api and set TMDB_API_KEY to it."
            )
        if not (key.isascii() and key.isprintable() and " " not in key):
            raise InvalidKeyError(
                "The TMDB API key holds blanks or characters that no key has: copy it again from "
                "https://www.themoviedb.org/settings/api into TMDB_API_KEY."
            )
        self._key = key
        self._is_token = key.startswith("eyJ") and (key.count(".") == 2 or len(key) > 40)

    def __call__(self, request: requests.PreparedRequest) -> requests.PreparedRequest:
        """Put the key on a request."""
        if self._is_token:
            request.headers["Authorization"] = f"Bearer {self._key}"
        else:
            request.prepare_url(request.url, {"api_key": self._key})
        return request

    def __repr__(self) -> str:
        return "Credentials([redacted])"

    def redact(self, text: str) -> str:
        """Give `text` without the key."""
        return redact(text, [self._key])


class OpenSockets:
    """The sockets of one session, so that reads under way in other threads can be broken off."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._sockets: weakref.WeakSet[socket.socket] = weakref.WeakSet()
        self._aborted = False

    def add(self, connected: socket.socket) -> None:
        """Remember a socket; it is shut at once where all were aborted meanwhile."""
        with self._lock:
            self._sockets.add(connected)
            if self._aborted:
                _shut(connected)

    def abort(self) -> None:
        """Shut every socket, present and future: whoever reads from one gets an error at once."""
        with self._lock:
            self._aborted = True
            for connected in self._sockets:
                _shut(connected)


def _shut(connected: socket.socket) -> None:
    with suppress(OSError):
        # Not SSLSocket.shutdown, which takes the TLS state away under the reading thread.
        socket.socket.shutdown(connected, socket.SHUT_RDWR)


class TimeLimit:
    """Breaks the try of this thread off when its time is up, whatever it is reading just then.

    The timeouts of `requests` bound the wait for each piece of an answer, and begin anew with every
    byte that a server sends.
    """

    _current = threading.local()

    def __init__(self, seconds: float) -> None:
        self._lock = threading.Lock()
        self._sockets: list[socket.socket] = []
        self._timer = threading.Timer(seconds, self._expire)
        self._timer.daemon = True
        self._ended = False
        #: Whether the time was up before the try ended.
        self.expired = False

    @classmethod
    def watch(cls, connected: socket.socket) -> None:
        """Let this thread's limit, if it has one, shut a socket that the thread reads from."""
        limit: TimeLimit | None = getattr(cls._current, "limit", None)
        if limit is not None:
            limit._add(connected)

    def __enter__(self) -> Self:
        self._current.limit = self
        self._timer.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._timer.cancel()
        self._current.limit = None
        with self._lock:
            self._ended = True
            for duplicate in self._sockets:
                duplicate.close()

    def _add(self, connected: socket.socket) -> None:
        # A duplicate, since TLS takes the original over during its handshake. Shutting either of
        # the two ends the connection.
        duplicate = socket.fromfd(connected.fileno(), connected.family, connected.type)
        with self._lock:
            self._sockets.append(duplicate)
            if self.expired:
                _shut(duplicate)

    def _expire(self) -> None:
        with self._lock:
            if not self._ended:
                self.expired = True
                for duplicate in self._sockets:
                    _shut(duplicate)


class _RecordingAdapter(HTTPAdapter):
    """An adapter whose connections report their sockets; it follows and retries nothing."""

    def __init__(self, sockets: OpenSockets, connections: int) -> None:
        pools = {"http": HTTPConnectionPool, "https": HTTPSConnectionPool}
        self._pools = {scheme: _recording(pool, sockets) for scheme, pool in pools.items()}
        super().__init__(pool_connections=1, pool_maxsize=connections, max_retries=0)

    def init_poolmanager(self, *args: Any, **kwargs: Any) -> None:
        super().init_poolmanager(*args, **kwargs)
        self.poolmanager.pool_classes_by_scheme = self._pools

    def proxy_manager_for(self, proxy: str, **kwargs: Any) -> Any:
        manager = super().proxy_manager_for(proxy, **kwargs)
        if isinstance(manager, urllib3.ProxyManager):  # and not SOCKS, whose pools are others
            manager.pool_classes_by_scheme = self._pools
        return manager


def _recording(pool: Any, sockets: OpenSockets) -> Any:
    class Connection(pool.ConnectionCls):  # type: ignore[misc]
        def _new_conn(self) -> socket.socket:
            connected: socket.socket = super()._new_conn()
            TimeLimit.watch(connected)
            return connected

        def connect(self) -> None:
            super().connect()
            sockets.add(_innermost(self.sock))

        def request(self, *args: Any, **kwargs: Any) -> None:
            if self.sock is not None:  # kept from an earlier request
                TimeLimit.watch(_innermost(self.sock))
            super().request(*args, **kwargs)

    return type(pool.__name__, (pool,), {"ConnectionCls": Connection})


def _innermost(sock: Any) -> socket.socket:
    # Where both the proxy and the host are encrypted, urllib3 wraps a socket that is one already.
    innermost: socket.socket = getattr(sock, "socket", sock)
    return innermost


def open_session(
    credentials: AuthBase, *, connections: int, sockets: OpenSockets
) -> requests.Session:
    """Open a `requests` session that any number of threads may share."""
    session = requests.Session()
    session.auth = credentials
    session.headers.update({"Accept": "application/json", "User-Agent": "movie_assets"})
    # Cookies are all that requests change in a session; without them threads cannot disturb
    # each other.
    session.cookies.set_policy(http.cookiejar.DefaultCookiePolicy(allowed_domains=[]))
    for scheme in ("http://", "https://"):
        session.mount(scheme, _RecordingAdapter(sockets, connections))
    return session


class Transport:
    """Sends one GET and gives its JSON. Knows nothing of pace and of further tries."""

    def __init__(
        self, base_url: str, credentials: Credentials, timeouts: Timeouts, policy: RetryPolicy
    ) -> None:
        self.base_url = base_url.rstrip("/")
        self.host = host_of(self.base_url)
        self._credentials = credentials
        self._timeouts = timeouts
        self._policy = policy

    def get(self, session: requests.Session, path: str, parameters: Parameters) -> object:
        """Give the JSON of one answer.

        Raises:
            TmdbError: one of its types for each failure.
        """
        limit = TimeLimit(self._timeouts.whole)
        problem: TmdbError | None = None
        try:
            with (
                limit,
                session.get(
                    self.base_url + path,
                    params=dict(parameters),
                    timeout=(self._timeouts.connect, self._timeouts.read),
                    allow_redirects=False,
                    stream=True,
                ) as response,
            ):
                body = b"".join(self._pieces(response))
                status, headers = response.status_code, response.headers
        except WIRE_FAILURES as error:
            problem = failure_of(error, self.host, self._timeouts)
        # A connection that was shut on us looks broken, or even like the end of an answer.
        if limit.expired:
            problem = RequestTimeoutError(
                f"{self.host} took longer than {self._timeouts.whole:g} s to send one answer: "
                "check your network and try again later."
            )
        if problem is not None:
            raise problem
        if 200 <= status < 300:
            return parse_json(body, self.host)
        problem = refusal(
            status,
            body,
            host=self.host,
            path=path,
            location=headers.get("Location", ""),
            redact=self._credentials.redact,
        )
        if problem.transient:
            problem.retry_after = self._policy.retry_after(headers.get("Retry-After"))
        raise problem

    def _pieces(self, response: requests.Response) -> Iterator[bytes]:
        """Read the body piece by piece, as it comes, so that its size does not run away."""
        size = 0
        while piece := response.raw.read1(_CHUNK_BYTES, decode_content=True):
            size += len(piece)
            if size > MAX_BODY_BYTES:
                raise BodyTooLargeError(
                    f"{self.host} sent more than {MAX_BODY_BYTES // 2**20} MB in one answer, which "
                    "TMDB never does: check TMDB_BASE_URL."
                )
            yield piece
