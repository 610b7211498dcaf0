"""What readers are given: the snapshot that the API serves.

It goes through all blocking checks and is read back before anybody sees it. How a snapshot is
written is in ``movie_assets.serving.snapshot``; where its content comes from in
``movie_assets.publication``.
"""

from datetime import UTC, datetime
from pathlib import Path

import dagster as dg
import pandas as pd

from movie_assets import film_tables, publication, titles
from movie_assets.assets.declare import preview, timed
from movie_assets.assets.history import latest_figures
from movie_assets.assets.versions import code_version
from movie_assets.publication import Stored
from movie_assets.recommender import ranking, storage, weights
from movie_assets.serving import briefs, snapshot
from movie_assets.serving.snapshot import (
    Manifest,
    disk,
    drafting,
    files,
    layout,
    manifest,
    writer,
)

#: The asset's name, and its group's.
PUBLISHED, GROUP = "published_recommendations", "publish"

#: Of the code that writes, what would load numba if it were imported.
_SERVING = Path(snapshot.__file__).parents[1]
_COMPILED = (
    *(
        _SERVING / "snapshot" / f"{name}.py"
        for name in ("transpose", "interning", "pair_rows", "telling")
    ),
    *(_SERVING / "titles" / f"{name}.py" for name in ("build", "files", "matching", "words")),
)

#: What the snapshot is made of. None is loaded: tables are streamed, features mapped.
_INPUTS = (
    "movies_table",
    "genres_table",
    "movie_details",
    "movie_features",
    "similarity_matrix",
    "co_liked_movies",
    "item_weights",
    "recommendation_quality",
)


def _published_recommendations(
    context: dg.AssetExecutionContext, stored: dg.ResourceParam[Stored]
) -> dg.MaterializeResult[None]:
    """Write the snapshot and have it served."""
    written = stored.publish(
        run_id=context.run.run_id,
        refreshed_at=_refreshed(context.instance),
        made_by=f"{_MADE_BY} {_code_of_pairs(context.instance)}",
    )
    found = written.manifest
    if not written.is_new:
        context.log.info("%s holds the same content already.", written.folder)
    for name in written.removed.held:
        context.log.info("The old snapshot %s stays: a server holds it.", name)
    return dg.MaterializeResult(
        data_version=dg.DataVersion(written.name),
        metadata={
            "dagster/row_count": found.films,
            "name": written.name,
            "path": dg.MetadataValue.path(str(written.folder)),
            "films": found.films,
            "pairs": found.pairs,
            "bytes": found.bytes,
            "seconds": round(written.seconds, 3),
            "is_new": written.is_new,
            "signals": ", ".join(found.signals) or "none",
            "files": preview(_by_kind(found)),
            "old_snapshots_removed": len(written.removed.removed),
            "old_snapshots_held_by_servers": len(written.removed.held),
        },
    )


#: The code that the snapshot's files come from, the inputs' own left out.
_MADE_BY = code_version(
    publication, film_tables, storage, layout, manifest, disk, drafting, files, writer, briefs,
    titles, *_COMPILED, ranking, weights.BUNDLED,
)  # fmt: skip

published_recommendations = dg.asset(
    name=PUBLISHED,
    group_name=GROUP,
    description="The snapshot that the API serves: an immutable, checksummed folder, read back "
    "before it is served.",
    deps=_INPUTS,
    kinds={"arrow", "numpy"},
    code_version=code_version(_published_recommendations, _MADE_BY),
)(timed(_published_recommendations))


def _by_kind(found: Manifest) -> pd.DataFrame:
    """How many files there are of each kind, and how large they are."""
    files = pd.DataFrame(
        [(path.partition("/")[0], entry.bytes) for path, entry in found.files.items()],
        columns=["files", "bytes"],
    )
    by_kind = files.groupby("files")["bytes"].agg(["count", "sum"]).reset_index()
    by_kind = by_kind.rename(columns={"count": "how many", "sum": "bytes"})
    return by_kind.sort_values("bytes", ascending=False)


def _refreshed(instance: dg.DagsterInstance) -> datetime | None:
    """When the films were last asked for; of the whole catalogue, until when changes are in."""
    until = latest_figures(instance, "raw_movie_details").get("refreshed_at")
    if until is not None:
        return datetime.fromtimestamp(float(until), UTC)
    event = instance.get_latest_materialization_event(dg.AssetKey("raw_popular_movies"))
    return datetime.fromtimestamp(event.timestamp, UTC) if event else None


def _code_of_pairs(instance: dg.DagsterInstance) -> str:
    """The version of the code that made the pairs that are stored."""
    event = instance.get_latest_materialization_event(dg.AssetKey("similarity_matrix"))
    tags = event.asset_materialization.tags if event and event.asset_materialization else None
    return (tags or {}).get("dagster/code_version", "unknown")
