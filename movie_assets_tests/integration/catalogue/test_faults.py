"""Loads of the catalogue from a source that fails, with a clock that is wrong, on a full disk."""

from __future__ import annotations

import os
import random
import shutil
import subprocess
from collections import Counter
from collections.abc import Callable, Iterator
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from movie_assets.assets.catalogue import ALL_PARTS
from movie_assets.assets.extract import Extraction
from movie_assets.catalogue import fetch
from movie_assets.serving.snapshot import current_name
from movie_assets.tmdb import RetryPolicy, Timeouts, TmdbClient
from movie_assets.warehouse import read_table
from movie_assets_tests.integration.catalogue.homes import (
    content,
    errors,
    figures,
    films_asked,
    of_catalogue,
    ran,
    raw_content,
)

pytestmark = pytest.mark.no_cover

PATIENT = RetryPolicy(attempts=8, total_seconds=30, initial_wait=0.001, max_wait=0.002)


def refresh(home: Any, definitions: Any = None) -> None:
    """The run that the schedule and the changes sensor ask for."""
    job = (definitions or home.definitions()).resolve_job_def("refresh")
    assert job.execute_in_process(instance=home.instance, tags=dict(ALL_PARTS)).success


def titles(home: Any) -> dict[int, str]:
    films = read_table(home.database, "raw_catalogue_movies").set_index("id")
    return dict(films.loc[films["gone_at"].isna(), "title"])


# -- the source -----------------------------------------------------------------------------------


class Faults:
    """Spoils half of the answers, in five ways; which, goes by the path and the number of the try.

    So it is the same however the client's threads take turns.
    """

    def __init__(self, stand_in: Any) -> None:
        self.seen: Counter[str] = Counter()
        self.kinds: Counter[str] = Counter()
        today = datetime.now(UTC).date()
        days = [today + timedelta(days=back) for back in range(-8, 2)]
        paths = [f"/movie/{film['id']}" for film in stand_in.films]
        paths += ["/genre/movie/list", *map(export_path, days)]
        self._stand_in = stand_in
        for path in paths:
            stand_in.faults[path] = self.spoil

    def spoil(self, asked: Any) -> Any:
        self.seen[asked.path] += 1
        chance = random.Random(f"{asked.path} {self.seen[asked.path]}").random()
        kinds = ("status 500", "status 429", "reset", "truncated", "html")
        if chance >= 0.1 * len(kinds):
            return None
        kind = kinds[int(chance / 0.1)]
        self.kinds[kind] += 1
        return self._reply(kind, asked)

    def _reply(self, kind: str, asked: Any) -> Any:
        del self._stand_in.faults[asked.path]
        reply = self._stand_in.answer(asked)
        self._stand_in.faults[asked.path] = self.spoil
        fields: dict[str, Any] = {
            "status 500": {"status": 500},
            "status 429": {"status": 429, "headers": {"Retry-After": self._wait()}},
            "reset": {"fault": "reset"},
            "truncated": {"body": reply.body, "fault": "truncate"},
            "html": {"body": b"<html>Maintenance</html>"},
        }[kind]
        return type(reply)(**fields)

    def _wait(self) -> str:
        return "1" if self.kinds["status 429"] == 1 else "0"  # which holds everybody


def export_path(day: date) -> str:
    return f"/exports/movie_ids_{day:%m_%d_%Y}.json.gz"


def test_a_load_with_half_of_the_answers_spoilt_loses_no_film(
    undisturbed: dict[str, Any], home: Any, stand_in: Any, key: str
) -> None:
    client = TmdbClient(
        stand_in.url,
        key,
        requests_per_second=1000,
        retry=PATIENT,
        timeouts=Timeouts(connect=5, read=5, whole=10),
    )
    extraction = Extraction(lambda _: client, None, 100)
    faults = Faults(stand_in)
    refresh(home, home.build_definitions(home.settings, extraction=extraction))
    assert min(faults.kinds.values()) >= 10, faults.kinds
    assert len(faults.kinds) == 5
    assert set(films_asked(stand_in)) == {film["id"] for film in stand_in.films}
    assert figures(home, "raw_movie_details")["films_not_renewed"] == 0
    assert raw_content(home.settings.home).items() <= undisturbed.items()


def test_another_films_answer_is_not_taken_for_the_film(
    undisturbed: dict[str, Any], home: Any, stand_in: Any
) -> None:
    stand_in.details[1005] = {"id": 1006, "title": "No film's"}
    refresh(home)
    found = titles(home)
    assert 1005 not in found
    assert len(found) == len(stand_in.films) - 1
    assert "No film's" not in found.values()
    assert figures(home, "raw_movie_details")["films_not_renewed"] == 1

    del stand_in.details[1005]
    # Nor does a list of changes bring anything about with what is no film of ours, or no film.
    stand_in.changed = [77_777, 0, -4, 10**19, None, "one", 1.5, {"id": 3}]
    stand_in.asked.clear()
    refresh(home)
    assert films_asked(stand_in) == [1005]
    assert raw_content(home.settings.home).items() <= undisturbed.items()


# -- the clock ------------------------------------------------------------------------------------


@pytest.mark.parametrize("days_ahead", [-3, 3])
def test_what_was_loaded_by_a_wrong_clock_is_right_after_it(
    days_ahead: int, home: Any, stand_in: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    today = datetime.now(UTC).date()

    def changes_of_today(asked: Any) -> Any:
        window = asked.query["start_date"], asked.query["end_date"]
        return None if window[0] <= str(today) <= window[1] else nothing

    stand_in.fail("/movie/changes", body={"results": [], "total_pages": 1, "total_results": 0})
    nothing = stand_in.faults["/movie/changes"](None)
    stand_in.faults["/movie/changes"] = changes_of_today
    for day in range(1, 12):
        stand_in.fail(export_path(today + timedelta(days=day)), status=404)

    with monkeypatch.context() as patch:
        set_clock(patch, timedelta(days=days_ahead))
        refresh(home)
        assert figures(home, "raw_movie_ids")["export_day"] == str(
            min(today, today + timedelta(days=days_ahead))
        )
    assert len(titles(home)) == 60

    stand_in.films[3] |= {"title": "Quite another"}
    gone = stand_in.films.pop(10)["id"]
    stand_in.changed = [1003]
    stand_in.asked.clear()
    refresh(home)
    assert titles(home) == {film["id"]: film["title"] for film in stand_in.films}
    # Nobody knows how old an answer is that is from a time to come, so all are asked for, once.
    everything = [*(film["id"] for film in stand_in.films), gone]
    assert films_asked(stand_in) == ([1003, gone] if days_ahead < 0 else sorted(everything))
    if days_ahead > 0:
        assert "by hand" not in figures(home, "raw_movie_details")["films_wanted_why"]
    stand_in.asked.clear()
    stand_in.changed = []
    refresh(home)
    assert films_asked(stand_in) == []


def set_clock(patch: pytest.MonkeyPatch, ahead: timedelta) -> None:
    """Have the machine's clock be wrong, for all that goes by it in a refresh."""

    class Wrong(datetime):
        @classmethod
        def now(cls, tz: Any = None) -> datetime:
            return datetime.now(tz) + ahead

    for module in ("catalogue.fetch", "assets.catalogue", "tmdb.download"):
        patch.setattr(f"movie_assets.{module}.datetime", Wrong)


# -- the disk -------------------------------------------------------------------------------------


class Disk:
    """A file system of its own, and a ballast that takes all its room."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._ballast = folder / "ballast"

    def fill(self) -> None:
        disk = os.statvfs(self.folder)
        with self._ballast.open("ab") as file:
            file.write(bytes(disk.f_bavail * disk.f_frsize))

    def make_room(self) -> None:
        self._ballast.unlink(missing_ok=True)


@pytest.fixture
def disk(tmp_path: Path) -> Iterator[Disk]:
    """A small disk, which takes the right to mount one."""
    folder = tmp_path / "disk"
    folder.mkdir()
    mounted = shutil.which("mount") and subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=64m", "tmpfs", str(folder)],
        capture_output=True,
        check=False,
    )
    if not mounted or mounted.returncode:
        pytest.skip("to mount a file system takes root's rights, or those of a container with them")
    try:
        yield Disk(folder)
    finally:
        subprocess.run(["umount", "--lazy", str(folder)], check=True)


def test_a_disk_that_fills_in_the_middle_is_told_and_gone_on_from(
    disk: Disk,
    undisturbed: dict[str, Any],
    open_without_history: Callable[[Path], Any],
    stand_in: Any,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    home = of_catalogue(open_without_history(disk.folder / "home"), stand_in)
    every_film = stand_in.films
    stand_in.films = every_film[:60]
    ran(home.build())
    before = current_name(home.settings.published_dir), titles(home)
    stand_in.films = every_film
    stand_in.asked.clear()

    monkeypatch.setattr(fetch, "FILMS_A_FOLD", 20)
    said = []
    for fill in (fill_while_fetching, fill_while_merging):
        with monkeypatch.context() as patch:
            fill(disk, stand_in, patch)
            said.append(errors(home.build(refresh=True))["raw_movie_details"])
        assert current_name(home.settings.published_dir) == before[0]
        assert titles(home).items() >= before[1].items()
        disk.make_room()
    assert "JournalError: The journal of fetched films in" in said[0]
    assert "WarehouseFullError: There is no room to write" in said[1]
    for message in said:
        assert "No space left" in message
        assert "ree some space" in message

    ran(home.build(refresh=True))
    asked = Counter(films_asked(stand_in))
    assert set(asked) == {film["id"] for film in every_film[60:]}
    # Twice are asked for those only that were under way when the disk was full.
    assert asked.total() - len(asked) <= 2 * 64
    assert content(home.settings.home) == undisturbed


def fill_while_fetching(disk: Disk, stand_in: Any, patch: pytest.MonkeyPatch) -> None:
    """Have the disk full when thirty more films have been asked for."""
    left = 30

    def fill(_: Any) -> None:
        nonlocal left
        left -= 1
        if left == 0:
            disk.fill()

    patch.setattr(stand_in, "faults", {f"/movie/{film['id']}": fill for film in stand_in.films})


def fill_while_merging(disk: Disk, stand_in: Any, patch: pytest.MonkeyPatch) -> None:
    """Have the disk full when films are to be merged into the database."""
    merge = fetch.merge_entries

    def fill_and_merge(database: Path, entries: Any) -> Any:
        disk.fill()
        return merge(database, entries)

    patch.setattr(fetch, "merge_entries", fill_and_merge)
