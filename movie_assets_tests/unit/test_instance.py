"""Dagster's home: made from the project's own configuration, or left alone."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import pytest
import yaml

from movie_assets.instance import open_instance, prepare_dagster_home
from movie_assets.settings import Settings, SettingsError


@pytest.fixture
def settings(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Settings:
    # Set first, so that what the function sets is taken back.
    monkeypatch.setenv("DAGSTER_HOME", "")
    monkeypatch.chdir(tmp_path)
    return Settings(_env_file=None, MOVIE_ASSETS_HOME="Filmé: data #1")


def test_a_home_is_made_and_named(settings: Settings, tmp_path: Path) -> None:
    home = prepare_dagster_home(settings)
    assert home == tmp_path / "Filmé: data #1" / "dagster"
    assert home.is_absolute()
    assert os.environ["DAGSTER_HOME"] == str(home)
    assert os.listdir(home) == ["dagster.yaml"]


def test_all_is_kept_in_the_home_and_the_rest_is_the_projects(settings: Settings) -> None:
    home = prepare_dagster_home(settings)
    written = yaml.safe_load((home / "dagster.yaml").read_text())
    assert written["storage"]["sqlite"]["base_dir"] == str(home)
    assert written["compute_logs"]["config"]["base_dir"] == str(home / "storage")
    assert written["telemetry"] == {"enabled": False}
    project = yaml.safe_load((Path(__file__).parents[2] / "dagster.yaml").read_text())
    for part in (written, project):
        del part["storage"], part["compute_logs"]
    assert written == project


def test_dagster_takes_it(settings: Settings) -> None:
    with open_instance(settings) as instance:
        assert not instance.is_ephemeral
        assert instance.root_directory == str(settings.dagster_home)
        assert not instance.telemetry_enabled
        assert instance.get_runs_count() == 0


def test_a_home_that_is_up_to_date_is_not_written_again(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    configuration = prepare_dagster_home(settings) / "dagster.yaml"
    os.utime(configuration, ns=(1, 1))
    monkeypatch.setenv("DAGSTER_HOME", "")
    prepare_dagster_home(settings)
    assert configuration.stat().st_mtime_ns == 1


def test_an_old_configuration_is_replaced(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    configuration = prepare_dagster_home(settings) / "dagster.yaml"
    whole = configuration.read_text()
    configuration.write_text("telemetry:\n  enabled: true\n")
    monkeypatch.setenv("DAGSTER_HOME", "")
    prepare_dagster_home(settings)
    assert configuration.read_text() == whole
    assert os.listdir(configuration.parent) == ["dagster.yaml"]


def test_a_home_that_was_chosen_is_left_alone(
    settings: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DAGSTER_HOME", str(tmp_path / "chosen"))
    assert prepare_dagster_home(settings) == tmp_path / "chosen"
    assert os.environ["DAGSTER_HOME"] == str(tmp_path / "chosen")
    assert os.listdir(tmp_path) == []


def test_a_chosen_home_is_opened(
    settings: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "chosen").mkdir()
    monkeypatch.setenv("DAGSTER_HOME", str(tmp_path / "chosen"))
    with open_instance(settings) as instance:
        assert instance.root_directory == str(tmp_path / "chosen")
    assert not settings.home.exists()


@pytest.mark.parametrize("opens", [prepare_dagster_home, open_instance])
def test_a_home_that_cannot_be_made(
    settings: Settings, opens: Callable[[Settings], object]
) -> None:
    settings.home.write_text("a file")
    with pytest.raises(OSError, match=r"^MOVIE_ASSETS_HOME: .*Filmé.* Set MOVIE_ASSETS_HOME to a"):
        opens(settings)
    assert os.environ["DAGSTER_HOME"] == ""


def test_a_chosen_home_that_cannot_be_written(
    settings: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "chosen").write_text("a file")
    monkeypatch.setenv("DAGSTER_HOME", str(tmp_path / "chosen"))
    with pytest.raises(OSError, match=r"^DAGSTER_HOME: .*chosen"):
        open_instance(settings)


@pytest.mark.parametrize("opens", [prepare_dagster_home, open_instance])
def test_a_chosen_home_must_be_absolute(
    settings: Settings,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    opens: Callable[[Settings], object],
) -> None:
    monkeypatch.setenv("DAGSTER_HOME", "chosen")
    with pytest.raises(SettingsError, match=r"^DAGSTER_HOME: must be an absolute path"):
        opens(settings)
    assert os.listdir(tmp_path) == []
