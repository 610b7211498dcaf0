"""The pages over HTTP, as a browser without script gets them from a real server."""

from __future__ import annotations

import re
from collections.abc import Iterator
from html import unescape
from html.parser import HTMLParser
from pathlib import Path
from random import Random

import httpx
import pytest

from movie_assets.serving.web.picks import LONGEST_IN_ADDRESS, Brought, write_profile
from movie_assets_tests.api_server import serving_api
from movie_assets_tests.exports import LETTERBOXD, zipped
from movie_assets_tests.pages import HOSTILE_ID, publish_pages_films
from movie_assets_tests.snapshots import bundled_films

pytestmark = pytest.mark.process

BROWSER = {"Accept": "text/html,application/xhtml+xml,*/*;q=0.8"}
HEAT, PULP_FICTION, TITANIC = 949, 680, 597
PAGES = (
    "/",
    "/search",
    "/search?q=the",
    "/search?q=nothing-has-this-name",
    "/films/949-heat",
    "/films/949-heat?genre=Crime&popularity=7",
    "/films/1",
    "/taste",
    "/taste?liked=949,680&not=597",
    "/about-data",
    "/nowhere",
)
TMDB = "This product uses the TMDB API but is not endorsed or certified by TMDB."


@pytest.fixture(scope="module")
def web(tmp_path_factory: pytest.TempPathFactory) -> Iterator[httpx.Client]:
    home = tmp_path_factory.mktemp("web")
    publish_pages_films(home / "published")
    with serving_api(home) as server:
        server.client.headers.update(BROWSER)
        yield server.client


class Tags(HTMLParser):
    """The tags of a page with their attributes, those that end again not least."""

    VOID = frozenset({"meta", "link", "input", "img", "path", "rect", "circle", "line", "col"})

    def __init__(self, html: str) -> None:
        super().__init__()
        self.found: list[tuple[str, dict[str, str | None]]] = []
        self.open: list[str] = []
        self.feed(html)
        self.close()
        assert self.open == [], f"not closed: {self.open}"

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.found.append((tag, dict(attrs)))
        if tag not in self.VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.found.append((tag, dict(attrs)))

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag, f"</{tag}> ends what is not open"

    def all(self, tag: str) -> list[dict[str, str | None]]:
        return [attributes for name, attributes in self.found if name == tag]


def titles(html: str) -> list[str]:
    """Of the cards."""
    found = re.findall(r'<h[23]><a href="/films/[^"]*">([^<]*)</a></h[23]>', html)
    return [unescape(title) for title in found]


@pytest.mark.parametrize("path", PAGES)
def test_every_page_is_well_formed_protected_and_attributed(web: httpx.Client, path: str) -> None:
    answer = web.get(path)
    assert answer.headers["Content-Type"] == "text/html; charset=utf-8"
    policy = dict(
        part.split(" ", 1) for part in answer.headers["Content-Security-Policy"].split("; ")
    )
    assert policy == {
        "default-src": "'none'",
        "script-src": "'self'",
        "style-src": "'self'",
        "img-src": "'self' https://image.tmdb.org",
        "connect-src": "'self'",
        "form-action": "'self'",
        "base-uri": "'none'",
        "frame-ancestors": "'none'",
    }
    assert answer.headers["X-Content-Type-Options"] == "nosniff"
    assert answer.headers["Referrer-Policy"] == "same-origin"
    assert TMDB in answer.text
    tags = Tags(answer.text)
    for tag, attributes in tags.found:
        assert tag != "style"
        assert "style" not in attributes
        assert not [name for name in attributes if name.startswith("on")], tag
    (script,) = tags.all("script")
    (sheet,) = (link for link in tags.all("link") if link["rel"] == "stylesheet")
    for own in (script["src"], sheet["href"]):
        assert own is not None
        assert own.startswith("/static/")
        kept = web.get(own)
        assert kept.status_code == 200
        assert kept.headers["Cache-Control"] == "public, max-age=31536000, immutable"
    assert len(tags.all("h1")) == 1
    ids = [attributes["id"] for _, attributes in tags.found if "id" in attributes]
    assert len(ids) == len(set(ids))


def test_the_first_page_is_small(web: httpx.Client) -> None:
    """HTML, style sheet, script and icon, as they are and not as they are sent (compressed)."""
    html = web.get("/").text
    own = re.findall(r'(?:src|href)="(/static/[^"]+)"', html)
    assert len(own) == 3
    sizes = [len(html.encode()), *(len(web.get(path).content) for path in own)]
    assert sum(sizes) <= 60_000, sizes


def test_the_first_page_begins_with_films_that_many_know(web: httpx.Client) -> None:
    films = bundled_films().to_pylist()
    best_known = sorted(films, key=lambda film: (-film["vote_count"], film["movie_id"]))
    assert titles(web.get("/").text) == [film["title"] for film in best_known[:18]]


def test_search_finds_films_and_says_where_there_is_none(web: httpx.Client) -> None:
    found = web.get("/search", params={"q": "amelie"}).text
    assert "Amélie" in titles(found)
    assert "<h1>1 film for “amelie”</h1>" in found
    assert "<h1>The first 30 films for “the”</h1>" in web.get("/search?q=the").text
    nothing = web.get("/search", params={"q": "<b>qqqqqq</b>"})
    assert nothing.status_code == 200
    assert "No film for “&lt;b&gt;qqqqqq&lt;/b&gt;”" in nothing.text


@pytest.mark.parametrize("query", ["", "   ", "\x00", "x" * 10_000, "\x00heat", "\u202eheat", "%"])
def test_any_query_gets_a_page(web: httpx.Client, query: str) -> None:
    answer = web.get("/search", params={"q": query})
    assert answer.status_code == 200
    assert len(answer.text) < 100_000


def test_suggestions_are_a_part_of_the_search_page(web: httpx.Client) -> None:
    answer = web.get("/search", params={"q": "the g"}, headers={"X-Part": "options"})
    options = Tags(answer.text).all("li")
    assert 1 < len(options) <= 8
    assert all(option["role"] == "option" for option in options)
    assert all((option["data-address"] or "").startswith("/films/") for option in options)
    assert "X-Part" in answer.headers["Vary"]
    assert "<html" not in answer.text
    whole = web.get("/search", params={"q": "the g"}, headers={"X-Part": "../base"})
    assert "<html" in whole.text


def test_a_film_shows_its_facts_and_films_like_it_with_reasons(web: httpx.Client) -> None:
    html = web.get("/films/949-heat").text
    text = re.sub(r"<[^>]+>", " ", html)
    for fact in ("1995", "2 h 50 min", "Crime", "Michael Mann", "Al Pacino"):
        assert fact in text
    assert 'href="https://www.themoviedb.org/movie/949"' in html
    assert 'href="https://www.imdb.com/title/tt0113277/"' in html
    assert "Casino" in titles(html)
    assert "with Robert De Niro" in html
    posters = Tags(html).all("img")
    assert posters[0]["src"] == "https://image.tmdb.org/t/p/w342" + next(
        film["poster_path"] for film in bundled_films().to_pylist() if film["movie_id"] == HEAT
    )
    assert all(poster["width"] and poster["height"] for poster in posters)
    assert all(poster["loading"] == "lazy" for poster in posters[1:])


@pytest.mark.parametrize("path", ["/films/949", "/films/949-", "/films/949-something-else"])
def test_a_film_has_one_address(web: httpx.Client, path: str) -> None:
    answer = web.get(path, params={"genre": "Crime"})
    assert answer.status_code == 308
    assert answer.headers["Location"] == "/films/949-heat?genre=Crime"


@pytest.mark.parametrize(
    "film", ["0", "1", "-1", "949x", "heat", "9" * 9, "9223372036854775808", "9" * 100, "²", "%00"]
)
def test_a_film_that_is_not_there_has_a_page_that_says_so(web: httpx.Client, film: str) -> None:
    answer = web.get(f"/films/{film}")
    assert answer.status_code == 404
    assert "There is no such film here" in answer.text


def test_dials_and_filters_change_the_list_and_stay_in_the_form(web: httpx.Client) -> None:
    plain = titles(web.get("/films/949-heat").text)
    query = "?popularity=0.1&to=1989&genre=Crime&without=Comedy&votes=100&shortest=90"
    answer = web.get("/films/949-heat" + query)
    chosen = titles(answer.text)
    assert chosen
    assert chosen != plain
    films = {film["title"]: film for film in bundled_films().to_pylist()}
    for title in chosen:
        film = films[title]
        assert film["release_date"].year <= 1989
        assert "Crime" in film["genres"]
        assert "Comedy" not in film["genres"]
        assert film["vote_count"] >= 100
        assert film["runtime"] >= 90
    tags = Tags(answer.text)
    values = {
        one.get("name"): one.get("value") for one in tags.all("input") if one["type"] != "checkbox"
    }
    assert (values["popularity"], values["to"], values["shortest"]) == ("0.1", "1989", "90")
    checked = [(one["name"], one["value"]) for one in tags.all("input") if "checked" in one]
    assert checked == [("genre", "Crime"), ("without", "Comedy")]
    assert [one["value"] for one in tags.all("option") if "selected" in one] == ["100"]


def test_what_cannot_be_wanted_is_told_on_a_page_that_still_shows_films(web: httpx.Client) -> None:
    answer = web.get("/films/949-heat?popularity=2&genre=%3Cb%3E&limit=1000000000")
    assert answer.status_code == 200
    assert "The popularity dial has to be a number from 0 to 1." in answer.text
    assert "No film here has the genre &lt;b&gt;." in answer.text
    assert len(titles(answer.text)) == 24


def test_filters_that_no_film_passes_offer_a_way_back(web: httpx.Client) -> None:
    html = web.get("/films/949-heat?from=1875&to=1880").text
    assert titles(html) == []
    assert '<a class="button" href="/films/949-heat">Set the filters back</a>' in html


def test_more_films_are_asked_for_by_a_button(web: httpx.Client) -> None:
    html = web.get("/films/949-heat").text
    assert '<button form="controls" name="limit" value="48">' in html
    longer = web.get("/films/949-heat?limit=48").text
    assert titles(longer)[:24] == titles(html)
    assert len(titles(longer)) == 48


def test_a_part_is_what_the_page_has(web: httpx.Client) -> None:
    part = web.get("/films/949-heat?to=1990", headers={"X-Part": "similar"}).text
    assert "<html" not in part
    assert part.strip() in web.get("/films/949-heat?to=1990").text


def test_hostile_titles_are_text(web: httpx.Client) -> None:
    for path in (
        f"/films/{HOSTILE_ID}",
        "/search?q=window.pwned",
        f"/taste?liked={HOSTILE_ID}",
        "/about-data",
    ):
        answer = web.get(path, follow_redirects=True)
        assert answer.status_code == 200
        assert "&lt;" in answer.text
        tags = Tags(answer.text)
        assert len(tags.all("script")) == 1
        assert not {"b", "i", "u", "s", "em"} & {
            tag for tag, attributes in tags.found if "onmouseover" in attributes
        }
        for markup in ("<u>Director", "<i>Heist", "<em>Series", "<s>heist", "<b>bold"):
            assert markup not in answer.text
        assert all("pwned" not in (image["src"] or "") for image in tags.all("img"))


def test_picking_films_goes_into_the_address(web: httpx.Client) -> None:
    answer = web.get("/taste?liked=949&like=680&to=&popularity=0.5&q=pulp")
    assert answer.status_code == 303
    assert answer.headers["Location"] == "/taste?liked=949,680"
    answer = web.get("/taste?liked=949,680&dislike=680&from=1990")
    assert answer.headers["Location"] == "/taste?liked=949&not=680&from=1990"
    answer = web.get("/taste?liked=949&not=680&drop=949")
    assert answer.headers["Location"] == "/taste?not=680"


def test_a_taste_is_answered_with_what_speaks_for_each_film(web: httpx.Client) -> None:
    html = web.get("/taste?liked=949,680&not=597").text
    found = titles(html)
    assert len(found) == 24
    assert not {"Heat", "Pulp Fiction", "Titanic"} & set(found)
    assert re.search(r"Because you liked <i>(Heat|Pulp Fiction)</i>", html)


def test_a_taste_of_dislikes_alone_asks_for_one_that_is_liked(web: httpx.Client) -> None:
    html = web.get("/taste?not=597").text
    assert "Name at least one film that you like" in html
    assert titles(html) == []


def test_films_of_an_address_that_are_not_here_are_counted(web: httpx.Client) -> None:
    html = web.get("/taste?liked=949,123456789&not=x").text
    assert "1 film of yours is not known here" in html
    assert "“x” in the address is no film&#39;s number." in html
    assert len(titles(html)) == 24


def test_an_export_is_read_answered_and_kept_in_the_address_alone(web: httpx.Client) -> None:
    files = {"file": ("letterboxd.zip", zipped(LETTERBOXD), "application/zip")}
    answer = web.post("/taste/import", files=files)
    assert answer.status_code == 200
    assert "of your Letterboxd export" in answer.text
    assert "Meadow, Under Glass (2022)" in answer.text
    found = re.search(r'data-address-of-page="([^"]+)"', answer.text)
    assert found is not None
    again = web.get(found[1]).text
    assert len(titles(again)) == 24
    assert titles(again) == titles(answer.text)
    assert not {"Heat", "Amélie", "Parasite", "Titanic", "Alien"} & set(titles(again))


def test_the_address_that_an_export_is_sent_to_leads_back(web: httpx.Client) -> None:
    answer = web.get("/taste/import")
    assert (answer.status_code, answer.headers["Location"]) == (303, "/taste")


@pytest.mark.parametrize(
    ("name", "data", "status"),
    [("x.zip", b"PK\x03\x04broken", 422), ("x.csv", b"", 422), ("<b>.csv", b"a,b\n1,2\n", 422)],
)
def test_a_file_that_is_no_export_is_told_on_the_page(
    web: httpx.Client, name: str, data: bytes, status: int
) -> None:
    answer = web.post("/taste/import", files={"file": (name, data)})
    assert answer.status_code == status
    assert 'role="alert"' in answer.text
    assert "<b>.csv" not in answer.text


def test_no_file_is_asked_for_on_the_page(web: httpx.Client) -> None:
    answer = web.post("/taste/import", files={"other": ("", b"")})
    assert answer.status_code == 422
    assert "Choose a file before you send it." in answer.text


@pytest.mark.parametrize(
    ("content", "kind"),
    [(b"not multipart", "multipart/form-data"), (b"x", "multipart/form-data; boundary=y")],
)
def test_a_broken_form_gets_a_page(web: httpx.Client, content: bytes, kind: str) -> None:
    answer = web.post("/taste/import", content=content, headers={"Content-Type": kind})
    assert answer.status_code in {400, 422}
    assert answer.headers["Content-Type"].startswith("text/html")


def test_more_films_than_an_address_holds_are_sent_by_form(web: httpx.Client) -> None:
    here = [film["movie_id"] for film in bundled_films().to_pylist()[:40]]
    random = Random(4)
    elsewhere = random.sample(range(10_000_000, 20_000_000), 3000)
    brought = [Brought(one, stars=random.randint(1, 10) / 2) for one in here + elsewhere]
    profile = write_profile(brought)
    assert len(profile) > LONGEST_IN_ADDRESS
    answer = web.post("/taste", data={"profile": profile, "like": str(HEAT), "to": "1999"})
    assert answer.status_code == 200
    (form,) = (one for one in Tags(answer.text).all("form") if one.get("id") == "controls")
    assert form["method"] == "post"
    assert "data-address-of-page" not in answer.text
    assert "3,000 films of yours are not known here" in answer.text
    kept = {
        one["name"]: one["value"]
        for one in Tags(answer.text).all("input")
        if one["type"] == "hidden"
    }
    assert kept == {"liked": str(HEAT), "profile": profile}
    assert titles(answer.text)


def test_the_data_page_tells_age_counts_figures_and_sources(web: httpx.Client) -> None:
    html = web.get("/about-data").text
    assert "<dt>Films</dt><dd>943</dd>" in html
    assert "just now" in html or "minute" in html
    assert "GroupLens" in html
    assert "Accuracy of similar films" in html
    assert "0.570 <small>0.550 to 0.590</small>" in html
    assert len(Tags(html).all("circle")) >= 10


def test_where_nothing_is_published_every_page_says_so(tmp_path: Path) -> None:
    with serving_api(tmp_path, "--wait") as server:
        for path in PAGES[:-1]:
            answer = server.client.get(path, headers=BROWSER)
            assert answer.status_code == 503, path
            assert "Nothing is published yet" in answer.text
            assert TMDB in answer.text
            Tags(answer.text)
