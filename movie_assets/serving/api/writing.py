"""Answers as bytes of JSON, around that of each film; the shapes are those of ``models``."""

from __future__ import annotations

from math import fsum, sqrt
from typing import TYPE_CHECKING, Any

import orjson

from movie_assets.serving.briefs import brief

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from movie_assets.serving.briefs import Briefs
    from movie_assets.serving.films import Film
    from movie_assets.serving.imports import Matched
    from movie_assets.serving.published import Published, Similar, Suggested

    #: A film's row, its score, the score's parts, and reasons.
    _Pair = tuple[int, float, dict[str, float], tuple[str, ...]]

#: The tutorial's metrics, and what they are of.
_METRICS = (
    ("popularity", "popularity"),
    ("vote_avg", "vote_average"),
    ("vote_count", "vote_count"),
)
#: So many whole lists: some 90 MB.
_ANSWERS_KEPT = 20_000
#: Scores are of 32 bits, and told to six places.
_PLACES = 6
_PARTS = 10**_PLACES


class Writer:
    """Writes the answers of one snapshot.

    Args:
        published: the snapshot.
        briefs: its films' JSON, where it was written beforehand.
    """

    def __init__(self, published: Published, briefs: Briefs | None) -> None:
        self._published = published
        self._answers: dict[tuple[str, int, int], bytes] = {}
        self._brief = self._write_brief if briefs is None else briefs.__getitem__

    def _write_brief(self, row: int) -> bytes:
        return brief(self._published.film_of(row))

    def full(self, film: Film) -> bytes:
        """All that is known of a film."""
        return orjson.dumps(
            {
                **orjson.loads(self._brief(film.row)),
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
        return orjson.dumps(
            {"query": query, "movies": [orjson.Fragment(self._brief(film.row)) for film in films]}
        )

    def similar(self, film: Film, limit: int, offset: int, found: Sequence[Similar]) -> bytes:
        """The films most like a film."""
        pairs = ((one.film.row, one.score, one.parts, one.reasons) for one in found)
        return self._similar(film.row, limit, offset, pairs)

    def stored(self, row: int, limit: int) -> bytes:
        """The same of the films that were published as most like one; it is kept."""
        key = "similar", row, limit
        return self._answers.get(key) or self._keep(
            key, self._similar(row, limit, 0, self._published.stored(row, limit))
        )

    def tutorial(self, row: int, limit: int) -> bytes:
        """The tutorial's answer: small letters, and how far films are from the one; it is kept."""
        key = "tutorial", row, limit
        return self._answers.get(key) or self._keep(key, self._tutorial(row, limit))

    def _keep(self, key: tuple[str, int, int], answer: bytes) -> bytes:
        if len(self._answers) >= _ANSWERS_KEPT:
            self._answers = {}
        self._answers[key] = answer
        return answer

    def _tutorial(self, row: int, limit: int) -> bytes:
        # Read from the JSON of lists: four fields of a film's columns take longer.
        film = orjson.loads(self._brief(row))
        films = [
            orjson.loads(self._brief(other)) for other in self._published.stored_rows(row, limit)
        ]
        return orjson.dumps(
            {
                "movie": film["title"].lower(),
                "recommendations": [other["title"].lower() for other in films],
                "metrics": {
                    name: _rmse(film[field], [other[field] for other in films])
                    for name, field in _METRICS
                },
            }
        )

    def _similar(self, row: int, limit: int, offset: int, pairs: Iterable[_Pair]) -> bytes:
        brief_of = self._brief
        return orjson.dumps(
            {
                "movie": orjson.Fragment(brief_of(row)),
                "limit": limit,
                "offset": offset,
                "recommendations": [
                    {
                        "rank": rank,
                        "score": int(score * _PARTS + 0.5) / _PARTS,
                        # `round` takes ten times as long.
                        "parts": {
                            name: int(part * _PARTS + 0.5) / _PARTS for name, part in parts.items()
                        },
                        "reasons": reasons,
                        "movie": orjson.Fragment(brief_of(other)),
                    }
                    for rank, (other, score, parts, reasons) in enumerate(pairs, start=offset + 1)
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
                        "score": round(one.score, _PLACES),
                        "because": [name_of(film) for film in one.because],
                        "reasons": one.reasons,
                        "movie": orjson.Fragment(self._brief(one.film.row)),
                    }
                    for rank, one in enumerate(found, start=offset + 1)
                ],
            }
        )


def name_of(film: Film) -> dict[str, Any]:
    """A film by its name."""
    return {"id": film.id, "title": film.title, "year": film.year}


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


def _rmse(reference: float, others: list[float]) -> float | None:
    """As ``recommender.metrics.rmse``, which takes ten times as long for ten numbers."""
    if not others:
        return None
    return round(sqrt(fsum((other - reference) ** 2 for other in others) / len(others)), 3)
