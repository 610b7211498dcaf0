"""The pages: which address shows what, of the snapshot that the request is answered from.

Every page works without script. What an address means is ``wanted``'s and ``picks``'; how it looks
is the templates'. What happens to requests before they get here (limits, which snapshot, logs) is
the API's.
"""

from __future__ import annotations

import re
from functools import wraps
from typing import TYPE_CHECKING, Annotated, Any

from fastapi import APIRouter, Depends, File, Request, Response, UploadFile
from fastapi.exceptions import RequestValidationError
from fastapi.responses import RedirectResponse
from fastapi.routing import APIRoute
from starlette.datastructures import ImmutableMultiDict
from starlette.exceptions import HTTPException

from movie_assets.recommender.query import EmptyTasteError
from movie_assets.serving.imports import ExportError, ExportTooLargeError, match, read_export
from movie_assets.serving.published import Published
from movie_assets.serving.web.errors import NoSuchFilmError, NothingPublishedError, PageError
from movie_assets.serving.web.picks import (
    LONGEST_IN_ADDRESS,
    Picks,
    read_picks,
    read_profile,
    write_profile,
)
from movie_assets.serving.web.plots import plots
from movie_assets.serving.web.rendering import (
    address,
    error_page,
    film_path,
    harden,
    page,
    published_of,
)
from movie_assets.serving.web.taste import brought_films, known_films
from movie_assets.serving.web.wanted import FIRST, MOST, Wanted, read_wanted

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine

    from movie_assets.serving.published import Suggested

    Fields = ImmutableMultiDict[str, str]

#: Where the popularity dial stands by itself.
POPULARITY = 0.5

_BEST_KNOWN = 18
_SUGGESTIONS = 8
_FOUND = 30
_LONGEST_QUERY = 200
_FILM = re.compile(r"(\d{1,10})(?:-.*)?", re.ASCII)


class PageRoute(APIRoute):
    """A route whose errors are pages too, and whose answers have the pages' headers."""

    def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        """The handler with errors told as pages."""
        handle = super().get_route_handler()

        async def handle_page(request: Request) -> Response:
            try:
                return harden(await handle(request))
            except PageError as error:
                return error_page(request, error.status, error.title, error.detail)
            except RequestValidationError:
                return error_page(
                    request, 422, "That could not be read", "Go back, and send the form again."
                )
            except HTTPException as error:
                return error_page(
                    request, error.status_code, "That could not be read", str(error.detail)
                )

        return handle_page


router = APIRouter(route_class=PageRoute, include_in_schema=False)


async def _published(request: Request) -> Published:
    published = published_of(request)
    if published is None:
        raise NothingPublishedError
    return published


_Published = Annotated[Published, Depends(_published)]


def _on_a_worker(
    name: str,
) -> Callable[[Callable[..., Response]], Callable[..., Coroutine[Any, Any, Response]]]:
    """A route that is worked out on one of the app's few threads, and delays nobody's answer.

    Args:
        name: of the threads: ``searching``, which takes moments, or ``working``.
    """

    def decorate(show: Callable[..., Response]) -> Callable[..., Coroutine[Any, Any, Response]]:
        @wraps(show)
        async def route(request: Request, **values: Any) -> Response:
            workers = getattr(request.app.state, name)
            response: Response = await workers.do(show, request, **values)
            return response

        return route

    return decorate


def home(request: Request) -> Response:
    """The first page; the API serves it at ``/`` to who asks for HTML."""
    published = published_of(request)
    if published is None:
        error = NothingPublishedError()
        return error_page(request, error.status, error.title, error.detail)
    return page(request, "home.html", best_known=published.best_known(_BEST_KNOWN))


@router.get("/search")
@_on_a_worker("searching")
def search(request: Request, published: _Published) -> Response:
    """The films of a title, or the suggestions below a search box."""
    query = _query(request.query_params.get("q", ""))
    is_typing = request.headers.get("X-Part") == "options"
    films = published.search(query, _SUGGESTIONS if is_typing else _FOUND) if query else []
    is_cut = len(films) == _FOUND
    return page(request, "search.html", parts=("options",), query=query, films=films, is_cut=is_cut)


@router.get("/films/{film}")
@_on_a_worker("working")
def film(request: Request, published: _Published, film: str) -> Response:
    """A film, and the films like it."""
    number = _FILM.fullmatch(film)
    row = published.row_of(int(number[1])) if number else None
    if number is None or row is None:
        raise NoSuchFilmError
    shown = published.film(int(number[1]))
    if request.url.path != film_path(shown):
        there = address(film_path(shown), request.query_params.multi_items())
        return RedirectResponse(there, status_code=308)
    wanted = _wanted(published, request.query_params)
    similar = published.similar(shown.id, wanted.limit, 0, wanted.wishes)
    return page(
        request,
        "film.html",
        parts=("similar",),
        film=shown,
        found=similar,
        more=_more(wanted, len(similar)),
        default_popularity=POPULARITY,
        wanted=wanted,
    )


@router.get("/taste")
@_on_a_worker("working")
def show_taste(request: Request, published: _Published) -> Response:
    """Films for who likes these: everything that counts stands in the address."""
    fields = request.query_params
    picks = read_picks(fields)
    changed = _apply(picks, fields)
    if changed is not None:
        wanted = _wanted(published, fields)
        there = address("/taste", [*changed.fields, *wanted.fields])
        return RedirectResponse(there, status_code=303)
    return _taste_page(request, published, picks, fields)


async def _form(request: Request) -> Fields:
    form = await request.form()
    fields = [(name, value) for name, value in form.multi_items() if isinstance(value, str)]
    return ImmutableMultiDict(fields)


@router.post("/taste")
@_on_a_worker("working")
def show_large_taste(
    request: Request, published: _Published, fields: Annotated[Any, Depends(_form)]
) -> Response:
    """The same for who has more films than an address can hold."""
    picks = read_picks(fields)
    return _taste_page(request, published, _apply(picks, fields) or picks, fields)


@router.get("/taste/import")
async def begin_anew() -> Response:
    """Where somebody comes back to the address that their export was sent to."""
    return RedirectResponse("/taste", status_code=303)


@router.post("/taste/import")
@_on_a_worker("working")
def bring_export(
    request: Request, published: _Published, file: Annotated[UploadFile | None, File()] = None
) -> Response:
    """Films for somebody by the file that another site gave them; it is read and forgotten."""
    empty: Fields = ImmutableMultiDict()
    if file is None or not file.filename:
        return _taste_page(
            request, published, Picks(), empty, 422, problem="Choose a file before you send it."
        )
    try:
        matched = match(read_export(file.file, file.filename), published)
    except ExportError as error:
        status = 413 if isinstance(error, ExportTooLargeError) else 422
        return _taste_page(request, published, Picks(), empty, status, problem=str(error))
    # As the address has them, so that a dial that is turned later changes nothing else.
    token = write_profile(brought_films(matched.profile))
    return _taste_page(
        request,
        published,
        Picks(brought=read_profile(token)),
        empty,
        brought=matched,
        near=[found for found in matched.found if found.how == "near miss"],
    )


@router.get("/about-data")
@_on_a_worker("working")
def about_data(request: Request, published: _Published) -> Response:
    """How old the data is, how much there is, and how good the recommendations are."""
    quality = published.quality
    return page(
        request,
        "about.html",
        name=published.name,
        plots=plots(quality),
        quality=quality,
        uses_movielens="co_liked" in published.manifest.signals,
    )


def _taste_page(
    request: Request,
    published: Published,
    picks: Picks,
    fields: Fields,
    status: int = 200,
    **shown: Any,
) -> Response:
    wanted = _wanted(published, fields)
    known = known_films(published, picks)
    suggested: list[Suggested] = []
    is_silent = False
    if known.speaks:
        try:
            suggested = published.for_taste(
                known.likings, known.seen, wanted.limit, 0, wanted.wishes
            )
        except EmptyTasteError:
            is_silent = True
    query = _query(fields.get("q", ""))
    is_short = len(dict(picks.fields).get("profile", "")) <= LONGEST_IN_ADDRESS
    context = {
        "picks": picks,
        "known": known,
        "kept": picks.fields,
        "method": "get" if is_short else "post",
        "address_of_page": address("/taste", picks.fields) if is_short else None,
        "query": query,
        "films": published.search(query, _SUGGESTIONS) if query else [],
        "found": suggested,
        "is_silent": is_silent,
        "more": _more(wanted, len(suggested)),
        "default_popularity": POPULARITY,
        "wanted": wanted,
        "best_known": [] if known.speaks else published.best_known(_BEST_KNOWN),
        "brought": None,
        "near": [],
        "problem": None,
    }
    parts = ("taste", "suggestions")
    return page(request, "taste.html", parts=parts, status=status, **context | shown)


def _apply(picks: Picks, fields: Fields) -> Picks | None:
    """What a button changes of the picked films; None where none was pressed."""
    for name, change in (("like", picks.like), ("dislike", picks.dislike), ("drop", picks.drop)):
        if number := _FILM.fullmatch(fields.get(name, "")):
            return change(int(number[1]))
    return Picks() if "clear" in fields else None


def _wanted(published: Published, fields: Fields) -> Wanted:
    return read_wanted(
        fields,
        genres=published.manifest.genres,
        languages=published.manifest.languages,
        default_popularity=POPULARITY,
    )


def _more(wanted: Wanted, shown: int) -> int | None:
    """How many films a longer list has, where there may be one."""
    if shown < wanted.limit or wanted.limit >= MOST:
        return None
    return min(wanted.limit + FIRST, MOST)


def _query(text: str) -> str:
    """What was typed, without what no title has."""
    return " ".join("".join(c if c.isprintable() else " " for c in text).split())[:_LONGEST_QUERY]
