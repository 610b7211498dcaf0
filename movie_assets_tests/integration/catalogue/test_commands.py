"""What ``movie-assets status`` and ``refetch`` say and do of a catalogue that is really there."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from movie_assets import cli
from movie_assets.catalogue import fetch
from movie_assets.catalogue.journal import read_journal
from movie_assets_tests.integration.catalogue.homes import (
    environment,
    errors,
    films_asked,
    of_catalogue,
    ran,
)

pytestmark = pytest.mark.no_cover

Command = Callable[..., tuple[int, str, str]]


@pytest.fixture
def home(open_tmdb_home: Any, stand_in: Any, tmp_path: Path) -> Iterator[Any]:
    """An empty home of the catalogue that commands can work in too."""
    with open_tmdb_home(tmp_path / "home") as opened:
        yield of_catalogue(opened, stand_in)


@pytest.fixture
def movie_assets(
    home: Any,
    stand_in: Any,
    key: str,
    clean_environment: dict[str, str],
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    tmp_path: Path,
) -> Command:
    """Run the command in this process: its exit code, and what it wrote to stdout and stderr."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("COLUMNS", "150")
    for name, value in environment(home.settings.home, stand_in, key).items():
        monkeypatch.setenv(name, value)

    def run(*arguments: str) -> tuple[int, str, str]:
        monkeypatch.setattr(sys, "argv", ["movie-assets", *arguments])
        capsys.readouterr()
        with pytest.raises(SystemExit) as ended:
            cli.main()
        written = capsys.readouterr()
        return int(ended.value.code or 0), written.out, written.err

    return run


def catalogue_lines(shown: str) -> list[str]:
    lines = [line for line in shown.splitlines() if line.startswith("Catalogue: ")]
    return [line.removeprefix("Catalogue: ") for line in lines]


def test_status_before_during_and_after_a_load_and_films_asked_for_again(
    home: Any, stand_in: Any, movie_assets: Command, monkeypatch: pytest.MonkeyPatch
) -> None:
    stand_in.reset(films=150)
    code, shown, _ = movie_assets("status")
    assert code == 1
    assert catalogue_lines(shown) == [
        "0 films, no export was read yet; 0 more are gone from TMDB",
        "0 of 100 parts were loaded to the end so far",
    ]
    code, shown, said = movie_assets("refetch", "1005")
    assert (code, shown) == (4, "")
    assert said.startswith("Error: "), said

    # The key is taken away near the end, when up to 64 answers are still to be taken in: some lots
    # of films are merged, and some more films may wait in the journal.
    monkeypatch.setattr(fetch, "FILMS_A_FOLD", 20)
    for film in stand_in.films[-10:]:
        stand_in.fail(f"/movie/{film['id']}", status=401)
    assert "InvalidKeyError" in errors(home.build())["raw_movie_details"]
    code, shown, _ = movie_assets("status")
    assert code == 1
    state, oldest, parts, *more = catalogue_lines(shown)
    merged, _, rest = state.partition(" ")
    assert rest == "films, 150 in the export; 0 more are gone from TMDB"
    assert int(merged) in range(20, 141, 20)
    assert oldest.startswith("the oldest was last asked for ")
    assert parts == "0 of 100 parts were loaded to the end so far"
    pending = len(read_journal(home.settings.incoming_dir))
    words = "fetched films wait in the journal for the next run"
    assert more == ([f"{pending} {words}"] if pending else [])
    assert 150 - 10 - 64 <= int(merged) + pending <= 140

    stand_in.faults.clear()
    ran(home.build(refresh=True))
    code, shown, _ = movie_assets("status")
    assert code == 0, shown
    state, oldest, parts = catalogue_lines(shown)
    assert state == "150 films, 150 in the export; 0 more are gone from TMDB"
    assert parts.startswith("all changes until ")
    assert parts.endswith(" are in it")
    refetched(home, stand_in, movie_assets)


def refetched(home: Any, stand_in: Any, movie_assets: Command) -> None:
    for nonsense in (["Heat"], ["1.5"], [], ["1005", "--all"]):
        code, shown, said = movie_assets("refetch", *nonsense)
        assert (code, shown) == (2, ""), nonsense
        assert "Traceback" not in said

    # Of several, those that are known are marked all the same, and it is said which are not.
    code, shown, said = movie_assets("refetch", "1005", "77777", str(10**30), "0")
    assert code == 3
    assert f"not in the catalogue: 77777, {10**30}, 0." in said
    assert "The others are marked" in said
    assert "1 film is marked to be asked for again" in catalogue_lines(movie_assets("status")[1])
    code, _, said = movie_assets("refetch", "77777")
    assert code == 3
    assert "marked" not in said
    code, shown, _ = movie_assets("refetch", "1006")
    assert code == 0
    assert "Marked." in shown
    assert "2 films are marked to be asked for again" in catalogue_lines(movie_assets("status")[1])

    stand_in.asked.clear()
    stand_in.films[5]["title"] = "Quite another"
    del stand_in.films[7]
    ran(home.build(refresh=True))
    assert films_asked(stand_in) == [1005, 1006, 1007]
    code, shown, _ = movie_assets("status")
    assert code == 0
    assert "149 films, 149 in the export; 1 more is gone from TMDB" in catalogue_lines(shown)
    assert "marked" not in shown
