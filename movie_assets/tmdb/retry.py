"""When a request is tried again, and how long is waited before."""

from __future__ import annotations

import logging
import math
import random
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import TypeVar

from tenacity import RetryCallState, Retrying, stop_after_attempt, stop_before_delay

from movie_assets.tmdb.errors import RateLimitedError, TmdbError, UnexpectedShapeError
from movie_assets.tmdb.throttle import Cancelled

logger = logging.getLogger(__name__)

Answer = TypeVar("Answer")


@dataclass(frozen=True)
class RetryPolicy:
    """How patient we are with failures that may pass.

    Attributes:
        attempts: the most tries of one request, the first included.
        total_seconds: no further try is begun later than this after the first.
        initial_wait: seconds before the second try; doubled each time, less a random part of up to
            a half, so that requests that failed together do not return together.
        max_wait: the longest such wait, in seconds.
        max_retry_after: the longest wait that a server may ask for, in seconds; a longer one is cut
            to this.
    """

    attempts: int = 8
    total_seconds: float = 90.0
    initial_wait: float = 0.5
    max_wait: float = 10.0
    max_retry_after: float = 60.0

    def __post_init__(self) -> None:
        if self.attempts < 1:
            raise ValueError("attempts must be at least 1")

    def backoff(self, attempt: int) -> float:
        """Seconds to wait after try number `attempt` (from 1)."""
        # The exponent is bounded since 2.0**1024 overflows.
        longest = min(self.max_wait, self.initial_wait * 2.0 ** min(attempt - 1, 60))
        return longest * random.uniform(0.5, 1.0)  # noqa: S311 (not cryptography)

    def retry_after(self, header: str | None) -> float | None:
        """Read a Retry-After header: seconds, or an HTTP date. None where it says nothing usable.

        The result lies between 0 and `max_retry_after`, whatever the header says.
        """
        if header is None:
            return None
        seconds = _seconds_until(header.strip())
        if seconds is None or math.isnan(seconds):
            return None
        return min(max(seconds, 0.0), self.max_retry_after)


def _seconds_until(header: str) -> float | None:
    try:
        return float(header)
    except ValueError:
        pass
    try:
        moment = parsedate_to_datetime(header)
    except (ValueError, OverflowError):
        return None
    if moment.tzinfo is None:  # "-0000": UTC, whose source is not told
        moment = moment.replace(tzinfo=UTC)
    return (moment - datetime.now(UTC)).total_seconds()


def call_with_retries(
    attempt: Callable[[], Answer],
    policy: RetryPolicy,
    *,
    cancelled: threading.Event,
    hold_everybody: Callable[[float], None],
    take_turn: Callable[[], None] = lambda: None,
) -> Answer:
    """Call `attempt` until it succeeds, fails for good, or the policy's patience ends.

    `hold_everybody` is called with the seconds for which the server is to be left alone;
    `take_turn` returns when the next try may begin.

    Raises:
        TmdbError: of the last try; its `tries` and `seconds` are filled in.
        Cancelled: where `cancelled` is set while waiting.
    """

    tries = 0
    last: TmdbError | None = None
    started = time.monotonic()

    def counted() -> Answer:
        nonlocal tries
        tries += 1
        return attempt()

    def sleep(seconds: float) -> None:
        if cancelled.wait(seconds):
            raise Cancelled
        take_turn()
        # Others may have been told meanwhile to leave the server alone, which holds us as well.
        if last is not None and time.monotonic() - started > policy.total_seconds:
            raise last

    def before_sleep(state: RetryCallState) -> None:
        nonlocal last
        last = error = _error_of(state)
        if error is not None and error.retry_after is not None:
            hold_everybody(error.retry_after)
        elif isinstance(error, RateLimitedError):
            hold_everybody(state.upcoming_sleep)
        logger.info(
            "Try %d failed, the next in %.1f s: %s",
            state.attempt_number,
            state.upcoming_sleep,
            error,
        )

    def wait(state: RetryCallState) -> float:
        error = _error_of(state)
        asked = error.retry_after if error is not None else None
        return max(asked or 0.0, policy.backoff(state.attempt_number))

    retrying = Retrying(
        retry=_is_worth_another_try,
        stop=stop_after_attempt(policy.attempts) | stop_before_delay(policy.total_seconds),
        wait=wait,
        sleep=sleep,
        before_sleep=before_sleep,
        reraise=True,
    )
    try:
        return retrying(counted)
    except TmdbError as error:
        error.tries = tries
        error.seconds = time.monotonic() - started
        raise


def _error_of(state: RetryCallState) -> TmdbError | None:
    error = state.outcome.exception() if state.outcome else None
    return error if isinstance(error, TmdbError) else None


def _is_worth_another_try(state: RetryCallState) -> bool:
    error = _error_of(state)
    if isinstance(error, UnexpectedShapeError):
        return state.attempt_number == 1
    return error is not None and error.transient
