"""The style sheet, the script and the icon, each at an address that names its content.

So a browser may keep them for good: what is changed has another address.
"""

from __future__ import annotations

import hashlib
import os
from pathlib import Path
from typing import TYPE_CHECKING

from starlette.staticfiles import StaticFiles

if TYPE_CHECKING:
    from starlette.responses import Response
    from starlette.types import Scope

_FOLDER = Path(__file__).parent / "static"
_HASH_CHARACTERS = 12


class HashedFiles(StaticFiles):
    """Serves the files of a folder, each only by the name that has its content's hash in it."""

    def __init__(self, folder: Path = _FOLDER) -> None:
        super().__init__(directory=folder)
        self._hashed = {
            path.name: f"{path.stem}.{_content_hash(path)}{path.suffix}"
            for path in sorted(folder.iterdir())
        }
        self._plain = {hashed: name for name, hashed in self._hashed.items()}

    def name_of(self, name: str) -> str:
        """What a file is called in addresses."""
        return self._hashed[name]

    def lookup_path(self, path: str) -> tuple[str, os.stat_result | None]:
        """The file behind an address."""
        plain = self._plain.get(path)
        return super().lookup_path(plain) if plain else ("", None)

    async def get_response(self, path: str, scope: Scope) -> Response:
        """The file, to be kept."""
        response = await super().get_response(path, scope)
        response.headers["Cache-Control"] = "public, max-age=31536000, immutable"
        response.headers["X-Content-Type-Options"] = "nosniff"
        return response


def _content_hash(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()[:_HASH_CHARACTERS]
