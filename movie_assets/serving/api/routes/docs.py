"""The API's docs: Swagger UI, served from here, so that no browser asks anybody else."""

from __future__ import annotations

from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING

from fastapi import APIRouter
from fastapi.responses import FileResponse, HTMLResponse

from movie_assets.serving.api.problems import Problem

if TYPE_CHECKING:
    from starlette.responses import Response

router = APIRouter(include_in_schema=False)

#: By their names here; only these are served.
_FILES = {
    "swagger-ui-bundle.js": "text/javascript",
    "swagger-ui.css": "text/css",
}
_POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self' 'unsafe-inline'; "
    "img-src 'self' data:; connect-src 'self'; base-uri 'none'; form-action 'self'; "
    "frame-ancestors 'none'"
)
_PAGE = """<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>movie_assets API</title>
<link rel="stylesheet" href="docs/swagger-ui.css">
<link rel="icon" href="data:,">
</head>
<body>
<div id="docs"></div>
<noscript>These docs need JavaScript; <a href="openapi.json">openapi.json</a> does not.</noscript>
<script src="docs/swagger-ui-bundle.js"></script>
<script src="docs/start.js"></script>
</body>
</html>
"""
_START = """SwaggerUIBundle({
  url: "openapi.json",
  dom_id: "#docs",
  deepLinking: true,
  displayRequestDuration: true,
  presets: [SwaggerUIBundle.presets.apis],
});
"""
_KEPT = {"cache-control": "public, max-age=86400", "x-content-type-options": "nosniff"}


@router.get("/docs")
async def page() -> Response:
    """Swagger UI."""
    return HTMLResponse(
        _PAGE, headers={"cache-control": "no-cache", "content-security-policy": _POLICY}
    )


@router.get("/docs/{name}")
async def file(name: str) -> Response:
    """What Swagger UI is made of."""
    if name == "start.js":
        return HTMLResponse(_START, headers=_KEPT, media_type="text/javascript")
    if name not in _FILES:
        raise Problem(404, "There is nothing at this address. The docs stand at /docs.")
    return FileResponse(_folder() / name, headers=_KEPT, media_type=_FILES[name])


def _folder() -> Path:
    """Where the package that ships Swagger UI has it; the package itself is not imported."""
    spec = find_spec("fastapi_offline")
    if spec is None or spec.origin is None:
        raise Problem(404, "Swagger UI is not installed here; /openapi.json says the same.")
    return Path(spec.origin).parent / "static"
