"""An example for each call, as the API's own docs show it; the tests ask for each of them."""

from __future__ import annotations

from typing import Any

WELCOME = {
    "message": "Recommendations for films. POST /recommendations/ takes a title; /docs shows "
    "everything else."
}

TUTORIAL_ASKED = {"movie": "Heat", "num_rec": 3}
TUTORIAL = {
    "movie": "heat",
    "recommendations": ["the usual suspects", "se7en", "casino"],
    "metrics": {"popularity": 15.634, "vote_avg": 0.317, "vote_count": 7723.611},
}

_HEAT: dict[str, Any] = {
    "id": 949,
    "imdb_id": "tt0113277",
    "title": "Heat",
    "original_title": "Heat",
    "year": 1995,
    "genres": ["Crime", "Drama", "Action"],
    "language": "en",
    "runtime": 171,
    "popularity": 17.21,
    "vote_average": 7.9,
    "vote_count": 7000,
    "poster_path": "/umSVjVdbVwtx5ryCA2QXL44Durm.jpg",
}
_RONIN: dict[str, Any] = {
    "id": 8195,
    "imdb_id": "tt0122690",
    "title": "Ronin",
    "original_title": "Ronin",
    "year": 1998,
    "genres": ["Action", "Thriller", "Crime"],
    "language": "en",
    "runtime": 122,
    "popularity": 13.4,
    "vote_average": 7.0,
    "vote_count": 2300,
    "poster_path": None,
}
_HEAT_NAME = {"id": 949, "title": "Heat", "year": 1995}

FOUND = {"query": "heat", "movies": [_HEAT]}
FULL = {
    **_HEAT,
    "release_date": "1995-12-15",
    "overview": "A crew of careful thieves and the detective who follows them.",
    "tagline": None,
    "directors": ["Michael Mann"],
    "writers": ["Michael Mann"],
    "actors": ["Al Pacino", "Robert De Niro", "Val Kilmer"],
    "keywords": ["heist", "detective"],
    "collection": None,
}
SIMILAR = {
    "movie": _HEAT,
    "limit": 1,
    "offset": 0,
    "recommendations": [
        {
            "rank": 1,
            "score": 0.412034,
            "parts": {"content": 0.31, "closeness": 0.92, "prior": 0.61},
            "reasons": ["with Robert De Niro", "heist"],
            "movie": _RONIN,
        }
    ],
}

TASTE_ASKED = {
    "liked": [{"id": 949}, {"title": "Spirited Away", "year": 2001}],
    "disliked": [{"imdb_id": "tt0120338"}],
    "rated": [{"title": "Alien", "stars": 4.5}],
    "seen": [{"title": "Jaws"}],
    "limit": 5,
    "popularity": 0.7,
    "diversity": 0.2,
    "from_year": 1970,
    "without_genres": ["Horror"],
}
TASTE = {
    "films_used": 5,
    "unresolved": [],
    "limit": 5,
    "offset": 0,
    "recommendations": [
        {
            "rank": 1,
            "score": 0.731802,
            "because": [_HEAT_NAME],
            "reasons": ["with Robert De Niro", "heist"],
            "movie": _RONIN,
        }
    ],
}

EXPORT = "Date,Name,Year,Letterboxd URI,Rating\n2024-05-01,Heat,1995,https://boxd.it/2a3c,4.5\n"
IMPORTED = {
    "format": "letterboxd",
    "files": ["ratings.csv"],
    "profile": {
        "liked": [],
        "disliked": [],
        "rated": [{"id": 949, "stars": 4.5, "at": 1714521600.0}],
        "seen": [],
    },
    "matched": [
        {
            **_HEAT_NAME,
            "stars": 4.5,
            "liked": None,
            "how": "title and year",
            "row": "ratings.csv, row 2",
        }
    ],
    "unmatched": [],
    "skipped": [],
    "ignored": {},
    "notes": [],
}

HEALTHY = {"status": "ok"}
READY = {
    "status": "ready",
    "snapshot": {
        "name": "0f3c1f6e2b7d4c5a9e8b7a6d5c4b3a29",
        "created_at": "2026-11-22T06:00:12.412908Z",
        "refreshed_at": "2026-11-22T05:58:02Z",
        "age_seconds": 3600.5,
        "films": 941,
        "pairs": 47050,
        "run_id": "4e0f6d7c-2c0e-4f0a-9d0b-6f3f7d0f9f5e",
    },
    "problem": None,
}
METRICS = 'movie_api_requests_total{method="GET",route="/v1/movies",status="200"} 12.0\n'
