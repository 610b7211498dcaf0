"""The warehouse of the whole catalogue: only the films that changed are cleaned, and merged.

What cleaning is, is the same as for the popular list (``warehouse.py``); here is which films it is
done to. Films are taken by blocks, so that a million of them never are in memory together.
"""

from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import dagster as dg
import numpy as np
import pandas as pd
import pyarrow as pa
from numpy.typing import NDArray

from movie_assets.assets.declare import counts, merge_result, spooled_result, table_asset
from movie_assets.assets.extract import Extraction
from movie_assets.assets.history import (
    RowsLostError,
    last_of_code,
    latest_figures,
    refuse_lost_rows,
    refuse_lost_values,
)
from movie_assets.warehouse import (
    TABLES,
    Digest,
    Merge,
    SchemaError,
    TableMissingError,
    changed_ids,
    cleaning,
    digest_of_rows,
    digest_of_table,
    latest_revision,
    read_arrow,
    read_keys,
    to_frame,
    validate,
    wanted_ids,
)
from movie_assets.warehouse.io_manager import WarehouseStorage

#: Films that are cleaned together; about 200 MB of memory.
_BLOCK = 50_000
#: Where more of the films than this share changed, all are cleaned: it takes no longer.
_MOST_MERGED = 0.2
#: Noted with each run: the last one in which all films were cleaned, for what is made of them.
ALL_CLEANED_IN = "all_cleaned_in_run"
#: Of fewer films cleaned, chance may be what most of them lack.
_ENOUGH_TO_JUDGE = 100


@dataclass(frozen=True)
class _Derived:
    """A table that is made, film by film, from a raw table of the catalogue.

    Attributes:
        table: its name.
        raw: the raw table's name.
        left_out: which films do not belong into it; see :func:`warehouse.wanted_ids`.
        parameters: of these conditions.
        clean: makes the table's rows of raw ones.
        made_by: what else decides on the rows, noted with each run: where it is another than the
            last run's, all films are cleaned.
    """

    table: str
    raw: str
    left_out: Mapping[str, str]
    parameters: Mapping[str, Any]
    clean: Callable[[pd.DataFrame], cleaning.Cleaned]
    made_by: str


@table_asset(
    group="warehouse",
    uses=(cleaning.clean_movies,),
    lineage={
        **{
            column: [("raw_movie_details", column)]
            for column in TABLES["movies_table"].column_names
            if column not in ("genre_ids", "popularity_rank")
        },
        "genre_ids": [("raw_movie_details", "genre_ids"), ("genres_table", "id")],
    },
    deps=("raw_movie_details",),
)
def movies_table(
    context: dg.AssetExecutionContext,
    extraction: dg.ResourceParam[Extraction],
    io_manager: dg.ResourceParam[WarehouseStorage],
    genres_table: pa.Table,
) -> dg.MaterializeResult[Any]:
    """Clean the films that changed."""
    genres = set(genres_table["id"].to_pylist())
    left_out = {
        "TMDB does not have it any more": "gone_at IS NOT NULL",
        "id is out of INTEGER's range": f"id NOT BETWEEN 1 AND {cleaning.INTEGER_MAX}",
    }
    if extraction.language is not None:
        left_out["it is in another language"] = "original_language IS DISTINCT FROM $language"
    return _renew(
        context,
        io_manager,
        _Derived(
            table="movies_table",
            raw="raw_catalogue_movies",
            left_out=left_out,
            parameters={"language": extraction.language} if extraction.language else {},
            clean=lambda raw: cleaning.clean_movies(raw, genres, ranked=False),
            made_by=f"{extraction.language or 'all languages'}, genres {sorted(genres)}",
        ),
    )


@table_asset(
    group="warehouse",
    uses=(cleaning.clean_details,),
    lineage={
        **{
            column: [("raw_movie_details", column)]
            for column in TABLES["movie_details"].column_names
        },
        "id": [("raw_movie_details", "id"), ("movies_table", "id")],
    },
    deps=("raw_movie_details", "movies_table"),
)
def movie_details(
    context: dg.AssetExecutionContext, io_manager: dg.ResourceParam[WarehouseStorage]
) -> dg.MaterializeResult[Any]:
    """Clean the details of the films that changed."""
    return _renew(
        context,
        io_manager,
        _Derived(
            table="movie_details",
            raw="raw_movie_details",
            left_out={
                "film is not in movies_table": "id NOT IN (SELECT id FROM movies_table)",
            },
            parameters={},
            # Of all that are cleaned it is known that they are in movies_table.
            clean=lambda raw: cleaning.clean_details(raw, raw["id"]),
            made_by="",
        ),
    )


def _renew(
    context: dg.AssetExecutionContext, storage: WarehouseStorage, of: _Derived
) -> dg.MaterializeResult[Any]:
    """Clean the films that changed, or all where nothing can be built upon."""
    database = storage.database
    # Before anything else is read: what a merge changes meanwhile is then seen again the next time.
    revision = latest_revision(database)
    wanted = wanted_ids(database, TABLES[of.raw], of.left_out, of.parameters)
    if not len(wanted.ids):
        raise _nothing_left(of.table, wanted.left_out)
    before, why = _find_stored(context, database, of)
    if before is not None:
        other = before.others(database, wanted.ids)
        if len(other) > _MOST_MERGED * len(wanted.ids):
            before, why = None, f"{len(other)} of {len(wanted.ids)} films are to be cleaned"
    cleaned = _Cleaning(of)
    figures = {
        "revision": revision,
        # Revisions tell of films that were fetched anew, and not of films that were cleaned anew.
        ALL_CLEANED_IN: context.run.run_id if before is None else before.all_cleaned_in,
        "made_by": of.made_by,
        "rebuilt": before is None,
        "rebuilt_why": why,
        "rows_in": len(wanted.ids) + sum(wanted.left_out.values()),
        **counts("films_left_out", wanted.left_out),
    }
    if before is None:
        spooled = storage.spool(of.table, cleaned.batches(database, wanted.ids))
        try:
            _refuse(context, of.table, spooled.digest.rows, cleaned)
        except RowsLostError:
            spooled.close()
            raise
        return spooled_result(spooled, {**figures, **cleaned.figures})
    # Each is there once: what may come more often NumPy hashes first, which takes longer than this.
    rows = cleaned.rows(database, np.intersect1d(other, wanted.ids, assume_unique=True))
    merge = Merge(rows, np.setdiff1d(other, rows["id"].to_numpy()))
    removed = digest_of_table(database, TABLES[of.table], other)
    digest = before.digest - removed + digest_of_rows(rows, TABLES[of.table])
    _refuse(context, of.table, digest.rows, cleaned)
    return merge_result(
        of.table, merge, digest, {**figures, "rows_removed": removed.rows, **cleaned.figures}
    )


@dataclass(frozen=True)
class _Stored:
    """A table that may be built upon: it is what the last run left.

    Attributes:
        revision: of the raw films that it is made of.
        all_cleaned_in: the run in which all of its films were cleaned.
        digest: of its content.
        ids: int64[n], of its films, ascending.
    """

    revision: int
    all_cleaned_in: str
    digest: Digest
    ids: NDArray[np.int64]

    def others(self, database: Path, wanted: NDArray[np.int64]) -> NDArray[np.int64]:
        """The films whose rows may have to be other ones, ascending.

        Those that could not be used so far are among them, so that each run has them all counted.
        """
        differ = np.setxor1d(self.ids, wanted, assume_unique=True)
        return np.union1d(changed_ids(database, self.revision), differ)


def _find_stored(
    context: dg.AssetExecutionContext, database: Path, of: _Derived
) -> tuple[_Stored | None, str]:
    """What the last run left; else None, and why nothing can be built upon."""
    version = context.assets_def.code_versions_by_key[context.asset_key]
    last = last_of_code(context.instance, of.table, version)
    if last is None or not {"revision", ALL_CLEANED_IN} <= last.metadata.keys():
        return None, "nothing was made yet by this code"
    if last.metadata["made_by"].value != of.made_by:
        return None, "it was made by other genres or for another language"
    schema = TABLES[of.table]
    try:
        digest = digest_of_table(database, schema)
        ids = read_arrow(database, schema, ["id"])["id"].to_numpy()
    except (SchemaError, TableMissingError) as error:
        return None, str(error)
    if str(digest) != (last.tags or {}).get("dagster/data_version"):
        return None, "what is stored is not what the last run left"
    revision, all_in = (str(last.metadata[name].value) for name in ("revision", ALL_CLEANED_IN))
    stored = _Stored(int(revision), all_in, digest, np.sort(ids.astype(np.int64)))
    return stored, "not rebuilt: merged"


@dataclass
class _Cleaning:
    """Cleans films block by block, and keeps count of what was done for it."""

    of: _Derived
    total: int = 0
    dropped: Counter[str] = field(default_factory=Counter)
    mended: Counter[str] = field(default_factory=Counter)

    def batches(self, database: Path, films: NDArray[np.int64]) -> Iterator[pa.Table]:
        """The films' rows, by id; nothing is read before it is asked for."""
        raw, table = TABLES[self.of.raw], replace(TABLES[self.of.table], may_be_empty=True)
        for start in range(0, len(films), _BLOCK):
            found = read_keys(database, raw, films[start : start + _BLOCK]).sort_by("id")
            cleaned = self.of.clean(to_frame(found, raw.columns))
            self.total += len(cleaned.frame)
            self.dropped.update(cleaned.dropped)
            self.mended.update(cleaned.mended)
            yield validate(cleaned.frame, table)

    def rows(self, database: Path, films: NDArray[np.int64]) -> pa.Table:
        """The films' rows together."""
        none = TABLES[self.of.table].arrow_schema.empty_table()
        return pa.concat_tables([none, *self.batches(database, films)])

    @property
    def figures(self) -> dict[str, Any]:
        """Metadata: of all films that are dropped, and of the values that this run mended."""
        return {
            "rows_cleaned": self.total,
            **counts("rows_dropped", self.dropped),
            **counts("values_mended", self.mended),
        }


def _refuse(context: dg.AssetExecutionContext, table: str, rows: int, cleaned: _Cleaning) -> None:
    """Refuse what cannot be true, while what is stored is still whole."""
    if not rows:
        raise _nothing_left(table, cleaned.dropped)
    asked_for = str(latest_figures(context.instance, "raw_movie_details").get("asked_for"))
    refuse_lost_rows(context.instance, table, rows, asked_for)
    if cleaned.total >= _ENOUGH_TO_JUDGE:
        refuse_lost_values(table, cleaned.total, cleaned.mended)


def _nothing_left(table: str, why: Mapping[str, int]) -> RowsLostError:
    reasons = ", ".join(f"{count} x {reason}" for reason, count in why.items())
    return RowsLostError(
        f"{table} was not written, what it held is unchanged: no film of the catalogue can be used "
        f"({reasons or 'there is none'}). See what raw_movie_details holds, and "
        "MOVIE_ASSETS_LANGUAGE, and build again."
    )
