"""Building the index of all titles, batch by batch.

What belongs here: from films to the arrays of ``files.Arrays``. What is kept meanwhile is a number
for each word of each film, some 300 bytes a film in all, and never the titles.
"""

from __future__ import annotations

from array import array
from codecs import utf_16_le_decode
from dataclasses import dataclass
from itertools import chain, pairwise
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from movie_assets.recommender.inverted import compiled
from movie_assets.serving.titles import files
from movie_assets.serving.titles.matching import name_hashes
from movie_assets.serving.titles.words import other_words, title_words, year_word
from movie_assets.titles import ARTICLES

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from pathlib import Path

    from numpy.typing import NDArray

#: What of popularity counts, beside votes, in how well a film is known: TMDB's popularity is of the
#: day, and votes have been gathered over years.
_SHARE_OF_POPULARITY = 0.5
#: What a film's words depend on.
TITLE_COLUMNS = ("title", "original_title", "release_date")


def build_index(
    folder: Path,
    films: Iterable[pa.RecordBatch],
    before: tuple[Path, NDArray[np.int64]] | None = None,
) -> None:
    """Write the title index of films into a folder.

    Args:
        folder: made where it is not there; files of an index in it are replaced.
        films: batches in order of row, with the columns ``title``, ``original_title`` (string),
            ``popularity`` (a float), ``vote_count`` (an integer) and ``release_date`` (date32). Any
            value may be null; other columns are left alone. The same films give the same files.
        before: a folder with the index of other films, and at which row each film stands there with
            the same values of :data:`TITLE_COLUMNS`: int64 of shape (n_films,), -1 where it does
            not. Its words are copied.

    Raises:
        KeyError: where a batch lacks a column.
        OSError: where the files cannot be written.
        TitleIndexError: where the other index cannot be read.
    """
    gathered = _Gathered()
    known, start = _Known.of(files.read(before[0]), gathered.numbers) if before else None, 0
    for batch in films:
        stop = start + len(batch)
        rows = before[1][start:stop] if before else np.full(len(batch), -1, np.int64)
        gathered.add(batch, rows, known)
        start = stop
    files.write(folder, gathered.arrays())


@dataclass(frozen=True)
class _Known:
    """The films of another index."""

    arrays: files.Arrays
    ranks: NDArray[np.int32]

    @classmethod
    def of(cls, arrays: files.Arrays, numbers: dict[str, int]) -> _Known:
        """With its words numbered as there."""
        raw, ends = arrays.units.tobytes(), (2 * arrays.word_ends.astype(np.int64)).tolist()
        numbers.update(
            # Not bytes.decode, which looks for the codec anew for each of millions of words.
            (utf_16_le_decode(raw[begin:end], "surrogatepass")[0], number)
            for number, (begin, end) in enumerate(pairwise(ends))
        )
        ranks = np.empty(len(arrays.rows), np.int32)
        ranks[arrays.rows] = np.arange(len(ranks), dtype=np.int32)
        return cls(arrays, ranks)


class _Gathered:
    """What is known of the films so far; words are numbered as they come."""

    def __init__(self) -> None:
        self.numbers: dict[str, int] = {}
        self.film_words = [np.empty(0, np.int32)]
        self.sizes = [np.empty(0, np.int32)]  # of a film: all its words
        self.lengths = [np.empty((0, 2), np.int16)]  # and those of title and original title
        self.known = [np.empty(0, np.float32)]
        self.years = [np.empty(0, np.int16)]

    def add(self, batch: pa.RecordBatch, rows: NDArray[np.int64], known: _Known | None) -> None:
        """Take in the next films, some of which stand at rows that are known."""
        years = _years(batch)
        self.known.append(_known(batch))
        self.years.append(years)
        new = np.flatnonzero(rows < 0)
        words, sizes, lengths = self._of_titles(
            batch.select(["title", "original_title"]).take(pa.array(new)), years[new]
        )
        if known is not None and len(new) < len(rows):
            old = np.flatnonzero(rows >= 0)
            ranks, arrays = known.ranks[rows[old]], known.arrays
            begins = arrays.film_ends[ranks]
            new_sizes, new_lengths, new_words = sizes, lengths, words
            sizes, lengths = np.empty(len(rows), np.int32), np.empty((len(rows), 2), np.int16)
            sizes[new], sizes[old] = new_sizes, arrays.film_ends[ranks + 1] - begins
            lengths[new], lengths[old] = new_lengths, arrays.lengths[ranks]
            ends = _ends(sizes)
            words = np.empty(ends[-1], np.int32)
            words[_spans(ends[new], sizes[new])] = new_words
            words[_spans(ends[old], sizes[old])] = arrays.film_words[_spans(begins, sizes[old])]
        self.film_words.append(words)
        self.sizes.append(sizes)
        self.lengths.append(lengths)

    def _of_titles(
        self, batch: pa.RecordBatch, years: NDArray[np.int16]
    ) -> tuple[NDArray[np.int32], NDArray[np.int32], NDArray[np.int16]]:
        """Films' words, how many each has, and how many are of title and original title."""
        words, sizes, lengths = array("i"), array("i"), array("h")
        titles, originals = (column.to_pylist() for column in batch.columns)
        for title, original, year in zip(titles, originals, years.tolist(), strict=True):
            found, of_titles = self._of_film(title or "", original or "", year)
            words.extend(found)
            sizes.append(len(found))
            lengths.extend(of_titles)
        return (
            np.frombuffer(words, np.int32),
            np.frombuffer(sizes, np.int32),
            np.frombuffer(lengths, np.int16).reshape(-1, 2),
        )

    def _of_film(self, title: str, original: str, year: int) -> tuple[list[int], tuple[int, int]]:
        words, original_words = title_words(title), title_words(original)
        if original_words == words:
            original_words = []
        there = {*words, *original_words}
        others = dict.fromkeys(chain(other_words(title), other_words(original)))
        instead = [word for word in others if word not in there]
        numbers = self.numbers
        every = [*words, *original_words, *instead, *([year_word(year)] if year else [])]
        found = [numbers.setdefault(word, len(numbers)) for word in every]
        return found, (len(words), len(original_words))

    def arrays(self) -> files.Arrays:
        read, sizes = np.concatenate(self.film_words), np.concatenate(self.sizes)
        # Of another index, words may be left that no film has any more.
        there = np.bincount(read, minlength=len(self.numbers)) > 0
        words = sorted(
            (word.encode("utf-16-be", "surrogatepass"), number)
            for word, number in self.numbers.items()
            if there[number]
        )
        units = np.frombuffer(b"".join(encoded for encoded, _ in words), ">u2")
        of_words = (len(encoded) // 2 for encoded, _ in words)
        word_ends = _ends(np.fromiter(of_words, np.int32, len(words)))
        renumbered = np.full(len(self.numbers), -1, np.int32)
        renumbered[[number for _, number in words]] = np.arange(len(words), dtype=np.int32)
        articles = [self.numbers[word] for word in ARTICLES if word in self.numbers]
        self.numbers.clear()

        known, years = np.concatenate(self.known), np.concatenate(self.years)
        rows = np.argsort(-known, kind="stable").astype(np.int32)
        film_ends = _ends(sizes[rows])
        film_words = np.empty(int(film_ends[-1]), np.int32)
        _in_order(_ends(sizes), read, renumbered, rows, film_words)
        posting_ends = np.zeros(len(words) + 1, np.int32)
        postings = _postings(film_ends, film_words, posting_ends)
        arrays = files.Arrays(
            units=units.astype(np.uint16),
            word_ends=word_ends,
            posting_ends=posting_ends,
            postings=postings,
            film_ends=film_ends,
            film_words=film_words,
            lengths=np.concatenate(self.lengths)[rows],
            names=np.empty(0, np.int32),
            known=known[rows],
            years=years[rows],
            rows=rows,
        )
        used_articles = [renumbered[number] for number in articles if there[number]]
        return arrays._replace(names=_names(arrays, used_articles))


def _names(arrays: files.Arrays, articles: Sequence[int]) -> NDArray[np.int32]:
    names = np.flatnonzero(arrays.lengths.ravel()).astype(np.int32)
    hashes = name_hashes(arrays, names, np.array(articles, np.int32))
    return names[np.argsort(hashes, kind="stable")]


def _known(batch: pa.RecordBatch) -> NDArray[np.float32]:
    votes, popularity = (_numbers(batch.column(name)) for name in ("vote_count", "popularity"))
    return (np.log1p(votes) + _SHARE_OF_POPULARITY * np.log1p(popularity)).astype(np.float32)


def _numbers(column: pa.Array) -> NDArray[np.float64]:
    """As numbers of which there is a logarithm: 0 where there is none, or a negative one."""
    numbers = pc.fill_null(column.cast(pa.float64()), 0.0).to_numpy(zero_copy_only=False)
    return np.asarray(np.maximum(np.nan_to_num(numbers, posinf=0.0), 0.0))


def _years(batch: pa.RecordBatch) -> NDArray[np.int16]:
    years = pc.fill_null(pc.year(batch.column("release_date")), 0)
    return np.asarray(years.to_numpy(zero_copy_only=False), np.int16)


def _spans(begins: NDArray[np.int32], sizes: NDArray[np.int32]) -> NDArray[np.int64]:
    """The places of spans, one span behind the other."""
    ends = np.cumsum(sizes, dtype=np.int64)
    places: NDArray[np.int64] = np.repeat(begins - (ends - sizes), sizes)
    return places + np.arange(len(places))


def _ends(sizes: NDArray[np.int32]) -> NDArray[np.int32]:
    return np.concatenate([[0], np.cumsum(sizes, dtype=np.int64)]).astype(np.int32)


@compiled
def _in_order(ends: Any, words: Any, renumbered: Any, rows: Any, out: Any) -> None:
    """Write the films' words in the order of rows, by their new numbers."""
    place = 0
    for row in rows:
        for i in range(ends[row], ends[row + 1]):
            out[place] = renumbered[words[i]]
            place += 1


@compiled
def _postings(film_ends: Any, film_words: Any, posting_ends: Any) -> Any:
    """Each word's films, ascending and each once; where they end goes into ``posting_ends``."""
    n_words = len(posting_ends) - 1
    last = np.full(n_words, -1, np.int32)
    for rank in range(len(film_ends) - 1):
        for i in range(film_ends[rank], film_ends[rank + 1]):
            word = film_words[i]
            if last[word] != rank:
                last[word] = rank
                posting_ends[word + 1] += 1
    for word in range(n_words):
        posting_ends[word + 1] += posting_ends[word]
    postings = np.empty(posting_ends[n_words], np.int32)
    place = posting_ends[:n_words].copy()
    last[:] = -1
    for rank in range(len(film_ends) - 1):
        for i in range(film_ends[rank], film_ends[rank + 1]):
            word = film_words[i]
            if last[word] != rank:
                last[word] = rank
                postings[place[word]] = rank
                place[word] += 1
    return postings
