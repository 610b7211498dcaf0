"""``movie-assets serve``: the HTTP API and the web page, as processes that listen.

What they answer is ``serving.api``'s. Nothing here imports Dagster: the server has to be small, and
must not depend on what the pipeline does.
"""

from __future__ import annotations

import gc
import logging
import os
import signal
import socket
import sys
import tempfile
from contextlib import ExitStack, suppress
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import orjson
import typer

from movie_assets.settings import load_settings

if TYPE_CHECKING:
    from fastapi import FastAPI

    from movie_assets.settings import Settings

#: More connections than this are answered 503; each holds some 20 kB.
_MOST_CONNECTIONS = 2000
#: Longer than what load balancers keep idle connections for.
_IDLE_SECONDS = 75
#: Requests that are being answered have so long when the server is told to end.
_ENDING_SECONDS = 10
#: Python's own 700 are those of five requests.
_OBJECTS_BEFORE_COLLECTING = 20_000


class NothingPublishedError(LookupError):
    """There is nothing to serve yet."""


def serve(
    *,
    host: Annotated[
        str | None,
        typer.Option(help="Address to listen on; 0.0.0.0 for all.  [default: 127.0.0.1]"),
    ] = None,
    port: Annotated[
        int | None, typer.Option(min=1, max=65_535, help="Port.  [default: 8000]")
    ] = None,
    workers: Annotated[
        int | None, typer.Option(min=1, max=256, help="Processes.  [default: 1]")
    ] = None,
    verify: Annotated[
        bool, typer.Option("--verify", help="Compare every checksum of the snapshot first.")
    ] = False,
    wait: Annotated[
        bool,
        typer.Option("--wait", help="Start though nothing is published yet, and wait for it."),
    ] = False,
) -> None:
    """Serve what is published: the HTTP API and the web page, until Ctrl-C.

    A new build is taken up within two seconds, without a request being dropped. The defaults can
    be set too: see .env.example.
    """
    settings = load_settings()
    host = host or settings.api_host
    port = port or settings.api_port
    workers = workers or settings.api_workers
    if not wait:
        _refuse_unpublished(settings, verify=verify)
    _refuse_taken_port(host, port)
    print(f"Serving http://{_in_address(host)}:{port}", file=sys.stderr)  # noqa: T201
    print(f"The API's docs: http://{_in_address(host)}:{port}/docs", file=sys.stderr)  # noqa: T201
    # uvicorn ends in good order, and then by the signal that it got: that would leave the folder.
    signal.signal(signal.SIGTERM, _end)
    with ExitStack() as stack:
        if workers > 1:
            # Read by the metrics' library when it is imported, in each worker.
            os.environ["PROMETHEUS_MULTIPROC_DIR"] = stack.enter_context(
                tempfile.TemporaryDirectory(prefix="movie-assets-metrics-")
            )
        # Ctrl-C is how it is ended, and no failure.
        with suppress(KeyboardInterrupt):
            _run(settings, host, port, workers)


def _end(*_: object) -> None:
    raise SystemExit(0)


def app_from_settings() -> FastAPI:
    """The application as the environment and ``.env`` want it; each worker calls this."""
    from movie_assets.serving.api import ServingSettings, create_app  # noqa: PLC0415

    settings = load_settings()
    app = create_app(
        ServingSettings(
            published_dir=settings.published_dir,
            api_keys=settings.api_keys,
            cors_origins=settings.api_cors_origins,
            rate_limit=settings.api_rate_limit,
            max_body_bytes=settings.api_max_body_bytes,
            max_upload_bytes=settings.api_max_upload_bytes,
            cache_seconds=settings.api_cache_seconds,
            access_log=settings.api_access_log,
        )
    )
    # What has been imported stays; to look through it again and again holds requests up.
    gc.collect()
    gc.freeze()
    gc.set_threshold(_OBJECTS_BEFORE_COLLECTING)
    return app


class JsonLines(logging.Formatter):
    """Each record as a line of JSON, as the access log has it."""

    def format(self, record: logging.LogRecord) -> str:
        """The line."""
        line = {
            "time": self.formatTime(record, "%Y-%m-%dT%H:%M:%S%z"),
            "level": record.levelname.lower(),
            "logger": record.name,
            "message": record.getMessage(),
        }
        if record.exc_info:
            line["error"] = self.formatException(record.exc_info)
        return orjson.dumps(line).decode()


def _run(settings: Settings, host: str, port: int, workers: int) -> None:
    import uvicorn  # noqa: PLC0415 - other commands need not wait for it

    from movie_assets.serving.api.protocol import BoundedProtocol  # noqa: PLC0415

    uvicorn.run(
        "movie_assets.serve:app_from_settings",
        factory=True,
        host=host,
        port=port,
        workers=workers,
        http=BoundedProtocol,
        ws="none",
        lifespan="on",
        log_config=_LOGGING,
        access_log=False,
        server_header=False,
        proxy_headers=bool(settings.api_trusted_proxies),
        forwarded_allow_ips=settings.api_trusted_proxies or None,
        limit_concurrency=_MOST_CONNECTIONS,
        timeout_keep_alive=_IDLE_SECONDS,
        timeout_graceful_shutdown=_ENDING_SECONDS,
        # A worker that opens a snapshot of a million films may be silent for some seconds.
        timeout_worker_healthcheck=60,
    )


_LOGGING: dict[str, Any] = {
    "version": 1,
    "disable_existing_loggers": False,
    "formatters": {"json": {"()": JsonLines}},
    "handlers": {
        "stderr": {
            "class": "logging.StreamHandler",
            "formatter": "json",
            "stream": "ext://sys.stderr",
        }
    },
    "loggers": {
        "uvicorn": {"handlers": ["stderr"], "level": "INFO", "propagate": False},
        "movie_assets": {"handlers": ["stderr"], "level": "INFO", "propagate": False},
    },
}


def _refuse_unpublished(settings: Settings, *, verify: bool) -> None:
    """Tell at once, in one line, what a server would go on telling each client.

    Raises:
        NothingPublishedError: where nothing is.
        SnapshotError: where it cannot be served.
    """
    from movie_assets.serving.snapshot import open_snapshot  # noqa: PLC0415
    from movie_assets.serving.snapshot.layout import CURRENT  # noqa: PLC0415

    folder: Path = settings.published_dir
    if not (folder / CURRENT).exists():
        raise NothingPublishedError(
            f"Nothing is published in {folder} yet. Publish with: movie-assets build"
        )
    with open_snapshot(folder) as snapshot:
        if verify:
            snapshot.verify()


def _refuse_taken_port(host: str, port: int) -> None:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    try:
        socket.create_server((host, port), family=family).close()
    except OSError as error:
        raise OSError(
            f"Port {port} of {host} cannot be used ({error.strerror}). Choose another one: "
            f"movie-assets serve --port {port + 1 if port < 65_535 else port - 1}"
        ) from error


def _in_address(host: str) -> str:
    """A host as it stands in an address that can be opened."""
    shown = {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(host, host)  # noqa: S104
    return f"[{shown}]" if ":" in shown else shown
