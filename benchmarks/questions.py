"""How long answers take that are asked of a snapshot, without HTTP, in one thread.

    python benchmarks/questions.py                             100,000 made-up films
    python benchmarks/questions.py --films 1000000             a million of them
    python benchmarks/questions.py --catalogue FILE.parquet    real films
    python benchmarks/questions.py --published data/published  what was published

Films are asked about at random; people's films are drawn by their votes, as people see them. Each
line has the median and the 99th percentile of so many questions, all different, and the latter in
processor time as well, which is what it would take if the machine had nothing else to do.
"""

from __future__ import annotations

import argparse
import os
import resource
import time
from collections.abc import Callable, Iterable
from pathlib import Path

import numpy as np
from published import published as published_in

from movie_assets.serving.published import Filters, Liking, Published, Wishes
from movie_assets.serving.snapshot import Snapshot, open_snapshot

PROFILES = (1, 5, 20, 100, 200)
FILTERED = Filters(
    first_year=1970, genres=("drama",), without_genres=("horror",), least_votes=20,
    longest_runtime=150,
)  # fmt: skip
_WISHED = Wishes(diversity=0.3, filters=FILTERED)


def percentiles(name: str, questions: Iterable[Callable[[], object]]) -> None:
    """Ask, and print how long it took."""
    elapsed, used = [], []
    for ask in questions:
        started, started_cpu = time.perf_counter(), time.thread_time()
        ask()
        elapsed.append(time.perf_counter() - started)
        used.append(time.thread_time() - started_cpu)
    p50, p99 = np.percentile(elapsed, [50, 99]) * 1000
    cpu = np.percentile(used, 99) * 1000
    print(f"{name:44} {len(elapsed):6,} {p50:10.3f} {p99:10.3f} {cpu:10.3f}", flush=True)


def ask_all(snapshot: Snapshot, asked: Published, rounds: int) -> None:
    """Print a line for each kind of question."""
    random = np.random.default_rng(0)
    ids = snapshot.movie_ids
    stored = ids[random.choice(len(ids), min(10_000, len(ids)), replace=False)].tolist()
    percentiles("similar, as published", (lambda i=i: asked.similar(i) for i in stored))
    some = random.choice(ids, rounds, replace=False).tolist()
    dials = random.random(rounds).round(2).tolist()
    for name, diversity, filters in (
        ("similar, popularity", 0.0, Filters()),
        ("similar, popularity, diversity", 0.3, Filters()),
        ("similar, popularity, diversity, filters", 0.3, FILTERED),
    ):
        percentiles(
            name,
            (
                lambda i=i, dial=dial, d=diversity, f=filters: asked.similar(
                    i, wishes=Wishes(dial, d, f)
                )
                for i, dial in zip(some, dials, strict=True)
            ),
        )
    votes = np.asarray(snapshot.features["votes"], dtype=np.float64)
    for size in PROFILES:
        people = [likings(random, votes, size) for _ in range(rounds)]
        percentiles(
            f"for somebody, {size} films",
            (lambda p=person: asked.for_taste(p) for person in people),
        )
        percentiles(
            f"for somebody, {size} films, diversity, filters",
            (lambda p=person: asked.for_taste(p, wishes=_WISHED) for person in people),
        )


def likings(random: np.random.Generator, votes: np.ndarray, size: int) -> list[Liking]:
    """Somebody's films, one in five of them disliked."""
    rows = random.choice(len(votes), size, replace=False, p=votes / votes.sum())
    return [Liking(row, value=-1 if n % 5 == 4 else 1) for n, row in enumerate(rows.tolist())]


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--films", type=int, default=100_000)
    parser.add_argument("--catalogue", type=Path)
    parser.add_argument("--published", type=Path, help="a folder of snapshots")
    parser.add_argument("--rounds", type=int, default=200, help="questions of each kind")
    options = parser.parse_args()
    folder = options.published or published_in(options.films, options.catalogue)
    started = time.perf_counter()
    with open_snapshot(folder) as snapshot:
        asked = Published(snapshot)
        opened = time.perf_counter()
        asked.warm()
        warm = time.perf_counter()
        print(
            f"{snapshot.manifest.films:,} films, opened in {opened - started:.2f} s, "
            f"warm after another {warm - opened:.2f} s, load {os.getloadavg()[0]:.1f}; in ms:"
        )
        print(f"{'':44} {'asked':>6} {'p50':>10} {'p99':>10} {'p99 cpu':>10}")
        ask_all(snapshot, asked, options.rounds)
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20
    print(f"{peak:.2f} GiB resident at the peak, of which most is the mapped files")


if __name__ == "__main__":
    main()
