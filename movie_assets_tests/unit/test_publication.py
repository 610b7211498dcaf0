"""The streams that a snapshot's content comes from, out of tables in any order."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from movie_assets import publication
from movie_assets.publication import PublicationError, _Reading
from movie_assets.warehouse import TABLES
from movie_assets.warehouse.store import connect
from movie_assets_tests.films import features_of

FILMS = [3, 5, 8, 13, 21, 34]


def write_tables(database: Path, order: list[int], detailed: list[int]) -> None:
    with connect(database, read_only=False) as connection:
        for name in ("movies_table", "movie_details", "genres_table"):
            connection.execute(f"CREATE TABLE {name} ({TABLES[name].column_ddl})")
        connection.execute("INSERT INTO genres_table VALUES (1, 'Drama'), (2, 'Crime')")
        for number in order:
            connection.execute(
                "INSERT INTO movies_table BY NAME SELECT ? AS id, ? AS title, [2, 7, 1] AS "
                "genre_ids, false AS adult, false AS video, 1.5 AS popularity, 6.25 AS "
                "vote_average, 9 AS vote_count",
                [number, f"Film {number}"],
            )
        for number in detailed:
            connection.execute(
                "INSERT INTO movie_details BY NAME SELECT ? AS id, ? AS runtime, "
                "[?] AS actors, [] AS keywords, [] AS directors, [] AS writers, [] AS composers, "
                "[] AS recommended_ids",
                [number, 100 + number, f"Actor {number}"],
            )


@pytest.mark.parametrize("films_a_block", [1, 4, 50])
@pytest.mark.parametrize(
    ("order", "detailed"),
    [
        (FILMS, FILMS),
        (FILMS[::-1], FILMS[3:] + FILMS[:3]),
        (FILMS, [5, 34]),
        (FILMS[2:] + FILMS[:2], []),
        (FILMS, [1, *FILMS[1:], 99]),
    ],
    ids=["as they are wanted", "in other orders", "few details", "no details", "details of others"],
)
def test_films_come_with_their_details(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    order: list[int],
    detailed: list[int],
    films_a_block: int,
) -> None:
    monkeypatch.setattr(publication, "_FILMS_A_BLOCK", films_a_block)
    write_tables(tmp_path / "films.duckdb", order, detailed)
    features = replace(features_of([[1.0]] * len(FILMS)), movie_ids=np.array(FILMS, np.int32))
    with connect(tmp_path / "films.duckdb", read_only=True) as connection:
        batches = [batch.to_pandas() for batch in _Reading(connection, features).films()]
    found = pd.concat(batches)
    assert found["movie_id"].tolist() == FILMS
    assert found["title"].tolist() == [f"Film {number}" for number in FILMS]
    assert {tuple(names) for names in found["genres"]} == {("Crime", "Drama")}
    there = [number in detailed for number in FILMS]
    assert found["runtime"].notna().tolist() == there
    assert found["runtime"].dropna().tolist() == [n + 100 for n in FILMS if n in detailed]
    assert [list(names) for names in found["actors"]] == [
        [f"Actor {number}"] if has else [] for number, has in zip(FILMS, there, strict=True)
    ]
    assert all(not len(names) for name in ("keywords", "directors") for names in found[name])


@pytest.mark.parametrize("rows_apart", [0, 2, 100_000])
def test_the_reasons_of_some_pairs_wherever_they_are_stored(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, rows_apart: int
) -> None:
    monkeypatch.setattr(publication, "_ROWS_APART", rows_apart)
    pairs = [(film, other, rank) for film in FILMS for rank, other in enumerate(FILMS[::-1], 1)]
    stored = [pairs[place] for place in np.random.default_rng(3).permutation(len(pairs))]
    with connect(tmp_path / "films.duckdb", read_only=False) as connection:
        connection.execute(
            f"CREATE TABLE similarity_matrix ({TABLES['similarity_matrix'].column_ddl})"
        )
        connection.executemany(
            "INSERT INTO similarity_matrix BY NAME SELECT ? AS movie_id, ? AS neighbour_id, "
            "? AS rank, 0 AS score, 0 AS content, 0 AS closeness, 0 AS prior, 0 AS co_liked, "
            "0 AS tmdb, [?, 'both'] AS reasons",
            [(*pair, f"{pair[0]} and {pair[1]}") for pair in stored],
        )
    features = replace(features_of([[1.0]] * len(FILMS)), movie_ids=np.array(FILMS, np.int32))
    with connect(tmp_path / "films.duckdb", read_only=True) as connection:
        reading = _Reading(connection, features)
        for wanted in (pairs, pairs[7:8], pairs[3::5]):
            movies, others, _ = (np.array(some, np.int32) for some in zip(*wanted, strict=True))
            assert reading.reasons_of(movies, others).to_pylist() == [
                [f"{film} and {other}", "both"] for film, other, _ in wanted
            ]


def test_a_pair_that_is_stored_twice_is_refused(tmp_path: Path) -> None:
    with connect(tmp_path / "films.duckdb", read_only=False) as connection:
        connection.execute(
            "CREATE TABLE similarity_matrix (movie_id INT, neighbour_id INT, rank INT)"
        )
        connection.execute("INSERT INTO similarity_matrix VALUES (3, 5, 1), (3, 5, 2)")
    with connect(tmp_path / "films.duckdb", read_only=True) as connection:
        reading = _Reading(connection, features_of([[1.0]]))
        with pytest.raises(PublicationError, match="a pair twice"):
            reading.reasons_of(np.array([3], np.int32), np.array([5], np.int32))
