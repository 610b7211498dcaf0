"""The feature file: what is read is what was written, or an error that says what to do."""

from __future__ import annotations

import dataclasses
import io
import os
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import sparse

from movie_assets.recommender import MovieFeatures, fit_features, load_weights
from movie_assets.recommender.storage import (
    FeatureFileError,
    features_hash,
    load_features,
    save_features,
)
from movie_assets_tests.films import features_of, films_of

FEATURES = fit_features(
    films_of(
        {"id": 3, "overview": "A thief plans a job", "genres": ["Crime"], "vote_count": 1},
        {"id": 1, "overview": "A robot learns Čeština", "release_date": "1999", "vote_average": 5},
        {"id": 2, "overview": "Love and robots", "actors": ["Ann", "Bob"], "vote_count": 5},
    ),
    load_weights(),
)
ARRAYS = ("movie_ids", "field_ends", "idf", "years", "votes", "ratings")


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> bytes:
    path = tmp_path_factory.mktemp("features") / "features.npz"
    save_features(path, FEATURES)
    return path.read_bytes()


def assert_same(one: MovieFeatures, other: MovieFeatures) -> None:
    for name in ARRAYS:
        mine, its = getattr(one, name), getattr(other, name)
        np.testing.assert_array_equal(mine, its, strict=True, err_msg=name)
    np.testing.assert_array_equal(one.matrix.toarray(), other.matrix.toarray(), strict=True)
    assert one.vocabulary == other.vocabulary
    assert one.fields == other.fields
    assert features_hash(one) == features_hash(other)


def test_round_trip(tmp_path: Path) -> None:
    path = tmp_path / "made" / "on the way" / "features.npz"
    save_features(path, FEATURES)
    assert_same(load_features(path), FEATURES)
    assert os.listdir(path.parent) == ["features.npz"]


@pytest.mark.parametrize("shape", [(0, 0), (2, 0), (0, 2)])
def test_round_trip_of_nothing(tmp_path: Path, shape: tuple[int, int]) -> None:
    nothing = features_of(np.zeros(shape))
    save_features(tmp_path / "f.npz", nothing)
    assert_same(load_features(tmp_path / "f.npz"), nothing)


def test_a_missing_file(tmp_path: Path) -> None:
    with pytest.raises(FeatureFileError, match=r"no feature file .*f\.npz.*Materialize"):
        load_features(tmp_path / "f.npz")


def test_a_file_cut_off_anywhere(tmp_path: Path, whole: bytes) -> None:
    path = tmp_path / "f.npz"
    for length in (*range(0, len(whole) - 1, 23), len(whole) - 1):
        path.write_bytes(whole[:length])
        with pytest.raises(FeatureFileError, match=r"f\.npz is damaged .*Delete it"):
            load_features(path)


@settings(max_examples=400, deadline=None)
@given(data=st.data(), bit=st.integers(0, 7))
def test_no_flipped_bit_goes_unnoticed(
    whole: bytes, tmp_path_factory: pytest.TempPathFactory, data: st.DataObject, bit: int
) -> None:
    """Either the archive's own padding was hit, or the error names the file."""
    damaged = bytearray(whole)
    damaged[data.draw(st.integers(0, len(whole) - 1))] ^= 1 << bit
    path = tmp_path_factory.getbasetemp() / "flipped.npz"
    path.write_bytes(damaged)
    try:
        found = load_features(path)
    except FeatureFileError as error:
        assert str(path) in str(error)  # noqa: PT017 (either is right)
    else:
        assert_same(found, FEATURES)


@pytest.mark.parametrize(
    "array",
    [
        np.array([b"an object"], dtype=object),
        np.asfortranarray(np.ones((2, 3), np.int32)),
    ],
    ids=["objects", "columns first"],
)
def test_only_plain_arrays_are_read(tmp_path: Path, array: Any) -> None:
    npz(tmp_path / "f.npz", **whole_arrays() | {"movie_ids": array})
    with pytest.raises(FeatureFileError, match="is damaged"):
        load_features(tmp_path / "f.npz")


def test_compressed_arrays_are_not_read(tmp_path: Path) -> None:
    with (tmp_path / "f.npz").open("wb") as file:
        np.savez_compressed(file, **whole_arrays())
    with pytest.raises(FeatureFileError, match="is damaged"):
        load_features(tmp_path / "f.npz")


def test_mapped_features_outlive_their_file(tmp_path: Path) -> None:
    save_features(tmp_path / "f.npz", FEATURES)
    found = load_features(tmp_path / "f.npz")
    (tmp_path / "f.npz").unlink()
    assert_same(found, FEATURES)


def test_arrays_can_be_used_where_they_lie_in_the_file(tmp_path: Path) -> None:
    save_features(tmp_path / "f.npz", FEATURES)
    found = load_features(tmp_path / "f.npz")
    for array in (found.matrix.data, found.matrix.indices, found.matrix.indptr, found.votes):
        assert array.ctypes.data % 64 == 0
        assert not array.flags.owndata
        with pytest.raises(ValueError, match="read-only"):
            array[...] = 0


def test_numpy_reads_the_file_as_well(whole: bytes) -> None:
    found = np.load(io.BytesIO(whole), allow_pickle=False)
    for name, array in whole_arrays().items():
        np.testing.assert_array_equal(found[name], array, err_msg=name)


def test_the_same_features_are_the_same_file(tmp_path: Path, whole: bytes) -> None:
    save_features(tmp_path / "f.npz", FEATURES)
    assert (tmp_path / "f.npz").read_bytes() == whole


def npz(path: Path, **arrays: Any) -> None:
    with path.open("wb") as file:
        np.savez(file, allow_pickle=True, **arrays)


def lone_array(path: Path) -> None:
    with path.open("wb") as file:
        np.save(file, np.arange(3))


@pytest.mark.parametrize(
    "damage",
    [
        lambda path: path.mkdir(),
        lambda path: path.write_bytes(b""),
        lambda path: path.write_text("no archive"),
        lone_array,
        lambda path: npz(path, movie_ids=np.arange(3)),
        lambda path: npz(path, **whole_arrays() | {"vocabulary": np.array([0xFF], np.uint8)}),
        lambda path: npz(path, **whole_arrays() | {"movie_ids": np.arange(7)}),
        lambda path: npz(path, **whole_arrays() | {"shape": np.array([3, 2])}),
        lambda path: npz(path, **whole_arrays() | {"field_ends": np.array([0, 2])}),
        lambda path: npz(
            path, **{name: array for name, array in whole_arrays().items() if name != "votes"}
        ),
    ],
    ids=[
        "a folder",
        "empty",
        "text",
        "one array",
        "arrays missing",
        "not UTF-8",
        "other length",
        "other shape",
        "other fields",
        "votes missing",
    ],
)
def test_what_save_features_never_writes(tmp_path: Path, damage: Any) -> None:
    path = tmp_path / "f.npz"
    damage(path)
    with pytest.raises(FeatureFileError, match="is damaged"):
        load_features(path)


def whole_arrays() -> dict[str, Any]:
    return {
        **{name: getattr(FEATURES, name) for name in ARRAYS},
        "data": FEATURES.matrix.data,
        "indices": FEATURES.matrix.indices,
        "indptr": FEATURES.matrix.indptr,
        "shape": np.array(FEATURES.matrix.shape),
        "vocabulary": np.frombuffer("\n".join(FEATURES.vocabulary).encode(), np.uint8),
        "fields": np.frombuffer("\n".join(FEATURES.fields).encode(), np.uint8),
    }


class Trap:
    """Unpickling this makes a file."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def __reduce__(self) -> tuple[Any, tuple[str]]:
        return os.mkdir, (str(self.path),)


def test_pickled_objects_are_not_unpickled(tmp_path: Path) -> None:
    path, sprung = tmp_path / "f.npz", tmp_path / "sprung"
    trap = np.array([Trap(sprung)], dtype=object)
    npz(path, **whole_arrays() | {"movie_ids": trap})
    with pytest.raises(FeatureFileError):
        load_features(path)
    assert not sprung.exists()
    np.load(path, allow_pickle=True)["movie_ids"]  # the trap does work
    assert sprung.exists()


def test_arrays_written_by_hand_are_read(tmp_path: Path) -> None:
    """Else the tests above could fail for another reason than the one that they name."""
    npz(tmp_path / "f.npz", **whole_arrays())
    assert_same(load_features(tmp_path / "f.npz"), FEATURES)


@pytest.mark.parametrize(
    "step", ["numpy.lib.format.write_array_header_1_0", "os.fsync", "pathlib.Path.replace"]
)
def test_a_failing_write_leaves_the_old_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, step: str
) -> None:
    path = tmp_path / "f.npz"
    save_features(path, FEATURES)
    before = path.read_bytes()

    def fail(file: Any, *_: Any, **__: Any) -> None:
        if hasattr(file, "write"):
            file.write(b"half of it")
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(step, fail)
    other = dataclasses.replace(FEATURES, votes=FEATURES.votes + 1)
    with pytest.raises(OSError, match="No space left"):
        save_features(path, other)
    assert path.read_bytes() == before
    assert os.listdir(tmp_path) == ["f.npz"]
    monkeypatch.undo()
    save_features(path, other)
    assert_same(load_features(path), other)


def changed(name: str, position: int) -> MovieFeatures:
    matrix = FEATURES.matrix.copy()
    if name == "data":
        matrix.data[position] = np.nextafter(matrix.data[position], np.float32(2))
    elif name == "indices":
        matrix.indices[[0, 1]] = matrix.indices[[1, 0]]
    elif name == "indptr":  # the same weights, one of them in the next film's row
        matrix.indptr[1] += 1
    elif name in ("vocabulary", "fields"):
        names = list(getattr(FEATURES, name))
        names[position] += "x"
        return dataclasses.replace(FEATURES, **{name: tuple(names)})
    else:
        array = getattr(FEATURES, name).copy()
        array[-1 if name == "movie_ids" else position] += 1
        return dataclasses.replace(FEATURES, **{name: array})
    return dataclasses.replace(FEATURES, matrix=matrix)


@pytest.mark.parametrize("position", [1, 2])
@pytest.mark.parametrize("name", [*ARRAYS, "vocabulary", "fields", "data", "indices", "indptr"])
def test_the_hash_sees_every_array(name: str, position: int) -> None:
    assert features_hash(changed(name, position)) != features_hash(FEATURES)


def test_the_hash_sees_a_column_more() -> None:
    wider = sparse.csr_matrix(
        (FEATURES.matrix.data, FEATURES.matrix.indices, FEATURES.matrix.indptr),
        shape=(3, FEATURES.matrix.shape[1] + 1),
    )
    ends = FEATURES.field_ends.copy()
    ends[-1] += 1
    more = dataclasses.replace(
        FEATURES,
        matrix=wider,
        vocabulary=(*FEATURES.vocabulary, "zebra"),
        idf=np.append(FEATURES.idf, np.float32(1)),
        field_ends=ends,
    )
    assert features_hash(more) != features_hash(FEATURES)


def test_the_hash_is_of_content_and_not_of_memory() -> None:
    apart = np.repeat(FEATURES.movie_ids, 2)[::2]
    assert not apart.flags.c_contiguous
    same = dataclasses.replace(FEATURES, movie_ids=apart)
    assert features_hash(same) == features_hash(FEATURES)
    assert len(features_hash(FEATURES)) == 64
