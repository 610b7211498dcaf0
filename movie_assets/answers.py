"""Answers that are worked out when they are asked for: dials, filters, a person's films.

Every film is scored anew by the stored features, the weights and the tables' signals, so that the
answers are exact; it takes a second or two. What was worked out beforehand is read by ``lookup``.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np

from movie_assets.film_tables import item_weights_of, signals_of
from movie_assets.lookup import (
    Film,
    Recommendation,
    Recommendations,
    Titles,
    not_built,
    read_films,
)
from movie_assets.recommender.explanations import reasons
from movie_assets.recommender.query import (
    EmptyTasteError,
    Filters,
    Recommender,
    Taste,
    Wishes,
)
from movie_assets.recommender.storage import load_features
from movie_assets.recommender.weights import load_weights
from movie_assets.warehouse.contents import stored_tables
from movie_assets.warehouse.store import read_table

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from pathlib import Path

    from numpy.typing import NDArray

    from movie_assets.recommender.features import MovieFeatures


class FeaturesBehindError(LookupError):
    """A film is in the tables and not in the feature file: a build was stopped between the two."""

    def __init__(self, film: Film) -> None:
        super().__init__(
            f"{film.label} is not among the films' features yet. Bring them up to date with: "
            "movie-assets build"
        )


@dataclass(frozen=True)
class Rated:
    """A film that somebody has seen: the stars they gave it, and when, in any unit."""

    film: Film
    stars: float
    at: float | None = None


@dataclass(frozen=True)
class Suggestion:
    """A film for somebody: its place from 1, its score in [0, 1], and what they liked like it."""

    rank: int
    film: Film
    score: float
    because: tuple[Film, ...]


@dataclass(frozen=True)
class Catalogue:
    """The films, ready to answer questions about them.

    Attributes:
        films: all of the tables'.
        recommender: of the films that have features.
    """

    films: list[Film]
    recommender: Recommender

    @cached_property
    def titles(self) -> Titles:
        """The films by their titles."""
        return Titles(self.films)

    @cached_property
    def by_id(self) -> dict[int, Film]:
        """The films by TMDB's number."""
        return {film.id: film for film in self.films}

    def similar(self, title: str, limit: int, wishes: Wishes, year: int | None) -> Recommendations:
        """The films most like the film of a title, as somebody wishes them.

        Raises:
            NoSuchFilmError: where no film has that title.
            UnknownNameError: where no film is of a genre or language.
            FeaturesBehindError: where the film has no features yet.
        """
        film, *others = self.titles.find(title, year)
        features = self.recommender.features
        found = self.recommender.similar(
            self._place(film),
            limit,
            popularity=wishes.popularity,
            diversity=wishes.diversity,
            filters=_known(wishes.filters, features),
        )
        told = reasons(features, found)
        films = self._films(found.columns)
        kept = [place for place, other in enumerate(films) if other is not None]
        return Recommendations(
            film,
            tuple(others),
            tuple(
                Recommendation(rank, films[i], float(found.scores[i]), tuple(told[i]))  # type: ignore[arg-type]
                for rank, i in enumerate(kept, start=1)
            ),
        )

    def for_taste(
        self, rated: Sequence[Rated], limit: int, wishes: Wishes
    ) -> tuple[Suggestion, ...]:
        """The films for somebody, none of those that they rated.

        Raises:
            EmptyTasteError: where they liked none.
            UnknownNameError: where no film is of a genre or language.
            FeaturesBehindError: where a film has no features yet.
        """
        recommender = self.recommender
        known = [r.at for r in rated if r.at is not None]
        taste = Taste.of_ratings(
            [self._place(r.film) for r in rated],
            [r.stars for r in rated],
            recommender.weights,
            [min(known) if r.at is None else r.at for r in rated] if known else None,
        )
        liked = set(taste.films[taste.values > 0].tolist())
        if not liked:
            raise EmptyTasteError("Name at least one film that you like, or rated 4 stars or more.")
        found = recommender.for_taste(
            taste,
            limit,
            popularity=wishes.popularity,
            diversity=wishes.diversity,
            filters=_known(wishes.filters, recommender.features),
        )
        because = recommender.because(taste, found)
        films = self._films(found.films)
        kept = [place for place, film in enumerate(films) if film is not None]
        return tuple(
            Suggestion(
                rank,
                films[i],  # type: ignore[arg-type]
                float(found.scores[i]),
                # Less of what was disliked speaks for a film too, but not as something liked.
                tuple(f for f in self._films(b for b in because[i] if b in liked) if f),
            )
            for rank, i in enumerate(kept, start=1)
        )

    def _place(self, film: Film) -> int:
        ids = self.recommender.features.movie_ids
        place = int(np.searchsorted(ids, film.id))
        if place == len(ids) or ids[place] != film.id:
            raise FeaturesBehindError(film)
        return place

    def _films(self, places: Iterable[int]) -> list[Film | None]:
        ids = self.recommender.features.movie_ids
        return [self.by_id.get(int(ids[place])) for place in places]


def open_catalogue(database: Path, features: Path) -> Catalogue:
    """Read what answers are made of.

    Args:
        database: the DuckDB file.
        features: the file of ``movie_features``.

    Raises:
        TableMissingError: where nothing has been built yet.
        FeatureFileError: where the file is missing or damaged.
        WarehouseError: of the type that says why the database cannot be read.
    """
    needed = {"movies_table", "genres_table", "movie_details", "co_liked_movies"}
    stored = stored_tables(database)
    if not needed <= stored or not features.exists():
        raise not_built(database)
    weights = load_weights()
    loaded = load_features(features)
    signals = signals_of(
        loaded.movie_ids,
        weights.blend,
        read_table(database, "co_liked_movies", ["movie_id", "neighbour_id", "score"]),
        read_table(database, "movie_details", ["id", "recommended_ids"]),
    )
    learned = _learned(database, stored, loaded.movie_ids)
    return Catalogue(read_films(database), Recommender(loaded, weights, signals, *learned))


def _learned(database: Path, stored: set[str], movie_ids: NDArray[np.int32]) -> list[Any]:
    """Item weights and transitions, each where people's ratings were learned from."""
    if "item_weights" not in stored:
        return []
    table = read_table(database, "item_weights")
    # A table from before there were transitions says nothing of them until the next build.
    there = [name for name in ("weight", "transition") if name in table.columns]
    found = (item_weights_of(movie_ids, table, name) for name in there)
    return [pairs if pairs.nnz else None for pairs in found]


def _known(filters: Filters, features: MovieFeatures) -> Filters:
    """The filters with names as the films have them, whatever their case and accents."""
    return filters.among(_terms(features, "genres"), _terms(features, "language"))


def _terms(features: MovieFeatures, field: str) -> Sequence[str]:
    there = field in features.fields
    return features.vocabulary[features.columns_of(field)] if there else ()
