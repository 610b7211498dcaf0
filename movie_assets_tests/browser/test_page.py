"""The web page as people use it: in a real Chromium, on a real server."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import (
    Browser,
    BrowserContext,
    ConsoleMessage,
    Page,
    Response,
    Route,
    expect,
    sync_playwright,
)

from movie_assets_tests.api_server import serving_api
from movie_assets_tests.browser.web_ui import browser_of_tests
from movie_assets_tests.exports import LETTERBOXD, zipped
from movie_assets_tests.pages import HOSTILE, HOSTILE_ID, HOSTILE_SEQUEL_ID, publish_pages_films

pytestmark = [pytest.mark.browser, pytest.mark.process]

_POSTER = '<svg xmlns="http://www.w3.org/2000/svg" width="342" height="513"/>'
#: By colours: all rules, with the one of WCAG 2.2 that axe leaves out unless it is asked for; and
#: in other colours, the one rule that they matter for.
_AXE = {
    "light": {"resultTypes": ["violations"], "rules": {"target-size": {"enabled": True}}},
    "dark": {"resultTypes": ["violations"], "runOnly": ["color-contrast"]},
}
DESKTOP, PHONE = {"width": 1280, "height": 900}, {"width": 390, "height": 844}
#: Every kind of page, in every state that it has.
PAGES = (
    "/",
    "/search?q=the",
    "/search?q=qqqqqqqq",
    "/films/949-heat?genre=Crime&from=1975&popularity=7",
    f"/films/{HOSTILE_ID}",
    "/taste",
    "/taste?liked=949,680&not=597&q=star",
    "/about-data",
    "/films/1",
)


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    home = tmp_path_factory.mktemp("page")
    publish_pages_films(home / "published")
    with serving_api(home) as api:
        yield f"http://127.0.0.1:{api.port}"


@pytest.fixture(scope="module")
def chromium() -> Iterator[Browser]:
    path = browser_of_tests()
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=path, args=["--no-sandbox", "--disable-gpu"]
        )
        yield browser
        browser.close()


@contextmanager
def visiting(
    chromium: Browser, server: str, *, posters: bool = True, **options: object
) -> Iterator[Page]:
    """A page in a fresh context; at its end nothing may have failed or been forbidden."""
    context: BrowserContext = chromium.new_context(
        base_url=server,
        **{"viewport": DESKTOP, "reduced_motion": "reduce"} | options,  # type: ignore[arg-type]
    )
    context.set_default_timeout(20_000)

    def poster(route: Route) -> None:
        if posters:
            route.fulfill(body=_POSTER, content_type="image/svg+xml")
        else:
            route.abort()

    context.route("https://image.tmdb.org/**", poster)
    page = context.new_page()
    failures: list[str] = []

    def hear(message: ConsoleMessage) -> None:
        if message.type in {"error", "warning"} and "Failed to load resource" not in message.text:
            failures.append(message.text)

    def see(response: Response) -> None:
        if response.status >= 400 and response.request.resource_type != "document":
            failures.append(f"{response.status} {response.url}")

    page.on("console", hear)
    page.on("pageerror", lambda error: failures.append(str(error)))
    page.on("response", see)
    try:
        yield page
        assert failures == []
    finally:
        context.close()


@pytest.fixture
def page(chromium: Browser, server: str) -> Iterator[Page]:
    with visiting(chromium, server) as page:
        yield page


def cards(page: Page) -> list[str]:
    """The titles of the films shown."""
    return page.locator(".card h3 a").all_inner_texts()


def test_search_by_keyboard(page: Page) -> None:
    page.goto("/")
    search = page.get_by_role("combobox", name="Search for a film")
    page.keyboard.press("Tab")
    expect(page.get_by_role("link", name="Skip to the content")).to_be_focused()
    search.focus()
    page.keyboard.type("the godf")
    options = page.get_by_role("option")
    expect(options.first).to_contain_text("The Godfather")
    expect(search).to_have_attribute("aria-expanded", "true")
    expect(page.locator("#live")).to_have_text(re.compile(r"^\d films?: use the arrow keys"))

    page.keyboard.press("ArrowUp")
    expect(options.last).to_have_attribute("aria-selected", "true")
    page.keyboard.press("ArrowDown")
    expect(options.first).to_have_attribute("aria-selected", "true")
    first = options.first.get_attribute("id")
    expect(search).to_have_attribute("aria-activedescendant", str(first))
    expect(search).to_be_focused()

    page.keyboard.press("Escape")
    expect(page.get_by_role("listbox")).to_be_hidden()
    expect(search).to_have_attribute("aria-expanded", "false")
    assert search.get_attribute("aria-activedescendant") is None
    page.keyboard.press("ArrowDown")
    expect(options.first).to_be_visible()
    page.keyboard.press("ArrowDown")
    page.keyboard.press("Enter")
    expect(page).to_have_url(re.compile("/films/238-the-godfather$"))
    expect(page.get_by_role("heading", level=1)).to_have_text("The Godfather")


def test_search_with_the_mouse_and_without_choosing(page: Page) -> None:
    page.goto("/about-data")
    page.get_by_role("combobox").press_sequentially("amelie")
    page.get_by_role("option").first.click()
    expect(page.get_by_role("heading", level=1)).to_have_text("Amélie")
    page.get_by_role("combobox").fill("the god")
    page.keyboard.press("Enter")
    expect(page).to_have_url(re.compile(r"/search\?q=the\+god$"))
    expect(page.locator(".card").first).to_contain_text("The Godfather")


def test_a_film_page_and_the_way_to_another_film(page: Page) -> None:
    page.goto("/films/949-heat")
    first = page.locator("#similar .card").first
    expect(first.locator(".why")).not_to_be_empty()
    title = first.locator("h3").inner_text()
    poster = page.locator("article .poster img")
    assert poster.evaluate("image => image.naturalWidth") > 0
    first.click()
    expect(page.get_by_role("heading", level=1)).to_have_text(title)


def test_a_poster_that_cannot_be_loaded_leaves_the_drawn_one(
    chromium: Browser, server: str
) -> None:
    with visiting(chromium, server, posters=False) as page:
        page.goto("/films/949-heat")
        poster = page.locator("article .poster")
        expect(poster.locator("img")).to_have_count(1)
        expect(poster.locator("svg")).to_be_visible()
        page.wait_for_function("document.querySelector('article img').complete")
        width = poster.locator("img").evaluate("image => image.naturalWidth")
        box = poster.bounding_box()
        assert width == 0
        assert box is not None
        assert box["height"] == pytest.approx(box["width"] * 1.5, abs=1)


def test_dials_and_filters_change_the_films_and_the_address(page: Page) -> None:
    page.goto("/films/949-heat")
    page.evaluate("window.sameDocument = true")
    plain = cards(page)
    dial = page.get_by_role("slider", name="How well known")
    expect(dial).to_have_attribute("aria-valuetext", "Balanced")
    dial.focus()
    page.keyboard.press("Home")
    expect(page).to_have_url(re.compile(r"/films/949-heat\?popularity=0$"))
    expect(dial).to_have_attribute("aria-valuetext", "Hidden gems")
    expect(page.locator("#similar")).not_to_have_attribute("aria-busy", "true")
    gems = cards(page)
    assert gems != plain
    expect(dial).to_be_focused()

    page.get_by_text("Filters").click()
    page.get_by_role("group", name="Must not be").get_by_label("Action").check()
    expect(page).to_have_url(re.compile(r"\?popularity=0&without=Action$"))
    page.get_by_label("from").first.fill("1990")
    expect(page).to_have_url(re.compile(r"\?popularity=0&from=1990&without=Action$"))
    expect(page.locator("#live")).to_contain_text("as you set it")
    chosen = cards(page)
    assert page.evaluate("window.sameDocument") is True

    page.reload()
    assert cards(page) == chosen
    expect(dial).to_have_value("0")
    expect(page.get_by_label("from").first).to_have_value("1990")
    page.get_by_role("link", name="Set back").click()
    expect(page).to_have_url(re.compile("/films/949-heat$"))
    assert cards(page) == plain


def test_more_films_without_a_new_page(page: Page) -> None:
    page.goto("/films/949-heat")
    page.get_by_role("button", name="More films").click()
    expect(page.locator("#similar .card")).to_have_count(48)
    expect(page).to_have_url(re.compile(r"\?limit=48$"))


def test_a_server_that_cannot_be_reached_is_told(page: Page) -> None:
    page.goto("/films/949-heat")
    page.route("**/films/**", lambda route: route.abort())
    page.get_by_role("slider", name="How varied").press("End")
    expect(page.get_by_role("alert")).to_contain_text("The server cannot be reached")
    assert len(cards(page)) == 24
    page.unroute("**/films/**")
    page.get_by_role("slider", name="How varied").press("Home")
    expect(page.get_by_role("alert")).to_have_count(0)


def test_a_taste_is_picked_changed_and_taken_back(page: Page) -> None:
    page.goto("/taste")
    search = page.get_by_role("combobox")
    search.press_sequentially("heat")
    expect(page.get_by_role("option").first).to_contain_text("1995")
    page.keyboard.press("ArrowDown")
    page.keyboard.press("Enter")
    expect(page).to_have_url(re.compile(r"/taste\?liked=949$"))
    expect(page.locator("#suggestions .card").first).to_contain_text("Because you liked Heat")
    expect(search).to_be_focused()
    search.press_sequentially("spirited")
    expect(page.get_by_role("option").first).to_contain_text("Spirited Away")
    page.get_by_role("option").first.click()
    expect(page).to_have_url(re.compile(r"/taste\?liked=949,129$"))
    both = cards(page)

    page.get_by_role("button", name="Not for me Heat (1995)").click()
    expect(page).to_have_url(re.compile(r"/taste\?liked=129&not=949$"))
    expect(page.get_by_role("button", name="Not for me Heat (1995)")).to_be_focused()
    expect(page.get_by_role("button", name="Not for me Heat (1995)")).to_have_attribute(
        "aria-pressed", "true"
    )
    page.go_back()
    expect(page.get_by_role("button", name="Liked Heat (1995)")).to_have_attribute(
        "aria-pressed", "true"
    )
    assert cards(page) == both
    page.get_by_role("button", name="Take Heat (1995) away").click()
    expect(page).to_have_url(re.compile(r"/taste\?liked=129$"))
    page.get_by_role("slider", name="How well known").press("Home")
    expect(page).to_have_url(re.compile(r"/taste\?liked=129&popularity=0$"))
    page.get_by_role("link", name="Begin anew").click()
    expect(page).to_have_url(re.compile("/taste$"))


def test_a_taste_begins_with_a_film_that_many_know(page: Page) -> None:
    page.goto("/taste")
    page.get_by_role("button", name="Liked The Matrix (1999)").click()
    expect(page).to_have_url(re.compile(r"/taste\?liked=603$"))
    expect(page.locator("#suggestions .card").first).to_contain_text("Because you liked The Matrix")


def test_a_letterboxd_export_becomes_a_list(page: Page, tmp_path: Path) -> None:
    export = tmp_path / "letterboxd-nobody-real.zip"
    export.write_bytes(zipped(LETTERBOXD))
    page.goto("/taste")
    page.get_by_label("Export file").set_input_files(export)
    expect(page.get_by_text("of your Letterboxd export")).to_be_visible()
    expect(page.get_by_text("Meadow, Under Glass (2022)")).to_be_visible()
    expect(page).to_have_url(re.compile(r"/taste\?profile=[\w-]+$"))
    expect(page.locator("#suggestions .card")).to_have_count(24)
    films = cards(page)
    page.reload()
    assert cards(page) == films
    page.get_by_role("slider", name="How varied").press("End")
    expect(page).to_have_url(re.compile(r"/taste\?profile=[\w-]+&diversity=1$"))


def test_colours_follow_the_system_until_they_are_switched(chromium: Browser, server: str) -> None:
    ground = "getComputedStyle(document.body).backgroundColor"
    with visiting(chromium, server, color_scheme="light") as page:
        page.goto("/")
        light = page.evaluate(ground)
        page.emulate_media(color_scheme="dark")
        dark = page.evaluate(ground)
        assert light != dark
        page.get_by_role("button", name="Switch to the other colours").click()
        assert page.evaluate(ground) == light
        page.goto("/about-data")
        assert page.evaluate(ground) == light
        page.get_by_role("button", name="Switch to the other colours").click()
        assert page.evaluate(ground) == dark


def test_without_script_search_dials_and_taste_work(chromium: Browser, server: str) -> None:
    with visiting(chromium, server, posters=False, java_script_enabled=False) as page:
        page.goto("/")
        expect(page.get_by_role("button", name="Switch")).to_have_count(0)
        page.get_by_role("textbox", name="Search for a film").fill("heat")
        page.get_by_role("button", name="Search").click()
        page.get_by_role("link", name="Heat", exact=True).click()
        expect(page.get_by_role("heading", level=1)).to_have_text("Heat")
        plain = cards(page)
        page.get_by_text("Filters").click()
        page.get_by_role("group", name="Has to be").get_by_label("Thriller").check()
        page.get_by_role("button", name="Apply").click()
        expect(page).to_have_url(re.compile(r"/films/949-heat\?.*genre=Thriller"))
        assert cards(page) != plain
        page.get_by_role("button", name="More films").click()
        expect(page).to_have_url(re.compile("limit=48"))

        page.goto("/taste")
        page.get_by_role("textbox").fill("spirited away")
        page.keyboard.press("Enter")
        page.get_by_role("button", name="Liked Spirited Away (2001)").first.click()
        expect(page).to_have_url(re.compile(r"/taste\?liked=129$"))
        expect(page.locator("#suggestions .card").first).to_contain_text("Because you liked")
        page.get_by_role("button", name="Take Spirited Away (2001) away").click()
        expect(page).to_have_url(re.compile("/taste$"))


def test_hostile_films_are_shown_as_text(page: Page) -> None:
    def is_untouched() -> bool:
        return bool(page.evaluate("window.pwned === undefined"))

    page.goto(f"/films/{HOSTILE_ID}")
    expect(page.get_by_role("heading", level=1)).to_have_text(HOSTILE)
    assert is_untouched()
    page.get_by_role("combobox").press_sequentially("window pwned")
    expect(page.get_by_role("option").first).to_contain_text("<script>window.pwned=1</script>")
    assert is_untouched()
    page.get_by_role("slider", name="How varied").press("End")
    expect(page.locator("#live")).to_contain_text("as you set it")
    assert is_untouched()
    page.goto(f"/taste?liked={HOSTILE_ID},{HOSTILE_SEQUEL_ID}")
    expect(page.get_by_role("button", name=f"Take {HOSTILE} (1996) away")).to_be_visible()
    assert is_untouched()


def test_the_page_prints_its_films_and_not_its_controls(page: Page) -> None:
    page.goto("/films/949-heat")
    page.emulate_media(media="print")
    expect(page.get_by_role("slider", include_hidden=True).first).to_be_hidden()
    expect(page.locator("#similar .card").first).to_be_visible()


@pytest.mark.parametrize("width", [DESKTOP, PHONE], ids=["desktop", "phone"])
def test_axe_finds_nothing_and_nothing_scrolls_sideways(
    chromium: Browser, server: str, width: dict[str, int]
) -> None:
    found = []
    with visiting(chromium, server, posters=False, viewport=width) as page:
        for path in PAGES:
            page.goto(path)
            if path == "/":
                page.get_by_role("combobox").press_sequentially("the g")
                page.keyboard.press("ArrowDown")
                expect(page.get_by_role("option").first).to_be_visible()
            if path == "/about-data":
                page.get_by_text("All 10 figures").click()
            for colours, options in _AXE.items():
                page.emulate_media(color_scheme=colours)  # type: ignore[arg-type]
                found += [
                    (path, colours, violation["id"], violation["nodes"][0]["html"])
                    for violation in Axe().run(page, options=options).response["violations"]
                ]
            # 320 pixels is what WCAG asks for: a wide window at a zoom of 400 %.
            for narrow in (width, {"width": 320, "height": 640}):
                page.set_viewport_size(narrow)  # type: ignore[arg-type]
                room = page.evaluate("[document.documentElement.scrollWidth, window.innerWidth]")
                assert room[0] <= room[1], (path, room)
            page.set_viewport_size(width)  # type: ignore[arg-type]
    assert found == []
