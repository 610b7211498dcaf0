"""A person's file of ratings, as people have them and as they go wrong."""

from __future__ import annotations

from pathlib import Path

import pytest

from movie_assets.rated_films import RatingsFileError, Row, read_rated_films


def written(tmp_path: Path, text: str | bytes) -> Path:
    path = tmp_path / "ratings.csv"
    path.write_bytes(text.encode() if isinstance(text, str) else text)
    return path


@pytest.mark.parametrize(
    ("text", "row"),
    [
        ("title,year,rating\nHeat,1995,4.5\n", Row(2, None, "Heat", 1995, 4.5, None)),
        ("\ufeffTitle,Year,Rating\r\nHeat,,5\r\n", Row(2, None, "Heat", None, 5.0, None)),
        ("tmdb_id,rating\n949,0.5\n", Row(2, 949, "", None, 0.5, None)),
        ("rating,tmdbId,title\n3,949.0,Heat\n", Row(2, 949, "Heat", None, 3.0, None)),
        (
            "Date,Name,Year,Letterboxd URI,Rating\n1970-01-02,Heat,1995,x,4\n",
            Row(2, None, "Heat", 1995, 4.0, 86400.0),
        ),
        (
            'title,rating\n"Usual Suspects, The (1995)",4',
            Row(2, None, "The Usual Suspects (1995)", None, 4.0, None),
        ),
        (
            'title,rating,rated_at\n\n"10, 9",4,1970-01-01T00:01:00Z',
            Row(3, None, "10, 9", None, 4.0, 60.0),
        ),
        ("tmdb_id,rating,timestamp\n7,4,1500000000", Row(2, 7, "", None, 4.0, 1.5e9)),
        ("tmdb_id,title,rating\n,Heat,4\n", Row(2, None, "Heat", None, 4.0, None)),
    ],
)
def test_what_people_have(tmp_path: Path, text: str, row: Row) -> None:
    assert read_rated_films(written(tmp_path, text)) == [row]


def test_labels() -> None:
    assert Row(2, None, "Heat", 1995, 4, None).label == "Heat (1995)"
    assert Row(2, None, "Heat", None, 4, None).label == "Heat"
    assert Row(2, 7, "", None, 4, None).label == "TMDB's film 7"


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", r"needs the columns title,year,rating or .* first line has: nothing"),
        ("title,year,rating\n", "has no ratings. It needs the columns title"),
        ("userId,movieId,rating\n1,1,4\n", "its first line has: userId, movieId, rating"),
        ("title,year\nHeat,1995\n", "needs the columns"),
        ("title,rating\nHeat,8\n", "line 2: a rating must be from 0.5 to 5, not '8'"),
        ("title,rating\nHeat,nan\n", "line 2: a rating must be"),
        ("title,rating\nHeat\n", "line 2: a rating must be from 0.5 to 5, not ''"),
        ("title,rating\nA,4\n,4\n", "line 3: no film is named"),
        ("title,year,rating\nHeat,MCM,4\n", "line 2: 'MCM' is no whole number"),
        ("tmdb_id,rating\nx,4\n", "line 2: 'x' is no whole number"),
        ("title,rating,date\nHeat,4,soon\n", "line 2: 'soon' is no time"),
        ("title,rating,date\nHeat,4,inf\n", "line 2: 'inf' is no time"),
        (b"title,rating\nAm\xe9lie,4\n", "is no csv file in UTF-8"),
        (b"PK\x03\x04\x00\xff", "is no csv file in UTF-8"),
        ('title,rating\n"Heat,4\n', "is no csv file in UTF-8"),
    ],
)
def test_what_goes_wrong(tmp_path: Path, text: str | bytes, message: str) -> None:
    with pytest.raises(RatingsFileError, match=message):
        read_rated_films(written(tmp_path, text))


def test_a_file_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(RatingsFileError, match="cannot be read: No such file"):
        read_rated_films(tmp_path / "none.csv")
    with pytest.raises(RatingsFileError, match="cannot be read: Is a directory"):
        read_rated_films(tmp_path)
