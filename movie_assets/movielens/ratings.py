"""Ratings of TMDB's films: a release's two files, joined.

What belongs here: which ratings count, and in what order. What does not: how csv lines are read
(``lines.py``) and where the files are (``folder.py``).
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc

from movie_assets.movielens.errors import BadLinesError, NoRatingsError
from movie_assets.movielens.folder import LINKS, RATINGS, REMEDY, find_file
from movie_assets.movielens.lines import BLOCK_BYTES, Block, Field, read_blocks

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator
    from pathlib import Path

    from numpy.typing import NDArray

#: A file of a release has no bad line at all. So many, and no more than this share of the lines,
#: are left out of one that was edited or damaged; beyond, it is refused.
MOST_BAD_LINES = 100
MOST_BAD_SHARE = 0.1

_LARGEST_ID = float(np.iinfo(np.int32).max)
#: The last second of the year 9999.
_LAST_SECOND = 253_402_300_799.0

_RATINGS_HEADER = ("userId", "movieId", "rating", "timestamp")
_RATINGS_FIELDS = (
    Field("userId", pa.int32(), 0, _LARGEST_ID),
    Field("movieId", pa.int32(), 0, _LARGEST_ID),
    Field("rating", pa.float32(), 0.5, 5),
    Field("timestamp", pa.int64(), 0, _LAST_SECOND),
)
_LINKS_HEADER = ("movieId", "imdbId", "tmdbId")
_LINKS_FIELDS = (
    Field("movieId", pa.int32(), 0, _LARGEST_ID),
    Field("tmdbId", pa.int32(), 1, _LARGEST_ID, may_be_empty=True),
)
_EXAMPLES = 3


@dataclass(frozen=True)
class MovieLensRatings:
    """The ratings of a release, and what became of its lines.

    Attributes:
        table: by user, then film, each pair once: ``user_id`` int32 (MovieLens' number),
            ``movie_id`` int32 (TMDB's number), ``rating`` float32 (0.5 to 5 stars), ``rated_at``
            timestamp[us] (UTC).
        lines: lines of ratings.csv, the header and blank ones aside. All of them are in the table
            or counted by one of the next three.
        of_unknown_films: ratings of films without a TMDB number in links.csv.
        repeated: ratings that their user replaced later, also where two of MovieLens' numbers are
            one film at TMDB.
        bad_lines: unusable lines of ratings.csv: why, and how many.
        bad_links: the same of links.csv.
        examples: the first bad lines, in words.
    """

    table: pa.Table
    lines: int
    of_unknown_films: int
    repeated: int
    bad_lines: dict[str, int]
    bad_links: dict[str, int]
    examples: tuple[str, ...]


class _Columns(NamedTuple):
    """Ratings as parallel arrays: int32, int32, float32 and seconds since 1970 in int64."""

    users: NDArray[np.int32]
    films: NDArray[np.int32]
    ratings: NDArray[np.float32]
    seconds: NDArray[np.int64]


def read_ratings(
    folder: Path,
    *,
    progress: Callable[[int], None] | None = None,
    block_bytes: int = BLOCK_BYTES,
) -> MovieLensRatings:
    """Read the ratings of a release and join them to TMDB's films.

    Of ratings of one film by one user the latest counts; of the same second, the last in the file.
    Memory: about 60 bytes a rating at the peak, of which 20 remain, and some blocks of text.

    Args:
        folder: where GroupLens' archive was unpacked: any release with csv files.
        progress: called with the lines read so far after each block.
        block_bytes: how much text to read at a time.

    Raises:
        MovieLensError: of the type that says what is wrong; the message says what to do.
    """
    ratings_path, links_path = (find_file(folder, name) for name in (RATINGS, LINKS))
    links, judge = _Judge(links_path), _Judge(ratings_path)
    film_of = _read_links(
        links.good(read_blocks(links_path, _LINKS_HEADER, _LINKS_FIELDS, block_bytes=block_bytes))
    )
    parts = []
    blocks = read_blocks(ratings_path, _RATINGS_HEADER, _RATINGS_FIELDS, block_bytes=block_bytes)
    for rows in judge.good(blocks):
        parts.append(_joined(rows, film_of))
        if progress:
            progress(judge.lines)
    if judge.lines == judge.n_bad:
        raise NoRatingsError(f"{ratings_path} has no ratings. {REMEDY}")
    known = _Columns(*(np.concatenate(arrays) for arrays in zip(*parts, strict=True)))
    del parts
    n_known = len(known.users)
    if not n_known:
        raise NoRatingsError(
            f"{LINKS} gives TMDB's number of none of the films in {ratings_path}: the two files "
            f"are not of the same release. {REMEDY}"
        )
    table = _table(known, _latest(known))
    return MovieLensRatings(
        table=table,
        lines=judge.lines,
        of_unknown_films=judge.lines - judge.n_bad - n_known,
        repeated=n_known - len(table),
        bad_lines=dict(judge.why),
        bad_links=dict(links.why),
        examples=(*judge.examples, *links.examples),
    )


@dataclass
class _Judge:
    """Passes a file's good lines on, and refuses the file where too many are bad."""

    path: Path
    lines: int = 0
    why: Counter[str] = field(default_factory=Counter)
    examples: list[str] = field(default_factory=list)

    @property
    def n_bad(self) -> int:
        return self.why.total()

    def good(self, blocks: Iterator[Block]) -> Iterator[pa.Table]:
        for block in blocks:
            self.lines += len(block.rows) + len(block.bad)
            self.why.update(line.why for line in block.bad)
            room = _EXAMPLES - len(self.examples)
            self.examples += [f"{self.path.name}, {line}" for line in block.bad[:room]]
            self._refuse(self.n_bad > MOST_BAD_LINES)
            yield block.rows
        self._refuse(self.n_bad > MOST_BAD_SHARE * self.lines)

    def _refuse(self, too_many: bool) -> None:
        if too_many:
            raise BadLinesError(
                f"{self.path} has too many bad lines, {self.n_bad} of the first {self.lines}: "
                f"{'; '.join(self.examples)}. {REMEDY}"
            )


def _read_links(blocks: Iterable[pa.Table]) -> pd.Series[int]:
    """TMDB's number of a film by MovieLens' number, 0 for none; of repeated ones the first."""
    schema = pa.schema([(column.name, column.arrow_type) for column in _LINKS_FIELDS])
    links = pa.concat_tables([schema.empty_table(), *blocks])
    films = pd.Series(
        pc.fill_null(links["tmdbId"], 0).to_numpy(), pd.Index(links["movieId"].to_numpy())
    )
    return films[~films.index.duplicated()]


def _joined(rows: pa.Table, film_of: pd.Series[int]) -> _Columns:
    """A block's ratings of the films that TMDB knows."""
    users, movies, ratings, seconds = (rows[name].to_numpy() for name in _RATINGS_HEADER)
    films = np.asarray(film_of.reindex(movies, fill_value=0), dtype=np.int32)
    known = films > 0
    return _Columns(users[known], films[known], ratings[known], seconds[known])


def _latest(known: _Columns) -> NDArray[np.int64]:
    """Where the ratings are that count, by user and film."""
    keys = known.users.astype(np.int64) << 32 | known.films
    order = np.argsort(keys, kind="stable")
    keys = keys[order]
    again = np.flatnonzero(keys[1:] == keys[:-1])
    if not len(again):
        return order
    # Within the few pairs that come more than once the latest is put last. Sorting is stable: what
    # is as late keeps the file's order.
    of_many = np.union1d(again, again + 1)
    rows = order[of_many]
    order[of_many] = rows[np.lexsort((known.seconds[rows], keys[of_many]))]
    return np.delete(order, again)


def _table(known: _Columns, order: NDArray[np.int64]) -> pa.Table:
    microseconds = pa.array(known.seconds[order] * 1_000_000)
    return pa.table(
        {
            "user_id": known.users[order],
            "movie_id": known.films[order],
            "rating": known.ratings[order],
            "rated_at": microseconds.view(pa.timestamp("us")),
        }
    )
