"""Which snapshot is served, without any snapshot: what is opened is made up."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from movie_assets.serving.api.current import Current
from movie_assets.serving.api.served import Served


class Shelf:
    """Gives what ``current`` names, and notes what is closed."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.closed: list[str] = []
        self.counted: list[str] = []
        self.current = Current(folder, self.opened, 0.01, self.counted.append)

    def publish(self, name: str) -> None:
        new = self.folder / "new"
        new.write_text(name)
        new.replace(self.folder / "current")

    def opened(self) -> Served:
        name = (self.folder / "current").read_text()
        if name.startswith("bad"):
            raise ValueError(f"{name} is damaged")
        published: Any = SimpleNamespace(name=name, manifest=SimpleNamespace(films=3))
        return Served(published, lambda: self.closed.append(name))

    @property
    def name(self) -> str | None:
        return self.current.served and self.current.served.name


async def until(condition: Callable[[], bool]) -> None:
    async with asyncio.timeout(10):
        while not condition():
            await asyncio.sleep(0.005)


@pytest.fixture
def shelf(tmp_path: Path) -> Shelf:
    return Shelf(tmp_path)


def test_what_is_published_is_served_from_the_start(shelf: Shelf) -> None:
    async def run() -> None:
        shelf.publish("one")
        await shelf.current.start()
        assert shelf.name == "one"
        await shelf.current.stop()
        assert shelf.closed == ["one"]

    asyncio.run(run())


def test_the_old_one_is_closed_when_its_last_user_has_gone(shelf: Shelf) -> None:
    async def run() -> None:
        shelf.publish("one")
        await shelf.current.start()
        used = shelf.current.served
        assert used is not None
        used.take()
        used.take()
        shelf.publish("two")
        await until(lambda: shelf.name == "two")
        assert shelf.closed == []
        used.give_back()
        assert shelf.closed == []
        used.give_back()
        assert shelf.closed == ["one"]
        await shelf.current.stop()

    asyncio.run(run())
    assert shelf.counted == ["swapped"]


def test_a_bad_one_is_refused_once_and_a_good_one_ends_that(shelf: Shelf) -> None:
    async def run() -> None:
        shelf.publish("one")
        await shelf.current.start()
        shelf.publish("bad two")
        await until(lambda: shelf.current.problem == "bad two is damaged")
        await asyncio.sleep(0.05)
        assert shelf.name == "one"
        shelf.publish("three")
        await until(lambda: shelf.name == "three")
        assert shelf.current.problem is None
        await shelf.current.stop()

    asyncio.run(run())
    assert shelf.counted == ["refused", "swapped"]


def test_a_fault_that_passes_is_tried_again(shelf: Shelf, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("movie_assets.serving.api.current._RETRY_SECONDS", 0.05)

    async def run() -> None:
        shelf.publish("one")
        opened = shelf.opened
        faults = [OSError("too many open files")]

        def faulty() -> Served:
            if faults:
                raise faults.pop()
            return opened()

        shelf.current._opened = faulty
        await shelf.current.start()
        assert shelf.current.problem == "too many open files"
        await until(lambda: shelf.name == "one")
        await shelf.current.stop()

    asyncio.run(run())


def test_the_same_content_published_again_changes_nothing(shelf: Shelf) -> None:
    async def run() -> None:
        shelf.publish("one")
        await shelf.current.start()
        first = shelf.current.served
        shelf.publish("one")
        await until(lambda: shelf.closed == ["one"])
        assert shelf.current.served is first
        await shelf.current.stop()
        assert shelf.closed == ["one", "one"]

    asyncio.run(run())
    assert shelf.counted == []


def test_nothing_is_published_at_first(shelf: Shelf) -> None:
    async def run() -> None:
        await shelf.current.start()
        assert shelf.name is None
        assert shelf.current.problem
        shelf.publish("one")
        await until(lambda: shelf.name == "one")
        (shelf.folder / "current").unlink()
        await until(lambda: shelf.current.problem is not None)
        assert shelf.name == "one"
        await shelf.current.stop()

    asyncio.run(run())
