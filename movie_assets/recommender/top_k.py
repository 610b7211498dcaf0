"""The kernel: each row's K best candidates among many, exactly, compiled by numba.

The candidates come in tiles, each an inverted index (``inverted``): for each term the candidates
that have it. Rows are taken chunk by chunk, each chunk by one thread through all tiles:

- A tile that cannot beat a row's K-th score so far is skipped whole: no score is above the length
  of the row times that of the tile's longest candidate.
- Else the row's terms are added up into one float32 a candidate of the tile, which stays in the
  processor's cache.
- Of these, blocks of 128 whose largest, times the largest factor that the row has with one of
  them, is below the K-th score are skipped; in a row's first tile the best blocks come first.
  Non-negative floats are ordered as their bits are, and as integers their maximum is found by
  vector instructions.
- What is left goes into a heap of K keys: score in the upper half, candidate in the lower, such
  that of two keys the larger is the better, ties included.

A score is a sum over the row's terms in the order of columns, whatever tile its candidate is in,
and keys are totally ordered. So nothing depends on threads, chunks, tiles or the order of rows, and
a search can go on from the keys that another has found: among changed candidates (``incremental``)
or on another machine (``cluster``).

Importing this module loads numba (about a fifth of a second); its first call compiles and keeps the
result on disk. Small catalogues therefore go to ``blocks``; ``neighbours.top_k`` decides.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from movie_assets.recommender.inverted import (
    BLOCK,
    TILE,
    Index,
    codes_a_group,
    compiled,
    csr,
    inverted_index,
    lengths_of,
    read_only,
)
from movie_assets.recommender.threads import in_threads, processors

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

    from movie_assets.recommender.scoring import ScoringTask

    Found = tuple[NDArray[np.int32], NDArray[np.float32]]

#: Rows a chunk: some seconds' work at a million candidates, after which Ctrl-C is heard.
CHUNK = 1024

#: Of two candidates with one score the first is the better.
LAST = np.int64(0x7FFFFFFF)
#: No score has a key as large.
UNBEATABLE = LAST << 32

_LARGEST_BITS = np.int32(0x7FFFFFFF)


class Rows(NamedTuple):
    """What asks: CSR arrays, and one entry a row of what else counts."""

    indptr: NDArray[np.int64]
    terms: NDArray[np.int32]
    weights: NDArray[np.float32]
    bounds: NDArray[np.float64]
    own: NDArray[np.int32]
    codes: NDArray[np.int32]
    groups: NDArray[np.int32]  # of codes


class Scoring(NamedTuple):
    """What else goes into a score, and how much rounding can add to the smallest of them."""

    factors: NDArray[np.float32]
    ceiling: np.float32
    slack: float


class _Scratch(NamedTuple):
    """What a thread writes to while it scores a row against a tile."""

    sums: NDArray[np.float32]  # one a candidate, and zeros up to a whole block
    largest: NDArray[np.float32]  # of each block: no score is more
    lists: NDArray[np.uint64]  # where the list of each of the row's terms begins and ends


def search(
    task: ScoringTask,
    *,
    known: Callable[[int, int], tuple[NDArray[np.int64], NDArray[np.int64]]] | None = None,
    threads: int | None = None,
    progress: Callable[[int, int], None] | None = None,
    tile: int = TILE,
    chunk: int = CHUNK,
) -> Found:
    """Each row's K best candidates.

    Memory beside input and output: the index, about as large as the candidates, and for each
    thread a tile of float32 and K keys a row of its chunk.

    Args:
        task: what to score.
        known: for the rows from one to before another: the keys, of shape (n, k), that each begins
            with, ascending, and the key, of shape (n,), that is in the place of those it lacks and
            that others must beat. Without it all are 0.
        threads: how many; None for as many as this process has processors.
        progress: called in the calling thread with rows done and rows in all after chunks, about
            a hundred times.
        tile: candidates a tile, at most 65,536.
        chunk: rows a chunk.

    Returns:
        Indices int32 and scores float32 of shape (n_rows, k), -1 and 0 where there are fewer.
    """
    indices = np.full((task.n_rows, task.k), -1, dtype=np.int32)
    scores = np.zeros((task.n_rows, task.k), dtype=np.float32)
    rows, scoring = rows_of(task), scoring_of(task)
    index = inverted_index(task, tile, task.row_codes)
    width = task.k if known else min(task.k, task.n_candidates)

    def work(start: int) -> int:
        stop = min(start + chunk, task.n_rows)
        if known:
            keys, floors = known(start, stop)
        else:
            keys, floors = (
                np.zeros((stop - start, width), np.int64),
                np.zeros(stop - start, np.int64),
            )
        improve(keys, start, rows, index, scoring)
        keys[keys <= floors[:, None]] = 0
        indices[start:stop, :width], scores[start:stop, :width] = unpacked(keys)
        return stop - start

    in_threads(work, range(0, task.n_rows, chunk), threads or processors(), task.n_rows, progress)
    return indices, scores


def rows_of(task: ScoringTask) -> Rows:
    """A task's rows as the kernel reads them."""
    indptr, terms, weights = csr(task.rows)
    # A sum of n rounded products is above the true one by a factor of at most (1 + 2^-24)^(n + 1),
    # and so on for the factor of the pair; twice that is allowed for.
    rounding = np.exp((np.diff(indptr) + 8) * 2.0**-23)
    most = task.factors.max(axis=1)[task.row_codes].astype(np.float64)
    return Rows(
        indptr=indptr,
        terms=terms,
        weights=weights,
        bounds=read_only(lengths_of(indptr, weights) * most * rounding),
        own=read_only(task.own),
        codes=read_only(task.row_codes),
        groups=read_only(task.row_codes // np.int32(codes_a_group(task.factors))),
    )


def scoring_of(task: ScoringTask) -> Scoring:
    """What of a task is neither rows nor candidates."""
    # Where numbers are too small for it, rounding adds more than in proportion.
    slack = float(np.diff(task.rows.indptr).max(initial=0) + 8) * 2.0**-148
    return Scoring(read_only(task.factors), task.ceiling, slack)


def unpacked(keys: NDArray[np.int64]) -> Found:
    """Candidates and scores of keys, the best of each row first; -1 and 0 where the key is 0."""
    keys = np.sort(keys, axis=1)[:, ::-1]
    indices = np.where(keys > 0, LAST - (keys & LAST), -1).astype(np.int32)
    return indices, (keys >> 32).astype(np.int32).view(np.float32)


# From here on compiled.


@compiled
def improve(
    keys: NDArray[np.int64], start: int, rows: Rows, index: Index, scoring: Scoring
) -> np.float32:
    """Let candidates that are better take the place of the worst keys.

    Args:
        keys: shape (n, k), each of them ascending or another heap; of the n rows from ``start`` on.
        start: the first row.
        rows: the rows.
        index: the candidates.
        scoring: what else counts.
    """
    whole = _scratch(rows, start, start + len(keys), min(index.tile, len(index.candidates)))
    bound, touched = np.zeros(1, np.float32), np.float32(0)
    for number in range(len(index.bounds)):
        width = min(index.tile, len(index.candidates) - number * index.tile)
        n_blocks = (width + BLOCK - 1) // BLOCK
        scratch = _Scratch(whole.sums[: n_blocks * BLOCK], whole.largest[:n_blocks], whole.lists)
        for i in range(len(keys)):
            heap, row = keys[i], start + i
            bound[0] = rows.bounds[row] * index.bounds[number] + scoring.slack
            if bound.view(np.int32)[0] < _threshold(heap):
                continue
            touched += _find_lists(scratch.lists, rows, row, index, number)
            _add_up(scratch, rows, row, index, width)
            _block_maxima(scratch, index, number, rows.groups[row])
            cut = _LARGEST_BITS
            if heap[0] == 0:
                # The best first, so that few of the others pass the heap that these have filled.
                cut = _cut(scratch.largest.view(np.int32), len(heap))
                _collect(scratch, (cut, True), rows, row, index, number, scoring, heap)
            _collect(scratch, (cut, False), rows, row, index, number, scoring, heap)
            scratch.sums[:] = 0
    return touched  # so that the touching is not optimised away


@compiled
def _scratch(rows: Rows, start: int, stop: int, width: int) -> _Scratch:
    n_blocks, longest = (width + BLOCK - 1) // BLOCK, 0
    for row in range(start, stop):
        longest = max(longest, rows.indptr[row + 1] - rows.indptr[row])
    return _Scratch(
        np.zeros(n_blocks * BLOCK, np.float32),
        np.zeros(n_blocks, np.float32),
        np.zeros((longest, 2), np.uint64),
    )


@compiled
def _find_lists(
    lists: NDArray[np.uint64], rows: Rows, row: int, index: Index, number: int
) -> np.float32:
    """Where the lists of the row's terms begin and end in a tile; touches each list's beginning.

    Memory answers many independent requests at once, but a list that is added up waits for its
    own: without this, rare terms would take longer than frequent ones.
    """
    first, count = rows.indptr[row], rows.indptr[row + 1] - rows.indptr[row]
    for entry in range(count):
        term = rows.terms[first + entry]
        lists[entry, 0] = index.begins[number] + index.ends[number, term]
        lists[entry, 1] = index.begins[number] + index.ends[number, term + 1]
    touched = np.float32(0)
    for entry in range(count):
        begin = min(lists[entry, 0], np.uint64(len(index.weights) - 1))
        touched += index.weights[begin] + np.float32(index.postings[begin])
    return touched


@compiled
def _add_up(scratch: _Scratch, rows: Rows, row: int, index: Index, width: int) -> None:
    """Add the row's terms up, in the order of columns, into one sum a candidate of the tile."""
    sums, lists, first = scratch.sums, scratch.lists, rows.indptr[row]
    for entry in range(rows.indptr[row + 1] - first):
        weight = rows.weights[first + entry]
        # Unsigned, here and below: a signed index may be negative, and its check hinders vectors.
        begin, end = lists[entry, 0], lists[entry, 1]
        if end - begin == np.uint64(width):
            for place in range(np.uint64(width)):
                sums[place] += weight * index.weights[begin + place]
        else:
            for posting in range(begin, end):
                sums[index.postings[posting]] += weight * index.weights[posting]


@compiled
def _block_maxima(scratch: _Scratch, index: Index, number: int, group: np.int32) -> None:
    """The largest sum of each block times the largest factor: rounding keeps the order."""
    sums, largest = scratch.sums.view(np.int32), scratch.largest.view(np.int32)
    for block in range(np.uint64(len(largest))):
        most = np.int32(0)
        for place in range(block * np.uint64(BLOCK), (block + np.uint64(1)) * np.uint64(BLOCK)):
            most = sums[place] if sums[place] > most else most
        largest[block] = most
    first = np.uint64(number * ((index.tile + BLOCK - 1) // BLOCK))
    for block in range(np.uint64(len(largest))):
        scratch.largest[block] *= index.block_factors[group, first + block]


@compiled
def _cut(largest: NDArray[np.int32], k: int) -> np.int32:
    """What the best K + 1 blocks reach, if there are so many; else 0."""
    heap = np.zeros(k + 1, np.int64)
    for most in largest:
        if most > heap[0]:
            replace_worst(heap, np.int64(most))
    return np.int32(heap[0])


@compiled
def _collect(
    scratch: _Scratch,
    part: tuple[np.int32, bool],
    rows: Rows,
    row: int,
    index: Index,
    number: int,
    scoring: Scoring,
    heap: NDArray[np.int64],
) -> None:
    """Put what beats the heap's worst into it: of the sums one part, those that reach a cut where
    their block does, or the other.
    """
    cut, best = part
    sums, largest = scratch.sums.view(np.int32), scratch.largest.view(np.int32)
    score, threshold = np.zeros(1, np.float32), _threshold(heap)
    for block in range(np.uint64(len(largest))):
        if largest[block] < (max(threshold, cut) if best else threshold):
            continue
        least = cut if best else np.int32(0)
        below = cut if largest[block] >= cut and not best else _LARGEST_BITS
        for place in range(block * np.uint64(BLOCK), (block + np.uint64(1)) * np.uint64(BLOCK)):
            if max(threshold, least) <= sums[place] < below:
                # Without the pair's factor, which is at most 1, it would be good enough.
                position = np.int64(place) + number * index.tile
                candidate = index.candidates[position]
                factor = scoring.factors[rows.codes[row], index.codes[position]]
                score[0] = min(scratch.sums[place] * factor, scoring.ceiling)
                upper = np.int64(score.view(np.int32)[0]) << 32
                key = upper | np.int64(0x7FFFFFFF - candidate)
                if upper > 0 and key > heap[0] and candidate != rows.own[row]:
                    replace_worst(heap, key)
                    threshold = _threshold(heap)


@compiled
def _threshold(heap: NDArray[np.int64]) -> np.int32:
    """The bits that a score must reach; an equal one may have the better candidate."""
    return max(np.int32(heap[0] >> 32), np.int32(1))


@compiled
def replace_worst(heap: NDArray[np.int64], key: np.int64) -> None:
    """Put a key in the place of the smallest and restore the heap's order."""
    place, child = 0, 1
    while child < len(heap):
        if child + 1 < len(heap) and heap[child + 1] < heap[child]:
            child += 1
        if heap[child] >= key:
            break
        heap[place] = heap[child]
        place, child = child, 2 * child + 1
    heap[place] = key
