"""The best candidates of each row: the kernel and NumPy's way, against the definition itself."""

from __future__ import annotations

import signal
import subprocess
import sys
import threading
from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from scipy import sparse

from movie_assets.recommender import blocks, inverted, neighbours
from movie_assets.recommender import top_k as kernel
from movie_assets.recommender.inverted import Index, inverted_index, read_only
from movie_assets.recommender.neighbours import top_k
from movie_assets.recommender.scoring import ScoringTask, scoring_task

N_TERMS = 12
Found = tuple[NDArray[np.int32], NDArray[np.float32]]


class Problem(NamedTuple):
    """Dense arrays and the options of top_k."""

    rows: NDArray[np.float32]
    candidates: NDArray[np.float32]
    k: int
    options: dict[str, Any]

    def task(self) -> ScoringTask:
        return scoring_task(csr(self.rows), csr(self.candidates), self.k, **self.options)


def csr(rows: NDArray[Any]) -> sparse.csr_matrix:
    return sparse.csr_matrix(np.asarray(rows, dtype=np.float32))


def scores_by_definition(
    problem: Problem, dtype: type[np.floating[Any]] = np.float32
) -> NDArray[Any]:
    """All scores, term by term, in float32 as promised or in float64 as in mathematics."""
    prior = problem.options.get("prior")
    candidates = problem.candidates.astype(dtype)
    if prior is not None:
        candidates = candidates * np.asarray(prior, dtype=dtype)[:, None]
    scores = np.zeros((len(problem.rows), len(candidates)), dtype=dtype)
    for term in range(problem.rows.shape[1]):
        scores += problem.rows[:, term, None].astype(dtype) * candidates[:, term]
    if "pair_codes" in problem.options:
        row_codes, candidate_codes, factors = problem.options["pair_codes"]
        scores *= np.asarray(factors, dtype=dtype)[np.ix_(row_codes, candidate_codes)]
    scores = np.minimum(scores, dtype(problem.options.get("ceiling", np.inf)))
    excluded = problem.options.get("exclude_self", False)
    if excluded is True:
        excluded = np.arange(len(scores))
    if excluded is not False:
        for row, own in enumerate(excluded):
            if own >= 0:
                scores[row, own] = 0
    return scores


def best_by_definition(scores: NDArray[np.float32], k: int) -> Found:
    indices = np.full((len(scores), k), -1, np.int32)
    best = np.zeros((len(scores), k), np.float32)
    for row, mine in enumerate(scores):
        order = sorted(np.flatnonzero(mine > 0), key=lambda column: (-mine[column], column))[:k]
        indices[row, : len(order)] = order
        best[row, : len(order)] = mine[order]
    return indices, best


def assert_same(found: Found, expected: Found) -> None:
    assert (found[0].dtype, found[1].dtype) == (np.int32, np.float32)
    np.testing.assert_array_equal(found[0], expected[0])
    np.testing.assert_array_equal(found[1].view(np.int32), expected[1].view(np.int32))


def weights(n_rows: st.SearchStrategy[int]) -> st.SearchStrategy[NDArray[np.float32]]:
    """Rows of few different weights, so that scores tie; or of any; some empty, some twice."""
    some = st.sampled_from([0.0, 0.0, 0.0, 0.25, 0.5, 1.0])
    row = st.one_of(
        st.just([0.0] * N_TERMS),
        st.just([0.25] * N_TERMS),
        st.lists(some, min_size=N_TERMS, max_size=N_TERMS),
        st.lists(st.floats(0, 1000, width=32), min_size=N_TERMS, max_size=N_TERMS),
    )

    @st.composite
    def drawn(draw: st.DrawFn) -> NDArray[np.float32]:
        n = draw(n_rows)
        different = draw(st.lists(row, min_size=1, max_size=6))
        chosen = draw(st.lists(st.integers(0, len(different) - 1), min_size=n, max_size=n))
        return np.array([different[i] for i in chosen], np.float32).reshape(n, N_TERMS)

    return drawn()


@st.composite
def problems(draw: st.DrawFn) -> Problem:
    rows = draw(weights(st.integers(0, 12)))
    candidates = rows if draw(st.booleans()) else draw(weights(st.integers(0, 40)))
    n_rows, n_candidates = len(rows), len(candidates)

    def each(length: int, values: st.SearchStrategy[Any]) -> Any:
        return draw(st.lists(values, min_size=length, max_size=length))

    options: dict[str, Any] = {}
    if draw(st.booleans()):
        options["prior"] = each(n_candidates, st.sampled_from([0.0, 0.1, 0.5, 0.9, 1.0, 3.0]))
    if draw(st.booleans()):
        factors = each(6, st.sampled_from([0.0, 0.3, 0.7, 1.0]))
        options["pair_codes"] = (
            each(n_rows, st.integers(0, 1)),
            each(n_candidates, st.integers(0, 2)),
            np.reshape(factors, (2, 3)),
        )
    if candidates is rows:
        options["exclude_self"] = draw(st.booleans())
    elif draw(st.booleans()):
        options["exclude_self"] = each(n_rows, st.integers(-1, n_candidates - 1))
    if draw(st.booleans()):
        options["ceiling"] = draw(st.sampled_from([0.5, 1.0]))
    return Problem(rows, candidates, draw(st.integers(1, 45)), options)


@pytest.mark.no_cover
@settings(max_examples=300, deadline=None)
@given(
    problem=problems(),
    tile=st.sampled_from([1, 2, 5, 16, 200, 65_536]),
    chunk=st.sampled_from([1, 3, 1024]),
    threads=st.sampled_from([1, 2, 3]),
)
def test_the_kernel_is_the_definition_to_the_last_bit(
    problem: Problem, tile: int, chunk: int, threads: int
) -> None:
    found = kernel.search(problem.task(), tile=tile, chunk=chunk, threads=threads)
    assert_same(found, best_by_definition(scores_by_definition(problem), problem.k))


@pytest.mark.no_cover
@settings(max_examples=200, deadline=None)
@given(problem=problems(), block_bytes=st.sampled_from([1, 100, 2**20]))
def test_numpy_is_the_definition_to_the_last_bit(problem: Problem, block_bytes: int) -> None:
    found = blocks.search(problem.task(), block_bytes=block_bytes)
    assert_same(found, best_by_definition(scores_by_definition(problem), problem.k))


@st.composite
def larger_problems(draw: st.DrawFn) -> Problem:
    """Hundreds of candidates of any weights, most of them worth little: tiles are skipped."""
    chance = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    n_rows, n_candidates = draw(st.integers(1, 30)), draw(st.integers(1, 700))
    rows, candidates = (
        chance.random((n, 60)) * (chance.random((n, 60)) < draw(st.floats(0.02, 0.5)))
        for n in (n_rows, n_candidates)
    )
    options: dict[str, Any] = {}
    if draw(st.booleans()):
        options["prior"] = chance.random(n_candidates) ** draw(st.sampled_from([1, 4, 20]))
    if draw(st.booleans()):
        years = np.arange(50)
        options["pair_codes"] = (
            chance.integers(0, 50, n_rows),
            chance.integers(0, 50, n_candidates),
            np.exp(-np.abs(years[:, None] - years) / 15),
        )
    return Problem(
        rows.astype(np.float32), candidates.astype(np.float32), draw(st.integers(1, 60)), options
    )


@settings(max_examples=100, deadline=None)
@given(problem=larger_problems(), tile=st.sampled_from([7, 64, 300, 32_768]), data=st.data())
def test_ways_tiles_threads_and_the_order_of_rows_change_nothing(
    problem: Problem, tile: int, data: st.DataObject
) -> None:
    whole = blocks.search(problem.task(), block_bytes=2**20)
    assert_same(kernel.search(problem.task(), tile=tile, chunk=4, threads=2), whole)

    chosen = data.draw(st.lists(st.integers(0, len(problem.rows) - 1), min_size=1))
    options = dict(problem.options)
    if "pair_codes" in options:
        codes, *others = options["pair_codes"]
        options["pair_codes"] = (codes[chosen], *others)
    some = Problem(problem.rows[chosen], problem.candidates, problem.k, options)
    assert_same(kernel.search(some.task()), (whole[0][chosen], whole[1][chosen]))


@settings(max_examples=60, deadline=None)
@given(seed=st.integers(0, 2**32 - 1), n_codes=st.integers(1, 40), groups=st.sampled_from([1, 3]))
def test_many_codes_are_judged_by_groups(seed: int, n_codes: int, groups: int) -> None:
    chance = np.random.default_rng(seed)
    rows, candidates = chance.random((20, 6)), chance.random((400, 6))
    pair_codes = (
        chance.integers(0, n_codes, 20),
        chance.integers(0, n_codes, 400),
        chance.random((n_codes, n_codes)) ** 4,
    )
    problem = Problem(
        rows.astype(np.float32), candidates.astype(np.float32), 5, {"pair_codes": pair_codes}
    )
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(inverted, "_GROUPS", groups)
        found = kernel.search(problem.task(), tile=300)
    assert_same(found, best_by_definition(scores_by_definition(problem), 5))


@settings(max_examples=100, deadline=None)
@given(problem=larger_problems())
def test_scores_are_right_in_float64(problem: Problem) -> None:
    scores = scores_by_definition(problem, np.float64)
    indices, found = kernel.search(problem.task(), tile=50)
    best = -np.sort(-scores, axis=1)[:, : problem.k]
    smallest = 1e-35  # below, float32 has fewer digits
    np.testing.assert_allclose(found[:, : best.shape[1]], best, rtol=1e-5, atol=smallest)
    rows, ranks = np.nonzero(indices >= 0)
    np.testing.assert_allclose(
        found[rows, ranks], scores[rows, indices[rows, ranks]], rtol=1e-5, atol=smallest
    )


def test_by_hand() -> None:
    rows = csr([[1, 0, 2], [0, 0, 0], [0, 1, 0]])
    candidates = csr([[0, 0, 1], [3, 1, 0], [0, 0, 1]])
    indices, scores = top_k(rows, candidates, 2)
    assert indices.tolist() == [[1, 0], [-1, -1], [1, -1]]
    assert scores.tolist() == [[3, 2], [0, 0], [1, 0]]
    indices, scores = top_k(rows, candidates, 2, prior=[1, 0.5, 2])
    assert indices.tolist() == [[2, 0], [-1, -1], [1, -1]]
    assert scores.tolist() == [[4, 2], [0, 0], [0.5, 0]]


def test_tiles_that_cannot_win_are_skipped(monkeypatch: pytest.MonkeyPatch) -> None:
    """Their weights are never looked at: after the index is made, they may be anything."""
    candidates = np.tile([1.0, 0.5], (100, 1))
    prior = np.repeat([1.0, 0.1], [10, 90])
    task = Problem(np.eye(2, dtype=np.float32), candidates.astype(np.float32), 10, {"prior": prior})
    made = inverted_index(task.task(), 10)

    def spoilt(*_: object) -> Index:
        weights = made.weights.copy()
        weights[20:] = 1e30
        return made._replace(weights=read_only(weights))

    monkeypatch.setattr(kernel, "inverted_index", spoilt)
    indices, scores = kernel.search(task.task(), tile=10)
    assert indices.tolist() == [list(range(10))] * 2
    assert scores.tolist() == [[1.0] * 10, [0.5] * 10]


def test_bounds_hold_where_rounding_adds_up() -> None:
    """Parallel rows reach their bound, and float32 sums of many terms go above the true ones."""
    chance = np.random.default_rng(0)
    row = chance.random(4000).astype(np.float32)
    candidates = np.vstack([row * np.float32(0.5**i) for i in range(8)] * 20)
    problem = Problem(row[None], candidates, 25, {"prior": np.ones(160)})
    found = kernel.search(problem.task(), tile=1)
    assert_same(found, best_by_definition(scores_by_definition(problem), 25))


def test_smallest_numbers() -> None:
    tiny = np.float32(1e-23)
    rows = np.full((2, 6), tiny)
    problem = Problem(rows, np.tile(rows, (20, 1)), 7, {"prior": np.linspace(0.4, 1, 40)})
    found = kernel.search(problem.task(), tile=1)
    assert_same(found, best_by_definition(scores_by_definition(problem), 7))


def test_matrices_in_any_order_stay_as_they_are() -> None:
    unsorted = sparse.csr_matrix(
        (np.array([1, 2, 3], np.float32), np.array([2, 0, 2]), np.array([0, 3])), (1, 3)
    )
    indices, scores = top_k(unsorted, unsorted, 1)
    assert (indices.tolist(), scores.tolist()) == ([[0]], [[20.0]])
    assert unsorted.indices.tolist() == [2, 0, 2]


def test_a_tile_of_too_many_weights_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(inverted, "_MOST_WEIGHTS", 8)
    assert kernel.search(scoring_task(EYE, EYE, 1), tile=2)[0].ravel().tolist() == [0, 1, 2]
    with pytest.raises(ValueError, match="3 candidates have too many weights for one tile: 9"):
        kernel.search(scoring_task(EYE, EYE, 1), tile=3)


def test_memory_mapped_arrays_will_do() -> None:
    matrix = csr(np.eye(4))
    for array in (matrix.data, matrix.indices, matrix.indptr):
        array.flags.writeable = False
    assert kernel.search(scoring_task(matrix, matrix, 1))[0].ravel().tolist() == [0, 1, 2, 3]


EYE = csr(np.eye(3))


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: top_k(EYE, EYE, 0), "k must be at least 1, not 0"),
        (lambda: top_k(EYE, EYE, 1, threads=0), "threads must be at least 1"),
        (lambda: top_k(EYE, EYE, 1, ceiling=0), "the ceiling must be more than 0"),
        (lambda: top_k(-EYE, EYE, 1), "rows has negative or non-finite"),
        (lambda: top_k(EYE, EYE * np.float32(np.nan), 1), "candidates has negative or non-finite"),
        (lambda: top_k(EYE * np.float32(np.inf), EYE, 1), "rows has negative or non-finite"),
        (lambda: top_k(EYE, csr(np.eye(4)), 1), "3 columns and candidates 4"),
        (lambda: top_k(EYE.astype(np.float64), EYE, 1), "rows must be a scipy CSR matrix of float"),
        (lambda: top_k(EYE, EYE.tocsc(), 1), "candidates must be a scipy CSR matrix"),
        (lambda: top_k(EYE, np.eye(3), 1), "candidates must be a scipy CSR matrix"),
        (lambda: top_k(EYE, EYE, 1, prior=[1, 1]), r"one factor a candidate, 3, not \(2,\)"),
        (lambda: top_k(EYE, EYE, 1, prior=[1, -1, 1]), "prior has negative or non-finite"),
        (lambda: top_k(EYE, EYE, 1, prior=[1, np.nan, 1]), "prior has negative or non-finite"),
        (lambda: top_k(EYE[:2], EYE, 1, exclude_self=True), "2 rows are not 3 candidates"),
        (lambda: top_k(EYE, EYE, 1, exclude_self=[0, 1, 3]), "exclude_self must be from -1 to 2"),
        (lambda: top_k(EYE, EYE, 1, exclude_self=[0.5] * 3), "exclude_self must be 3 integers"),
        (
            lambda: top_k(EYE, EYE, 1, pair_codes=([0, 1, 2], [0] * 3, [[1], [1]])),
            "the row codes must be from 0 to 1",
        ),
        (
            lambda: top_k(EYE, EYE, 1, pair_codes=([0] * 3, [0] * 2, [[1]])),
            "the candidate codes must be 3 integers",
        ),
        (lambda: top_k(EYE, EYE, 1, pair_codes=([0] * 3, [0] * 3, [[1.5]])), r"within \[0, 1\]"),
        (lambda: top_k(EYE, EYE, 1, pair_codes=([0] * 3, [0] * 3, [[np.nan]])), r"within \[0"),
        (lambda: top_k(EYE, EYE, 1, pair_codes=([0] * 3, [0] * 3, [1.0])), "must be a table"),
        (lambda: top_k(EYE * 1e20, EYE * 1e20, 1), "could overflow float32"),
        (lambda: top_k(EYE * 1e20, EYE * 1e18, 1, prior=[1e30] * 3), "could overflow float32"),
    ],
)
def test_what_has_no_score_is_refused(call: Callable[[], object], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        call()


def test_nearest_neighbours_by_either_way_are_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    chance = np.random.default_rng(1)
    matrix = csr(chance.random((300, 80)) * (chance.random((300, 80)) < 0.1))
    by_numpy = top_k(matrix, matrix, 20, exclude_self=True)
    monkeypatch.setattr(neighbours, "KERNEL_FROM", 0)
    monkeypatch.setattr(blocks, "search", None)
    assert_same(top_k(matrix, matrix, 20, exclude_self=True, threads=2), by_numpy)


def test_progress_is_told_in_the_calling_thread() -> None:
    told: list[tuple[int, int, int]] = []
    kernel.search(
        scoring_task(EYE, EYE, 1),
        chunk=1,
        threads=2,
        progress=lambda *done: told.append((*done, threading.get_ident())),
    )
    assert told == [(done, 3, threading.get_ident()) for done in (1, 2, 3)]


def test_progress_is_told_a_hundred_times_at_most() -> None:
    told: list[tuple[int, int]] = []
    matrix = csr(np.ones((1234, 1)))
    kernel.search(
        scoring_task(matrix, matrix, 1), chunk=1, progress=lambda *done: told.append(done)
    )
    assert 90 < len(told) <= 100
    assert told[-1] == (1234, 1234)
    assert told == sorted(told)


def test_an_error_in_progress_ends_the_search_and_its_threads() -> None:
    def fail(*_: int) -> None:
        raise RuntimeError("enough")

    before = threading.active_count()
    with pytest.raises(RuntimeError, match="enough"):
        kernel.search(scoring_task(EYE, EYE, 1), chunk=1, threads=2, progress=fail)
    assert threading.active_count() == before


INTERRUPTED = """
import numpy as np, signal
from scipy import sparse
from movie_assets.recommender import top_k as kernel
from movie_assets.recommender.scoring import scoring_task

matrix = sparse.random(300_000, 2000, 0.01, "csr", np.float32, np.random.default_rng(0))
try:
    kernel.search(scoring_task(matrix, matrix, 50), chunk=16, threads=2,
                  progress=lambda done, _: print(done, flush=True))
except KeyboardInterrupt:
    print("interrupted", flush=True)
"""


@pytest.mark.process
def test_ctrl_c_is_heard_between_chunks() -> None:
    with subprocess.Popen(
        [sys.executable, "-c", INTERRUPTED], stdout=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout is not None
        assert int(process.stdout.readline()) >= 16
        process.send_signal(signal.SIGINT)
        assert process.communicate(timeout=60)[0].splitlines()[-1] == "interrupted"
    assert process.returncode == 0
