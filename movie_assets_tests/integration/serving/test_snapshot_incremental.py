"""What is made from the snapshot before is what would be made from nothing, to the last byte."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from movie_assets.recommender import fit_features, load_weights, nearest_neighbours
from movie_assets.recommender.films import film_frame
from movie_assets.recommender.frozen import freeze, update_features
from movie_assets.serving import briefs
from movie_assets.serving.snapshot import (
    Manifest,
    Renewal,
    SnapshotContent,
    current_name,
    layout,
    open_snapshot,
    reader,
    write_snapshot,
)
from movie_assets.serving.titles import build
from movie_assets_tests.snapshots import film_table, pairs_of, write_small_snapshot

CODE = "this code"
TITLES = (
    "Alien",
    "The Thing",
    "L'été",
    "Amélie 2",
    "七人の侍",
    "\N{MATHEMATICAL FRAKTUR CAPITAL M}atrix",
    "Film",
    "A",
    "!",
)
GENRES = ("Drama", "Crime", "Western")

FILM = st.fixed_dictionaries(
    {
        "title": st.sampled_from(TITLES),
        "original_title": st.sampled_from([*TITLES, None]),
        "overview": st.sampled_from(
            ["ships in space", "a man in town", "the sea, the ships", None]
        ),
        "release_date": st.sampled_from(["1979-05-25", "1982-06-25", "2001-04-25", None]),
        "vote_count": st.integers(0, 50),
        "popularity": st.sampled_from([0.0, 0.5, 9.25]),
        "vote_average": st.sampled_from([0.0, 6.5, 8.1]),
        "runtime": st.sampled_from([None, 90, 117]),
        "original_language": st.sampled_from(["en", "fr", None]),
        "genres": st.lists(st.sampled_from(GENRES), max_size=2, unique=True),
        "actors": st.lists(st.sampled_from(["Kurt Russell", "Audrey Tautou"]), unique=True),
        "poster_path": st.sampled_from(["/a.jpg", None]),
    }
)
CATALOGUE = st.dictionaries(st.integers(1, 40), FILM, min_size=3, max_size=25)


def film(**other: Any) -> dict[str, Any]:
    return {
        "title": "Alien", "overview": "ships in space", "vote_count": 9, "genres": ["Drama"],
        "original_title": None, "release_date": "1979-05-25", "actors": ["Kurt Russell"],
    } | other  # fmt: skip


def rows(catalogue: dict[int, dict[str, Any]]) -> Any:
    return [{"movie_id": number} | values for number, values in sorted(catalogue.items())]


def publish(folder: Path, catalogue: dict[int, dict[str, Any]], made_by: str | None) -> Manifest:
    return write_small_snapshot(folder, rows(catalogue), k=5, made_by=made_by).manifest


@settings(
    max_examples=12, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(generations=st.lists(CATALOGUE, min_size=2, max_size=3))
def test_any_films_after_any_others(generations: list[dict[int, dict[str, Any]]]) -> None:
    with TemporaryDirectory() as folder:
        for catalogue in generations:
            found = publish(Path(folder, "one"), catalogue, CODE)
            expected = publish(Path(folder, f"{found.name}-anew"), catalogue, None)
            assert (found.name, found.files) == (expected.name, expected.files)


def many(n: int = 60) -> dict[int, dict[str, Any]]:
    return {
        3 * i + 1: film(title=f"{TITLES[i % len(TITLES)]} {i // 7}", vote_count=i % 13)
        for i in range(n)
    }


EDITS: dict[str, Any] = {
    "nothing but a title": lambda films: films[31].update(title="Solaris"),
    "a year": lambda films: films[31].update(release_date="1985-01-01"),
    "votes, which order the titles": lambda films: films[4].update(vote_count=5_000),
    "a film at the beginning": lambda films: films.update({0: film(title="First")}),
    "a film in the middle": lambda films: films.update({32: film(title="New Middle")}),
    "a film at the end": lambda films: films.update({900: film(title="Last of all")}),
    "the first one gone": lambda films: films.pop(1),
    "half of them gone": lambda films: [films.pop(n) for n in list(films)[::2]],
    "all others": lambda films: [films.update({n + 1: films.pop(n)}) for n in list(films)],
    "who plays": lambda films: films[31].update(actors=["Audrey Tautou"]),
}


@pytest.mark.parametrize("edit", EDITS.values(), ids=EDITS.keys())
def test_each_kind_of_change(tmp_path: Path, edit: Any) -> None:
    films = many()
    publish(tmp_path / "one", films, CODE)
    edit(films)
    found = publish(tmp_path / "one", films, CODE)
    expected = publish(tmp_path / "anew", films, None)
    assert (found.name, found.files) == (expected.name, expected.files)
    with open_snapshot(tmp_path / "one") as snapshot:
        snapshot.verify()


@pytest.fixture
def made(monkeypatch: pytest.MonkeyPatch) -> dict[str, int]:
    """How many films had their JSON and their words made."""
    counts = {"briefs": 0, "words": 0}
    written, of_film = briefs._written, build._Gathered._of_film

    def count_brief(*film: Any) -> bytes:
        counts["briefs"] += 1
        return written(*film)

    def count_words(*film: Any) -> Any:
        counts["words"] += 1
        return of_film(*film)

    monkeypatch.setattr(briefs, "_written", count_brief)
    monkeypatch.setattr(build._Gathered, "_of_film", count_words)
    return counts


def test_only_what_changed_is_made(tmp_path: Path, made: dict[str, int]) -> None:
    films = many()
    publish(tmp_path, films, CODE)
    assert made == {"briefs": 60, "words": 60}
    films[31]["title"] = "Solaris"
    films[34]["vote_count"] = 77
    films[902] = film()
    publish(tmp_path, films, CODE)
    assert made == {"briefs": 63, "words": 62}


def test_a_file_that_is_built_upon_is_looked_through_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    films, looked = many(), []
    publish(tmp_path, films, CODE)
    before = current_name(tmp_path)
    checksum = reader.checksum
    monkeypatch.setattr(reader, "checksum", lambda path: looked.append(path) or checksum(path))
    monkeypatch.setattr(reader, "CHECKED_AT_OPENING", 0)
    films[31]["title"] = "Solaris"
    publish(tmp_path, films, CODE)
    of_before = [path.relative_to(tmp_path / before) for path in looked if before in path.parts]
    assert len(of_before) == len(set(of_before))
    assert {Path(layout.FILMS), Path("briefs/films-1.json")} <= set(of_before)


def damage(path: Path) -> None:
    raw = bytearray(path.read_bytes())
    raw[-9] ^= 1
    path.write_bytes(raw)


@pytest.mark.parametrize(
    "spoil",
    [
        lambda folder: (folder / layout.MADE_BY).unlink(),
        lambda folder: (folder / layout.MADE_BY).write_text("{"),
        lambda folder: (folder / layout.MADE_BY).write_text(
            json.dumps({"name": current_name(folder), "made_by": "other code"})
        ),
        lambda folder: damage(folder / current_name(folder) / "films.arrow"),
        lambda folder: (folder / current_name(folder) / "films.arrow").unlink(),
        lambda folder: (folder / layout.CURRENT).unlink(),
    ],
    ids=["no note", "torn note", "other code", "damaged films", "no films", "nothing served"],
)
def test_what_may_not_be_built_upon_is_not(
    tmp_path: Path, made: dict[str, int], spoil: Any
) -> None:
    films = many()
    publish(tmp_path / "one", films, CODE)
    spoil(tmp_path / "one")
    films[31]["title"] = "Solaris"
    made.update(briefs=0, words=0)
    found = publish(tmp_path / "one", films, CODE)
    assert made == {"briefs": 60, "words": 60}
    assert found.files == publish(tmp_path / "anew", films, None).files


@pytest.mark.parametrize("name", ["titles/postings.npy", "briefs/films-1.json"])
def test_a_damaged_part_is_made_anew(tmp_path: Path, made: dict[str, int], name: str) -> None:
    films = many()
    publish(tmp_path / "one", films, CODE)
    path = tmp_path / "one" / current_name(tmp_path / "one") / name
    # A server that opens it sees that as well, since it is small; so not by opening alone.
    damage(path)
    films[31]["title"] = "Solaris"
    made.update(briefs=0, words=0)
    found = publish(tmp_path / "one", films, CODE)
    assert made["words" if name.startswith("titles") else "briefs"] == 60
    assert found.files == publish(tmp_path / "anew", films, None).files


def test_the_code_s_name_is_noted_last(tmp_path: Path) -> None:
    publish(tmp_path, many(), CODE)
    assert json.loads((tmp_path / layout.MADE_BY).read_bytes()) == {
        "name": current_name(tmp_path),
        "made_by": CODE,
        "told_by": None,
    }
    publish(tmp_path, many(40), None)
    assert not (tmp_path / layout.MADE_BY).exists()


# -- reasons --------------------------------------------------------------------------------------


class Days:
    """A catalogue whose terms are frozen, published day by day; counts whose reasons were asked."""

    def __init__(self, films: dict[int, dict[str, Any]]) -> None:
        self.films, self.weights, self.asked = films, load_weights(), 0
        self.features = freeze(fit_features(self.frame(films), self.weights), self.weights)

    @staticmethod
    def frame(films: dict[int, dict[str, Any]]) -> pd.DataFrame:
        table = film_table(pd.DataFrame(rows(films)))
        return film_frame(table.to_pandas().rename(columns={"movie_id": "id"}))

    def change(self, changed: dict[int, dict[str, Any]], gone: Sequence[int] = ()) -> None:
        self.films |= changed
        self.films = {n: values for n, values in self.films.items() if n not in gone}
        self.features = update_features(
            self.features, self.frame(changed) if changed else [], gone, self.weights
        )

    def publish(self, folder: Path, made_by: str | None, told_by: str = "these terms") -> Manifest:
        """With neighbours and reasons worked out from the features as they are now."""
        pairs = pairs_of(self.features, nearest_neighbours(self.features, self.weights, 8))
        told = {
            (film, other): reasons
            for film, other, reasons in zip(
                *(pairs[name].to_pylist() for name in ("movie_id", "neighbour_id", "reasons")),
                strict=True,
            )
        }

        def tell(films: NDArray[np.int32], others: NDArray[np.int32]) -> pa.ListArray:
            self.asked += len(films)
            wanted = zip(films.tolist(), others.tolist(), strict=True)
            return pa.array([told[pair] for pair in wanted], pa.list_(pa.string()))

        bare = pairs.drop_columns(["reasons"])
        content = SnapshotContent(
            films=film_table(pd.DataFrame(rows(self.films))).to_batches(),
            features=self.features,
            pairs=[pairs],
            weights=self.weights,
            # Cut where a film's list is.
            renewal=Renewal(told_by, (), [bare.slice(0, 13), bare.slice(13)], tell),
        )
        return write_snapshot(folder, content, made_by=made_by).manifest


def of_many_casts() -> dict[int, dict[str, Any]]:
    return {
        number: values | {"actors": [f"Actor {number % 5}", f"Star {number % 7}"]}
        for number, values in many().items()
    }


CHANGES: dict[str, tuple[dict[int, dict[str, Any]], list[int]]] = {
    "nothing": ({}, []),
    "who plays": ({31: film(actors=["Actor 2", "Star 3"])}, []),
    "what only scores count": ({31: film(vote_count=4_000)}, []),
    "one more, and one less": ({32: film(actors=["Star 1"])}, [1]),
    "many": ({n: film(actors=["Star 6"]) for n in range(1, 90, 9)}, [4, 40, 178]),
}


@pytest.mark.parametrize(("changed", "gone"), CHANGES.values(), ids=CHANGES.keys())
def test_reasons_of_what_has_not_changed_are_kept(
    tmp_path: Path, changed: dict[int, dict[str, Any]], gone: list[int]
) -> None:
    days = Days(of_many_casts())
    pairs = days.publish(tmp_path / "one", CODE).pairs
    assert days.asked == 0
    for day, (more, less) in enumerate([(changed, gone), ({94: film(vote_count=3)}, [7])]):
        days.asked = 0
        days.change(more, less)
        found = days.publish(tmp_path / "one", CODE)
        assert days.asked < pairs, "some are kept"
        assert days.asked or not (more or less)
        expected = days.publish(tmp_path / f"anew {day}", None)
        assert (found.name, found.files) == (expected.name, expected.files)


def test_reasons_that_follow_from_something_else_are_told_anew(tmp_path: Path) -> None:
    days = Days(of_many_casts())
    days.publish(tmp_path, CODE)
    days.change({31: film(actors=["Actor 2"])})
    days.publish(tmp_path, CODE, told_by="other terms")
    assert days.asked == 0, "all come with the pairs"
    days.change({31: film(actors=["Actor 3"])})
    days.publish(tmp_path, CODE, told_by="other terms")
    assert days.asked > 0
    days.asked = 0
    damage(tmp_path / current_name(tmp_path) / "reasons.arrow")
    days.change({31: film(actors=["Actor 4"])})
    days.publish(tmp_path, CODE, told_by="other terms")
    assert days.asked == 0
