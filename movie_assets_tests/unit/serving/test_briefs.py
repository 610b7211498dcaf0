"""Films' JSON, written beforehand: it is what would be written when it is asked for."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from movie_assets.serving.api.models import FilmBrief
from movie_assets.serving.briefs import Briefs, brief, open_briefs
from movie_assets.serving.published import Published
from movie_assets.serving.snapshot import layout, open_snapshot
from movie_assets_tests.snapshots import write_small_snapshot

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
