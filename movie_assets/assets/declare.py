"""What all assets that are tables have in common: how they are declared and what they report."""

from __future__ import annotations

import functools
import re
import time
from typing import TYPE_CHECKING, Any

import dagster as dg
import pandas as pd
import pyarrow as pa

from movie_assets.assets.pictures import SHOWN_IN_PLACE
from movie_assets.assets.versions import code_version
from movie_assets.warehouse import TABLES, Digest, Merge, Spooled, content_hash, validate
from movie_assets.warehouse.io_manager import column_schema
from movie_assets.warehouse.row_merging import RowMerge

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from pathlib import Path
    from types import ModuleType

    from movie_assets.warehouse.row_merging import RowMerge

#: A table with more columns is wider than the place that the web UI has for it.
_COLUMNS_SIDE_BY_SIDE = 6
#: Rows of a preview and characters of a value, from what is best to what is just enough: the first
#: that the web UI shows in place is taken.
_SIDE_BY_SIDE_SIZES = ((8, 60), (5, 60), (5, 40), (3, 20))
_TURNED_SIZES = ((2, 18), (2, 12))

_SECONDS_A_MESSAGE = 5.0

#: For each column, the (asset, column) pairs that it is made from.
Lineage = dict[str, list[tuple[str, str]]]

#: By table. Dagster takes it from what a run reports, not from the asset's definition.
_LINEAGES: dict[str, dg.TableColumnLineage] = {}


def table_asset(
    *,
    group: str,
    uses: tuple[ModuleType | Path | Callable[..., object], ...] = (),
    lineage: Lineage | None = None,
    kinds: frozenset[str] = frozenset({"duckdb", "pandas"}),
    pool: str | None = None,
    columns: Mapping[str, list[str]] | None = None,
    deps: tuple[str, ...] = (),
) -> Callable[[Callable[..., Any]], dg.AssetsDefinition]:
    """Declare a function as the asset of the warehouse table of its name.

    Args:
        group: the asset's group in the UI.
        uses: functions, modules, or modules' files, whose code the content depends on, beside its
            own.
        lineage: where columns come from; a column that stands for itself is left out.
        kinds: badges in the UI.
        pool: concurrency pool; its limit is in dagster.yaml.
        columns: by input, the only columns of it that are read.
        deps: other assets that it is made from, and reads by itself.
    """

    def declare(function: Callable[..., Any]) -> dg.AssetsDefinition:
        table = TABLES[function.__name__]
        if lineage:
            _LINEAGES[table.name] = column_lineage(lineage)
        return dg.asset(
            group_name=group,
            description=table.description,
            kinds=set(kinds),
            pool=pool,
            code_version=code_version(function, *uses, table.column_ddl),
            metadata={"dagster/column_schema": column_schema(table.name)},
            io_manager_key="io_manager",
            deps=list(deps),
            ins={
                name: dg.AssetIn(metadata={"columns": names})
                for name, names in (columns or {}).items()
            },
        )(timed(function))

    return declare


def timed(function: Callable[..., Any]) -> Callable[..., Any]:
    """The asset function with the seconds that it takes added to its result's metadata.

    They are the asset's own work: reading its inputs and writing its output come on top in
    Dagster's duration of the step.
    """

    @functools.wraps(function)
    def run(*arguments: Any, **inputs: Any) -> dg.MaterializeResult[Any]:
        started = time.perf_counter()
        result: dg.MaterializeResult[Any] = function(*arguments, **inputs)
        seconds = round(time.perf_counter() - started, 3)
        metadata = {**(result.metadata or {}), "compute_seconds": seconds}
        return dg.MaterializeResult(
            value=result.value, data_version=result.data_version, metadata=metadata
        )

    return run


def reporter(log: dg.DagsterLogManager, text: str) -> Callable[[int, int], None]:
    """Says how far something is, now and then: each message is a write to Dagster's storage.

    Args:
        log: where it is said.
        text: with a ``%s`` for what is done, and one for all that there is.
    """
    said, said_at = 0, time.monotonic()

    def report(done: int, wanted: int) -> None:
        nonlocal said, said_at
        is_time = done > said and time.monotonic() - said_at >= _SECONDS_A_MESSAGE
        if is_time or done >= wanted > said:
            said, said_at = done, time.monotonic()
            log.info(text, f"{done:,}", f"{wanted:,}")

    return report


def column_lineage(lineage: Lineage) -> dg.TableColumnLineage:
    """Dagster's form of a lineage."""
    return dg.TableColumnLineage(
        {
            column: [
                dg.TableColumnDep(asset_key=dg.AssetKey(asset), column_name=name)
                for asset, name in sources
            ]
            for column, sources in lineage.items()
        }
    )


def table_result(
    name: str, rows: pd.DataFrame | pa.Table, metadata: Mapping[str, Any] | None = None
) -> dg.MaterializeResult[pa.Table]:
    """Check a table's rows and make them the asset's result.

    The content's hash is the data version, so that what is downstream is not rebuilt for rows that
    did not change.

    Raises:
        SchemaError: where the rows are not as the table is declared.
    """
    table = validate(rows, TABLES[name])
    return _result(
        name,
        table,
        content_hash(table),
        rows if isinstance(rows, pd.DataFrame) else _first_rows(rows),
        metadata,
    )


def spooled_result(
    spooled: Spooled, metadata: Mapping[str, Any] | None = None
) -> dg.MaterializeResult[Spooled]:
    """Make the rows of a large table, checked and laid down, the asset's result.

    The content's digest is the data version.
    """
    first = _first_rows(spooled.first_rows)
    return _result(spooled.schema.name, spooled, str(spooled.digest), first, metadata)


def merge_result(
    name: str,
    merge: Merge | RowMerge,
    digest: Digest,
    metadata: Mapping[str, Any] | None = None,
) -> dg.MaterializeResult[Merge | RowMerge]:
    """Make what changed of a table the asset's result.

    Args:
        name: the table.
        merge: what changed.
        digest: of the table's content once that is merged; it is the data version.
        metadata: shown beside the first of the rows that changed.
    """
    rows = merge.rows
    first = rows if isinstance(rows, pd.DataFrame) else _first_rows(rows)
    return _result(name, merge, str(digest), first, metadata)


def _result(
    name: str, value: Any, version: str, first: pd.DataFrame, metadata: Mapping[str, Any] | None
) -> dg.MaterializeResult[Any]:
    return dg.MaterializeResult(
        value=value,
        data_version=dg.DataVersion(version),
        metadata={
            "preview": preview(first),
            **({"dagster/column_lineage": _LINEAGES[name]} if name in _LINEAGES else {}),
            **{
                label: round(figure, 4) if isinstance(figure, float) else figure
                for label, figure in (metadata or {}).items()
            },
        },
    )


def _first_rows(table: pa.Table) -> pd.DataFrame:
    # By way of Python's own values: lists are lists then, and whole numbers stay so beside a null.
    rows = table.slice(0, _SIDE_BY_SIDE_SIZES[0][0]).to_pylist()
    return pd.DataFrame(rows, columns=table.column_names, dtype=object)


def preview(frame: pd.DataFrame) -> dg.MarkdownMetadataValue:
    """The first rows as a markdown table; long values are cut.

    A wide table is turned on its side, a line for each of its columns.
    """
    turned = len(frame.columns) > _COLUMNS_SIDE_BY_SIDE
    for rows, width in _TURNED_SIZES if turned else _SIDE_BY_SIDE_SIZES:
        text = _markdown_table(frame.head(rows), width, turned)
        if len(text) < SHOWN_IN_PLACE:
            break
    return dg.MetadataValue.md(text)


def counts(prefix: str, reasons: Mapping[str, int]) -> dict[str, Any]:
    """Metadata for counted reasons: the sum as a number, the reasons as a table.

    >>> sorted(counts("rows_dropped", {"no title": 2, "id is missing": 1}))
    ['rows_dropped', 'rows_dropped_why']
    """
    out: dict[str, Any] = {prefix: sum(reasons.values())}
    if reasons:
        lines = [f"| {reason} | {count} |" for reason, count in sorted(reasons.items())]
        out[f"{prefix}_why"] = dg.MetadataValue.md(
            "\n".join(["| why | how many |", "|---|---|", *lines])
        )
    return out


def _markdown_table(frame: pd.DataFrame, width: int, turned: bool) -> str:
    header = [str(column) for column in frame.columns]
    lines = [[_cell(value, width) for value in row] for row in frame.itertuples(index=False)]
    if turned:
        lines = [list(line) for line in zip(header, *lines, strict=True)]
        header = ["", *(f"row {number}" for number in range(1, len(lines[0])))]
    rule = ["---"] * len(header)
    return "\n".join(f"|{'|'.join(line)}|" for line in (header, rule, *lines))


def _cell(value: object, width: int) -> str:
    """A value in a cell of a markdown table: on one line, cut, and never taken for markdown."""
    text = " ".join(_text(value).split()).removesuffix(" 00:00:00")
    text = text if len(text) <= width else text[: width - 1] + "…"
    return re.sub(r"([\\`*_\[\]<>|~])", r"\\\1", text)


def _text(value: object) -> str:
    if isinstance(value, list | tuple):
        return ", ".join(map(str, value))
    if pd.isna(value):  # type: ignore[call-overload]
        return ""
    return f"{value:.6g}" if isinstance(value, float) else str(value)
