"""How the warehouse's own steps grow with the catalogue: time, memory and disk.

    python benchmarks/warehouse_growth.py 10000 100000 1000000

For each number of made-up films: both raw tables are written; movies_table, movie_details and
movie_genre_data are made of all films; then 1 % of the films change, come or go, are merged as
fetched, and the tables are renewed. Printed are seconds, the most memory that the process ever
held, and the size of the file. Sizes run one after the other, each in a process of its own.
"""

from __future__ import annotations

import argparse
import multiprocessing
import resource
import tempfile
import time
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path

import dagster as dg
import numpy as np
import pandas as pd

from movie_assets.assets import merged, warehouse
from movie_assets.assets.extract import Extraction
from movie_assets.warehouse import (
    TABLES,
    digest_of_table,
    merge_films,
    validate,
    write_batches,
    write_table,
)
from movie_assets.warehouse.io_manager import WarehouseIOManager

_BLOCK = 50_000
_GENRES = [12, 16, 18, 28, 35, 53, 80, 99]
_WORDS = [f"word{i}" for i in range(20_000)]
_AT = datetime(2026, 1, 1)  # noqa: DTZ001 - stored times are naive


def films(ids: np.ndarray, seed: int) -> pd.DataFrame:
    """Made-up rows of raw_catalogue_movies, but for what a merge fills in."""
    random = np.random.default_rng([seed, int(ids[0])])
    n = len(ids)
    texts = random.choice(_WORDS, (n, 45))
    return pd.DataFrame(
        {
            "id": ids,
            "adult": False,
            "backdrop_path": [f"/{i}b.jpg" for i in ids],
            "genre_ids": random.choice(_GENRES, (n, 2)).tolist(),
            "original_language": random.choice(["en", "de", "ja"], n),
            "original_title": [f"Film {i} of {seed}" for i in ids],
            "overview": [" ".join(words) for words in texts],
            "popularity": random.random(n).round(3) * 10,
            "poster_path": [f"/{i}p.jpg" for i in ids],
            "release_date": [f"{year}-06-15" for year in random.integers(1900, 2026, n)],
            "title": [f"Film {i} of {seed}" for i in ids],
            "video": False,
            "vote_average": random.random(n).round(3) * 10,
            "vote_count": random.integers(0, 1000, n),
            "extra_fields": pd.Series([None] * n, dtype="str"),
            "malformed_fields": pd.Series([None] * n, dtype="str"),
            "fetched_at": pd.Series([_AT] * n).astype("datetime64[us]"),
        }
    )


def details(ids: np.ndarray, seed: int) -> pd.DataFrame:
    """Made-up rows of raw_movie_details."""
    random = np.random.default_rng([seed, int(ids[0]), 1])
    n = len(ids)
    named = {
        name: random.choice(_WORDS, (n, many)).tolist()
        for name, many in (
            ("keywords", 8),
            ("directors", 1),
            ("writers", 2),
            ("composers", 1),
            ("actors", 10),
        )
    }
    return pd.DataFrame(
        {
            "id": ids,
            "imdb_id": [f"tt{i:07}" for i in ids],
            "tagline": [" ".join(words) for words in random.choice(_WORDS, (n, 5))],
            "runtime": random.integers(1, 200, n),
            "collection_id": pd.array([pd.NA] * n, dtype="Int64"),
            "collection_name": pd.Series([None] * n, dtype="str"),
            **named,
            "recommended_ids": random.integers(1, 10_000, (n, 20)).tolist(),
            "malformed_fields": pd.Series([None] * n, dtype="str"),
        }
    )


def write_raw(database: Path, count: int) -> None:
    """Both raw tables and the genres."""
    ids = np.arange(1, count + 1)

    def blocks() -> Iterator[np.ndarray]:
        for start in range(0, count, _BLOCK):
            yield ids[start : start + _BLOCK]

    write_batches(
        database,
        TABLES["raw_catalogue_movies"],
        (
            films(some, 0).assign(
                gone_at=pd.Series([pd.NaT] * len(some)).astype("datetime64[us]"), revision=1
            )
            for some in blocks()
        ),
    )
    write_batches(database, TABLES["raw_movie_details"], (details(some, 0) for some in blocks()))
    names = pd.DataFrame({"id": _GENRES, "name": [f"Genre {i}" for i in _GENRES]})
    schema = TABLES["genres_table"]
    write_table(database, schema, validate(names, schema))


def materialize(database: Path, instance: dg.DagsterInstance) -> dict[str, float]:
    """The three cleaned tables; gives each step's seconds."""
    result = dg.materialize(
        [
            dg.AssetSpec("genres_table").with_io_manager_key("io_manager"),
            dg.AssetSpec("raw_movie_details"),
            merged.movies_table,
            merged.movie_details,
            warehouse.movie_genre_data,
        ],
        resources={
            "io_manager": WarehouseIOManager(database=str(database)),
            "extraction": dg.ResourceDefinition(lambda _: Extraction(None, None, 0)),  # type: ignore[arg-type]
        },
        instance=instance,
        run_config={"loggers": {"console": {"config": {"log_level": "ERROR"}}}},
    )
    seconds = {}
    for step in instance.get_run_step_stats(result.run_id):
        assert step.end_time
        assert step.start_time
        seconds[step.step_key] = step.end_time - step.start_time
    return seconds


def measure(count: int) -> None:
    """Print the figures for one number of films."""
    with tempfile.TemporaryDirectory() as folder, dg.DagsterInstance.ephemeral() as instance:
        database = Path(folder) / "movies_data.duckdb"
        print(f"\n{count:,} films")

        def tell(what: str, seconds: float) -> None:
            peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20
            size = database.stat().st_size / 2**30
            print(f"  {what:38} {seconds:7.2f} s   {peak:5.2f} GB held   {size:5.2f} GB file")

        write_raw(database, count)
        for step, seconds in materialize(database, instance).items():
            tell(f"{step}, all films", seconds)

        random = np.random.default_rng(1)
        some = random.choice(np.arange(1, count + 1), count // 100, replace=False)
        new = np.arange(count + 1, count + 1 + count // 1000)
        fetched = np.concatenate([np.sort(some[count // 1000 :]), new])
        started = time.perf_counter()
        merge_films(
            database,
            films(fetched, 1),
            details(fetched, 1),
            {int(film): _AT for film in some[: count // 1000]},
        )
        tell("fold of 1 % into the raw tables", time.perf_counter() - started)
        for step, seconds in materialize(database, instance).items():
            tell(f"{step}, 1 % changed", seconds)
        started = time.perf_counter()
        digest_of_table(database, TABLES["movies_table"])
        tell("digest of movies_table", time.perf_counter() - started)


def main() -> None:
    """Measure each size in a process of its own."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("films", type=int, nargs="*", default=[10_000])
    for count in parser.parse_args().films:
        process = multiprocessing.get_context("spawn").Process(target=measure, args=(count,))
        process.start()
        process.join()
        if process.exitcode:
            raise SystemExit(process.exitcode)


if __name__ == "__main__":
    main()
