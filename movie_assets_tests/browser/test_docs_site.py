"""The docs' site: built as ``make docs`` builds it, and read in a browser without any network."""

from __future__ import annotations

import re
import shlex
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Page, Request, expect, sync_playwright

from movie_assets_tests.browser.web_ui import browser_of_tests
from movie_assets_tests.dagster_server import bare_environment
from movie_assets_tests.documents import PROJECT, settings

pytestmark = [pytest.mark.process, pytest.mark.timeout(300)]

_LOADED = re.compile(r"(?:<(?:script|img|iframe)\b[^>]*\bsrc=|<link\b[^>]*\bhref=)[\"']([^\"']+)")


def build(source: Path, target: Path, home: Path) -> subprocess.CompletedProcess[str]:
    """Build a folder of pages by the command of ``make docs``."""
    found = re.search(
        r"^docs:.*\n\t\$\(BIN\)/python (.+)$", (PROJECT / "Makefile").read_text(), re.M
    )
    assert found, "make has no docs"
    command = shlex.split(found[1])
    assert command[-2:] == ["docs", "build/docs"]
    return subprocess.run(
        [sys.executable, *command[:-2], str(source), str(target)],
        cwd=PROJECT,
        env=bare_environment(home) | {"PYTHONPATH": str(PROJECT)},
        capture_output=True,
        text=True,
        timeout=240,
        check=False,
    )


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("site")
    done = build(PROJECT / "docs", folder / "html", folder)
    assert done.returncode == 0, done.stdout + done.stderr
    return folder / "html"


def test_what_leads_nowhere_is_an_error(tmp_path: Path) -> None:
    faults = {
        "[lost](nowhere.md)": "nowhere.md",
        "[lost](index.md#no-such-heading)": "no-such-heading",
        "![lost](images/nothing.png)": "nothing.png",
        "```{generated} nothing\n```": "nothing is generated as 'nothing'",
    }
    pages = tmp_path / "docs"
    pages.mkdir()
    shutil.copy(PROJECT / "docs" / "conf.py", pages)
    shutil.copytree(PROJECT / "docs" / "_site", pages / "_site")
    (pages / "index.md").write_text("# Pages\n\n" + "\n\n".join(faults) + "\n")
    done = build(pages, tmp_path / "html", tmp_path)
    assert done.returncode != 0
    assert [complaint for complaint in faults.values() if complaint not in done.stderr] == []


def test_every_page_of_the_folder_is_in_the_site(site: Path) -> None:
    pages = [page.relative_to(PROJECT / "docs") for page in (PROJECT / "docs").rglob("*.md")]
    assert len(pages) > 20
    assert [page for page in pages if not (site / page.with_suffix(".html")).exists()] == []


def test_the_reference_is_the_codes(site: Path) -> None:
    page = (site / "reference" / "settings.html").read_text()
    assert [name for name in settings() if f">{name}<" not in page] == []


def test_nothing_is_loaded_from_elsewhere(site: Path) -> None:
    loaded = {
        address for page in site.rglob("*.html") for address in _LOADED.findall(page.read_text())
    }
    assert len(loaded) > 10
    assert [address for address in loaded if re.match(r"(?:https?:)?//", address)] == []
    styles = "".join(style.read_text() for style in site.rglob("*.css"))
    assert not re.search(r"(?:@import|url\()\s*[\"']?(?:https?:)?//", styles)


@pytest.fixture
def page(site: Path) -> Iterator[Page]:
    """A browser on the first page, from the disk; at the end it must have asked no server."""
    asked: list[str] = []

    def hear(request: Request) -> None:
        if not request.url.startswith(("file:", "data:")):
            asked.append(request.url)

    path = browser_of_tests()
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=path, args=["--no-sandbox", "--disable-gpu"]
        )
        context = browser.new_context(offline=True, color_scheme="light")
        page = context.new_page()
        page.on("request", hear)
        page.goto((site / "index.html").as_uri())
        yield page
        browser.close()
    assert asked == []


@pytest.mark.browser
def test_the_graph_is_drawn_and_search_finds_without_a_network(page: Page) -> None:
    boxes = page.locator(".data-flow .box text:first-of-type")
    assert {"movies_table", "similarity_matrix"} <= set(boxes.all_text_contents())
    page.get_by_placeholder("Search").fill("retention of ticks")
    page.keyboard.press("Enter")
    expect(page.locator("#search-results li").first).to_be_visible()
    assert "Running it" in page.locator("#search-results").inner_text()


@pytest.mark.browser
def test_light_and_dark_follow_the_system(page: Page) -> None:
    ground = "getComputedStyle(document.body).backgroundColor"
    light = page.evaluate(ground)
    page.emulate_media(color_scheme="dark")
    assert page.evaluate(ground) != light
