"""What a draft's files hold, of content that is made up by hand."""

from __future__ import annotations

import threading
from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from movie_assets.recommender import load_weights
from movie_assets.serving.snapshot import SnapshotContent, SnapshotError, layout, open_snapshot
from movie_assets.serving.snapshot.writer import write_snapshot
from movie_assets_tests.films import features_of
from movie_assets_tests.snapshots import film_table

FEATURES = features_of([[1, 0], [0.5, 0.5], [0, 1]], votes=[5, 0, 9], years=[1999, 0, 2020])


def films(**columns: list[Any]) -> pa.Table:
    given = {"movie_id": [10, 11, 12], "title": ["A", "B", "C"]} | columns
    return film_table(pd.DataFrame(given))


def pairs(*rows: tuple[int, int, float, list[str]], **signals: list[float]) -> pa.RecordBatch:
    movies, others, scores, reasons = zip(*rows, strict=True) if rows else ((), (), (), ())
    numbers = {name: np.array(scores, np.float32) / 2 for name in ("content", "closeness", "prior")}
    return pa.record_batch(
        {
            "movie_id": pa.array(movies, pa.int32()),
            "neighbour_id": pa.array(others, pa.int32()),
            "score": pa.array(scores, pa.float32()),
            **numbers,
            **{name: pa.array(values, pa.float32()) for name, values in signals.items()},
            "reasons": pa.array(reasons, pa.list_(pa.string())),
        }
    )


def content(**other: Any) -> SnapshotContent:
    given = SnapshotContent(
        films=films().to_batches(), features=FEATURES, pairs=[], weights=load_weights()
    )
    return replace(given, **other)


def test_pairs_come_by_row_with_their_reasons_numbered(tmp_path: Path) -> None:
    blocks = [
        pairs((10, 12, 0.9, ["with X", "Drama", "space", "a fourth"]), (10, 11, 0.9, [])),
        pairs(),
        pairs((12, 10, 0.5, ["Drama"]), (12, 11, 0.25, ["“moon”", "with X"])),
    ]
    write_snapshot(tmp_path, content(pairs=blocks))
    with open_snapshot(tmp_path) as snapshot:
        found = snapshot.neighbours
        assert set(found) == {"indptr", "rows", "reasons", *layout.PARTS}
        assert found["indptr"].tolist() == [0, 2, 2, 4]
        assert found["rows"].tolist() == [2, 1, 0, 1]
        assert found["score"].tolist() == pytest.approx([0.9, 0.9, 0.5, 0.25])
        assert found["content"].tolist() == pytest.approx([0.45, 0.45, 0.25, 0.125])
        reasons = snapshot.reasons.to_pylist()
        told = [[reasons[i] for i in row if i >= 0] for row in found["reasons"].tolist()]
        assert told == [["with X", "Drama", "space"], [], ["Drama"], ["“moon”", "with X"]]
        assert len(reasons) == len(set(reasons))
        assert snapshot.pairs_of(1).shape == (0,)
        assert snapshot.pairs_of(2)["rows"].tolist() == [0, 1]


@pytest.mark.parametrize("expected", [0, 1, 2, 10**9])
def test_how_many_pairs_were_expected_does_not_show(tmp_path: Path, expected: int) -> None:
    blocks = [pairs((10, 12, 0.9, ["a"])), pairs((12, 10, 0.5, ["b"]))]
    found = write_snapshot(tmp_path / "one", content(pairs=blocks, n_pairs=expected)).manifest
    assert found.files == write_snapshot(tmp_path / "other", content(pairs=blocks)).manifest.files


def test_parts_of_signals_are_there_where_they_are_given(tmp_path: Path) -> None:
    write_snapshot(tmp_path, content(pairs=[pairs((10, 12, 0.9, ["a"]), tmdb=[0.5])]))
    with open_snapshot(tmp_path) as snapshot:
        assert snapshot.neighbours["tmdb"].tolist() == [0.5]
        assert "co_liked" not in snapshot.neighbours


@pytest.mark.parametrize("last", [12, 2_000_000_000], ids=["close numbers", "far numbers"])
@settings(
    max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(
    rows=st.lists(st.tuples(st.integers(0, 4), st.integers(0, 4), st.integers(0, 3)), max_size=9),
    cut=st.integers(0, 9),
)
def test_pairs_are_taken_or_refused_wherever_a_block_ends(
    rows: list[tuple[int, int, int]], cut: int, last: int
) -> None:
    """By the table of rows, and where films' numbers are too far from each other for one."""
    numbers = [10, 11, last, 7, last + 1]  # the last two are no films
    given_pairs = [(numbers[film], numbers[other], score / 4, ["a"]) for film, other, score in rows]
    features = replace(FEATURES, movie_ids=np.array([10, 11, last], np.int32))
    some = content(
        films=films(movie_id=[10, 11, last]).to_batches(),
        features=features,
        pairs=[pairs(*given_pairs[:cut]), pairs(*given_pairs[cut:])],
    )
    in_order = sorted(given_pairs, key=lambda pair: (pair[0], -pair[2]))
    fits = all(max(film, other) < 3 for film, other, _ in rows) and given_pairs == in_order
    with TemporaryDirectory() as folder:
        if not fits:
            with pytest.raises(SnapshotError):
                write_snapshot(Path(folder), some)
            return
        write_snapshot(Path(folder), some)
        with open_snapshot(Path(folder)) as snapshot:
            found = snapshot.neighbours
            assert found["rows"].tolist() == [other for _, other, _ in rows]
            counts = np.bincount([film for film, _, _ in rows], minlength=3)
            assert np.diff(found["indptr"]).tolist() == counts.tolist()


def test_pairs_that_are_refused_leave_no_thread_behind(tmp_path: Path) -> None:
    """Garbage may be collected while another thread starts, and must not end threads then."""
    before = set(threading.enumerate())
    blocks = [pairs((10, 11, 0.5, ["a"])), pairs((10, 99, 0.25, ["a"])), pairs((12, 10, 0.5, []))]
    with pytest.raises(SnapshotError) as caught:
        write_snapshot(tmp_path, content(pairs=blocks))
    assert caught.traceback, "which holds all that was under way"
    assert set(threading.enumerate()) <= before


def test_nothing_alike_is_published_too(tmp_path: Path) -> None:
    write_snapshot(tmp_path, content())
    with open_snapshot(tmp_path) as snapshot:
        assert snapshot.manifest.pairs == len(snapshot.reasons) == 0
        assert snapshot.neighbours["indptr"].tolist() == [0, 0, 0, 0]


def test_signals_leave_out_films_that_are_not_there(tmp_path: Path) -> None:
    def signal(rows: list[tuple[int, int, float]]) -> pa.RecordBatch:
        names = ("movie_id", "neighbour_id", "value")
        arrays = [pa.array(v) for v in zip(*rows, strict=True)]
        return pa.record_batch(arrays, names)

    blocks = [
        signal([(9, 10, 1.0), (10, 11, 0.5), (10, 99, 1.0)]),
        signal([(12, 10, 0.25), (12, 11, -2.0)]),
    ]
    write_snapshot(tmp_path, content(signals={"item_weights": blocks}))
    with open_snapshot(tmp_path) as snapshot:
        assert set(snapshot.signals) == {"item_weights"}
        found = snapshot.signals["item_weights"]
        assert found["indptr"].tolist() == [0, 1, 1, 3]
        assert found["indices"].tolist() == [1, 0, 1]
        assert found["data"].tolist() == [0.5, 0.25, -2.0]


def test_films_and_what_is_unknown_of_them(tmp_path: Path) -> None:
    given = films(
        runtime=[120, None, None],
        genres=[["Drama", "Crime"], [], ["Drama"]],
        original_language=["fr", None, "en"],
        release_date=["1999-01-31", None, None],
        imdb_id=["tt1", "", None],
    )
    write_snapshot(tmp_path, content(films=given.to_batches()))
    with open_snapshot(tmp_path) as snapshot:
        assert snapshot.films.equals(given)
        assert snapshot.manifest.genres == ("Crime", "Drama")
        assert snapshot.manifest.languages == ("en", "fr")
        assert snapshot.features["runtimes"].tolist() == [120, 0, 0]
        assert snapshot.movie_ids.tolist() == [10, 11, 12]
        assert snapshot.films["release_date"].to_pylist()[1] is None


@pytest.mark.parametrize(
    ("other", "words"),
    [
        ({"films": films(movie_id=[10, 11, 13]).to_batches()}, "not those that the features"),
        ({"films": films(movie_id=[10, 12, 11]).to_batches()}, "not those that the features"),
        ({"films": films()[:2].to_batches()}, "not those that the features"),
        ({"films": [*films().to_batches(), *films().to_batches()]}, "not those that the features"),
        ({"pairs": [pairs((10, 99, 0.5, []))]}, "Film 99 is among the pairs"),
        ({"pairs": [pairs((7, 10, 0.5, []))]}, "Film 7 is among the pairs"),
        ({"pairs": [pairs((11, 10, 0.5, []), (10, 11, 0.5, []))]}, "by ascending film"),
        (
            {"pairs": [pairs((11, 10, 0.5, [])), pairs((10, 11, 0.5, []))]},
            "by ascending film",
        ),
        ({"pairs": [pairs((10, 11, 0.5, []), (10, 12, 0.6, []))]}, "best first"),
        ({"pairs": [pairs((10, 11, 0.5, [])), pairs((10, 12, 0.6, []))]}, "best first"),
    ],
)
def test_what_does_not_fit_together_is_refused(
    tmp_path: Path, other: dict[str, Any], words: str
) -> None:
    first = write_snapshot(tmp_path, content())
    with pytest.raises(SnapshotError, match=words):
        write_snapshot(tmp_path, content(**other))
    assert sorted(path.name for path in tmp_path.iterdir()) == sorted(
        [".lock", "current", first.name]
    )
    with open_snapshot(tmp_path) as snapshot:
        assert snapshot.name == first.name


def test_scores_may_rise_from_one_film_to_the_next(tmp_path: Path) -> None:
    blocks = [pairs((10, 11, 0.1, [])), pairs((11, 10, 0.9, []), (12, 10, 0.95, []))]
    assert write_snapshot(tmp_path, content(pairs=blocks)).manifest.pairs == 3


def test_figures_without_a_value_are_null(tmp_path: Path) -> None:
    rows = [{"metric": "recall", "value": None, "low": 0.5}]
    write_snapshot(tmp_path, content(quality=rows))
    with open_snapshot(tmp_path) as snapshot:
        assert snapshot.quality == rows
        assert snapshot.weights == load_weights()
