"""Many texts in one array, so that compiled code can read them.

What belongs here: the array, and what it is made of. What does not: what the texts say.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np
import pyarrow as pa

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

    from numpy.typing import NDArray


class Texts(NamedTuple):
    """Texts in one array, where each begins and where it ends.

    Attributes:
        bytes: uint8; like the others not to be written to.
        begins: int64 of shape (n,).
        ends: likewise.
    """

    bytes: NDArray[np.uint8]
    begins: NDArray[np.int64]
    ends: NDArray[np.int64]


def texts_of(pieces: Iterable[bytes]) -> Texts:
    """Some texts, one behind the other."""
    pieces = list(pieces)
    ends = np.cumsum([0, *map(len, pieces)], dtype=np.int64)
    ends.flags.writeable = False
    return Texts(np.frombuffer(b"".join(pieces), np.uint8), ends[:-1], ends[1:])


def texts_in(path: Path, column: str) -> Texts:
    """The strings of a column of an Arrow file, none of them null, mapped and not copied."""
    whole = pa.memory_map(str(path)).read_buffer()
    chunks = pa.ipc.open_file(whole).read_all()[column].chunks
    found = [np.zeros((2, 0), np.int64)]
    for chunk in chunks:
        _, places, characters = chunk.buffers()
        if len(chunk):
            all_ends = np.frombuffer(places, np.int32, len(chunk) + 1, 4 * chunk.offset)
            begin = (characters or whole).address - whole.address
            found.append(np.stack([all_ends[:-1], all_ends[1:]]) + np.int64(begin))
    begins, ends = np.concatenate(found, axis=1)
    begins.flags.writeable = ends.flags.writeable = False
    return Texts(np.frombuffer(whole, np.uint8), begins, ends)
