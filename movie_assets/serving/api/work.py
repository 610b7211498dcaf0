"""Work that takes milliseconds, on a few threads, so that it delays nobody else's microseconds.

A request holds its snapshot until its work has ended, even if the client has gone.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, ParamSpec, TypeVar

from anyio import CapacityLimiter, to_thread

from movie_assets.serving.api.problems import BusyError

if TYPE_CHECKING:
    from collections.abc import Callable

P = ParamSpec("P")
T = TypeVar("T")


class Workers:
    """A few threads, and a queue with an end.

    Args:
        threads: how many work at the same time.
        waiting: how many more may wait; the next is told to come back.
    """

    def __init__(self, threads: int, waiting: int) -> None:
        self._limiter = CapacityLimiter(threads)
        self._waiting = waiting

    async def do(self, work: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
        """Do some work on a thread.

        Raises:
            BusyError: where too many are waiting.
        """
        if self._limiter.statistics().tasks_waiting >= self._waiting:
            raise BusyError
        return await to_thread.run_sync(lambda: work(*args, **kwargs), limiter=self._limiter)
