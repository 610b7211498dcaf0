"""Asset checks of the catalogue's tables: counted where they are stored, by DuckDB.

What must be true is the same as in ``checks.py``; but a million films, and the fifty million pairs
between them, are not loaded for it.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import dagster as dg
import duckdb

from movie_assets.assets.history import (
    LEAST_SHARE_OF_ROWS,
    ROW_COUNT_CHECK,
    last_good_rows,
    latest_figures,
    too_few,
)
from movie_assets.assets.recommend import NEIGHBOURS_A_FILM
from movie_assets.publication import Stored
from movie_assets.warehouse import TABLES, SchemaError
from movie_assets.warehouse.store import number_of, reading

#: What a check found: whether all is well, the figures behind it, and words where there are some.
_Found = tuple[bool, dict[str, Any], str | None]


@dataclass(frozen=True)
class _Check:
    """One check: its name, what must be true, and how that is found out."""

    name: str
    description: str
    find: Callable[[dg.DagsterInstance, duckdb.DuckDBPyConnection, str], _Found]


def build_catalogue_checks() -> list[dg.AssetChecksDefinition]:
    """The checks of the tables that the catalogue makes larger or in another way."""
    return [_step(table, checks) for table, checks in _CHECKS.items()]


def _step(table: str, checks: tuple[_Check, ...]) -> dg.AssetChecksDefinition:
    schema = _Check("schema", f"The stored table is as {table} is declared.", _find_schema)

    @dg.multi_asset_check(
        name=f"{table}_checks",
        specs=[
            dg.AssetCheckSpec(check.name, asset=table, description=check.description, blocking=True)
            for check in (schema, *checks)
        ],
    )
    def run_checks(
        context: dg.AssetCheckExecutionContext, stored: dg.ResourceParam[Stored]
    ) -> Iterator[dg.AssetCheckResult]:
        for check in (schema, *checks):
            passed, figures, said = _find(check, context.instance, stored, table)
            yield dg.AssetCheckResult(
                asset_key=table,
                check_name=check.name,
                passed=passed,
                metadata=figures,
                description=said,
            )

    return run_checks


def _find(check: _Check, instance: dg.DagsterInstance, stored: Stored, table: str) -> _Found:
    try:
        with reading(stored.database, TABLES[table]) as connection:
            return check.find(instance, connection, table)
    except SchemaError as error:
        return False, {}, str(error)


def _find_schema(
    _: dg.DagsterInstance, connection: duckdb.DuckDBPyConnection, table: str
) -> _Found:
    schema = TABLES[table]
    nulls = " + ".join(
        f'count(*) FILTER ("{column.name}" IS NULL)'
        for column in schema.columns
        if not column.nullable
    )
    outside = " OR ".join(
        f'"{column.name}" {sign} {bound}'
        for column in schema.columns
        for sign, bound in (("<", column.minimum), (">", column.maximum))
        if bound is not None
    )
    missing = number_of(connection.execute(f"SELECT {nulls} FROM {table}"))  # noqa: S608 - declared names
    # DuckDB holds a NaN for larger than any number, so that a maximum refuses it too.
    beyond = number_of(
        connection.execute(f"SELECT count(*) FROM {table} WHERE {outside or 'false'}")  # noqa: S608 - declared names
    )
    figures = {
        "columns": len(schema.columns),
        "values_missing": missing,
        "rows_out_of_range": beyond,
    }
    return not missing and not beyond, figures, None


def _none_wrong(name: str, description: str, wrong: str) -> _Check:
    """A check by a query that counts what is wrong."""

    def find(_: dg.DagsterInstance, connection: duckdb.DuckDBPyConnection, __: str) -> _Found:
        count = number_of(connection.execute(wrong))
        return count == 0, {"wrong": count}, None

    return _Check(name, description, find)


def _unique(table: str) -> _Check:
    return _none_wrong(
        "ids_unique",
        "No id comes twice.",
        f"SELECT count(*) - count(DISTINCT id) FROM {table}",  # noqa: S608 - a declared name
    )


def _row_count_kept(extracted: str) -> _Check:
    """Against the last run in which this check passed and the same was asked for."""

    def find(
        instance: dg.DagsterInstance, connection: duckdb.DuckDBPyConnection, table: str
    ) -> _Found:
        rows = number_of(connection.execute(f"SELECT count(*) FROM {table}"))  # noqa: S608 - a declared name
        asked_for = str(latest_figures(instance, extracted).get("asked_for"))
        last = last_good_rows(instance, table, asked_for)
        passed = last is None or rows >= LEAST_SHARE_OF_ROWS * last
        good = rows if passed or last is None else last
        return (
            passed,
            {"rows": rows, "last_good_rows": good, "asked_for": asked_for},
            None if passed or last is None else too_few(rows, last),
        )

    return _Check(
        ROW_COUNT_CHECK,
        f"At least {LEAST_SHARE_OF_ROWS:.0%} of the rows of the last good run.",
        find,
    )


def _find_fetched(
    instance: dg.DagsterInstance, connection: duckdb.DuckDBPyConnection, table: str
) -> _Found:
    fetched = latest_figures(instance, table).get("rows_fetched")
    rows = number_of(connection.execute(f"SELECT count(*) FROM {table}"))  # noqa: S608 - a declared name
    return fetched == rows, {"rows_fetched": fetched, "rows_stored": rows}, None


def _rows_reconciled(raw: str) -> _Check:
    def find(
        instance: dg.DagsterInstance, connection: duckdb.DuckDBPyConnection, table: str
    ) -> _Found:
        rows_in, stored = (
            number_of(connection.execute(f"SELECT count(*) FROM {name}"))  # noqa: S608 - declared names
            for name in (raw, table)
        )
        figures = latest_figures(instance, table)
        dropped, left_out = (figures.get(name, 0) for name in ("rows_dropped", "films_left_out"))
        # A fetch may have gone on since: then the raw table is ahead, and counted is what was read.
        read = figures.get("rows_in", rows_in)
        return (
            read == stored + dropped + left_out,
            {
                "rows_in": read,
                "rows_in_now": rows_in,
                "rows_stored": stored,
                "rows_dropped": dropped,
                "films_left_out": left_out,
            },
            None,
        )

    return _Check(
        "rows_reconciled",
        f"Rows of {raw} = rows stored + rows dropped or left out with a reason.",
        find,
    )


_PAIRS_OF_FILMS = """
    SELECT count(*) FROM similarity_matrix
    WHERE movie_id NOT IN (SELECT id FROM movies_table)
        OR neighbour_id NOT IN (SELECT id FROM movies_table)
"""
# Every film shares a term with every other one, so that it has as many neighbours as there are
# films with votes beside it.
_TOO_FEW_OR_MANY = f"""
    WITH wanted AS (
        SELECT id, least({NEIGHBOURS_A_FILM}, candidates - (vote_count > 0)::INTEGER) AS neighbours
        FROM movies_table,
            (SELECT count(*) AS candidates FROM movies_table WHERE vote_count > 0)
    ),
    found AS (
        SELECT movie_id AS id, count(*) AS neighbours FROM similarity_matrix GROUP BY movie_id
    )
    SELECT count(*) FROM wanted LEFT JOIN found USING (id)
    WHERE coalesce(found.neighbours, 0) NOT BETWEEN wanted.neighbours AND {NEIGHBOURS_A_FILM}
"""  # noqa: S608 - a number of ours
_BAD_RANKS = """
    SELECT count(*) FROM (
        SELECT movie_id FROM similarity_matrix GROUP BY movie_id
        HAVING min(rank) <> 1 OR max(rank) <> count(*) OR len(list_distinct(list(rank))) <> count(*)
    )
"""
_BAD_SCORES = """
    SELECT count(*) FROM (
        SELECT list(score ORDER BY rank) AS scores FROM similarity_matrix GROUP BY movie_id
    )
    WHERE scores <> list_reverse_sort(scores) OR scores[1] > 1 OR scores[-1] < 0
"""
_SELF_OR_TWICE = """
    SELECT count(*) FROM (
        SELECT movie_id, list(neighbour_id) AS ids FROM similarity_matrix GROUP BY movie_id
    )
    WHERE list_contains(ids, movie_id) OR len(list_distinct(ids)) <> len(ids)
"""

_CHECKS: dict[str, tuple[_Check, ...]] = {
    "raw_movie_ids": (
        _Check(
            "rows_fetched_are_stored", "Films taken of the export = rows stored.", _find_fetched
        ),
        _row_count_kept("raw_movie_ids"),
    ),
    "raw_movie_details": (
        _none_wrong(
            "films_accounted_for",
            "Every film that is not gone has details, and no other row is there.",
            """
            SELECT count(*) FROM raw_catalogue_movies film
            FULL JOIN raw_movie_details details USING (id)
            WHERE film.id IS NULL OR (details.id IS NULL AND film.gone_at IS NULL)
            """,
        ),
        _row_count_kept("raw_movie_details"),
    ),
    "movies_table": (
        _unique("movies_table"),
        _rows_reconciled("raw_catalogue_movies"),
        _row_count_kept("raw_movie_details"),
        _none_wrong(
            "films_known",
            "Every film is in the catalogue, and not gone.",
            """
            SELECT count(*) FROM movies_table film
            LEFT JOIN raw_catalogue_movies raw USING (id)
            WHERE raw.id IS NULL OR raw.gone_at IS NOT NULL
            """,
        ),
        _none_wrong(
            "genres_known",
            "Every genre of a film is in genres_table.",
            """
            SELECT count(*) FROM (SELECT unnest(genre_ids) AS genre FROM movies_table)
            WHERE genre NOT IN (SELECT id FROM genres_table)
            """,
        ),
    ),
    "movie_details": (
        _unique("movie_details"),
        _rows_reconciled("raw_movie_details"),
        _row_count_kept("raw_movie_details"),
        _none_wrong(
            "films_known",
            "Every film with details is in movies_table.",
            "SELECT count(*) FROM movie_details WHERE id NOT IN (SELECT id FROM movies_table)",
        ),
    ),
    "movie_genre_data": (
        _unique("movie_genre_data"),
        _none_wrong(
            "films_with_votes_complete",
            "The films of movies_table that have votes, all of them and no others.",
            """
            SELECT count(*) FROM movie_genre_data data
            FULL JOIN (SELECT id FROM movies_table WHERE vote_count > 0) film USING (id)
            WHERE data.id IS NULL OR film.id IS NULL
            """,
        ),
    ),
    "similarity_matrix": (
        _none_wrong(
            "neighbours_complete",
            f"{NEIGHBOURS_A_FILM} neighbours a film, or all with votes where they are fewer.",
            _TOO_FEW_OR_MANY,
        ),
        _none_wrong(
            "neighbours_known",
            "Every film and every neighbour is in movies_table.",
            _PAIRS_OF_FILMS,
        ),
        _none_wrong("ranks_contiguous", "Ranks run from 1 without gaps.", _BAD_RANKS),
        _none_wrong("scores_descend", "Scores lie in [0, 1] and never rise.", _BAD_SCORES),
        _none_wrong(
            "self_excluded", "No film is its own neighbour, none is named twice.", _SELF_OR_TWICE
        ),
    ),
}
