"""How long a MovieLens release takes from its csv files to films liked by the same people.

    python benchmarks/movielens.py                     32 million ratings, as ml-32m has
    python benchmarks/movielens.py --ratings 1000000   a quick look

The release is made up, in a temporary folder, with the statistics of ml-32m: 160 ratings a user,
half of the users with fewer than 73, each film rated as often as its place in ml-32m's order says,
half-star ratings of which half are likes; and one user who rated 50,000 films. What the films are
about is made up as well. Then Dagster makes
the assets and their checks, each in a process of its own, whose time and memory at the peak are
printed. All of the release's films are in the catalogue, which is the most work that there can be.
"""

from __future__ import annotations

import argparse
import json
import os
import resource
import subprocess
import sys
import tempfile
import time
from dataclasses import replace
from pathlib import Path

import dagster as dg
import duckdb
import numpy as np
import pandas as pd
from numpy.typing import NDArray
from published import MadeUp

from movie_assets.definitions import build_definitions
from movie_assets.recommender.storage import save_features
from movie_assets.settings import Settings
from movie_assets.warehouse import TABLES, validate, write_table

ALL_RATINGS, ALL_FILMS, RATINGS_A_USER, MOST_RATINGS = 32_000_000, 87_585, 160, 50_000
#: How often the film at a place of ml-32m's order is rated, about.
PLACES = [1, 100, 1_000, 10_000, 40_000, 87_585]
RATED = [103_000, 38_000, 7_500, 260, 6, 1]
ASSETS = ("movielens_ratings", "co_liked_movies", "item_weights")


def made_up_ratings(n: int) -> tuple[NDArray[np.int32], NDArray[np.int32], NDArray[np.float32]]:
    """Users, films and stars of about n ratings, by user and film."""
    random = np.random.default_rng(0)
    n_users, n_films = (
        n // RATINGS_A_USER,
        min(ALL_FILMS, int(ALL_FILMS * (n / ALL_RATINGS) ** 0.5)),
    )
    sizes = 20 + random.lognormal(np.log(53), 1.39, n_users)
    places = np.linspace(1, ALL_FILMS, n_films)
    weights = np.exp(np.interp(np.log(places), np.log(PLACES), np.log(RATED)))
    random.shuffle(weights)
    sizes = np.minimum(sizes * (n / sizes.sum()), n_films / 4).astype(int)
    missing, keys = n, np.zeros(0, np.int64)
    while missing > n / 50:  # what was drawn twice is drawn again
        more = np.repeat(np.arange(n_users), random.poisson(sizes * (1.1 * missing / n)))
        drawn = random.random(len(more)) * weights.sum()
        films = np.minimum(np.searchsorted(np.cumsum(weights), drawn), n_films - 1)
        keys = np.unique(np.concatenate([keys, more * n_films + films]))
        missing = n - len(keys)
    everything = random.permutation(n_films)[:MOST_RATINGS] + n_users * n_films
    keys = np.concatenate([keys, np.sort(everything)])
    users, films = (keys // n_films).astype(np.int32), (keys % n_films).astype(np.int32)
    quality, mood = random.normal(3.5, 0.4, n_films), random.normal(0, 0.4, n_users + 1)
    stars = quality[films] + mood[users] + random.normal(0, 0.8, len(keys))
    return users, films, (np.clip(np.round(stars * 2), 1, 10) / 2).astype(np.float32)


def write_release(folder: Path, n: int) -> int:
    """Write ratings.csv and links.csv; how many films there are."""
    users, films, stars = made_up_ratings(n)
    n_films = int(films.max()) + 1
    # One film in 500 has no TMDB number, and one in 1,000 has that of another.
    links = pd.DataFrame({"movieId": np.arange(1, n_films + 1) * 3})
    links["imdbId"] = [f"{100_000 + i:07}" for i in range(n_films)]
    links["tmdbId"] = pd.Series(np.arange(n_films) + 2, dtype="Int64")
    links.loc[links.index % 1000 == 7, "tmdbId"] = 2
    links.loc[links.index % 500 == 3, "tmdbId"] = None
    links.to_csv(folder / "links.csv", index=False)
    seconds = np.random.default_rng(1).integers(820_454_400, 1_697_155_200, len(users))
    ratings = pd.DataFrame(
        {"userId": users + 1, "movieId": films * 3 + 3, "rating": stars, "timestamp": seconds}
    )
    with duckdb.connect() as connection:
        connection.execute("SET enable_progress_bar = false")
        connection.register("ratings", ratings)
        connection.execute(f"COPY (FROM ratings) TO '{folder / 'ratings.csv'}' (HEADER)")
    return n_films


def write_catalogue(database: Path, n_films: int) -> None:
    """A movies_table with all of the films, of which nothing but their numbers is used."""
    columns: dict[str, object] = {
        column.name: None if column.nullable else 0 for column in TABLES["movies_table"].columns
    }
    columns |= {"id": np.arange(n_films) + 2, "title": "A film", "popularity_rank": 1}
    frame = pd.DataFrame(columns | {"adult": False, "video": False})
    frame["genre_ids"] = [[]] * n_films
    write_table(database, TABLES["movies_table"], validate(frame, TABLES["movies_table"]))


def write_contents(home: Path, n_films: int) -> None:
    """The features of these films, made up with the statistics of real ones."""
    features = replace(MadeUp(n_films).features, movie_ids=np.arange(n_films, dtype=np.int32) + 2)
    settings = Settings(_env_file=None, MOVIE_ASSETS_HOME=home)
    save_features(settings.features_dir / "movie_features.npz", features)


def make(asset: str, home: Path, folder: Path) -> None:
    """Make an asset and its checks, and print as json what it took."""
    settings = Settings(_env_file=None, MOVIE_ASSETS_HOME=home, MOVIELENS_DIR=folder)
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    started = time.perf_counter()
    with dg.DagsterInstance.ephemeral() as instance:
        result = (
            build_definitions(settings)
            .resolve_implicit_global_asset_job_def()
            .execute_in_process(instance=instance, asset_selection=[dg.AssetKey(asset)])
        )
    seconds = time.perf_counter() - started
    steps = {
        event.step_key: event.step_success_data.duration_ms / 1000
        for event in result.all_node_events
        if event.event_type == dg.DagsterEventType.STEP_SUCCESS
    }
    [made] = result.asset_materializations_for_node(asset)
    figures = {name: made.metadata[name].value for name in made.metadata if "seconds" in name}
    print(
        json.dumps(
            {
                "rows": made.metadata["dagster/row_count"].value,
                "seconds": seconds,
                "peak_gib": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20,
                "imports_gib": before / 2**20,
                "steps": {**steps, **figures},
            }
        )
    )


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--ratings", type=int, default=ALL_RATINGS)
    parser.add_argument("--make", nargs=3, metavar=("ASSET", "HOME", "FOLDER"))
    options = parser.parse_args()
    if options.make:
        asset, home, folder = options.make
        make(asset, Path(home), Path(folder))
        return
    with tempfile.TemporaryDirectory() as temporary:
        folder, home = Path(temporary) / "release", Path(temporary) / "home"
        folder.mkdir()
        # In a process of its own too, so that its memory is given back before what is measured.
        program = f"from movielens import *; n = write_release(Path({str(folder)!r}), "
        program += f"{options.ratings}); write_catalogue(Path({str(home)!r}) / "
        program += f"'movies_data.duckdb', n); write_contents(Path({str(home)!r}), n); print(n)"
        n_films = subprocess.run(
            [sys.executable, "-c", program],
            cwd=Path(__file__).parent,
            check=True,
            stdout=subprocess.PIPE,
        ).stdout
        size = (folder / "ratings.csv").stat().st_size / 2**20
        print(f"{options.ratings:,} ratings of {int(n_films):,} films, {size:,.0f} MiB of csv:")
        for asset in ASSETS:
            command = [sys.executable, __file__, "--make", asset, str(home), str(folder)]
            process = subprocess.run(command, check=False, capture_output=True, text=True)
            if process.returncode:
                sys.exit(process.stderr)
            found = json.loads(process.stdout.splitlines()[-1])
            print(
                f"  {asset:18} {found['rows']:11,} rows {found['seconds']:7.1f} s "
                f"  peak {found['peak_gib']:.2f} GiB   load {os.getloadavg()[0]:.1f}"
            )
            for name, seconds in found["steps"].items():
                print(f"    {name:26} {seconds:7.1f} s", flush=True)


if __name__ == "__main__":
    main()
