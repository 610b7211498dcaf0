"""What words a title is found by, and what words a query has.

Pure functions on strings. A title has the words that it is written with, in their order, and words
that people type instead: "Spider-Man" is found by "spiderman" too, "Rocky II" by "rocky 2".
"""

from __future__ import annotations

import re
import unicodedata
from dataclasses import dataclass
from typing import TYPE_CHECKING

from movie_assets import titles
from movie_assets.titles import ARTICLES

if TYPE_CHECKING:
    from collections.abc import Iterator

#: Titles and queries are cut here, so that any text is answered in bounded time. No film's title
#: is as long.
LONGEST_TEXT = 400
MOST_WORDS = 64

#: What people add or leave out in titles of other languages too. Ignored where nothing has it.
OPTIONAL = frozenset(ARTICLES) | {
    *("and", "of", "le", "la", "les", "un", "une", "der", "die", "das", "el", "los", "las"),
    *("il", "lo", "gli", "o", "os", "as"),
}

# fmt: off
_NUMBERS = (
    "zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten", "eleven",
    "twelve", "thirteen", "fourteen", "fifteen", "sixteen", "seventeen", "eighteen", "nineteen",
    "twenty",
)
_ROMAN = (
    "i", "ii", "iii", "iv", "v", "vi", "vii", "viii", "ix", "x", "xi", "xii", "xiii", "xiv", "xv",
    "xvi", "xvii", "xviii", "xix", "xx",
)
# fmt: on
_BY_DIGITS = {
    str(number): [word, *([_ROMAN[number - 1]] if number not in {0, 1, 5, 10} else [])]
    for number, word in enumerate(_NUMBERS)
}
_DIGITS = {word: str(number) for number, word in enumerate(_NUMBERS)} | {
    roman: str(number) for number, roman in enumerate(_ROMAN, start=1)
}
#: "X" and "V" are numbers only behind another word, and "I" is not one at all.
_NUMBER_ONLY_BEHIND = frozenset({"v", "x"})
_AS_LETTERS = str.maketrans("0134579", "oieastg")
_DIGIT_IN_WORD = re.compile(r"[a-z][0134579]+[a-z]")
_PARTS_JOINED = 8  # "S.P.E.C.T.R.E."
_LONGEST_JOINED = 24
# Scripts that put no space between words: what stands in the middle is looked for as well.
_UNSPACED = re.compile(
    "[\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff\u3040-\u30ff\u3400-\u9fff\uf900-\ufaff"
    "\U00020000-\U0003ffff]"
)
_LONGEST_ENDING = 16
_HANGUL = re.compile("[\uac00-\ud7a3]")
_APOSTROPHE = re.compile("['’]")  # noqa: RUF001

_YEAR_IN_BRACKETS = re.compile(r"^(?P<title>.*\S)\s*[(\[](?P<year>[0-9]{0,4})[)\]]?$", re.DOTALL)
_YEAR = re.compile(r"^(18[7-9]|19[0-9]|20[0-9])[0-9]$")
_BEGINNING_OF_YEAR = re.compile(r"^(18|19|20)[0-9]?$")


def title_words(title: str) -> list[str]:
    """The words of a title as people type them, in order.

    A title of nothing but signs, such as "$" or "???", is one word, the only kind with blanks.

    >>> title_words("Fast & Furious")
    ['fast', 'and', 'furious']
    """
    text = title[:LONGEST_TEXT]
    found = titles.words(text)[:MOST_WORDS]
    if not found:
        signs = " ".join(text.split())
        return [signs] if signs else []
    if text.isascii() or not any(map(_HANGUL.search, found)):
        return found
    # As letters, so that a syllable is found while it is being typed.
    return [unicodedata.normalize("NFD", word) for word in found]


def other_words(title: str) -> Iterator[str]:
    """What people type instead of a title's words; some of these may be words of the title.

    >>> sorted(other_words("Spider-Man II"))
    ['2', 'spiderman']

    Always in the same order, so that the same films make the same files:

    >>> list(other_words("7 8 9"))
    ['seven', 'vii', 'eight', 'viii', 'nine', 'ix']
    """
    for place, chunk in enumerate(title[:LONGEST_TEXT].split()):
        words = title_words(chunk)
        if not any(map(str.isalnum, chunk)):
            yield from ("and",) if chunk in {"+", "&"} else ()
            continue
        joined = "".join(words)
        if 1 < len(words) <= _PARTS_JOINED and len(joined) <= _LONGEST_JOINED:
            yield joined
        if _APOSTROPHE.search(chunk):  # "l'avventura", "ocean's"
            yield from (w for part in _APOSTROPHE.split(chunk) for w in title_words(part) if w[1:])
        for word in words:
            yield from _instead_of(word, first=place == 0)


def _instead_of(word: str, *, first: bool) -> Iterator[str]:
    yield from _BY_DIGITS.get(word, ())
    if word in _DIGITS and word != "i" and not (first and word in _NUMBER_ONLY_BEHIND):
        yield _DIGITS[word]
    if _DIGIT_IN_WORD.search(word):  # "se7en", "m3gan"
        yield word.translate(_AS_LETTERS)
        yield word.replace("7", "v").translate(_AS_LETTERS)
    if _UNSPACED.search(word):
        yield from (word[i : i + _LONGEST_ENDING] for i in range(1, len(word)))


@dataclass(frozen=True)
class Query:
    """What somebody has typed so far.

    Attributes:
        words: to be had, the last perhaps not yet in full.
        year: how the year begins that is asked for, as ``year_word`` writes it; None for any.
    """

    words: tuple[str, ...]
    year: str | None = None

    @classmethod
    def readings(cls, typed: str) -> Iterator[Query]:
        """What may be meant, the likeliest first: brackets hold a year, or words of the title.

        >>> [query.year for query in Query.readings("alien (197")]
        ['(197', None]
        """
        text = typed[:LONGEST_TEXT].strip()
        if found := _YEAR_IN_BRACKETS.match(text):
            year = year_word(found["year"]) if found["year"] else None
            yield cls(tuple(title_words(found["title"])), year)
        if words := title_words(text):
            yield cls(tuple(words))


def year_word(year: int | str) -> str:
    """A film's year as a word that no title has.

    >>> year_word(1979)
    '(1979'
    """
    return f"({year}"


def year_meant(word: str) -> str | None:
    """The year that a word of a query can mean, or how it begins, as a word; else None.

    >>> year_meant("1979"), year_meant("197"), year_meant("12")
    ('(1979', '(197', None)
    """
    return year_word(word) if _YEAR.match(word) or _BEGINNING_OF_YEAR.match(word) else None
