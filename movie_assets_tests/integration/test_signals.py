"""People's ratings in the whole graph: without a MovieLens release, with one, with a broken one."""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import dagster as dg
import numpy as np
import pandas as pd
import pytest
from numpy.typing import NDArray

from movie_assets.build import BuildReport
from movie_assets.definitions import SAMPLE_DIR
from movie_assets.warehouse import read_table

pytestmark = [
    pytest.mark.filterwarnings("ignore:Function `Definitions.map:Warning"),
    pytest.mark.no_cover,
]

SIGNALS = ["movielens_ratings", "co_liked_movies", "item_weights"]
#: The stand-in's films are 1000 to 1059. Each group of people likes ten of them and not the others.
GROUPS = [range(1000, 1010), range(1010, 1020), range(1020, 1030)]
PEOPLE_A_GROUP = 8


def write_release(folder: Path, groups: list[range] | list[list[int]] = GROUPS) -> Path:
    """Write a release: MovieLens' number of a film is TMDB's and one million more."""
    folder.mkdir(exist_ok=True)
    films = [film for group in groups for film in group]
    (folder / "links.csv").write_text(
        "movieId,imdbId,tmdbId\n" + "".join(f"{film + 10**6},0114709,{film}\n" for film in films)
    )
    lines = ["userId,movieId,rating,timestamp"]
    for user in range(PEOPLE_A_GROUP * len(groups)):
        liked = set(groups[user % len(groups)])
        chosen = np.random.default_rng(user).permutation(films)[: max(4, len(films) // 2)]
        lines += [
            f"{user + 1},{film + 10**6},{4.5 if film in liked else 2.0},{1000 * user + place}"
            for place, film in enumerate(sorted(chosen.tolist()))
        ]
    (folder / "ratings.csv").write_text("\n".join(lines) + "\n")
    return folder


@pytest.fixture
def release(tmp_path: Path) -> Path:
    return write_release(tmp_path / "ml-made-up")


@pytest.fixture(scope="module")
def built_once() -> list[Path]:
    """The folder where a home was built with a release, as soon as a test asked for one."""
    return []


@pytest.fixture
def home_with_release(
    built_once: list[Path],
    built_from_tmdb: Any,
    open_tmdb_home: Any,
    copy_home: Callable[[Path], Any],
    release: Path,
    tmp_path_factory: pytest.TempPathFactory,
) -> Any:
    """A home of one's own that was built with the release."""
    if not built_once:
        folder = tmp_path_factory.mktemp("with release")
        shutil.copytree(release, folder / "release")
        shutil.copytree(built_from_tmdb.folder, folder / "home")
        with open_tmdb_home(folder / "home") as home:
            assert ran(home.build(MOVIELENS_DIR=folder / "release")) >= set(SIGNALS)
        built_once.append(folder)
    [folder] = built_once
    shutil.rmtree(release)
    shutil.copytree(folder / "release", release)  # and so of the same age
    return copy_home(folder / "home")


def stored(home: Any, table: str) -> pd.DataFrame:
    return read_table(home.database, table)


def metadata(home: Any, asset: str) -> dict[str, Any]:
    event = home.instance.get_latest_materialization_event(dg.AssetKey(asset))
    return {name: value.value for name, value in event.asset_materialization.metadata.items()}


def ran(report: BuildReport) -> set[str]:
    assert report.succeeded, report
    return {outcome.name for outcome in report.ran}


def groups_of(films: pd.Series[Any]) -> NDArray[Any]:
    return films.to_numpy() // 10


# -- without and with -----------------------------------------------------------------------------


def test_without_a_release_the_tables_are_empty_and_say_how_to_fill_them(home: Any) -> None:
    for table in SIGNALS:
        assert len(stored(home, table)) == 0
        assert "MOVIELENS_DIR" in metadata(home, table)["why_empty"]
        assert "licence" in metadata(home, table)["why_empty"]
    assert home.build().ran == ()


def test_with_a_release_films_of_the_same_people_are_found(home: Any, release: Path) -> None:
    report = home.build(MOVIELENS_DIR=release)
    assert ran(report) >= set(SIGNALS)
    reasons = {outcome.name: outcome.reasons for outcome in report.outcomes}
    assert reasons["movielens_ratings"] == ("code or settings changed",)

    ratings = stored(home, "movielens_ratings")
    assert len(ratings) == 15 * PEOPLE_A_GROUP * len(GROUPS)
    assert ratings.equals(ratings.sort_values(["user_id", "movie_id"]))
    assert set(ratings["rating"].unique()) == {2.0, 4.5}
    assert set(ratings["movie_id"]) == {film for group in GROUPS for film in group}

    pairs = stored(home, "co_liked_movies")
    assert len(pairs)
    assert (groups_of(pairs["movie_id"]) == groups_of(pairs["neighbour_id"])).all()
    likes = ratings[ratings["rating"] >= 4].groupby("movie_id")["user_id"].agg(set)
    expected = [
        len(likes[film] & likes[other])
        for film, other in zip(pairs["movie_id"], pairs["neighbour_id"], strict=True)
    ]
    assert pairs["liked_by_both"].tolist() == expected

    weights = stored(home, "item_weights")
    assert weights.equals(weights.sort_values(["movie_id", "neighbour_id"]))
    same = groups_of(weights["movie_id"]) == groups_of(weights["neighbour_id"])
    assert weights["weight"][same].mean() > 0.01
    assert weights["weight"][same].mean() > 2 * weights["weight"][~same].mean()
    # What is disliked leads nowhere, and films were rated in the order of their numbers.
    leads = weights["transition"] > 0
    assert leads.any()
    assert same[leads].all()
    assert (weights["movie_id"] < weights["neighbour_id"])[leads].all()
    assert home.build(MOVIELENS_DIR=release).ran == ()


def test_the_metadata_accounts_for_every_line(home: Any, release: Path) -> None:
    lines = (release / "ratings.csv").read_text()
    more = "1,77,4.5,1\n1,1001000,4.5,10\n1,1001000,4.0,11\n1,1001000,nan,12\n"
    (release / "ratings.csv").write_text(lines + more)
    had_it = "\n1,1001000," in lines
    report = home.build(MOVIELENS_DIR=release)
    assert report.succeeded
    figures = metadata(home, "movielens_ratings")
    assert figures["lines_read"] == lines.count("\n") - 1 + 4
    assert figures["ratings_of_unknown_films"] == 1
    assert figures["ratings_replaced_later"] == 1 + had_it
    assert figures["lines_bad"] == 1
    assert "rating is not within 0.5 to 5" in figures["lines_bad_why"]
    assert figures["users"] == PEOPLE_A_GROUP * len(GROUPS)
    number = lines.count("\n") + 4
    assert any(f"ratings.csv, line {number}" in message for message in home.record.messages)


def test_taking_the_release_away_empties_the_tables(
    home_with_release: Any, built_from_tmdb: Any
) -> None:
    home = home_with_release
    assert home.hashes() != built_from_tmdb.hashes
    assert ran(home.build()) >= set(SIGNALS)
    assert home.hashes() == built_from_tmdb.hashes


def test_a_release_unpacked_again_is_read_and_changes_nothing(
    home_with_release: Any, release: Path
) -> None:
    home = home_with_release
    assert home.build(MOVIELENS_DIR=release).ran == ()
    before = home.hashes()
    os.utime(release / "ratings.csv", (1, 1))
    assert ran(home.build(MOVIELENS_DIR=release)) >= {"movielens_ratings"}
    assert home.hashes() == before


def test_another_release_in_the_same_folder_is_noticed(
    home_with_release: Any, release: Path
) -> None:
    home = home_with_release
    before = home.hashes()
    write_release(release, [range(1030, 1040), range(1040, 1050)])
    assert ran(home.build(MOVIELENS_DIR=release)) >= set(SIGNALS)
    assert stored(home, "co_liked_movies")["movie_id"].between(1030, 1049).all()
    assert home.hashes() != before


def test_people_who_rated_none_of_our_films(home: Any, release: Path) -> None:
    write_release(release, [[5, 6, 7, 8], [15, 16, 17, 18]])
    assert home.build(MOVIELENS_DIR=release).succeeded
    assert len(stored(home, "movielens_ratings")) > 0
    assert len(stored(home, "co_liked_movies")) == 0
    assert "No two of our films" in metadata(home, "co_liked_movies")["why_empty"]
    assert len(stored(home, "item_weights")) == 0
    assert "too few of our films" in metadata(home, "item_weights")["why_empty"]


# -- a release that cannot be read ----------------------------------------------------------------


def truncate(release: Path) -> None:
    whole = (release / "ratings.csv").read_bytes()
    (release / "ratings.csv").write_bytes(whole[:-4])


def remove_links(release: Path) -> None:
    (release / "links.csv").unlink()


def spoil(release: Path) -> None:
    with (release / "ratings.csv").open("a") as file:
        file.write("1;1001000;4.5;1\n" * 200)


@pytest.mark.parametrize(
    ("damage", "error"),
    [
        (truncate, "ends in the middle of a line"),
        (remove_links, "has no links.csv"),
        (spoil, "too many bad lines"),
        (shutil.rmtree, "there is no such folder"),
    ],
)
def test_a_release_that_cannot_be_read_loses_nothing(
    home_with_release: Any, release: Path, damage: Callable[[Path], None], error: str
) -> None:
    home = home_with_release
    before = home.hashes()
    damage(release)

    report = home.build(MOVIELENS_DIR=release)

    outcomes = {outcome.name: outcome for outcome in report.outcomes}
    failed = outcomes["movielens_ratings"]
    assert failed.status == "failed"
    assert error in str(failed.error)
    assert "MOVIELENS_DIR" in str(failed.error)
    assert outcomes["co_liked_movies"].status == "not run"
    assert home.hashes() == before
    # Everything that does not need it is made as ever.
    assert {name for name, outcome in outcomes.items() if outcome.status == "failed"} == {
        "movielens_ratings"
    }

    write_release(release)
    assert ran(home.build(MOVIELENS_DIR=release)) >= {"movielens_ratings"}
    assert home.hashes() == before


# -- the bundled films ----------------------------------------------------------------------------


@pytest.mark.process
def test_the_bundled_films_and_a_release_by_the_command(
    bundled: Any, shell: Any, tmp_path: Path
) -> None:
    films = json.loads((SAMPLE_DIR / "popular.json").read_text(encoding="utf-8"))["results"]
    animation = [film["id"] for film in films if 16 in film["genre_ids"]][:20]
    horror = [
        film["id"] for film in films if 27 in film["genre_ids"] and film["id"] not in animation
    ]
    release = write_release(tmp_path / "ml-bundled", [animation, horror[:20]])
    shutil.copytree(bundled.home, tmp_path / "home")
    variables = {"MOVIE_ASSETS_HOME": str(tmp_path / "home"), "MOVIELENS_DIR": str(release)}

    process = shell.movie_assets("build", **variables)

    assert process.returncode == 0, process.stderr
    rows = {line.split()[0]: line.split()[1] for line in process.stdout.splitlines()[1:] if line}
    assert rows["movielens_ratings"] == rows["co_liked_movies"] == "ran"
    pairs = read_table(tmp_path / "home" / "movies_data.duckdb", "co_liked_movies")
    assert set(pairs["movie_id"]) == {*animation, *horror[:20]}
    same = pairs["movie_id"].isin(animation) == pairs["neighbour_id"].isin(animation)
    assert same.all()
    assert shell.movie_assets("status", **variables).returncode == 0
    assert shell.movie_assets("status", **variables | {"MOVIELENS_DIR": ""}).returncode == 1
