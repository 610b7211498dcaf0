"""Which snapshot is served: it is opened, watched for its successor, and let go of.

A request takes the snapshot once and gives it back when it has been answered, so that each answer
comes from one snapshot. A thread looks at ``published/current``; a new snapshot is opened and
warmed there, off the event loop, which then changes one reference. The old one is closed when its
last request has ended.
"""

from __future__ import annotations

import asyncio
import logging
import threading
import time
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from movie_assets.serving.api.served import Served

_LOGGER = logging.getLogger("movie_assets.serving")

#: A snapshot that could not be opened is tried again after so long; the fault may have passed.
_RETRY_SECONDS = 5.0


class Current:
    """The snapshot that is served now.

    All but the watching thread's work happens on the event loop, so nothing is locked.

    Attributes:
        served: the snapshot; None while nothing has been published.
        problem: why the newest one is not served; None where it is.
    """

    def __init__(
        self,
        folder: Path,
        opened: Callable[[], Served],
        poll_seconds: float,
        count: Callable[[str], None],
    ) -> None:
        """Prepare.

        Args:
            folder: the published folder.
            opened: opens what ``current`` names.
            poll_seconds: how often to look.
            count: is told ``"swapped"`` or ``"refused"`` of each new snapshot.
        """
        self.served: Served | None = None
        self.problem: str | None = None
        self._pointer = folder / "current"
        self._opened = opened
        self._poll_seconds = poll_seconds
        self._count = count
        self._retry_at = 0.0
        self._stopped = threading.Event()
        self._thread: threading.Thread | None = None

    async def start(self) -> None:
        """Open what is published, if anything is, and watch from now on."""
        loop = asyncio.get_running_loop()
        stamp = await asyncio.to_thread(self._look, _NEVER, loop)
        # What the first look has found is put in place by the loop, before anybody is answered.
        await asyncio.sleep(0)
        self._thread = threading.Thread(
            target=self._watch, args=(stamp, loop), name="snapshot-watch", daemon=True
        )
        self._thread.start()

    async def stop(self) -> None:
        """Stop watching and let go of the snapshot."""
        self._stopped.set()
        if self._thread is not None:
            await asyncio.to_thread(self._thread.join)
        if self.served is not None:
            self.served.retire()
            self.served = None

    def _watch(self, stamp: _Stamp, loop: asyncio.AbstractEventLoop) -> None:
        while not self._stopped.wait(self._poll_seconds):
            stamp = self._look(stamp, loop)

    def _look(self, last: _Stamp, loop: asyncio.AbstractEventLoop) -> _Stamp:
        """Look at ``current``, and open what it names if it is another than at the last look."""
        stamp = self._stamp()
        if stamp == last and (self.problem is None or time.monotonic() < self._retry_at):
            return stamp
        try:
            served = self._opened()
        except Exception as error:  # noqa: BLE001 - whatever it is, what is served stays served
            self._retry_at = time.monotonic() + _RETRY_SECONDS
            loop.call_soon_threadsafe(self._refuse, str(error))
        else:
            loop.call_soon_threadsafe(self._swap, served)
        return stamp

    def _stamp(self) -> _Stamp:
        try:
            found = self._pointer.stat()
        except OSError:
            return None
        return found.st_mtime_ns, found.st_ino, found.st_size

    def _refuse(self, reason: str) -> None:
        if reason != self.problem:
            self._count("refused")
            _LOGGER.error("The new snapshot is not served: %s", reason)
        self.problem = reason

    def _swap(self, served: Served) -> None:
        self.problem = None
        old = self.served
        if old is not None and old.name == served.name:
            served.retire()  # the same content was published again
            return
        self.served = served
        if old is not None:
            self._count("swapped")
            old.retire()
        _LOGGER.info("Serving snapshot %s (%d films).", served.name, served.films)


#: What tells one version of ``current`` from the next; None where there is none.
_Stamp = tuple[int, int, int] | None
_NEVER: _Stamp = (-1, -1, -1)
