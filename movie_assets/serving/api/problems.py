"""Errors as programs get them: problem details (RFC 9457).

What an error *says* is written where it is raised. A problem never repeats what the client sent
without bounds, and never tells what is inside of the server.
"""

from __future__ import annotations

from http import HTTPStatus
from typing import TYPE_CHECKING, Any

import orjson
from starlette.responses import Response

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

MEDIA_TYPE = "application/problem+json"
_ERRORS_SHOWN = 20
_LONGEST = 300


class Problem(Exception):  # noqa: N818 - RFC 9457's word
    """An answer that is an error.

    Attributes:
        status: of HTTP.
        detail: what happened and what to do, for people.
        kind: names the problem for programs; None where the status says it all.
        headers: besides the usual ones.
        more: further members, such as ``suggestions``.
    """

    def __init__(
        self,
        status: int,
        detail: str,
        *,
        kind: str | None = None,
        headers: Mapping[str, str] | None = None,
        **more: Any,
    ) -> None:
        super().__init__(detail)
        self.status = status
        self.detail = detail
        self.kind = kind
        self.headers = dict(headers or {})
        self.more = more

    @property
    def title(self) -> str:
        """The status in words."""
        return HTTPStatus(self.status).phrase


class NotPublishedError(Problem):
    """There is no snapshot to answer from."""

    def __init__(self, reason: str | None = None) -> None:
        super().__init__(
            503,
            reason or "There is nothing to answer from yet; GET /ready says why.",
            kind="not-published",
            headers={"retry-after": "5"},
        )


class BusyError(Problem):
    """Too much waits for its turn."""

    def __init__(self) -> None:
        super().__init__(
            503,
            "The server has too much to do. Ask again in a second.",
            kind="busy",
            headers={"retry-after": "1"},
        )


def problem_response(problem: Problem, request_id: str | None) -> Response:
    """The answer that tells of a problem."""
    body = {
        "type": f"urn:movie-assets:problem:{problem.kind}" if problem.kind else "about:blank",
        "title": problem.title,
        "status": problem.status,
        "detail": problem.detail,
        **problem.more,
        "request_id": request_id,
    }
    headers = {"cache-control": "no-store", **problem.headers}
    return Response(orjson.dumps(body), problem.status, headers, MEDIA_TYPE)


def invalid(errors: Sequence[Any], where: str | None = None) -> Problem:
    """The problem of values that cannot be used; it tells the first twenty.

    Args:
        errors: pydantic's.
        where: ``"body"`` where the places do not begin with it already.
    """
    told = []
    for error in errors[:_ERRORS_SHOWN]:
        place = [_shortened(part) for part in error["loc"]]
        source, names = (where, place) if where else (place[0], place[1:])
        message = str(error["msg"]).removeprefix("Value error, ")[:_LONGEST]
        told.append({"in": source, "name": ".".join(names), "message": message})
    first = told[0]
    named = f"{first['in']} {first['name']}".strip()
    more = f" (and {len(errors) - 1} more)" if len(errors) > 1 else ""
    return Problem(422, f"{named}: {first['message']}{more}.", kind="invalid-value", errors=told)


def _shortened(part: object) -> str:
    # Halves of characters cannot be written; a client can send them in JSON's escapes.
    return str(part)[:60].encode("utf-8", "replace").decode()
