"""What the tests of the whole graph share: a stand-in for TMDB, built homes, and processes.

A home is the folder that ``MOVIE_ASSETS_HOME`` names. Building one takes seconds, so each kind is
built once in a session and copied for the tests that change it.
"""

from __future__ import annotations

import gzip
import hashlib
import json
import os
import random
import shutil
import socket
import sqlite3
import struct
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, closing, contextmanager
from copy import deepcopy
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import pytest
from dagster import DagsterInstance, Definitions
from dagster._core.instance.ref import InstanceRef
from filelock import FileLock

from movie_assets.analysis import Report, Reports
from movie_assets.assets.extract import Extraction
from movie_assets.build import BuildReport, build
from movie_assets.instance import prepare_dagster_home
from movie_assets.recommender.storage import features_hash, load_features
from movie_assets.serving.snapshot import current_name
from movie_assets.settings import Settings
from movie_assets.tmdb import RetryPolicy, Timeouts, TmdbClient
from movie_assets.warehouse import TABLES, content_hash, read_arrow
from movie_assets.warehouse.contents import stored_tables
from movie_assets.warehouse.store import connect

PROJECT = Path(__file__).parents[2]
KEY = "0123456789abcdefSENTINEL01234567"

# A failure that may pass is tried again at once, so that tests of it do not wait.
QUICK = RetryPolicy(attempts=2, total_seconds=60, initial_wait=0.001, max_wait=0.002)
PATIENT = Timeouts(connect=10, read=20, whole=30)

GENRES = [
    {"id": 28, "name": "Action"},
    {"id": 35, "name": "Comedy"},
    {"id": 18, "name": "Drama"},
    {"id": 27, "name": "Horror"},
    {"id": 10749, "name": "Romance"},
]
_THINGS = """
    detective ghost pirate robot singer soldier teacher vampire wedding mountain island city letter
    murder revenge friendship journey secret storm train heist dragon farm circus
"""


def make_films(count: int) -> list[dict[str, Any]]:
    """Films in the shape of TMDB's popular list, the same at every call."""
    chance = random.Random(7)
    return [
        {
            "adult": False,
            "backdrop_path": None,
            "genre_ids": [genre["id"] for genre in chance.sample(GENRES, 2)],
            "id": 1000 + n,
            "original_language": "ja" if n % 5 == 4 else "en",
            "original_title": f"Film {n}",
            "overview": "A story of " + ", ".join(chance.sample(_THINGS.split(), 6)) + ".",
            "popularity": round(500 / (n + 1), 3),
            "poster_path": f"/{n}.jpg",
            "release_date": f"{1950 + n}-0{1 + n % 9}-15",
            "title": f"Film {n}",
            "video": False,
            "vote_average": round(5 + 4 * chance.random(), 1),
            "vote_count": 10 + 7 * n,
        }
        for n in range(count)
    ]


def make_details(film: dict[str, Any]) -> dict[str, Any]:
    """The details of one of those films in the shape of TMDB's, the same at every call."""
    number = film["id"]
    things = film["overview"].removeprefix("A story of ").removesuffix(".").split(", ")
    crew = [("Director", number % 7), ("Screenplay", number % 9), ("Editor", number)]
    return {
        "id": number,
        "title": film["title"],
        "imdb_id": f"tt{number:07}",
        "tagline": f"The {things[0]} is back." if number % 2 else "",
        "runtime": 80 + number % 50,
        "budget": 1_000_000,
        "belongs_to_collection": {"id": number % 4, "name": "Tales"} if number % 4 == 1 else None,
        "keywords": {"keywords": [{"id": n, "name": name} for n, name in enumerate(things)]},
        "credits": {
            "cast": [{"name": f"Actor {(number * n) % 30}", "order": n} for n in range(12)],
            "crew": [{"name": f"Person {person}", "job": job} for job, person in crew],
        },
        "recommendations": {"page": 1, "results": [{"id": number + 1}, {"id": number + 2}]},
    }


def _has_language(film: Any, language: str | None) -> bool:
    return language is None or film["original_language"] == language


# -- the stand-in for TMDB ----------------------------------------------------------------------


@dataclass(frozen=True)
class Asked:
    """One request as it reached the server."""

    path: str
    query: dict[str, str]
    headers: dict[str, str]


@dataclass(frozen=True)
class Reply:
    """What to answer; `fault` is 'reset', 'truncate', 'hang' or ''."""

    body: Any = b""
    status: int = 200
    headers: dict[str, str] = field(default_factory=dict)
    fault: str = ""

    @property
    def raw(self) -> bytes:
        return self.body if isinstance(self.body, bytes) else json.dumps(self.body).encode()


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: StandIn

    def do_GET(self) -> None:
        url = urlsplit(self.path)
        asked = Asked(
            url.path.removeprefix("/3"), dict(parse_qsl(url.query)), dict(self.headers.items())
        )
        with self.server.lock:
            self.server.asked.append(asked)
            reply = self.server.answer(asked)
        if reply.fault == "hang":
            self.server.hung.set()
            self.server.released.wait(60)
        if reply.fault == "reset":
            linger = struct.pack("ii", 1, 0)
            self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, linger)
            self.close_connection = True
            self.connection.close()
            return
        self.send_response(reply.status)
        for name, value in ({"Content-Length": str(len(reply.raw))} | reply.headers).items():
            self.send_header(name, value)
        self.end_headers()
        if reply.fault == "truncate":
            self.wfile.write(reply.raw[: len(reply.raw) // 2])
            self.close_connection = True
        else:
            self.wfile.write(reply.raw)

    def log_message(self, *args: object) -> None:
        pass


class StandIn(ThreadingHTTPServer):
    """Answers as TMDB does, from lists that a test may change, with faults where it asks for them.

    Attributes:
        key: the key that is accepted, in the query or as a bearer token.
        films: the popular list.
        genres: the genre list.
        details: by a film's id, fields that its details have in place of the usual ones.
        changed: ids that ``/movie/changes`` gives for any window.
        faults: by path, what to answer instead; None where the answer is to be as usual.
        moves: whether the popular list is turned by one place after each page that is read.
        asked: the requests so far.
    """

    daemon_threads = True
    request_queue_size = 64

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.lock = threading.Lock()
        self.released = threading.Event()
        self.hung = threading.Event()
        self.reset()

    def reset(self, films: int = 60) -> None:
        self.key = KEY
        self.films = make_films(films)
        self.genres = deepcopy(GENRES)
        self.details: dict[int, dict[str, Any]] = {}
        self.changed: list[int] = []
        self.changes_a_page = 100
        self.faults: dict[str, Callable[[Asked], Reply | None]] = {}
        self.moves = False
        self.asked: list[Asked] = []
        self.released.clear()
        self.hung.clear()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_address[1]}/3"

    def fail(self, path: str, **reply: Any) -> None:
        """Answer every request for a path with this reply (fields of a Reply)."""
        self.faults[path] = lambda _: Reply(**reply)

    def paths(self) -> list[str]:
        return [asked.path for asked in self.asked]

    def answer(self, asked: Asked) -> Reply:
        if asked.path in self.faults and (reply := self.faults[asked.path](asked)) is not None:
            return reply
        is_export = asked.path.startswith("/exports/")  # which needs no key
        sent = asked.query.get("api_key") or asked.headers.get("Authorization", "")
        if sent.removeprefix("Bearer ") != self.key and not is_export:
            return Reply({"status_code": 7, "status_message": "Invalid API key"}, 401)
        if asked.path == "/movie/popular":
            return self._popular(asked)
        if asked.path == "/genre/movie/list":
            return Reply({"genres": self.genres})
        if asked.path == "/movie/changes":
            return self._page(asked, [{"id": film} for film in self.changed], self.changes_a_page)
        return self._export() if is_export else self._details(asked)

    def _details(self, asked: Asked) -> Reply:
        for film in self.films:
            if isinstance(film, dict) and asked.path == f"/movie/{film['id']}":
                genres = [genre for genre in GENRES if genre["id"] in film["genre_ids"]]
                own = {name: film[name] for name in film if name != "genre_ids"}
                whole = own | {"genres": genres} | make_details(film)
                return Reply(whole | self.details.get(film["id"], {}))
        return Reply({"status_code": 34, "status_message": "Not found"}, 404)

    def _export(self) -> Reply:
        """Today's export, whatever day is asked for."""
        lines = (
            json.dumps({name: film[name] for name in ("id", "adult", "video", "popularity")})
            for film in self.films
        )
        return Reply(gzip.compress("\n".join(lines).encode()))

    def _popular(self, asked: Asked) -> Reply:
        language = asked.query.get("with_original_language")
        reply = self._page(
            asked,
            [film for film in self.films if _has_language(film, language)],
            20,
        )
        if self.moves:
            self.films = self.films[1:] + self.films[:1]
        return reply

    @staticmethod
    def _page(asked: Asked, rows: list[Any], size: int) -> Reply:
        page = int(asked.query.get("page", "1"))
        return Reply(
            {
                "page": page,
                "results": rows[(page - 1) * size : page * size],
                "total_pages": -(-len(rows) // size),
                "total_results": len(rows),
            }
        )

    def handle_error(self, request: object, client_address: object) -> None:
        """A client that hung up is no news."""


@pytest.fixture(scope="session")
def _stand_in() -> Iterator[StandIn]:
    # One address for the whole session: it is a setting, and another one would make data stale.
    with StandIn() as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True)
        thread.start()
        yield server
        server.released.set()
        server.shutdown()
        thread.join(timeout=5)


@pytest.fixture
def stand_in(_stand_in: StandIn) -> Iterator[StandIn]:
    """The stand-in for TMDB: 60 films, 5 genres, no faults."""
    _stand_in.reset()
    yield _stand_in
    _stand_in.released.set()


@pytest.fixture(scope="session")
def key() -> str:
    """The key that the stand-in takes."""
    return KEY


# -- settings and environment -------------------------------------------------------------------


def _is_ours(variable: str) -> bool:
    names = {"API_KEY", "DAGSTER_HOME"}
    return variable in names or variable.startswith(("TMDB_", "MOVIE_ASSETS_", "MOVIELENS_"))


@pytest.fixture(scope="session")
def clean_environment() -> Iterator[dict[str, str]]:
    """The environment without the developer's settings, and without a proxy to loopback."""
    with pytest.MonkeyPatch.context() as patch:
        for variable in [name for name in os.environ if _is_ours(name)]:
            patch.delenv(variable)
        patch.setenv("NO_PROXY", "127.0.0.1")
        patch.setenv("no_proxy", "127.0.0.1")
        yield dict(os.environ)


@pytest.fixture(scope="session")
def settings_of(clean_environment: dict[str, str]) -> Callable[..., Settings]:
    """Make settings by their environment names."""

    def make(home: Path, **variables: Any) -> Settings:
        return Settings(_env_file=None, MOVIE_ASSETS_HOME=home, **variables)

    return make


@dataclass(frozen=True)
class QuickReports(Reports):
    """Makes reports that say nothing: the notebook takes longer than all else of a small graph.

    The report itself is tested in ``analysis/``, and made by the tests of the commands.
    """

    def make(self) -> Report:
        executed, shown = self.paths
        self.folder.mkdir(parents=True, exist_ok=True)
        executed.write_bytes(b"{}")
        digest = hashlib.sha256(b"{}").hexdigest()
        shown.write_text(f'<meta name="notebook-sha256" content="{digest}">')
        return Report(executed, shown, 0.0)


@pytest.fixture(scope="session")
def build_definitions(
    clean_environment: dict[str, str], tmp_path_factory: pytest.TempPathFactory
) -> Callable[..., Definitions]:
    """``movie_assets.definitions.build_definitions``, imported where no .env is."""
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(tmp_path_factory.mktemp("elsewhere"))
        from movie_assets.definitions import build_definitions as found  # noqa: PLC0415

    def build(settings: Settings, **resources: Any) -> Definitions:
        resources.setdefault("reports", QuickReports(settings.database, settings.reports_dir))
        return found(settings, **resources)

    return build


# -- homes --------------------------------------------------------------------------------------


class Record:
    """A reporter that remembers what it was told."""

    def __init__(self) -> None:
        self.runs: list[str] = []
        self.steps: list[str] = []
        self.failed: list[str] = []
        self.messages: list[str] = []

    def run_started(self, run_id: str, steps: int) -> None:
        self.runs.append(run_id)

    def step_started(self, step: str) -> None:
        self.steps.append(step)

    def step_ended(self, step: str, seconds: float, *, failed: bool) -> None:
        if failed:
            self.failed.append(step)

    def message(self, text: str) -> None:
        self.messages.append(text)


@dataclass
class Home:
    """A home with its settings, its Dagster history and the stand-in that it is built from.

    The stand-in has time to answer, however busy the machine is: a request that is tried again
    counts twice where a test counts them.
    """

    settings: Settings
    instance: DagsterInstance
    build_definitions: Callable[..., Definitions]
    timeouts: Timeouts = PATIENT

    @property
    def database(self) -> Path:
        return self.settings.database

    def definitions(self, **variables: Any) -> Definitions:
        """The graph, with other settings where they are named by their variables."""
        settings = self.with_settings(**variables)
        if settings.source == "sample":
            return self.build_definitions(settings)
        client = TmdbClient(
            settings.tmdb_base_url,
            settings.tmdb_api_key.get_secret_value() if settings.tmdb_api_key else KEY,
            requests_per_second=1000,
            retry=QUICK,
            timeouts=self.timeouts,
        )
        return self.build_definitions(
            settings,
            extraction=Extraction(lambda _: client, settings.language, settings.max_movies),
        )

    def with_settings(self, **variables: Any) -> Settings:
        fields = {
            "MOVIE_ASSETS_HOME": self.settings.home,
            "MOVIE_ASSETS_SOURCE": self.settings.source,
            "TMDB_BASE_URL": self.settings.tmdb_base_url,
            "TMDB_EXPORTS_URL": self.settings.tmdb_exports_url,
            "MOVIE_ASSETS_LANGUAGE": "all",
            "MOVIE_ASSETS_MAX_MOVIES": self.settings.max_movies,
        }
        if self.settings.tmdb_api_key:
            fields["TMDB_API_KEY"] = self.settings.tmdb_api_key.get_secret_value()
        return Settings(_env_file=None, **(fields | variables))

    def build(
        self, *, refresh: bool = False, definitions: Definitions | None = None, **variables: Any
    ) -> BuildReport:
        """``movie-assets build``; what the reporter was told is in ``record``."""
        self.record = Record()
        return build(
            definitions or self.definitions(**variables),
            self.instance,
            self.with_settings(**variables),
            self.record,
            refresh=refresh,
        )

    def hashes(self) -> dict[str, str]:
        """The hash of each table's content and of the features."""
        return content_hashes(self.settings.home)

    def runs(self) -> int:
        return self.instance.get_runs_count()


def content_hashes(home: Path) -> dict[str, str]:
    """The hash of each table's content, of the features and of what is published, in a home."""
    database = home / "movies_data.duckdb"
    stored = stored_tables(database)
    # One connection that stays open: DuckDB takes longer to open a small file than to read it.
    with connect(database, read_only=True):
        found = {
            name: content_hash(read_arrow(database, table))
            for name, table in TABLES.items()
            if name in stored
        }
    found["movie_features"] = features_hash(load_features(home / "features" / "movie_features.npz"))
    found["published_recommendations"] = current_name(home / "published")
    return found


@pytest.fixture(scope="session")
def hashes_of() -> Callable[[Path], dict[str, str]]:
    """Give the hash of each table's content, and of the features, in a home."""
    return content_hashes


@contextmanager
def open_home(settings: Settings, build_definitions: Callable[..., Definitions]) -> Iterator[Home]:
    with pytest.MonkeyPatch.context() as patch:
        # Set and taken away again, so that it is remembered as unset.
        patch.setenv("DAGSTER_HOME", "")
        folder = prepare_dagster_home(settings)
    with DagsterInstance.from_ref(InstanceRef.from_dir(str(folder))) as instance:
        yield Home(settings, instance, build_definitions)


def _tmdb_settings(settings_of: Callable[..., Settings], home: Path, server: StandIn) -> Settings:
    return settings_of(
        home,
        TMDB_API_KEY=KEY,
        TMDB_BASE_URL=server.url,
        MOVIE_ASSETS_LANGUAGE="all",
        MOVIE_ASSETS_MAX_MOVIES=100,
    )


@dataclass(frozen=True)
class BuiltHome:
    """A home, and what its build reported."""

    folder: Path
    report: BuildReport
    record: Record
    hashes: dict[str, str]


@pytest.fixture(scope="session")
def built_from_tmdb(
    _stand_in: StandIn,
    settings_of: Callable[..., Settings],
    build_definitions: Callable[..., Definitions],
    tmp_path_factory: pytest.TempPathFactory,
) -> BuiltHome:
    """A home that was built from the stand-in's 60 films; to be copied, not changed."""
    folder = tmp_path_factory.mktemp("from_tmdb") / "home"
    _stand_in.reset()
    with open_home(_tmdb_settings(settings_of, folder, _stand_in), build_definitions) as home:
        report = home.build()
    assert report.succeeded, report
    return BuiltHome(folder, report, home.record, content_hashes(folder))


OpenHome = Callable[[Path], AbstractContextManager[Home]]


@pytest.fixture
def open_tmdb_home(
    stand_in: StandIn,
    settings_of: Callable[..., Settings],
    build_definitions: Callable[..., Definitions],
) -> OpenHome:
    """Open a folder as a home whose films are the stand-in's."""

    def open_folder(folder: Path) -> AbstractContextManager[Home]:
        return open_home(_tmdb_settings(settings_of, folder, stand_in), build_definitions)

    return open_folder


OpenWithoutHistory = Callable[[Path], Home]


@pytest.fixture
def open_without_history(
    stand_in: StandIn,
    settings_of: Callable[..., Settings],
    build_definitions: Callable[..., Definitions],
) -> Iterator[OpenWithoutHistory]:
    """Open a folder as a home whose Dagster history is empty, and kept in memory: that is quick."""
    with DagsterInstance.ephemeral() as instance:

        def open_folder(folder: Path) -> Home:
            return Home(_tmdb_settings(settings_of, folder, stand_in), instance, build_definitions)

        yield open_folder


CopyHome = Callable[[Path], Home]


@pytest.fixture
def copy_home(open_without_history: OpenWithoutHistory, tmp_path: Path) -> CopyHome:
    """Copy a built home for a test; the Dagster history of the copy is kept in memory."""

    def copy(built: Path) -> Home:
        folder = tmp_path / "home"
        shutil.copytree(built, folder, ignore=lambda _, names: {"dagster"} & set(names))
        opened = open_without_history(folder)
        history = built / "dagster" / "history"
        _load(opened.instance.event_log_storage, history / "runs" / "index.db")
        _load(opened.instance.run_storage, history / "runs.db")
        return opened

    return copy


@pytest.fixture
def home(built_from_tmdb: BuiltHome, copy_home: CopyHome) -> Home:
    """A home of one's own, built from the stand-in."""
    return copy_home(built_from_tmdb.folder)


def _load(storage: Any, path: Path) -> None:
    """Fill one of Dagster's storages in memory from its file."""
    with closing(sqlite3.connect(path)) as source:
        source.backup(storage._held_conn.connection.dbapi_connection)


@pytest.fixture
def home_on_disk(
    built_from_tmdb: BuiltHome, open_tmdb_home: OpenHome, tmp_path: Path
) -> Iterator[Home]:
    """A home of one's own that other processes can work in too."""
    shutil.copytree(built_from_tmdb.folder, tmp_path / "home")
    with open_tmdb_home(tmp_path / "home") as opened:
        yield opened


@pytest.fixture
def empty_home(open_without_history: OpenWithoutHistory, tmp_path: Path) -> Home:
    """A home in which nothing was built yet."""
    return open_without_history(tmp_path / "empty home")


# -- processes ----------------------------------------------------------------------------------


@dataclass(frozen=True)
class Shell:
    """Runs programs in a folder of their own, with no setting but those that are given."""

    cwd: Path
    environment: dict[str, str]

    def start(self, *command: str, **variables: str) -> subprocess.Popen[str]:
        return subprocess.Popen(
            [sys.executable, *command],
            cwd=self.cwd,
            env={**self.environment, **variables},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )

    def run(self, *command: str, **variables: str) -> subprocess.CompletedProcess[str]:
        """Run ``python *command``."""
        with self.start(*command, **variables) as process:
            out, err = process.communicate(timeout=180)
        return subprocess.CompletedProcess(command, process.returncode, out, err)

    def movie_assets(self, *arguments: str, **variables: str) -> subprocess.CompletedProcess[str]:
        """Run the ``movie-assets`` command."""
        return self.run(
            str(Path(sys.executable).with_name("movie-assets")), *arguments, **variables
        )


@pytest.fixture
def shell(clean_environment: dict[str, str], tmp_path: Path) -> Shell:
    """A shell in an empty folder."""
    folder = tmp_path / "cwd"
    folder.mkdir()
    return Shell(folder, clean_environment | {"COLUMNS": "150", "NO_COLOR": "1"})


@dataclass(frozen=True)
class BuiltByCommand:
    """A home with the bundled films, and what the command that built it wrote."""

    home: Path
    process: subprocess.CompletedProcess[str]


@pytest.fixture(scope="session")
def bundled(
    clean_environment: dict[str, str], tmp_path_factory: pytest.TempPathFactory
) -> BuiltByCommand:
    """The bundled films, built by ``movie-assets build``; to be copied, not changed.

    Built once for all of xdist's workers: it takes as long as many tests together.
    """
    base = tmp_path_factory.getbasetemp()
    # Each worker has a folder of its own in that of the whole session.
    folder = (base.parent if "PYTEST_XDIST_WORKER" in os.environ else base) / "bundled"
    folder.mkdir(exist_ok=True)
    home, written = folder / "home", folder / "written.json"
    with FileLock(folder / "lock"):
        if not written.exists():
            shell = Shell(folder, clean_environment | {"COLUMNS": "150", "NO_COLOR": "1"})
            process = shell.movie_assets("build", MOVIE_ASSETS_HOME=str(home))
            assert process.returncode == 0, process.stderr
            written.write_text(json.dumps(vars(process)))
    return BuiltByCommand(home, subprocess.CompletedProcess(**json.loads(written.read_text())))
