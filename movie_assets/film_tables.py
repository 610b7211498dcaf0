"""From the warehouse's tables to what the recommender takes: films, signals and ratings."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc
from scipy import sparse

from movie_assets.recommender.evaluation.ratings import Ratings
from movie_assets.recommender.films import film_frame
from movie_assets.recommender.rows import RowsOfIds
from movie_assets.recommender.similar import Signal
from movie_assets.warehouse import TABLES, read_arrow, read_keys, read_table, to_frame

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from numpy.typing import ArrayLike, NDArray

    from movie_assets.recommender.weights import Blend

#: Films that are read together: some 100 MB.
_FILMS_A_BLOCK = 25_000
_DETAILS = ["id", "tagline", "runtime", "keywords", "directors", "writers", "actors"]


def films_of(
    movies_table: pd.DataFrame, genres_table: pd.DataFrame, movie_details: pd.DataFrame
) -> pd.DataFrame:
    """The films in the recommender's frame; one without details lacks just these."""
    names = dict(zip(genres_table["id"], genres_table["name"], strict=True))
    details = movie_details[[*_DETAILS, "collection_name"]]
    films = movies_table.merge(details, on="id", how="left", validate="one_to_one")
    films = films.rename(columns={"collection_name": "collection"})
    films["genres"] = pd.Series(
        [[names[i] for i in ids if i in names] for ids in films["genre_ids"]], dtype=object
    )
    return film_frame(films)


def film_ids(database: Path) -> NDArray[np.int64]:
    """The ids of movies_table, ascending.

    Raises:
        WarehouseError: of the type that says why they cannot be read.
    """
    ids = read_arrow(database, TABLES["movies_table"], ["id"])["id"].to_numpy()
    return np.sort(ids.astype(np.int64))


def film_blocks(database: Path, ids: NDArray[np.int64]) -> Iterator[pd.DataFrame]:
    """Some of the stored films in the recommender's frame, block by block, ascending by id.

    Ids that movies_table does not have are left out. Nothing is read before it is asked for.

    Raises:
        WarehouseError: of the type that says why they cannot be read.
    """
    genres = read_table(database, "genres_table")
    for start in range(0, len(ids), _FILMS_A_BLOCK):
        some = ids[start : start + _FILMS_A_BLOCK]
        movies, details = (
            to_frame(read_keys(database, TABLES[name], some), TABLES[name].columns)
            for name in ("movies_table", "movie_details")
        )
        yield films_of(movies, genres, details)


def signals_of(
    movie_ids: NDArray[np.int32],
    blend: Blend,
    co_liked_movies: pd.DataFrame | pa.Table,
    movie_details: pd.DataFrame | pa.Table,
) -> list[Signal]:
    """The signals that there are, with their shares of a score.

    Args:
        movie_ids: of shape (n_movies,), ascending.
        blend: the shares.
        co_liked_movies: may be empty.
        movie_details: with each film's ``recommended_ids``, the best first.
    """
    found = [
        Signal("co_liked", blend.co_liked, co_liked_pairs(movie_ids, co_liked_movies)),
        Signal("tmdb", blend.tmdb, recommended_pairs(movie_ids, movie_details)),
    ]
    return [signal for signal in found if signal.share > 0 and signal.pairs.nnz]


def co_liked_pairs(
    movie_ids: NDArray[np.int32], co_liked_movies: pd.DataFrame | pa.Table
) -> sparse.csr_matrix:
    """The films that the same people like; CSR float32 of shape (n_movies, n_movies)."""
    return _pairs(
        movie_ids,
        co_liked_movies["movie_id"].to_numpy().astype(np.int64),
        co_liked_movies["neighbour_id"].to_numpy().astype(np.int64),
        co_liked_movies["score"].to_numpy().astype(np.float32),
    )


def recommended_pairs(
    movie_ids: NDArray[np.int32], movie_details: pd.DataFrame | pa.Table
) -> sparse.csr_matrix:
    """TMDB's recommendations, discounted as gains are: 1 / log2(1 + place), 1 for the first."""
    column = movie_details["recommended_ids"]
    if isinstance(movie_details, pd.DataFrame):
        column = pa.chunked_array([pa.array(column, pa.list_(pa.int64()))])
    counts = pc.fill_null(pc.list_value_length(column), 0).to_numpy().astype(np.int64)
    lists = _discounted(pc.list_flatten(column).to_numpy().astype(np.int32), counts)
    # From lists as they are stored to rows of ours; films that have no details have no list.
    known = RowsOfIds(movie_ids)
    others, own = known.of(lists.indices), known.of(movie_details["id"].to_numpy())
    ours = others >= 0
    ends = np.concatenate([np.zeros(1, np.int64), np.cumsum(ours)])[lists.indptr]
    found = sparse.csr_matrix(
        (lists.data[ours], others[ours].astype(np.int32), np.append(ends, ends[-1])),
        shape=(len(counts) + 1, len(movie_ids)),
    )
    places = np.full(len(movie_ids), len(counts))
    places[own[own >= 0]] = np.flatnonzero(own >= 0)
    return found[places]


def _discounted(ids: NDArray[np.int32], counts: NDArray[np.int64]) -> sparse.csr_matrix:
    """Lists of ids, one after the other, as rows; what each id counts in its list."""
    ends = np.concatenate([np.zeros(1, np.int64), np.cumsum(counts)])
    places = np.arange(len(ids), dtype=np.int32)
    places -= np.repeat(ends[:-1].astype(np.int32), counts)
    discounts = 1 / np.log2(2 + np.arange(places.max(initial=0) + 1))  # of the first it is 1
    shape = (len(counts), int(ids.max(initial=0)) + 1)
    lists = sparse.csr_matrix((discounts.astype(np.float32)[places], ids, ends), shape, copy=True)
    lists.sort_indices()
    again = np.flatnonzero(np.diff(lists.indices) == 0) + 1
    if not len(again) or np.isin(again, ends).all():
        return lists
    # What a list names twice counts where it stands first, and the rest moves up.
    rows = np.repeat(np.arange(len(counts)), counts)
    keys = rows * shape[1] + ids
    first = np.sort(np.unique(keys, return_index=True)[1])
    return _discounted(ids[first], np.bincount(rows[first], minlength=len(counts)))


def item_weights_of(
    movie_ids: NDArray[np.int32], item_weights: pd.DataFrame, column: str = "weight"
) -> sparse.csr_matrix:
    """What liking one film says of liking another; CSR float32 of shape (n_movies, n_movies).

    Args:
        movie_ids: of the films, ascending.
        item_weights: the table.
        column: of what is said: ``weight``, or ``transition``.
    """
    said = item_weights[item_weights[column] != 0]
    return _pairs(
        movie_ids,
        said["movie_id"].to_numpy(np.int64),
        said["neighbour_id"].to_numpy(np.int64),
        said[column].to_numpy(np.float32),
    )


def ratings_of(movielens_ratings: pa.Table, movie_ids: ArrayLike) -> Ratings:
    """People's ratings of the films with these ids, which ascend, and of others."""
    seconds = movielens_ratings["rated_at"].to_numpy().astype("datetime64[s]").astype(np.int64)
    users, films, stars = (movielens_ratings[name] for name in ("user_id", "movie_id", "rating"))
    return Ratings.of(users, films, stars, seconds, catalogue=movie_ids)


def _pairs(
    movie_ids: NDArray[np.int32],
    rows: NDArray[np.int64],
    columns: NDArray[np.int64],
    values: NDArray[np.float32],
) -> sparse.csr_matrix:
    """Pairs of ids as a matrix; those of films that are not ours are left out."""
    known = RowsOfIds(movie_ids)
    rows, columns = known.of(rows), known.of(columns)
    ours = (rows >= 0) & (columns >= 0)
    shape = (len(movie_ids), len(movie_ids))
    return sparse.csr_matrix((values[ours], (rows[ours], columns[ours])), shape)
