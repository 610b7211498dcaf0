"""Everything that can be asked of one snapshot, without HTTP.

What belongs here: questions, their answers, and what is wrong with a question. What does not: how
questions come in and answers go out (``api``, ``web``), which snapshot is asked, and the files
(``snapshot``).
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
import pyarrow.compute as pc

from movie_assets.recommender.query import (
    EmptyTasteError,
    Filters,
    UnknownNameError,
    Wishes,
)
from movie_assets.serving.film_names import FilmNames
from movie_assets.serving.films import Film, Films
from movie_assets.serving.likings import Liking, TasteError, taste_of
from movie_assets.serving.neighbours import StoredNeighbours
from movie_assets.serving.scoring import recommender_of
from movie_assets.serving.snapshot.layout import REASONS_A_PAIR
from movie_assets.serving.titles import TitleIndex

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from movie_assets.recommender.query import Recommender
    from movie_assets.recommender.similar import Neighbours
    from movie_assets.serving.snapshot import Manifest, Snapshot

__all__ = [
    "MOST_FILMS",
    "EmptyTasteError",
    "Film",
    "Filters",
    "Liking",
    "Published",
    "Similar",
    "Suggested",
    "TasteError",
    "UnknownFilmError",
    "UnknownNameError",
    "Wishes",
    "WishesError",
]

#: A list has so many films at most.
MOST_FILMS = 1000
_NOTHING_WISHED = Wishes()
_LARGEST_ID = 2**31 - 1
_IMDB_ID, _IMDB_DIGITS = "^tt[0-9]{1,15}$", 15


class UnknownFilmError(LookupError):
    """No film has this number."""

    def __init__(self, movie_id: int) -> None:
        self.movie_id = movie_id
        super().__init__(f"There is no film {movie_id}. Look it up by its title first.")


class WishesError(ValueError):
    """What is wished of a list is out of range; the message says what and its range."""


class Similar(NamedTuple):
    """A film that is like another. A tuple, since it is made fifty thousand times a second.

    Attributes:
        film: it.
        score: in (0, 1].
        parts: what the score is made of, each in [0, 1]: ``content``, ``closeness``, ``prior``, and
            ``co_liked`` and ``tmdb`` where there are such lists.
        reasons: why, in words, the most telling first.
    """

    film: Film
    score: float
    parts: dict[str, float]
    reasons: tuple[str, ...]


@dataclass(frozen=True)
class Suggested:
    """A film for somebody.

    Attributes:
        film: it.
        score: in (0, 1]: in parts of the best that a film could have.
        because: the films that they like which speak most for it, at most two.
        reasons: what it has in common with the first of these.
    """

    film: Film
    score: float
    because: tuple[Film, ...]
    reasons: tuple[str, ...]


class Published:
    """One snapshot, ready to answer. Never changes, and is safe to be asked by many threads.

    To open it reads next to nothing; what a kind of question needs is read when it is first asked,
    or at once by :meth:`warm`.

    Attributes:
        name: of the snapshot.
        manifest: what the snapshot says of itself.
        quality: the rows of recommendation_quality.
        neighbours: the lists that were published: what :meth:`similar` gives without wishes.
    """

    def __init__(self, snapshot: Snapshot) -> None:
        """Answer from a snapshot, which has to stay open for as long."""
        self.name: str = snapshot.name
        self.manifest: Manifest = snapshot.manifest
        self.quality: list[dict[str, Any]] = snapshot.quality
        self._snapshot = snapshot
        self._ids = snapshot.movie_ids
        self._films = Films(snapshot.films)
        self._names = FilmNames(
            snapshot.films, snapshot.manifest.genres, snapshot.manifest.languages
        )
        self.neighbours = StoredNeighbours(snapshot, self._names)

    # -- films ----------------------------------------------------------------------------------

    def film(self, movie_id: int) -> Film:
        """The film of TMDB's number.

        Raises:
            UnknownFilmError: where there is none.
        """
        return self._films[self._row(movie_id)]

    def film_of(self, row: int) -> Film:
        """The film of a row.

        Raises:
            IndexError: where there is none.
        """
        return self._films[row]

    def row_of(self, movie_id: int) -> int | None:
        """The row of a film by TMDB's number; None where there is none."""
        if not 0 < movie_id <= _LARGEST_ID:
            return None
        # Of the array's own type: else all of it would be copied.
        row = int(self._ids.searchsorted(np.int32(movie_id)))
        return row if row < len(self._ids) and self._ids[row] == movie_id else None

    def row_of_imdb(self, imdb_id: str) -> int | None:
        """The row of a film by IMDb's id, such as "tt0137523"; None where there is none."""
        digits = imdb_id.strip().removeprefix("tt")
        if not (digits.isascii() and digits.isdigit() and len(digits) <= _IMDB_DIGITS):
            return None
        numbers, rows = self._by_imdb
        place = int(numbers.searchsorted(np.int64(digits)))
        found = place < len(numbers) and numbers[place] == int(digits)
        return int(rows[place]) if found else None

    def search(self, query: str, limit: int) -> list[Film]:
        """The films whose titles one may mean by what was typed, the best first.

        Raises:
            WishesError: where the limit is out of range.
        """
        _check_page(limit, 0)
        return [self._films[row] for row in self._titles.search(query, limit)]

    def find(self, title: str, year: int | None = None) -> list[Film]:
        """The films of this very title, whatever its case and accents, the most popular first."""
        return [self._films[row] for row in self._titles.find(title, year)]

    def row_titled(self, title: str) -> int | None:
        """The row of the best known film that :meth:`find` finds; None where it finds none."""
        rows = self._titles.find(title)
        return rows[0] if rows else None

    def near(self, title: str, year: int | None = None, limit: int = 3) -> list[Film]:
        """The films of titles that are nearly this one, the nearest first."""
        return [self._films[row] for row in self._titles.near(title, year, limit)]

    def best_known(self, limit: int) -> list[Film]:
        """The films with most votes; equals by number.

        Raises:
            WishesError: where the limit is out of range.
        """
        _check_page(limit, 0)
        return [self._films[row] for row in self._by_votes[:limit]]

    # -- lists ----------------------------------------------------------------------------------

    def similar(
        self,
        movie_id: int,
        limit: int = 10,
        offset: int = 0,
        wishes: Wishes = _NOTHING_WISHED,
    ) -> list[Similar]:
        """The films most like a film.

        Without wishes these are the neighbours that were published, some tens, and there is nothing
        after the last. With wishes every film of the catalogue is scored anew, and the list has as
        many as there are. Pages of one list fit together: none of its films is left out or comes
        twice.

        Args:
            movie_id: TMDB's number.
            limit: at most so many, from 1 to :data:`MOST_FILMS`.
            offset: leaving out so many before.
            wishes: what the list is to be like.

        Raises:
            UnknownFilmError: where there is no such film.
            UnknownNameError: where no film is of a genre or language.
            WishesError: where a number is out of range.
        """
        _check_page(limit, offset)
        row = self._row(movie_id)
        if wishes is _NOTHING_WISHED or wishes == _NOTHING_WISHED:
            films = self._films
            return [
                Similar(films[other], score, parts, reasons)
                for other, score, parts, reasons in self.neighbours.of(row, limit, offset)
            ]
        found = self._recommender.similar(
            row,
            limit,
            offset=offset,
            popularity=wishes.popularity,
            diversity=wishes.diversity,
            filters=self._filters(wishes),
        )
        return self._told(found)

    def for_taste(
        self,
        likings: Sequence[Liking],
        seen: Sequence[int] = (),
        limit: int = 10,
        offset: int = 0,
        wishes: Wishes = _NOTHING_WISHED,
    ) -> list[Suggested]:
        """The films for somebody, of all films but those that they say something of.

        At most :data:`likings.MOST_SPEAKING` of their films speak, those that count most.

        Args:
            likings: what they say of films.
            seen: rows of films that are not to be recommended, beside those of the likings.
            limit: at most so many, from 1 to :data:`MOST_FILMS`.
            offset: leaving out so many before; pages fit together, as for :meth:`similar`.
            wishes: what the list is to be like.

        Raises:
            EmptyTasteError: where they like nothing.
            TasteError: where a number is none, a film is not there, or is both liked and disliked.
            UnknownNameError: where no film is of a genre or language.
            WishesError: where a number is out of range.
        """
        _check_page(limit, offset)
        filters = self._filters(wishes)
        taste = taste_of(likings, seen, self._recommender.weights, len(self._ids))
        found = self._recommender.for_taste(
            taste,
            limit,
            offset=offset,
            popularity=wishes.popularity,
            diversity=wishes.diversity,
            filters=filters,
        )
        speak = self._recommender.because(taste, found)
        reasons = self._reasons(speak[:, 0], found.films)
        return [
            Suggested(
                self._films[row],
                score,
                tuple(self._films[other] for other in because if other >= 0),
                _shown(why),
            )
            for row, score, because, why in zip(
                found.films.tolist(), found.scores.tolist(), speak.tolist(), reasons,
                strict=True,
            )
        ]  # fmt: skip

    def warm(self) -> None:
        """Do at once what would make the first question of each kind slow.

        The kernel is compiled, once on a machine, and what is worked out of all films is.

        Raises:
            TitleIndexError: where the index of titles is missing or damaged.
        """
        self._titles.warm()
        self.row_of_imdb("tt0")
        self.best_known(1)
        if not len(self._ids):
            return
        movie_id = int(self._ids[np.argmax(self._snapshot.features["votes"])])
        self.similar(movie_id, wishes=Wishes(diversity=0.1, filters=Filters(least_votes=1)))
        self.for_taste([Liking(self._row(movie_id), value=1.0)])
        for genre in self.manifest.genres:
            self._names.of_genre(genre)
        for language in self.manifest.languages[:1]:
            self._names.in_language(language)

    # -- what they are made of --------------------------------------------------------------------

    def _row(self, movie_id: int) -> int:
        row = self.row_of(movie_id)
        if row is None:
            raise UnknownFilmError(movie_id)
        return row

    def _filters(self, wishes: Wishes) -> Filters:
        _check_share("popularity", wishes.popularity)
        _check_share("diversity", wishes.diversity)
        if not 0 <= wishes.filters.least_rating <= 10:  # NaN is not within either
            raise WishesError(
                f"least_rating must be from 0 to 10, not {wishes.filters.least_rating}."
            )
        return wishes.filters.among(self.manifest.genres, self.manifest.languages)

    def _told(self, found: Neighbours) -> list[Similar]:
        parts = {
            "content": found.content,
            "closeness": found.closeness,
            "prior": found.prior,
            **found.signals,
        }
        each = zip(*(values.tolist() for values in parts.values()), strict=True)
        reasons = self._recommender.explainer.reasons(found.rows, found.columns, found.signals)
        return [
            Similar(self._films[row], score, dict(zip(parts, values, strict=True)), _shown(why))
            for row, score, values, why in zip(
                found.columns.tolist(), found.scores.tolist(), each, reasons,
                strict=True,
            )
        ]  # fmt: skip

    def _reasons(self, rows: NDArray[np.int32], columns: NDArray[np.int32]) -> list[list[str]]:
        """Why films go together, given as two arrays; nothing where there is no first."""
        pairs = np.flatnonzero(rows >= 0)
        told: list[list[str]] = [[] for _ in rows]
        for pair, why in zip(
            pairs.tolist(),
            self._recommender.reasons(rows[pairs], columns[pairs]),
            strict=True,
        ):
            told[pair] = why
        return told

    @cached_property
    def _titles(self) -> TitleIndex:
        return TitleIndex.open(self._snapshot.titles_folder)

    @cached_property
    def _recommender(self) -> Recommender:
        return recommender_of(self._snapshot, self._names)

    @cached_property
    def _by_votes(self) -> list[int]:
        """The rows of the films with most votes."""
        votes = self._snapshot.features["votes"]
        rows: list[int] = np.argsort(-votes, kind="stable")[:MOST_FILMS].tolist()
        return rows

    @cached_property
    def _by_imdb(self) -> tuple[NDArray[np.int64], NDArray[np.int32]]:
        """The numbers of IMDb's ids, ascending, and the rows of their films."""
        ids = self._snapshot.films["imdb_id"]
        rows = np.flatnonzero(pc.fill_null(pc.match_substring_regex(ids, _IMDB_ID), False))
        numbers = pc.utf8_slice_codeunits(ids.take(rows), 2).cast("int64").to_numpy()
        order = np.argsort(numbers, kind="stable")
        return numbers[order], rows[order].astype(np.int32)


def _check_page(limit: int, offset: int) -> None:
    if not 1 <= limit <= MOST_FILMS:
        raise WishesError(f"limit must be from 1 to {MOST_FILMS:,}, not {limit}.")
    if offset < 0:
        raise WishesError(f"offset must be at least 0, not {offset}.")


def _check_share(name: str, value: float | None) -> None:
    if value is not None and not 0 <= value <= 1:  # NaN is not within either
        raise WishesError(f"{name} must be from 0 to 1, not {value}.")


def _shown(why: list[str]) -> tuple[str, ...]:
    """As many reasons as are published of each pair."""
    return tuple(why[:REASONS_A_PAIR])
