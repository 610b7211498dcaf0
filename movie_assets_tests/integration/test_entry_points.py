"""Dagster's own commands in a clean checkout: all load the same graph, on the same instance."""

from __future__ import annotations

import json
import tomllib
from pathlib import Path

import pytest
import yaml

from movie_assets.assets import assets_of
from movie_assets_tests.checkout import PROJECT, Checkout, make_checkout
from movie_assets_tests.dagster_server import Server, free_port, serving

RUN_HISTORY = Path("data/dagster")
INSTANCE = "{ instance { info poolConfig { defaultPoolLimit poolGranularity } } }"


@pytest.fixture
def checkout(tmp_path: Path) -> Checkout:
    return make_checkout(tmp_path)


def test_every_configuration_names_the_same_code_location() -> None:
    tools = tomllib.loads((PROJECT / "pyproject.toml").read_text())["tool"]
    project = tools["dg"]["project"]
    [entry] = yaml.safe_load((PROJECT / "workspace.yaml").read_text())["load_from"]
    named = {
        (entry["python_module"]["module_name"], entry["python_module"]["location_name"]),
        (tools["dagster"]["module_name"], tools["dagster"]["code_location_name"]),
        (project["code_location_target_module"], project["code_location_name"]),
    }
    assert named == {("movie_assets.definitions", "movie_assets")}


def test_the_instance_of_the_checkout_is_that_of_the_package() -> None:
    ours = PROJECT / "dagster.yaml"
    assert ours.is_symlink()
    assert ours.read_text() == (PROJECT / "movie_assets" / "dagster.yaml").read_text()


@pytest.mark.process
@pytest.mark.parametrize("workspace", [["-w", "workspace.yaml"], []], ids=["workspace", "plain"])
def test_dagster_dev(checkout: Checkout, workspace: list[str]) -> None:
    command = ["dagster", "dev", *workspace, "--port", str(free_port())]
    with serving(command, checkout.folder, checkout.environment) as server:
        assert server.locations == ("movie_assets",)
        assert_is_our_instance(server)
    assert_keeps_history(checkout)


def assert_is_our_instance(server: Server) -> None:
    instance = server.graphql(INSTANCE)["instance"]
    assert instance["poolConfig"] == {"defaultPoolLimit": 1, "poolGranularity": "op"}
    configuration = yaml.safe_load(instance["info"])
    ours = yaml.safe_load((PROJECT / "dagster.yaml").read_text())
    for part in ("telemetry", "concurrency", "run_monitoring", "freshness", "retention"):
        assert configuration[part] == ours[part], part


def assert_keeps_history(checkout: Checkout) -> None:
    history = checkout.folder / RUN_HISTORY
    assert list(history.rglob("runs.db")), f"No run history in {history}."


@pytest.mark.process
def test_dg_check_defs(checkout: Checkout) -> None:
    done = checkout.run("dg", "check", "defs")
    assert done.returncode == 0, done.stdout + done.stderr
    assert "All definitions loaded successfully." in done.stdout + done.stderr


@pytest.mark.process
def test_dagster_definitions_validate(checkout: Checkout) -> None:
    done = checkout.run("dagster", "definitions", "validate")
    assert done.returncode == 0, done.stdout + done.stderr
    assert "Validation successful for code location movie_assets." in done.stdout + done.stderr


@pytest.mark.process
def test_dg_launch_builds_what_movie_assets_knows_of(checkout: Checkout) -> None:
    launched = checkout.run("dg", "launch", "--assets", "*")
    assert launched.returncode == 0, launched.stdout + launched.stderr
    assert_keeps_history(checkout)

    status = checkout.run("movie-assets", "status", "--json")
    assert status.returncode == 0, status.stdout + status.stderr
    states = {row["asset"]: row["state"] for row in json.loads(status.stdout)}
    assert states == {asset.key.to_user_string(): "fresh" for asset in assets_of("sample")}

    # What movie-assets has left in Dagster's home is what Dagster's commands find there.
    home = str(checkout.folder / RUN_HISTORY)
    info = checkout.run("dagster", "instance", "info", DAGSTER_HOME=home)
    assert info.returncode == 0, info.stdout + info.stderr
    assert "default_limit: 1" in info.stdout
    assert "telemetry:\n  enabled: false" in info.stdout


@pytest.mark.process
def test_dagster_asset_materialize_takes_one_asset(checkout: Checkout) -> None:
    module = ("-m", "movie_assets.definitions")
    done = checkout.run("dagster", "asset", "materialize", *module, "--select", "raw_genres")
    assert done.returncode == 0, done.stdout + done.stderr
    assert_keeps_history(checkout)
