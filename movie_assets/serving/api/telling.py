"""Who asked: a program, which gets problem details, or a browser, which gets a page."""

from __future__ import annotations

from typing import TYPE_CHECKING

from starlette.responses import Response

from movie_assets.serving import web
from movie_assets.serving.api.problems import Problem, problem_response

if TYPE_CHECKING:
    from starlette.requests import Request

#: Here nobody is given a page, whatever they accept.
_PROGRAMS = ("/v1/", "/recommendations", "/health", "/ready", "/metrics", "/openapi.json")


def wants_html(request: Request) -> bool:
    """Whether a page is wanted: HTML is named, and JSON is not liked more."""
    html = json = 0.0
    for part in request.headers.get("accept", "").split(","):
        kind, _, parameters = part.partition(";")
        name = kind.strip().lower()
        if name in {"text/html", "application/xhtml+xml"}:
            html = max(html, _quality(parameters))
        elif name == "application/json":
            json = max(json, _quality(parameters))
    return html > 0 and html >= json


def tell(request: Request, problem: Problem) -> Response:
    """The answer to a request that failed."""
    if wants_html(request) and not request.url.path.startswith(_PROGRAMS):
        page = web.error_page(request, problem.status, problem.title, problem.detail)
        page.headers.update({"cache-control": "no-store", **problem.headers})
        return page
    return problem_response(problem, getattr(request.state, "request_id", None))


def _quality(parameters: str) -> float:
    for parameter in parameters.split(";"):
        name, _, value = parameter.partition("=")
        if name.strip().lower() == "q":
            try:
                return float(value)
            except ValueError:
                return 0.0
    return 1.0
