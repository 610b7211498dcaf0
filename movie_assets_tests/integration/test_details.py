"""The films' details, from TMDB to movie_details: what is asked for, stored, mended and refused."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import dagster as dg
import duckdb
import pytest

from movie_assets.assets import film_details
from movie_assets.warehouse import read_table

pytestmark = pytest.mark.no_cover

CHANGES = "/movie/changes"


def figures(home: Any, asset: str) -> dict[str, Any]:
    event = home.instance.get_latest_materialization_event(dg.AssetKey(asset))
    return {name: value.value for name, value in event.asset_materialization.metadata.items()}


def errors(report: Any) -> dict[str, str]:
    return {outcome.name: outcome.error for outcome in report.outcomes if outcome.error}


def asked_films(stand_in: Any) -> list[int]:
    """The films whose details were asked for, each as often as it was."""
    numbers = [path.removeprefix("/movie/") for path in stand_in.paths()]
    return sorted(int(number) for number in numbers if number.isdigit())


def all_films(stand_in: Any) -> list[int]:
    return [film["id"] for film in stand_in.films]


def row(home: Any, table: str, film: int) -> dict[str, Any]:
    found: dict[str, Any] = read_table(home.database, table).set_index("id").loc[film].to_dict()
    return found


# -- what is asked for ----------------------------------------------------------------------------


def test_every_film_is_asked_for_once_with_all_that_is_needed(
    empty_home: Any, stand_in: Any
) -> None:
    report = empty_home.build()
    assert report.succeeded, errors(report)
    assert asked_films(stand_in) == all_films(stand_in)
    assert CHANGES not in stand_in.paths()
    asked = next(asked for asked in stand_in.asked if asked.path == "/movie/1001")
    assert asked.query["append_to_response"] == "keywords,credits,recommendations"
    assert row(empty_home, "movie_details", 1001) == {
        "imdb_id": "tt0001001",
        "tagline": "The ghost is back.",
        "runtime": 81,
        "collection_id": 1,
        "collection_name": "Tales",
        "keywords": ["ghost", "pirate", "murder", "dragon", "farm", "vampire"],
        "directors": ["Person 0"],
        "writers": ["Person 2"],
        "composers": [],
        "actors": [f"Actor {(1001 * n) % 30}" for n in range(10)],
        "recommended_ids": [1002, 1003],
    }
    assert len(read_table(empty_home.database, "movie_details")) == 60


def test_only_new_and_changed_films_are_asked_for_again(home: Any, stand_in: Any) -> None:
    stand_in.films[0] = stand_in.films[0] | {"id": 7}
    stand_in.changed = [1001, 1002, 50_000]
    stand_in.details = {film: {"tagline": "New!"} for film in (1002, 1003)}
    report = home.build(refresh=True)
    assert report.succeeded, errors(report)
    assert asked_films(stand_in) == [7, 1001, 1002]
    since = next(asked.query["start_date"] for asked in stand_in.asked if asked.path == CHANGES)
    assert since in {str((datetime.now(UTC) - timedelta(days=d)).date()) for d in (0, 1)}
    taglines = read_table(home.database, "movie_details").set_index("id")["tagline"]
    assert taglines.loc[1002] == "New!"
    assert taglines.loc[1003] == "The vampire is back."  # nobody said that it changed
    assert 7 in taglines.index
    assert 1000 not in taglines.index
    raw = figures(home, "raw_movie_details")
    assert (raw["films_listed"], raw["films_kept"], raw["films_fetched"]) == (60, 57, 3)


def test_another_order_of_the_list_is_no_other_content(home: Any, stand_in: Any) -> None:
    before = home.hashes()
    stand_in.films.reverse()
    assert home.build(refresh=True).succeeded
    after = home.hashes()
    assert after["raw_popular_movies"] != before["raw_popular_movies"]
    for table in ("raw_movie_details", "movie_details"):
        assert after[table] == before[table]


def test_after_a_while_all_films_are_asked_for_anew(
    home: Any, stand_in: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = figures(home, "raw_movie_details")
    assert home.build(refresh=True).succeeded
    assert asked_films(stand_in) == []
    kept = figures(home, "raw_movie_details")
    assert kept["all_asked_at"] == before["all_asked_at"] < kept["asked_at"]
    monkeypatch.setattr(film_details, "ALL_ANEW_AFTER", timedelta(0))
    assert home.build(refresh=True).succeeded
    assert asked_films(stand_in) == all_films(stand_in)
    anew = figures(home, "raw_movie_details")
    assert anew["all_asked_at"] == anew["asked_at"] > kept["asked_at"]


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE raw_movie_details SET tagline = 'mine' WHERE id = 1003",
        "DROP TABLE raw_movie_details",
    ],
)
def test_a_table_that_is_not_as_it_was_left_is_made_anew(
    home: Any, stand_in: Any, statement: str
) -> None:
    before = home.hashes()
    with duckdb.connect(str(home.database)) as connection:
        connection.execute(statement)
    assert home.build(refresh=True).succeeded
    assert asked_films(stand_in) == all_films(stand_in)
    assert home.hashes() == before


def test_other_settings_ask_for_all_films(home: Any, stand_in: Any) -> None:
    assert home.build(MOVIE_ASSETS_MAX_MOVIES=20).succeeded
    assert asked_films(stand_in) == all_films(stand_in)[:20]


# -- what may be wrong with a film ----------------------------------------------------------------


def test_a_film_that_tmdb_no_longer_knows_is_left_out_and_counted(home: Any, stand_in: Any) -> None:
    stand_in.changed = [1004]
    stand_in.fail("/movie/1004", status=404, body={"status_code": 34})
    report = home.build(refresh=True)
    assert report.succeeded, errors(report)
    raw = figures(home, "raw_movie_details")
    assert (raw["films_left_out"], raw["dagster/row_count"]) == (1, 59)
    assert "| the source does not know the film any more | 1 |" in raw["films_left_out_why"]
    assert figures(home, "movie_details")["films_without_details"] == 1
    assert 1004 in set(read_table(home.database, "movies_table")["id"])
    assert 1004 not in set(read_table(home.database, "movie_details")["id"])
    # Should it come back, it is asked for without being named.
    stand_in.faults.clear()
    stand_in.changed, stand_in.asked = [], []
    assert home.build(refresh=True).succeeded
    assert asked_films(stand_in) == [1004]
    assert 1004 in set(read_table(home.database, "movie_details")["id"])


def test_another_films_details_are_never_taken(empty_home: Any, stand_in: Any) -> None:
    stand_in.details[1004] = {"id": 1005}
    report = empty_home.build()
    assert report.succeeded, errors(report)
    assert asked_films(stand_in).count(1004) == 2
    assert figures(empty_home, "raw_movie_details")["films_left_out"] == 1
    stored = read_table(empty_home.database, "movie_details")
    assert len(stored) == 59
    assert stored["id"].is_unique
    assert 1004 not in set(stored["id"])


def test_another_films_details_replace_none_that_are_known(home: Any, stand_in: Any) -> None:
    before = home.hashes()
    stand_in.changed, stand_in.details = [1004], {1004: {"id": 1005, "tagline": "Wrong"}}
    assert home.build(refresh=True).succeeded
    assert home.hashes() == before
    assert figures(home, "raw_movie_details")["films_not_renewed"] == 1


def test_faulty_details_are_mended_and_counted(home: Any, stand_in: Any) -> None:
    big_cast = [{"name": f"Extra {n}", "order": n} for n in range(500)][::-1]
    stand_in.details = {
        1000: {"credits": None, "keywords": None, "recommendations": None},
        1001: {"credits": {"cast": big_cast, "crew": []}},
        1002: {"runtime": "long", "tagline": 5, "belongs_to_collection": []},
        1003: {"runtime": 0, "imdb_id": "", "tagline": " "},
        1004: {"runtime": -5, "belongs_to_collection": {"id": 2**40, "name": " Tales "}},
        1005: {"keywords": {"keywords": [{"name": " war"}, {"name": "war"}, {"name": ""}, 3]}},
        1006: {"recommendations": {"results": [{"id": i} for i in (1006, 5, 5, 2**40, 0)]}},
    }
    stand_in.changed = list(stand_in.details)
    report = home.build(refresh=True)
    assert report.succeeded, errors(report)
    assert figures(home, "raw_movie_details")["rows_with_malformed_fields"] == 2
    mended = figures(home, "movie_details")["values_mended_why"]
    for line in (
        "runtime out of range: null | 1",
        "collection id out of range: null | 1",
        "keywords blank or repeated: left out | 2",
        "recommended film out of range, repeated or itself: left out | 4",
    ):
        assert f"| {line} |" in mended
    bare = row(home, "movie_details", 1000)
    assert [bare[name] for name in ("actors", "directors", "keywords", "recommended_ids")] == [
        [],
        [],
        [],
        [],
    ]
    assert row(home, "movie_details", 1001)["actors"] == [f"Extra {n}" for n in range(10)]
    details = read_table(home.database, "movie_details").set_index("id")
    assert details.loc[[1002, 1003, 1004], "runtime"].isna().all()
    assert details.loc[[1002, 1003], ["tagline", "collection_name"]].isna().all(axis=None)
    assert details.loc[1004, "collection_name"] == "Tales"
    assert details.loc[1005, "keywords"] == ["war"]
    assert details.loc[1006, "recommended_ids"] == [5]
    assert '"tagline":5' in row(home, "raw_movie_details", 1002)["malformed_fields"]


def test_details_of_films_that_were_dropped_are_dropped(home: Any, stand_in: Any) -> None:
    stand_in.films[3] |= {"title": "", "original_title": None}
    report = home.build(refresh=True)
    assert report.succeeded, errors(report)
    found = figures(home, "movie_details")
    assert "| film is not in movies_table | 1 |" in found["rows_dropped_why"]
    assert (found["rows_in"], found["dagster/row_count"]) == (60, 59)


# -- what fails, and loses nothing ----------------------------------------------------------------


@pytest.mark.parametrize(
    ("path", "reply", "said"),
    [
        ("/movie/1004", {"status": 500}, "ServerError: 127.0.0.1"),
        ("/movie/1004", {"fault": "reset"}, "ConnectionFailedError"),
        ("/movie/1004", {"body": b"<html>"}, "sent an HTML page"),
        ("/movie/1004", {"status": 401}, "InvalidKeyError"),
        (CHANGES, {"status": 500}, "ServerError: 127.0.0.1"),
    ],
)
def test_a_failure_is_told_and_loses_nothing(
    home: Any, stand_in: Any, key: str, path: str, reply: dict[str, Any], said: str
) -> None:
    before = home.hashes()
    stand_in.changed = [1004]
    stand_in.fail(path, **reply)
    report = home.build(refresh=True)
    assert set(errors(report)) == {"raw_movie_details"}
    assert said in errors(report)["raw_movie_details"]
    assert key not in errors(report)["raw_movie_details"]
    assert home.hashes() == before
    stand_in.faults.clear()
    assert home.build().succeeded
    assert home.hashes() == before


def test_details_that_get_lost_are_refused_and_heal(home: Any, stand_in: Any) -> None:
    before = home.hashes()
    stand_in.changed = list(range(1000, 1013))  # of 60: more than 20 %
    for film in stand_in.changed:
        stand_in.fail(f"/movie/{film}", status=404)
    report = home.build(refresh=True)
    assert "raw_movie_details was not written: 47 rows" in errors(report)["raw_movie_details"]
    assert home.hashes() == before
    stand_in.faults.clear()
    assert home.build().succeeded
    assert home.hashes() == before


def test_no_details_at_all_are_told(empty_home: Any, stand_in: Any) -> None:
    for film in all_films(stand_in):
        stand_in.fail(f"/movie/{film}", status=404)
    told = errors(empty_home.build())
    assert "gives the details of none of the 60 films" in told["raw_movie_details"]
