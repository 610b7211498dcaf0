"""Threads: work that is done piece by piece, as many at a time as there are processors.

What belongs here: who does which piece, and who is told. What does not: the work itself, which has
to be such that Python lets others work meanwhile (NumPy on long arrays, what numba compiles).
"""

from __future__ import annotations

import os
from concurrent.futures import ThreadPoolExecutor, as_completed
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

_REPORTS = 100


def in_threads(
    work: Callable[[int], int],
    starts: range,
    threads: int,
    n_rows: int,
    progress: Callable[[int, int], None] | None,
) -> None:
    """Do the chunks; at an interruption finish those that were begun and drop the rest."""
    report = throttled(progress)
    done = 0
    with ThreadPoolExecutor(threads, thread_name_prefix="recommender") as pool:
        try:
            for future in as_completed([pool.submit(work, start) for start in starts]):
                done += future.result()
                report(done, n_rows)
        except BaseException:
            pool.shutdown(cancel_futures=True)
            raise


def throttled(progress: Callable[[int, int], None] | None) -> Callable[[int, int], None]:
    """Progress that is passed on once a hundredth, and at the end."""
    passed = 0

    def report(done: int, of: int) -> None:
        nonlocal passed
        if progress and (done == of or done * _REPORTS // of > passed):
            passed = done * _REPORTS // of
            progress(done, of)

    return report


def processors() -> int:
    """How many this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1
