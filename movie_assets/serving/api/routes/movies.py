"""What is asked of films: one of them, those of a title, and those like one."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

from fastapi import APIRouter, Path, Query, Request
from pydantic import BaseModel, ConfigDict, Field, StringConstraints
from starlette.responses import Response

from movie_assets.serving.api import examples
from movie_assets.serving.api.asking import served_of
from movie_assets.serving.api.documented import responses
from movie_assets.serving.api.models import (
    MOST,
    SOMETHING,
    FilmFull,
    FilmsFound,
    SimilarFilms,
    WishFields,
)
from movie_assets.serving.published import Wishes

if TYPE_CHECKING:
    from movie_assets.serving.api.work import Workers

router = APIRouter(tags=["movies"])

MovieId = Annotated[
    int,
    Path(ge=1, description="TMDB's number.", openapi_examples={"Heat": {"value": 949}}),
]
#: A longer one is in no title.
_LONGEST_QUERY = 200


class Searched(BaseModel):
    """What is searched for."""

    model_config = ConfigDict(extra="forbid")

    q: Annotated[
        str, StringConstraints(min_length=1, max_length=_LONGEST_QUERY, pattern=SOMETHING)
    ] = Field(
        description="The beginning of a title is enough; case, accents and a slip of the "
        "keyboard do not matter, and titles in the film's own language count too.",
        examples=["spirited aw"],
    )
    limit: int = Field(10, ge=1, le=MOST, description="How many films.")


@router.get(
    "/v1/movies",
    response_model=FilmsFound,
    responses=responses(examples.FOUND, 422),
    summary="Search by title, as you type",
)
async def search(request: Request, asked: Annotated[Searched, Query()]) -> Response:
    """The films of a title, the better known first.

    Made to be asked with each letter that is typed.
    """
    served = served_of(request)
    workers: Workers = request.app.state.searching
    films = await workers.do(served.published.search, asked.q, asked.limit)
    return as_json(served.writer.found(asked.q, films))


@router.get(
    "/v1/movies/{movie_id}",
    response_model=FilmFull,
    responses=responses(examples.FULL, 404, 422),
    summary="A film",
)
async def movie(request: Request, movie_id: MovieId) -> Response:
    """All that is known of a film."""
    served = served_of(request)
    return as_json(served.writer.full(served.published.film(movie_id)))


@router.get(
    "/v1/movies/{movie_id}/similar",
    response_model=SimilarFilms,
    responses=responses(examples.SIMILAR, 404, 422),
    summary="The films most like a film",
)
async def similar(
    request: Request, movie_id: MovieId, asked: Annotated[WishFields, Query()]
) -> Response:
    """The films most like a film, each with its score, its parts and the reasons.

    Without dials and filters they were worked out beforehand, and the answer takes microseconds;
    with them every film is scored anew.
    """
    served = served_of(request)
    film = served.published.film(movie_id)
    wishes = asked.wishes
    if wishes == _NO_WISHES:
        return as_json(served.writer.stored(film.row, asked.limit, asked.offset))
    workers: Workers = request.app.state.working
    arguments: tuple[Any, ...] = (movie_id, asked.limit, asked.offset, wishes)
    found = await workers.do(served.published.similar, *arguments)
    return as_json(served.writer.similar(film, asked.limit, asked.offset, found))


_NO_WISHES = Wishes()


def as_json(body: bytes) -> Response:
    """An answer of JSON."""
    return Response(body, media_type="application/json")
