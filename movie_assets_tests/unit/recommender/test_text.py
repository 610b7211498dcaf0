"""Words of every script, and the stop words among them."""

from __future__ import annotations

import unicodedata

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from movie_assets.recommender.text import words


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("", []),
        (None, []),
        ("   \n\t", []),
        ("the and of", []),
        ("?!… — «»", []),
        ("😀🎬👩‍🚀", []),
        ("A 😀heist🎬 film", ["heist", "film"]),
        ("The thief and the DIAMOND", ["thief", "diamond"]),
        # One letter is no word, in any script; a digit among others is.
        ("x y z 7", []),
        ("Apollo 13, R2-D2", ["apollo", "13", "r2", "d2"]),
        ("it's a wonderful life", ["wonderful", "life"]),
        ("snake_case under_score", ["snake", "case", "score"]),
        ("mother mother", ["mother", "mother"]),
        # What stop_words would take for English stop words is none.
        ("young home computer", ["young", "home", "computer"]),
    ],
)
def test_words(text: str | None, expected: list[str]) -> None:
    assert words(text) == expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("Příběh ženy, která hledá Čeština", ["příběh", "ženy", "hledá", "čeština"]),
        ("Der Mann und die Frau in der Stadt", ["mann", "frau", "stadt"]),
        ("La vie est un long fleuve tranquille pour les garçons", None),
        ("El ladrón de los diamantes y la mujer", ["ladrón", "diamantes", "mujer"]),
        ("Он украл бриллиант и сбежал в горы", ["украл", "бриллиант", "сбежал", "горы"]),
        ("Ένας ληστής και ένα διαμάντι", None),
        ("סיפור על אהבה", None),
        ("قصة عن الحب", None),
        ("살인의 추억", ["살인의", "추억"]),
        ("Հայաստան գինի", ["հայաստան", "գինի"]),
        ("საქართველო ღვინო", ["საქართველო", "ღვინო"]),
        ("Câu chuyện tình yêu", None),
    ],
    ids=lambda value: value[:12] if isinstance(value, str) else "",
)
def test_scripts_with_spaces(text: str, expected: list[str] | None) -> None:
    found = words(text)
    if expected is None:  # which of them are stop words is for the library to say
        assert found
        assert set(found) <= set(text.casefold().replace(",", "").split())
    else:
        assert found == expected


@pytest.mark.parametrize(
    ("text", "gone", "stays"),
    [
        ("Die Frau und der Hund suchen das Gold", {"die", "und", "der", "das"}, {"frau", "hund"}),
        ("Le chat et la souris dans une maison", {"le", "et", "la", "dans", "une"}, {"souris"}),
        ("Собака и её хозяин на войне", {"на"}, {"собака", "хозяин"}),
        ("L'amour où tu veux", {"où"}, {"amour"}),
        # A stop word or two of another language make no text of it.
        ("Live Fast... Play Hard... Die Laughing...", set(), {"live", "die", "laughing"}),
        ("A hot spot in a cold war.", {"in"}, {"hot", "spot", "cold", "war"}),
        ("A Los Angeles crime saga", set(), {"los", "angeles"}),
        # "die" is a German stop word, and what people in English texts do.
        ("The crew will die in the cold of the desert", {"the", "will", "of"}, {"die", "crew"}),
    ],
    ids=["German", "French", "Russian", "accent", "die", "war", "los", "English"],
)
def test_stop_words_are_those_of_the_language(text: str, gone: set[str], stays: set[str]) -> None:
    found = set(words(text))
    assert not found & gone
    assert stays <= found


def test_vowel_signs_of_hindi_belong_to_their_words() -> None:
    assert words("दिल और दुल्हनिया") == ["दिल", "दुल्हनिया"]  # "और" is "and"
    assert words("दिल") != words("दुल")


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("千と千尋", ["千と", "と千", "千尋"]),
        ("霸王别姬", ["霸王", "王别", "别姬"]),
        ("東京物語 夏", ["東京", "京物", "物語", "夏"]),
        ("スーパーマン", ["スーパー", "パーマ", "マン"]),  # ー only makes a vowel long
        ("กีกา", ["กีก", "กา"]),
        # Latin letters and digits beside them are words of their own.
        ("2001年宇宙の旅", ["2001", "年宇", "宇宙", "宙の", "の旅"]),
        ("東京tower東京", ["東京", "tower", "東京"]),
        ("第9地区", ["第", "地区"]),
    ],
)
def test_scripts_without_spaces_are_taken_in_pairs(text: str, expected: list[str]) -> None:
    assert words(text) == expected


def test_the_same_text_in_two_spellings() -> None:
    for text in ("Café Amélie", "ガンダム", "№ 42", "ﬁlm noir"):
        forms = {tuple(words(unicodedata.normalize(form, text))) for form in ("NFC", "NFD", "NFKC")}
        assert len(forms) == 1, text
    assert words("STRASSE straße") == ["strasse", "strasse"]


@given(st.text(max_size=60))
@example("İstanbul ŉ ǰ ΐ")
@example("\ud800")
def test_any_text_has_words_that_are_words_again(text: str) -> None:
    for word in words(text):
        assert word
        assert word == word.casefold()
        assert not set(word) & set(" \t\n")  # the feature file separates terms by lines


@given(st.text("abcdeTHS 019.,'-_\n", max_size=60))
def test_ascii_is_no_special_case(text: str) -> None:
    """It has a quick way of its own; a word of another script sends the text the other way."""
    beside = words(text + " ξξξ")
    assert beside[-1:] == ["ξξξ"]
    assert beside[:-1] == words(text)


def test_what_a_text_loses_depends_on_nothing_before_it() -> None:
    text = "Die Frau und der Hund"
    before = words(text)
    words("The woman and the dog")
    assert words(text) == before
