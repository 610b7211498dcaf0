"""How much righter the lists are for more people to learn from.

    python benchmarks/people.py --catalogue films.parquet --movielens ml-release

A fifth of a release's people judge, as for ``movie-assets evaluate --judges 0.2``; an eighth, a
quarter, half and all of the others are learned from, each larger part holding the smaller ones;
five times with other judges. Printed are means of NDCG@10. What stands behind them is where a curve
through the last three is going: each doubling gains the same part of what the one before gained.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import numpy as np
import pandas as pd

from movie_assets.film_tables import ratings_of
from movie_assets.movielens import read_ratings
from movie_assets.recommender import load_weights
from movie_assets.recommender.evaluation.figures import PROFILES, SIMILAR
from movie_assets.recommender.evaluation.ratings import Ratings, split_people
from movie_assets.recommender.evaluation.run import evaluate
from movie_assets.recommender.films import read_catalogue

JUDGES, SEEDS, PARTS = 0.2, range(5), (1 / 8, 1 / 4, 1 / 2, 1.0)
METHOD = "ours + MovieLens"
#: At which NDCG@10 lists are as right as was asked of them.
AIM = 0.6


def measured(films: pd.DataFrame, ratings: Ratings, seed: int) -> list[tuple[float, ...]]:
    """For each part how many are learned from, and NDCG@10 for a film and for somebody."""
    training, held_out = split_people(ratings, seed, JUDGES)
    people = np.random.default_rng(seed).permutation(np.unique(training.users))
    rows: list[tuple[float, ...]] = []
    for part in PARTS:
        some = people[: round(part * len(people))]
        found = evaluate(
            films,
            load_weights(),
            training=training.where(np.isin(training.users, some)),
            held_out=held_out,
            seed=seed,
        )
        ndcg = {
            figure.task: figure.value
            for figure in found.figures
            if figure.method == METHOD and figure.metric == "ndcg_at_10"
        }
        rows.append((float(len(some)), float(ndcg[SIMILAR] or 0), float(ndcg[PROFILES] or 0)))
    return rows


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--catalogue", type=Path, required=True)
    parser.add_argument("--movielens", type=Path, required=True)
    options = parser.parse_args()
    films = read_catalogue(options.catalogue)
    ratings = ratings_of(read_ratings(options.movielens).table, films["id"])
    means = np.mean([measured(films, ratings, seed) for seed in SEEDS], axis=0)
    print("people learned from  films like a film  films for somebody")
    for people, similar, profile in means:
        print(f"{people:19,.0f}  {similar:17.3f}  {profile:18.3f}")
    people, *_ = means[-1]
    for name, (early, late, last) in zip(
        ("films like a film", "films for somebody"), means[-3:, 1:].T, strict=True
    ):
        gain, kept = last - late, (last - late) / (late - early)
        limit = last + gain * kept / (1 - kept) if kept < 1 else float("inf")
        print(f"\n{name}: the last doubling gained {gain:.3f}, {kept:.0%} of the one before;")
        print(f"if that goes on, twice the people would have {last + gain * kept:.3f},", end=" ")
        print(f"and all there could be {limit:.3f}")
        if name == "films like a film" and last < AIM < limit:
            doublings = np.log(1 - (AIM - last) * (1 - kept) / (gain * kept)) / np.log(kept)
            print(f"(an NDCG@10 of {AIM} takes some {people * 2**doublings:,.0f} people)")


if __name__ == "__main__":
    main()
