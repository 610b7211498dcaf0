"""From films as people name them to films: by TMDB's number, IMDb's id, or title and year.

What belongs here: which film is meant, and what is said where none is, or several are. What does
not: exports' rows, whose years may be off (``serving.imports``).
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from movie_assets.serving.api.writing import name_of
from movie_assets.serving.published import Liking

if TYPE_CHECKING:
    from collections.abc import Sequence

    from movie_assets.serving.api.models import FilmNamed, TasteAsked
    from movie_assets.serving.films import Film
    from movie_assets.serving.published import Published

_CANDIDATES = 5
#: To find titles like an unknown one takes milliseconds; the first unknown ones are enough.
_LOOKED_FOR = 10
#: So many names that do not work are told.
_TOLD = 100


@dataclass
class Named:
    """Somebody's films.

    Attributes:
        likings: the films that were liked, disliked and rated.
        seen: rows.
        unresolved: names of no film, or of several; as ``models.Unresolved``.
    """

    likings: list[Liking] = field(default_factory=list)
    seen: list[int] = field(default_factory=list)
    unresolved: list[dict[str, Any]] = field(default_factory=list)


def resolve(asked: TasteAsked, published: Published) -> Named:
    """Find the films of a taste."""
    resolver = _Resolver(published)
    named = resolver.named
    for where, films, value in (("liked", asked.liked, 1.0), ("disliked", asked.disliked, -1.0)):
        for row, place in resolver.rows(where, films):
            named.likings.append(Liking(row, value, None, films[place].at))
    for row, place in resolver.rows("rated", asked.rated):
        rated = asked.rated[place]
        named.likings.append(Liking(row, None, rated.stars, rated.at))
    named.seen.extend(row for row, _ in resolver.rows("seen", asked.seen))
    return named


class _Resolver:
    def __init__(self, published: Published) -> None:
        self._published = published
        self._looked_for = 0
        self.named = Named()

    def rows(self, where: str, films: Sequence[FilmNamed]) -> list[tuple[int, int]]:
        """The row of each film that is known, and its place in the list."""
        found = ((self._row(f"{where}.{place}", film), place) for place, film in enumerate(films))
        return [(row, place) for row, place in found if row is not None]

    def _row(self, where: str, film: FilmNamed) -> int | None:
        published = self._published
        row = None if film.id is None else published.row_of(film.id)
        if row is None and film.imdb_id is not None:
            row = published.row_of_imdb(film.imdb_id)
        if row is not None:
            return row
        if film.title is None:
            self._tell(where, film, "unknown", [])
            return None
        titled = published.find(film.title, film.year)
        if len(titled) > 1:
            self._tell(where, film, "ambiguous", titled)
        if titled:
            return titled[0].row
        self._tell(where, film, "unknown", self._near(film.title, film.year))
        return None

    def _near(self, title: str, year: int | None) -> Sequence[Film]:
        """Films that may have been meant: of the title in other years, or of one like it."""
        self._looked_for += 1
        if self._looked_for > _LOOKED_FOR:
            return []
        of_other_years = self._published.find(title) if year is not None else []
        return of_other_years or self._published.near(title, year)

    def _tell(self, where: str, film: FilmNamed, problem: str, candidates: Sequence[Film]) -> None:
        if len(self.named.unresolved) >= _TOLD:
            return
        self.named.unresolved.append(
            {
                "where": where,
                "asked": _label(film),
                "problem": problem,
                "candidates": [name_of(one) for one in candidates[:_CANDIDATES]],
            }
        )


def _label(film: FilmNamed) -> str:
    name = film.title or film.imdb_id or f"TMDB {film.id}"
    return f"{name} ({film.year})" if film.year else name
