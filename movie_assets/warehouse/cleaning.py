"""Cleaning: raw rows, as TMDB gave them, to the typed rows of the warehouse.

Every decision about a faulty row is taken here and counted: a row is *dropped* only where it cannot
be told which film it is, a value is *mended* where the rest of the row is still good. The table of
these decisions is in docs/data-quality.md.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Mapping

#: No film in ten thousand has had more than a few thousand; squares of these are still numbers.
POPULARITY_MAX = 1e9
#: Reasons that name a value which TMDB gives for every film.
ALWAYS_GIVEN = frozenset(
    {
        "genres missing: none",
        "popularity missing or out of range: 0",
        "title missing: original title taken",
        "vote average missing or out of range: 0",
        "vote count missing or out of range: 0",
    }
)
INTEGER_MAX = 2**31 - 1
_NAME_LISTS = ("keywords", "directors", "writers", "composers", "actors")
_DATE = "(?!0000)[0-9]{4}-[0-9]{1,2}-[0-9]{1,2}"


@dataclass(frozen=True)
class Cleaned:
    """Rows fit for their table, and what had to be done for it.

    Attributes:
        frame: the rows, with the table's columns.
        dropped: rows left out, by reason.
        mended: values replaced, by reason.
    """

    frame: pd.DataFrame
    dropped: dict[str, int] = field(default_factory=dict)
    mended: dict[str, int] = field(default_factory=dict)


def clean_movies(
    raw: pd.DataFrame, known_genres: Collection[int], *, ranked: bool = True
) -> Cleaned:
    """Make the rows of movies_table from those of raw_popular_movies or raw_catalogue_movies.

    Args:
        raw: the columns of either; those of raw_popular_movies in the list's order.
        known_genres: ids of genres_table; others are taken out of ``genre_ids``.
        ranked: whether the order of the rows is that of the popular list, and becomes the films'
            popularity_rank; else that is null.
    """
    kept, dropped = _drop(
        raw.assign(title=_text(raw["title"]).fillna(_text(raw["original_title"]))),
        {
            "id is missing": lambda rows: rows["id"].isna(),
            "id is out of INTEGER's range": lambda rows: ~rows["id"].between(1, INTEGER_MAX),
            "no title": lambda rows: rows["title"].isna(),
            # Last, so that a film whose first row is of no use keeps its second.
            "id was seen before": lambda rows: rows["id"].duplicated(),
        },
    )
    titles_before = _text(raw.loc[kept.index, "title"])
    mended = {"title missing: original title taken": int(titles_before.isna().sum())}
    overview, released = _text(kept["overview"]), _text(kept["release_date"])
    dates = _date(released)
    genre_ids = [_known_genres(ids, known_genres) for ids in kept["genre_ids"]]
    popularity = _number(kept["popularity"], low=0.0, high=POPULARITY_MAX)
    vote_average = _number(kept["vote_average"], low=0.0, high=10.0)
    vote_count = _number(kept["vote_count"], low=0, high=INTEGER_MAX)
    mended |= {
        "overview missing: null": int(overview.isna().sum()),
        "release date missing: null": int(released.isna().sum()),
        "release date is no date: null": int((dates.isna() & released.notna()).sum()),
        "genres missing: none": int(kept["genre_ids"].isna().sum()),
        "genre unknown or repeated: left out": _left_out(kept["genre_ids"], genre_ids),
        "popularity missing or out of range: 0": int(popularity.isna().sum()),
        "vote average missing or out of range: 0": int(vote_average.isna().sum()),
        "vote count missing or out of range: 0": int(vote_count.isna().sum()),
        "adult missing: false": int(kept["adult"].isna().sum()),
        "video missing: false": int(kept["video"].isna().sum()),
    }
    frame = pd.DataFrame(
        {
            "genre_ids": pd.Series(genre_ids, index=kept.index, dtype=object),
            "id": kept["id"].astype("int64"),
            "original_language": _text(kept["original_language"]),
            "overview": overview,
            "popularity": popularity.fillna(0.0).astype("float64"),
            "release_date": dates,
            "title": kept["title"],
            "vote_average": vote_average.fillna(0.0).astype("float64"),
            "vote_count": vote_count.fillna(0).astype("int64"),
            "original_title": _text(kept["original_title"]),
            "adult": _flag(kept["adult"]),
            "video": _flag(kept["video"]),
            "backdrop_path": _text(kept["backdrop_path"]),
            "poster_path": _text(kept["poster_path"]),
            "popularity_rank": pd.array(
                np.arange(1, len(kept) + 1) if ranked else [pd.NA] * len(kept), dtype="Int32"
            ),
        }
    ).reset_index(drop=True)
    return Cleaned(frame, dropped, _counted(mended))


def clean_genres(raw: pd.DataFrame) -> Cleaned:
    """Make the rows of genres_table from those of raw_genres."""
    kept, dropped = _drop(
        raw.assign(name=_text(raw["name"])),
        {
            "id is missing": lambda rows: rows["id"].isna(),
            "id is out of INTEGER's range": lambda rows: ~rows["id"].between(0, INTEGER_MAX),
            "no name": lambda rows: rows["name"].isna(),
            "id was seen before": lambda rows: rows["id"].duplicated(),
        },
    )
    frame = pd.DataFrame({"id": kept["id"].astype("int64"), "name": kept["name"]})
    return Cleaned(frame.reset_index(drop=True), dropped)


def clean_details(raw: pd.DataFrame, films: Collection[int]) -> Cleaned:
    """Make the rows of movie_details from those of raw_movie_details.

    What TMDB does not know of a film is null, or an empty list, and no fault.

    Args:
        raw: the columns of raw_movie_details.
        films: ids of movies_table.
    """
    known = set(films)
    kept, dropped = _drop(
        raw, {"film is not in movies_table": lambda rows: ~rows["id"].isin(known)}
    )
    told_runtime = kept["runtime"].where(kept["runtime"] != 0)
    runtime = _number(told_runtime, low=1, high=INTEGER_MAX)
    collection_id = _number(kept["collection_id"], low=1, high=INTEGER_MAX)
    names = {column: [_names(found) for found in kept[column]] for column in _NAME_LISTS}
    recommended = [
        _other_films(found, film)
        for film, found in zip(kept["id"], kept["recommended_ids"], strict=True)
    ]
    mended = {
        "runtime out of range: null": int((runtime.isna() & told_runtime.notna()).sum()),
        "collection id out of range: null": int(
            (collection_id.isna() & kept["collection_id"].notna()).sum()
        ),
        **{
            f"{column} blank or repeated: left out": _left_out(kept[column], after)
            for column, after in names.items()
        },
        "recommended film out of range, repeated or itself: left out": _left_out(
            kept["recommended_ids"], recommended
        ),
    }
    lists = {**names, "recommended_ids": recommended}
    frame = pd.DataFrame(
        {
            "id": kept["id"].astype("int64"),
            "imdb_id": _text(kept["imdb_id"]),
            "tagline": _text(kept["tagline"]),
            "runtime": runtime.astype("Int64"),
            "collection_id": collection_id.astype("Int64"),
            "collection_name": _text(kept["collection_name"]),
            **{name: pd.Series(of, index=kept.index, dtype=object) for name, of in lists.items()},
        }
    ).reset_index(drop=True)
    return Cleaned(frame, dropped, _counted(mended))


def _drop(rows: pd.DataFrame, faults: Mapping[str, object]) -> tuple[pd.DataFrame, dict[str, int]]:
    """Leave out the rows that have a fault; a row counts for the first fault that it has."""
    dropped = {}
    for reason, find in faults.items():
        faulty = find(rows).fillna(True).astype(bool)  # type: ignore[operator]
        dropped[reason] = int(faulty.sum())
        rows = rows[~faulty]
    return rows, _counted(dropped)


def _counted(counts: Mapping[str, int]) -> dict[str, int]:
    return {reason: count for reason, count in counts.items() if count}


def _text(column: pd.Series[str]) -> pd.Series[str]:
    """Text without white space around it; null where nothing is left."""
    stripped = column.astype("str").str.strip()
    return stripped.where(column.notna() & (stripped != ""), None)


def _number(column: pd.Series[float], *, low: float, high: float = np.inf) -> pd.Series[float]:
    values = pd.to_numeric(column, errors="coerce").astype("float64")
    return values.where(values.between(low, high) & np.isfinite(values))


def _date(column: pd.Series[str]) -> pd.Series[pd.Timestamp]:
    # Left to itself, pandas takes "now" and "today" for dates, and years that Python has not.
    plausible = column.where(column.str.fullmatch(_DATE, na=False))
    return pd.to_datetime(plausible, format="%Y-%m-%d", errors="coerce").astype("datetime64[us]")


def _flag(column: pd.Series[bool]) -> pd.Series[bool]:
    return column.astype("boolean").fillna(False).astype(bool)


def _known_genres(ids: object, known: Collection[int]) -> list[int]:
    return list(dict.fromkeys(int(i) for i in _listed(ids) if i is not None and i in known))


def _names(found: object) -> list[str]:
    stripped = (str(name).strip() for name in _listed(found))
    return list(dict.fromkeys(name for name in stripped if name))


def _other_films(found: object, film: int) -> list[int]:
    ids = (int(i) for i in _listed(found))
    return list(dict.fromkeys(i for i in ids if 1 <= i <= INTEGER_MAX and i != film))


def _left_out(before: Iterable[object], after: Iterable[list[Any]]) -> int:
    """How many elements fewer the lists have."""
    return sum(len(_listed(b)) - len(a) for b, a in zip(before, after, strict=True))


def _listed(found: object) -> list[Any]:
    """A list's elements; none where there is no list."""
    return list(found) if isinstance(found, list | np.ndarray) else []
