"""The catalogue's checks find what is wrong with stored tables, and nothing where all is well."""

from __future__ import annotations

from pathlib import Path

import dagster as dg
import duckdb
import pytest

from movie_assets.catalogue_checks import build_catalogue_checks
from movie_assets.publication import Stored
from movie_assets.warehouse import TABLES

GOOD = """
INSERT INTO movies_table BY NAME SELECT
    [18] AS genre_ids, id, 1.0 AS popularity, 'Film' AS title, 5.0 AS vote_average,
    CASE WHEN id = 4 THEN 0 ELSE 7 END AS vote_count, false AS adult, false AS video
    FROM range(1, 5) films(id);
INSERT INTO genres_table VALUES (18, 'Drama');
INSERT INTO raw_catalogue_movies BY NAME SELECT
    id, TIMESTAMP '2026-01-01' AS fetched_at, 1 AS revision FROM range(1, 5) films(id);
INSERT INTO raw_movie_details BY NAME SELECT id FROM range(1, 5) films(id);
INSERT INTO movie_details BY NAME SELECT id, [] AS keywords, [] AS directors, [] AS writers,
    [] AS composers, [] AS actors, [] AS recommended_ids FROM range(1, 5) films(id);
INSERT INTO movie_genre_data BY NAME SELECT id, title, popularity, vote_average, vote_count,
    genre_ids, 'Drama' AS genre_names FROM movies_table WHERE vote_count > 0;
INSERT INTO similarity_matrix BY NAME SELECT
    a.id AS movie_id, row_number() OVER (PARTITION BY a.id ORDER BY b.id) AS rank,
    b.id AS neighbour_id, 1.0 / b.id AS score, 1 AS content, 1 AS closeness, 1 AS prior,
    0 AS co_liked, 0 AS tmdb, ['why'] AS reasons
    FROM movies_table a JOIN movies_table b ON a.id <> b.id AND b.vote_count > 0;
INSERT INTO raw_movie_ids SELECT id, false, false, 1.0 FROM range(1, 5) films(id);
"""


@pytest.fixture
def stored(tmp_path: Path) -> Stored:
    database = tmp_path / "movies_data.duckdb"
    with duckdb.connect(database) as connection:
        for schema in TABLES.values():
            connection.execute(f"CREATE TABLE {schema.name} ({schema.column_ddl})")
        connection.execute(GOOD)
    return Stored(database=database, features=tmp_path / "none.npz", published=tmp_path)


def failed(stored: Stored, table: str) -> set[str]:
    """The names of the checks of a table that found something wrong."""
    key = dg.AssetKey(table)
    (step,) = (s for s in build_catalogue_checks() if {k.asset_key for k in s.check_keys} == {key})
    with dg.DagsterInstance.ephemeral() as instance:
        instance.report_runless_asset_event(
            dg.AssetMaterialization(
                table, metadata={"rows_fetched": 4, "rows_in": 4, "asked_for": "all"}
            )
        )
        definitions = dg.Definitions(
            assets=[dg.AssetSpec(table)],
            asset_checks=[step],
            jobs=[dg.define_asset_job("check", dg.AssetSelection.all_asset_checks())],
            resources={"stored": dg.ResourceDefinition(lambda _: stored)},
        )
        result = definitions.resolve_job_def("check").execute_in_process(
            instance=instance, raise_on_error=False
        )
        return {
            found.check_name for found in result.get_asset_check_evaluations() if not found.passed
        }


@pytest.mark.parametrize("table", ["raw_movie_ids", "movies_table", "similarity_matrix"])
def test_nothing_is_found_where_all_is_well(stored: Stored, table: str) -> None:
    assert failed(stored, table) == set()


@pytest.mark.parametrize(
    ("table", "harm", "found"),
    [
        (
            "movies_table",
            """
            UPDATE movies_table SET popularity = -1 WHERE id = 1;
            UPDATE movies_table SET id = 1 WHERE id = 2;
            DELETE FROM movies_table WHERE id = 4;
            DELETE FROM genres_table;
            UPDATE raw_catalogue_movies SET gone_at = fetched_at WHERE id = 1
            """,
            {"schema", "ids_unique", "rows_reconciled", "genres_known", "films_known"},
        ),
        (
            "raw_movie_details",
            "DELETE FROM raw_movie_details WHERE id = 1",
            {"films_accounted_for"},
        ),
        (
            "movie_details",
            "DELETE FROM movies_table WHERE id = 1; DELETE FROM movie_details WHERE id = 2",
            {"films_known", "rows_reconciled"},
        ),
        (
            "movie_genre_data",
            "DELETE FROM movie_genre_data WHERE id = 1",
            {"films_with_votes_complete"},
        ),
        (
            "similarity_matrix",
            """
            DELETE FROM similarity_matrix WHERE movie_id = 1;
            UPDATE similarity_matrix SET rank = 2 WHERE movie_id = 2 AND rank = 1;
            UPDATE similarity_matrix SET score = 'NaN' WHERE movie_id = 3 AND rank = 2;
            UPDATE similarity_matrix SET neighbour_id = 9 WHERE movie_id = 4 AND rank <> 2
            """,
            {
                "schema",
                "neighbours_complete",
                "ranks_contiguous",
                "scores_descend",
                "self_excluded",
                "neighbours_known",
            },
        ),
    ],
)
def test_what_is_wrong_is_found(stored: Stored, table: str, harm: str, found: set[str]) -> None:
    with duckdb.connect(stored.database) as connection:
        connection.execute(harm)
    assert failed(stored, table) == found
