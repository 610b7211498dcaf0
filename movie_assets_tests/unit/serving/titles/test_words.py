"""What words titles and queries have."""

from __future__ import annotations

import doctest

import pytest
from hypothesis import given
from hypothesis import strategies as st

from movie_assets.serving.titles import words as module
from movie_assets.serving.titles.words import (
    LONGEST_TEXT,
    MOST_WORDS,
    Query,
    other_words,
    title_words,
    year_meant,
)


def test_its_examples() -> None:
    results = doctest.testmod(module)
    assert results.attempted
    assert not results.failed


@pytest.mark.parametrize(
    ("title", "words"),
    [
        ("WALL·E", ["wall", "e"]),
        ("8½", ["8", "1", "2"]),
        ("L'Avventura", ["lavventura"]),
        ("Léon: The Professional", ["leon", "the", "professional"]),
        ("千と千尋の神隠し", ["千と千尋の神隠し"]),
        ("???", ["???"]),
        (" ! ! ", ["! !"]),
        ("", []),
        (" \t ", []),
        ("\x00", ["\x00"]),
        ("a\x00b", ["a", "b"]),
    ],
)
def test_the_words_of_a_title(title: str, words: list[str]) -> None:
    assert title_words(title) == words


def test_a_korean_syllable_begins_with_its_first_letters() -> None:
    (whole,), (typed,) = title_words("기생충"), title_words("기새")
    assert whole.startswith(typed)


@pytest.mark.parametrize(
    ("title", "words"),
    [
        ("WALL·E", {"walle"}),
        ("S.W.A.T.", {"swat"}),
        ("L'Avventura", {"avventura"}),
        ("Ocean’s Eleven", {"ocean", "11"}),  # noqa: RUF001
        ("Se7en", {"seven", "seten"}),
        ("Rocky II", {"2"}),
        ("Rocky 2", {"two", "ii"}),
        ("Saw V", {"5"}),
        ("V for Vendetta", set()),
        ("I, Robot", set()),
        ("Malcolm X", {"10"}),
        ("X-Men", {"xmen"}),
        ("20,000 Leagues", {"20000", "twenty", "xx"}),
        ("Romeo + Juliet", {"and"}),
        ("Heat", set()),
        ("もののけ姫", {"ののけ姫", "のけ姫", "け姫", "姫"}),
    ],
)
def test_what_people_type_instead(title: str, words: set[str]) -> None:
    assert set(other_words(title)) - set(title_words(title)) == words


@pytest.mark.parametrize(
    ("typed", "readings"),
    [
        ("alien", [Query(("alien",))]),
        ("Alien (1979)", [Query(("alien",), "(1979"), Query(("alien", "1979"))]),
        ("alien [1979]", [Query(("alien",), "(1979"), Query(("alien", "1979"))]),
        ("alien (19", [Query(("alien",), "(19"), Query(("alien", "19"))]),
        ("alien (", [Query(("alien",)), Query(("alien",))]),
        ("(1979)", [Query(("1979",))]),
        ("(500) Days", [Query(("500", "days"))]),
        ("Birdman or (The", [Query(("birdman", "or", "the"))]),
        ("  ", []),
    ],
)
def test_the_readings_of_a_query(typed: str, readings: list[Query]) -> None:
    assert list(Query.readings(typed)) == readings


@pytest.mark.parametrize("word", ["12", "1", "2", "1799", "2100", "19790", "x1979", "٢٠٠٠"])
def test_what_is_no_year(word: str) -> None:
    assert year_meant(word) is None


@given(st.text())
def test_any_title_has_words_that_are_found_again(title: str) -> None:
    found = title_words(title)
    assert all(found)
    assert len(found) <= MOST_WORDS
    assert bool(found) == bool(title[:LONGEST_TEXT].strip())
    assert len(list(other_words(title))) < 20 * LONGEST_TEXT


def test_long_texts_are_cut() -> None:
    assert title_words("a" * 10_000) == ["a" * LONGEST_TEXT]
    assert len(title_words("a " * 10_000)) == MOST_WORDS
