"""Files that are written once, front to back, synced, and read back.

What belongs here: arrays and tables of any length as files, with what they hold as a checksum. What
does not: which files a snapshot has.
"""

from __future__ import annotations

import os
import weakref
from typing import TYPE_CHECKING, Any, Self

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from blake3 import blake3

from movie_assets.serving.snapshot.errors import SnapshotError
from movie_assets.serving.snapshot.layout import ROWS_A_BATCH
from movie_assets.serving.snapshot.manifest import FileEntry

if TYPE_CHECKING:
    from collections.abc import Iterator
    from io import FileIO
    from pathlib import Path
    from types import TracebackType

    from numpy.typing import NDArray

_BYTES_A_READ = 1 << 20
#: The more, the seldomer another thread waits for the interpreter.
_BYTES_AHEAD = 1 << 23


class ArrayFile:
    """An array's ``.npy`` file, of as many rows as are appended.

    Args:
        path: the file; its folder is made where it is missing.
        dtype: of the array.
        row: the shape of one row.

    Attributes:
        n_rows: how many rows were appended.
        entry: its size and checksum, once it is closed.
    """

    entry: FileEntry

    def __init__(self, path: Path, dtype: np.dtype[Any], row: tuple[int, ...] = ()) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        self.path = path
        self.n_rows = 0
        self._dtype = dtype
        self._row = row
        self._written = blake3()
        self._file = path.open("xb")
        self._write_header()
        self._header_bytes = self._file.tell()

    def append(self, rows: NDArray[Any]) -> None:
        """Append rows, as the file's dtype.

        Raises:
            ValueError: where they are of another shape.
        """
        if rows.shape[1:] != self._row:
            raise ValueError(f"{self.path} takes rows of shape {self._row}, not {rows.shape[1:]}")
        raw = np.ascontiguousarray(rows, dtype=self._dtype).reshape(-1).view(np.uint8)
        self._file.write(raw.data)
        self._written.update(raw.data)
        self.n_rows += len(rows)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Write how many rows there are, sync and read back."""
        with self._file:
            if error is not None:
                return
            # NumPy leaves room in the header for any number of rows.
            self._file.seek(0)
            self._write_header()
            if self._file.tell() != self._header_bytes:
                raise SnapshotError(f"{self.path} cannot be written: its header grew.")
            self._file.flush()
            sync(self._file.fileno())
        self.entry = read_back(self.path, self._written.hexdigest(), self._header_bytes)

    def _write_header(self) -> None:
        np.lib.format.write_array_header_1_0(
            self._file,
            {
                "descr": np.lib.format.dtype_to_descr(self._dtype),
                "fortran_order": False,
                "shape": (self.n_rows, *self._row),
            },
        )


class TableFile:
    """An Arrow IPC file; its batches have :data:`layout.ROWS_A_BATCH` rows, the last one the rest.

    Args:
        path: the file; its folder is made where it is missing.
        schema: of the table.

    Attributes:
        n_rows: how many rows were appended.
        entry: its size and checksum, once it is closed.
    """

    entry: FileEntry

    def __init__(self, path: Path, schema: pa.Schema) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        self.path = path
        self.n_rows = 0
        self._waiting: list[pa.Table] = []
        self._n_waiting = 0
        self._file = _HashingFile(path)
        self._schema = schema
        self._writer = pa.ipc.new_file(pa.PythonFile(self._file, "w"), schema)

    def append(self, rows: pa.RecordBatch | pa.Table) -> None:
        """Append rows of the file's columns, whose types are brought to the file's.

        Raises:
            pyarrow.ArrowInvalid: where a value does not fit.
        """
        table = pa.table(rows) if isinstance(rows, pa.Table) else pa.Table.from_batches([rows])
        self._waiting.append(table.select(self._schema.names).cast(self._schema))
        self._n_waiting += len(table)
        self.n_rows += len(table)
        if self._n_waiting >= ROWS_A_BATCH:
            self._flush(whole=True)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Write what is left, sync and read back."""
        try:
            if error is None:
                self._flush(whole=False)
                self._writer.close()
                self._file.flush()
                sync(self._file.fileno())
        finally:
            self._file.close()
        if error is None:
            self.entry = read_back(self.path, self._file.written.hexdigest())

    def _flush(self, *, whole: bool) -> None:
        table = pa.concat_tables(self._waiting) if self._waiting else self._schema.empty_table()
        end = len(table) // ROWS_A_BATCH * ROWS_A_BATCH if whole else len(table)
        for start in range(0, end, ROWS_A_BATCH):
            # One chunk a batch: else the file would have a batch a chunk.
            batch = table.slice(start, min(ROWS_A_BATCH, end - start)).combine_chunks()
            self._writer.write_table(_with_zeros_for_null(batch))
        self._waiting = [table.slice(end)]
        self._n_waiting = len(table) - end


def _with_zeros_for_null(table: pa.Table) -> pa.Table:
    """The same values, and the same bytes for the same values.

    Under null anything can stand, and behind the last bit that says what is null.
    """
    for place, field in enumerate(table.schema):
        if table[place].null_count and not pa.types.is_nested(field.type):
            # Taken, so that it begins at the first byte of its buffers.
            column = table[place].take(pa.array(np.arange(len(table)))).combine_chunks()
            valid = np.packbits(column.is_valid().to_numpy(zero_copy_only=False), bitorder="little")
            _, *buffers = column.buffers()
            if pa.types.is_primitive(field.type):
                numbers = pa.int32() if pa.types.is_date32(field.type) else field.type
                filled = pc.fill_null(column.view(numbers), pa.scalar(0, numbers))
                buffers = [filled.buffers()[1]]
            clean = pa.Array.from_buffers(
                field.type, len(column), [pa.py_buffer(valid.tobytes()), *buffers]
            )
            table = table.set_column(place, field, clean)
    return table


class _HashingFile:
    """A file that Arrow writes to, and the checksum of what it wrote."""

    def __init__(self, path: Path) -> None:
        self.written = blake3()
        self._file = path.open("xb")

    def write(self, data: bytes) -> int:
        raw = memoryview(data)
        self.written.update(raw)
        return self._file.write(raw)

    def flush(self) -> None:
        self._file.flush()

    def fileno(self) -> int:
        return self._file.fileno()

    def tell(self) -> int:
        return self._file.tell()

    def writable(self) -> bool:
        return True

    def readable(self) -> bool:
        return False

    def seekable(self) -> bool:
        return False

    @property
    def closed(self) -> bool:
        return self._file.closed

    def close(self) -> None:
        self._file.close()


def write_bytes(path: Path, data: bytes) -> FileEntry:
    """Write a small file, sync it and read it back."""
    with path.open("xb") as file:
        file.write(data)
        file.flush()
        sync(file.fileno())
    return read_back(path, blake3(data).hexdigest())


def sync_file(path: Path) -> FileEntry:
    """Sync a file that somebody else wrote."""
    descriptor = os.open(path, os.O_RDWR)
    try:
        sync(descriptor)
    finally:
        os.close(descriptor)
    return FileEntry(bytes=path.stat().st_size, blake3=checksum(path))


def sync(descriptor: int) -> None:
    """Have a file on disk, and forget it, so that what is read back comes from there."""
    os.fsync(descriptor)
    if hasattr(os, "posix_fadvise"):
        os.posix_fadvise(descriptor, 0, 0, os.POSIX_FADV_DONTNEED)


def sync_folder(folder: Path) -> None:
    """Have a folder's entries on disk."""
    if os.name == "nt":  # has no such thing
        return
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def read_back(path: Path, written: str, start: int = 0) -> FileEntry:
    """Read a file that was written.

    Args:
        path: the file.
        written: the checksum of what was written from a place on, in hex.
        start: that place.

    Raises:
        SnapshotError: where it does not hold that.
    """
    whole, rest = blake3(), blake3()
    size = 0
    with path.open("rb", buffering=0) as file:
        head = file.read(start)
        whole.update(head)
        size += len(head)
        for block in _blocks(file):
            whole.update(block)
            rest.update(block)
            size += len(block)
    if rest.hexdigest() != written:
        raise SnapshotError(
            f"{path} does not hold what was written to it: look for faults of the disk (dmesg). "
            "What was served before still is."
        )
    return FileEntry(bytes=size, blake3=whole.hexdigest())


def checksum(path: Path) -> str:
    """BLAKE3 of a file, in hex."""
    digest = blake3()
    with path.open("rb", buffering=0) as file:
        for block in _blocks(file):
            digest.update(block)
    return digest.hexdigest()


def _blocks(file: FileIO) -> Iterator[memoryview]:
    buffer = memoryview(bytearray(_BYTES_A_READ))
    while size := file.readinto(buffer):
        yield buffer[:size]


def read_ahead(path: Path) -> None:
    """Have a whole file in the system's memory, where it has room.

    It is read, and not only asked for: in a virtual machine the first look at a page that came from
    a disk takes far longer than the next.
    """
    buffer = bytearray(min(_BYTES_AHEAD, path.stat().st_size))
    with path.open("rb", buffering=0) as file:
        while file.readinto(buffer):
            pass


def mapped(path: Path) -> NDArray[Any]:
    """An array's file, mapped."""
    # As a plain array: a memmap makes each slice of itself anew in Python.
    return np.asarray(np.load(path, mmap_mode="r", allow_pickle=False))


class PairFile:
    """A file of records, read by place without being mapped. Safe for many threads.

    It stays open as long as it is used: a request may go on after its snapshot was closed.
    """

    def __init__(self, path: Path) -> None:
        array = np.load(path, mmap_mode="r", allow_pickle=False)
        self._dtype, self._begin = array.dtype, array.offset
        self._array = array
        self._descriptor = -1
        if hasattr(os, "pread"):
            self._descriptor = os.open(path, os.O_RDONLY)
            weakref.finalize(self, os.close, self._descriptor)

    def read(self, begin: int, end: int) -> NDArray[np.void]:
        """The records from one up to another."""
        if self._descriptor < 0:  # Windows
            return np.asarray(self._array[begin:end])
        size = self._dtype.itemsize
        raw = os.pread(self._descriptor, (end - begin) * size, self._begin + begin * size)
        return np.frombuffer(raw, self._dtype)
