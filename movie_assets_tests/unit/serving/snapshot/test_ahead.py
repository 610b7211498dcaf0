"""Items made in another thread, one ahead of who uses them."""

from __future__ import annotations

import threading
from collections.abc import Iterator

import pytest

from movie_assets.serving.snapshot.ahead import ahead


@pytest.mark.parametrize("items", [[], [1], [None, 0, False], list(range(100))])
def test_all_items_come_in_their_order(items: list[object]) -> None:
    with ahead(items) as found:
        assert list(found) == items


def test_the_next_item_is_made_while_the_last_one_is_used() -> None:
    made, used = threading.Event(), threading.Event()

    def items() -> Iterator[int]:
        yield 1
        made.set()
        assert used.wait(10)
        yield 2

    with ahead(items()) as found:
        assert next(found) == 1
        assert made.wait(10)
        used.set()
        assert list(found) == [2]


def test_they_are_made_by_one_other_thread() -> None:
    def items() -> Iterator[int]:
        for _ in range(20):
            yield threading.get_ident()

    with ahead(items()) as found:
        makers = set(found)
    assert len(makers) == 1
    assert threading.get_ident() not in makers


def test_what_an_item_raises_comes_in_its_place() -> None:
    def items() -> Iterator[int]:
        yield 1
        raise ValueError("the second")

    with ahead(items()) as found:
        assert next(found) == 1
        with pytest.raises(ValueError, match="the second"):
            next(found)


def test_who_stops_early_leaves_no_thread() -> None:
    threads = threading.active_count()
    with ahead(iter(range(10))) as found:
        assert next(found) == 0
    assert threading.active_count() == threads
    with pytest.raises(RuntimeError):
        next(found)


def test_who_fails_leaves_no_thread_to_the_garbage() -> None:
    """Whoever holds the error holds the items as well, until garbage is collected."""
    threads, held = threading.active_count(), []

    def fail() -> None:
        with ahead(range(10)) as some, ahead(some) as found:
            for _ in found:
                raise ValueError

    try:
        fail()
    except ValueError as error:
        held.append(error)
    assert held
    assert threading.active_count() == threads
