"""Genres, languages and collections of a snapshot's films, all films at once, for filters.

They are taken from the films themselves and not from the features, which lack what has no weight.
What is read is worked out when it is first asked for.
"""

from __future__ import annotations

from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray


class FilmNames:
    """Which films have a name. Safe for many threads.

    Args:
        table: ``films.arrow``.
        genres: all there are.
        languages: all there are.
    """

    def __init__(self, table: pa.Table, genres: Sequence[str], languages: Sequence[str]) -> None:
        self._table = table
        self._genres = {name: place for place, name in enumerate(genres)}
        self._languages = {name: place for place, name in enumerate(languages)}
        self._masks: dict[str, NDArray[np.bool_]] = {}

    def of_genre(self, name: str) -> NDArray[np.bool_]:
        """Whether each film is of a genre; shape (n_films,), not to be written to."""
        mask = self._masks.get(name)
        if mask is None:
            films, genres = self._genres_of_films
            mask = np.zeros(self._table.num_rows, dtype=np.bool_)
            mask[films[genres == self._genres.get(name, -1)]] = True
            if name in self._genres:  # others could be as many as there are requests
                self._masks[name] = mask
        return mask

    def in_language(self, name: str) -> NDArray[np.bool_]:
        """Whether each film's original language is this one; shape (n_films,)."""
        return np.asarray(self._languages_of_films == self._languages.get(name, -2))

    @cached_property
    def collections(self) -> NDArray[np.int32]:
        """A number for each film's collection, -1 for none; shape (n_films,)."""
        column = self._table["collection"]
        return _places(column, column.unique().drop_null())

    @cached_property
    def _languages_of_films(self) -> NDArray[np.int32]:
        return _places(self._table["original_language"], pa.array(self._languages, pa.string()))

    @cached_property
    def _genres_of_films(self) -> tuple[NDArray[np.int32], NDArray[np.int16]]:
        """Pairs of a film and one of its genres."""
        known = pa.array(self._genres, pa.string())
        films, genres, before = [np.zeros(0, np.int32)], [np.zeros(0, np.int16)], 0
        for chunk in self._table["genres"].chunks:
            films.append(pc.list_parent_indices(chunk).to_numpy().astype(np.int32) + before)
            genres.append(_places(chunk.flatten(), known).astype(np.int16))
            before += len(chunk)
        return np.concatenate(films), np.concatenate(genres)


def _places(column: pa.Array | pa.ChunkedArray, names: pa.Array) -> NDArray[np.int32]:
    """The place of each value among some names, -1 where it is none of them."""
    found = pc.fill_null(pc.index_in(column, value_set=names), -1)
    places: NDArray[np.int32] = found.to_numpy().astype(np.int32, copy=False)
    return places
