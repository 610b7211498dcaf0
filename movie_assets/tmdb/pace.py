"""Where the pace stands: when the next request may go, and until when all of them pause.

What belongs here: keeping these two moments for one process, or for all processes of this machine
that share a file. What the pace is, and who waits how, is for ``throttle.py`` to say.
"""

from __future__ import annotations

import json
import logging
import os
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

try:
    import fcntl
except ImportError:  # Windows: each process keeps a pace of its own there
    fcntl = None  # type: ignore[assignment]

logger = logging.getLogger(__name__)

#: Further ahead than this, in seconds, no moment can be that is of this machine's present run.
FARTHEST_SECONDS = 600.0

_BOOT_ID = Path("/proc/sys/kernel/random/boot_id")

#: What is written always has this length, so that it needs no further space on a full disk.
_LENGTH = 160


@dataclass
class Pace:
    """Two moments on the clock that never goes back.

    Attributes:
        next: when the next request may go.
        paused_until: until when none may.
    """

    next: float
    paused_until: float


class PaceKeeper(Protocol):
    """Keeps a pace that several may look at and change, one at a time."""

    @contextmanager
    def held(self, now: float) -> Iterator[Pace]:
        """Give the pace for a moment in which nobody else has it; what is changed in it stays."""
        ...


class OwnPace:
    """The pace of the threads of one process."""

    def __init__(self, now: float) -> None:
        self._lock = threading.Lock()
        self._pace = Pace(now, now)

    @contextmanager
    def held(self, now: float) -> Iterator[Pace]:  # noqa: ARG002 (nothing here can be stale)
        """Give the pace, to this thread alone."""
        with self._lock:
            yield self._pace


class SharedPace:
    """The pace of all processes of this machine that name the same file.

    The file is locked only while a request's turn is taken and never while somebody waits for it,
    and the operating system lets go of the lock of a process that is killed. A file that is
    damaged, of another start of this machine, or far ahead of its clock is begun anew. Where the
    file cannot be used at all, a warning says so and the process keeps to a pace of its own.

    Args:
        path: the file; it and its folder are made where they are not there.
        now: the present moment on the clock that all of them go by.
    """

    def __init__(self, path: Path, now: float) -> None:
        self._path = path
        self._lock = threading.Lock()
        # Kept as well, so that a file that is lost or unusable never lets this process be faster.
        self._own = Pace(now, now)
        self._boot = _boot_id()
        self._warned = False

    @contextmanager
    def held(self, now: float) -> Iterator[Pace]:
        """Give the pace, to this thread of this process alone."""
        with self._lock:
            file = self._locked_file()
            try:
                if file is not None:
                    self._follow(_read(file, self._boot, now))
                yield self._own
                if file is not None:
                    self._write(file)
            finally:
                if file is not None:
                    os.close(file)  # and with it the lock

    def _follow(self, shared: Pace | None) -> None:
        if shared is not None:
            self._own.next = max(self._own.next, shared.next)
            self._own.paused_until = max(self._own.paused_until, shared.paused_until)

    def _locked_file(self) -> int | None:
        # Opened each time: a lock is of an opened file, which a forked process would share.
        if fcntl is None:
            return None
        file: int | None = None
        try:
            file = self._open()
            fcntl.flock(file, fcntl.LOCK_EX)
        except OSError as error:
            self._warn(error)
            if file is not None:
                os.close(file)
            return None
        return file

    def _open(self) -> int:
        flags = os.O_RDWR | os.O_CREAT | os.O_CLOEXEC
        try:
            return os.open(self._path, flags, 0o600)
        except FileNotFoundError:
            self._path.parent.mkdir(parents=True, exist_ok=True)
            return os.open(self._path, flags, 0o600)

    def _write(self, file: int) -> None:
        moments = {
            "boot": self._boot,
            "next": self._own.next,
            "paused_until": self._own.paused_until,
        }
        try:
            os.pwrite(file, (json.dumps(moments).ljust(_LENGTH - 1) + "\n").encode(), 0)
        except OSError as error:
            self._warn(error)

    def _warn(self, error: OSError) -> None:
        if not self._warned:
            self._warned = True
            logger.warning(
                "The pace of requests cannot be shared with other processes by %s (%s): this one "
                "keeps to TMDB_REQUESTS_PER_SECOND by itself.",
                self._path,
                error.strerror,
            )


def _read(file: int, boot: str, now: float) -> Pace | None:
    """Read what the file says; None where it says nothing that can be of now."""
    try:
        moments = json.loads(os.pread(file, _LENGTH, 0))
        pace = Pace(float(moments["next"]), float(moments["paused_until"]))
        of_this_boot = moments["boot"] == boot
    except (OSError, ValueError, TypeError, KeyError, RecursionError):
        return None
    is_near = max(pace.next, pace.paused_until) <= now + FARTHEST_SECONDS  # False for NaN
    return pace if of_this_boot and is_near else None


def _boot_id() -> str:
    """Tell this start of the machine from others, where the operating system does."""
    try:
        return _BOOT_ID.read_text("ascii").strip()
    except OSError:
        return ""
