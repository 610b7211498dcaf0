"""One pace for all the threads, and all the processes, that ask TMDB.

The throttle is our own, since it has to do two things at once that the rate-limit libraries do not:
space requests evenly, where a token bucket lets a burst through and so puts up to twice the rate
into one sliding second, and hold every thread back when any of them is told to come back later.
"""

from __future__ import annotations

import threading
import time
from collections import deque
from collections.abc import Callable
from pathlib import Path

from movie_assets.tmdb.pace import OwnPace, PaceKeeper, SharedPace

#: How much longer one request may be on its way than another, in seconds, without the receiver
#: seeing more than the rate in any second of its own clock.
JITTER_SECONDS = 0.07

#: How late a thread may wake, in seconds, for those after it to keep their times all the same. On a
#: busy machine every thread wakes a little late, and without this all of that would add up.
CATCH_UP_SECONDS = 0.03

#: Of so many answers, this share has to ask for fewer requests for the limit to count as reached.
LIMIT_ANSWERS = 20
LIMIT_SHARE = 1 / 3


class Cancelled(Exception):  # noqa: N818 (it is no error: somebody asked for it)
    """The wait was called off; the work that it was for is no longer wanted."""


class Throttle:
    """Lets at most `requests_per_second` callers pass in any second, evenly spaced.

    Args:
        requests_per_second: the rate, above zero; it need not be whole.
        path: a file by which all processes of this machine that name it keep to one pace; each
            of them should be given the same rate. Without one, the pace is this object's alone.
        clock: seconds on a clock that never goes back.
        wait: waits for an event, at most so many seconds, and says whether it is set.
    """

    def __init__(
        self,
        requests_per_second: float,
        path: Path | None = None,
        *,
        clock: Callable[[], float] = time.monotonic,
        wait: Callable[[threading.Event, float], bool] = threading.Event.wait,
    ) -> None:
        if not requests_per_second > 0:
            raise ValueError("requests_per_second must be above zero")
        # Points at this distance leave no more than the rate in any closed interval that is shorter
        # than a second and both allowances.
        self.interval = (1 + JITTER_SECONDS + CATCH_UP_SECONDS) / requests_per_second
        self._clock = clock
        self._wait = wait
        self._turnstile = threading.Lock()
        self._keeper: PaceKeeper = OwnPace(clock()) if path is None else SharedPace(path, clock())

    def acquire(self, cancelled: threading.Event) -> None:
        """Return when the next request may be sent.

        Raises:
            Cancelled: as soon as `cancelled` is set.
        """
        # Whoever is inside alone sleeps until its turn, one thread in each process. None of them
        # owns the turn that it sleeps for: the first to wake takes it and the others see that it is
        # taken, so that a process that is killed costs no turn.
        with self._turnstile:
            while (delay := self._take_turn(cancelled)) > 0:
                self._wait(cancelled, delay)

    def _take_turn(self, cancelled: threading.Event) -> float:
        """Take the next turn; where it is still to come, give the seconds until then instead."""
        if cancelled.is_set():
            raise Cancelled
        with self._keeper.held(self._clock()) as pace:
            now = self._clock()
            delay = max(pace.next, pace.paused_until) - now
            if delay <= 0:
                # A thread that wakes much too late moves all that come after it, so that they do
                # not bunch up.
                pace.next = max(pace.next, now - CATCH_UP_SECONDS) + self.interval
            return delay

    def pause(self, seconds: float) -> None:
        """Let nobody pass for so many seconds from now; a longer pause under way stays."""
        now = self._clock()
        with self._keeper.held(now) as pace:
            pace.paused_until = max(pace.paused_until, now + seconds)


class LimitSigns:
    """Tells a limit that was reached from an answer here and there that says so astray.

    Where the limit is reached, nearly every answer asks to be left alone, and everybody has to
    stop. Of one such answer among many good ones only its own request waits: else one in ten would
    have all the others stand still for most of the time.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._last: deque[bool] = deque(maxlen=LIMIT_ANSWERS)

    def note(self, *, asked_to_wait: bool) -> None:
        """Take in whether an answer asked for fewer requests, or for none for a while."""
        with self._lock:
            self._last.append(asked_to_wait)

    @property
    def is_reached(self) -> bool:
        """Whether the last answers say that all requests are too many."""
        with self._lock:
            return sum(self._last) > LIMIT_SHARE * len(self._last)
