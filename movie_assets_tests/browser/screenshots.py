"""Take the pictures of the docs from Dagster's web UI, after a run on the bundled films.

One command renews them: ``python -m movie_assets_tests.browser.screenshots [FOLDER]``.
"""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path

from playwright.sync_api import FloatRect, Page, expect

from movie_assets.assets import assets_of
from movie_assets_tests.browser.web_ui import (
    browsing,
    button_with_icon,
    find_browser,
    graph_nodes,
    materialize_all,
    open_graph,
    serving_web_ui,
)

IMAGES = Path(__file__).parents[2] / "docs" / "images"
_MARGIN = 24


def take_run(page: Page, path: Path) -> None:
    """The page of the run that has just ended, its steps on a time line."""
    page.set_viewport_size({"width": 1600, "height": 900})
    page.mouse.move(0, 0)
    expect(page.get_by_role("link", name="View", exact=True)).to_be_hidden(timeout=30_000)
    page.screenshot(path=path, animations="disabled")


def take_asset_graph(page: Page, path: Path) -> None:
    """The asset graph from left to right, every asset materialized, nothing else of the page."""
    open_graph(page)
    button_with_icon(page, "config").click()
    # None of our assets has partitions.
    page.get_by_role("dialog").locator("label").filter(has_text="Partitions").click()
    page.get_by_role("button", name="Save").click()
    page.reload()
    page.mouse.move(0, 0)
    expect(page.get_by_text("Materialized", exact=True)).to_have_count(len(assets_of("sample")))
    expect(page.get_by_role("menu")).to_have_count(0)
    page.screenshot(path=path, clip=_surroundings(page), animations="disabled")


def _surroundings(page: Page) -> FloatRect:
    """The part of the page that the graph takes."""
    boxes = [box for node in graph_nodes(page).all() if (box := node.bounding_box())]
    left = min(box["x"] for box in boxes) - _MARGIN
    top = min(box["y"] for box in boxes) - _MARGIN
    right = max(box["x"] + box["width"] for box in boxes) + _MARGIN
    bottom = max(box["y"] + box["height"] for box in boxes) + _MARGIN
    return {"x": left, "y": top, "width": right - left, "height": bottom - top}


def main() -> None:
    """Take all pictures."""
    folder = Path(sys.argv[1]) if len(sys.argv) > 1 else IMAGES
    browser = find_browser()
    if browser is None:
        sys.exit("No Chromium is installed: apt install chromium")
    folder.mkdir(parents=True, exist_ok=True)
    with (
        tempfile.TemporaryDirectory() as work,
        serving_web_ui(Path(work)) as server,
        browsing(browser, server, Path(work)) as page,
    ):
        materialize_all(page)
        take_run(page, folder / "run.png")
        take_asset_graph(page, folder / "asset-graph.png")
    for picture in sorted(folder.glob("*.png")):
        sys.stdout.write(f"{picture}  {picture.stat().st_size // 1024} KB\n")


if __name__ == "__main__":
    main()
