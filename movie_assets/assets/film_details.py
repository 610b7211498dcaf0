"""How films' details are read: which have to be asked for, and what becomes of each answer.

A film is asked for once and then again when its source says that it changed. That says nothing of
what the source works out by itself, such as recommendations: so after a while all are asked for.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, cast

import dagster as dg

from movie_assets.tmdb import (
    DETAIL_BLOCKS,
    DetailsRow,
    MovieSource,
    NotFoundError,
    TooManyChangesError,
    UnexpectedShapeError,
    parse_details,
)
from movie_assets.warehouse import content_hash

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    import pyarrow as pa

    from movie_assets.tmdb.source import Details, Progress

TABLE = "raw_movie_details"

#: All films are asked for anew when they last were so long ago.
ALL_ANEW_AFTER = timedelta(days=7)

#: How far our clock may be ahead of the source's without a change being missed.
_CLOCKS_APART = timedelta(hours=1)


@dataclass(frozen=True)
class KnownDetails:
    """What the last run stored.

    Attributes:
        rows: by the films' ids.
        asked_at: when that run asked which films changed; changes before it are in the rows.
        all_asked_at: when all films were last asked for.
    """

    rows: dict[int, DetailsRow]
    asked_at: datetime
    all_asked_at: datetime


def find_known(
    instance: dg.DagsterInstance,
    code_version: str | None,
    read_stored: Callable[[str], pa.Table | None],
    now: datetime,
) -> KnownDetails | None:
    """Give the details that may be built upon; None where all films have to be asked for.

    What is stored counts where it is just what the last run stored, and that run had the same code
    and settings: not where somebody changed the table, or put an older file in its place.
    """
    event = instance.get_latest_materialization_event(dg.AssetKey(TABLE))
    last = event.asset_materialization if event else None
    if last is None or not last.tags or last.tags.get("dagster/code_version") != code_version:
        return None
    asked_at, all_asked_at = (
        datetime.fromtimestamp(float(str(last.metadata[name].value)), UTC)
        for name in ("asked_at", "all_asked_at")
    )
    # A clock that was set back since cannot say what happened after which moment.
    if not all_asked_at <= asked_at <= now < all_asked_at + ALL_ANEW_AFTER:
        return None
    stored = read_stored(TABLE)
    if stored is None or content_hash(stored) != last.tags.get("dagster/data_version"):
        return None
    rows = cast("list[DetailsRow]", stored.to_pylist())
    return KnownDetails({cast("int", row["id"]): row for row in rows}, asked_at, all_asked_at)


@dataclass
class DetailsRead:
    """The details of a list of films, and how their reading went.

    Attributes:
        rows: by the films' ids.
        kept: films that were not asked for, since they did not change.
        asked: films that were asked for.
        left_out: films without details, by reason.
        not_renewed: films whose answer was of no use, and that keep what was known of them.
    """

    rows: dict[int, DetailsRow]
    kept: int
    asked: int
    left_out: Counter[str] = field(default_factory=Counter)
    not_renewed: int = 0


def read_details(
    source: MovieSource,
    films: Sequence[int],
    known: KnownDetails | None,
    now: datetime,
    progress: Progress,
) -> DetailsRead:
    """Read what is not known of the films, or changed since.

    Raises:
        TmdbError: one of its types for each failure that is not of one film alone.
    """
    before = known.rows if known else {}
    changed: set[int] = set()
    if known:
        try:
            changed = source.changed_movie_ids(known.asked_at - _CLOCKS_APART, now)
        except TooManyChangesError:  # any film may be among those that are not listed
            changed = set(before)
    kept = {film: before[film] for film in films if film in before and film not in changed}
    wanted = [film for film in films if film not in kept]
    read = DetailsRead(kept, len(kept), len(wanted))
    answered = 0

    def take(film: int, answer: Details) -> None:
        nonlocal answered
        answered += 1
        if isinstance(answer, NotFoundError):
            read.left_out["the source does not know the film any more"] += 1
        elif isinstance(answer, dict):
            read.rows[film] = parse_details(answer)
        elif film in before:
            read.rows[film] = before[film]
            read.not_renewed += 1
        elif isinstance(answer, UnexpectedShapeError):
            read.left_out["the answer was of another shape, or of another film"] += 1
        else:
            read.left_out["the source did not give it, however often it was asked"] += 1
        progress(answered, len(wanted))

    source.details(wanted, take, append=DETAIL_BLOCKS)
    return read
