"""How long an update takes after 1 % of the films changed, beside a rebuild in the same run.

    python benchmarks/incremental.py                       100,000 films
    python benchmarks/incremental.py --films 1000000       some 20 minutes on two cores

Films, votes and years are those of benchmarks/kernel.py, ranked without a prior and by "votes
squared, years", the prior's scale being the same on both days. Three days are made up:

- votes: one film in a hundred has a tenth more votes than before, more likely one of many votes;
- texts: one film in a hundred has become another film altogether, words, votes and year;
- mixed: of such films a third has other votes, a third other texts, and of the last third half is
  gone, while as many are new.

The lists hold K + margin neighbours. The rebuild that is timed finds just K, as one without updates
would. Updated lists are compared with a search of everything anew, on a sample of the rows.
"""

from __future__ import annotations

import argparse
import os
from typing import Any, NamedTuple

import numpy as np
from kernel import STEEP, THREADS, K, made_up_features, made_up_votes, made_up_years, seconds_of
from kernel import ranking as ranking_of
from numpy.typing import NDArray
from scipy import sparse

from movie_assets.recommender.changes import same_films
from movie_assets.recommender.incremental import MARGIN, Before, Lists, update
from movie_assets.recommender.neighbours import top_k

SHARE, SAMPLE = 0.01, 2_000
DAYS = ("votes", "texts", "mixed")


class Day(NamedTuple):
    """The films of a day, in the order of their ids."""

    ids: NDArray[np.int64]
    matrix: sparse.csr_matrix
    votes: NDArray[np.float64]
    years: NDArray[np.int64]

    def chosen(self, films: NDArray[np.int64]) -> Day:
        """These films, by position, in this order."""
        return Day(self.ids[films], self.matrix[films], self.votes[films], self.years[films])

    def options(self, ranking: str) -> dict[str, Any]:
        """What else goes into a score."""
        return {"exclude_self": True, "threads": THREADS} | ranking_of(
            ranking, self.votes, self.years
        )

    def before(self, old: Day, ranking: str) -> Before:
        """Which of these films are the same as on the day before."""
        rows = [(old.matrix, self.matrix)]
        if ranking == STEEP:
            rows.append((old.years, self.years))
        candidates = [*rows, (old.votes, self.votes)] if ranking == STEEP else rows
        return Before(*(same_films(old.ids, self.ids, parts) for parts in (rows, candidates)))


def next_day(what: str, day: Day, spare: Day) -> Day:
    """The day after; new films and new contents are taken from ``spare``."""
    random = np.random.default_rng(5)
    n, changed = len(day.ids), len(spare.ids)
    if what == "votes":
        likely = day.votes + 1
        films = random.choice(n, changed, replace=False, p=likely / likely.sum())
        votes = day.votes.copy()
        votes[films] = np.ceil(votes[films] * 1.1)
        return day._replace(votes=votes)
    films = np.sort(random.choice(n, changed, replace=False))
    if what == "texts":
        return _replaced(day, films, spare)
    third = changed // 3
    votes = day.votes.copy()
    votes[films[:third]] = np.ceil(votes[films[:third]] * 1.1)
    day = _replaced(day._replace(votes=votes), films[third : 2 * third], spare, spare_from=third)
    kept = np.setdiff1d(np.arange(n), films[2 * third : 2 * third + third // 2])
    return _joined(day.chosen(kept), spare.chosen(np.arange(third // 2)))


def _replaced(day: Day, films: NDArray[np.int64], spare: Day, spare_from: int = 0) -> Day:
    """Films at these positions with the contents of spare ones, and their own ids."""
    order = np.arange(len(day.ids))
    order[films] = len(day.ids) + spare_from + np.arange(len(films))
    return _joined(day, spare).chosen(order)._replace(ids=day.ids)


def _joined(day: Day, more: Day) -> Day:
    return Day(
        np.concatenate([day.ids, more.ids]),
        sparse.vstack([day.matrix, more.matrix], "csr"),
        np.concatenate([day.votes, more.votes]),
        np.concatenate([day.years, more.years]),
    )


def rows_differing(lists: Lists, day: Day, options: dict[str, Any]) -> int:
    """In how many rows of a sample the best are not what a search of everything finds."""
    sample = np.linspace(0, len(day.ids) - 1, min(SAMPLE, len(day.ids))).astype(np.int64)
    options = options | {"exclude_self": sample}
    if "pair_codes" in options:
        codes, *others = options["pair_codes"]
        options["pair_codes"] = (codes[sample], *others)
    expected = top_k(day.matrix[sample], day.matrix, K, **options)
    found = [part[sample] for part in lists.best]
    differs = [(mine != its).any(axis=1) for mine, its in zip(found, expected, strict=True)]
    return int(np.count_nonzero(differs[0] | differs[1]))


def measure(ranking: str, day: Day, spare: Day) -> None:
    """Print a rebuild's time and those of the updates."""
    options = day.options(ranking)
    plain, _ = seconds_of(lambda: top_k(day.matrix, day.matrix, K, **options))
    taken, found = seconds_of(lambda: top_k(day.matrix, day.matrix, K + MARGIN, **options))
    lists = Lists.of(K, found)
    print(f"{ranking}:\n  rebuild, K = {K:26} {plain:8.2f} s   load {os.getloadavg()[0]:.1f}")
    print(f"  rebuild, K + margin = {K + MARGIN:16} {taken:8.2f} s   {taken / plain:6.1%}")
    for what in DAYS if "prior" in options else DAYS[1:]:
        new = next_day(what, day, spare)
        comparing, before = seconds_of(lambda new=new: new.before(day, ranking))
        told: list[tuple[int, int]] = []
        options = new.options(ranking) | {"progress": lambda *done, told=told: told.append(done)}
        taken, updated = seconds_of(
            lambda new=new, before=before, options=options: update(
                lists, new.matrix, new.matrix, before, **options
            )
        )
        del options["progress"]
        again = told[-1][1] - len(new.ids)
        changed = np.count_nonzero(before.rows < 0), np.count_nonzero(before.candidates < 0)
        print(
            f"  {what:6} {changed[0]:7,} rows, {changed[1]:7,} candidates  {taken:8.2f} s   "
            f"{taken / plain:6.1%}   searched again {again / len(new.ids):.2%} of the rows, "
            f"comparing {comparing:.2f} s, wrong {rows_differing(updated, new, options)}",
            flush=True,
        )


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--films", type=int, default=100_000)
    n = parser.parse_args().films
    spares = int(n * SHARE)
    whole = Day(
        np.arange(n + spares),
        made_up_features(n + spares),
        made_up_votes(n + spares),
        made_up_years(n + spares),
    )
    day, spare = whole.chosen(np.arange(n)), whole.chosen(np.arange(n, n + spares))
    few = day.chosen(np.arange(min(n, 8000)))
    options = few.options("no prior")
    lists = Lists.of(1, top_k(few.matrix, few.matrix, 2, **options))
    update(lists, few.matrix, few.matrix, few.before(few, "no prior"), **options)  # loads all
    print(f"{n:,} films, {day.matrix.nnz / n:.1f} terms a film, {THREADS} threads:")
    for ranking in ("no prior", STEEP):
        measure(ranking, day, spare)


if __name__ == "__main__":
    main()
