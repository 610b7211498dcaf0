"""How the graph keeps itself fresh: job, schedule, sensors, automation conditions, freshness.

Everything that holds for the whole graph is set here, once, and not asset by asset. The division of
labour: the schedule and the changes sensor refresh what is extracted; the automation sensor brings
up to date what is downstream of content that really changed.
"""

import hashlib
import json
from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from http.client import HTTPException
from typing import Any
from urllib.request import Request, urlopen

import dagster as dg

from movie_assets.assets.catalogue import ALL_PARTS
from movie_assets.assets.extract import Extraction
from movie_assets.assets.history import latest_figures
from movie_assets.settings import Settings
from movie_assets.tmdb import RetryPolicy, TmdbError, redact
from movie_assets.warehouse import TABLES, WarehouseError, read_arrow

_UNFINISHED = (
    dg.DagsterRunStatus.QUEUED,
    dg.DagsterRunStatus.NOT_STARTED,
    dg.DagsterRunStatus.STARTING,
    dg.DagsterRunStatus.STARTED,
)

EXTRACTED = dg.AssetSelection.groups("extract")

# Dagster gives a tick of a sensor 60 seconds; the next one tries again anyway.
_IMPATIENT = RetryPolicy(attempts=3, total_seconds=20.0, max_retry_after=10.0)

refresh_job = dg.define_asset_job(
    "refresh",
    selection=EXTRACTED,
    description="Ask the source again. What is downstream follows where the content changed.",
)

automation_sensor = dg.AutomationConditionSensorDefinition(
    "automation",
    target=dg.AssetSelection.all(),
    default_status=dg.DefaultSensorStatus.RUNNING,
    minimum_interval_seconds=30,
    description="Brings up to date what is downstream of changed content.",
)


def build_daily_refresh(settings: Settings) -> dg.ScheduleDefinition:
    """The schedule that reads the source every day."""
    return dg.ScheduleDefinition(
        name="daily_refresh",
        job=refresh_job,
        cron_schedule="0 9 * * *",
        execution_timezone="UTC",
        # Not as the schedule's tags, among which Dagster refuses its own.
        execution_fn=lambda _: dg.RunRequest(tags=refresh_tags(settings)),
        default_status=dg.DefaultScheduleStatus.RUNNING,
        description="Every day at 09:00 UTC: TMDB's daily export is ready from 08:00.",
    )


def refresh_tags(settings: Settings) -> dict[str, str]:
    """The tags of a run that refreshes everything: of the catalogue, all its parts at once."""
    return dict(ALL_PARTS) if settings.source == "catalogue" else {}


def when_content_changed() -> dg.AutomationCondition[Any]:
    """An asset runs when content that it is made from, its own code, or its age asks for it.

    Content counts by its hash: an input that was refreshed and came out the same starts nothing.
    Where one asset runs, all that is made of it runs with it, so that no asset is ever made from
    inputs of different ages. A request is handled when it was made, whatever became of the run, so
    that an asset that fails is tried again only when something changed: no loop.
    """
    condition = dg.AutomationCondition
    # What changed in a run that was to make the asset too has been taken care of there.
    changed = condition.data_version_changed() & ~condition.executed_with_root_target()
    reason: dg.AutomationCondition[Any] = (
        condition.any_deps_match(changed | condition.will_be_requested())
        | condition.code_version_changed()
        | condition.newly_missing()
        | condition.freshness_failed().newly_true()
    )
    return (
        reason.since_last_handled()
        & ~condition.any_deps_missing()
        & ~condition.any_deps_in_progress()
        & ~condition.in_progress()
        & condition.all_deps_blocking_checks_passed()
    ).with_label("content, code or age asks for it")


def when_missing_or_its_code_changed() -> dg.AutomationCondition[Any]:
    """An asset without inputs runs once when it was never made, and when its code version changes.

    Unlike :func:`when_content_changed`, it does so from the first tick on: nothing before it would
    ever bring it about.
    """
    condition = dg.AutomationCondition
    reason = (
        (condition.initial_evaluation() & condition.missing())
        | condition.newly_missing()
        | condition.code_version_changed()
    )
    handled = condition.newly_requested() | condition.newly_updated()
    return (reason.since(handled) & ~condition.in_progress()).with_label("missing, or code asks")


def with_policies(
    assets: Iterable[dg.AssetsDefinition], settings: Settings
) -> Iterable[dg.AssetsDefinition]:
    """The assets with automation on all that nothing else refreshes, freshness on what gets old."""
    window = timedelta(hours=settings.refresh_after_hours)
    freshness = dg.FreshnessPolicy.time_window(fail_window=window, warn_window=window * 0.75)
    with_inputs, without_inputs = when_content_changed(), when_missing_or_its_code_changed()

    def apply(spec: dg.AssetSpec) -> dg.AssetSpec:
        # What is extracted without any input is the schedule's and the changes sensor's to refresh.
        # So is all of the catalogue, of which raw_movie_details asks by itself what is new.
        has_inputs = bool(list(spec.deps))
        is_refreshed = spec.group_name == "extract" and (
            not has_inputs or settings.source == "catalogue"
        )
        condition = with_inputs if has_inputs else without_inputs
        return spec.replace_attributes(
            # What people said in a MovieLens release, and what follows from it, does not get old.
            freshness_policy=None if spec.group_name == "signals" else freshness,
            automation_condition=None if is_refreshed else condition,
        )

    return dg.map_asset_specs(apply, assets)


def build_changes_sensor(settings: Settings) -> dg.SensorDefinition:
    """The sensor that asks TMDB which films changed, and refreshes when enough of ours did."""

    @dg.sensor(
        name="tmdb_changes_sensor",
        job=refresh_job,
        minimum_interval_seconds=15 * 60,
        default_status=dg.DefaultSensorStatus.RUNNING,
        description="Asks TMDB which films changed and refreshes when at least "
        f"{settings.changes_threshold} of ours did (MOVIE_ASSETS_CHANGES_THRESHOLD).",
    )
    def tmdb_changes_sensor(
        context: dg.SensorEvaluationContext, extraction: dg.ResourceParam[Extraction]
    ) -> dg.SensorResult | dg.SkipReason:
        if settings.source == "sample":
            return dg.SkipReason("The bundled films do not change; set TMDB_API_KEY to read TMDB.")
        now = datetime.now(UTC)
        since, counted = read_cursor(context.cursor, now)
        if settings.source == "catalogue" and _is_refresh_under_way(context.instance):
            return dg.SkipReason("A refresh is under way, or waits for its turn.")
        is_all = settings.source == "catalogue"
        refreshed = (_last_of_catalogue if is_all else _last_refresh)(context.instance)
        if refreshed is not None and (refreshed > since or not context.cursor):
            # TMDB goes on telling the changes of the refresh's day until midnight.
            counted = counted if refreshed.date() == since.date() else frozenset()
            since = refreshed
        try:
            ours = _our_films(settings)
            source = extraction.open_source(_IMPATIENT)
            changed = source.changed_movie_ids(since, now) & ours - counted
        except (TmdbError, WarehouseError) as error:
            return dg.SkipReason(f"Not asked, will try again: {error}")
        if len(changed) < settings.changes_threshold:
            return dg.SkipReason(
                f"{len(changed)} of our {len(ours)} films changed since {since:%Y-%m-%d %H:%M} "
                f"UTC; a refresh waits for {settings.changes_threshold}."
            )
        return dg.SensorResult(
            run_requests=[
                dg.RunRequest(
                    run_key=run_key(since, changed),
                    tags={
                        "movie_assets/changed_films": str(len(changed)),
                        **refresh_tags(settings),
                    },
                )
            ],
            cursor=write_cursor(now, changed | counted),
        )

    return tmdb_changes_sensor


def run_key(since: datetime, changed: set[int]) -> str:
    """A key by which the same changes since the same day start one run only."""
    ids = ",".join(map(str, sorted(changed)))
    return f"{since:%Y-%m-%d}-{hashlib.sha256(ids.encode()).hexdigest()[:16]}"


def read_cursor(cursor: str | None, now: datetime) -> tuple[datetime, frozenset[int]]:
    """Since when to ask, and the films of that day that have been counted already.

    TMDB tells changes by the day, so a day on which a refresh began is asked for again.
    """
    try:
        read = json.loads(cursor or "")
        return datetime.fromisoformat(read["since"]), frozenset(read["counted"])
    except (ValueError, TypeError, KeyError):
        # None yet, or one that somebody set by hand.
        return now - timedelta(days=1), frozenset()


def write_cursor(since: datetime, counted: set[int] | frozenset[int]) -> str:
    """The cursor that :func:`read_cursor` reads."""
    return json.dumps({"since": since.isoformat(), "counted": sorted(counted)})


def _our_films(settings: Settings) -> set[int]:
    table = "raw_catalogue_movies" if settings.source == "catalogue" else "movies_table"
    return set(
        read_arrow(settings.database, TABLES[table], ["id"], wait_seconds=2)["id"].to_pylist()
    )


def _last_refresh(instance: dg.DagsterInstance) -> datetime | None:
    event = instance.get_latest_materialization_event(dg.AssetKey("raw_popular_movies"))
    return datetime.fromtimestamp(event.timestamp, UTC) if event else None


def _last_of_catalogue(instance: dg.DagsterInstance) -> datetime | None:
    # A load takes hours, and may be of some parts only: what counts is until when changes are in.
    until = latest_figures(instance, "raw_movie_details").get("refreshed_at")
    return None if until is None else datetime.fromtimestamp(float(until), UTC)


def _is_refresh_under_way(instance: dg.DagsterInstance) -> bool:
    unfinished = dg.RunsFilter(job_name=refresh_job.name, statuses=list(_UNFINISHED))
    return bool(instance.get_runs(unfinished, limit=1))


def build_failure_sensor(settings: Settings) -> dg.SensorDefinition:
    """The sensor that posts failed runs to a webhook, where one is configured."""

    @dg.run_failure_sensor(
        name="failure_webhook",
        default_status=dg.DefaultSensorStatus.RUNNING,
        description="Posts each failed run to MOVIE_ASSETS_FAILURE_WEBHOOK_URL, where it is set.",
    )
    def failure_webhook(context: dg.RunFailureSensorContext) -> dg.SkipReason | None:
        if settings.failure_webhook_url is None:
            return dg.SkipReason("MOVIE_ASSETS_FAILURE_WEBHOOK_URL is not set.")
        url = settings.failure_webhook_url.get_secret_value()
        secrets = [
            url,
            *([settings.tmdb_api_key.get_secret_value()] if settings.tmdb_api_key else []),
        ]
        run = context.dagster_run
        text = redact(
            f"movie_assets: run {run.run_id} of {run.job_name} failed: "
            f"{context.failure_event.message}",
            secrets,
        )
        try:
            _post(url, {"text": text, "run_id": run.run_id})
        except (OSError, HTTPException, ValueError) as error:
            # The exception's own text has the address in it, which is a secret.
            context.log.warning("The webhook could not be reached: %s", type(error).__name__)
        return None

    return failure_webhook


def _post(url: str, message: dict[str, str]) -> None:
    # Not by requests: urllib3 writes the address, which is a secret, to the log at DEBUG.
    request = Request(  # noqa: S310 - the address is the operator's own setting
        url,
        data=json.dumps(message).encode(),
        headers={"Content-Type": "application/json", "User-Agent": "movie_assets"},
    )
    with urlopen(request, timeout=10):  # noqa: S310 - see above
        pass
