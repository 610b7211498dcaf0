"""Which words of the index a typed word can mean: itself, what it begins, and what it misspells.

The index's words are sorted, so that all that begin alike are one range of numbers, and narrowing a
range by one more letter is a binary search: the sorted list is walked like a tree. An edit is a
letter too much, missing, wrong, or swapped with the next one.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from movie_assets.recommender.inverted import compiled, read_only

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from movie_assets.serving.titles.files import Arrays

#: Words of so many letters may have one edit, and two.
ONE_EDIT_FROM, TWO_EDITS_FROM = 4, 8
#: Likewise where nothing else is found: "teh" for "the".
ONE_EDIT_AT_WORST_FROM = 2

#: What a film loses that has not the very word, in units of ``Arrays.known``: logarithms, so that
#: with 0.5 a film must be 1.6 times as well known to come before one that has it.
UNFINISHED = 0.5  # the word begins with what is typed
CUT_SHORT = 1.5  # likewise, though another word follows
ONE_EDIT = 2.5
TWO_EDITS = 5.0
FIRST_LETTER = 1.5  # more, for people seldom mistake that

#: Of a word, before those that overlap are one. A quarter is enough for a million titles.
_MOST_RANGES = 4096


class Meanings(NamedTuple):
    """Words that a typed word can mean: ranges of word numbers that are ascending and disjoint.

    Attributes:
        begins, ends: int32, (n,): the words from ``begins[i]`` up to ``ends[i]``.
        costs: float32, (n,): what a film loses by having but such a word.
    """

    begins: NDArray[np.int32]
    ends: NDArray[np.int32]
    costs: NDArray[np.float32]


def units_of(word: str) -> NDArray[np.uint16]:
    """A word's UTF-16 code units; not to be written to."""
    units = np.frombuffer(word.encode("utf-16-le", "surrogatepass"), "<u2")
    return read_only(units.astype(np.uint16, copy=False))


def word(arrays: Arrays, number: int) -> str:
    """The word of a number."""
    begin, end = arrays.word_ends[number : number + 2].tolist()
    return arrays.units[begin:end].tobytes().decode("utf-16-le", "surrogatepass")


def number_of(arrays: Arrays, places: NDArray[np.int32], word: str) -> int:
    """The number of a word; -1 where no title has it.

    Args:
        arrays: the index.
        places: by :func:`word_places`.
        word: as ``words.title_words`` gives it.
    """
    return int(find_word(arrays.units, arrays.word_ends, places, units_of(word)))


def meanings(
    arrays: Arrays, word: str, *, unfinished: float | None, one_edit_from: int | None = None
) -> Meanings:
    """What a typed word can mean.

    Args:
        arrays: the index.
        word: as ``words.title_words`` gives it.
        unfinished: the cost of a word that goes on after what is typed; None where none may.
        one_edit_from: of so many letters words may be misspelled; None for never.
    """
    units = units_of(word)
    most_edits = 0
    if one_edit_from is not None and not word.isdigit():
        most_edits = int(len(units) >= one_edit_from) + int(len(units) >= TWO_EDITS_FROM)
    cost = -1.0 if unfinished is None else unfinished
    return Meanings(*_meanings(arrays.units, arrays.word_ends, units, cost, most_edits))


@compiled
def _unit(units: Any, ends: Any, word: int, depth: int) -> Any:
    """A word's code unit, -1 behind its end."""
    place = ends[word] + depth
    return np.int64(units[place]) if place < ends[word + 1] else np.int64(-1)


@compiled
def _first(units: Any, ends: Any, lo: int, hi: int, depth: int, unit: int) -> int:
    """Of words alike up to ``depth``, the first that has ``unit`` or a larger one there."""
    while lo < hi:
        middle = (lo + hi) // 2
        if _unit(units, ends, middle, depth) < unit:
            lo = middle + 1
        else:
            hi = middle
    return lo


@compiled
def _narrow(units: Any, ends: Any, lo: int, hi: int, depth: int, unit: int) -> Any:
    """Of words alike up to ``depth``, the range of those that have ``unit`` there."""
    lo = _first(units, ends, lo, hi, depth, unit)
    if lo == hi or _unit(units, ends, lo, depth) != unit:
        return lo, lo
    if _unit(units, ends, hi - 1, depth) == unit:
        return lo, hi
    return lo, _first(units, ends, lo, hi, depth, unit + 1)


@compiled
def _follow(units: Any, ends: Any, lo: int, hi: int, depth: int, typed: Any, i: int) -> Any:
    """Narrow a range by all that is typed from ``i`` on."""
    while i < len(typed) and lo < hi:
        lo, hi = _narrow(units, ends, lo, hi, depth, typed[i])
        depth += 1
        i += 1
    return lo, hi, depth


@compiled
def word_places(units: Any, ends: Any) -> Any:
    """Where :func:`find_word` looks: a table of words' numbers, each where its hash says or behind.

    A binary search among a million words takes twenty looks into memory, and this one or two.

    Args:
        units: the words', as ``Arrays.units``.
        ends: as ``Arrays.word_ends``.

    Returns:
        int32, of a power of two and at least twice as many places as there are words; -1 where
        there is none.
    """
    size = 2
    while size < 2 * len(ends):
        size *= 2
    places, last = np.full(size, -1, np.int32), np.uint64(size - 1)
    for number in range(len(ends) - 1):
        place = _place(units[ends[number] : ends[number + 1]], last)
        while places[place] >= 0:
            place = (place + np.uint64(1)) & last
        places[place] = number
    return places


@compiled
def find_word(units: Any, ends: Any, places: Any, typed: Any) -> int:
    """The number of the word that has just these units; -1 where there is none."""
    last = np.uint64(len(places) - 1)
    place = _place(typed, last)
    while places[place] >= 0:
        number = places[place]
        if _is_same(units[ends[number] : ends[number + 1]], typed):
            return int(number)
        place = (place + np.uint64(1)) & last
    return -1


@compiled
def fnv_1a(numbers: Any) -> Any:
    """The hash FNV-1a (Fowler, Noll and Vo), over numbers instead of bytes; uint64."""
    hashed = np.uint64(0xCBF29CE484222325)
    for number in numbers:
        hashed = (hashed ^ np.uint64(number)) * np.uint64(0x100000001B3)
    return hashed


@compiled
def _place(units: Any, last: Any) -> Any:
    """Where in a table a word is looked for first; the hash's high bits are its better mixed."""
    hashed = fnv_1a(units)
    return (hashed ^ (hashed >> np.uint64(32))) & last


@compiled
def _is_same(word: Any, other: Any) -> bool:
    if len(word) != len(other):
        return False
    for i in range(len(word)):  # noqa: SIM110 - compiled
        if word[i] != other[i]:
            return False
    return True


@compiled
def _emit(ends: Any, lo: int, hi: int, depth: int, cost: float, more: float, out: Any) -> None:
    """Note a range that all that is typed has led to: the finished word, and those that go on."""
    begins, stops, costs, n = out
    if lo >= hi:
        return
    if ends[lo + 1] - ends[lo] == depth and n[0] < len(begins):
        begins[n[0]], stops[n[0]], costs[n[0]] = lo, lo + 1, cost
        n[0] += 1
    if more >= 0 and n[0] < len(begins):
        begins[n[0]], stops[n[0]], costs[n[0]] = lo, hi, cost + more
        n[0] += 1


@compiled
def _rest(
    units: Any, ends: Any, at: Any, typed: Any, i: int, cost: float, more: float, out: Any
) -> None:
    """Follow what is typed to its end without a further edit."""
    lo, hi, depth = _follow(units, ends, at[0], at[1], at[2], typed, i)
    _emit(ends, lo, hi, depth, cost, more, out)


@compiled
def _one_edit(
    units: Any, ends: Any, at: Any, typed: Any, i: int, cost: float, more: float, out: Any
) -> None:
    """Note what one edit leads to, at any place from ``i`` on; ``at`` is range and depth there."""
    lo, hi, depth = at
    while lo < hi:
        here = cost if i else cost + FIRST_LETTER
        if i < len(typed):
            _rest(units, ends, (lo, hi, depth), typed, i + 1, here, more, out)  # one too much
        if i + 1 < len(typed):  # two swapped
            a, b = _narrow(units, ends, lo, hi, depth, typed[i + 1])
            if a < b:
                a, b = _narrow(units, ends, a, b, depth + 1, typed[i])
                _rest(units, ends, (a, b, depth + 2), typed, i + 2, here, more, out)
        a = lo
        while a < hi:
            unit = _unit(units, ends, a, depth)
            b = _first(units, ends, a, hi, depth, unit + 1)
            if unit >= 0:
                _rest(units, ends, (a, b, depth + 1), typed, i, here, more, out)  # one missing
                if i < len(typed):  # one wrong
                    _rest(units, ends, (a, b, depth + 1), typed, i + 1, here, more, out)
            a = b
        if i == len(typed):
            return
        lo, hi = _narrow(units, ends, lo, hi, depth, typed[i])
        depth += 1
        i += 1


@compiled
def _two_edits(units: Any, ends: Any, typed: Any, cost: float, more: float, out: Any) -> None:
    """Note what two edits lead to, none of them in the first letter."""
    lo, hi = _narrow(units, ends, 0, len(ends) - 1, 0, typed[0])
    depth = i = 1
    while lo < hi:
        if i < len(typed):
            _one_edit(units, ends, (lo, hi, depth), typed, i + 1, cost, more, out)
        if i + 1 < len(typed):
            a, b = _narrow(units, ends, lo, hi, depth, typed[i + 1])
            if a < b:
                a, b = _narrow(units, ends, a, b, depth + 1, typed[i])
                _one_edit(units, ends, (a, b, depth + 2), typed, i + 2, cost, more, out)
        a = lo
        while a < hi:
            unit = _unit(units, ends, a, depth)
            b = _first(units, ends, a, hi, depth, unit + 1)
            if unit >= 0:
                _one_edit(units, ends, (a, b, depth + 1), typed, i, cost, more, out)
                if i < len(typed):
                    _one_edit(units, ends, (a, b, depth + 1), typed, i + 1, cost, more, out)
            a = b
        if i == len(typed):
            return
        lo, hi = _narrow(units, ends, lo, hi, depth, typed[i])
        depth += 1
        i += 1


@compiled
def _meanings(units: Any, ends: Any, typed: Any, more: float, most_edits: int) -> Any:
    size = _MOST_RANGES if most_edits else 2
    begins, stops = np.empty(size, np.int32), np.empty(size, np.int32)
    costs, n = np.empty(size, np.float32), np.zeros(1, np.int64)
    out = (begins, stops, costs, n)
    everything = (0, len(ends) - 1, 0)
    if len(typed) and len(ends) > 1:
        _rest(units, ends, everything, typed, 0, 0.0, more, out)
        # A misspelled word is rather a finished one.
        if most_edits >= 1:
            _one_edit(units, ends, everything, typed, 0, ONE_EDIT, 2 * more, out)
        if most_edits >= 2:
            _two_edits(units, ends, typed, TWO_EDITS, 2 * more, out)
    return _disjoint(begins[: n[0]], stops[: n[0]], costs[: n[0]])


@compiled
def _disjoint(begins: Any, stops: Any, costs: Any) -> Any:
    """Ranges that overlap, as ascending ones that do not, each of the least cost there is."""
    bounds = np.unique(np.concatenate((begins, stops)))
    least = np.full(len(bounds), np.float32(np.inf))
    for i in range(len(begins)):
        first = np.searchsorted(bounds, begins[i])
        while bounds[first] < stops[i]:
            least[first] = min(least[first], costs[i])
            first += 1
    kept = np.flatnonzero(least < np.inf)
    return bounds[kept], bounds[kept + 1], least[kept]
