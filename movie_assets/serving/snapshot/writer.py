"""Writing a snapshot: into a draft, synced and read back, and then there at once.

What belongs here: the order of things, so that a write that fails or is killed leaves what is
served as it was. What each file holds is for ``drafting``; what is removed for ``retention``.
"""

from __future__ import annotations

import errno
import os
import time
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from filelock import FileLock, Timeout

from movie_assets.serving.snapshot import layout
from movie_assets.serving.snapshot.content import SnapshotContent
from movie_assets.serving.snapshot.disk import sync_folder
from movie_assets.serving.snapshot.drafting import Draft
from movie_assets.serving.snapshot.errors import SnapshotError
from movie_assets.serving.snapshot.manifest import Manifest
from movie_assets.serving.snapshot.previous import Previous, forget, note, previous_of
from movie_assets.serving.snapshot.reader import current_name, open_folder
from movie_assets.serving.snapshot.retention import (
    KEPT,
    Removed,
    discard,
    move_away,
    remove_litter,
    remove_old,
)

#: How long to wait for another writer, in seconds.
WAIT_SECONDS = 600.0

_FULL = {errno.ENOSPC, errno.EDQUOT, errno.EFBIG}


@dataclass(frozen=True)
class Written:
    """What a write did.

    Attributes:
        folder: the snapshot's.
        manifest: what it says of itself.
        is_new: whether it was written; else the same content was there already, undamaged.
        seconds: how long it took, waiting for other writers included.
        removed: what became of old snapshots.
    """

    folder: Path
    manifest: Manifest
    is_new: bool
    seconds: float
    removed: Removed

    @property
    def name(self) -> str:
        """The snapshot's name."""
        return self.folder.name


def write_snapshot(
    published: Path,
    content: SnapshotContent,
    *,
    run_id: str | None = None,
    refreshed_at: datetime | None = None,
    made_by: str | None = None,
    keep: int = KEPT,
    wait_seconds: float = WAIT_SECONDS,
) -> Written:
    """Publish some content: from when this returns, readers that ask are given it.

    Either the new snapshot is served afterwards, whole and read back from disk, or the old one is:
    also where the process is killed meanwhile. Content that is there already is not written again.

    Args:
        published: the folder of snapshots; it is made where it is missing.
        content: what to publish.
        run_id: of the Dagster run.
        refreshed_at: when the films were last asked for, aware.
        made_by: names the code that makes it and the content. What belongs to unchanged films is
            taken over from the snapshot that is served where that one has the same; the outcome is
            the same to the last byte. None makes all of it anew.
        keep: how many snapshots stay, this one included.
        wait_seconds: how long to wait for another writer.

    Raises:
        SnapshotError: where it cannot be written, or the content does not fit together; what was
            served before still is.
    """
    started = time.perf_counter()
    with _named_errors(published), _alone(published, wait_seconds):
        remove_litter(published)
        with previous_of(published, made_by) as previous, _draft(published, previous) as draft:
            draft.write(content)
            name = draft.manifest().name
            is_new = not _is_there(published / name)
            if is_new:
                forget(published)
                _put(draft, draft.manifest(refreshed_at, run_id))
        _serve(published, name)
        if is_new and made_by is not None:  # else other code may have made it
            note(published, name, made_by, content.renewal.told_by if content.renewal else None)
        with open_folder(published / name, name) as snapshot:
            manifest = snapshot.manifest
        removed = remove_old(published, name, keep)
    return Written(published / name, manifest, is_new, time.perf_counter() - started, removed)


@contextmanager
def _alone(published: Path, wait_seconds: float) -> Iterator[None]:
    """One writer at a time; the system lets go of the lock of one that is killed."""
    published.mkdir(parents=True, exist_ok=True)
    lock = FileLock(published / layout.LOCK, timeout=wait_seconds)
    try:
        lock.acquire()
    except Timeout:
        raise SnapshotError(
            f"Another process is publishing into {published}; waited {wait_seconds:g} s for it. "
            "Wait until it is done, then run this again."
        ) from None
    try:
        yield
    finally:
        lock.release()


@contextmanager
def _draft(published: Path, previous: Previous | None) -> Iterator[Draft]:
    folder = published / f"{layout.DRAFT}{uuid.uuid4().hex[:8]}"
    folder.mkdir()
    try:
        yield Draft(folder, previous)
    finally:
        if folder.exists():
            discard(folder)


def _is_there(folder: Path) -> bool:
    """Whether a snapshot is there, and undamaged."""
    if not folder.exists():
        return False
    try:
        with open_folder(folder, folder.name) as snapshot:
            snapshot.verify()
    except SnapshotError:
        return False
    return True


def _put(draft: Draft, manifest: Manifest) -> None:
    """Make the draft a snapshot, in the place of a damaged one of its name."""
    manifest.write(draft.folder)
    draft.sync()
    # Before anybody can see it.
    open_folder(draft.folder, manifest.name).close()
    folder = draft.folder.with_name(manifest.name)
    damaged = move_away(folder) if folder.exists() else None
    draft.folder.rename(folder)
    sync_folder(folder.parent)
    if damaged is not None:
        discard(damaged)


def _serve(published: Path, name: str) -> None:
    """Have a snapshot served from now on."""
    os.utime(published / name)  # now the last that was published: old ones go by that
    try:
        if current_name(published) == name:
            return
    except SnapshotError:
        pass  # there is none yet, or it is damaged
    draft = published / f"{layout.DRAFT}{layout.CURRENT}"
    with draft.open("w", encoding="utf-8") as file:
        file.write(f"{name}\n")
        file.flush()
        os.fsync(file.fileno())
    draft.replace(published / layout.CURRENT)
    sync_folder(published)


@contextmanager
def _named_errors(published: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        still = "What was served before still is."
        if error.errno in _FULL:
            message = (
                f"There is no room to publish in {published}: {error}. {still} Free some space"
            )
        elif isinstance(error, PermissionError) or error.errno == errno.EROFS:
            message = (
                f"{published} cannot be written by this user: {error}. {still} Give the user the "
                "right to write there"
            )
        else:
            message = f"The snapshot cannot be written to {published}: {error}. {still} Mend that"
        raise SnapshotError(
            f"{message}, or choose another folder with MOVIE_ASSETS_HOME, and run this again."
        ) from error
