"""Which films' details are asked for, and what becomes of each answer."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

import dagster as dg
import pyarrow as pa
import pytest

from movie_assets.assets.extract import _frame
from movie_assets.assets.film_details import (
    ALL_ANEW_AFTER,
    TABLE,
    DetailsRead,
    KnownDetails,
    find_known,
    read_details,
)
from movie_assets.tmdb import NotFoundError, UnexpectedShapeError, parse_details
from movie_assets.warehouse import TABLES, content_hash, validate

NOW = datetime(2026, 3, 1, 0, 30, tzinfo=UTC)
ROWS = {film: parse_details({"id": film, "runtime": 90}) for film in (1, 2, 3)}
STORED = validate(_frame(TABLE, list(ROWS.values())), TABLES[TABLE])
KNOWN = KnownDetails(ROWS, NOW - timedelta(days=1), NOW - timedelta(days=2))


# -- what is known -------------------------------------------------------------------------------


@pytest.fixture
def instance() -> Iterator[dg.DagsterInstance]:
    with dg.DagsterInstance.ephemeral() as opened:
        yield opened


def record(
    instance: dg.DagsterInstance,
    *,
    asked_at: datetime = KNOWN.asked_at,
    all_asked_at: datetime = KNOWN.all_asked_at,
) -> None:
    """Put a run that stored the rows into the history."""
    instance.report_runless_asset_event(
        dg.AssetMaterialization(
            TABLE,
            metadata={
                "asked_at": dg.MetadataValue.timestamp(asked_at),
                "all_asked_at": dg.MetadataValue.timestamp(all_asked_at),
            },
            tags={
                "dagster/code_version": "of today",
                "dagster/data_version": content_hash(STORED),
            },
        )
    )


def known(
    instance: dg.DagsterInstance,
    code_version: str = "of today",
    stored: pa.Table | None = STORED,
    now: datetime = NOW,
) -> KnownDetails | None:
    return find_known(instance, code_version, {TABLE: stored}.__getitem__, now)


def test_what_the_last_run_stored_is_known(instance: dg.DagsterInstance) -> None:
    record(instance)
    assert known(instance) == KNOWN


def test_before_the_first_run_nothing_is_known(instance: dg.DagsterInstance) -> None:
    assert known(instance) is None


@pytest.mark.parametrize(
    "what",
    [
        {"code_version": "of tomorrow"},
        {"stored": None},
        {"stored": STORED.slice(1)},
        {"now": KNOWN.all_asked_at + ALL_ANEW_AFTER},
        {"now": KNOWN.asked_at - timedelta(minutes=1)},  # the clock was set back
    ],
)
def test_nothing_is_known_where_it_cannot_be_relied_upon(
    instance: dg.DagsterInstance, what: dict[str, Any]
) -> None:
    record(instance)
    assert known(instance, **what) is None


def test_the_last_run_counts_and_when_all_were_last_asked_for(
    instance: dg.DagsterInstance,
) -> None:
    record(instance)
    record(instance, asked_at=NOW, all_asked_at=NOW - ALL_ANEW_AFTER)
    assert known(instance) is None


# -- what is asked for -----------------------------------------------------------------------------


class Source:
    """Says what changed, answers, and remembers what it was asked."""

    name = "a source"

    def __init__(self, changed: set[int], answers: dict[int, Any] | None = None) -> None:
        self.changed, self.answers = changed, answers or {}
        self.asked: list[int] = []
        self.since: datetime | None = None

    def changed_movie_ids(self, since: datetime, until: datetime) -> set[int]:
        assert until == NOW
        self.since = since
        return self.changed

    def details(
        self, movie_ids: Sequence[int], take: Callable[..., None], *, append: Sequence[str] = ()
    ) -> None:
        assert set(append) == {"keywords", "credits", "recommendations"}
        for film in reversed(movie_ids):
            self.asked.append(film)
            take(film, self.answers.get(film, {"id": film, "runtime": 200}))


def read(source: Any, films: list[int], known: KnownDetails | None = KNOWN) -> DetailsRead:
    told: list[tuple[int, int]] = []
    found = read_details(source, films, known, NOW, lambda *numbers: told.append(numbers))
    assert told == [(n, found.asked) for n in range(1, found.asked + 1)]
    assert len(found.rows) + sum(found.left_out.values()) == len(films)
    return found


def runtimes(found: DetailsRead) -> dict[int, int | None]:
    return {film: row["runtime"] for film, row in found.rows.items()}


def test_where_nothing_is_known_all_films_are_asked_for() -> None:
    source = Source(set())
    found = read(source, [1, 2], known=None)
    assert sorted(source.asked) == [1, 2]
    assert (found.kept, found.asked, source.since) == (0, 2, None)
    assert runtimes(found) == {1: 200, 2: 200}


def test_new_and_changed_films_are_asked_for_and_others_kept() -> None:
    source = Source({2, 4, 99})
    found = read(source, [1, 2, 5])
    assert sorted(source.asked) == [2, 5]
    assert (found.kept, found.asked) == (1, 2)
    assert runtimes(found) == {1: 90, 2: 200, 5: 200}  # 3 has left the list


def test_changes_are_asked_for_with_room_for_clocks_that_differ() -> None:
    source = Source(set())
    read(source, [1])
    assert source.since is not None
    # Half an hour after midnight by our clock, which is yesterday still where it runs ahead.
    assert source.since.date() < KNOWN.asked_at.date()


def test_a_film_that_is_gone_is_left_out_even_where_it_was_known() -> None:
    found = read(Source({1}, {1: NotFoundError("gone")}), [1, 2])
    assert runtimes(found) == {2: 90}
    assert found.left_out == {"the source does not know the film any more": 1}


def test_an_answer_of_no_use_keeps_what_was_known() -> None:
    wrong = UnexpectedShapeError("of another film")
    found = read(Source({1}, {1: wrong, 7: wrong}), [1, 7])
    assert runtimes(found) == {1: 90}
    assert found.not_renewed == 1
    assert found.left_out == {"the answer was of another shape, or of another film": 1}
