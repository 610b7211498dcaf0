"""The files of a title index: one array each, mapped into memory when it is opened.

What belongs here: names, types, and whether what is there fits together. How they are made is for
``build``. Films stand in the order of how well they are known, the best known first: a film's place
in that order is its *rank* here, its place in the snapshot its *row*.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

if TYPE_CHECKING:
    from pathlib import Path

    from numpy.typing import NDArray

FORMAT = 1
_HEADER = "index.json"


class TitleIndexError(Exception):
    """The files of a title index are missing, damaged or of another format."""


class Arrays(NamedTuple):
    """A title index. All arrays are read-only.

    Attributes:
        units: uint16, the UTF-16 code units of all words, one behind the other.
        word_ends: int32, (n_words + 1,): word ``w`` has the units from ``word_ends[w]`` up to
            ``word_ends[w + 1]``; words ascend by their code units, each there once.
        posting_ends: int32, (n_words + 1,): likewise of ``postings``.
        postings: int32, the ranks of the films that have a word, ascending.
        film_ends: int32, (n_films + 1,): likewise of ``film_words``, by rank.
        film_words: int32, a film's words: of its title, of its original title where that is
            another one, what people type instead, and its year (``words.year_word``).
        lengths: int16, (n_films, 2): how many words title and original title have.
        names: int32, twice the rank for each film's title and one more for its original one, where
            it has such; ascending by ``matching.name_hashes``, and then by rank.
        known: float32, (n_films,), descending: how well a film is known, the logarithm of a count.
        years: int16, (n_films,), 0 where unknown.
        rows: int32, (n_films,).
    """

    units: NDArray[np.uint16]
    word_ends: NDArray[np.int32]
    posting_ends: NDArray[np.int32]
    postings: NDArray[np.int32]
    film_ends: NDArray[np.int32]
    film_words: NDArray[np.int32]
    lengths: NDArray[np.int16]
    names: NDArray[np.int32]
    known: NDArray[np.float32]
    years: NDArray[np.int16]
    rows: NDArray[np.int32]


DTYPES: dict[str, type[np.generic]] = {
    "units": np.uint16,
    "word_ends": np.int32,
    "posting_ends": np.int32,
    "postings": np.int32,
    "film_ends": np.int32,
    "film_words": np.int32,
    "lengths": np.int16,
    "names": np.int32,
    "known": np.float32,
    "years": np.int16,
    "rows": np.int32,
}


def write(folder: Path, arrays: Arrays) -> None:
    """Write an index into a folder, which is made where it is not there.

    Raises:
        OSError: where that cannot be.
    """
    folder.mkdir(parents=True, exist_ok=True)
    for name, array in arrays._asdict().items():
        path = folder / f"{name}.npy"
        path.unlink(missing_ok=True)  # and not overwritten: who has it open keeps what was there
        np.save(path, np.ascontiguousarray(array), allow_pickle=False)
    shapes = {name: list(array.shape) for name, array in arrays._asdict().items()}
    (folder / _HEADER).write_text(json.dumps({"format": FORMAT, "shapes": shapes}, indent=1) + "\n")


def read(folder: Path) -> Arrays:
    """Map an index into memory; next to nothing of it is read.

    That each file is as it was written is for the snapshot's checksums to tell.

    Raises:
        TitleIndexError: where a file is missing, cut short, or does not fit the others.
    """
    shapes = _shapes(folder)
    arrays = Arrays(**{name: _mapped(folder, name, shapes) for name in Arrays._fields})
    if problem := _misfit(arrays):
        raise _damaged(folder, problem)
    return arrays


def _shapes(folder: Path) -> dict[str, list[int]]:
    try:
        header = json.loads((folder / _HEADER).read_bytes())
        found = header["format"]
        shapes = {name: list(header["shapes"][name]) for name in Arrays._fields if found == FORMAT}
    except FileNotFoundError as error:
        raise TitleIndexError(
            f"There is no title index in {folder}. Publish anew: movie-assets build"
        ) from error
    except (OSError, ValueError, TypeError, LookupError) as error:
        raise _damaged(folder, f"{_HEADER} cannot be read ({type(error).__name__})") from error
    if found != FORMAT:
        raise TitleIndexError(
            f"The title index in {folder} has format {found!r}; this version reads {FORMAT}. "
            "Publish anew with this version, or serve with the one that published it."
        )
    return shapes


def _mapped(folder: Path, name: str, shapes: dict[str, list[int]]) -> NDArray[Any]:
    path = folder / f"{name}.npy"
    empty = 0 in shapes[name]  # and then there is nothing to map
    try:
        mapped = np.load(path, mmap_mode=None if empty else "r", allow_pickle=False)
    except FileNotFoundError as error:
        raise _damaged(folder, f"{path.name} is missing") from error
    except (OSError, ValueError, EOFError) as error:
        raise _damaged(folder, f"{path.name} cannot be read ({error})") from error
    if mapped.dtype != DTYPES[name] or list(mapped.shape) != shapes[name]:
        raise _damaged(folder, f"{path.name} is not what {_HEADER} says")
    mapped.flags.writeable = False
    return np.asarray(mapped)


def _misfit(arrays: Arrays) -> str | None:
    """What does not fit, of what can be told without reading all."""
    ends = [
        ("word_ends", arrays.word_ends, len(arrays.units)),
        ("posting_ends", arrays.posting_ends, len(arrays.postings)),
        ("film_ends", arrays.film_ends, len(arrays.film_words)),
    ]
    for name, array, end in ends:
        if not len(array) or array[0] != 0 or array[-1] != end:
            return f"{name}.npy ends elsewhere than what it is of"
    n_films = len(arrays.film_ends) - 1
    if len(arrays.word_ends) != len(arrays.posting_ends):
        return "word_ends.npy and posting_ends.npy are not as long as each other"
    if arrays.lengths.shape != (n_films, 2) or any(
        array.shape != (n_films,) for array in (arrays.known, arrays.years, arrays.rows)
    ):
        return "the files are not of the same films"
    return None


def _damaged(folder: Path, what: str) -> TitleIndexError:
    return TitleIndexError(f"The title index in {folder} is damaged: {what}. Publish anew.")
