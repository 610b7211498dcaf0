"""From a template and what it is to show to a response, with the headers that every page has.

All markup is the templates', where every value is escaped; which page shows what is ``routes``'.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar
from urllib.parse import urlencode

from fastapi.responses import HTMLResponse, Response
from jinja2 import Environment, FileSystemLoader, StrictUndefined

from movie_assets.serving.imports.entries import NAMES
from movie_assets.serving.web import posters, wording
from movie_assets.serving.web.static_files import HashedFiles

if TYPE_CHECKING:
    from collections.abc import Sequence

    from fastapi import Request

    from movie_assets.serving.films import Film
    from movie_assets.serving.published import Published

_Response = TypeVar("_Response", bound=Response)

#: Where the static files are to be found.
STATIC_PATH = "/static"
#: The header by which the script asks for a part of a page.
PART_HEADER = "X-Part"

#: The app of the static files, to be mounted at :data:`STATIC_PATH`.
static_app = HashedFiles()

_SECURITY = {
    "Content-Security-Policy": "; ".join(
        (
            "default-src 'none'",
            "script-src 'self'",
            "style-src 'self'",
            "img-src 'self' https://image.tmdb.org",
            "connect-src 'self'",
            "form-action 'self'",
            "base-uri 'none'",
            "frame-ancestors 'none'",
        )
    ),
    "X-Content-Type-Options": "nosniff",
    # A taste stands in the address: it is nobody else's business.
    "Referrer-Policy": "same-origin",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Permissions-Policy": "camera=(), geolocation=(), microphone=()",
}


def film_path(film: Film) -> str:
    """The address of a film's page: ``/films/949-heat``."""
    slug = wording.slug(film.title)
    return f"/films/{film.id}-{slug}" if slug else f"/films/{film.id}"


def address(path: str, fields: Sequence[tuple[str, str]]) -> str:
    """A path with a query; commas stay readable."""
    return f"{path}?{urlencode(fields, safe=',')}" if fields else path


def published_of(request: Request) -> Published | None:
    """The snapshot that this request is answered from; None where nothing is published."""
    found: Published | None = getattr(request.state, "published", None)
    return found


def page(
    request: Request,
    template: str,
    *,
    parts: Sequence[str] = (),
    status: int = 200,
    **shown: Any,
) -> HTMLResponse:
    """A page, or the part of it that the script asked for.

    Args:
        request: what is answered.
        template: of the page.
        parts: the templates in ``parts/`` that may be asked for by their names.
        status: of the answer.
        shown: what the templates show.
    """
    part = request.headers.get(PART_HEADER)
    name = f"parts/{part}.html" if part in parts else template
    published = published_of(request)
    html = _environment.get_template(name).render(
        path=request.url.path,
        manifest=None if published is None else published.manifest,
        **shown,
    )
    response = HTMLResponse(html, status_code=status)
    response.headers["Cache-Control"] = "no-cache"
    if parts:
        response.headers["Vary"] = PART_HEADER
    return harden(response)


def error_page(request: Request, status: int, title: str, detail: str) -> HTMLResponse:
    """A page that says what went wrong and what can be done.

    Args:
        request: what is answered.
        status: the HTTP status.
        title: what went wrong, in a few words.
        detail: what can be done, a sentence or two.
    """
    return page(request, "error.html", status=status, code=status, title=title, detail=detail)


def harden(response: _Response) -> _Response:
    """With the headers that keep a page from loading, or being loaded into, anything else."""
    response.headers.update(_SECURITY)
    return response


def _make_environment() -> Environment:
    environment = Environment(
        loader=FileSystemLoader(Path(__file__).parent / "templates"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        auto_reload=False,
    )
    environment.globals.update(
        address=address,
        drawing=posters.drawing,
        poster=posters.poster,
        static=lambda name: f"{STATIC_PATH}/{static_app.name_of(name)}",
    )
    environment.filters.update(
        age=wording.age,
        count=wording.count,
        day=wording.day,
        language=wording.language,
        language_tag=wording.language_tag,
        names=wording.names,
        number=wording.number,
        path=film_path,
        runtime=wording.runtime,
        site=lambda form: NAMES[form],
    )
    return environment


_environment = _make_environment()
