"""The folder of what ``renewal`` keeps: plain arrays in .npy files, mapped when they are read.

A folder is made under another name and then renamed, so that there is all of it or nothing; it is
never changed. Each file's checksum is in ``manifest.json``.
"""

from __future__ import annotations

import json
import os
import shutil
import zlib
from typing import TYPE_CHECKING

import numpy as np

from movie_assets.recommender.incremental import Lists
from movie_assets.recommender.renewal import KeptLists

if TYPE_CHECKING:
    from pathlib import Path

    from numpy.typing import NDArray

_ARRAYS = ("movie_ids", "as_row", "facts", "listed", "prior", "neighbours", "by_content")
_LISTS = ("indices", "scores", "whole")
_MANIFEST, _READ = "manifest.json", 1 << 24


class KeptListsError(Exception):
    """A folder of kept lists is missing, or is not what :func:`save_lists` made."""


def save_lists(folder: Path, kept: KeptLists) -> None:
    """Write a folder that is not there yet; one that is there is left as it is.

    Raises:
        OSError: where it cannot be written; nothing of it is there then.
    """
    draft = folder.with_name(f".{folder.name}.{os.getpid()}.tmp")
    shutil.rmtree(draft, ignore_errors=True)
    draft.mkdir(parents=True)
    try:
        arrays: dict[str, NDArray[np.generic]] = {
            **{name: getattr(kept, name) for name in _ARRAYS},
            **{name: getattr(kept.lists, name) for name in _LISTS},
        }
        for name, array in arrays.items():
            _write(draft / f"{name}.npy", array)
        checksums = {name: _checksum(draft / f"{name}.npy") for name in arrays}
        manifest = {"key": kept.key, "k": kept.lists.k, "crc32": checksums}
        (draft / _MANIFEST).write_text(json.dumps(manifest), "utf-8")
        if not folder.exists():
            draft.rename(folder)
    finally:
        shutil.rmtree(draft, ignore_errors=True)


def load_lists(folder: Path) -> KeptLists:
    """Read a folder; its arrays stay in the files, mapped into memory.

    Raises:
        KeptListsError: where it is missing or damaged.
    """
    try:
        manifest = json.loads((folder / _MANIFEST).read_text("utf-8"))
        arrays = {}
        for name in (*_ARRAYS, *_LISTS):
            path = folder / f"{name}.npy"
            if _checksum(path) != manifest["crc32"][name]:
                raise ValueError(f"{path.name} does not have its checksum")
            arrays[name] = np.asarray(np.load(path, mmap_mode="r", allow_pickle=False))
        lists = Lists(manifest["k"], *(arrays.pop(name) for name in _LISTS))
        return KeptLists(key=manifest["key"], lists=lists, **arrays)
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise KeptListsError(f"{folder} cannot be read ({error}).") from error


def _write(path: Path, array: NDArray[np.generic]) -> None:
    array = np.ascontiguousarray(array)
    with path.open("wb") as file:
        header = np.lib.format.header_data_from_array_1_0(array)
        np.lib.format.write_array_header_1_0(file, header)
        # Not by NumPy, whose error on a full disk does not say that the disk is full.
        file.write(array.reshape(-1).view(np.uint8).data)
        file.flush()
        os.fsync(file.fileno())


def _checksum(path: Path) -> int:
    found = 0
    with path.open("rb") as file:
        while some := file.read(_READ):
            found = zlib.crc32(some, found)
    return found
