"""A home of the catalogue for each test that wants one, and what an undisturbed load comes to."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from dagster import DagsterInstance

from movie_assets_tests.integration.catalogue.homes import content, of_catalogue, ran


@pytest.fixture
def home(stand_in: Any, open_without_history: Callable[[Path], Any], tmp_path: Path) -> Any:
    """An empty home of the catalogue, whose Dagster history is kept in memory."""
    return of_catalogue(open_without_history(tmp_path / "home"), stand_in)


#: Films of the tests that load them in a way that is disturbed.
FILMS = 150


@pytest.fixture(scope="session")
def _undisturbed() -> dict[str, Any]:
    return {}


@pytest.fixture
def undisturbed(
    _undisturbed: dict[str, Any],
    stand_in: Any,
    open_without_history: Callable[[Path], Any],
    tmp_path: Path,
) -> dict[str, Any]:
    """The content of a home that was built from the 150 films that the stand-in has from now on."""
    stand_in.reset(films=FILMS)
    if not _undisturbed:
        home = of_catalogue(open_without_history(tmp_path / "undisturbed"), stand_in)
        with DagsterInstance.ephemeral() as home.instance:  # not that of the test
            ran(home.build())
        _undisturbed |= content(home.settings.home)
        stand_in.reset(films=FILMS)
    return _undisturbed
