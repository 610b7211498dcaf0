"""What a declaration makes, and which data it takes."""

from __future__ import annotations

import datetime as dt
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from movie_assets.warehouse import Column, SchemaError, TableSchema, View, to_frame, validate
from movie_assets.warehouse import schema as schema_module

#: Stored times have no time zone.
NOON = dt.datetime(2020, 1, 2, 12)  # noqa: DTZ001

EVERY_TYPE = TableSchema(
    name="every_type",
    description="One column of each type.",
    columns=(
        Column("integer", "INTEGER", "The key."),
        Column("bigint", "BIGINT", "Large.", nullable=True),
        Column("double", "DOUBLE", "From 0 to 10.", nullable=True, minimum=0, maximum=10),
        Column("single", "FLOAT", "Narrow.", nullable=True),
        Column("boolean", "BOOLEAN", "Yes or no.", nullable=True),
        Column("text", "VARCHAR", "Any text.", nullable=True),
        Column("moment", "TIMESTAMP", "When.", nullable=True),
        Column("integers", "INTEGER[]", "Some numbers.", nullable=True),
        Column("bigints", "BIGINT[]", "Large numbers.", nullable=True),
        Column("texts", "VARCHAR[]", "Some texts.", nullable=True),
    ),
    primary_key=("integer",),
)


def rows(**columns: Any) -> pd.DataFrame:
    """Two rows of EVERY_TYPE in which only the key is there, but for the columns given."""
    empty = {name: [None, None] for name in EVERY_TYPE.column_names}
    return pd.DataFrame({**empty, "integer": [1, 2], **columns})


def error_of(frame: Any, schema: TableSchema = EVERY_TYPE) -> str:
    with pytest.raises(SchemaError) as caught:
        validate(frame, schema)
    return str(caught.value)


def test_declaration_makes_ddl_and_column_list() -> None:
    table = TableSchema(
        "t",
        "A table.",
        (Column("id", "INTEGER", "The key."), Column('a "b"', "VARCHAR[]", "Names.", True)),
        primary_key=("id",),
    )
    assert table.column_ddl == '"id" INTEGER NOT NULL, "a ""b""" VARCHAR[]'
    assert [tuple(info) for info in table.column_infos] == [
        ("id", "INTEGER", "The key.", False, True),
        ('a "b"', "VARCHAR[]", "Names.", True, False),
    ]


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"columns": (Column("id", "INTEGER", "."), Column("id", "VARCHAR", "."))}, "twice"),
        ({"primary_key": ("other",)}, "other"),
        ({"columns": (Column("id", "INTEGER", ".", nullable=True),)}, "cannot be nullable"),
        ({"views": (View("v", ("other",), "."),)}, "other"),
        ({"placed": "id"}, "no table of lists"),
    ],
)
def test_contradictory_declaration_is_refused(changes: dict[str, Any], message: str) -> None:
    declared: dict[str, Any] = {
        "name": "t",
        "description": ".",
        "columns": (Column("id", "INTEGER", "."),),
        "primary_key": ("id",),
    }
    with pytest.raises(ValueError, match=message):
        TableSchema(**{**declared, **changes})


def test_all_missing_columns_keep_their_declared_types() -> None:
    table = validate(rows(), EVERY_TYPE)
    assert table.schema.equals(EVERY_TYPE.arrow_schema)
    assert table["texts"].null_count == 2


def test_columns_are_taken_by_name_and_the_index_is_not() -> None:
    frame = rows(text=["a", "b"], double=[1.5, 2.5])
    shuffled = frame[frame.columns[::-1]].set_index(pd.Index([7, 7]))
    assert validate(shuffled, EVERY_TYPE).equals(validate(frame, EVERY_TYPE))


@pytest.mark.parametrize("missing", [None, float("nan"), pd.NaT, pd.NA])
@pytest.mark.parametrize("column", [c.name for c in EVERY_TYPE.columns if c.nullable])
def test_each_kind_of_missing_value_is_null(column: str, missing: object) -> None:
    frame = rows(**{column: pd.Series([missing, missing], dtype="object")})
    assert validate(frame, EVERY_TYPE)[column].null_count == 2


@pytest.mark.parametrize(
    ("column", "values", "expected"),
    [
        ("bigint", [1.0, np.nan], [1, None]),
        ("bigint", pd.array([2**53 + 1, None], dtype="Int64"), [2**53 + 1, None]),
        ("bigint", np.array([1, 2], dtype="uint8"), [1, 2]),
        ("double", [1, 2], [1.0, 2.0]),
        ("double", np.array([0.5, 2], dtype="float32"), [0.5, 2.0]),
        ("single", np.array([0.5, 2], dtype="float32"), [0.5, 2.0]),
        ("boolean", pd.array([True, None], dtype="boolean"), [True, None]),
        ("boolean", [True, None], [True, None]),
        ("text", pd.Categorical(["a", None]), ["a", None]),
        ("text", pd.Series(["", None], dtype="object"), ["", None]),
        ("text", pd.Series(["a", None], dtype="string"), ["a", None]),
        (
            "moment",
            pd.Series(["2020-01-02T12:00", None], dtype="datetime64[ns]"),
            [NOON, None],
        ),
        ("moment", [NOON, pd.NaT], [NOON, None]),
        ("integers", [[1, 2], None], [[1, 2], None]),
        ("integers", [np.array([1]), np.array([])], [[1], []]),
        ("integers", [(3,), []], [[3], []]),
        ("integers", [[], []], [[], []]),
        ("bigints", [[2**40], [1]], [[2**40], [1]]),
        ("texts", [["a", ""], np.array(["b"])], [["a", ""], ["b"]]),
    ],
)
def test_values_that_keep_their_meaning_are_taken(
    column: str, values: Any, expected: list[Any]
) -> None:
    assert validate(rows(**{column: values}), EVERY_TYPE)[column].to_pylist() == expected


@pytest.mark.parametrize(
    ("column", "values", "expected"),
    [
        ("bigint", ["1", "2"], "'bigint': BIGINT expected, found large_string in 2 rows, e.g. '1'"),
        ("bigint", [1.5, 2], "found double of which 1 do not fit, e.g. 1.5"),
        ("bigint", [True, False], "found bool"),
        ("bigint", [2**70, 1], "1180591620717411303424"),
        ("bigint", pd.to_datetime(["2020-01-01", "NaT"]), "found timestamp"),
        ("integer", [2**31, -(2**31) - 1], "of which 2 do not fit, e.g. 2147483648, -2147483649"),
        ("double", ["0.5", None], "found large_string in 1 row"),
        ("double", [2**53 + 1, 2], "e.g. 9007199254740993"),
        ("single", [0.1, 0.2], "FLOAT expected, found double"),
        ("boolean", [1, 0], "BOOLEAN expected, found int64"),
        ("boolean", ["yes", "no"], "found large_string"),
        ("text", [1, 2], "VARCHAR expected, found int64"),
        ("text", ["a", 1], "of several types"),
        ("text", [b"a", b"b"], "found binary"),
        ("text", pd.Series(["\ud800", "a"], dtype="object"), "surrogates not allowed"),
        ("moment", ["2020-01-01", "2020-01-02"], "TIMESTAMP expected, found large_string"),
        ("moment", pd.to_datetime(["2020-01-01", "NaT"], utc=True), "tz=UTC"),
        ("moment", [dt.date(2020, 1, 1), None], "found date32"),
        ("moment", pd.to_datetime(["2020-01-01T00:00:00.000000001", "NaT"]), "1 do not fit"),
        ("integers", [[1.5], [2]], "of which 1 do not fit, e.g. 1.5"),
        ("integers", [[2**31], None], "of which 1 do not fit, e.g. 2147483648"),
        ("integers", [["1"], [2]], "of several types"),
        ("integers", [[1, None], [2]], "values missing inside of lists: 1"),
        ("integers", ["1,2", None], "INTEGER[] expected, found large_string"),
        ("integers", [[[1]], None], "found list<item: list<item: int64>>"),
        ("texts", [[1], ["a"]], "of several types"),
    ],
)
def test_drift_is_an_error_and_no_silent_cast(column: str, values: Any, expected: str) -> None:
    message = error_of(rows(**{column: values}))
    assert f"'{column}'" in message
    assert expected in message


def test_all_drifted_columns_are_named_at_once() -> None:
    message = error_of(rows(text=[1, 2], bigint=["a", "b"]))
    assert "'text'" in message
    assert "'bigint'" in message


def test_error_says_which_columns_are_missing_extra_or_double_and_what_to_do() -> None:
    frame = rows().drop(columns=["text"]).assign(other=1)
    frame.insert(0, "double", 1.0, allow_duplicates=True)
    message = error_of(frame)
    assert "every_type" in message
    assert "missing columns ['text']" in message
    assert "columns ['other'] are not declared" in message
    assert "columns ['double'] come more than once" in message
    assert "Correct the asset that makes every_type" in message


def test_missing_value_in_a_required_column_is_counted_with_its_rows() -> None:
    message = error_of(rows(integer=[None, 2]))
    assert "column 'integer' must not be missing, but is in 1 row, e.g. row 0" in message


def test_double_keys_are_shown() -> None:
    message = error_of(rows(integer=[7, 7]))
    assert "2 rows share their primary key (integer), e.g. {'integer': 7}" in message


def test_keys_of_two_columns_are_compared_together() -> None:
    table = TableSchema(
        "pairs",
        "Pairs.",
        (Column("a", "INTEGER", "One."), Column("b", "VARCHAR", "Other.")),
        primary_key=("a", "b"),
    )
    validate(pd.DataFrame({"a": [1, 1], "b": ["x", "y"]}), table)
    message = error_of(pd.DataFrame({"a": [1, 1, 2], "b": ["x", "x", "x"]}), table)
    assert "2 rows share their primary key (a, b), e.g. {'a': 1, 'b': 'x'}" in message


def test_values_out_of_range_are_counted_with_examples() -> None:
    message = error_of(rows(double=[-1.0, 11.0]))
    assert "column 'double' must be at least 0, but is not in 1 row, e.g. -1.0 in row 0" in message
    assert "column 'double' must be at most 10, but is not in 1 row, e.g. 11.0 in row 1" in message


def test_infinite_values_are_refused() -> None:
    assert "column 'double' is infinite in 1 row" in error_of(rows(double=[np.inf, 1]))


def test_at_most_three_examples_are_shown() -> None:
    frame = pd.concat([rows(integer=[i, -i], double=[-1.0, 1.0]) for i in range(1, 11)])
    assert "is not in 10 rows, e.g. -1.0 in row 0, 2, 4." in error_of(frame)


def test_empty_frame_is_refused_unless_declared_otherwise() -> None:
    assert "there are no rows" in error_of(rows().iloc[:0])
    relaxed = TableSchema("t", ".", EVERY_TYPE.columns, primary_key=("integer",), may_be_empty=True)
    assert validate(rows().iloc[:0], relaxed).num_rows == 0


def test_arrow_tables_are_checked_like_frames() -> None:
    frame = rows(text=["a", None], integers=[[1], None])
    table = validate(frame, EVERY_TYPE)
    assert validate(table, EVERY_TYPE).equals(table)
    wide = pa.table({name: table[name] for name in reversed(table.column_names)})
    assert validate(wide, EVERY_TYPE).equals(table)
    assert "missing columns ['text']" in error_of(table.drop_columns(["text"]))


def test_frame_that_is_read_has_the_declared_dtypes_and_is_valid_again() -> None:
    table = validate(
        rows(integers=[[1], None], texts=[["a"], []], boolean=[True, None]), EVERY_TYPE
    )
    frame = to_frame(table, EVERY_TYPE.columns)
    assert {name: str(dtype) for name, dtype in frame.dtypes.items()} == {
        "integer": "int32",
        "bigint": "Int64",
        "double": "float64",
        "single": "float32",
        "boolean": "boolean",
        "text": "str",
        "moment": "datetime64[us]",
        "integers": "object",
        "bigints": "object",
        "texts": "object",
    }
    assert frame["integers"].tolist() == [[1], None]
    assert validate(frame, EVERY_TYPE).equals(table)
    EVERY_TYPE.pandera_schema.validate(frame)


def test_unknown_column_names_those_that_there_are() -> None:
    with pytest.raises(SchemaError, match=r"no column 'other'.*integer, bigint"):
        EVERY_TYPE.project(["integer", "other"])


# -- many rows ------------------------------------------------------------------------------------

PAIRS = TableSchema(
    name="pairs",
    description="Pairs with a score.",
    columns=(
        Column("a", "INTEGER", "One."),
        Column("b", "BIGINT", "Another."),
        Column("score", "DOUBLE", "0 to 1.", minimum=0, maximum=1),
        Column("note", "FLOAT", "Any.", nullable=True, minimum=-5),
    ),
    primary_key=("a", "b"),
)


@pytest.fixture
def without_pandera(monkeypatch: pytest.MonkeyPatch) -> None:
    """Fail where pandera is asked."""

    def refuse(*_: object, **__: object) -> None:
        raise AssertionError("pandera was asked")

    monkeypatch.setattr(type(PAIRS.pandera_schema), "validate", refuse)


@pytest.mark.usefixtures("without_pandera")
@pytest.mark.parametrize("count", [1, 2, 4])
def test_good_rows_in_the_order_of_their_key_need_no_frame(count: int) -> None:
    found = pd.DataFrame({"a": [1, 1, 2, 7], "b": [2, 3, 1, 1], "score": [0.0, 1.0, 0.5, 0.5]})
    frame = found.assign(note=np.array([None, -5, 9, None], dtype=np.float32)).head(count)
    assert validate(frame, PAIRS).num_rows == count


@pytest.mark.no_cover
@settings(max_examples=150, deadline=None)
@given(
    keys=st.lists(st.tuples(st.integers(0, 3), st.integers(0, 3)), min_size=1, max_size=8),
    in_order=st.booleans(),
    data=st.data(),
)
def test_a_glance_and_pandera_agree(
    keys: list[tuple[int, int]], in_order: bool, data: st.DataObject
) -> None:
    keys = sorted(keys) if in_order else keys
    numbers = st.lists(
        st.sampled_from([0.0, 0.5, 1.0, 1.5, -7.0, float("nan")]),
        min_size=len(keys),
        max_size=len(keys),
    )
    # From Arrow, where NaN is a value of its own beside null.
    table = pa.table(
        {
            "a": pa.array([a for a, _ in keys], pa.int32()),
            "b": pa.array([b for _, b in keys], pa.int64()),
            "score": pa.array(data.draw(numbers), pa.float64()),
            "note": pa.array(data.draw(numbers), pa.float32()),
        }
    )
    glanced, by_pandera = [], []
    for found, glance in ((glanced, schema_module._is_good_at_a_glance), (by_pandera, None)):
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(schema_module, "_is_good_at_a_glance", glance or (lambda *_: False))
            try:
                validate(table, PAIRS)
            except SchemaError as error:
                found.append(str(error))
    assert glanced == by_pandera
