"""The films that come with the project, behind the same interface as TMDB.

The folder holds TMDB's own answers: ``popular.json`` (``{"results": [...]}``, the most popular
first), ``genres.json`` (``{"genres": [...]}``) and ``details.json`` (``{"<id>": {...}}``, keywords
and credits in each).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import datetime
from functools import cached_property
from pathlib import Path

from movie_assets.tmdb.errors import (
    CatalogueBrokenError,
    CatalogueMissingError,
    MalformedBodyError,
    NotFoundError,
)
from movie_assets.tmdb.failures import parse_json
from movie_assets.tmdb.listing import FilmList, Page
from movie_assets.tmdb.source import Details, PopularMovies, Progress


class BundledCatalogue:
    """A source of films that needs neither key nor network.

    Args:
        folder: where the three files are. They are read when first asked for.
    """

    name: str = "bundled films"

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def __repr__(self) -> str:
        return f"BundledCatalogue({str(self._folder)!r})"

    def popular_movies(
        self, *, limit: int, language: str | None = None, progress: Progress | None = None
    ) -> PopularMovies:
        """Give the first `limit` films, of one original language or (None) of all.

        Raises:
            CatalogueMissingError: where the file is not there.
            CatalogueBrokenError: where it is not what it should be.
        """
        if limit < 1:
            raise ValueError("limit must be at least 1")
        rows = self._list("popular.json", "results")
        if language is not None:
            rows = [row for row in rows if _language_of(row) == language]
        films = FilmList(limit)
        films.add(1, 1, Page(rows, 1, len(rows)))
        if progress is not None:
            progress(min(len(films), films.wanted), films.wanted)
        return films.result()

    def genres(self, *, language: str | None = None) -> list[object]:  # noqa: ARG002 (one only)
        """Give the entries of the genre list, which is the same for films of every language.

        Raises:
            CatalogueMissingError: where the file is not there.
            CatalogueBrokenError: where it is not what it should be.
        """
        return self._list("genres.json", "genres")

    def changed_movie_ids(self, since: datetime, until: datetime) -> set[int]:  # noqa: ARG002
        """Give the empty set: the bundled films never change."""
        return set()

    def movie(self, movie_id: int, *, append: Sequence[str] = ()) -> dict[str, object]:  # noqa: ARG002
        """Give one film's details, with every block that is bundled.

        Raises:
            NotFoundError: where the film is not bundled.
            CatalogueMissingError: where the file is not there.
            CatalogueBrokenError: where it is not what it should be.
        """
        details = self._details.get(str(movie_id))
        if details is None:
            raise NotFoundError(
                f"There is no film {movie_id} among the bundled ones: set TMDB_API_KEY to ask TMDB."
            )
        if not isinstance(details, dict):
            raise _broken(self._folder / "details.json", f"{movie_id} is not an object")
        return details

    def details(
        self,
        movie_ids: Sequence[int],
        take: Callable[[int, Details], None],
        *,
        append: Sequence[str] = (),
    ) -> None:
        """Hand the details of many films to `take`, in their order.

        Raises:
            CatalogueMissingError: where the file is not there.
            CatalogueBrokenError: where it is not what it should be.
        """
        for movie_id in movie_ids:
            try:
                answer: Details = self.movie(movie_id, append=append)
            except NotFoundError as error:
                answer = error
            take(movie_id, answer)

    @cached_property
    def _details(self) -> dict[str, object]:
        return self._read("details.json")

    def _list(self, file: str, field: str) -> list[object]:
        entries = self._read(file).get(field)
        if not isinstance(entries, list):
            raise _broken(self._folder / file, f"has no list of '{field}'")
        return entries

    def _read(self, file: str) -> dict[str, object]:
        path = self._folder / file
        try:
            content = path.read_bytes()
        except OSError as error:
            raise CatalogueMissingError(
                f"The bundled films cannot be read, {path}: {error.strerror}. Install the project "
                "again, or set TMDB_API_KEY to ask TMDB instead."
            ) from None
        try:
            entries = parse_json(content, str(path))
        except MalformedBodyError:
            entries = None
        if not isinstance(entries, dict):
            raise _broken(path, "is not a JSON object")
        return entries


def _broken(path: Path, how: str) -> CatalogueBrokenError:
    return CatalogueBrokenError(
        f"The bundled films are broken, {path}: {how}. Install the project again, or set "
        "TMDB_API_KEY to ask TMDB instead."
    )


def _language_of(row: object) -> object:
    return row.get("original_language") if isinstance(row, dict) else None
