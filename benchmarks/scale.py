"""What the whole catalogue takes, step by step, after the fetch: in full, and after a day.

    python benchmarks/scale.py                                  10,000 films, 1 % of them changed
    python benchmarks/scale.py --films 10000 100000 1000000 --plot docs/images/scale.svg

Made-up films with TMDB's statistics (benchmarks/published.py) are written as the fetch leaves them:
raw_catalogue_movies and raw_movie_details, and TMDB's genres. Then each asset below is materialized
with its checks, by a real Dagster run of the catalogue's graph in a process of its own; once with
nothing there, and once after a merge that changed some of the films: of these a third has other
votes, a third has become another film altogether, a sixth is gone, and a sixth is new.

Seconds are of the run, not of starting Python; those of the processor count all cores. Memory is
the most that was anonymous in the step's process, compilers and Dagster included; mapped files,
which the kernel takes back when something else needs room, do not count. The homes are removed
unless --keep names a folder for them.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path
from typing import Any

import dagster as dg
import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from growth import drawing
from published import GENRES, MadeUp
from snapshot import Watch

from movie_assets.definitions import build_definitions
from movie_assets.settings import load_settings
from movie_assets.warehouse import TABLES, changed_ids, latest_revision, merge_films, write_batches
from movie_assets.warehouse.store import connect

#: In the order in which they are made.
STEPS = (
    "genres_table",
    "movies_table",
    "movie_details",
    "movie_genre_data",
    "movie_features",
    "movielens_ratings",
    "co_liked_movies",
    "item_weights",
    "similarity_matrix",
    "recommendation_quality",
    "published_recommendations",
)
#: So short, and the same whatever the number of films.
_NOT_SHOWN = {"genres_table", "movielens_ratings", "co_liked_movies", "item_weights"}
_FETCHED, _LATER = datetime(2026, 1, 1), datetime(2026, 1, 2)  # noqa: DTZ001 - UTC, as stored

Figures = dict[str, dict[str, float]]


# -- what the fetch leaves ------------------------------------------------------------------------


def write_catalogue(database: Path, n: int) -> None:
    """The raw tables of n films, block by block."""
    films = MadeUp(n)
    write_batches(database, TABLES["raw_catalogue_movies"], _raw_films(films))
    write_batches(database, TABLES["raw_movie_details"], _raw_details(films))
    genres = pa.table(
        {
            "position": range(1, len(GENRES) + 1),
            "id": range(1, len(GENRES) + 1),
            "name": list(GENRES),
        }
    )
    write_batches(database, TABLES["raw_genres"], [_filled("raw_genres", genres)])


def _raw_films(films: MadeUp) -> Iterator[pa.Table]:
    numbers = {name: place + 1 for place, name in enumerate(GENRES)}
    start = 0
    for batch in films.films():
        genres = batch["genres"]
        codes = pa.array([numbers[name] for name in genres.flatten().to_pylist()], pa.int64())
        words = films.lists["text"].of(start, start + len(batch))
        start += len(batch)
        yield _filled(
            "raw_catalogue_movies",
            pa.table(
                {
                    "id": batch["movie_id"],
                    "adult": np.zeros(len(batch), np.bool_),
                    "video": np.zeros(len(batch), np.bool_),
                    "genre_ids": pa.ListArray.from_arrays(_offsets(genres), codes),
                    "original_language": batch["original_language"],
                    "original_title": batch["original_title"],
                    "title": batch["title"],
                    # Of real texts two words in five tell nothing.
                    "overview": pc.binary_join(words, " the "),
                    "popularity": batch["popularity"],
                    "poster_path": batch["poster_path"],
                    "release_date": pc.strftime(batch["release_date"], "%Y-%m-%d"),
                    "vote_average": batch["vote_average"],
                    "vote_count": batch["vote_count"],
                    "fetched_at": [_FETCHED] * len(batch),
                    "revision": np.ones(len(batch), np.int64),
                }
            ),
        )


def _raw_details(films: MadeUp) -> Iterator[pa.Table]:
    random, number = np.random.default_rng(10), len(films.ids)
    for batch in films.films():
        # Seven in ten films are recommended others, ten on average, the better known more often.
        sizes = random.poisson(10, len(batch)) * (random.random(len(batch)) < 0.7)
        others = films.ids[(random.random(sizes.sum()) ** 3 * number).astype(np.int64)]
        ends = np.concatenate([[0], np.cumsum(sizes)]).astype(np.int32)
        has = batch["collection"].is_valid().to_numpy(zero_copy_only=False)
        yield _filled(
            "raw_movie_details",
            pa.table(
                {
                    "id": batch["movie_id"],
                    "imdb_id": batch["imdb_id"],
                    "tagline": batch["tagline"],
                    "runtime": batch["runtime"],
                    "collection_id": pa.array(np.arange(len(batch)), mask=~has),
                    "collection_name": batch["collection"],
                    **{
                        name: batch[name] for name in ("keywords", "directors", "writers", "actors")
                    },
                    "composers": batch["directors"],
                    "recommended_ids": pa.ListArray.from_arrays(
                        pa.array(ends), pa.array(others.astype(np.int64))
                    ),
                }
            ),
        )


def _offsets(lists: pa.ListArray) -> pa.Array:
    sizes = lists.value_lengths().to_numpy(zero_copy_only=False)
    return pa.array(np.concatenate([[0], np.cumsum(sizes)]).astype(np.int32))


def _filled(table: str, rows: pa.Table) -> pa.Table:
    """With null where a column of the table is not given."""
    schema = TABLES[table].arrow_schema
    columns = [
        rows[field.name].cast(field.type) if field.name in rows.column_names
        else pa.nulls(len(rows), field.type)
        for field in schema
    ]  # fmt: skip
    return pa.Table.from_arrays(columns, schema=schema)


def change(database: Path, share: float) -> int:
    """Merge another day's answers for a share of the films; how many changed."""
    random = np.random.default_rng(11)
    with connect(database, read_only=True) as connection:
        found = connection.sql("SELECT id FROM raw_catalogue_movies ORDER BY id").to_arrow_table()
        ids = found["id"].to_numpy()
        count = max(6, round(share * len(ids)))
        chosen = random.choice(ids, 2 * count, replace=False)
        voted, others, gone, new, given = np.split(
            chosen, np.cumsum([count // 3, count // 3, count // 6, count // 6])
        )
        # What was chosen beyond gives new contents.
        targets = np.concatenate([others, ids[-1] + 1 + np.arange(len(new))])
        givers = np.concatenate([given, new])[: len(targets)]
        films, details = (
            _copied(connection, table, voted, givers, targets[: len(givers)])
            for table in ("raw_catalogue_movies", "raw_movie_details")
        )
    more = pc.is_in(films["id"], pa.array(voted))
    votes = pc.add(films["vote_count"], pc.cast(more, pa.int64()))
    films = films.set_column(films.column_names.index("vote_count"), "vote_count", votes)
    films = films.set_column(
        films.column_names.index("fetched_at"),
        "fetched_at",
        pa.array([_LATER] * len(films), films["fetched_at"].type),
    ).drop_columns(["gone_at", "revision"])
    merge_films(database, films, details, dict.fromkeys(gone.tolist(), _LATER))
    return len(changed_ids(database, latest_revision(database) - 1))


def _copied(connection: Any, table: str, same: Any, givers: Any, targets: Any) -> pa.Table:
    """The rows of some films, and those of others under other ids."""
    wanted = pa.table(
        {"giver": np.concatenate([same, givers]), "target": np.concatenate([same, targets])}
    )
    connection.register("wanted", wanted)
    found = connection.sql(
        f"SELECT {table}.* REPLACE (target AS id) FROM {table} JOIN wanted ON id = giver"
    ).to_arrow_table()
    return found.cast(TABLES[table].arrow_schema)


# -- a step ---------------------------------------------------------------------------------------


def measure_step(step: str) -> dict[str, float]:
    """Materialize an asset with its checks; in a process of its own."""
    settings = load_settings()
    job = build_definitions(settings).resolve_implicit_global_asset_job_def()
    with dg.DagsterInstance.get() as instance, Watch() as watch:
        started, used = time.perf_counter(), time.process_time()
        result = job.execute_in_process(
            instance=instance,
            asset_selection=[dg.AssetKey(step)],
            run_config={"loggers": {"console": {"config": {"log_level": "ERROR"}}}},
            raise_on_error=True,
        )
        seconds, used = time.perf_counter() - started, time.process_time() - used
    of_checks = sum(
        event.step_success_data.duration_ms / 1000
        for event in result.all_events
        if event.is_step_success and str(event.step_key).endswith("_checks")
    )
    return {
        "seconds": seconds,
        "checks": of_checks,
        "processor": used,
        "peak": watch.peak["RssAnon"],
        "database": settings.database.stat().st_size / 1e9,
    }


def run_step(home: Path, step: str) -> dict[str, float]:
    """As :func:`measure_step`, from outside."""
    environment = {
        name: os.environ[name] for name in ("PATH", "HOME", "TMPDIR") if name in os.environ
    }
    done = subprocess.run(
        [sys.executable, __file__, "--step", step],
        env=environment
        | {
            "MOVIE_ASSETS_HOME": str(home),
            "MOVIE_ASSETS_SOURCE": "catalogue",
            "TMDB_API_KEY": "none is asked for",
            "DAGSTER_HOME": str(home / "dagster"),
        },
        cwd=home,
        check=False,
        capture_output=True,
        text=True,
    )
    if done.returncode:
        raise SystemExit(f"{step} failed:\n{done.stderr[-3000:]}")
    found: dict[str, float] = json.loads(done.stdout.splitlines()[-1])
    print(f"{step}: {found['seconds']:.1f} s, {found['peak']:.2f} GB", file=sys.stderr, flush=True)
    return found


# -- all of it ------------------------------------------------------------------------------------


def measure(home: Path, n: int, share: float) -> tuple[Figures, Figures]:
    """Everything in full, and again after some films changed."""
    (home / "dagster").mkdir(parents=True)
    (home / "dagster" / "dagster.yaml").write_text("telemetry:\n  enabled: false\n")
    database = home / "movies_data.duckdb"
    started = time.perf_counter()
    write_catalogue(database, n)
    print(
        f"\n{n:,} films, written as fetched in {time.perf_counter() - started:.0f} s, "
        f"{database.stat().st_size / 1e9:.2f} GB; load {os.getloadavg()[0]:.1f}",
        flush=True,
    )
    full = {step: run_step(home, step) for step in STEPS}
    changed = change(database, share)
    print(f"{changed:,} films changed")
    return full, {step: run_step(home, step) for step in STEPS}


def print_table(home: Path, full: Figures, update: Figures) -> None:
    """One line a step."""
    print(
        "\n| step | full, s | processor, s | of it checks, s | peak, GB | after the change, s "
        "| processor, s | of it checks, s | peak, GB | share |"
    )
    print("|" + "---|" * 10)
    for step in STEPS:
        if step not in _NOT_SHOWN:
            _print_line(f"`{step}`", full[step], update[step])
    sums = [
        {name: sum(of[step][name] for step in STEPS) for name in ("seconds", "processor", "checks")}
        | {"peak": max(of[step]["peak"] for step in STEPS)}
        for of in (full, update)
    ]
    _print_line("everything", *sums)
    current = home / "published" / (home / "published" / "current").read_text().strip()
    features = sum(path.stat().st_size for path in (home / "features").rglob("*.*"))
    print(
        f"\nThe database has {full[STEPS[-1]]['database']:.2f} GB, and after the change "
        f"{update[STEPS[-1]]['database']:.2f} GB; the features have {features / 1e9:.2f} GB, and a "
        f"snapshot {sum(p.stat().st_size for p in current.rglob('*.*')) / 1e9:.2f} GB.",
        flush=True,
    )


def _print_line(name: str, full: dict[str, float], update: dict[str, float]) -> None:
    share = 100 * update["seconds"] / full["seconds"]
    print(
        f"| {name} | "
        + " | ".join(
            f"{of['seconds']:.1f} | {of['processor']:.1f} | {of['checks']:.1f} | {of['peak']:.2f}"
            for of in (full, update)
        )
        + f" | {share:.0f} % |"
    )


def main() -> None:
    """Measure, print and draw."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--films", type=int, nargs="+", default=[10_000])
    parser.add_argument("--changed", type=float, default=0.01)
    parser.add_argument("--plot", type=Path)
    parser.add_argument("--keep", type=Path, help="an empty folder for what is made")
    parser.add_argument("--step", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.step:
        print(json.dumps(measure_step(options.step)))
        return
    lines: dict[str, list[tuple[int, float]]] = {"everything anew": [], "what changed": []}
    for n in options.films:
        home = Path(tempfile.mkdtemp(prefix="movie_assets_scale_", dir=options.keep)) / "home"
        try:
            figures = measure(home, n, options.changed)
            print_table(home, *figures)
        finally:
            if not options.keep:
                shutil.rmtree(home.parent, ignore_errors=True)
        for line, of in zip(lines.values(), figures, strict=True):
            line.append((n, sum(one["seconds"] for one in of.values())))
    if options.plot:
        title = f"Seconds for everything after the fetch, and after {options.changed:.0%} changed"
        options.plot.write_text(drawing(lines, ("#888", "#47a"), title), encoding="utf-8")


if __name__ == "__main__":
    main()
