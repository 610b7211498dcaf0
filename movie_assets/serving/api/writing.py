"""Answers as bytes of JSON, around that of each film; the shapes are those of ``models``."""

from __future__ import annotations

from math import dist, sqrt
from typing import TYPE_CHECKING, Any

import numpy as np
import orjson

from movie_assets.serving.briefs import brief
from movie_assets.serving.list_json import PLACES
from movie_assets.serving.members import Members
from movie_assets.serving.texts import texts_of

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from numpy.typing import NDArray

    from movie_assets.serving.briefs import Briefs
    from movie_assets.serving.films import Film
    from movie_assets.serving.imports import Matched
    from movie_assets.serving.published import Published, Similar, Suggested
    from movie_assets.serving.texts import Texts

#: The tutorial's metrics, and what they are of, as it stands in a film's JSON.
_METRICS = {
    "popularity": "popularity",
    "vote_avg": "vote_average",
    "vote_count": "vote_count",
}
_SHOWN = Members(["title", *_METRICS.values()])


class Writer:
    """Writes the answers of one snapshot.

    Args:
        published: the snapshot.
        briefs: its films' JSON, where it was written beforehand.
    """

    def __init__(self, published: Published, briefs: Briefs | None) -> None:
        self._published = published
        self._brief = self._write_brief if briefs is None else briefs.__getitem__
        self._texts = self._write_texts if briefs is None else briefs.texts

    def warm(self) -> None:
        """Load the compiled code that lists call, or compile it, once on a machine (seconds)."""
        if self._published.manifest.films:
            self.stored(0, 1)
            self.tutorial(0, 1)

    def _write_brief(self, row: int) -> bytes:
        return brief(self._published.film_of(row))

    def _write_texts(self, rows: NDArray[np.int32]) -> tuple[Texts, NDArray[np.int32]]:
        texts = texts_of(map(self._write_brief, rows.tolist()))
        return texts, np.arange(len(rows), dtype=np.int32)

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
        return orjson.dumps(
            {
                "movie": orjson.Fragment(self._brief(film.row)),
                "limit": limit,
                "offset": offset,
                "recommendations": [
                    {
                        "rank": rank,
                        "score": round(one.score, PLACES),
                        "parts": {name: round(part, PLACES) for name, part in one.parts.items()},
                        "reasons": one.reasons,
                        "movie": orjson.Fragment(self._brief(one.film.row)),
                    }
                    for rank, one in enumerate(found, start=offset + 1)
                ],
            }
        )

    def stored(self, row: int, limit: int, offset: int = 0) -> bytes:
        """The same of the films that were published as most like a film of a row."""
        pairs = self._published.neighbours.json_of(row, limit, offset, self._texts)
        head = b'{"movie":%b,"limit":%d,"offset":%d,"recommendations":['
        return b"".join((head % (self._brief(row), limit, offset), pairs, b"]}"))

    def tutorial(self, row: int, limit: int) -> bytes:
        """The tutorial's answer: small letters, and how far films are from the one."""
        like_it = self._published.neighbours.rows_of(row, limit)
        rows = np.concatenate((np.array([row], np.int32), like_it))
        titles, *columns = zip(*orjson.loads(_SHOWN.of(*self._texts(rows))), strict=True)
        return orjson.dumps(
            {
                "movie": titles[0].lower(),
                "recommendations": [title.lower() for title in titles[1:]],
                "metrics": {
                    name: _rmse(column[0], column[1:])
                    for name, column in zip(_METRICS, columns, strict=True)
                },
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
                        "score": round(one.score, PLACES),
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


def _rmse(reference: float, others: Sequence[float]) -> float | None:
    """As ``recommender.metrics.rmse``, which takes ten times as long for ten numbers."""
    if not others:
        return None
    return round(dist(others, [reference] * len(others)) / sqrt(len(others)), 3)
