"""How long the neighbours of 10,000 films take, beside scikit-learn's own ways in the same run.

    python benchmarks/recommender.py [number of films]

The films are made up with the statistics of overviews: words by Zipf's law, about 28 of them and
three genres a film. Each way gives the 50 nearest of every film by likeness of content, which is
the cosine where closeness and prior count nothing; scores are compared.
"""

from __future__ import annotations

import statistics
import sys
import time
from collections.abc import Callable

import numpy as np
import pandas as pd
from sklearn.metrics.pairwise import cosine_similarity
from sklearn.neighbors import NearestNeighbors

from movie_assets.recommender import (
    MovieFeatures,
    Weights,
    fit_features,
    load_weights,
    nearest_neighbours,
)
from movie_assets.recommender.films import film_frame

K, ROUNDS, VOCABULARY, WORDS, GENRES = 50, 3, 60_000, 28, 19


def made_up_films(n: int) -> MovieFeatures:
    """Features of n films whose words follow Zipf's law."""
    random = np.random.default_rng(0)
    ranks = np.minimum(random.zipf(1.25, size=(n, WORDS)), VOCABULARY)
    films = pd.DataFrame(
        {
            "id": np.arange(1, n + 1),
            "overview": [" ".join(f"word{rank}" for rank in row) for row in ranks],
            "genres": [
                [f"genre{g}" for g in random.choice(GENRES, size=3, replace=False)]
                for _ in range(n)
            ],
            "vote_count": 1,
        }
    )
    return fit_features(film_frame(films), content_alone())


def content_alone() -> Weights:
    """Weights by which a score is the cosine of texts and genres."""
    weights = load_weights()
    nothing = dict.fromkeys(type(weights.closeness).model_fields, 0.0)
    return weights.model_copy(
        update={
            "fields": {"text": 1.0, "genres": 1.0},
            "closeness": weights.closeness.model_copy(update=nothing),
            "popularity": 0.0,
        }
    )


def dense_blocks(features: MovieFeatures) -> np.ndarray:
    """scikit-learn's cosine_similarity, block by block, then the K best of each row."""
    out = []
    for start in range(0, features.matrix.shape[0], 1000):
        scores = cosine_similarity(features.matrix[start : start + 1000], features.matrix)
        scores[np.arange(len(scores)), start + np.arange(len(scores))] = -1
        best = np.argpartition(-scores, K, axis=1)[:, :K]
        out.append(-np.sort(-np.take_along_axis(scores, best, axis=1), axis=1))
    return np.vstack(out)


def neighbours_class(features: MovieFeatures) -> np.ndarray:
    """scikit-learn's NearestNeighbors with its exact cosine search."""
    model = NearestNeighbors(n_neighbors=K + 1, metric="cosine", algorithm="brute")
    distances, _ = model.fit(features.matrix).kneighbors(features.matrix)
    return 1 - distances[:, 1:]


def ours(features: MovieFeatures) -> np.ndarray:
    """This project's exact neighbours by blocks; 0 where a film has fewer than K."""
    found = nearest_neighbours(features, content_alone(), K)
    scores = np.zeros((len(features.movie_ids), K), dtype=np.float32)
    scores[found.rows, found.ranks - 1] = found.scores
    return scores


def median_seconds(way: Callable[[MovieFeatures], np.ndarray], features: MovieFeatures) -> tuple:
    """The median of ROUNDS runs, and the scores."""
    seconds = []
    for _ in range(ROUNDS):
        started = time.perf_counter()
        scores = way(features)
        seconds.append(time.perf_counter() - started)
    return statistics.median(seconds), scores


def main() -> None:
    """Measure and print."""
    n = int(sys.argv[1]) if len(sys.argv) > 1 else 10_000
    features = made_up_films(n)
    print(f"{n:,} films, {features.matrix.nnz / n:.0f} terms a film, K = {K}, medians of {ROUNDS}:")
    base, scores = median_seconds(ours, features)
    print(f"  movie_assets               {base:7.2f} s   1.0")
    for name, way in (
        ("cosine_similarity, blocked", dense_blocks),
        ("NearestNeighbors, brute", neighbours_class),
    ):
        seconds, others = median_seconds(way, features)
        worst = float(np.abs(np.maximum(others, 0) - scores).max())
        print(f"  {name:26} {seconds:7.2f} s   {seconds / base:.1f}   scores differ by {worst:.1e}")


if __name__ == "__main__":
    main()
