"""Files are on the disk as they were written; what is not is seen, in whatever part of them."""

from __future__ import annotations

import errno
import os
import threading
from pathlib import Path
from typing import Any

import pytest
from blake3 import blake3
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from movie_assets.serving.snapshot import SnapshotError, disk
from movie_assets.serving.snapshot.disk import WrittenFile, on_disk

PAGE = 4096


@pytest.fixture
def small_steps(monkeypatch: pytest.MonkeyPatch) -> None:
    """A few pages are read back at a time, and a few more synced."""
    monkeypatch.setattr(disk, "_BYTES_A_READ", 2 * PAGE)
    monkeypatch.setattr(disk, "_BYTES_A_STEP", 3 * PAGE)


@pytest.fixture(params=[True, False], ids=["past the memory", "through the memory"])
def past_memory(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """As on a file system that lets its memory be passed by, and as on one that does not."""

    def refuse(*_: object) -> int:
        raise OSError(errno.EINVAL, "Invalid argument")

    if not request.param:
        monkeypatch.setattr(disk, "_open_direct", refuse)


def write(path: Path, pieces: list[bytes]) -> Any:
    file = WrittenFile(path)
    try:
        for piece in pieces:
            file.write(piece)
        return file.finish()
    finally:
        file.close()


@pytest.mark.usefixtures("small_steps", "past_memory")
@settings(
    max_examples=30, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(sizes=st.lists(st.integers(0, 5 * PAGE) | st.sampled_from([PAGE, 2 * PAGE]), max_size=9))
def test_a_file_is_what_was_written(
    tmp_path_factory: pytest.TempPathFactory, sizes: list[int]
) -> None:
    path = tmp_path_factory.mktemp("new") / "folder" / "file"
    pieces = [os.urandom(size) for size in sizes]
    entry = write(path, pieces)
    assert path.read_bytes() == b"".join(pieces)
    assert entry.bytes == sum(sizes)
    assert entry.blake3 == blake3(b"".join(pieces)).hexdigest()
    assert disk.sync_file(path) == entry
    assert b"".join(map(bytes, on_disk(path, 0, entry.bytes))) == b"".join(pieces)


@pytest.mark.usefixtures("small_steps")
@pytest.mark.parametrize("size", [5, 3 * PAGE, 20 * PAGE + 3])
def test_another_beginning(tmp_path: Path, size: int) -> None:
    rest = os.urandom(size)
    file = WrittenFile(tmp_path / "file")
    file.write(b"before")
    for begin in range(0, size, PAGE):
        file.write(rest[begin : begin + PAGE])
    entry = file.finish_with(b"after!", b"before")
    assert (tmp_path / "file").read_bytes() == b"after!" + rest
    assert entry == disk.sync_file(tmp_path / "file")


def flip_a_bit(path: Path, place: int) -> None:
    with path.open("r+b") as file:
        file.seek(place)
        byte = file.read(1)[0]
        file.seek(place)
        file.write(bytes([byte ^ 1]))


@pytest.mark.usefixtures("small_steps", "past_memory")
@pytest.mark.parametrize("place", [0, 3 * PAGE, 19 * PAGE + 7, 20 * PAGE + 2])
def test_a_flipped_bit_is_seen_wherever_it_is(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, place: int
) -> None:
    path, flipped = tmp_path / "file", []

    def flip_when_there(descriptor: int) -> None:
        # As soon as it is written: what was read back earlier was right then.
        if not flipped and os.fstat(descriptor).st_size > place:
            flipped.append(place)
            flip_a_bit(path, place)

    monkeypatch.setattr(disk, "sync", flip_when_there)
    with pytest.raises(SnapshotError, match="does not hold what was written"):
        write(path, [*[os.urandom(PAGE)] * 20, b"end"])
    assert flipped


@pytest.mark.usefixtures("small_steps")
def test_a_file_that_is_cut_short_is_seen(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "file"
    monkeypatch.setattr(disk, "sync", lambda _: os.truncate(path, 100))
    with pytest.raises(SnapshotError, match="does not hold what was written"):
        write(path, [bytes(9 * PAGE)])


@pytest.mark.usefixtures("small_steps")
def test_it_is_read_back_while_more_is_written(tmp_path: Path) -> None:
    file = WrittenFile(tmp_path / "file")
    for _ in range(4):
        file.write(bytes(PAGE))
    assert file._reader._step is not None
    file._reader._step.result(60)
    assert file._reader.place == 2 * PAGE
    file.close()


@pytest.mark.usefixtures("small_steps")
@pytest.mark.parametrize("pages", [4, 500])
@pytest.mark.parametrize("finish", ["finish", "finish with another beginning"])
def test_what_the_disk_says_once_is_not_lost(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, pages: int, finish: str
) -> None:
    said = []

    def fail_once(_: int) -> None:
        if not said:
            said.append(True)
            raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(disk, "sync", fail_once)
    before = threading.active_count()
    file = WrittenFile(tmp_path / "file")

    def write_all() -> None:
        for _ in range(pages):
            file.write(bytes(PAGE))
        file.finish() if finish == "finish" else file.finish_with(b"a", b"\0")

    with pytest.raises(OSError, match="No space left"):
        write_all()
    file.close()
    assert threading.active_count() == before, "no reader is left behind"


def test_what_a_file_system_tells_only_when_it_is_read(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "file"
    entry = write(path, [b"some bytes"])
    # Of what is no page's size and begins at none, Linux says that it is not valid.
    monkeypatch.setattr(disk, "_PAGE", 7)
    assert disk.sync_file(path) == entry
