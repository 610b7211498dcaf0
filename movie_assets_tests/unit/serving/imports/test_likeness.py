"""Titles that can be one film's, and those that cannot."""

from __future__ import annotations

import pytest

from movie_assets.serving.imports.likeness import can_be_one


@pytest.mark.parametrize(
    ("title", "other"),
    [
        ("Alein", "Alien"),
        ("Star Wars: Episode VI - Return of the Jedi", "Return of the Jedi"),
        ("X2: X-Men United", "X2"),
        ("Golmaal", "Golmaal – Fun Unlimited"),  # noqa: RUF001 - as TMDB has it
        ("Avventura, L' (Adventure, The)", "L'Avventura"),
        ("Léon: The Professional (a.k.a. The Professional)", "The Professional"),
        ("Return of the Secaucus 7", "Return of the Secaucus Seven"),
        ("Death Wish 2", "Death Wish II"),
        ("Allegiant: Part 1", "Allegiant"),
        ("Poison Ivy II", "Poison Ivy II: Lily"),
    ],
)
def test_one_film(title: str, other: str) -> None:
    assert can_be_one(title, other)
    assert can_be_one(other, title)


@pytest.mark.parametrize(
    ("title", "other"),
    [
        ("The Hills Have Eyes II", "The Hills Have Eyes"),
        ("Friday the 13th Part 3", "Friday the 13th Part 2"),
        ("Samurai Cop", "Cop"),
        ("Wild Wild Country", "Wild"),
        ("The Gathering Storm", "The Gathering"),
        ("Ever After: A Cinderella Story", "Cinderella"),
        ("Old Boy", "Good Boy!"),
        ("Blue Gold: World Water Wars", "Blue"),
    ],
)
def test_two_films(title: str, other: str) -> None:
    assert not can_be_one(title, other)
    assert not can_be_one(other, title)


@pytest.mark.parametrize("title", ["", "()", "???", " : ", "(" * 500])
def test_titles_without_letters(title: str) -> None:
    assert not can_be_one(title, "Heat")
