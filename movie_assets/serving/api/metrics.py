"""What the server measures of itself, for Prometheus.

Several workers write into files of one folder (``PROMETHEUS_MULTIPROC_DIR``), so that any of them
can tell of all.
"""

from __future__ import annotations

import os
import time
from typing import TYPE_CHECKING

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram
from prometheus_client.exposition import choose_encoder
from prometheus_client.multiprocess import MultiProcessCollector

if TYPE_CHECKING:
    from movie_assets.serving.api.current import Current

_BUCKETS = (0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 10.0)
_METHODS = frozenset({"GET", "HEAD", "POST", "OPTIONS"})


class Metrics:
    """The figures of one application."""

    def __init__(self) -> None:
        self._is_one_of_several = "PROMETHEUS_MULTIPROC_DIR" in os.environ
        registry = self._registry = CollectorRegistry()
        self._seconds = Histogram(
            "movie_api_request_duration_seconds",
            "Time to answer a request.",
            ("method", "route"),
            buckets=_BUCKETS,
            registry=registry,
        )
        self._requests = Counter(
            "movie_api_requests", "Requests that were answered.", ("method", "route", "status"),
            registry=registry,
        )  # fmt: skip
        self._children: dict[tuple[str, str, int], tuple[Histogram, Counter]] = {}
        self._gauges = {
            name: Gauge(
                f"movie_snapshot_{name}", words, registry=registry, multiprocess_mode="mostrecent"
            )
            for name, words in (
                ("age_seconds", "Age of the snapshot that is served."),
                ("films", "Films of the snapshot that is served."),
                ("is_newest", "1 where the newest snapshot is served, 0 where it was refused."),
            )
        }
        self._reloads = Counter(
            "movie_snapshot_reloads", "New snapshots that were found.", ("outcome",),
            registry=registry,
        )  # fmt: skip

    def observe(self, method: str, route: str, status: int, seconds: float) -> None:
        """Count an answer. Routes are few: what has none is ``other``."""
        key = method, route, status
        children = self._children.get(key)
        if children is None:
            named = method if method in _METHODS else "other"
            children = self._children[key] = (
                self._seconds.labels(named, route),
                self._requests.labels(named, route, str(status)),
            )
            if named == "other":
                del self._children[key]  # a client can make up as many as it likes
        children[0].observe(seconds)
        children[1].inc()

    def count_reload(self, outcome: str) -> None:
        """Count a new snapshot: ``swapped`` or ``refused``."""
        self._reloads.labels(outcome).inc()

    def write(self, current: Current, accepted: str) -> tuple[bytes, str]:
        """All figures now, and their content type.

        Args:
            current: tells of the snapshot.
            accepted: the request's Accept; OpenMetrics where it asks for that.
        """
        served = current.served
        if served is not None:
            created = served.published.manifest.created_at
            self._gauges["age_seconds"].set(time.time() - created.timestamp())
            self._gauges["films"].set(served.films)
        self._gauges["is_newest"].set(served is not None and current.problem is None)
        registry = self._registry
        if self._is_one_of_several:
            registry = CollectorRegistry()
            MultiProcessCollector(registry)  # type: ignore[no-untyped-call]
        encode, content_type = choose_encoder(accepted)
        return encode(registry), content_type
