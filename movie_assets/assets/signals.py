"""Signals: what people liked, from a MovieLens release, and what is learned from it.

The tables are always part of the graph. Without MOVIELENS_DIR they are empty, so that nothing
downstream misses them; and with a folder that cannot be read they keep what they held.
"""

import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import dagster as dg
import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray
from scipy import sparse

from movie_assets.assets.compiled import CO_LIKE_SEARCH, TRANSITIONS
from movie_assets.assets.declare import counts, table_asset, table_result
from movie_assets.assets.pictures import histogram
from movie_assets.assets.renewed import Renewal
from movie_assets.movielens import fingerprint, lines, ratings, read_ratings
from movie_assets.recommender import co_likes, expected, ranking, transitions, worth
from movie_assets.recommender.item_weights import fit_item_weights
from movie_assets.recommender.rows import RowsOfIds
from movie_assets.recommender.storage import load_features
from movie_assets.warehouse import TABLES

_TURNED_OFF = (
    "Nothing here, since MOVIELENS_DIR is not set. To use MovieLens' ratings, download a release "
    "from https://grouplens.org/datasets/movielens/ under GroupLens' licence, unpack it, let "
    "MOVIELENS_DIR name its folder, and build again."
)
_RATINGS_A_MESSAGE = 5_000_000


@dataclass(frozen=True)
class MovieLens:
    """The resource that says where a MovieLens release is.

    Attributes:
        folder: the release's folder; None where there is none to use.
    """

    folder: Path | None

    @property
    def fingerprint(self) -> str:
        """A text that changes when the release does."""
        return fingerprint(self.folder) if self.folder else "none"


@table_asset(group="signals", uses=(ratings, lines), kinds=frozenset({"csv", "duckdb"}))
def movielens_ratings(
    context: dg.AssetExecutionContext, movielens: dg.ResourceParam[MovieLens]
) -> dg.MaterializeResult[pa.Table]:
    """Read the release's ratings of films that TMDB knows."""
    if movielens.folder is None:
        return _empty("movielens_ratings", _TURNED_OFF, {"lines_read": 0})
    found = read_ratings(movielens.folder, progress=_reporter(context.log))
    for example in found.examples:
        context.log.warning("Left out: %s", example)
    return table_result(
        "movielens_ratings",
        found.table,
        {
            "folder": str(movielens.folder),
            "lines_read": found.lines,
            **counts("lines_bad", found.bad_lines),
            **counts("links_bad", found.bad_links),
            "ratings_of_unknown_films": found.of_unknown_films,
            "ratings_replaced_later": found.repeated,
            "users": pc.count_distinct(found.table["user_id"]).as_py(),
            "films": pc.count_distinct(found.table["movie_id"]).as_py(),
            "rating_mean": float(pc.mean(found.table["rating"]).as_py()),
        },
    )


@table_asset(
    group="signals",
    uses=(co_likes, expected, ranking, worth, *CO_LIKE_SEARCH),
    kinds=frozenset({"numba", "duckdb"}),
    lineage={
        "movie_id": [("movies_table", "id"), ("movielens_ratings", "movie_id")],
        "neighbour_id": [("movies_table", "id"), ("movielens_ratings", "movie_id")],
        "score": [("movielens_ratings", "rating")],
        "liked_by_both": [("movielens_ratings", "rating")],
    },
    columns={"movielens_ratings": ["user_id", "movie_id", "rating"], "movies_table": ["id"]},
    deps=("movie_features",),
)
def co_liked_movies(
    context: dg.AssetExecutionContext,
    movielens_ratings: pa.Table,
    movies_table: pd.DataFrame,
    renewal: dg.ResourceParam[Renewal],
) -> dg.MaterializeResult[pa.Table]:
    """Find, for each of our films, those of our films that the same people like."""
    if not len(movielens_ratings):
        return _empty("co_liked_movies", _TURNED_OFF)
    ids, films = _our_films(movielens_ratings, movies_table)
    started = time.perf_counter()
    found = co_likes.co_liked_films(
        _numbered(movielens_ratings["user_id"]),
        pc.fill_null(films, -1).to_numpy(),
        movielens_ratings["rating"].to_numpy(),
        len(ids),
        audiences=_audiences(renewal, ids),
        progress=lambda done, total: context.log.debug("Compared %s of %s films.", done, total),
    )
    seconds = time.perf_counter() - started
    if not len(found.rows):
        return _empty("co_liked_movies", "No two of our films are liked by one of these people.")
    return table_result(
        "co_liked_movies",
        pa.table(
            {
                "movie_id": ids[found.rows],
                "rank": found.ranks,
                "neighbour_id": ids[found.columns],
                "score": found.scores.astype(np.float64),
                "liked_by_both": found.liked_by_both,
            }
        ),
        {
            "films": len(ids),
            "films_that_are_rated": len(pc.unique(films).drop_null()),
            "films_with_co_liked_films": len(np.unique(found.rows)),
            "compare_seconds": seconds,
            "scores_histogram": histogram(
                found.scores, "Scores of all co-liked films", "shrunk share of common likers"
            ),
        },
    )


@table_asset(
    group="signals",
    uses=(fit_item_weights, transitions, worth, *TRANSITIONS),
    kinds=frozenset({"scipy", "numba", "duckdb"}),
    lineage={
        "movie_id": [("movies_table", "id"), ("movielens_ratings", "movie_id")],
        "neighbour_id": [("movies_table", "id"), ("movielens_ratings", "movie_id")],
        "weight": [("movielens_ratings", "rating")],
        "transition": [("movielens_ratings", "rating"), ("movielens_ratings", "rated_at")],
    },
    columns={"movies_table": ["id"]},
    deps=("movie_features",),
)
def item_weights(
    movielens_ratings: pa.Table,
    movies_table: pd.DataFrame,
    renewal: dg.ResourceParam[Renewal],
) -> dg.MaterializeResult[pa.Table]:
    """Learn what liking one of our films says of liking another, at all and soon after."""
    if not len(movielens_ratings):
        return _empty("item_weights", _TURNED_OFF)
    ids, films = _our_films(movielens_ratings, movies_table)
    started = time.perf_counter()
    weights = fit_item_weights(
        _likes(movielens_ratings, films, len(ids)), contents=_about(renewal, ids)
    )
    follows = transitions.fit_transitions(
        _numbered(movielens_ratings["user_id"]),
        pc.fill_null(films, -1).to_numpy(),
        movielens_ratings["rating"].to_numpy(),
        movielens_ratings["rated_at"].to_numpy().astype("datetime64[s]").astype(np.int64),
        len(ids),
    )
    seconds = time.perf_counter() - started
    if not weights.nnz and not follows.nnz:
        return _empty("item_weights", "These people like too few of our films to learn from.")
    rows, columns, values = _side_by_side(weights, follows)
    return table_result(
        "item_weights",
        pa.table(
            {
                "movie_id": ids[rows],
                "neighbour_id": ids[columns],
                "weight": values[0],
                "transition": values[1],
            }
        ),
        {
            "films": len(ids),
            "films_that_take_part": int((np.diff(weights.indptr) > 0).sum()),
            "learn_seconds": seconds,
            "transitions": follows.nnz,
            "weights_histogram": histogram(
                weights.data, "Weights of all pairs", "weight", log_counts=True
            ),
        },
    )


def _likes(ratings: pa.Table, films: pa.ChunkedArray, n_films: int) -> sparse.csr_matrix:
    """How much people like our films: people x films."""
    in_likes = worth.worth_in_likes(ratings["rating"].to_numpy())
    chosen = pc.and_(pa.array(in_likes > 0), pc.is_valid(films))
    people = _numbered(ratings["user_id"].filter(chosen))
    return sparse.csr_matrix(
        (in_likes[chosen.to_numpy()], (people, films.filter(chosen).to_numpy())),
        (people.max(initial=-1) + 1, n_films),
    )


# Features are read here and are no inputs: without ratings nobody needs them, and they are large.


def _audiences(renewal: Renewal, ids: NDArray[np.int32]) -> NDArray[np.int64]:
    """Whom each of our films is for; everybody where it has no features yet."""
    features = load_features(renewal.features)
    places = RowsOfIds(features.movie_ids).of(ids)
    return np.append(ranking.audiences(features), ranking.GENERAL)[places]


def _about(renewal: Renewal, ids: NDArray[np.int32]) -> sparse.csr_matrix:
    """The features' row of each of our films; an empty one where it has none yet."""
    features = load_features(renewal.features)
    places = RowsOfIds(features.movie_ids).of(ids)
    known = np.flatnonzero(places >= 0)
    chosen = sparse.csr_matrix(
        (np.ones(len(known), np.float32), (known, places[known])), (len(ids), features.n_movies)
    )
    return (chosen @ features.matrix).tocsr()


def _side_by_side(
    one: sparse.csr_matrix, other: sparse.csr_matrix
) -> tuple[NDArray[np.int32], NDArray[np.int32], tuple[NDArray[np.float64], NDArray[np.float64]]]:
    """The pairs that either has, by row and column; and what each has of them, 0 for nothing."""
    both = (abs(one) + abs(other)).tocoo()
    pairs = (both.row, both.col)
    of_each = [np.asarray(matrix[pairs], dtype=np.float64).ravel() for matrix in (one, other)]
    return both.row, both.col, (of_each[0], of_each[1])


def _our_films(
    ratings: pa.Table, movies_table: pd.DataFrame
) -> tuple[np.ndarray[Any, np.dtype[np.int32]], pa.ChunkedArray]:
    """Our films' numbers, ascending, and of each rating the place of its film, if it is ours."""
    ids = np.sort(movies_table["id"].to_numpy(np.int32))
    return ids, pc.index_in(ratings["movie_id"], value_set=pa.array(ids))


def _empty(
    table: str, why: str, metadata: dict[str, Any] | None = None
) -> dg.MaterializeResult[pa.Table]:
    rows = TABLES[table].arrow_schema.empty_table()
    return table_result(table, rows, {"why_empty": why, **(metadata or {})})


def _numbered(users: pa.ChunkedArray) -> np.ndarray[Any, np.dtype[np.int32]]:
    """Numbers from 0 on in the place of any others."""
    encoded = pa.chunked_array(users).combine_chunks().dictionary_encode()
    return np.asarray(encoded.indices)


def _reporter(log: dg.DagsterLogManager) -> Callable[[int], None]:
    """Says how far the reading is, now and then."""
    said = 0

    def report(done: int) -> None:
        nonlocal said
        if done - said >= _RATINGS_A_MESSAGE:
            said = done
            log.info("Read %s million ratings.", done // 1_000_000)

    return report
