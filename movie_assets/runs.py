"""Whether runs that the history calls started are still alive, and waiting for those that are.

A killed process cannot say that its run is over. The history then calls it started for ever, and
its place in a concurrency pool would keep every later run waiting.
"""

from __future__ import annotations

import os
import time
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import dagster as dg
from dagster import DagsterRunStatus
from filelock import FileLock, Timeout

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

_UNFINISHED = [DagsterRunStatus.STARTED, DagsterRunStatus.STARTING]
_SECONDS_BETWEEN_LOOKS = 0.5


@contextmanager
def shown_alive(folder: Path, run_id: str) -> Iterator[None]:
    """Hold a lock while a run is executed in this process.

    The operating system lets go of it whatever ends the process, so that nobody has to trust a
    process number, which another process, or another container, can have too.
    """
    folder.mkdir(parents=True, exist_ok=True)
    path = _lock_of(folder, run_id)
    with FileLock(path):
        yield
    path.unlink(missing_ok=True)


def end_dead_runs(instance: dg.DagsterInstance, folder: Path) -> None:
    """Mark started runs whose process has died as failed, and free their places in pools.

    Args:
        instance: the history.
        folder: where :func:`shown_alive` keeps its locks.
    """
    for run in instance.get_runs(dg.RunsFilter(statuses=_UNFINISHED)):
        if _is_dead(instance, folder, run.run_id):
            instance.report_run_failed(run, "The process that ran it has died.")
            instance.event_log_storage.free_concurrency_slots_for_run(run.run_id)
            _lock_of(folder, run.run_id).unlink(missing_ok=True)


def wait_for_pool(
    instance: dg.DagsterInstance, folder: Path, pool: str, tell: Callable[[str], None]
) -> None:
    """Wait until no run has a place in a pool, saying once for whom.

    Dagster waits too, but silently, and deaf to Ctrl-C.
    """
    told: set[str] = set()
    while runs := {
        slot.run_id for slot in instance.event_log_storage.get_concurrency_info(pool).claimed_slots
    }:
        end_dead_runs(instance, folder)
        for run in runs - told:
            tell(
                f"Waiting for run {run}, which is asking the source; Ctrl-C ends the wait. If that "
                "run is not alive any more, terminate it in the web UI."
            )
        told |= runs
        time.sleep(_SECONDS_BETWEEN_LOOKS)


def _lock_of(folder: Path, run_id: str) -> Path:
    return folder / f"{run_id}.lock"


def _is_dead(instance: dg.DagsterInstance, folder: Path, run_id: str) -> bool:
    lock = _lock_of(folder, run_id)
    if lock.exists():
        try:
            with FileLock(lock, timeout=0):
                return True
        except Timeout:
            return False
    # A run of Dagster's own commands: its process has told its number in the history.
    pid, since = _process_of(instance, run_id)
    return pid is not None and not _is_alive(pid, since)


def _process_of(instance: dg.DagsterInstance, run_id: str) -> tuple[int | None, float]:
    for entry in reversed(instance.all_logs(run_id, of_type=dg.DagsterEventType.ENGINE_EVENT)):
        event = entry.dagster_event
        if event is not None and "pid" in event.engine_event_data.metadata:
            return int(str(event.engine_event_data.metadata["pid"].value)), entry.timestamp
    return None, 0.0


def _is_alive(pid: int, since: float) -> bool:
    """Whether the process that had this number at that time is still running."""
    if pid == os.getpid():
        return False  # we have just begun, and have it again
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    try:
        began = Path(f"/proc/{pid}").stat().st_ctime
    except OSError:
        return True
    return began <= since + 1
