"""Telling dead runs from live ones."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import dagster as dg
import pytest
from dagster import DagsterRunStatus
from dagster._core.events import EngineEventData

from movie_assets.runs import end_dead_runs, shown_alive, wait_for_pool

STARTED, FAILURE = DagsterRunStatus.STARTED, DagsterRunStatus.FAILURE


@pytest.fixture
def instance() -> Iterator[dg.DagsterInstance]:
    with dg.DagsterInstance.ephemeral() as made:
        yield made


def started(instance: dg.DagsterInstance, pid: int | None = None) -> dg.DagsterRun:
    @dg.job
    def nothing() -> None: ...

    run = instance.create_run_for_job(nothing, status=STARTED)
    if pid is not None:
        instance.report_engine_event("Executing steps", run, EngineEventData.in_process(pid))
    return run


def status(instance: dg.DagsterInstance, run: dg.DagsterRun) -> DagsterRunStatus:
    found = instance.get_run_by_id(run.run_id)
    assert found is not None
    return found.status


def test_a_build_that_holds_its_lock_is_alive(instance: dg.DagsterInstance, tmp_path: Path) -> None:
    run = started(instance)
    with shown_alive(tmp_path, run.run_id):
        judged = threading.Thread(target=end_dead_runs, args=(instance, tmp_path))
        judged.start()
        judged.join()
        assert status(instance, run) == STARTED
    assert list(tmp_path.iterdir()) == []


def test_a_build_whose_lock_nobody_holds_is_dead(
    instance: dg.DagsterInstance, tmp_path: Path
) -> None:
    run = started(instance, pid=os.getppid())  # alive, and another's: the lock decides
    (tmp_path / f"{run.run_id}.lock").touch()
    end_dead_runs(instance, tmp_path)
    assert status(instance, run) == FAILURE
    assert list(tmp_path.iterdir()) == []


def test_another_commands_run_is_judged_by_its_process(
    instance: dg.DagsterInstance, tmp_path: Path
) -> None:
    gone = subprocess.Popen([sys.executable, "-c", ""])
    gone.wait()
    dead, alive, silent = (
        started(instance, gone.pid),
        started(instance, os.getppid()),
        started(instance),
    )
    end_dead_runs(instance, tmp_path)
    assert status(instance, dead) == FAILURE
    assert status(instance, alive) == STARTED
    assert status(instance, silent) == STARTED


def test_a_process_that_has_our_own_number_is_dead(
    instance: dg.DagsterInstance, tmp_path: Path
) -> None:
    run = started(instance, os.getpid())
    end_dead_runs(instance, tmp_path)
    assert status(instance, run) == FAILURE


def test_a_pool_is_waited_for_and_a_dead_run_gives_it_back(
    instance: dg.DagsterInstance, tmp_path: Path
) -> None:
    run = started(instance)
    (tmp_path / f"{run.run_id}.lock").touch()
    storage = instance.event_log_storage
    storage.set_concurrency_slots("tmdb", 1)
    storage.claim_concurrency_slot("tmdb", run.run_id, "step")
    assert storage.get_concurrency_info("tmdb").claimed_slots
    told: list[str] = []
    wait_for_pool(instance, tmp_path, "tmdb", told.append)
    assert len(told) == 1
    assert run.run_id in told[0]
    assert not storage.get_concurrency_info("tmdb").claimed_slots
