"""From the films that somebody picked or brought to what the taste page shows of a snapshot."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from movie_assets.serving.published import Liking
from movie_assets.serving.web.picks import Brought

if TYPE_CHECKING:
    from movie_assets.serving.films import Film
    from movie_assets.serving.imports import Profile
    from movie_assets.serving.published import Published
    from movie_assets.serving.web.picks import Picks


@dataclass(frozen=True)
class Picked:
    """A film that was picked one by one."""

    film: Film
    is_liked: bool


@dataclass(frozen=True)
class Known:
    """As much of somebody's films as the snapshot has.

    Attributes:
        picked: one by one, in the order of picking, liked ones first.
        n_brought: how many films of an export.
        likings: of all of these, as they are asked with.
        seen: rows of films that have only been seen.
        n_unknown: how many films the snapshot does not have.
    """

    picked: tuple[Picked, ...]
    n_brought: int
    likings: tuple[Liking, ...]
    seen: tuple[int, ...]
    n_unknown: int

    @property
    def speaks(self) -> bool:
        """Whether there is any film to go by."""
        return bool(self.likings or self.seen)


def known_films(published: Published, picks: Picks) -> Known:
    """Look somebody's films up; what was picked one by one counts, whatever an export says."""
    rows = {film_id: published.row_of(film_id) for film_id in (*picks.liked, *picks.disliked)}
    picked = tuple(
        Picked(published.film(film_id), film_id in picks.liked)
        for film_id, row in rows.items()
        if row is not None
    )
    brought = {film: published.row_of(film.id) for film in picks.brought if film.id not in rows}
    found = [(film, row) for film, row in brought.items() if row is not None]
    return Known(
        picked=picked,
        n_brought=len(found),
        likings=(
            *(
                Liking(row=each.film.row, value=1.0 if each.is_liked else -1.0, stars=None, at=None)
                for each in picked
            ),
            *(_liking(film, row) for film, row in found if not _only_seen(film)),
        ),
        seen=tuple(row for film, row in found if _only_seen(film)),
        n_unknown=sum(row is None for row in (*rows.values(), *brought.values())),
    )


def brought_films(profile: Profile) -> tuple[Brought, ...]:
    """An export's films as an address holds them."""
    return (
        *(Brought(film.id, value=1.0, at=film.at) for film in profile.liked),
        *(Brought(film_id, value=-1.0) for film_id in profile.disliked),
        *(Brought(film.id, stars=film.stars, at=film.at) for film in profile.rated),
        *(Brought(film_id) for film_id in profile.seen),
    )


def _only_seen(film: Brought) -> bool:
    return film.stars is None and film.value is None


def _liking(film: Brought, row: int) -> Liking:
    return Liking(row=row, value=film.value, stars=film.stars, at=film.at)
