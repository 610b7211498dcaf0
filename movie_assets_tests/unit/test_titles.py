"""Titles as people type them."""

from __future__ import annotations

import doctest

from hypothesis import given
from hypothesis import strategies as st

from movie_assets import titles
from movie_assets.titles import normalised, split_year, words


def test_its_examples() -> None:
    results = doctest.testmod(titles)
    assert results.attempted
    assert not results.failed


@given(st.text(st.characters(max_codepoint=127)))
def test_plain_titles_are_normalised_as_all_others(title: str) -> None:
    # A word that is not plain takes the long way, and the rest of the title with it.
    assert words(title) == words(f"{title} é")[:-1]


@given(st.text())
def test_normalising_twice_changes_nothing(title: str) -> None:
    assert normalised(normalised(title)) == normalised(title)


@given(st.text(), st.integers(1000, 9999))
def test_a_year_is_split_off(title: str, year: int) -> None:
    if title.strip():
        assert split_year(f"{title} ({year})") == (title.strip(), year)
