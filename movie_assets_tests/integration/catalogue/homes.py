"""Homes of the catalogue, and what the tests ask of them and of the stand-in."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import dagster as dg
import pyarrow.compute as pc

from movie_assets.serving.snapshot import open_snapshot
from movie_assets.warehouse import TABLES, content_hash, read_arrow

#: What differs between two loads of the same films.
_OF_THE_LOAD = ["fetched_at", "revision"]


def exports_url(stand_in: Any) -> str:
    """Where the stand-in's exports are."""
    return str(stand_in.url.removesuffix("/3")) + "/exports"


def of_catalogue(home: Any, stand_in: Any) -> Any:
    """The home with the whole catalogue as its source."""
    home.settings = home.settings.model_copy(
        update={"chosen_source": "catalogue", "tmdb_exports_url": exports_url(stand_in)}
    )
    return home


def environment(folder: Path, stand_in: Any, key: str) -> dict[str, str]:
    """The variables with which a command works in a home of the catalogue."""
    return {
        "MOVIE_ASSETS_HOME": str(folder),
        "MOVIE_ASSETS_SOURCE": "catalogue",
        "TMDB_API_KEY": key,
        "TMDB_BASE_URL": stand_in.url,
        "TMDB_EXPORTS_URL": exports_url(stand_in),
        "MOVIE_ASSETS_LANGUAGE": "all",
        "MOVIE_ASSETS_MAX_MOVIES": "100",  # as the homes of all tests have it
    }


def ran(report: Any) -> set[str]:
    """The assets that a build made, none of which failed."""
    assert report.succeeded, errors(report)
    return {outcome.name for outcome in report.ran}


def asked_by_sensor(home: Any) -> dg.RunRequest:
    """The one run that a tick of the sensor of changes asks for."""
    definitions = home.definitions()
    with dg.build_sensor_context(
        instance=home.instance,
        definitions=definitions,
        resources={"extraction": definitions.resources["extraction"]},
    ) as sensing:
        sensor = definitions.resolve_sensor_def("tmdb_changes_sensor")
        [request] = sensor.evaluate_tick(sensing).run_requests
    return request


def errors(report: Any) -> dict[str, str]:
    """What went wrong in a build, by asset."""
    return {outcome.name: outcome.error for outcome in report.outcomes if outcome.error}


def films_asked(stand_in: Any) -> list[int]:
    """The films that the stand-in was asked for, as often as it was."""
    numbers = [path.removeprefix("/movie/") for path in stand_in.paths()]
    return sorted(int(number) for number in numbers if number.isdigit())


def figures(home: Any, asset: str) -> dict[str, Any]:
    """The metadata of an asset's last materialization."""
    event = home.instance.get_latest_materialization_event(dg.AssetKey(asset))
    return {name: value.value for name, value in event.asset_materialization.metadata.items()}


def raw_content(folder: Path) -> dict[str, Any]:
    """The hashes of both tables of fetched films in a home."""
    database = folder / "movies_data.duckdb"
    films = read_arrow(database, TABLES["raw_catalogue_movies"]).sort_by("id")
    films = films.set_column(
        films.column_names.index("gone_at"), "gone_at", pc.is_valid(films["gone_at"])
    )
    return {
        "raw_catalogue_movies": content_hash(films.drop(_OF_THE_LOAD)),
        **_hashes(database, "raw_movie_details"),
    }


def content(folder: Path) -> dict[str, Any]:
    """The hashes of all that a home holds of its films, down to the files of the snapshot."""
    made = _hashes(folder / "movies_data.duckdb", "movies_table", "movie_details")
    with open_snapshot(folder / "published") as snapshot:
        snapshot.verify()
        return raw_content(folder) | made | {"published": snapshot.manifest.files}


def _hashes(database: Path, *names: str) -> dict[str, str]:
    return {name: content_hash(read_arrow(database, TABLES[name]).sort_by("id")) for name in names}
