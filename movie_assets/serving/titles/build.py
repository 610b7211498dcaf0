"""Building the index of all titles, batch by batch.

What belongs here: from films to the arrays of ``files.Arrays``. What is kept meanwhile is a number
for each word of each film, some 300 bytes a film in all, and never the titles.
"""

from __future__ import annotations

from array import array
from itertools import chain
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


def build_index(folder: Path, films: Iterable[pa.RecordBatch]) -> None:
    """Write the title index of films into a folder.

    Args:
        folder: made where it is not there; files of an index in it are replaced.
        films: batches in order of row, with the columns ``title``, ``original_title`` (string),
            ``popularity`` (a float), ``vote_count`` (an integer) and ``release_date`` (date32). Any
            value may be null; other columns are left alone. The same films give the same files.

    Raises:
        KeyError: where a batch lacks a column.
        OSError: where the files cannot be written.
    """
    gathered = _Gathered()
    for batch in films:
        gathered.add(batch)
    files.write(folder, gathered.arrays())


class _Gathered:
    """What is known of the films so far; words are numbered as they come."""

    def __init__(self) -> None:
        self.numbers: dict[str, int] = {}
        self.film_words = array("i")
        self.sizes = array("i")  # of a film: all its words
        self.lengths = array("h")  # and those of title and original title
        self.known: list[NDArray[np.float32]] = []
        self.years: list[NDArray[np.int16]] = []

    def add(self, batch: pa.RecordBatch) -> None:
        titles = batch.column("title").to_pylist()
        originals = batch.column("original_title").to_pylist()
        years = _years(batch)
        for title, original, year in zip(titles, originals, years.tolist(), strict=True):
            self._add_film(title or "", original or "", year)
        self.known.append(_known(batch))
        self.years.append(years)

    def _add_film(self, title: str, original: str, year: int) -> None:
        words, original_words = title_words(title), title_words(original)
        if original_words == words:
            original_words = []
        there = {*words, *original_words}
        others = dict.fromkeys(chain(other_words(title), other_words(original)))
        instead = [word for word in others if word not in there]
        numbers = self.numbers
        every = [*words, *original_words, *instead, *([year_word(year)] if year else [])]
        self.film_words.extend([numbers.setdefault(word, len(numbers)) for word in every])
        self.sizes.append(len(every))
        self.lengths.extend((len(words), len(original_words)))

    def arrays(self) -> files.Arrays:
        words = sorted(self.numbers, key=lambda word: word.encode("utf-16-be", "surrogatepass"))
        units = "".join(words).encode("utf-16-le", "surrogatepass")
        sizes = (len(word.encode("utf-16-le", "surrogatepass")) // 2 for word in words)
        word_ends = _ends(np.fromiter(sizes, np.int32, len(words)))
        renumbered = np.empty(len(words), np.int32)
        renumbered[[self.numbers[word] for word in words]] = np.arange(len(words), dtype=np.int32)
        articles = [self.numbers[word] for word in ARTICLES if word in self.numbers]
        self.numbers.clear()

        known = np.concatenate([np.empty(0, np.float32), *self.known])
        years = np.concatenate([np.empty(0, np.int16), *self.years])
        rows = np.argsort(-known, kind="stable").astype(np.int32)
        film_sizes = np.frombuffer(self.sizes, np.int32)
        film_ends = _ends(film_sizes[rows])
        film_words = np.empty(int(film_ends[-1]), np.int32)
        read = np.frombuffer(self.film_words, np.int32)
        _in_order(_ends(film_sizes), read, renumbered, rows, film_words)
        posting_ends = np.zeros(len(words) + 1, np.int32)
        postings = _postings(film_ends, film_words, posting_ends)
        arrays = files.Arrays(
            units=np.frombuffer(units, "<u2").astype(np.uint16),
            word_ends=word_ends,
            posting_ends=posting_ends,
            postings=postings,
            film_ends=film_ends,
            film_words=film_words,
            lengths=np.frombuffer(self.lengths, np.int16).reshape(-1, 2)[rows],
            names=np.empty(0, np.int32),
            known=known[rows],
            years=years[rows],
            rows=rows,
        )
        return arrays._replace(names=_names(arrays, [renumbered[n] for n in articles]))


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
