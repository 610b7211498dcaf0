"""Extraction of the whole catalogue: the daily export of ids, and each film's details.

What is asked for, and how it reaches the warehouse, is in ``movie_assets.catalogue``; here is what
a run of it is, and what it reports.
"""

import hashlib
import time
import warnings
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import dagster as dg
import numpy as np
import pyarrow as pa

from movie_assets.assets.declare import counts, spooled_result, table_asset, timed
from movie_assets.assets.extract import TMDB_POOL, Extraction
from movie_assets.assets.history import latest_figures, refuse_lost_rows
from movie_assets.assets.versions import code_version
from movie_assets.catalogue import fetch, plan, state
from movie_assets.tmdb import ExportFilter, details, open_export
from movie_assets.tmdb import export as exports
from movie_assets.warehouse import TABLES, Spooled
from movie_assets.warehouse.io_manager import WarehouseStorage, column_schema

#: The parts of the catalogue, by the last two digits of the films' ids. There have to be a hundred:
#: of fewer partitions Dagster makes another data version than the last materialization's.
PARTS = dg.StaticPartitionsDefinition([f"{part:02}" for part in range(plan.PARTS)])

#: Tags of a run over all parts.
ALL_PARTS = {
    "dagster/asset_partition_range_start": "00",
    "dagster/asset_partition_range_end": f"{plan.PARTS - 1:02}",
}


@dataclass(frozen=True)
class Catalogue:
    """How the catalogue is read: the resource that its two assets share, beside the extraction.

    Attributes:
        exports_url: where TMDB's daily exports are.
        wanted: which films of an export are taken.
        renew_after: how long a film's details are good without any change.
        journal_dir: where answers are kept until the database has them.
    """

    exports_url: str
    wanted: ExportFilter
    renew_after: timedelta
    journal_dir: Path

    @property
    def asked_for(self) -> str:
        """What is taken, in words; row counts are only compared where it is the same."""
        more = [
            name
            for name, is_taken in (
                ("adult films", self.wanted.include_adult),
                ("videos", self.wanted.include_video),
            )
            if is_taken
        ]
        beside = f", {' and '.join(more)} too" if more else ""
        return f"films with a popularity of {self.wanted.min_popularity:g} or more{beside}"


@table_asset(group="extract", uses=(exports,), kinds=frozenset({"tmdb", "duckdb"}))
def raw_movie_ids(
    context: dg.AssetExecutionContext,
    catalogue: dg.ResourceParam[Catalogue],
    io_manager: dg.ResourceParam[WarehouseStorage],
) -> dg.MaterializeResult[Spooled]:
    """Read the ids of TMDB's daily export that are wanted."""
    started = time.perf_counter()
    known = state.known_ids(io_manager.database)
    wanted = ExportFilter(
        catalogue.wanted.min_popularity,
        catalogue.wanted.include_adult,
        catalogue.wanted.include_video,
        # Only these can be below the floor and stay.
        frozenset(known.tolist()) if catalogue.wanted.min_popularity else frozenset(),
    )
    ids = _Ids()
    with open_export(catalogue.exports_url) as export:
        reading = export.read(wanted)
        spooled = io_manager.spool("raw_movie_ids", ids.passing(reading))
        day = export.day
    found = reading.counts
    try:
        refuse_lost_rows(context.instance, "raw_movie_ids", found.taken, catalogue.asked_for)
    except Exception:
        spooled.close()
        raise
    version = ids.version()
    result = spooled_result(
        spooled,
        {
            "asked_for": catalogue.asked_for,
            "export_day": str(day),
            "first_read_at": dg.MetadataValue.timestamp(
                _first_read_at(context.instance, str(day), version)
            ),
            "lines": found.lines,
            "rows_fetched": found.taken,
            **counts("films_left_out", found.left_out),
            **counts("lines_unusable", found.bad),
            **({"first_unusable_line": found.example} if found.example else {}),
            "lines_repeated": found.repeated,
            "fetch_seconds": round(time.perf_counter() - started, 3),
        },
    )
    # Popularity is another one every day: the ids alone are content.
    return dg.MaterializeResult(
        value=result.value, data_version=dg.DataVersion(version), metadata=result.metadata
    )


@dataclass
class _Ids:
    """The ids that pass by, for the data version: eight bytes a film."""

    found: list[np.ndarray[Any, Any]] = field(default_factory=list)

    def passing(self, batches: Iterable[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
        for batch in batches:
            self.found.append(batch.column("id").to_numpy())
            yield batch

    def version(self) -> str:
        ids = np.sort(np.concatenate(self.found)).astype("<i8")
        return hashlib.sha256(ids.tobytes()).hexdigest()[:16]


def _first_read_at(instance: dg.DagsterInstance, day: str, version: str) -> datetime:
    """When this export was read first: what it lacks need not be asked for twice."""
    event = instance.get_latest_materialization_event(dg.AssetKey("raw_movie_ids"))
    last = event.asset_materialization if event else None
    if last is not None and (last.tags or {}).get("dagster/data_version") == version:
        before = latest_figures(instance, "raw_movie_ids")
        if before.get("export_day") == day:
            return datetime.fromtimestamp(float(before["first_read_at"]), UTC)
    return datetime.now(UTC)


def _raw_movie_details(
    context: dg.AssetExecutionContext,
    extraction: dg.ResourceParam[Extraction],
    catalogue: dg.ResourceParam[Catalogue],
    io_manager: dg.ResourceParam[WarehouseStorage],
) -> dg.MaterializeResult[None]:
    """Ask for the films that are new, changed, vanished or due, and merge their answers."""
    database = io_manager.database
    refresh = fetch.Refresh(
        database=database,
        folder=catalogue.journal_dir,
        listed_at=_listed_at(context.instance),
        renew_after=catalogue.renew_after,
        parts=frozenset(map(int, context.partition_keys)),
        tell=context.log.info,
    )
    found = refresh.run(extraction.source)
    now = state.read_state(database)
    return dg.MaterializeResult(
        data_version=dg.DataVersion(state.content_version(database)),
        metadata={
            "dagster/row_count": now.films + now.gone,
            "asked_for": catalogue.asked_for,
            "parts": len(refresh.parts),
            "attempt_began_at": dg.MetadataValue.timestamp(found.begun.replace(tzinfo=UTC)),
            **_refreshed_at(now),
            **counts("films_wanted", found.plan.reasons),
            "films_resumed": found.resumed,
            "films_fetched": found.answered,
            "films_changed": found.changed,
            "films_unchanged": found.resumed + found.answered - found.changed,
            "films_gone": found.gone,
            "films_not_renewed": found.not_renewed,
            "films_stored": now.films,
            "films_gone_in_all": now.gone,
            "revision": found.revision,
            "films_a_second": round(found.rate, 1),
            "fetch_seconds": round(found.seconds, 3),
        },
    )


def _refreshed_at(now: state.CatalogueState) -> dict[str, Any]:
    """Until when changes are in, by the part that is most behind; nothing before all have been."""
    if now.refreshed_at is None or now.parts_refreshed < plan.PARTS:
        return {}
    return {"refreshed_at": dg.MetadataValue.timestamp(now.refreshed_at.replace(tzinfo=UTC))}


def _listed_at(instance: dg.DagsterInstance) -> datetime:
    read_at = latest_figures(instance, "raw_movie_ids").get("first_read_at")
    # Of a table from another history nobody knows: it counts as new.
    at = datetime.now(UTC) if read_at is None else datetime.fromtimestamp(float(read_at), UTC)
    return at.replace(tzinfo=None)


with warnings.catch_warnings():
    # Dagster's backfill policies are in beta, which is no news to who runs this.
    warnings.simplefilter("ignore", dg.BetaWarning)
    raw_movie_details = dg.asset(
        name="raw_movie_details",
        group_name="extract",
        description="The details of every film of the catalogue, with the films themselves in "
        "raw_catalogue_movies; merged as they are fetched.",
        deps=["raw_movie_ids"],
        kinds={"tmdb", "duckdb"},
        pool=TMDB_POOL,
        partitions_def=PARTS,
        backfill_policy=dg.BackfillPolicy.single_run(),
        code_version=code_version(
            _raw_movie_details,
            details,
            fetch,
            plan,
            TABLES["raw_catalogue_movies"].column_ddl,
            TABLES["raw_movie_details"].column_ddl,
        ),
        metadata={"dagster/column_schema": column_schema("raw_movie_details")},
    )(timed(_raw_movie_details))
