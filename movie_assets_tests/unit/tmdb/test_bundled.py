"""The bundled films behave as a source of films."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from pathlib import Path

import pytest

from movie_assets.tmdb import (
    BundledCatalogue,
    CatalogueBrokenError,
    CatalogueMissingError,
    MovieSource,
    NotFoundError,
)

FILMS = [
    {"id": 3, "original_language": "en", "title": "Three"},
    {"id": 1, "original_language": "fr", "title": "Un"},
    {"id": 3, "original_language": "en", "title": "Three again"},
    {"id": 2, "original_language": "en", "title": "Two"},
    "no film",
]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    files = {
        "popular.json": {"results": FILMS},
        "genres.json": {"genres": [{"id": 18, "name": "Drama"}, None]},
        "details.json": {"3": {"id": 3, "keywords": {"keywords": []}}, "4": []},
    }
    for name, content in files.items():
        (tmp_path / name).write_text(json.dumps(content))
    return tmp_path


@pytest.fixture
def catalogue(folder: Path) -> MovieSource:
    return BundledCatalogue(folder)


def test_all_films_in_their_order(catalogue: MovieSource) -> None:
    told: list[tuple[int, int]] = []
    popular = catalogue.popular_movies(limit=10, progress=lambda *numbers: told.append(numbers))
    assert popular.movies == [FILMS[0], FILMS[1], FILMS[3]]
    assert popular.rejected == {"not an object": 1}
    assert (popular.total_results, popular.repeated, popular.pages) == (5, 1, 1)
    assert told[-1] == (3, 4)
    assert catalogue.name == "bundled films"


def test_the_limit_and_the_language(catalogue: MovieSource) -> None:
    popular = catalogue.popular_movies(limit=1, language="en")
    assert popular.movies == [FILMS[0]]
    assert popular.complete
    assert catalogue.popular_movies(limit=9, language="xx").movies == []
    with pytest.raises(ValueError, match="limit"):
        catalogue.popular_movies(limit=0)


def test_genres_are_given_as_they_are(catalogue: MovieSource) -> None:
    assert catalogue.genres(language="de") == [{"id": 18, "name": "Drama"}, None]


def test_details(catalogue: MovieSource) -> None:
    assert catalogue.movie(3, append=["keywords"])["keywords"] == {"keywords": []}
    with pytest.raises(NotFoundError, match="no film 99"):
        catalogue.movie(99)
    with pytest.raises(CatalogueBrokenError, match="not an object"):
        catalogue.movie(4)


def test_details_of_many(catalogue: MovieSource) -> None:
    found: dict[int, object] = {}
    catalogue.details([99, 3], found.__setitem__)
    assert isinstance(found.pop(99), NotFoundError)
    assert found == {3: {"id": 3, "keywords": {"keywords": []}}}
    with pytest.raises(CatalogueBrokenError, match="not an object"):
        catalogue.details([3, 4], found.__setitem__)


def test_nothing_ever_changes(catalogue: MovieSource) -> None:
    now = datetime.now(UTC)
    assert catalogue.changed_movie_ids(now, now) == set()


def test_a_missing_file_is_named(folder: Path) -> None:
    (folder / "genres.json").unlink()
    with pytest.raises(CatalogueMissingError, match=r"genres\.json: No such file"):
        BundledCatalogue(folder).genres()


@pytest.mark.parametrize("content", [b"", b"[]", b'{"results": null}', b"\xff", b'{"results": [Na'])
def test_a_broken_file_is_named(folder: Path, content: bytes) -> None:
    (folder / "popular.json").write_bytes(content)
    with pytest.raises(CatalogueBrokenError, match=r"popular\.json"):
        BundledCatalogue(folder).popular_movies(limit=3)


def test_its_name_shows_where_it_is(folder: Path) -> None:
    assert str(folder) in repr(BundledCatalogue(folder))
