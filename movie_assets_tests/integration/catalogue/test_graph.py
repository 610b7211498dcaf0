"""The graph of the whole catalogue, built and refreshed by real runs against the stand-in."""

from __future__ import annotations

from typing import Any

import dagster as dg

from movie_assets.assets.catalogue import ALL_PARTS
from movie_assets.warehouse import read_table
from movie_assets_tests.integration.catalogue.homes import (
    asked_by_sensor,
    figures,
    films_asked,
    ran,
)

EXTRACTED = {"raw_movie_ids", "raw_genres", "raw_movie_details"}


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
    request = asked_by_sensor(home)
    assert request.tags.items() >= ALL_PARTS.items()
    stand_in.asked.clear()
    assert refresh.execute_in_process(instance=home.instance, tags=dict(request.tags)).success
    assert films_asked(stand_in) == list(range(1000, 1030))
