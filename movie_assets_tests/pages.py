"""What the tests of the web page show: the bundled films, and two that would take a page over."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from scipy import sparse

from movie_assets.recommender import Signal
from movie_assets.serving.snapshot import Written
from movie_assets_tests.snapshots import bundled_films, write_small_snapshot

#: Runs where it is not escaped; each place of a page sets another number.
HOSTILE = '<script>window.pwned=1</script><img src=x onerror="window.pwned=2">\'"></title>'
HOSTILE_ID, HOSTILE_SEQUEL_ID = 99_000_001, 99_000_002
_HOSTILE_FILM = {
    "movie_id": HOSTILE_ID,
    "imdb_id": "tt1\"><script>window.pwned=3</script>",
    "title": HOSTILE,
    "original_title": '"><svg onload="window.pwned=4">',
    "overview": "</p><script>window.pwned=5</script>",
    "tagline": "<b onmouseover=window.pwned=6>hover</b>",
    "poster_path": '/x.jpg" onerror="window.pwned=7',
    "release_date": "1996-01-01",
    "runtime": 90,
    "original_language": 'e"><script>window.pwned=8</script>',
    "popularity": 50.0,
    "vote_average": 7.5,
    "vote_count": 3000,
    "genres": ["Crime", "<i>Heist</i>"],
    "directors": ["<u>Director</u>"],
    "writers": ["<u>Writer</u>"],
    "actors": ["<script>window.pwned=9</script>"],
    "keywords": ["<s>heist</s>", "bank robbery"],
    "collection": "<em>Series</em>",
}  # fmt: skip


def _figures() -> list[dict[str, object]]:
    said = [
        ("random", 0.01, 0.008, 0.013),
        ("tutorial's TF-IDF", 0.033, 0.028, 0.038),
        ("ours", 0.34, 0.32, 0.36),
        ("<b>bold</b>", 0.2, None, None),
        ("ours + MovieLens", 0.57, 0.55, 0.59),
    ]
    return [
        {
            "task": task, "method": method, "metric": "ndcg_at_10", "value": value,
            "low": low, "high": high, "description": "how good",
        }
        for task in ("similar films", "profiles")
        for method, value, low, high in said
    ]  # fmt: skip


def publish_pages_films(published: Path) -> Written:
    """Publish the bundled films, the two hostile ones, co-liked films and figures."""
    films = bundled_films().to_pylist()
    films += [
        _HOSTILE_FILM,
        _HOSTILE_FILM | {"movie_id": HOSTILE_SEQUEL_ID, "title": f"2 {HOSTILE}"},
    ]
    n = len(films)
    co_liked = sparse.csr_matrix(
        (np.full(2, 0.5, np.float32), ([n - 2, n - 1], [n - 1, n - 2])), shape=(n, n)
    )
    return write_small_snapshot(
        published, films, signals=[Signal("co_liked", 0.5, co_liked)], quality=_figures()
    )
