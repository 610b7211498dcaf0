"""The search on a real Ray cluster of two nodes, on one machine; workers and a node are killed."""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import pytest
from scipy import sparse

from movie_assets.recommender import cluster, neighbours
from movie_assets.recommender.scoring import ScoringTask, scoring_task

os.environ["RAY_USAGE_STATS_ENABLED"] = "0"  # before Ray is imported, here and by its processes
ray = pytest.importorskip("ray", reason="needs the extra 'ray'")
psutil = pytest.importorskip("psutil")
ray_cluster = pytest.importorskip("ray.cluster_utils")

pytestmark = pytest.mark.process

NODE = {"object_store_memory": 80 * 2**20, "include_dashboard": False}
#: A lost node is noticed after some seconds, instead of half a minute.
PATIENCE = {
    "health_check_initial_delay_ms": 0,
    "health_check_period_ms": 1000,
    "health_check_timeout_ms": 2000,
    "health_check_failure_threshold": 3,
}
K, BLOCKS = 15, {"row_block": 100, "candidate_block": 3000}


@pytest.fixture(scope="module")
def running() -> Iterator[Any]:
    """A cluster of one node, the head, with one processor."""
    made = ray_cluster.Cluster(
        initialize_head=True, head_node_args=NODE | {"num_cpus": 1, "_system_config": PATIENCE}
    )
    yield made
    made.shutdown()


@pytest.fixture
def two_nodes(running: Any) -> Iterator[Any]:
    """The cluster and its second node, which may be killed."""
    node = running.add_node(num_cpus=2, **NODE)
    yield running, node
    if node in running.worker_nodes:
        running.remove_node(node, allow_graceful=False)


def made_up_task() -> ScoringTask:
    """8,000 films, all of them twice, so that scores tie in different blocks."""
    chance = np.random.default_rng(0)
    weights = chance.random((4000, 80)) * (chance.random((4000, 80)) < 0.2)
    matrix = sparse.csr_matrix(np.vstack([weights, weights]).astype(np.float32))
    n, years = matrix.shape[0], np.arange(20)
    codes = np.tile(chance.integers(0, 20, n // 2), 2)
    return scoring_task(
        matrix,
        matrix,
        K,
        prior=np.tile(chance.random(n // 2), 2),
        exclude_self=True,
        pair_codes=(codes, codes, np.exp(-np.abs(years[:, None] - years) / 5)),
    )


def workers_of(node: Any) -> list[Any]:
    """The processes on a node that are at a block now."""
    raylet = psutil.Process(node.all_processes["raylet"][0].process.pid)
    return [
        process for process in raylet.children(recursive=True) if "_improved" in called(process)
    ]


def called(process: Any) -> str:
    """What a process calls itself; nothing where it has just ended."""
    try:
        return "".join(process.cmdline())
    except psutil.NoSuchProcess:  # a zombie is one too
        return ""


def assert_same(found: Any, task: ScoringTask) -> None:
    for mine, its in zip(found, neighbours.search(task), strict=True):
        assert mine.dtype == its.dtype
        np.testing.assert_array_equal(mine, its)


def search_and(do: Callable[[], bool], address: str, task: ScoringTask) -> Any:
    """The search's result; from a tenth of the rows on something is tried until it is done."""
    told: list[int] = []
    done = False

    def progress(rows: int, _: int) -> None:
        nonlocal done
        done = done or (rows * 10 > task.n_rows and do())
        told.append(rows)

    with cluster.connected(address):
        found = cluster.search(task, progress=progress, **BLOCKS)
    assert done
    assert told == sorted(told)
    assert told[-1] == task.n_rows
    return found


def test_the_result_is_that_of_one_machine(two_nodes: Any) -> None:
    task = made_up_task()
    with cluster.connected(two_nodes[0].address):
        for blocks in (BLOCKS, {"row_block": 999, "candidate_block": 5000}):
            assert_same(cluster.search(task, **blocks), task)
    assert not ray.is_initialized()


def test_a_node_that_is_lost_is_done_without(two_nodes: Any) -> None:
    running, node = two_nodes

    def kill() -> bool:
        if busy := workers_of(node):
            running.remove_node(node, allow_graceful=False)
        return bool(busy)

    task = made_up_task()
    assert_same(search_and(kill, running.address, task), task)


def test_workers_that_are_lost_are_replaced(two_nodes: Any) -> None:
    running, node = two_nodes

    def kill() -> bool:
        busy = workers_of(node)
        for process in busy:
            process.send_signal(signal.SIGKILL)
        return bool(busy)

    task = made_up_task()
    assert_same(search_and(kill, running.address, task), task)


def test_top_k_takes_the_same_arguments(running: Any) -> None:
    matrix = sparse.csr_matrix(np.random.default_rng(1).random((30, 9)).astype(np.float32))
    options: dict[str, Any] = {"prior": np.linspace(0, 1, 30), "exclude_self": True, "ceiling": 1.5}
    found = cluster.top_k(matrix, matrix, 40, address=running.address, threads=1, **options)
    for mine, its in zip(found, neighbours.top_k(matrix, matrix, 40, **options), strict=True):
        np.testing.assert_array_equal(mine, its)
    none = matrix[:0]
    assert cluster.top_k(none, matrix, 2, address=running.address)[0].shape == (0, 2)
    assert (cluster.top_k(matrix, none, 2, address=running.address)[0] == -1).all()


def test_an_error_here_ends_the_search(running: Any) -> None:
    def fail() -> bool:
        raise RuntimeError("enough")

    with pytest.raises(RuntimeError, match="enough"):
        search_and(fail, running.address, made_up_task())
    assert not ray.is_initialized()


def test_an_error_there_is_told_in_one_line(running: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cluster, "_index", os.path.relpath)
    message = r"^The Ray cluster could not do a block: TypeError: .*$"
    with (
        pytest.raises(cluster.ClusterError, match=message),
        cluster.connected(running.address),
    ):
        cluster.search(made_up_task(), **BLOCKS)


@pytest.mark.parametrize("address", ["127.0.0.1:9", "ray://127.0.0.1:9", "nobody"])
def test_a_cluster_that_is_not_there(address: str) -> None:
    one = sparse.csr_matrix(np.eye(1, dtype=np.float32))
    with pytest.raises(cluster.ClusterError, match=f"No Ray cluster at {address}.*RAY_ADDRESS"):
        cluster.top_k(one, one, 1, address=address)
    with pytest.raises(ValueError, match="threads must be at least 1"):
        cluster.top_k(one, one, 1, address=address, threads=0)


def test_without_ray(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "ray", None)
    one = sparse.csr_matrix(np.eye(1, dtype=np.float32))
    with pytest.raises(cluster.ClusterError, match=r"pip install --editable '\.\[ray\]'"):
        cluster.top_k(one, one, 1, address="auto")
