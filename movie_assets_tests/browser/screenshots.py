"""Pictures of Dagster's web UI after a run on the bundled films; ``pictures`` is the command."""

from __future__ import annotations

import sys
import tempfile
import time
from pathlib import Path

from playwright.sync_api import Page

from movie_assets_tests.browser.web_ui import (
    browsing,
    find_browser,
    materialize_all,
    serving_web_ui,
)

_WINDOW = {"width": 1500, "height": 1000}
#: The daemon judges an asset's freshness some time after it was materialized.
_JUDGED_SECONDS = 180


def take_asset(page: Page, asset: str, first: str, path: Path) -> None:
    """An asset's page, from one entry of its metadata on."""
    page.set_viewport_size(_WINDOW)  # type: ignore[arg-type]
    page.goto(f"/assets/{asset}")
    _wait_until_judged(page)
    hide = page.get_by_role("button", name="Hide navigation")
    if hide.is_visible():
        hide.click()
    row = page.get_by_role("row").filter(has_text=first).first
    row.locator("img").first.wait_for()
    row.evaluate("row => row.scrollIntoView({block: 'start'})")
    page.mouse.move(0, 0)
    page.screenshot(path=path, animations="disabled")


def _wait_until_judged(page: Page) -> None:
    """Load an asset's page until it says how fresh the asset is."""
    deadline = time.monotonic() + _JUDGED_SECONDS
    page.get_by_text("Freshness policy").first.wait_for()
    page.wait_for_load_state("networkidle")
    while page.get_by_text("Not evaluated").first.is_visible():
        if time.monotonic() > deadline:
            sys.exit("The daemon has not judged how fresh the assets are.")
        page.wait_for_timeout(5_000)
        page.reload()
        page.get_by_text("Freshness policy").first.wait_for()
        page.wait_for_load_state("networkidle")


def take_pictures(folder: Path) -> None:
    """Serve the graph, materialize it, and photograph what it shows."""
    browser = find_browser()
    if browser is None:
        sys.exit("No Chromium is installed: apt install chromium")
    with (
        tempfile.TemporaryDirectory() as work,
        serving_web_ui(Path(work)) as server,
        browsing(browser, server, Path(work)) as page,
    ):
        materialize_all(page)
        take_asset(page, "eda_report", "Votes a film", folder / "dagster-report.png")
        take_asset(page, "movies_table", "popularity_histogram", folder / "dagster-table.png")
