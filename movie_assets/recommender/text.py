"""Words: how a film's texts are taken apart, whatever their language and script.

What belongs here: words and the stop words among them. What does not: how words are weighed, which
is for ``features``.
"""

from __future__ import annotations

import unicodedata
from functools import lru_cache
from itertools import pairwise

import regex
import stop_words
from sklearn.feature_extraction.text import ENGLISH_STOP_WORDS

# A letter with its marks (Devanagari's vowels are marks), then letters, digits and marks.
_WORD = regex.compile(r"[\p{L}\p{N}][\p{L}\p{M}\p{N}]*")
# Scripts that put no space between words: there, each two characters that follow each other.
_UNSPACED = regex.compile(
    r"[\p{Han}\p{Hiragana}\p{Katakana}\p{Thai}\p{Lao}\p{Khmer}\p{Myanmar}][\p{M}ー]*"
)
_UNSPACED_RUN = regex.compile(rf"(?:{_UNSPACED.pattern})+")


def words(text: str | None) -> list[str]:
    """The words of a text in their order, folded, without the stop words of its language.

    A word has two characters or more. Where a script puts no space between words (Chinese,
    Japanese, Thai, Lao, Khmer, Burmese), each pair of neighbouring characters counts as one.

    >>> words("The Heist of the Century")
    ['heist', 'century']
    >>> words("千と千尋")
    ['千と', 'と千', '千尋']
    """
    if not text:
        return []
    found = []
    for word in _WORD.findall(unicodedata.normalize("NFKC", text).casefold()):
        if _UNSPACED.match(word):
            found.extend(_pairs(word))
        elif len(word) > 1:
            found.append(word)
    stop = _stop_words(_language(found))
    return [word for word in found if word not in stop]


def _pairs(word: str) -> list[str]:
    out: list[str] = []
    for run in _UNSPACED_RUN.findall(word):
        characters = _UNSPACED.findall(run)
        pairs = [one + other for one, other in pairwise(characters)]
        out.extend(pairs or characters)
    return out


def _language(found: list[str]) -> str:
    """The language whose stop words stand in the text most often; English where none do."""
    counts: dict[str, int] = {}
    languages = _languages_of_stop_words()
    for word in found:
        for language in languages.get(word, ()):
            counts[language] = counts.get(language, 0) + 1
    # The alphabet decides between equals, so that nothing depends on the order of a set.
    return max(
        sorted(counts), key=lambda language: (counts[language], language == "en"), default="en"
    )


@lru_cache
def _stop_words(language: str) -> frozenset[str]:
    # The English list of stop_words takes "young", "home" and "computer" for stop words.
    found = ENGLISH_STOP_WORDS if language == "en" else stop_words.get_stop_words(language)
    return frozenset(unicodedata.normalize("NFKC", word).casefold() for word in found)


@lru_cache
def _languages_of_stop_words() -> dict[str, tuple[str, ...]]:
    found: dict[str, list[str]] = {}
    for language in sorted(set(stop_words.LANGUAGE_MAPPING)):
        for word in sorted(_stop_words(language)):
            found.setdefault(word, []).append(language)
    return {word: tuple(languages) for word, languages in found.items()}
