"""The application: its routes and what stands in front of them, put together."""

from __future__ import annotations

import logging
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException

from movie_assets.serving.api.access_log import AccessLog
from movie_assets.serving.api.current import Current
from movie_assets.serving.api.gate import Gate
from movie_assets.serving.api.metrics import Metrics
from movie_assets.serving.api.opening import open_served
from movie_assets.serving.api.problems import Problem, answer_problem, invalid
from movie_assets.serving.api.routes import operations

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from starlette.responses import Response

    from movie_assets.serving.api.options import ServingSettings


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
        title="movie_assets", lifespan=lifespan, docs_url=None, redoc_url=None,
        redirect_slashes=False,
    )  # fmt: skip
    app.state.current = current
    app.state.metrics = metrics
    app.include_router(operations.router)
    _add_pages(app)
    _tell_problems(app)
    app.add_middleware(
        Gate, settings=settings, current=current, metrics=metrics, access_log=access_log
    )
    return app


def _add_pages(app: FastAPI) -> None:
    try:
        from movie_assets.serving import web  # noqa: PLC0415

        app.include_router(web.router)
        app.mount("/static", web.static_app, name="static")
    except (ImportError, AttributeError) as error:  # until the pages are there
        logging.getLogger(__name__).warning("No pages: %s", error)


def _tell_problems(app: FastAPI) -> None:
    @app.exception_handler(Problem)
    async def _(request: Request, problem: Problem) -> Response:
        return answer_problem(request, problem)

    @app.exception_handler(HTTPException)
    async def _(request: Request, error: HTTPException) -> Response:
        return answer_problem(
            request, Problem(error.status_code, str(error.detail), headers=error.headers)
        )

    @app.exception_handler(RequestValidationError)
    async def _(request: Request, error: RequestValidationError) -> Response:
        return answer_problem(request, invalid(list(error.errors())))
