"""A stand-in for ``serving.published`` until that is there: the bundled films, alike by genre.

To be deleted.
"""
# mypy: ignore-errors
# ruff: noqa

from __future__ import annotations

import json
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from pathlib import Path
from types import SimpleNamespace

from movie_assets.serving.films import Film

_SAMPLE = Path(__file__).parents[2] / "sample"


@dataclass(frozen=True)
class Similar:
    film: Film
    score: float
    parts: dict
    reasons: tuple


@dataclass(frozen=True)
class Suggested:
    film: Film
    score: float
    because: tuple
    reasons: tuple


class UnknownFilmError(LookupError):
    pass


class Published:
    def __init__(self):
        genres = {
            g["id"]: g["name"] for g in json.loads((_SAMPLE / "genres.json").read_text())["genres"]
        }
        details = json.loads((_SAMPLE / "details.json").read_text())
        details = {
            d["id"]: d
            for d in (
                details.values()
                if isinstance(next(iter(details.values())), dict)
                and "id" in next(iter(details.values()))
                else details["results"]
            )
        }
        films = sorted(
            json.loads((_SAMPLE / "popular.json").read_text())["results"], key=lambda f: f["id"]
        )
        self.films = []
        for row, f in enumerate(films):
            d = details.get(f["id"], {})
            crew = d.get("credits", {}).get("crew", [])
            released = date.fromisoformat(f["release_date"]) if f.get("release_date") else None
            self.films.append(
                Film(
                    row,
                    f["id"],
                    d.get("imdb_id"),
                    f["title"],
                    f.get("original_title"),
                    released and released.year,
                    released,
                    f.get("overview"),
                    d.get("tagline"),
                    f.get("poster_path"),
                    d.get("runtime"),
                    f.get("original_language"),
                    f["popularity"],
                    f["vote_average"],
                    f["vote_count"],
                    tuple(genres[g] for g in f["genre_ids"]),
                    tuple(c["name"] for c in crew if c["job"] == "Director"),
                    (),
                    tuple(c["name"] for c in d.get("credits", {}).get("cast", [])),
                    tuple(k["name"] for k in d.get("keywords", {}).get("keywords", [])),
                    (d.get("belongs_to_collection") or {}).get("name"),
                )
            )
        self.name = "0" * 32
        self.manifest = SimpleNamespace(
            created_at=datetime.now(UTC),
            films=len(films),
            pairs=0,
            run_id=None,
            refreshed_at=datetime.now(UTC),
            genres=tuple(sorted(genres.values())),
            languages=tuple(sorted({f.language for f in self.films})),
        )
        self.quality = []
        self._by_id = {f.id: f for f in self.films}

    def film(self, movie_id):
        try:
            return self._by_id[movie_id]
        except KeyError:
            raise UnknownFilmError(f"There is no film {movie_id}.") from None

    def row_of(self, movie_id):
        f = self._by_id.get(movie_id)
        return f and f.row

    def search(self, query, limit):
        q = query.casefold()
        found = [f for f in self.films if q in f.title.casefold()]
        return sorted(found, key=lambda f: -f.popularity)[:limit]

    def find(self, title, year=None):
        return [
            f
            for f in self.search(title, 1000)
            if f.title.casefold() == title.casefold() and year in (None, f.year)
        ]

    def similar(self, movie_id, limit=10, offset=0, wishes=None):
        film = self.film(movie_id)
        likes = [
            (len(set(film.genres) & set(o.genres)) + o.vote_average / 100, o)
            for o in self.films
            if o is not film
        ]
        likes.sort(key=lambda p: -p[0])
        return [
            Similar(
                o,
                min(1.0, s / 5),
                {"content": 0.5, "closeness": 0.5, "prior": 0.5},
                ("same genres",),
            )
            for s, o in likes[offset : offset + limit]
        ]

    def for_taste(self, likings, seen, limit, offset, wishes):
        first = self.films[likings[0].row]
        return [
            Suggested(s.film, s.score, (first,), s.reasons)
            for s in self.similar(first.id, limit, offset)
        ]
