"""The documentation's blocks of code, run as they are written.

Every block of the README and of each page in ``docs/`` is run, read by what reads its kind, or
compared with what was printed; a comment before it may say why not (``movie_assets_tests/
documents.py`` has the comments, and checks the names in what is not run). A page's blocks run in
their order, in a checkout with the bundled films built, beside a stand-in for TMDB whose key is
``your-key``, made-up releases of MovieLens, a server of what is published wherever a page asks for
port 8000, and a Ray cluster where one is asked for.

A block that is said to be long is run by ``make test-long``, by itself, with the checkout's own
copy of the code: so what a command writes into the package is written into the copy.
"""

from __future__ import annotations

import configparser
import hashlib
import json
import os
import re
import shutil
import sys
import tomllib
from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing, contextmanager, nullcontext
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import dagster as dg
import duckdb
import pytest
import yaml

from movie_assets.recommender.weights import BUNDLED, load_weights
from movie_assets.warehouse import read_table
from movie_assets_tests.api_server import serving_api
from movie_assets_tests.checkout import Checkout, make_checkout
from movie_assets_tests.documents import PROJECT, SHELLS, Block, blocks_of, pages
from movie_assets_tests.exports import LETTERBOXD, zipped
from movie_assets_tests.releases import write_release

pytestmark = [pytest.mark.process, pytest.mark.timeout(600)]

KEY = "your-key"
_SERVED = "127.0.0.1:8000"
#: Where a page has another stand-in for TMDB, with another key.
_OTHER_STAND_IN = ("127.0.0.1:8900", "test-key")
_ON_RAY = "MOVIE_ASSETS_RAY_ADDRESS=auto "
#: Where a crontab has the project.
_INSTALLED = "/srv/movie_assets"
# What make does is tested by itself, and a server would not end; that they exist is checked.
_LEFT_OUT = re.compile(r"^(?:make|movie-assets ui|source) ?")
#: What readers bring: their own exports.
_EXPORTS = ("letterboxd.zip", "letterboxd-you-2024-05-04-10-00-utc.zip")
#: The releases of MovieLens that they have, and the one that they are to unpack.
_PACKED = "ml-32m"
_RELEASES = ("ml-latest-small", "ml-release", _PACKED)
#: What a long block may take: a million films take an hour.
_LONG_SECONDS = 3 * 60 * 60
_HASH = re.compile(r"[0-9a-f]{32}")


@dataclass
class Reader:
    """Somebody who types what a page says.

    Attributes:
        checkout: where; its ``data`` has the bundled films.
        serve: gives the port of a server of them.
        stand_in: for TMDB.
        printed: by the last command.
    """

    checkout: Checkout
    serve: Callable[[], int]
    stand_in: Any
    printed: str = ""

    def follow(self, block: Block) -> None:
        """Run a block, or hold it against what is known."""
        if block.file:
            (self.checkout.folder / block.file).parent.mkdir(parents=True, exist_ok=True)
            (self.checkout.folder / block.file).write_text(block.text)
        if block.is_output:
            _compare(block, block.text, self.printed)
        elif block.is_crontab:
            self._keep_time(block)
        elif block.kind in SHELLS:
            for command, expected in block.commands:
                self._run(block, command, expected)
        elif block.kind == "python" and not block.file:
            self._run(block, "python - <<'PYTHON'\n" + block.text + "PYTHON", "")
        elif block.kind == "sql":
            self._query(block)
        elif not block.file:
            _read(block)

    def _run(self, block: Block, command: str, expected: str) -> None:
        if _LEFT_OUT.match(command):
            return
        if _SERVED in command:
            command = command.replace(_SERVED, f"127.0.0.1:{self.serve()}")
        address, key = _OTHER_STAND_IN
        if address in command:
            host, port = self.stand_in.server_address
            command, self.stand_in.key = command.replace(address, f"{host}:{port}"), key
        with self._on_ray() if _ON_RAY in command else nullcontext({}) as cluster:
            variables = {**self._source, **cluster}
            done = self.checkout.run("bash", "-eu", "-c", command, **variables)
        self.printed = done.stdout
        told = f"{block}: $ {command}\n{done.stdout[-4000:]}{done.stderr[-4000:]}"
        assert done.returncode == 0, told
        if expected:
            _compare(block, expected, done.stdout)

    @property
    def _source(self) -> dict[str, str]:
        """Where TMDB is, for who has a key: for others it would be another setting than before."""
        written = self.checkout.folder / ".env"
        has_key = written.exists() and "TMDB_API_KEY" in written.read_text()
        return {"TMDB_BASE_URL": self.stand_in.url} if has_key else {}

    @contextmanager
    def _on_ray(self) -> Iterator[dict[str, str]]:
        """A cluster to search on, and something to search for."""
        os.environ["RAY_USAGE_STATS_ENABLED"] = "0"  # before Ray is imported
        from ray.cluster_utils import Cluster  # noqa: PLC0415 - takes seconds

        with closing(duckdb.connect(str(self._database))) as connection:
            connection.execute("DROP TABLE similarity_matrix")
        node = {"num_cpus": 1, "object_store_memory": 80 * 2**20, "include_dashboard": False}
        cluster = Cluster(initialize_head=True, head_node_args=node)
        try:
            # What auto finds: the machine's own file of it would be that of any other cluster.
            yield {"RAY_ADDRESS": cluster.address}
        finally:
            cluster.shutdown()
        with closing(duckdb.connect(str(self._database), read_only=True)) as connection:
            assert connection.execute("FROM similarity_matrix LIMIT 1").fetchall()

    def _keep_time(self, block: Block) -> None:
        """Run each line of a crontab, at once."""
        for line in filter(str.strip, block.text.splitlines()):
            *fields, command = line.split(maxsplit=5)
            dg.ScheduleDefinition(job_name="line", cron_schedule=" ".join(fields))
            assert _INSTALLED in command
            self._run(block, command.replace(_INSTALLED, str(self.checkout.folder)), "")

    @property
    def _database(self) -> Path:
        return self.checkout.folder / "data" / "movies_data.duckdb"

    def _query(self, block: Block) -> None:
        with closing(duckdb.connect(str(self._database), read_only=True)) as connection:
            for statement in filter(str.strip, block.text.split(";")):
                rows = connection.execute(statement).fetchall()
                self.printed = "\n".join(" ".join(map(str, row)) for row in rows)


def _read(block: Block) -> None:
    """Read what is data; anything else needs a word on what it is."""
    match block.kind:
        case "json":
            json.loads(block.text)
        case "yaml":
            list(yaml.safe_load_all(block.text))
        case "toml":
            tomllib.loads(block.text)
        case "ini":
            configparser.ConfigParser().read_string("[file]\n" + block.text)
        case "diff":
            _find_changed(block)
        case "{generated}" | "{toctree}" | "{include}":
            pass  # the site's: test_docs_site.py builds it
        case _:
            pytest.fail(
                f"{block} is neither run nor compared. Say what it is in a comment before it: "
                "<!-- output -->, or <!-- not run: why -->"
            )


def _find_changed(block: Block) -> None:
    """What a change takes away is there."""
    lines: set[str] = set()
    for line in block.text.splitlines():
        if line.startswith("--- "):
            lines = set((PROJECT / line[4:]).read_text().splitlines())
        elif line.startswith("-"):
            assert line[1:] in lines, f"{block} takes away what is not there: {line}"


def _compare(block: Block, expected: str, printed: str) -> None:
    """What is shown was printed, in this order; … is what was left out, and spaces may differ."""
    rest = _bare(printed)
    for part in filter(None, map(_bare, expected.split("…"))):
        _, found, rest = rest.partition(part)
        assert found, f"{block} shows what was not printed:\n{expected}\nIt was:\n{printed[:4000]}"


def _bare(text: str) -> str:
    return _HASH.sub("#", re.sub(r"\s+", "", text))


# -- where it is run --------------------------------------------------------------------------


@dataclass(frozen=True)
class Prepared:
    """A checkout, and a home with the bundled films of which each page gets a copy."""

    checkout: Checkout
    built: Path


@pytest.fixture(scope="module")
def prepared(bundled: Any, tmp_path_factory: pytest.TempPathFactory) -> Prepared:
    made = make_checkout(tmp_path_factory.mktemp("documents"))
    # The code is the same, and its kernels are compiled.
    environment = {
        **made.environment,
        "PYTHONPATH": str(PROJECT),
        "NO_COLOR": "1",
        "COLUMNS": "150",
    }
    (made.folder / ".venv").symlink_to(sys.prefix)
    for name in _EXPORTS:
        (made.folder / name).write_bytes(zipped(LETTERBOXD))
    _bring_ratings(made.folder, bundled.home / "movies_data.duckdb")
    return Prepared(Checkout(made.folder, environment), bundled.home)


def _bring_ratings(folder: Path, database: Path) -> None:
    """What readers have downloaded: releases of MovieLens, one still packed, and films."""
    films = read_table(database, "movies_table")
    films.to_parquet(folder / "films.parquet")
    for name in _RELEASES:
        write_release(folder / name, films, range(1, 161))
    shutil.make_archive(str(folder / _PACKED), "zip", folder, _PACKED)
    shutil.rmtree(folder / _PACKED)


@pytest.fixture(scope="module")
def serve(prepared: Prepared) -> Iterator[Callable[[], int]]:
    """A server of the bundled films, started when it is first asked for."""
    with ExitStack() as stack:
        yield cache(lambda: stack.enter_context(serving_api(prepared.built)).port)


@pytest.fixture
def reader(prepared: Prepared, serve: Callable[[], int], stand_in: Any) -> Reader:
    """A reader in front of a fresh home."""
    folder = prepared.checkout.folder
    shutil.rmtree(folder / "data", ignore_errors=True)
    shutil.copytree(prepared.built, folder / "data")
    (folder / ".env").unlink(missing_ok=True)
    stand_in.reset(films=90)
    stand_in.key = KEY
    for film in stand_in.films[1::3]:
        film["original_language"] = "fr"
    return Reader(prepared.checkout, serve, stand_in)


def _with_blocks() -> list[Any]:
    """Each page that has a block of code."""
    return [
        pytest.param(page, id=str(page.relative_to(PROJECT)))
        for page in pages()
        if blocks_of(str(page), page.read_text())
    ]


@pytest.mark.parametrize("page", _with_blocks())
def test_the_page_is_as_it_says(page: Path, reader: Reader) -> None:
    blocks = blocks_of(str(page.relative_to(PROJECT)), page.read_text())
    for block in blocks:
        if block.why_long is not None:
            continue
        if block.why_not is None:
            reader.follow(block)
        elif block.kind in {"json", "yaml", "toml", "ini"}:
            _read(block)


def _long_blocks() -> list[Any]:
    """Each block that is run only where that is asked for."""
    blocks = (
        block
        for page in pages()
        for block in blocks_of(str(page.relative_to(PROJECT)), page.read_text())
    )
    return [
        pytest.param(block, id=f"{block.page}:{block.line}") for block in blocks if block.why_long
    ]


@pytest.mark.long
@pytest.mark.timeout(_LONG_SECONDS + 600)
@pytest.mark.parametrize("block", _long_blocks())
def test_the_long_block_runs(block: Block, reader: Reader) -> None:
    folder = reader.checkout.folder
    environment = {**reader.checkout.environment, "PYTHONPATH": str(folder)}
    copied, before = folder / BUNDLED.relative_to(PROJECT), _digest(BUNDLED)
    copied.write_bytes(BUNDLED.read_bytes())
    reader.checkout = Checkout(folder, environment, _LONG_SECONDS)
    reader.follow(block)
    assert reader.printed.strip()
    assert _digest(BUNDLED) == before, "The weights that the project uses were written over."
    if "movie-assets fit" in block.text:
        assert _digest(copied) != before
        assert load_weights(copied).fitted_on["people"] == 160


def _digest(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


def test_what_was_not_printed_is_seen() -> None:
    block = Block("page.md", 1, "text", "one … three")
    _compare(block, block.text, "one\n  two\n three\n")
    with pytest.raises(AssertionError, match="not printed"):
        _compare(block, block.text, "three one")


def test_what_is_neither_run_nor_declared_is_seen() -> None:
    with pytest.raises(pytest.fail.Exception, match="neither run nor compared"):
        _read(Block("page.md", 1, "text", "words"))


def test_a_command_that_fails_is_seen(reader: Reader) -> None:
    with pytest.raises(AssertionError, match="There is no film"):
        reader.follow(Block("page.md", 1, "console", "$ movie-assets recommend 'No Such Film'\n"))


def test_a_query_of_what_is_not_there_is_seen(reader: Reader) -> None:
    with pytest.raises(duckdb.Error, match="nothing"):
        reader.follow(Block("page.md", 1, "sql", "SELECT nothing FROM movies;"))
