from __future__ import annotations

import ctypes
import mmap
import os
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest
from blake3 import blake3

from movie_assets.serving.snapshot import SnapshotError, disk, files, layout
from movie_assets.serving.snapshot.files import ArrayFile, PairFile, TableFile, checksum, mapped

SCHEMA = pa.schema([pa.field("n", pa.int32(), nullable=False), pa.field("text", pa.string())])


def table_of(n: int, start: int = 0) -> pa.Table:
    numbers = np.arange(start, start + n)
    return pa.table({"n": numbers, "text": [None if i % 7 == 0 else f"{i} é" for i in numbers]})


@pytest.mark.parametrize("sizes", [[], [0], [5], [0, 3, 0, 4]])
@pytest.mark.parametrize("row", [(), (3,)])
@pytest.mark.parametrize("expected", [0, 5, 7, 10**15])
def test_an_array_is_what_was_appended(
    tmp_path: Path, sizes: list[int], row: tuple, expected: int
) -> None:
    blocks = [np.random.default_rng(n).integers(0, 9, (n, *row)) for n in sizes]
    with ArrayFile(tmp_path / "new folder" / "a.npy", np.dtype("<i4"), row, expected) as file:
        for block in blocks:
            file.append(block)
    found = np.load(file.path, allow_pickle=False)
    assert found.dtype == np.int32
    np.testing.assert_array_equal(found, np.concatenate([np.zeros((0, *row), int), *blocks]))
    np.testing.assert_array_equal(mapped(file.path), found)
    raw = file.path.read_bytes()
    assert file.entry.bytes == len(raw)
    assert file.entry.blake3 == blake3(raw).hexdigest() == checksum(file.path)


def test_an_array_refuses_rows_of_another_shape(tmp_path: Path) -> None:
    with ArrayFile(tmp_path / "a.npy", np.dtype("<f4"), (3,)) as file:
        file.append(np.zeros((1, 3)))
        with pytest.raises(ValueError, match="takes rows of shape"):
            file.append(np.zeros((1, 2)))


def test_pairs_are_read_by_place(tmp_path: Path) -> None:
    dtype = layout.pair_dtype(("tmdb",))
    records = np.zeros(7, dtype)
    records["rows"], records["tmdb"] = np.arange(7), np.arange(7) / 7
    with ArrayFile(tmp_path / "pairs.npy", dtype) as file:
        file.append(records)
    pairs = PairFile(file.path)
    for begin, end in ((0, 7), (2, 5), (6, 7), (3, 3)):
        np.testing.assert_array_equal(pairs.read(begin, end), records[begin:end])
    file.path.unlink()
    np.testing.assert_array_equal(pairs.read(0, 7), records)


@pytest.mark.parametrize(
    ("sizes", "batches"),
    [
        ([], [0]),
        ([10], [10]),
        ([layout.ROWS_A_BATCH], [layout.ROWS_A_BATCH, 0]),
        ([layout.ROWS_A_BATCH - 1, 3], [layout.ROWS_A_BATCH, 2]),
        ([20_000] * 7, [layout.ROWS_A_BATCH] * 2 + [140_000 - 2 * layout.ROWS_A_BATCH]),
    ],
)
def test_a_table_has_batches_of_one_size(
    tmp_path: Path, sizes: list[int], batches: list[int]
) -> None:
    whole = table_of(sum(sizes))
    with TableFile(tmp_path / "t.arrow", SCHEMA) as file:
        start = 0
        for size in sizes:
            # As a table of two chunks, as DuckDB and slices give them.
            half = size // 2
            file.append(
                pa.concat_tables([table_of(half, start), table_of(size - half, start + half)])
            )
            start += size
    with pa.ipc.open_file(file.path) as found:
        sizes_found = [found.get_batch(i).num_rows for i in range(found.num_record_batches)]
        assert [n for n in sizes_found if n] == [n for n in batches if n]
        assert found.read_all().equals(whole.cast(SCHEMA))
    assert file.entry.blake3 == checksum(file.path)


@pytest.mark.parametrize("kind", [pa.int32(), pa.float32(), pa.date32(), pa.int64(), pa.string()])
def test_what_stands_under_null_does_not_count(tmp_path: Path, kind: pa.DataType) -> None:
    schema, entries = pa.schema([pa.field("n", kind)]), []
    for rubbish in (7, 0):
        # What is null is told by the first four bits; the others belong to nobody.
        valid = pa.py_buffer(bytes([0b0101 | rubbish << 4]))
        if kind == pa.string():
            buffers = [pa.array([0, 1, 1, 2, 2], pa.int32()).buffers()[1], pa.py_buffer(b"ab")]
        else:
            values = np.array([1, rubbish, 3, rubbish], np.dtype(f"i{kind.bit_width // 8}"))
            buffers = [pa.py_buffer(values.tobytes())]
        column = pa.Array.from_buffers(kind, 4, [valid, *buffers])
        with TableFile(tmp_path / f"{rubbish}.arrow", schema) as file:
            file.append(pa.table([column], schema))
        with pa.ipc.open_file(file.path) as found:
            assert found.read_all()["n"].to_pylist() == column.to_pylist()
        entries.append(file.entry)
    assert entries[0] == entries[1]


def test_a_table_refuses_what_does_not_fit(tmp_path: Path) -> None:
    with (
        pytest.raises(pa.ArrowInvalid),
        TableFile(tmp_path / "t.arrow", SCHEMA) as file,
    ):
        file.append(pa.table({"n": [2**40], "text": ["a"]}))


def write_array(path: Path) -> None:
    with ArrayFile(path, np.dtype("<i8")) as file:
        file.append(np.arange(100))


def write_table(path: Path) -> None:
    with TableFile(path, SCHEMA) as file:
        file.append(table_of(100))


@pytest.mark.parametrize(
    "write", [write_array, write_table, lambda path: disk.write_bytes(path, bytes(100))]
)
def test_what_the_disk_has_made_of_it_is_seen(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, write: Callable[[Path], object]
) -> None:
    path = tmp_path / "file"

    def flip_a_bit(_: int) -> None:
        raw = bytearray(path.read_bytes())
        raw[-20] ^= 1
        path.write_bytes(raw)

    monkeypatch.setattr(disk, "sync", flip_a_bit)
    with pytest.raises(SnapshotError, match="does not hold what was written"):
        write(path)


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="asks Linux what is in memory")
def test_a_file_is_read_ahead(tmp_path: Path) -> None:
    path = tmp_path / "pairs"
    with path.open("wb") as file:
        file.write(bytes(1 << 24))
        file.flush()
        disk.sync(file.fileno())
        os.posix_fadvise(file.fileno(), 0, 0, os.POSIX_FADV_DONTNEED)
    if resident(path) > 0.1:
        pytest.skip("this file system keeps in memory what is to be forgotten")
    files.read_ahead(path)
    # Not all of it: the system may take single pages back at any time.
    assert resident(path) > 0.9


def resident(path: Path) -> float:
    """Which share of a file the kernel has in memory."""
    size = path.stat().st_size
    pages = (ctypes.c_ubyte * (size // mmap.PAGESIZE))()
    with path.open("rb") as file, mmap.mmap(file.fileno(), size, access=mmap.ACCESS_COPY) as whole:
        begin = ctypes.addressof(held := ctypes.c_char.from_buffer(whole))
        failed = ctypes.CDLL(None).mincore(ctypes.c_void_p(begin), ctypes.c_size_t(size), pages)
        del held
    assert not failed
    return sum(page & 1 for page in pages) / len(pages)
