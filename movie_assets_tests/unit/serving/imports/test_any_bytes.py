"""Whatever bytes there are: an export, or one of our errors; never another one."""

from __future__ import annotations

import json
import math
from datetime import UTC, datetime

from hypothesis import given, settings
from hypothesis import strategies as st

from movie_assets.serving.imports import Export, ExportError, Limits, read_export
from movie_assets_tests.exports import (
    IMDB,
    LETTERBOXD,
    MOVIELENS,
    OLD_IMDB,
    TRAKT,
    TRAKT_CSV,
    zipped,
)

NOW = datetime(2024, 6, 1, tzinfo=UTC)
WHOLE = [
    zipped(LETTERBOXD),
    zipped(TRAKT),
    *(text.encode() for text in (IMDB, OLD_IMDB, TRAKT_CSV, MOVIELENS, *LETTERBOXD.values())),
    TRAKT["ratings-movies.json"].encode(),
    IMDB.encode("utf-16"),
]
names = st.sampled_from(
    ["ratings.csv", "x.zip", "likes/films.csv", "lists-favorites.json", "\x00/.."]
)


def holds(data: bytes, name: str) -> Export | None:
    """The export, which keeps its promises, or None where it was refused with a reason."""
    try:
        export = read_export(data, name, limits=Limits(rows=100), now=NOW)
    except ExportError as error:
        message = str(error)
        assert message.endswith((".", "?"))
        assert len(message) < 1_000
        assert message.isprintable()
        return None
    assert export.entries
    for entry in export.entries:
        assert entry.title or entry.tmdb_id or entry.imdb_id
        assert entry.title.encode() is not None
        assert "\n" not in entry.title
        assert entry.stars is None or 0.5 <= entry.stars <= 5
        assert entry.tmdb_id is None or 1 <= entry.tmdb_id < 2**31
        assert entry.rated_at is None or math.isfinite(entry.rated_at.timestamp())
        assert entry.place.row >= 1
    for skipped in export.skipped:
        assert skipped.reason
        assert len(skipped.label) <= 60
    return export


@given(st.binary(max_size=300), names)
@settings(deadline=None)
def test_any_bytes(data: bytes, name: str) -> None:
    holds(data, name)


@given(st.sampled_from(WHOLE), st.data(), names)
@settings(max_examples=300, deadline=None)
def test_exports_that_were_cut_and_changed(whole: bytes, data: st.DataObject, name: str) -> None:
    changed = bytearray(whole)
    places = st.integers(0, len(whole) - 1)
    for _ in range(data.draw(st.integers(0, 4))):
        changed[data.draw(places)] = data.draw(st.integers(0, 255))
    start, end = data.draw(places), data.draw(places)
    holds(bytes(changed[: end + 1] if data.draw(st.booleans()) else changed[start:]), name)
    holds(bytes(changed), name)


@given(
    st.sampled_from(
        ["Const,Your Rating,Title,Year,Date Rated", "title,year,rating,rated_at,tmdb_id",
         "Date,Name,Year,Letterboxd URI,Rating", "trakt_id,type,title,rated_at,rating,tmdb_id",
         "movie_id,imdb_id,tmdb_id,rating,average_rating,title"]
    ),
    st.lists(
        st.lists(
            st.one_of(
                st.text(max_size=20),
                st.sampled_from(
                    ["movie", "1995", "4", "1e308", "-0", "tt0113277", "2024-01-01", "0001-01-01",
                     "0001-01-01T00:00+05:00", "9999-12-31", "1_0", "\ufeff", "\r", '"', "(1995)"]
                ),
                st.floats().map(repr),
                st.integers().map(str),
            ),
            max_size=6,
        ),
        max_size=5,
    ),
    st.sampled_from(["utf-8", "utf-16"]),
)  # fmt: skip
@settings(deadline=None)
def test_any_rows(header: str, rows: list[list[str]], encoding: str) -> None:
    quoted = ('"' + cell.replace('"', '""') + '"' for row in rows for cell in [*row, "\n"])
    lines = ",".join(quoted).replace(',"\n",', "\n")
    holds(f"{header}\n{lines}".encode(encoding, "replace"), "x.csv")


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=9),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(
                ["movie", "title", "year", "ids", "tmdb", "imdb", "rating", "rated_at"]
            ),
            inner,
            max_size=4,
        )
    ),
    max_leaves=12,
)


@given(st.lists(json_values, max_size=4), names)
@settings(deadline=None)
def test_any_json(elements: list[object], name: str) -> None:
    first = [{"movie": {"title": "Heat"}, "rating": 8}]
    export = holds(json.dumps(first + elements).encode(), name)
    assert export is not None
    assert export.format == "trakt"
