"""The tutorial's contract, as its own service has it: a greeting, and films by title.

Both are told apart from the rest in one way: ``GET /`` is the web page for a browser.
"""

from __future__ import annotations

from typing import Any

import orjson
from fastapi import APIRouter, Request
from starlette.responses import Response

from movie_assets.serving import web
from movie_assets.serving.api import examples
from movie_assets.serving.api.asking import read_json, served_of
from movie_assets.serving.api.documented import request_body, responses
from movie_assets.serving.api.models import TutorialAnswered, TutorialAsked, Welcome
from movie_assets.serving.api.problems import Problem
from movie_assets.serving.api.served import Served
from movie_assets.serving.api.telling import wants_html
from movie_assets.serving.api.writing import name_of

router = APIRouter(tags=["tutorial"])

_SUGGESTIONS = 5


@router.get(
    "/",
    response_model=Welcome,
    responses=responses(examples.WELCOME),
    summary="A greeting; the web page for who asks for HTML",
)
async def root(request: Request) -> Response:
    """A greeting, or the first page of the web site where the request accepts HTML."""
    if wants_html(request):
        response = web.home(request)
    else:
        response = Response(
            orjson.dumps(examples.WELCOME),
            headers={"cache-control": "no-cache"},
            media_type="application/json",
        )
    response.headers.append("vary", "Accept")
    return response


@router.post(
    "/recommendations/",
    response_model=TutorialAnswered,
    responses=responses(examples.TUTORIAL, 400, 404, 413, 415, 422),
    openapi_extra=request_body(TutorialAsked, examples.TUTORIAL_ASKED),
    summary="The films most like the film of a title",
)
@router.post("/recommendations", include_in_schema=False)
async def recommendations(request: Request) -> Response:
    """The films most like the film of a title, by their titles.

    Titles match whatever their case. Of several films of a title the best known is taken.
    `metrics` tells how far the recommended films are from it: the root of the mean squared
    difference in popularity, average vote and number of votes.
    """
    served = served_of(request)
    asked = await read_json(request, TutorialAsked)
    return Response(recommend(served, asked.movie, asked.num_rec), media_type="application/json")


def recommend(served: Served, title: str, number: int) -> bytes:
    """The answer to the tutorial's request.

    Raises:
        Problem: 404 where no film has the title.
    """
    answer = served.recommended(title, number)
    if answer is None:
        raise _unknown(served, title)
    return answer


def _unknown(served: Served, title: str) -> Problem:
    near = served.published.near(title)[:_SUGGESTIONS]
    hint = (
        "Did you mean " + ", ".join(film.label for film in near) + "?"
        if near
        else "Look for it with GET /v1/movies?q=."
    )
    suggestions: list[dict[str, Any]] = [name_of(film) for film in near]
    return Problem(
        404,
        f"There is no film of the title {title[:100]!r}. {hint}",
        kind="unknown-film",
        suggestions=suggestions,
    )
