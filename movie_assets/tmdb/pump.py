"""Reading many pages or films at once, and stopping all of it at the first error."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from typing import TypeVar

Answer = TypeVar("Answer")

#: How long the threads of a failed reading are waited for, in seconds. They end at once, unless one
#: of them is still connecting; it then ends by itself a little later, having asked for nothing.
FAREWELL_SECONDS = 1.0


def pump(
    fetch: Callable[[int], Answer],
    take: Callable[[int, Answer], None],
    next_page: Callable[[int], int | None],
    *,
    workers: int,
    abort: Callable[[], None],
) -> None:
    """Fetch pages in threads, and take their answers in this one, in any order.

    What is called a page may be a film as well. `next_page` is given how many are under way and
    names the next one to fetch, or None where none is wanted at present; all is over when none is
    under way and none is wanted.

    The first exception of any kind, KeyboardInterrupt included, calls `abort`, which has to make
    the running fetches return, drops the pages not begun, and goes to the caller.
    """
    executor = ThreadPoolExecutor(workers, thread_name_prefix="tmdb")
    running: dict[Future[Answer], int] = {}
    try:
        while True:
            while len(running) < workers and (page := next_page(len(running))) is not None:
                running[executor.submit(fetch, page)] = page
            if not running:
                break
            for future in wait(running, return_when=FIRST_COMPLETED).done:
                take(running.pop(future), future.result())
    except BaseException:
        abort()
        executor.shutdown(wait=False, cancel_futures=True)
        late = wait(running, timeout=FAREWELL_SECONDS).not_done
        executor.shutdown(wait=not late)
        raise
    executor.shutdown()
