"""The neighbours that were published, read as they are asked for: in some tens of microseconds.

What belongs here: from a film's row to its neighbours as plain Python values, in the order that
they are shown. What does not: lists that are worked out (``published``).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from movie_assets.recommender.diversity import spread_collections
from movie_assets.serving.columns import Column

if TYPE_CHECKING:
    from collections.abc import Iterator

    import numpy as np
    from numpy.typing import NDArray

    from movie_assets.serving.film_names import FilmNames
    from movie_assets.serving.snapshot import Snapshot

    #: A row, its score, the score's parts, and reasons.
    Neighbour = tuple[int, float, dict[str, float], tuple[str, ...]]

#: Beside the parts of a score.
_OTHERS = {"indptr", "rows", "score", "reasons"}
#: So many reasons are kept once they have been read.
_KEPT = 100_000


class StoredNeighbours:
    """Each film's published neighbours. Safe for many threads.

    Args:
        snapshot: whose.
        names: of its films.
    """

    def __init__(self, snapshot: Snapshot, names: FilmNames) -> None:
        # Not by the mapped arrays, of which too much would become resident.
        self._pairs_of = snapshot.pairs_of
        self._part_names = [name for name in snapshot.neighbours if name not in _OTHERS]
        self._wordings = Column(snapshot.reasons)
        self._kept: dict[int, str] = {}
        self._names = names

    def of(self, row: int, limit: int, offset: int) -> Iterator[Neighbour]:
        """Some of a film's neighbours, as they are shown: one franchise does not fill the list.

        Args:
            row: of the film.
            limit: at most so many.
            offset: leaving out so many before.
        """
        pairs = self._shown(row, limit, offset)
        names = self._part_names
        parts = zip(*[pairs[name].tolist() for name in names], strict=True)
        return (
            (other, score, dict(zip(names, values)), self._told(reasons))  # noqa: B905 - hot
            for other, score, values, reasons in zip(
                pairs["rows"].tolist(), pairs["score"].tolist(), parts, pairs["reasons"].tolist(),
                strict=True,
            )
        )  # fmt: skip

    def rows_of(self, row: int, limit: int) -> list[int]:
        """The rows of a film's first neighbours, as they are shown."""
        rows: list[int] = self._shown(row, limit, 0)["rows"].tolist()
        return rows

    def _shown(self, row: int, limit: int, offset: int) -> NDArray[np.void]:
        pairs = self._pairs_of(row)
        collections = self._names.collections[pairs["rows"]]
        return pairs[spread_collections(collections, offset + limit)[offset:]]

    def _told(self, reasons: list[int]) -> tuple[str, ...]:
        kept = self._kept
        return tuple([kept.get(reason) or self._read(reason) for reason in reasons if reason >= 0])

    def _read(self, reason: int) -> str:
        if len(self._kept) >= _KEPT:
            self._kept.clear()
        wording: str = self._wordings[reason]
        self._kept[reason] = wording
        return wording
