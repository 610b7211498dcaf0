"""``movie-assets serve`` as somebody types it: what it needs, and what it says."""

from __future__ import annotations

import signal
import socket
import subprocess
import sys
from pathlib import Path

import pytest

from movie_assets_tests.api_server import ApiServer, serving_api, wait_until, write_home
from movie_assets_tests.dagster_server import bare_environment


def run(home: Path, *options: str, **environment: str) -> subprocess.CompletedProcess[str]:
    """Run the command to its end."""
    return subprocess.run(
        [str(Path(sys.executable).parent / "movie-assets"), "serve", *options],
        cwd=home,
        env=bare_environment(home) | {"MOVIE_ASSETS_HOME": str(home)} | environment,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )


def test_nothing_is_published_yet(tmp_path: Path) -> None:
    ended = run(tmp_path)
    assert ended.returncode == 4
    assert "Publish with: movie-assets build" in ended.stderr
    assert len(ended.stderr.splitlines()) == 1


def test_what_is_published_is_damaged(tmp_path: Path) -> None:
    home = write_home(tmp_path, 20)
    name = (home / "published" / "current").read_text().strip()
    films = home / "published" / name / "films.arrow"
    content = bytearray(films.read_bytes())
    films.write_bytes(content[:-10])
    ended = run(home)
    assert ended.returncode == 1
    assert "damaged" in ended.stderr
    assert "movie-assets build" in ended.stderr


def test_a_port_that_is_taken(tmp_path: Path) -> None:
    home = write_home(tmp_path, 20)
    with socket.create_server(("127.0.0.1", 0)) as other:
        port = other.getsockname()[1]
        ended = run(home, "--port", str(port))
    assert ended.returncode == 1
    assert f"Port {port} of 127.0.0.1 cannot be used" in ended.stderr


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("MOVIE_API_KEYS", "short-SENTINEL"),
        ("MOVIE_API_CORS_ORIGINS", "films.example.org"),
        ("MOVIE_API_RATE_LIMIT", "many"),
        ("MOVIE_API_PORT", "0"),
    ],
)
def test_a_setting_that_cannot_be_used(tmp_path: Path, name: str, value: str) -> None:
    ended = run(tmp_path, **{name: value})
    assert ended.returncode == 2
    assert name in ended.stderr
    assert "SENTINEL" not in ended.stderr


@pytest.mark.parametrize("workers", [1, 2])
def test_it_says_where_it_is_and_ends_in_good_order(tmp_path: Path, workers: int) -> None:
    home, temporary = write_home(tmp_path, 20), tmp_path / "temporary"
    temporary.mkdir()
    for end in (signal.SIGINT, signal.SIGTERM):
        options = ("--verify", "--workers", str(workers))
        with serving_api(home, *options, TMPDIR=str(temporary)) as server:
            assert len(list(temporary.glob("movie-assets-*"))) == (workers > 1)
            log = (home / "stderr.log").read_text()
            assert f"Serving http://127.0.0.1:{server.port}" in log
            assert f"http://127.0.0.1:{server.port}/docs" in log
            server.process.send_signal(end)
            assert server.process.wait(20) == 0
        assert not list(temporary.glob("movie-assets-*"))


def test_a_request_that_is_being_answered_is_answered_before_the_end(tmp_path: Path) -> None:
    with serving_api(write_home(tmp_path, 40)) as server, server.connect() as connection:
        head = b"POST /recommendations/ HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n"
        body = b'{"movie": "No such film"}'
        connection.sendall(head + b"Content-Length: %d\r\n\r\n%b" % (len(body), body[:5]))
        wait_until(lambda: server.client.get("/health").status_code == 200)
        server.process.send_signal(signal.SIGTERM)
        connection.sendall(body[5:])
        assert connection.recv(4096).startswith(b"HTTP/1.1 404")


def test_the_server_never_imports_dagster(tmp_path: Path) -> None:
    """Nor what else only the pipeline needs."""
    home = write_home(tmp_path, 20)
    script = """
import sys, threading, time, urllib.request
from movie_assets.cli import main
port = sys.argv[2]
def look():
    for _ in range(200):
        try:
            urllib.request.urlopen(f"http://127.0.0.1:{port}/ready").read()
            break
        except OSError:
            time.sleep(0.05)
    urllib.request.urlopen(f"http://127.0.0.1:{port}/v1/movies?q=the").read()
    rooms = {name.split(".")[0] for name in sys.modules}
    print("LOADED", sorted(rooms & {"dagster", "duckdb", "dagster_duckdb", "ray"}), flush=True)
threading.Thread(target=look, daemon=True).start()
sys.argv = ["movie-assets", "serve", *sys.argv[1:]]
main()
"""
    with serving_api(home, script=script) as server:
        wait_until(lambda: "LOADED" in (home / "stdout.log").read_text(), 30)
        assert "LOADED []" in (server.home / "stdout.log").read_text()


def test_settings_and_options(tmp_path: Path, server: ApiServer) -> None:
    def client_of(server: ApiServer) -> str:
        sent = {"x-forwarded-for": "203.0.113.7", "x-request-id": "forwarded"}
        server.client.get("/health", headers=sent)

        def lines() -> list[dict[str, object]]:
            return [line for line in server.access_log if line["request_id"] == "forwarded"]

        wait_until(lambda: bool(lines()))
        return str(lines()[0]["client"])

    home = write_home(tmp_path, 20)
    # The option goes before the setting: nobody may listen on port 1.
    settings = {"MOVIE_API_PORT": "1", "MOVIE_API_TRUSTED_PROXIES": "127.0.0.1"}
    with serving_api(home, **settings) as trusting:
        assert client_of(trusting) == "203.0.113.7"
    assert client_of(server) == "127.0.0.1"
