"""A small catalogue, whose films fall into groups that are alike and liked by the same people."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from movie_assets.recommender.evaluation.catalogue import Catalogue
from movie_assets.recommender.evaluation.ratings import Ratings
from movie_assets.recommender.films import film_frame

N_FILMS, N_GROUPS = 60, 5


def films_in_groups(n_films: int = N_FILMS) -> pd.DataFrame:
    """Film i is of group i % 5: of one genre, director and decade; the last film has no votes."""
    generator = np.random.default_rng(5)
    votes = (10 ** generator.uniform(1, 4, n_films)).astype(int)
    votes[-1] = 0
    groups = np.arange(n_films) % N_GROUPS
    return film_frame(
        pd.DataFrame(
            {
                "id": 100 + 3 * np.arange(n_films),
                "title": [f"Film {i}" for i in range(n_films)],
                "overview": [f"word{group} thing{i // 7}" for i, group in enumerate(groups)],
                "genres": [[f"Genre{group}"] for group in groups],
                "directors": [[f"Director {group}"] for group in groups],
                "collection": [f"Series {i % 10}" if i < 20 else None for i in range(n_films)],
                "original_language": ["en"] * n_films,
                "release_date": [f"{1970 + 10 * group}-05-01" for group in groups],
                "popularity": generator.uniform(1, 100, n_films),
                "vote_average": generator.uniform(4, 9, n_films),
                "vote_count": votes,
            }
        )
    )


def ratings_in_groups(films: pd.DataFrame, n_users: int = 120) -> pd.DataFrame:
    """User u likes films of group u % 5, and dislikes a few others; a rating a second."""
    generator = np.random.default_rng(7)
    ids = films["id"].to_numpy()
    rows = []
    for user in range(n_users):
        own = generator.permutation(np.arange(user % N_GROUPS, len(ids), N_GROUPS))
        others = generator.choice(len(ids), 4, replace=False)
        seen = [(film, 4.5) for film in own] + [(film, 2.0) for film in set(others) - set(own)]
        for second, place in enumerate(generator.permutation(len(seen))):
            film, stars = seen[place]
            rows.append((user, int(ids[film]), stars, 1_000_000 + second))
    return pd.DataFrame(rows, columns=["user_id", "movie_id", "rating", "seconds"])


@pytest.fixture(scope="session")
def films() -> pd.DataFrame:
    return films_in_groups()


@pytest.fixture(scope="session")
def catalogue(films: pd.DataFrame) -> Catalogue:
    return Catalogue.of(films)


@pytest.fixture(scope="session")
def ratings(catalogue: Catalogue) -> Ratings:
    table = ratings_in_groups(catalogue.films)
    return Ratings.of(
        table["user_id"],
        table["movie_id"],
        table["rating"],
        table["seconds"],
        catalogue=catalogue.ids,
    )
