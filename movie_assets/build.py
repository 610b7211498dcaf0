"""``movie-assets build``: bring the graph up to date by as little work as will do.

What is out of date is judged by ``movie_assets.staleness`` on what Dagster's history says; the work
is done by ordinary Dagster runs in this process, which show up in the web UI like any other.
"""

from __future__ import annotations

import logging
import re
import time
import uuid
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol

import dagster as dg
from dagster import DagsterEventType
from dagster._core.definitions.freshness import TimeWindowFreshnessPolicy

from movie_assets.analysis import Reports
from movie_assets.analysis import report as eda_report
from movie_assets.assets.catalogue import ALL_PARTS
from movie_assets.assets.extract import TMDB_POOL
from movie_assets.assets.history import latest_evaluations
from movie_assets.assets.publish import PUBLISHED
from movie_assets.runs import end_dead_runs, shown_alive, wait_for_pool
from movie_assets.serving.snapshot import SnapshotError, open_snapshot
from movie_assets.staleness import (
    AssetState,
    Materialization,
    Verdict,
    judge,
    with_descendants,
)
from movie_assets.warehouse import WarehouseError
from movie_assets.warehouse.contents import stored_tables

if TYPE_CHECKING:
    from dagster import AssetKey, EventLogEntry

    from movie_assets.settings import Settings

_MODULE = re.compile(r"^(\w+\.)+(?=\w+:)")
_INPUT_TAG = "dagster/input_data_version/"
# The reporter tells what happens, and Dagster's event log has every line.
_QUIET_CONSOLE = {"loggers": {"console": {"config": {"log_level": "CRITICAL"}}}}
# Dagster says this of every step below a failed one; the table of outcomes says it shorter.
_NOT_EXECUTED = "Dependencies for step"


class Reporter(Protocol):
    """Is told how a build goes on, in the process of the build and from its thread."""

    def run_started(self, run_id: str, steps: int) -> None:
        """A run of so many steps begins."""
        ...

    def step_started(self, step: str) -> None:
        """A step begins."""
        ...

    def step_ended(self, step: str, seconds: float, *, failed: bool) -> None:
        """A step has ended."""
        ...

    def message(self, text: str) -> None:
        """Something to tell in words."""
        ...


@dataclass
class AssetOutcome:
    """What became of one asset in a build.

    Attributes:
        name: the asset.
        status: ``ran``, ``up to date``, ``failed``, ``check failed`` or ``not run``.
        reasons: why it was out of date.
        rows: rows that it has now, where known.
        seconds: what it took, its checks included.
        error: what went wrong, in one line.
    """

    name: str
    status: str = "up to date"
    reasons: tuple[str, ...] = ()
    rows: int | None = None
    seconds: float = 0.0
    error: str | None = None


@dataclass(frozen=True)
class BuildReport:
    """What a build did: one outcome an asset, in the graph's order."""

    outcomes: tuple[AssetOutcome, ...]
    seconds: float

    @property
    def succeeded(self) -> bool:
        """Whether everything is up to date now."""
        return all(outcome.status in {"ran", "up to date"} for outcome in self.outcomes)

    @property
    def ran(self) -> tuple[AssetOutcome, ...]:
        """The assets that were made or tried."""
        return tuple(outcome for outcome in self.outcomes if outcome.status != "up to date")


def build(
    defs: dg.Definitions,
    instance: dg.DagsterInstance,
    settings: Settings,
    reporter: Reporter,
    *,
    refresh: bool = False,
) -> BuildReport:
    """Make what is missing, failed or out of date, and what is made from it.

    Sources whose age is the only thing against them are asked first and alone: where they say the
    same as before, nothing downstream has to run.

    Args:
        defs: the graph.
        instance: Dagster's history.
        settings: for the files that the graph writes.
        reporter: is told what happens.
        refresh: ask the sources again whatever their age.
    """
    started = time.perf_counter()
    end_dead_runs(instance, settings.running_dir)
    graph = Graph(defs, instance, settings)
    outcomes = {name: AssetOutcome(name) for name in graph.names}
    tried: set[str] = set()
    while True:
        states = graph.states()
        stale = {
            name: verdict
            for name, verdict in graph.verdicts(states, refresh=refresh).items()
            if name not in tried
        }
        if not stale:
            break
        selection = _next_selection(stale, states, graph.sources) - tried
        tried |= selection
        for name in selection:
            outcomes[name].reasons = stale[name].reasons if name in stale else ()
        if not _run(graph, selection, outcomes, reporter):
            break
    _add_rows(outcomes, graph.states())
    return BuildReport(tuple(outcomes.values()), time.perf_counter() - started)


def _next_selection(
    stale: Mapping[str, Verdict], states: Mapping[str, AssetState], sources: set[str]
) -> set[str]:
    if all(name in sources and verdict.only_age for name, verdict in stale.items()):
        return set(stale)
    # An input that comes out the same spares what is made from it: sources that are only old, and
    # have others out of date beside them, take their descendants along all the same, since one run
    # is worth more to the reader of a history than a few seconds.
    return with_descendants(stale, states)


def _run(
    graph: Graph,
    selection: set[str],
    outcomes: Mapping[str, AssetOutcome],
    reporter: Reporter,
) -> bool:
    job = graph.defs.resolve_implicit_global_asset_job_def()
    run_id = str(uuid.uuid4())
    steps = _StepListener(graph, outcomes, reporter)
    for name in selection:
        outcomes[name].status = "not run"
    reporter.run_started(run_id, len(selection) + len(graph.checked & selection))
    graph.instance.add_event_listener(run_id, steps)
    if selection & graph.sources:
        wait_for_pool(graph.instance, graph.running_dir, TMDB_POOL, reporter.message)
    with shown_alive(graph.running_dir, run_id):
        result = job.execute_in_process(
            instance=graph.instance,
            asset_selection=[dg.AssetKey(name) for name in selection],
            run_id=run_id,
            run_config=_QUIET_CONSOLE,
            tags={
                "movie_assets/command": "build",
                # Of an asset that has parts, all of them.
                **(ALL_PARTS if selection & graph.partitioned else {}),
            },
            raise_on_error=False,
        )
    if steps.was_interrupted:
        raise KeyboardInterrupt
    steps.report_run_failure()
    return result.success and all(
        outcomes[name].status in {"ran", "up to date"} for name in selection
    )


class _StepListener:
    """Turns Dagster's events into outcomes and progress."""

    def __init__(
        self, graph: Graph, outcomes: Mapping[str, AssetOutcome], reporter: Reporter
    ) -> None:
        self._outcomes = outcomes
        self._reporter = reporter
        self._asset_of_step = graph.asset_of_step
        self._run_error: str | None = None
        #: Whether somebody pressed Ctrl-C, which Dagster takes for a failure of the step.
        self.was_interrupted = False

    def __call__(self, entry: EventLogEntry) -> None:
        event = entry.dagster_event
        if event is None:
            is_news = int(entry.level) >= logging.INFO and not entry.user_message.startswith(
                _NOT_EXECUTED
            )
            if is_news and entry.step_key:
                self._reporter.message(f"{entry.step_key}: {entry.user_message}")
            return
        kind = event.event_type
        if kind == DagsterEventType.STEP_START and event.step_key:
            self._reporter.step_started(event.step_key)
        elif kind == DagsterEventType.STEP_SUCCESS and event.step_key:
            seconds = event.step_success_data.duration_ms / 1000
            self._ended(event.step_key, seconds, error=None)
        elif kind == DagsterEventType.STEP_FAILURE and event.step_key:
            error = event.step_failure_data.error
            self._note_interruption(error)
            self._ended(event.step_key, 0.0, error=root_message(error))
        elif kind == DagsterEventType.ASSET_CHECK_EVALUATION:
            self._checked(event.asset_check_evaluation_data)
        elif kind == DagsterEventType.RUN_FAILURE:
            error = event.job_failure_data.error
            self._note_interruption(error)
            self._run_error = root_message(error) if error else None

    def _note_interruption(self, error: Any) -> None:
        name = dg.DagsterExecutionInterruptedError.__name__
        self.was_interrupted |= error is not None and error.cls_name == name

    def report_run_failure(self) -> None:
        """Where the run failed outside of a step, lay it at the door of all that did not run."""
        if self._run_error and not any(o.error for o in self._outcomes.values()):
            for outcome in self._outcomes.values():
                if outcome.status == "not run":
                    outcome.status, outcome.error = "failed", self._run_error

    def _ended(self, step: str, seconds: float, error: str | None) -> None:
        outcome = self._outcomes[self._asset_of_step(step)]
        outcome.seconds += seconds
        if error is not None:
            # The step of a failed check fails too; what the check found says more.
            if outcome.status != "check failed":
                outcome.status, outcome.error = "failed", error
        elif outcome.status == "not run":
            outcome.status = "ran"
        self._reporter.step_ended(step, seconds, failed=error is not None)

    def _checked(self, evaluation: dg.AssetCheckEvaluation) -> None:
        if evaluation.passed:
            return
        outcome = self._outcomes[evaluation.asset_key.to_user_string()]
        outcome.status = "check failed"
        said = evaluation.description or _figures(evaluation.metadata)
        outcome.error = f"check {evaluation.check_name} failed: {said}"


def root_message(error: Any) -> str:
    """The first line of what an asset raised, without what Dagster wrapped around it.

    Of a chain of causes the outermost counts: it is ours, and says what to do.
    """
    chain = [error]
    while chain[-1].cause is not None:
        chain.append(chain[-1].cause)
    raised = [link for link in chain if not str(link.cls_name).startswith("Dagster")]
    message = str((raised or chain[-1:])[0].message).strip()
    # Dagster writes the type with its module; the type alone says enough.
    return _MODULE.sub("", message.splitlines()[0]) if message else type(error).__name__


def _figures(metadata: Mapping[str, Any]) -> str:
    return ", ".join(f"{name.replace('_', ' ')}: {value.value}" for name, value in metadata.items())


class Graph:
    """The graph as its definitions and Dagster's history know it."""

    def __init__(
        self, defs: dg.Definitions, instance: dg.DagsterInstance, settings: Settings
    ) -> None:
        self.defs = defs
        self.instance = instance
        self._settings = settings
        self.running_dir = settings.running_dir
        self._assets = defs.resolve_asset_graph()
        keys = [
            key for level in self._assets.toposorted_asset_keys_by_level for key in sorted(level)
        ]
        self._keys = {key.to_user_string(): key for key in keys}
        self.names = tuple(self._keys)
        self.sources = {
            name
            for name, key in self._keys.items()
            if self._assets.get(key).group_name == "extract"
        }
        self.partitioned = {
            name for name, key in self._keys.items() if self._assets.get(key).is_partitioned
        }
        self._checks = {
            name: tuple(sorted(self._assets.get(key).check_keys))
            for name, key in self._keys.items()
        }
        self.checked = {name for name, checks in self._checks.items() if checks}

    def asset_of_step(self, step: str) -> str:
        """The asset that a step makes or checks."""
        return step if step in self._keys else step.removesuffix("_checks")

    def verdicts(
        self, states: Mapping[str, AssetState], *, refresh: bool = False
    ) -> dict[str, Verdict]:
        """Why each asset that is out of date is so; those that are up to date are left out."""
        now = time.time()
        verdicts = {name: judge(state, states, now) for name, state in states.items()}
        if refresh:
            for name in self.sources:
                found = verdicts[name]
                verdicts[name] = Verdict(
                    found.reasons or ("refresh asked for",), found.only_age or not found
                )
        return {name: verdict for name, verdict in verdicts.items() if verdict}

    def states(self) -> dict[str, AssetState]:
        """What is known of each asset now."""
        stored = self._stored()
        records = self.instance.get_asset_records(list(self._keys.values()))
        events = {
            record.asset_entry.asset_key: record.asset_entry.last_materialization
            for record in records
        }
        found = latest_evaluations(
            self.instance, [key for keys in self._checks.values() for key in keys]
        )
        return {
            name: self._state(name, key, stored, events.get(key), found)
            for name, key in self._keys.items()
        }

    def _state(
        self,
        name: str,
        key: AssetKey,
        stored: set[str] | None,
        event: EventLogEntry | None,
        found: Mapping[dg.AssetCheckKey, dg.AssetCheckEvaluation],
    ) -> AssetState:
        node = self._assets.get(key)
        policy = node.freshness_policy
        return AssetState(
            name=name,
            inputs=tuple(sorted(parent.to_user_string() for parent in node.parent_keys)),
            code_version=node.code_version,
            last=_materialization(event) if event else None,
            is_stored=stored is None or name in stored,
            attempt_failed=self._attempt_failed(key, event),
            failed_checks=tuple(
                check.name
                for check in self._checks[name]
                if check in found and not found[check].passed
            ),
            is_checked=event is None
            or all(_has_judged(found.get(check), event) for check in self._checks[name]),
            max_age_seconds=_max_age(policy),
        )

    def _attempt_failed(self, key: AssetKey, event: EventLogEntry | None) -> bool:
        planned = self.instance.get_latest_planned_materialization_info(key)
        if planned is None or (event is not None and event.run_id == planned.run_id):
            return False
        run = self.instance.get_run_by_id(planned.run_id)
        if run is None or not run.is_finished:
            return False
        return event is None or _end_time(self.instance, run.run_id) > event.timestamp

    def _stored(self) -> set[str] | None:
        """The assets whose content is on disk; None where that cannot be seen now."""
        try:
            tables = stored_tables(self._settings.database)
        except WarehouseError:
            return None
        files = {path.stem for path in self._settings.features_dir.glob("*.npz")}
        reports = Reports(self._settings.database, self._settings.reports_dir)
        return (
            tables
            | files
            | ({PUBLISHED} if self._is_published() else set())
            | ({eda_report.NAME} if reports.is_stored else set())
        )

    def _is_published(self) -> bool:
        """Whether there is a snapshot to serve, undamaged."""
        try:
            with open_snapshot(self._settings.published_dir) as snapshot:
                snapshot.verify()
        except SnapshotError:
            return False
        return True


def _materialization(event: EventLogEntry) -> Materialization:
    materialization = event.asset_materialization
    assert materialization is not None  # noqa: S101 - the history was asked for materializations
    tags = materialization.tags or {}
    rows = materialization.metadata.get("dagster/row_count")
    return Materialization(
        timestamp=event.timestamp,
        code_version=tags.get("dagster/code_version"),
        data_version=tags.get("dagster/data_version"),
        input_versions={
            name.removeprefix(_INPUT_TAG): version
            for name, version in tags.items()
            if name.startswith(_INPUT_TAG)
        },
        run_id=event.run_id,
        rows=int(str(rows.value)) if rows is not None else None,
    )


def _has_judged(evaluation: dg.AssetCheckEvaluation | None, event: EventLogEntry) -> bool:
    """Whether a check has come to a finding on what was made last.

    A process that dies between the write and the check leaves rows that nobody has judged.
    """
    judged = evaluation.target_materialization_data if evaluation else None
    return judged is not None and judged.run_id == event.run_id


def _max_age(policy: object) -> float:
    if isinstance(policy, TimeWindowFreshnessPolicy):
        return policy.fail_window.to_timedelta().total_seconds()
    return float("inf")


def _end_time(instance: dg.DagsterInstance, run_id: str) -> float:
    record = instance.get_run_record_by_id(run_id)
    return (record.end_time or 0.0) if record else 0.0


def _add_rows(outcomes: Mapping[str, AssetOutcome], states: Mapping[str, AssetState]) -> None:
    for name, outcome in outcomes.items():
        last = states[name].last
        outcome.rows = last.rows if last else None
