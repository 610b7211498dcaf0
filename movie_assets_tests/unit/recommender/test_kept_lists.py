"""What is kept for the next renewal, in its folder."""

from __future__ import annotations

import resource
from pathlib import Path

import numpy as np
import pytest

from movie_assets.recommender import fit_features, load_weights
from movie_assets.recommender.frozen import freeze
from movie_assets.recommender.kept_lists import KeptListsError, load_lists, save_lists
from movie_assets.recommender.renewal import KeptLists, renew
from movie_assets_tests.films import films_of

WEIGHTS = load_weights()


@pytest.fixture
def kept() -> KeptLists:
    films = films_of(overview=["thief", "thief robot", "robot"], vote_count=[5, 7, 9])
    return renew(freeze(fit_features(films, WEIGHTS), WEIGHTS), WEIGHTS, 2).kept


def test_what_is_read_is_what_was_written(tmp_path: Path, kept: KeptLists) -> None:
    folder = tmp_path / "new" / "lists"
    save_lists(folder, kept)
    found = load_lists(folder)
    assert (found.key, found.lists.k) == (kept.key, 2)
    for name in ("movie_ids", "as_row", "facts", "listed", "prior", "neighbours", "by_content"):
        np.testing.assert_array_equal(getattr(found, name), getattr(kept, name), strict=True)
    for name in ("indices", "scores", "whole"):
        mine, its = (getattr(lists.lists, name) for lists in (found, kept))
        np.testing.assert_array_equal(mine, its, strict=True)
    assert [path.name for path in folder.parent.iterdir()] == ["lists"]


def test_a_folder_that_is_there_stays(tmp_path: Path, kept: KeptLists) -> None:
    save_lists(tmp_path / "lists", kept)
    (tmp_path / "lists" / "mark").touch()
    save_lists(tmp_path / "lists", kept)
    assert (tmp_path / "lists" / "mark").exists()
    assert [path.name for path in tmp_path.iterdir()] == ["lists"]


def test_a_full_disk_is_named_and_leaves_nothing(tmp_path: Path, kept: KeptLists) -> None:
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (140, limits[1]))
    try:
        with pytest.raises(OSError, match="File too large"):
            save_lists(tmp_path / "lists", kept)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("name", ["manifest.json", "facts.npy", "scores.npy"])
def test_damage_is_seen(tmp_path: Path, kept: KeptLists, name: str) -> None:
    save_lists(tmp_path / "lists", kept)
    path = tmp_path / "lists" / name
    whole = path.read_bytes()
    spoilt = [whole[:-1], whole[: len(whole) // 2], b"", bytes([*whole[:-3], whole[-3] ^ 1, 0, 0])]
    for content in spoilt:
        path.write_bytes(content)
        with pytest.raises(KeptListsError, match="lists cannot be read"):
            load_lists(tmp_path / "lists")
    path.unlink()
    with pytest.raises(KeptListsError, match="No such file"):
        load_lists(tmp_path / "lists")
