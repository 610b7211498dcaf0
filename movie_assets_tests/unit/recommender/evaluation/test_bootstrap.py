"""Intervals: where they must be wide, narrow, or not there at all."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from movie_assets.recommender.evaluation.bootstrap import Interval, intervals


def test_what_never_differs_has_no_width() -> None:
    [found] = intervals(np.full((20, 1), 0.25))
    assert found == pytest.approx((0.25, 0.25, 0.25))


def test_a_mean_of_many_is_where_the_normal_distribution_has_it() -> None:
    values = np.random.default_rng(0).normal(3.0, 2.0, (4_000, 1))
    [found] = intervals(values)
    half_width = 1.96 * values.std() / np.sqrt(4_000)
    assert found.mean == pytest.approx(values.mean())
    assert found.low == pytest.approx(values.mean() - half_width, abs=0.1 * half_width)
    assert found.high == pytest.approx(values.mean() + half_width, abs=0.1 * half_width)


def test_a_difference_is_surer_than_the_two_it_is_of() -> None:
    easy = np.random.default_rng(0).uniform(size=200)
    columns = np.stack([easy + 0.05, easy, np.full(200, 0.05)], axis=1)
    better, worse, difference = intervals(columns)
    assert better.low < worse.high  # taken by themselves, they overlap
    assert difference == pytest.approx((0.05, 0.05, 0.05))


def test_missing_numbers_are_left_out() -> None:
    values = np.array([[1.0, np.nan], [np.nan, np.nan], [3.0, np.nan]])
    partly, never = intervals(values)
    assert partly.mean == 2.0
    assert 1.0 <= partly.low <= partly.high <= 3.0
    assert never == Interval(None, None, None)


def test_without_lists_there_is_no_mean() -> None:
    assert intervals(np.empty((0, 2))) == [Interval(None, None, None)] * 2


@settings(max_examples=20, deadline=None)
@given(
    values=st.lists(st.floats(-10, 10), min_size=1, max_size=30),
    seed=st.integers(0, 9),
    together=st.integers(1, 3),
)
def test_repeatable_and_the_same_in_blocks_or_company(
    values: list[float], seed: int, together: int
) -> None:
    column = np.array(values)[:, None]
    [alone] = intervals(column, resamples=50, seed=seed)
    assert intervals(np.repeat(column, together, axis=1), resamples=50, seed=seed)[-1] == (
        pytest.approx(alone)
    )
    assert min(values) - 1e-9 <= alone.low <= alone.high <= max(values) + 1e-9
