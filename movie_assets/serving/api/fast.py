"""A shorter way to the two questions that are asked most, in front of the routes.

``GET /v1/movies/{id}/similar`` with at most a limit, and ``POST /recommendations/`` with a plain
body. What they answer is what the routes answer, byte for byte; whatever is the least bit unusual,
errors included, goes on to the routes, so nothing about them is decided here.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import orjson

from movie_assets.serving.api.models import MOST

if TYPE_CHECKING:
    from starlette.types import ASGIApp, Message, Receive, Scope, Send

    from movie_assets.serving.api.served import Served

_SIMILAR = re.compile(r"/v1/movies/([1-9][0-9]{0,8})/similar", re.ASCII)
_LIMIT = re.compile(rb"limit=([1-9][0-9]{0,2})")
_DEFAULT = 10
_LONGEST_TITLE = 300
#: A title of these characters alone needs no further look.
_PLAIN_TITLE = re.compile(r"[^\x00-\x1f\x7f]*[^\s\x00-\x1f\x7f][^\x00-\x1f\x7f]*")
_LONGEST_BODY = 2000
_JSON = (b"content-type", b"application/json")


class FastPath:
    """Answers what is plain, and passes on the rest."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer a request, or pass it on."""
        served: Served | None = scope["state"]["served"] if scope["type"] == "http" else None
        if served is not None:
            path: str = scope["path"]
            if scope["method"] == "GET":
                if path.endswith("/similar"):
                    body = _similar(served, path, scope["query_string"])
                    if body is not None:
                        scope["movie_assets.route"] = "/v1/movies/{movie_id}/similar"
                        await _answer(send, body)
                        return
            elif path == "/recommendations/" and scope["method"] == "POST":
                replay = await _tutorial(scope, receive, send, served)
                if replay is None:
                    return
                receive = replay
        await self._app(scope, receive, send)


def _similar(served: Served, path: str, query: bytes) -> bytes | None:
    """The films most like one; None where the question is not plain or has no answer."""
    found = _SIMILAR.fullmatch(path)
    if found is None:
        return None
    limit = _DEFAULT
    if query:
        given = _LIMIT.fullmatch(query)
        if given is None:
            return None
        limit = int(given[1])
        if limit > MOST:
            return None
    row = served.published.row_of(int(found[1]))
    return None if row is None else served.writer.stored(row, limit)


async def _tutorial(scope: Scope, receive: Receive, send: Send, served: Served) -> Receive | None:
    """Answer the tutorial's question; where it is not plain, what its body is to be read from."""
    headers = scope["state"]["headers"]
    if headers.get(b"content-type") != b"application/json":
        return receive
    message = await receive()
    if message["type"] == "http.request" and not message.get("more_body", False):
        asked = _plain(message.get("body", b""))
        body = served.recommended(*asked) if asked else None
        if body is not None:
            scope["movie_assets.route"] = "/recommendations/"
            await _answer(send, body)
            return None
    return _replayed(message, receive)


def _plain(body: bytes) -> tuple[str, int] | None:
    """The title and the number that are asked for; None where the body is not plain."""
    if len(body) > _LONGEST_BODY:
        return None
    try:
        asked = orjson.loads(body)
    except orjson.JSONDecodeError:
        return None
    if type(asked) is not dict:
        return None
    title, number = asked.get("movie"), asked.get("num_rec", _DEFAULT)
    if type(title) is not str or type(number) is not int or not 1 <= number <= MOST:
        return None
    if len(title) > _LONGEST_TITLE or not _PLAIN_TITLE.fullmatch(title):
        return None
    return title, number


def _replayed(message: Message, receive: Receive) -> Receive:
    """What gives a message once more, and then goes on."""
    first: Message | None = message

    async def replay() -> Message:
        nonlocal first
        if first is None:
            return await receive()
        given, first = first, None
        return given

    return replay


async def _answer(send: Send, body: bytes) -> None:
    await send(
        {
            "type": "http.response.start",
            "status": 200,
            "headers": [(b"content-length", str(len(body)).encode("ascii")), _JSON],
        }
    )
    await send({"type": "http.response.body", "body": body})
