"""What ``build`` finds out of date, what it runs for it, and how it goes on after a failure."""

from __future__ import annotations

import os
import signal
import sys
import time
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import dagster as dg
import duckdb
import pytest

from movie_assets.build import BuildReport

pytestmark = pytest.mark.filterwarnings("ignore:Function `Definitions.map:Warning")

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


def ran(report: BuildReport) -> set[str]:
    assert report.succeeded, report
    return {outcome.name for outcome in report.ran}


def reasons(report: BuildReport, asset: str) -> tuple[str, ...]:
    return next(outcome.reasons for outcome in report.outcomes if outcome.name == asset)


def with_new_code(definitions: dg.Definitions, asset: str) -> dg.Definitions:
    """The graph after a change in the code of one asset."""

    def change(spec: dg.AssetSpec) -> dg.AssetSpec:
        if spec.key != dg.AssetKey(asset):
            return spec
        return spec.replace_attributes(code_version="of tomorrow")

    return definitions.map_asset_specs(func=change)


def test_the_first_build_makes_everything_in_one_run(built_from_tmdb: Any) -> None:
    report, record = built_from_tmdb.report, built_from_tmdb.record
    assert ran(report) == EVERYTHING
    assert len(record.runs) == 1
    assert {outcome.reasons for outcome in report.outcomes} == {("never built",)}
    assert {outcome.name: outcome.rows for outcome in report.outcomes}["movies_table"] == 60
    assert all(outcome.seconds > 0 for outcome in report.outcomes)
    assert set(record.steps) >= EVERYTHING
    assert any("60 of 60 films" in message for message in record.messages)


def test_nothing_to_do_makes_no_run(home: Any, stand_in: Any) -> None:
    runs = home.runs()
    report = home.build()
    assert report.succeeded
    assert report.ran == ()
    assert home.runs() == runs
    assert stand_in.asked == []


def test_refresh_of_the_same_content_runs_the_sources_only(home: Any, stand_in: Any) -> None:
    before = home.hashes()
    report = home.build(refresh=True)
    assert ran(report) == SOURCES
    # No film's details: none is said to have changed.
    assert set(stand_in.paths()) == {"/movie/popular", "/genre/movie/list", "/movie/changes"}
    assert home.hashes() == before
    assert home.build().ran == ()


def test_changed_films_run_what_is_made_of_films(home: Any, stand_in: Any) -> None:
    before = home.hashes()
    stand_in.films[0]["overview"] = "A lighthouse keeper finds a talking whale."
    assert ran(home.build(refresh=True)) == SOURCES | BELOW_FILMS
    after = home.hashes()
    assert {name for name in after if after[name] != before[name]} == {
        "raw_popular_movies",
        *BELOW_FILMS - {"movie_details", "co_liked_movies", "item_weights", "eda_report"},
    }


@pytest.mark.parametrize(
    ("asset", "expected"),
    [
        ("movies_table", BELOW_FILMS),
        (
            "similarity_matrix",
            {
                "similarity_matrix",
                "recommendation_quality",
                "published_recommendations",
                "eda_report",
            },
        ),
        ("movie_genre_data", {"movie_genre_data", "eda_report"}),
    ],
)
def test_changed_code_runs_the_asset_and_what_is_made_of_it(
    home: Any, stand_in: Any, asset: str, expected: set[str]
) -> None:
    definitions = with_new_code(home.definitions(), asset)
    report = home.build(definitions=definitions)
    assert ran(report) == expected
    assert reasons(report, asset) == ("code or settings changed",)
    assert stand_in.asked == []
    assert home.build(definitions=definitions).ran == ()


def test_a_missing_table_is_made_again(home: Any) -> None:
    before = home.hashes()
    with duckdb.connect(str(home.database)) as connection:
        connection.execute("DROP TABLE movie_genre_data")
    report = home.build()
    assert ran(report) == {"movie_genre_data", "eda_report"}
    assert reasons(report, "movie_genre_data") == ("not stored any more",)
    assert home.hashes() == before


def test_missing_features_are_made_again(home: Any) -> None:
    before = home.hashes()
    for path in home.settings.features_dir.iterdir():
        path.unlink()
    assert ran(home.build()) == {
        "movie_features",
        "co_liked_movies",
        "item_weights",
        "similarity_matrix",
        "recommendation_quality",
        "published_recommendations",
        "eda_report",
    }
    assert home.hashes() == before


@pytest.fixture
def later(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let the build believe that it is 40 hours later; the default policy allows 36."""
    clock = SimpleNamespace(time=lambda: time.time() + 40 * 3600, perf_counter=time.perf_counter)
    monkeypatch.setattr("movie_assets.build.time", clock)


@pytest.mark.usefixtures("later")
def test_what_is_too_old_is_made_again_once(home: Any, stand_in: Any) -> None:
    """Everything that gets old has the same policy and is too old: it runs, in one run."""
    before = home.hashes()
    report = home.build()
    assert ran(report) == EVERYTHING - {"movielens_ratings"}
    assert reasons(report, "raw_genres") == ("40 h old, 36 h allowed",)
    assert len(home.record.runs) == 1
    assert "/movie/popular" in stand_in.paths()
    assert home.hashes() == before


@pytest.mark.usefixtures("later")
def test_sources_that_alone_are_too_old_spare_what_is_made_of_them(home: Any) -> None:
    def ages_only_as_a_source(spec: dg.AssetSpec) -> dg.AssetSpec:
        if spec.key.to_user_string() in SOURCES:
            return spec
        return spec.replace_attributes(freshness_policy=None)

    definitions = home.definitions().map_asset_specs(func=ages_only_as_a_source)
    assert ran(home.build(definitions=definitions)) == SOURCES


# -- a build that was killed ----------------------------------------------------------------------


@pytest.mark.process
def test_a_killed_build_is_followed_by_one_that_goes_on(
    home_on_disk: Any, stand_in: Any, shell: Any, key: str
) -> None:
    before = home_on_disk.hashes()
    stand_in.fail("/movie/popular", fault="hang")
    command = str(Path(sys.executable).with_name("movie-assets"))
    process = shell.start(
        command,
        "build",
        "--refresh",
        MOVIE_ASSETS_HOME=str(home_on_disk.settings.home),
        TMDB_API_KEY=key,
        TMDB_BASE_URL=stand_in.url,
        MOVIE_ASSETS_LANGUAGE="all",
        MOVIE_ASSETS_MAX_MOVIES="100",
    )
    assert stand_in.hung.wait(60), "the build never asked for the list"
    os.kill(process.pid, signal.SIGKILL)
    process.communicate(timeout=30)
    stand_in.released.set()
    stand_in.faults.clear()
    [dead] = home_on_disk.instance.get_runs(dg.RunsFilter(statuses=[dg.DagsterRunStatus.STARTED]))
    assert home_on_disk.instance.event_log_storage.get_concurrency_run_ids() == {dead.run_id}
    assert home_on_disk.hashes() == before

    report = home_on_disk.build()

    assert "raw_popular_movies" in ran(report)
    assert reasons(report, "raw_popular_movies") == ("last attempt failed",)
    assert report.seconds < 120  # a place in the pool that nobody gives back would hold it for ever
    assert home_on_disk.instance.get_run_by_id(dead.run_id).status == dg.DagsterRunStatus.FAILURE
    assert home_on_disk.instance.event_log_storage.get_concurrency_run_ids() == set()
    assert home_on_disk.hashes() == before


def test_rows_that_a_killed_run_left_unchecked_are_judged_by_the_next(home: Any) -> None:
    # As if the process had died between the write and the check.
    job = home.definitions().resolve_implicit_global_asset_job_def()
    unchecked = job.get_subset(
        asset_selection={dg.AssetKey("movies_table")}, asset_check_selection=set()
    )
    assert unchecked.execute_in_process(instance=home.instance).success
    report = home.build()
    assert reasons(report, "movies_table") == ("not checked yet",)
    assert home.build().ran == ()
