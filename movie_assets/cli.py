"""The ``movie-assets`` command: build, recommend, taste, serve, evaluate, status, refetch and ui.

Only what a person types and sees belongs here. Errors are told in one line; ``--verbose`` shows
where they come from. Exit codes: 0 all is well; 1 something failed, or (status) is out of date;
2 the command or a setting cannot be used; 3 there is no such film; 4 nothing has been built yet;
130 stopped by Ctrl-C.
"""

from __future__ import annotations

import gc
import json
import os
import re
import socket
import sys
import traceback
from contextlib import nullcontext
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.console import Console
from rich.table import Table
from rich.text import Text

from movie_assets.console import (
    BuildProgress,
    catalogue_lines,
    plain,
    printable,
    status_rows,
    without_lost_events,
)
from movie_assets.evaluate import evaluate
from movie_assets.fit import fit
from movie_assets.recommend import recommend, taste
from movie_assets.serve import NothingPublishedError, serve
from movie_assets.settings import Settings, SettingsError, load_settings

if TYPE_CHECKING:
    from movie_assets.build import BuildReport

EXIT_FAILED, EXIT_USAGE, EXIT_NO_FILM, EXIT_NOT_BUILT = 1, 2, 3, 4
EXIT_STOPPED = 130  # as shells have it for Ctrl-C

app = typer.Typer(
    name="movie-assets",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
    help="A movie recommender that runs itself.\n\nSettings come from the environment and .env "
    "(see .env.example); without TMDB_API_KEY the bundled films are used.",
)

# What comes from data is shown by `plain`, so that none of it is taken for markup.
_out = Console(highlight=False, emoji=False)
# Whether stderr is a terminal is asked once: Dagster puts a file in its place while a step runs.
_err = Console(
    stderr=True, highlight=False, emoji=False, force_terminal=Console(stderr=True).is_terminal
)
_verbose = False
_USUAL_THRESHOLDS = gc.get_threshold()
#: So many new objects until the first are looked through; by Python's own threshold importing alone
#: has it do so hundreds of times.
_OBJECTS_AT_START = 50_000


@app.callback()
def _options(
    verbose: Annotated[
        bool, typer.Option("--verbose", "-v", help="Show where an error comes from.")
    ] = False,
) -> None:
    global _verbose  # noqa: PLW0603 - an option of the whole process
    _verbose = verbose


@app.command()
def build(
    refresh: Annotated[
        bool, typer.Option("--refresh", help="Ask the source again, whatever its age.")
    ] = False,
) -> None:
    """Bring up to date what is missing, failed or out of date.

    Out of date is what is older than its freshness policy, or whose code, settings or inputs
    changed. Where nothing is, nothing runs.
    """
    settings = load_settings()
    with _err.status("Reading the graph"):
        from movie_assets import build as builds  # noqa: PLC0415 - imports Dagster

        defs, instance = _open_graph(settings)
    _collect_as_usual()
    try:
        quiet = nullcontext() if _verbose else without_lost_events()
        with instance, BuildProgress(_err) as progress, quiet:
            report = builds.build(defs, instance, settings, progress, refresh=refresh)
    except KeyboardInterrupt:
        _err.print("Stopped. What was finished is stored; build again to go on.")
        raise typer.Exit(EXIT_STOPPED) from None
    _show_build(report, settings)
    if not report.succeeded:
        raise typer.Exit(EXIT_FAILED)


app.command()(recommend)
app.command()(taste)
app.command()(evaluate)
app.command()(fit)
app.command()(serve)


@app.command()
def status(
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> None:
    """Show which assets are fresh, out of date or failed, and why."""
    settings = load_settings()
    with _err.status("Reading the graph"):
        from movie_assets.build import Graph  # noqa: PLC0415 - imports Dagster

        defs, instance = _open_graph(settings)
    with instance:
        graph = Graph(defs, instance, settings)
        states = graph.states()
        rows = status_rows(states, graph.verdicts(states))
    if as_json:
        print(json.dumps([row._asdict() for row in rows]))  # noqa: T201
    else:
        table = Table(box=None, pad_edge=False)
        # Where it is narrow, only the reasons give way: names and times are for reading off.
        for heading in ("asset", "state", "built", "rows", "why"):
            table.add_column(
                heading,
                no_wrap=heading != "why",
                justify="right" if heading == "rows" else "left",
            )
        for row in rows:
            table.add_row(
                row.asset,
                Text(row.state, _COLOURS[row.state]),
                (row.built or "never").partition(" (")[0],
                "" if row.rows is None else f"{row.rows:,}",
                plain("; ".join(row.why)),
            )
        _out.print(table)
        if settings.source == "catalogue":
            _show_catalogue(settings)
        if any(row.state != "fresh" for row in rows):
            _out.print("\nBring everything up to date with: movie-assets build")
    if any(row.state != "fresh" for row in rows):
        raise typer.Exit(EXIT_FAILED)


@app.command()
def refetch(
    films: Annotated[list[int] | None, typer.Argument(help="TMDB's numbers of films.")] = None,
    everything: Annotated[bool, typer.Option("--all", help="All films that are stored.")] = False,
) -> None:
    """Have films of the catalogue asked for again by the next refresh, whatever is known of them.

    What is stored of them stays until there is an answer. To ask now: movie-assets build --refresh.
    """
    settings = load_settings()
    if settings.source != "catalogue":
        raise SettingsError("Films are refetched one by one of MOVIE_ASSETS_SOURCE=catalogue only.")
    if bool(films) == everything:
        raise typer.BadParameter("name films by their numbers, or all of them by --all")
    from movie_assets.catalogue.state import mark_for_refetch  # noqa: PLC0415 - imports DuckDB

    unknown = mark_for_refetch(settings.database, None if everything else films)
    if unknown:
        _err.print(
            f"Error: not in the catalogue: {', '.join(map(str, unknown))}. A new film comes with "
            "the next refresh once TMDB's export has it."
            + (" The others are marked." if set(films or ()) - set(unknown) else ""),
            style="red",
            soft_wrap=True,
        )
        raise typer.Exit(EXIT_NO_FILM)
    _out.print("Marked. They are asked for by the next refresh: movie-assets build --refresh")


@app.command()
def ui(
    port: Annotated[int, typer.Option(help="Port of the web UI.")] = 3000,
    host: Annotated[str, typer.Option(help="Address to listen on.")] = "127.0.0.1",
) -> None:
    """Start Dagster's web UI on this graph, with its daemon, until Ctrl-C.

    The daemon runs the daily schedule and the sensors.
    """
    settings = load_settings()
    from movie_assets.instance import WORKSPACE, open_instance  # noqa: PLC0415

    _refuse_taken_port(host, port)
    # Closed again: that its databases are there before Dagster's several processes start is all.
    open_instance(settings).dispose()
    _err.print(plain(f"Dagster's web UI: http://{host}:{port}"), soft_wrap=True)
    command = ["-m", "dagster", "dev", "--workspace", str(WORKSPACE)]
    sys.stdout.flush()
    os.execv(  # noqa: S606 - this process becomes Dagster
        sys.executable,
        [sys.executable, *command, "--host", host, "--port", str(port)],
    )


def main() -> None:
    """Run the command; what goes wrong is told in one line and by the exit code."""
    # A command's objects are mostly what it imports, which stays: looking through all of them again
    # and again for garbage took up to a fifth of its time.
    gc.set_threshold(_OBJECTS_AT_START)
    try:
        app()
    except Exception as error:  # noqa: BLE001 - the last place where an error can be told
        _tell(error)
        raise SystemExit(_exit_code(error)) from None


def _show_catalogue(settings: Settings) -> None:
    from movie_assets.catalogue.journal import read_journal  # noqa: PLC0415 - not for --help
    from movie_assets.catalogue.state import read_state  # noqa: PLC0415 - imports DuckDB
    from movie_assets.warehouse import WarehouseLockedError  # noqa: PLC0415

    pending = len(read_journal(settings.incoming_dir))
    try:
        lines = catalogue_lines(read_state(settings.database), pending)
    except WarehouseLockedError:
        lines = [f"{pending:,} fetched films wait in the journal; the database is in use"]
    _out.print()
    for line in lines:
        _out.print(plain(f"Catalogue: {line}"), soft_wrap=True)


def _open_graph(settings: Settings) -> tuple[Any, Any]:
    from movie_assets.definitions import build_definitions  # noqa: PLC0415
    from movie_assets.instance import open_instance  # noqa: PLC0415

    return build_definitions(settings), open_instance(settings)


def _collect_as_usual() -> None:
    """Collect garbage as Python does: what comes from now on may hold much memory."""
    gc.set_threshold(*_USUAL_THRESHOLDS)


def _refuse_taken_port(host: str, port: int) -> None:
    """Dagster itself would go on without its web UI."""
    try:
        socket.create_server((host, port)).close()
    except OSError as error:
        raise OSError(
            f"Port {port} of {host} cannot be used ({error.strerror}). Choose another one: "
            f"movie-assets ui --port {port + 1}"
        ) from error


def _tell(error: Exception) -> None:
    from movie_assets.tmdb.redact import redact  # noqa: PLC0415

    text = "".join(traceback.format_exception(error)) if _verbose else _one_line(error)
    for line in redact(text, _secrets()).splitlines():
        _err.print(plain(line), style="red", soft_wrap=True)


def _one_line(error: Exception) -> str:
    message = " ".join(printable(str(error)).split())
    if isinstance(error, _expected_errors()):
        return f"Error: {message}"
    message = f"{type(error).__name__}: {message}"
    if _is_history_full(message):
        return f"Error: {_HISTORY_FULL}"
    return f"Error: {message} (movie-assets --verbose shows where)"


# SQLite says the second where it cannot even make room for its journal.
_FULL = re.compile(r"\bOperationalError\b.*(database or disk is full|disk I/O error)", re.DOTALL)
_HISTORY_FULL = (
    "Dagster's run history cannot be written: the disk is full, or broken. Free some space, or set "
    "MOVIE_ASSETS_HOME to a folder on another disk. Each table keeps its last good content."
)


def _is_history_full(message: str) -> bool:
    return _FULL.search(message) is not None


def _expected_errors() -> tuple[type[Exception], ...]:
    from movie_assets.answers import FeaturesBehindError  # noqa: PLC0415
    from movie_assets.lookup import NoSuchFilmError  # noqa: PLC0415
    from movie_assets.movielens import MovieLensError  # noqa: PLC0415
    from movie_assets.recommender.features import NoFeaturesError  # noqa: PLC0415
    from movie_assets.recommender.films import CatalogueError  # noqa: PLC0415
    from movie_assets.recommender.query import (  # noqa: PLC0415
        EmptyTasteError,
        UnknownNameError,
    )
    from movie_assets.recommender.storage import FeatureFileError  # noqa: PLC0415
    from movie_assets.recommender.weights import WeightsError  # noqa: PLC0415
    from movie_assets.serving.imports import ExportError  # noqa: PLC0415
    from movie_assets.serving.snapshot import SnapshotError  # noqa: PLC0415
    from movie_assets.tmdb.errors import TmdbError  # noqa: PLC0415
    from movie_assets.warehouse import WarehouseError  # noqa: PLC0415

    return (
        SettingsError,
        NoSuchFilmError,
        UnknownNameError,
        EmptyTasteError,
        ExportError,
        FeaturesBehindError,
        FeatureFileError,
        CatalogueError,
        MovieLensError,
        NoFeaturesError,
        NothingPublishedError,
        SnapshotError,
        WeightsError,
        TmdbError,
        WarehouseError,
        OSError,
    )


def _exit_code(error: Exception) -> int:
    from movie_assets.answers import FeaturesBehindError  # noqa: PLC0415
    from movie_assets.lookup import NoSuchFilmError  # noqa: PLC0415
    from movie_assets.movielens import MovieLensError  # noqa: PLC0415
    from movie_assets.recommender.films import CatalogueError  # noqa: PLC0415
    from movie_assets.recommender.query import (  # noqa: PLC0415
        EmptyTasteError,
        UnknownNameError,
    )
    from movie_assets.recommender.storage import FeatureFileError  # noqa: PLC0415
    from movie_assets.serving.imports import ExportError  # noqa: PLC0415
    from movie_assets.warehouse import TableMissingError  # noqa: PLC0415

    codes: dict[type[Exception], int] = {
        SettingsError: EXIT_USAGE,
        CatalogueError: EXIT_USAGE,
        UnknownNameError: EXIT_USAGE,
        EmptyTasteError: EXIT_USAGE,
        NoSuchFilmError: EXIT_NO_FILM,
        TableMissingError: EXIT_NOT_BUILT,
        NothingPublishedError: EXIT_NOT_BUILT,
        FeatureFileError: EXIT_NOT_BUILT,
        FeaturesBehindError: EXIT_NOT_BUILT,
    }
    if isinstance(error, MovieLensError | ExportError):  # of one type for each fault
        return EXIT_USAGE
    return codes.get(type(error), EXIT_FAILED)


def _secrets() -> list[str]:
    try:
        settings = load_settings()
    except SettingsError:
        return []
    secrets = (settings.tmdb_api_key, settings.failure_webhook_url, *settings.api_keys)
    return [secret.get_secret_value() for secret in secrets if secret]


_COLOURS = {
    "fresh": "green",
    "stale": "yellow",
    "never built": "yellow",
    "failed": "red",
    "ran": "green",
    "up to date": "dim",
    "check failed": "red",
    "not run": "yellow",
}


def _show_build(report: BuildReport, settings: Settings) -> None:
    total = sum(outcome.seconds for outcome in report.outcomes)
    table = Table("asset", "ran?", box=None, pad_edge=False)
    for heading in ("rows", "seconds", "share"):
        table.add_column(heading, justify="right")
    for outcome in report.outcomes:
        ran = outcome.seconds > 0
        table.add_row(
            outcome.name,
            Text(outcome.status, _COLOURS[outcome.status]),
            "" if outcome.rows is None else f"{outcome.rows:,}",
            f"{outcome.seconds:.2f}" if ran else "",
            f"{outcome.seconds / total:.0%}" if ran else "",
        )
    _out.print(table)
    for outcome in report.outcomes:
        if outcome.error:
            error = _HISTORY_FULL if _is_history_full(outcome.error) else outcome.error
            _err.print(plain(f"{outcome.name}: {error}"), style="red", soft_wrap=True)
    if not report.succeeded:
        _err.print("What failed keeps its last good content. Build again to try it again.")
        if any(outcome.status == "check failed" for outcome in report.outcomes):
            _err.print("What failed a check holds the rows that failed; below it nothing changed.")
    elif not report.ran:
        _out.print(f"\nEverything is up to date: nothing ran ({report.seconds:.1f} s).")
    else:
        done = f"{len(report.ran)} of {len(report.outcomes)} assets ran in {report.seconds:.1f} s"
        _out.print()
        _out.print(plain(f"{done}, into {settings.database}."), soft_wrap=True)
