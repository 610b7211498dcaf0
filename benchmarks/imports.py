"""What reading and matching people's exports costs, and how often titles alone find the right film.

    python benchmarks/imports.py                                 of the bundled films
    python benchmarks/imports.py --catalogue FILE.parquet --movielens FOLDER

Exports are made up of the catalogue's films (id, imdb_id, title, original_title, release_date,
popularity, vote_count), each as large as one may be. How titles find films is told by a MovieLens
release: its films are looked for by what MovieLens calls them, without any id, and those that are
found are compared with its links. MovieLens spells as a person does, with articles behind and
other titles in brackets; Letterboxd has TMDB's own titles, and needs near misses hardly ever.
"""

from __future__ import annotations

import argparse
import csv
import io
import json
import resource
import sys
import tempfile
import time
import tracemalloc
import zipfile
from collections import Counter
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd
from search import BUNDLED

from movie_assets.serving.imports import ExportError, Limits, match, read_export
from movie_assets.serving.titles import TitleIndex, build_index

sys.path.insert(0, str(Path(__file__).parents[1]))
from movie_assets_tests.snapshots import film_table

ROWS = 50_000


@dataclass(frozen=True)
class Film:
    """As much of a film as matching looks at."""

    id: int
    imdb_id: str | None
    title: str
    original_title: str | None
    year: int | None


class Films:
    """A catalogue's films, found by the index that the server has."""

    def __init__(self, catalogue: Path | None, folder: Path) -> None:
        table = film_table(pd.read_parquet(catalogue) if catalogue else bundled())
        build_index(folder, table.to_batches())
        self._titles = TitleIndex.open(folder)
        names = ["movie_id", "imdb_id", "title", "original_title", "release_date"]
        self.all = [
            Film(*row[:-1], row[-1] and row[-1].year)
            for row in zip(*(table[name].to_pylist() for name in names), strict=True)
        ]
        self.rows = {film.id: row for row, film in enumerate(self.all)}
        self._rows_by_imdb = {film.imdb_id: row for row, film in enumerate(self.all)}

    def row_of(self, movie_id: int) -> int | None:
        """The row of TMDB's number."""
        return self.rows.get(movie_id)

    def row_of_imdb(self, imdb_id: str) -> int | None:
        """The row of IMDb's id."""
        return self._rows_by_imdb.get(imdb_id)

    def film_of(self, row: int) -> Film:
        """The film of a row."""
        return self.all[row]

    def find(self, title: str, year: int | None = None) -> list[Film]:
        """The films of this title."""
        return [self.all[row] for row in self._titles.find(title, year)]

    def near(self, title: str, year: int | None = None, limit: int = 3) -> list[Film]:
        """The films of a title like this one."""
        return [self.all[row] for row in self._titles.near(title, year, limit)]


def bundled() -> pd.DataFrame:
    """The bundled films, with made-up ids of IMDb, which TMDB's lists do not have."""
    films = pd.DataFrame(json.loads(BUNDLED.read_bytes())["results"])
    return films.assign(
        imdb_id=[f"tt{number:07}" for number in films["id"]],
        release_date=pd.to_datetime(films["release_date"], errors="coerce").dt.date,
    )


def table(header: str, rows: list[tuple[Any, ...]]) -> bytes:
    """A csv."""
    text = io.StringIO()
    writer = csv.writer(text)
    writer.writerow(header.split(","))
    writer.writerows(rows)
    return text.getvalue().encode()


def letterboxd(films: list[Film]) -> bytes:
    """A zip of somebody who watched, rated and wrote down all of these films, and liked a third."""
    day, plain = "2024-01-02", "Date,Name,Year,Letterboxd URI"
    watched = [(day, film.title, film.year, "https://boxd.it/2a9q") for film in films]
    files = {
        "watched.csv": table(plain, watched),
        "ratings.csv": table(f"{plain},Rating", [(*row, 4.5) for row in watched]),
        "diary.csv": table(
            f"{plain},Rating,Rewatch,Tags,Watched Date", [(*row, 4, "", "", day) for row in watched]
        ),
        "likes/films.csv": table(plain, watched[::3]),
    }
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in files.items():
            archive.writestr(name, content)
    return packed.getvalue()


def trakt(films: list[Film]) -> bytes:
    """Ratings in JSON."""
    at = "2024-01-02T00:00:00.000Z"
    return json.dumps(
        [
            {"rated_at": at, "rating": 8, "type": "movie", "movie": {
                "title": film.title, "year": film.year,
                "ids": {"trakt": film.id, "slug": film.title, "imdb": film.imdb_id,
                        "tmdb": film.id, "plex": {"guid": "5d7768247e9a3c0020c6a8f3"}},
            }}
            for film in films
        ]
    ).encode()  # fmt: skip


def bomb(content: bytes) -> bytes:
    """A zip with one file of 2 GB, all the same."""
    packed = io.BytesIO()
    with (
        zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as archive,
        archive.open("ratings.csv", "w", force_zip64=True) as file,
    ):
        for _ in range(2_000):
            file.write(content)
    return packed.getvalue()


def measure(what: str, data: bytes, then: Callable[[Any], Any]) -> None:
    """Print what a file costs: seconds of processor time, and the most memory beside the file."""
    start = time.process_time()
    try:
        export = read_export(data, "export")
    except ExportError as error:
        read, matched, told = time.process_time() - start, 0.0, type(error).__name__
    else:
        read = time.process_time() - start
        start = time.process_time()
        then(export)
        matched, told = time.process_time() - start, f"{len(export.entries):,} films"
        del export
    tracemalloc.start()
    with suppress(ExportError):
        read_export(data, "export")
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    print(
        f"{what:34} {len(data) / 1e6:6.1f} MB  read {read:5.2f} s, {peak / 1e6:5.0f} MB"
        f"  matched {matched:5.2f} s  {told}"
    )


def costs(films: Films) -> None:
    """Print what exports cost that are as large as may be, and some that are refused."""
    ours = films.all
    many = [ours[place % len(ours)] for place in range(ROWS)]
    unlike = [
        (f"{film.title} {other.title}", film.year, 4)
        for film, other in zip(many, reversed(many), strict=True)
    ]
    named = [(film.title, film.year, 4) for film in many]
    for what, data in {
        "Letterboxd's zip, 10,000 films": letterboxd(ours[:10_000]),
        "Trakt's JSON, 26,000 films": trakt(many[:26_000]),
        "50,000 rows": table("title,year,rating", named),
        "50,000 rows of no film": table("title,year,rating", unlike),
        "a million rows": b"title,rating\n" + b"Heat,4\n" * 1_000_000,
        "a zip bomb of 2 GB": bomb(b"\n" * 1_000_000),
        "19 MB of commas": b"," * 19_000_000,
        "19 MB of brackets": b"[" * 19_000_000,
    }.items():
        measure(what, data, lambda export: match(export, films))
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e3
    print(f"this process at its peak: {peak:,.0f} MB")


def accuracy(films: Films, release: Path) -> None:
    """Print how often MovieLens' titles find the film that its links name."""
    with (release / "links.csv").open(encoding="utf-8", newline="") as file:
        links = {row["movieId"]: row["tmdbId"] for row in csv.DictReader(file) if row["tmdbId"]}
    with (release / "movies.csv").open(encoding="utf-8", newline="") as file:
        linked = [
            (row["title"], int(links[row["movieId"]]))
            for row in csv.DictReader(file)
            if row["movieId"] in links
        ]
    data = table("title,rating", [(title, 4) for title, _ in linked])
    export = read_export(data, "titles.csv", limits=Limits(rows=len(linked)))
    matched = match(export, films, near_words=10 * len(linked))
    counted: Counter[tuple[str, str]] = Counter()
    for one in matched.found:
        meant = linked[one.entry.place.row - 2][1]
        right = "right" if one.film.id == meant else "wrong"
        counted[one.how, right if meant in films.rows else "not here"] += 1
    for none in matched.unmatched:
        meant = linked[none.entry.place.row - 2][1]
        counted["none", "wrong" if meant in films.rows else "right"] += 1
    print(f"\n{len(linked):,} films by MovieLens' titles, {len(films.all):,} films to find them in")
    print(f"{'found by':16}{'right':>8}{'wrong':>8}  though the film is not here")
    for how in ("title and year", "title", "near miss", "none"):
        print(
            f"{how:16}{counted[how, 'right']:8,}{counted[how, 'wrong']:8,}"
            f"{counted[how, 'not here']:8,}"
        )


def main() -> None:
    """Measure."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--catalogue", type=Path)
    parser.add_argument("--movielens", type=Path)
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        films = Films(arguments.catalogue, Path(folder))
        films.near("The first look-up compiles", 1999)
        costs(films)
        if arguments.movielens:
            accuracy(films, arguments.movielens)


if __name__ == "__main__":
    main()
