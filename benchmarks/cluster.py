"""What the search costs on a cluster: the time of its blocks, and what follows for many films.

    python benchmarks/cluster.py                   some three minutes, 4 GB
    python benchmarks/cluster.py --ray             also: Ray on this machine beside threads

Films are those of benchmarks/kernel.py, in blocks of candidates as movie_assets.recommender.cluster
makes them, the most promising first. A sample of the rows goes through the first block and then,
with the keys that it left, through some of the others, each with the votes that it would have among
so many films. Blocks between two that are measured are reckoned with the time of the earlier, more
promising one.
"""

from __future__ import annotations

import argparse
import os
import time

import numpy as np
from kernel import (
    STEEP,
    THREADS,
    K,
    load_kernel,
    made_up_features,
    made_up_votes,
    made_up_years,
    ranking,
)
from numpy.typing import NDArray

from movie_assets.recommender import cluster, neighbours
from movie_assets.recommender.cluster import CANDIDATE_BLOCK, ROW_BLOCK
from movie_assets.recommender.scoring import scoring_task
from movie_assets.recommender.top_k import rows_of, scoring_of

SAMPLE, GIBIBYTE = 1024, 2**30


class Blocks:
    """A sample of rows, and blocks of candidates with the votes that they would have."""

    def __init__(self, name: str) -> None:
        """Make up the films; the first block has some of them, all others have others."""
        self.name = name
        films = made_up_features(2 * CANDIDATE_BLOCK)
        self.candidate_bytes = films.nnz / films.shape[0] * 8
        self.films = films[:CANDIDATE_BLOCK], films[CANDIDATE_BLOCK:]
        self.votes = -np.sort(-made_up_votes(10_000_000))
        self.years = made_up_years(CANDIDATE_BLOCK)
        self.rows = np.linspace(0, CANDIDATE_BLOCK - 1, SAMPLE).astype(np.int64)
        self.largest = 0

    def seconds(
        self, number: int, n: int, keys: NDArray[np.int64] | None
    ) -> tuple[float, NDArray[np.int64]]:
        """Of one processor for a block of rows in one of candidates, and the keys after it."""
        ranks = number * CANDIDATE_BLOCK + np.arange(CANDIDATE_BLOCK)
        ranks = (np.minimum(ranks, n - 1) * (len(self.votes) / n)).astype(np.int64)
        votes = np.random.default_rng(number).permutation(self.votes[ranks])
        films, options = self.films[number > 0], ranking(self.name, votes, self.years)
        if "pair_codes" in options:
            codes, *others = options["pair_codes"]
            options["pair_codes"] = (codes[self.rows], codes, *others[1:])
        task = scoring_task(self.films[0][self.rows], films, K, **options)
        (block, members), *_ = cluster._candidate_blocks(task, CANDIDATE_BLOCK)
        index = cluster._index(block, members)
        self.largest = max(self.largest, sum(part.nbytes for part in index[1:]))
        started = time.process_time()
        keys = cluster._improved(keys, K, rows_of(task), index, scoring_of(task))
        return (time.process_time() - started) * ROW_BLOCK / SAMPLE, keys


def measure(name: str) -> None:
    """Print a ranking's block times and sizes, and what so many films take."""
    blocks = Blocks(name)
    blocks.seconds(0, CANDIDATE_BLOCK, None)  # loads the compiled kernel
    print(
        f"{name}, seconds of a processor for {ROW_BLOCK:,} rows x {CANDIDATE_BLOCK:,} candidates:"
    )
    for n in (1_000_000, 10_000_000, 100_000_000):
        n_blocks = -(-n // CANDIDATE_BLOCK)
        first, keys = blocks.seconds(0, n, None)
        taken = {0: first}
        for number in [b for b in (1, 2, 4, 8, 16, 32, 64) if b < n_blocks]:
            taken[number], _ = blocks.seconds(number, n, keys)
        every = [taken[max(b for b in taken if b <= number)] for number in range(n_blocks)]
        print(
            f"  {n:11,} films: "
            + ", ".join(f"block {number + 1} {seconds:.2f}" for number, seconds in taken.items())
            + f"; load {os.getloadavg()[0]:.1f}\n"
            f"    estimated: {n / ROW_BLOCK * sum(every) / 3600:,.1f} processor hours; GiB: "
            f"indices at most {n_blocks * blocks.largest / GIBIBYTE:.1f}, candidates "
            f"{n * blocks.candidate_bytes / GIBIBYTE:.1f}, results {n * K * 8 / GIBIBYTE:.1f}",
            flush=True,
        )


def beside_threads(n: int) -> None:
    """Print how long Ray takes on this machine, and threads."""
    import ray  # noqa: PLC0415 - an extra
    from ray.cluster_utils import Cluster  # noqa: PLC0415

    films = made_up_features(n)
    task = scoring_task(films, films, K, exclude_self=True)
    load_kernel()
    started = time.perf_counter()
    expected = neighbours.search(task, threads=THREADS)
    print(f"{n:,} films, {THREADS} threads: {time.perf_counter() - started:.1f} s")
    running = Cluster(
        initialize_head=True,
        head_node_args={
            "num_cpus": THREADS,
            "object_store_memory": 2**30,
            "include_dashboard": False,
        },
    )
    try:
        with cluster.connected(running.address):
            for what in ("first time, workers start", "again"):
                started = time.perf_counter()
                found = cluster.search(task)
                taken = time.perf_counter() - started
                same = all((mine == its).all() for mine, its in zip(found, expected, strict=True))
                print(f"  Ray, {THREADS} workers, {what}: {taken:.1f} s, the same: {same}")
    finally:
        ray.shutdown()
        running.shutdown()


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--ray", action="store_true")
    if parser.parse_args().ray:
        os.environ["RAY_USAGE_STATS_ENABLED"] = "0"
        beside_threads(100_000)
    for name in ("no prior", STEEP):
        measure(name)


if __name__ == "__main__":
    main()
