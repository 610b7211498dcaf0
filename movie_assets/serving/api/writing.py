"""Answers as bytes of JSON.

Films come up in list after list, so each is written once and its bytes are kept. The shapes are
those of ``models``.
"""

from __future__ import annotations

from math import fsum, sqrt
from typing import TYPE_CHECKING, Any

import orjson

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from movie_assets.serving.films import Film
    from movie_assets.serving.imports import Matched
    from movie_assets.serving.published import Similar, Suggested

#: So many films' bytes are kept: some 20 MB.
_KEPT = 40_000
_PARTS = 1_000_000  # scores are of 32 bits, and told to six places


class Writer:
    """Writes the answers of one snapshot."""

    def __init__(self) -> None:
        self._briefs: dict[int, orjson.Fragment] = {}

    def brief(self, film: Film) -> orjson.Fragment:
        """A film, as far as a list shows it."""
        found = self._briefs.get(film.row)
        if found is None:
            if len(self._briefs) >= _KEPT:
                self._briefs = {}
            found = self._briefs[film.row] = orjson.Fragment(orjson.dumps(_brief(film)))
        return found

    def full(self, film: Film) -> bytes:
        """All that is known of a film."""
        return orjson.dumps(
            {
                **_brief(film),
                "release_date": film.release_date,
                "overview": film.overview,
                "tagline": film.tagline,
                "directors": film.directors,
                "writers": film.writers,
                "actors": film.actors,
                "keywords": film.keywords,
                "collection": film.collection,
            }
        )

    def found(self, query: str, films: Iterable[Film]) -> bytes:
        """What a search has found."""
        return orjson.dumps({"query": query, "movies": [self.brief(film) for film in films]})

    def similar(self, film: Film, limit: int, offset: int, found: Sequence[Similar]) -> bytes:
        """The films most like a film."""
        return orjson.dumps(
            {
                "movie": self.brief(film),
                "limit": limit,
                "offset": offset,
                "recommendations": [
                    {
                        "rank": rank,
                        "score": _short(one.score),
                        "parts": {name: _short(part) for name, part in one.parts.items()},
                        "reasons": one.reasons,
                        "movie": self.brief(one.film),
                    }
                    for rank, one in enumerate(found, start=offset + 1)
                ],
            }
        )

    def suggested(
        self,
        *,
        films_used: int,
        unresolved: list[dict[str, Any]],
        limit: int,
        offset: int,
        found: Sequence[Suggested],
    ) -> bytes:
        """Films for somebody."""
        return orjson.dumps(
            {
                "films_used": films_used,
                "unresolved": unresolved,
                "limit": limit,
                "offset": offset,
                "recommendations": [
                    {
                        "rank": rank,
                        "score": _short(one.score),
                        "because": [name_of(film) for film in one.because],
                        "reasons": one.reasons,
                        "movie": self.brief(one.film),
                    }
                    for rank, one in enumerate(found, start=offset + 1)
                ],
            }
        )


def name_of(film: Film) -> dict[str, Any]:
    """A film by its name."""
    return {"id": film.id, "title": film.title, "year": film.year}


def tutorial(film: Film, found: Sequence[Similar]) -> bytes:
    """The tutorial's answer: small letters, and how far the films are from the one asked for."""
    films = [one.film for one in found]
    return orjson.dumps(
        {
            "movie": film.title.lower(),
            "recommendations": [other.title.lower() for other in films],
            "metrics": {
                "popularity": _rmse(film.popularity, [other.popularity for other in films]),
                "vote_avg": _rmse(film.vote_average, [other.vote_average for other in films]),
                "vote_count": _rmse(film.vote_count, [other.vote_count for other in films]),
            },
        }
    )


def imported(matched: Matched[Film]) -> bytes:
    """What an export says."""
    export = matched.export

    def row(place: Any) -> str:
        return f"{place.file}, row {place.row}"

    return orjson.dumps(
        {
            "format": export.format,
            "files": export.files,
            "profile": matched.profile.as_json(),
            "matched": [
                {
                    **name_of(one.film),
                    "stars": one.entry.stars,
                    "liked": one.entry.liked,
                    "how": one.how,
                    "row": row(one.entry.place),
                }
                for one in matched.found
            ],
            "unmatched": [
                {"film": one.entry.label, "row": row(one.entry.place), "reason": one.reason}
                for one in matched.unmatched
            ],
            "skipped": [
                {"film": one.label, "row": row(one.place), "reason": one.reason}
                for one in export.skipped
            ],
            "ignored": dict(export.ignored),
            "notes": export.notes,
        }
    )


def _short(score: float) -> float:
    """A score of at least 0 to six places; ``round`` takes ten times as long."""
    return int(score * _PARTS + 0.5) / _PARTS


def _rmse(reference: float, others: list[float]) -> float | None:
    """As ``recommender.metrics.rmse``, which takes ten times as long for ten numbers."""
    if not others:
        return None
    return round(sqrt(fsum((other - reference) ** 2 for other in others) / len(others)), 3)


def _brief(film: Film) -> dict[str, Any]:
    return {
        "id": film.id,
        "imdb_id": film.imdb_id,
        "title": film.title,
        "original_title": film.original_title,
        "year": film.year,
        "genres": film.genres,
        "language": film.language,
        "runtime": film.runtime,
        "popularity": round(film.popularity, 4),
        "vote_average": round(film.vote_average, 4),
        "vote_count": film.vote_count,
        "poster_path": film.poster_path,
    }
