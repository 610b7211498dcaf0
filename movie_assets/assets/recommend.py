"""Recommendations: features, each film's neighbours, and how good they are.

The recommender itself is in ``movie_assets.recommender``; another one can take its place behind
the same tables.
"""

import time
from pathlib import Path

import dagster as dg
import numpy as np
import pandas as pd
import pyarrow as pa

from movie_assets import recommender
from movie_assets.assets.declare import preview, table_asset, table_result, timed
from movie_assets.assets.pictures import histogram
from movie_assets.assets.versions import code_version
from movie_assets.recommender import (
    MovieFeatures,
    blocks,
    explanations,
    features,
    metrics,
    neighbours,
    scoring,
)
from movie_assets.recommender.storage import features_hash
from movie_assets.warehouse import cleaning

#: How many neighbours similarity_matrix keeps of each film.
NEIGHBOURS_A_FILM = 50

#: The kernel's file: to import it loads numba, which few commands need.
KERNEL = Path(recommender.__file__).with_name("top_k.py")


class NothingAlikeError(Exception):
    """No film has a neighbour, so that there is nothing to recommend."""


def _movie_features(
    movies_table: pd.DataFrame, genres_table: pd.DataFrame
) -> dg.MaterializeResult[MovieFeatures]:
    """Fit and transform the films."""
    fitted = recommender.fit_features(
        movie_ids=movies_table["id"].tolist(),
        overviews=[text if isinstance(text, str) else None for text in movies_table["overview"]],
        genre_names=cleaning.genre_names(movies_table["genre_ids"], genres_table).tolist(),
        vote_counts=movies_table["vote_count"].tolist(),
    )
    terms_per_film = np.diff(fitted.matrix.indptr)
    return dg.MaterializeResult(
        value=fitted,
        data_version=dg.DataVersion(features_hash(fitted)),
        metadata={
            "dagster/row_count": len(fitted.movie_ids),
            "terms": len(fitted.vocabulary),
            "films_that_can_be_recommended": int(fitted.is_candidate.sum()),
            "films_without_terms": int((terms_per_film == 0).sum()),
            "terms_per_film_mean": float(terms_per_film.mean()),
            "heaviest_terms": preview(_heaviest_terms(fitted)),
            "terms_histogram": histogram(terms_per_film, "Terms per film", "terms"),
        },
    )


movie_features = dg.asset(
    name="movie_features",
    group_name="recommend",
    description="One sparse TF-IDF row a film, over its overview and its genre names.",
    kinds={"scikitlearn", "numpy"},
    code_version=code_version(_movie_features, features, cleaning.genre_names),
    io_manager_key="features_io_manager",
)(timed(_movie_features))


@table_asset(
    group="recommend",
    uses=(neighbours, scoring, blocks, KERNEL, explanations),
    kinds=frozenset({"scikitlearn", "duckdb"}),
    lineage={
        "movie_id": [("movies_table", "id")],
        "neighbour_id": [("movies_table", "id")],
        "shared_terms": [("movies_table", "overview"), ("genres_table", "name")],
    },
)
def similarity_matrix(
    context: dg.AssetExecutionContext, movie_features: MovieFeatures
) -> dg.MaterializeResult[pa.Table]:
    """Find each film's nearest films."""
    started = time.perf_counter()
    nearest = recommender.nearest_neighbours(
        movie_features,
        NEIGHBOURS_A_FILM,
        progress=lambda done, total: context.log.info("Compared %s of %s films.", done, total),
    )
    seconds = time.perf_counter() - started
    ids = movie_features.movie_ids
    if len(nearest.rows) == 0:
        raise NothingAlikeError(
            f"None of the {len(ids)} films shares a term with one that has votes: ask for more "
            "films (MOVIE_ASSETS_MAX_MOVIES). What is stored stays as it was."
        )
    frame = pd.DataFrame(
        {
            "movie_id": ids[nearest.rows],
            "rank": nearest.ranks,
            "neighbour_id": ids[nearest.columns],
            "score": nearest.scores.astype(np.float64),
            "shared_terms": recommender.shared_terms(movie_features, nearest),
        }
    )
    return table_result(
        "similarity_matrix",
        frame,
        {
            "films": len(ids),
            "neighbours_per_film": NEIGHBOURS_A_FILM,
            "compare_seconds": round(seconds, 3),
            "best_score_mean": float(frame.loc[frame["rank"] == 1, "score"].mean()),
            "scores_histogram": histogram(
                frame["score"], "Scores of all neighbours", "cosine similarity"
            ),
        },
    )


@table_asset(group="recommend", uses=(metrics,), kinds=frozenset({"numpy", "duckdb"}))
def recommendation_quality(
    similarity_matrix: pd.DataFrame, movie_features: MovieFeatures, movies_table: pd.DataFrame
) -> dg.MaterializeResult[pa.Table]:
    """Measure the neighbours."""
    ids = movie_features.movie_ids
    movies = movies_table.set_index("id").loc[ids]
    figures = recommender.quality(
        movie_features,
        recommender.Neighbours(
            rows=np.searchsorted(ids, similarity_matrix["movie_id"]).astype(np.int32),
            columns=np.searchsorted(ids, similarity_matrix["neighbour_id"]).astype(np.int32),
            ranks=similarity_matrix["rank"].to_numpy(np.int32),
            scores=similarity_matrix["score"].to_numpy(np.float32),
        ),
        popularity=movies["popularity"].to_numpy(np.float64),
        vote_average=movies["vote_average"].to_numpy(np.float64),
        vote_count=movies["vote_count"].to_numpy(np.float64),
    )
    return table_result(
        "recommendation_quality",
        pd.DataFrame(figures, columns=list(metrics.Figure._fields)),
        {figure.metric: figure.value for figure in figures if figure.value is not None},
    )


def _heaviest_terms(fitted: MovieFeatures, top: int = 5) -> pd.DataFrame:
    weights = np.asarray(fitted.matrix.sum(axis=0)).ravel()
    order = np.argsort(-weights, kind="stable")[:top]
    return pd.DataFrame(
        {
            "term": [fitted.vocabulary[i] for i in order],
            "weight over all films": weights[order].round(1),
        }
    )
