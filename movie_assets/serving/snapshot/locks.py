"""Who holds a snapshot: a lock on its manifest, shared by readers, alone for who removes it.

The operating system lets go of a lock whatever ends the process. A lock needs no right to write,
so that a reader may have the snapshots mounted read-only.
"""

from __future__ import annotations

import errno
from typing import IO

try:
    import fcntl
except ImportError:  # Windows, which does not remove a file that somebody has open
    fcntl = None  # type: ignore[assignment]

_HELD = {errno.EACCES, errno.EAGAIN}


def share(file: IO[bytes]) -> bool:
    """Hold a file until it is closed; False where it is being removed."""
    return _lock(file, alone=False)


def seize(file: IO[bytes]) -> bool:
    """Have a file for oneself until it is closed; False where somebody holds it."""
    return _lock(file, alone=True)


def _lock(file: IO[bytes], *, alone: bool) -> bool:
    if fcntl is None:
        return True
    try:
        fcntl.flock(file, (fcntl.LOCK_EX if alone else fcntl.LOCK_SH) | fcntl.LOCK_NB)
    except OSError as error:
        # Some file systems have no locks: there is none then, and who reads is not seen.
        return error.errno not in _HELD
    return True
