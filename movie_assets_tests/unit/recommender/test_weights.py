"""The file of weights: what is read is what was written, or an error that says what to do."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import pytest

from movie_assets.recommender.weights import (
    BUNDLED,
    FIELDS,
    Weights,
    WeightsError,
    load_weights,
    save_weights,
)

GOOD: dict[str, Any] = json.loads(BUNDLED.read_text())


def with_changes(part: str, **changes: Any) -> dict[str, Any]:
    return GOOD | {part: GOOD[part] | changes}


def test_the_packages_weights() -> None:
    weights = load_weights()
    assert sum(weights.shares().values()) == pytest.approx(1)
    assert tuple(weights.shares()) == FIELDS
    assert weights.shares()["floor"] > 0, "else films without anything in common have no score"


def test_round_trip(tmp_path: Path) -> None:
    weights = load_weights().model_copy(update={"fitted_on": {"people": 3, "note": "Čeština"}})
    path = tmp_path / "weights.json"
    save_weights(weights, path)
    assert load_weights(path) == weights
    assert os.listdir(tmp_path) == ["weights.json"]
    save_weights(load_weights(path), tmp_path / "again.json")
    assert (tmp_path / "again.json").read_bytes() == path.read_bytes()


def test_shares_add_up_to_1_and_unnamed_fields_count_nothing() -> None:
    weights = Weights.model_validate(GOOD | {"fields": {"genres": 3, "text": 1}})
    shares = weights.shares()
    assert (shares["text"], shares["genres"]) == (0.25, 0.75)
    assert sum(shares.values()) == 1
    assert set(shares) == set(FIELDS)


def test_a_file_from_before_genres_and_fame_had_weights_ranks_as_it_did() -> None:
    older = {name: value for name, value in GOOD.items() if name != "genres"}
    closeness = {"years": 1.0, "known": 0.4, "rating": 0.26, "audience": 0.8}
    weights = Weights.model_validate(older | {"closeness": closeness})
    assert (weights.genres, weights.closeness.newer, weights.closeness.fame) == ({}, 0, 0)


def test_shares_of_nothing() -> None:
    nothing = load_weights().model_copy(update={"fields": {"text": 0.0}})
    with pytest.raises(ValueError, match="at least one field must have a weight above 0"):
        nothing.shares()


@pytest.mark.parametrize(
    ("content", "complaint"),
    [
        (b"", "the file: Invalid JSON"),
        (b"\xff\xfe\x00", "the file: Invalid JSON"),
        (b'{"format": 1', "the file: Invalid JSON"),
        (b"[]", "the file: Input should be an object"),
        (b"{}", "fields: Field required"),
        (GOOD | {"format": 2}, "format: "),
        (GOOD | {"taste": 1}, "taste: Extra inputs are not permitted"),
        (GOOD | {"fields": {}}, "fields: .*at least one field"),
        (GOOD | {"fields": {"text": 0, "genres": 0}}, "fields: .*at least one field"),
        (with_changes("fields", text=-1), "fields.text: .*greater than or equal to 0"),
        (with_changes("fields", text=float("nan")), "fields.text: .*finite"),
        (with_changes("fields", text=float("inf")), "fields.text: "),
        (with_changes("fields", text=None), "fields.text: "),
        (with_changes("fields", plot=1), "fields.plot"),
        (GOOD | {"genres": {"Horror": 0}}, "genres.Horror: .*greater than 0"),
        (GOOD | {"genres": {"Horror": float("nan")}}, "genres.Horror: "),
        (with_changes("closeness", years=-0.5), "closeness.years: "),
        (with_changes("closeness", months=1), "closeness.months: Extra inputs"),
        (with_changes("prior", votes=float("nan")), "prior.votes: "),
        (with_changes("prior", rating_mean=11), "prior.rating_mean: "),
        (with_changes("blend", co_liked=1.5), "blend.co_liked: "),
        (with_changes("blend", co_liked=0.5, tmdb=0.5), "blend: .*less than 1"),
        (with_changes("profile", half_life=0), "profile.half_life: "),
        (GOOD | {"popularity": 1.1}, "popularity: "),
    ],
)
def test_files_that_are_no_weights(tmp_path: Path, content: Any, complaint: str) -> None:
    path = tmp_path / "w.json"
    path.write_bytes(content if isinstance(content, bytes) else json.dumps(content).encode())
    with pytest.raises(WeightsError, match=complaint) as raised:
        load_weights(path)
    assert str(path) in str(raised.value)
    assert str(raised.value).endswith("Write them anew with: movie-assets fit")
    assert "\n" not in str(raised.value)


def test_files_that_cannot_be_read(tmp_path: Path) -> None:
    with pytest.raises(WeightsError, match=r"none\.json cannot be read: No such file"):
        load_weights(tmp_path / "none.json")
    with pytest.raises(WeightsError, match="cannot be read: Is a directory"):
        load_weights(tmp_path)


@pytest.mark.parametrize("step", ["pathlib.Path.write_text", "pathlib.Path.replace"])
def test_a_failing_write_leaves_the_old_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, step: str
) -> None:
    path = tmp_path / "weights.json"
    save_weights(load_weights(), path)
    before = path.read_bytes()

    def fail(draft: Path, *_: Any, **__: Any) -> None:
        with draft.open("wb") as file:
            file.write(b"half of it")
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(step, fail)
    with pytest.raises(OSError, match="No space left"):
        save_weights(load_weights(), path)
    assert path.read_bytes() == before
    assert os.listdir(tmp_path) == ["weights.json"]


def test_the_package_takes_its_weights_along() -> None:
    """Else an installed wheel would have no weights."""
    setup = (Path(__file__).parents[3] / "setup.cfg").read_text()
    assert "\n    recommender/*.json\n" in setup
