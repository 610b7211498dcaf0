"""A load of the catalogue whose process is killed again and again, as by SIGKILL, and gone on with.

Here are real processes, of a few hundred films. Where in a refresh it may be broken off without
harm, film by film, is tested in ``test_fetch.py``.
"""

from __future__ import annotations

import random
import signal
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from movie_assets.catalogue.journal import read_journal
from movie_assets.warehouse import TABLES, TableMissingError, read_arrow
from movie_assets_tests.integration.catalogue.homes import (
    content,
    environment,
    films_asked,
    of_catalogue,
    ran,
)

pytestmark = pytest.mark.no_cover

FILMS_A_FOLD, FILMS_A_SECOND = 25, 40
#: The command, which merges its films in smaller lots, so that there are some.
BUILD = f"""
from movie_assets.catalogue import fetch
from movie_assets.cli import main
fetch.FILMS_A_FOLD = {FILMS_A_FOLD}
main()
"""


@pytest.mark.process
def test_killed_and_gone_on_with_it_comes_to_the_same(
    undisturbed: dict[str, Any],
    open_tmdb_home: Callable[[Path], Any],
    stand_in: Any,
    shell: Any,
    key: str,
    tmp_path: Path,
) -> None:
    killed, lost, chance = tmp_path / "killed", [], random.Random(5)
    for fold in (0, 2, 4):
        # In the later half of a lot, so that more is in the journal alone than may be lost.
        kill_at = fold * FILMS_A_FOLD + chance.randint(FILMS_A_FOLD // 2, FILMS_A_FOLD - 1)
        with shell.start(
            "-c",
            BUILD,
            "build",
            **environment(killed, stand_in, key),
            TMDB_REQUESTS_PER_SECOND=str(FILMS_A_SECOND),
        ) as process:
            while len(films_asked(stand_in)) < kill_at + sum(lost) and process.poll() is None:
                time.sleep(0.005)
            process.kill()
            _, said = process.communicate()
        assert process.returncode == -signal.SIGKILL, said
        asked = films_asked(stand_in)
        lost.append(len(asked) - sum(lost) - films_kept(killed))
    # Of so few films 2 % are less than what is under way at once: a request or a few, each time.
    assert max(lost) <= 4, lost

    with open_tmdb_home(killed) as opened:
        ran(of_catalogue(opened, stand_in).build())
    asked = films_asked(stand_in)
    assert set(asked) == {film["id"] for film in stand_in.films}
    assert len(asked) == len(stand_in.films) + sum(lost)
    assert content(killed) == undisturbed


def films_kept(folder: Path) -> int:
    """The films that a killed process left, in the journal or in the database."""
    journal = read_journal(folder / "incoming")
    try:
        stored = read_arrow(folder / "movies_data.duckdb", TABLES["raw_catalogue_movies"], ["id"])[
            "id"
        ]
    except TableMissingError:
        return len(journal)
    return len(set(stored.to_pylist()) | set(journal.films))
