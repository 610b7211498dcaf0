"""What becomes of a build when TMDB fails, in every way that we know of: nothing stored is lost."""

from __future__ import annotations

import shutil
import socket
from contextlib import closing
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from functools import partial
from pathlib import Path
from typing import Any

import dagster as dg
import duckdb
import pytest

from movie_assets.assets.feature_files import FeatureFileIOManager
from movie_assets.tmdb import Timeouts
from movie_assets.warehouse import read_table
from movie_assets.warehouse.io_manager import WarehouseIOManager, WarehouseStorage

pytestmark = pytest.mark.no_cover

POPULAR, GENRES = "/movie/popular", "/genre/movie/list"
AWKWARD_TITLE = "\U0001f980 'quoted' \"twice\"\n\u05e9\u05dc\u05d5\u05dd"
_PAGE = {"page": 1, "results": [], "total_pages": 1, "total_results": 0}


@pytest.fixture(scope="module")
def shared_folder(built_from_tmdb: Any, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("failures") / "home"
    shutil.copytree(built_from_tmdb.folder, folder)
    return folder


@pytest.fixture(scope="module")
def before(shared_folder: Path, hashes_of: Any) -> dict[str, str]:
    """The content of every table before anything failed."""
    return dict(hashes_of(shared_folder))


@pytest.fixture
def unlucky(shared_folder: Path, open_without_history: Any) -> Any:
    """One home for all failures, since none of them may change it; everything is to be built."""
    return open_without_history(shared_folder)


def errors(report: Any) -> dict[str, str]:
    return {outcome.name: outcome.error for outcome in report.outcomes if outcome.error}


AN_HOUR_AGO = format_datetime(datetime.now(UTC) - timedelta(hours=1), usegmt=True)

#: What the server does, the words of the error that must come of it, and how often it is asked.
FAILURES: dict[str, tuple[dict[str, Any], str, int]] = {
    "401": (
        {"status": 401, "body": {"status_code": 7, "status_message": "Invalid API key"}},
        "InvalidKeyError: 127.0.0.1",
        1,
    ),
    "404": ({"status": 404}, "NotFoundError: 127.0.0.1", 1),
    "422": (
        {"status": 422, "body": {"status_code": 5, "status_message": "Invalid parameters"}},
        "InvalidRequestError: 127.0.0.1",
        1,
    ),
    "429 with seconds": (
        {"status": 429, "headers": {"Retry-After": "0"}},
        "RateLimitedError: 127.0.0.1",
        2,
    ),
    "429 with a date": (
        {"status": 429, "headers": {"Retry-After": AN_HOUR_AGO}},
        "RateLimitedError: 127.0.0.1",
        2,
    ),
    "500": ({"status": 500}, "ServerError: 127.0.0.1", 2),
    "503": ({"status": 503, "body": b"<html>down</html>"}, "ServerError: 127.0.0.1", 2),
    "reset": ({"fault": "reset"}, "ConnectionFailedError: The connection", 2),
    "hang": ({"fault": "hang"}, "RequestTimeoutError: 127.0.0.1", 2),
    "truncated": ({"body": _PAGE, "fault": "truncate"}, "cut short or garbled", 2),
    "html": ({"body": b"<html>busy</html>"}, "sent an HTML page", 2),
    "empty": ({"body": b""}, "sent an empty answer", 2),
    "no json": ({"body": b"{'page': 1}"}, "is not JSON", 2),
    "a list": ({"body": [1, 2]}, "UnexpectedShapeError: The answer", 2),
    "redirect": (
        {"status": 301, "headers": {"Location": "https://elsewhere.example/"}},
        "RedirectError: 127.0.0.1",
        1,
    ),
    "no results": (
        {"body": {"page": 1, "total_pages": 1, "total_results": 1}},
        "has no list of 'results'",
        2,
    ),
    "null results": ({"body": _PAGE | {"results": None}}, "has no list of 'results'", 2),
    "a string for a number": (
        {"body": _PAGE | {"total_results": "many"}},
        "has no whole number as 'total_results'",
        2,
    ),
    "no genres": ({"body": {}}, "has no list of 'genres'", 2),
    "null genres": ({"body": {"genres": None}}, "has no list of 'genres'", 2),
}


@pytest.mark.parametrize(
    ("of_popular", "of_genres"),
    [
        ("401", "404"),
        ("404", "401"),
        ("422", "429 with seconds"),
        ("429 with seconds", "422"),
        ("429 with a date", "500"),
        ("500", "reset"),
        ("503", "hang"),
        ("reset", "truncated"),
        ("hang", "html"),
        ("truncated", "503"),
        ("html", "no json"),
        ("empty", "redirect"),
        ("redirect", "empty"),
        ("no results", "no genres"),
        ("null results", "null genres"),
        ("a string for a number", "a list"),
    ],
)
def test_failures_are_told_and_lose_nothing(
    unlucky: Any, stand_in: Any, before: dict[str, str], of_popular: str, of_genres: str
) -> None:
    stand_in.fail(POPULAR, **FAILURES[of_popular][0])
    stand_in.fail(GENRES, **FAILURES[of_genres][0])
    if "hang" in (of_popular, of_genres):
        unlucky.timeouts = Timeouts(connect=1, read=1, whole=2)
    report = unlucky.build(refresh=True)
    assert not report.succeeded
    told = errors(report)
    assert set(told) == set(unlucky.record.failed) == {"raw_popular_movies", "raw_genres"}
    assert FAILURES[of_popular][1] in told["raw_popular_movies"]
    assert FAILURES[of_genres][1] in told["raw_genres"]
    assert stand_in.paths().count(POPULAR) == FAILURES[of_popular][2]
    assert stand_in.paths().count(GENRES) == FAILURES[of_genres][2]
    assert unlucky.hashes() == before


def test_a_refused_connection_is_told_and_loses_nothing(
    unlucky: Any, before: dict[str, str]
) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        closed = taken.getsockname()[1]
    report = unlucky.build(refresh=True, TMDB_BASE_URL=f"http://127.0.0.1:{closed}/3")
    assert {"raw_popular_movies", "raw_genres"} <= set(errors(report))
    assert all("was refused or broke off" in error for error in errors(report).values())
    assert unlucky.hashes() == before


def test_a_missing_key_is_told_and_loses_nothing(
    unlucky: Any,
    before: dict[str, str],
    stand_in: Any,
    build_definitions: Any,
    settings_of: Any,
) -> None:
    settings = settings_of(
        unlucky.settings.home, MOVIE_ASSETS_SOURCE="popular", TMDB_BASE_URL=stand_in.url
    )
    report = unlucky.build(refresh=True, definitions=build_definitions(settings))
    assert any("TMDB_API_KEY" in error for error in errors(report).values()), errors(report)
    assert stand_in.asked == []
    assert unlucky.hashes() == before


def test_after_a_failure_the_next_build_goes_on(home: Any, stand_in: Any) -> None:
    before = home.hashes()
    stand_in.fail(GENRES, status=404)
    assert not home.build(refresh=True).succeeded
    assert home.hashes() == before
    stand_in.faults.clear()
    report = home.build()
    assert report.succeeded, errors(report)
    [genres] = [outcome for outcome in report.outcomes if outcome.name == "raw_genres"]
    assert genres.reasons == ("last attempt failed",)
    assert home.build().ran == ()
    assert home.hashes() == before


def test_a_failure_below_keeps_what_is_above_and_below_it(home: Any, tmp_path: Any) -> None:
    before = home.hashes()
    (tmp_path / "a file").write_text("no folder")
    blocked = FeatureFileIOManager(directory=str(tmp_path / "a file" / "features"))
    definitions = home.build_definitions(home.settings, features_io_manager=blocked)
    for path in home.settings.features_dir.iterdir():
        path.rename(tmp_path / path.name)
    report = home.build(definitions=definitions)
    status = {outcome.name: outcome.status for outcome in report.outcomes}
    assert status["movie_features"] == "failed"
    assert "movie_features" in errors(report)
    assert status["similarity_matrix"] == status["recommendation_quality"] == "not run"
    assert status["movies_table"] == "up to date"
    (tmp_path / "movie_features.npz").rename(home.settings.features_dir / "movie_features.npz")
    assert home.hashes() == before


# -- what a source may do that is no failure ----------------------------------------------------


def test_a_list_that_moves_is_read_completely(empty_home: Any, stand_in: Any) -> None:
    stand_in.moves = True
    report = empty_home.build()
    assert report.succeeded, errors(report)
    stored = read_table(empty_home.database, "movies_table")
    assert sorted(stored["id"]) == [
        film["id"] for film in sorted(stand_in.films, key=lambda f: f["id"])
    ]
    assert stand_in.paths().count(POPULAR) > 3  # it had to be read again


def test_a_language_is_asked_of_both_lists(home: Any, stand_in: Any) -> None:
    report = home.build(MOVIE_ASSETS_LANGUAGE="ja")
    assert report.succeeded, errors(report)
    reasons = {outcome.name: outcome.reasons for outcome in report.outcomes}
    for asset in ("raw_popular_movies", "raw_genres"):
        assert reasons[asset] == ("code or settings changed",)
    # 12 films after 60 are no loss: something else was asked for.
    stored = read_table(home.database, "movies_table")
    assert set(stored["original_language"]) == {"ja"}
    assert len(stored) == 12
    asked = {request.path: request.query for request in stand_in.asked}
    assert asked[POPULAR]["with_original_language"] == "ja"
    assert asked[GENRES]["with_original_language"] == "ja"


def test_faulty_rows_are_mended_or_dropped_and_counted(home: Any, stand_in: Any) -> None:
    faults: list[dict[str, Any]] = [
        {"title": "", "original_title": "Nur im Original"},
        {"title": "", "original_title": None},
        {"overview": ""},
        {"release_date": ""},
        {"release_date": "soon"},
        {"genre_ids": None},
        {"genre_ids": [18, 18, 4711]},
        {"vote_average": None, "vote_count": None},
        {"vote_count": "12"},
        {"popularity": "very"},
        {"id": 2**40},
        {"id": None},
        {"title": AWKWARD_TITLE + "\x00"},
        {"a_new_field": {"of": "TMDB"}},
    ]
    for film, fault in zip(stand_in.films, faults, strict=False):
        film.update(fault)
    stand_in.films.append("no object")
    stand_in.genres += [{"id": 35, "name": "Comedy"}, {"id": 99, "name": ""}]

    report = home.build(refresh=True)

    assert report.succeeded, errors(report)
    raw = figures(home, "raw_popular_movies")
    # The row without an id and the one that is no object cannot be told from others.
    assert (raw["rows_fetched"], raw["rows_rejected"], raw["dagster/row_count"]) == (61, 2, 59)
    assert raw["rows_with_malformed_fields"] == 2  # a popularity, a NUL
    movies = figures(home, "movies_table")
    assert movies["rows_dropped"] == 2
    assert "| no title | 1 |" in movies["rows_dropped_why"]
    assert "| id is out of INTEGER's range | 1 |" in movies["rows_dropped_why"]
    for line in (
        "title missing: original title taken | 1",
        "overview missing: null | 1",
        "release date missing: null | 1",
        "release date is no date: null | 1",
        "genres missing: none | 1",
        "genre unknown or repeated: left out | 2",
        "popularity missing or out of range: 0 | 1",
        "vote average missing or out of range: 0 | 1",
        "vote count missing or out of range: 0 | 1",
    ):
        assert f"| {line} |" in movies["values_mended_why"]
    assert movies["values_mended"] == 10
    genres = figures(home, "genres_table")
    assert genres["rows_dropped"] == 2
    stored = read_table(home.database, "movies_table").set_index("id")
    assert len(stored) == 57
    assert stored.loc[1000, "title"] == "Nur im Original"
    assert list(stored.loc[1006, "genre_ids"]) == [18]
    assert stored.loc[1008, "vote_count"] == 12
    assert stored.loc[1012, "title"] == AWKWARD_TITLE
    extra = read_table(home.database, "raw_popular_movies").set_index("id")["extra_fields"]
    assert "a_new_field" in extra.loc[1013]


def figures(home: Any, asset: str) -> dict[str, Any]:
    event = home.instance.get_latest_materialization_event(dg.AssetKey(asset))
    return {name: value.value for name, value in event.asset_materialization.metadata.items()}


def test_a_list_without_films_is_told_and_loses_nothing(
    unlucky: Any, before: dict[str, str], stand_in: Any
) -> None:
    stand_in.films, stand_in.genres = [], []
    told = errors(unlucky.build(refresh=True))
    assert "has no film in any language: check MOVIE_ASSETS_LANGUAGE" in told["raw_popular_movies"]
    assert "lists no genre" in told["raw_genres"]
    assert unlucky.hashes() == before


def test_one_film_has_no_neighbours(empty_home: Any, stand_in: Any) -> None:
    stand_in.films = stand_in.films[:1]
    told = errors(empty_home.build())
    assert "None of the 1 films has a neighbour with votes" in told["similarity_matrix"]
    assert len(read_table(empty_home.database, "movies_table")) == 1


def test_two_films_are_enough(empty_home: Any, stand_in: Any) -> None:
    stand_in.films = stand_in.films[:2]
    stand_in.films[1]["genre_ids"] = stand_in.films[0]["genre_ids"]
    report = empty_home.build()
    assert report.succeeded, errors(report)
    assert read_table(empty_home.database, "similarity_matrix")["rank"].tolist() == [1, 1]


# -- fewer rows than before ---------------------------------------------------------------------


def test_a_list_that_lost_films_stops_before_readers_and_heals(home: Any, stand_in: Any) -> None:
    before = home.hashes()
    all_films = stand_in.films
    stand_in.films = all_films[:47]  # of 60: less than 80 %
    report = home.build(refresh=True)
    assert not report.succeeded
    assert "RowsLostError" in errors(report)["raw_popular_movies"]
    assert "47 rows, after 60" in errors(report)["raw_popular_movies"]
    assert {o.name for o in report.ran} == {
        "raw_popular_movies",
        "raw_genres",
        "raw_movie_details",
    }
    assert home.hashes() == before

    stand_in.asked.clear()
    report = home.build()  # nobody said --refresh
    assert POPULAR in stand_in.paths()
    assert "47 rows, after 60" in errors(report)["raw_popular_movies"]
    status = {outcome.name: outcome.status for outcome in report.outcomes}
    assert status["raw_popular_movies"] == "failed"
    assert home.hashes() == before

    stand_in.films = all_films
    report = home.build()
    assert report.succeeded, errors(report)
    assert home.hashes() == before
    assert home.build().ran == ()


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"vote_count": None}, "vote count missing or out of range: 0 (60 of 60 films)"),
        ({"genre_ids": None, "overview": ""}, "genres missing: none (60 of 60 films)"),
        ({"title": None, "original_title": None}, "none of the films that the source sent"),
    ],
)
def test_films_that_all_lack_what_tmdb_always_gives_replace_no_films(
    home: Any, stand_in: Any, change: dict[str, Any], said: str
) -> None:
    before = home.hashes()
    whole = stand_in.films
    stand_in.films = [film | change for film in whole]
    report = home.build(refresh=True)
    assert said in errors(report)["movies_table"]
    kept = {name: hashed for name, hashed in before.items() if not name.startswith("raw_")}
    assert kept.items() <= home.hashes().items()

    stand_in.films = whole
    assert home.build(refresh=True).succeeded
    assert home.hashes() == before


def test_films_of_which_too_many_are_dropped_replace_no_films(home: Any, stand_in: Any) -> None:
    before = home.hashes()
    stand_in.films = [
        film | ({"title": None, "original_title": None} if n % 3 == 0 else {})
        for n, film in enumerate(stand_in.films)
    ]
    report = home.build(refresh=True)
    assert "movies_table was not written: 40 rows, after 60" in errors(report)["movies_table"]
    assert home.hashes()["movies_table"] == before["movies_table"]


def test_what_an_asset_raised_is_told_and_not_its_cause(
    home: Any, stand_in: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    stand_in.films = [film | {"id": film["id"] + 1} for film in stand_in.films]
    impatient = WarehouseIOManager(database=str(home.database), wait_seconds=0.1)
    build = partial(home.build_definitions, io_manager=impatient)
    monkeypatch.setattr(home, "build_definitions", build)
    write = WarehouseStorage.handle_output

    def held_when_written(*arguments: Any) -> None:
        with closing(duckdb.connect(str(home.database), read_only=True)):
            write(*arguments)

    monkeypatch.setattr(WarehouseStorage, "handle_output", held_when_written)
    report = home.build(refresh=True)
    assert errors(report)["raw_popular_movies"].startswith("WarehouseLockedError: ")
