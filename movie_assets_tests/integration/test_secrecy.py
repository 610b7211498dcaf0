"""The API key is in nothing that a build writes: no terminal, log, database or history."""

from __future__ import annotations

import shutil
import sqlite3
import zlib
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any
from urllib.parse import quote, quote_plus

import pytest
import yaml

from movie_assets.assets import assets_of

V3_KEY = "5ec7e7a11deadbeefcafe0123456789f"
# The three parts of a v4 token, with every sign that it may have.
V4_TOKEN = "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiJTRU5USU5FTCJ9.SENTINEL_sentinel-0123456789+/="

# Before anything else is imported, every logger says all that it can, on the terminal.
EVERYTHING_LOGGED = """
import http.client, logging
logging.basicConfig(level=logging.DEBUG, format="%(name)s %(levelname)s %(message)s %(args)s")
logging.getLogger("urllib3").setLevel(logging.DEBUG)
"""


@pytest.fixture
def home_with_all_logs(built_from_tmdb: Any, tmp_path: Path) -> Path:
    """A built home, whose Dagster stores what any Python logger says, from DEBUG on."""
    home = tmp_path / "home"
    shutil.copytree(built_from_tmdb.folder, home)
    folder = home / "dagster"
    configuration = yaml.safe_load((folder / "dagster.yaml").read_text())
    configuration["storage"]["sqlite"]["base_dir"] = str(folder)
    configuration["compute_logs"]["config"]["base_dir"] = str(folder / "storage")
    configuration["python_logs"] = {
        "managed_python_loggers": ["root"],
        "python_log_level": "DEBUG",
    }
    (folder / "dagster.yaml").write_text(yaml.safe_dump(configuration))
    return home


def forms(secret: str) -> set[bytes]:
    """A secret as it may be written: plain, in a URL, in a URL in a URL, in JSON, halved."""
    found = {secret, quote(secret, safe=""), quote_plus(secret), quote(quote(secret, safe=""))}
    found |= {secret[: len(secret) // 2], secret[len(secret) // 2 :]}
    return {form.lower().encode() for form in found}


def written(folder: Path) -> Iterator[tuple[str, bytes]]:
    """The content of all files, and of all cells of SQLite databases, some being compressed."""
    for path in folder.rglob("*"):
        if not path.is_file():
            continue
        content = path.read_bytes()
        yield str(path), content
        if content.startswith(b"SQLite format 3"):
            with closing(sqlite3.connect(path)) as connection:
                for line in connection.iterdump():
                    yield f"{path} as SQL", line.encode()
                yield from _compressed_cells(path, connection)


def _compressed_cells(path: Path, connection: sqlite3.Connection) -> Iterator[tuple[str, bytes]]:
    tables = connection.execute("SELECT name FROM sqlite_master WHERE type = 'table'").fetchall()
    for (table,) in tables:
        for row in connection.execute(f'SELECT * FROM "{table}"'):
            for cell in row:
                if isinstance(cell, bytes):
                    try:
                        yield f"{path}, {table}", zlib.decompress(cell)
                    except zlib.error:
                        continue


@pytest.mark.process
@pytest.mark.parametrize("secret", [V3_KEY, V4_TOKEN], ids=["v3", "v4"])
def test_the_key_is_written_nowhere(
    home_with_all_logs: Path, shell: Any, stand_in: Any, secret: str
) -> None:
    stand_in.key = secret
    (shell.cwd / "sitecustomize.py").write_text(EVERYTHING_LOGGED)
    variables = {
        "MOVIE_ASSETS_HOME": str(home_with_all_logs),
        "DAGSTER_HOME": str(home_with_all_logs / "dagster"),
        "PYTHONPATH": str(shell.cwd),
        "TMDB_API_KEY": secret,
        "TMDB_BASE_URL": stand_in.url,
        "MOVIE_ASSETS_LANGUAGE": "all",
        "MOVIE_ASSETS_MAX_MOVIES": "100",
    }

    built = shell.movie_assets("--verbose", "build", "--refresh", **variables)
    # TMDB says the key back in what it sends, as some proxies do.
    refusal = {"status_code": 7, "status_message": f"Invalid API key {secret}; api_key={secret}"}
    stand_in.fail("/movie/popular", status=401, body=refusal)
    elsewhere = f"https://elsewhere.example/?api_key={quote(secret)}"
    stand_in.fail("/genre/movie/list", status=301, headers={"Location": elsewhere})
    failed = shell.movie_assets("--verbose", "build", "--refresh", **variables)

    assert failed.returncode == 1
    assert "InvalidKeyError" in failed.stderr
    assert "RedirectError" in failed.stderr
    assert built.returncode == 0, built.stderr
    assert f"3 of {len(assets_of('popular'))} assets ran" in built.stdout
    # This is no test unless the key was sent, and the loggers did say all that they could.
    sent = [
        asked.query.get("api_key", asked.headers.get("Authorization")) for asked in stand_in.asked
    ]
    assert sent
    assert all(secret in value for value in sent)
    assert "urllib3.connectionpool DEBUG" in built.stderr
    everything = [
        ("terminal", (process.stdout + process.stderr).encode()) for process in (failed, built)
    ]
    everything += written(home_with_all_logs)
    assert any(b"[redacted]" in content for name, content in everything if "as SQL" in name)
    wanted = forms(secret)
    leaks = {
        name for name, content in everything if any(form in content.lower() for form in wanted)
    }
    assert leaks == set()
