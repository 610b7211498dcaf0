"""Film titles as people type them: without case, accents, punctuation and articles.

Pure functions on strings, for all who look a film up by its title: the warehouse (``lookup``) and
the served index (``serving.titles``). How films are found by them is theirs.
"""

from __future__ import annotations

import re
import string
import unicodedata

_YEAR_AT_END = re.compile(r"^(?P<title>.*\S)\s*\((?P<year>[0-9]{4})\)$", re.DOTALL)
_FRACTION_AFTER_DIGIT = re.compile("([0-9])(?=[¼-¾⅐-⅞])")  # "8½" is 8 1/2 and not 81/2
# Letters that Unicode does not take apart, as they are typed without their strokes.
_PLAIN_LETTERS = str.maketrans(
    {"ø": "o", "ł": "l", "đ": "d", "ð": "d", "ı": "i", "æ": "ae", "œ": "oe", "þ": "th"}  # noqa: RUF001
    | dict.fromkeys("'’", "")  # noqa: RUF001
    | {"&": " and "}
)
# All of it in one step, for titles that are plain already, as most are: a tenth of the time.
_PLAIN_ASCII = (
    {ord(capital): capital.lower() for capital in string.ascii_uppercase}
    | {code: " " for code in range(128) if not chr(code).isalnum()}
    | {ord("'"): "", ord("&"): " and "}
)
_ARTICLE = re.compile(r"^(the|a|an) ")

#: What a title may begin with and be called without.
ARTICLES = ("the", "a", "an")


def normalised(title: str) -> str:
    """A title without case, accents, punctuation and double spaces.

    A title of nothing but signs, such as "$" or "???", is its own name.

    >>> normalised("Amélie:  Le Fabuleux Destin")
    'amelie le fabuleux destin'
    """
    return " ".join(words(title)) or title.strip()


def words(title: str) -> list[str]:
    """The words of a normalised title; none where it has no letter and no digit.

    >>> words("Fast & Furious 8½")
    ['fast', 'and', 'furious', '8', '1', '2']
    """
    if title.isascii():
        return title.translate(_PLAIN_ASCII).split()
    spaced = _FRACTION_AFTER_DIGIT.sub(r"\1 ", title)
    # First apart, since "№" has capitals only then; and again, since folding makes new letters.
    folded = unicodedata.normalize("NFKD", unicodedata.normalize("NFKD", spaced).casefold())
    plain = folded.translate(_PLAIN_LETTERS)
    letters = "".join(c if _is_letter(c) else " " for c in plain if not _is_accent(c))
    return unicodedata.normalize("NFC", letters).split()


def without_article(normalised_title: str) -> str:
    """A normalised title without the English article that it begins with.

    >>> without_article("the thing")
    'thing'
    """
    return _ARTICLE.sub("", normalised_title)


def split_year(title: str) -> tuple[str, int | None]:
    """Take the year off that a title may end with.

    >>> split_year("Scarface (1932)")
    ('Scarface', 1932)
    """
    if found := _YEAR_AT_END.match(title.strip()):
        return found["title"], int(found["year"])
    return title, None


def _is_letter(character: str) -> bool:
    """Letters and digits, and the vowel signs that other scripts write around their letters."""
    return character.isalnum() or unicodedata.category(character).startswith("M")


def _is_accent(character: str) -> bool:
    """Marks that are left out where people type in a hurry.

    Those of Latin, Greek and Cyrillic, Hebrew points and Arabic vowels; not the marks that tell
    "papa" from "haha" in Japanese, nor the vowels of Indian scripts and Thai.
    """
    combining = unicodedata.combining(character)
    return combining >= 200 or 10 <= combining <= 36
