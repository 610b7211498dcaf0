"""The application: its routes and what stands in front of them, put together."""

from __future__ import annotations

from contextlib import asynccontextmanager
from importlib.metadata import version
from typing import TYPE_CHECKING, Any

from anyio import CapacityLimiter
from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException
from starlette.formparsers import MultiPartParser
from starlette.middleware.cors import CORSMiddleware

from movie_assets.serving import web
from movie_assets.serving.api.access_log import AccessLog
from movie_assets.serving.api.current import Current
from movie_assets.serving.api.documented import complete
from movie_assets.serving.api.fast import FastPath
from movie_assets.serving.api.gate import Gate
from movie_assets.serving.api.guard import Guard
from movie_assets.serving.api.metrics import Metrics
from movie_assets.serving.api.opening import open_served
from movie_assets.serving.api.problems import Problem, invalid
from movie_assets.serving.api.routes import docs, movies, operations, tastes, tutorial
from movie_assets.serving.api.telling import tell
from movie_assets.serving.api.work import Workers
from movie_assets.serving.imports import ExportError, ExportTooLargeError
from movie_assets.serving.published import (
    EmptyTasteError,
    TasteError,
    UnknownFilmError,
    UnknownNameError,
    WishesError,
)

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable

    from starlette.responses import Response

    from movie_assets.serving.api.options import ServingSettings

#: What Starlette says of these is the status once more.
_WORDS = {
    404: "There is nothing at this address. What there is stands at /docs.",
    405: "This address does not take that method. What it takes stands at /docs.",
}
#: Our errors: their messages are for people.
_ERRORS = (
    (UnknownFilmError, 404, "unknown-film"),
    (UnknownNameError, 422, "unknown-name"),
    (WishesError, 422, "invalid-value"),
    (TasteError, 422, "invalid-taste"),
    (EmptyTasteError, 422, "empty-taste"),
    (ExportTooLargeError, 413, "export-too-large"),
    (ExportError, 422, "unreadable-export"),
)
#: So many requests may wait for a thread; the next is told to come back.
_WAITING = 64
#: So many exports are read at the same time; each is held in memory meanwhile.
_UPLOADS = 8
_DESCRIPTION = """Films like a film, and films for a person, each with the reason why.

Every answer comes from one snapshot, which `X-Snapshot` names; a new one is taken up without a
request being dropped. Errors are problem details (RFC 9457)."""


def create_app(settings: ServingSettings) -> FastAPI:
    """Make the application that serves what is published.

    It opens the snapshot when it starts, and goes on looking for the next. Where nothing is
    published yet it answers 503 until something is.
    """
    metrics = Metrics()
    current = Current(
        settings.published_dir,
        lambda: open_served(settings.published_dir),
        settings.poll_seconds,
        metrics.count_reload,
    )
    access_log = AccessLog() if settings.access_log else None

    @asynccontextmanager
    async def lifespan(_: FastAPI) -> AsyncIterator[None]:
        await current.start()
        try:
            yield
        finally:
            await current.stop()
            if access_log is not None:
                access_log.flush()

    app = FastAPI(
        title="movie_assets",
        version=version("movie_assets"),
        description=_DESCRIPTION,
        lifespan=lifespan,
        docs_url=None,
        redoc_url=None,
        redirect_slashes=False,
        separate_input_output_schemas=False,
        # What is measured is for Prometheus, and each request would be looked at whether somebody
        # has set up OpenTelemetry.
        telemetry={"tracing": False, "metrics": False, "logs": False},
    )
    app.state.current = current
    app.state.metrics = metrics
    app.state.searching = Workers(settings.threads, _WAITING)
    app.state.working = Workers(settings.threads, _WAITING)
    app.state.uploads = CapacityLimiter(_UPLOADS)
    # Somebody's export is read in memory: nothing of it is written to a disk.
    MultiPartParser.spool_max_size = settings.max_upload_bytes + 1
    for routes in (tutorial, movies, tastes, operations, docs):
        app.include_router(routes.router)
    _describe(app)
    _add_pages(app)
    _tell_problems(app)
    # The last one added is the outermost.
    app.add_middleware(FastPath)
    app.add_middleware(Guard, settings=settings)
    if settings.cors_origins:
        app.add_middleware(
            CORSMiddleware,
            allow_origins=settings.cors_origins,
            allow_methods=("GET", "POST"),
            allow_headers=("Authorization", "Content-Type", "X-API-Key", "X-Request-Id"),
            expose_headers=("ETag", "Retry-After", "X-Request-Id", "X-Snapshot"),
        )
    app.add_middleware(
        Gate, settings=settings, current=current, metrics=metrics, access_log=access_log
    )
    return app


def _describe(app: FastAPI) -> None:
    make = app.openapi

    def openapi() -> dict[str, Any]:
        return app.openapi_schema or complete(make())

    app.openapi = openapi  # type: ignore[method-assign]


def _add_pages(app: FastAPI) -> None:
    app.include_router(web.router)
    app.mount(web.STATIC_PATH, web.static_app, name="static")


def _tell_problems(app: FastAPI) -> None:
    @app.exception_handler(Problem)
    async def _(request: Request, problem: Problem) -> Response:
        return tell(request, problem)

    @app.exception_handler(HTTPException)
    async def _(request: Request, error: HTTPException) -> Response:
        detail = _WORDS.get(error.status_code, str(error.detail))
        return tell(request, Problem(error.status_code, detail, headers=error.headers))

    for kind, status, name in _ERRORS:
        app.add_exception_handler(kind, _teller(status, name))

    @app.exception_handler(RequestValidationError)
    async def _(request: Request, error: RequestValidationError) -> Response:
        return tell(request, invalid(error.errors()))


def _teller(status: int, kind: str) -> Callable[[Request, Exception], Response]:
    def answer(request: Request, error: Exception) -> Response:
        return tell(request, Problem(status, str(error), kind=kind))

    return answer
