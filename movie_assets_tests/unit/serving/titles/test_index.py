"""What is found for what is typed."""

from __future__ import annotations

import json
import random
import subprocess
import sys
from collections import Counter
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from movie_assets.serving.titles import TitleIndex, build_index
from movie_assets.serving.titles.words import title_words
from movie_assets_tests.unit.serving.titles.conftest import Asked, table_of

Maker = Callable[..., Asked]


@pytest.mark.parametrize(
    ("typed", "first"),
    [
        ("8 1/2", "8½"),
        ("8½", "8½"),
        ("se7en", "Se7en"),
        ("seven", "Se7en"),
        ("wall-e", "WALL·E"),
        ("walle", "WALL·E"),
        ("amelie", "Amélie"),
        ("AMÉLIE", "Amélie"),
        ("fabuleux dest", "Amélie"),
        ("leon", "Léon: The Professional"),
        ("m", "M"),
        ("it", "It"),
        ("spiderman", "Spider-Man"),
        ("spider man", "Spider-Man"),
        ("spider-m", "Spider-Man"),
        ("starwars", "Star Wars"),
        ("star wras", "Star Wars"),
        ("old boy", "Oldboy"),
        ("godfahter", "The Godfather"),
        ("the godfahter", "The Godfather"),
        ("teh godfather", "The Godfather"),
        ("an godfather", "The Godfather"),
        ("godfather 2", "The Godfather Part II"),
        ("12 monkeys", "Twelve Monkeys"),
        ("fast and furious", "Fast & Furious"),
        ("fast furious", "Fast & Furious"),
        ("avventura", "L'Avventura"),
        ("lavventura", "L'Avventura"),
        ("神隠し", "Spirited Away"),
        ("千と千尋", "Spirited Away"),
        ("기새", "Parasite"),
        ("сталкер", "Stalker"),
        ("стал", "Stalker"),
        ("сталкир", "Stalker"),
        ("बाहु", "Baahubali"),
        ("عمر", "Omar"),
        ("ארבע", "Four Mothers"),
        ("???", "???"),
        ("$", "$"),
        ("🎬", "🎬"),
        ("alien 3", "Alien³"),
        ("lord rings", "The Lord of the Rings"),
        ("rings lord", "The Lord of the Rings"),
        ("harr pott stone", "Harry Potter and the Philosopher's Stone"),
    ],
)
def test_how_film_lovers_type(asked_of: Maker, typed: str, first: str) -> None:
    originals = {
        "Amélie": "Le Fabuleux Destin d'Amélie Poulain",
        "Spirited Away": "千と千尋の神隠し",
        "Parasite": "기생충",
        "Stalker": "Сталкер",
        "Baahubali": "बाहुबली",
        "Omar": "عمر",
        "Four Mothers": "ארבע אימהות",
    }
    titles = [
        "Star Trek", "Madagascar", "Italian Job", "Alien", "8½", "Se7en",
        "Snow White and the Seven Dwarfs", "WALL·E", "Amélie", "Léon: The Professional", "M", "It",
        "Spider-Man", "Star Wars", "Oldboy", "The Godfather", "The Godfather Part II",
        "Twelve Monkeys", "Fast & Furious", "L'Avventura", "Spirited Away", "Parasite", "Stalker",
        "Baahubali", "Omar", "Four Mothers",
        "???", "$", "🎬", "Alien³", "The Lord of the Rings",
        "Harry Potter and the Philosopher's Stone",
    ]  # fmt: skip
    films = [(t, originals.get(t, t), 500 - i, 2000) for i, t in enumerate(titles)]
    assert asked_of(*films).search(typed)[:1] == [first]


def test_the_better_known_come_first_but_behind_the_very_title(asked_of: Maker) -> None:
    asked = asked_of(
        ("Aliens", None, 5000, 1986),
        ("Alien", None, 3, 1979),
        ("Alien: Covenant", None, 7000, 2017),
        ("The Alien", None, 2, 2016),
    )
    assert asked.search("alien") == [
        "Alien (1979)", "The Alien (2016)", "Alien: Covenant (2017)", "Aliens (1986)",
    ]  # fmt: skip
    assert asked.search("alie") == [
        "Alien: Covenant (2017)", "Aliens (1986)", "Alien (1979)", "The Alien (2016)",
    ]  # fmt: skip


def test_of_many_namesakes_three_come_before_better_known_films(asked_of: Maker) -> None:
    asked = asked_of(
        ("Home Alone", None, 9000, 1990),
        *(("Alone", None, 10 - year, 2001 + year) for year in range(5)),
    )
    assert asked.search("alone") == [
        "Alone (2001)", "Alone (2002)", "Alone (2003)", "Home Alone (1990)", "Alone (2004)",
        "Alone (2005)",
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("typed", "found"),
    [
        ("king kong", ["King Kong (2005)", "King Kong (1933)", "King Kong (1976)"]),
        ("king kong 1933", ["King Kong (1933)"]),
        ("1933 king kong", ["King Kong (1933)"]),
        ("king kong (1933)", ["King Kong (1933)"]),
        ("king kong (1933", ["King Kong (1933)"]),
        ("king kong [1933]", ["King Kong (1933)"]),
        ("king kong 19", ["King Kong (1933)", "King Kong (1976)"]),
        ("king kong (197", ["King Kong (1976)"]),
        ("king kong ()", ["King Kong (2005)", "King Kong (1933)", "King Kong (1976)"]),
        ("king kong 1975", ["King Kong (1976)"]),  # a year off, and nothing else there
        ("king kong (1934)", ["King Kong (1933)"]),
        ("king kong 1950", []),
        ("king kong (1950)", []),
        ("2049", ["Blade Runner 2049 (2017)"]),
        ("2017", ["2017 (1999)", "Blade Runner 2049 (2017)"]),
        ("201", ["2017 (1999)"]),
        ("1933", ["1933, Again (1999)", "King Kong (1933)"]),
        ("blade runner 2049", ["Blade Runner 2049 (2017)"]),
        ("paris (2)", ["Paris (2) (1988)"]),
    ],
)
def test_a_year_narrows(asked_of: Maker, typed: str, found: list[str]) -> None:
    asked = asked_of(
        ("King Kong", None, 900, 2005),
        ("King Kong", None, 800, 1933),
        ("King Kong", None, 700, 1976),
        ("Blade Runner 2049", None, 600, 2017),
        ("2017", None, 1, 1999),
        ("Paris (2)", None, 1, 1988),
        ("1933, Again", None, 1, 1999),
        ("No Year", None, 1, None),
    )
    assert asked.search(typed) == found


def test_a_well_known_film_comes_before_an_obscure_one_of_the_misspelled_word(
    asked_of: Maker,
) -> None:
    asked = asked_of(("The Matrix", None, 25_000, 1999), ("Matrx Hunters", None, 2, 2010))
    assert asked.search("matrx") == ["The Matrix (1999)", "Matrx Hunters (2010)"]
    assert asked.search("matrix") == ["The Matrix (1999)"]


def test_who_finds_what_was_meant_is_not_shown_what_is_spelled_alike(asked_of: Maker) -> None:
    assert asked_of("Jaws", "Jaws 2", "Paws", "Saws").search("jaws") == ["Jaws", "Jaws 2"]


@pytest.mark.parametrize("limit", [0, -1, -(10**9)])
def test_no_films_are_no_films(asked_of: Maker, limit: int) -> None:
    assert asked_of("Heat").search("heat", limit) == []
    assert asked_of("Heat").near("heet", limit=limit) == []


def test_the_limit(asked_of: Maker) -> None:
    asked = asked_of(*(f"Saw {number}" for number in range(1, 30)))
    assert asked.search("saw", 1) == ["Saw 1"]
    assert asked.search("saw", 5) == [f"Saw {number}" for number in range(1, 6)]
    assert len(asked.search("saw", 10**9)) == 29


@pytest.mark.parametrize(
    "typed",
    [
        "", " ", "\t\n", "\x00", "\x00\x00", "a" * 10_000, "a " * 10_000, "the " * 3000,
        "((((" * 99, "🎬🍿", "!!!", "…", "\u200fعمر\u200e", "\u202eabc", "\ud800", "é" * 9999,
        "千" * 5000, "\u0301", "()", "(2000", "1" * 5000, "' OR 1=1", "<script>", "%", "\\",
        "a\x00lien", "ﷺ" * 400, "9" * 400 + " heat",
    ],
)  # fmt: skip
def test_anything_may_be_typed(asked_of: Maker, typed: str) -> None:
    asked = asked_of("Heat", "The Thing", "Alien")
    assert set(asked.search(typed)) <= {"Heat", "The Thing", "Alien"}
    assert set(asked.find(typed)) | set(asked.near(typed)) <= {"Heat", "The Thing", "Alien"}


def test_no_films_at_all(asked_of: Maker) -> None:
    asked = asked_of()
    asked.index.warm()
    assert len(asked.index) == 0
    assert asked.search("heat") == asked.find("heat") == asked.near("heat", 2000) == []


def test_films_without_a_title(asked_of: Maker) -> None:
    asked = asked_of((None, None, 9, None), ("", " ", 8, 2000), ("Heat", None, 7, 2000))
    assert asked.search("heat") == ["Heat"]
    assert asked.search("none") == []


# --- titles in full ---


@pytest.mark.parametrize(
    ("title", "year", "found"),
    [
        ("scarface", None, ["Scarface (1983)", "Scarface (1932)"]),
        ("SCARFACE!", 1932, ["Scarface (1932)"]),
        ("Scarface (1932)", None, ["Scarface (1932)"]),
        ("Scarface (1932)", 1932, ["Scarface (1932)"]),
        ("Scarface (1932)", 1983, []),
        ("scarf", None, []),
        ("Scarface 1932", None, []),
        ("The Thing", None, ["The Thing"]),
        ("thing", None, ["Thing (1999)"]),  # a film's own title before one with an article
        ("thing", 2000, ["The Thing"]),
        ("a thing", None, ["The Thing", "Thing (1999)"]),
        ("le fabuleux destin d'amelie poulain", None, ["Amélie"]),
        ("ringu", None, ["Ringu"]),  # a title before an original title
        ("8 1/2", None, ["8½"]),
        ("Lilo and Stitch", None, ["Lilo & Stitch"]),
        ("Death Note (2006)", None, ["Death Note (2006)"]),
        ("", None, []),
    ],
)
def test_finding_a_title(asked_of: Maker, title: str, year: int | None, found: list[str]) -> None:
    asked = asked_of(
        ("Scarface", None, 90, 1983),
        ("Scarface", None, 20, 1932),
        ("The Thing", None, 80, 2000),
        ("Thing", None, 1, 1999),
        ("Amélie", "Le Fabuleux Destin d'Amélie Poulain", 5, 2000),
        ("The Ring", "Ringu", 70, 2000),
        ("Ringu", None, 1, 2000),
        ("8½", None, 1, 2000),
        ("Lilo & Stitch", None, 1, 2000),
        ("Death Note", None, 1, 2006),
    )
    assert asked.find(title, year) == found


def test_all_namesakes_are_found(asked_of: Maker) -> None:
    films = [("Alone", "Alone", votes, 1000 + votes) for votes in range(700)]
    assert asked_of(*films).find("alone") == [f"Alone ({1699 - place})" for place in range(700)]


# --- near misses ---


@pytest.mark.parametrize(
    ("title", "year", "found"),
    [
        ("casablanca", 1942, ["Casablanca (1943)"]),
        ("casablanca", 1945, []),
        ("Godfahter, The", None, ["The Godfather"]),
        ("Star Wars: Episode IV - A New Hope", 1977, ["Star Wars (1977)"]),
        ("Star Wars: Episode IV - A New Hope", None, []),
        ("nothing like these", None, []),
        ("", 1977, []),
        ("casablanca", -(10**30), []),
    ],
)
def test_near_misses(asked_of: Maker, title: str, year: int | None, found: list[str]) -> None:
    asked = asked_of(
        ("Casablanca", None, 9, 1943),
        ("The Godfather", None, 8, 2000),
        ("Star Wars", None, 7, 1977),
    )
    assert asked.near(title, year) == found


def test_the_most_alike_come_first(asked_of: Maker) -> None:
    asked = asked_of("Frozen 2", "Frozen", "The Frozen Ground")
    assert asked.near("frozzen") == ["Frozen", "Frozen 2"]
    assert asked.near("frozzen", limit=1) == ["Frozen"]


# --- the bundled films ---


def test_each_film_is_found_by_its_title_and_its_original_one(
    bundled: pa.Table, bundled_asked: Asked
) -> None:
    index = bundled_asked.index
    columns = (bundled[name].to_pylist() for name in ("title", "original_title", "release_date"))
    for row, (title, original, day) in enumerate(zip(*columns, strict=True)):
        assert row in index.search(title), title
        assert row in index.search(f"{title} ({day.year})"), title
        assert row in index.search(original), original
        assert row in index.find(title, day.year)


def test_films_are_found_by_the_beginnings_of_their_titles(
    bundled: pa.Table, bundled_asked: Asked
) -> None:
    titles = bundled["title"].to_pylist()
    for row in range(0, len(titles), 7):
        for end in range(3, len(titles[row]) + 1):
            typed = titles[row][:end]
            assert row in bundled_asked.index.search(typed, len(titles)), typed


def test_a_beginning_that_one_title_has_finds_it_first(
    bundled: pa.Table, bundled_asked: Asked
) -> None:
    spelled = [title_words(title) for title in bundled["title"].to_pylist()]
    films_of = Counter(words[0][:end] for words in spelled for end in range(3, len(words[0]) + 1))
    having = Counter(
        beginning
        for title in zip(spelled, bundled["original_title"].to_pylist(), strict=True)
        for beginning in {
            word[:end]
            for word in [*title[0], *title_words(title[1] or "")]
            for end in range(3, len(word) + 1)
        }
    )
    tried = 0
    for row, words in enumerate(spelled):
        for end in range(3, len(words[0]) + 1):
            typed = words[0][:end]
            if films_of[typed] == having[typed] == 1:
                tried += 1
                assert row in bundled_asked.index.search(typed, 3), typed
    assert tried > 500


def test_most_mistakes_do_no_harm(bundled: pa.Table, bundled_asked: Asked) -> None:
    drawn, found, tried = random.Random(0), 0, 0
    for row, title in enumerate(bundled["title"].to_pylist()):
        place = drawn.randrange(1, max(len(title) - 1, 2))
        if len(title) < 6 or not title.isascii() or not title[place].isalpha():
            continue
        typed = title[:place] + title[place + 1 : place + 2] + title[place] + title[place + 2 :]
        tried += 1
        found += row in bundled_asked.index.search(typed, 5)
    assert tried > 500
    assert found / tried > 0.95


WORDS = st.sampled_from(
    ["the", "red", "redder", "man", "woman", "of", "x", "雨", "дом", "2", "ii", "é"]
)
TITLES = st.lists(st.lists(WORDS, min_size=1, max_size=4).map(" ".join), min_size=1, max_size=9)


@settings(max_examples=100, deadline=None)
@given(TITLES, st.randoms(use_true_random=False))
def test_all_that_have_the_words_are_found(
    tmp_path_factory: pytest.TempPathFactory, titles: list[str], drawn: random.Random
) -> None:
    folder = tmp_path_factory.mktemp("some")
    build_index(folder, table_of([(t, None, i, None) for i, t in enumerate(titles)]).to_batches())
    index = TitleIndex.open(folder)
    *finished, last = drawn.choice(titles).split()
    last = last[: drawn.randrange(1, len(last) + 1)]
    having = {
        row
        for row, title in enumerate(titles)
        if set(finished) <= set(title.split())
        and any(word.startswith(title_words(last)[0]) for word in title_words(title))
    }
    found = index.search(" ".join([*finished, last]), len(titles))
    assert having <= set(found)
    assert len(found) == len(set(found))


# --- one answer for all ---

QUERIES = [
    "the",
    "godfahter",
    "star wras",
    "a",
    "spiderman",
    "love",
    "matrix 1999",
    "xyzzy",
    "2001",
]


SCRIPT = """
import json, pathlib, sys
from movie_assets.serving.titles import TitleIndex
folder, *queries = sys.argv[1:]
index = TitleIndex.open(pathlib.Path(folder))
index.warm()
print(json.dumps([index.search(query) for query in queries]))
"""


@pytest.mark.process
def test_another_process_and_many_threads_give_the_same(bundled_index: Path) -> None:
    index = TitleIndex.open(bundled_index)
    expected = [index.search(query) for query in QUERIES]
    with ThreadPoolExecutor(8) as threads:
        assert list(threads.map(index.search, QUERIES * 50)) == expected * 50
    command = [sys.executable, "-c", SCRIPT, str(bundled_index), *QUERIES]
    assert json.loads(subprocess.check_output(command)) == expected
