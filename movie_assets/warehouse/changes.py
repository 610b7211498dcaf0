"""Which films of the catalogue changed, and which of them belong into a table made from them.

What changed is told by the revisions that ``merging.py`` leaves.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from movie_assets.warehouse import store
from movie_assets.warehouse.contents import stored_tables
from movie_assets.warehouse.schema import quote
from movie_assets.warehouse.tables import RAW_CATALOGUE_MOVIES

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from numpy.typing import NDArray

    from movie_assets.warehouse.schema import TableSchema

_TABLE = RAW_CATALOGUE_MOVIES.name


@dataclass(frozen=True)
class Wanted:
    """Which films of a raw table belong into the table that is made from it.

    Attributes:
        ids: int64[n], ascending.
        left_out: how many do not, by reason.
    """

    ids: NDArray[np.int64]
    left_out: dict[str, int]


def wanted_ids(
    database: Path,
    raw: TableSchema,
    reasons: Mapping[str, str],
    parameters: Mapping[str, Any],
    *,
    wait_seconds: float = store.DEFAULT_WAIT_SECONDS,
) -> Wanted:
    """Tell the films of a raw table that belong into the table made from it from the others.

    Args:
        database: the DuckDB file.
        raw: the raw table, whose primary key is ``id``.
        reasons: SQL conditions of the films to leave out, by what they are counted under; a film
            counts for the first that holds. A condition that is null does not.
        parameters: the conditions' named parameters.
        wait_seconds: how long to wait where another process is writing.

    Raises:
        TableMissingError: where the table or the database is not there yet.
        WarehouseError: of the type that says why the file cannot be read.
    """
    cases = " ".join(f"WHEN {of} THEN {n}" for n, of in enumerate(reasons.values()))
    with store.reading(database, raw, wait_seconds=wait_seconds) as connection:
        found = connection.sql(
            f"SELECT id, CASE {cases} ELSE -1 END AS reason FROM {quote(raw.name)} ORDER BY id",  # noqa: S608 - quoted
            params=dict(parameters),
        ).to_arrow_table()
    why = found["reason"].to_numpy()
    counts = {name: int((why == n).sum()) for n, name in enumerate(reasons)}
    return Wanted(
        np.asarray(found["id"].to_numpy()[why < 0], np.int64),
        {name: count for name, count in counts.items() if count},
    )


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
