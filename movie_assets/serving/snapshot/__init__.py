"""The snapshot: a folder of plain files that is written once, checked, and never changed.

What belongs here: the files' format (``layout``, ``manifest``), how they are written (``writer``),
opened (``reader``) and removed when they are old (``retention``). What does not: where the content
comes from, and what is asked of it. The format's reference is docs/snapshot.md.
"""

from movie_assets.serving.snapshot.content import Renewal, SnapshotContent
from movie_assets.serving.snapshot.errors import SnapshotError
from movie_assets.serving.snapshot.manifest import Manifest
from movie_assets.serving.snapshot.reader import Snapshot, current_name, open_snapshot
from movie_assets.serving.snapshot.writer import Written, write_snapshot

__all__ = [
    "Manifest",
    "Renewal",
    "Snapshot",
    "SnapshotContent",
    "SnapshotError",
    "Written",
    "current_name",
    "open_snapshot",
    "write_snapshot",
]
