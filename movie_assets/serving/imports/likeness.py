"""Whether two titles can be one film's, though they are not the same; pure functions on strings.

Sites leave out subtitles, add other titles in brackets and count in other figures. What is asked
here is stricter than a search is: what somebody loved must not be taken for its sequel.
"""

from __future__ import annotations

import re

from rapidfuzz import fuzz
from rapidfuzz.distance import OSA

from movie_assets.serving.imports.values import article_first
from movie_assets.titles import words

_LEAST_LIKENESS = 85.0  # of 100
_MOST_READINGS = 5
_LONG = 5
_BRACKETS = re.compile(r"\s*[()]\s*")
_SUBTITLE = re.compile(r"\s*:\s+|\s+[-\u2013\u2014]\s+")
_ALSO_KNOWN_AS = re.compile(r"^a\.?k\.?a\.?\s+", re.IGNORECASE)
_NUMBERS = {
    numeral: str(number)
    for number, numerals in enumerate(
        ("one i", "two ii", "three iii", "four iv", "five v", "six vi", "seven vii", "eight viii",
         "nine ix", "ten x"),
        start=1,
    )
    for numeral in numerals.split()
}  # fmt: skip


def can_be_one(title: str, other: str) -> bool:
    """Whether one film can have both titles: nearly the same letters, or one is part of the other.

    >>> can_be_one("Wallace & Gromit: A Close Shave", "A Close Shave")
    True
    >>> can_be_one("The Hills Have Eyes II", "The Hills Have Eyes")
    False
    """
    return any(
        _fits(reading, of_other) for reading in _readings(title) for of_other in _readings(other)
    )


def _readings(title: str) -> list[str]:
    """A title and those in brackets behind it: "Avventura, L' (Adventure, The)"."""
    parts = [_ALSO_KNOWN_AS.sub("", part) for part in _BRACKETS.split(title)[:_MOST_READINGS]]
    return [article_first(part) for part in parts if part]


def _fits(title: str, other: str) -> bool:
    one, two = _plain(title), _plain(other)
    if two in _parts(title) or one in _parts(other):
        return True
    return _numbers(one) == _numbers(two) and _are_alike(" ".join(one), " ".join(two))


def _are_alike(one: str, other: str) -> bool:
    """Nearly the same letters; of a longer word's letters one may be wrong or two be swapped."""
    return fuzz.ratio(one, other) >= _LEAST_LIKENESS or (
        min(len(one), len(other)) >= _LONG and OSA.distance(one, other, score_cutoff=1) <= 1
    )


def _plain(title: str) -> list[str]:
    return [_NUMBERS.get(word, word) for word in words(title)]


def _numbers(plain: list[str]) -> list[str]:
    """The numbers of a title; a first part is often not counted."""
    return sorted(word for word in plain if word.isdigit() and word != "1")


def _parts(title: str) -> list[list[str]]:
    """What is before and behind a title's colons and dashes."""
    parts = _SUBTITLE.split(title)
    return [_plain(part) for part in parts] if len(parts) > 1 else []
