"""How long the popular list takes: 1,000 films from a server that answers in 100 ms.

    python benchmarks/extraction.py

Runs a server of its own on loopback. The least time that the rate allows is the number of requests
divided by TMDB_REQUESTS_PER_SECOND, plus one answer.
"""

from __future__ import annotations

import json
import statistics
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qs, urlsplit

from movie_assets.tmdb import TmdbClient

FILMS, LATENCY_S, RATE, ROUNDS = 1_000, 0.1, 40.0, 5


class SlowList(BaseHTTPRequestHandler):
    """A popular list of 10,000 films, 20 a page, each page after LATENCY_S."""

    protocol_version = "HTTP/1.1"

    def do_GET(self) -> None:
        """Answer one page."""
        time.sleep(LATENCY_S)
        page = int(parse_qs(urlsplit(self.path).query).get("page", ["1"])[0])
        films = [{"id": page * 20 + i, "title": f"Film {page * 20 + i}"} for i in range(20)]
        body = json.dumps(
            {"page": page, "results": films, "total_pages": 500, "total_results": 10_000}
        ).encode()
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        """Say nothing."""


def main() -> None:
    """Measure, and print the median."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), SlowList)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    seconds = []
    for _ in range(ROUNDS):
        client = TmdbClient(
            f"http://127.0.0.1:{server.server_port}/3", "k" * 32, requests_per_second=RATE
        )
        started = time.perf_counter()
        popular = client.popular_movies(limit=FILMS)
        seconds.append(time.perf_counter() - started)
        assert len(popular.movies) == FILMS
    least = FILMS / 20 / RATE + LATENCY_S
    print(
        f"{FILMS} films, {LATENCY_S * 1000:.0f} ms an answer, {RATE:.0f} requests a second: "
        f"median {statistics.median(seconds):.2f} s of {ROUNDS}; the rate allows {least:.2f} s"
    )


if __name__ == "__main__":
    main()
