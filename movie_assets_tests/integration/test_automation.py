"""The schedule, the sensors and the automation conditions, driven as Dagster's daemon drives them.

Their runs are really made, against the stand-in for TMDB.
"""

from __future__ import annotations

import json
import logging
import shutil
import socket
from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta
from itertools import pairwise
from pathlib import Path
from typing import Any

import dagster as dg
import pytest
from pytest_httpserver import HTTPServer
from werkzeug import Response

from movie_assets import automation
from movie_assets.tmdb import UnexpectedShapeError

pytestmark = [
    pytest.mark.filterwarnings("ignore:Function `Definitions.map:Warning"),
    # Dagster's own, in its evaluation of the conditions.
    pytest.mark.filterwarnings("ignore:Parameter `include_sources`:Warning"),
]

SOURCES = {"raw_popular_movies", "raw_genres", "raw_movie_details"}
BELOW_FILMS = {
    "movies_table",
    "movie_details",
    "movie_genre_data",
    "co_liked_movies",
    "item_weights",
    "movie_features",
    "similarity_matrix",
    "recommendation_quality",
    "published_recommendations",
    "eda_report",
}
EVERYTHING = SOURCES | BELOW_FILMS | {"genres_table", "movielens_ratings"}


def refresh(home: Any, **tags: str) -> dg.ExecuteInProcessResult:
    """The run that the schedule and the changes sensor ask for."""
    job = home.definitions().resolve_job_def("refresh")
    return job.execute_in_process(instance=home.instance, tags=tags, raise_on_error=False)


# -- the schedule ---------------------------------------------------------------------------------


def test_the_daily_refresh_asks_the_source_at_nine(empty_home: Any, stand_in: Any) -> None:
    schedule = empty_home.definitions().resolve_schedule_def("daily_refresh")
    assert (schedule.cron_schedule, schedule.execution_timezone) == ("0 9 * * *", "UTC")
    assert schedule.default_status == dg.DefaultScheduleStatus.RUNNING
    context = dg.build_schedule_context(
        instance=empty_home.instance,
        scheduled_execution_time=datetime(2024, 5, 17, 9, tzinfo=UTC),
    )
    ticked = schedule.evaluate_tick(context)
    assert len(ticked.run_requests) == 1
    assert schedule.job_name == "refresh"

    result = refresh(empty_home, **ticked.run_requests[0].tags)

    assert result.success
    made = {event.asset_key.to_user_string() for event in result.get_asset_materialization_events()}
    assert made == SOURCES
    assert {found.check_name for found in result.get_asset_check_evaluations()} == {
        "schema",
        "rows_fetched_are_stored",
        "films_accounted_for",
        "row_count_kept",
    }
    assert len(empty_home.instance.get_runs()) == 1
    details = {f"/movie/{film['id']}" for film in stand_in.films}
    assert set(stand_in.paths()) == {"/movie/popular", "/genre/movie/list"} | details


# -- the changes sensor ---------------------------------------------------------------------------


@pytest.fixture
def unrefreshed(built_from_tmdb: Any, open_without_history: Any, tmp_path: Path) -> Any:
    """A home with 60 films, and a Dagster that does not know when they were read."""
    shutil.copytree(built_from_tmdb.folder, tmp_path / "home")
    return open_without_history(tmp_path / "home")


def tick(home: Any, cursor: str | None = None, **variables: Any) -> Any:
    """One tick of the changes sensor, which wants 20 changed films."""
    definitions = home.definitions(**variables)
    sensor = definitions.resolve_sensor_def("tmdb_changes_sensor")
    with dg.build_sensor_context(
        instance=home.instance,
        cursor=cursor,
        definitions=definitions,
        resources={"extraction": definitions.resources["extraction"]},
    ) as context:
        return sensor.evaluate_tick(context)


def last_refresh(home: Any) -> datetime:
    event = home.instance.get_latest_materialization_event(dg.AssetKey("raw_popular_movies"))
    return datetime.fromtimestamp(event.timestamp, UTC)


def test_too_few_changes_are_waited_with(unrefreshed: Any, stand_in: Any) -> None:
    stand_in.changed = [*range(1000, 1019), *range(50_000, 50_080)]  # 19 are ours
    ticked = tick(unrefreshed)
    assert ticked.run_requests == []
    assert "19 of our 60 films changed since" in ticked.skip_message
    assert "a refresh waits for 20" in ticked.skip_message
    assert ticked.cursor is None
    [asked] = stand_in.asked
    yesterday = datetime.now(UTC).date() - timedelta(days=1)
    assert asked.path == "/movie/changes"
    assert date.fromisoformat(asked.query["start_date"]) == yesterday


def test_enough_changes_ask_for_one_refresh_which_works(home: Any, stand_in: Any) -> None:
    stand_in.changed = list(range(1000, 1020))
    ticked = tick(home)
    [request] = ticked.run_requests
    assert ticked.skip_message is None
    assert request.run_key == automation.run_key(last_refresh(home), set(stand_in.changed))
    assert request.tags["movie_assets/changed_films"] == "20"

    assert refresh(home, **request.tags).success

    # The same day's changes again, as TMDB tells them until midnight, and one more.
    again = tick(home, ticked.cursor)
    assert again.run_requests == []
    assert again.skip_message.startswith("0 of our 60 films changed")
    stand_in.changed.append(1020)
    one_more = tick(home, ticked.cursor)
    assert one_more.run_requests == []
    assert one_more.skip_message.startswith("1 of our 60 films changed")
    # Whole new ones count.
    stand_in.changed += range(1021, 1040)
    new = tick(home, ticked.cursor)
    assert len(new.run_requests) == 1
    assert new.run_requests[0].run_key != request.run_key


def test_without_its_cursor_the_same_changes_have_the_same_run_key(
    unrefreshed: Any, stand_in: Any
) -> None:
    stand_in.changed = list(range(1000, 1030))
    first, second = tick(unrefreshed), tick(unrefreshed)
    assert first.run_requests[0].run_key == second.run_requests[0].run_key


def test_the_threshold_is_a_setting(unrefreshed: Any, stand_in: Any) -> None:
    stand_in.changed = [1000, 1001]
    assert len(tick(unrefreshed, MOVIE_ASSETS_CHANGES_THRESHOLD=2).run_requests) == 1
    assert tick(unrefreshed, MOVIE_ASSETS_CHANGES_THRESHOLD=3).run_requests == []


def test_a_long_time_is_asked_for_in_windows_and_every_page_of_them(
    unrefreshed: Any, stand_in: Any
) -> None:
    stand_in.changed = list(range(1000, 1025))
    stand_in.changes_a_page = 10
    since = datetime.now(UTC) - timedelta(days=40)
    ticked = tick(unrefreshed, automation.write_cursor(since, set()))
    assert ticked.run_requests[0].tags["movie_assets/changed_films"] == "25"
    windows: dict[tuple[str, str], set[str]] = {}
    for asked in stand_in.asked:
        window = (asked.query["start_date"], asked.query["end_date"])
        windows.setdefault(window, set()).add(asked.query["page"])
    days = sorted((date.fromisoformat(a), date.fromisoformat(b)) for a, b in windows)
    assert len(days) == 3
    assert all(timedelta(0) < end - start <= timedelta(days=14) for start, end in days)
    assert days[0][0] == since.date()
    assert all(before[1] >= after[0] for before, after in pairwise(days))
    assert days[-1][1] == datetime.now(UTC).date()
    assert set(map(frozenset, windows.values())) == {frozenset("123")}


def test_changes_before_the_last_refresh_are_not_asked_for(home: Any, stand_in: Any) -> None:
    long_ago = datetime.now(UTC) - timedelta(days=10)
    tick(home, automation.write_cursor(long_ago, set()))
    [asked] = stand_in.asked
    assert date.fromisoformat(asked.query["start_date"]) == last_refresh(home).date()


def test_the_first_tick_asks_since_the_last_refresh_however_old(
    home: Any, stand_in: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    refreshed = datetime.now(UTC) - timedelta(days=20)
    monkeypatch.setattr(automation, "_last_refresh", lambda _: refreshed)
    tick(home)
    assert min(asked.query["start_date"] for asked in stand_in.asked) == str(refreshed.date())


@pytest.mark.parametrize("cursor", ["yesterday", "[]", '{"since": 5}'])
def test_a_cursor_that_somebody_set_by_hand_is_taken_for_none(
    unrefreshed: Any, stand_in: Any, cursor: str
) -> None:
    stand_in.changed = list(range(1000, 1030))
    assert len(tick(unrefreshed, cursor).run_requests) == 1


@pytest.mark.parametrize(
    ("reply", "reason"),
    [
        ({"status": 401}, "does not accept the API key"),
        ({"status": 500}, "failed on its side"),
        ({"body": b"<html>"}, "sent an HTML page"),
        ({"fault": "reset"}, "refused or broke off"),
    ],
)
def test_while_tmdb_is_down_the_sensor_skips_and_keeps_its_place(
    unrefreshed: Any, stand_in: Any, key: str, reply: dict[str, Any], reason: str
) -> None:
    stand_in.fail("/movie/changes", **reply)
    cursor = automation.write_cursor(datetime.now(UTC) - timedelta(days=3), {1000})
    ticked = tick(unrefreshed, cursor)
    assert ticked.run_requests == []
    assert "will try again" in ticked.skip_message
    assert reason in ticked.skip_message
    assert key not in ticked.skip_message
    assert ticked.cursor in {None, cursor}


def test_before_the_first_build_the_sensor_skips(empty_home: Any, stand_in: Any) -> None:
    ticked = tick(empty_home)
    assert ticked.run_requests == []
    assert "will try again" in ticked.skip_message


def test_the_bundled_films_do_not_change(unrefreshed: Any, stand_in: Any) -> None:
    ticked = tick(unrefreshed, MOVIE_ASSETS_SOURCE="sample")
    assert ticked.run_requests == []
    assert "do not change" in ticked.skip_message
    assert stand_in.asked == []


def test_without_a_key_the_sensor_says_so(
    unrefreshed: Any, stand_in: Any, settings_of: Any, build_definitions: Any
) -> None:
    settings = settings_of(
        unrefreshed.settings.home, MOVIE_ASSETS_SOURCE="popular", TMDB_BASE_URL=stand_in.url
    )
    definitions = build_definitions(settings)
    sensor = definitions.resolve_sensor_def("tmdb_changes_sensor")
    with dg.build_sensor_context(
        instance=unrefreshed.instance, definitions=definitions, resources=definitions.resources
    ) as context:
        ticked = sensor.evaluate_tick(context)
    assert "TMDB_API_KEY" in ticked.skip_message
    assert stand_in.asked == []


# -- automation conditions ------------------------------------------------------------------------


class Daemon:
    """Evaluates the conditions tick by tick, and makes the runs that they ask for."""

    def __init__(self, home: Any, definitions: dg.Definitions | None = None) -> None:
        self.home = home
        self.definitions = definitions or home.definitions()
        self.cursor: Any = None

    def tick(self) -> set[str]:
        """The assets that are requested; they are made, with their checks, as far as they can."""
        found = dg.evaluate_automation_conditions(
            self.definitions, self.home.instance, cursor=self.cursor
        )
        self.cursor = found.cursor
        names = {name for name in EVERYTHING if found.get_num_requested(dg.AssetKey(name)) > 0}
        if names:
            self.definitions.resolve_implicit_global_asset_job_def().execute_in_process(
                instance=self.home.instance,
                asset_selection=[dg.AssetKey(name) for name in names],
                raise_on_error=False,
            )
        return names


def test_an_empty_graph_fills_itself_after_the_first_refresh(empty_home: Any) -> None:
    daemon = Daemon(empty_home)
    # Of nothing nothing can be made but the table of people's ratings, which may be empty.
    assert daemon.tick() == {"movielens_ratings"}
    refresh(empty_home)
    # Level by level, since an asset waits until the checks of what it is made from have passed.
    requested = [daemon.tick() for _ in range(10)]
    assert sorted(name for names in requested for name in names) == sorted(
        EVERYTHING - SOURCES - {"movielens_ratings"}
    )
    assert requested[0] == {"genres_table"}
    assert requested[-2:] == [set(), set()]
    assert empty_home.build().ran == ()


def test_what_is_fresh_or_came_out_the_same_is_not_requested(home: Any) -> None:
    daemon = Daemon(home)
    assert daemon.tick() == set()
    assert daemon.tick() == set()
    refresh(home)
    assert [daemon.tick() for _ in range(2)] == [set()] * 2


def test_changed_content_requests_what_is_made_of_it_in_one_run(home: Any, stand_in: Any) -> None:
    daemon = Daemon(home)
    daemon.tick()
    before = home.hashes()
    # A film leaves and one comes: features of yesterday would not fit the films of today.
    stand_in.films[0] = stand_in.films[0] | {"id": 7, "overview": "A whale sings of home."}
    refresh(home)
    assert daemon.tick() == BELOW_FILMS
    assert home.hashes()["recommendation_quality"] != before["recommendation_quality"]
    assert [daemon.tick() for _ in range(3)] == [set()] * 3
    assert home.build().ran == ()


def test_a_list_that_was_read_alone_requests_the_details_of_its_films(
    home: Any, stand_in: Any
) -> None:
    daemon = Daemon(home)
    daemon.tick()
    stand_in.films[0] = stand_in.films[0] | {"id": 7}
    home.definitions().resolve_implicit_global_asset_job_def().execute_in_process(
        instance=home.instance, asset_selection=[dg.AssetKey("raw_popular_movies")]
    )
    assert daemon.tick() == {"raw_movie_details", *BELOW_FILMS}
    assert [daemon.tick() for _ in range(3)] == [set()] * 3
    assert home.build().ran == ()


def test_a_source_that_lost_films_requests_nothing_and_changes_nothing(
    home: Any, stand_in: Any
) -> None:
    daemon = Daemon(home)
    daemon.tick()
    before = home.hashes()
    all_films, stand_in.films = stand_in.films, stand_in.films[:30]
    assert not refresh(home).success
    assert [daemon.tick() for _ in range(3)] == [set()] * 3
    assert home.hashes() == before
    stand_in.films = [all_films[0] | {"vote_count": 1}, *all_films[1:]]
    assert refresh(home).success
    assert daemon.tick() == BELOW_FILMS


def test_an_asset_that_fails_is_not_requested_again_and_again(
    home: Any, stand_in: Any, tmp_path: Path
) -> None:
    daemon = Daemon(home)
    daemon.tick()
    before = home.hashes()
    stand_in.films[0]["overview"] = "A whale sings of home."
    refresh(home)
    # A file lies where the folder of the features would be: movie_features cannot be written.
    folder = home.settings.features_dir
    folder.rename(tmp_path / "features")
    folder.write_text("no folder")
    requested = [daemon.tick() for _ in range(5)]
    assert requested == [BELOW_FILMS, set(), set(), set(), set()]
    folder.unlink()
    (tmp_path / "features").rename(folder)
    after = home.hashes()
    assert after["similarity_matrix"] == before["similarity_matrix"]
    assert after["movie_features"] == before["movie_features"]
    # `movie-assets build` makes up for it.
    assert {"movie_features", "similarity_matrix"} <= {o.name for o in home.build().ran}


def test_changed_code_requests_the_asset_and_what_is_made_of_it(home: Any) -> None:
    daemon = Daemon(home)
    daemon.tick()

    def change(spec: dg.AssetSpec) -> dg.AssetSpec:
        if spec.key != dg.AssetKey("similarity_matrix"):
            return spec
        return spec.replace_attributes(code_version="of tomorrow")

    daemon.definitions = daemon.definitions.map_asset_specs(func=change)
    assert daemon.tick() == {
        "similarity_matrix",
        "recommendation_quality",
        "published_recommendations",
        "eda_report",
    }
    assert [daemon.tick() for _ in range(3)] == [set()] * 3


def test_the_automation_sensor_runs_and_has_all_assets(empty_home: Any) -> None:
    definitions = empty_home.definitions()
    sensor = definitions.resolve_sensor_def("automation")
    assert sensor.default_status == dg.DefaultSensorStatus.RUNNING
    graph = definitions.resolve_asset_graph()
    assert sensor.asset_selection.resolve(graph) == set(graph.materializable_asset_keys)
    with_conditions = {
        key for key in graph.materializable_asset_keys if graph.get(key).automation_condition
    }
    # All but those that the schedule refreshes.
    assert {key.to_user_string() for key in with_conditions} == EVERYTHING - {
        "raw_popular_movies",
        "raw_genres",
    }
    ageless = {
        key for key in graph.materializable_asset_keys if not graph.get(key).freshness_policy
    }
    assert {key.to_user_string() for key in ageless} == {
        "movielens_ratings",
        "co_liked_movies",
        "item_weights",
    }


def test_another_release_is_read_and_a_broken_one_tried_once(home: Any, tmp_path: Path) -> None:
    before, daemon = home.hashes(), Daemon(home)
    assert daemon.tick() == set()
    daemon.definitions = home.definitions(MOVIELENS_DIR=tmp_path / "none")
    assert daemon.tick() >= {"movielens_ratings", "co_liked_movies", "item_weights"}
    assert [daemon.tick() for _ in range(3)] == [set()] * 3
    assert home.hashes() == before


# -- the failure sensor ---------------------------------------------------------------------------

SECRET_PATH = "/services/T0000/B0000/sEcReTsEcReT"


def logged(caplog: pytest.LogCaptureFixture) -> str:
    """All that was logged on our side, in lower case."""
    lines = [record.getMessage() for record in caplog.records if record.name != "werkzeug"]
    return "\n".join(lines).lower()


@pytest.fixture
def failed_run(empty_home: Any, stand_in: Any) -> Callable[..., Any]:
    """A run that failed, and the tick of the failure sensor on it."""
    stand_in.fail("/movie/popular", status=404)
    result = refresh(empty_home)
    assert not result.success

    def report(**variables: Any) -> Any:
        sensor = empty_home.definitions(**variables).resolve_sensor_def("failure_webhook")
        context = dg.build_run_status_sensor_context(
            sensor_name="failure_webhook",
            dagster_event=result.get_run_failure_event(),
            dagster_instance=empty_home.instance,
            dagster_run=result.dagster_run,
        ).for_run_failure()
        return sensor(context)

    report.run_id = result.run_id  # type: ignore[attr-defined]
    return report


def test_a_failed_run_is_posted(
    failed_run: Any, httpserver: HTTPServer, key: str, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    httpserver.expect_request(SECRET_PATH, method="POST").respond_with_data("ok")
    assert failed_run(MOVIE_ASSETS_FAILURE_WEBHOOK_URL=httpserver.url_for(SECRET_PATH)) is None
    [(request, _)] = httpserver.log
    posted = json.loads(request.data)
    assert posted["run_id"] == failed_run.run_id
    assert failed_run.run_id in posted["text"]
    assert "refresh" in posted["text"]
    assert key not in request.data.decode()
    assert SECRET_PATH.lower() not in logged(caplog)


def test_the_key_never_gets_into_the_post(
    empty_home: Any, httpserver: HTTPServer, key: str
) -> None:
    """Even where some library's error has the address in it."""

    @dg.op
    def leak() -> None:
        raise UnexpectedShapeError(f"GET {empty_home.settings.tmdb_base_url}/x?api_key={key}")

    @dg.job
    def leaking() -> None:
        leak()

    result = leaking.execute_in_process(instance=empty_home.instance, raise_on_error=False)
    event = result.get_run_failure_event()
    event = event._replace(message=f"{event.message} api_key={key} and {key.upper()}")
    httpserver.expect_request(SECRET_PATH).respond_with_data("ok")
    sensor = empty_home.definitions(
        MOVIE_ASSETS_FAILURE_WEBHOOK_URL=httpserver.url_for(SECRET_PATH)
    ).resolve_sensor_def("failure_webhook")
    sensor(
        dg.build_run_status_sensor_context(
            sensor_name="failure_webhook",
            dagster_event=event,
            dagster_instance=empty_home.instance,
            dagster_run=result.dagster_run,
        ).for_run_failure()
    )
    [(request, _)] = httpserver.log
    assert "leaking" in request.data.decode()
    assert key.lower() not in request.data.decode().lower()


def test_without_a_webhook_nothing_is_posted(failed_run: Any) -> None:
    assert "MOVIE_ASSETS_FAILURE_WEBHOOK_URL is not set" in failed_run().skip_message


@pytest.mark.parametrize("is_up", [True, False])
def test_a_webhook_that_fails_fails_nothing_and_stays_secret(
    failed_run: Any,
    httpserver: HTTPServer,
    caplog: pytest.LogCaptureFixture,
    capfd: pytest.CaptureFixture[str],
    is_up: bool,
) -> None:
    caplog.set_level(logging.DEBUG)
    if is_up:
        httpserver.expect_request(SECRET_PATH).respond_with_response(Response(status=500))
        url = httpserver.url_for(SECRET_PATH)
    else:
        with socket.create_server(("127.0.0.1", 0)) as taken:
            url = f"http://127.0.0.1:{taken.getsockname()[1]}{SECRET_PATH}"
    failed_run(MOVIE_ASSETS_FAILURE_WEBHOOK_URL=url)
    # Dagster's own logger writes to the terminal alone.
    logs = logged(caplog) + capfd.readouterr().err.lower()
    assert "the webhook could not be reached" in logs
    assert SECRET_PATH.lower() not in logs
