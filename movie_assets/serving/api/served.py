"""One snapshot while it is served: who uses it, and what all its answers have in common."""

from __future__ import annotations

from importlib.metadata import version
from typing import TYPE_CHECKING

from movie_assets.serving.api.writing import Writer

if TYPE_CHECKING:
    from collections.abc import Callable

    from movie_assets.serving.briefs import Briefs
    from movie_assets.serving.published import Published

_VERSION = version("movie_assets")


class Served:
    """A snapshot and the number of its users, which only the event loop's thread counts.

    Attributes:
        published: what is asked.
        name: the snapshot's.
        name_header: the same, in bytes.
        films: how many it has.
        writer: writes the answers.
        etag: weak, since answers are compressed for some. It names the program's version too, which
            may answer otherwise from the same snapshot.
    """

    def __init__(
        self, published: Published, close: Callable[[], None], briefs: Briefs | None = None
    ) -> None:
        """Serve a snapshot that was opened.

        Args:
            published: what is asked.
            close: lets go of the snapshot.
            briefs: its films' JSON, where it was written beforehand.
        """
        self.published = published
        self.name = published.name
        self.name_header = published.name.encode("ascii")
        self.films = int(published.manifest.films)
        self.etag = f'W/"{published.name}-{_VERSION}"'.encode("ascii")
        self.writer = Writer(published, briefs)
        self._close = close
        self._users = 0
        self._retired = False

    def take(self) -> None:
        """Begin to use it."""
        self._users += 1

    def give_back(self) -> None:
        """End a use."""
        self._users -= 1
        if self._retired and not self._users:
            self._close()

    def recommended(self, title: str, number: int) -> bytes | None:
        """The tutorial's answer to a title; None where no film has it."""
        row = self.published.row_titled(title)
        return None if row is None else self.writer.tutorial(row, number)

    def retire(self) -> None:
        """Close it as soon as nobody uses it."""
        self._retired = True
        if not self._users:
            self._close()
