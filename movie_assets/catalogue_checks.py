"""Asset checks of the catalogue's tables: counted where they are stored, by DuckDB.

What must be true is the same as in ``checks.py``; but a million films, and the fifty million pairs
between them, are not loaded for it (how pairs are counted is in ``pair_checks.py``).
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cached_property
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
from movie_assets.pair_checks import WrongPairs, count_wrong_pairs
from movie_assets.publication import Stored
from movie_assets.warehouse import TABLES, SchemaError
from movie_assets.warehouse.store import number_of, reading

#: What a check found: whether all is well, the figures behind it, and words where there are some.
_Found = tuple[bool, dict[str, Any], str | None]


@dataclass(frozen=True)
class _Look:
    """What the checks of a table look at.

    Attributes:
        instance: knows earlier runs.
        connection: to the warehouse.
        table: its name.
    """

    instance: dg.DagsterInstance
    connection: duckdb.DuckDBPyConnection
    table: str

    @cached_property
    def wrong_pairs(self) -> WrongPairs:
        """Of similarity_matrix: one pass for all of its checks."""
        return count_wrong_pairs(self.connection, NEIGHBOURS_A_FILM)

    def count(self, query: str) -> int:
        """What a query counts."""
        return number_of(self.connection.execute(query))


@dataclass(frozen=True)
class _Check:
    """One check: its name, what must be true, and how that is found out."""

    name: str
    description: str
    find: Callable[[_Look], _Found]


def build_catalogue_checks() -> list[dg.AssetChecksDefinition]:
    """The checks of the tables that the catalogue makes larger or in another way."""
    return [_step(table, checks) for table, checks in _CHECKS.items()]


def _step(table: str, checks: tuple[_Check, ...]) -> dg.AssetChecksDefinition:
    schema = _Check("schema", f"The stored table is as {table} is declared.", _find_schema)
    every = (schema, *checks)

    @dg.multi_asset_check(
        name=f"{table}_checks",
        specs=[
            dg.AssetCheckSpec(check.name, asset=table, description=check.description, blocking=True)
            for check in every
        ],
    )
    def run_checks(
        context: dg.AssetCheckExecutionContext, stored: dg.ResourceParam[Stored]
    ) -> Iterator[dg.AssetCheckResult]:
        for check, (passed, figures, said) in _found(context.instance, stored, table, every):
            yield dg.AssetCheckResult(
                asset_key=table,
                check_name=check.name,
                passed=passed,
                metadata=figures,
                description=said,
            )

    return run_checks


def _found(
    instance: dg.DagsterInstance, stored: Stored, table: str, checks: tuple[_Check, ...]
) -> Iterator[tuple[_Check, _Found]]:
    try:
        with reading(stored.database, TABLES[table]) as connection:
            look = _Look(instance, connection, table)
            found = [check.find(look) for check in checks]
    except SchemaError as error:
        found = [(False, {}, str(error))] * len(checks)
    yield from zip(checks, found, strict=True)


def _find_schema(look: _Look) -> _Found:
    schema = TABLES[look.table]
    never = [f'"{column.name}" IS NULL' for column in schema.columns if not column.nullable]
    nulls = " + ".join(f"count(*) FILTER ({missing})" for missing in never)
    outside = " OR ".join(
        f'"{column.name}" {sign} {bound}'
        for column in schema.columns
        for sign, bound in (("<", column.minimum), (">", column.maximum))
        if bound is not None
    )
    # As conditions: then what DuckDB knows of each block answers, and no value is read.
    missing = look.count(f"SELECT {nulls} FROM {look.table} WHERE {' OR '.join(never)}")  # noqa: S608 - declared names
    # DuckDB holds a NaN for larger than any number, so that a maximum refuses it too.
    beyond = look.count(f"SELECT count(*) FROM {look.table} WHERE {outside or 'false'}")  # noqa: S608 - declared names
    figures = {
        "columns": len(schema.columns),
        "values_missing": missing,
        "rows_out_of_range": beyond,
    }
    return not missing and not beyond, figures, None


def _none_wrong(name: str, description: str, wrong: str) -> _Check:
    """A check by a query that counts what is wrong."""

    def find(look: _Look) -> _Found:
        count = look.count(wrong)
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

    def find(look: _Look) -> _Found:
        rows = look.count(f"SELECT count(*) FROM {look.table}")  # noqa: S608 - a declared name
        asked_for = str(latest_figures(look.instance, extracted).get("asked_for"))
        last = last_good_rows(look.instance, look.table, asked_for)
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


def _find_fetched(look: _Look) -> _Found:
    fetched = latest_figures(look.instance, look.table).get("rows_fetched")
    rows = look.count(f"SELECT count(*) FROM {look.table}")  # noqa: S608 - a declared name
    return fetched == rows, {"rows_fetched": fetched, "rows_stored": rows}, None


def _rows_reconciled(raw: str) -> _Check:
    def find(look: _Look) -> _Found:
        rows_in, stored = (
            look.count(f"SELECT count(*) FROM {name}")  # noqa: S608 - declared names
            for name in (raw, look.table)
        )
        figures = latest_figures(look.instance, look.table)
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


def _no_wrong_pairs(name: str, description: str, way: str) -> _Check:
    """A check by one of the counts of :class:`WrongPairs`."""

    def find(look: _Look) -> _Found:
        count = int(getattr(look.wrong_pairs, way))
        return count == 0, {"wrong": count}, None

    return _Check(name, description, find)


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
        _no_wrong_pairs(
            "neighbours_complete",
            f"{NEIGHBOURS_A_FILM} neighbours a film, or all with votes where they are fewer.",
            "incomplete",
        ),
        _no_wrong_pairs(
            "neighbours_known", "Every film and every neighbour is in movies_table.", "unknown"
        ),
        _no_wrong_pairs("ranks_contiguous", "Ranks run from 1 without gaps.", "ranks"),
        _no_wrong_pairs("scores_descend", "Scores lie in [0, 1] and never rise.", "scores"),
        _no_wrong_pairs(
            "self_excluded", "No film is its own neighbour, none is named twice.", "names"
        ),
    ),
}
