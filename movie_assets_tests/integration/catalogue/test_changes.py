"""What changed at TMDB, brought to who reads the snapshot by the sensors alone."""

from __future__ import annotations

from typing import Any

import dagster as dg
import pytest

from movie_assets.assets.catalogue import ALL_PARTS
from movie_assets.serving.snapshot import open_snapshot
from movie_assets_tests.integration.catalogue.homes import asked_by_sensor, films_asked, ran

pytestmark = pytest.mark.no_cover


def test_a_tick_and_its_run_publish_the_changes_and_ask_for_no_more(
    home: Any, stand_in: Any
) -> None:
    ran(home.build())
    definitions = home.definitions()
    conditions = dg.evaluate_automation_conditions(definitions, home.instance)

    edited = [film["id"] for film in stand_in.films[:25]]
    for film in stand_in.films[:25]:
        film |= {"title": f"Edited {film['id']}", "overview": "A story of a lighthouse."}
    deleted = [film["id"] for film in stand_in.films[50:53]]
    del stand_in.films[50:53]
    added = [5000, 5001]
    stand_in.films += [stand_in.films[0] | {"id": n, "title": f"Added {n}"} for n in added]
    stand_in.changed = [*edited, *deleted, *added, 77_777]

    request = asked_by_sensor(home)
    assert request.tags["movie_assets/changed_films"] == str(len(edited) + len(deleted))
    assert request.tags.items() >= ALL_PARTS.items()
    stand_in.asked.clear()
    job = definitions.resolve_job_def("refresh")
    assert job.execute_in_process(instance=home.instance, tags=dict(request.tags)).success
    assert films_asked(stand_in) == sorted([*edited, *deleted, *added])

    follow(home, definitions, conditions.cursor)
    with open_snapshot(home.settings.published_dir) as snapshot:
        films = snapshot.films.to_pandas().set_index("movie_id")["title"].to_dict()
    assert films == {film["id"]: film["title"] for film in stand_in.films}
    assert films_asked(stand_in) == sorted([*edited, *deleted, *added])
    assert ran(home.build()) == set()


def follow(home: Any, definitions: Any, cursor: Any) -> None:
    """Make what the automation sensor asks for, until it asks for nothing more."""
    job = definitions.resolve_implicit_global_asset_job_def()
    for _ in range(12):
        found = dg.evaluate_automation_conditions(definitions, home.instance, cursor=cursor)
        cursor = found.cursor
        keys = [
            key
            for key in definitions.resolve_asset_graph().get_all_asset_keys()
            if found.get_num_requested(key) > 0
        ]
        if not keys:
            return
        made = job.execute_in_process(instance=home.instance, asset_selection=keys)
        assert made.success
    raise AssertionError("It never comes to an end.")
