"""What it takes to publish films, to open what was published, and to answer from it.

    python benchmarks/snapshot.py [--films 1000000]

Made-up films, 50 neighbours each, are stored as the graph stores them: DuckDB tables and a feature
file (kept between runs). Then, each in a process of its own: they are published as the asset does
it, from nothing, and again after one film in a hundred changed and a pair of two films in five; the
snapshot is opened, with nothing of it in memory and again; every checksum is compared; and a
server, movie-assets serve, is asked for the films like 10,000 different films.

Resident memory is the kernel's VmRSS. Of it, anonymous memory is the process's own; the rest are
pages of mapped files, which the kernel takes back when something else needs them.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import os
import shutil
import socket
import subprocess
import sys
import tempfile
import threading
import time
import urllib.request
from collections.abc import Iterator
from dataclasses import replace
from http.client import HTTPConnection
from pathlib import Path

import numpy as np
import pyarrow as pa
from published import MadeUp

from movie_assets.publication import Stored
from movie_assets.recommender.storage import save_features
from movie_assets.serving.snapshot import current_name, open_snapshot
from movie_assets.warehouse import TABLES
from movie_assets.warehouse.store import connect

ASKED = 10_000


def stored(n: int) -> Stored:
    """So many films as the graph stores them; made once."""
    version = hashlib.sha256(
        b"".join(Path(__file__).with_name(f).read_bytes() for f in ("published.py", "snapshot.py"))
    ).hexdigest()[:8]
    home = Path(tempfile.gettempdir()) / "movie_assets_benchmarks" / f"home-{n}-{version}"
    made = Stored(
        home / "movies_data.duckdb", home / "features" / "movie_features.npz", home / "published"
    )
    if not (home / "done").exists():
        print(f"Making {n:,} films in {home} ...", file=sys.stderr)
        shutil.rmtree(home, ignore_errors=True)
        home.mkdir(parents=True)
        films = MadeUp(n)
        save_features(made.features, films.features)
        write_tables(made.database, films)
        (home / "done").touch()
    return made


def write_tables(database: Path, films: MadeUp) -> None:
    """The tables that are published, as they are declared."""
    numbers = {
        name: place + 1 for place, name in enumerate(films.lists["genres"].names.to_pylist())
    }
    with connect(database, read_only=False) as connection:
        for name, table in TABLES.items():
            connection.execute(f"CREATE TABLE {name} ({table.column_ddl})")
        connection.executemany("INSERT INTO genres_table VALUES (?, ?)", [
            (number, name) for name, number in numbers.items()
        ])  # fmt: skip
        connection.register("films", _reader(films.films()))
        connection.execute("CREATE TEMP TABLE film AS FROM films")
        of_names = "map {" + ", ".join(f"'{name}': {i}" for name, i in numbers.items()) + "}"
        # Not by id: the warehouse keeps films by how popular they are.
        connection.execute(f"""
            INSERT INTO movies_table BY NAME
            SELECT list_transform(genres, lambda name: {of_names}[name]) AS genre_ids,
                   movie_id AS id, original_language, overview, popularity, release_date, title,
                   vote_average, vote_count, original_title, false AS adult, false AS video,
                   poster_path, row_number() OVER (ORDER BY popularity DESC) AS popularity_rank
            FROM film ORDER BY popularity DESC
        """)
        connection.execute("""
            INSERT INTO movie_details BY NAME
            SELECT movie_id AS id, imdb_id, tagline, runtime, collection AS collection_name,
                   keywords, directors, writers, [] AS composers, actors, [] AS recommended_ids
            FROM film ORDER BY id
        """)
        connection.register("pairs", _reader(films.pairs()))
        # By film and rank, as similarity_matrix is written.
        connection.execute("""
            INSERT INTO similarity_matrix BY NAME
            SELECT movie_id, rank, neighbour_id, score, content, closeness, prior, 0 AS co_liked,
                   0 AS tmdb, reasons
            FROM pairs
        """)
        connection.execute(
            "INSERT INTO recommendation_quality VALUES "
            "('similar films', 'published', 'catalogue_coverage', 0.5, NULL, NULL, 'a figure')"
        )


def _reader(batches: Iterator[pa.RecordBatch]) -> pa.RecordBatchReader:
    def ranked() -> Iterator[pa.RecordBatch]:
        for batch in batches:
            if "neighbour_id" not in batch.schema.names:
                yield batch
                continue
            movies = batch["movie_id"].to_numpy()
            starts = np.flatnonzero(np.diff(movies, prepend=-1))
            sizes = np.diff(np.append(starts, len(movies)))
            ranks = np.arange(len(movies)) - np.repeat(starts, sizes) + 1
            yield batch.append_column("rank", pa.array(ranks.astype(np.int32)))

    found = ranked()
    first = next(found)
    return pa.RecordBatchReader.from_batches(first.schema, _chain(first, found))


def _chain(first: pa.RecordBatch, rest: Iterator[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
    yield first
    yield from rest


# -- what is measured -------------------------------------------------------------------------


def measure_publish(made: Stored) -> dict[str, float]:
    """Publish, from nothing."""
    shutil.rmtree(made.published, ignore_errors=True)
    return _published(made)


def measure_again(made: Stored) -> dict[str, float]:
    """Publish after one film in a hundred changed, and a pair of two films in five."""
    home = made.published.with_name("again")
    shutil.rmtree(home, ignore_errors=True)
    home.mkdir()
    try:
        shutil.copy(made.database, home)
        shutil.copytree(made.published, home / "published")
        changed = replace(made, database=home / made.database.name, published=home / "published")
        with connect(changed.database, read_only=False) as connection:
            connection.execute(
                "UPDATE movies_table SET vote_count = vote_count + 1, title = title || ' again' "
                "WHERE hash(id) % 100 = 0"
            )
            connection.execute(
                "UPDATE similarity_matrix SET score = score * 0.9999, reasons = ['another one'] "
                "WHERE rank = 50 AND hash(movie_id) % 5 < 2"
            )
        return _published(changed)
    finally:
        shutil.rmtree(home, ignore_errors=True)


def _published(made: Stored) -> dict[str, float]:
    before, used = memory()["VmRSS"], time.process_time()
    with Watch() as watch:
        written = made.publish(made_by="this code")
    return {
        "seconds": written.seconds,
        "processor": time.process_time() - used,
        "bytes": written.manifest.bytes,
        "before": before,
        "peak": watch.peak["VmRSS"],
        "peak_anonymous": watch.peak["RssAnon"],
    }


def measure_open(made: Stored) -> dict[str, float]:
    """Open it without, and with, its pages in the kernel's memory; and compare every checksum."""
    folder = made.published / current_name(made.published)
    for path in folder.rglob("*.*"):
        descriptor = os.open(path, os.O_RDONLY)
        os.posix_fadvise(descriptor, 0, 0, os.POSIX_FADV_DONTNEED)
        os.close(descriptor)
    seconds = []
    for _ in range(2):
        started = time.perf_counter()
        open_snapshot(made.published).close()
        seconds.append(time.perf_counter() - started)
    with open_snapshot(made.published) as snapshot:
        started = time.perf_counter()
        snapshot.verify()
        verified = time.perf_counter() - started
    return {"cold": seconds[0], "warm": seconds[1], "verify": verified}


def measure_server(made: Stored) -> dict[str, float]:
    """Ask a server about many different films, and see what it holds."""
    with open_snapshot(made.published) as snapshot:
        count = min(ASKED, snapshot.manifest.films)
        rows = np.random.default_rng(9).choice(snapshot.manifest.films, count, replace=False)
        ids = snapshot.movie_ids[rows].tolist()
    port = free_port()
    environment = {"MOVIE_ASSETS_HOME": str(made.published.parent), "PATH": os.environ["PATH"]}
    program = str(Path(sys.executable).with_name("movie-assets"))
    with subprocess.Popen(
        [program, "serve", "--port", str(port)], env=environment,
        stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
    ) as server:  # fmt: skip
        try:
            wait_until_ready(port)
            at_first = memory(server.pid)
            connection = HTTPConnection("127.0.0.1", port)
            started = time.perf_counter()
            for movie_id in ids:
                connection.request("GET", f"/v1/movies/{movie_id}/similar?limit=10")
                answer = connection.getresponse()
                if answer.status != 200 or not answer.read():
                    raise SystemExit(f"{movie_id}: {answer.status}")
            seconds = time.perf_counter() - started
            at_last = memory(server.pid)
        finally:
            server.terminate()
    return {"asked": count, "seconds": seconds, "first": at_first, "last": at_last}


class Watch:
    """The most memory that this process had, looked at 50 times a second."""

    def __enter__(self) -> Watch:
        self.peak = memory()
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._look, daemon=True)
        self._thread.start()
        return self

    def _look(self) -> None:
        while not self._over.wait(0.02):
            self.peak = {name: max(value, self.peak[name]) for name, value in memory().items()}

    def __exit__(self, *_: object) -> None:
        self._over.set()
        self._thread.join()


def memory(pid: int | str = "self") -> dict[str, float]:
    """What is resident, in GB: all of it, anonymous, and of mapped files."""
    lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    found = dict(line.split(":", 1) for line in lines if ":" in line)
    return {
        name: int(found[name].split()[0]) * 1024 / 1e9 for name in ("VmRSS", "RssAnon", "RssFile")
    }


def free_port() -> int:
    """A port that nobody listens on."""
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        return int(found.getsockname()[1])


def wait_until_ready(port: int, seconds: float = 120) -> None:
    """Until the server answers that it is."""
    until = time.monotonic() + seconds
    while True:
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{port}/ready", timeout=5):
                return
        except OSError:
            if time.monotonic() > until:
                raise
            time.sleep(0.1)


MEASURES = {
    "publish": measure_publish,
    "again": measure_again,
    "open": measure_open,
    "server": measure_server,
}


def in_a_process(what: str, n: int) -> dict[str, float]:
    """One of the measures, in a process of its own."""
    command = [sys.executable, __file__, "--films", str(n), "--measure", what]
    return json.loads(subprocess.run(command, check=True, stdout=subprocess.PIPE).stdout)


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--films", type=int, default=100_000)
    parser.add_argument("--measure", choices=MEASURES, help="this alone, as JSON")
    options = parser.parse_args()
    made = stored(options.films)
    if options.measure:
        print(json.dumps(MEASURES[options.measure](made)))
        return
    print(f"{options.films:,} films x 50 neighbours, load {os.getloadavg()[0]:.1f}:")
    for when, what in (("", "publish"), (" again after a change", "again")):
        took = in_a_process(what, options.films)
        print(
            f"  published{when} in {took['seconds']:.1f} s, {took['processor']:.1f} s of the "
            f"processor, {took['bytes'] / 1e9:.2f} GB; at most {took['peak']:.2f} GB resident, "
            f"{took['peak_anonymous']:.2f} GB of it anonymous ({took['before']:.2f} GB before)",
            flush=True,
        )
    took = in_a_process("open", options.films)
    print(
        f"  opened in {took['cold']:.3f} s with nothing of it in memory, {took['warm']:.3f} s "
        f"again; every checksum compared in {took['verify']:.1f} s"
    )
    took = in_a_process("server", options.films)
    first, last = took["first"], took["last"]
    print(
        f"  a server has {first['VmRSS']:.2f} GB resident, and {last['VmRSS']:.2f} GB after "
        f"{took['asked']:,} different films ({last['RssAnon']:.2f} GB of it anonymous); one after "
        f"the other {1000 * took['seconds'] / took['asked']:.2f} ms each"
    )


if __name__ == "__main__":
    main()
