"""Which films are asked for, on what occasion, and for which reason."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

import numpy as np

from movie_assets.catalogue.plan import (
    FORGOTTEN,
    PARTS,
    Known,
    Occasion,
    changes_since,
    films_to_ask,
)

NOW = datetime(2026, 6, 30, 12)  # noqa: DTZ001 - stored times have no zone
DAY = timedelta(days=1)
ALL = frozenset(range(PARTS))
OCCASION = Occasion(NOW, NOW, NOW - DAY, 30 * DAY, ALL)


def known(fetched: dict[int, datetime], gone: set[int] = frozenset(), **refreshed: Any) -> Known:  # type: ignore[assignment]
    ids = np.array(sorted(fetched), np.int64)
    at = np.array([fetched[film] for film in ids.tolist()], "datetime64[us]")
    parts = refreshed.get("refreshed_at", {})
    return Known(ids, at, np.isin(ids, list(gone)), parts)


def asked(films: Known, listed: list[int], changed: set[int], of: Occasion = OCCASION) -> Any:
    found = films_to_ask(films, np.array(listed, np.int64), changed, of)
    return found.ids.tolist(), found.reasons


def test_a_first_load_asks_for_the_whole_list_in_its_order() -> None:
    assert asked(known({}), [7, 3, 9], {3}) == ([7, 3, 9], {"new": 3})
    assert changes_since(known({}), OCCASION) is None


def test_each_film_is_asked_for_once_and_for_the_first_reason() -> None:
    films = known(
        {1: NOW - 2 * DAY, 2: NOW - 2 * DAY, 3: NOW - 2 * DAY, 4: NOW - 40 * DAY, 5: FORGOTTEN},
        gone={3},
        refreshed_at=dict.fromkeys(ALL, NOW - DAY),
    )
    ids, reasons = asked(films, [2, 3, 4, 6, 5], {2, 4, 99})
    assert sorted(ids) == [1, 2, 3, 4, 5, 6]
    assert reasons == {
        "asked for by hand": 1,
        "changed": 2,
        "not in the export any more": 1,
        "gone, and in the export": 1,
        "new": 1,
    }


def test_what_the_attempt_has_fetched_already_is_not_asked_for_again() -> None:
    resumed = replace(OCCASION, begun=NOW - timedelta(hours=3))
    films = known({1: NOW - timedelta(hours=2), 2: NOW - timedelta(hours=4)})
    assert asked(films, [1, 2, 3], {1, 2}, resumed) == ([2, 3], {"changed": 1, "new": 1})


def test_a_vanished_film_is_asked_for_once_an_export() -> None:
    films = known({1: NOW - timedelta(hours=2)}, refreshed_at={1: NOW - timedelta(hours=3)})
    assert asked(films, [], set())[0] == []
    newer = replace(OCCASION, listed_at=NOW - timedelta(hours=1))
    assert asked(films, [], set(), newer)[0] == [1]


def test_after_weeks_off_films_whose_changes_nobody_tells_are_asked_for() -> None:
    films = known(
        {1: NOW - 20 * DAY, 2: NOW - 5 * DAY, 101: NOW - 29 * DAY},
        refreshed_at={1: NOW - 16 * DAY},
    )
    ids, reasons = asked(films, [1, 2, 101], set())
    assert sorted(ids) == [1, 101]
    assert reasons == {"changes not known for so long back": 2}
    since = changes_since(films, OCCASION)
    assert since is not None
    assert NOW - 14 * DAY <= since <= NOW - 13 * DAY


def test_changes_are_asked_for_since_the_last_whole_refresh_less_an_hour() -> None:
    films = known({1: NOW - 20 * DAY}, refreshed_at={1: NOW - 2 * DAY})
    assert changes_since(films, OCCASION) == NOW - 2 * DAY - timedelta(hours=1)
    # Never to its end: since the film was fetched.
    assert changes_since(known({1: NOW - 3 * DAY}), OCCASION) == NOW - 3 * DAY - timedelta(hours=1)


def test_one_part_leaves_the_others_alone() -> None:
    part = replace(OCCASION, parts=frozenset({5}))
    films = known({105: NOW - 40 * DAY, 106: NOW - 40 * DAY})
    assert sorted(asked(films, [105, 106, 205, 206], {106}, part)[0]) == [105, 205]


def test_a_moment_to_come_says_nothing() -> None:
    films = known({1: NOW + 300 * DAY}, refreshed_at={1: NOW + 300 * DAY})
    assert asked(films, [1], set())[0] == [1]


def test_gone_films_are_not_renewed() -> None:
    films = known({1: NOW - 99 * DAY}, gone={1})
    assert asked(films, [], set())[0] == []
    assert asked(films, [], {1})[0] == [1]
