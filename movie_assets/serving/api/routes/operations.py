"""What those who run the server ask: does it live, what does it serve, how does it do."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

import orjson
from fastapi import APIRouter, Request
from starlette.responses import PlainTextResponse, Response

from movie_assets.serving.api import examples
from movie_assets.serving.api.documented import responses
from movie_assets.serving.api.models import Healthy, Ready
from movie_assets.serving.api.problems import NotPublishedError

if TYPE_CHECKING:
    from movie_assets.serving.api.current import Current

router = APIRouter(tags=["operations"])

_NOT_STORED = {"cache-control": "no-store"}


@router.get("/health", response_model=Healthy, responses=responses(examples.HEALTHY))
async def health() -> Response:
    """Whether the process answers at all."""
    return _json({"status": "ok"})


@router.get("/ready", response_model=Ready, responses=responses(examples.READY))
async def ready(request: Request) -> Response:
    """Which snapshot is served and how old it is; 503 while there is none."""
    current: Current = request.app.state.current
    if current.served is None:
        raise NotPublishedError(current.problem)
    return _json({"status": "ready", **_snapshot(current)})


@router.get(
    "/metrics",
    response_class=PlainTextResponse,
    responses=responses(examples.METRICS, media_type="text/plain"),
)
async def metrics(request: Request) -> Response:
    """Figures for Prometheus."""
    text, content_type = request.app.state.metrics.write(
        request.app.state.current, request.headers.get("accept", "")
    )
    return Response(text, headers={**_NOT_STORED, "content-type": content_type})


def _snapshot(current: Current) -> dict[str, Any]:
    assert current.served is not None  # noqa: S101 - asked before
    manifest = current.served.published.manifest
    return {
        "snapshot": {
            "name": current.served.name,
            "created_at": manifest.created_at,
            "age_seconds": round(time.time() - manifest.created_at.timestamp(), 1),
            "refreshed_at": manifest.refreshed_at,
            "films": manifest.films,
            "pairs": manifest.pairs,
            "run_id": manifest.run_id,
        },
        "problem": current.problem,
    }


def _json(document: dict[str, Any]) -> Response:
    return Response(orjson.dumps(document), headers=_NOT_STORED, media_type="application/json")
