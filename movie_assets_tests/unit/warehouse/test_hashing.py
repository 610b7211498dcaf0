"""The content's hash sees the content and nothing else."""

from __future__ import annotations

from typing import Any

import pyarrow as pa
import pytest

from movie_assets.warehouse import content_hash

TABLE = pa.table(
    {
        "id": pa.array([1, 2, 3, 4], pa.int32()),
        "score": pa.array([0.5, None, 2.0, -1.0]),
        "title": ["a", None, "", "ü"],
        "adult": [True, None, False, True],
        "genres": pa.array([[1, 2], None, [], [3]], pa.list_(pa.int32())),
        "terms": pa.array([["x", "yz"], [], None, ["", "é"]]),
        "moment": pa.array([0, None, 1, 2], pa.timestamp("us")),
    }
)


def test_is_the_same_on_every_machine_and_in_every_release() -> None:
    # A change of this value makes every table count as changed: do it knowingly.
    assert content_hash(TABLE) == (
        "a5438222852e09c06695558047bc80b78c35fdb60198a146fa3b6e51c71d5cf8"
    )


def test_layout_does_not_matter() -> None:
    expected = content_hash(TABLE)
    chunked = pa.concat_tables([TABLE.slice(0, 1), TABLE.slice(1, 2), TABLE.slice(3)])
    sliced = pa.concat_tables([TABLE, TABLE]).combine_chunks().slice(4)
    large = TABLE.cast(
        pa.schema(
            [
                pa.field("id", pa.int32()),
                pa.field("score", pa.float64()),
                pa.field("title", pa.large_string()),
                pa.field("adult", pa.bool_()),
                pa.field("genres", pa.large_list(pa.int32())),
                pa.field("terms", pa.large_list(pa.large_string())),
                pa.field("moment", pa.timestamp("us")),
            ]
        )
    )
    encoded = TABLE.set_column(2, "title", TABLE["title"].dictionary_encode())
    named = TABLE.set_column(4, "genres", TABLE["genres"].cast(pa.list_(pa.field("l", pa.int32()))))
    for other in (chunked, sliced, large, encoded, named):
        assert content_hash(other) == expected


def test_what_lies_beneath_a_missing_value_does_not_matter() -> None:
    validity = pa.array([True, False]).buffers()[1]
    hashes = {
        content_hash(
            pa.table({"a": pa.Array.from_buffers(pa.int32(), 2, [validity, values.buffers()[1]])})
        )
        for values in (pa.array([1, 2], pa.int32()), pa.array([1, 3], pa.int32()))
    }
    assert len(hashes) == 1


@pytest.mark.parametrize(
    ("column", "values"),
    [
        ("id", pa.array([1, 2, 4, 3], pa.int32())),
        ("id", pa.array([1, 2, 3, 4], pa.int64())),
        ("title", ["a", "", None, "ü"]),
        ("title", ["", None, "a", "ü"]),
        ("genres", pa.array([[1], None, [2], [3]], pa.list_(pa.int32()))),
        ("genres", pa.array([[1, 2], [], [], [3]], pa.list_(pa.int32()))),
        ("terms", pa.array([["xy", "z"], [], None, ["", "é"]])),
    ],
)
def test_any_change_of_content_matters(column: str, values: Any) -> None:
    index = TABLE.column_names.index(column)
    assert content_hash(TABLE.set_column(index, column, pa.chunked_array([values]))) != (
        content_hash(TABLE)
    )


def test_names_rows_and_emptiness_matter() -> None:
    hashes = [
        content_hash(table)
        for table in (
            TABLE,
            TABLE.rename_columns(["ID", *TABLE.column_names[1:]]),
            TABLE.slice(0, 3),
            TABLE.slice(0, 0),
            TABLE.select([]),
        )
    ]
    assert len(set(hashes)) == len(hashes)
