"""Snapshots on a real disk: what is written is opened, and what is not as written is refused."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from filelock import FileLock
from scipy import sparse

from movie_assets.recommender import Signal, fit_features, load_weights, nearest_neighbours, reasons
from movie_assets.recommender.films import film_frame
from movie_assets.recommender.query import Recommender
from movie_assets.recommender.ranking import Levels
from movie_assets.serving.published import Published, Wishes
from movie_assets.serving.snapshot import (
    Snapshot,
    SnapshotError,
    current_name,
    layout,
    open_snapshot,
    reader,
    write_snapshot,
)
from movie_assets.serving.titles import TitleIndex
from movie_assets_tests.snapshots import bundled_films, content_of, write_small_snapshot

PROJECT = Path(__file__).parents[3]
FILMS = 80


def content(generation: int = 0) -> Any:
    """The first bundled films; each generation is other content."""
    films = bundled_films()[:FILMS]
    return content_of(films, quality=[{"metric": "generation", "value": generation}])


@pytest.fixture(scope="module")
def contents() -> list[Any]:
    first = content()
    return [replace(first, quality=[{"metric": "generation", "value": n}]) for n in range(6)]


@pytest.fixture(scope="module")
def written(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder of snapshots with one in it; to be copied, not changed."""
    folder = tmp_path_factory.mktemp("written") / "published"
    write_small_snapshot(folder, FILMS, run_id="a run")
    return folder


@pytest.fixture
def published(written: Path, tmp_path: Path) -> Path:
    """One of one's own."""
    return Path(shutil.copytree(written, tmp_path / "published"))


def generation(snapshot: Snapshot) -> int:
    return int(snapshot.quality[0]["value"])


def folders(published: Path) -> set[str]:
    return {path.name for path in published.iterdir() if path.is_dir()}


def hidden(published: Path) -> set[str]:
    return {path.name for path in published.iterdir() if path.name.startswith(".")}


# -- what is written ------------------------------------------------------------------------------


@pytest.mark.parametrize("with_signals", [False, True])
def test_everything_is_opened_as_it_was(tmp_path: Path, with_signals: bool) -> None:
    films = bundled_films()[:FILMS].sort_by("movie_id")
    weights = load_weights()
    features = fit_features(
        film_frame(films.to_pandas().rename(columns={"movie_id": "id"})), weights
    )
    signals = []
    if with_signals:
        liked = sparse.random(FILMS, FILMS, 0.1, "csr", np.float32, random_state=3)
        liked.setdiag(0)
        liked.eliminate_zeros()
        signals = [Signal("co_liked", 0.3, liked), Signal("tmdb", 0.1, liked.T.tocsr())]
    found = nearest_neighbours(features, weights, 50, signals=signals)
    write_small_snapshot(tmp_path, FILMS, signals=signals)
    with open_snapshot(tmp_path) as snapshot:
        snapshot.verify()
        assert snapshot.films.equals(films)
        check_pairs(snapshot, found, reasons(features, found))
        check_features(snapshot, features, Levels.of(features, weights))
        assert set(snapshot.signals) == {signal.name for signal in signals}
        for signal in signals:
            read = matrix_of(snapshot.signals[signal.name], (FILMS, FILMS))
            assert (read != signal.pairs).nnz == 0
        index = TitleIndex.open(snapshot.titles_folder)
        title = films["title"][7].as_py()
        assert 7 in index.find(title, None)


def test_films_without_votes_are_asked_about_and_not_looked_through(tmp_path: Path) -> None:
    films = bundled_films()[:FILMS].sort_by("movie_id")
    votes = films["vote_count"].to_numpy().copy()
    votes[::3] = 0
    place, column = films.column_names.index("vote_count"), films.schema.field("vote_count")
    given = content_of(films.set_column(place, column, pa.array(votes, column.type)))
    features, ids = given.features, given.features.movie_ids
    assert 0 < features.is_candidate.sum() < FILMS
    whole = Recommender(features, given.weights)  # whose lists have all films
    write_snapshot(tmp_path, given)
    with open_snapshot(tmp_path) as snapshot:
        check_features(snapshot, features, Levels.of(features, given.weights))
        asked = Published(snapshot)
        for film, movie_id in enumerate(ids.tolist()):
            found = asked.similar(movie_id, 10, wishes=Wishes(popularity=0.3))
            expected = whole.similar(film, 10, popularity=0.3)
            assert [one.film.id for one in found] == ids[expected.columns].tolist()
            np.testing.assert_array_equal([one.score for one in found], expected.scores)


def check_pairs(snapshot: Snapshot, found: Any, told: list[list[str]]) -> None:
    arrays = snapshot.neighbours
    rows = np.repeat(np.arange(FILMS), np.diff(arrays["indptr"]))
    np.testing.assert_array_equal(rows, found.rows)
    np.testing.assert_array_equal(arrays["rows"], found.columns)
    np.testing.assert_array_equal(arrays["score"], found.scores)
    for name in ("content", "closeness", "prior"):
        np.testing.assert_array_equal(arrays[name], getattr(found, name))
    for name, values in found.signals.items():
        np.testing.assert_array_equal(arrays[name], values)
    distinct = snapshot.reasons.to_pylist()
    assert [[distinct[i] for i in row if i >= 0] for row in arrays["reasons"].tolist()] == [
        some[:3] for some in told
    ]
    np.testing.assert_array_equal(snapshot.pairs_of(5)["rows"], found.columns[found.rows == 5])


def check_features(snapshot: Snapshot, features: Any, levels: Levels) -> None:
    n_terms = len(features.vocabulary)
    matrix = matrix_of(snapshot.features, (FILMS, n_terms))
    assert (matrix != features.matrix).nnz == 0
    by_term = {name: snapshot.features[f"by_term_{name}"] for name in layout.SIGNAL_DTYPES}
    candidates = features.matrix[features.is_candidate]
    assert (matrix_of(by_term, candidates.shape[::-1]) != candidates.T).nnz == 0
    for name in ("movie_ids", "idf", "field_ends", "years", "votes", "ratings"):
        np.testing.assert_array_equal(snapshot.features[name], getattr(features, name))
    np.testing.assert_array_equal(snapshot.features["codes"], levels.codes)
    np.testing.assert_array_equal(snapshot.features["levels"], levels.levels)
    assert tuple(snapshot.vocabulary.to_pylist()) == features.vocabulary
    assert snapshot.manifest.fields == features.fields


def matrix_of(arrays: Any, shape: tuple[int, int]) -> sparse.csr_matrix:
    assert {name: arrays[name].dtype for name in layout.SIGNAL_DTYPES} == layout.SIGNAL_DTYPES
    return sparse.csr_matrix((arrays["data"], arrays["indices"], arrays["indptr"]), shape)


def test_nothing_in_it_is_a_pickle_and_all_is_mapped(published: Path) -> None:
    with open_snapshot(published) as snapshot:
        kinds = {Path(name).suffix for name in snapshot.manifest.files}
        assert kinds == {".npy", ".arrow", ".json"}
        for array in (*snapshot.features.values(), snapshot.neighbours["rows"]):
            assert not array.flags.writeable
            assert not array.flags.owndata
        on_disk = {
            path.relative_to(snapshot.folder).as_posix()
            for path in snapshot.folder.rglob("*")
            if path.is_file()
        }
        assert on_disk == {*snapshot.manifest.files, "manifest.json"}


def test_the_same_content_is_not_written_again(published: Path) -> None:
    before = {path: path.stat().st_mtime_ns for path in published.rglob("*") if path.is_file()}
    name = current_name(published)
    with open_snapshot(published) as snapshot:
        created = snapshot.manifest.created_at
    again = write_small_snapshot(published, FILMS, run_id="another")
    assert (again.name, again.is_new) == (name, False)
    assert again.manifest.created_at == created
    after = {path: path.stat().st_mtime_ns for path in published.rglob("*") if path.is_file()}
    before.pop(published / layout.LOCK), after.pop(published / layout.LOCK)
    assert after == before
    assert folders(published) == {name}


def test_content_that_was_there_before_is_served_again(tmp_path: Path, contents: list[Any]) -> None:
    first = write_snapshot(tmp_path, contents[0])
    second = write_snapshot(tmp_path, contents[1])
    assert current_name(tmp_path) == second.name != first.name
    again = write_snapshot(tmp_path, contents[0])
    assert current_name(tmp_path) == again.name == first.name
    assert not again.is_new


def test_a_damaged_folder_of_the_same_content_is_replaced(published: Path) -> None:
    name = current_name(published)
    films = published / name / layout.FILMS
    flip(films)
    with pytest.raises(SnapshotError):
        open_snapshot(published)
    again = write_small_snapshot(published, FILMS)
    assert (again.name, again.is_new) == (name, True)
    with open_snapshot(published) as snapshot:
        snapshot.verify()
    assert folders(published) == {name}


# -- what is refused ------------------------------------------------------------------------------


def flip(path: Path) -> None:
    raw = bytearray(path.read_bytes())
    raw[len(raw) // 2] ^= 1
    path.write_bytes(raw)


def truncate(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:-1])


def lengthen(path: Path) -> None:
    path.write_bytes(path.read_bytes() + b"\0")


def every_file() -> list[str]:
    names = [f"features/{name}.npy" for name in layout.FEATURE_DTYPES]
    more = ["neighbours/indptr.npy", layout.PAIRS, layout.FILMS, layout.REASONS, layout.VOCABULARY]
    return [*names, *more, layout.QUALITY, layout.WEIGHTS]


@pytest.mark.parametrize("damage", [flip, truncate, lengthen, Path.unlink])
@pytest.mark.parametrize("name", every_file())
def test_any_damaged_file_is_seen_at_opening(
    published: Path, name: str, damage: Callable[[Path], None]
) -> None:
    damage(published / current_name(published) / name)
    with pytest.raises(SnapshotError, match=f"is damaged: {name}.*movie-assets build"):
        open_snapshot(published)


def test_large_files_are_verified_when_asked(
    published: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(reader, "CHECKED_AT_OPENING", 50_000)
    flip(published / current_name(published) / layout.PAIRS)
    with (
        open_snapshot(published) as snapshot,
        pytest.raises(SnapshotError, match=f"is damaged: {layout.PAIRS}"),
    ):
        snapshot.verify()
    flip(published / current_name(published) / "features/years.npy")
    with pytest.raises(SnapshotError, match="is damaged: features/years"):
        open_snapshot(published)


def rewritten(published: Path, change: Callable[[dict[str, Any]], None]) -> None:
    """Change the manifest, and make its checksum and the folder's name fit."""
    folder = published / current_name(published)
    with open_snapshot(published) as snapshot:
        found = snapshot.manifest.model_dump(mode="json")
    change(found)
    manifest = reader.Manifest.model_validate(found).sealed()
    manifest.write(folder)
    folder.rename(published / manifest.name)
    (published / layout.CURRENT).write_text(manifest.name)


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (lambda found: found.update(films=FILMS + 1), "other columns or rows"),
        (lambda found: found.update(pairs=1), "pairs.npy is"),
        (lambda found: found.update(terms=1), "features/by_term_indptr.npy is"),
        (lambda found: found.update(signals=["tmdb"]), "missing from its manifest"),
        (lambda found: found["files"].pop(layout.PAIRS), "missing from its manifest"),
        (
            lambda found: found["files"].update({"../../outside": found["files"][layout.WEIGHTS]}),
            "no file of it",
        ),
        (
            lambda found: found["files"].update({"/etc/hostname": found["files"][layout.WEIGHTS]}),
            "no file of it",
        ),
    ],
)
def test_a_manifest_that_says_something_else_is_refused(
    published: Path, change: Callable[[dict[str, Any]], None], words: str
) -> None:
    rewritten(published, change)
    with pytest.raises(SnapshotError, match=f"is damaged: .*{words}"):
        open_snapshot(published)


def test_a_folder_of_another_name_is_refused(published: Path) -> None:
    (published / current_name(published)).rename(published / ("0" * 32))
    (published / layout.CURRENT).write_text("0" * 32)
    with pytest.raises(SnapshotError, match="is not of this name"):
        open_snapshot(published)


def test_a_newer_format_is_refused(published: Path) -> None:
    path = published / current_name(published) / layout.MANIFEST
    path.write_text(json.dumps(json.loads(path.read_bytes()) | {"format": layout.FORMAT + 1}))
    with pytest.raises(SnapshotError, match="upgrade movie_assets"):
        open_snapshot(published)


@pytest.mark.parametrize("text", ["", "\n", "../x", "/etc", "abc", "g" * 32, "\0", "0" * 33])
def test_current_names_a_snapshot_and_nothing_else(published: Path, text: str) -> None:
    (published / layout.CURRENT).write_text(text)
    with pytest.raises(SnapshotError, match="current is damaged: it names no snapshot"):
        open_snapshot(published)


def test_what_is_not_there_says_what_to_do(
    published: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with pytest.raises(SnapshotError, match=r"Nothing is published in .* movie-assets build"):
        open_snapshot(tmp_path / "nowhere")
    monkeypatch.setattr(reader, "_PAUSE_SECONDS", 0.001)
    folder = published / current_name(published)
    (folder / layout.MANIFEST).unlink()
    with pytest.raises(SnapshotError, match=r"has no manifest\.json\. Publish again"):
        open_snapshot(published)
    shutil.rmtree(folder)
    with pytest.raises(SnapshotError, match=r"which is not there\. Publish again"):
        open_snapshot(published)
    (published / layout.CURRENT).write_bytes(b"\xff")
    with pytest.raises(SnapshotError, match="cannot be read"):
        open_snapshot(published)


# -- old ones -------------------------------------------------------------------------------------


def test_the_last_three_are_kept(tmp_path: Path, contents: list[Any]) -> None:
    names = [write_snapshot(tmp_path, some).name for some in contents[:5]]
    assert folders(tmp_path) == set(names[2:])
    # Served again, so that it is the last one now.
    assert write_snapshot(tmp_path, contents[2]).name == names[2]
    newest = write_snapshot(tmp_path, contents[5])
    assert newest.removed.removed == (names[3],)
    assert folders(tmp_path) == {names[4], names[2], newest.name}
    assert hidden(tmp_path) == {layout.LOCK}


def test_one_that_a_reader_holds_stays_until_it_is_closed(
    tmp_path: Path, contents: list[Any]
) -> None:
    first = write_snapshot(tmp_path, contents[0], keep=1)
    with open_snapshot(tmp_path) as snapshot, open_snapshot(tmp_path) as other:
        scores = snapshot.neighbours["score"].copy()
        second = write_snapshot(tmp_path, contents[1], keep=1)
        assert second.removed.held == (first.name,)
        assert folders(tmp_path) == {first.name, second.name}
        other.close()
        assert write_snapshot(tmp_path, contents[2], keep=1).removed.held == (first.name,)
        snapshot.close()
        assert first.name in write_snapshot(tmp_path, contents[3], keep=1).removed.removed
        assert first.name not in folders(tmp_path)
        # A request that is under way has all that it needs.
        np.testing.assert_array_equal(snapshot.neighbours["score"], scores)
        assert len(snapshot.pairs_of(3)) == np.diff(snapshot.neighbours["indptr"])[3]
        assert len(snapshot.films["title"].to_pylist()) == FILMS


HOLD = """
    import sys
    from pathlib import Path
    from movie_assets.serving.snapshot import open_snapshot
    snapshot = open_snapshot(Path(sys.argv[1]))
    print(snapshot.name, flush=True)
    sys.stdin.read()
    snapshot.close()
    print("closed", flush=True)
    sys.stdin.read()
"""
READ_ONLY = 'mount --bind "$0" "$0" && mount -o remount,ro,bind "$0" && exec "$@"'
NAMESPACE = ("unshare", *(() if os.getuid() == 0 else ("--user", "-r")), "--mount", "sh", "-c")


@pytest.mark.process
@pytest.mark.parametrize("mounted", ["as it is", "read-only"])
def test_another_process_holds_it_even_where_it_cannot_write(
    tmp_path: Path, contents: list[Any], mounted: str
) -> None:
    first = write_snapshot(tmp_path, contents[0], keep=1)
    before: tuple[str, ...] = ()
    if mounted == "read-only":
        before = (*NAMESPACE, READ_ONLY, str(tmp_path))
        if subprocess.run([*before, "true"], capture_output=True, check=False).returncode:
            pytest.skip("this system lets us mount no file system of our own")
    program = "\n".join(line[4:] for line in HOLD.splitlines())
    with subprocess.Popen(
        [*before, sys.executable, "-c", program, str(tmp_path)],
        stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
    ) as server:  # fmt: skip
        assert server.stdout is not None
        assert server.stdout.readline() == f"{first.name}\n"
        assert write_snapshot(tmp_path, contents[1], keep=1).removed.held == (first.name,)
        # What holds it is the process, whatever ends it.
        server.kill()
    assert write_snapshot(tmp_path, contents[2], keep=1).removed.removed
    assert first.name not in folders(tmp_path)


def test_what_is_not_ours_is_left_alone(published: Path, contents: list[Any]) -> None:
    (published / "notes.txt").write_text("mine")
    (published / "backup").mkdir()
    for some in contents[:4]:
        write_snapshot(published, some, keep=1)
    assert (published / "notes.txt").read_text() == "mine"
    assert "backup" in folders(published)


def test_a_remains_without_a_manifest_is_removed_too(published: Path, contents: list[Any]) -> None:
    broken = published / ("f" * 32)
    broken.mkdir()
    (broken / "films.arrow").write_bytes(b"x")
    os.utime(broken, (1, 1))
    assert write_snapshot(published, contents[1], keep=2).removed.removed == ("f" * 32,)
    assert len(folders(published)) == 2


def test_litter_of_killed_writers_is_removed(published: Path, contents: list[Any]) -> None:
    for name in (f"{layout.DRAFT}12345678", f"{layout.REMOVED}{'a' * 32}-1"):
        (published / name / "features").mkdir(parents=True)
        (published / name / "features" / "data.npy").write_bytes(bytes(1000))
    (published / f"{layout.DRAFT}{layout.CURRENT}").write_text("half a na")
    write_snapshot(published, contents[1])
    assert hidden(published) == {layout.LOCK}


# -- at once --------------------------------------------------------------------------------------


@pytest.mark.process
def test_readers_never_see_a_part_while_writers_swap(tmp_path: Path, contents: list[Any]) -> None:
    """One process opens in a loop while this one publishes and removes all but the last."""
    write_snapshot(tmp_path, contents[0], keep=1)
    program = """
import sys, time
from pathlib import Path
from movie_assets.serving.snapshot import open_snapshot
published, seen, opened = Path(sys.argv[1]), set(), 0
print("ready", flush=True)
end = time.monotonic() + 60
while time.monotonic() < end:
    with open_snapshot(published) as snapshot:
        opened += 1
        seen.add((snapshot.name, snapshot.quality[0]["value"]))
        assert len(snapshot.films) == len(snapshot.movie_ids)
        if snapshot.quality[0]["value"] == 99:
            break
print(opened, len(seen), len({name for name, _ in seen}))
"""
    with subprocess.Popen(
        [sys.executable, "-c", program, str(tmp_path)],
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
    ) as server:  # fmt: skip
        assert server.stdout is not None
        assert server.stdout.readline() == "ready\n", server.communicate()
        for number in range(8):
            write_snapshot(tmp_path, contents[number % 4], keep=1)
        write_snapshot(tmp_path, replace(contents[0], quality=[{"value": 99}]), keep=1)
        output, errors = server.communicate(timeout=60)
    assert server.returncode == 0, errors
    opened, seen, names = map(int, output.split())
    assert seen == names > 1
    assert opened > seen


WRITE = """
import sys
from dataclasses import replace
from pathlib import Path
from movie_assets.serving.snapshot import write_snapshot
from movie_assets_tests.snapshots import bundled_films, content_of
content = content_of(bundled_films()[:40])
print("ready", flush=True)
sys.stdin.readline()
for number in range(4):
    figures = [{"metric": "generation", "value": f"{sys.argv[2]} {number}"}]
    write_snapshot(Path(sys.argv[1]), replace(content, quality=figures))
print("done", flush=True)
"""


@pytest.mark.process
def test_two_writers_take_turns(tmp_path: Path) -> None:
    writers = [
        subprocess.Popen(
            [sys.executable, "-c", WRITE, str(tmp_path), name],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
            text=True, cwd=PROJECT,
        )
        for name in ("a", "b")
    ]  # fmt: skip
    for writer in writers:
        assert writer.stdout is not None
        assert writer.stdout.readline() == "ready\n", writer.communicate()
    ends = [writer.communicate("go\n", timeout=60) for writer in writers]
    assert [output for output, _ in ends] == ["done\n", "done\n"], ends
    with open_snapshot(tmp_path) as snapshot:
        snapshot.verify()
        assert generation_text(snapshot) in {"a 3", "b 3"}
    assert len(folders(tmp_path)) == 3
    assert hidden(tmp_path) == {layout.LOCK}


def generation_text(snapshot: Snapshot) -> str:
    return str(snapshot.quality[0]["value"])


def test_a_writer_does_not_wait_for_ever(published: Path, contents: list[Any]) -> None:
    started = time.monotonic()
    with (
        FileLock(published / layout.LOCK),
        pytest.raises(SnapshotError, match=r"Another process is publishing .* waited 0\.2 s"),
    ):
        write_snapshot(published, contents[1], wait_seconds=0.2)
    assert time.monotonic() - started < 10
    assert write_snapshot(published, contents[1]).is_new
