"""A release's folder, good and bad, as ratings of TMDB's films."""

from __future__ import annotations

import os
from collections.abc import Callable
from datetime import datetime
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from movie_assets.movielens import (
    BadLinesError,
    ColumnsError,
    EncodingError,
    FileMissingError,
    FolderMissingError,
    MovieLensError,
    NoRatingsError,
    TruncatedError,
    UnreadableError,
    fingerprint,
    read_ratings,
)

RATINGS = "userId,movieId,rating,timestamp\n"
LINKS = "movieId,imdbId,tmdbId\n"
THREE_LINKS = f"{LINKS}1,0114709,862\n2,0113497,8844\n3,0113228,15602\n"

MakeFolder = Callable[..., Path]


@pytest.fixture
def folder_of(tmp_path: Path) -> MakeFolder:
    """Make a release's folder of what is in its files."""

    def make(ratings: str | bytes, links: str | bytes = THREE_LINKS) -> Path:
        for name, content in (("ratings.csv", ratings), ("links.csv", links)):
            (tmp_path / name).write_bytes(
                content if isinstance(content, bytes) else content.encode()
            )
        return tmp_path

    return make


def rows(folder: Path, **options: Any) -> list[tuple[int, int, float]]:
    table = read_ratings(folder, **options).table
    return [(row["user_id"], row["movie_id"], row["rating"]) for row in table.to_pylist()]


def test_ratings_are_joined_to_tmdb_and_sorted(folder_of: MakeFolder) -> None:
    folder = folder_of(f"{RATINGS}2,1,4.0,964982703\n1,3,0.5,3\n1,2,5,2\n")
    found = read_ratings(folder)
    assert found.table.schema == pa.schema(
        [
            ("user_id", pa.int32()),
            ("movie_id", pa.int32()),
            ("rating", pa.float32()),
            ("rated_at", pa.timestamp("us")),
        ]
    )
    assert rows(folder) == [(1, 8844, 5.0), (1, 15602, 0.5), (2, 862, 4.0)]
    assert found.table["rated_at"][2].as_py() == datetime(2000, 7, 30, 18, 45, 3)  # noqa: DTZ001
    assert (found.lines, found.of_unknown_films, found.repeated) == (3, 0, 0)
    assert (found.bad_lines, found.bad_links, found.examples) == ({}, {}, ())


def test_films_that_tmdb_does_not_know_are_left_out_and_counted(folder_of: MakeFolder) -> None:
    links = f"{LINKS}1,0114709,862\n2,0113497,\n"
    folder = folder_of(f"{RATINGS}1,1,4,1\n1,2,4,1\n1,77,4,1\n", links)
    assert rows(folder) == [(1, 862, 4.0)]
    assert read_ratings(folder).of_unknown_films == 2


@pytest.mark.parametrize(
    ("lines", "kept"),
    [
        (["1,1,2.0,5", "1,2,3.0,9"], 3.0),
        (["1,1,2.0,9", "1,2,3.0,5"], 2.0),
        (["1,2,3.0,9", "1,1,2.0,9"], 2.0),  # in the same second: the last in the file
        (["1,1,2.0,9", "1,2,3.0,9"], 3.0),
        (["1,1,1.0,1", "1,2,2.0,9", "1,1,3.0,5"], 2.0),
        (["1,1,1.0,1", "1,1,2.0,1"], 2.0),  # a line twice
    ],
)
def test_of_two_numbers_of_one_film_the_latest_rating_counts(
    folder_of: MakeFolder, lines: list[str], kept: float
) -> None:
    links = f"{LINKS}1,0114709,862\n2,0999999,862\n3,1,5\n"
    others = ["1,3,5,1", "2,1,4.5,1"]
    folder = folder_of(RATINGS + "".join(f"{line}\n" for line in [*lines, *others]), links)
    assert rows(folder) == [(1, 5, 5.0), (1, 862, kept), (2, 862, 4.5)]
    assert read_ratings(folder).repeated == len(lines) - 1


@pytest.mark.parametrize(
    "as_written",
    [
        lambda text: text.replace("\n", "\r\n").encode(),
        lambda text: text.encode("utf-8-sig"),
        lambda text: text.replace("1,2", "\n1,2").encode() + b"\n\n",
    ],
    ids=["Windows' line breaks", "a byte order mark", "blank lines"],
)
def test_other_editors_files(folder_of: MakeFolder, as_written: Callable[[str], bytes]) -> None:
    ratings, links = f"{RATINGS}1,1,4.0,1\n1,2,3.0,1\n", THREE_LINKS
    folder = folder_of(as_written(ratings), as_written(links))
    assert rows(folder) == [(1, 862, 4.0), (1, 8844, 3.0)]
    assert read_ratings(folder).lines == 2


@settings(max_examples=60, deadline=None)
@given(
    ratings=st.lists(
        st.tuples(st.integers(0, 4), st.integers(1, 5), st.integers(1, 10), st.integers(0, 3)),
        min_size=1,
        max_size=40,
    ),
    block_bytes=st.integers(32, 200),
)
def test_as_a_dictionary_would_have_it(
    tmp_path_factory: pytest.TempPathFactory,
    ratings: list[tuple[int, int, int, int]],
    block_bytes: int,
) -> None:
    """Whatever the size of the blocks: the latest rating of each user and film."""
    film_of = {1: 30, 2: 20, 3: 30, 4: 10}
    folder = tmp_path_factory.mktemp("release")
    (folder / "links.csv").write_text(LINKS + "".join(f"{m},1,{f}\n" for m, f in film_of.items()))
    (folder / "ratings.csv").write_text(
        RATINGS + "".join(f"{u},{m},{stars / 2},{t}\n" for u, m, stars, t in ratings)
    )
    expected: dict[tuple[int, int], tuple[int, float]] = {}
    for user, movie, stars, second in ratings:
        if movie in film_of:
            pair = (user, film_of[movie])
            if second >= expected.get(pair, (0, 0))[0]:
                expected[pair] = (second, stars / 2)
    if not expected:
        with pytest.raises(NoRatingsError):
            read_ratings(folder, block_bytes=block_bytes)
        return
    found = read_ratings(folder, block_bytes=block_bytes)
    assert rows(folder) == [(*pair, expected[pair][1]) for pair in sorted(expected)]
    assert found.lines == len(ratings)
    assert found.lines == len(found.table) + found.of_unknown_films + found.repeated


def test_a_user_with_fifty_thousand_ratings(folder_of: MakeFolder) -> None:
    films = range(1, 50_001)
    links = LINKS + "".join(f"{film},{film},{film + 7}\n" for film in films)
    folder = folder_of(RATINGS + "".join(f"1,{film},4.5,{film}\n" for film in films), links)
    table = read_ratings(folder).table
    np.testing.assert_array_equal(table["movie_id"].to_numpy(), np.arange(8, 50_008))


# -- bad lines ------------------------------------------------------------------------------------

GOOD = "".join(f"{user},{film},3.5,{user}\n" for user in range(1, 11) for film in (1, 2, 3))


@pytest.mark.parametrize(
    ("line", "why"),
    [
        ("1,2,abc,964", "rating is no number"),
        ("1,2,nan,964", "rating is not within 0.5 to 5"),
        ("1,2,-1,964", "rating is not within 0.5 to 5"),
        ("1,2,0,964", "rating is not within 0.5 to 5"),
        ("1,2,inf,964", "rating is not within 0.5 to 5"),
        ("1,2,5.5,964", "rating is not within 0.5 to 5"),
        ("1,2,,964", "rating is missing"),
        ("1,2", "not 4 values but 2"),
        ("1,2,3.0,964,5", "not 4 values but 5"),
        ("-5,2,3.0,964", "userId is not within 0 to 2147483647"),
        ("1.5,2,3.0,964", "userId is no number"),
        ("99999999999,2,3.0,964", "userId is not within 0 to 2147483647"),
        ('1,"2,3.0,964', "movieId is no number"),
        ("1,2,3.0,2005-04-02", "timestamp is no number"),
        ("1,2,3.0,-1", "timestamp is not within 0 to 253402300799"),
        (b"1,2\xff,3.0,964", "it is not UTF-8"),
        ("1,2\0,3.0,964", "movieId is no number"),
    ],
)
def test_a_bad_line_is_left_out_and_named(
    folder_of: MakeFolder, line: str | bytes, why: str
) -> None:
    text = line if isinstance(line, bytes) else line.encode()
    folder = folder_of(RATINGS.encode() + GOOD.encode() + text + b"\n9,1,5.0,999\n")
    good = folder_of(RATINGS + GOOD + "9,1,5.0,999\n")
    expected = rows(good)
    folder_of(RATINGS.encode() + GOOD.encode() + text + b"\n9,1,5.0,999\n")
    found = read_ratings(folder)
    assert rows(folder) == expected
    assert found.lines == 32
    assert found.bad_lines == {why: 1}
    [example] = found.examples
    assert example.startswith(f"ratings.csv, line 32: {why}: ")


def test_lines_are_counted_over_all_blocks(folder_of: MakeFolder) -> None:
    lines = (GOOD * 2).splitlines(keepends=True)
    bad = {7: "one\n", 8: "\n", 20: "1,2,9,9\n", 29: "x,2,3,3\n"}
    text = "".join(bad.get(number, line) for number, line in enumerate(lines, start=2))
    found = read_ratings(folder_of(RATINGS + text), block_bytes=40)
    assert [example.split(":")[0] for example in found.examples] == [
        f"ratings.csv, line {number}" for number in (7, 20, 29)
    ]
    assert found.lines == 59


def test_bad_links_are_counted_too(folder_of: MakeFolder) -> None:
    links = THREE_LINKS + "".join(f"{n},1,{n}\n" for n in range(10, 30)) + "four,1,4\n"
    found = read_ratings(folder_of(RATINGS + GOOD, links))
    assert found.bad_links == {"movieId is no number": 1}
    assert found.examples == ("links.csv, line 25: movieId is no number: 'four,1,4'",)


@pytest.mark.parametrize("film", ["1,1,0", "1,1,-4", "1,1,x", "1,1,3000000000"])
def test_a_tmdb_number_that_is_none_is_a_bad_line(folder_of: MakeFolder, film: str) -> None:
    links = LINKS + "".join(f"{n},1,{n}\n" for n in range(2, 30)) + f"{film}\n"
    found = read_ratings(folder_of(RATINGS + GOOD, links))
    assert sum(found.bad_links.values()) == 1
    assert found.of_unknown_films == 10


def test_too_many_bad_lines_are_refused(folder_of: MakeFolder) -> None:
    few = folder_of(RATINGS + GOOD * 40 + "1,2\n" * 100)
    assert read_ratings(few).bad_lines == {"not 4 values but 2": 100}
    with pytest.raises(BadLinesError, match=r"too many bad lines, 101 of .*line 1202: .*'1,2'"):
        read_ratings(folder_of(RATINGS + GOOD * 40 + "1,2\n" * 101))


def test_a_small_file_of_which_much_is_bad_is_refused(folder_of: MakeFolder) -> None:
    assert read_ratings(folder_of(RATINGS + GOOD + "1,2\n" * 3)).lines == 33
    with pytest.raises(BadLinesError, match="4 of the first 34"):
        read_ratings(folder_of(RATINGS + GOOD + "1,2\n" * 4))


# -- folders and files that cannot be used --------------------------------------------------------


def refused(folder: Path, error: type[MovieLensError], words: str) -> None:
    """The error is of its type, names the place, and says what to do; in one line."""
    with pytest.raises(error) as raised:
        read_ratings(folder)
    message = str(raised.value)
    assert words in message
    assert str(folder) in message
    assert "MOVIELENS_DIR" in message
    assert "\n" not in message


def test_no_folder(tmp_path: Path) -> None:
    refused(tmp_path / "none", FolderMissingError, "there is no such folder")


def test_a_folder_that_cannot_be_looked_into(tmp_path: Path) -> None:
    folder = tmp_path / ("ml" * 200)  # no file system has such names
    refused(folder, UnreadableError, "too long")
    assert fingerprint(folder)


def test_the_archive_in_the_place_of_its_folder(tmp_path: Path) -> None:
    (tmp_path / "ml-32m.zip").write_bytes(b"PK")
    refused(tmp_path / "ml-32m.zip", FolderMissingError, "Unpack")


@pytest.mark.parametrize("name", ["ratings.csv", "links.csv"])
def test_a_missing_file(folder_of: MakeFolder, name: str) -> None:
    folder = folder_of(RATINGS + GOOD)
    (folder / name).unlink()
    refused(folder, FileMissingError, f"has no {name}. Unpack")


def test_the_folder_around_the_release(folder_of: MakeFolder, tmp_path: Path) -> None:
    folder = folder_of(RATINGS + GOOD)
    below = tmp_path / "ml-32m"
    below.mkdir()
    for name in ("ratings.csv", "links.csv"):
        (folder / name).rename(below / name)
    refused(folder, FileMissingError, "its folder ml-32m has: that is the one to name")


def test_a_release_older_than_the_csv_files(tmp_path: Path) -> None:
    (tmp_path / "ratings.dat").write_text("1::1193::5::978300760\n")
    refused(tmp_path, FileMissingError, "ratings.dat: ml-1m and ml-10m are older")


@pytest.mark.parametrize(
    ("name", "content", "error", "words"),
    [
        ("ratings.csv", b"", ColumnsError, "is empty"),
        ("links.csv", b"", ColumnsError, "is empty"),
        ("ratings.csv", RATINGS.encode(), NoRatingsError, "has no ratings"),
        ("links.csv", LINKS.encode(), NoRatingsError, "not of the same release"),
        ("ratings.csv", b"userId,movieId,rating\n1,2,3\n", ColumnsError, "'userId,movieId,rating'"),
        ("ratings.csv", THREE_LINKS.encode(), ColumnsError, "'movieId,imdbId,tmdbId'"),
        ("ratings.csv", b"userId;movieId;rating;timestamp\n", ColumnsError, "other columns"),
        ("links.csv", b"movieId,tmdbId\n1,2\n", ColumnsError, "'movieId,imdbId,tmdbId'"),
        ("ratings.csv", (RATINGS + GOOD).encode("utf-16"), EncodingError, "not in UTF-8"),
        ("ratings.csv", b"\x1f\x8b\x08\x00\xff" * 5000, EncodingError, "not in UTF-8"),
        ("ratings.csv", b"a" * 9000, ColumnsError, "other columns"),
        ("ratings.csv", (RATINGS + GOOD + "9,1,4").encode(), TruncatedError, "'9,1,4'"),
        ("ratings.csv", (RATINGS + GOOD + "9,1,4.0,96").encode(), TruncatedError, "of a line"),
        ("links.csv", THREE_LINKS[:-1].encode(), TruncatedError, "of a line"),
    ],
)
def test_a_file_that_is_none_of_a_release(
    folder_of: MakeFolder, name: str, content: bytes, error: type[MovieLensError], words: str
) -> None:
    folder = folder_of(RATINGS + GOOD)
    (folder / name).write_bytes(content)
    refused(folder, error, words)


def test_a_line_without_an_end_is_not_read_to_it(folder_of: MakeFolder) -> None:
    folder = folder_of(RATINGS + GOOD + "7" * 10_000 + "\n")
    with pytest.raises(TruncatedError, match="ends in the middle of a line"):
        read_ratings(folder, block_bytes=1000)


def test_a_file_that_cannot_be_opened(folder_of: MakeFolder, monkeypatch: Any) -> None:
    folder = folder_of(RATINGS + GOOD)

    def refuse(*_: object, **__: object) -> None:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(Path, "open", refuse)  # root may open everything
    refused(folder, UnreadableError, "Permission denied")


def test_progress_is_told(folder_of: MakeFolder) -> None:
    told: list[int] = []
    read_ratings(folder_of(RATINGS + GOOD), progress=told.append, block_bytes=100)
    assert told == sorted(told)
    assert len(told) > 2
    assert told[-1] == 30


# -- whether files are the same -------------------------------------------------------------------


def test_the_fingerprint_changes_with_the_files_and_not_with_the_folder(
    folder_of: MakeFolder, tmp_path: Path
) -> None:
    folder = folder_of(RATINGS + GOOD)
    first = fingerprint(folder)
    assert fingerprint(folder) == first
    moved = folder.rename(tmp_path.with_name(f"{tmp_path.name} moved"))
    assert fingerprint(moved) == first
    (moved / "movies.csv").write_text("not read")
    assert fingerprint(moved) == first
    found = {first}
    (moved / "ratings.csv").write_text(RATINGS + GOOD + GOOD)
    found.add(fingerprint(moved))
    os.utime(moved / "links.csv", (1, 1))
    found.add(fingerprint(moved))
    (moved / "links.csv").unlink()
    found.add(fingerprint(moved))
    assert len(found) == 4
    assert fingerprint(tmp_path / "none") == fingerprint(tmp_path / "nor this")
