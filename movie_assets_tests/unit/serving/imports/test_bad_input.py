"""What goes wrong with files that people send, by accident or on purpose."""

from __future__ import annotations

import gzip
import io
import json
import tracemalloc
import zipfile
import zlib
from datetime import UTC, datetime
from pathlib import Path

import pytest

from movie_assets.serving.imports import (
    DamagedExportError,
    EmptyExportError,
    EncryptedExportError,
    Export,
    ExportTooLargeError,
    Limits,
    UnknownExportError,
    read_export,
)
from movie_assets_tests.exports import IMDB, LETTERBOXD, MOVIELENS, TRAKT, zipped

NOW = datetime(2024, 6, 1, 12, tzinfo=UTC)


def read(data: str | bytes, name: str = "file.csv", limits: Limits | None = None) -> Export:
    content = data.encode() if isinstance(data, str) else data
    return read_export(content, name, limits=limits, now=NOW)


# -- rows -------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("row", "reason"),
    [
        ("Heat,1995,0", "its rating is '0', and must be from 0.5 to 5"),
        ("Heat,1995,-3", "its rating is '-3', and must be from 0.5 to 5"),
        ("Heat,1995,5.5", "its rating is '5.5', and must be from 0.5 to 5"),
        ("Heat,1995,nan", "its rating is 'nan', and must be from 0.5 to 5"),
        ("Heat,1995,inf", "its rating is 'inf', and must be from 0.5 to 5"),
        ("Heat,1995,1e999", "its rating is '1e999', and must be from 0.5 to 5"),
        ("Heat,1995,★★★★", "its rating is '★★★★', and must be from 0.5 to 5"),
        ("Heat,1995,", "it has no rating"),
        ("Heat,1995", "it has no rating"),
        ("Heat,MCM,4", "its year is 'MCM'"),
        ("Heat,95,4", "its year is '95'"),
        ("Heat,9999,4", "its year is '9999'"),
        (",1995,4", "no film is named"),
        ("\x00,1995,4", "no film is named"),
        (f"{'x' * 501},1995,4", "its title has 501 characters"),
    ],
)
def test_rows_that_cannot_be_used_are_listed(row: str, reason: str) -> None:
    export = read(f"title,year,rating\nAlien,1979,4\n{row}\n")
    assert [entry.title for entry in export.entries] == ["Alien"]
    (skipped,) = export.skipped
    assert skipped.reason == reason
    assert (skipped.place.file, skipped.place.row) == ("file.csv", 3)
    assert skipped.label == row.partition(",")[0].replace("\x00", "")[:59] + "…" * (len(row) > 99)


@pytest.mark.parametrize(
    "tmdb_id", ["0", "-1", "x", "1.5", str(2**31), str(2**63), "9" * 5000, "٣", "1e3"]
)
def test_ids_that_no_film_has_do_not_count(tmdb_id: str) -> None:
    export = read(f"tmdb_id,title,rating\n{tmdb_id},Heat,4\n")
    assert export.entries[0].tmdb_id is None
    with pytest.raises(EmptyExportError, match=r"Row 2 of file.csv: no film is named"):
        read(f"tmdb_id,rating\n{tmdb_id},4\n")


@pytest.mark.parametrize(
    "at", ["soon", "2024-06-03", "3024-01-01", "99999999999999999999", "inf", "nan", "2024-13-01"]
)
def test_times_that_cannot_be_count_as_unknown(at: str) -> None:
    assert read(f"title,rating,date\nHeat,4,{at}\n").entries[0].rated_at is None


def test_it_may_be_tomorrow_elsewhere() -> None:
    assert read("title,rating,date\nHeat,4,2024-06-02\n").entries[0].rated_at is not None


def test_html_stays_text_and_controls_go() -> None:
    export = read('title,rating\n"<script>alert(1)</script>\n&amp;\x00\x1b[31m\x85Heat",4\n')
    assert export.entries[0].title == "<script>alert(1)</script> &amp; [31m Heat"
    halves = read('[{"rating": 8, "movie": {"title": "He\\ud800at", "year": 1995}}]')
    assert halves.entries[0].title.encode() == b"He at"


def test_where_no_row_can_be_used_the_first_one_is_named() -> None:
    with pytest.raises(
        EmptyExportError, match=r"none of its rows can be used. Row 2 of file.csv: "
    ):
        read("title,rating\nHeat,8\nAlien,9\n")


# -- files ------------------------------------------------------------------------------------


@pytest.mark.parametrize("data", [b"", b"\n \r\n", b"\xef\xbb\xbf", b"\x00" * 9])
def test_an_empty_file(data: bytes) -> None:
    with pytest.raises(EmptyExportError, match=r"ratings.csv is empty\."):
        read(data, "ratings.csv")
    with pytest.raises(EmptyExportError, match="no row below the first"):
        read("title,rating\n")


@pytest.mark.parametrize(
    ("data", "message"),
    [
        ("Film,Score\nHeat,4\n", r"its first row has Film, Score\. Known are: Letterboxd's zip"),
        ("title,year\nHeat,1995\n", r"its first row has title, year\."),
        ("a," * 200, "its first row has a, a, .* and 181 more"),
        ("x" * 5000, "its first row has x{29}…"),
        (b"\x89PNG\r\n\x1a\n" + bytes(range(256)), "is no export that is known"),
        (gzip.compress(IMDB.encode()), "packed with gzip: unpack it"),
        (b"%PDF-1.7", "It is a PDF"),
        ("<!DOCTYPE html><title>Sign in</title>", "It is a web page. Were you logged in"),
    ],
)
def test_no_export(data: str | bytes, message: str) -> None:
    with pytest.raises(UnknownExportError, match=message):
        read(data)


@pytest.mark.parametrize(
    "encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-16-le", "utf-16-be", "cp1252", "latin-1"]
)
@pytest.mark.parametrize("text", [IMDB, LETTERBOXD["ratings.csv"]])
def test_encodings(text: str, encoding: str) -> None:
    export = read(text.encode(encoding))
    assert "Amélie" in {entry.title for entry in export.entries}


def test_a_latin_1_file_with_what_windows_does_not_have() -> None:
    export = read(b"title,rating\nAm\xe9lie \x81,4\n")
    assert export.entries[0].title == "Amélie"


@pytest.mark.parametrize(
    "data",
    [
        b'title,rating\n"Heat,4\n',  # a quote left open
        b'title,rating\n"Heat"x,4\n',
        b"\xff\xfe" + "title,rating\nHeat,4\n".encode("utf-16-le") + b"\x00",  # half a character
        b"\xff\xfe" + "title,rating\nHeat,4\n".encode("utf-16-le") + b"\x00\xd8\x00\x00",
    ],
)
def test_a_damaged_csv(data: bytes) -> None:
    with pytest.raises(DamagedExportError, match=r"file.csv is no (csv|text in UTF-16) from line"):
        read(data)


@pytest.mark.parametrize(
    "text",
    ["[", "[1", '[{"movie": {}}', '[{"movie": {}},]', '[{"movie": {}} {"movie": {}}]',
     '[{"movie": {}}] x', "[" * 100_000, '{"movie":' * 10_000, '[{"movie": "' + "x" * 10_000,
     '[{"movie": ' + "9" * 9_000 + "}]"],
)  # fmt: skip
def test_a_damaged_json(text: str) -> None:
    with pytest.raises((DamagedExportError, UnknownExportError), match="JSON"):
        read(text)


def test_json_that_is_no_text() -> None:
    with pytest.raises(DamagedExportError, match="is no text in UTF-8"):
        read('[{"movie": "Heat"}]'.encode("utf-16-le") + b"\x00")


def test_a_file_name_is_only_a_label() -> None:
    for name in ("../../etc/passwd", "C:\\Users\\x\\passwd", "/etc/passwd"):
        with pytest.raises(EmptyExportError, match=r"^passwd is empty\.$"):
            read(b"", name)
    with pytest.raises(EmptyExportError, match=r"^The file is empty\.$"):
        read_export(b"")
    with pytest.raises(EmptyExportError, match=r"^x{59}… is empty\.$"):
        read(b"", "x" * 100_000)


# -- too much ---------------------------------------------------------------------------------


def test_more_bytes_than_the_limit() -> None:
    class Endless(io.RawIOBase):
        def read(self, size: int = -1) -> bytes:
            assert 0 <= size <= 20_000_001
            return b"x" * size

    with pytest.raises(ExportTooLargeError, match="has more than 20,000,000 bytes"):
        read_export(Endless(), "a.csv")  # type: ignore[arg-type]


def test_more_rows_than_the_limit() -> None:
    million = "title,rating\n" + "Heat,4\n" * 1_000_000
    with pytest.raises(ExportTooLargeError, match="more than 50,000 rows"):
        read(million)
    assert len(read("title,rating\n" + "Heat,4\n" * 3, limits=Limits(rows=3)).entries) == 1
    with pytest.raises(ExportTooLargeError):
        read("title,rating\n" + "Heat,4\n" * 4, limits=Limits(rows=3))
    with pytest.raises(ExportTooLargeError):
        read("title,rating\nHeat,4\n" + "\n" * 3, limits=Limits(rows=3))
    with pytest.raises(UnknownExportError, match="first row has nothing"):
        read("\n" * 1_000_000 + "title,rating\nHeat,4\n")
    # Of all files together.
    with pytest.raises(ExportTooLargeError):
        read(zipped(LETTERBOXD), limits=Limits(rows=11))


def test_rows_of_megabytes() -> None:
    for row in (
        "x" * 3_000_000 + ",4",
        '"' + "x\n" * 1_000_000,
        '"\n",' * 1_000_000,
        "," * 3_000_000,
    ):
        with pytest.raises(ExportTooLargeError, match="has a row of more than 131,072 characters"):
            read("title,rating\n" + row)
    long = json.dumps([{"movie": {"title": "x" * 2_000_000}}])
    with pytest.raises(ExportTooLargeError, match=r"Entry 1 of file.csv .* 1,048,576 characters"):
        read(long)
    # Series with all their episodes are long, and stepped over.
    shows = [{"show": {"title": "x" * 100_000}}] * 3 + [{"movie": {"title": "Heat"}, "rating": 8}]
    assert [entry.title for entry in read(json.dumps(shows)).entries] == ["Heat"]


def bomb(size: int, name: str = "ratings.csv") -> bytes:
    return zipped({name: b"Date,Name,Year,Letterboxd URI,Rating\n" + b"\n" * size})


def test_zip_bombs_are_not_unpacked() -> None:
    data = bomb(200_000_000)
    assert len(data) < 1_000_000
    tracemalloc.start()
    with pytest.raises(ExportTooLargeError, match=r"unpacks to more than (100 times|20,000,000)"):
        read(data)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < 60_000_000


def test_a_bomb_that_lies_about_its_size() -> None:
    data = bytearray(bomb(5_000_000))
    size = (5_000_000 + 37).to_bytes(4, "little")
    assert data.count(size) == 2
    with pytest.raises((DamagedExportError, ExportTooLargeError)):
        read(bytes(data.replace(size, (100).to_bytes(4, "little"))))


def test_many_files_that_are_too_much_together() -> None:
    text = "Date,Name,Year,Letterboxd URI\n" + "".join(
        f"2020-01-01,Film {zlib.crc32(bytes([i]))},2020,x\n" for i in range(100)
    )
    data = zipped({f"{i}/watched.csv": text for i in range(9)})
    assert read(data).files
    with pytest.raises(ExportTooLargeError, match="unpacks to more than 20,000 bytes"):
        read(data, limits=Limits(unpacked_bytes=20_000))


def test_too_many_files() -> None:
    data = zipped({f"lists/{i}.csv": "" for i in range(2_001)})
    with pytest.raises(ExportTooLargeError, match="has more than 2,000 files"):
        read(data)


# -- zips -------------------------------------------------------------------------------------


def test_nothing_is_written_whatever_the_names(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    names = ["../evil.csv", "/tmp/evil.csv", "..\\evil.csv", "C:\\evil.csv", "a/../../evil.csv"]
    data = zipped(dict.fromkeys(names, LETTERBOXD["watched.csv"]) | LETTERBOXD)
    export = read(data)
    assert not any("evil" in file for file in export.files)
    assert list(tmp_path.iterdir()) == []
    with pytest.raises(UnknownExportError, match="has no file of an export that is known, but: no"):
        read(zipped(dict.fromkeys(names, "x")))


def test_zips_within_zips_stay_closed() -> None:
    with pytest.raises(UnknownExportError, match=r"has no file of an export .* but: inner.zip\."):
        read(zipped({"inner.zip": zipped(LETTERBOXD)}))


def test_a_zip_with_a_password() -> None:
    data = bytearray(zipped({"ratings.csv": LETTERBOXD["ratings.csv"]}))
    for signature, flags in ((b"PK\x03\x04", 6), (b"PK\x01\x02", 8)):
        data[data.index(signature) + flags] |= 1
    with pytest.raises(EncryptedExportError, match=r"has a password\. Send it without one"):
        read(bytes(data))


def test_a_zip_packed_in_an_unusual_way() -> None:
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_LZMA) as archive:
        archive.writestr("ratings.csv", LETTERBOXD["ratings.csv"])
    with pytest.raises(DamagedExportError, match="packed in an unusual way"):
        read(packed.getvalue())


def test_damaged_zips() -> None:
    data = zipped(LETTERBOXD)
    with pytest.raises(DamagedExportError, match=r"is a damaged zip .* Download the export again"):
        read(data[: len(data) // 2])
    with pytest.raises(DamagedExportError, match="is a damaged zip"):
        read(b"PK\x03\x04")
    place = data.index(b"ratings.csv") + 20
    with pytest.raises(DamagedExportError, match="is a damaged zip"):
        read(data[:place] + b"\x00\xff" * 10 + data[place + 20 :])


def test_zips_of_something_else() -> None:
    with pytest.raises(UnknownExportError, match=r"but: xl/workbook.xml, docProps/app.xml\."):
        read(zipped({"xl/workbook.xml": "<x/>", "docProps/app.xml": "<x/>"}), "ratings.xlsx")
    with pytest.raises(UnknownExportError, match=r"^film.csv is no .* first row has Film, Score"):
        read(zipped({"film.csv": "Film,Score\n"}))
    with pytest.raises(UnknownExportError, match=r"exports of IMDb and Letterboxd\. Send one at a"):
        read(zipped({"imdb.csv": IMDB, "ratings.csv": LETTERBOXD["ratings.csv"]}))


@pytest.mark.parametrize("text", [IMDB, MOVIELENS, TRAKT["ratings-movies.json"]])
def test_single_files_in_a_zip_beside_something_else(text: str) -> None:
    name = "ratings-movies.json" if text.startswith("[") else "my ratings.csv"
    export = read(zipped({"notes.csv": "a,b\n", "readme.txt": "x", name: text}))
    assert "Heat" in {entry.title for entry in export.entries}
    assert export.files == (name,)
