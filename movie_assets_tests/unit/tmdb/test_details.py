"""Of a film's details nothing that is used is lost, whatever is in them."""

from __future__ import annotations

import json
from typing import Any, ClassVar

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from movie_assets.tmdb import (
    DetailsRow,
    UnexpectedShapeError,
    parse_catalogue_movie,
    parse_details,
    parse_movie,
)
from movie_assets.tmdb.details import expect_details

FILM: dict[str, Any] = {
    "id": 550,
    "imdb_id": "tt0137523",
    "tagline": "Mischief. Mayhem. Soap.",
    "runtime": 139,
    "budget": 63_000_000,
    "belongs_to_collection": {"id": 10, "name": "Fights", "poster_path": None},
    "keywords": {"keywords": [{"id": 851, "name": "dual identity"}, {"id": 1, "name": "soap"}]},
    "credits": {
        "cast": [
            {"name": "Brad Pitt", "order": 1},
            {"name": "Edward Norton", "order": 0},
            {"name": "Helena Bonham Carter", "order": 2},
        ],
        "crew": [
            {"name": "David Fincher", "job": "Director"},
            {"name": "Jim Uhls", "job": "Screenplay"},
            {"name": "Chuck Palahniuk", "job": "Novel"},
            {"name": "Dust Brothers", "job": "Original Music Composer"},
            {"name": "Arthur Schmidt", "job": "Editor"},
        ],
    },
    "recommendations": {"page": 1, "results": [{"id": 807, "title": "Se7en"}, {"id": 680}]},
}
ROW = {
    "id": 550,
    "imdb_id": "tt0137523",
    "tagline": "Mischief. Mayhem. Soap.",
    "runtime": 139,
    "collection_id": 10,
    "collection_name": "Fights",
    "keywords": ["dual identity", "soap"],
    "directors": ["David Fincher"],
    "writers": ["Jim Uhls", "Chuck Palahniuk"],
    "composers": ["Dust Brothers"],
    "actors": ["Edward Norton", "Brad Pitt", "Helena Bonham Carter"],
    "recommended_ids": [807, 680],
    "malformed_fields": None,
}
PEOPLE = ("directors", "writers", "composers", "actors")
LISTS = ("keywords", *PEOPLE, "recommended_ids")


def film_with(**fields: object) -> DetailsRow:
    return parse_details(FILM | fields)


def malformed(row: DetailsRow) -> Any:
    return json.loads(row["malformed_fields"] or "{}")


def test_what_is_used_is_taken() -> None:
    assert parse_details(FILM) == ROW


def test_an_empty_object_is_a_row_of_nothing() -> None:
    assert parse_details({}) == dict.fromkeys(ROW)


def test_null_is_nothing_and_not_malformed() -> None:
    assert parse_details(dict.fromkeys(FILM)) == dict.fromkeys(ROW)


def test_empty_blocks_are_empty_lists() -> None:
    row = film_with(
        keywords={"keywords": []},
        credits={"cast": [], "crew": []},
        recommendations={"results": []},
        belongs_to_collection={},
    )
    assert [row[name] for name in LISTS] == [[]] * 6  # type: ignore[literal-required]
    assert (row["collection_id"], row["collection_name"]) == (None, None)
    assert row["malformed_fields"] is None


def test_a_film_without_credits_keeps_the_rest() -> None:
    row = parse_details({name: value for name, value in FILM.items() if name != "credits"})
    assert row == ROW | dict.fromkeys(PEOPLE)


def test_of_a_big_cast_the_first_ten_by_order_are_taken() -> None:
    cast = [{"name": f"Actor {n}", "order": n} for n in range(300)]
    cast = [{"name": "Nobody's order"}, *reversed(cast), {"name": "Too", "order": "many"}]
    row = film_with(credits={"cast": cast, "crew": []})
    assert row["actors"] == [f"Actor {n}" for n in range(10)]


def test_those_without_an_order_come_last_as_they_are_listed() -> None:
    cast = [{"name": "b"}, {"name": "a"}, {"name": "first", "order": 7}]
    assert film_with(credits={"cast": cast})["actors"] == ["first", "b", "a"]


@pytest.mark.parametrize(
    ("fields", "expected", "kept"),
    [
        ({"runtime": "long"}, {"runtime": None}, {"runtime": "long"}),
        ({"runtime": "139"}, {"runtime": 139}, {}),
        ({"runtime": 139.5}, {"runtime": None}, {"runtime": 139.5}),
        ({"imdb_id": 137523}, {"imdb_id": None}, {"imdb_id": 137523}),
        ({"tagline": "a\x00b"}, {"tagline": "ab"}, {"tagline": "a\x00b"}),
        (
            {"belongs_to_collection": "Fights"},
            {"collection_id": None, "collection_name": None},
            {"belongs_to_collection": "Fights"},
        ),
        (
            {"belongs_to_collection": {"id": "ten", "name": "Fights"}},
            {"collection_id": None},
            {"collection_id": "ten"},
        ),
        ({"keywords": ["soap"]}, {"keywords": None}, {"keywords": ["soap"]}),
        ({"keywords": {"keywords": "soap"}}, {"keywords": None}, {"keywords": "soap"}),
        (
            {"keywords": {"keywords": [None, {"name": "soap"}, "x", {"id": 3}, {"name": 4}]}},
            {"keywords": ["soap"]},
            {"keywords": [None, "x", {"id": 3}, {"name": 4}]},
        ),
        ({"credits": []}, dict.fromkeys(PEOPLE), {"credits": []}),
        (
            {"credits": {"cast": None, "crew": {"job": "Director"}}},
            dict.fromkeys(PEOPLE),
            {"crew": {"job": "Director"}},
        ),
        (
            {"credits": {"crew": [{"job": "Director", "name": 5}, {"job": ["Director"]}]}},
            {"directors": [], "writers": [], "composers": [], "actors": None},
            {"directors": [{"job": "Director", "name": 5}]},
        ),
        (
            {"recommendations": {"results": [{"id": 2**70}, {"id": "680"}, 5]}},
            {"recommended_ids": [680]},
            {"recommended_ids": [{"id": 2**70}], "results": [5]},
        ),
    ],
)
def test_what_cannot_be_taken_is_kept_as_it_was(
    fields: dict[str, Any], expected: dict[str, Any], kept: dict[str, Any]
) -> None:
    row = film_with(**fields)
    assert row == ROW | expected | {"malformed_fields": row["malformed_fields"]}
    assert malformed(row) == kept


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(["keywords", "cast", "crew", "results", "name", "job", "order", "id"]),
            inner,
            max_size=4,
        )
    ),
    max_leaves=12,
)


@settings(max_examples=300, deadline=None)
@given(st.dictionaries(st.sampled_from([*FILM, "anything"]), JSON))
def test_any_object_is_a_row(answer: dict[str, Any]) -> None:
    row = parse_details(answer)
    assert row.keys() == ROW.keys()
    json.loads(row["malformed_fields"] or "{}", parse_constant=pytest.fail)
    for name in LISTS:
        kind = int if name == "recommended_ids" else str
        values: list[object] | None = row[name]  # type: ignore[literal-required]
        assert values is None or all(type(value) is kind for value in values)


def test_the_films_own_details_are_expected() -> None:
    assert expect_details({"id": "550", "title": "x"}, 550) == {"id": "550", "title": "x"}


@pytest.mark.parametrize("answer", [{"id": 551}, {"id": None}, {}, [], None, "550", {"id": True}])
def test_what_is_not_the_films_details_is_told(answer: object) -> None:
    with pytest.raises(UnexpectedShapeError, match="/movie/550"):
        expect_details(answer, 550)


class TestOwnFields:
    """What the details say of the film itself is what a list would say of it."""

    LISTED: ClassVar[dict[str, Any]] = {
        "adult": False,
        "backdrop_path": "/b.jpg",
        "genre_ids": [18, 53],
        "id": 550,
        "original_language": "en",
        "original_title": "Fight Club",
        "overview": "",
        "popularity": 61.4,
        "poster_path": None,
        "release_date": "1999-10-15",
        "title": "Fight Club",
        "video": False,
        "vote_average": 8.4,
        "vote_count": 26_280,
    }
    DETAILS: ClassVar[dict[str, Any]] = {
        **{name: value for name, value in LISTED.items() if name != "genre_ids"},
        "genres": [{"id": 18, "name": "Drama"}, {"id": 53, "name": "Thriller"}],
        "budget": 63_000_000,
        "status": "Released",
        "credits": {"cast": [], "crew": []},
    }

    def test_they_are_those_of_a_list(self) -> None:
        assert parse_catalogue_movie(self.DETAILS) == parse_movie(self.LISTED)

    @pytest.mark.parametrize(
        ("fields", "expected", "kept"),
        [
            ({"genres": []}, {"genre_ids": []}, {}),
            ({"genres": None}, {"genre_ids": None}, {}),
            ({"genres": "Drama"}, {"genre_ids": None}, {"genres": "Drama"}),
            (
                {"genres": [{"id": 18}, {"name": "?"}, 53]},
                {"genre_ids": [18]},
                {"genres": [53, {"name": "?"}]},
            ),
            ({"vote_count": "many"}, {"vote_count": None}, {"vote_count": "many"}),
            ({"title": "a\x00b"}, {"title": "ab"}, {"title": "a\x00b"}),
        ],
    )
    def test_what_cannot_be_taken_is_kept_as_it_was(
        self, fields: dict[str, Any], expected: dict[str, Any], kept: dict[str, Any]
    ) -> None:
        row = parse_catalogue_movie(self.DETAILS | fields)
        assert {name: row[name] for name in expected} == expected  # type: ignore[literal-required]
        assert json.loads(row["malformed_fields"] or "{}") == kept
        assert row["extra_fields"] is None

    def test_an_empty_object_is_a_row_of_nothing(self) -> None:
        assert parse_catalogue_movie({}) == parse_movie({})
