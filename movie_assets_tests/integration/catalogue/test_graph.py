"""The graph of the whole catalogue, built and refreshed by real runs against the stand-in."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import dagster as dg
import pytest

from movie_assets.assets.catalogue import ALL_PARTS
from movie_assets.warehouse import read_table

EXTRACTED = {"raw_movie_ids", "raw_genres", "raw_movie_details"}


def ran(report: Any) -> set[str]:
    assert report.succeeded, [(o.name, o.error) for o in report.outcomes if o.error]
    return {outcome.name for outcome in report.ran}


def films_asked(stand_in: Any) -> list[int]:
    numbers = [path.removeprefix("/movie/") for path in stand_in.paths()]
    return sorted(int(number) for number in numbers if number.isdigit())


def figures(home: Any, asset: str) -> dict[str, Any]:
    event = home.instance.get_latest_materialization_event(dg.AssetKey(asset))
    return {name: value.value for name, value in event.asset_materialization.metadata.items()}


@pytest.fixture
def home(stand_in: Any, open_without_history: Callable[[Path], Any], tmp_path: Path) -> Any:
    """An empty home of the catalogue."""
    found = open_without_history(tmp_path / "home")
    exports = stand_in.url.removesuffix("/3") + "/exports"
    found.settings = found.settings.model_copy(
        update={"chosen_source": "catalogue", "tmdb_exports_url": exports}
    )
    return found


def test_built_then_refreshed_by_what_changed(home: Any, stand_in: Any) -> None:
    assert EXTRACTED | {"movies_table", "published_recommendations"} <= ran(home.build())
    assert films_asked(stand_in) == [film["id"] for film in stand_in.films]
    assert ran(home.build()) == set()

    # A refresh that finds nothing new is the end of it.
    stand_in.asked.clear()
    assert ran(home.build(refresh=True)) == EXTRACTED
    assert films_asked(stand_in) == []

    stand_in.films[3] |= {"title": "Quite another"}
    gone = stand_in.films.pop(10)["id"]
    stand_in.films.append(stand_in.films[0] | {"id": 5000, "title": "New"})
    stand_in.changed = [1003, 77_777]
    report = ran(home.build(refresh=True))
    assert films_asked(stand_in) == [1003, gone, 5000]
    assert {"movies_table", "movie_details", "published_recommendations"} <= report
    titles = read_table(home.database, "movies_table").set_index("id")["title"]
    assert (titles.loc[1003], titles.loc[5000], gone in titles.index) == (
        "Quite another",
        "New",
        False,
    )
    raw = figures(home, "raw_movie_details")
    assert (raw["films_fetched"], raw["films_changed"], raw["films_gone"]) == (3, 3, 1)
    assert ran(home.build()) == set()


def test_one_part_is_materialized_alone(home: Any, stand_in: Any) -> None:
    job = home.definitions().resolve_implicit_global_asset_job_def()
    for names, tags in (
        (["raw_movie_ids"], {}),
        (["raw_movie_details"], {"dagster/partition": "05"}),
    ):
        made = job.execute_in_process(
            instance=home.instance,
            asset_selection=[dg.AssetKey(name) for name in names],
            tags=tags,
            partition_key=tags.get("dagster/partition"),
        )
        assert made.success
    assert films_asked(stand_in) == [1005]
    found = home.instance.get_materialized_partitions(dg.AssetKey("raw_movie_details"))
    assert found == {"05"}


def test_the_schedule_and_the_sensor_ask_for_all_parts(home: Any, stand_in: Any) -> None:
    definitions = home.definitions()
    schedule = definitions.resolve_schedule_def("daily_refresh")
    with dg.build_schedule_context(instance=home.instance) as context:
        [request] = schedule.evaluate_tick(context).run_requests
    assert request.tags.items() >= ALL_PARTS.items()
    refresh = definitions.resolve_job_def("refresh")
    assert refresh.execute_in_process(instance=home.instance, tags=dict(request.tags)).success
    assert len(home.instance.get_materialized_partitions(dg.AssetKey("raw_movie_details"))) == 100

    stand_in.changed = list(range(1000, 1030))
    sensor = definitions.resolve_sensor_def("tmdb_changes_sensor")
    with dg.build_sensor_context(
        instance=home.instance,
        definitions=definitions,
        resources={"extraction": definitions.resources["extraction"]},
    ) as sensing:
        [request] = sensor.evaluate_tick(sensing).run_requests
    assert request.tags.items() >= ALL_PARTS.items()
    stand_in.asked.clear()
    assert refresh.execute_in_process(instance=home.instance, tags=dict(request.tags)).success
    assert films_asked(stand_in) == list(range(1000, 1030))
