"""The daily export as a server gives it: the newest there is, whole, or a clear error."""

from __future__ import annotations

import gzip
import json
import resource
from collections.abc import Callable, Iterable
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest

from movie_assets.tmdb import (
    BodyTooLargeError,
    ConnectionFailedError,
    ExportBrokenError,
    ExportCounts,
    ExportFilter,
    ExportMissingError,
    RedirectError,
    RequestTimeoutError,
    RetryPolicy,
    ServerError,
    TemporaryFileError,
    Timeouts,
    TmdbError,
    download,
    open_export,
)

TODAY = date(2026, 3, 2)
QUICK = RetryPolicy(attempts=3, total_seconds=20, initial_wait=0.005, max_wait=0.01)
FILM = {"adult": False, "original_title": "Blondie", "popularity": 2.4, "video": False}


def name_of(day: date) -> str:
    return f"/p/exports/movie_ids_{day:%m_%d_%Y}.json.gz"


def packed(films: Iterable[int]) -> bytes:
    return gzip.compress("".join(json.dumps(FILM | {"id": n}) + "\n" for n in films).encode())


@pytest.fixture
def exports(tmdb: Any) -> Callable[..., None]:
    """Have the server give these exports, by day."""

    def give(days: dict[date, dict[str, Any]], missing: int = 404) -> None:
        files = {name_of(day): reply for day, reply in days.items()}
        tmdb.answer = lambda asked: files.get(asked.path, {"status": missing, "body": {}})

    return give


def read(tmdb: Any, today: date | None = TODAY, **options: Any) -> tuple[date, list[int]]:
    defaults: dict[str, Any] = {"retry": QUICK, "timeouts": Timeouts(2, 5, 10)}
    with open_export(exports_of(tmdb), today=today, **(defaults | options)) as export:
        batches = list(export.read(ExportFilter()))
        return export.day, [film for batch in batches for film in batch["id"].to_pylist()]


def exports_of(tmdb: Any) -> str:
    return str(tmdb.url.removesuffix("/3")) + "/p/exports/"


def test_todays_export_is_read(tmdb: Any, exports: Any) -> None:
    exports({TODAY: {"body": packed([3, 1, 2])}, TODAY - timedelta(1): {"body": packed([9])}})
    assert read(tmdb) == (TODAY, [3, 1, 2])
    (asked,) = tmdb.asked
    assert asked.path == "/p/exports/movie_ids_03_02_2026.json.gz"


def test_no_key_is_sent_and_no_login_of_a_netrc(
    tmdb: Any, exports: Any, tmp_path: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    netrc = tmp_path / "netrc"
    netrc.write_text("machine 127.0.0.1 login me password secret\n")
    monkeypatch.setenv("NETRC", str(netrc))
    exports({TODAY: {"body": packed([1])}})
    read(tmdb)
    assert tmdb.asked[0].query == {}
    assert "Authorization" not in tmdb.asked[0].headers


def test_the_day_is_that_of_utc(tmdb: Any, exports: Any) -> None:
    today = datetime.now(UTC).date()
    exports({today - timedelta(days=back): {"body": packed([1])} for back in range(8)})
    assert read(tmdb, None)[0] - today in {timedelta(0), timedelta(days=1)}


@pytest.mark.parametrize("missing", [404, 403])
@pytest.mark.parametrize("back", [1, 7])
def test_the_newest_is_read_where_todays_is_not_there_yet(
    back: int, missing: int, tmdb: Any, exports: Any
) -> None:
    days = {TODAY - timedelta(days=n): {"body": packed([n])} for n in range(back, 9)}
    exports(days, missing)
    assert read(tmdb) == (TODAY - timedelta(days=back), [back])
    assert len(tmdb.asked) == back + 1


def test_none_of_the_last_days_is_an_error(tmdb: Any, exports: Any) -> None:
    exports({TODAY - timedelta(days=8): {"body": packed([1])}})
    with pytest.raises(ExportMissingError, match=r"2026-03-02.*TMDB_EXPORTS_URL.*clock"):
        read(tmdb)
    assert len(tmdb.asked) == 8


@pytest.mark.parametrize(
    "fault",
    [
        {"status": 500, "body": {}},
        {"status": 429, "body": {}, "headers": {"Retry-After": "0"}},
        {"fault": "reset"},
        {"body": packed(range(5000)), "fault": "truncate"},
        {"body": packed(range(5000))[:-9]},
        {"body": b"<html>Maintenance</html>"},
        {"body": b""},
    ],
)
def test_what_fails_once_is_fetched_anew(fault: dict[str, Any], tmdb: Any) -> None:
    tmdb.reply(fault, {"body": packed(range(3000))})
    assert read(tmdb) == (TODAY, list(range(3000)))
    assert [asked.path for asked in tmdb.asked] == [name_of(TODAY)] * 2


@pytest.mark.parametrize(
    ("reply", "kind", "words", "tries"),
    [
        ({"status": 503, "body": {}}, ServerError, "failed on its side", 3),
        ({"fault": "reset"}, ConnectionFailedError, "TMDB_EXPORTS_URL", 3),
        ({"body": packed(range(5000))[:-9]}, ExportBrokenError, "cut short", 3),
        ({"body": packed(range(500))[:-8] + b"\0" * 8}, ExportBrokenError, "damaged", 3),
        ({"body": b'{"id": 1}\n' * 9}, ExportBrokenError, "not gzip", 3),
        ({"body": gzip.compress(b"")}, ExportBrokenError, "empty", 3),
        ({"body": b""}, ExportBrokenError, "empty", 3),
        ({"status": 301, "headers": {"Location": "http://x/"}}, RedirectError, "redirects", 1),
        ({"status": 400, "body": {}}, TmdbError, "HTTP 400", 1),
    ],
)
def test_what_fails_each_time_is_an_error_that_says_what_to_do(
    reply: dict[str, Any], kind: type, words: str, tries: int, tmdb: Any
) -> None:
    tmdb.reply(reply)
    with pytest.raises(kind, match=words) as caught:
        read(tmdb)
    assert "\n" not in str(caught.value)
    assert len(tmdb.asked) == tries


def test_an_export_that_takes_too_long_is_broken_off(tmdb: Any) -> None:
    tmdb.reply({"body": packed(range(5000)), "fault": "drip"})
    with pytest.raises(RequestTimeoutError, match=r"longer than 0\.3 s"):
        read(tmdb, timeouts=Timeouts(2, 2, 0.3), retry=RetryPolicy(attempts=1))


def test_a_file_beyond_all_reason_is_not_read_to_its_end(
    tmdb: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    tmdb.reply({"body": packed(range(5000))})
    monkeypatch.setattr(download, "MAX_COMPRESSED_BYTES", 1000)
    with pytest.raises(BodyTooLargeError, match="TMDB_EXPORTS_URL"):
        read(tmdb)


def test_a_gzip_bomb_is_not_unpacked_to_its_end(tmdb: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    tmdb.reply({"body": gzip.compress(b"x" * 10_000_000)})
    monkeypatch.setattr(download, "MAX_UNPACKED_BYTES", 1_000_000)
    with pytest.raises(BodyTooLargeError, match="unpacked"):
        read(tmdb)
    assert len(tmdb.asked) == 1


def test_no_room_for_the_file_is_an_error_that_says_where(tmdb: Any) -> None:
    tmdb.reply({"body": packed(range(5000))})
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (1000, limits[1]))
    try:
        with pytest.raises(TemporaryFileError, match=r"File too large.*TMPDIR"):
            read(tmdb)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
    assert len(tmdb.asked) == 1


def test_an_export_may_be_read_twice_and_counts_each_time(tmdb: Any, exports: Any) -> None:
    exports({TODAY: {"body": packed([1, 2, 2])}})
    with open_export(exports_of(tmdb), today=TODAY, retry=QUICK) as export:
        for _ in range(2):
            reading = export.read(ExportFilter())
            assert sum(batch.num_rows for batch in reading) == 2
            assert reading.counts == ExportCounts(lines=3, taken=2, repeated=1)
