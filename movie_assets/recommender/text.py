"""Words: how a film's texts are taken apart, whatever their language and script.

What belongs here: words and the stop words among them. What does not: how words are weighed, which
is for ``features``.
"""

from __future__ import annotations

import re
import unicodedata
from collections import Counter
from functools import lru_cache
from itertools import chain, pairwise

import regex
import stop_words

# A letter with its marks (Devanagari's vowels are marks), then letters, digits and marks.
_WORD = regex.compile(r"[\p{L}\p{N}][\p{L}\p{M}\p{N}]*")
# The same where there is nothing but ASCII, which takes a fraction of the time.
_ASCII_WORD = re.compile("[a-z0-9]{2,}")
# Scripts that put no space between words: there, each two characters that follow each other.
_UNSPACED = regex.compile(
    r"[\p{Han}\p{Hiragana}\p{Katakana}\p{Thai}\p{Lao}\p{Khmer}\p{Myanmar}][\p{M}ー]*"
)
_UNSPACED_RUN = regex.compile(rf"((?:{_UNSPACED.pattern})+)")

#: By how many stop words another language must lead where all are plain letters.
_LEAD = 3


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
    found = _ASCII_WORD.findall(text.lower()) if text.isascii() else _words_of_any_script(text)
    stop = _stop_words(_language(found))
    return [word for word in found if word not in stop]


def _words_of_any_script(text: str) -> list[str]:
    folded = unicodedata.normalize("NFKC", text).casefold()
    found = _WORD.findall(folded)
    if _UNSPACED.search(folded):
        found = chain.from_iterable(map(_parts, found))
    return [word for word in found if len(word) > 1 or _UNSPACED.match(word)]


def _parts(word: str) -> list[str]:
    """A word with its runs of an unspaced script taken apart, such as 2001年宇宙の旅."""
    # Split by a pattern in brackets: every second part is a run.
    parts: list[str] = _UNSPACED_RUN.split(word)
    out = parts[:1]
    for run, other in zip(parts[1::2], parts[2::2], strict=True):
        characters = _UNSPACED.findall(run)
        out.extend([one + next_one for one, next_one in pairwise(characters)] or characters)
        out.append(other)
    return out


def _language(found: list[str]) -> str:
    """The language whose stop words stand in the text most often; English where that is close."""
    languages = _languages_of_stop_words()
    hits = [word for word in found if word in languages]
    counts = Counter(chain.from_iterable([languages[word] for word in hits]))
    most = max(counts.values(), default=0)
    if counts["en"] == most:
        return "en"
    # The alphabet decides between equals, so that nothing depends on the order of a set.
    language = min(name for name, count in counts.items() if count == most)
    # "War", "die", "god" and "come" are stop words somewhere; an accent or another script is sure.
    sure = any(not word.isascii() and language in languages[word] for word in hits)
    return language if sure or most - counts["en"] >= _LEAD else "en"


@lru_cache
def _stop_words(language: str) -> frozenset[str]:
    # Takes a second to import, which every start would wait for.
    from sklearn.feature_extraction.text import ENGLISH_STOP_WORDS  # noqa: PLC0415

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
