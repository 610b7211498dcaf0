"""The file of a feature matrix: plain arrays in NumPy's .npz, no pickle.

A file is replaced by one rename, so a reader finds the old one or the new one, never a part. Its
arrays begin at multiples of :data:`_ALIGNED` bytes, so that they can be used where they are, mapped
into memory: to copy hundreds of megabytes in each step that looks at them takes time and room.
"""

from __future__ import annotations

import math
import os
import struct
import zipfile
import zlib
from typing import TYPE_CHECKING, Any, BinaryIO

import numpy as np
from blake3 import blake3
from scipy import sparse

from movie_assets.recommender.features import Frozen, MovieFeatures

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from numpy.typing import NDArray

# RuntimeError: a flipped bit can say "encrypted" or name a way of packing that there is not;
# TypeError: a lone array instead of an archive of them.
_SIGNS_OF_DAMAGE = (
    OSError,
    ValueError,
    KeyError,
    EOFError,
    RuntimeError,
    TypeError,
    MemoryError,
    struct.error,
    zipfile.BadZipFile,
)
_SEPARATOR = "\n"  # no term has a line break in it: names are tidied, and words have no space
#: A zip member's header up to its name, as PKWARE's APPNOTE has it in 4.3.7: the sizes of the name
#: and of what stands behind it come last.
_ZIP_HEADER = struct.Struct("<26x2H")
#: What can stand behind the name: an id and how many bytes follow. Of padding it is the one that
#: Android's zipalign writes, which readers pass over; a large member's sizes stand before it.
_EXTRA, _PADDING_ID, _SIZES_BYTES = struct.Struct("<2H"), 0xD935, 20
#: As NumPy has it; a line of the processor's cache.
_ALIGNED = 64
#: No file says when it was written: the same content is the same file.
_EARLIEST = (1980, 1, 1, 0, 0, 0)
_PLAIN_ARRAYS = ("movie_ids", "field_ends", "idf", "years", "votes", "ratings")


class FeatureFileError(Exception):
    """A feature file is missing, or is not what :func:`save_features` writes."""


def save_features(path: Path, features: MovieFeatures) -> None:
    """Write the features, replacing the file at once.

    Raises:
        OSError: where it cannot be written; the old file is then still there.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_name(f".{path.name}.{os.getpid()}.tmp")
    try:
        with temporary.open("wb") as file:
            _write_archive(file, _arrays(features))
            file.flush()
            os.fsync(file.fileno())
        temporary.replace(path)
    finally:
        temporary.unlink(missing_ok=True)


def load_features(path: Path) -> MovieFeatures:
    """Read features; their arrays stay in the file, mapped into memory, and cannot be changed.

    The file may be replaced meanwhile.

    Raises:
        FeatureFileError: where there is no such file, or it is damaged.
    """
    try:
        with zipfile.ZipFile(path) as archive, path.open("rb") as file:
            arrays = {
                entry.filename.removesuffix(".npy"): _of_member(file, entry)
                for entry in archive.infolist()
            }
        return _features(arrays)
    except FileNotFoundError:
        raise _missing(path) from None
    except _SIGNS_OF_DAMAGE as error:
        raise _damaged(path, error) from error


def _features(arrays: Mapping[str, NDArray[Any]]) -> MovieFeatures:
    matrix = sparse.csr_matrix(
        (arrays["data"], arrays["indices"], arrays["indptr"]), shape=tuple(arrays["shape"])
    )
    return MovieFeatures(
        matrix=matrix,
        vocabulary=_names(arrays["vocabulary"]),
        fields=_names(arrays["fields"]),
        frozen=Frozen.of_array(arrays["frozen"]) if "frozen" in arrays else None,
        **{name: arrays[name] for name in _PLAIN_ARRAYS},
    )


def features_hash(features: MovieFeatures) -> str:
    """BLAKE3 of the content, in hex."""
    digest = blake3()
    for name, array in sorted(_arrays(features).items()):
        digest.update(f"{name} {array.dtype.str} {array.shape}".encode())
        digest.update(np.ascontiguousarray(array).reshape(-1).view(np.uint8).data)
    return digest.hexdigest()


def _missing(path: Path) -> FeatureFileError:
    return FeatureFileError(f"There is no feature file {path}. Materialize movie_features first.")


def _damaged(path: Path, error: Exception) -> FeatureFileError:
    return FeatureFileError(
        f"The feature file {path} is damaged ({type(error).__name__}). Delete it and materialize "
        "movie_features again."
    )


def _of_member(file: BinaryIO, entry: zipfile.ZipInfo) -> NDArray[Any]:
    """An array of the archive, whose members are .npy files as they are; of the right checksum."""
    if entry.compress_type != zipfile.ZIP_STORED:
        raise ValueError(f"{entry.filename} is compressed")
    # Before a member stands its name once more, and what else its writer had to say of it.
    file.seek(entry.header_offset)
    header = file.read(_ZIP_HEADER.size)
    name_bytes, extra_bytes = _ZIP_HEADER.unpack(header)
    file.seek(name_bytes + extra_bytes, os.SEEK_CUR)
    begin = file.tell()
    member = np.memmap(file, np.uint8, "r", begin, entry.file_size)
    if zlib.crc32(member.data) != entry.CRC:
        raise ValueError(f"{entry.filename} does not have its checksum")
    file.seek(begin)
    version = np.lib.format.read_magic(file)
    read = (
        np.lib.format.read_array_header_1_0
        if version == (1, 0)
        else np.lib.format.read_array_header_2_0
    )
    shape, is_fortran, dtype = read(file)
    if dtype.hasobject or is_fortran:
        raise ValueError(f"{entry.filename} is no plain array")
    if file.tell() - begin + dtype.itemsize * math.prod(shape) != entry.file_size:
        raise ValueError(f"{entry.filename} is cut off")
    if not math.prod(shape):
        return np.zeros(shape, dtype)
    # Mapped once more, alone: SciPy copies what is the smaller part of something else.
    array = np.asarray(np.memmap(file, dtype, "r", file.tell(), shape))
    # One that somebody else wrote may lie anywhere; and Windows replaces no file that is mapped.
    return array if array.flags.aligned and os.name != "nt" else array.copy()


def _write_archive(file: BinaryIO, arrays: Mapping[str, NDArray[Any]]) -> None:
    """An .npz file, as ``np.savez`` writes it, but for where its arrays begin."""
    with zipfile.ZipFile(file, "w", zipfile.ZIP_STORED) as archive:
        for name, given in arrays.items():
            entry = zipfile.ZipInfo(f"{name}.npy", _EARLIEST)
            # NumPy's own header is a multiple of that already.
            begin = file.tell() + _ZIP_HEADER.size + len(entry.filename) + _SIZES_BYTES
            padding = -(begin + _EXTRA.size) % _ALIGNED
            entry.extra = _EXTRA.pack(_PADDING_ID, padding) + bytes(padding)
            with archive.open(entry, "w", force_zip64=True) as member:
                array = np.ascontiguousarray(given)
                header = np.lib.format.header_data_from_array_1_0(array)
                np.lib.format.write_array_header_1_0(member, header)
                member.write(array.reshape(-1).view(np.uint8).data)  # at once, and not in copies


def _arrays(features: MovieFeatures) -> dict[str, NDArray[np.generic]]:
    matrix, frozen = features.matrix, features.frozen
    return {
        **{name: getattr(features, name) for name in _PLAIN_ARRAYS},
        "data": matrix.data,
        "indices": matrix.indices,
        "indptr": matrix.indptr,
        "shape": np.asarray(matrix.shape, dtype=np.int64),
        "vocabulary": _bytes(features.vocabulary),
        "fields": _bytes(features.fields),
        **({} if frozen is None else {"frozen": np.asarray(frozen, dtype=np.float64)}),
    }


def _bytes(names: tuple[str, ...]) -> NDArray[np.uint8]:
    return np.frombuffer(_SEPARATOR.join(names).encode(), dtype=np.uint8)


def _names(array: NDArray[np.uint8]) -> tuple[str, ...]:
    text = bytes(array).decode()
    return tuple(text.split(_SEPARATOR)) if text else ()
