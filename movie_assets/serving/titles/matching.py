"""Which films have all words of a query: the best of them, and those that are called just so.

Films are numbered by rank here, the best known first. There are two ways through them: by rank,
until no later one can be among the best, which ends soon where many films match; and through all
films that have the query's two rarest words. ``best_films`` goes the first way for as long as the
second would take, and then the second.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from movie_assets.recommender.inverted import compiled
from movie_assets.serving.titles.spelling import find_word, fnv_1a, units_of
from movie_assets.titles import ARTICLES

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from movie_assets.serving.titles.files import Arrays
    from movie_assets.serving.titles.spelling import Meanings

#: What a film loses, in units of ``Arrays.known``, whose title does not begin with the query's
#: first word.
ELSEWHERE = 1.0

#: Of a film's title that is a query's: the very title, the original one, or either but for its
#: article.
TITLE, ORIGINAL, WITHOUT_ARTICLE, ORIGINAL_WITHOUT_ARTICLE, NOT_AT_ALL = range(5)

#: A film that is looked at costs as much as so many postings that are read.
_POSTINGS_A_FILM = 100
_LEAST_WALKED = 500

#: No word has it, since ``words.title_words`` leaves no blank but a space.
_BETWEEN_WORDS = "\n"
_BETWEEN = ord(_BETWEEN_WORDS)


class Found(NamedTuple):
    """Films by rank, int32, and how well they do, float32: known less what they lost."""

    ranks: NDArray[np.int32]
    scores: NDArray[np.float32]


def best_films(
    arrays: Arrays,
    words: Sequence[Meanings],
    limit: int,
    articles: NDArray[np.int32],
    above: float = -np.inf,
) -> Found:
    """The films that have all words of a query and score best, best first.

    Args:
        arrays: the index.
        words: what each word can mean; at least one, the first of which titles may begin with.
        limit: the most films to give, at least 1.
        articles: the numbers of words that a title may have before its first one.
        above: films that score no better are left out.
    """
    ends = np.cumsum([0, *(len(word.begins) for word in words)]).astype(np.int32)
    query = (
        ends,
        np.concatenate([word.begins for word in words]),
        np.concatenate([word.ends for word in words]),
        np.concatenate([word.costs for word in words]),
    )
    return Found(*_best_films(arrays, query, articles, limit, above))


def namesakes(
    arrays: Arrays,
    places: NDArray[np.int32],
    hashes: NDArray[np.uint64],
    words: Sequence[str],
    articles: NDArray[np.int32],
    most: int,
) -> tuple[NDArray[np.int32], NDArray[np.int8]]:
    """The films that are called by just these words, by rank, and which of their titles is.

    Args:
        arrays: the index.
        places: of its words, by :func:`spelling.word_places`.
        hashes: of its names, by :func:`name_hashes`.
        words: in order. An article in front that no title has may be another language's.
        articles: the numbers of words that a title may be called without.
        most: as many are looked at, the best known first.
    """
    units = units_of(_BETWEEN_WORDS.join(words))
    is_article = len(words) > 1 and words[0] in ARTICLES
    ranks, levels = _called(arrays, places, hashes, units, is_article, articles, most)
    return ranks, levels


@compiled
def _cost(number: int, word: int, query: Any) -> Any:
    """What it costs to have but this word for a word of the query; infinity where it is another."""
    ends, begins, stops, costs = query
    lo, hi = ends[word], ends[word + 1]
    while lo < hi:
        middle = (lo + hi) // 2
        if stops[middle] <= number:
            lo = middle + 1
        else:
            hi = middle
    return costs[lo] if lo < ends[word + 1] and begins[lo] <= number else np.float32(np.inf)


@compiled
def _begins(arrays: Any, rank: int, query: Any, articles: Any) -> bool:
    """Whether the first word of the query is that of the film's title or original title."""
    place = arrays.film_ends[rank]
    for length in arrays.lengths[rank]:
        if length and _cost(arrays.film_words[place], 0, query) < np.inf:
            return True
        behind_article = length > 1 and arrays.film_words[place] in articles
        if behind_article and _cost(arrays.film_words[place + 1], 0, query) < np.inf:
            return True
        place += length
    return False


@compiled
def _lost(arrays: Any, rank: int, query: Any, articles: Any) -> Any:
    """What a film loses by how it has the query's words; infinity where it lacks one."""
    lost = np.float32(0)
    for word in range(len(query[0]) - 1):
        least = np.float32(np.inf)
        for i in range(arrays.film_ends[rank], arrays.film_ends[rank + 1]):
            least = min(least, _cost(arrays.film_words[i], word, query))
        lost += least
        if lost == np.inf:
            return lost
    return lost if _begins(arrays, rank, query, articles) else lost + np.float32(ELSEWHERE)


@compiled
def _two_rarest(arrays: Any, query: Any) -> Any:
    """The two words that the fewest films have, the same twice if need be; and their postings."""
    ends, begins, stops, _ = query
    rarest = second = 0
    fewest = few = np.int64(len(arrays.postings)) + 1
    for word in range(len(ends) - 1):
        films = np.int64(0)
        for i in range(ends[word], ends[word + 1]):
            films += arrays.posting_ends[stops[i]] - arrays.posting_ends[begins[i]]
        if films < fewest:
            second, few = rarest, fewest
            rarest, fewest = word, films
        elif films < few:
            second, few = word, films
    return rarest, second, fewest if rarest == second else fewest + few


@compiled
def _take(arrays: Any, rank: int, query: Any, articles: Any, above: float, best: Any) -> None:
    """Put a film among the best, where it belongs there and is not there yet."""
    ranks, scores, n = best
    score = arrays.known[rank] - _lost(arrays, rank, query, articles)
    if not score > above:
        return
    place = n[0]
    while place > 0 and (
        scores[place - 1] < score or (scores[place - 1] == score and ranks[place - 1] > rank)
    ):
        place -= 1
    if place == len(ranks) or (place > 0 and ranks[place - 1] == rank):
        return
    n[0] = min(n[0] + 1, len(ranks))
    for i in range(n[0] - 1, place, -1):
        ranks[i], scores[i] = ranks[i - 1], scores[i - 1]
    ranks[place], scores[place] = rank, score


@compiled
def _hopeless(arrays: Any, rank: int, best: Any) -> bool:
    """Whether neither this film nor one less known can be among the best any more."""
    ranks, scores, n = best
    return bool(n[0] == len(ranks) and arrays.known[rank] < scores[n[0] - 1])


@compiled
def _end_of_known(arrays: Any, above: float) -> int:
    """How many films are known better than this."""
    lo, hi = 0, len(arrays.known)
    while lo < hi:
        middle = (lo + hi) // 2
        if arrays.known[middle] > above:
            lo = middle + 1
        else:
            hi = middle
    return lo


@compiled
def _films_with(arrays: Any, word: int, query: Any, begin: int, end: int) -> Any:
    """The films from rank ``begin`` up to ``end`` that have a word, as bits."""
    ends, begins, stops, _ = query
    bits = np.zeros(end // 64 + 1, np.uint64)
    for i in range(ends[word], ends[word + 1]):
        for number in range(begins[i], stops[i]):
            for place in range(arrays.posting_ends[number], arrays.posting_ends[number + 1]):
                rank = arrays.postings[place]
                if rank >= end:
                    break
                if rank >= begin:
                    bits[rank >> 6] |= np.uint64(1) << np.uint64(rank & 63)
    return bits


@compiled
def _best_films(arrays: Any, query: Any, articles: Any, limit: int, above: float) -> Any:
    end = _end_of_known(arrays, above)
    limit = min(limit, end)
    best = (np.empty(limit, np.int32), np.empty(limit, np.float32), np.zeros(1, np.int64))
    rarest, second, postings = _two_rarest(arrays, query)
    walked = min(end, _LEAST_WALKED + postings // _POSTINGS_A_FILM)
    for rank in range(walked):
        if _hopeless(arrays, rank, best):
            end = rank
            break
        _take(arrays, rank, query, articles, above, best)
    if walked < end:
        both = _films_with(arrays, rarest, query, walked, end)
        if second != rarest:
            both &= _films_with(arrays, second, query, walked, end)
        for block in range(walked >> 6, len(both)):
            if not both[block]:
                continue
            if _hopeless(arrays, block << 6, best):
                break
            for bit in range(64):
                if both[block] >> np.uint64(bit) & np.uint64(1):
                    _take(arrays, (block << 6) + bit, query, articles, above, best)
    return best[0][: best[2][0]], best[1][: best[2][0]]


@compiled
def _bounds(arrays: Any, name: int, articles: Any) -> Any:
    """Where the words of a name begin and end in ``film_words``; the first is no article."""
    rank, which = name // 2, name % 2
    begin = arrays.film_ends[rank] + (arrays.lengths[rank, 0] if which else 0)
    end = begin + arrays.lengths[rank, which]
    if end - begin > 1 and arrays.film_words[begin] in articles:
        begin += 1
    return begin, end


@compiled
def name_hashes(arrays: Any, names: Any, articles: Any) -> Any:
    """What ``Arrays.names`` ascends by: hashes of the names' words but for their articles.

    Args:
        arrays: the index, of which ``film_words``, ``film_ends`` and ``lengths`` are read.
        names: int32, as in ``Arrays.names``.
        articles: int32, the numbers of words that a title may be called without.
    """
    hashes = np.empty(len(names), np.uint64)
    for i in range(len(names)):
        begin, end = _bounds(arrays, names[i], articles)
        hashes[i] = fnv_1a(arrays.film_words[begin:end])
    return hashes


@compiled
def _level(arrays: Any, name: int, words: Any, articles: Any) -> int:
    """Whether these words are a name, and of which kind."""
    first = 1 if len(words) > 1 and words[0] in articles else 0
    begin, end = _bounds(arrays, name, articles)
    if end - begin != len(words) - first:
        return NOT_AT_ALL
    if np.any(arrays.film_words[begin:end] != words[first:]):
        return NOT_AT_ALL
    which = name % 2
    has_article = end - begin < arrays.lengths[name // 2, which]
    if has_article != (first == 1) or (first and arrays.film_words[begin - 1] != words[0]):
        return WITHOUT_ARTICLE + which
    return which


@compiled
def _namesakes(arrays: Any, hashes: Any, words: Any, articles: Any, most: int) -> Any:
    first = 1 if len(words) > 1 and words[0] in articles else 0
    wanted = fnv_1a(words[first:])
    start = np.searchsorted(hashes, wanted)
    stop = start
    while stop < len(hashes) and stop - start < most and hashes[stop] == wanted:
        stop += 1
    ranks, levels = np.empty(stop - start, np.int32), np.empty(stop - start, np.int8)
    n = 0
    for name in arrays.names[start:stop]:
        level = _level(arrays, name, words, articles)
        if level == NOT_AT_ALL:
            continue
        if n and ranks[n - 1] == name // 2:  # by its original title too
            levels[n - 1] = min(levels[n - 1], level)
            continue
        ranks[n], levels[n] = name // 2, level
        n += 1
    return ranks[:n], levels[:n]


@compiled
def _numbers(arrays: Any, places: Any, units: Any) -> Any:
    """Of words with a sign between them; -1 for each that no title has."""
    numbers = np.empty(len(units) + 1, np.int32)
    n = begin = 0
    for end in range(len(units) + 1):
        if end == len(units) or units[end] == _BETWEEN:
            numbers[n] = find_word(arrays.units, arrays.word_ends, places, units[begin:end])
            n += 1
            begin = end + 1
    return numbers[:n]


@compiled
def _called(
    arrays: Any, places: Any, hashes: Any, units: Any, is_article: bool, articles: Any, most: int
) -> Any:
    words = _numbers(arrays, places, units)
    first = 1 if is_article and words[0] < 0 else 0
    if len(words) == first or np.any(words[first:] < 0):
        return np.empty(0, np.int32), np.empty(0, np.int8)
    ranks, levels = _namesakes(arrays, hashes, words[first:], articles, most)
    if first:
        for i in range(len(levels)):
            levels[i] |= WITHOUT_ARTICLE
    return ranks, levels
