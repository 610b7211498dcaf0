"""Recommendations: features, and each film's neighbours. How good they are is in ``quality``.

The recommender itself is in ``movie_assets.recommender``; another one can take its place behind
the same tables.
"""

import time
from dataclasses import dataclass
from functools import partial

import dagster as dg
import numpy as np
import pandas as pd
import pyarrow as pa

from movie_assets import film_tables, recommender
from movie_assets.assets.compiled import BLENDING, KERNEL
from movie_assets.assets.declare import preview, reporter, table_asset, table_result, timed
from movie_assets.assets.pictures import histogram
from movie_assets.assets.versions import code_version
from movie_assets.recommender import (
    MovieFeatures,
    blocks,
    cluster,
    explanations,
    features,
    films,
    neighbours,
    ranking,
    scoring,
    similar,
    text,
    weights,
)
from movie_assets.recommender.storage import features_hash

#: How many neighbours similarity_matrix keeps of each film.
NEIGHBOURS_A_FILM = 50


@dataclass(frozen=True)
class NeighbourSearch:
    """The resource that says which machines search for neighbours; the result is the same.

    Attributes:
        ray_address: of a Ray cluster; None for this machine alone, without Ray.
    """

    ray_address: str | None = None

    @property
    def top_k(self) -> "similar.Search":
        """What does the search."""
        if self.ray_address is None:
            return neighbours.top_k
        return partial(cluster.top_k, address=self.ray_address)


class NothingAlikeError(Exception):
    """No film has a neighbour, so that there is nothing to recommend."""


def _movie_features(
    movies_table: pd.DataFrame, genres_table: pd.DataFrame, movie_details: pd.DataFrame
) -> dg.MaterializeResult[MovieFeatures]:
    """Fit and transform the films."""
    fitted = recommender.fit_features(
        film_tables.films_of(movies_table, genres_table, movie_details), recommender.load_weights()
    )
    terms_per_film = np.diff(fitted.matrix.indptr)
    return dg.MaterializeResult(
        value=fitted,
        data_version=dg.DataVersion(features_hash(fitted)),
        metadata={
            "dagster/row_count": fitted.n_movies,
            "terms": len(fitted.vocabulary),
            "films_that_can_be_recommended": int(fitted.is_candidate.sum()),
            "terms_per_film_mean": float(terms_per_film.mean()),
            "fields": preview(fields_frame(fitted)),
            "terms_histogram": histogram(terms_per_film, "Terms per film", "terms"),
        },
    )


movie_features = dg.asset(
    name="movie_features",
    group_name="recommend",
    description="One sparse row a film: the TF-IDF of each field, times the field's weight.",
    kinds={"scikitlearn", "numpy"},
    code_version=code_version(
        _movie_features, features, text, films, film_tables.films_of, weights.BUNDLED
    ),
    io_manager_key="features_io_manager",
)(timed(_movie_features))


#: What the content of similarity_matrix depends on beside its assets' own code.
PAIRS_USE = (
    similar,
    ranking,
    neighbours,
    scoring,
    blocks,
    *KERNEL,
    *BLENDING,
    explanations,
    film_tables,
    weights.BUNDLED,
)
PAIRS_LINEAGE = {
    "movie_id": [("movies_table", "id")],
    "neighbour_id": [("movies_table", "id")],
    "closeness": [
        ("movies_table", name) for name in ("release_date", "vote_count", "vote_average")
    ],
    "prior": [("movies_table", name) for name in ("release_date", "vote_count", "vote_average")],
    "co_liked": [("co_liked_movies", "score")],
    "tmdb": [("movie_details", "recommended_ids")],
    "reasons": [
        ("movies_table", "overview"),
        ("genres_table", "name"),
        *(
            ("movie_details", name)
            for name in ("keywords", "directors", "writers", "actors", "collection_name")
        ),
    ],
}
#: What is read of each input.
PAIRS_COLUMNS = {
    "co_liked_movies": ["movie_id", "neighbour_id", "score"],
    "movie_details": ["id", "recommended_ids"],
}


@table_asset(
    group="recommend",
    uses=PAIRS_USE,
    kinds=frozenset({"numba", "duckdb"}),
    lineage=PAIRS_LINEAGE,
    columns=PAIRS_COLUMNS,
)
def similarity_matrix(
    context: dg.AssetExecutionContext,
    movie_features: MovieFeatures,
    co_liked_movies: pd.DataFrame,
    movie_details: pd.DataFrame,
    neighbour_search: dg.ResourceParam[NeighbourSearch],
) -> dg.MaterializeResult[pa.Table]:
    """Find each film's best neighbours."""
    started = time.perf_counter()
    ids = movie_features.movie_ids
    by = recommender.load_weights()
    signals = film_tables.signals_of(ids, by.blend, co_liked_movies, movie_details)
    nearest = recommender.nearest_neighbours(
        movie_features,
        by,
        NEIGHBOURS_A_FILM,
        signals=signals,
        search=neighbour_search.top_k,
        progress=reporter(context.log, "Compared %s of %s films."),
    )
    seconds = time.perf_counter() - started
    if len(nearest.rows) == 0:
        raise NothingAlikeError(
            f"None of the {len(ids)} films has a neighbour with votes: ask for more films "
            "(MOVIE_ASSETS_MAX_MOVIES). What is stored stays as it was."
        )
    pairs = pairs_table(movie_features, nearest, recommender.reasons(movie_features, nearest))
    return table_result(
        "similarity_matrix",
        pairs,
        {
            "films": len(ids),
            "neighbours_per_film": NEIGHBOURS_A_FILM,
            "searched_by": neighbour_search.ray_address or "this machine",
            "signals": ", ".join(signal.name for signal in signals) or "content alone",
            "compare_seconds": round(seconds, 3),
            "best_score_mean": float(nearest.scores[nearest.ranks == 1].mean()),
            "scores_histogram": histogram(nearest.scores, "Scores of all neighbours", "score"),
        },
    )


def pairs_table(
    movie_features: MovieFeatures,
    nearest: recommender.Neighbours,
    reasons: list[list[str]] | pa.ListArray,
) -> pa.Table:
    """Pairs as similarity_matrix has them."""
    ids = movie_features.movie_ids
    nothing = np.zeros(len(nearest.rows), dtype=np.float32)
    columns = {
        "movie_id": ids[nearest.rows],
        "rank": nearest.ranks,
        "neighbour_id": ids[nearest.columns],
        "score": nearest.scores,
        "content": nearest.content,
        "closeness": nearest.closeness,
        "prior": nearest.prior,
        "co_liked": nearest.signals.get("co_liked", nothing),
        "tmdb": nearest.signals.get("tmdb", nothing),
    }
    arrays = {name: pa.array(values) for name, values in columns.items()}
    return pa.table(arrays | {"reasons": pa.array(reasons, pa.list_(pa.string()))})


def fields_frame(fitted: MovieFeatures) -> pd.DataFrame:
    """How many films have each field, how many terms it has, and what it counts."""
    shares = recommender.load_weights().shares()
    blocks_of_fields = [fitted.matrix[:, fitted.columns_of(name)] for name in fitted.fields]
    return pd.DataFrame(
        {
            "field": fitted.fields,
            "share": [round(shares[name], 3) for name in fitted.fields],  # type: ignore[index]
            "terms": [block.shape[1] for block in blocks_of_fields],
            "films": [int((np.diff(block.indptr) > 0).sum()) for block in blocks_of_fields],
        }
    )
