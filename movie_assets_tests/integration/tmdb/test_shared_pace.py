"""One pace for several processes: real ones, that are killed, and files that are damaged."""

from __future__ import annotations

import json
import logging
import random
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from movie_assets.tmdb.throttle import Cancelled, Throttle

RATE = 40

#: On a machine that stalls, requests bunch up on their way; each process by itself would make the
#: server see twice and three times the rate.
SEEN_AT_MOST = RATE * 1.25

#: Asks for films until it is killed or has its number.
_ASKING = """
import sys
from pathlib import Path
from movie_assets.tmdb import TmdbClient

url, path, rate, count = sys.argv[1:]
with TmdbClient(url, "key", requests_per_second=float(rate), throttle_path=Path(path)) as client:
    client.details(range(1, int(count) + 1), lambda film, answer: None)
"""


@contextmanager
def processes(tmdb: Any, path: Path, many: int, count: int) -> Iterator[list[Any]]:
    arguments = [sys.executable, "-c", _ASKING, tmdb.url, str(path), str(RATE), str(count)]
    running = [subprocess.Popen(arguments) for _ in range(many)]
    try:
        yield running
    finally:
        for process in running:
            process.kill()
            process.wait()


def most_in_a_second(times: list[float]) -> int:
    return max(sum(start <= time <= start + 1 for time in times) for start in times)


def test_processes_that_overlap_keep_to_one_rate(tmdb: Any, tmp_path: Path) -> None:
    tmdb.answer = lambda asked: {"body": {"id": int(asked.path.rsplit("/", 1)[1])}}
    with processes(tmdb, tmp_path / "running" / "tmdb.throttle", 3, 50) as running:
        assert [process.wait(timeout=60) for process in running] == [0, 0, 0]
    times = sorted(asked.at for asked in tmdb.asked)
    assert len(times) == 150
    assert most_in_a_second(times) <= SEEN_AT_MOST


def test_processes_that_are_killed_stop_nobody(tmdb: Any, tmp_path: Path) -> None:
    tmdb.answer = lambda asked: {"body": {"id": int(asked.path.rsplit("/", 1)[1])}}
    path, chance = tmp_path / "tmdb.throttle", random.Random(7)
    with (
        processes(tmdb, path, 2, 100_000) as doomed,
        processes(tmdb, path, 1, 60) as (survivor,),
    ):
        while len(tmdb.asked) < 20:
            time.sleep(0.01)
        for process in doomed:
            time.sleep(chance.uniform(0, 0.1))
            process.send_signal(signal.SIGKILL)
        assert survivor.wait(timeout=60) == 0
    assert most_in_a_second(sorted(asked.at for asked in tmdb.asked)) <= SEEN_AT_MOST


def test_where_one_is_told_to_wait_all_do(tmp_path: Path) -> None:
    path = tmp_path / "tmdb.throttle"
    Throttle(1000, path).pause(0.5)  # as another process would
    started = time.monotonic()
    Throttle(1000, path).acquire(threading.Event())
    assert 0.4 < time.monotonic() - started < 5


def passes_at_once(path: Path) -> bool:
    started = time.monotonic()
    Throttle(1000, path).acquire(threading.Event())
    return time.monotonic() - started < 2


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"\0" * 160,
        b'{"boot": "x", "ne',
        b"[1, 2]",
        b'{"boot": null, "next": "soon", "paused_until": []}',
        b"\xff" * 4096,
        b"[" * 160,
    ],
)
def test_a_damaged_file_is_begun_anew(content: bytes, tmp_path: Path) -> None:
    path = tmp_path / "tmdb.throttle"
    path.write_bytes(content)
    assert passes_at_once(path)
    assert json.loads(path.read_bytes()[:160])["next"] > 0


@pytest.mark.parametrize(
    "change",
    [
        {"boot": "another start", "next": time.monotonic() + 60},
        {"next": time.monotonic() + 1e6},
        {"paused_until": time.monotonic() + 1e6},
        {"next": float("nan")},
        {"next": float("inf")},
    ],
)
def test_moments_of_another_start_of_the_machine_hold_nobody(
    change: dict[str, Any], tmp_path: Path
) -> None:
    path = tmp_path / "tmdb.throttle"
    assert passes_at_once(path)
    path.write_text(json.dumps(json.loads(path.read_text()) | change))
    assert passes_at_once(path)


def test_a_moment_that_can_be_is_waited_for(tmp_path: Path) -> None:
    path = tmp_path / "tmdb.throttle"
    assert passes_at_once(path)
    moments = json.loads(path.read_text())
    path.write_text(json.dumps(moments | {"next": time.monotonic() + 0.5}))
    started = time.monotonic()
    Throttle(1000, path).acquire(threading.Event())
    assert time.monotonic() - started > 0.4


def test_a_file_that_is_removed_meanwhile_never_makes_it_faster(tmp_path: Path) -> None:
    path = tmp_path / "tmdb.throttle"
    throttle, started = Throttle(20, path), time.monotonic()
    for _ in range(11):
        throttle.acquire(threading.Event())
        path.unlink()
    assert time.monotonic() - started > 10 / 20


def test_without_a_usable_file_a_process_keeps_its_own_pace_and_says_so(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.WARNING)
    (tmp_path / "folder").mkdir()
    throttle, started = Throttle(20, tmp_path / "folder"), time.monotonic()
    for _ in range(6):
        throttle.acquire(threading.Event())
    assert time.monotonic() - started > 5 / 20
    assert [record.levelname for record in caplog.records] == ["WARNING"]
    assert "TMDB_REQUESTS_PER_SECOND" in caplog.text


def test_the_file_is_not_locked_while_somebody_waits(tmp_path: Path) -> None:
    path, cancelled = tmp_path / "tmdb.throttle", threading.Event()
    slow = Throttle(0.01, path)
    slow.acquire(cancelled)
    waiting = threading.Thread(target=_acquire_until_cancelled, args=(slow, cancelled))
    waiting.start()
    started = time.monotonic()
    for _ in range(50):
        Throttle(1000, path).pause(0)
    assert time.monotonic() - started < 5
    cancelled.set()
    waiting.join(timeout=10)
    assert not waiting.is_alive()


def _acquire_until_cancelled(throttle: Throttle, cancelled: threading.Event) -> None:
    try:
        throttle.acquire(cancelled)
    except Cancelled:
        return


def test_the_file_is_for_its_owner_alone(tmp_path: Path) -> None:
    path = tmp_path / "tmdb.throttle"
    assert passes_at_once(path)
    assert path.stat().st_mode & 0o777 == 0o600
