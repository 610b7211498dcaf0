"""Dagster's processes in tests: started in a bare environment, waited for, and always ended."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

_START_SECONDS = 90
_STOP_SECONDS = 15

_LOCATIONS = """
{ workspaceOrError { __typename ... on Workspace { locationEntries {
    name loadStatus locationOrLoadError { __typename ... on PythonError { message } }
} } } }
"""


@dataclass(frozen=True)
class Server:
    """A web server of Dagster that answers.

    Attributes:
        url: without a slash at its end.
        log: the file with all that its processes print.
        locations: the names of the code locations that it has loaded.
    """

    url: str
    log: Path
    locations: tuple[str, ...]

    def graphql(self, query: str) -> Any:
        """The ``data`` of the answer to a query."""
        return _graphql(self.url, query)


def bare_environment(home: Path) -> dict[str, str]:
    """What a new user's shell has: the project's commands on the path, and an empty home.

    No setting of the project, no key, and no way to anything but this machine.
    """
    kept = {name: os.environ[name] for name in ("LANG", "TMPDIR") if name in os.environ}
    commands = Path(sys.executable).parent
    nowhere = "http://127.0.0.1:9"
    return {
        "HOME": str(home),
        "PATH": f"{commands}:/usr/local/bin:/usr/bin:/bin",
        "http_proxy": nowhere,
        "https_proxy": nowhere,
        "no_proxy": "127.0.0.1,localhost",
        **kept,
    }


def free_port() -> int:
    """A port on which nothing listens now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@contextmanager
def serving(
    command: Sequence[str], folder: Path, environment: Mapping[str, str]
) -> Iterator[Server]:
    """A server whose command ends with its port, run in a folder, until it is not needed any more.

    When something fails meanwhile, the error is told what the server printed.
    """
    log = folder / "server.log"
    url = f"http://127.0.0.1:{command[-1]}"
    with log.open("wb") as output:
        process = subprocess.Popen(
            command,
            cwd=folder,
            env=dict(environment),
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
    try:
        yield Server(url, log, _wait_for_locations(process, url))
    except BaseException as error:
        lines = [line for line in log.read_text(errors="replace").splitlines() if _tells(line)]
        error.add_note("\n".join([f"The server's log is {log}. It ends with:", *lines[-60:]]))
        raise
    finally:
        _end_group(process)


def _tells(line: str) -> bool:
    return " - DEBUG - " not in line


def _wait_for_locations(process: subprocess.Popen[bytes], url: str) -> tuple[str, ...]:
    deadline = time.monotonic() + _START_SECONDS
    while time.monotonic() < deadline:
        if process.poll() is not None:
            raise AssertionError(f"The server ended with exit code {process.returncode}.")
        with suppress(urllib.error.URLError, ConnectionError, TimeoutError):
            entries = _graphql(url, _LOCATIONS)["workspaceOrError"].get("locationEntries", [])
            if entries and all(entry["loadStatus"] == "LOADED" for entry in entries):
                for entry in entries:
                    loaded = entry["locationOrLoadError"]
                    assert loaded["__typename"] == "RepositoryLocation", loaded
                return tuple(entry["name"] for entry in entries)
        time.sleep(0.25)
    raise AssertionError(f"The server does not answer after {_START_SECONDS} s.")


def _graphql(url: str, query: str) -> Any:
    request = urllib.request.Request(
        f"{url}/graphql",
        data=json.dumps({"query": query}).encode(),
        headers={"Content-Type": "application/json"},
    )
    with urllib.request.urlopen(request, timeout=30) as response:
        answer = json.load(response)
    assert "errors" not in answer, answer["errors"]
    return answer["data"]


def _end_group(process: subprocess.Popen[bytes]) -> None:
    """End a process and all that it started: politely, then by force."""
    with suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGTERM)
    with suppress(subprocess.TimeoutExpired):
        process.wait(_STOP_SECONDS)
    with suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)
    process.wait()
