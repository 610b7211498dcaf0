"""Opening a snapshot: everything is mapped into memory, so that next to nothing is read.

What belongs here: finding the snapshot to serve, refusing one that is not as it was written, and
holding it. What does not: what is asked of it (``serving.published``).
"""

from __future__ import annotations

import json
import os
import time
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial
from pathlib import Path, PurePosixPath
from typing import IO, TYPE_CHECKING, Any, Self

import numpy as np
import pyarrow as pa
from pydantic import ValidationError

from movie_assets.recommender import Weights
from movie_assets.recommender.threads import processors
from movie_assets.serving.snapshot import layout, locks
from movie_assets.serving.snapshot.errors import SnapshotError
from movie_assets.serving.snapshot.files import PairFile, checksum, mapped
from movie_assets.serving.snapshot.manifest import Manifest, read_manifest

if TYPE_CHECKING:
    from types import TracebackType

    from numpy.typing import NDArray

#: The smallest files, up to so many bytes together, have their checksums compared at opening: all
#: of a snapshot of some 50,000 films, in 0.1 s. The rest is for :meth:`Snapshot.verify`.
CHECKED_AT_OPENING = 128 * 1024 * 1024

_PUBLISH_AGAIN = "Publish again: movie-assets build"
#: A snapshot can be removed between reading its name and holding it, if very old.
_ATTEMPTS = 20
_PAUSE_SECONDS = 0.05


@dataclass(frozen=True)
class Snapshot:
    """One snapshot, mapped and held until it is closed. Nothing of it ever changes.

    Attributes:
        name: 32 hex digits, of its content.
        folder: where it is.
        manifest: what it says of itself.
        films: one row a film, columns as :data:`layout.FILM_SCHEMA`; in batches of
            :data:`layout.ROWS_A_BATCH`.
        neighbours: ``indptr``, int64 of shape (n_films + 1,), and by the names of
            :func:`layout.pair_dtype`, arrays of shape (n_pairs,); ``reasons`` of (n_pairs, 3).
        reasons: the distinct reasons.
        features: arrays by the names of :data:`layout.FEATURE_DTYPES`, and maybe
            :data:`layout.FROZEN`.
        vocabulary: the term of each feature column.
        signals: by name, the arrays ``indptr``, ``indices`` and ``data`` of a CSR matrix of shape
            (n_films, n_films).
        quality: the rows of recommendation_quality.
        weights: the recommender's, that the features and pairs were made by.
    """

    name: str
    folder: Path
    manifest: Manifest
    films: pa.Table
    neighbours: Mapping[str, NDArray[Any]]
    reasons: pa.ChunkedArray
    features: Mapping[str, NDArray[Any]]
    vocabulary: pa.ChunkedArray
    signals: Mapping[str, Mapping[str, NDArray[Any]]]
    quality: list[dict[str, Any]]
    weights: Weights
    _pairs: PairFile
    _held: IO[bytes]

    def pairs_of(self, row: int, most: int | None = None) -> NDArray[np.void]:
        """A film's pairs, the best first: records of :func:`layout.pair_dtype`.

        Args:
            row: of the film.
            most: so many at most; None for all.

        Read from the file: by the mapped arrays, a process that was asked for many films would
        come to have most of the file resident, since the kernel maps whole folios at a time.
        """
        begin, end = self.neighbours["indptr"][row : row + 2].tolist()
        return self._pairs.read(begin, end if most is None else min(end, begin + most))

    @property
    def movie_ids(self) -> NDArray[np.int32]:
        """TMDB's number of each film, ascending; int32 of shape (n_films,)."""
        return self.features["movie_ids"]

    @property
    def titles_folder(self) -> Path:
        """Where the index for search is."""
        return self.folder / layout.TITLES

    def paths(self, *under: str) -> list[str]:
        """The files of these names, and in folders of these names."""
        folders = tuple(f"{name}/" for name in under)
        return [path for path in self.manifest.files if path in under or path.startswith(folders)]

    def verify(self, *under: str) -> None:
        """Compare every file's checksum, which reads all of them.

        Args:
            under: names of files and folders, if only these count.

        Raises:
            SnapshotError: naming the first file that is damaged.
        """
        paths = self.paths(*under) if under else self.manifest.files
        with ThreadPoolExecutor(processors(), thread_name_prefix="checksums") as pool:
            for _ in pool.map(partial(_refuse_damaged, self.folder, self.manifest), paths):
                pass  # the first that is damaged raises

    def close(self) -> None:
        """Let go of the folder, so that it may be removed; what is mapped stays readable."""
        self._held.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()


class _GoneError(Exception):
    """The folder was there a moment ago."""


def current_name(published: Path) -> str:
    """The name of the snapshot to serve.

    Raises:
        SnapshotError: where there is none.
    """
    path = published / layout.CURRENT
    try:
        name = path.read_text("utf-8").strip()
    except FileNotFoundError:
        raise SnapshotError(
            f"Nothing is published in {published} yet. Publish with: movie-assets build"
        ) from None
    except (OSError, UnicodeDecodeError) as error:
        raise SnapshotError(f"{path} cannot be read: {error}.") from error
    if not layout.NAME.fullmatch(name):
        raise SnapshotError(f"{path} is damaged: it names no snapshot. {_PUBLISH_AGAIN}")
    return name


def open_snapshot(published: Path) -> Snapshot:
    """Open the snapshot to serve, and hold it until it is closed.

    What is compared: the format, the manifest's checksum, each file's size, the name, and the
    checksums of the smallest files, :data:`CHECKED_AT_OPENING` bytes together.

    Args:
        published: the folder of snapshots; it may be mounted read-only.

    Raises:
        SnapshotError: where there is none, or it is damaged or of another format; it says what to
            do.
    """
    for _ in range(_ATTEMPTS):
        name = current_name(published)
        try:
            return open_folder(published / name, name)
        except _GoneError:
            time.sleep(_PAUSE_SECONDS)
    raise SnapshotError(
        f"{published / layout.CURRENT} names the snapshot {name}, which is not there. "
        f"{_PUBLISH_AGAIN}"
    )


def open_folder(folder: Path, name: str) -> Snapshot:
    """Open the snapshot in a folder, which must be of this name.

    Raises:
        SnapshotError: as for :func:`open_snapshot`.
    """
    try:
        held = _hold(folder)
    except OSError as error:
        raise SnapshotError(f"The snapshot {folder} cannot be read: {error}.") from error
    try:
        return _map(folder, name, held)
    except (OSError, ValueError, KeyError, pa.ArrowException) as error:
        held.close()
        raise SnapshotError(
            f"The snapshot {folder} is damaged: {_first_line(error)}. {_PUBLISH_AGAIN}"
        ) from error
    except BaseException:
        held.close()
        raise


def _hold(folder: Path) -> IO[bytes]:
    """The manifest's file, locked."""
    path = folder / layout.MANIFEST
    try:
        file = path.open("rb")
    except FileNotFoundError:
        if folder.is_dir():
            raise SnapshotError(
                f"The snapshot {folder} is damaged: it has no {layout.MANIFEST}. {_PUBLISH_AGAIN}"
            ) from None
        raise _GoneError from None
    try:
        if not locks.share(file) or not os.path.samestat(os.fstat(file.fileno()), path.stat()):
            raise _GoneError
    except FileNotFoundError:
        file.close()
        raise _GoneError from None
    except BaseException:
        file.close()
        raise
    return file


def _map(folder: Path, name: str, held: IO[bytes]) -> Snapshot:
    manifest = read_manifest(folder, held.read())
    if manifest.name != name:
        raise SnapshotError(
            f"The snapshot {folder} is not of this name, but {manifest.name}. {_PUBLISH_AGAIN}"
        )
    _refuse_other_sizes(folder, manifest)
    for path in _cheap(manifest):
        _refuse_damaged(folder, manifest, path)
    files = _Files(folder, manifest)
    return Snapshot(
        name=name,
        folder=folder,
        manifest=manifest,
        films=files.table(layout.FILMS, layout.FILM_SCHEMA, manifest.films),
        neighbours=files.neighbours(),
        _pairs=PairFile(files.path(layout.PAIRS)),
        reasons=files.table(layout.REASONS, layout.REASON_SCHEMA, manifest.reasons)["reason"],
        features=files.features(),
        vocabulary=files.table(layout.VOCABULARY, layout.TERM_SCHEMA, manifest.terms)["term"],
        signals={signal: files.signal(signal) for signal in manifest.signals},
        quality=json.loads(files.path(layout.QUALITY).read_bytes()),
        weights=_weights(files.path(layout.WEIGHTS)),
        _held=held,
    )


@dataclass(frozen=True)
class _Files:
    """Maps the files of a folder, and refuses those of another shape than the manifest says."""

    folder: Path
    manifest: Manifest

    def path(self, name: str) -> Path:
        if name not in self.manifest.files:
            raise ValueError(f"{name} is missing from its manifest")
        return self.folder / name

    def neighbours(self) -> dict[str, NDArray[Any]]:
        path = layout.PAIRS
        pairs = mapped(self.path(path))
        fields = pairs.dtype.names or ()
        signals = tuple(name for name in layout.SIGNAL_PARTS if name in fields)
        _expect(path, pairs, layout.pair_dtype(signals), (self.manifest.pairs,))
        indptr = self.array(
            f"{layout.NEIGHBOURS}/indptr.npy", np.dtype("<i8"), (self.manifest.films + 1,)
        )
        return {"indptr": indptr, **{name: pairs[name] for name in fields}}

    def features(self) -> dict[str, NDArray[Any]]:
        found = {
            name: self.array(f"{layout.FEATURES}/{name}.npy", dtype, self._shape(name))
            for name, dtype in layout.FEATURE_DTYPES.items()
        }
        frozen = f"{layout.FEATURES}/{layout.FROZEN}.npy"
        if frozen in self.manifest.files:
            found[layout.FROZEN] = self.array(frozen, layout.FROZEN_DTYPE, (3,))
        return found

    def signal(self, signal: str) -> dict[str, NDArray[Any]]:
        return {
            name: self.array(f"{layout.SIGNALS}/{signal}/{name}.npy", dtype, self._shape(name))
            for name, dtype in layout.SIGNAL_DTYPES.items()
        }

    def _shape(self, name: str) -> tuple[int | None, ...]:
        """The shape of an array of features or signals; None for what only it says."""
        n_films, n_terms = self.manifest.films, self.manifest.terms
        of_other_shapes: dict[str, tuple[int | None, ...]] = {
            "indptr": (n_films + 1,),
            "by_term_indptr": (n_terms + 1,),
            "idf": (n_terms,),
            "field_ends": (len(self.manifest.fields) + 1,),
            "levels": (None, 4),
            **dict.fromkeys(("indices", "data", "by_term_indices", "by_term_data"), (None,)),
        }
        return of_other_shapes.get(name, (n_films,))

    def array(self, name: str, dtype: np.dtype[Any], shape: tuple[int | None, ...]) -> NDArray[Any]:
        return _expect(name, mapped(self.path(name)), dtype, shape)

    def table(self, name: str, schema: pa.Schema, rows: int) -> pa.Table:
        table = pa.ipc.open_file(pa.memory_map(str(self.path(name)))).read_all()
        if not table.schema.equals(schema) or len(table) != rows:
            raise ValueError(f"{name} has other columns or rows than it should")
        return table


def _expect(
    name: str, array: NDArray[Any], dtype: np.dtype[Any], shape: tuple[int | None, ...]
) -> NDArray[Any]:
    fits = len(array.shape) == len(shape) and all(
        wanted in {None, size} for size, wanted in zip(array.shape, shape, strict=True)
    )
    if array.dtype != dtype or not fits:
        raise ValueError(f"{name} is {array.dtype} of {array.shape}, not {dtype} of {shape}")
    return array


def _weights(path: Path) -> Weights:
    try:
        return Weights.model_validate_json(path.read_bytes())
    except ValidationError as error:
        raise ValueError(f"{path.name}: {error.errors()[0]['msg']}") from None


def _refuse_other_sizes(folder: Path, manifest: Manifest) -> None:
    for name, entry in manifest.files.items():
        parts = PurePosixPath(name)
        if parts.is_absolute() or ".." in parts.parts:
            raise ValueError(f"its manifest names {name}, which is no file of it")
        try:
            size = (folder / name).stat().st_size
        except FileNotFoundError:
            raise ValueError(f"{name} is missing") from None
        if size != entry.bytes:
            raise ValueError(f"{name} has {size:,} bytes, and {entry.bytes:,} were written")


def _cheap(manifest: Manifest) -> list[str]:
    """The smallest files."""
    by_size = sorted(manifest.files, key=lambda name: manifest.files[name].bytes)
    up_to = np.cumsum([manifest.files[name].bytes for name in by_size])
    return by_size[: int(np.searchsorted(up_to, CHECKED_AT_OPENING, side="right"))]


def _refuse_damaged(folder: Path, manifest: Manifest, path: str) -> None:
    if checksum(folder / path) != manifest.files[path].blake3:
        raise SnapshotError(
            f"The snapshot {folder} is damaged: {path} does not have its checksum. {_PUBLISH_AGAIN}"
        )


def _first_line(error: Exception) -> str:
    text = str(error.args[0]) if isinstance(error, KeyError) else str(error)
    return text.strip().splitlines()[0].removesuffix(".") if text.strip() else type(error).__name__
