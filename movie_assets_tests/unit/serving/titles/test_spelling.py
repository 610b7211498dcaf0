"""What typed words can mean, beside all words compared one by one."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from rapidfuzz.distance import OSA

from movie_assets.recommender.inverted import read_only
from movie_assets.serving.titles import build_index, files, spelling
from movie_assets_tests.unit.serving.titles.conftest import table_of

UNFINISHED = 0.5
WORDS = st.text("abc", min_size=1, max_size=10)


def arrays_of(folder: Path, words: set[str]) -> files.Arrays:
    build_index(folder, table_of([(word, None, 1, None) for word in words]).to_batches())
    return files.read(folder)


def meant(
    arrays: files.Arrays, typed: str, unfinished: float | None, edits: bool
) -> dict[str, float]:
    found = spelling.meanings(
        arrays, typed, unfinished=unfinished, one_edit_from=4 if edits else None
    )
    assert (found.begins < found.ends).all()
    assert (found.ends[:-1] <= found.begins[1:]).all()
    return {
        spelling.word(arrays, number): float(cost)
        for begin, end, cost in zip(*found, strict=True)
        for number in range(begin, end)
    }


def edit_cost(typed: str, word: str, most: int) -> float:
    """By comparing them: what it costs that this word was typed so."""
    if typed == word:
        return 0.0
    costs = [float("inf")]
    if most >= 1 and OSA.distance(typed, word) == 1:
        in_first = OSA.distance(typed[1:], word[1:]) > 1 or typed[:1] != word[:1]
        costs.append(spelling.ONE_EDIT + spelling.FIRST_LETTER * in_first)
    if most >= 2 and typed[:1] == word[:1] and OSA.distance(typed[1:], word[1:]) <= 2:
        costs.append(spelling.TWO_EDITS)
    return min(costs)


def expected(
    words: set[str], typed: str, unfinished: float | None, edits: bool
) -> dict[str, float]:
    most = edits * ((len(typed) >= 4) + (len(typed) >= 8))
    found = {}
    for word in words:
        costs = [edit_cost(typed, word, most)]
        for end in range(len(word) + 1) if unfinished is not None else ():
            begun = edit_cost(typed, word[:end], most)
            costs.append(begun + unfinished * (2 if begun else 1))
        if min(costs) < float("inf"):
            found[word] = min(costs)
    return found


@settings(
    max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(
    st.sets(WORDS, min_size=1, max_size=60),
    WORDS,
    st.sampled_from([None, UNFINISHED]),
    st.booleans(),
)
def test_a_word_means_what_comparing_all_words_finds(
    tmp_path: Path, words: set[str], typed: str, unfinished: float | None, edits: bool
) -> None:
    arrays = arrays_of(tmp_path, words)
    there = {spelling.word(arrays, n) for n in range(len(arrays.word_ends) - 1)}
    assert words <= there  # and what people type instead
    assert meant(arrays, typed, unfinished, edits) == expected(there, typed, unfinished, edits)


@pytest.mark.parametrize(
    ("typed", "word"),
    [
        ("godfahter", "godfather"),
        ("godfaher", "godfather"),
        ("godfatther", "godfather"),
        ("godfather", "godfather"),
        ("gdofatehr", "godfather"),
        ("сталкир", "сталкер"),
        ("千と千寿", "千と千尋"),
        ("बाहुबलि", "बाहुबली"),
    ],
)
def test_misspelled(tmp_path: Path, typed: str, word: str) -> None:
    assert word in meant(arrays_of(tmp_path, {word, "other"}), typed, None, edits=True)


@pytest.mark.parametrize(
    ("typed", "word"), [("teh", "the"), ("1978", "1979"), ("goodfellos", "gladfellas")]
)
def test_not_what_is_too_short_or_a_number_or_too_far(
    tmp_path: Path, typed: str, word: str
) -> None:
    assert meant(arrays_of(tmp_path, {word}), typed, None, edits=True) == {}


def test_at_worst_short_words_too(tmp_path: Path) -> None:
    arrays = arrays_of(tmp_path, {"the"})
    found = spelling.meanings(arrays, "teh", unfinished=None, one_edit_from=2)
    assert list(found.costs) == [spelling.ONE_EDIT]


@settings(deadline=None)  # the first example compiles
@given(st.text(min_size=1, max_size=400))
def test_any_word_may_be_asked_for(bundled_index: Path, word: str) -> None:
    arrays = files.read(bundled_index)
    places = read_only(spelling.word_places(arrays.units, arrays.word_ends))
    assert spelling.number_of(arrays, places, word) >= -1
    assert meant(arrays, word, UNFINISHED, edits=True) is not None


@settings(deadline=None)
@given(st.sets(st.text(st.characters(), max_size=4), max_size=20), st.text(max_size=4))
def test_a_word_is_found_by_its_units_alone(words: set[str], other: str) -> None:
    """Lone surrogates and letters of two units too, and where words' hashes meet."""
    in_order = [spelling.units_of(word) for word in sorted(words)]
    units = read_only(np.concatenate([np.zeros(0, np.uint16), *in_order]))
    ends = read_only(np.cumsum([0, *map(len, in_order)]).astype(np.int32))
    places = read_only(spelling.word_places(units, ends))
    assert sorted(places[places >= 0].tolist()) == list(range(len(words)))
    for number, word in enumerate(in_order):
        assert spelling.find_word(units, ends, places, word) == number
    asked = spelling.units_of(other)
    assert (spelling.find_word(units, ends, places, asked) >= 0) == (other in words)
