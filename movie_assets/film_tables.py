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
    counts = pc.fill_null(pc.list_value_length(column), 0).to_numpy()
    rows = np.repeat(movie_details["id"].to_numpy().astype(np.int64), counts)
    columns = pc.list_flatten(column).to_numpy().astype(np.int64)
    lists = np.repeat(np.arange(len(counts)), counts)
    keys = lists * (columns.max(initial=0) + 1) + columns
    if (np.diff(np.sort(keys)) == 0).any():
        # What a list names twice counts where it stands first, and the rest moves up.
        first = np.sort(np.unique(keys, return_index=True)[1])
        rows, columns = rows[first], columns[first]
        counts = np.bincount(lists[first], minlength=len(counts))
    places = np.arange(len(columns)) - np.repeat(np.cumsum(counts) - counts, counts) + 1
    return _pairs(movie_ids, rows, columns, (1 / np.log2(1 + places)).astype(np.float32))


def item_weights_of(movie_ids: NDArray[np.int32], item_weights: pd.DataFrame) -> sparse.csr_matrix:
    """What liking one film says of liking another; CSR float32 of shape (n_movies, n_movies)."""
    return _pairs(
        movie_ids,
        item_weights["movie_id"].to_numpy(np.int64),
        item_weights["neighbour_id"].to_numpy(np.int64),
        item_weights["weight"].to_numpy(np.float32),
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
