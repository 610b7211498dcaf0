"""How right the films for somebody are who names a few that they like.

    python benchmarks/named.py --catalogue films.parquet --movielens ml-release

Half of a release's people judge and the others are learned from, as for ``movie-assets evaluate``,
three times with other halves. Of what each judge liked before the middle of their likes so many are
drawn by chance, and named without a time; what is liked from then on is right. The last column is
all that they rated before, with times. Printed are means: NDCG@10, and how many different films the
lists of all judges hold.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from rated import named, ndcg_of

from movie_assets.recommender import load_weights
from movie_assets.recommender.evaluation.catalogue import Catalogue
from movie_assets.recommender.evaluation.methods import Evaluated
from movie_assets.recommender.evaluation.profiles import Profiles, split_by_time
from movie_assets.recommender.evaluation.ratings import Ratings, split_people
from movie_assets.recommender.query import Recommender, Taste

SEEDS, NAMED = range(3), (1, 2, 3, 5, 10)


def methods_of(evaluated: Evaluated) -> dict[str, Recommender]:
    """Without what people like, with co-liked films alone, and with all that is learned."""
    features, weights, co_liked = evaluated.features, evaluated.weights, [evaluated.co_liked]
    learned = evaluated.item_weights, evaluated.transitions
    return {
        "without MovieLens": Recommender(features, weights),
        "with co-liked films": Recommender(features, weights, co_liked),
        "with MovieLens": Recommender(features, weights, co_liked, *learned),
    }


def measured(
    recommender: Recommender, people: Profiles, number: int | None, seed: int
) -> tuple[float, float]:
    """NDCG@10 and different films of lists by so many films; by all that was rated where None."""
    random = np.random.default_rng(seed)
    lists = np.full((len(people), 10), -1, dtype=np.int32)
    for row, before in enumerate(people):
        if number is None:
            taste = Taste.of_ratings(
                before.films, before.stars, recommender.weights, before.seconds
            )
        else:
            taste = _named(before, number, random)
        found = recommender.for_taste(taste, 10).films
        lists[row, : len(found)] = found
    return ndcg_of(lists, people.relevant), len(np.unique(lists[lists >= 0]))


def _named(before: Ratings, number: int, random: np.random.Generator) -> Taste:
    """Some of the films that somebody likes; all others that they rated are in no list."""
    liked = before.films[before.liked]
    films: NDArray[np.int32] = random.choice(liked, min(number, len(liked)), replace=False)
    return Taste(films, np.ones(len(films), np.float32), seen=np.setdiff1d(before.films, films))


def main() -> None:
    """Measure and print."""
    rated = named(__doc__.splitlines()[0])
    if rated is None:
        return
    films, ratings = rated
    catalogue, columns = Catalogue.of(films), (*NAMED, None)
    found: dict[str, list[list[tuple[float, float]]]] = {}
    asked = []
    for seed in SEEDS:
        training, held_out = split_people(ratings, seed)
        people = split_by_time(held_out, len(films))
        asked.append(len(people))
        evaluated = Evaluated(catalogue, load_weights(), training)
        for name, recommender in methods_of(evaluated).items():
            row = [measured(recommender, people, number, seed) for number in columns]
            found.setdefault(name, []).append(row)
    print(f"{np.mean(asked):,.0f} people asked about")
    head = "".join(f"{number or 'all':>7}" for number in columns)
    for which, form, what in ((0, "7.3f", "NDCG@10"), (1, "7,.0f", "different films")):
        print(f"\n{f'{what} by films named':32}{head}")
        for name, rows in found.items():
            means = np.mean(rows, axis=0)[:, which]
            print(f"{name:32}" + "".join(f"{value:{form}}" for value in means))


if __name__ == "__main__":
    main()
