"""The kernel: each row's K best candidates among many, exactly, compiled by numba.

The candidates are cut into tiles, the most promising first where they have a prior. A tile has an
inverted index: for each term the candidates that have it. Rows are taken chunk by chunk, each chunk
by one thread through all tiles:

- A tile that cannot beat a row's K-th score so far is skipped whole: no score is above the length
  of the row times that of the tile's longest candidate.
- Else the row's terms are added up into one float32 a candidate of the tile, which stays in the
  processor's cache.
- Of these, blocks of 128 whose largest is below the K-th score are skipped; in a row's first tile
  the best blocks come first. Non-negative floats are ordered as their bits are, and as integers
  their maximum is found by vector instructions.
- What is left goes into a heap of K keys: score in the upper half, candidate in the lower, such
  that of two keys the larger is the better, ties included.

A score is a sum over the row's terms in the order of columns, whatever tile its candidate is in,
and keys are totally ordered. So nothing depends on threads, chunks, tiles or the order of rows.

Importing this module loads numba (about a fifth of a second); its first call compiles and keeps the
result on disk. Small catalogues therefore go to ``blocks``; ``neighbours.top_k`` decides.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor, as_completed
from typing import TYPE_CHECKING, Any, NamedTuple, TypeVar, cast

import numba
import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray
    from scipy import sparse

    from movie_assets.recommender.scoring import ScoringTask

#: Candidates a tile: their scores, 128 KiB, fit into a core's own cache beside what is read. At
#: most 2**16, for postings are of 16 bits.
TILE = 32_768
#: Rows a chunk: some seconds' work at a million candidates, after which Ctrl-C is heard.
CHUNK = 1024

#: A term that one in so many of a tile's candidates has is kept as a weight for each of them: then
#: it is added by vector instructions, and adding 0 changes no sum.
_DENSE = 8
_BLOCK = 128
_LARGEST_BITS = np.int32(0x7FFFFFFF)

_Function = TypeVar("_Function", bound=Callable[..., Any])


def _compiled(function: _Function) -> _Function:
    try:
        compiled = numba.njit(function, nogil=True, cache=True)
    except RuntimeError:  # no folder to keep it in: neither here nor in the user's cache
        compiled = numba.njit(function, nogil=True)
    return cast("_Function", compiled)


class _Rows(NamedTuple):
    """What asks: CSR arrays, and one entry a row of what else counts."""

    indptr: NDArray[np.int64]
    terms: NDArray[np.int32]
    weights: NDArray[np.float32]
    bounds: NDArray[np.float64]
    own: NDArray[np.int32]
    codes: NDArray[np.int32]


class _Index(NamedTuple):
    """What is asked: the inverted index of each tile, and one entry a candidate in tile order."""

    ends: NDArray[np.int64]  # (n_tiles, n_terms + 1): term t's list is ends[tile, t:t+2]
    postings: NDArray[np.uint16]  # the candidate's place in its tile; unused in dense lists
    weights: NDArray[np.float32]
    bounds: NDArray[np.float64]  # (n_tiles,): the length of its longest candidate
    candidates: NDArray[np.int32]
    codes: NDArray[np.int32]


class _Scratch(NamedTuple):
    """What a thread writes to while it scores a row against a tile."""

    sums: NDArray[np.float32]  # one a candidate, and zeros up to a whole block
    largest: NDArray[np.int32]  # of each block
    lists: NDArray[np.uint64]  # where the list of each of the row's terms begins and ends


class _Scoring(NamedTuple):
    """What else goes into a score, and how much rounding can add to the smallest of them."""

    tile: int
    factors: NDArray[np.float32]
    ceiling: np.float32
    slack: float


def search(
    task: ScoringTask,
    *,
    threads: int | None = None,
    progress: Callable[[int, int], None] | None = None,
    tile: int = TILE,
    chunk: int = CHUNK,
) -> tuple[NDArray[np.int32], NDArray[np.float32]]:
    """Each row's K best candidates.

    Memory beside input and output: the index, about as large as the candidates, and for each
    thread a tile of float32 and K keys a row of its chunk.

    Args:
        task: what to score.
        threads: how many; None for as many as this process has processors.
        progress: called in the calling thread with rows done and rows in all after each chunk.
        tile: candidates a tile, at most 65,536.
        chunk: rows a chunk.

    Returns:
        Indices int32 and scores float32 of shape (n_rows, k), -1 and 0 where there are fewer.
    """
    indices = np.full((task.n_rows, task.k), -1, dtype=np.int32)
    scores = np.zeros((task.n_rows, task.k), dtype=np.float32)
    rows, index = _rows(task), _index(task, tile)
    scoring = _Scoring(tile, _read_only(task.factors), task.ceiling, _slack(task))
    width = min(task.k, task.n_candidates)

    def work(start: int) -> int:
        stop = min(start + chunk, task.n_rows)
        keys = np.zeros((stop - start, width), dtype=np.int64)
        _search(start, rows, index, scoring, keys)
        keys.sort(axis=1)
        _unpack(keys[:, ::-1], indices[start:stop, :width], scores[start:stop, :width])
        return stop - start

    _in_threads(work, range(0, task.n_rows, chunk), threads or _processors(), task.n_rows, progress)
    return indices, scores


def _in_threads(
    work: Callable[[int], int],
    starts: range,
    threads: int,
    n_rows: int,
    progress: Callable[[int, int], None] | None,
) -> None:
    """Do the chunks; at an interruption finish those that were begun and drop the rest."""
    done = 0
    with ThreadPoolExecutor(threads, thread_name_prefix="top_k") as pool:
        try:
            for future in as_completed([pool.submit(work, start) for start in starts]):
                done += future.result()
                if progress:
                    progress(done, n_rows)
        except BaseException:
            pool.shutdown(cancel_futures=True)
            raise


def _processors() -> int:
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def _read_only(array: NDArray[Any]) -> NDArray[Any]:
    # numba compiles anew for arrays that may be written to, and memory-mapped ones may not.
    view = array.view()
    view.flags.writeable = False
    return view


def _csr(matrix: sparse.csr_matrix) -> tuple[NDArray[Any], NDArray[Any], NDArray[Any]]:
    return (
        _read_only(matrix.indptr.astype(np.int64)),
        _read_only(matrix.indices.astype(np.int32, copy=False)),
        _read_only(matrix.data),
    )


def _rows(task: ScoringTask) -> _Rows:
    indptr, terms, weights = _csr(task.rows)
    # A sum of n rounded products is above the true one by a factor of at most (1 + 2^-24)^(n + 1),
    # and so on for the factor of the pair; twice that is allowed for.
    rounding = np.exp((np.diff(indptr) + 8) * 2.0**-23)
    most = task.factors.max(axis=1)[task.row_codes].astype(np.float64)
    return _Rows(
        indptr=indptr,
        terms=terms,
        weights=weights,
        bounds=_read_only(_lengths(indptr, weights) * most * rounding),
        own=_read_only(task.own),
        codes=_read_only(task.row_codes),
    )


def _slack(task: ScoringTask) -> float:
    """How much more than in proportion rounding can add, where numbers are too small for it."""
    return float(np.diff(task.rows.indptr).max(initial=0) + 8) * 2.0**-148


def _index(task: ScoringTask, tile: int) -> _Index:
    arrays = _csr(task.candidates)
    lengths = _lengths(arrays[0], arrays[2])
    order = np.flatnonzero(lengths > 0)  # the others have no score with anybody
    if task.has_prior:
        order = order[np.argsort(-lengths[order], kind="stable")]
    first_of_tile = np.arange(0, len(order), tile)
    ends, postings, weights = _inverted(*arrays, order, tile, task.candidates.shape[1])
    return _Index(
        ends=_read_only(ends),
        postings=_read_only(postings),
        weights=_read_only(weights),
        bounds=_read_only(
            np.maximum.reduceat(lengths[order], first_of_tile) if len(order) else np.zeros(0)
        ),
        candidates=_read_only(order.astype(np.int32)),
        codes=_read_only(task.candidate_codes[order]),
    )


def _unpack(
    keys: NDArray[np.int64], indices: NDArray[np.int32], scores: NDArray[np.float32]
) -> None:
    """Write what the keys hold into indices and scores, all of one shape."""
    found = keys > 0
    indices[found] = 0x7FFFFFFF - (keys[found] & 0xFFFFFFFF)
    scores[found] = (keys[found] >> 32).astype(np.int32).view(np.float32)


# From here on compiled: coverage does not see these lines run.


@_compiled
def _lengths(
    indptr: NDArray[np.int64], weights: NDArray[np.float32]
) -> NDArray[np.float64]:  # pragma: no cover
    """The Euclidean length of each row."""
    lengths = np.zeros(len(indptr) - 1)
    for row in range(len(lengths)):
        for entry in range(indptr[row], indptr[row + 1]):
            lengths[row] += np.float64(weights[entry]) ** 2
    return np.sqrt(lengths)


@_compiled
def _list_ends(
    indptr: NDArray[np.int64],
    terms: NDArray[np.int32],
    order: NDArray[np.int64],
    tile: int,
    n_terms: int,
) -> NDArray[np.int64]:  # pragma: no cover
    """Where each term's list begins and ends, tile by tile."""
    ends = np.zeros(((len(order) + tile - 1) // tile, n_terms + 1), np.int64)
    for place in range(len(order)):
        for entry in range(indptr[order[place]], indptr[order[place] + 1]):
            ends[place // tile, terms[entry] + 1] += 1
    end = np.int64(0)
    for number in range(len(ends)):
        width = min(tile, len(order) - number * tile)
        ends[number, 0] = end
        for term in range(n_terms):
            size = ends[number, term + 1]
            # A list as long as its tile is wide is dense.
            end += width if size * _DENSE >= width else size
            ends[number, term + 1] = end
    return ends


@_compiled
def _inverted(
    indptr: NDArray[np.int64],
    terms: NDArray[np.int32],
    weights: NDArray[np.float32],
    order: NDArray[np.int64],
    tile: int,
    n_terms: int,
) -> tuple[NDArray[np.int64], NDArray[np.uint16], NDArray[np.float32]]:  # pragma: no cover
    """The inverted index of each tile: ends, postings and weights of :class:`_Index`."""
    ends = _list_ends(indptr, terms, order, tile, n_terms)
    size = ends[-1, -1] if len(ends) else 0
    postings, list_weights = np.zeros(size, np.uint16), np.zeros(size, np.float32)
    filled = np.zeros(n_terms, np.int64)
    for number in range(len(ends)):
        first, width = number * tile, min(tile, len(order) - number * tile)
        filled[:] = ends[number, :-1]
        for place in range(width):
            for entry in range(indptr[order[first + place]], indptr[order[first + place] + 1]):
                term = terms[entry]
                if ends[number, term + 1] - ends[number, term] == width:
                    list_weights[ends[number, term] + place] = weights[entry]
                else:
                    postings[filled[term]] = place
                    list_weights[filled[term]] = weights[entry]
                    filled[term] += 1
    return ends, postings, list_weights


@_compiled
def _search(
    start: int, rows: _Rows, index: _Index, scoring: _Scoring, keys: NDArray[np.int64]
) -> np.float32:  # pragma: no cover
    """Fill the keys, zeros of shape (n, k), of n rows from ``start`` on; each a heap of its own."""
    scratch = _scratch(rows, start, start + len(keys), min(scoring.tile, len(index.candidates)))
    bound, touched = np.zeros(1, np.float32), np.float32(0)
    for number in range(len(index.bounds)):
        width = min(scoring.tile, len(index.candidates) - number * scoring.tile)
        for i in range(len(keys)):
            heap, row = keys[i], start + i
            bound[0] = rows.bounds[row] * index.bounds[number] + scoring.slack
            if bound.view(np.int32)[0] < _threshold(heap):
                continue
            touched += _find_lists(scratch.lists, rows, row, index, number)
            _add_up(scratch, rows, row, index, width)
            _block_maxima(scratch)
            # The best blocks first, so that few of the others pass the heap that these have filled.
            cut = _cut(scratch.largest, len(heap)) if heap[0] == 0 else np.int32(0)
            for span in ((cut, _LARGEST_BITS), (np.int32(0), cut)):
                _collect(scratch, span, rows, row, index, number, scoring, heap)
            scratch.sums[:] = 0
    return touched  # so that the touching is not optimised away


@_compiled
def _scratch(rows: _Rows, start: int, stop: int, width: int) -> _Scratch:  # pragma: no cover
    n_blocks, longest = (width + _BLOCK - 1) // _BLOCK, 0
    for row in range(start, stop):
        longest = max(longest, rows.indptr[row + 1] - rows.indptr[row])
    return _Scratch(
        np.zeros(n_blocks * _BLOCK, np.float32),
        np.zeros(n_blocks, np.int32),
        np.zeros((longest, 2), np.uint64),
    )


@_compiled
def _find_lists(
    lists: NDArray[np.uint64], rows: _Rows, row: int, index: _Index, number: int
) -> np.float32:  # pragma: no cover
    """Where the lists of the row's terms begin and end in a tile; touches each list's beginning.

    Memory answers many independent requests at once, but a list that is added up waits for its
    own: without this, rare terms would take longer than frequent ones.
    """
    first, count = rows.indptr[row], rows.indptr[row + 1] - rows.indptr[row]
    for entry in range(count):
        term = rows.terms[first + entry]
        lists[entry, 0] = index.ends[number, term]
        lists[entry, 1] = index.ends[number, term + 1]
    touched = np.float32(0)
    for entry in range(count):
        begin = min(lists[entry, 0], np.uint64(len(index.weights) - 1))
        touched += index.weights[begin] + np.float32(index.postings[begin])
    return touched


@_compiled
def _add_up(
    scratch: _Scratch, rows: _Rows, row: int, index: _Index, width: int
) -> None:  # pragma: no cover
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


@_compiled
def _block_maxima(scratch: _Scratch) -> None:  # pragma: no cover
    """The largest of each block, as bits."""
    bits = scratch.sums.view(np.int32)
    for block in range(np.uint64(len(scratch.largest))):
        most = np.int32(0)
        for place in range(block * np.uint64(_BLOCK), (block + np.uint64(1)) * np.uint64(_BLOCK)):
            most = bits[place] if bits[place] > most else most
        scratch.largest[block] = most


@_compiled
def _cut(largest: NDArray[np.int32], k: int) -> np.int32:  # pragma: no cover
    """What at least K + 1 blocks reach, and so K candidates beside the row's own; else 0."""
    heap = np.zeros(k + 1, np.int64)
    for most in largest:
        if most > heap[0]:
            _replace_worst(heap, np.int64(most))
    return np.int32(heap[0])


@_compiled
def _collect(
    scratch: _Scratch,
    span: tuple[np.int32, np.int32],
    rows: _Rows,
    row: int,
    index: _Index,
    number: int,
    scoring: _Scoring,
    heap: NDArray[np.int64],
) -> None:  # pragma: no cover
    """Put the sums that beat the heap's worst into it, of those whose bits are within ``span``."""
    least, below = span
    bits, score = scratch.sums.view(np.int32), np.zeros(1, np.float32)
    threshold = max(least, _threshold(heap))
    if threshold >= below:
        return
    for block in range(np.uint64(len(scratch.largest))):
        if scratch.largest[block] < threshold:
            continue
        for place in range(block * np.uint64(_BLOCK), (block + np.uint64(1)) * np.uint64(_BLOCK)):
            if threshold <= bits[place] < below:
                # Without the pair's factor, which is at most 1, it would be good enough.
                position = np.int64(place) + number * scoring.tile
                candidate = index.candidates[position]
                factor = scoring.factors[rows.codes[row], index.codes[position]]
                score[0] = min(scratch.sums[place] * factor, scoring.ceiling)
                upper = np.int64(score.view(np.int32)[0]) << 32
                key = upper | np.int64(0x7FFFFFFF - candidate)
                if upper > 0 and key > heap[0] and candidate != rows.own[row]:
                    _replace_worst(heap, key)
                    threshold = max(least, _threshold(heap))


@_compiled
def _threshold(heap: NDArray[np.int64]) -> np.int32:  # pragma: no cover
    """The bits that a score must reach; an equal one may have the better candidate."""
    return max(np.int32(heap[0] >> 32), np.int32(1))


@_compiled
def _replace_worst(heap: NDArray[np.int64], key: np.int64) -> None:  # pragma: no cover
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
