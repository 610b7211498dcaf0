"""What the docs have people install besides, installed and used: ``make test-long`` runs it.

In a checkout with a ``.venv`` of its own, made by ``make setup``, so that nothing is there that the
project does not bring. The packages come from the registry that this machine's pip asks.
"""

from __future__ import annotations

import json
import os
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from dagster import AssetKey, DagsterInstance
from playwright.sync_api import Page, sync_playwright

from movie_assets_tests.browser.web_ui import browser_of_tests
from movie_assets_tests.checkout import PROJECT, Checkout, make_checkout
from movie_assets_tests.dagster_server import free_port
from movie_assets_tests.documents import Block, blocks_of, code_in_text

pytestmark = [pytest.mark.long, pytest.mark.browser, pytest.mark.timeout(3600)]

_TOKEN = "for-this-test"
_SECONDS = 1200
#: Somebody's settings, which are not the checkout's.
_OURS = ("MOVIE_ASSETS_", "TMDB_", "MOVIELENS_", "DAGSTER_", "PYTHONPATH", "VIRTUAL_ENV")


@pytest.fixture(scope="module")
def checkout(tmp_path_factory: pytest.TempPathFactory) -> Checkout:
    """A checkout as ``make demo`` leaves it, but for the recommendations that it prints."""
    made = make_checkout(tmp_path_factory.mktemp("installs"))
    environment = {
        name: value for name, value in os.environ.items() if not name.startswith(_OURS)
    } | {
        "HOME": made.environment["HOME"],
        "PATH": f"{made.folder / '.venv' / 'bin'}:/usr/local/bin:/usr/bin:/bin",
    }
    found = Checkout(made.folder, environment, _SECONDS)
    _must(found, "make setup")
    _must(found, "movie-assets build")
    return found


def test_the_extra_for_ray_is_installed_as_the_page_says(checkout: Checkout) -> None:
    block = _block("docs/cluster.md", "[ray]")
    assert checkout.run("python", "-c", "import ray").returncode != 0
    _must(checkout, block.text)
    _must(checkout, "python -c 'import ray; import movie_assets.recommender.cluster'")
    _must(checkout, "movie-assets status")


def test_a_job_is_handed_in_at_a_head_without_processors(checkout: Checkout) -> None:
    """As KubeRay does; after the extra's test, which asserts that there is no Ray before."""
    home = checkout.folder / "home of the job"
    commands = _block("docs/cluster.md", "ray job submit").text.replace(
        "/tmp/movie-assets", f"{home}"
    )
    assert str(home) in commands
    try:
        done = checkout.run("bash", "-eu", "-c", commands)
    finally:
        checkout.run("ray", "stop", "--force")
    assert done.returncode == 0, done.stdout[-3000:] + done.stderr[-3000:]
    assert "succeeded" in done.stdout
    with DagsterInstance.from_config(str(home / "dagster")) as instance:
        event = instance.get_latest_materialization_event(AssetKey("similarity_matrix"))
        assert event is not None
        assert event.asset_materialization is not None
        assert event.asset_materialization.metadata["searched_by"].value == "auto"


def test_the_notebook_is_opened_and_run_by_hand_in_jupyterlab(checkout: Checkout) -> None:
    page = (PROJECT / "docs" / "analysis.md").read_text()
    [install] = [code for code in code_in_text(page) if code.endswith("pip install jupyterlab")]
    _must(checkout, install)
    [(command, _)] = _block("docs/analysis.md", "jupyter lab").commands
    notebook = checkout.folder / command.split()[-1]
    with _jupyter(checkout, command) as port, sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=browser_of_tests(), args=["--no-sandbox"]
        )
        opened = browser.new_page(viewport={"width": 1400, "height": 1000})
        opened.goto(f"http://127.0.0.1:{port}/lab/tree/{notebook.name}?token={_TOKEN}")
        _run_all(opened)
        cells = _when_run(opened, notebook)
        browser.close()
    assert len(cells) > 20
    for cell in cells:
        wrong = [out for out in cell["outputs"] if out["output_type"] == "error"]
        assert not wrong, "".join(cell["source"]) + json.dumps(wrong)[:2000]
    assert sum("image/svg+xml" in json.dumps(c) or "image/png" in json.dumps(c) for c in cells) > 5


def _must(checkout: Checkout, command: str) -> None:
    done = checkout.run("bash", "-eu", "-c", command)
    assert done.returncode == 0, f"$ {command}\n{done.stdout[-3000:]}{done.stderr[-3000:]}"


def _block(page: str, word: str) -> Block:
    [found] = [
        block
        for block in blocks_of(page, (PROJECT / page).read_text())
        if word in block.text and block.kind in {"sh", "console"}
    ]
    return found


@contextmanager
def _jupyter(checkout: Checkout, command: str) -> Iterator[int]:
    """JupyterLab, with a known token, and without a browser of its own; its port."""
    settings, port = Path(checkout.environment["HOME"]) / "jupyter", free_port()
    settings.mkdir()
    (settings / "jupyter_server_config.py").write_text(
        f"c.ServerApp.port = {port}\nc.ServerApp.open_browser = False\n"
        f"c.ServerApp.allow_root = True\nc.IdentityProvider.token = {_TOKEN!r}\n"
    )
    with (settings / "log").open("w") as log:
        server = subprocess.Popen(
            ["bash", "-c", f"exec {command}"],
            cwd=checkout.folder,
            env={**checkout.environment, "JUPYTER_CONFIG_DIR": str(settings)},
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=subprocess.STDOUT,
        )
    try:
        deadline = time.monotonic() + 120
        while "is running at" not in (said := (settings / "log").read_text()):
            assert server.poll() is None, said
            assert time.monotonic() < deadline, said
            time.sleep(0.2)
        yield port
    finally:
        server.terminate()
        server.wait(60)


def _run_all(page: Page) -> None:
    """Run, Run All Cells."""
    page.locator(".jp-Notebook .jp-Cell").first.wait_for(timeout=120_000)
    # What is asked of a kernel that is not there yet is not done later.
    idle = page.locator('.jp-Notebook-ExecutionIndicator[data-status="idle"]')
    idle.first.wait_for(timeout=120_000)
    page.wait_for_timeout(2000)
    page.locator(".lm-MenuBar-itemLabel", has_text="Run").first.click()
    page.locator('[data-command="runmenu:run-all"]').click()


def _when_run(page: Page, notebook: Path) -> list[dict[str, Any]]:
    """The code cells as they are saved, once all of them ran or one has failed."""
    deadline = time.monotonic() + 300
    while True:
        page.keyboard.press("Control+s")
        page.wait_for_timeout(3000)
        cells = [
            cell
            for cell in json.loads(notebook.read_text())["cells"]
            if cell["cell_type"] == "code" and "".join(cell["source"]).strip()
        ]
        failed = any(out["output_type"] == "error" for cell in cells for out in cell["outputs"])
        if failed or all(cell["execution_count"] for cell in cells):
            return cells
        assert time.monotonic() < deadline, "The cells did not all run in five minutes."
