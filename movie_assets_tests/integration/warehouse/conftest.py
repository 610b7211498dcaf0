"""What the warehouse's integration tests share: a database, films, and other processes."""

from __future__ import annotations

import subprocess
import sys
import textwrap
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

Start = Callable[..., "subprocess.Popen[str]"]


@pytest.fixture
def database(tmp_path: Path) -> Path:
    return tmp_path / "home" / "movies_data.duckdb"


@pytest.fixture
def films() -> pd.DataFrame:
    """Three films, each with something awkward."""
    return pd.DataFrame(
        {
            "genre_ids": [[28, 12], [], [99]],
            "id": [3, 1, 2],
            "original_language": ["en", None, "ja"],
            "overview": ['He said "no"; DROP TABLE movies;--', None, "line one\nline two\ttab"],
            "popularity": [10.5, 0.0, 3.25],
            "release_date": pd.to_datetime(["1999-03-31", "NaT", "0001-01-01"]).astype(
                "datetime64[us]"
            ),
            "title": ["O'Brien's \U0001f980", "שלום", ""],
            "vote_average": [8.0, 0.0, 10.0],
            "vote_count": [100, 0, 1],
            "original_title": [None, None, None],
            "adult": [False, True, False],
            "video": [False, False, True],
            "backdrop_path": [None, None, None],
            "poster_path": ["/a.jpg", None, None],
            "popularity_rank": [1, 3, 2],
        }
    )


@pytest.fixture
def start() -> Iterator[Start]:
    """Starts Python programs, with arguments; they are stopped at the test's end."""
    started: list[subprocess.Popen[str]] = []

    def run(program: str, *arguments: Any, before: tuple[str, ...] = ()) -> subprocess.Popen[str]:
        process = subprocess.Popen(
            [*before, sys.executable, "-c", textwrap.dedent(program), *map(str, arguments)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        started.append(process)
        return process

    yield run
    for process in started:
        process.kill()
        process.communicate()
