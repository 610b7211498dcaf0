"""No row is lost, whatever is in it."""

from __future__ import annotations

import json
import math
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from movie_assets.tmdb import MovieRow, parse_genre, parse_movie

FILM: dict[str, Any] = {
    "id": 550,
    "adult": False,
    "backdrop_path": None,
    "genre_ids": [18, 53],
    "original_language": "en",
    "original_title": "Fight Club",
    "overview": 'He said "hi"\n\U0001f44a مرحبا',
    "popularity": 61.4,
    "poster_path": "/p.jpg",
    "release_date": "",
    "title": "Fight Club",
    "video": False,
    "vote_average": 8.4,
    "vote_count": 27000,
}


def film_with(**fields: object) -> MovieRow:
    return parse_movie(FILM | fields)


def test_a_proper_film_goes_through_untouched() -> None:
    assert parse_movie(FILM) == FILM | {"extra_fields": None, "malformed_fields": None}


def test_an_empty_object_is_a_row_of_nothing() -> None:
    row = parse_movie({})
    assert set(row) == {*FILM, "extra_fields", "malformed_fields"}
    assert set(row.values()) == {None}


def test_null_is_nothing_and_not_malformed() -> None:
    assert set(parse_movie(dict.fromkeys(FILM)).values()) == {None}


@pytest.mark.parametrize(
    ("field", "value", "taken"),
    [
        ("id", "12", 12),
        ("id", 12.0, 12),
        ("id", -(2**63), -(2**63)),
        ("vote_count", "0", 0),
        ("vote_average", "7.5", 7.5),
        ("vote_average", 7, 7.0),
        ("vote_average", "1e1", 10.0),
        ("genre_ids", ["18", 53.0], [18, 53]),
        ("genre_ids", [], []),
    ],
)
def test_values_are_taken_where_nothing_is_lost(field: str, value: object, taken: object) -> None:
    row = parse_movie(FILM | {field: value})
    assert row[field] == taken  # type: ignore[literal-required]
    assert type(row[field]) is type(taken)  # type: ignore[literal-required]
    assert row["malformed_fields"] is None


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("id", True),
        ("id", 2**63),
        ("id", 12.5),
        ("id", "0012"),
        ("id", "12 films"),
        ("id", "١٢"),
        ("id", {"value": 12}),
        ("adult", 1),
        ("adult", "true"),
        ("title", 300),
        ("title", ["300"]),
        ("vote_average", "high"),
        ("vote_average", "1e999"),
        ("vote_average", 2**60 + 1),
        ("vote_average", False),
        ("genre_ids", "18"),
        ("genre_ids", {"18": True}),
    ],
)
def test_other_values_are_kept_as_malformed(field: str, value: object) -> None:
    row = parse_movie(FILM | {field: value})
    assert row[field] is None  # type: ignore[literal-required]
    assert row["malformed_fields"] is not None
    assert json.loads(row["malformed_fields"]) == {field: value}


@pytest.mark.parametrize("value", [math.nan, math.inf, -math.inf])
def test_numbers_that_are_none_are_kept_by_name(value: float) -> None:
    row = film_with(popularity=value, id=value)
    assert (row["popularity"], row["id"]) == (None, None)
    assert "NaN" in str(row["malformed_fields"]) or "Infinity" in str(row["malformed_fields"])
    json.loads(str(row["malformed_fields"]), parse_constant=pytest.fail)


def test_good_genres_are_kept_beside_bad_ones() -> None:
    row = film_with(genre_ids=[18, None, "x", True, 53])
    assert row["genre_ids"] == [18, 53]
    assert row["malformed_fields"] == '{"genre_ids":[18,null,"x",true,53]}'


def test_text_that_cannot_be_stored_is_made_storable_and_named() -> None:
    row = film_with(title="a\x00b\ud800c", overview="fine")
    assert row["title"] == "ab\ufffdc"
    assert row["malformed_fields"] == '{"title":"a\\u0000b\\ud800c"}'


def test_unknown_fields_are_kept_compact_and_sorted() -> None:
    row = film_with(softcore=False, award={"name": "Ø"})
    assert row["extra_fields"] == '{"award":{"name":"\\u00d8"},"softcore":false}'


def test_what_json_cannot_hold_does_not_raise() -> None:
    deep: object = []
    for _ in range(100_000):
        deep = [deep]
    row = film_with(award=deep, title=10**5000)
    assert "too deep or too long" in str(row["extra_fields"])
    assert "too deep or too long" in str(row["malformed_fields"])


def test_a_genre() -> None:
    assert parse_genre({"id": 18, "name": "Drama"}) == {
        "id": 18,
        "name": "Drama",
        "extra_fields": None,
        "malformed_fields": None,
    }


def test_a_broken_genre_is_kept() -> None:
    assert parse_genre("Drama")["malformed_fields"] == '{"entry":"Drama"}'
    row = parse_genre({"id": "x", "name": None, "icon": 1})
    assert (row["id"], row["name"]) == (None, None)
    assert (row["extra_fields"], row["malformed_fields"]) == ('{"icon":1}', '{"id":"x"}')


any_text = st.text(st.characters())  # lone surrogates included
any_json = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | any_text,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(any_text, inner, max_size=4),
    max_leaves=8,
)
any_row = st.dictionaries(st.sampled_from(sorted(FILM)) | any_text, any_json, max_size=8)


@pytest.mark.no_cover
@settings(max_examples=300, deadline=None)
@given(any_row)
def test_any_object_gives_a_row_that_can_be_stored(row: dict[str, object]) -> None:
    parsed = parse_movie(row)
    assert set(parsed) == {*FILM, "extra_fields", "malformed_fields"}
    # Strict JSON in UTF-8, and the same after a round trip.
    text = json.dumps(parsed, ensure_ascii=False, allow_nan=False)
    assert json.loads(text.encode()) == parsed
    assert all("\x00" not in value for value in parsed.values() if isinstance(value, str))
    kept = json.loads(parsed["extra_fields"] or "{}") | json.loads(
        parsed["malformed_fields"] or "{}"
    )
    for name, value in row.items():
        storable = name.encode("utf-16", "surrogatepass").decode("utf-16", "replace")
        if name == storable:
            assert value is None or name in kept or parsed.get(name) is not None


@settings(max_examples=100, deadline=None)
@given(any_json)
def test_any_entry_gives_a_genre_that_can_be_stored(entry: object) -> None:
    parsed = parse_genre(entry)
    json.dumps(parsed, ensure_ascii=False, allow_nan=False).encode()
