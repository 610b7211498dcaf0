"""Steps of work on one stream, each in a thread of its own."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from typing import TYPE_CHECKING, TypeVar

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

_Item = TypeVar("_Item")


@contextmanager
def ahead(items: Iterable[_Item]) -> Iterator[Iterator[_Item]]:
    """The same items; the next one is made in another thread while the last one is used.

    What an item raises is raised in its place. The thread has ended where the block ends. Not where
    the items are given up: of a generator that may be whenever garbage is collected, and that may
    be while Python starts another thread, by a lock that ending one waits for, for ever.
    """
    # By one thread: what made the items may belong to it.
    with ThreadPoolExecutor(1, thread_name_prefix="ahead") as other:
        yield _each(iter(items), other)


def _each(source: Iterator[_Item], other: ThreadPoolExecutor) -> Iterator[_Item]:
    coming = other.submit(_next, source)
    while (found := coming.result()) is not None:
        coming = other.submit(_next, source)
        yield found[0]


def _next(source: Iterator[_Item]) -> tuple[_Item] | None:
    """Of a thread's own, for StopIteration cannot be raised out of a future."""
    for item in source:
        return (item,)
    return None
