"""The IO manager of feature matrices, which are files and not tables."""

from pathlib import Path

import dagster as dg

from movie_assets.recommender import MovieFeatures
from movie_assets.recommender.storage import load_features, save_features
from movie_assets.warehouse.store import named_errors


class FeatureFileIOManager(dg.ConfigurableIOManager):
    """Keeps the features of an asset in ``<directory>/<asset name>.npz``.

    Raises:
        WarehouseError: of the type that says why an output cannot be written; the old file stays.
        FeatureFileError: when an input is loaded that is missing or damaged.
    """

    directory: str

    def handle_output(self, context: dg.OutputContext, obj: MovieFeatures) -> None:
        """Replace the asset's file."""
        path = self._path(context.asset_key)
        with named_errors(path):
            save_features(path, obj)
        context.add_output_metadata(
            {"path": dg.MetadataValue.path(str(path)), "file_bytes": path.stat().st_size}
        )

    def load_input(self, context: dg.InputContext) -> MovieFeatures:
        """Read the asset's file."""
        return load_features(self._path(context.asset_key))

    def _path(self, key: dg.AssetKey) -> Path:
        return Path(self.directory) / f"{key.to_python_identifier()}.npz"
