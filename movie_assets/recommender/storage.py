"""The file of a feature matrix: plain arrays in NumPy's .npz, no pickle.

A file is replaced by one rename, so a reader finds the old one or the new one, never a part.
"""

from __future__ import annotations

import hashlib
import os
import zipfile
from typing import TYPE_CHECKING

import numpy as np
from scipy import sparse

from movie_assets.recommender.features import MovieFeatures

if TYPE_CHECKING:
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
    zipfile.BadZipFile,
)
_SEPARATOR = "\n"  # no term has a line break in it: names are tidied, and words have no space
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
            np.savez(file, allow_pickle=False, **_arrays(features))
            file.flush()
            os.fsync(file.fileno())
        temporary.replace(path)
    finally:
        temporary.unlink(missing_ok=True)


def load_features(path: Path) -> MovieFeatures:
    """Read features.

    Raises:
        FeatureFileError: where there is no such file, or it is damaged.
    """
    try:
        with np.load(path, allow_pickle=False) as arrays:
            matrix = sparse.csr_matrix(
                (arrays["data"], arrays["indices"], arrays["indptr"]), shape=tuple(arrays["shape"])
            )
            return MovieFeatures(
                matrix=matrix,
                vocabulary=_names(arrays["vocabulary"]),
                fields=_names(arrays["fields"]),
                **{name: arrays[name] for name in _PLAIN_ARRAYS},
            )
    except FileNotFoundError:
        raise FeatureFileError(
            f"There is no feature file {path}. Materialize movie_features first."
        ) from None
    except _SIGNS_OF_DAMAGE as error:
        raise FeatureFileError(
            f"The feature file {path} is damaged ({type(error).__name__}). Delete it and "
            "materialize movie_features again."
        ) from error


def features_hash(features: MovieFeatures) -> str:
    """SHA-256 of the content, in hex."""
    digest = hashlib.sha256()
    for name, array in sorted(_arrays(features).items()):
        digest.update(f"{name} {array.dtype.str} {array.shape}".encode())
        digest.update(np.ascontiguousarray(array).tobytes())
    return digest.hexdigest()


def _arrays(features: MovieFeatures) -> dict[str, NDArray[np.generic]]:
    matrix = features.matrix
    return {
        **{name: getattr(features, name) for name in _PLAIN_ARRAYS},
        "data": matrix.data,
        "indices": matrix.indices,
        "indptr": matrix.indptr,
        "shape": np.asarray(matrix.shape, dtype=np.int64),
        "vocabulary": _bytes(features.vocabulary),
        "fields": _bytes(features.fields),
    }


def _bytes(names: tuple[str, ...]) -> NDArray[np.uint8]:
    return np.frombuffer(_SEPARATOR.join(names).encode(), dtype=np.uint8)


def _names(array: NDArray[np.uint8]) -> tuple[str, ...]:
    text = bytes(array).decode()
    return tuple(text.split(_SEPARATOR)) if text else ()
