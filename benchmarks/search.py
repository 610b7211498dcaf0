"""How long search as you type takes, beside three other ways in the same run.

    python benchmarks/search.py                                 a million titles
    python benchmarks/search.py --films 100000
    python benchmarks/search.py --catalogue FILE.parquet        real titles, then made-up ones

The best known films are real: the bundled ones, or a catalogue's. The others' titles are made up of
the words of these, as often as they are used, and of words made up from their letters, so that a
million titles have 400,000 different words; a quarter has another original title.

People are timed who type 200 of the 3,000 best known titles letter by letter, once without and
once with a mistake: a letter too much, missing, wrong, or swapped with the next. After each letter
there is a search for ten films. Two times are given: the wall's, in which other work on the machine
shows, and the thread's own on its core.

The others are what one would take first: SQLite's FTS5 (words in order of how well films are known,
prefix indexes of one to three letters), LIKE over a table of titles in that order, and rapidfuzz
over the list of titles. FTS5 and LIKE know no mistakes; so FTS5 is also asked, where it finds fewer
than ten films, for all that our index takes the words for. Each answers as many of the same queries
as it can within its time.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import sqlite3
import sys
import tempfile
import time
from collections import defaultdict
from collections.abc import Callable, Iterator
from concurrent.futures import ProcessPoolExecutor
from datetime import date
from multiprocessing import get_context
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
from rapidfuzz import fuzz, process

import movie_assets
from movie_assets.serving.titles import TitleIndex, build_index, spelling
from movie_assets.serving.titles.files import Arrays, read
from movie_assets.titles import words

BUNDLED = Path(movie_assets.__file__).parent / "sample" / "popular.json"
LIMIT = 10
TYPED = 200
BEST_KNOWN = 3000
SECONDS = 15.0  # for each of the others
QUALITY_FILMS = 300  # of each range
LETTERS = "abcdefghijklmnopqrstuvwxyz"


def main() -> None:
    """Build, ask, print."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--films", type=int, default=1_000_000)
    parser.add_argument("--catalogue", type=Path, help="parquet with TMDB's columns")
    parser.add_argument("--alone", action="store_true", help="without the others")
    options = parser.parse_args()
    films = made_up(real(options.catalogue), options.films)
    titles = films["title"].to_pylist()
    order = np.argsort(-films["vote_count"].to_numpy(), kind="stable")
    right, wrong = typed([titles[row] for row in order[:BEST_KNOWN]])
    with tempfile.TemporaryDirectory() as folder:
        index = built(Path(folder) / "titles", films)
        print(f"{len(right):,} queries without a mistake, {len(wrong):,} with one")
        for name, queries in (("without", right), ("with", wrong)):
            report(f"titles, {name}", lambda q: index.search(q, LIMIT), queries)
        quality(index, titles, order)
        with ProcessPoolExecutor(1, mp_context=get_context("spawn")) as another:
            own, files = another.submit(memory, Path(folder) / "titles", right + wrong).result()
        print(f"a server that has answered these: {own:.0f} MB more of its own, and {files:.0f} MB "
              "of files, which servers share")  # fmt: skip
        if not options.alone:
            arrays = read(Path(folder) / "titles")
            others(arrays, Path(folder) / "other.sqlite", titles, order, right, wrong)


def real(catalogue: Path | None) -> pd.DataFrame:
    """Films with real titles."""
    columns = ["title", "original_title", "popularity", "vote_count", "release_date"]
    if catalogue:
        films = pd.read_parquet(catalogue, columns=columns)
    else:
        films = pd.DataFrame(json.loads(BUNDLED.read_bytes())["results"], columns=columns)
    dates = pd.to_datetime(films["release_date"], errors="coerce")
    return films.assign(
        release_date=[None if pd.isna(d) else d.date() for d in dates],
    )


def made_up(films: pd.DataFrame, n: int) -> pa.Table:
    """These films, and so many that there are ``n``."""
    generator, missing = np.random.default_rng(1), max(n - len(films), 0)
    known = [word for title in films["title"] for word in title.split()]
    invented = list(invented_words(known, 400_000 * n // 1_000_000 + 100))
    lengths = generator.choice([len(t.split()) for t in films["title"]], missing)
    ends = np.cumsum(lengths)
    used = generator.integers(0, len(known), ends[-1] if missing else 0)
    new = (len(invented) * generator.random(len(used)) ** 2).astype(int)
    is_used = generator.random(len(used)) < 0.65
    # One word is a title of its own: most films of one are called by a rare one.
    is_used[ends[lengths == 1] - 1] = False
    drawn = [known[used[i]] if is_used[i] else invented[new[i]] for i in range(len(used))]
    titles = [" ".join(drawn[end - size : end]) for end, size in zip(ends, lengths, strict=True)]
    others = generator.permutation(missing)
    originals = [titles[others[i]] if i % 4 == 0 else titles[i] for i in range(missing)]
    least = films["vote_count"].min()
    return pa.table(
        {
            "title": [*films["title"], *titles],
            "original_title": pa.array(
                [*films["original_title"], *originals], pa.string(), from_pandas=True
            ),
            "popularity": pa.array([*films["popularity"], *generator.pareto(1.5, missing)]),
            "vote_count": pa.array(
                [*films["vote_count"], *np.minimum(generator.pareto(0.6, missing), least)],
                pa.int32(),
                safe=False,
            ),
            "release_date": pa.array(
                [*films["release_date"], *(date(1920 + i % 105, 5, 5) for i in range(missing))],
                pa.date32(),
                from_pandas=True,
            ),
        }
    )


def invented_words(known: list[str], n: int) -> Iterator[str]:
    """So many different words, in which each letter follows two others as it does in real ones."""
    following: dict[str, list[str]] = defaultdict(list)
    for word in {word.lower() for word in known if word.isalpha()}:
        for place, letter in enumerate(f"{word}."):
            following[f"..{word}"[place : place + 2]].append(letter)
    drawn, seen = random.Random(2), set()
    while len(seen) < n:
        word = ".."
        while len(word) < 14 and (letter := drawn.choice(following[word[-2:]])) != ".":
            word += letter
        if len(word) > 4 and word not in seen:
            seen.add(word)
            yield word[2:].title()


def typed(titles: list[str]) -> tuple[list[str], list[str]]:
    """What is in the search field after each letter: without a mistake, and with one."""
    drawn = random.Random(3)
    chosen = drawn.sample(titles, min(TYPED, len(titles)))
    right = [title[:end] for title in chosen for end in range(1, len(title) + 1)]
    mistaken = [with_mistake(title, drawn) for title in chosen]
    return right, [title[:end] for title in mistaken for end in range(1, len(title) + 1)]


def with_mistake(title: str, drawn: random.Random) -> str:
    """A letter too much, missing, wrong, or swapped with the next."""
    place = drawn.randrange(1, max(len(title) - 1, 2))
    before, letter, behind = title[:place], title[place : place + 1], title[place + 1 :]
    return drawn.choice([
        before + drawn.choice(LETTERS) + letter + behind,
        before + behind,
        before + drawn.choice(LETTERS) + behind,
        before + behind[:1] + letter + behind[1:],
    ])  # fmt: skip


def built(folder: Path, films: pa.Table) -> TitleIndex:
    """The index, after its building and opening have been timed."""
    build_index(Path(tempfile.mkdtemp(dir=folder.parent)), films.slice(0, 100).to_batches())
    before, begun = peak(), time.perf_counter()
    build_index(folder, films.to_batches(max_chunksize=20_000))
    seconds = time.perf_counter() - begun
    size = sum(file.stat().st_size for file in folder.iterdir()) / 1e6
    print(f"{len(films):,} films: built in {seconds:.1f} s, {peak() - before:.0f} MB more at the "
          f"most; {size:.0f} MB of files")  # fmt: skip
    TitleIndex.open(folder).search("warm")
    begun = time.perf_counter()
    index = TitleIndex.open(folder)
    print(f"opened in {1000 * (time.perf_counter() - begun):.1f} ms")
    for query in ("the", "godfahter", "starwars", "alien 1979", "teh matrx"):
        index.search(query)  # compiles what is not yet
    return index


def quality(index: TitleIndex, titles: list[str], order: np.ndarray) -> None:
    """After how many letters well-known films are suggested, and what a mistake does to that."""
    drawn = random.Random(5)
    for begin, end in ((0, 500), (500, 3000)):
        letters, found, rows = [], 0, drawn.sample(order[begin:end].tolist(), QUALITY_FILMS)
        for row in rows:
            title = titles[row]
            beginnings = (title[:stop] for stop in range(1, len(title) + 1))
            until = (n for n, typed in enumerate(beginnings, 1) if row in index.search(typed, 8))
            letters.append(next(until, len(title)))
            found += row in index.search(with_mistake(title, drawn), 3)
        print(f"films {begin + 1} to {end:,}: among eight after {np.mean(letters):.1f} letters; "
              f"typed with a mistake, among three in {found / len(rows):.0%}")  # fmt: skip


def others(
    arrays: Arrays,
    path: Path,
    titles: list[str],
    order: np.ndarray,
    right: list[str],
    wrong: list[str],
) -> None:
    """Ask SQLite and rapidfuzz the same."""
    spelled = [" ".join(words(titles[row])) for row in order]
    rows = list(enumerate(spelled, start=1))
    connection = sqlite3.connect(path)
    connection.execute(
        "CREATE VIRTUAL TABLE found USING fts5"
        "(title, content='', detail=none, columnsize=0, prefix='1 2 3', tokenize='ascii')"
    )
    connection.execute("CREATE TABLE plain (id INTEGER PRIMARY KEY, title TEXT)")
    begun = time.perf_counter()
    connection.executemany("INSERT INTO found (rowid, title) VALUES (?, ?)", rows)
    connection.execute("INSERT INTO found (found) VALUES ('optimize')")
    connection.commit()
    print(f"FTS5 built in {time.perf_counter() - begun:.1f} s, {path.stat().st_size / 1e6:.0f} MB")
    connection.executemany("INSERT INTO plain VALUES (?, ?)", rows)
    connection.commit()
    connection.execute("PRAGMA mmap_size = 2000000000")

    def fts(query: str) -> list[int]:
        asked = " ".join(f'"{word}"' for word in words(query))
        return match(f"{asked} *") if asked else []

    def match(asked: str) -> list[int]:
        sql = "SELECT rowid FROM found WHERE found MATCH ? LIMIT ?"
        return connection.execute(sql, (asked, LIMIT)).fetchall()

    def fts_misspelled(query: str) -> list[int]:
        found = fts(query)
        if len(found) == LIMIT or not words(query):
            return found
        *finished, last = words(query)
        asked = [alternatives(arrays, word, None) for word in finished]
        asked.append(alternatives(arrays, last, spelling.UNFINISHED))
        return match(" AND ".join(f"({either})" for either in asked)) if all(asked) else []

    def like(query: str) -> list[int]:
        sql = "SELECT id FROM plain WHERE title LIKE ? LIMIT ?"
        return connection.execute(sql, (f"%{' '.join(words(query))}%", LIMIT)).fetchall()

    def fuzzy(query: str) -> list[int]:
        asked = " ".join(words(query))
        return process.extract(asked, spelled, scorer=fuzz.ratio, limit=LIMIT, score_cutoff=60)

    searches = {"FTS5": fts, "FTS5 & spelling": fts_misspelled, "LIKE": like, "rapidfuzz": fuzzy}
    for name, search in searches.items():
        for mistake, queries in (("without", right), ("with", wrong)):
            report(f"{name}, {mistake}", search, queries)


def alternatives(arrays: Arrays, word: str, unfinished: float | None) -> str:
    """A word, and those that it may be a misspelling of, in FTS5's syntax."""
    meant = spelling.meanings(
        arrays, word, unfinished=unfinished, one_edit_from=spelling.ONE_EDIT_FROM
    )
    found = []
    for begin, end in zip(meant.begins.tolist(), meant.ends.tolist(), strict=True):
        first, last = (spelling.word(arrays, number) for number in (begin, end - 1))
        shared = os.path.commonprefix([first, last])  # noqa: RUF071 (of letters is meant)
        found.append(f'"{first}"' if end - begin == 1 else f'"{shared}" *')
    return " OR ".join(found)


def report(name: str, search: Callable[[str], list[int]], queries: list[str]) -> None:
    """Time searches, in an order of chance, until all are done or the time is over."""
    wall, own, found, begun = [], [], 0, time.perf_counter()
    for query in random.Random(4).sample(queries, len(queries)):
        start, started = time.perf_counter(), time.thread_time()
        found += bool(search(query))
        own.append(1000 * (time.thread_time() - started))
        wall.append(1000 * (time.perf_counter() - start))
        if time.perf_counter() - begun > SECONDS:
            break
    p50, p99, most = np.percentile(wall, [50, 99, 100])
    print(f"{name:24} p50 {p50:7.2f} ms  p99 {p99:7.2f} ms  at most {most:7.2f} ms; "
          f"on its core p50 {np.percentile(own, 50):7.2f}  p99 {np.percentile(own, 99):7.2f} ms; "
          f"found something for {found:,} of {len(own):,}", flush=True)  # fmt: skip


def peak() -> float:
    """The most memory that this process has had, in MB."""
    return _status("VmHWM")


def memory(folder: Path, queries: list[str]) -> tuple[float, float]:
    """What answering them takes in a process that has compiled code loaded: its own, and files."""
    other = folder.with_name("other")
    build_index(other, made_up(real(None), 2000).to_batches())
    for path in (other, folder):
        own, files = _status("RssAnon"), _status("RssFile")
        index = TitleIndex.open(path)
        for query in queries:
            index.search(query, LIMIT)
    return _status("RssAnon") - own, _status("RssFile") - files


def _status(name: str) -> float:
    lines = Path("/proc/self/status").read_text().splitlines()
    return next(int(line.split()[1]) / 1000 for line in lines if line.startswith(name))


if __name__ == "__main__":
    sys.exit(main())
