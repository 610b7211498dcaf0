"""How a table is declared, and the check of data against its declaration.

One :class:`TableSchema` makes everything that has to agree about a table: DuckDB's column
definitions, the Arrow schema, the dtypes of the frames that are read back, the pandera schema that
checks the values, and the column list that Dagster shows. The tables themselves are declared in
``tables.py``; nothing here knows of DuckDB connections or of Dagster.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Literal, NamedTuple

import numpy as np
import pandas as pd
import pandera.pandas as pa_check
import pyarrow as pa
import pyarrow.compute as pc
from pandera.errors import SchemaErrors

from movie_assets.warehouse.errors import SchemaError

DuckDBType = Literal[
    "INTEGER",
    "BIGINT",
    "DOUBLE",
    "FLOAT",
    "BOOLEAN",
    "VARCHAR",
    "TIMESTAMP",
    "INTEGER[]",
    "BIGINT[]",
    "VARCHAR[]",
]

_ARROW_TYPES: dict[str, pa.DataType] = {
    "INTEGER": pa.int32(),
    "BIGINT": pa.int64(),
    "DOUBLE": pa.float64(),
    "FLOAT": pa.float32(),
    "BOOLEAN": pa.bool_(),
    "VARCHAR": pa.string(),
    "TIMESTAMP": pa.timestamp("us"),
}

# numpy has no missing integer or boolean, so a nullable column gets pandas' masked dtype.
_PANDAS_DTYPES: dict[str, tuple[Any, Any]] = {
    "INTEGER": (np.dtype("int32"), pd.Int32Dtype()),
    "BIGINT": (np.dtype("int64"), pd.Int64Dtype()),
    "DOUBLE": (np.dtype("float64"), np.dtype("float64")),
    "FLOAT": (np.dtype("float32"), np.dtype("float32")),
    "BOOLEAN": (np.dtype("bool"), pd.BooleanDtype()),
    "VARCHAR": (pd.StringDtype(na_value=np.nan), pd.StringDtype(na_value=np.nan)),
    "TIMESTAMP": (np.dtype("datetime64[us]"), np.dtype("datetime64[us]")),
}

#: How many offending values an error shows.
_EXAMPLES = 3


class ColumnInfo(NamedTuple):
    """What a reader is told of a column."""

    name: str
    type: str
    description: str
    nullable: bool
    unique: bool


@dataclass(frozen=True)
class Column:
    """One column: its DuckDB type, what it means and which values it may have.

    Attributes:
        description: one line, with the unit where there is one.
        nullable: whether a value may be missing (None, NaN, NaT and pd.NA all count as missing).
        minimum: the smallest value allowed.
        maximum: the largest value allowed.
    """

    name: str
    duckdb_type: DuckDBType
    description: str
    nullable: bool = False
    minimum: float | None = None
    maximum: float | None = None

    @property
    def is_list(self) -> bool:
        """Whether a value is a list."""
        return self.duckdb_type.endswith("[]")

    @property
    def arrow_type(self) -> pa.DataType:
        """The Arrow type of the column."""
        element = _ARROW_TYPES[self.duckdb_type.removesuffix("[]")]
        return pa.list_(element) if self.is_list else element

    @property
    def pandas_dtype(self) -> Any:
        """The dtype of the column in a frame that was read back; lists are objects."""
        if self.is_list:
            return np.dtype("object")
        return _PANDAS_DTYPES[self.duckdb_type][self.nullable]


@dataclass(frozen=True)
class View:
    """Some columns of a table under a name of their own."""

    name: str
    columns: tuple[str, ...]
    description: str


@dataclass(frozen=True)
class TableSchema:
    """The declaration of one table.

    Attributes:
        primary_key: the columns that together name a row; no two rows may have the same values.
        placed: of a table of lists, where the primary key is a list and a place in it, whole
            numbers of 32 bits: the column that says what stands there, once in a list.
        may_be_empty: whether no rows at all are a result; otherwise they are taken for a failure
            upstream, and refused before they replace what is stored.
        views: the views of this table, renewed together with it.
    """

    name: str
    description: str
    columns: tuple[Column, ...]
    primary_key: tuple[str, ...]
    may_be_empty: bool = False
    views: tuple[View, ...] = ()
    placed: str | None = None

    def __post_init__(self) -> None:
        names = self.column_names
        if len(set(names)) != len(names):
            raise ValueError(f"table {self.name} declares a column twice: {names}")
        asked = {name for view in self.views for name in view.columns} | set(self.primary_key)
        if unknown := sorted(asked - set(names)):
            raise ValueError(f"table {self.name} has no column {unknown}")
        if any(self.column(name).nullable for name in self.primary_key):
            raise ValueError(f"table {self.name}: a primary key cannot be nullable")
        if self.placed is not None:
            of_list = [self.column(name).duckdb_type for name in (*self.primary_key, self.placed)]
            if of_list != ["INTEGER"] * 3:
                raise ValueError(f"table {self.name} is no table of lists")

    @property
    def column_names(self) -> tuple[str, ...]:
        """The columns' names, in the order in which they are stored."""
        return tuple(column.name for column in self.columns)

    def column(self, name: str) -> Column:
        """The column of this name.

        Raises:
            SchemaError: where there is none.
        """
        for column in self.columns:
            if column.name == name:
                return column
        raise SchemaError(
            f"Table {self.name} has no column {name!r}. It has: {', '.join(self.column_names)}."
        )

    def project(self, names: Iterable[str]) -> tuple[Column, ...]:
        """The columns of these names, in the order asked for."""
        return tuple(self.column(name) for name in names)

    @cached_property
    def arrow_schema(self) -> pa.Schema:
        """The Arrow schema; :func:`validate` returns tables of exactly this schema."""
        return pa.schema(
            [pa.field(c.name, c.arrow_type, nullable=c.nullable) for c in self.columns]
        )

    @property
    def column_ddl(self) -> str:
        """The column definitions of ``CREATE TABLE``.

        The primary key is checked before the write and not declared to DuckDB: its index would
        take longer to build than the table, and refuses a row that is deleted and inserted again
        within one transaction, as a partition swap does.
        """
        return ", ".join(
            f"{quote(c.name)} {c.duckdb_type}{'' if c.nullable else ' NOT NULL'}"
            for c in self.columns
        )

    @cached_property
    def pandera_schema(self) -> pa_check.DataFrameSchema:
        """The checks of a frame that was read from this table, or is about to be written."""
        return pa_check.DataFrameSchema(
            {
                column.name: pa_check.Column(
                    column.pandas_dtype, _range_checks(column), nullable=column.nullable
                )
                for column in self.columns
            },
            name=self.name,
            strict=True,
            unique=list(self.primary_key),
        )

    @property
    def column_infos(self) -> tuple[ColumnInfo, ...]:
        """What a reader is told of each column."""
        return tuple(
            ColumnInfo(
                column.name,
                column.duckdb_type,
                column.description,
                column.nullable,
                self.primary_key == (column.name,),
            )
            for column in self.columns
        )


def quote(identifier: str) -> str:
    """An identifier as SQL wants it."""
    return '"' + identifier.replace('"', '""') + '"'


def validate(data: pd.DataFrame | pa.Table, schema: TableSchema) -> pa.Table:
    """Check data against a table's declaration and convert it to exactly the declared types.

    Columns are taken by name. Only conversions that keep every value are made: whole floats become
    integers and narrow integers wide ones; text never becomes a number, nor a number text.

    Args:
        data: the rows; the order of the columns and the index do not matter.
        schema: the declaration.

    Returns:
        A table of ``schema.arrow_schema``, its columns in the declared order.

    Raises:
        SchemaError: listing all that is wrong with it.
    """
    problems = _column_problems(_names(data), schema)
    if not problems and len(data) == 0 and not schema.may_be_empty:
        problems = ["there are no rows, which would wipe the stored table"]
    _raise_if(problems, schema)

    arrays = []
    for column in schema.columns:
        try:
            arrays.append(_to_arrow(data[column.name], column))
        except _DriftError as drift:
            problems.append(f"column {column.name!r}: {drift}")
    _raise_if(problems, schema)

    table = pa.Table.from_arrays(arrays, schema=schema.arrow_schema)
    _raise_if(_value_problems(table, schema), schema)
    return table


def to_frame(table: pa.Table, columns: Sequence[Column]) -> pd.DataFrame:
    """A frame of the declared dtypes.

    INTEGER and BIGINT are int32 and int64, or Int32 and Int64 where the column is nullable; BOOLEAN
    is bool or boolean; DOUBLE and FLOAT are float64 and float32, VARCHAR pandas' ``str`` and
    TIMESTAMP datetime64[us], each with NaN or NaT for a missing value; a list column has Python
    lists, and None for a missing one.
    """
    return pd.DataFrame({c.name: _to_series(table[c.name], c) for c in columns})


class _DriftError(Exception):
    """A column's values are not of its declared type."""


def _names(data: pd.DataFrame | pa.Table) -> Sequence[Any]:
    return list(data.columns if isinstance(data, pd.DataFrame) else data.column_names)


def _raise_if(problems: list[str], schema: TableSchema) -> None:
    if problems:
        raise SchemaError(
            f"Rows for table {schema.name} are not as declared, and nothing was written: "
            f"{'; '.join(problems)}. Correct the asset that makes {schema.name}, or its "
            "declaration in movie_assets/warehouse/tables.py, and materialize it again."
        )


def _column_problems(names: Sequence[Any], schema: TableSchema) -> list[str]:
    problems = []
    if missing := [name for name in schema.column_names if name not in names]:
        problems.append(f"missing columns {missing}")
    if extra := [name for name in names if name not in schema.column_names]:
        problems.append(f"columns {extra} are not declared")
    if double := sorted({str(name) for name in names if names.count(name) > 1}):
        problems.append(f"columns {double} come more than once")
    return problems


def _to_arrow(values: pd.Series[Any] | pa.ChunkedArray, column: Column) -> pa.ChunkedArray:
    """The values as the declared Arrow type, or a :class:`_DriftError`."""
    try:
        found = pa.array(values, from_pandas=True) if isinstance(values, pd.Series) else values
    except (pa.ArrowException, TypeError, ValueError, OverflowError) as error:
        raise _DriftError(
            f"{column.duckdb_type} expected, but the values are of several types or of none "
            f"that fits ({_one_line(error)}), e.g. {_strangest(values)}"
        ) from None
    if pa.types.is_dictionary(found.type):
        found = found.cast(found.type.value_type)
    if not _may_become(found.type, column.arrow_type):
        raise _DriftError(
            f"{column.duckdb_type} expected, found {found.type} in "
            f"{_rows(len(found) - found.null_count)}, e.g. {_examples(found.drop_null())}"
        )
    try:
        exact = found.cast(column.arrow_type)
    except pa.ArrowInvalid:
        misfits = _misfits(found, column.arrow_type)
        raise _DriftError(
            f"{column.duckdb_type} expected, found {found.type} of which {len(misfits)} do not "
            f"fit, e.g. {_examples(misfits)}"
        ) from None
    if column.is_list:
        _refuse_missing_elements(exact)
    return exact if isinstance(exact, pa.ChunkedArray) else pa.chunked_array([exact])


def _may_become(found: pa.DataType, declared: pa.DataType) -> bool:
    """Whether values of one type can be taken for another without a change of meaning."""
    kinds = pa.types
    if kinds.is_null(found):
        return True
    if kinds.is_list(declared):
        is_list = kinds.is_list(found) or kinds.is_large_list(found)
        return is_list and _may_become(found.value_type, declared.value_type)
    if kinds.is_integer(declared):
        fits = kinds.is_integer(found) or kinds.is_floating(found)
    elif kinds.is_floating(declared):
        # From float64 to float32 every value changes a little: that is for the asset to decide.
        is_as_narrow = kinds.is_floating(found) and found.bit_width <= declared.bit_width
        fits = kinds.is_integer(found) or is_as_narrow
    elif kinds.is_string(declared):
        fits = kinds.is_string(found) or kinds.is_large_string(found)
    elif kinds.is_timestamp(declared):
        fits = kinds.is_timestamp(found) and found.tz is None
    else:
        fits = found == declared
    return bool(fits)


def _misfits(found: pa.ChunkedArray, declared: pa.DataType) -> pa.ChunkedArray:
    """The values that a cast would change."""
    if pa.types.is_list(declared):
        return _misfits(pc.list_flatten(found), declared.value_type)
    back = found.cast(declared, safe=False).cast(found.type, safe=False)
    return found.filter(pc.not_equal(found, back))


def _refuse_missing_elements(lists: pa.Array | pa.ChunkedArray) -> None:
    missing = pc.sum(pc.is_null(pc.list_flatten(lists))).as_py()
    if missing:
        raise _DriftError(f"values missing inside of lists: {missing}")


def _value_problems(table: pa.Table, schema: TableSchema) -> list[str]:
    problems = []
    for column in schema.columns:
        values = table[column.name]
        if not column.nullable and values.null_count:
            rows = pc.indices_nonzero(pc.is_null(values))
            problems.append(
                f"column {column.name!r} must not be missing, but is in "
                f"{_rows(values.null_count)}, e.g. row {_examples(rows)}"
            )
        if pa.types.is_floating(values.type) and (infinite := pc.sum(pc.is_inf(values)).as_py()):
            problems.append(f"column {column.name!r} is infinite in {_rows(infinite)}")
    if problems:
        return problems  # with values missing, the frame below would not have the declared dtypes
    if _is_good_at_a_glance(table, schema):
        return []
    # What there is to check of lists is checked by now: to build them for pandera would take longer
    # than all the rest.
    frame = pd.DataFrame(
        {c.name: True if c.is_list else _to_series(table[c.name], c) for c in schema.columns},
        index=pd.RangeIndex(len(table)),
    ).astype({c.name: "object" for c in schema.columns if c.is_list})
    try:
        schema.pandera_schema.validate(frame, lazy=True, inplace=True)
    except SchemaErrors as error:
        return _described(error.failure_cases, table, schema)
    return []


def _is_good_at_a_glance(table: pa.Table, schema: TableSchema) -> bool:
    """Whether the smallest and the largest values, and the order of the keys, show it already.

    What pandera needs to say what is wrong takes minutes and gigabytes for tens of millions of
    rows. Rows that are sorted by a key of integers do not need it, as long as nothing is wrong.
    """
    within = all(_is_within(table[column.name], column) for column in schema.columns)
    return within and ascends(table.select(list(schema.primary_key)))


def _is_within(values: pa.ChunkedArray, column: Column) -> bool:
    has_range = column.minimum is not None or column.maximum is not None
    if not has_range and not pa.types.is_floating(values.type):
        return True
    found = values.drop_null().to_numpy()
    if not len(found):
        return True
    minimum = -np.inf if column.minimum is None else column.minimum
    maximum = np.inf if column.maximum is None else column.maximum
    # A NaN makes both NaN, and no comparison with it is true.
    return bool(found.min() >= minimum and found.max() <= maximum)


def ascends(keys: pa.Table) -> bool:
    """Whether each row's key, all integers, is larger than that of the row before."""
    if not all(pa.types.is_integer(field.type) for field in keys.schema):
        return False
    larger = np.zeros(max(len(keys) - 1, 0), dtype=bool)
    for column in reversed(keys.columns):
        values = column.to_numpy()
        larger = (values[1:] > values[:-1]) | ((values[1:] == values[:-1]) & larger)
    return bool(larger.all())


def _described(failures: pd.DataFrame, table: pa.Table, schema: TableSchema) -> list[str]:
    """pandera's table of failures, as one line for each check that failed."""
    problems = []
    # pandera repeats a double row for each column of the key.
    for (name, check), cases in failures.drop_duplicates(["check", "index"]).groupby(
        ["column", "check"], sort=False
    ):
        rows = cases["index"].astype("int64")
        examples = table.take(pa.array(rows.head(_EXAMPLES)))
        if check == "multiple_fields_uniqueness":
            key = ", ".join(schema.primary_key)
            found = examples.select(list(schema.primary_key)).to_pylist()
            shown = ", ".join(str(row) for row in found)
            problems.append(f"{_rows(len(rows))} share their primary key ({key}), e.g. {shown}")
        else:
            problems.append(
                f"column {name!r} must be {check}, but is not in {_rows(len(rows))}, "
                f"e.g. {_examples(examples[name])} in row {_examples(pa.array(rows))}"
            )
    return problems


def _rows(count: int) -> str:
    return f"{count} row{'' if count == 1 else 's'}"


def _range_checks(column: Column) -> list[pa_check.Check]:
    checks = []
    if column.minimum is not None:
        error = f"at least {column.minimum:g}"
        checks.append(pa_check.Check.ge(column.minimum, error=error))
    if column.maximum is not None:
        error = f"at most {column.maximum:g}"
        checks.append(pa_check.Check.le(column.maximum, error=error))
    return checks


def _to_series(values: pa.ChunkedArray, column: Column) -> pd.Series[Any]:
    if column.is_list:
        # Arrow hands out numpy arrays, whose == is element by element and which are no JSON.
        lists = [None if found is None else found.tolist() for found in values.to_pandas()]
        return pd.Series(lists, dtype="object")
    dtype = column.pandas_dtype
    mapper = {column.arrow_type: dtype}.get if isinstance(dtype, _MASKED) else None
    series: pd.Series[Any] = values.to_pandas(types_mapper=mapper)
    return series.astype(dtype)


_MASKED = (pd.Int32Dtype, pd.Int64Dtype, pd.BooleanDtype)


def _examples(values: pa.Array | pa.ChunkedArray) -> str:
    found = values.slice(0, _EXAMPLES).to_pylist()
    return ", ".join(dict.fromkeys(repr(value)[:80] for value in found))


def _strangest(values: Iterable[Any]) -> str:
    """One example of each Python type among the values, the rarest types first."""
    by_type: dict[type, list[Any]] = {}
    for value in values:
        by_type.setdefault(type(value), []).append(value)
    rarest = sorted(by_type.values(), key=len)[:_EXAMPLES]
    return ", ".join(repr(found[0])[:80] for found in rarest)


def _one_line(error: BaseException) -> str:
    return " ".join(str(error).split())
