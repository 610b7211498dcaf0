"""The assets: what each table is, what it is made from, and what is shown of it.

Assets are thin. They call the rooms that do the work and hand the result, with its metadata, to the
IO manager. Checks are in ``movie_assets.checks``; freshness and automation, which hold for the
whole graph, in ``movie_assets.automation``; resources in ``movie_assets.definitions``.
"""

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

ASSETS = [
    raw_popular_movies,
    raw_genres,
    raw_movie_details,
    movies_table,
    genres_table,
    movie_details,
    movie_genre_data,
    movielens_ratings,
    co_liked_movies,
    item_weights,
    movie_features,
    similarity_matrix,
    recommendation_quality,
    published_recommendations,
    eda_report,
]

__all__ = ["ASSETS"]
