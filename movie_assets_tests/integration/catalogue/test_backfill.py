"""Some parts of the catalogue, backfilled by Dagster as its web UI has it do so."""

from __future__ import annotations

import json
import sys
import time
from pathlib import Path
from typing import Any

import dagster as dg
import pytest

from movie_assets_tests.dagster_server import Server, bare_environment, free_port, serving
from movie_assets_tests.integration.catalogue.homes import (
    environment,
    figures,
    films_asked,
    of_catalogue,
)

pytestmark = pytest.mark.no_cover

LAUNCH = """
mutation { launchPartitionBackfill(backfillParams: {
    assetSelection: [{path: ["raw_movie_details"]}], partitionNames: ["05", "06"], title: "a part"
}) { __typename
    ... on LaunchBackfillSuccess { backfillId }
    ... on PythonError { message }
} }
"""
STATUS = """
{ partitionBackfillOrError(backfillId: %s) { __typename ... on PartitionBackfill {
    status error { message }
} } }
"""
#: Dagster's daemon looks for backfills every 30 s, and has no setting for it.
OFTEN = """
from dagster._daemon import controller
controller.DEFAULT_DAEMON_INTERVAL_SECONDS = 2
"""


@pytest.mark.process
def test_the_web_ui_backfills_parts(
    open_tmdb_home: Any, stand_in: Any, key: str, tmp_path: Path
) -> None:
    stand_in.reset(films=150)
    folder = tmp_path / "home"
    with open_tmdb_home(folder) as opened:
        home = of_catalogue(opened, stand_in)
        job = home.definitions().resolve_implicit_global_asset_job_def()
        ids = [dg.AssetKey("raw_movie_ids")]
        assert job.execute_in_process(instance=home.instance, asset_selection=ids).success
        command = [str(Path(sys.executable).with_name("movie-assets")), "ui", "--port"]
        (tmp_path / "sitecustomize.py").write_text(OFTEN)
        variables = bare_environment(tmp_path) | environment(folder, stand_in, key)
        variables["PYTHONPATH"] = str(tmp_path)
        with serving([*command, str(free_port())], tmp_path, variables) as server:
            launched = server.graphql(LAUNCH)["launchPartitionBackfill"]
            assert launched["__typename"] == "LaunchBackfillSuccess", launched
            ended = wait_for_backfill(server, launched["backfillId"])
        assert ended["status"] == "COMPLETED_SUCCESS", ended
        films = [film["id"] for film in stand_in.films if film["id"] % 100 in (5, 6)]
        assert films_asked(stand_in) == sorted(films)
        details = dg.AssetKey("raw_movie_details")
        assert home.instance.get_materialized_partitions(details) == {"05", "06"}
        found = figures(home, "raw_movie_details")
        assert (found["parts"], found["films_fetched"]) == (2, len(films))


def wait_for_backfill(server: Server, backfill: str) -> dict[str, Any]:
    """How a backfill ended."""
    deadline = time.monotonic() + 150
    while time.monotonic() < deadline:
        found = server.graphql(STATUS % json.dumps(backfill))["partitionBackfillOrError"]
        if found["status"] not in ("REQUESTED", "COMPLETING"):
            return dict(found)
        time.sleep(1)
    raise AssertionError(f"The backfill has not ended after 150 s: {found}")
