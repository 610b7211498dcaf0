"""What assets that are tables declare and report."""

from __future__ import annotations

from typing import Any

import dagster as dg
import pandas as pd
import pyarrow as pa
import pytest

from movie_assets.assets import declare
from movie_assets.assets.declare import (
    column_lineage,
    counts,
    preview,
    table_asset,
    table_result,
)
from movie_assets.assets.pictures import SHOWN_IN_PLACE
from movie_assets.warehouse import TABLES, SchemaError, content_hash, validate

GENRES = pd.DataFrame({"id": [18, 80], "name": ["Drama", "Crime"]})


@pytest.fixture(autouse=True)
def _own_lineages(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(declare, "_LINEAGES", dict(declare._LINEAGES))


def genres_table() -> None:
    """Give genres."""


def test_a_table_asset_is_described_by_its_declaration() -> None:
    asset = table_asset(group="warehouse", pool="tmdb", kinds=frozenset({"duckdb"}))(genres_table)
    (spec,) = asset.specs
    assert spec.key == dg.AssetKey("genres_table")
    assert spec.group_name == "warehouse"
    assert spec.description == TABLES["genres_table"].description
    assert spec.kinds == {"duckdb"}
    assert asset.op.pool == "tmdb"
    assert asset.get_io_manager_key_for_asset_key(spec.key) == "io_manager"
    schema = spec.metadata["dagster/column_schema"]
    assert [(c.name, c.type) for c in schema.columns] == [("id", "INTEGER"), ("name", "VARCHAR")]


def test_only_declared_tables_can_be_table_assets() -> None:
    def my_own_table() -> None:
        pass

    with pytest.raises(KeyError, match="my_own_table"):
        table_asset(group="warehouse")(my_own_table)


def test_the_version_follows_the_code_the_modules_and_the_columns(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def version(**options: Any) -> str | None:
        (spec,) = table_asset(group="warehouse", **options)(genres_table).specs
        return spec.code_version

    before = version()
    assert before == version(kinds=frozenset({"duckdb"}), pool="tmdb")
    assert before != version(uses=(declare,))
    monkeypatch.setitem(TABLES, "genres_table", TABLES["movie_genre_data"])
    assert before != version()


def test_lineage_by_column() -> None:
    lineage = column_lineage({"id": [("raw_genres", "id")], "name": [("a", "b"), ("c", "d")]})
    assert lineage.deps_by_column == {
        "id": [dg.TableColumnDep(dg.AssetKey("raw_genres"), "id")],
        "name": [
            dg.TableColumnDep(dg.AssetKey("a"), "b"),
            dg.TableColumnDep(dg.AssetKey("c"), "d"),
        ],
    }


def test_a_result_is_checked_hashed_and_shown() -> None:
    result = table_result("genres_table", GENRES[["name", "id"]], {"rows_in": 3, "seconds": 1 / 3})
    assert isinstance(result.value, pa.Table)
    assert result.value.schema == TABLES["genres_table"].arrow_schema
    assert result.data_version == dg.DataVersion(
        content_hash(validate(GENRES, TABLES["genres_table"]))
    )
    assert result.metadata
    assert result.metadata["rows_in"] == 3
    assert result.metadata["seconds"] == pytest.approx(1 / 3, abs=1e-3)
    assert "Crime" in result.metadata["preview"].value  # type: ignore[union-attr]


def test_a_result_may_be_an_arrow_table() -> None:
    table = validate(GENRES, TABLES["genres_table"])
    framed, arrow = table_result("genres_table", GENRES), table_result("genres_table", table)
    assert arrow.value.equals(framed.value)
    assert arrow.data_version == framed.data_version
    assert arrow.metadata
    assert "Crime" in arrow.metadata["preview"].value  # type: ignore[union-attr]


def test_the_data_version_follows_the_content() -> None:
    changed = GENRES.assign(name=["Drama", "Noir"])
    versions = [table_result("genres_table", f).data_version for f in (GENRES, GENRES, changed)]
    assert versions[0] == versions[1] != versions[2]


def test_the_result_reports_the_lineage_that_was_declared() -> None:
    lineage = {"id": [("raw_genres", "id")]}
    table_asset(group="warehouse", lineage=lineage)(genres_table)
    metadata = table_result("genres_table", GENRES).metadata
    assert metadata
    assert metadata["dagster/column_lineage"] == column_lineage(lineage)


@pytest.mark.parametrize(
    "frame", [GENRES.drop(columns="name"), GENRES.head(0), GENRES.assign(id=7)]
)
def test_rows_that_are_not_as_declared_are_no_result(frame: pd.DataFrame) -> None:
    with pytest.raises(SchemaError, match="genres_table"):
        table_result("genres_table", frame)


# -- previews ----------------------------------------------------------------------------------


def test_a_preview_by_hand() -> None:
    frame = pd.DataFrame(
        {
            "id": [1, 2],
            "title": ["Heat", None],
            "genre_ids": [[18, 80], []],
            "at": [pd.Timestamp("1995-12-15"), pd.NaT],
            "score": [1 / 3, float("nan")],
        }
    )
    assert preview(frame).value.splitlines() == [
        "|id|title|genre_ids|at|score|",
        "|---|---|---|---|---|",
        "|1|Heat|18, 80|1995-12-15|0.333333|",
        "|2|||||",
    ]


def test_a_wide_preview_is_turned() -> None:
    frame = pd.DataFrame({f"column {n}": [n, n + 100] for n in range(7)})
    lines = preview(frame).value.splitlines()
    assert lines[0] == "||row 1|row 2|"
    assert lines[2] == "|column 0|0|100|"
    assert len(lines) == 2 + 7


@pytest.mark.parametrize("columns", [2, 9])
def test_a_long_table_is_cut_to_what_is_shown_in_place(columns: int) -> None:
    text = "long words " * 30
    frame = pd.DataFrame({f"c{n}": [text] * 50 for n in range(columns)})
    shown = preview(frame).value
    assert len(shown) < SHOWN_IN_PLACE
    assert "…" in shown
    assert "long words" in shown


def test_no_rows_can_be_shown() -> None:
    assert preview(GENRES.head(0)).value.splitlines() == ["|id|name|", "|---|---|"]


@pytest.mark.parametrize(
    ("value", "shown"),
    [
        ("a|b", r"a\|b"),
        ("M*A*S*H", r"M\*A\*S\*H"),
        ("![x](http://x)", r"!\[x\](http://x)"),
        ("<script>", r"\<script\>"),
        ("line\n\nbreaks\t", "line breaks"),
        ("back\\slash", r"back\\slash"),
        ("_it_ `is` ~~not~~", r"\_it\_ \`is\` \~\~not\~\~"),
        ("🎬 مرحبا", "🎬 مرحبا"),
    ],
)
def test_a_value_is_never_taken_for_markdown(value: str, shown: str) -> None:
    frame = pd.DataFrame({"title": [value], "id": [1]})
    assert preview(frame).value.splitlines()[2] == f"|{shown}|1|"


def test_counted_reasons() -> None:
    found = counts("rows_dropped", {"no title": 2, "id is missing": 1})
    assert found["rows_dropped"] == 3
    assert found["rows_dropped_why"].value.splitlines()[2:] == [
        "| id is missing | 1 |",
        "| no title | 2 |",
    ]
    assert counts("rows_dropped", {}) == {"rows_dropped": 0}
