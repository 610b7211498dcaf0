"""Steps of work on one stream, each in a thread of its own."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, TypeVar

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

_Item = TypeVar("_Item")


def ahead(items: Iterable[_Item]) -> Iterator[_Item]:
    """The same items; the next one is made in another thread while the last one is used.

    What an item raises is raised in its place.
    """
    source = iter(items)
    # By one thread: what made the items may belong to it.
    with ThreadPoolExecutor(1, thread_name_prefix="ahead") as other:
        coming = other.submit(_next, source)
        while (found := coming.result()) is not None:
            coming = other.submit(_next, source)
            yield found[0]


def _next(source: Iterator[_Item]) -> tuple[_Item] | None:
    """Of a thread's own, for StopIteration cannot be raised out of a future."""
    for item in source:
        return (item,)
    return None
