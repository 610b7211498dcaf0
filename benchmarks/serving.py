"""Requests a second and how long they take: the API, and the tutorial's way of serving.

    python benchmarks/serving.py [--films 500 --films 1000000] [--catalogue FILE.parquet]

A real server (``movie-assets serve``, one worker) is asked over loopback by another process, which
sends each connection's next request when the last has been answered. All films are as likely to be
asked for, and at a million none is a second time: what a server may keep of its answers is of no
use to it. Then new snapshots are published while it is asked: no request may fail. Last the
tutorial's way answers the same questions (up to the films whose matrix fits into memory).
"""

from __future__ import annotations

import argparse
import asyncio
import gc
import json
import multiprocessing
import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
import urllib.error
import urllib.request
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import cycle, islice
from multiprocessing.connection import Connection
from pathlib import Path

import numpy as np
import uvloop
from blake3 import blake3
from published import published

from movie_assets.serving.snapshot import layout, open_snapshot
from movie_assets.serving.snapshot.manifest import FileEntry
from movie_assets.serving.snapshot.reader import open_folder

CONNECTIONS, SECONDS = 16, 10.0
#: Before it is measured: so long a server reads ahead what lists are made of.
FIRST_SECONDS = 5.0
#: Different questions of a kind, and how many are asked in a second at most.
QUESTIONS, MOST_A_SECOND = 500_000, 20_000
#: New snapshots, and about how long each takes to be taken up.
SWAPS, SWAP_SECONDS = 20, 2.0
#: All films compared with all films: 8 bytes for each pair.
TUTORIAL_FILMS = 5_000


@dataclass(frozen=True)
class Measured:
    """What a load has measured: each answer's end, in seconds, and how long it took."""

    ends: np.ndarray
    seconds: np.ndarray
    failed: int
    elapsed: float

    def __str__(self) -> str:
        if not len(self.seconds):
            return f"no answer in {self.elapsed:.0f} s"
        p50, p99 = np.percentile(self.seconds, (50, 99)) * 1000
        rate = len(self.seconds) / self.elapsed
        return (
            f"{rate:9,.1f} requests/s  p50 {p50:8.2f} ms  p99 {p99:8.2f} ms  failed {self.failed}"
        )

    @property
    def p99(self) -> float:
        """In seconds."""
        return float(np.percentile(self.seconds, 99))


# -- the asking process -----------------------------------------------------------------------


class Asker(asyncio.Protocol):
    """One connection: the next request goes out when the last has been answered."""

    def __init__(self, requests: list[bytes], first: int, step: int, until: float) -> None:
        self.requests, self.place, self.step, self.until = requests, first, step, until
        self.ends: list[float] = []
        self.seconds: list[float] = []
        self.failed = 0
        self.buffer = b""
        self.done = asyncio.get_running_loop().create_future()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Ask."""
        self.transport: asyncio.Transport = transport  # type: ignore[assignment]
        self._ask()

    def _ask(self) -> None:
        self.place = (self.place + self.step) % len(self.requests)
        self.asked = time.perf_counter()
        self.transport.write(self.requests[self.place])

    def data_received(self, data: bytes) -> None:
        """Take an answer, and ask again."""
        self.buffer += data
        end = self.buffer.find(b"\r\n\r\n")
        if end < 0:
            return
        start = self.buffer.find(b"content-length: ", 0, end) + 16
        length = int(self.buffer[start : self.buffer.find(b"\r\n", start)])
        if len(self.buffer) < end + 4 + length:
            return
        now = time.perf_counter()
        if self.buffer[9:12] == b"200":
            self.ends.append(now)
            self.seconds.append(now - self.asked)
        else:
            self.failed += 1
        self.buffer = b""
        if now < self.until:
            self._ask()
        else:
            self.transport.close()

    def connection_lost(self, error: Exception | None) -> None:
        """The end; before its time it is a failure."""
        if error is not None or time.perf_counter() < self.until:
            self.failed += 1
        if not self.done.done():
            self.done.set_result(None)


async def _load(port: int, requests: list[bytes], connections: int, seconds: float) -> Measured:
    loop = asyncio.get_running_loop()
    start = time.perf_counter()
    askers = [
        (await loop.create_connection(
            lambda first=first: Asker(requests, first, connections, start + seconds),
            "127.0.0.1", port,
        ))[1]
        for first in range(connections)
    ]  # fmt: skip
    await asyncio.gather(*(asker.done for asker in askers))
    elapsed = time.perf_counter() - start
    ends = np.concatenate([asker.ends for asker in askers]) - start
    taken = np.concatenate([asker.seconds for asker in askers])
    return Measured(ends, taken, sum(asker.failed for asker in askers), elapsed)


def _asking_process(pipe: Connection) -> None:
    gc.disable()
    while (job := pipe.recv()) is not None:
        pipe.send(uvloop.run(_load(*job)))


class Load:
    """A process that asks."""

    def __init__(self) -> None:
        context = multiprocessing.get_context("spawn")
        self.pipe, other = context.Pipe()
        self.process = context.Process(target=_asking_process, args=(other,), daemon=True)
        self.process.start()

    def __call__(
        self, port: int, requests: list[bytes], connections: int, seconds: float
    ) -> Measured:
        """Ask for some seconds."""
        self.pipe.send((port, requests, connections, seconds))
        measured: Measured = self.pipe.recv()
        return measured


# -- what is asked ----------------------------------------------------------------------------


def similar(movie_id: int) -> bytes:
    """A request for the films most like one."""
    return f"GET /v1/movies/{movie_id}/similar?limit=10 HTTP/1.1\r\nhost: bench\r\n\r\n".encode()


def by_title(title: str) -> bytes:
    """The tutorial's request."""
    body = json.dumps({"movie": title, "num_rec": 10}).encode()
    return (
        b"POST /recommendations/ HTTP/1.1\r\nhost: bench\r\ncontent-type: application/json\r\n"
        b"content-length: %d\r\n\r\n%b" % (len(body), body)
    )


class Questions:
    """Requests of a kind, each asked once before any is asked again."""

    def __init__(self, requests: Iterable[bytes]) -> None:
        self._requests = cycle(requests)

    def of(self, seconds: float) -> list[bytes]:
        """The next ones, as many as can be asked in so many seconds."""
        return list(islice(self._requests, int(seconds * MOST_A_SECOND)))


def questions(folder: Path) -> dict[str, Questions]:
    """Both kinds of requests, for films drawn evenly among all."""
    with open_snapshot(folder) as snapshot:
        rows = np.random.default_rng(0).permutation(snapshot.manifest.films)[:QUESTIONS]
        ids = snapshot.movie_ids[rows].tolist()
        titles = snapshot.films["title"].take(rows).to_pylist()
    return {
        "GET /v1/movies/{id}/similar?limit=10": Questions(map(similar, ids)),
        "POST /recommendations/": Questions(map(by_title, titles)),
    }


# -- the servers ------------------------------------------------------------------------------


@contextmanager
def serving(command: list[str], port: int, **environment: str) -> Iterator[int]:
    """A server that answers; its process's id."""
    process = subprocess.Popen(
        command,
        env=os.environ | environment,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
    )
    try:
        deadline = time.monotonic() + 120
        while not _answers(port):
            if process.poll() is not None or time.monotonic() > deadline:
                raise SystemExit(f"{command} does not answer: {process.stderr.read().decode()}")  # type: ignore[union-attr]
            time.sleep(0.1)
        threading.Thread(target=process.stderr.read, daemon=True).start()  # type: ignore[union-attr]
        yield process.pid
    finally:
        process.send_signal(signal.SIGTERM)
        process.wait(30)


def _answers(port: int) -> bool:
    try:
        with urllib.request.urlopen(f"http://127.0.0.1:{port}/ready", timeout=5):
            return True
    except (urllib.error.URLError, OSError):
        return False


def free_port() -> int:
    """A port on which nothing listens."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def resident(pid: int) -> str:
    """The memory that a process holds, and what of it is its own and not the files'."""
    fields = dict(
        line.split(":", 1) for line in Path(f"/proc/{pid}/status").read_text().splitlines()
    )
    return " of which ".join(
        f"{int(fields[name].split()[0]) / 1024:,.0f} MB {words}"
        for name, words in (("VmRSS", "resident"), ("RssAnon", "its own"))
    )


@contextmanager
def linked(folder: Path) -> Iterator[tuple[Path, list[str]]]:
    """A home with the same snapshot by hard links, twice under two names, to swap between."""
    with tempfile.TemporaryDirectory(dir=folder.parent) as home:
        target = Path(home) / "published"
        target.mkdir()
        first = (folder / layout.CURRENT).read_text().strip()
        shutil.copytree(folder / first, target / first, copy_function=os.link)
        second = _another(target, first)
        _publish(target, first)
        yield Path(home), [first, second]


def _another(published_dir: Path, name: str) -> str:
    """A second snapshot that differs in its quality figures, which nobody asks for here."""
    copy = published_dir / "copy"
    shutil.copytree(published_dir / name, copy, copy_function=os.link)
    with open_folder(published_dir / name, name) as snapshot:
        manifest = snapshot.manifest
    quality = copy / layout.QUALITY
    content = quality.read_bytes() + b"\n"
    quality.unlink()
    quality.write_bytes(content)
    entry = FileEntry(bytes=len(content), blake3=blake3(content).hexdigest())
    manifest = manifest.model_copy(update={"files": manifest.files | {layout.QUALITY: entry}})
    (copy / layout.MANIFEST).unlink()
    manifest.write(copy)
    copy.rename(published_dir / manifest.name)
    return manifest.name


def _publish(published_dir: Path, name: str) -> None:
    new = published_dir / "current.new"
    new.write_text(name + "\n")
    new.replace(published_dir / layout.CURRENT)


# -- the measurements -------------------------------------------------------------------------


def measure(folder: Path, load: Load, seconds: float) -> None:
    """Print the figures of one snapshot."""
    asked = questions(folder)
    port = free_port()
    command = [str(Path(sys.executable).parent / "movie-assets"), "serve", "--port", str(port)]
    with (
        linked(folder) as (home, names),
        serving(command, port, MOVIE_ASSETS_HOME=str(home)) as pid,
    ):
        without = {}
        for route, requests in asked.items():
            load(port, requests.of(FIRST_SECONDS), CONNECTIONS, FIRST_SECONDS)
            without[route] = load(port, requests.of(seconds), CONNECTIONS, seconds)
            print(f"  {route:38} {without[route]}")
        print(f"  {resident(pid)}")
        print(f"  the same with {SWAPS} new snapshots meanwhile:")
        for route, requests in asked.items():
            stop = threading.Event()
            swapped: list[str] = []
            thread = threading.Thread(target=_swap, args=(home, names, port, stop, swapped))
            thread.start()
            swapping = SWAPS / 2 * SWAP_SECONDS
            measured = load(port, requests.of(swapping), CONNECTIONS, swapping)
            stop.set()
            thread.join()
            ratio = measured.p99 / without[route].p99
            print(f"  {route:38} {measured}  swaps {len(swapped)}, p99 x {ratio:.2f}")
        print(f"  {resident(pid)}")


def _swap(home: Path, names: list[str], port: int, stop: threading.Event, done: list[str]) -> None:
    """Publish again and again, each time when the last one is served."""
    while not stop.is_set() and len(done) < SWAPS // 2:
        name = names[(len(done) + 1) % 2]
        _publish(home / "published", name)
        started = time.monotonic()
        while _served(port) != name and time.monotonic() < started + 10:
            time.sleep(0.1)
        done.append(name)


def _served(port: int) -> str:
    with urllib.request.urlopen(f"http://127.0.0.1:{port}/ready", timeout=10) as response:
        return str(response.headers["x-snapshot"])


def measure_tutorial(folder: Path, load: Load, seconds: float) -> None:
    """Print the figures of the tutorial's way."""
    port = free_port()
    requests = questions(folder)["POST /recommendations/"]
    command = [
        *(sys.executable, "-m", "uvicorn", "--app-dir", str(Path(__file__).parent)),
        *("--port", str(port), "--no-access-log", "tutorial_service:app"),
    ]
    with serving(command, port, SNAPSHOT=str(folder)) as pid:
        measured = load(port, requests.of(seconds), CONNECTIONS, seconds)
        print(f"  {'POST /recommendations/':38} {measured}")
        print(f"  {resident(pid)}")


def main() -> None:
    """Print the figures."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--films", type=int, action="append")
    parser.add_argument("--catalogue", type=Path)
    parser.add_argument("--seconds", type=float, default=SECONDS)
    options = parser.parse_args()
    load = Load()
    try:
        _measure_all(load, options)
    finally:
        load.pipe.send(None)


def _measure_all(load: Load, options: argparse.Namespace) -> None:
    for films in options.films or [500, 1_000_000]:
        print(f"{films:,} made-up films, {CONNECTIONS} connections, one worker")
        measure(published(films), load, options.seconds)
        if films <= TUTORIAL_FILMS:
            print(f"{films:,} made-up films, the tutorial's way")
            measure_tutorial(published(films), load, options.seconds)
        else:
            print(f"{films:,} films, the tutorial's way: {8 * films**2 / 1e9:,.0f} GB of matrix")
    if options.catalogue:
        print(f"{options.catalogue.name}, {CONNECTIONS} connections, one worker")
        measure(published(catalogue=options.catalogue), load, options.seconds)


if __name__ == "__main__":
    main()
