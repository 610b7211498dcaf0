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

#: Columns that hold one list of names a film.
LISTS = ("genres", "keywords", "directors", "writers", "actors")
#: Columns that hold one text a film, or None.
TEXTS = ("title", "original_language", "overview", "tagline", "collection")

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
        vote_average, popularity and runtime float64, 0 where unknown.

    Raises:
        ValueError: where there is no id, or one stands twice.
    """
    if "id" not in films:
        raise ValueError("films need an id")
    if films["id"].duplicated().any():
        twice = films.loc[films["id"].duplicated(), "id"].iloc[0]
        raise ValueError(f"film {twice} is there twice")
    films = films.sort_values("id", kind="stable")
    empty = pd.Series([None] * len(films), index=films.index, dtype=object)
    frame = pd.DataFrame({"id": films["id"].to_numpy(np.int32)})
    for name in TEXTS:
        # As objects: else pandas would make NaN of None.
        frame[name] = pd.Series(_texts(films.get(name, empty)), dtype=object)
    for name in LISTS:
        frame[name] = pd.Series(_lists(films.get(name, empty)), dtype=object)
    dates = pd.to_datetime(films.get("release_date", empty), errors="coerce")
    frame["year"] = pd.array(dates.dt.year.to_numpy(), dtype="Int16")
    for name in ("vote_count", "vote_average", "popularity", "runtime"):
        numbers = pd.to_numeric(films.get(name, empty), errors="coerce").to_numpy(np.float64)
        frame[name] = np.nan_to_num(numbers, nan=0.0, posinf=0.0, neginf=0.0).clip(min=0)
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


def _texts(values: Iterable[object]) -> list[str | None]:
    return [text if isinstance(text, str) and text.strip() else None for text in values]


def _lists(values: Iterable[object]) -> list[list[str]]:
    # What a parquet file or a table holds as a list comes as an array, and NULL as None or NaN.
    return [
        [item for item in value if isinstance(item, str)]
        if isinstance(value, (list, tuple, np.ndarray))
        else []
        for value in values
    ]
