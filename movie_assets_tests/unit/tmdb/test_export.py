"""An export's lines to rows: what is taken, what is left out, and what cannot be relied upon."""

from __future__ import annotations

import gzip
import io
import json
from datetime import date
from typing import Any

import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from movie_assets.tmdb import (
    BodyTooLargeError,
    ExportFilter,
    ExportLinesError,
    ExportReading,
    MovieExport,
    export,
)

DAY = date(2026, 3, 2)


def film(number: int, **fields: Any) -> dict[str, Any]:
    return {
        "adult": False,
        "id": number,
        "original_title": "Blondie",
        "popularity": 2.4,
        "video": False,
    } | fields


def reading_of(*lines: object, **wanted: Any) -> ExportReading:
    raw = [line if isinstance(line, bytes) else json.dumps(line).encode() for line in lines]
    packed = gzip.compress(b"\n".join(raw))
    return MovieExport(DAY, io.BytesIO(packed)).read(ExportFilter(**wanted))


def rows_of(reading: ExportReading) -> list[dict[str, Any]]:
    return pa.Table.from_batches(reading, export.EXPORT_SCHEMA).to_pylist()


def ids_of(reading: ExportReading) -> list[int]:
    return [row["id"] for row in rows_of(reading)]


def test_a_row_has_what_the_line_says() -> None:
    reading = reading_of(film(3924), film(7, popularity=3))
    assert rows_of(reading) == [
        {"id": 3924, "adult": False, "video": False, "popularity": 2.4},
        {"id": 7, "adult": False, "video": False, "popularity": 3.0},
    ]
    assert (reading.counts.lines, reading.counts.taken) == (2, 2)


def test_what_is_not_wanted_is_left_out_and_counted() -> None:
    lines = [
        film(1, adult=True, video=True),
        film(2, video=True),
        film(3, popularity=0.59),
        film(4, popularity=0.6),
    ]
    reading = reading_of(*lines, min_popularity=0.6)
    assert ids_of(reading) == [4]
    assert reading.counts.left_out == {"adult": 1, "video": 1, "too little popularity": 1}
    assert ids_of(reading_of(*lines, include_adult=True, include_video=True)) == [1, 2, 3, 4]
    assert ids_of(reading_of(*lines, include_adult=True)) == [3, 4]


def test_a_film_that_is_known_stays_below_the_floor() -> None:
    lines = [film(1, popularity=0.1), film(2, popularity=0.1), film(3, popularity=0.1, adult=True)]
    reading = reading_of(*lines, min_popularity=0.6, known={2, 3})
    assert ids_of(reading) == [2]
    assert reading.counts.left_out == {"too little popularity": 1, "adult": 1}


def test_of_a_film_that_comes_twice_the_first_line_counts() -> None:
    reading = reading_of(film(1, popularity=5.0), film(2), film(1, popularity=9.0))
    assert [(row["id"], row["popularity"]) for row in rows_of(reading)] == [(1, 5.0), (2, 2.4)]
    assert reading.counts.repeated == 1


@pytest.mark.parametrize(
    ("line", "reason"),
    [
        (b'{"adult": fal', "not JSON"),
        (b"\xff\xfe\x00", "not JSON"),
        (b'{"id": 5, "popularity": NaN}', "not JSON"),
        ([1], "not an object"),
        (film(0, id=None), "no usable id"),
        (film(0, id=2**63), "no usable id"),
        (film(0, popularity=None), "no usable popularity"),
        (film(0, adult="no"), "no usable mark of adult or video"),
        ({"id": 1, "popularity": 1}, "no usable mark of adult or video"),
    ],
)
def test_a_bad_line_in_the_middle_is_passed_over(line: object, reason: str) -> None:
    reading = reading_of(film(1), line, film(2))
    assert ids_of(reading) == [1, 2]
    assert reading.counts.bad == {reason: 1}
    assert str(reading.counts.example).startswith(f"line 2 ({reason}): ")


def test_empty_lines_are_nothing() -> None:
    reading = reading_of(film(1), b"", b"  ", film(2), b"")
    assert ids_of(reading) == [1, 2]
    assert (reading.counts.lines, reading.counts.bad) == (2, {})


@pytest.mark.parametrize(("films", "bad", "fails"), [(90, 5, False), (90, 6, True), (990, 9, False),
                                                     (990, 11, True)])  # fmt: skip
def test_too_many_bad_lines_are_an_error(films: int, bad: int, fails: bool) -> None:
    reading = reading_of(*[b"?"] * bad, *map(film, range(films)))
    if fails:
        with pytest.raises(ExportLinesError, match=rf"{bad} unusable lines .*line 1 \(not JSON\)"):
            list(reading)
    else:
        assert len(ids_of(reading)) == films


def test_the_last_batch_of_an_unusable_export_does_not_come() -> None:
    reading = reading_of(*map(film, range(export.BATCH_ROWS + 1)), *[b"?"] * 2000)
    assert next(reading).num_rows == export.BATCH_ROWS
    with pytest.raises(ExportLinesError, match="2000 unusable"):
        next(reading)


@pytest.mark.parametrize(
    ("lines", "words"),
    [
        ([b"", b"\n"], "no line"),
        ([b"?"], "1 unusable lines of 1"),
        ([film(1, popularity=0.1)], "MOVIE_ASSETS_MIN_POPULARITY"),
    ],
)
def test_an_export_of_nothing_is_an_error(lines: list[object], words: str) -> None:
    with pytest.raises(ExportLinesError, match=words):
        list(reading_of(*lines, min_popularity=1.0))


def test_a_line_without_an_end_is_not_read_to_its_end() -> None:
    with pytest.raises(BodyTooLargeError, match="line of more than 64 KB"):
        list(reading_of(film(1), b"[" * 1_000_000))


def test_batches_are_bounded() -> None:
    reading = reading_of(*map(film, range(2 * export.BATCH_ROWS + 3)))
    assert [batch.num_rows for batch in reading] == [export.BATCH_ROWS, export.BATCH_ROWS, 3]


@given(st.lists(st.one_of(
    st.binary(max_size=40).map(lambda line: line.replace(b"\n", b"")),
    st.builds(film, st.integers(-5, 5), popularity=st.floats(0, 9), adult=st.booleans()),
)))  # fmt: skip
def test_every_line_is_accounted_for(lines: list[object]) -> None:
    reading = reading_of(film(99), *lines, min_popularity=2.0)
    try:
        rows = rows_of(reading)
    except ExportLinesError:
        assert reading.counts.bad.total() > export.MOST_BAD_LINES
        return
    counts = reading.counts
    assert len({row["id"] for row in rows}) == len(rows) == counts.taken
    told = counts.taken + counts.left_out.total() + counts.bad.total() + counts.repeated
    assert told == counts.lines
