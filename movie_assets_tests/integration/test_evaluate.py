"""``movie-assets evaluate`` as a person runs it, on the bundled films and made-up people."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from subprocess import CompletedProcess
from typing import Any
from xml.etree import ElementTree as ET

import pandas as pd
import pytest

from movie_assets.warehouse import read_table
from movie_assets_tests.releases import write_release

pytestmark = pytest.mark.process

Run = Callable[..., CompletedProcess[str]]

WITHOUT_RATINGS = {
    "random",
    "popularity",
    "tutorial's TF-IDF",
    "fields, no prior",
    "ours, hidden gems",
    "ours",
    "ours, crowd favourites",
}
WITH_RATINGS = WITHOUT_RATINGS | {"co-likes only", "gems + MovieLens", "ours + MovieLens"}


@pytest.fixture(scope="module")
def films(bundled: Any) -> pd.DataFrame:
    return read_table(bundled.home / "movies_data.duckdb", "movies_table")


@pytest.fixture(scope="module")
def release(films: pd.DataFrame, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_release(tmp_path_factory.mktemp("releases") / "people", films, range(1, 161))


@pytest.fixture
def evaluate(bundled: Any, shell: Any) -> Run:
    def run(*arguments: str, **variables: str) -> CompletedProcess[str]:
        return shell.movie_assets(
            "evaluate", *arguments, **({"MOVIE_ASSETS_HOME": str(bundled.home)} | variables)
        )

    return run


def figures(process: CompletedProcess[str]) -> dict[tuple[str, str, str], dict[str, Any]]:
    assert process.returncode == 0, process.stderr
    found = json.loads(process.stdout)["figures"]
    return {(figure["task"], figure["method"], figure["metric"]): figure for figure in found}


def test_without_ratings_it_tells_what_it_can_and_how_to_get_the_rest(evaluate: Run) -> None:
    process = evaluate(COLUMNS="80")
    assert process.returncode == 0, process.stderr
    assert "941 films" in process.stdout
    for method in WITHOUT_RATINGS:
        assert any(line.startswith(method) for line in process.stdout.splitlines())
    assert "NDCG" not in process.stdout
    assert "MovieLens" not in process.stdout.split("How often the lists are right")[0]
    assert "--movielens or MOVIELENS_DIR" in process.stdout
    assert "Traceback" not in process.stderr


@pytest.mark.parametrize("width", [80, 120])
def test_tables_fit_a_terminal(evaluate: Run, release: Path, width: int) -> None:
    process = evaluate("--movielens", str(release), COLUMNS=str(width))
    assert process.returncode == 0, process.stderr
    lines = process.stdout.splitlines()
    assert max(len(line) for line in lines) <= width
    assert "…" not in process.stdout
    for method in WITH_RATINGS:
        accuracy = next(line for line in lines if line.startswith(method))
        assert ".." in accuracy  # its interval
    assert "Films for somebody" in process.stdout
    assert "are learned from" in process.stdout


def test_halves_of_one_release_or_two_releases(
    evaluate: Run, release: Path, films: pd.DataFrame, tmp_path: Path
) -> None:
    halves = evaluate("--json", MOVIELENS_DIR=str(release))
    found = figures(halves)
    assert {method for task, method, _ in found if task == "similar films"} == WITH_RATINGS
    document = json.loads(halves.stdout)
    assert document["n_judges"] + document["n_learned_from"] == 160
    assert document["n_films"] == 941
    tutorial, likes = (
        found["similar films", method, "ndcg_at_10"]
        for method in ("tutorial's TF-IDF", "co-likes only")
    )
    assert likes["low"] > tutorial["high"]  # as these people were made
    assert figures(evaluate("--json", "--movielens", str(release))) == found
    assert figures(evaluate("--json", "--movielens", str(release), "--seed", "1")) != found

    others = write_release(tmp_path / "others", films, range(500, 560))
    two = evaluate("--json", "--movielens", str(release), "--held-out", str(others))
    document = json.loads(two.stdout)
    assert (document["n_learned_from"], document["n_judges"]) == (160, 60)


def test_pictures_are_drawn(evaluate: Run, release: Path, tmp_path: Path) -> None:
    folder = tmp_path / "new" / "plots"
    process = evaluate("--movielens", str(release), "--plots", str(folder))
    assert process.returncode == 0, process.stderr
    drawn = sorted(folder.iterdir())
    assert [path.name for path in drawn] == ["profiles.svg", "similar-films.svg"]
    for path in drawn:
        assert ET.parse(path).getroot().tag.endswith("svg")
        assert f"Drawn: {path}" in process.stdout


def test_a_file_of_films_takes_the_warehouses_place(
    evaluate: Run, films: pd.DataFrame, tmp_path: Path
) -> None:
    path = tmp_path / "films.parquet"
    films.head(50)[["id", "title", "overview", "vote_count"]].to_parquet(path)
    process = evaluate("--json", "--catalogue", str(path), MOVIE_ASSETS_HOME=str(tmp_path / "no"))
    assert process.returncode == 0, process.stderr
    assert json.loads(process.stdout)["n_films"] == 50


def test_people_who_like_too_little_judge_nothing(
    evaluate: Run, films: pd.DataFrame, tmp_path: Path
) -> None:
    few = write_release(tmp_path / "few", films, range(1, 4))
    process = evaluate("--movielens", str(few))
    assert process.returncode == 0, process.stderr
    assert "Nobody in these ratings can say what is right" in " ".join(process.stdout.split())


@pytest.mark.parametrize(
    ("arguments", "code", "words"),
    [
        (["--held-out", "."], 2, "takes a release to learn from as well"),
        (["--movielens", ".", "--held-out", "."], 2, "is the release that is learned from"),
        (["--movielens", "nowhere"], 2, "does not exist"),
        (["--movielens", "."], 2, "has no ratings.csv"),
        (["--catalogue", "no.parquet"], 2, "does not exist"),
        (["--catalogue", "bad.parquet"], 2, "cannot be read as a parquet file of films"),
        (["--catalogue", "empty.parquet"], 1, "no film to compare"),
        (["--seed", "-1"], 2, "greater than or equal to 0"),
    ],
)
def test_what_cannot_be_used_is_told(
    shell: Any, evaluate: Run, arguments: list[str], code: int, words: str
) -> None:
    (shell.cwd / "bad.parquet").write_text("no parquet")
    pd.DataFrame({"id": pd.Series([], dtype="int64")}).to_parquet(shell.cwd / "empty.parquet")
    process = evaluate(*arguments)
    assert process.returncode == code, process.stderr
    assert words in " ".join(process.stderr.replace("│", " ").split())
    assert process.stdout == ""
    assert "Traceback" not in process.stderr


def test_where_nothing_is_built_it_says_what_to_do(evaluate: Run, tmp_path: Path) -> None:
    process = evaluate(MOVIE_ASSETS_HOME=str(tmp_path / "new"))
    assert process.returncode == 4
    [line] = process.stderr.splitlines()
    assert "movie-assets build" in line
    assert not (tmp_path / "new").exists()
