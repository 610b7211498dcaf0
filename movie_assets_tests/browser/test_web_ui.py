"""The graph as people operate it: in Dagster's web UI, from the first click to the green run."""

from __future__ import annotations

import re
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from playwright.sync_api import Page, expect

from movie_assets.assets import assets_of
from movie_assets.checks import build_checks
from movie_assets_tests.browser.web_ui import (
    WINDOW,
    browser_of_tests,
    browsing,
    materialize_all,
    open_graph,
    serving_web_ui,
)
from movie_assets_tests.dagster_server import Server

pytestmark = [pytest.mark.browser, pytest.mark.process]

CHECKED_ASSETS = len({key.asset_key for step in build_checks("sample") for key in step.check_keys})
AUTOMATIONS = ("automation", "daily_refresh", "failure_webhook", "tmdb_changes_sensor")


@pytest.fixture
def browser() -> str:
    return browser_of_tests()


def test_the_graph_is_materialized_and_looked_at_in_the_browser(
    browser: str, tmp_path: Path
) -> None:
    with serving_web_ui(tmp_path) as server, browsing(browser, server, tmp_path) as page:
        hosts = set()
        page.on("request", lambda request: hosts.add(urlsplit(request.url).hostname))

        automations_are_running(page)
        materialize_all(page)
        run_has_no_failed_step(page)
        all_assets_are_green_in_the_graph(page)
        nothing_is_out_of_sync(server)
        asset_page_shows_preview_and_pictures(page)
        report_is_shown(page)
        checks_are_explained(page)

        assert hosts <= {"127.0.0.1", None}, "The UI loads from elsewhere."


def automations_are_running(page: Page) -> None:
    page.goto("/automation")
    for name in AUTOMATIONS:
        # Each row has two boxes: whether it is selected, and the switch.
        row = page.locator("[data-index]").filter(has=page.get_by_text(name, exact=True))
        expect(row.get_by_role("checkbox").last, f"{name} runs").to_be_checked()


def run_has_no_failed_step(page: Page) -> None:
    expect(page.get_by_text(f"{len(assets_of('sample'))} assets")).to_be_visible()
    expect(page.get_by_text("Errored (0)")).to_be_visible()
    expect(page.get_by_text(re.compile(r"^Succeeded \([1-9]\d*\)$"))).to_be_visible()


def all_assets_are_green_in_the_graph(page: Page) -> None:
    open_graph(page)
    materialized = page.get_by_text("Materialized", exact=True)
    try:
        expect(materialized).to_have_count(len(assets_of("sample")), timeout=30_000)
    except AssertionError:
        # A busy machine answers late, and the page itself asks again seldom.
        page.reload()
        expect(materialized).to_have_count(len(assets_of("sample")))
    passed = page.get_by_text(re.compile(r"^\d+ / \d+ Passed$"))
    expect(passed).to_have_count(CHECKED_ASSETS)
    for text in passed.all_inner_texts():
        done, of = re.findall(r"\d+", text)
        assert done == of, text
    page.set_viewport_size(WINDOW)


def nothing_is_out_of_sync(server: Server) -> None:
    answer = server.graphql("{ assetNodes { assetKey { path } staleStatus } }")
    statuses = {node["assetKey"]["path"][-1]: node["staleStatus"] for node in answer["assetNodes"]}
    assert set(statuses.values()) == {"FRESH"}, statuses


def asset_page_shows_preview_and_pictures(page: Page) -> None:
    page.goto("/assets/movies_table")
    expect(page.get_by_role("button", name="Description")).to_be_visible()
    preview = page.get_by_role("row").filter(has_text="preview").last
    expect(preview.get_by_role("cell", name="original_language", exact=True)).to_be_visible()
    for name in ("votes_histogram", "vote_average_histogram", "popularity_histogram"):
        picture = page.get_by_role("row").filter(has_text=name).locator("img")
        picture.scroll_into_view_if_needed()
        expect(picture).to_have_attribute("src", re.compile("^data:image/"))
        assert picture.evaluate("image => image.complete && image.naturalWidth") > 0, name
    # What is longer than the page has room for hides behind a link.
    expect(page.get_by_text("[Show Markdown]")).to_have_count(0)


def report_is_shown(page: Page) -> None:
    page.goto("/assets/eda_report")
    for name in ("Votes a film", "Films of each genre", "Who gets the places in the lists"):
        picture = page.get_by_role("row").filter(has_text=name).locator("img").first
        picture.scroll_into_view_if_needed()
        assert picture.evaluate("image => image.complete && image.naturalWidth") > 0, name
    # The whole of it opens in a window.
    page.get_by_role("row").filter(has_text="report").get_by_text("[Show Markdown]").click()
    window = page.get_by_role("dialog")
    expect(window.get_by_role("heading", name="Popularity bias")).to_be_visible()


def checks_are_explained(page: Page) -> None:
    page.goto("/assets/movies_table/?view=checks&checkDetail=genres_known")
    expect(page.get_by_text("Every genre of a film is in genres_table.")).to_be_visible()
    expect(page.get_by_text("Passed", exact=True)).to_be_visible()
