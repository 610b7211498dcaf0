"""The pace, on a clock of the tests' own."""

from __future__ import annotations

import threading
from itertools import pairwise

import pytest

from movie_assets.tmdb.throttle import Cancelled, Throttle


class FakeTime:
    """A clock that moves only while somebody waits."""

    def __init__(self) -> None:
        self.now = 1000.0
        self.late = 0.0

    def clock(self) -> float:
        return self.now

    def wait(self, event: threading.Event, seconds: float) -> bool:
        if not event.is_set():
            self.now += seconds + self.late
        return event.is_set()


@pytest.fixture
def fake() -> FakeTime:
    return FakeTime()


def throttle_of(rate: float, fake: FakeTime) -> Throttle:
    return Throttle(rate, clock=fake.clock, wait=fake.wait)


def passes(throttle: Throttle, fake: FakeTime, count: int) -> list[float]:
    never, times = threading.Event(), []
    for _ in range(count):
        throttle.acquire(never)
        times.append(fake.now)
    return times


def most_in_a_second(times: list[float]) -> int:
    return max(sum(start <= time <= start + 1 for time in times) for start in times)


@pytest.mark.parametrize("rate", [0.5, 1, 2, 7.5, 40, 250])
def test_no_closed_second_holds_more_than_the_rate(rate: float, fake: FakeTime) -> None:
    times = passes(throttle_of(rate, fake), fake, 300)
    assert most_in_a_second(times) <= max(1, rate)


def test_jitter_on_the_way_does_not_exceed_the_rate(fake: FakeTime) -> None:
    times = passes(throttle_of(40, fake), fake, 300)
    arrivals = sorted(time + (0.069 if n % 3 == 0 else 0) for n, time in enumerate(times))
    assert most_in_a_second(arrivals) <= 40


def test_requests_are_spaced_evenly_and_near_the_rate(fake: FakeTime) -> None:
    times = passes(throttle_of(40, fake), fake, 100)
    assert {round(b - a, 6) for a, b in pairwise(times)} == {0.0275}


def test_the_first_request_need_not_wait(fake: FakeTime) -> None:
    assert passes(throttle_of(0.1, fake), fake, 1) == [1000.0]


@pytest.mark.parametrize("late", [0.001, 0.02, 0.03, 0.2, 10])
def test_lateness_is_made_up_for_within_the_rate(late: float, fake: FakeTime) -> None:
    throttle = throttle_of(40, fake)
    times = []
    for _ in range(30):
        times += passes(throttle, fake, 10)
        fake.now += late  # the next thread wakes too late
    # With what the way to the server may add.
    arrivals = sorted(time + (0.069 if n % 3 == 0 else 0) for n, time in enumerate(times))
    assert most_in_a_second(arrivals) <= 40


def test_waking_late_each_time_costs_no_rate(fake: FakeTime) -> None:
    fake.late = 0.02
    times = passes(throttle_of(40, fake), fake, 101)
    assert times[-1] - times[0] == pytest.approx(100 * 0.0275, abs=0.03)


def test_a_pause_holds_the_next_and_then_the_pace_goes_on(fake: FakeTime) -> None:
    throttle = throttle_of(40, fake)
    passes(throttle, fake, 1)
    throttle.pause(3)
    first, *others = passes(throttle, fake, 40)
    assert first == 1003.0
    assert others[-1] - first >= 39 * throttle.interval - 0.03


def test_a_shorter_pause_does_not_end_a_longer_one(fake: FakeTime) -> None:
    throttle = throttle_of(40, fake)
    throttle.pause(5)
    throttle.pause(1)
    assert passes(throttle, fake, 1) == [1005.0]


def test_a_pause_holds_even_who_is_already_waiting() -> None:
    fake = FakeTime()
    throttle = throttle_of(1, fake)
    waits: list[float] = []

    def wait(event: threading.Event, seconds: float) -> bool:
        waits.append(seconds)
        if len(waits) == 1:
            throttle.pause(30)  # another thread was told to come back later
        return fake.wait(event, seconds)

    throttle._wait = wait
    assert passes(throttle, fake, 2)[1] == pytest.approx(1030.0)


def test_cancelling_ends_the_wait_at_once(fake: FakeTime) -> None:
    throttle = throttle_of(0.001, fake)
    cancelled = threading.Event()
    throttle.acquire(cancelled)
    cancelled.set()
    with pytest.raises(Cancelled):
        throttle.acquire(cancelled)
    assert fake.now == 1000.0


def test_cancelling_wakes_a_thread_that_really_sleeps() -> None:
    throttle = Throttle(0.001)
    cancelled = threading.Event()
    throttle.acquire(cancelled)
    outcome: list[str] = []

    def work() -> None:
        try:
            throttle.acquire(cancelled)
        except Cancelled:
            outcome.append("cancelled")

    thread = threading.Thread(target=work, daemon=True)
    thread.start()
    cancelled.set()
    thread.join(timeout=10)
    assert outcome == ["cancelled"]


def test_threads_share_one_pace() -> None:
    fake = FakeTime()
    throttle = throttle_of(40, fake)
    times: list[float] = []

    def work() -> None:
        for _ in range(25):
            throttle.acquire(threading.Event())
            times.append(fake.now)

    threads = [threading.Thread(target=work) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(timeout=10)
    assert len(times) == 200
    assert fake.now - 1000 == pytest.approx(199 * throttle.interval, abs=0.03)


@pytest.mark.parametrize("rate", [0, -1, float("nan")])
def test_a_rate_that_is_none_is_refused(rate: float) -> None:
    with pytest.raises(ValueError, match="above zero"):
        Throttle(rate)
