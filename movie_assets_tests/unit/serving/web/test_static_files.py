from __future__ import annotations

import asyncio
import hashlib
from pathlib import Path

import pytest
from httpx import ASGITransport, AsyncClient, Response
from starlette.applications import Starlette
from starlette.routing import Mount

from movie_assets.serving.web.static_files import HashedFiles


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    folder = tmp_path / "static"
    folder.mkdir()
    (folder / "page.css").write_text("body { color: red }")
    (tmp_path / "secret").write_text("nobody's business")
    return folder


def get(files: HashedFiles, path: str) -> Response:
    async def ask() -> Response:
        app = Starlette(routes=[Mount("/static", files)])
        async with AsyncClient(transport=ASGITransport(app), base_url="http://web") as client:
            return await client.get(f"/static{path}")

    return asyncio.run(ask())


def test_a_file_is_served_by_the_name_of_its_content_to_be_kept_for_good(folder: Path) -> None:
    files = HashedFiles(folder)
    digest = hashlib.sha256(b"body { color: red }").hexdigest()[:12]
    assert files.name_of("page.css") == f"page.{digest}.css"
    answer = get(files, f"/page.{digest}.css")
    assert answer.text == "body { color: red }"
    assert answer.headers["Content-Type"].startswith("text/css")
    assert answer.headers["Cache-Control"] == "public, max-age=31536000, immutable"
    assert answer.headers["X-Content-Type-Options"] == "nosniff"


def test_changed_content_has_another_address(folder: Path) -> None:
    before = HashedFiles(folder).name_of("page.css")
    (folder / "page.css").write_text("body { color: blue }")
    assert HashedFiles(folder).name_of("page.css") != before


@pytest.mark.parametrize(
    "path", ["/page.css", "/page.000000000000.css", "/../secret", "/%2e%2e/secret", "/"]
)
def test_nothing_else_is_served(folder: Path, path: str) -> None:
    assert get(HashedFiles(folder), path).status_code == 404
