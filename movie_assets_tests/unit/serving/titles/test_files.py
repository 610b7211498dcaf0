"""The files of a title index: the same for the same films, and told apart from damaged ones."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest

from movie_assets.serving.titles import TitleIndex, TitleIndexError, build_index, files
from movie_assets_tests.unit.serving.titles.conftest import table_of

FILMS = [("Heat", None, 9, 1995), ("Alien", None, 8, 1979), ("M", "M - Eine Stadt", 7, 1931)]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    build_index(tmp_path / "titles", table_of(FILMS).to_batches())
    return tmp_path / "titles"


def contents(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in folder.iterdir()}


def test_the_same_films_give_the_same_files(folder: Path, tmp_path: Path) -> None:
    build_index(tmp_path / "again", table_of(FILMS).to_batches(max_chunksize=1))
    assert contents(tmp_path / "again") == contents(folder)
    assert set(contents(folder)) == {
        "index.json",
        *(f"{name}.npy" for name in files.Arrays._fields),
    }


def test_an_index_is_built_over_another(folder: Path) -> None:
    build_index(folder, table_of([("Ran", None, 1, 1985)]).to_batches())
    index = TitleIndex.open(folder)
    assert len(index) == 1
    assert index.search("heat") == []


def test_the_arrays_are_mapped_and_cannot_be_written_to(folder: Path) -> None:
    for name, array in files.read(folder)._asdict().items():
        assert not array.flags.writeable, name
        assert isinstance(array.base, np.memmap), name


@pytest.mark.parametrize("value", [None, float("nan"), float("inf"), -5.0])
def test_odd_popularity_counts_as_none(tmp_path: Path, value: float | None) -> None:
    table = table_of([("Heat One", None, 5, 1995), ("Heat Two", None, 5, 1995)])
    popularity = pa.array([value, 2.0], pa.float32())
    place = table.schema.get_field_index("popularity")
    build_index(tmp_path, table.set_column(place, "popularity", popularity).to_batches())
    assert TitleIndex.open(tmp_path).search("heat") == [1, 0]


def test_a_batch_without_titles_is_refused(tmp_path: Path) -> None:
    with pytest.raises(KeyError, match="title"):
        build_index(tmp_path, table_of(FILMS).drop_columns("title").to_batches())


def cut_short(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:-4])


def empty(path: Path) -> None:
    path.write_bytes(b"")


def other_type(path: Path) -> None:
    np.save(path, np.load(path).astype(np.float64))


def another_length(path: Path) -> None:
    np.save(path, np.load(path)[:-1])


def pickled(path: Path) -> None:
    np.save(path, np.array([{"a": 1}], object), allow_pickle=True)


@pytest.mark.parametrize("name", files.Arrays._fields)
@pytest.mark.parametrize(
    "damage", [Path.unlink, cut_short, empty, other_type, another_length, pickled]
)
def test_a_damaged_file_is_told(folder: Path, name: str, damage: Callable[[Path], None]) -> None:
    damage(folder / f"{name}.npy")
    with pytest.raises(TitleIndexError, match=rf"is damaged: {name}\.npy .*Publish anew"):
        TitleIndex.open(folder)


@pytest.mark.parametrize(
    "header", [b"", b"[]", b"null", b"{}", b"\xff", b'{"format": 1, "shapes": 5}']
)
def test_a_damaged_header_is_told(folder: Path, header: bytes) -> None:
    (folder / "index.json").write_bytes(header)
    with pytest.raises(TitleIndexError, match=r"index\.json cannot be read"):
        TitleIndex.open(folder)


def test_a_missing_index_is_told(tmp_path: Path) -> None:
    with pytest.raises(TitleIndexError, match=r"no title index in .*movie-assets build"):
        TitleIndex.open(tmp_path / "nowhere")


def test_another_format_is_told(folder: Path) -> None:
    (folder / "index.json").write_text(json.dumps({"format": 99, "shapes": {}}))
    with pytest.raises(TitleIndexError, match="has format 99; this version reads 1"):
        TitleIndex.open(folder)


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        ({"film_ends": [0, 1, 2, 3]}, "film_ends.npy ends elsewhere"),
        ({"posting_ends": [1, 2]}, "posting_ends.npy ends elsewhere"),
        ({"word_ends": [0, 10]}, "word_ends.npy"),
        ({"rows": [0, 1]}, "not of the same films"),
        ({"lengths": [[1, 0]]}, "not of the same films"),
    ],
)
def test_files_that_do_not_fit_together_are_told(
    folder: Path, changed: dict[str, list[int]], message: str
) -> None:
    arrays = files.read(folder)
    new = {name: np.array(value, files.DTYPES[name]) for name, value in changed.items()}
    files.write(folder, arrays._replace(**new))
    with pytest.raises(TitleIndexError, match=message):
        files.read(folder)
