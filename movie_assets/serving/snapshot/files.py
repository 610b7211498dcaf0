"""Arrays and tables of any length as files: written once, and mapped or read by place.

What belongs here: what their bytes mean, and their checksums. What does not: how bytes come to the
disk and are read back (``disk``), and which files a snapshot has.
"""

from __future__ import annotations

import os
import weakref
from io import BytesIO
from typing import TYPE_CHECKING, Any, Self

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from blake3 import blake3

from movie_assets.serving.snapshot.disk import WrittenFile
from movie_assets.serving.snapshot.errors import SnapshotError
from movie_assets.serving.snapshot.layout import ROWS_A_BATCH

if TYPE_CHECKING:
    from collections.abc import Iterator
    from io import FileIO
    from pathlib import Path
    from types import TracebackType

    from numpy.typing import NDArray

    from movie_assets.serving.snapshot.manifest import FileEntry

_BYTES_A_READ = 1 << 20
#: The more, the seldomer another thread waits for the interpreter.
_BYTES_AHEAD = 1 << 23


class ArrayFile:
    """An array's ``.npy`` file, of as many rows as are appended.

    Args:
        path: the file; its folder is made where it is missing.
        dtype: of the array.
        row: the shape of one row.
        expected: how many rows will be appended, as far as is known. Where it comes true, what is
            written first need not be written anew, and is read back while more is written.

    Attributes:
        n_rows: how many rows were appended.
        entry: its size and checksum, once it is closed.
    """

    entry: FileEntry

    def __init__(
        self, path: Path, dtype: np.dtype[Any], row: tuple[int, ...] = (), expected: int = 0
    ) -> None:
        self.path = path
        self.n_rows = 0
        self._dtype = dtype
        self._row = row
        self._head = self._header(expected)
        self._file = WrittenFile(path)
        self._file.write(self._head)

    def append(self, rows: NDArray[Any]) -> None:
        """Append rows, as the file's dtype.

        Raises:
            ValueError: where they are of another shape.
        """
        if rows.shape[1:] != self._row:
            raise ValueError(f"{self.path} takes rows of shape {self._row}, not {rows.shape[1:]}")
        raw = np.ascontiguousarray(rows, dtype=self._dtype).reshape(-1).view(np.uint8)
        self._file.write(raw.data)
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
        try:
            if error is None:
                self.entry = self._finished()
        finally:
            self._file.close()

    def _finished(self) -> FileEntry:
        head = self._header(self.n_rows)
        if head == self._head:
            return self._file.finish()
        # NumPy leaves room in the header for any number of rows.
        if len(head) != len(self._head):
            raise SnapshotError(f"{self.path} cannot be written: its header grew.")
        return self._file.finish_with(head, self._head)

    def _header(self, rows: int) -> bytes:
        file = BytesIO()
        np.lib.format.write_array_header_1_0(
            file,
            {
                "descr": np.lib.format.dtype_to_descr(self._dtype),
                "fortran_order": False,
                "shape": (rows, *self._row),
            },
        )
        return file.getvalue()


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
        self.path = path
        self.n_rows = 0
        self._waiting: list[pa.Table] = []
        self._n_waiting = 0
        self._file = WrittenFile(path)
        self._schema = schema
        self._writer = pa.ipc.new_file(pa.PythonFile(_ForArrow(self._file), "w"), schema)

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
                self.entry = self._file.finish()
        finally:
            self._file.close()

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


class _ForArrow:
    """A file as Arrow wants it to write to."""

    closed = False

    def __init__(self, file: WrittenFile) -> None:
        self._file = file

    def write(self, data: bytes) -> int:
        return self._file.write(data)

    def tell(self) -> int:
        return self._file.size

    def flush(self) -> None: ...

    def close(self) -> None: ...

    def writable(self) -> bool:
        return True

    def readable(self) -> bool:
        return False

    def seekable(self) -> bool:
        return False


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
