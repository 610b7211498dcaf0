"""Cluster: the same search on the machines of a Ray cluster, with the same result to the last bit.

Rows and candidates are cut into blocks. A task takes a block of rows through a block of candidates
by the kernel, beginning with the keys that the task before has left: so the blocks of candidates
need no merging, and what cannot beat a row's K-th score is skipped as on one machine. Keys are
totally ordered; so it does not matter which machine does what, nor when.

Arrays are put into Ray's object store once, which the workers of a node share without copying. A
block that is lost with a worker or a node is done again by Ray, from what it was made of; that is
kept beside the driver (the process that asks), whose end is the end of the search.

What belongs here: cutting, handing out and fetching. What does not: how a block is searched
(``top_k``). Ray is an extra (docs/cluster.md) and imported only when asked for.
"""

from __future__ import annotations

import socket
from contextlib import closing, contextmanager
from dataclasses import replace
from itertools import islice
from typing import TYPE_CHECKING, Any

import numpy as np

from movie_assets.recommender.scoring import ScoringTask, scoring_task
from movie_assets.recommender.threads import throttled

if TYPE_CHECKING:
    from collections.abc import Callable, Generator, Iterator

    from numpy.typing import ArrayLike, NDArray
    from scipy import sparse

    from movie_assets.recommender.inverted import Index
    from movie_assets.recommender.scoring import PairCodes
    from movie_assets.recommender.top_k import Found, Rows, Scoring

#: Rows a block: at a million candidates some seconds' work, the most that is lost with a worker.
ROW_BLOCK = 16_384
#: Candidates a block: a quarter of a gigabyte of index.
CANDIDATE_BLOCK = 1_048_576

#: How often a block is done again if its worker or its node is lost.
_RETRIES = 10
#: Seconds for the cluster's head to answer.
_PATIENCE = 10


class ClusterError(RuntimeError):
    """The cluster cannot be reached, or could not do a block; the message says what to do."""


def top_k(  # noqa: PLR0913 - as neighbours.top_k, and where
    rows: sparse.csr_matrix,
    candidates: sparse.csr_matrix,
    k: int,
    *,
    address: str,
    prior: ArrayLike | None = None,
    exclude_self: bool | ArrayLike = False,
    pair_codes: PairCodes | None = None,
    ceiling: float = np.inf,
    threads: int | None = None,
    progress: Callable[[int, int], None] | None = None,
) -> Found:
    """Find each row's K candidates with the largest inner product, as ``neighbours.top_k`` does.

    All arguments but these are the same, and so are results and errors.

    Args:
        rows: as there.
        candidates: as there.
        k: as there.
        address: of the Ray cluster: ``auto`` for the one that this machine belongs to,
            ``host:port`` of its head from a machine that belongs to it, or ``ray://host:port``
            from any other. A connection that this process already has is used as it is.
        prior: as there.
        exclude_self: as there.
        pair_codes: as there.
        ceiling: as there.
        threads: how many blocks of rows are under way at a time; None for two a processor.
        progress: called with rows done and rows in all after blocks of rows.

    Raises:
        ClusterError: where Ray is not installed, the cluster is not reached, or a block failed.
        ValueError: as there.
    """
    if threads is not None and threads < 1:
        raise ValueError(f"threads must be at least 1, not {threads}")
    task = scoring_task(
        rows,
        candidates,
        k,
        prior=prior,
        exclude_self=exclude_self,
        pair_codes=pair_codes,
        ceiling=ceiling,
    )
    with connected(address):
        return search(task, threads=threads, progress=progress)


@contextmanager
def connected(address: str) -> Iterator[None]:
    """Be connected to a Ray cluster, and afterwards be as before.

    Raises:
        ClusterError: where Ray is not installed, the cluster is not reached, or what is done with
            it fails there.
    """
    ray = _ray()
    connects = not ray.is_initialized()
    if connects:
        try:
            _knock(address)
            ray.init(address=address, log_to_driver=False, configure_logging=False)
        except (OSError, ValueError) as error:
            raise ClusterError(
                f"No Ray cluster at {address}: {error}. Start one with 'ray start --head', or "
                "change MOVIE_ASSETS_RAY_ADDRESS."
            ) from error
    try:
        yield
    except ray.exceptions.RayError as error:
        what = str(error).strip().splitlines()[-1]
        raise ClusterError(f"The Ray cluster could not do a block: {what}") from error
    finally:
        if connects:
            ray.shutdown()


def _knock(address: str) -> None:
    """Fail at once where nobody answers: Ray itself tries for minutes."""
    if address != "auto":
        host, _, port = address.removeprefix("ray://").rpartition(":")
        socket.create_connection((host, int(port)), timeout=_PATIENCE).close()


def _ray() -> Any:
    try:
        import ray  # noqa: PLC0415 - an extra, and a second to import
    except ImportError as error:
        raise ClusterError(
            "Ray is not installed. In the project's folder: pip install --editable '.[ray]'"
        ) from error
    return ray


def search(
    task: ScoringTask,
    *,
    threads: int | None = None,
    progress: Callable[[int, int], None] | None = None,
    row_block: int = ROW_BLOCK,
    candidate_block: int = CANDIDATE_BLOCK,
) -> Found:
    """Each row's K best candidates, by the cluster that this process is connected to.

    Memory here beside input and output: the results of the blocks under way.

    Args:
        task: what to score.
        threads: how many blocks of rows are under way at a time; None for two a processor.
        progress: called with rows done and rows in all after blocks of rows.
        row_block: rows a block.
        candidate_block: candidates a block.

    Returns:
        Indices int32 and scores float32 of shape (n_rows, k), -1 and 0 where there are fewer.
    """
    from movie_assets.recommender import top_k as kernel  # noqa: PLC0415 - it loads numba

    indices = np.full((task.n_rows, task.k), -1, dtype=np.int32)
    scores = np.zeros((task.n_rows, task.k), dtype=np.float32)
    submit = _submitter(task, row_block, candidate_block)
    starts = iter(range(0, task.n_rows, row_block))
    done, report = 0, throttled(progress)
    with closing(_in_cluster(submit, starts, threads)) as results:
        for start, keys in results:
            stop, width = start + len(keys), keys.shape[1]
            indices[start:stop, :width], scores[start:stop, :width] = kernel.unpacked(keys)
            done += len(keys)
            report(done, task.n_rows)
    return indices, scores


def _in_cluster(
    submit: Callable[[int], Any], starts: Iterator[int], threads: int | None
) -> Generator[tuple[int, NDArray[np.int64]]]:
    """Submit blocks of rows, so many at a time, and give each result as it comes."""
    ray = _ray()
    under_way: dict[Any, int] = {}
    left = True
    try:
        while left or under_way:
            # Nodes come and go.
            at_a_time = threads or 2 * max(1, int(ray.cluster_resources().get("CPU", 1)))
            for start in islice(starts, max(0, at_a_time - len(under_way))):
                under_way[submit(start)] = start
            left = len(under_way) >= at_a_time
            for ready in ray.wait(list(under_way))[0] if under_way else ():
                yield under_way.pop(ready), ray.get(ready)
    finally:
        for unfinished in under_way:
            ray.cancel(unfinished, force=True)


def _submitter(task: ScoringTask, row_block: int, candidate_block: int) -> Callable[[int], Any]:
    """Put into the object store what all blocks need; give what submits a block of rows."""
    from movie_assets.recommender.top_k import rows_of, scoring_of  # noqa: PLC0415

    ray = _ray()
    remote = ray.remote(num_cpus=1, max_retries=_RETRIES, scheduling_strategy="SPREAD")
    improve, index = remote(_improved), remote(_index)
    scoring = ray.put(scoring_of(task))
    indices = [index.remote(*block) for block in _candidate_blocks(task, candidate_block)]
    width = min(task.k, task.n_candidates)

    def submit(start: int) -> Any:
        chosen = slice(start, start + row_block)
        rows = rows_of(
            replace(
                task, rows=task.rows[chosen], own=task.own[chosen], row_codes=task.row_codes[chosen]
            )
        )
        rows_there, keys = ray.put(rows), None
        for candidates in indices:
            keys = improve.remote(keys, width, rows_there, candidates, scoring)
        return keys

    return submit


def _candidate_blocks(task: ScoringTask, size: int) -> Iterator[tuple[ScoringTask, NDArray[Any]]]:
    """Blocks of candidates, the most promising first: each a task without rows, and who it has."""
    from movie_assets.recommender.inverted import csr, lengths_of  # noqa: PLC0415

    order = np.arange(task.n_candidates, dtype=np.int32)
    if task.has_prior:
        indptr, _, weights = csr(task.candidates)
        order = order[np.argsort(-lengths_of(indptr, weights), kind="stable")]
    none = replace(task, rows=task.rows[:0], own=task.own[:0], row_codes=task.row_codes[:0])
    for begin in range(0, max(1, len(order)), size):
        chosen = order[begin : begin + size]
        yield (
            replace(
                none,
                candidates=task.candidates[chosen],
                candidate_codes=task.candidate_codes[chosen],
            ),
            chosen,
        )


# From here on what the workers do.


def _index(block: ScoringTask, candidates: NDArray[np.int32]) -> Index:
    from movie_assets.recommender.inverted import inverted_index, read_only  # noqa: PLC0415

    index = inverted_index(block)
    return index._replace(candidates=read_only(candidates[index.candidates]))


def _improved(
    keys: NDArray[np.int64] | None, width: int, rows: Rows, index: Index, scoring: Scoring
) -> NDArray[np.int64]:
    from movie_assets.recommender.top_k import CHUNK, improve  # noqa: PLC0415

    # What comes from the object store cannot be written to.
    keys = np.zeros((len(rows.own), width), np.int64) if keys is None else keys.copy()
    for start in range(0, len(keys), CHUNK):
        improve(keys[start : start + CHUNK], start, rows, index, scoring)
    return keys
