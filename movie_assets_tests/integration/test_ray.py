"""The graph with a Ray cluster to search on."""

from __future__ import annotations

import os
import sys
from typing import Any

import duckdb
import pytest

os.environ["RAY_USAGE_STATS_ENABLED"] = "0"  # before Ray is imported, here and by its processes
ray_cluster = pytest.importorskip("ray.cluster_utils", reason="needs the extra 'ray'")

pytestmark = [
    pytest.mark.process,
    pytest.mark.filterwarnings("ignore:Function `Definitions.map:Warning"),
]


def without_neighbours(home: Any) -> Any:
    with duckdb.connect(str(home.database)) as connection:
        connection.execute("DROP TABLE similarity_matrix")
    return home


def test_neighbours_found_on_a_cluster_are_those_of_one_machine(home: Any) -> None:
    before = home.hashes()
    node = {"num_cpus": 1, "object_store_memory": 80 * 2**20, "include_dashboard": False}
    made = ray_cluster.Cluster(initialize_head=True, head_node_args=node)
    try:
        report = without_neighbours(home).build(MOVIE_ASSETS_RAY_ADDRESS=made.address)
    finally:
        made.shutdown()
    assert report.succeeded, report
    assert "similarity_matrix" in {outcome.name for outcome in report.ran}
    assert home.hashes() == before


def test_a_cluster_that_is_not_there_is_named(home: Any) -> None:
    report = without_neighbours(home).build(MOVIE_ASSETS_RAY_ADDRESS="127.0.0.1:9")
    outcomes = {outcome.name: outcome for outcome in report.outcomes}
    assert outcomes["similarity_matrix"].status == "failed"
    assert "No Ray cluster at 127.0.0.1:9" in str(outcomes["similarity_matrix"].error)


def test_without_an_address_ray_is_not_imported(home: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "ray", None)
    assert without_neighbours(home).build().succeeded
