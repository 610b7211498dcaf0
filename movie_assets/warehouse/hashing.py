"""A hash of a table's content, to tell whether data changed.

The hash depends on the columns' names and types, on the rows and on their order. It does not depend
on how Arrow laid the rows out: chunks, slices, offsets, 32 or 64 bit offsets, what stands beneath a
missing value, or the platform's byte order.
"""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

if TYPE_CHECKING:
    from hashlib import _Hash


def content_hash(table: pa.Table) -> str:
    """The SHA-256 of a table's content, as 64 hexadecimal digits."""
    digest = hashlib.sha256()
    digest.update(f"movie_assets/1 {table.num_rows} rows".encode())
    for name in table.column_names:
        digest.update(f"\n{len(name.encode())} {name} ".encode())
        _add(digest, _plain(table[name]))
    return digest.hexdigest()


def _plain(column: pa.ChunkedArray) -> pa.Array:
    if pa.types.is_dictionary(column.type):
        column = column.cast(column.type.value_type)
    combined = column.combine_chunks()
    return combined.combine_chunks() if isinstance(combined, pa.ChunkedArray) else combined


def _add(digest: _Hash, values: pa.Array) -> None:
    digest.update(f"{_kind(values.type)} {len(values)}\n".encode())
    digest.update(_bytes(pc.is_valid(values)))
    if pa.types.is_list(values.type) or pa.types.is_large_list(values.type):
        digest.update(_bytes(pc.fill_null(pc.list_value_length(values), 0).cast(pa.int64())))
        _add(digest, pc.list_flatten(values))  # leaves out what lies beneath a missing list
    elif pa.types.is_string(values.type) or pa.types.is_large_string(values.type):
        texts = pc.drop_null(values).cast(pa.large_binary())
        digest.update(_bytes(pc.binary_length(texts)))
        digest.update(_joined(texts))
    else:
        zero = pa.scalar(0).cast(pa.int64()).cast(values.type)
        digest.update(_bytes(pc.fill_null(values, zero)))


def _kind(arrow_type: pa.DataType) -> str:
    """The type's name, whatever the width of its offsets and the name of a list's field."""
    is_list = pa.types.is_list(arrow_type) or pa.types.is_large_list(arrow_type)
    return "list" if is_list else str(arrow_type).removeprefix("large_")


def _joined(texts: pa.LargeBinaryArray) -> memoryview:
    """The bytes of all values, one after the other, without a copy; none may be missing."""
    if len(texts) == 0:
        return memoryview(b"")
    _, offset_buffer, data = texts.buffers()
    offsets = np.frombuffer(offset_buffer, np.int64)[texts.offset : texts.offset + len(texts) + 1]
    return memoryview(data if data is not None else b"")[offsets[0] : offsets[-1]]


def _bytes(values: pa.Array) -> bytes:
    array = values.to_numpy(zero_copy_only=False)
    return np.ascontiguousarray(array).astype(array.dtype.newbyteorder("<"), copy=False).tobytes()
