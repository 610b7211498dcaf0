"""The recommender: pure functions on arrays, from films to their nearest films.

What belongs here: features (text to a sparse matrix), neighbours (matrix to the most similar
rows), explanations and quality figures. What does not: Dagster, DuckDB, HTTP, files.

The graph calls three functions and nothing else, so that another recommender can take this one's
place: :func:`fit_features`, :func:`nearest_neighbours` and :func:`shared_terms`.
"""

from movie_assets.recommender.explanations import shared_terms
from movie_assets.recommender.features import MovieFeatures, fit_features
from movie_assets.recommender.metrics import quality, rmse
from movie_assets.recommender.neighbours import Neighbours, nearest_neighbours

__all__ = [
    "MovieFeatures",
    "Neighbours",
    "fit_features",
    "nearest_neighbours",
    "quality",
    "rmse",
    "shared_terms",
]
