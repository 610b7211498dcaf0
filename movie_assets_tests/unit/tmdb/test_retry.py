"""Which failures are tried again, how often, and after how long."""

from __future__ import annotations

import pickle
import threading
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime

import pytest

from movie_assets.tmdb import (
    InvalidKeyError,
    RateLimitedError,
    RetryPolicy,
    ServerError,
    TmdbError,
    UnexpectedShapeError,
)
from movie_assets.tmdb.retry import call_with_retries
from movie_assets.tmdb.throttle import Cancelled

QUICK = RetryPolicy(attempts=4, total_seconds=10, initial_wait=0.001, max_wait=0.002)


def failing(*errors: Exception) -> Callable[[], str]:
    waiting = list(errors)

    def attempt() -> str:
        if waiting:
            raise waiting.pop(0)
        return "done"

    return attempt


def call(attempt: Callable[[], str], policy: RetryPolicy = QUICK) -> tuple[str, list[float]]:
    held: list[float] = []
    answer = call_with_retries(
        attempt, policy, cancelled=threading.Event(), hold_everybody=held.append
    )
    return answer, held


def test_transient_failures_are_tried_again() -> None:
    assert call(failing(ServerError("a"), ServerError("b"))) == ("done", [])


def test_the_last_error_says_how_many_tries_there_were_and_how_long_they_took() -> None:
    with pytest.raises(ServerError) as caught:
        call(failing(*[ServerError("TMDB failed.")] * 9))
    assert caught.value.tries == 4
    assert caught.value.seconds > 0
    assert str(caught.value).startswith("TMDB failed. (gave up after 4 tries in 0.")


def test_a_policy_of_one_attempt_tries_once() -> None:
    with pytest.raises(ServerError, match=r"gave up after 1 try in"):
        call(failing(ServerError("x")), RetryPolicy(attempts=1))


@pytest.mark.parametrize("error", [InvalidKeyError("no"), TmdbError("no"), KeyError("no")])
def test_other_failures_are_final(error: Exception) -> None:
    with pytest.raises(type(error)) as caught:
        call(failing(error))
    assert "gave up" not in str(caught.value)


def test_an_odd_shape_is_asked_for_once_more() -> None:
    odd = UnexpectedShapeError("odd")
    assert call(failing(odd))[0] == "done"
    with pytest.raises(UnexpectedShapeError, match="2 tries"):
        call(failing(odd, UnexpectedShapeError("odd again")))


def test_no_try_begins_after_the_total_time() -> None:
    patience = RetryPolicy(attempts=100, total_seconds=0.05, initial_wait=0.04, max_wait=1)
    with pytest.raises(ServerError) as caught:
        call(failing(*[ServerError("x")] * 100), patience)
    assert caught.value.tries is not None
    assert caught.value.tries < 5


def test_what_a_server_asks_for_is_waited_and_holds_everybody() -> None:
    error = RateLimitedError("slowly")
    error.retry_after = 0.02
    assert call(failing(error)) == ("done", [0.02])


def test_a_limit_without_a_time_holds_everybody_as_long_as_our_own_wait() -> None:
    _, held = call(failing(RateLimitedError("slowly")))
    assert len(held) == 1
    assert 0 < held[0] <= QUICK.initial_wait


def test_cancelling_ends_the_wait() -> None:
    cancelled = threading.Event()
    cancelled.set()
    with pytest.raises(Cancelled):
        call_with_retries(
            failing(ServerError("x")),
            RetryPolicy(initial_wait=100),
            cancelled=cancelled,
            hold_everybody=lambda _: None,
        )


def test_waits_double_up_to_the_longest_with_jitter() -> None:
    policy = RetryPolicy(initial_wait=1, max_wait=5)
    for attempt, longest in [(1, 1), (2, 2), (3, 4), (4, 5), (5000, 5)]:
        waits = [policy.backoff(attempt) for _ in range(50)]
        assert all(longest / 2 <= wait <= longest for wait in waits)
        assert len(set(waits)) > 1


@pytest.mark.parametrize(
    ("header", "seconds"),
    [
        ("7", 7.0),
        (" 0.5 ", 0.5),
        ("-5", 0.0),
        ("1e30", 60.0),
        ("inf", 60.0),
        ("nan", None),
        ("soon", None),
        ("", None),
        (None, None),
        ("Wed, 21 Oct 2015 07:28:00 GMT", 0.0),
        ("Wed, 21 Oct 2015 07:28:00 -0000", 0.0),
        ("Fri, 31 Dec 9999 23:59:59 GMT", 60.0),
        ("Fri, 99 Dec 2099 23:59:59 GMT", None),
    ],
)
def test_retry_after_is_read_and_bounded(header: str | None, seconds: float | None) -> None:
    assert RetryPolicy(max_retry_after=60).retry_after(header) == seconds


def test_retry_after_may_be_a_date() -> None:
    header = format_datetime(datetime.now(UTC) + timedelta(seconds=30), usegmt=True)
    seconds = RetryPolicy().retry_after(header)
    assert seconds is not None
    assert 25 < seconds <= 30


def test_a_policy_needs_an_attempt() -> None:
    with pytest.raises(ValueError, match="at least 1"):
        RetryPolicy(attempts=0)


def test_errors_survive_pickling() -> None:
    error = ServerError("TMDB failed.")
    error.tries, error.status = 3, 503
    copy = pickle.loads(pickle.dumps(error))
    assert (str(copy), copy.status) == (str(error), 503)


def test_no_try_begins_too_late_where_others_hold_everybody() -> None:
    attempt = failing(ServerError("TMDB failed."))
    with pytest.raises(ServerError, match="1 try") as caught:
        call_with_retries(
            attempt,
            RetryPolicy(total_seconds=0.1, initial_wait=0.001),
            cancelled=threading.Event(),
            hold_everybody=lambda _: None,
            take_turn=lambda: time.sleep(0.2),
        )
    assert caught.value.tries == 1
    assert attempt() == "done"
