"""The whole graph on the bundled films: what it stores, what it reports, and that it repeats."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any, NamedTuple

import dagster as dg
import duckdb
import numpy as np
import pandas as pd
import pytest

from movie_assets.definitions import SAMPLE_DIR
from movie_assets.warehouse import TABLES, read_table

TUTORIAL_COLUMNS = [
    ("genre_ids", "INTEGER[]"),
    ("id", "INTEGER"),
    ("original_language", "VARCHAR"),
    ("overview", "VARCHAR"),
    ("popularity", "DOUBLE"),
    ("release_date", "TIMESTAMP"),
    ("title", "VARCHAR"),
    ("vote_average", "DOUBLE"),
    ("vote_count", "INTEGER"),
]
#: Tables that only the graph of the catalogue has.
OF_THE_CATALOGUE = {"raw_movie_ids", "raw_catalogue_movies", "catalogue_refreshes"}
TABLES_HERE = [table for table in TABLES if table not in OF_THE_CATALOGUE]
ASSETS = [*TABLES_HERE, "movie_features", "published_recommendations", "eda_report"]
#: Without MOVIELENS_DIR.
EMPTY = {"movielens_ratings", "co_liked_movies", "item_weights"}
FILMS = len(json.loads((SAMPLE_DIR / "popular.json").read_text())["results"])


class Made(NamedTuple):
    """A run of the whole graph, and where it stored things."""

    result: dg.ExecuteInProcessResult
    definitions: dg.Definitions
    settings: Any

    def metadata(self, asset: str) -> dict[str, Any]:
        [event] = self.result.asset_materializations_for_node(asset)
        return dict(event.metadata)


@pytest.fixture(scope="module")
def made(
    settings_of: Any, build_definitions: Any, tmp_path_factory: pytest.TempPathFactory
) -> Made:
    """The graph as Dagster runs it, on an instance in memory."""
    settings = settings_of(tmp_path_factory.mktemp("made") / "a home with spaces")
    definitions = build_definitions(settings)
    with dg.DagsterInstance.ephemeral() as instance:
        job = definitions.resolve_implicit_global_asset_job_def()
        result = job.execute_in_process(instance=instance, raise_on_error=False)
    assert result.success
    return Made(result, definitions, settings)


@pytest.fixture(scope="module")
def pairs(made: Made) -> pd.DataFrame:
    return read_table(made.settings.database, "similarity_matrix")


def test_every_asset_is_made_and_every_check_passes(made: Made) -> None:
    assert {
        e.asset_key.to_user_string() for e in made.result.get_asset_materialization_events()
    } == {*ASSETS}
    evaluations = made.result.get_asset_check_evaluations()
    graph = made.definitions.resolve_asset_graph()
    assert {evaluation.asset_check_key for evaluation in evaluations} == graph.asset_check_keys
    assert [evaluation for evaluation in evaluations if not evaluation.passed] == []


def test_two_homes_hold_the_same(made: Made, bundled: Any, hashes_of: Any) -> None:
    """One made by Dagster's API here, the other by the command in another process."""
    assert hashes_of(made.settings.home) == hashes_of(bundled.home)


# -- metadata -------------------------------------------------------------------------------------


@pytest.mark.parametrize("asset", [asset for asset in ASSETS if asset != "eda_report"])
def test_every_asset_reports_rows_seconds_and_a_table(made: Made, asset: str) -> None:
    metadata = made.metadata(asset)
    assert (metadata["dagster/row_count"].value > 0) == (asset not in EMPTY)
    assert metadata["compute_seconds"].value > 0
    tables = [
        value.value
        for value in metadata.values()
        if isinstance(value, dg.MarkdownMetadataValue) and "|---|" in value.value
    ]
    assert tables
    # A header, a rule, and rows of the same width.
    lines = tables[0].splitlines()
    assert (len(lines) > 2) == (asset not in EMPTY)
    assert len({line.replace("\\|", "").count("|") for line in lines}) == 1


@pytest.mark.parametrize("table", TABLES_HERE)
def test_every_table_reports_its_columns_as_they_are_in_the_file(made: Made, table: str) -> None:
    spec = made.definitions.resolve_asset_graph().get(dg.AssetKey(table))
    declared = spec.metadata["dagster/column_schema"]
    schema = declared.value if isinstance(declared, dg.MetadataValue) else declared
    with duckdb.connect(str(made.settings.database), read_only=True) as connection:
        stored = connection.execute(f"DESCRIBE {table}").fetchall()
        [rows] = connection.execute(f"SELECT count(*) FROM {table}").fetchone() or []
    assert [(column.name, column.type) for column in schema.columns] == [row[:2] for row in stored]
    assert all(column.description for column in schema.columns)
    assert made.metadata(table)["dagster/row_count"].value == rows


@pytest.mark.parametrize(
    ("asset", "column", "sources"),
    [
        ("genres_table", "name", {("raw_genres", "name")}),
        ("movies_table", "overview", {("raw_popular_movies", "overview")}),
        (
            "movies_table",
            "title",
            {("raw_popular_movies", "title"), ("raw_popular_movies", "original_title")},
        ),
        (
            "movie_genre_data",
            "genre_names",
            {("movies_table", "genre_ids"), ("genres_table", "name")},
        ),
        ("movie_details", "keywords", {("raw_movie_details", "keywords")}),
        ("movie_details", "id", {("raw_movie_details", "id"), ("movies_table", "id")}),
        ("similarity_matrix", "neighbour_id", {("movies_table", "id")}),
    ],
)
def test_columns_name_those_they_come_from(
    made: Made, asset: str, column: str, sources: set[tuple[str, str]]
) -> None:
    lineage = made.metadata(asset)["dagster/column_lineage"].value
    found = {
        (dep.asset_key.to_user_string(), dep.column_name) for dep in lineage.deps_by_column[column]
    }
    assert found == sources


@pytest.mark.parametrize(
    "asset",
    [
        "raw_movie_details",
        "genres_table",
        "movies_table",
        "movie_details",
        "movie_genre_data",
        "similarity_matrix",
    ],
)
def test_lineage_names_only_columns_that_exist(made: Made, asset: str) -> None:
    lineage = made.metadata(asset)["dagster/column_lineage"].value
    for column, deps in lineage.deps_by_column.items():
        assert column in TABLES[asset].column_names
        for dep in deps:
            assert dep.column_name in TABLES[dep.asset_key.to_user_string()].column_names


@pytest.mark.parametrize(
    ("asset", "pictures"),
    [
        ("movies_table", 3),
        ("movie_details", 1),
        ("movie_genre_data", 1),
        ("movie_features", 1),
        ("similarity_matrix", 1),
    ],
)
def test_pictures_are_pictures(made: Made, asset: str, pictures: int) -> None:
    shown = [
        value.value
        for value in made.metadata(asset).values()
        if isinstance(value, dg.MarkdownMetadataValue) and value.value.startswith("![")
    ]
    assert len(shown) == pictures
    assert all("](data:image/" in picture for picture in shown)


# -- what is stored -------------------------------------------------------------------------------


def test_movies_table_begins_with_the_tutorials_columns(made: Made) -> None:
    with duckdb.connect(str(made.settings.database), read_only=True) as connection:
        for table, expected in (
            ("movies", TUTORIAL_COLUMNS),
            ("genres", [("id", "INTEGER"), ("name", "VARCHAR")]),
        ):
            found = connection.execute(f"DESCRIBE {table}").fetchall()
            assert [row[:2] for row in found] == expected
        found = connection.execute("DESCRIBE movies_table").fetchall()
        assert [row[:2] for row in found][:9] == TUTORIAL_COLUMNS


def test_sql_written_for_the_tutorial_runs(made: Made) -> None:
    with duckdb.connect(str(made.settings.database), read_only=True) as connection:
        [(movies, genres)] = connection.execute(
            "SELECT (SELECT count(*) FROM movies), (SELECT count(*) FROM genres)"
        ).fetchall()
        assert (movies, genres) == (FILMS, 19)
        heat = connection.execute(
            """
            SELECT m.title, year(m.release_date), list(g.name ORDER BY g.name)
            FROM movies AS m, unnest(m.genre_ids) AS of_film(genre_id)
            JOIN genres AS g ON g.id = genre_id
            WHERE m.id = 949
            GROUP BY ALL
            """
        ).fetchall()
        assert heat == [("Heat", 1995, ["Action", "Crime", "Drama"])]
        best = connection.execute(
            "SELECT title FROM movies WHERE vote_count > 1000 ORDER BY vote_average DESC LIMIT 10"
        ).fetchall()
        assert len(best) == 10
        [(without_genres,)] = connection.execute(
            "SELECT count(*) FROM movies m WHERE len(m.genre_ids) = 0 AND m.vote_count = 0"
        ).fetchall()
        assert without_genres == 0


def test_every_film_has_its_fifty_neighbours(pairs: pd.DataFrame) -> None:
    films = pairs.groupby("movie_id")
    assert len(films) == FILMS
    assert (films.size() == 50).all()
    assert (films["rank"].agg(list).map(lambda ranks: ranks == list(range(1, 51)))).all()
    assert (films["neighbour_id"].nunique() == 50).all()
    assert (pairs["movie_id"] != pairs["neighbour_id"]).all()


def test_scores_descend_and_ties_go_by_id(pairs: pd.DataFrame) -> None:
    assert pairs["score"].between(0, 1).all()
    ordered = pairs.sort_values(
        ["movie_id", "score", "neighbour_id"], ascending=[True, False, True], kind="stable"
    )
    assert ordered["rank"].tolist() == np.tile(np.arange(1, 51), FILMS).tolist()


def test_reasons_say_why(pairs: pd.DataFrame) -> None:
    assert (pairs["reasons"].map(len) > 0).mean() > 0.98
    sequel = pairs[(pairs["movie_id"] == 238) & (pairs["neighbour_id"] == 240)]
    assert sequel["reasons"].iloc[0][:2] == [
        "The Godfather Collection",
        "directed by Francis Ford Coppola",
    ]


def test_parts_make_the_score(pairs: pd.DataFrame) -> None:
    """The bundled films have no signals, so content, closeness and prior are all there is."""
    assert not pairs[["co_liked", "tmdb"]].to_numpy().any()
    product = pairs["content"] * pairs["closeness"] * pairs["prior"]
    np.testing.assert_allclose(pairs["score"], product, rtol=1e-5)


def test_neighbours_make_sense(made: Made, pairs: pd.DataFrame) -> None:
    """A sequel is among the nearest of its first part."""
    titles = read_table(made.settings.database, "movies_table").set_index("id")["title"]
    godfather = pairs[pairs["movie_id"] == 238].sort_values("rank")
    assert "The Godfather Part II" in titles.loc[godfather["neighbour_id"]].tolist()[:10]


def test_the_analysis_table_has_the_films_with_votes(made: Made) -> None:
    analysis = read_table(made.settings.database, "movie_genre_data").set_index("id")
    movies = read_table(made.settings.database, "movies_table")
    assert set(analysis.index) == set(movies.loc[movies["vote_count"] > 0, "id"])
    names = dict(read_table(made.settings.database, "genres_table").itertuples(index=False))
    heat = analysis.loc[949]
    assert heat["genre_names"] == ", ".join(names[genre] for genre in heat["genre_ids"])


@pytest.mark.parametrize(
    ("metric", "column"),
    [
        ("popularity_rmse", "popularity"),
        ("vote_avg_rmse", "vote_average"),
        ("vote_count_rmse", "vote_count"),
    ],
)
def test_quality_has_the_tutorials_three_figures(
    made: Made, pairs: pd.DataFrame, metric: str, column: str
) -> None:
    """Over the ten nearest of every film."""
    figures = read_table(made.settings.database, "recommendation_quality")
    stored = figures[figures["method"] == "published"].set_index("metric")
    values = read_table(made.settings.database, "movies_table").set_index("id")[column]
    nearest = pairs[pairs["rank"] <= 10]
    assert len(nearest) == 10 * FILMS
    distance = values.loc[nearest["neighbour_id"]].to_numpy() - values.loc[
        nearest["movie_id"]
    ].to_numpy(float)
    assert stored.loc[metric, "value"] == pytest.approx(np.sqrt(np.mean(distance**2)))


# -- loading --------------------------------------------------------------------------------------


@pytest.mark.process
def test_definitions_load_without_a_key_and_without_network(shell: Any) -> None:
    """TMDB is chosen, nothing says how to reach it, and no socket can be opened."""
    program = """
import socket
def refuse(*arguments, **options): raise AssertionError("the network was asked for")
socket.socket.connect = socket.getaddrinfo = refuse
from movie_assets.definitions import defs
print(len(list(defs.resolve_asset_graph().materializable_asset_keys)))
"""
    process = shell.run("-c", program, MOVIE_ASSETS_SOURCE="popular")
    assert process.returncode == 0, process.stderr
    assert process.stdout.strip() == str(len(ASSETS))
    assert list(Path(shell.cwd).iterdir()) == []
