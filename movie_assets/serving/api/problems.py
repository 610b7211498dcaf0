"""Errors as clients get them: problem details (RFC 9457), and which of our errors is which.

What an error *says* is written where it is raised. A problem never repeats what the client sent
without bounds, and never tells what is inside of the server.
"""

from __future__ import annotations

from http import HTTPStatus
from typing import TYPE_CHECKING, Any

import orjson
from starlette.responses import Response

if TYPE_CHECKING:
    from collections.abc import Mapping

    from starlette.requests import Request

MEDIA_TYPE = "application/problem+json"
_ERRORS_SHOWN = 20


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


def problem_response(problem: Problem, request_id: str | None = None) -> Response:
    """The answer that tells of a problem."""
    body: dict[str, Any] = {
        "type": f"urn:movie-assets:problem:{problem.kind}" if problem.kind else "about:blank",
        "title": HTTPStatus(problem.status).phrase,
        "status": problem.status,
        "detail": problem.detail,
        **problem.more,
    }
    if request_id:
        body["request_id"] = request_id
    return Response(
        orjson.dumps(body),
        problem.status,
        {"cache-control": "no-store", **problem.headers},
        MEDIA_TYPE,
    )


def answer_problem(request: Request, problem: Problem) -> Response:
    """The answer to a request that failed."""
    return problem_response(problem, getattr(request.state, "request_id", None))


def invalid(errors: list[Any], where: str | None = None) -> Problem:
    """The problem of values that cannot be used.

    Args:
        errors: pydantic's.
        where: ``"body"`` where the places do not begin with it already.
    """
    told = []
    for error in errors[:_ERRORS_SHOWN]:
        place = [str(part)[:100] for part in error["loc"]]
        source, names = (where, place) if where else (place[0], place[1:])
        message = str(error["msg"]).removeprefix("Value error, ")[:300]
        told.append({"in": source, "name": ".".join(names), "message": message})
    first = told[0]
    named = f"{first['in']} {first['name']}".strip()
    more = f" (and {len(errors) - 1} more)" if len(errors) > 1 else ""
    return Problem(422, f"{named}: {first['message']}{more}.", kind="invalid-value", errors=told)
