"""From the published folder to a snapshot that answers at once."""

from __future__ import annotations

from typing import TYPE_CHECKING

from movie_assets.serving.api.served import Served

if TYPE_CHECKING:
    from pathlib import Path


def open_served(folder: Path) -> Served:
    """Open what is published, and ask it a few questions, so that the first client need not wait.

    Raises:
        SnapshotError: where there is none, or it cannot be served.
    """
    try:
        from movie_assets.serving.published import Published  # noqa: PLC0415
        from movie_assets.serving.snapshot import open_snapshot  # noqa: PLC0415
    except ImportError:
        from movie_assets.serving.api import _stand_in  # noqa: PLC0415

        return Served(_stand_in.Published(), lambda: None)  # type: ignore[arg-type]

    snapshot = open_snapshot(folder)
    try:
        published = Published(snapshot)
    except BaseException:
        snapshot.close()
        raise
    return Served(published, snapshot.close)
