"""Which films of the catalogue changed since a merge, by the revisions that merges leave."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from movie_assets.warehouse import store
from movie_assets.warehouse.contents import stored_tables
from movie_assets.warehouse.tables import RAW_CATALOGUE_MOVIES

if TYPE_CHECKING:
    from pathlib import Path

    from numpy.typing import NDArray

_TABLE = RAW_CATALOGUE_MOVIES.name


def changed_ids(
    database: Path, since: int, *, wait_seconds: float = store.DEFAULT_WAIT_SECONDS
) -> NDArray[np.int64]:
    """The films that merges after the revision ``since`` changed, or found gone.

    Returns:
        int64[n], ascending; none where nothing was ever merged.

    Raises:
        WarehouseError: of the type that says why the file cannot be read.
    """
    if _TABLE not in stored_tables(database, wait_seconds=wait_seconds):
        return np.empty(0, np.int64)
    with store.connect(database, read_only=True, wait_seconds=wait_seconds) as connection:
        found = connection.sql(
            f"SELECT id FROM {_TABLE} WHERE revision > ? ORDER BY id",  # noqa: S608 - a fixed name
            params=[since],
        ).to_arrow_table()
    return np.asarray(found["id"].to_numpy(), np.int64)


def latest_revision(database: Path, *, wait_seconds: float = store.DEFAULT_WAIT_SECONDS) -> int:
    """The revision of the last merge that changed anything; 0 where there was none.

    Raises:
        WarehouseError: of the type that says why the file cannot be read.
    """
    if _TABLE not in stored_tables(database, wait_seconds=wait_seconds):
        return 0
    with store.connect(database, read_only=True, wait_seconds=wait_seconds) as connection:
        return store.number_of(
            connection.execute(f"SELECT coalesce(max(revision), 0) FROM {_TABLE}")  # noqa: S608 - a fixed name
        )
