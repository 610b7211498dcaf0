"""New snapshots while a real server is asked: nobody notices but by the new answers."""

from __future__ import annotations

import shutil
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from movie_assets_tests.api_server import ApiServer, serving_api, wait_until, write_home
from movie_assets_tests.snapshots import write_small_snapshot


@pytest.fixture
def running(tmp_path: Path) -> Iterator[ApiServer]:
    with serving_api(write_home(tmp_path, 40), MOVIE_API_CACHE_SECONDS="0") as server:
        yield server


def served(server: ApiServer) -> str:
    """The name of the snapshot that is served."""
    return server.client.get("/health").headers["x-snapshot"]


def publish(server: ApiServer, films: int) -> str:
    """Publish so many films; the snapshot's name."""
    return write_small_snapshot(server.published, films).folder.name


def point_to(server: ApiServer, name: str) -> None:
    """Make ``current`` name a snapshot."""
    new = server.published / "current.new"
    new.write_text(f"{name}\n")
    new.replace(server.published / "current")


def test_a_new_snapshot_is_taken_up_within_two_seconds(running: ApiServer) -> None:
    assert running.client.get("/ready").json()["snapshot"]["films"] == 40
    name = publish(running, 30)
    started = time.monotonic()
    wait_until(lambda: served(running) == name, 5)
    assert time.monotonic() - started < 2
    ready = running.client.get("/ready").json()
    assert ready["snapshot"]["films"] == 30
    assert ready["problem"] is None
    assert (
        'movie_snapshot_reloads_total{outcome="swapped"} 1.0' in running.client.get("/metrics").text
    )


def test_no_request_fails_or_is_mixed_while_snapshots_are_swapped(running: ApiServer) -> None:
    names = {running.client.get("/health").headers["x-snapshot"]: 40}
    first = next(iter(names))
    names[publish(running, 30)] = 30
    second = next(name for name in names if name != first)
    film = running.client.get("/v1/movies", params={"q": "the"}).json()["movies"][0]["id"]
    ended = threading.Event()
    answers: list[tuple[str, str, bytes]] = []
    failures: list[object] = []

    def ask() -> None:
        with httpx.Client(base_url=f"http://127.0.0.1:{running.port}", timeout=10) as client:
            while not ended.is_set():
                try:
                    response = client.get(f"/v1/movies/{film}/similar?limit=50")
                    taste = client.post("/v1/recommendations", json={"liked": [{"id": film}]})
                except httpx.TransportError as error:
                    failures.append(error)
                    continue
                if response.status_code != 200 or taste.status_code != 200:
                    failures.append((response.text, taste.text))
                name = response.headers["x-snapshot"]
                answers.append((name, response.headers["etag"], response.content))

    threads = [threading.Thread(target=ask) for _ in range(6)]
    for thread in threads:
        thread.start()
    for swap in range(6):
        name = (first, second)[swap % 2]
        point_to(running, name)
        wait_until(lambda name=name: served(running) == name)  # type: ignore[misc]
    ended.set()
    for thread in threads:
        thread.join()
    assert failures == []
    assert {name for name, _, _ in answers} == {first, second}
    for name, etag, _ in answers:
        assert etag.startswith(f'W/"{name}')
    # Of one snapshot each question has one answer, whenever it was asked.
    assert len({(name, content) for name, _, content in answers}) == 2


def test_a_damaged_snapshot_is_refused_and_the_old_one_stays(running: ApiServer) -> None:
    before = served(running)
    asked = "/v1/movies?q=the&limit=40"
    good = running.client.get(asked).content
    name = publish(running, 30)
    wait_until(lambda: served(running) == name)
    damaged = "f" * 32
    shutil.copytree(running.published / name, running.published / damaged)
    manifest = running.published / damaged / "manifest.json"
    manifest.write_text(manifest.read_text()[:500])
    point_to(running, damaged)
    wait_until(lambda: running.client.get("/ready").json()["problem"])
    ready = running.client.get("/ready")
    assert ready.status_code == 200
    assert ready.json()["snapshot"]["name"] == name
    assert "damaged" in ready.json()["problem"]
    metrics = running.client.get("/metrics").text
    assert 'movie_snapshot_reloads_total{outcome="refused"} 1.0' in metrics
    assert "movie_snapshot_is_newest 0.0" in metrics
    assert any("damaged" in line["message"] for line in running.log)
    # And back to one that can be served.
    point_to(running, before)
    wait_until(lambda: served(running) == before)
    assert running.client.get("/ready").json()["problem"] is None
    assert running.client.get(asked).content == good


def test_the_old_snapshot_is_let_go_of(running: ApiServer) -> None:
    old = served(running)
    for films in (30, 20, 10):
        name = publish(running, films)
        wait_until(lambda name=name: served(running) == name)  # type: ignore[misc]
    # The writer keeps three, and removes others that nobody holds.
    assert not (running.published / old).exists()


def test_a_server_that_waits_for_its_first_snapshot(tmp_path: Path) -> None:
    with serving_api(tmp_path, "--wait") as server:
        ready = server.client.get("/ready")
        assert ready.status_code == 503
        assert "movie-assets build" in ready.json()["detail"]
        assert server.client.get("/health").status_code == 200
        asked = server.client.get("/v1/movies/949")
        assert asked.status_code == 503
        assert asked.headers["retry-after"]
        assert str(tmp_path) not in asked.text
        page = server.client.get("/", headers={"accept": "text/html"})
        assert (page.status_code, page.headers["content-type"][:9]) == (503, "text/html")
        write_small_snapshot(server.published, 40)
        wait_until(lambda: server.client.get("/ready").status_code == 200)
        assert server.client.get("/v1/movies", params={"q": "the"}).json()["movies"]


def test_several_workers_answer_and_take_up_the_new_one(tmp_path: Path) -> None:
    with serving_api(write_home(tmp_path, 40), "--workers", "2") as server:
        wait_until(lambda: len(_workers(server)) == 2, 30)
        name = publish(server, 30)
        seen = set()

        def all_new() -> bool:
            asked = [httpx.get(f"http://127.0.0.1:{server.port}/ready") for _ in range(12)]
            seen.update(response.status_code for response in asked)
            return all(response.headers["x-snapshot"] == name for response in asked)

        wait_until(all_new)
        assert seen == {200}
        metrics = httpx.get(f"http://127.0.0.1:{server.port}/metrics").text
        assert "movie_snapshot_films 30.0" in metrics
        what = 'requests_total{method="GET",route="/ready'
        counted = [line for line in metrics.splitlines() if what in line]
        # Whichever worker is asked tells of all of them.
        assert sum(float(line.rsplit(" ", 1)[1]) for line in counted) >= 12


def _workers(server: ApiServer) -> list[str]:
    children = Path(f"/proc/{server.process.pid}/task/{server.process.pid}/children")
    return [pid for pid in children.read_text().split() if _listens(pid)]


def _listens(pid: str) -> bool:
    return b"spawn_main" in Path(f"/proc/{pid}/cmdline").read_bytes()
