"""Refreshes of the catalogue into a real database, broken off at any moment and gone on with."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterable, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from movie_assets.catalogue import fetch, state
from movie_assets.catalogue.journal import read_journal
from movie_assets.catalogue.plan import PARTS
from movie_assets.tmdb import NotFoundError, UnexpectedShapeError
from movie_assets.warehouse import TABLES, latest_revision, read_table, validate, write_table

ALL = frozenset(range(PARTS))


class Killed(BaseException):
    """What a test breaks a run off with: nothing of ours catches it, as nothing catches SIGKILL."""


class Films:
    """Films as TMDB has them; a test changes them, and breaks readings off."""

    name = "a stand-in"

    def __init__(self, films: Iterable[int]) -> None:
        self.titles = {film: f"Film {film}" for film in films}
        self.changed: set[int] = set()
        self.asked: list[int] = []
        self.killed_after: int | None = None
        self.not_itself: set[int] = set()

    def changed_movie_ids(self, since: datetime, until: datetime) -> set[int]:
        return set(self.changed)

    def details(
        self, ids: Sequence[int], take: Callable[[int, Any], None], *, append: Sequence[str] = ()
    ) -> None:
        for number, film in enumerate(ids):
            if number == self.killed_after:
                raise Killed
            self.asked.append(film)
            if film in self.not_itself:
                take(film, UnexpectedShapeError("another film"))
            elif film in self.titles:
                take(film, {"id": film, "title": self.titles[film], "genres": [], "keywords": {}})
            else:
                take(film, NotFoundError("gone"))


class Place:
    """A database and a journal, and the export that was read last."""

    def __init__(self, folder: Path) -> None:
        self.database, self.folder = folder / "films.duckdb", folder / "incoming"
        self.messages: list[str] = []

    def refresh(self, source: Any, listed: Iterable[int] | None = None, **other: Any) -> Any:
        ids = sorted(source.titles) if listed is None else list(listed)
        frame = pd.DataFrame({"id": ids, "adult": False, "video": False, "popularity": 1.0})
        write_table(
            self.database,
            TABLES["raw_movie_ids"],
            validate(frame, TABLES["raw_movie_ids"]),
        )
        values = {
            "database": self.database,
            "folder": self.folder,
            "listed_at": datetime.now(UTC).replace(tzinfo=None),
            "renew_after": timedelta(days=30),
            "parts": ALL,
            "tell": self.messages.append,
        }
        return fetch.Refresh(**(values | other)).run(source)

    def films(self) -> pd.DataFrame:
        return read_table(self.database, "raw_catalogue_movies").set_index("id").sort_index()


@pytest.fixture
def place(tmp_path: Path) -> Place:
    return Place(tmp_path)


@pytest.fixture(autouse=True)
def _small_folds(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(fetch, "FILMS_A_FOLD", 50)


def test_a_load_takes_every_film_once(place: Place) -> None:
    source = Films(range(1, 301))
    found = place.refresh(source)
    assert sorted(source.asked) == list(range(1, 301))
    assert (found.answered, found.changed, found.gone) == (300, 300, 0)
    assert found.revision == latest_revision(place.database) == 6
    assert read_journal(place.folder).attempt is None
    now = state.read_state(place.database)
    assert (now.films, now.gone, now.wanted, now.parts_refreshed) == (300, 0, 300, 100)
    assert place.messages[0] == "Asking for 300 films: 300 new."
    assert place.messages[-1].startswith("300 of 300 films, ")


def test_broken_off_and_gone_on_with_it_comes_to_the_same(tmp_path: Path) -> None:
    undisturbed, broken = Place(tmp_path / "whole"), Place(tmp_path / "broken")
    undisturbed.refresh(Films(range(1, 301)))
    source, chance = Films(range(1, 301)), random.Random(5)
    kills = 0
    while len(source.asked) < 300:
        source.killed_after = chance.randint(1, 60)
        try:
            place_asked = len(source.asked)
            broken.refresh(source)
        except Killed:
            kills += 1
            assert len(source.asked) > place_asked
    broken.refresh(source)
    assert kills >= 5
    assert sorted(source.asked) == list(range(1, 301))  # none of them twice
    assert state.content_version(broken.database) == state.content_version(undisturbed.database)


def test_a_refresh_asks_for_what_changed_and_no_more(place: Place) -> None:
    source = Films(range(1, 201))
    place.refresh(source)
    version = state.content_version(place.database)
    source.asked.clear()
    place.refresh(source)
    assert source.asked == []
    assert state.content_version(place.database) == version

    source.titles |= {5: "Other", 6: "Other", 500: "New"}
    del source.titles[7], source.titles[8]
    source.changed = {5, 6, 7, 9, 12_345}  # 9 came out the same, 12345 is nobody's
    found = place.refresh(source)
    assert sorted(source.asked) == [5, 6, 7, 8, 9, 500]
    assert (found.changed, found.gone) == (5, 2)
    films = place.films()
    assert films.loc[[5, 6, 500], "title"].tolist() == ["Other", "Other", "New"]
    assert films.index[films["gone_at"].notna()].tolist() == [7, 8]
    assert films.loc[7, "title"] == "Film 7"  # what was known of it is remembered
    assert films.index[films["revision"] == found.revision].tolist() == [5, 6, 7, 8, 500]
    assert state.content_version(place.database) != version


def test_a_film_that_is_back_is_taken_again(place: Place) -> None:
    source = Films([1, 2])
    place.refresh(source)
    del source.titles[2]
    place.refresh(source)
    assert place.films()["gone_at"].notna().tolist() == [False, True]
    source.titles[2] = "Film 2"
    place.refresh(source)
    assert place.films()["gone_at"].isna().all()


def test_one_part_is_refreshed_alone(place: Place) -> None:
    source = Films([5, 105, 6])
    place.refresh(source, parts=frozenset({5}))
    assert source.asked == [5, 105]
    assert state.read_known(place.database).refreshed_at.keys() == {5}
    assert state.read_state(place.database).parts_refreshed == 1
    place.refresh(source)
    assert source.asked == [5, 105, 6]


def test_a_film_that_is_to_be_refetched_is(place: Place) -> None:
    source = Films([1, 2, 3])
    place.refresh(source)
    assert state.mark_for_refetch(place.database, [2, 77]) == [77]
    assert state.read_state(place.database).to_refetch == 1
    source.asked.clear()
    place.refresh(source)
    assert source.asked == [2]
    assert state.read_state(place.database).to_refetch == 0


def test_an_answer_of_no_use_leaves_what_is_known(place: Place) -> None:
    source = Films([1, 2])
    place.refresh(source)
    source.changed, source.not_itself = {1}, {1}
    found = place.refresh(source)
    assert (found.not_renewed, found.changed) == (1, 0)
    assert place.films().loc[1, "title"] == "Film 1"


def test_a_source_that_denies_its_own_list_is_not_believed(
    place: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    source = Films(range(1, 201))
    place.refresh(source)
    version = state.content_version(place.database)
    broken = Films([])
    broken.changed = set(range(1, 201))
    monkeypatch.setattr(fetch, "FILMS_A_FOLD", 150)
    with pytest.raises(fetch.SourceBrokenError, match="denies 150 of 150 films"):
        place.refresh(broken, listed=range(1, 201))
    assert state.content_version(place.database) == version
    assert len(read_journal(place.folder)) == 0
