"""The assets: what each table is, what it is made from, and what is shown of it.

Assets are thin. They call the rooms that do the work and hand the result, with its metadata, to the
IO manager. Checks are in ``movie_assets.checks``; freshness and automation, which hold for the
whole graph, in ``movie_assets.automation``; resources in ``movie_assets.definitions``.
"""

import dagster as dg

from movie_assets.assets import catalogue, merged, renewed
from movie_assets.assets.analysis import eda_report
from movie_assets.assets.extract import raw_genres, raw_movie_details, raw_popular_movies
from movie_assets.assets.publish import published_recommendations
from movie_assets.assets.quality import recommendation_quality
from movie_assets.assets.recommend import movie_features, similarity_matrix
from movie_assets.assets.signals import co_liked_movies, item_weights, movielens_ratings
from movie_assets.assets.warehouse import (
    genres_table,
    movie_details,
    movie_genre_data,
    movies_table,
)

_OF_EVERY_SOURCE = [
    raw_genres,
    genres_table,
    movie_genre_data,
    movielens_ratings,
    co_liked_movies,
    item_weights,
    published_recommendations,
    eda_report,
]

_OF_THE_LIST = [
    raw_popular_movies,
    raw_movie_details,
    movies_table,
    movie_details,
    movie_features,
    similarity_matrix,
    recommendation_quality,
]

_OF_THE_CATALOGUE = [
    catalogue.raw_movie_ids,
    catalogue.raw_movie_details,
    merged.movies_table,
    merged.movie_details,
    renewed.movie_features,
    renewed.similarity_matrix,
    renewed.recommendation_quality,
]


def assets_of(source: str) -> list[dg.AssetsDefinition]:
    """The graph of a source: ``sample``, ``popular`` or ``catalogue``."""
    own = _OF_THE_CATALOGUE if source == "catalogue" else _OF_THE_LIST
    return [*own, *_OF_EVERY_SOURCE]


__all__ = ["assets_of"]
