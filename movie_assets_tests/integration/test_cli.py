"""The ``movie-assets`` command as a person runs it: in a process of its own."""

from __future__ import annotations

import json
import shutil
import signal
import sys
from collections.abc import Callable
from pathlib import Path
from subprocess import CompletedProcess
from typing import Any

import duckdb
import pytest

pytestmark = pytest.mark.process

ASSETS = [
    "raw_genres",
    "raw_popular_movies",
    "raw_movie_details",
    "genres_table",
    "movies_table",
    "movie_details",
    "movie_features",
    "movie_genre_data",
    "movielens_ratings",
    "co_liked_movies",
    "item_weights",
    "similarity_matrix",
    "recommendation_quality",
    "published_recommendations",
    "eda_report",
]
Run = Callable[..., CompletedProcess[str]]


@pytest.fixture
def movie_assets(bundled: Any, shell: Any) -> Run:
    """Run the command on the bundled films, which are built; they are not to be changed."""

    def run(*arguments: str, **variables: str) -> CompletedProcess[str]:
        return shell.movie_assets(
            *arguments, **({"MOVIE_ASSETS_HOME": str(bundled.home)} | variables)
        )

    return run


def one_line(process: CompletedProcess[str]) -> str:
    """The error, which must be one line and no traceback."""
    assert process.stdout == ""
    [line] = process.stderr.splitlines()
    assert line.startswith("Error: ")
    return line


# -- build ----------------------------------------------------------------------------------------


def test_build_shows_progress_and_ends_with_a_table(bundled: Any) -> None:
    lines = bundled.process.stdout.splitlines()
    assert lines[0].split() == ["asset", "ran?", "rows", "seconds", "share"]
    rows = [line.split() for line in lines[1 : 1 + len(ASSETS)]]
    assert sorted(row[0] for row in rows) == sorted(ASSETS)
    # The report has no rows.
    assert all(row[1] == "ran" and float(row[-2]) > 0 for row in rows)
    assert 95 <= sum(int(row[-1].removesuffix("%")) for row in rows) <= 105
    assert {row[0]: row[2] for row in rows}["genres_table"] == "19"
    assert f"{len(ASSETS)} of {len(ASSETS)} assets ran in" in lines[-1]
    assert str(bundled.home / "movies_data.duckdb") in lines[-1]
    assert "similarity_matrix: " in bundled.process.stderr
    assert "checking similarity_matrix: " in bundled.process.stderr


def test_a_second_build_runs_nothing_and_says_so(bundled: Any, shell: Any, tmp_path: Path) -> None:
    """Even where the home was moved meanwhile."""
    home = tmp_path / "moved"
    shutil.copytree(bundled.home, home)
    before = (home / "movies_data.duckdb").read_bytes()
    process = shell.movie_assets("build", MOVIE_ASSETS_HOME=str(home))
    assert process.returncode == 0
    assert process.stdout.count("up to date") == len(ASSETS) + 1
    assert "Everything is up to date: nothing ran" in process.stdout
    assert "Run " not in process.stderr
    assert (home / "movies_data.duckdb").read_bytes() == before


def test_a_build_that_fails_says_what_and_what_to_do(
    shell: Any, stand_in: Any, tmp_path: Path
) -> None:
    variables = {
        "MOVIE_ASSETS_HOME": str(tmp_path / "home"),
        "TMDB_API_KEY": "notxthexkey",
        "TMDB_BASE_URL": stand_in.url,
    }
    process = shell.movie_assets("build", **variables)
    assert process.returncode == 1
    assert "does not accept the API key: check TMDB_API_KEY" in process.stderr
    assert "Build again" in process.stderr
    assert "Traceback" not in process.stdout + process.stderr
    assert "notxthexkey" not in process.stdout + process.stderr


def test_ctrl_c_stops_a_build_and_the_next_goes_on(
    home_on_disk: Any, stand_in: Any, shell: Any, key: str
) -> None:
    before = home_on_disk.hashes()
    stand_in.fail("/movie/popular", fault="hang")
    process = shell.start(
        str(Path(sys.executable).with_name("movie-assets")),
        "build",
        "--refresh",
        MOVIE_ASSETS_HOME=str(home_on_disk.settings.home),
        TMDB_API_KEY=key,
        TMDB_BASE_URL=stand_in.url,
        MOVIE_ASSETS_LANGUAGE="all",
        MOVIE_ASSETS_MAX_MOVIES="100",
    )
    assert stand_in.hung.wait(60), "the build never asked for the list"
    process.send_signal(signal.SIGINT)
    out, err = process.communicate(timeout=60)
    stand_in.released.set()
    stand_in.faults.clear()
    assert process.returncode == 130, err
    assert "Stopped. What was finished is stored; build again to go on." in err
    assert "Traceback" not in out + err
    assert home_on_disk.hashes() == before
    assert home_on_disk.build().succeeded
    assert home_on_disk.hashes() == before


# -- recommend ------------------------------------------------------------------------------------


def test_a_title_counts_whatever_its_case_accents_and_language(movie_assets: Run) -> None:
    titles = ["AMELIE", "amélie", "Le Fabuleux Destin d'Amélie Poulain"]
    process = movie_assets("recommend", *titles, "--json", "-n", "3")
    assert process.returncode == 0, process.stderr
    found = json.loads(process.stdout)
    assert [answer["movie"]["id"] for answer in found] == [194, 194, 194]
    for answer in found:
        assert [entry["rank"] for entry in answer["recommendations"]] == [1, 2, 3]
        assert set(answer["metrics"]) == {"popularity", "vote_avg", "vote_count"}


def test_several_titles_are_shown_one_after_the_other(movie_assets: Run) -> None:
    process = movie_assets("recommend", "heat", "spirited away", "--number", "4")
    assert process.returncode == 0, process.stderr
    shown = process.stdout
    assert shown.index("Films like Heat (1995)") < shown.index("Films like Spirited Away (2001)")
    heat = shown[: shown.index("Films like Spirited Away")]
    assert [line.split()[0] for line in heat.splitlines() if line[:5].split()[:1]][-4:] == [
        "1",
        "2",
        "3",
        "4",
    ]


def test_films_that_share_a_title_are_told_apart_by_year(bundled: Any, movie_assets: Run) -> None:
    with duckdb.connect(str(bundled.home / "movies_data.duckdb"), read_only=True) as connection:
        title, years = connection.execute(
            """
            SELECT title, list(year(release_date) ORDER BY vote_count DESC)
            FROM movies GROUP BY title HAVING count(*) > 1 ORDER BY title LIMIT 1
            """
        ).fetchone() or (None, [])
    best_known, other = years[:2]
    process = movie_assets("recommend", title)
    assert process.returncode == 0
    assert f"Films like {title} ({best_known})" in process.stdout
    assert f"--year {other} for {title} ({other})" in process.stderr
    process = movie_assets("recommend", title, "--year", str(other), "--json")
    assert json.loads(process.stdout)["movie"]["year"] == other


def test_no_such_film_suggests_others(movie_assets: Run) -> None:
    process = movie_assets("recommend", "The Godfathr")
    assert process.returncode == 3
    assert "The Godfather (1972)" in one_line(process)


def test_before_the_first_build_recommend_says_so(shell: Any, tmp_path: Path) -> None:
    process = shell.movie_assets("recommend", "Heat", MOVIE_ASSETS_HOME=str(tmp_path / "none"))
    assert process.returncode == 4
    assert "movie-assets build" in one_line(process)
    assert not (tmp_path / "none").exists()


# -- status ---------------------------------------------------------------------------------------


def test_status_of_a_fresh_graph(movie_assets: Run) -> None:
    process = movie_assets("status", "--json")
    assert process.returncode == 0, process.stderr
    rows = json.loads(process.stdout)
    assert sorted(row["asset"] for row in rows) == sorted(ASSETS)
    assert {row["state"] for row in rows} == {"fresh"}
    assert {row["asset"]: row["rows"] for row in rows}["genres_table"] == 19


def test_status_says_what_is_stale_and_why(movie_assets: Run) -> None:
    process = movie_assets("status", MOVIE_ASSETS_MAX_MOVIES="500")
    assert process.returncode == 1
    assert "code or settings changed" in process.stdout
    assert "movie-assets build" in process.stdout


def test_status_before_the_first_build(shell: Any, tmp_path: Path) -> None:
    process = shell.movie_assets("status", "--json", MOVIE_ASSETS_HOME=str(tmp_path / "new"))
    assert process.returncode == 1
    assert {row["state"] for row in json.loads(process.stdout)} == {"never built"}


# -- errors, help ----------------------------------------------------------------------------------


def test_bad_settings_are_named(movie_assets: Run) -> None:
    process = movie_assets(
        "build",
        MOVIE_ASSETS_MAX_MOVIES="many",
        TMDB_BASE_URL="ftp://example.org",
        MOVIE_ASSETS_SOURCE="imdb",
    )
    assert process.returncode == 2
    for variable in ("MOVIE_ASSETS_MAX_MOVIES", "TMDB_BASE_URL", "MOVIE_ASSETS_SOURCE"):
        assert variable in one_line(process)


def test_a_setting_may_come_from_a_file(shell: Any, bundled: Any) -> None:
    (shell.cwd / ".env").write_text(f"MOVIE_ASSETS_HOME='{bundled.home}'\n")
    assert shell.movie_assets("recommend", "Heat").returncode == 0


def test_a_file_that_is_no_database_is_told_in_one_line_and_verbose_shows_where(
    shell: Any, tmp_path: Path
) -> None:
    home = tmp_path / "home"
    home.mkdir()
    (home / "movies_data.duckdb").write_text("no database")
    process = shell.movie_assets("recommend", "Heat", MOVIE_ASSETS_HOME=str(home))
    assert process.returncode == 1
    assert "movies_data.duckdb" in one_line(process)
    process = shell.movie_assets("--verbose", "recommend", "Heat", MOVIE_ASSETS_HOME=str(home))
    assert process.returncode == 1
    assert "Traceback (most recent call last)" in process.stderr
    assert (home / "movies_data.duckdb").read_text() == "no database"


def test_a_home_that_cannot_be_written_is_told_in_one_line(shell: Any, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("no folder")
    process = shell.movie_assets("build", MOVIE_ASSETS_HOME=str(tmp_path / "file" / "home"))
    assert process.returncode == 1
    assert str(tmp_path / "file") in one_line(process)


@pytest.mark.parametrize("arguments", [["--help"], ["build", "-h"], ["recommend", "--help"], []])
def test_help(shell: Any, arguments: list[str]) -> None:
    process = shell.movie_assets(*arguments)
    assert process.returncode == (0 if arguments else 2)
    assert "Usage: movie-assets" in process.stdout + process.stderr
    if "build" not in arguments and "recommend" not in arguments:
        for command in ("build", "recommend", "status", "ui"):
            assert command in process.stdout + process.stderr


def test_the_module_runs_too(shell: Any) -> None:
    assert shell.run("-m", "movie_assets.cli", "--help").returncode == 0
