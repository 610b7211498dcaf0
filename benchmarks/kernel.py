"""How long the 50 best of every film take among many films, beside three other ways in one run.

    python benchmarks/kernel.py                        100,000 films, all four ways
    python benchmarks/kernel.py --films 1000000        ours alone, by several rankings

The films are made up with the statistics of 26,606 real ones (overview without stop words, and
genres): 27 terms a film, the commonest genre in 47 % of the films, the commonest word in 8 %, words
by the Zipf-Mandelbrot law, so that two films share 0.85 terms on average. Of the votes, half are
two or fewer, as TMDB's.

All ways have two threads, and may use them as they can: other work on the machine therefore takes
more from ours and sparse_dot_topn than from the others, which use one most of the time.
cosine_similarity and NearestNeighbors are timed on a sample of the rows against all films, and
multiplied: they take the same for each row. The sample is as many rows as NearestNeighbors takes
in two of its steps, so that what it does once a step counts as often as in a full run.
"""

from __future__ import annotations

import argparse
import json
import os
import resource
import statistics
import subprocess
import sys
import time
from collections.abc import Callable
from types import SimpleNamespace

import numpy as np
import sklearn
from numpy.typing import NDArray
from scipy import sparse
from sklearn.metrics.pairwise import cosine_similarity
from sklearn.neighbors import NearestNeighbors
from sparse_dot_topn import sp_matmul_topn

from movie_assets.recommender import top_k as kernel
from movie_assets.recommender.neighbours import top_k
from movie_assets.recommender.ranking import fit_ranking
from movie_assets.recommender.scoring import scoring_task
from movie_assets.recommender.weights import load_weights

K, THREADS = 50, 2
# fmt: off
GENRE_SHARES = np.array([
    47, 33, 20, 17.7, 16.4, 11.6, 10, 9, 8, 7, 6, 5, 4.5, 4, 3.5, 3, 2.5, 2, 1,
])
# fmt: on
#: Of the genres that the default ranking looks at, the shares among TMDB's films, roughly.
NAMED_GENRES = {
    "Documentary": 0.17,
    "Thriller": 0.09,
    "Horror": 0.08,
    "Animation": 0.08,
    "Crime": 0.06,
    "Family": 0.06,
    "War": 0.02,
}
WORDS, OFFSET, WORDS_A_ROOT = 27, 30, 300
MOST_VOTES, FIRST_YEAR, LAST_YEAR = 40_000, 1900, 2025
DEFAULT, STEEP = "default ranking", "votes squared, years"
#: By name: the power of the prior, and whether the closeness of release years counts. The default
#: ranking is the package's: closeness of years, votes and ratings, and its fitted prior.
RANKINGS = {
    "no prior": (0, False),
    "votes": (1, False),
    "votes, years": (1, True),
    STEEP: (2, True),
    "votes cubed, years": (3, True),
    DEFAULT: None,
}
Found = tuple[NDArray[np.int32], NDArray[np.float32]]


def made_up_features(n: int) -> sparse.csr_matrix:
    """TF-IDF of n made-up films, rows of length 1, genres said twice."""
    random = np.random.default_rng(0)
    n_words = int(WORDS_A_ROOT * n**0.5)  # Heaps' law: the vocabulary grows with the root
    cumulated = np.cumsum(1 / (np.arange(n_words) + OFFSET))
    lengths = np.maximum(1, random.poisson(WORDS, n))
    drawn = random.random(lengths.sum()) * cumulated[-1]
    words = np.searchsorted(cumulated, drawn).astype(np.int32)
    counts = sparse.csr_matrix(
        (np.ones(len(words), np.float32), (np.repeat(np.arange(n), lengths), words)), (n, n_words)
    )
    genres = random.random((n, len(GENRE_SHARES)), np.float32) < GENRE_SHARES / 100
    matrix = sparse.hstack([counts, sparse.csr_matrix(2 * genres.astype(np.float32))]).tocsr()
    # Columns in no order of frequency, as an alphabetical vocabulary's are.
    matrix = matrix[:, random.permutation(matrix.shape[1])]
    matrix.sort_indices()
    idf = np.log((1 + n) / (1 + np.bincount(matrix.indices, minlength=matrix.shape[1]))) + 1
    matrix.data *= idf.astype(np.float32)[matrix.indices]
    lengths = np.sqrt(np.add.reduceat(matrix.data**2, matrix.indptr[:-1]))
    matrix.data /= np.repeat(lengths, np.diff(matrix.indptr))
    return matrix


def made_up_votes(n: int) -> NDArray[np.float64]:
    """Votes as TMDB's: half of the films have two or fewer, the most has 40,000."""
    return np.minimum(np.floor(np.exp(np.random.default_rng(1).normal(1.0, 2.2, n))), MOST_VOTES)


def made_up_years(n: int) -> NDArray[np.int64]:
    """Years of release from 1900 to 2025, half of them in the last 14 years."""
    return np.maximum(2025 - np.random.default_rng(2).exponential(20, n), 1900).astype(np.int64)


def made_up_ratings(votes: NDArray[np.float64]) -> NDArray[np.float32]:
    """Ratings from 0 to 10, 0 for films without votes."""
    ratings = np.clip(np.random.default_rng(3).normal(6.2, 1.5, len(votes)), 0.5, 10)
    return np.where(votes > 0, ratings, 0).astype(np.float32)


def ranking(name: str, votes: NDArray[np.float64], years: NDArray[np.int64]) -> dict[str, object]:
    """The options of a ranking."""
    if RANKINGS[name] is None:
        return default_ranking(votes, years)
    exponent, by_years = RANKINGS[name]
    options: dict[str, object] = {}
    if exponent:
        options["prior"] = (np.log1p(votes) / np.log1p(MOST_VOTES)) ** exponent
    if by_years:
        span = np.arange(FIRST_YEAR, LAST_YEAR + 1)
        closeness = np.exp(-np.abs(span[:, None] - span) / 15)
        options["pair_codes"] = (years - FIRST_YEAR, years - FIRST_YEAR, closeness)
    return options


def default_ranking(votes: NDArray[np.float64], years: NDArray[np.int64]) -> dict[str, object]:
    """The options of the package's own ranking."""
    random = np.random.default_rng(4)
    films = SimpleNamespace(
        n_movies=len(votes),
        votes=votes.astype(np.int64),
        years=years,
        ratings=made_up_ratings(votes),
        is_candidate=votes > 0,
        frozen=None,
        has_term=lambda _, genre: random.random(len(votes)) < NAMED_GENRES[genre],
    )
    made = fit_ranking(films, load_weights())
    return {"prior": made.prior, "pair_codes": (made.codes, made.codes, made.factors())}


def load_kernel() -> None:
    """Compile it, or load what was compiled before; measured searches do not include that."""
    one = sparse.csr_matrix(np.ones((1, 1), np.float32))
    kernel.search(scoring_task(one, one, 1))


def ours(rows: sparse.csr_matrix, films: sparse.csr_matrix) -> Found:
    """This project's kernel."""
    return top_k(rows, films, K + 1, threads=THREADS)


def sparse_dot_topn(rows: sparse.csr_matrix, films: sparse.csr_matrix) -> Found:
    """ING's C++ library."""
    best = sp_matmul_topn(rows, films.T.tocsr(), top_n=K + 1, sort=True, n_threads=THREADS)
    return _dense(best)


def blocked_cosine_similarity(rows: sparse.csr_matrix, films: sparse.csr_matrix) -> Found:
    """scikit-learn's function, a block of rows at a time, then the K best of each."""
    indices, scores = [], []
    for start in range(0, rows.shape[0], 500):
        block = cosine_similarity(rows[start : start + 500], films)
        best = np.argpartition(-block, K, axis=1)[:, : K + 1]
        values = np.take_along_axis(block, best, axis=1)
        order = np.argsort(-values, axis=1, kind="stable")
        indices.append(np.take_along_axis(best, order, axis=1))
        scores.append(np.take_along_axis(values, order, axis=1))
    return np.vstack(indices), np.vstack(scores)


def nearest_neighbors(rows: sparse.csr_matrix, films: sparse.csr_matrix) -> Found:
    """scikit-learn's class, its exact cosine search."""
    model = NearestNeighbors(n_neighbors=K + 1, metric="cosine", algorithm="brute", n_jobs=THREADS)
    distances, indices = model.fit(films).kneighbors(rows)
    return indices, 1 - distances


def _dense(best: sparse.csr_matrix) -> Found:
    indices = np.full((best.shape[0], K + 1), -1, np.int32)
    scores = np.zeros((best.shape[0], K + 1), np.float32)
    rows = np.repeat(np.arange(best.shape[0]), np.diff(best.indptr))
    ranks = np.arange(best.nnz) - np.repeat(best.indptr[:-1], np.diff(best.indptr))
    indices[rows, ranks], scores[rows, ranks] = best.indices, best.data
    return indices, scores


def difference(found: Found, reference: Found) -> tuple[float, int]:
    """The largest difference of scores, and how many rows have another set of films.

    Films whose score is within 1e-6 of the last may stand for each other.
    """
    worst = float(np.abs(found[1] - reference[1]).max())
    differing = 0
    for mine, its, scores in zip(found[0], reference[0], reference[1], strict=True):
        safe = set(its[scores > scores[-1] + 1e-6].tolist())
        differing += not safe <= set(mine.tolist())
    return worst, differing


def seconds_of(work: Callable[[], object]) -> tuple[float, object]:
    """How long it takes, and what comes out."""
    started = time.perf_counter()
    result = work()
    return time.perf_counter() - started, result


def compare(n: int, rounds: int) -> None:
    """Print the medians of the four ways, taken in turn."""
    films = made_up_features(n)
    step = sklearn.get_config()["working_memory"] * 2**20 // (8 * n)
    sample = np.linspace(0, n - 1, min(2 * step, n)).astype(int)
    print(
        f"{n:,} films, {films.nnz / n:.1f} terms a film, K = {K}, {THREADS} threads, "
        f"{rounds} rounds, load {os.getloadavg()[0]:.1f}:"
    )
    ways: list[tuple[str, Callable[..., Found], sparse.csr_matrix, float]] = [
        ("movie_assets", ours, films, 1),
        ("sparse_dot_topn", sparse_dot_topn, films, 1),
        ("cosine_similarity, blocked *", blocked_cosine_similarity, films[sample], n / len(sample)),
        ("NearestNeighbors, brute *", nearest_neighbors, films[sample], n / len(sample)),
    ]
    seconds: dict[str, list[float]] = {name: [] for name, *_ in ways}
    found: dict[str, Found] = {}
    load_kernel()
    for _ in range(rounds):
        for name, way, rows, times in ways:
            taken, found[name] = seconds_of(lambda way=way, rows=rows: way(rows, films))
            seconds[name].append(taken * times)
    base = statistics.median(seconds["movie_assets"])
    print(f"{'':30} {'median':>9} {'times ours':>11}  scores differ by  other sets")
    for name, _, rows, _ in ways:
        reference = found["movie_assets"]
        if rows is not films:
            reference = (reference[0][sample], reference[1][sample])
        worst, sets = difference(found[name], reference)
        median = statistics.median(seconds[name])
        print(f"{name:30} {median:7.1f} s {median / base:11.1f}  {worst:16.1e}  {sets:10}")
    print(f"* timed on {len(sample):,} rows, times {n / len(sample):.0f}")


def alone(n: int, name: str) -> dict[str, float]:
    """Seconds that ours takes by a ranking, and GiB at the peak, films included; in a new process.

    A process of its own, since the peak is the process's.
    """
    command = [sys.executable, __file__, "--films", str(n), "--ranking", name]
    return json.loads(subprocess.run(command, check=True, stdout=subprocess.PIPE).stdout)


def alone_here(n: int, name: str) -> dict[str, float]:
    """As :func:`alone`, in this process."""
    films, votes, years = made_up_features(n), made_up_votes(n), made_up_years(n)
    options = ranking(name, votes, years)
    load_kernel()
    taken, _ = seconds_of(
        lambda: top_k(films, films, K, exclude_self=True, threads=THREADS, **options)
    )
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20
    return {"seconds": taken, "peak": peak, "load": os.getloadavg()[0]}


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--films", type=int, default=100_000)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--ranking", choices=RANKINGS, help="ours alone by this one, as JSON")
    options = parser.parse_args()
    if options.ranking:
        print(json.dumps(alone_here(options.films, options.ranking)))
    elif options.films > 300_000:
        print(f"{options.films:,} films, K = {K}, {THREADS} threads:")
        for name in RANKINGS:
            took = alone(options.films, name)
            print(
                f"  {name:22} {took['seconds']:7.1f} s   peak {took['peak']:.2f} GiB   "
                f"load {took['load']:.1f}",
                flush=True,
            )
    else:
        compare(options.films, options.rounds)


if __name__ == "__main__":
    main()
