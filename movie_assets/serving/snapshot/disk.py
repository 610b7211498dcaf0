"""One file on the disk: written front to back, synced, and read back from the disk while it grows.

What belongs here: how bytes come to the disk, and how what is there is compared with what was
written. What does not: what the bytes mean (``files``).
"""

from __future__ import annotations

import mmap
import os
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import suppress
from io import FileIO
from typing import TYPE_CHECKING

from blake3 import blake3

from movie_assets.serving.snapshot.errors import SnapshotError
from movie_assets.serving.snapshot.manifest import FileEntry

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

#: So much is read back at a time. Past the system's memory, places must be multiples of a page.
_BYTES_A_READ, _PAGE = 1 << 22, 1 << 12
#: So much is synced and read back while more is written: the disk is not to wait for the end.
_BYTES_A_STEP = 1 << 26


class WrittenFile:
    """A file that is written once, and read back.

    Args:
        path: the file; its folder is made where it is missing.

    Attributes:
        size: how many bytes were written.
    """

    def __init__(self, path: Path) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        self.path = path
        self.size = 0
        self._written = blake3()
        self._file = path.open("xb")
        self._reader = _Reader(path, self._file.fileno())

    def write(self, data: bytes | memoryview) -> int:
        """Append bytes.

        Raises:
            OSError: where they, or some before them, cannot be written.
        """
        size = memoryview(data).nbytes
        self._file.write(data)
        self._written.update(data)
        self.size += size
        if self.size - self._reader.place >= _BYTES_A_STEP:
            self._file.flush()
            self._reader.follow(self.size)
        return size

    def finish(self) -> FileEntry:
        """Sync it, and compare what is on disk with what was written.

        Raises:
            OSError: where it cannot be synced or read.
            SnapshotError: where the disk has something else.
        """
        self._file.flush()
        found = self._reader.finish(self.size)
        self.close()
        _refuse_other(self.path, found, self._written.hexdigest())
        return FileEntry(bytes=self.size, blake3=found)

    def finish_with(self, head: bytes, instead_of: bytes) -> FileEntry:
        """The same with another beginning, as long as the one that was written."""
        self._reader.wait()
        self._file.seek(0)
        self._file.write(head)
        self._file.flush()
        sync(self._file.fileno())
        self.close()
        found, as_written = blake3(), blake3(instead_of)
        skipped = len(instead_of)
        for block in on_disk(self.path, 0, self.size):
            found.update(block)
            as_written.update(block[skipped:])
            skipped = 0
        _refuse_other(self.path, as_written.hexdigest(), self._written.hexdigest())
        return FileEntry(bytes=self.size, blake3=found.hexdigest())

    def close(self) -> None:
        """Leave it as it is."""
        self._reader.stop()
        self._file.close()


class _Reader:
    """Syncs a file's beginning and reads it back, in a thread of its own, while more is written.

    Attributes:
        place: up to where it has come.
    """

    def __init__(self, path: Path, descriptor: int) -> None:
        self.place = 0
        self._path, self._descriptor = path, descriptor
        self._found = blake3()
        self._thread: ThreadPoolExecutor | None = None
        self._step: Future[None] | None = None

    def follow(self, size: int) -> None:
        """Read up to about there, unless it is still busy with what came before.

        Raises:
            OSError: where that could not be synced or read.
        """
        if self._step is not None:
            if not self._step.done():
                return
            self.wait()
        if self._thread is None:
            self._thread = ThreadPoolExecutor(1, thread_name_prefix="read-back")
        self._step = self._thread.submit(self._read, size // _BYTES_A_READ * _BYTES_A_READ)

    def finish(self, size: int) -> str:
        """Read to the end; BLAKE3 of all, in hex."""
        self.wait()
        self._read(size)
        return self._found.hexdigest()

    def wait(self) -> None:
        """Until it has come where it was to come.

        Raises:
            OSError: where that could not be synced or read.
        """
        if self._step is not None:
            self._step.result()

    def stop(self) -> None:
        """Read no more."""
        if self._thread is not None:
            self._thread.shutdown(cancel_futures=True)

    def _read(self, end: int) -> None:
        sync(self._descriptor)
        for block in on_disk(self._path, self.place, end):
            self._found.update(block)
        self.place = end


def _refuse_other(path: Path, found: str, written: str) -> None:
    if found != written:
        raise SnapshotError(
            f"{path} does not hold what was written to it: look for faults of the disk (dmesg). "
            "What was served before still is."
        )


def write_bytes(path: Path, data: bytes) -> FileEntry:
    """Write a small file, sync it and read it back."""
    file = WrittenFile(path)
    try:
        file.write(data)
        return file.finish()
    finally:
        file.close()


def sync_file(path: Path) -> FileEntry:
    """Sync a file that somebody else wrote."""
    descriptor = os.open(path, os.O_RDWR)
    try:
        sync(descriptor)
        size = os.fstat(descriptor).st_size
    finally:
        os.close(descriptor)
    found = blake3()
    for block in on_disk(path, 0, size):
        found.update(block)
    return FileEntry(bytes=size, blake3=found.hexdigest())


def sync(descriptor: int) -> None:
    """Have a file on disk."""
    os.fsync(descriptor)


def sync_folder(folder: Path) -> None:
    """Have a folder's entries on disk."""
    if os.name == "nt":  # has no such thing
        return
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def on_disk(path: Path, begin: int, end: int) -> Iterator[memoryview]:
    """A synced file's bytes as the disk has them, and not the system's memory, where it can tell.

    Args:
        path: the file.
        begin: from there on, a multiple of :data:`_BYTES_A_READ`.
        end: up to there, such a multiple as well or the file's end.

    Yields:
        The next bytes, which are others once the next are asked for.
    """
    buffer = memoryview(mmap.mmap(-1, _BYTES_A_READ))  # begins at a page
    with _past_memory(path, buffer[:_PAGE]) or _forgotten(path, begin, end) as file:
        file.seek(begin)
        for place in range(begin, end, _BYTES_A_READ):
            size = file.readinto(buffer) or 0
            yield buffer[: min(size, end - place)]
            if size < _BYTES_A_READ:
                return


def _past_memory(path: Path, page: memoryview) -> FileIO | None:
    """The file, opened so that reading passes by the system's memory; None where it cannot.

    What was written stays in memory, where who opens the snapshot next will look for it.
    """
    if not hasattr(os, "O_DIRECT"):
        return None
    with suppress(OSError):  # not every file system has that, and some say so only when read
        file = FileIO(path, opener=_open_direct)
        try:
            file.readinto(page)
        except OSError:
            file.close()
            raise
        return file
    return None


def _open_direct(path: str, flags: int) -> int:
    return os.open(path, flags | os.O_DIRECT)


def _forgotten(path: Path, begin: int, end: int) -> FileIO:
    """The file, after the system was asked to drop a part of it from its memory."""
    file = path.open("rb", buffering=0)
    if hasattr(os, "posix_fadvise"):
        os.posix_fadvise(file.fileno(), begin, end - begin, os.POSIX_FADV_DONTNEED)
    return file
