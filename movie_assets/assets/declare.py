"""What all assets that are tables have in common: how they are declared and what they report."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import dagster as dg
import pyarrow as pa

from movie_assets.assets.versions import code_version
from movie_assets.warehouse import TABLES, content_hash, validate
from movie_assets.warehouse.io_manager import column_schema

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from types import ModuleType

    import pandas as pd

PREVIEW_ROWS = 5
_PREVIEW_WIDTH = 60

#: For each column, the (asset, column) pairs that it is made from.
Lineage = dict[str, list[tuple[str, str]]]


def table_asset(
    *,
    group: str,
    uses: tuple[ModuleType, ...] = (),
    lineage: Lineage | None = None,
    kinds: frozenset[str] = frozenset({"duckdb", "pandas"}),
    pool: str | None = None,
) -> Callable[[Callable[..., Any]], dg.AssetsDefinition]:
    """Declare a function as the asset of the warehouse table of its name.

    Args:
        group: the asset's group in the UI.
        uses: modules whose code the content depends on, beside the function's own.
        lineage: where columns come from; a column that stands for itself is left out.
        kinds: badges in the UI.
        pool: concurrency pool; its limit is in dagster.yaml.
    """

    def declare(function: Callable[..., Any]) -> dg.AssetsDefinition:
        table = TABLES[function.__name__]
        return dg.asset(
            group_name=group,
            description=table.description,
            kinds=set(kinds),
            pool=pool,
            code_version=code_version(function, *uses, table.column_ddl),
            metadata={
                "dagster/column_schema": column_schema(table.name),
                **({"dagster/column_lineage": column_lineage(lineage)} if lineage else {}),
            },
            io_manager_key="io_manager",
        )(function)

    return declare


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
    name: str, frame: pd.DataFrame, metadata: Mapping[str, Any] | None = None
) -> dg.MaterializeResult[pa.Table]:
    """Check a table's rows and make them the asset's result.

    The content's hash is the data version, so that what is downstream is not rebuilt for rows that
    did not change.

    Raises:
        SchemaError: where the rows are not as the table is declared.
    """
    table = validate(frame, TABLES[name])
    return dg.MaterializeResult(
        value=table,
        data_version=dg.DataVersion(content_hash(table)),
        metadata={"preview": preview(frame), **(metadata or {})},
    )


def preview(frame: pd.DataFrame) -> dg.MarkdownMetadataValue:
    """The first rows as a markdown table; long values are cut."""
    header = f"| {' | '.join(map(str, frame.columns))} |"
    rule = "|---" * len(frame.columns) + "|"
    rows = [
        f"| {' | '.join(_cell(value) for value in row)} |"
        for row in frame.head(PREVIEW_ROWS).itertuples(index=False)
    ]
    return dg.MetadataValue.md("\n".join([header, rule, *rows]))


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


def _cell(value: object) -> str:
    text = ", ".join(map(str, value)) if isinstance(value, list | tuple) else str(value)
    text = " ".join(text.split()).replace("|", "\\|")
    return text if len(text) <= _PREVIEW_WIDTH else text[: _PREVIEW_WIDTH - 1] + "…"
