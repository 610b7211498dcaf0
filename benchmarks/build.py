"""How long a build takes: the first one on the bundled films, and one with nothing to do.

    python benchmarks/build.py

Each is a process of its own, as a person starts it, in a folder of its own.
"""

from __future__ import annotations

import os
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

ROUNDS = 3
COMMAND = str(Path(sys.executable).with_name("movie-assets"))


def seconds_of(*arguments: str, home: str) -> float:
    """How long a command takes."""
    kept = {name: os.environ[name] for name in ("PATH", "HOME") if name in os.environ}
    environment = {**kept, "MOVIE_ASSETS_HOME": home, "MOVIE_ASSETS_SOURCE": "sample"}
    started = time.perf_counter()
    subprocess.run(
        [COMMAND, *arguments], env=environment, cwd=home, check=True, capture_output=True
    )
    return time.perf_counter() - started


def main() -> None:
    """Measure and print the medians."""
    figures: dict[str, list[float]] = {}
    for _ in range(ROUNDS):
        with tempfile.TemporaryDirectory() as home:
            for name, arguments in (
                ("first build, 941 films", ["build"]),
                ("build with nothing to do", ["build"]),
                ("build --refresh, nothing changed", ["build", "--refresh"]),
                ("recommend", ["recommend", "Heat"]),
                ("status", ["status"]),
            ):
                figures.setdefault(name, []).append(seconds_of(*arguments, home=home))
    for name, seconds in figures.items():
        print(f"{name:34} median {statistics.median(seconds):5.2f} s of {ROUNDS}")


if __name__ == "__main__":
    main()
