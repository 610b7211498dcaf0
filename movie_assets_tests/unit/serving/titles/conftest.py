"""Small title indexes."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest

from movie_assets.serving.titles import TitleIndex, build_index
from movie_assets_tests.snapshots import bundled_films

#: Title, original title, votes, year.
Film = tuple[str | None, str | None, int, int | None]
SCHEMA = pa.schema(
    [
        ("title", pa.string()),
        ("original_title", pa.string()),
        ("popularity", pa.float32()),
        ("vote_count", pa.int32()),
        ("release_date", pa.date32()),
    ]
)


def table_of(films: Sequence[Film]) -> pa.Table:
    rows = [
        {
            "title": title,
            "original_title": original,
            "popularity": 1.0,
            "vote_count": votes,
            "release_date": year and date(year, 6, 1),
        }
        for title, original, votes, year in films
    ]
    return pa.Table.from_pylist(rows, SCHEMA)


@dataclass(frozen=True)
class Asked:
    """An index, and what its rows are called."""

    index: TitleIndex
    names: Sequence[str]

    def search(self, query: str, limit: int = 10) -> list[str]:
        return [self.names[row] for row in self.index.search(query, limit)]

    def find(self, title: str, year: int | None = None) -> list[str]:
        return [self.names[row] for row in self.index.find(title, year)]

    def near(self, title: str, year: int | None = None, **options: Any) -> list[str]:
        return [self.names[row] for row in self.index.near(title, year, **options)]


@pytest.fixture
def asked_of(tmp_path: Path) -> Callable[..., Asked]:
    """Builds and opens an index of films: titles only, or titles with what else is known."""

    def make(*films: str | Film) -> Asked:
        known = [
            film if isinstance(film, tuple) else (film, None, 1000 - place, 2000)
            for place, film in enumerate(films)
        ]
        build_index(tmp_path / "titles", table_of(known).to_batches(max_chunksize=3))
        labels = [
            f"{title} ({year})" if year != 2000 else str(title) for title, _, _, year in known
        ]
        return Asked(TitleIndex.open(tmp_path / "titles"), labels)

    return make


@pytest.fixture(scope="session")
def bundled() -> pa.Table:
    return bundled_films()


@pytest.fixture(scope="session")
def bundled_index(bundled: pa.Table, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("bundled") / "titles"
    build_index(folder, bundled.to_batches(max_chunksize=100))
    return folder


@pytest.fixture(scope="session")
def bundled_asked(bundled: pa.Table, bundled_index: Path) -> Asked:
    years = [day and day.year for day in bundled["release_date"].to_pylist()]
    names = [f"{t} ({y})" for t, y in zip(bundled["title"].to_pylist(), years, strict=True)]
    return Asked(TitleIndex.open(bundled_index), names)
