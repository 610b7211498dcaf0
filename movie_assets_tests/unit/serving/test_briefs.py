"""Films' JSON, written beforehand: it is what would be written when it is asked for."""

from __future__ import annotations

import json
import mmap
import re
import sys
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from movie_assets.serving.api.models import FilmBrief
from movie_assets.serving.briefs import Briefs, brief, open_briefs
from movie_assets.serving.published import Published
from movie_assets.serving.snapshot import layout, open_snapshot
from movie_assets_tests.snapshots import write_small_snapshot

#: How much of a mapped file is in a process' memory, in what Linux tells of the process.
_RESIDENT = re.compile(r"films-1\.json\nSize: +(\d+) kB\n(?:.+\n)*?Rss: +(\d+) kB")

ODD = [
    {"movie_id": 1, "title": 'A "quoted" <b>title</b> \\ with\ttab'},
    {"movie_id": 2, "title": "七人の侍", "genres": ["Drama"], "vote_count": 3, "popularity": 0.1},
    {"movie_id": 5, "title": "Film", "release_date": "1954-04-26", "vote_average": 8.473},
]


@pytest.mark.parametrize("films", [200, ODD])
def test_what_was_written_is_what_would_be_written_now(tmp_path: Path, films: object) -> None:
    write_small_snapshot(tmp_path, films)  # type: ignore[arg-type]
    with open_snapshot(tmp_path) as snapshot:
        assert any(name.startswith(f"{layout.BRIEFS}/") for name in snapshot.manifest.files)
        briefs = Briefs(snapshot.folder / layout.BRIEFS)
        published = Published(snapshot)
        for row in range(snapshot.manifest.films):
            assert briefs[row] == brief(published.film_of(row))
            FilmBrief.model_validate_json(briefs[row], strict=True)


def test_a_snapshot_without_them(tmp_path: Path) -> None:
    assert open_briefs(tmp_path) is None
    with pytest.raises(FileNotFoundError):
        Briefs(tmp_path)


def test_what_a_list_shows(tmp_path: Path) -> None:
    write_small_snapshot(tmp_path, ODD)
    with open_snapshot(tmp_path) as snapshot:
        briefs = open_briefs(snapshot.folder / layout.BRIEFS)
    assert briefs is not None
    shown = json.loads(briefs[2])
    assert (shown["id"], shown["title"], shown["year"]) == (5, "Film", 1954)
    assert (shown["vote_average"], shown["genres"], shown["imdb_id"]) == (8.473, [], None)


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="asks Linux what is in memory")
def test_all_of_it_is_in_memory_after_it_was_read_ahead(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = tmp_path / layout.BRIEFS
    folder.mkdir()
    (folder / "films-1.json").write_bytes(bytes(40 * 1024 * 1024))
    np.save(folder / "ends-1.npy", np.zeros(1, np.int64))
    briefs = Briefs(folder)
    size, before = resident()
    assert before < size
    briefs.read_ahead()
    if not knows_how(folder):
        pytest.skip("this Linux is older than 5.14")
    assert resident() == (size, size)
    monkeypatch.setattr("movie_assets.serving.briefs._POPULATE", 9999)
    briefs.read_ahead()  # a kernel that does not know how


def knows_how(folder: Path) -> bool:
    """Whether this kernel can bring pages into a process before they are touched."""
    with (folder / "films-1.json").open("rb") as file:
        one = mmap.mmap(file.fileno(), mmap.PAGESIZE, access=mmap.ACCESS_READ)
    try:
        one.madvise(22)
    except OSError:
        return False
    finally:
        one.close()
    return True


def resident() -> tuple[int, int]:
    """The size of the mapped file, and how much of it is in this process's memory; in kB."""
    found = _RESIDENT.search(Path("/proc/self/smaps").read_text(encoding="utf-8"))
    assert found is not None
    return int(found[1]), int(found[2])


def test_a_file_that_is_too_large_to_be_mapped(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write_small_snapshot(tmp_path, ODD)
    with open_snapshot(tmp_path) as snapshot:
        folder = snapshot.folder / layout.BRIEFS
        mapped = Briefs(folder)
        monkeypatch.setattr("movie_assets.serving.briefs._MAPPED", 10)
        read = Briefs(folder)
    read.read_ahead()
    assert [read[row] for row in range(3)] == [mapped[row] for row in range(3)]
    rows = np.array([2, 0, 2], np.int32)
    assert told(read, rows) == told(mapped, rows) == [mapped[row] for row in rows.tolist()]


def told(briefs: Briefs, rows: NDArray[np.int32]) -> list[bytes]:
    """Films' JSON as compiled code gets it."""
    texts, which = briefs.texts(rows)
    return [
        texts.bytes[begin:end].tobytes()
        for begin, end in zip(texts.begins[which], texts.ends[which], strict=True)
    ]
