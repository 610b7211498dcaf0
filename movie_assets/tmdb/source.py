"""What the pipeline asks of any source of films."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from movie_assets.tmdb.errors import TmdbError

Progress = Callable[[int, int], None]

#: One film's details, or why there are none: it is not known (NotFoundError), they cannot be its
#: own (UnexpectedShapeError), or they were not given, however often they were asked for.
Details = dict[str, object] | TmdbError


@dataclass(frozen=True)
class PopularMovies:
    """The popular list, as far as it was asked for, and how its reading went.

    Attributes:
        movies: the films as the source gave them, in the list's order, each id once.
        total_results: how many films the source last said that the whole list has.
        pages: how many pages were read, those that were read again included.
        repeated: rows whose film had been seen before; many where pages had to be read again.
        rejected: rows that are not among `movies`, by reason.
        complete: whether `movies` holds as many films as were asked for, or all that there are.
    """

    movies: list[dict[str, object]]
    total_results: int
    pages: int
    repeated: int
    rejected: dict[str, int]
    complete: bool


class MovieSource(Protocol):
    """A place that films come from: TMDB, or the films that are bundled with the project."""

    name: str

    def popular_movies(
        self, *, limit: int, language: str | None = None, progress: Progress | None = None
    ) -> PopularMovies:
        """Give the `limit` most popular films, the most popular first.

        Args:
            limit: how many films, at least 1; fewer come where there are fewer.
            language: only films with this original language (ISO 639-1); None for all.
            progress: called in this thread with the films found so far and the films wanted.

        Raises:
            TmdbError: one of its types for each failure.
        """
        ...

    def genres(self, *, language: str | None = None) -> list[object]:
        """Give the entries of the genre list as they are; `language` is that of the films."""
        ...

    def changed_movie_ids(self, since: datetime, until: datetime) -> set[int]:
        """Give the ids of films that changed in this time (both with time zone), perhaps more.

        The source knows days (UTC) only, and the first and the last count whole.
        """
        ...

    def movie(self, movie_id: int, *, append: Sequence[str] = ()) -> dict[str, object]:
        """Give one film's details, with the blocks named in `append` ('keywords', 'credits').

        Raises:
            NotFoundError: where there is no such film.
        """
        ...

    def details(
        self,
        movie_ids: Sequence[int],
        take: Callable[[int, Details], None],
        *,
        append: Sequence[str] = (),
    ) -> None:
        """Hand the details of many films to `take` as they come, in this thread, in any order.

        Nothing is kept of them here: with all their credits, those of thousands of films are large.

        Args:
            movie_ids: the films, each once.
            take: called with each id and its answer; what it raises ends the reading.
            append: blocks to be in the details, as for `movie`.

        Raises:
            TmdbError: one of its types for each failure that is not of one film alone.
        """
        ...
