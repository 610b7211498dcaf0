"""Dagster's web UI on this graph: served by a process of its own, worked in a real Chromium.

Both the test and the pictures in the docs go through here.
"""

from __future__ import annotations

import json
import os
import re
import shutil
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from playwright.sync_api import Locator, Page, ViewportSize, expect, sync_playwright

from movie_assets_tests.dagster_server import Server, bare_environment, free_port, serving

BROWSERS = ("chromium", "chromium-browser", "google-chrome")
_BROWSER_OPTIONS = (
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
)
# Wide enough for the graph to be drawn with its details, and not as boxes with a name.
WINDOW: ViewportSize = {"width": 2000, "height": 1125}
#: Where the graph has less room, it is drawn small and without the assets' states.
_GRAPH_WINDOW: ViewportSize = {"width": 5400, "height": 4200}
_SECOND = 1000
_RUN_SECONDS = 180

# What a page shows may be long in coming where tests share two processors with Dagster's daemons:
# Playwright's 5 s were not enough.
expect.set_options(timeout=60 * _SECOND)


def find_browser() -> str | None:
    """The path of the browser that is installed."""
    return next((path for name in BROWSERS if (path := shutil.which(name))), None)


def browser_of_tests() -> str:
    """The same for a test, which is skipped where there is none; in CI it fails."""
    found = find_browser()
    if found is None:
        message = f"No browser is installed, none of {', '.join(BROWSERS)}: apt install chromium"
        if os.environ.get("CI") == "true":
            pytest.fail(message)
        pytest.skip(message)
    return found


@contextmanager
def serving_web_ui(folder: Path) -> Iterator[Server]:
    """``movie-assets ui`` on the bundled films, everything that it writes in a folder."""
    (folder / "home").mkdir(parents=True)
    command = [str(Path(sys.executable).with_name("movie-assets")), "ui", "--port"]
    environment = bare_environment(folder / "home") | {
        "MOVIE_ASSETS_HOME": str(folder / "data"),
        "MOVIE_ASSETS_SOURCE": "sample",
    }
    with serving([*command, str(free_port())], folder, environment) as server:
        yield server


@contextmanager
def browsing(browser: str, server: Server, folder: Path) -> Iterator[Page]:
    """A page of a new browser. When something fails, what it showed is kept in the folder."""
    with (
        sync_playwright() as playwright,
        playwright.chromium.launch_persistent_context(
            folder / "profile",
            executable_path=browser,
            args=_BROWSER_OPTIONS,
            viewport=WINDOW,
            base_url=server.url,
        ) as context,
    ):
        page = context.new_page()
        page.set_default_timeout(30 * _SECOND)
        # Dagster asks for an e-mail address, over whatever is shown, once and at any moment.
        page.add_locator_handler(page.get_by_role("button", name="Skip"), lambda skip: skip.click())
        try:
            yield page
        except BaseException as error:
            picture = folder / "failure.png"
            page.screenshot(path=picture)
            error.add_note(f"What {page.url} showed is in {picture}")
            raise


def materialize_all(page: Page) -> None:
    """Press *Materialize all* in the asset graph and follow the run to its end."""
    page.goto("/asset-groups")
    page.get_by_role("button", name="Materialize all").click()
    page.get_by_role("link", name="View", exact=True).click()
    expect(page).to_have_url(re.compile(r"/runs/[0-9a-f-]{36}"))
    # While a run goes on, its page draws it all the time, and takes from it half a processor.
    shown = page.url
    page.goto("about:blank")
    _wait_for_run(page, shown.rpartition("/")[2])
    page.goto(shown)
    ended = page.get_by_text(re.compile("^(Success|Failure|Canceled)$")).first
    expect(ended).to_have_text("Success")


def _wait_for_run(page: Page, run_id: str) -> None:
    query = f"{{ runOrError(runId: {json.dumps(run_id)}) {{ ... on Run {{ endTime }} }} }}"
    deadline = time.monotonic() + _RUN_SECONDS
    while time.monotonic() < deadline:
        answer = page.request.post("/graphql", data={"query": query}).json()
        if answer["data"]["runOrError"]["endTime"]:
            return
        time.sleep(0.5)
    raise AssertionError(f"Run {run_id} has not ended after {_RUN_SECONDS} s.")


def open_graph(page: Page) -> None:
    """Show the whole asset graph with the details of each asset."""
    page.set_viewport_size(_GRAPH_WINDOW)
    page.goto("/asset-groups")
    # Remembered by the browser, so already done when the graph is opened again.
    for button in (
        page.get_by_role("button", name="Hide navigation"),
        button_with_icon(page, "panel_show_right"),
    ):
        page.get_by_role("button", name="Materialize all").wait_for()
        if button.is_visible():
            button.click()
    button_with_icon(page, "settings").last.click()
    page.get_by_role("menuitem", name="Expand all groups").click()
    page.reload()  # draws the graph as large as the window has room for


def graph_nodes(page: Page) -> Locator:
    """The assets and groups of the graph."""
    return page.locator("foreignObject")


def button_with_icon(page: Page, icon: str) -> Locator:
    """The buttons that have no text, but this icon."""
    return page.get_by_role("button").filter(has=page.get_by_role("img", name=icon, exact=True))
