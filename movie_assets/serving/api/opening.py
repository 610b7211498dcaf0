"""From the published folder to a snapshot that answers at once."""

from __future__ import annotations

from contextlib import suppress
from threading import Thread
from typing import TYPE_CHECKING

from movie_assets.serving.api.served import Served
from movie_assets.serving.briefs import Briefs, open_briefs
from movie_assets.serving.published import Published
from movie_assets.serving.snapshot import layout, open_snapshot
from movie_assets.serving.snapshot.files import read_ahead

if TYPE_CHECKING:
    from pathlib import Path


def open_served(folder: Path) -> Served:
    """Open what is published, and ask it a few questions, so that the first client need not wait.

    Raises:
        SnapshotError: where there is none, or it cannot be served.
    """
    snapshot = open_snapshot(folder)
    try:
        published = Published(snapshot)
        published.warm()
        briefs = open_briefs(snapshot.folder / layout.BRIEFS)
        served = Served(published, snapshot.close, briefs)
        served.writer.warm()
    except BaseException:
        snapshot.close()
        raise
    # Of a million films gigabytes: meanwhile questions are answered, if slower.
    ahead = (snapshot.folder / layout.PAIRS, briefs)
    Thread(target=_read_ahead, args=ahead, name="read-ahead", daemon=True).start()
    return served


def _read_ahead(pairs: Path, briefs: Briefs | None) -> None:
    """Have the files that every list is made of in the system's memory.

    They are read at random places, where the system would not read on by itself.
    """
    with suppress(OSError):  # no more than slower, then
        # A list is read from ten places of the films' JSON, and from one of the pairs.
        if briefs is not None:
            briefs.read_ahead()
        read_ahead(pairs)
