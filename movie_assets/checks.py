"""Asset checks: what must be true of the data before anything is built on it.

Schemas are enforced before a table is written, so the checks here are about what a schema cannot
say: whether tables agree with each other and with what was fetched. Every check that guards what
readers see is blocking: what is downstream of a failed one does not run, and keeps its last good
content. Checks of one table run in one step, so that the table is read once.
"""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import dagster as dg
import numpy as np
import pandas as pd

from movie_assets.assets.history import (
    LEAST_SHARE_OF_ROWS,
    ROW_COUNT_CHECK,
    last_good_rows,
    latest_figures,
    too_few,
)
from movie_assets.assets.publish import PUBLISHED
from movie_assets.assets.recommend import NEIGHBOURS_A_FILM
from movie_assets.catalogue_checks import build_catalogue_checks
from movie_assets.publication import Stored
from movie_assets.recommender import MovieFeatures, load_weights
from movie_assets.recommender.neighbours import count_positive
from movie_assets.serving.snapshot import SnapshotError, open_snapshot
from movie_assets.warehouse import TABLES, SchemaError, read_table, validate

Inputs = Mapping[str, Any]


@dataclass(frozen=True)
class Finding:
    """What a check found: whether all is well, and the figures behind it."""

    passed: bool
    metadata: Mapping[str, Any]
    description: str | None = None


@dataclass(frozen=True)
class Check:
    """One check of one table.

    Attributes:
        name: as the UI shows it.
        description: what must be true.
        find: from the Dagster instance, which knows earlier runs, and the loaded inputs.
    """

    name: str
    description: str
    find: Callable[[dg.DagsterInstance, Inputs], Finding]


#: Of a table that others' checks look at, the columns that they do: the texts and genres of a
#: million films take seconds to load.
_ONLY_READ = {"movies_table": ("id", "vote_count")}


def build_checks(source: str) -> list[dg.AssetChecksDefinition]:
    """The checks of every table of the graph of a source, and of what is published."""
    elsewhere = build_catalogue_checks() if source == "catalogue" else []
    checked = {key.asset_key.to_user_string() for step in elsewhere for key in step.check_keys}
    if source == "catalogue":
        checked.add("raw_popular_movies")  # which is not in its graph
    steps = [
        _check_step(table, needs, checks)
        for table, (needs, checks) in _checks().items()
        if table not in checked
    ]
    return [*steps, *elsewhere, _published_checks()]


def _checks() -> dict[str, tuple[tuple[str, ...], list[Check]]]:
    """For each table, the other assets that its checks read, and the checks."""
    return {
        "raw_popular_movies": (
            (),
            [
                _schema("raw_popular_movies"),
                _rows_fetched_are_stored("raw_popular_movies"),
                _row_count_kept("raw_popular_movies", "raw_popular_movies"),
            ],
        ),
        "raw_genres": (
            (),
            [
                _schema("raw_genres"),
                _rows_fetched_are_stored("raw_genres"),
                _row_count_kept("raw_genres", "raw_genres"),
            ],
        ),
        "raw_movie_details": (
            ("raw_popular_movies",),
            [
                _schema("raw_movie_details"),
                Check(
                    "films_accounted_for",
                    "Films of the list = films with details + films left out with a reason.",
                    _find_films_accounted_for,
                ),
                _row_count_kept("raw_movie_details", "raw_movie_details"),
            ],
        ),
        "movies_table": (
            ("raw_popular_movies", "genres_table"),
            [
                _schema("movies_table"),
                _unique("movies_table", "id"),
                _rows_reconciled("movies_table", "raw_popular_movies"),
                _row_count_kept("movies_table", "raw_popular_movies"),
                Check(
                    "genres_known",
                    "Every genre of a film is in genres_table.",
                    lambda _, inputs: _subset(
                        inputs["movies_table"]["genre_ids"].explode().dropna(),
                        inputs["genres_table"]["id"],
                        "genre_ids",
                    ),
                ),
            ],
        ),
        "genres_table": (
            ("raw_genres",),
            [
                _schema("genres_table"),
                _unique("genres_table", "id"),
                _rows_reconciled("genres_table", "raw_genres"),
            ],
        ),
        "movie_details": (
            ("raw_movie_details", "movies_table"),
            [
                _schema("movie_details"),
                _unique("movie_details", "id"),
                _rows_reconciled("movie_details", "raw_movie_details"),
                _row_count_kept("movie_details", "raw_movie_details"),
                Check(
                    "films_known",
                    "Every film with details is in movies_table.",
                    lambda _, inputs: _subset(
                        inputs["movie_details"]["id"], inputs["movies_table"]["id"], "films"
                    ),
                ),
            ],
        ),
        "movie_genre_data": (
            ("movies_table",),
            [
                _schema("movie_genre_data"),
                _unique("movie_genre_data", "id"),
                Check(
                    "films_with_votes_complete",
                    "The films of movies_table that have votes, all of them and no others.",
                    lambda _, inputs: _same_ids(
                        inputs["movie_genre_data"]["id"],
                        inputs["movies_table"].query("vote_count > 0")["id"],
                    ),
                ),
            ],
        ),
        "movielens_ratings": (
            (),
            [
                _schema("movielens_ratings"),
                Check(
                    "lines_accounted_for",
                    "Lines of ratings.csv = ratings stored + lines left out with a reason.",
                    _find_lines_accounted_for,
                ),
            ],
        ),
        "co_liked_movies": (
            ("movies_table",),
            [_schema("co_liked_movies"), *_ranking_checks("co_liked_movies")],
        ),
        "item_weights": (
            ("movies_table",),
            [
                _schema("item_weights"),
                *_pair_checks("item_weights"),
                Check(
                    "weights_say_something",
                    "Every pair has a weight or a transition: a number other than 0.",
                    _find_weights_say_something,
                ),
            ],
        ),
        "movie_features": (("movies_table",), _FEATURE_CHECKS),
        "similarity_matrix": (
            ("movies_table", "movie_features"),
            [
                _schema("similarity_matrix"),
                Check(
                    "neighbours_complete",
                    f"{NEIGHBOURS_A_FILM} neighbours a film, or at least all that share a term.",
                    _find_neighbours_complete,
                ),
                *_ranking_checks("similarity_matrix"),
            ],
        ),
        "recommendation_quality": (
            (),
            [_schema("recommendation_quality"), _FIGURES_UNIQUE],
        ),
    }


def _check_step(
    table: str, needs: tuple[str, ...], checks: list[Check]
) -> dg.AssetChecksDefinition:
    in_part = {name: columns for name, columns in _ONLY_READ.items() if name in needs}

    @dg.multi_asset_check(
        name=f"{table}_checks",
        specs=[
            dg.AssetCheckSpec(
                check.name,
                asset=table,
                additional_deps=list(needs),
                description=check.description,
                blocking=True,
            )
            for check in checks
        ],
        ins={name: dg.AssetIn(name) for name in (table, *needs) if name not in in_part},
    )
    def run_checks(
        context: dg.AssetCheckExecutionContext, stored: dg.ResourceParam[Stored], **inputs: Any
    ) -> Iterator[dg.AssetCheckResult]:
        for name, columns in in_part.items():
            inputs[name] = read_table(stored.database, name, columns)
        for check in checks:
            finding = check.find(context.instance, inputs)
            yield dg.AssetCheckResult(
                asset_key=table,
                check_name=check.name,
                passed=finding.passed,
                metadata=dict(finding.metadata),
                description=finding.description,
            )

    return run_checks


# -- checks of any table ----------------------------------------------------------------------


def _schema(table: str) -> Check:
    def find(_: dg.DagsterInstance, inputs: Inputs) -> Finding:
        frame = inputs[table]
        try:
            validate(frame, TABLES[table])
        except SchemaError as error:
            return Finding(False, {"rows": len(frame)}, str(error))
        return Finding(True, {"rows": len(frame), "columns": len(frame.columns)})

    return Check("schema", f"The stored table is as {table} is declared.", find)


def _unique(table: str, column: str) -> Check:
    def find(_: dg.DagsterInstance, inputs: Inputs) -> Finding:
        repeated = inputs[table][column].duplicated()
        return Finding(not repeated.any(), {"repeated": int(repeated.sum())})

    return Check(f"{column}s_unique", f"No {column} comes twice.", find)


def _find_figures_unique(_: dg.DagsterInstance, inputs: Inputs) -> Finding:
    key = ["task", "method", "metric"]
    repeated = int(inputs["recommendation_quality"].duplicated(key).sum())
    return Finding(not repeated, {"repeated": repeated})


_FIGURES_UNIQUE = Check(
    "metrics_unique", "No metric of a method and a task comes twice.", _find_figures_unique
)


def _row_count_kept(table: str, extracted: str) -> Check:
    """Against the last run in which this check passed and the same was asked for.

    Args:
        table: whose rows are counted.
        extracted: the extracted asset that the rows come from, which says what was asked for.
    """

    def find(instance: dg.DagsterInstance, inputs: Inputs) -> Finding:
        rows = len(inputs[table])
        asked_for = str(latest_figures(instance, extracted).get("asked_for"))
        last = last_good_rows(instance, table, asked_for)
        passed = last is None or rows >= LEAST_SHARE_OF_ROWS * last
        return Finding(
            passed,
            {
                "rows": rows,
                "last_good_rows": rows if passed or last is None else last,
                "asked_for": asked_for,
            },
            None if passed or last is None else too_few(rows, last),
        )

    return Check(
        ROW_COUNT_CHECK,
        f"At least {LEAST_SHARE_OF_ROWS:.0%} of the rows of the last good run.",
        find,
    )


def _rows_fetched_are_stored(table: str) -> Check:
    def find(instance: dg.DagsterInstance, inputs: Inputs) -> Finding:
        figures = latest_figures(instance, table)
        fetched, rejected = figures.get("rows_fetched"), figures.get("rows_rejected", 0)
        stored = len(inputs[table])
        return Finding(
            fetched == stored + rejected,
            {"rows_fetched": fetched, "rows_stored": stored, "rows_rejected": rejected},
        )

    return Check(
        "rows_fetched_are_stored",
        "Rows fetched = rows stored + rows rejected with a reason.",
        find,
    )


def _rows_reconciled(table: str, upstream: str) -> Check:
    def find(instance: dg.DagsterInstance, inputs: Inputs) -> Finding:
        rows_in, stored = len(inputs[upstream]), len(inputs[table])
        dropped = latest_figures(instance, table).get("rows_dropped", 0)
        return Finding(
            rows_in == stored + dropped,
            {"rows_in": rows_in, "rows_stored": stored, "rows_dropped": dropped},
        )

    return Check(
        "rows_reconciled",
        f"Rows of {upstream} = rows stored + rows dropped with a reason.",
        find,
    )


# -- checks of the details ----------------------------------------------------------------------


def _find_films_accounted_for(instance: dg.DagsterInstance, inputs: Inputs) -> Finding:
    listed = set(inputs["raw_popular_movies"]["id"].dropna())
    stored = set(inputs["raw_movie_details"]["id"])
    left_out = latest_figures(instance, "raw_movie_details").get("films_left_out", 0)
    unlisted = len(stored - listed)
    return Finding(
        not unlisted and len(listed) == len(stored) + left_out,
        {
            "films_listed": len(listed),
            "films_with_details": len(stored),
            "films_left_out": left_out,
            "films_not_listed": unlisted,
        },
    )


# -- checks of the ratings ----------------------------------------------------------------------


def _find_lines_accounted_for(instance: dg.DagsterInstance, inputs: Inputs) -> Finding:
    figures = latest_figures(instance, "movielens_ratings")
    lines = figures.get("lines_read")
    left_out = {
        name: figures.get(name, 0)
        for name in ("lines_bad", "ratings_of_unknown_films", "ratings_replaced_later")
    }
    stored = len(inputs["movielens_ratings"])
    return Finding(
        lines == stored + sum(left_out.values()),
        {"lines_read": lines, "ratings_stored": stored, **left_out},
    )


# -- checks of the features ---------------------------------------------------------------------


def _find_films_complete(_: dg.DagsterInstance, inputs: Inputs) -> Finding:
    features: MovieFeatures = inputs["movie_features"]
    return _same_ids(pd.Series(features.movie_ids), inputs["movies_table"]["id"])


def _find_rows_normalised(_: dg.DagsterInstance, inputs: Inputs) -> Finding:
    features: MovieFeatures = inputs["movie_features"]
    squares = features.squared_lengths()
    shares = load_weights().shares()
    expected = np.array([shares[name] for name in features.fields])  # type: ignore[index]
    # Not `abs(...) > tolerance`: a NaN would pass.
    right = (squares == 0) | (np.abs(squares - expected) <= _LENGTH_TOLERANCE)
    if "language" in features.fields:  # as long as it is rare
        place = features.fields.index("language")
        right[:, place] = squares[:, place] <= expected[place] + _LENGTH_TOLERANCE
    wrong = ~right.all(axis=1)
    negative = int((features.matrix.data < 0).sum())
    return Finding(
        not wrong.any() and not negative,
        {"rows_of_another_length": int(wrong.sum()), "negative_weights": negative},
    )


#: What float32 leaves of a squared length.
_LENGTH_TOLERANCE = 1e-5

_FEATURE_CHECKS = [
    Check("films_complete", "The films of movies_table, all and no others.", _find_films_complete),
    Check(
        "rows_normalised",
        "In each field a film's row has the length of the field's weight, or 0; none is negative.",
        _find_rows_normalised,
    ),
]


# -- checks of the neighbours -------------------------------------------------------------------


def _find_neighbours_complete(_: dg.DagsterInstance, inputs: Inputs) -> Finding:
    features: MovieFeatures = inputs["movie_features"]
    found = inputs["similarity_matrix"]["movie_id"].value_counts()
    counts = found.reindex(features.movie_ids, fill_value=0).to_numpy()
    # Only films that share terms with fewer than K others may have fewer than K neighbours; and
    # more than share a term, where people liked others.
    short = np.flatnonzero(counts != NEIGHBOURS_A_FILM)
    expected = np.minimum(count_positive(features, short), NEIGHBOURS_A_FILM)
    wrong = short[(counts[short] < expected) | (counts[short] > NEIGHBOURS_A_FILM)]
    return Finding(
        len(wrong) == 0 and len(found) == int((counts > 0).sum()),
        {
            "films": len(features.movie_ids),
            "films_with_fewer_neighbours_than_asked": len(short),
            "films_with_a_wrong_number": len(wrong),
            "examples": [int(i) for i in features.movie_ids[wrong[:5]]],
        },
    )


def _ranking_checks(table: str) -> list[Check]:
    """The checks of any table that ranks, for each film, its neighbours."""
    return [
        *_pair_checks(table),
        _check_of(
            table, "ranks_contiguous", "Ranks run from 1 without gaps.", _find_ranks_contiguous
        ),
        _check_of(
            table, "scores_descend", "Scores lie in [0, 1] and never rise.", _find_scores_descend
        ),
    ]


def _pair_checks(table: str) -> list[Check]:
    """The checks of any table of pairs of films."""
    return [
        _check_of(
            table,
            "neighbours_known",
            "Every film and every neighbour is in movies_table.",
            _find_neighbours_known,
        ),
        _check_of(
            table,
            "self_excluded",
            "No film is its own neighbour, none is named twice.",
            _find_self_excluded,
        ),
    ]


def _check_of(
    table: str, name: str, description: str, find: Callable[[pd.DataFrame, Inputs], Finding]
) -> Check:
    return Check(name, description, lambda _, inputs: find(inputs[table], inputs))


def _find_neighbours_known(pairs: pd.DataFrame, inputs: Inputs) -> Finding:
    return _subset(
        pd.concat([pairs["movie_id"], pairs["neighbour_id"]]), inputs["movies_table"]["id"], "films"
    )


def _find_ranks_contiguous(pairs: pd.DataFrame, _: Inputs) -> Finding:
    groups = pairs.groupby("movie_id")["rank"]
    found = groups.agg(["min", "max", "count", "nunique"])
    wrong = ~((found["min"] == 1) & (found["max"] == found["count"])) | (
        found["nunique"] != found["count"]
    )
    return Finding(not wrong.any(), {"films": len(found), "films_with_gaps": int(wrong.sum())})


def _find_scores_descend(pairs: pd.DataFrame, _: Inputs) -> Finding:
    pairs = pairs.sort_values(["movie_id", "rank"])
    outside = ~pairs["score"].between(0.0, 1.0)
    same_film = pairs["movie_id"].to_numpy()[1:] == pairs["movie_id"].to_numpy()[:-1]
    rising = same_film & (np.diff(pairs["score"].to_numpy()) > 0)
    return Finding(
        not outside.any() and not rising.any(),
        {"scores_outside_0_to_1": int(outside.sum()), "scores_rising": int(rising.sum())},
    )


def _find_self_excluded(pairs: pd.DataFrame, _: Inputs) -> Finding:
    itself = pairs["movie_id"] == pairs["neighbour_id"]
    twice = pairs.duplicated(["movie_id", "neighbour_id"])
    return Finding(
        not itself.any() and not twice.any(),
        {"films_that_are_their_own_neighbour": int(itself.sum()), "repeated": int(twice.sum())},
    )


def _find_weights_say_something(_: dg.DagsterInstance, inputs: Inputs) -> Finding:
    said = inputs["item_weights"][["weight", "transition"]].to_numpy()
    wrong = int((~np.isfinite(said).all(axis=1) | (said == 0).all(axis=1)).sum())
    return Finding(not wrong, {"weights_without_a_meaning": wrong})


# -- checks of what is published ----------------------------------------------------------------


def _published_checks() -> dg.AssetChecksDefinition:
    # What is published is opened as a server opens it, and tables are counted where they are.
    @dg.multi_asset_check(
        name=f"{PUBLISHED}_checks",
        specs=[
            dg.AssetCheckSpec(
                name,
                asset=PUBLISHED,
                additional_deps=["movies_table", "similarity_matrix"],
                description=description,
                blocking=True,
            )
            for name, description in (
                (
                    "films_and_pairs_reconciled",
                    "Films published = films of movies_table, pairs = rows of similarity_matrix.",
                ),
                ("read_back", "The snapshot opens, and every file of it has its checksum."),
            )
        ],
    )
    def run_checks(stored: dg.ResourceParam[Stored]) -> Iterator[dg.AssetCheckResult]:
        found = {
            "films_and_pairs_reconciled": _find_published_reconciled(stored),
            "read_back": _find_read_back(stored),
        }
        for name, finding in found.items():
            yield dg.AssetCheckResult(
                asset_key=PUBLISHED,
                check_name=name,
                passed=finding.passed,
                metadata=dict(finding.metadata),
                description=finding.description,
            )

    return run_checks


def _find_published_reconciled(stored: Stored) -> Finding:
    films, pairs = stored.counts()
    figures = {"films_stored": films, "pairs_stored": pairs}
    try:
        with open_snapshot(stored.published) as snapshot:
            published = len(snapshot.films), len(snapshot.neighbours["rows"])
    except SnapshotError as error:
        return Finding(False, figures, str(error))
    return Finding(
        published == (films, pairs),
        {**figures, "films_published": published[0], "pairs_published": published[1]},
    )


def _find_read_back(stored: Stored) -> Finding:
    try:
        with open_snapshot(stored.published) as snapshot:
            snapshot.verify()
    except SnapshotError as error:
        return Finding(False, {}, str(error))
    return Finding(True, {"files": len(snapshot.manifest.files), "bytes": snapshot.manifest.bytes})


# -- helpers ------------------------------------------------------------------------------------


def _subset(values: "pd.Series[Any]", known: "pd.Series[Any]", what: str) -> Finding:
    unknown = values[~values.isin(known)]
    return Finding(
        unknown.empty,
        {f"{what}_unknown": len(unknown), "examples": [int(i) for i in unknown.unique()[:5]]},
    )


def _same_ids(found: "pd.Series[Any]", expected: "pd.Series[Any]") -> Finding:
    # As plain numbers: pandas' own integers, which may be missing, would be compared as objects.
    ids, others = (np.sort(some.to_numpy(dtype=np.int64)) for some in (found, expected))
    if np.array_equal(ids, others):
        return Finding(True, {"missing": 0, "extra": 0})
    missing, extra = len(np.setdiff1d(others, ids)), len(np.setdiff1d(ids, others))
    return Finding(not missing and not extra, {"missing": missing, "extra": extra})
