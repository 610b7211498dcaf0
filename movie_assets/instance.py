"""Dagster's own home: where the run history is kept, and by which configuration.

Every entry point uses the same ``dagster.yaml``: Dagster's commands read it in the project's
folder, the ``movie-assets`` command from a copy under ``MOVIE_ASSETS_HOME``.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import yaml
from filelock import FileLock

import movie_assets
from movie_assets.settings import Settings, SettingsError

if TYPE_CHECKING:
    from dagster import DagsterInstance

#: Names the graph's code location alike for everybody who opens it: switches of schedules and
#: sensors and their cursors are kept by that name.
WORKSPACE = Path(movie_assets.__file__).parent / "workspace.yaml"
_CONFIGURATION = Path(movie_assets.__file__).parent / "dagster.yaml"


def open_instance(settings: Settings) -> DagsterInstance:
    """Dagster's instance, its home made where it is not there yet.

    Raises:
        OSError: where the home cannot be written; the message names the variable to change.
        SettingsError: where ``DAGSTER_HOME`` is no absolute path.
    """
    import dagster as dg  # noqa: PLC0415 - takes long, and preparing the home does not need it

    home = prepare_dagster_home(settings)
    # Dagster makes its databases at the first start and is not prepared for two of these at once:
    # both then stamp their version, and no later start can read it.
    with _explained(home, settings), FileLock(home / ".first-start.lock"):
        return dg.DagsterInstance.get()


def prepare_dagster_home(settings: Settings) -> Path:
    """Make Dagster's home, unless ``DAGSTER_HOME`` names one already, and point Dagster to it.

    Returns:
        The folder.

    Raises:
        OSError: where it cannot be written; the message names the variable to change.
        SettingsError: where ``DAGSTER_HOME`` is no absolute path.
    """
    if chosen := os.environ.get("DAGSTER_HOME"):
        if not (home := Path(os.path.expanduser(chosen))).is_absolute():
            raise SettingsError(
                "DAGSTER_HOME: must be an absolute path. Change it, or unset it to keep the run "
                "history under MOVIE_ASSETS_HOME."
            )
        return home
    home = settings.dagster_home
    with _explained(home, settings):
        _write_configuration(home)
    os.environ["DAGSTER_HOME"] = str(home)
    return home


def _write_configuration(home: Path) -> None:
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


@contextmanager
def _explained(home: Path, settings: Settings) -> Iterator[None]:
    """Say of what the operating system refuses in the home what to do about it."""
    try:
        yield
    except OSError as error:
        variable = "MOVIE_ASSETS_HOME" if home == settings.dagster_home else "DAGSTER_HOME"
        place = settings.home if home == settings.dagster_home else home
        raise OSError(
            f"{variable}: nothing can be written to {place} ({error.strerror or error}). Set "
            f"{variable} to a folder that you may write to."
        ) from error
