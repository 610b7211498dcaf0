"""How much righter the lists are for more people to learn from.

    python benchmarks/people.py --catalogue films.parquet --movielens ml-release

A fifth of a release's people judge, as for ``movie-assets evaluate --judges 0.2``; an eighth, a
quarter, half and all of the others are learned from, each larger part holding the smaller ones;
five times with other judges. Printed are means of NDCG@10. What stands behind them is where a curve
through the last three is going: each doubling gains the same part of what the one before gained.
"""

from __future__ import annotations

import numpy as np
import pandas as pd
from rated import named

from movie_assets.recommender import load_weights
from movie_assets.recommender.evaluation.figures import PROFILES, SIMILAR
from movie_assets.recommender.evaluation.ratings import Ratings, split_people
from movie_assets.recommender.evaluation.run import evaluate

JUDGES, SEEDS, PARTS = 0.2, range(5), (1 / 8, 1 / 4, 1 / 2, 1.0)
METHOD = "ours + MovieLens"
#: At which NDCG@10 lists are as right as was asked of them.
AIM = 0.6
#: Where a doubling gains more than so much of the one before, nobody can tell where that ends.
_STEADY = 0.9


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
    rated = named(__doc__.splitlines()[0])
    if rated is None:
        return
    films, ratings = rated
    means = np.mean([measured(films, ratings, seed) for seed in SEEDS], axis=0)
    print("people learned from  films like a film  films for somebody")
    for people, similar, profile in means:
        print(f"{people:19,.0f}  {similar:17.3f}  {profile:18.3f}")
    for name, gained in zip(
        ("films like a film", "films for somebody"), means[:, 1:].T, strict=True
    ):
        print(f"\n{name}: {prospect(means[-1, 0], *gained[-3:])}")


def prospect(people: float, early: float, late: float, last: float) -> str:
    """Where three figures are going, each of twice as many people as the one before."""
    gain, before = last - late, late - early
    said = f"the last doubling gained {gain:.3f}, the one before {before:.3f};"
    if not 0 < gain < _STEADY * before:
        return f"{said}\nno end of it is in sight"
    kept = gain / before
    limit = last + gain * kept / (1 - kept)
    said += f"\nif that goes on, twice the people have {last + gain * kept:.3f}"
    said += f", and any number of them less than {limit:.3f}"
    if last < AIM < limit:
        doublings = np.log(1 - (AIM - last) * (1 - kept) / (gain * kept)) / np.log(kept)
        said += f"\n({AIM:.2f} takes some {people * 2**doublings:,.0f} people)"
    return said


if __name__ == "__main__":
    main()
