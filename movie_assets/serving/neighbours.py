"""The neighbours that were published, read as they are asked for: in some tens of microseconds.

What belongs here: from a film's row to its neighbours, in the order that they are shown, as plain
Python values or as JSON. What does not: lists that are worked out (``published``).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from movie_assets.recommender.diversity import are_apart, spread_collections
from movie_assets.serving.columns import Column
from movie_assets.serving.list_json import ListWriter
from movie_assets.serving.snapshot import layout
from movie_assets.serving.texts import texts_in

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from numpy.typing import NDArray

    from movie_assets.serving.film_names import FilmNames
    from movie_assets.serving.snapshot import Snapshot
    from movie_assets.serving.texts import Texts

    #: A row, its score, the score's parts, and reasons.
    Neighbour = tuple[int, float, dict[str, float], tuple[str, ...]]
    #: From rows to texts, and which of these belongs to each row.
    FilmTexts = Callable[[NDArray[np.int32]], tuple[Texts, NDArray[np.int32]]]

#: Beside the parts of a score.
_OTHERS = {"indptr", "rows", "score", "reasons"}


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
        self._reasons = Column(snapshot.reasons)
        self._names = names
        path = snapshot.folder / layout.REASONS
        self._writer = ListWriter(self._part_names, texts_in(path, "reason"))

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
            (other, score, dict(zip(names, values, strict=True)), self._told(reasons))
            for other, score, values, reasons in zip(
                pairs["rows"].tolist(), pairs["score"].tolist(), parts, pairs["reasons"].tolist(),
                strict=True,
            )
        )  # fmt: skip

    def json_of(self, row: int, limit: int, offset: int, films: FilmTexts) -> bytes:
        """The JSON of what :meth:`of` gives, with commas between.

        Args:
            row: of the film.
            limit: at most so many.
            offset: leaving out so many before.
            films: from films' rows to texts, and which of them is the JSON of each film.

        Raises:
            ValueError: where the file of pairs is damaged.
        """
        pairs = self._shown(row, limit, offset)
        return self._writer.written(pairs, offset + 1, films(pairs["rows"].copy()))

    def rows_of(self, row: int, limit: int) -> NDArray[np.int32]:
        """The rows of a film's first neighbours, as they are shown."""
        rows: NDArray[np.int32] = self._shown(row, limit, 0)["rows"]
        return rows

    def _shown(self, row: int, limit: int, offset: int) -> NDArray[np.void]:
        wanted = offset + limit
        pairs = self._pairs_of(row, wanted)
        if are_apart(self._names.collections[pairs["rows"]]):
            return pairs[offset:]
        # What else there is is read only where some of it comes forward.
        pairs = self._pairs_of(row)
        return pairs[spread_collections(self._names.collections[pairs["rows"]], wanted)[offset:]]

    def _told(self, reasons: list[int]) -> tuple[str, ...]:
        return tuple([self._reasons[reason] for reason in reasons if reason >= 0])
