"""The IO manager of features, within runs of Dagster."""

from __future__ import annotations

import resource
from pathlib import Path

import dagster as dg
import numpy as np
import pytest

from movie_assets.assets.feature_files import FeatureFileIOManager
from movie_assets.recommender import MovieFeatures, fit_features, load_weights
from movie_assets.recommender.storage import FeatureFileError, features_hash, load_features
from movie_assets.warehouse.errors import WarehouseFullError
from movie_assets_tests.films import films_of

FEATURES = fit_features(films_of({"overview": "thief"}, {"genres": ["Crime"]}), load_weights())


@dg.asset(io_manager_key="features")
def made() -> MovieFeatures:
    return FEATURES


@dg.asset(io_manager_key="features")
def taken(made: MovieFeatures) -> MovieFeatures:
    np.testing.assert_array_equal(made.matrix.toarray(), FEATURES.matrix.toarray())
    return made


def test_what_one_asset_makes_another_takes(tmp_path: Path) -> None:
    manager = FeatureFileIOManager(directory=str(tmp_path / "features"))
    result = dg.materialize([made, taken], resources={"features": manager})
    assert sorted(path.name for path in (tmp_path / "features").iterdir()) == [
        "made.npz",
        "taken.npz",
    ]
    path = tmp_path / "features" / "made.npz"
    assert features_hash(load_features(path)) == features_hash(FEATURES)
    (event,) = result.asset_materializations_for_node("made")
    assert event.metadata["path"] == dg.MetadataValue.path(str(path))
    assert event.metadata["file_bytes"].value == path.stat().st_size


def test_a_full_disk_says_what_to_do_and_the_old_file_stays(tmp_path: Path) -> None:
    manager = FeatureFileIOManager(directory=str(tmp_path))
    context = dg.build_output_context(asset_key=dg.AssetKey("made"))
    manager.handle_output(context, FEATURES)
    before = (tmp_path / "made.npz").read_bytes()
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (100, limits[1]))
    try:
        with pytest.raises(WarehouseFullError, match=r"room.*made\.npz.*Free"):
            manager.handle_output(context, FEATURES)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
    assert [path.name for path in tmp_path.iterdir()] == ["made.npz"]
    assert (tmp_path / "made.npz").read_bytes() == before


def test_a_missing_file_says_what_to_make(tmp_path: Path) -> None:
    manager = FeatureFileIOManager(directory=str(tmp_path))
    context = dg.build_input_context(asset_key=dg.AssetKey("made"))
    with pytest.raises(FeatureFileError, match=r"made\.npz\. Materialize"):
        manager.load_input(context)
