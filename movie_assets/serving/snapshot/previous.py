"""What a new snapshot takes over from the one that is served: whatever belongs to unchanged films.

What belongs here: whether that one may be built upon, and which of its films are as they were. What
does not: what is then taken over (``drafting``). A snapshot is built upon only where its content
would come out the same if it were made anew: the same code made it (``made_by``), which its writer
has noted beside it, and each file that is used has its checksum.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from movie_assets.recommender.rows import RowsOfIds
from movie_assets.serving.snapshot import layout
from movie_assets.serving.snapshot.errors import SnapshotError
from movie_assets.serving.snapshot.reader import Snapshot, open_snapshot

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from movie_assets.recommender import MovieFeatures


@contextmanager
def previous_of(published: Path, made_by: str | None) -> Iterator[Previous | None]:
    """The snapshot that is served, held; None where it may not be built upon.

    Only for who holds the writers' lock.

    Args:
        published: the folder of snapshots.
        made_by: names the code that makes the next one; None builds upon nothing.
    """
    found = _opened(published) if made_by is not None else None
    if made_by is None or found is None:
        yield None
        return
    with found:
        noted = _noted(published)
        told_by = noted.pop("told_by", None)
        yield Previous(found, told_by) if noted == _note(found.name, made_by) else None


def forget(published: Path) -> None:
    """Say nothing of the snapshot that is served, before another one is."""
    (published / layout.MADE_BY).unlink(missing_ok=True)


def note(published: Path, name: str, made_by: str, told_by: str | None) -> None:
    """Say by what code the snapshot that is served was made."""
    draft = published / f"{layout.DRAFT}{layout.MADE_BY}"
    draft.write_text(json.dumps(_note(name, made_by) | {"told_by": told_by}), encoding="utf-8")
    # Not synced: who finds it missing or torn does no more than make the next one from nothing.
    draft.replace(published / layout.MADE_BY)


def _note(name: str, made_by: str) -> dict[str, str]:
    return {"name": name, "made_by": made_by}


def _noted(published: Path) -> dict[str, Any]:
    try:
        found = json.loads((published / layout.MADE_BY).read_bytes())
    except (OSError, ValueError):
        return {}
    return found if isinstance(found, dict) else {}


def _opened(published: Path) -> Snapshot | None:
    try:
        return open_snapshot(published)
    except SnapshotError:
        return None


@dataclass(frozen=True)
class Previous:
    """The snapshot that is built upon.

    Attributes:
        snapshot: held open.
        told_by: what its pairs' reasons follow from beside films and terms; None where unknown.
    """

    snapshot: Snapshot
    told_by: str | None = None
    _sound: set[str] = field(default_factory=set)

    def is_sound(self, *under: str) -> bool:
        """Whether the files of these names, and in these folders, have their checksums."""
        others = set(self.snapshot.paths(*under)) - self._sound
        try:
            if others:  # of the rest it was asked before
                self.snapshot.verify(*others)
        except (SnapshotError, OSError):
            return False
        self._sound.update(others)
        return True

    def rows_of(self, films: pa.Table, columns: Sequence[str]) -> NDArray[np.int64]:
        """Where each film stands here, with the same values of some columns; -1 where it does not.

        Args:
            films: the new ones, by ascending ``movie_id``.
            columns: names of :data:`layout.FILM_SCHEMA`.

        Returns:
            int64 of shape (n_films,), ascending but for -1.
        """
        rows = self._rows.of(films["movie_id"].to_numpy())
        for start in range(0, len(films), layout.ROWS_A_BATCH):
            here = slice(start, start + layout.ROWS_A_BATCH)
            known = np.flatnonzero(rows[here] >= 0)
            if not len(known):
                continue
            places = rows[here][known]
            own = self.snapshot.films.slice(places[0], places[-1] - places[0] + 1)
            new = films.slice(start, layout.ROWS_A_BATCH)
            same = np.ones(len(known), np.bool_)
            for name in columns:
                same &= _equal(
                    own[name].combine_chunks().take(pa.array(places - places[0])),
                    new[name].combine_chunks().take(pa.array(known)),
                )
            rows[start + known[~same]] = -1
        return rows

    def same_films(self, features: MovieFeatures) -> NDArray[np.int64]:
        """Where each film stands here, with the same features; -1 where it does not."""
        from movie_assets.serving.snapshot.telling import same_rows  # noqa: PLC0415 - loads numba

        rows = self._rows.of(features.movie_ids)
        known = np.flatnonzero(rows >= 0)
        own = self.snapshot.features
        for name in ("years", "votes", "ratings"):
            known = known[getattr(features, name)[known] == own[name][rows[known]]]
        same = np.full(len(rows), -1, np.int64)
        same[known] = rows[known]
        matrix = features.matrix
        return same_rows(
            same,
            (matrix.indptr, matrix.indices, matrix.data),
            (own["indptr"], own["indices"], own["data"]),
        )

    @cached_property
    def _rows(self) -> RowsOfIds:
        return RowsOfIds(self.snapshot.movie_ids)


def _equal(one: pa.Array, other: pa.Array) -> NDArray[np.bool_]:
    """Whether values are the same, null and null as well."""
    if pa.types.is_list(one.type):
        return _equal_lists(one, other)
    same = pc.fill_null(pc.equal(one, other), fill_value=False)
    same = pc.or_(same, pc.and_(pc.is_null(one), pc.is_null(other)))
    found: NDArray[np.bool_] = same.to_numpy(zero_copy_only=False)
    return found


def _equal_lists(one: pa.ListArray, other: pa.ListArray) -> NDArray[np.bool_]:
    sizes = [
        np.asarray(pc.fill_null(some.value_lengths(), 0).to_numpy(zero_copy_only=False), np.int64)
        for some in (one, other)
    ]
    same: NDArray[np.bool_] = sizes[0] == sizes[1]
    alike = pa.array(np.flatnonzero(same))
    values = _equal(one.take(alike).flatten(), other.take(alike).flatten())
    lists = np.repeat(alike.to_numpy(), sizes[0][same])
    same[lists[~values]] = False
    return same
