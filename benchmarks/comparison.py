"""This project beside other ways to do the same, in small: the tables of docs/comparison.md.

    python benchmarks/comparison.py                       all of it, some minutes
    python benchmarks/comparison.py --only failures       or kernel, writing, serving

Each part prints a table in Markdown, the machine above it. The larger measurements are in
kernel.py, warehouse.py and serving.py, whose ways are called here. How right the recommendations
are takes films and ratings that are not in the repository: ``movie-assets evaluate``.
"""

from __future__ import annotations

import argparse
import os
import platform
import statistics
import sys
import tempfile
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import duckdb
import kernel
import numpy as np
import pandas as pd
import serving
import sklearn
import warehouse
from published import published

from movie_assets.warehouse.io_manager import WarehouseIOManager

FILMS, ROUNDS, SERVED, SECONDS = 20_000, 3, 500, 5.0
ROWS = 10_000


def machine() -> str:
    """What it was measured on, and what else that was doing."""
    lines = Path("/proc/cpuinfo").read_text().splitlines()
    model = next((line.split(": ")[1] for line in lines if line.startswith("model name")), "?")
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30
    return (
        f"{os.cpu_count()} cores of {model}, {memory:.0f} GiB, Python {platform.python_version()}, "
        f"load average {os.getloadavg()[0]:.1f}"
    )


def show(title: str, heads: list[str], rows: list[list[str]]) -> None:
    """Print one table."""
    print(f"\n### {title}\n\n{machine()}\n")
    for row in [heads, ["---"] * len(heads), *rows]:
        print(f"| {' | '.join(row)} |")


# -- neighbours -------------------------------------------------------------------------------


def compare_kernels() -> None:
    """Seconds for the 50 nearest of every film, four ways."""
    films = kernel.made_up_features(FILMS)
    step = sklearn.get_config()["working_memory"] * 2**20 // (8 * FILMS)
    sample = np.linspace(0, FILMS - 1, min(step, FILMS)).astype(int)
    ways = {
        "movie_assets": (kernel.ours, films),
        "sparse_dot_topn": (kernel.sparse_dot_topn, films),
        "cosine_similarity, in blocks": (kernel.blocked_cosine_similarity, films[sample]),
        "NearestNeighbors, brute force": (kernel.nearest_neighbors, films[sample]),
    }
    kernel.load_kernel()
    taken: dict[str, list[float]] = {name: [] for name in ways}
    found = {}
    for _ in range(ROUNDS):
        for name, (way, rows) in ways.items():
            seconds, found[name] = kernel.seconds_of(partial(way, rows, films))
            taken[name].append(seconds * FILMS / rows.shape[0])
    medians = {name: statistics.median(seconds) for name, seconds in taken.items()}
    rows = []
    for name, (_, asked) in ways.items():
        reference = found["movie_assets"]
        if asked is not films:
            reference = (reference[0][sample], reference[1][sample])
        _, others = kernel.difference(found[name], reference)
        times = medians[name] / medians["movie_assets"]
        rows.append([name, f"{medians[name]:.2f}", f"{times:.1f}", str(others)])
    show(
        f"The 50 nearest of {FILMS:,} made-up films, two threads, medians of {ROUNDS}",
        ["", "seconds", "times ours", "rows with other films"],
        rows,
    )


# -- writing ----------------------------------------------------------------------------------


def compare_writing() -> None:
    """Seconds to write a table, ours and the stock IO manager."""
    rows = []
    frames = {
        "movies_table": warehouse.films(ROWS),
        "similarity_matrix": warehouse.similarity(50 * ROWS),
    }
    for table, frame in frames.items():
        with tempfile.TemporaryDirectory() as folder:
            ours = warehouse.writer(WarehouseIOManager(database=f"{folder}/a.duckdb"), table)
            stock = warehouse.writer(
                warehouse.StockIOManager(database=f"{folder}/b.duckdb", schema="main"), table
            )
            ours(frame), stock(frame)
            taken: dict[str, list[float]] = {"ours": [], "stock": []}
            for _ in range(5):
                taken["ours"].append(warehouse.seconds(partial(ours, frame)))
                taken["stock"].append(warehouse.seconds(partial(stock, frame)))
        medians = {name: statistics.median(seconds) for name, seconds in taken.items()}
        cells = [f"{seconds:.3f}" for seconds in medians.values()]
        rows.append([f"{table}, {len(frame):,} rows", *cells])
        rows[-1].append(f"{medians['ours'] / medians['stock']:.2f}")
    show("Seconds to write, medians of 5", ["", "ours", "stock", "ours / stock"], rows)


# -- failures ---------------------------------------------------------------------------------


def faulty() -> dict[str, Callable[[pd.DataFrame], pd.DataFrame]]:
    """What a run may hand over by mistake, made of good films."""
    return {
        "no rows at all": lambda good: good.head(0),
        "a value that is no number": lambda good: good.assign(
            vote_count=["many", *good["vote_count"][1:]]
        ),
        "two columns in each other's place": lambda good: good[
            [{"title": "overview", "overview": "title"}.get(name, name) for name in good]
        ],
        "an id twice": lambda good: good.assign(id=good["id"].replace(1, 0)),
    }


def compare_failures() -> None:
    """What is stored after a faulty write over ten good films: ours, stock, the tutorial's way."""
    rows = []
    for name, spoil in faulty().items():
        good = warehouse.films(10)
        with tempfile.TemporaryDirectory() as folder:
            outcomes = [
                outcome(make(f"{folder}/{i}.duckdb"), f"{folder}/{i}.duckdb", good, spoil)
                for i, make in enumerate((ours_writer, stock_writer, tutorial_writer))
            ]
        rows.append([name, *outcomes])
    show(
        "What is stored after a faulty write over ten good films",
        ["handed over", "our IO manager", "stock IO manager", "the tutorial's way"],
        rows,
    )


def ours_writer(path: str) -> Callable[[pd.DataFrame], None]:
    """Our IO manager."""
    return warehouse.writer(WarehouseIOManager(database=path), "movies_table")


def stock_writer(path: str) -> Callable[[pd.DataFrame], None]:
    """dagster-duckdb's."""
    return warehouse.writer(warehouse.StockIOManager(database=path, schema="main"), "movies_table")


def tutorial_writer(path: str) -> Callable[[pd.DataFrame], None]:
    """As the tutorial describes it: drop the table, make it anew, insert film by film."""
    columns = "id INTEGER, title VARCHAR, overview VARCHAR, vote_count INTEGER"

    def write(films: pd.DataFrame) -> None:
        with duckdb.connect(path) as connection:
            connection.execute("DROP TABLE IF EXISTS movies_table")
            connection.execute(f"CREATE TABLE movies_table ({columns})")
            for film in films.to_dict("records"):
                values = [film[name] for name in ("id", "title", "overview", "vote_count")]
                connection.execute("INSERT INTO movies_table VALUES (?, ?, ?, ?)", values)

    return write


def outcome(
    write: Callable[[pd.DataFrame], None],
    path: str,
    good: pd.DataFrame,
    spoil: Callable[[pd.DataFrame], pd.DataFrame],
) -> str:
    """Write good films, then spoilt ones, and say what became of them."""
    write(good)
    before = stored(path)
    try:
        write(spoil(good))
        said = "no error"
    except Exception as error:  # noqa: BLE001 - which one is what is shown
        said = type(error).__name__
    after = stored(path)
    if after == before:
        return f"{said}, the ten films" if said != "no error" else "no error, the right films"
    if len(after) == len(before):
        wrong = sum(new != old for new, old in zip(after, before, strict=True))
        return f"**{said}, {wrong} of ten films are others**"
    return f"**{said}, {len(after)} films left**"


def stored(path: str) -> list[Any]:
    """The films' ids, titles and votes."""
    with duckdb.connect(path, read_only=True) as connection:
        query = "SELECT id, title, vote_count FROM movies_table ORDER BY ALL"
        return connection.execute(query).fetchall()


# -- serving ----------------------------------------------------------------------------------


def compare_serving() -> None:
    """Requests a second of the same call, ours and the tutorial's way."""
    folder = published(SERVED)
    load = serving.Load()
    asked = serving.questions(folder)["POST /recommendations/"]
    rows = []
    try:
        port = serving.free_port()
        command = [str(Path(sys.executable).parent / "movie-assets"), "serve"]
        with (
            serving.linked(folder) as (home, _),
            serving.serving([*command, "--port", str(port)], port, MOVIE_ASSETS_HOME=str(home)),
        ):
            load(port, asked.of(1), serving.CONNECTIONS, 1)
            measured = load(port, asked.of(SECONDS), serving.CONNECTIONS, SECONDS)
            rows.append(row_of("movie_assets", measured))
        port = serving.free_port()
        app = ["--app-dir", str(Path(__file__).parent), "--no-access-log", "tutorial_service:app"]
        command = [sys.executable, "-m", "uvicorn", "--port", str(port), *app]
        with serving.serving(command, port, SNAPSHOT=str(folder)):
            measured = load(port, asked.of(SECONDS), serving.CONNECTIONS, SECONDS)
            rows.append(row_of("the tutorial's way", measured))
    finally:
        load.pipe.send(None)
    title = f"`POST /recommendations/` of {SERVED} made-up films, one worker, 16 connections"
    show(title, ["", "requests/s", "p50", "p99", "failed"], rows)


def row_of(name: str, measured: serving.Measured) -> list[str]:
    """A row of the table."""
    p50, p99 = np.percentile(measured.seconds, (50, 99)) * 1000
    rate = len(measured.seconds) / measured.elapsed
    return [name, f"{rate:,.0f}", f"{p50:.1f} ms", f"{p99:.1f} ms", str(measured.failed)]


PARTS = {
    "kernel": compare_kernels,
    "writing": compare_writing,
    "failures": compare_failures,
    "serving": compare_serving,
}


def main() -> None:
    """Print the tables."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--only", choices=PARTS, help="one part")
    options = parser.parse_args()
    for name, part in PARTS.items():
        if options.only in (None, name):
            part()


if __name__ == "__main__":
    main()
