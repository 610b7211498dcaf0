"""What the warehouse holds of the catalogue: read for a plan, a data version, and to be shown."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime
from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa

from movie_assets.catalogue.plan import FORGOTTEN, Known
from movie_assets.warehouse import (
    TABLES,
    Merge,
    SchemaError,
    TableMissingError,
    digest_of_table,
    merge_table,
    read_arrow,
)
from movie_assets.warehouse import store as warehouse_store

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from pathlib import Path

    from numpy.typing import NDArray

_FILMS = TABLES["raw_catalogue_movies"]
_DETAILS = TABLES["raw_movie_details"]
_IDS = TABLES["raw_movie_ids"]
_REFRESHES = TABLES["catalogue_refreshes"]
#: Of _FILMS, what says when and how a film was fetched, and nothing of the film.
_NO_CONTENT = frozenset({"fetched_at", "revision"})


@dataclass(frozen=True)
class CatalogueState:
    """The catalogue's state in figures.

    Attributes:
        films: that are stored and not gone.
        gone: that TMDB does not have any more, or never had.
        wanted: of the last export that was read; None where none was.
        to_refetch: marked to be asked for again.
        oldest_fetch: of the films that are not gone; None where there are none.
        refreshed_at: since when the parts are up to date, by the part that is most behind; None
            where a part never was.
        parts_refreshed: how many parts were ever refreshed to the end.
    """

    films: int
    gone: int
    wanted: int | None
    to_refetch: int
    oldest_fetch: datetime | None
    refreshed_at: datetime | None
    parts_refreshed: int


def read_known(database: Path) -> Known:
    """The films that are stored, for a plan.

    Raises:
        SchemaError: where the table is of another declaration.
        WarehouseError: of the type that says why the file cannot be read.
    """
    try:
        films = read_arrow(database, _FILMS, ["id", "fetched_at", "gone_at"]).sort_by("id")
    except TableMissingError:
        films = _FILMS.arrow_schema.empty_table().select(["id", "fetched_at", "gone_at"])
    return Known(
        ids=np.asarray(films["id"].to_numpy(), np.int64),
        fetched_at=films["fetched_at"].to_numpy().astype("datetime64[us]"),
        gone=films["gone_at"].is_valid().to_numpy(),
        refreshed_at=_read_refreshes(database),
    )


def read_listed(database: Path) -> NDArray[np.int64]:
    """The films of the export that are wanted, the most popular first; int64[n].

    Raises:
        TableMissingError: where no export was read yet.
        WarehouseError: of the type that says why the file cannot be read.
    """
    found = read_arrow(database, _IDS, ["id", "popularity"])
    ids, popularity = found["id"].to_numpy(), found["popularity"].to_numpy()
    return np.asarray(ids[np.lexsort((ids, -popularity))], np.int64)


def known_ids(database: Path) -> NDArray[np.int64]:
    """The films that are stored and not gone; int64[n], ascending."""
    known = read_known(database)
    return known.ids[~known.gone]


def note_refreshed(database: Path, parts: Iterable[int], begun: datetime) -> None:
    """Note that a refresh of some parts has come to its end, and when it began.

    Raises:
        WarehouseError: of the type that says why the file cannot be written.
    """
    rows = [{"part": part, "refreshed_at": begun} for part in sorted(parts)]
    table = pa.Table.from_pylist(rows, schema=_REFRESHES.arrow_schema)
    merge_table(database, _REFRESHES, Merge(table, np.empty(0, np.int64)))


def content_version(database: Path) -> str:
    """The content of both raw tables in a few characters, by one scan of each.

    When a film was fetched, and how often the tables were merged into, does not count.
    """
    films = replace(_FILMS, columns=tuple(c for c in _FILMS.columns if c.name not in _NO_CONTENT))
    return f"{digest_of_table(database, films)}+{digest_of_table(database, _DETAILS)}"


def mark_for_refetch(database: Path, films: Sequence[int] | None) -> list[int]:
    """Have films asked for again by the next refresh, whatever is known of them.

    Args:
        database: the DuckDB file.
        films: their ids; None for all.

    Returns:
        Those of the ids that are not stored, so that nothing was marked.

    Raises:
        TableMissingError: where no film was ever fetched.
        WarehouseError: of the type that says why the file cannot be written.
    """
    stored = set(read_arrow(database, _FILMS, ["id"])["id"].to_pylist())
    unknown = [film for film in films or () if film not in stored]
    with warehouse_store.writing(database) as connection:
        if films is None:
            connection.execute(f"UPDATE {_FILMS.name} SET fetched_at = ?", [FORGOTTEN])  # noqa: S608 - a declared name
        else:
            connection.execute(
                f"UPDATE {_FILMS.name} SET fetched_at = ? WHERE id IN (SELECT unnest(?))",  # noqa: S608 - a declared name
                [FORGOTTEN, sorted(stored.intersection(films))],
            )
    return unknown


def read_state(database: Path) -> CatalogueState:
    """The catalogue's state in figures; all zeros where nothing was fetched yet.

    Raises:
        WarehouseError: of the type that says why the file cannot be read.
    """
    known = read_known(database)
    forgotten = known.fetched_at <= np.datetime64(FORGOTTEN, "us")
    kept = known.fetched_at[~known.gone & ~forgotten]
    refreshes = known.refreshed_at
    try:
        wanted = len(read_arrow(database, _IDS, ["id"]))
    except TableMissingError:
        wanted = None
    return CatalogueState(
        films=int((~known.gone).sum()),
        gone=int(known.gone.sum()),
        wanted=wanted,
        to_refetch=int(forgotten.sum()),
        oldest_fetch=kept.min().astype(datetime) if len(kept) else None,
        refreshed_at=min(refreshes.values()) if refreshes else None,
        parts_refreshed=len(refreshes),
    )


def _read_refreshes(database: Path) -> dict[int, datetime]:
    try:
        rows = read_arrow(database, _REFRESHES).to_pylist()
    except (TableMissingError, SchemaError):
        return {}
    return {row["part"]: row["refreshed_at"] for row in rows}
