"""A release's folder: where its files are, and whether they are still the same.

What is in the files belongs to ``lines.py`` and ``ratings.py``.
"""

from __future__ import annotations

import hashlib
from contextlib import contextmanager
from typing import TYPE_CHECKING

from movie_assets.movielens.errors import FileMissingError, FolderMissingError, UnreadableError

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

RATINGS, LINKS = "ratings.csv", "links.csv"

#: What to do where a folder or file cannot be used.
REMEDY = (
    "Unpack a release of GroupLens again (ml-latest-small.zip, ml-32m.zip, ...) and let "
    "MOVIELENS_DIR name its folder, or unset MOVIELENS_DIR to go without MovieLens."
)


def fingerprint(folder: Path) -> str:
    """A text that changes when the files of a release change, its folder's name left aside.

    By size and time of the last change: to read the files themselves would take seconds, whenever
    somebody only asks whether anything is out of date. Never fails: missing files count as such.
    """
    found: list[tuple[str, object, int]] = []
    for name in (RATINGS, LINKS):
        try:
            file = (folder / name).stat()
            found.append((name, file.st_size, file.st_mtime_ns))
        except OSError as error:
            found.append((name, type(error).__name__, 0))
    return hashlib.sha256(repr(found).encode()).hexdigest()[:16]


def find_file(folder: Path, name: str) -> Path:
    """The file of a release.

    Raises:
        FolderMissingError: where there is no such folder.
        FileMissingError: where the file is not in it; the message says where it is instead.
        UnreadableError: where the operating system does not let us look.
    """
    with named_errors(folder):
        return _find_file(folder, name)


def _find_file(folder: Path, name: str) -> Path:
    if folder.is_file():
        raise FolderMissingError(
            f"MOVIELENS_DIR names the file {folder}, and not a folder. {REMEDY}"
        )
    if not folder.is_dir():
        raise FolderMissingError(
            f"MOVIELENS_DIR names {folder}, and there is no such folder. {REMEDY}"
        )
    path = folder / name
    if path.is_file():
        return path
    raise FileMissingError(f"{folder} has no {name}{_hint(folder, name)}. {REMEDY}")


def _hint(folder: Path, name: str) -> str:
    below = sorted(path.parent for path in folder.glob(f"*/{name}"))
    if below:
        return f", but its folder {below[0].name} has: that is the one to name"
    if (folder / "ratings.dat").is_file():
        return (
            ", but a ratings.dat: ml-1m and ml-10m are older than the csv files, from "
            "ml-20m on and in ml-latest-small they are there"
        )
    return ""


@contextmanager
def named_errors(path: Path) -> Iterator[None]:
    """Turn what the operating system refuses into an :class:`UnreadableError`."""
    try:
        yield
    except OSError as error:
        raise UnreadableError(
            f"{path} cannot be read: {error.strerror or error}. Give this user read access to it, "
            "or unset MOVIELENS_DIR to go without MovieLens."
        ) from error
