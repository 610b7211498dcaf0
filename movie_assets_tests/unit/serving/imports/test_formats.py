"""Each site's export as it is written, and what is taken of it."""

from __future__ import annotations

import io
from datetime import UTC, datetime

import pytest

from movie_assets.serving.imports import (
    EmptyExportError,
    Entry,
    Export,
    UnknownExportError,
    read_export,
)
from movie_assets_tests.exports import (
    IMDB,
    LETTERBOXD,
    MOVIELENS,
    OLD_IMDB,
    TRAKT,
    TRAKT_CSV,
    zipped,
)

NOW = datetime(2024, 6, 1, 12, tzinfo=UTC)


def read(text: str | bytes, name: str = "file.csv") -> Export:
    return read_export(text.encode() if isinstance(text, str) else text, name, now=NOW)


def by_title(export: Export) -> dict[str, Entry]:
    assert len({entry.title for entry in export.entries}) == len(export.entries)
    return {entry.title: entry for entry in export.entries}


def day(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


# -- Letterboxd -------------------------------------------------------------------------------


@pytest.mark.parametrize("folder", ["", "letterboxd-nobody_real-2024-05-04-utc/"])
def test_letterboxds_zip(folder: str) -> None:
    export = read(zipped(LETTERBOXD, folder=folder), "letterboxd-nobody_real.zip")
    assert export.format == "letterboxd"
    films = by_title(export)
    assert films.keys() == {
        "Heat", "Alien", "Parasite", "Amélie", "Titanic", "Meadow, Under Glass",
    }  # fmt: skip
    # Of Heat there is a younger rating in the diary than in ratings.csv.
    heat = films["Heat"]
    assert (heat.stars, heat.rated_at, heat.year) == (4.0, day("2019-06-01"), 1995)
    assert (heat.place.file, heat.place.row) == (f"{folder}diary.csv"[-60:], 2)
    assert (films["Alien"].stars, films["Alien"].liked, films["Alien"].seen) == (None, None, True)
    assert (films["Parasite"].stars, films["Parasite"].liked) == (None, True)
    assert (films["Amélie"].stars, films["Amélie"].liked) == (3.5, True)
    assert not export.skipped
    assert not export.ignored
    assert not export.notes


def test_what_letterboxds_zip_says_besides_is_not_even_unpacked() -> None:
    export = read(zipped(LETTERBOXD), "x.zip")
    assert set(export.files) == {"watched.csv", "ratings.csv", "diary.csv", "likes/films.csv"}


@pytest.mark.parametrize("name", ["ratings.csv", "renamed.csv", "watchlist.csv"])
def test_letterboxds_ratings_by_any_name(name: str) -> None:
    films = by_title(read(LETTERBOXD["ratings.csv"], name))
    assert films["Amélie"].stars == 3.5
    assert films["Amélie"].liked is None
    assert films["Meadow, Under Glass"].year == 2022


def test_letterboxds_reviews_with_quotes_and_lines_within() -> None:
    export = read(LETTERBOXD["reviews.csv"])
    assert [(entry.title, entry.stars) for entry in export.entries] == [("Heat", 4.0)]


def test_letterboxds_single_files_that_have_the_same_columns() -> None:
    text = LETTERBOXD["likes/films.csv"]
    assert [entry.liked for entry in read(text, "films.csv").entries] == [True, True]
    assert [entry.liked for entry in read(text, "likes/films.csv").entries] == [True, True]
    watched = read(text, "watched.csv")
    assert [(entry.liked, entry.seen) for entry in watched.entries] == [(None, True)] * 2
    assert not watched.notes
    other = read(text, "export (1).csv")
    assert [(entry.liked, entry.seen) for entry in other.entries] == [(None, True)] * 2
    assert "was read as watched films" in other.notes[0]
    with pytest.raises(
        EmptyExportError, match="no film to learn from: its rows are on a watchlist"
    ):
        read(LETTERBOXD["watchlist.csv"], "watchlist.csv")


def test_one_of_letterboxds_lists_is_no_export() -> None:
    with pytest.raises(UnknownExportError, match=r"one of Letterboxd's lists\. Send the whole zip"):
        read(LETTERBOXD["lists/for-a-rainy-day.csv"], "for-a-rainy-day.csv")


# -- IMDb -------------------------------------------------------------------------------------


def test_imdbs_ratings() -> None:
    export = read(IMDB, "8b8e1f0a.csv")
    assert export.format == "imdb"
    films = by_title(export)
    assert films.keys() == {"Heat", "Amélie"}
    heat = films["Heat"]
    assert (heat.imdb_id, heat.stars, heat.year) == ("tt0113277", 4.5, 1995)
    assert heat.rated_at == day("2024-01-05")
    assert heat.liked is None
    assert export.ignored == {"series, episodes and games": 2}


def test_imdbs_ratings_of_ten_years_ago() -> None:
    export = read(OLD_IMDB.encode("cp1252"), "ratings.csv")
    (film,) = export.entries
    assert (film.title, film.imdb_id, film.stars) == ("Amélie", "tt0211915", 4.0)
    assert film.rated_at == day("2016-12-31")


@pytest.mark.parametrize(
    ("kind", "is_film"),
    [
        ("Movie", True), ("Feature Film", True), ("TV Movie", True), ("tvSpecial", True),
        ("Short", True), ("Video", True), ("Film", True), ("Spielfilm", True), ("", True),
        ("TV Series", False), ("tvMiniSeries", False), ("TV Mini Series", False),
        ("Mini-Series", False), ("tvEpisode", False), ("Video Game", False), ("Serie TV", False),
        ("Mini serie TV", False), ("Fernsehserie", False), ("Série télévisée", False),
        ("Videospiel", False), ("Podcast Episode", False), ("Music Video", False),
    ],
)  # fmt: skip
def test_imdbs_kinds_of_titles(kind: str, is_film: bool) -> None:
    text = f"Const,Your Rating,Title,Title Type\ntt0113277,8,Heat,{kind}\ntt1,8,Other,Movie\n"
    assert ("Heat" in by_title(read(text))) == is_film


def test_imdbs_lists_have_few_ratings_or_none() -> None:
    header = "Position,Const,Created,Title,Title Type,Year,Your Rating,Date Rated\n"
    rows = "1,tt0113277,2020-01-01,Heat,Movie,1995,,\n2,tt0078748,2020-01-01,Alien,Movie,1979,9,\n"
    export = read(header + rows)
    assert [entry.title for entry in export.entries] == ["Alien"]
    assert export.ignored == {"not rated": 1}
    with pytest.raises(
        UnknownExportError, match=r"list without your ratings\. Export your ratings"
    ):
        read("Position,Const,Created,Title,Title Type\n1,tt0113277,2020-01-01,Heat,Movie\n")


# -- Trakt ------------------------------------------------------------------------------------


def test_trakts_csv() -> None:
    export = read(TRAKT_CSV)
    assert export.format == "trakt"
    (film,) = export.entries
    assert (film.title, film.tmdb_id, film.imdb_id, film.stars) == (
        "Alien", 348, "tt0078748", 4.5,
    )  # fmt: skip
    assert film.rated_at == datetime(2021, 3, 22, 6, 33, 24, tzinfo=UTC)
    assert export.ignored == {"series, episodes and games": 1}


def test_trakts_csv_of_what_was_watched() -> None:
    text = (
        "watched_at,action,type,title,year,trakt_rating,trakt_id,imdb_id,tmdb_id,url\n"
        "2021-03-22T06:33:24Z,scrobble,movie,Alien,1979,8.4,295,tt0078748,348,x\n"
        "2022-03-22T06:33:24Z,scrobble,movie,Alien,1979,8.4,295,tt0078748,348,x\n"
    )
    (film,) = read(text).entries
    assert (film.tmdb_id, film.stars, film.seen, film.rated_at) == (348, None, True, None)


@pytest.mark.parametrize(
    "rename",
    [
        lambda name: name,
        lambda name: f"nobody_real/{name.split('-')[0]}/{name}",  # as it was until 2025
        lambda name: name.replace("movies.json", "movies-1.json"),
    ],
)
def test_trakts_zip(rename: object) -> None:
    assert callable(rename)
    export = read(zipped({rename(name): text for name, text in TRAKT.items()}), "export.zip")
    assert export.format == "trakt"
    films = by_title(export)
    assert films.keys() == {"Heat", "Alien", "WALL·E"}
    assert (films["Heat"].stars, films["Heat"].tmdb_id) == (4.5, 949)
    assert (films["Alien"].stars, films["Alien"].imdb_id) == (2.0, "tt0078748")
    assert (films["WALL·E"].stars, films["WALL·E"].liked) == (None, True)


def test_trakts_history_counts_where_there_is_no_list_of_watched_films() -> None:
    files = {name: text for name, text in TRAKT.items() if "watched-movies" not in name}
    assert "Arrival" in by_title(read(zipped(files), "export.zip"))


def test_one_of_trakts_json_files() -> None:
    assert by_title(read(TRAKT["ratings-movies.json"], "a.json"))["Heat"].stars == 4.5
    assert by_title(read(TRAKT["watched-movies.json"], "a.json"))["WALL·E"].seen
    assert by_title(read(TRAKT["lists-favorites.json"], "lists-favorites.json"))["WALL·E"].liked
    for name, why in (("lists-watchlist.json", "on a watchlist"), ("ratings-shows.json", "series")):
        with pytest.raises(EmptyExportError, match=f"its rows are {why}"):
            read(TRAKT[name], name)
    for text in (TRAKT["user-profile.json"], "[1, 2]", '{"movie": 1}'):
        with pytest.raises(UnknownExportError, match="is JSON, but no list of Trakt's"):
            read(text, "x.json")
    with pytest.raises(EmptyExportError, match="no film to learn from"):
        read("[]", "x.json")


def test_trakts_rows_that_cannot_be_used_are_listed() -> None:
    text = (
        '[{"rating": 11, "movie": {"title": "Heat", "year": 1995, "ids": {"tmdb": 949}}},'
        ' {"rating": 8, "movie": {"title": null, "year": null, "ids": null}},'
        ' {"rating": "8", "movie": {"title": "Alien", "year": "1979", "ids": [1]}},'
        ' {"rating": NaN, "movie": {"title": "Up", "year": true, "ids": {"tmdb": 1e400}}},'
        ' {"rating": 7, "movie": "?"}, 5, null]'
    )
    export = read(text, "ratings.json")
    assert [(e.title, e.stars) for e in export.entries] == [("Alien", 4.0), ("Up", None)]
    assert [(s.place.row, s.label, s.reason) for s in export.skipped] == [
        (1, "Heat", "its rating is '11', and must be from 1 to 10"),
        (2, "", "no film is named"),
    ]
    assert export.ignored == {"series, episodes and games": 3}


# -- MovieLens --------------------------------------------------------------------------------


def test_movielens_ratings() -> None:
    export = read(MOVIELENS, "movielens-ratings.csv")
    assert export.format == "movielens"
    films = by_title(export)
    assert films.keys() == {"Heat", "The Usual Suspects", "Toy Story"}
    heat = films["Heat"]
    assert (heat.tmdb_id, heat.imdb_id, heat.year, heat.stars) == (949, "tt0113277", 1995, 4.5)
    assert heat.rated_at is None


def test_movielens_other_files_are_no_ratings_of_ones_own() -> None:
    with pytest.raises(UnknownExportError, match="list without your ratings"):
        read("movie_id,imdb_id,tmdb_id,average_rating,title\n1,0114709,862,3.9,Toy Story (1995)\n")
    with pytest.raises(UnknownExportError, match="many people's ratings, from MovieLens' data"):
        read("userId,movieId,rating,timestamp\n1,1,4.0,964982703\n")


# -- tables of one's own ----------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "entry"),
    [
        ("title,year,rating\nHeat,1995,4.5\n", ("Heat", 1995, None, None, 4.5, None)),
        ("\ufeffTitle,Year,Rating\r\nHeat,,5\r\n", ("Heat", None, None, None, 5.0, None)),
        ("Title;Year;Rating\nHeat;1995;4,5\n", ("Heat", 1995, None, None, 4.5, None)),
        ("Title\tYear\tStars\nHeat\t1995.0\t4\n", ("Heat", 1995, None, None, 4.0, None)),
        ("tmdb_id,rating\n949,0.5\n", ("", None, 949, None, 0.5, None)),
        ("rating,tmdbId,title\n3,949.0,Heat\n", ("Heat", None, 949, None, 3.0, None)),
        ("imdb_id,rating\n113277,3\n", ("", None, None, "tt0113277", 3.0, None)),
        (
            "imdbID,Title,Rating10\nhttps://www.imdb.com/title/tt0113277/?ref_=x,Heat,7\n",
            ("Heat", None, None, "tt0113277", 3.5, None),
        ),
        (
            'title,rating\n"Usual Suspects, The (1995)",4',
            ("The Usual Suspects", 1995, None, None, 4, None),
        ),
        ('title,rating\n"Avventura, L\'",4', ("L'Avventura", None, None, None, 4, None)),
        ("tmdb_id,rating,timestamp\n7,4,1500000000", ("", None, 7, None, 4.0, 1.5e9)),
        (
            'title,rating,rated_at\n\n"10, 9",4,1970-01-01T00:01:00Z',
            ("10, 9", None, None, None, 4, 60.0),
        ),
        ("Name,Rating,Date\nHeat,4,1970-01-02\n", ("Heat", None, None, None, 4.0, 86400.0)),
    ],
)  # fmt: skip
def test_a_table_of_ones_own(text: str, entry: tuple[object, ...]) -> None:
    export = read(text)
    assert export.format == "table"
    (film,) = export.entries
    at = film.rated_at and film.rated_at.timestamp()
    assert (film.title, film.year, film.tmdb_id, film.imdb_id, film.stars, at) == entry


# -- one film, several rows -------------------------------------------------------------------


@pytest.mark.parametrize(
    ("rows", "stars"),
    [
        ("Heat,2,2020-01-01\nHeat,5,2021-01-01\n", 5),
        ("Heat,5,2021-01-01\nHeat,2,2020-01-01\n", 5),
        ("Heat,2,2020-01-01\nHEAT,5,2020-01-01\n", 5),  # of equally old ones the last
        ("Heat,5,2021-01-01\nHeat,2,\n", 5),  # without a date is older
        ("Heat,2,\nHeat,5,1990-01-01\n", 5),
        ("Heat,2,\nHeat,5,\n", 5),
    ],
)
def test_the_latest_rating_of_a_film_counts(rows: str, stars: int) -> None:
    (film,) = read("title,rating,date\n" + rows).entries
    assert film.stars == stars


def test_films_of_one_title_and_two_years_are_two() -> None:
    export = read("title,year,rating\nScarface,1932,4\nScarface,1983,5\n")
    assert [(film.year, film.stars) for film in export.entries] == [(1932, 4), (1983, 5)]


def test_how_entries_are_called() -> None:
    text = "title,year,tmdb_id,imdb_id,rating\nHeat,1995,,,4\nHeat,,,,4\n,,7,,4\n,1999,,tt7,4\n"
    assert [entry.label for entry in read(text).entries] == [
        "Heat (1995)", "Heat", "TMDB 7", "IMDb tt0000007 (1999)",
    ]  # fmt: skip


def test_a_file_that_is_open(tmp_path: object) -> None:
    assert read_export(io.BytesIO(MOVIELENS.encode()), now=NOW).format == "movielens"
