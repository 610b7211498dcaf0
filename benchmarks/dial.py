"""What the popularity dial trades: how right the lists are against how many films nobody names.

    python benchmarks/dial.py --catalogue films.parquet --movielens ml-release

Half of a release's people judge and the others are learned from, as for ``movie-assets evaluate``.
For each place of the dial are printed NDCG@10, the number of different films in the lists, and the
median votes and the mean rating of what the lists hold; of films like a film, and of films for
somebody. The first line is the lower end as it is where ``weights.gems`` says nothing.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray
from rated import named, ndcg_of
from scipy import sparse

from movie_assets.recommender import MovieFeatures, load_weights
from movie_assets.recommender.evaluation.catalogue import Catalogue
from movie_assets.recommender.evaluation.methods import Evaluated
from movie_assets.recommender.evaluation.profiles import split_by_time
from movie_assets.recommender.evaluation.ratings import split_people
from movie_assets.recommender.evaluation.truth import co_liked_truth
from movie_assets.recommender.weights import Gems

PLACES = (0.0, 0.25, 0.5, 0.75, 1.0)
HEAD, WIDTH = "NDCG@10  films   votes  rating", 32

#: The lists of some weights at a place of the dial, with ratings or without.
Asked = Callable[[Evaluated, float, bool], NDArray[np.int32]]


def measured(features: MovieFeatures, lists: NDArray[np.int32], right: sparse.csr_matrix) -> str:
    """The figures of lists, as a row has them."""
    shown = lists[lists >= 0]
    votes, rating = np.median(features.votes[shown]), features.ratings[shown].mean()
    different = len(np.unique(shown))
    return f"{ndcg_of(lists, right):7.3f}  {different:5,}  {votes:6,.0f}  {rating:6.2f}"


def print_places(
    of: str, plain: Evaluated, ours: Evaluated, right: sparse.csr_matrix, asked: Asked
) -> None:
    """Print what each place of the dial has, a row each."""
    print(f"{right.shape[0]:,} {of}")
    print(f"{'':12}{'without MovieLens':{WIDTH}}with MovieLens")
    print(f"{'place':12}{HEAD:{WIDTH}}{HEAD}")
    for name, evaluated, places in (("plain", plain, PLACES[:1]), ("", ours, PLACES)):
        for place in places:
            rows = (
                measured(ours.features, asked(evaluated, place, on), right) for on in (False, True)
            )
            label = f"{place:.2f} {name}"
            print(f"{label:12}" + "".join(f"{row:{WIDTH}}" for row in rows).rstrip())


def main() -> None:
    """Measure and print."""
    rated = named(__doc__.splitlines()[0])
    if rated is None:
        return
    films, ratings = rated
    training, held_out = split_people(ratings, seed=0)
    catalogue, weights = Catalogue.of(films), load_weights()
    ours = Evaluated(catalogue, weights, training)
    without = weights.model_copy(update={"gems": Gems(rating=0, fame=0)})
    plain = replace(ours, weights=without)
    truth = co_liked_truth(held_out, len(films))
    print_places(
        "films asked about",
        plain,
        ours,
        truth.relevant,
        lambda its, place, on: its.similar(truth.seeds, 10, place, with_ratings=on),
    )
    people = split_by_time(held_out, len(films))
    print()
    print_places(
        "people asked about",
        plain,
        ours,
        people.relevant,
        lambda its, place, on: its.for_profiles(people, 10, place, with_ratings=on),
    )


if __name__ == "__main__":
    main()
