"""The recommender: pure functions on arrays, from films to their nearest films.

What belongs here: features (films to a sparse matrix), ranking and similar films (matrix to the
best of each), a person's films, explanations, figures and what fits the weights. What does not:
Dagster, DuckDB, HTTP.

The graph calls three functions and nothing else, so that another recommender can take this one's
place: :func:`fit_features`, :func:`nearest_neighbours` and :func:`reasons`.
"""

from movie_assets.recommender.explanations import reasons
from movie_assets.recommender.features import MovieFeatures, fit_features
from movie_assets.recommender.metrics import quality, rmse
from movie_assets.recommender.similar import Neighbours, Signal, nearest_neighbours
from movie_assets.recommender.weights import Weights, load_weights

__all__ = [
    "MovieFeatures",
    "Neighbours",
    "Signal",
    "Weights",
    "fit_features",
    "load_weights",
    "nearest_neighbours",
    "quality",
    "reasons",
    "rmse",
]
