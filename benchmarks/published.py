"""Snapshots for the other benchmarks: of a real catalogue, or of any number of made-up films.

    python benchmarks/published.py --films 100000              made up; prints the folder
    python benchmarks/published.py --catalogue FILE.parquet    real films, neighbours, reasons

Other benchmarks call :func:`published`. A snapshot is made once and kept in the folder for
temporary files, since a million films take two minutes.

Made-up films have the statistics of 26,606 real ones: 27 words by the Zipf-Mandelbrot law, genres
as often as they are, keywords, people and collections from vocabularies that grow with the films,
an overview of 290 bytes, half of them with two votes or fewer. Their features are what the package
makes of such films; their neighbours are drawn among the films with votes, well-known ones more
often, so that what is read is spread over the files as real neighbours would spread it.
"""

from __future__ import annotations

import argparse
import hashlib
import sys
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
from kernel import (
    GENRE_SHARES,
    OFFSET,
    WORDS,
    WORDS_A_ROOT,
    K,
    made_up_ratings,
    made_up_votes,
    made_up_years,
)
from numpy.typing import NDArray
from scipy import sparse

from movie_assets.recommender import MovieFeatures, load_weights
from movie_assets.recommender.ranking import fit_ranking
from movie_assets.recommender.weights import FIELDS
from movie_assets.serving import snapshot
from movie_assets.serving.snapshot import SnapshotContent, layout, open_snapshot, write_snapshot

sys.path.insert(0, str(Path(__file__).parents[1]))
from movie_assets_tests.snapshots import content_of, film_table

FILMS_A_BATCH = 20_000
GENRES = (
    "Drama", "Comedy", "Documentary", "Thriller", "Action", "Horror", "Romance", "Animation",
    "Family", "Crime", "Adventure", "Science Fiction", "Fantasy", "Music", "Mystery", "TV Movie",
    "History", "War", "Western",
)  # fmt: skip
LANGUAGES = {
    "en": 48, "fr": 8, "es": 7, "de": 6, "ja": 6, "zh": 4, "pt": 4, "it": 4, "ru": 3, "ko": 2,
    "hi": 2, "cs": 1, "sv": 1, "nl": 1, "pl": 1, "tr": 1, "da": 0.5, "th": 0.3, "fa": 0.2,
}  # fmt: skip
SYLLABLES = (
    "ba be bi bo da den el fa gar hol in ja ka kel la lin mar mi no or pa ra rin sa sol ta ter ul "
    "va wen xi yo zu"
)
OTHER_SYLLABLES = "да ни ки ли ми 東 京 物 語 夏 雨 金 대 한 산 के ला मी"


def published(films: int | None = None, catalogue: Path | None = None) -> Path:
    """A folder of snapshots that has one; ``open_snapshot`` opens it.

    Args:
        films: how many made-up films; or
        catalogue: the parquet file of real ones.
    """
    what = catalogue.stem if catalogue else f"{films}-films"
    kept = Path(tempfile.gettempdir()) / "movie_assets_benchmarks" / f"{what}-{_version()}"
    try:
        open_snapshot(kept).close()
    except snapshot.SnapshotError:
        print(f"Making the snapshot {kept} ...", file=sys.stderr)
        write_snapshot(kept, real_content(catalogue) if catalogue else MadeUp(films or 0).content)
    return kept


def real_content(catalogue: Path) -> SnapshotContent:
    """Real films, and what the package makes of them."""
    return content_of(film_table(pd.read_parquet(catalogue)))


def _version() -> str:
    """So that nobody gets what another version of this file made."""
    digest = hashlib.sha256(Path(__file__).read_bytes()).hexdigest()
    return f"{layout.FORMAT}-{digest[:8]}"


@dataclass(frozen=True)
class Lists:
    """A list of names a film: CSR without data, and the names."""

    indptr: NDArray[np.int64]
    codes: NDArray[np.int32]
    names: pa.Array

    @classmethod
    def drawn(
        cls, random: np.random.Generator, sizes: NDArray[np.int64], names: pa.Array, offset: float
    ) -> Lists:
        """Names by the Zipf-Mandelbrot law, each once in a list."""
        cumulated = np.cumsum(1 / (np.arange(len(names)) + offset))
        drawn = random.random(sizes.sum()) * cumulated[-1]
        codes = np.searchsorted(cumulated, drawn).astype(np.int64)
        keys = np.unique(np.repeat(np.arange(len(sizes)), sizes) * len(names) + codes)
        rows = keys // len(names)
        indptr = np.searchsorted(rows, np.arange(len(sizes) + 1))
        return cls(indptr, (keys % len(names)).astype(np.int32), names)

    def of(self, start: int, stop: int) -> pa.ListArray:
        """The lists of some films."""
        begin, end = self.indptr[start], self.indptr[stop]
        offsets = pa.array((self.indptr[start : stop + 1] - begin).astype(np.int32))
        return pa.ListArray.from_arrays(offsets, self.names.take(pa.array(self.codes[begin:end])))

    def firsts(self, start: int, stop: int) -> pa.Array:
        """Each film's first name, null for none."""
        own = np.diff(self.indptr[start : stop + 1]) > 0
        places = np.minimum(self.indptr[start:stop], max(len(self.codes) - 1, 0))
        return self.names.take(pa.array(self.codes[places], mask=~own))


@dataclass(frozen=True)
class MadeUp:
    """So many made-up films, the same at every call."""

    n: int

    @property
    def content(self) -> SnapshotContent:
        """All of it, to be written."""
        return SnapshotContent(
            films=self.films(), features=self.features, pairs=self.pairs(), weights=load_weights()
        )

    @cached_property
    def ids(self) -> NDArray[np.int32]:
        """Of TMDB, with as many gaps."""
        return np.cumsum(np.random.default_rng(5).integers(1, 3, self.n)).astype(np.int32)

    @cached_property
    def lists(self) -> dict[str, Lists]:
        """What films have, by the names of their fields."""
        random, n = np.random.default_rng(6), self.n
        words = word_list(random, int(WORDS_A_ROOT * n**0.5), SYLLABLES)
        people = pa.array([f"{a.title()} {b.title()}" for a, b in zip(
            word_list(random, n // 2 + 50, SYLLABLES).to_pylist(),
            word_list(random, n // 2 + 50, SYLLABLES).to_pylist(), strict=True)])  # fmt: skip
        keywords = word_list(random, int(100 * n**0.5), SYLLABLES)
        genres = random.random((n, len(GENRE_SHARES)), np.float32) < GENRE_SHARES / 100
        collections = pa.array([f"{w} Collection" for w in words[: n // 40 + 5].to_pylist()])
        languages = random.choice(
            len(LANGUAGES), n, p=np.array(list(LANGUAGES.values())) / sum(LANGUAGES.values())
        )
        each = np.arange(n + 1)
        return {
            "text": Lists.drawn(random, np.maximum(1, random.poisson(WORDS, n)), words, OFFSET),
            "genres": Lists(
                np.concatenate([[0], np.cumsum(genres.sum(axis=1))]),
                np.nonzero(genres)[1].astype(np.int32),
                pa.array(GENRES),
            ),
            "keywords": Lists.drawn(random, random.poisson(5, n), keywords, 20),
            "directors": Lists.drawn(random, np.ones(n, np.int64), people, 5000),
            "writers": Lists.drawn(random, random.poisson(1, n), people, 5000),
            "actors": Lists.drawn(random, random.poisson(6, n), people, 2000),
            "collection": Lists.drawn(random, random.binomial(1, 0.1, n), collections, 50),
            "language": Lists(each, languages.astype(np.int32), pa.array(list(LANGUAGES))),
            "floor": Lists(each, np.zeros(n, np.int32), pa.array(["a film"])),
        }

    @cached_property
    def votes(self) -> NDArray[np.int64]:
        """As TMDB's."""
        return made_up_votes(self.n).astype(np.int64)

    @cached_property
    def features(self) -> MovieFeatures:
        """By the package's weights and formulas."""
        shares = load_weights().shares()
        names = [name for name in FIELDS if shares[name] > 0 and name in self.lists]
        blocks, idfs = zip(*(self._block(name, shares[name]) for name in names), strict=True)
        return MovieFeatures(
            movie_ids=self.ids,
            matrix=sparse.csr_matrix(sparse.hstack(blocks, format="csr"), dtype=np.float32),
            vocabulary=tuple(t for name in names for t in self.lists[name].names.to_pylist()),
            fields=tuple(names),
            field_ends=np.cumsum([0, *(block.shape[1] for block in blocks)], dtype=np.int64),
            idf=np.concatenate(idfs).astype(np.float32),
            years=made_up_years(self.n).astype(np.int16),
            votes=self.votes,
            ratings=made_up_ratings(self.votes),
        )

    def _block(self, name: str, share: float) -> tuple[sparse.csr_matrix, NDArray[np.float64]]:
        lists = self.lists[name]
        counts = np.bincount(lists.codes, minlength=len(lists.names))
        idf = np.log((1 + self.n) / (1 + counts)) + 1
        rows = np.repeat(np.arange(self.n), np.diff(lists.indptr))
        values = idf[lists.codes]
        if name == "language":
            values = np.sqrt(share * values / idf.max())
        else:
            squares = np.bincount(rows, weights=values**2, minlength=self.n)
            values = values * (share**0.5 / np.sqrt(squares[rows]))
        shape = (self.n, len(lists.names))
        block = sparse.csr_matrix((values.astype(np.float32), lists.codes, lists.indptr), shape)
        return block, idf

    def films(self) -> Iterator[pa.RecordBatch]:
        """As the writer takes them."""
        random = np.random.default_rng(7)
        words = self.lists["text"].names
        titles, originals = self._titles(random, words), self._originals(random)
        sentences = pa.array(
            [" ".join(line).capitalize() for line in
             np.array(words.to_pylist())[random.integers(0, len(words), (20_000, 11))]]
        )  # fmt: skip
        days = (self.features.years.astype("int64") - 1970) * 365 + random.integers(0, 365, self.n)
        runtimes = random.normal(95, 25, self.n).clip(1).astype(np.int32)
        popularity = (self.votes**0.7 * random.lognormal(0, 0.7, self.n)).astype(np.float32)
        for start in range(0, self.n, FILMS_A_BATCH):
            stop = min(start + FILMS_A_BATCH, self.n)
            size, some = stop - start, slice(start, stop)
            overview = [sentences.take(pa.array(random.integers(0, len(sentences), size)))
                        for _ in range(4)]  # fmt: skip
            lists = {
                name: self.lists[name].of(start, stop)
                for name in ("genres", "directors", "writers", "actors", "keywords")
            }
            columns = {
                "movie_id": self.ids[some],
                "imdb_id": [f"tt{number:07}" for number in self.ids[some]],
                "title": titles[start:stop],
                "original_title": originals(titles[start:stop]),
                "overview": pa.compute.binary_join_element_wise(*overview, ". "),
                "tagline": _now_and_then(random, overview[0], 0.4),
                "poster_path": _now_and_then(
                    random, [f"/{number:x}aBcDeFgHiJkLmNoPq.jpg" for number in self.ids[some]], 0.8
                ),
                "release_date": pa.array(days[some].astype(np.int32)).cast(pa.date32()),
                "runtime": runtimes[some],
                "original_language": self.lists["language"].firsts(start, stop),
                "popularity": popularity[some],
                "vote_average": self.features.ratings[some],
                "vote_count": self.votes[some].astype(np.int32),
                **lists,
                "collection": self.lists["collection"].firsts(start, stop),
            }
            yield pa.table(columns).cast(layout.FILM_SCHEMA).combine_chunks().to_batches()[0]

    def _titles(self, random: np.random.Generator, words: pa.Array) -> list[str]:
        """One to five words, common words more often; one in seven has an article."""
        sizes = random.choice([1, 2, 3, 4, 5], self.n, p=[0.22, 0.36, 0.24, 0.12, 0.06])
        drawn = Lists.drawn(random, sizes, words, 200)
        names, articles = words.to_pylist(), random.random(self.n) < 1 / 7
        codes, ends = drawn.codes.tolist(), drawn.indptr.tolist()
        return [
            ("The " if articles[i] else "")
            + " ".join(names[code].title() for code in codes[ends[i] : ends[i + 1]])
            for i in range(self.n)
        ]

    def _originals(self, random: np.random.Generator):
        others = word_list(random, 20_000, OTHER_SYLLABLES).to_pylist()

        def of(titles: list[str]) -> list[str]:
            drawn = random.integers(0, 8 * len(others), len(titles))
            return [
                others[d] if d < len(others) else title
                for d, title in zip(drawn, titles, strict=True)
            ]

        return of

    def pairs(self) -> Iterator[pa.RecordBatch]:
        """As the writer takes them: different films each, the better known more often."""
        random = np.random.default_rng(8)
        prior = fit_ranking(self.features, load_weights()).prior
        best = np.argsort(-self.votes, kind="stable")[: int((self.votes > 0).sum())]
        k = min(K, len(best) - 1)
        pool = pa.concat_arrays([
            pa.compute.binary_join_element_wise("with", self.lists["actors"].names, " "),
            pa.compute.binary_join_element_wise("directed by", self.lists["directors"].names, " "),
            self.lists["keywords"].names, pa.array(GENRES),
        ])  # fmt: skip
        for start in range(0, self.n, FILMS_A_BATCH):
            rows = np.arange(start, min(start + FILMS_A_BATCH, self.n))
            steps = np.minimum(random.integers(1, 2000, (len(rows), 1)), (len(best) - 1) // k)
            room = len(best) - steps * k
            places = (random.random((len(rows), 1)) ** 3 * room).astype(np.int64)
            found = best[(places + steps * np.arange(k)) % len(best)].ravel()
            sizes = random.integers(1, layout.REASONS_A_PAIR + 1, len(found))
            reasons = (random.random(sizes.sum()) ** 2 * len(pool)).astype(np.int32)
            offsets = np.concatenate([[0], np.cumsum(sizes)]).astype(np.int32)
            scores = np.sort(random.random((len(rows), k)).astype(np.float32) ** 2)[:, ::-1]
            yield pa.record_batch(
                {
                    "movie_id": np.repeat(self.ids[rows], k),
                    "neighbour_id": self.ids[found],
                    "score": scores.ravel(),
                    "content": random.random(len(found), np.float32),
                    "closeness": random.random(len(found), np.float32),
                    "prior": prior[found],
                    "reasons": pa.ListArray.from_arrays(
                        pa.array(offsets), pool.take(pa.array(reasons))
                    ),
                }
            )


def word_list(random: np.random.Generator, n: int, of: str) -> pa.Array:
    """So many words, each only once."""
    syllables = of.split()
    sizes, drawn = random.integers(2, 5, n), random.integers(0, len(syllables), (n, 4))
    words = ["".join(syllables[s] for s in some[:k]) for some, k in zip(drawn, sizes, strict=True)]
    seen: dict[str, int] = {}
    for place, word in enumerate(words):
        seen[word] = count = seen.get(word, 0) + 1
        # Some come again: then with an ending, as names do.
        words[place] = word if count == 1 else f"{word}{syllables[count % len(syllables)]}{count}"
    return pa.array(words)


def _now_and_then(random: np.random.Generator, values: object, share: float) -> pa.Array:
    array = pa.array(values)
    return pa.compute.if_else(pa.array(random.random(len(array)) < share), array, None)


def main() -> None:
    """Make one, and print where it is."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--films", type=int, default=100_000)
    parser.add_argument("--catalogue", type=Path)
    options = parser.parse_args()
    print(published(options.films, options.catalogue))


if __name__ == "__main__":
    main()
