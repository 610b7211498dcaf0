"""How long the 50 best of every film take among many films, beside three other ways in one run.

    python benchmarks/kernel.py                        100,000 films, all four ways
    python benchmarks/kernel.py --films 1000000        ours alone, without and with a prior
    python benchmarks/kernel.py --growth               ours alone, from 10,000 to 1,000,000

The films are made up with the statistics of 26,606 real ones (overview without stop words, and
genres): 27 terms a film, the commonest genre in 47 % of the films, the commonest word in 8 %, words
by the Zipf-Mandelbrot law, so that two films share 0.85 terms on average. cosine_similarity and
NearestNeighbors are timed on a sample of the rows against all films, and multiplied: they take the
same for each row.
"""

from __future__ import annotations

import argparse
import os
import resource
import statistics
import time
from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray
from scipy import sparse
from sklearn.metrics.pairwise import cosine_similarity
from sklearn.neighbors import NearestNeighbors
from sparse_dot_topn import sp_matmul_topn

from movie_assets.recommender import top_k as kernel
from movie_assets.recommender.neighbours import top_k
from movie_assets.recommender.scoring import scoring_task

K, THREADS, SAMPLE = 50, 2, 2_000
# fmt: off
GENRE_SHARES = np.array([
    47, 33, 20, 17.7, 16.4, 11.6, 10, 9, 8, 7, 6, 5, 4.5, 4, 3.5, 3, 2.5, 2, 1,
])
# fmt: on
WORDS, OFFSET, WORDS_A_ROOT = 27, 30, 300
MOST_VOTES, FIRST_YEAR, LAST_YEAR = 40_000, 1900, 2025
DEFAULT = "votes squared, years"
#: By name: the power of the prior, and whether the closeness of release years counts.
RANKINGS = {
    "no prior": (0, False),
    "votes": (1, False),
    "votes squared": (2, False),
    "votes, years": (1, True),
    DEFAULT: (2, True),
    "votes cubed, years": (3, True),
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


def ranking(name: str, votes: NDArray[np.float64], years: NDArray[np.int64]) -> dict[str, object]:
    """The options of a ranking: a prior log(1 + votes) of at most 1 to some power, and years."""
    exponent, by_years = RANKINGS[name]
    options: dict[str, object] = {}
    if exponent:
        options["prior"] = (np.log1p(votes) / np.log1p(MOST_VOTES)) ** exponent
    if by_years:
        span = np.arange(FIRST_YEAR, LAST_YEAR + 1)
        closeness = np.exp(-np.abs(span[:, None] - span) / 15)
        options["pair_codes"] = (years - FIRST_YEAR, years - FIRST_YEAR, closeness)
    return options


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
    sample = np.linspace(0, n - 1, min(SAMPLE, n)).astype(int)
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
    ours(films[:10], films)  # loads the compiled kernel
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


def alone(n: int) -> None:
    """Print how long ours takes by each ranking, and the peak of memory."""
    films, votes, years = made_up_features(n), made_up_votes(n), made_up_years(n)
    print(f"{n:,} films, {films.nnz / n:.1f} terms a film, K = {K}, {THREADS} threads:")
    for name in RANKINGS:
        task = scoring_task(films, films, K, exclude_self=True, **ranking(name, votes, years))
        taken, _ = seconds_of(lambda task=task: kernel.search(task, threads=THREADS))
        peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20
        load = os.getloadavg()[0]
        print(f"  {name:24} {taken:7.1f} s   peak {peak:.2f} GiB   load {load:.1f}", flush=True)


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--films", type=int, default=100_000)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--growth", action="store_true")
    options = parser.parse_args()
    if options.growth:
        for n in (10_000, 30_000, 100_000, 300_000, 1_000_000):
            alone(n)
    elif options.films > 300_000:
        alone(options.films)
    else:
        compare(options.films, options.rounds)


if __name__ == "__main__":
    main()
