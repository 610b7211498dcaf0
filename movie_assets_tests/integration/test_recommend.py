"""``movie-assets recommend`` and ``taste`` on the bundled films, as a person runs them."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from subprocess import CompletedProcess
from typing import Any

import pytest

from movie_assets_tests.exports import IMDB, LETTERBOXD, zipped

pytestmark = pytest.mark.process

Run = Callable[..., CompletedProcess[str]]


@pytest.fixture
def movie_assets(bundled: Any, shell: Any) -> Run:
    """The command, on the built home."""

    def run(*arguments: str, **variables: str) -> CompletedProcess[str]:
        done: CompletedProcess[str] = shell.movie_assets(
            *arguments, **({"MOVIE_ASSETS_HOME": str(bundled.home)} | variables)
        )
        return done

    return run


def found_by(process: CompletedProcess[str]) -> list[dict[str, Any]]:
    assert process.returncode == 0, process.stderr
    films: list[dict[str, Any]] = json.loads(process.stdout)["recommendations"]
    assert [film["rank"] for film in films] == list(range(1, len(films) + 1))
    assert len({film["id"] for film in films}) == len(films)
    return films


def one_line(process: CompletedProcess[str]) -> str:
    assert process.stdout == ""
    [line] = process.stderr.splitlines()
    assert line.startswith("Error: ")
    return line


# -- recommend ---------------------------------------------------------------------------------


def test_one_franchise_does_not_fill_the_list(movie_assets: Run) -> None:
    process = movie_assets("recommend", "The Empire Strikes Back", "--json")
    wars = [film["rank"] for film in found_by(process) if "Jedi" in film["title"]]
    series = [film for film in found_by(process) if film["title"].startswith("Star Wars")]
    assert len(wars) + len(series) <= 3


def test_the_stored_list_is_what_the_features_say(movie_assets: Run) -> None:
    """The dial's middle is the default: worked out anew, the list is that of the table."""
    stored = found_by(movie_assets("recommend", "Heat", "--json"))
    asked = found_by(movie_assets("recommend", "Heat", "--json", "--popularity", "0.5"))
    assert [film["id"] for film in stored] == [film["id"] for film in asked]
    assert [f["score"] for f in stored] == pytest.approx([f["score"] for f in asked], abs=2e-6)
    assert [film["reasons"] for film in stored] == [film["reasons"] for film in asked]


def test_the_dial_goes_from_gems_to_favourites(movie_assets: Run) -> None:
    votes = []
    for dial in ("0", "1"):
        films = found_by(movie_assets("recommend", "Alien", "--json", "--popularity", dial))
        votes.append(sum(film["vote_count"] for film in films))
    assert votes[0] < votes[1]


def test_filters_hold(movie_assets: Run) -> None:
    films = found_by(
        movie_assets(
            "recommend", "Alien", "--json", "-n", "50", "--genre", "science fiction",
            "--genre", "Action", "--without-genre", "horror", "--from-year", "1980",
            "--to-year", "1999", "--min-votes", "1000", "--min-rating", "7", "--language", "en",
        )
    )  # fmt: skip
    assert films
    for film in films:
        assert {"Science Fiction", "Action"} <= set(film["genres"])
        assert "Horror" not in film["genres"]
        assert 1980 <= film["year"] <= 1999
        assert film["vote_count"] >= 1000
        assert film["vote_average"] >= 7


def test_diversity_changes_the_list_and_not_its_best(movie_assets: Run) -> None:
    plain = found_by(movie_assets("recommend", "Alien", "--json"))
    diverse = found_by(movie_assets("recommend", "Alien", "--json", "--diversity", "0.7"))
    assert plain[0]["id"] == diverse[0]["id"]
    assert {film["id"] for film in plain} != {film["id"] for film in diverse}


def test_filters_that_leave_nothing(movie_assets: Run) -> None:
    process = movie_assets("recommend", "Alien", "--from-year", "2090")
    assert process.returncode == 0
    assert "There is no such film." in process.stdout


def test_an_unknown_genre_is_told_with_those_there_are(movie_assets: Run) -> None:
    process = movie_assets("recommend", "Alien", "--genre", "Horor")
    assert process.returncode == 2
    assert "genre 'Horor'. There are: Action, Adventure, Animation, " in one_line(process)
    process = movie_assets("taste", "Alien", "--language", "klingon")
    assert process.returncode == 2
    assert "language 'klingon'. There are: " in one_line(process)


@pytest.mark.parametrize(
    ("option", "value"),
    [
        ("--popularity", "1.1"),
        ("--popularity", "nan"),
        ("--diversity", "-0.1"),
        ("--min-votes", "-1"),
        ("--min-rating", "11"),
        ("--from-year", "soon"),
        ("--number", "0"),
    ],
)
def test_what_is_out_of_range_is_refused(movie_assets: Run, option: str, value: str) -> None:
    for command in ("recommend", "taste"):
        process = movie_assets(command, "Alien", option, value)
        assert process.returncode == 2
        assert option in process.stderr
        assert "Traceback" not in process.stderr


def test_features_that_are_gone_or_damaged(bundled: Any, movie_assets: Run, tmp_path: Path) -> None:
    home = tmp_path / "home"
    shutil.copytree(bundled.home, home)
    file = home / "features" / "movie_features.npz"
    file.write_bytes(file.read_bytes()[:1000])
    arguments = ("recommend", "Alien", "--popularity", "1")
    process = movie_assets(*arguments, MOVIE_ASSETS_HOME=str(home))
    assert process.returncode == 4
    assert "is damaged" in one_line(process)
    file.unlink()
    process = movie_assets(*arguments, MOVIE_ASSETS_HOME=str(home))
    assert process.returncode == 4
    assert "movie-assets build" in one_line(process)
    # The stored lists need no features.
    assert movie_assets("recommend", "Alien", MOVIE_ASSETS_HOME=str(home)).returncode == 0


# -- taste -------------------------------------------------------------------------------------


def test_films_for_somebody(movie_assets: Run) -> None:
    process = movie_assets(
        "taste", "Heat", "Alien", "--disliked", "Toy Story", "--seen", "Aliens", "--json"
    )
    films = found_by(process)
    assert len(films) == 10
    assert not {"Heat", "Alien", "Toy Story", "Aliens"} & {film["title"] for film in films}
    for film in films:
        assert {reason["title"] for reason in film["because"]} <= {"Heat", "Alien"}
    assert [(r["title"], r["stars"]) for r in json.loads(process.stdout)["rated"]] == [
        ("Heat", 5.0),
        ("Alien", 5.0),
        ("Toy Story", 1.0),
        ("Aliens", 3.0),
    ]
    shown = movie_assets("taste", "Heat", "Alien", "-n", "3").stdout
    assert "Films for you" in shown
    assert "because you liked" in shown


def test_a_file_of_ratings(movie_assets: Run, tmp_path: Path) -> None:
    path = tmp_path / "ratings.csv"
    path.write_text(
        "title,year,rating,rated_at\n"
        "Heat,1995,5,2024-05-01\n"
        "No Such Film,1901,5,2024-05-02\n"
        '"Usual Suspects, The (1995)",,4.5,2024-05-03\n'
        "Toy Story,1995,2,\n"
    )
    process = movie_assets("taste", "--ratings", str(path), "--json", "--seen", "Casino")
    titles = {film["title"] for film in found_by(process)}
    assert not titles & {"Heat", "The Usual Suspects", "Toy Story", "Casino"}
    assert json.loads(process.stdout)["left_out"] == [
        {
            "file": "ratings.csv",
            "line": 3,
            "film": "No Such Film (1901)",
            "reason": "no film here has this title",
        }
    ]
    process = movie_assets("taste", "--ratings", str(path))
    assert (
        "Left out: ratings.csv, line 3: No Such Film (1901) (no film here has this title)."
        in process.stderr
    )

    path.write_text("tmdb_id,rating\n949,5\n99999999,4\n")
    process = movie_assets("taste", "--ratings", str(path), "--json")
    assert found_by(process)
    assert json.loads(process.stdout)["rated"][0]["title"] == "Heat"


def test_the_exports_of_the_sites(movie_assets: Run, tmp_path: Path) -> None:
    def rated(name: str, content: bytes) -> dict[str, float]:
        path = tmp_path / name
        path.write_bytes(content)
        process = movie_assets("taste", "--ratings", str(path), "--json")
        assert not {"Heat", "Alien"} & {film["title"] for film in found_by(process)}
        return {film["title"]: film["stars"] for film in json.loads(process.stdout)["rated"]}

    assert rated("letterboxd.zip", zipped(LETTERBOXD)) == {
        "Parasite": 5.0, "Amélie": 5.0,  # by their hearts
        "Heat": 4.0, "Titanic": 1.5, "Alien": 3.0,
    }  # fmt: skip
    # By IMDb's id, whatever the title.
    assert rated("imdb.csv", IMDB.replace(",Heat,", ",Fuego contra fuego,").encode()) == {
        "Heat": 4.5, "Amélie": 3.5,
    }  # fmt: skip
    # A year and a letter beside the film's.
    near = b"title,year,rating\nThe Usual Suspekts,1996,5\nAlien,1980,4\nHeat,1995,4\n"
    assert rated("near.csv", near) == {"Heat": 4.0, "The Usual Suspects": 5.0, "Alien": 4.0}


def test_a_file_that_is_no_file_of_ratings(movie_assets: Run, tmp_path: Path) -> None:
    path = tmp_path / "ratings.csv"
    path.write_text("title,rating\nHeat,10\n")
    process = movie_assets("taste", "--ratings", str(path))
    assert process.returncode == 2
    assert "Row 2 of ratings.csv: its rating is '10', and must be from 0.5 to 5" in one_line(
        process
    )


def test_a_taste_that_says_nothing(movie_assets: Run) -> None:
    assert movie_assets("taste").returncode == 2
    process = movie_assets("taste", "--disliked", "Heat")
    assert process.returncode == 2
    assert "at least one film that you like" in one_line(process)
    process = movie_assets("taste", "Heet")
    assert process.returncode == 3
    assert "Did you mean" in one_line(process)


def test_before_the_first_build_taste_says_so(shell: Any, tmp_path: Path) -> None:
    process = shell.movie_assets("taste", "Heat", MOVIE_ASSETS_HOME=str(tmp_path / "none"))
    assert process.returncode == 4
    assert "movie-assets build" in one_line(process)
    assert not (tmp_path / "none").exists()
