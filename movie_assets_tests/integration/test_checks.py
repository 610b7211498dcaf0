"""Each check fails on the fault that it is there for, and stops what is downstream."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from pathlib import Path
from typing import Any

import dagster as dg
import duckdb
import numpy as np
import pandas as pd
import pytest
from scipy import sparse

from movie_assets.checks import build_checks
from movie_assets.publication import Stored
from movie_assets.recommender.storage import load_features
from movie_assets.warehouse import TABLES, read_table, validate
from movie_assets.warehouse.store import write_table

Frames = dict[str, Any]

CHECKED = {
    "raw_popular_movies": {"schema", "rows_fetched_are_stored", "row_count_kept"},
    "raw_genres": {"schema", "rows_fetched_are_stored", "row_count_kept"},
    "raw_movie_details": {"schema", "films_accounted_for", "row_count_kept"},
    "movies_table": {
        "schema",
        "ids_unique",
        "rows_reconciled",
        "row_count_kept",
        "genres_known",
    },
    "genres_table": {"schema", "ids_unique", "rows_reconciled"},
    "movie_details": {
        "schema",
        "ids_unique",
        "rows_reconciled",
        "row_count_kept",
        "films_known",
    },
    "movie_genre_data": {"schema", "ids_unique", "films_with_votes_complete"},
    "movielens_ratings": {"schema", "lines_accounted_for"},
    "co_liked_movies": {
        "schema",
        "neighbours_known",
        "ranks_contiguous",
        "scores_descend",
        "self_excluded",
    },
    "item_weights": {"schema", "neighbours_known", "self_excluded", "weights_say_something"},
    "movie_features": {"films_complete", "rows_normalised"},
    "similarity_matrix": {
        "schema",
        "neighbours_known",
        "neighbours_complete",
        "ranks_contiguous",
        "scores_descend",
        "self_excluded",
    },
    "recommendation_quality": {"schema", "metrics_unique"},
}
#: What checks itself where it is, and is not loaded; its checks' tests are in serving/.
PUBLISHED = {"published_recommendations": {"films_and_pairs_reconciled", "read_back"}}


@pytest.fixture(scope="module")
def stored(built_from_tmdb: Any) -> Frames:
    """What a good build stored."""
    database = built_from_tmdb.folder / "movies_data.duckdb"
    features = load_features(built_from_tmdb.folder / "features" / "movie_features.npz")
    tables = {name: read_table(database, name) for name in CHECKED if name in TABLES}
    return tables | {"movie_features": features}


@pytest.fixture
def failed_checks(home: Any, stored: Frames, tmp_path: Path) -> Callable[..., set[str]]:
    """Run the checks of a table on what is stored, with some of it replaced."""
    steps = {step.node_def.name: step for step in build_checks("popular")}

    def run(table: str, **replaced: pd.DataFrame) -> set[str]:
        step, given = steps[f"{table}_checks"], stored | replaced
        inputs = [one.name for one in step.node_def.input_defs if not one.dagster_type.is_nothing]
        # Of this one others' checks read some columns where it is stored.
        database = tmp_path / "movies_data.duckdb"
        films = TABLES["movies_table"]
        if table != films.name:
            write_table(database, films, validate(given[films.name], films))
        context = dg.build_asset_check_context(
            instance=home.instance,
            resources={"stored": Stored(database, tmp_path / "none", tmp_path / "none")},
        )
        found = list(step(context, **{name: given[name] for name in inputs}))
        assert {result.check_name for result in found} == CHECKED[table]
        return {result.check_name for result in found if not result.passed}

    return run


def test_every_check_is_blocking() -> None:
    found: dict[str, set[str]] = {}
    for step in build_checks("popular"):
        for spec in step.check_specs:
            assert spec.blocking, spec
            found.setdefault(spec.asset_key.to_user_string(), set()).add(spec.name)
    assert found == CHECKED | PUBLISHED


@pytest.mark.parametrize("table", CHECKED)
def test_what_a_good_build_stored_passes(
    failed_checks: Callable[..., set[str]], table: str
) -> None:
    assert failed_checks(table) == set()


def first(frame: pd.DataFrame, **values: Any) -> pd.DataFrame:
    """The frame with other values in its first row."""
    changed = frame.copy()
    for column, value in values.items():
        if isinstance(value, list):
            changed.at[0, column] = value
        else:
            changed[column] = changed[column].astype(object)
            changed.loc[0, column] = value
            changed[column] = changed[column].astype(frame[column].dtype)
    return changed


def with_a_row_twice(frame: pd.DataFrame) -> pd.DataFrame:
    return pd.concat([frame, frame.head(1)], ignore_index=True)


def without_first(frame: pd.DataFrame) -> pd.DataFrame:
    return frame.iloc[1:]


def of_first_film(frame: pd.DataFrame, change: Callable[[pd.DataFrame], Any]) -> pd.DataFrame:
    """The frame with the rows of its first film changed."""
    changed = frame.copy()
    rows = changed["movie_id"] == changed["movie_id"].iloc[0]
    change_to = change(changed[rows].copy())
    return pd.concat([change_to, changed[~rows]], ignore_index=True)


def with_one_more(rows: pd.DataFrame, all_rows: pd.DataFrame) -> pd.DataFrame:
    """The film's rows, and one of a film that is not among them."""
    last = rows.tail(1)
    others = set(all_rows["neighbour_id"]) - set(rows["neighbour_id"]) - set(rows["movie_id"])
    more = last.assign(rank=last["rank"] + 1, neighbour_id=np.int32(min(others)))
    return pd.concat([rows, more], ignore_index=True)


def reversed_scores(rows: pd.DataFrame) -> pd.DataFrame:
    return rows.assign(score=rows["score"].to_numpy()[::-1])


@pytest.mark.parametrize(
    ("table", "change", "expected"),
    [
        ("raw_popular_movies", lambda f: first(f, position=0), {"schema"}),
        ("raw_popular_movies", without_first, {"rows_fetched_are_stored"}),
        ("raw_popular_movies", lambda f: f.head(48), {"rows_fetched_are_stored"}),
        (
            "raw_popular_movies",
            lambda f: f.head(47),
            {"rows_fetched_are_stored", "row_count_kept"},
        ),
        ("raw_genres", lambda f: first(f, position=0), {"schema"}),
        ("raw_genres", without_first, {"rows_fetched_are_stored"}),
        ("raw_genres", lambda f: f.head(3), {"rows_fetched_are_stored", "row_count_kept"}),
        ("raw_movie_details", with_a_row_twice, {"schema"}),
        ("raw_movie_details", without_first, {"films_accounted_for"}),
        ("raw_movie_details", lambda f: first(f, id=7), {"films_accounted_for"}),
        ("raw_movie_details", lambda f: f.head(47), {"films_accounted_for", "row_count_kept"}),
        ("movies_table", lambda f: first(f, vote_average=10.5), {"schema"}),
        ("movies_table", lambda f: f.drop(columns="title"), {"schema"}),
        ("movies_table", with_a_row_twice, {"schema", "ids_unique", "rows_reconciled"}),
        ("movies_table", without_first, {"rows_reconciled"}),
        ("movies_table", lambda f: f.head(47), {"rows_reconciled", "row_count_kept"}),
        ("movies_table", lambda f: first(f, genre_ids=[28, 99]), {"genres_known"}),
        ("genres_table", lambda f: first(f, name=None), {"schema"}),
        ("genres_table", with_a_row_twice, {"schema", "ids_unique", "rows_reconciled"}),
        ("genres_table", without_first, {"rows_reconciled"}),
        ("movie_details", lambda f: first(f, keywords=None), {"schema"}),
        ("movie_details", lambda f: first(f, runtime=0), {"schema"}),
        ("movie_details", with_a_row_twice, {"schema", "ids_unique", "rows_reconciled"}),
        ("movie_details", without_first, {"rows_reconciled"}),
        ("movie_details", lambda f: f.head(47), {"rows_reconciled", "row_count_kept"}),
        ("movie_details", lambda f: first(f, id=7), {"films_known"}),
        ("movie_genre_data", lambda f: first(f, vote_count=0), {"schema"}),
        ("movie_genre_data", with_a_row_twice, {"schema", "ids_unique"}),
        ("movie_genre_data", without_first, {"films_with_votes_complete"}),
        ("movie_genre_data", lambda f: first(f, id=7), {"films_with_votes_complete"}),
        (
            "similarity_matrix",
            lambda f: first(f, score=1.5),
            {"schema", "scores_descend"},
        ),
        ("similarity_matrix", lambda f: first(f, neighbour_id=7), {"neighbours_known"}),
        (
            "similarity_matrix",
            lambda f: of_first_film(f, lambda rows: rows.iloc[:-1]),
            {"neighbours_complete"},
        ),
        (
            "similarity_matrix",
            lambda f: of_first_film(f, lambda rows: rows.iloc[:0]),
            {"neighbours_complete"},
        ),
        (
            "similarity_matrix",
            lambda f: of_first_film(f, lambda rows: with_one_more(rows, f)),
            {"neighbours_complete"},
        ),
        (
            "similarity_matrix",
            lambda f: of_first_film(f, lambda rows: rows.assign(rank=rows["rank"] + 1)),
            {"ranks_contiguous"},
        ),
        (
            "similarity_matrix",
            lambda f: of_first_film(f, reversed_scores),
            {"scores_descend"},
        ),
        (
            "similarity_matrix",
            lambda f: first(f, neighbour_id=int(f["movie_id"].iloc[0])),
            {"self_excluded"},
        ),
        (
            "similarity_matrix",
            lambda f: first(f, neighbour_id=int(f["neighbour_id"].iloc[1])),
            {"self_excluded"},
        ),
        ("recommendation_quality", lambda f: first(f, description=None), {"schema"}),
        ("recommendation_quality", with_a_row_twice, {"schema", "metrics_unique"}),
    ],
)
def test_a_fault_fails_its_check(
    failed_checks: Callable[..., set[str]],
    stored: Frames,
    table: str,
    change: Callable[[pd.DataFrame], pd.DataFrame],
    expected: set[str],
) -> None:
    assert failed_checks(table, **{table: change(stored[table])}) == expected


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        (lambda f: f, set()),
        (lambda f: first(f, liked_by_both=-1), {"schema"}),
        (lambda f: first(f, liked_by_both=0), set()),
        (lambda f: first(f, score=1.5), {"schema", "scores_descend"}),
        (lambda f: first(f, neighbour_id=7), {"neighbours_known"}),
        (
            lambda f: of_first_film(f, lambda rows: rows.assign(rank=rows["rank"] + 1)),
            {"ranks_contiguous"},
        ),
        (lambda f: of_first_film(f, reversed_scores), {"scores_descend"}),
        (lambda f: first(f, neighbour_id=int(f["movie_id"].iloc[0])), {"self_excluded"}),
    ],
)
def test_a_fault_in_co_liked_films_fails_its_check(
    failed_checks: Callable[..., set[str]],
    stored: Frames,
    change: Callable[[pd.DataFrame], pd.DataFrame],
    expected: set[str],
) -> None:
    ranked = stored["similarity_matrix"][["movie_id", "rank", "neighbour_id", "score"]]
    co_liked = ranked.astype({"score": "float64"}).assign(liked_by_both=np.int32(2))
    assert failed_checks("co_liked_movies", co_liked_movies=change(co_liked)) == expected


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        (lambda f: f, set()),
        (lambda f: first(f, weight=0.0, transition=0.0), {"weights_say_something"}),
        (lambda f: first(f, weight=float("inf")), {"schema", "weights_say_something"}),
        (lambda f: first(f, transition=-1.0), {"schema"}),
        (lambda f: first(f, neighbour_id=7), {"neighbours_known"}),
        (lambda f: first(f, neighbour_id=int(f["movie_id"].iloc[0])), {"self_excluded"}),
    ],
)
def test_a_fault_in_item_weights_fails_its_check(
    failed_checks: Callable[..., set[str]],
    stored: Frames,
    change: Callable[[pd.DataFrame], pd.DataFrame],
    expected: set[str],
) -> None:
    pairs = stored["similarity_matrix"][["movie_id", "neighbour_id"]]
    weights = pairs.sort_values(["movie_id", "neighbour_id"], ignore_index=True).assign(
        weight=-0.1, transition=0.0
    )
    assert failed_checks("item_weights", item_weights=change(weights)) == expected


def test_ratings_that_no_line_was_read_for_are_found(
    failed_checks: Callable[..., set[str]], stored: Frames
) -> None:
    one = pd.DataFrame({"user_id": [1], "movie_id": [1000], "rating": [4.5]})
    one["rated_at"] = pd.Timestamp("2000-01-01")
    one = one.astype(stored["movielens_ratings"].dtypes.to_dict())
    found = failed_checks("movielens_ratings", movielens_ratings=one)
    assert found == {"lines_accounted_for"}


@pytest.mark.parametrize(
    ("factor", "expected"),
    [(1.1, {"rows_normalised"}), (-1.0, {"rows_normalised"}), (float("nan"), {"rows_normalised"})],
)
def test_features_that_are_no_unit_rows_are_found(
    failed_checks: Callable[..., set[str]], stored: Frames, factor: float, expected: set[str]
) -> None:
    features = stored["movie_features"]
    spoilt = dataclasses.replace(features, matrix=features.matrix * factor)
    assert failed_checks("movie_features", movie_features=spoilt) == expected


def test_neighbours_that_share_no_term_but_are_liked_by_the_same_people(
    failed_checks: Callable[..., set[str]], stored: Frames
) -> None:
    """A film of which nothing is known may have as many of them as there are."""
    ten = of_first_film(stored["similarity_matrix"], lambda rows: rows.head(10))
    assert failed_checks("similarity_matrix", similarity_matrix=ten) == {"neighbours_complete"}
    features = stored["movie_features"]
    others = features.movie_ids != ten["movie_id"].iloc[0]
    silent = dataclasses.replace(
        features, matrix=sparse.csr_matrix(features.matrix.multiply(others[:, None]))
    )
    silent.matrix.eliminate_zeros()
    found = failed_checks("similarity_matrix", similarity_matrix=ten, movie_features=silent)
    assert found == set()


def test_features_of_other_films_are_found(
    failed_checks: Callable[..., set[str]], stored: Frames
) -> None:
    fewer = without_first(stored["movies_table"])
    assert failed_checks("movie_features", movies_table=fewer) == {"films_complete"}


def test_films_that_nobody_voted_on_do_not_belong_to_the_analysis(
    failed_checks: Callable[..., set[str]], stored: Frames
) -> None:
    without_votes = first(stored["movies_table"], vote_count=0)
    assert failed_checks("movie_genre_data", movies_table=without_votes) == {
        "films_with_votes_complete"
    }


def test_bad_rows_in_the_file_are_found_stop_the_run_and_are_healed(home: Any) -> None:
    before = home.hashes()
    with duckdb.connect(str(home.database)) as connection:
        connection.execute("UPDATE movies_table SET genre_ids = [99] WHERE id = 1003")
    spoilt = home.hashes()

    selection = dg.AssetSelection.checks_for_assets("movies_table") | dg.AssetSelection.assets(
        "movie_genre_data"
    )
    job = dg.define_asset_job("checks_and_analysis", selection)
    definitions = dg.Definitions.merge(home.definitions(), dg.Definitions(jobs=[job]))
    result = definitions.resolve_job_def(job.name).execute_in_process(
        instance=home.instance, raise_on_error=False
    )

    assert not result.success
    failed = [found for found in result.get_asset_check_evaluations() if not found.passed]
    assert [found.check_name for found in failed] == ["genres_known"]
    assert failed[0].metadata["genre_ids_unknown"].value == 1
    assert home.hashes() == spoilt

    report = home.build()
    assert report.succeeded
    reasons = {outcome.name: outcome.reasons for outcome in report.outcomes}
    assert reasons["movies_table"] == ("check genres_known failed",)
    assert home.hashes() == before
