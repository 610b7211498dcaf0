"""``movie-assets serve``: the HTTP API and the web page, as processes that listen.

What they answer is ``serving.api``'s. Nothing here imports Dagster: the server has to be small, and
must not depend on what the pipeline does.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from movie_assets.serving.api import ServingSettings, create_app
from movie_assets.settings import load_settings

if TYPE_CHECKING:
    from fastapi import FastAPI


def app_from_settings() -> FastAPI:
    """The application as the environment and ``.env`` want it; each worker calls this."""
    settings = load_settings()
    return create_app(ServingSettings(published_dir=settings.home / "published"))
