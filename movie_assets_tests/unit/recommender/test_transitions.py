"""Transitions: by hand, and against a plain count in Python."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import replace
from math import exp
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import sparse

from movie_assets.recommender.transitions import TransitionOptions, fit_transitions

PLAIN = TransitionOptions(reach=20, shrinkage=1, popularity_exponent=0, least_likes=0.25)

#: Who rated which film how and when.
Event = tuple[int, int, float, int]


def fitted(
    events: list[Event], n_films: int, options: TransitionOptions = PLAIN, **more: Any
) -> sparse.csr_matrix:
    columns = list(zip(*events, strict=True)) or [(), (), (), ()]
    users, films, seconds = (np.array(columns[i], dtype=np.int64) for i in (0, 1, 3))
    stars = np.array(columns[2], dtype=np.float32)
    return fit_transitions(users, films, stars, seconds, n_films, options, **more)


def counted(events: list[Event], n_films: int, options: TransitionOptions) -> Any:
    """The same, event by event."""
    counts = np.zeros((n_films, n_films))
    people = defaultdict(list)
    for user, film, stars, second in sorted(events, key=lambda event: (event[0], event[3])):
        people[user].append((film, stars, second))
    for rated in people.values():
        first = {second: place for place, (*_, second) in reversed(list(enumerate(rated)))}
        for film, stars, second in rated:
            for before, its_stars, earlier in rated:
                apart = first[second] - first[earlier]
                is_after = earlier < second and apart <= 3 * options.reach
                if is_after and stars >= 4 and its_stars >= 3 and film >= 0 and before >= 0:
                    counts[before, film] += exp(-apart / options.reach)
    before = counts.sum(axis=1, keepdims=True) + options.shrinkage
    after = counts.sum(axis=0)
    mean = (after**2).sum() / max(after.sum(), 1e-300)
    known = (after + options.shrinkage) / (mean + options.shrinkage)
    return counts / before / known**options.popularity_exponent


def test_by_hand() -> None:
    """One person likes 0, sees 1, dislikes 2 and likes 3, a second after the other."""
    found = fitted([(7, 0, 5, 1), (7, 1, 3, 2), (7, 2, 1, 3), (7, 3, 4, 4)], 4)
    # What is disliked leads to nothing, but stands between.
    from_0, from_1 = exp(-3 / 20), exp(-2 / 20)
    expected = np.zeros((4, 4))
    expected[0, 3] = from_0 / (from_0 + 1)
    expected[1, 3] = from_1 / (from_1 + 1)
    np.testing.assert_allclose(found.toarray(), expected, rtol=1e-6)
    assert found.dtype == np.float32


def test_what_was_rated_in_one_second_is_in_no_order() -> None:
    found = fitted([(1, 0, 5, 1), (1, 1, 5, 1), (1, 2, 5, 2)], 3)
    assert sorted(zip(*found.nonzero(), strict=True)) == [(0, 2), (1, 2)]
    assert found[0, 2] == found[1, 2]


def test_what_one_person_rates_leads_nobody_else_anywhere() -> None:
    assert fitted([(1, 0, 5, 1), (2, 1, 5, 2)], 2).nnz == 0


def test_what_many_come_to_like_is_marked_down() -> None:
    """0 leads to 1 and 2 alike; 1 is liked after 3 as well."""
    events: list[Event] = [(1, 0, 5, 1), (1, 1, 5, 2), (2, 0, 5, 1), (2, 2, 5, 2)]
    events += [(3, 3, 5, 1), (3, 1, 5, 2)]
    plain = fitted(events, 4)
    assert plain[0, 1] == plain[0, 2]
    marked_down = fitted(events, 4, replace(PLAIN, popularity_exponent=0.5))
    assert marked_down[0, 1] < marked_down[0, 2]


def test_with_more_people_alike_transitions_stay_what_they_are() -> None:
    """A thousand times as many, so that next to nothing is shrunk."""
    events: list[Event] = [(1, 0, 5, 1), (1, 1, 5, 2), (2, 0, 5, 1), (2, 2, 5, 2)]
    events += [(3, 3, 5, 1), (3, 1, 5, 2)]
    options = replace(PLAIN, popularity_exponent=0.5, shrinkage=1e-6)
    few = fitted(events, 4, options)
    many = [(user + 10 * i, *rest) for i in range(1000) for user, *rest in events]
    np.testing.assert_allclose(fitted(many, 4, options).toarray(), few.toarray(), rtol=1e-5)


EVENTS = st.lists(
    st.tuples(
        st.integers(0, 3), st.integers(-1, 5), st.sampled_from([1, 3, 3.5, 4, 5]), st.integers(0, 9)
    ),
    max_size=40,
    unique_by=lambda event: event[:2],
)


@settings(max_examples=150, deadline=None)
@given(
    events=EVENTS,
    reach=st.sampled_from([0.5, 1.0, 2.0, 20.0]),
    exponent=st.sampled_from([0.0, 0.5, 1.0]),
    shrinkage=st.sampled_from([0.5, 20.0]),
)
def test_as_counted_event_by_event(
    events: list[Event], reach: float, exponent: float, shrinkage: float
) -> None:
    options = TransitionOptions(reach, shrinkage, exponent, least_likes=1e-6)
    found = fitted(events, 6, options).toarray()
    np.testing.assert_allclose(found, counted(events, 6, options), rtol=1e-5, atol=1e-7)


def made_up(n_people: int = 60, n_films: int = 200) -> list[Event]:
    chance = np.random.default_rng(0)
    return [
        (person, int(film), float(chance.integers(2, 11)) / 2, int(chance.integers(0, 300)))
        for person in range(n_people)
        for film in chance.permutation(n_films)[: chance.integers(1, 90)]
    ]


def test_threads_and_the_order_of_ratings_change_nothing() -> None:
    events = made_up()
    one = fitted(events, 200, TransitionOptions(), threads=1)
    shuffled = [events[i] for i in np.random.default_rng(1).permutation(len(events))]
    two = fitted(shuffled, 200, TransitionOptions(), threads=3)
    assert one.nnz > 1000
    for name in ("indptr", "indices", "data"):
        np.testing.assert_array_equal(getattr(one, name), getattr(two, name))


def test_the_most_liked_films_take_part_and_the_largest_are_kept() -> None:
    events = made_up()
    likes = np.bincount([film for _, film, stars, _ in events if stars >= 4], minlength=200)
    every = fitted(events, 200, TransitionOptions())
    some = fitted(events, 200, TransitionOptions(most_films=50, kept=5))
    taking_part = np.unique(np.concatenate(some.nonzero()))
    assert len(taking_part) <= 50
    assert likes[taking_part].mean() > 1.1 * likes.mean()
    assert np.diff(some.indptr).max() == 5
    assert np.diff(every.indptr).max() > 100
    assert np.diff(fitted(events, 200, TransitionOptions(kept=5)).indptr).max() == 5


@pytest.mark.parametrize("events", [[], [(1, 0, 2.0, 1), (1, 1, 1.0, 2)], [(1, -1, 5.0, 1)]])
def test_nothing_to_learn_from(events: list[Event]) -> None:
    found = fitted(events, 3)
    assert found.shape == (3, 3)
    assert found.nnz == 0


@pytest.mark.parametrize(
    "changed",
    [
        {"reach": 0},
        {"reach": float("nan")},
        {"shrinkage": 0},
        {"popularity_exponent": 1.5},
        {"least_likes": 0},
        {"most_films": 0},
        {"kept": 0},
    ],
)
def test_options_that_make_no_sense_are_refused(changed: dict[str, Any]) -> None:
    [name] = changed
    with pytest.raises(ValueError, match=name):
        TransitionOptions(**changed)
