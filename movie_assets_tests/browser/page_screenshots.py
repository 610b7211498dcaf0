"""Pictures of the web page, on the bundled films after a real build; ``pictures`` is the command.

The page takes the fonts that a machine has; the pictures were taken with Debian's ``fonts-inter``
and ``fonts-urw-base35``. Posters are drawn, never TMDB's: those are not ours to show around.
"""

from __future__ import annotations

import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from playwright.sync_api import Browser, Page, sync_playwright

from movie_assets_tests.api_server import ApiServer, serving_api, wait_until
from movie_assets_tests.browser.web_ui import find_browser
from movie_assets_tests.dagster_server import bare_environment

#: A picture of the glow behind a film takes many bytes.
_SMALL = {"width": 1060, "height": 580}
#: The dials, and a row of films with their reasons.
_ROW = {"width": 1280, "height": 690}
_DESKTOP, _PHONE = {"width": 1280, "height": 940}, {"width": 390, "height": 844}


def take_pages(browser: Browser, url: str, folder: Path) -> None:
    """The pages that show films."""
    with _page(browser, url, "light") as page:
        page.goto("/")
        page.screenshot(path=folder / "page-home.png")
    with _page(browser, url, "dark") as page:
        page.set_viewport_size(_SMALL)
        page.goto("/films/949-heat")
        page.screenshot(path=folder / "page-film.png")
        page.set_viewport_size(_DESKTOP)
        page.goto("/taste?liked=949,129&not=597")
        page.screenshot(path=folder / "page-taste.png")
        page.goto("/films/348-alien?popularity=0.25&diversity=0.2")
        page.set_viewport_size(_ROW)
        page.locator("#like").evaluate("heading => scrollTo(0, heading.offsetTop - 24)")
        page.screenshot(path=folder / "page-similar.png")
    with _page(browser, url, "dark", phone=True) as page:
        page.goto("/")
        page.get_by_role("combobox").press_sequentially("the lord")
        page.get_by_role("option").first.wait_for()
        page.keyboard.press("ArrowDown")
        page.screenshot(path=folder / "page-phone.png")


def take_figures(browser: Browser, url: str, folder: Path) -> None:
    """The page about the data."""
    with _page(browser, url, "light") as page:
        page.goto("/about-data")
        page.screenshot(path=folder / "page-data.png")


@contextmanager
def _page(browser: Browser, url: str, colours: str, *, phone: bool = False) -> Iterator[Page]:
    context = browser.new_context(
        viewport=_PHONE if phone else _DESKTOP,  # type: ignore[arg-type]
        color_scheme=colours,  # type: ignore[arg-type]
        reduced_motion="reduce",
        base_url=url,
    )
    context.route("https://image.tmdb.org/**", lambda route: route.abort())
    yield context.new_page()
    context.close()


def _build(home: Path, **environment: str) -> None:
    settings = {"MOVIE_ASSETS_HOME": str(home), "MOVIE_ASSETS_SOURCE": "sample"}
    subprocess.run(
        [str(Path(sys.executable).with_name("movie-assets")), "build"],
        env=bare_environment(home) | settings | environment,
        cwd=home,
        check=True,
    )


def _snapshot(server: ApiServer) -> str:
    return str(server.client.get("/ready").json()["snapshot"]["name"])


def take_pictures(folder: Path, movielens: Path | None) -> None:
    """Build, serve, and photograph; the figures after a second build with a MovieLens release."""
    path = find_browser()
    if path is None:
        sys.exit("No Chromium is installed: apt install chromium")
    with tempfile.TemporaryDirectory() as work, sync_playwright() as playwright:
        home = Path(work)
        _build(home)
        browser = playwright.chromium.launch(executable_path=path, args=["--no-sandbox"])
        with serving_api(home) as server:
            url = f"http://127.0.0.1:{server.port}"
            take_pages(browser, url, folder)
            if movielens is not None:
                before = _snapshot(server)
                _build(home, MOVIELENS_DIR=str(movielens.absolute()))
                wait_until(lambda: _snapshot(server) != before, seconds=30)
            take_figures(browser, url, folder)
        browser.close()
