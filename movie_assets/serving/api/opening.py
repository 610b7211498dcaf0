"""From the published folder to a snapshot that answers at once."""

from __future__ import annotations

from typing import TYPE_CHECKING

from movie_assets.serving.api.served import Served
from movie_assets.serving.briefs import open_briefs
from movie_assets.serving.published import Published
from movie_assets.serving.snapshot import layout, open_snapshot

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
    except BaseException:
        snapshot.close()
        raise
    return Served(published, snapshot.close, briefs)
