"""What benchmarks of quality ask about: films, and ratings of them, that who starts it names.

What belongs here: reading both, and how right lists are. What is compared is each benchmark's.
"""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from movie_assets.film_tables import ratings_of
from movie_assets.movielens import read_ratings
from movie_assets.recommender.evaluation import accuracy
from movie_assets.recommender.films import read_catalogue

if TYPE_CHECKING:
    import pandas as pd
    from numpy.typing import NDArray
    from scipy import sparse

    from movie_assets.recommender.evaluation.ratings import Ratings


class Rated(NamedTuple):
    """Films, and ratings of them."""

    films: pd.DataFrame
    ratings: Ratings


def named(purpose: str) -> Rated | None:
    """What --catalogue and --movielens name; None, and a word of it, where either is missing."""
    parser = argparse.ArgumentParser(description=purpose)
    parser.add_argument("--catalogue", type=Path)
    parser.add_argument("--movielens", type=Path)
    options = parser.parse_args()
    if not options.catalogue or not options.movielens:
        print(
            "Nothing measured: name films with --catalogue, and ratings of them with --movielens."
        )
        return None
    films = read_catalogue(options.catalogue)
    return Rated(films, ratings_of(read_ratings(options.movielens).table, films["id"]))


def ndcg_of(lists: NDArray[np.int32], right: sparse.csr_matrix) -> float:
    """The mean NDCG@10 of lists, one a row of what is right; CSR of shape (n_lists, n_films)."""
    hits = accuracy.hits(lists, right)
    return float(accuracy.ndcg(hits, np.diff(right.indptr)).mean())
