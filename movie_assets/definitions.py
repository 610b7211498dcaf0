"""The one place where everything meets: settings, assets, checks, automation, resources.

``build_definitions`` is what tests and other code locations call; ``defs`` is what Dagster loads.
Nothing is decided here but what is connected to what.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from datetime import timedelta
from pathlib import Path
from typing import Any

import dagster as dg

import movie_assets
from movie_assets import automation
from movie_assets.analysis import Reports
from movie_assets.assets import assets_of
from movie_assets.assets.catalogue import Catalogue
from movie_assets.assets.extract import Extraction
from movie_assets.assets.feature_files import FeatureFileIOManager
from movie_assets.assets.recommend import NeighbourSearch
from movie_assets.assets.renewed import Renewal
from movie_assets.assets.signals import MovieLens
from movie_assets.checks import build_checks
from movie_assets.publication import Stored
from movie_assets.settings import Settings, load_settings
from movie_assets.tmdb import (
    BundledCatalogue,
    ExportFilter,
    MovieSource,
    RetryPolicy,
    TmdbClient,
)
from movie_assets.warehouse.io_manager import WarehouseIOManager

SAMPLE_DIR = Path(movie_assets.__file__).parent / "sample"


def build_definitions(
    settings: Settings | None = None, **resource_overrides: Any
) -> dg.Definitions:
    """Connect everything.

    Args:
        settings: by default from the environment and ``.env``.
        resource_overrides: resources to put in the place of ``io_manager``,
            ``features_io_manager``, ``extraction``, ``catalogue``, ``movielens``,
            ``neighbour_search``, ``renewal``, ``stored`` or ``reports``.

    Raises:
        SettingsError: where a setting cannot be used.
    """
    settings = settings or load_settings()
    return dg.Definitions(
        assets=automation.with_policies(
            with_settings(assets_of(settings.source), settings), settings
        ),
        asset_checks=build_checks(settings.source),
        jobs=[automation.refresh_job],
        schedules=[automation.build_daily_refresh(settings)],
        sensors=[
            automation.build_changes_sensor(settings),
            automation.build_failure_sensor(settings),
            automation.automation_sensor,
        ],
        resources={
            "io_manager": WarehouseIOManager(database=str(settings.database)),
            "features_io_manager": FeatureFileIOManager(directory=str(settings.features_dir)),
            # Made in the run and not here, so that the definitions load without a key.
            "extraction": dg.ResourceDefinition(lambda _: build_extraction(settings)),
            "catalogue": dg.ResourceDefinition(lambda _: build_catalogue(settings)),
            "movielens": dg.ResourceDefinition(lambda _: MovieLens(settings.movielens_dir)),
            "neighbour_search": dg.ResourceDefinition(
                lambda _: NeighbourSearch(settings.ray_address)
            ),
            "renewal": dg.ResourceDefinition(lambda _: build_renewal(settings)),
            "stored": dg.ResourceDefinition(lambda _: build_stored(settings)),
            "reports": dg.ResourceDefinition(
                lambda _: Reports(settings.database, settings.reports_dir, settings.source)
            ),
            **resource_overrides,
        },
        executor=dg.in_process_executor
        if settings.executor == "in_process"
        else dg.multiprocess_executor,
    )


def with_settings(
    assets: Iterable[dg.AssetsDefinition], settings: Settings
) -> Iterable[dg.AssetsDefinition]:
    """The assets, what decides on the content of those that read from outside in their versions.

    So that another language or number of films, a new set of bundled films, or another MovieLens
    release counts as a change.
    """
    digest = hashlib.sha256(
        repr(
            (settings.source, settings.language, settings.max_movies, settings.tmdb_base_url)
        ).encode()
    )
    if settings.source == "catalogue":
        digest.update(repr((settings.tmdb_exports_url, build_catalogue(settings).wanted)).encode())
    if settings.source == "sample":
        for path in sorted(SAMPLE_DIR.glob("*.json")):
            digest.update(path.read_bytes())
    asked_for = digest.hexdigest()[:8]
    movielens = MovieLens(settings.movielens_dir).fingerprint

    def apply(spec: dg.AssetSpec) -> dg.AssetSpec:
        if spec.group_name == "extract":
            return spec.replace_attributes(code_version=f"{spec.code_version}+{asked_for}")
        if spec.key == dg.AssetKey("movielens_ratings"):
            return spec.replace_attributes(code_version=f"{spec.code_version}+{movielens}")
        return spec

    return dg.map_asset_specs(apply, assets)


def build_extraction(settings: Settings) -> Extraction:
    """The source that the settings name, and how much to take from it."""
    return Extraction(
        lambda retry: build_source(settings, retry), settings.language, settings.max_movies
    )


def build_catalogue(settings: Settings) -> Catalogue:
    """How the settings have the whole catalogue read."""
    return Catalogue(
        exports_url=settings.tmdb_exports_url,
        wanted=ExportFilter(
            settings.min_popularity, settings.include_adult, settings.include_video
        ),
        renew_after=timedelta(days=settings.renew_after_days),
        journal_dir=settings.incoming_dir,
    )


def build_renewal(settings: Settings) -> Renewal:
    """How long the settings have the catalogue's terms stay frozen."""
    return Renewal(
        folder=settings.features_dir,
        rebuild_after=timedelta(days=settings.rebuild_after_days),
        rebuild_share=settings.rebuild_share,
    )


def build_stored(settings: Settings) -> Stored:
    """What the publication reads, and where it goes to."""
    return Stored(
        database=settings.database,
        features=settings.features_dir / "movie_features.npz",
        published=settings.published_dir,
    )


def build_source(settings: Settings, retry: RetryPolicy) -> MovieSource:
    """The source that the settings name.

    Raises:
        MissingKeyError: where TMDB is to be read and there is no key.
    """
    if settings.source == "sample":
        return BundledCatalogue(SAMPLE_DIR)
    key = settings.tmdb_api_key
    return TmdbClient(
        settings.tmdb_base_url,
        key.get_secret_value() if key else "",
        requests_per_second=settings.tmdb_requests_per_second,
        retry=retry,
        throttle_path=settings.running_dir / "tmdb.throttle",
    )


defs = build_definitions()
