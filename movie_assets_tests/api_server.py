"""A real ``movie-assets serve`` in tests: started in a bare environment, and always ended."""

from __future__ import annotations

import asyncio
import json
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
from fastapi import FastAPI

from movie_assets_tests.dagster_server import bare_environment, free_port
from movie_assets_tests.snapshots import write_small_snapshot

_START_SECONDS = 120
_STOP_SECONDS = 20


@dataclass(frozen=True)
class ApiServer:
    """A server that answers.

    Attributes:
        port: on 127.0.0.1.
        home: its MOVIE_ASSETS_HOME.
        process: that was started; its workers are its children.
        client: with a connection of its own.
    """

    port: int
    home: Path
    process: subprocess.Popen[bytes]
    client: httpx.Client

    @property
    def published(self) -> Path:
        """The folder of snapshots."""
        return self.home / "published"

    @property
    def access_log(self) -> list[dict[str, Any]]:
        """The lines on stdout."""
        return _lines(self.home / "stdout.log")

    @property
    def log(self) -> list[dict[str, Any]]:
        """The lines on stderr that are JSON."""
        return _lines(self.home / "stderr.log")

    def connect(self) -> socket.socket:
        """A plain connection."""
        return socket.create_connection(("127.0.0.1", self.port), timeout=30)


@contextmanager
def serving_api(
    home: Path, *options: str, script: str | None = None, **environment: str
) -> Iterator[ApiServer]:
    """A server of the snapshots in ``home/published``, until it is not needed any more.

    Args:
        home: with what is published; its logs are written here too.
        options: of the command.
        script: Python to run in place of the command, with its options.
        environment: settings.
    """
    port = free_port()
    command = [str(Path(sys.executable).parent / "movie-assets"), "serve"]
    if script is not None:
        command = [sys.executable, "-c", script]
    with (home / "stdout.log").open("wb") as out, (home / "stderr.log").open("wb") as err:
        process = subprocess.Popen(
            [*command, "--port", str(port), *options],
            cwd=home,
            env=bare_environment(home) | {"MOVIE_ASSETS_HOME": str(home)} | environment,
            stdin=subprocess.DEVNULL,
            stdout=out,
            stderr=err,
        )
    try:
        with httpx.Client(base_url=f"http://127.0.0.1:{port}", timeout=30) as client:
            _wait(process, client)
            yield ApiServer(port, home, process, client)
    except BaseException as error:
        error.add_note((home / "stderr.log").read_text(errors="replace")[-4000:])
        raise
    finally:
        process.send_signal(signal.SIGTERM)
        with suppress(subprocess.TimeoutExpired):
            process.wait(_STOP_SECONDS)
        process.kill()
        process.wait()


class AppClient:
    """Asks an application in this process."""

    def __init__(self, app: FastAPI, runner: asyncio.Runner) -> None:
        self._runner = runner
        transport = httpx.ASGITransport(app)
        self._client = httpx.AsyncClient(transport=transport, base_url="http://test")

    def request(self, method: str, path: str, **sent: Any) -> httpx.Response:
        """The answer."""
        return self._runner.run(self._client.request(method, path, **sent))

    def get(self, path: str, **sent: Any) -> httpx.Response:
        """The answer."""
        return self.request("GET", path, **sent)


@contextmanager
def started(app: FastAPI) -> Iterator[AppClient]:
    """An application in this process, from its start to its end."""
    with asyncio.Runner() as runner:
        lifespan = app.router.lifespan_context(app)
        runner.run(lifespan.__aenter__())
        try:
            yield AppClient(app, runner)
        finally:
            runner.run(lifespan.__aexit__(None, None, None))


def write_home(home: Path, films: int = 200) -> Path:
    """A home with something published."""
    write_small_snapshot(home / "published", films)
    return home


def wait_until(condition: Any, seconds: float = 10) -> None:
    """Wait until something is so."""
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "it did not become so"
        time.sleep(0.02)


def _wait(process: subprocess.Popen[bytes], client: httpx.Client) -> None:
    deadline = time.monotonic() + _START_SECONDS
    while time.monotonic() < deadline:
        assert process.poll() is None, f"the server ended with {process.returncode}"
        with suppress(httpx.TransportError):
            client.get("/health")
            return
        time.sleep(0.05)
    raise AssertionError("the server does not answer")


def _lines(path: Path) -> list[dict[str, Any]]:
    lines = path.read_text(encoding="utf-8").splitlines()
    return [json.loads(line) for line in lines if line.startswith("{")]
