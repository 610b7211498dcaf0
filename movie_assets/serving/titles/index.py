"""The index of all titles, opened: what is shown for what has been typed, and in what order.

What belongs here: which readings of a query are tried, and whose films come first. A query is read
as it stands first: every word is in a title, the last perhaps not in full. Only where that says
little it is read otherwise: with words misspelled, without articles, with words written together.
"""

from __future__ import annotations

from functools import cached_property
from itertools import pairwise
from typing import TYPE_CHECKING

import numpy as np
from rapidfuzz import fuzz

from movie_assets.recommender.inverted import read_only
from movie_assets.serving.titles import files, spelling
from movie_assets.serving.titles.matching import (
    WITHOUT_ARTICLE,
    Found,
    best_films,
    name_hashes,
    namesakes,
)
from movie_assets.serving.titles.spelling import Meanings, meanings
from movie_assets.serving.titles.words import (
    OPTIONAL,
    Query,
    title_words,
    year_meant,
    year_word,
)
from movie_assets.titles import ARTICLES, split_year

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

    from numpy.typing import NDArray

#: Films that are called just what is typed come before all others, so many of them: sixty are
#: called "Alone", and who types it may want "Home Alone".
_NAMESAKES_FIRST = 3
_NAMESAKES_LOOKED_AT = 500
_MOST = 1000
_WHOLE_YEAR = len(year_word(1000))

#: What a film loses, in units of ``Arrays.known``.
_BY_YEAR = 0.5  # that has the year for a word
_BY_YEAR_ALONE = 20.0  # likewise of a query that is but a year: behind all titles with that word
_YEAR_OFF = 1.5  # that is of the year before or after: of a festival, and not of the cinemas
_OTHERWISE_SPACED = 1.5  # whose title has two words for one, or one for two
_ARTICLE_ONLY = 3.0  # a namesake but for its article: "The Matrix" for "matrix"

#: How much better a film must do that has the query otherwise than as it stands, to be shown beside
#: one that has it so: 20 times as well known.
_RATHER = 3.0

#: For so many of a query's words other spaces are tried, and so many readings that come of it.
_SPACED_WORDS, _SPACED_READINGS = 8, 6
_SHORTEST_PART = 2

#: Letters that a query has at least, so that even its shortest words may be misspelled.
_LEAST_AT_WORST = 5

_NEAR_WORDS, _NEAR_A_WORD = 8, 40  # words of a title that are looked up, and films for each
_LIKENESS = 80.0  # of 100: below this a near miss is another film


class TitleIndex:
    """Titles of one snapshot. Immutable: any number of threads may ask it."""

    def __init__(self, arrays: files.Arrays) -> None:
        self._arrays = arrays

    @classmethod
    def open(cls, folder: Path) -> TitleIndex:
        """Open the index in a folder; its files are mapped, and shared with other processes.

        Raises:
            TitleIndexError: where they are missing, damaged or of another format.
        """
        return cls(files.read(folder))

    def __len__(self) -> int:
        """How many films there are."""
        return len(self._arrays.rows)

    def warm(self) -> None:
        """Load the compiled code that searches call, or compile it, once on a machine (seconds)."""
        for title in self._titles(0) if len(self) else ():
            self.search(title)
            self.near(title)

    def search(self, query: str, limit: int = 10) -> list[int]:
        """The rows of the films that are looked for, best first.

        Args:
            query: what has been typed so far, of any length and kind. A year narrows.
            limit: the most films to give; at most 1,000 are given, and none for less than 1.
        """
        limit = min(limit, _MOST, len(self))
        if limit < 1:
            return []
        ranks: list[int] = []
        for asked in Query.readings(query):
            ranks = ranks or self._films(asked, limit)
        return [int(self._arrays.rows[rank]) for rank in ranks]

    def find(self, title: str, year: int | None = None) -> list[int]:
        """The rows of the films of a title, the best known first; none where there is none.

        A title is the same whatever its case, accents and punctuation. Films of that title come
        alone; where there are none, those of that original title; where there are none either,
        those of that title but for an article. ``"Scarface (1932)"`` names the year as
        ``year=1932`` does.
        """
        text, year_named = split_year(title)
        if year_named is not None and year in {None, year_named}:
            title, year = text, year_named
        ranks, levels = self._called(title_words(title))
        if year is not None:
            of_year = self._arrays.years[ranks] == year
            ranks, levels = ranks[of_year], levels[of_year]
        found = levels.tolist()
        best, rows = min(found, default=None), self._arrays.rows
        return [
            rows.item(rank)
            for rank, level in zip(ranks.tolist(), found, strict=True)
            if level == best
        ]

    def near(self, title: str, year: int | None = None, limit: int = 3) -> list[int]:
        """The rows of the films of a title much like this one, the most alike first.

        Args:
            title: as a person or another catalogue spells it.
            year: of the film; one a year apart is near too. None for any.
            limit: the most films to give.
        """
        words = title_words(title)
        likeness = {
            rank: self._likeness(words, rank, of_year=year is not None)
            for rank in self._candidates(words, year)
        }
        alike = [rank for rank, value in likeness.items() if value >= _LIKENESS]
        alike.sort(key=lambda rank: (-round(likeness[rank]), rank))
        return [int(self._arrays.rows[rank]) for rank in alike[: max(limit, 0)]]

    # --- readings of a query ---

    def _films(self, asked: Query, limit: int) -> list[int]:
        """By rank, best first."""
        found = self._as_typed(asked, limit)
        if len(found.ranks) < limit:
            above = float(found.scores[0]) + _RATHER if len(found.scores) else -np.inf
            found = _merged([found, self._otherwise(asked, limit, above)], limit)
        ranks = found.ranks.tolist()
        first = self._namesakes(asked)[:_NAMESAKES_FIRST] or self._written_together(asked, ranks)
        return list(dict.fromkeys([*first, *ranks]))[:limit]

    def _as_typed(self, asked: Query, limit: int) -> Found:
        return self._best(asked, asked.words, limit)

    def _otherwise(self, asked: Query, limit: int, above: float) -> Found:
        """The films that a query may mean, if not all its words are as they stand in titles.

        Only those that score better than ``above``: who finds what was meant is not to be shown
        what else is spelled much like it.
        """
        usual, at_worst = spelling.ONE_EDIT_FROM, spelling.ONE_EDIT_AT_WORST_FROM
        found = self._best(asked, asked.words, limit, above, one_edit_from=usual)
        spaced = [
            self._best(asked, words, limit, above, cost=_OTHERWISE_SPACED)
            for words in self._other_spaces(asked.words)
        ]
        found = _merged([found, *spaced], limit)
        if len(found.ranks) or above > -np.inf:
            return found
        needed = tuple(word for word in asked.words if word not in OPTIONAL)
        if needed and needed != asked.words:
            found = self._best(asked, needed, limit, one_edit_from=usual)
        if not len(found.ranks) and len("".join(asked.words)) >= _LEAST_AT_WORST:
            found = self._best(asked, asked.words, limit, one_edit_from=at_worst)
        return found

    def _other_spaces(self, words: tuple[str, ...]) -> Iterator[tuple[str, ...]]:
        """The query with two words as one, or one as two, as far as there are such words."""
        found = 0
        for reading, new, last in _respaced(words):
            if found == _SPACED_READINGS:
                return
            if all(self._is_there(w, unfinished=last and w is new[-1]) for w in new):
                found += 1
                yield reading

    def _is_there(self, word: str, *, unfinished: bool) -> bool:
        return len(meanings(self._arrays, word, unfinished=0.0 if unfinished else None).begins) > 0

    def _best(
        self,
        asked: Query,
        words: Sequence[str],
        limit: int,
        above: float = -np.inf,
        *,
        one_edit_from: int | None = None,
        cost: float = 0.0,
    ) -> Found:
        """The best films that have the words, and are of the year."""
        meant = [
            self._meant(
                word,
                last=place == len(words),
                alone=len(words) == 1,
                one_edit_from=one_edit_from,
            )
            for place, word in enumerate(words, start=1)
        ]
        if asked.year:
            meant.append(self._of_year(asked.year, nearly=one_edit_from is not None))
        if not all(len(word.begins) for word in meant):
            return Found(np.empty(0, np.int32), np.empty(0, np.float32))
        found = best_films(self._arrays, meant, limit, self._articles, above + cost)
        return Found(found.ranks, found.scores - np.float32(cost))

    def _meant(self, word: str, *, last: bool, alone: bool, one_edit_from: int | None) -> Meanings:
        unfinished = spelling.UNFINISHED if last else spelling.CUT_SHORT if one_edit_from else None
        meant = meanings(self._arrays, word, unfinished=unfinished, one_edit_from=one_edit_from)
        year = year_meant(word)
        if not year or (alone and len(year) < _WHOLE_YEAR):  # "200" begins a title
            return meant
        of_year = self._of_year(year, nearly=one_edit_from is not None)
        costs = of_year.costs + np.float32(_BY_YEAR_ALONE if alone else _BY_YEAR)
        return Meanings(  # years come before all letters
            np.concatenate([of_year.begins, meant.begins]),
            np.concatenate([of_year.ends, meant.ends]),
            np.concatenate([costs, meant.costs]),
        )

    def _of_year(self, year: str, *, nearly: bool) -> Meanings:
        """The words of years that begin so; or of a whole one, and those before and after it."""
        exactly = meanings(self._arrays, year, unfinished=0.0)
        if not nearly or len(year) < _WHOLE_YEAR:
            return exactly
        number = int(year[1:])
        before, after = (
            meanings(self._arrays, year_word(near), unfinished=None)
            for near in (number - 1, number + 1)
        )
        costs = [before.costs + _YEAR_OFF, exactly.costs, after.costs + _YEAR_OFF]
        return Meanings(
            np.concatenate([before.begins, exactly.begins, after.begins]),
            np.concatenate([before.ends, exactly.ends, after.ends]),
            np.concatenate(costs).astype(np.float32),
        )

    # --- titles in full ---

    def _called(
        self, words: Sequence[str], most: int | None = None
    ) -> tuple[NDArray[np.int32], NDArray[np.int8]]:
        """The films that are called by just these words, by rank, and which of their titles is."""
        most = most or 2 * len(self)
        return namesakes(self._arrays, self._places, self._hashes, words, self._articles, most)

    @cached_property
    def _places(self) -> NDArray[np.int32]:
        return read_only(spelling.word_places(self._arrays.units, self._arrays.word_ends))

    @cached_property
    def _articles(self) -> NDArray[np.int32]:
        """The numbers of those that titles have."""
        numbers = [spelling.number_of(self._arrays, self._places, word) for word in ARTICLES]
        return read_only(np.array([number for number in numbers if number >= 0], np.int32))

    @cached_property
    def _hashes(self) -> NDArray[np.uint64]:
        """Of all names; to hash those that a search meets takes longer than the search."""
        return read_only(name_hashes(self._arrays, self._arrays.names, self._articles))

    def _namesakes(self, asked: Query) -> list[int]:
        ranks, levels = self._called(asked.words, _NAMESAKES_LOOKED_AT)
        if asked.year:
            years = self._arrays.years[ranks]
            of_year = [year_word(year).startswith(asked.year) for year in years.tolist()]
            ranks, levels = ranks[of_year], levels[of_year]
        costs = np.where(levels >= WITHOUT_ARTICLE, np.float32(_ARTICLE_ONLY), np.float32(0))
        order = np.argsort(costs - self._arrays.known[ranks], kind="stable")
        return [int(rank) for rank in ranks[order]]

    def _written_together(self, asked: Query, ranks: Sequence[int]) -> list[int]:
        """Of these films, those that are called so but for spaces: "X-Men" for "xmen"."""
        wanted = "".join(asked.words)
        return [
            rank
            for rank in ranks
            if any(wanted == title.replace(" ", "") for title in self._titles(rank))
        ]

    # --- near misses ---

    def _candidates(self, words: Sequence[str], year: int | None) -> set[int]:
        """The best known films that have one of the words, or one much like it."""
        years = [] if year is None else [self._of_year(year_word(year), nearly=True)]
        if years and not len(years[0].begins):
            return set()
        found: set[int] = set()
        telling = [word for word in dict.fromkeys(words) if word not in OPTIONAL] or words
        for word in sorted(telling, key=len, reverse=True)[:_NEAR_WORDS]:
            meant = meanings(
                self._arrays, word, unfinished=None, one_edit_from=spelling.ONE_EDIT_FROM
            )
            if len(meant.begins):
                best = best_films(self._arrays, [meant, *years], _NEAR_A_WORD, self._articles)
                found.update(best.ranks.tolist())
        return found

    def _likeness(self, words: Sequence[str], rank: int, *, of_year: bool) -> float:
        """0 to 100: how much a film's title, or its original one, is like this one."""
        wanted = " ".join(words)
        return max(
            (_likeness(wanted, title, of_year=of_year) for title in self._titles(rank)), default=0.0
        )

    def _titles(self, rank: int) -> Iterator[str]:
        """A film's title and, where it has another one, its original title; normalised."""
        begin = int(self._arrays.film_ends[rank])
        for length in self._arrays.lengths[rank].tolist():
            if length:
                words = self._arrays.film_words[begin : begin + length].tolist()
                yield " ".join(spelling.word(self._arrays, number) for number in words)
            begin += length


def _likeness(one: str, other: str, *, of_year: bool) -> float:
    """As far as both have the same letters; or, of films of one year, where one has all words."""
    whole = max(fuzz.ratio(one, other), fuzz.token_sort_ratio(one, other) - 1)
    return max(whole, 0.9 * fuzz.token_set_ratio(one, other)) if of_year else whole


def _respaced(
    words: tuple[str, ...],
) -> Iterator[tuple[tuple[str, ...], Sequence[str], bool]]:
    """Readings with other spaces, their new words, and whether these end the query."""
    for i, (word, following) in enumerate(pairwise(words)):
        if i < _SPACED_WORDS:
            joined = (word + following,)
            yield (*words[:i], *joined, *words[i + 2 :]), joined, i + 2 == len(words)
    for i, word in enumerate(words[:_SPACED_WORDS]):
        # From the end: of "starwars" rather "star wars" than "st arwars".
        for cut in range(min(len(word), 24) - _SHORTEST_PART, _SHORTEST_PART - 1, -1):
            parts = (word[:cut], word[cut:])
            yield (*words[:i], *parts, *words[i + 1 :]), parts, i + 1 == len(words)


def _merged(readings: Sequence[Found], limit: int) -> Found:
    """The best films of all readings, each once and by its best score."""
    best: dict[int, float] = {}
    for reading in readings:
        for rank, score in zip(reading.ranks.tolist(), reading.scores.tolist(), strict=True):
            best[rank] = max(score, best.get(rank, score))
    ranks = sorted(best, key=lambda rank: (-best[rank], rank))[:limit]
    scores = [best[rank] for rank in ranks]
    return Found(np.array(ranks, np.int32), np.array(scores, np.float32))
