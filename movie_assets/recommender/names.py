"""Names as people type them: the same whatever their case, accents and punctuation."""

from __future__ import annotations

import re
import unicodedata

_FRACTION_AFTER_DIGIT = re.compile("([0-9])(?=[¼-¾⅐-⅞])")  # "8½" is 8 1/2 and not 81/2
# Letters that Unicode does not take apart, as they are typed without their strokes.
_PLAIN_LETTERS = str.maketrans(
    {"ø": "o", "ł": "l", "đ": "d", "ð": "d", "ı": "i", "æ": "ae", "œ": "oe", "þ": "th"}  # noqa: RUF001
    | dict.fromkeys("'’", "")  # noqa: RUF001
)


def normalised(title: str) -> str:
    """A title without case, accents, punctuation and double spaces.

    >>> normalised("Amélie:  Le Fabuleux Destin")
    'amelie le fabuleux destin'
    """
    spaced = _FRACTION_AFTER_DIGIT.sub(r"\1 ", title)
    # First apart, since "№" has capitals only then; and again, since folding makes new letters.
    folded = unicodedata.normalize("NFKD", unicodedata.normalize("NFKD", spaced).casefold())
    plain = folded.translate(_PLAIN_LETTERS)
    letters = "".join(c if _is_letter(c) else " " for c in plain if not _is_accent(c))
    # A title of nothing but signs, such as "$" or "???", is its own name.
    return unicodedata.normalize("NFC", " ".join(letters.split())) or title.strip()


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
