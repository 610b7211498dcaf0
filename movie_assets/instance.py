"""Dagster's own home: where the run history is kept, and by which configuration.

Every entry point uses the same ``dagster.yaml``: Dagster's commands read it in the project's
folder, the ``movie-assets`` command from a copy under ``MOVIE_ASSETS_HOME``.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING

import yaml
from filelock import FileLock

import movie_assets

if TYPE_CHECKING:
    from dagster import DagsterInstance

    from movie_assets.settings import Settings

#: Names the graph's code location alike for everybody who opens it: switches of schedules and
#: sensors and their cursors are kept by that name.
WORKSPACE = Path(movie_assets.__file__).parent / "workspace.yaml"
_CONFIGURATION = Path(movie_assets.__file__).parent / "dagster.yaml"


def open_instance(settings: Settings) -> DagsterInstance:
    """Dagster's instance, its home made where it is not there yet.

    Raises:
        OSError: where the home cannot be written.
    """
    import dagster as dg  # noqa: PLC0415 - takes long, and preparing the home does not need it

    home = prepare_dagster_home(settings)
    # Dagster makes its databases at the first start and is not prepared for two of these at once:
    # both then stamp their version, and no later start can read it.
    with FileLock(home / ".first-start.lock"):
        return dg.DagsterInstance.get()


def prepare_dagster_home(settings: Settings) -> Path:
    """Make Dagster's home, unless ``DAGSTER_HOME`` names one already, and point Dagster to it.

    Returns:
        The folder.

    Raises:
        OSError: where it cannot be written.
    """
    if chosen := os.environ.get("DAGSTER_HOME"):
        return Path(chosen)
    home = settings.dagster_home
    home.mkdir(parents=True, exist_ok=True)
    configuration = yaml.safe_load(_CONFIGURATION.read_text())
    # The file names folders from the project's folder, for Dagster's own commands.
    configuration["storage"]["sqlite"]["base_dir"] = str(home)
    configuration["compute_logs"]["config"]["base_dir"] = str(home / "storage")
    target = home / "dagster.yaml"
    text = "# Written by movie-assets from its own dagster.yaml at every start.\n" + yaml.safe_dump(
        configuration, sort_keys=False
    )
    if not target.exists() or target.read_text() != text:
        temporary = target.with_name(f".dagster.yaml.{os.getpid()}")
        temporary.write_text(text)
        temporary.replace(target)
    os.environ["DAGSTER_HOME"] = str(home)
    return home
