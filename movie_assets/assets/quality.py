"""Quality: how good the recommendations are, beside baselines measured in the same run."""

import dagster as dg
import numpy as np
import pandas as pd
import pyarrow as pa

from movie_assets import film_tables, recommender
from movie_assets.assets.compiled import BLENDING, CO_LIKE_SEARCH, TRANSITIONS, VOTES
from movie_assets.assets.declare import table_asset, table_result
from movie_assets.recommender import (
    MovieFeatures,
    co_likes,
    expected,
    item_weights,
    metrics,
    query,
    ranking,
    similar,
    transitions,
    weights,
)
from movie_assets.recommender.evaluation import (
    accuracy,
    baselines,
    bootstrap,
    breadth,
    catalogue,
    judge,
    methods,
    plain,
    profiles,
    run,
    truth,
)
from movie_assets.recommender.evaluation.figures import SIMILAR, Figure
from movie_assets.recommender.evaluation.ratings import Ratings, split_people

#: What similarity_matrix holds, as a method among those that are measured.
PUBLISHED = "published"
#: The figures that Dagster draws over time, of the recommender itself.
_DRAWN = ("ndcg_at_10", "different_films", "catalogue_coverage", "novelty", "intra_list_diversity")


#: What the figures depend on beside their assets' own code.
QUALITY_USES = (
    metrics, run, methods, judge, baselines, accuracy, breadth, bootstrap, catalogue, plain,
    profiles, truth, Ratings, split_people, query, similar, ranking, co_likes, expected,
    *BLENDING, *CO_LIKE_SEARCH, *VOTES, *TRANSITIONS, item_weights, transitions, film_tables,
    weights.BUNDLED,
)  # fmt: skip


@table_asset(
    group="recommend",
    uses=QUALITY_USES,
    kinds=frozenset({"numpy", "duckdb"}),
    columns={"similarity_matrix": ["movie_id", "rank", "neighbour_id", "score"]},
)
def recommendation_quality(
    context: dg.AssetExecutionContext,
    similarity_matrix: pd.DataFrame,
    movie_features: MovieFeatures,
    movies_table: pd.DataFrame,
    genres_table: pd.DataFrame,
    movie_details: pd.DataFrame,
    movielens_ratings: pa.Table,
) -> dg.MaterializeResult[pa.Table]:
    """Measure what is published, and the recommender beside its baselines."""
    films = film_tables.films_of(movies_table, genres_table, movie_details)
    training, held_out = halves(movielens_ratings, films)
    by = recommender.load_weights()
    recommended = film_tables.recommended_pairs(films["id"].to_numpy(np.int32), movie_details)
    signals = [recommender.Signal("tmdb", by.blend.tmdb, recommended)] if recommended.nnz else []
    evaluation = run.evaluate(
        films,
        by,
        training=training,
        held_out=held_out,
        signals=signals,
        progress=lambda what: context.log.debug("Measuring %s.", what),
    )
    figures = [*published(similarity_matrix, movie_features, films), *evaluation.figures]
    return table_result(
        "recommendation_quality",
        pd.DataFrame(figures, columns=list(Figure._fields)),
        {
            "films_asked_about": evaluation.n_seeds,
            "people_learned_from": evaluation.n_learned_from,
            "people_who_judge": evaluation.n_judges,
            **drawn(figures),
        },
    )


def halves(table: pa.Table, films: pd.DataFrame) -> tuple[Ratings | None, Ratings | None]:
    """Ratings to learn from and to judge by; None for both where there are none."""
    if not len(table):
        return None, None
    return split_people(film_tables.ratings_of(table, films["id"]))


def published(
    similarity_matrix: pd.DataFrame, movie_features: MovieFeatures, films: pd.DataFrame
) -> list[Figure]:
    """The figures of what is stored.

    Args:
        similarity_matrix: the pairs' movie_id, rank, neighbour_id and score; of the first ten
            neighbours at least.
        movie_features: of the films.
        films: their popularity, vote_average and vote_count, in the features' order.
    """
    ids = movie_features.movie_ids
    found = recommender.quality(
        movie_features,
        rows=np.searchsorted(ids, similarity_matrix["movie_id"]).astype(np.int32),
        columns=np.searchsorted(ids, similarity_matrix["neighbour_id"]).astype(np.int32),
        ranks=similarity_matrix["rank"].to_numpy(np.int32),
        scores=similarity_matrix["score"].to_numpy(np.float32),
        popularity=films["popularity"].to_numpy(np.float64),
        vote_average=films["vote_average"].to_numpy(np.float64),
        vote_count=films["vote_count"].to_numpy(np.float64),
    )
    return [
        Figure(SIMILAR, PUBLISHED, figure.metric, figure.value, None, None, figure.description)
        for figure in found
    ]


def drawn(figures: list[Figure]) -> dict[str, float]:
    """The recommender's own figures, each under the name of its metric."""
    best = {"ours", "ours + MovieLens", PUBLISHED}
    return {
        f"{figure.task}: {figure.metric}, {figure.method}": figure.value
        for figure in figures
        if figure.method in best
        and figure.value is not None
        and (figure.metric in _DRAWN or figure.metric.endswith("_rmse"))
    }
