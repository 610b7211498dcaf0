"""Films as the recommender takes them: one frame with a row a film, whoever it comes from.

What belongs here: the columns of that frame, and the readers that make it. What becomes of a film
is for ``features``.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

if TYPE_CHECKING:
    from collections.abc import Iterable

    from numpy.typing import NDArray

#: Columns that hold one list of names a film.
LISTS = ("genres", "keywords", "directors", "writers", "actors")
#: Columns that hold one text a film, or None.
TEXTS = ("title", "original_language", "overview", "tagline", "collection")

#: Columns that hold a number a film, and the most that it can be.
_NUMBERS = {"vote_count": 2.0**31 - 1, "vote_average": 10.0, "popularity": 1e9, "runtime": 1e9}

_NAMES_IN_CATALOGUES = {"cast": "actors", "collection_name": "collection"}


class CatalogueError(Exception):
    """A file of films is missing, or is not one."""


def film_frame(films: pd.DataFrame) -> pd.DataFrame:
    """Bring films into the frame that the recommender takes, ascending by id.

    A column that is missing is missing for every film, which lowers nothing but itself.

    Args:
        films: with ``id``, and any of :data:`LISTS` (lists, or NULL), :data:`TEXTS`,
            ``release_date`` (a date, as text as well), ``vote_count``, ``vote_average``,
            ``popularity`` and ``runtime``; other columns are left out.

    Returns:
        id int32; lists of str; texts str or None; year Int16 of the release; vote_count int64,
        vote_average, popularity and runtime float64, 0 where unknown, negative or too large.

    Raises:
        ValueError: where there is no id, one stands twice, or is no whole number of 32 bits.
    """
    ids = _ids(films)
    order = np.argsort(ids, kind="stable")
    films = films.iloc[order]
    empty = pd.Series([None] * len(films), index=films.index, dtype=object)
    frame = pd.DataFrame({"id": ids[order].astype(np.int32)})
    for name in TEXTS:
        # As objects: else pandas would make NaN of None.
        frame[name] = pd.Series(_texts(films.get(name, empty)), dtype=object)
    for name in LISTS:
        frame[name] = pd.Series(_lists(films.get(name, empty)), dtype=object)
    # Without a format, that of the first text would be asked of all.
    dates = pd.to_datetime(films.get("release_date", empty), errors="coerce", format="ISO8601")
    frame["year"] = pd.array(dates.dt.year.to_numpy(), dtype="Int16")
    for name, most in _NUMBERS.items():
        numbers = pd.to_numeric(films.get(name, empty), errors="coerce").to_numpy(np.float64)
        # Not "where it is beyond": NaN is neither.
        frame[name] = np.where((numbers >= 0) & (numbers <= most), numbers, 0.0)
    frame["vote_count"] = frame["vote_count"].astype(np.int64)
    return frame


def read_catalogue(path: Path) -> pd.DataFrame:
    """Read a parquet file of films, its columns named as TMDB's or as the frame's.

    Raises:
        CatalogueError: where it is missing, no parquet file, or without ids.
    """
    try:
        films = pd.read_parquet(path)
    except FileNotFoundError:
        raise CatalogueError(f"There is no file {path}.") from None
    except (OSError, ValueError) as error:
        raise CatalogueError(
            f"{path} cannot be read as a parquet file of films: {str(error).splitlines()[0]}"
        ) from error
    try:
        return film_frame(films.rename(columns=_NAMES_IN_CATALOGUES))
    except ValueError as error:
        raise CatalogueError(f"{path} is no file of films: {error}.") from error


def _ids(films: pd.DataFrame) -> NDArray[np.int64]:
    if "id" not in films:
        raise ValueError("films need an id")
    numbers = pd.to_numeric(films["id"], errors="coerce").to_numpy(np.float64, na_value=np.nan)
    good = (np.abs(numbers) < 2**31) & (numbers == np.floor(numbers))
    if not good.all():
        raise ValueError(f"{films['id'].iloc[int(np.argmin(good))]} is no film's id")
    ids = numbers.astype(np.int64)
    twice = pd.Series(ids).duplicated().to_numpy()
    if twice.any():
        raise ValueError(f"film {ids[np.argmax(twice)]} is there twice")
    return ids


def _texts(values: Iterable[object]) -> list[str | None]:
    return [text if isinstance(text, str) and text.strip() else None for text in values]


def _lists(values: Iterable[object]) -> list[list[str]]:
    # What a parquet file or a table holds as a list comes as an array, and NULL as None or NaN.
    return [
        [item for item in value if isinstance(item, str) and item.strip()]
        if isinstance(value, (list, tuple, np.ndarray))
        else []
        for value in values
    ]
