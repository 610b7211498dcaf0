"""The manifest: what a snapshot is, and each file's size and checksum.

What belongs here: the model of ``manifest.json``, its checksum, and the name that follows from its
content. What does not: the files themselves.
"""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import Annotated, Any

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field, ValidationError

from movie_assets.serving.snapshot import layout
from movie_assets.serving.snapshot.errors import SnapshotError

_Count = Annotated[int, Field(ge=0)]
_PUBLISH_AGAIN = "Publish again: movie-assets build"


class FileEntry(BaseModel):
    """One file of a snapshot.

    Attributes:
        bytes: its size.
        blake3: its checksum, in hex.
    """

    model_config = ConfigDict(frozen=True)

    bytes: _Count
    blake3: Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")]


class Manifest(BaseModel):
    """What a snapshot says of itself.

    Attributes:
        format: the version of the format.
        created_at: when its content was first published.
        refreshed_at: when the films were last asked for at their source; None where unknown.
        run_id: of the Dagster run that made it; None where there was none.
        films: how many films.
        pairs: how many pairs of neighbours.
        terms: how many feature columns.
        reasons: how many distinct reasons.
        fields: the features' fields, in the order of their columns.
        genres: the films' genres, sorted.
        languages: their original languages, sorted.
        signals: the signals that are there, sorted.
        titles_format: the version of the format of the index for search.
        files: by its path in the folder, ``/`` between its parts, every file but the manifest.
        checksum: SHA-256 of all of the above, in hex.
    """

    model_config = ConfigDict(frozen=True)

    format: int
    created_at: AwareDatetime
    refreshed_at: AwareDatetime | None = None
    run_id: str | None = None
    films: _Count
    pairs: _Count
    terms: _Count
    reasons: _Count
    fields: tuple[str, ...]
    genres: tuple[str, ...]
    languages: tuple[str, ...]
    signals: tuple[str, ...]
    titles_format: int
    files: dict[str, FileEntry]
    checksum: str = ""

    @property
    def bytes(self) -> int:
        """The size of all files but the manifest."""
        return sum(entry.bytes for entry in self.files.values())

    @property
    def name(self) -> str:
        """The snapshot's name: the same for the same content, whenever it was written."""
        content = {
            "format": self.format,
            "titles_format": self.titles_format,
            "fields": self.fields,
            "files": {
                path: entry.blake3 for path, entry in self.files.items() if not is_derived(path)
            },
        }
        return hashlib.sha256(_canonical(content)).hexdigest()[:32]

    def sealed(self) -> Manifest:
        """The manifest with its checksum."""
        return self.model_copy(update={"checksum": self._checksum()})

    def write(self, folder: Path) -> None:
        """Write the sealed manifest; the caller syncs it."""
        text = json.dumps(self.sealed().model_dump(mode="json"), indent=1)
        (folder / layout.MANIFEST).write_text(text + "\n", encoding="utf-8")

    def _checksum(self) -> str:
        return hashlib.sha256(
            _canonical(self.model_dump(mode="json", exclude={"checksum"}))
        ).hexdigest()


def is_derived(path: str) -> bool:
    """Whether a file can be made from the others, so that it does not count for the name."""
    return path.startswith((f"{layout.TITLES}/", f"{layout.BRIEFS}/"))


def read_manifest(folder: Path, raw: bytes) -> Manifest:
    """Take a manifest from the bytes of its file.

    Args:
        folder: the snapshot's, for messages.
        raw: what the file holds.

    Raises:
        SnapshotError: where it is of another format, or is not what :meth:`Manifest.write` writes.
    """
    path = folder / layout.MANIFEST
    try:
        found: Any = json.loads(raw)
        version = found["format"]
    except (ValueError, KeyError, TypeError, RecursionError):
        raise SnapshotError(f"{path} is damaged: it is no manifest. {_PUBLISH_AGAIN}") from None
    if version != layout.FORMAT:
        raise SnapshotError(_of_another_format(folder, version))
    try:
        manifest = Manifest.model_validate(found)
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(str(part) for part in first["loc"])
        raise SnapshotError(
            f"{path} is damaged: {where}: {first['msg']}. {_PUBLISH_AGAIN}"
        ) from None
    if manifest.checksum != manifest.sealed().checksum:
        raise SnapshotError(f"{path} is damaged: its checksum is wrong. {_PUBLISH_AGAIN}")
    return manifest


def _of_another_format(folder: Path, version: object) -> str:
    if isinstance(version, int) and version > layout.FORMAT:
        return (
            f"The snapshot {folder} is of format {version}, and this movie_assets reads format "
            f"{layout.FORMAT}: upgrade movie_assets, or publish again with this one "
            "(movie-assets build)."
        )
    return (
        f"The snapshot {folder} is of format {version}, and this movie_assets reads format "
        f"{layout.FORMAT}. {_PUBLISH_AGAIN}"
    )


def _canonical(value: object) -> bytes:
    return json.dumps(value, sort_keys=True, separators=(",", ":"), allow_nan=False).encode()
