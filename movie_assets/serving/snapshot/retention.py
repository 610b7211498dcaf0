"""What is removed from the folder of snapshots, and when.

What belongs here: removing old snapshots that nobody holds, and what killed writers left. What
does not: writing and opening.
"""

from __future__ import annotations

import os
import shutil
import uuid
from dataclasses import dataclass
from pathlib import Path

from movie_assets.serving.snapshot import layout, locks

#: How many snapshots are kept, the one that is served included.
KEPT = 3


@dataclass(frozen=True)
class Removed:
    """What became of old snapshots.

    Attributes:
        removed: names of those that are gone.
        held: names of those that stay, since a reader holds them.
    """

    removed: tuple[str, ...] = ()
    held: tuple[str, ...] = ()


def remove_litter(published: Path) -> None:
    """Remove what writers left that were killed. Only for who holds the writers' lock."""
    for path in published.iterdir():
        if path.name.startswith((layout.DRAFT, layout.REMOVED)):
            discard(path)


def remove_old(published: Path, served: str, keep: int = KEPT) -> Removed:
    """Remove all but the last snapshots. Only for who holds the writers' lock.

    Args:
        published: the folder of snapshots.
        served: the snapshot that stays whatever its age.
        keep: how many stay, at least 1.
    """
    found = sorted(snapshots(published), key=lambda path: path.stat().st_mtime_ns, reverse=True)
    others = [path for path in found if path.name != served]
    removed: list[str] = []
    held: list[str] = []
    for path in others[max(keep, 1) - 1 :]:
        (removed if _remove(path) else held).append(path.name)
    return Removed(tuple(removed), tuple(held))


def snapshots(published: Path) -> list[Path]:
    """The folders that are named as snapshots are."""
    return [
        path for path in published.iterdir() if layout.NAME.fullmatch(path.name) and path.is_dir()
    ]


def move_away(path: Path) -> Path:
    """Give a snapshot a name by which nobody finds it."""
    gone = path.with_name(f"{layout.REMOVED}{path.name}-{uuid.uuid4().hex[:8]}")
    path.rename(gone)
    return gone


def discard(path: Path) -> None:
    """Remove a file or a folder; what cannot be removed is left for the next time."""
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path, ignore_errors=True)
    else:
        path.unlink(missing_ok=True)


def _remove(folder: Path) -> bool:
    manifest = folder / layout.MANIFEST
    try:
        # Some file systems give a lock of one's own only to who may write.
        file = manifest.open("r+b" if os.access(manifest, os.W_OK) else "rb")
    except FileNotFoundError:
        discard(move_away(folder))
        return True
    with file:
        if not locks.seize(file):
            return False
        # A reader that comes now finds no such folder, and looks again which one is served.
        gone = move_away(folder)
    discard(gone)
    return True
