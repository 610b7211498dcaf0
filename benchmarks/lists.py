"""The lists of thirty films of all kinds, to be read by people who know films.

    python benchmarks/lists.py --catalogue FILE.parquet [--movielens DIR] >> docs/quality.md

Prints a section of markdown: the ten films most like each, as `movie-assets recommend` shows them
by default, without MovieLens and, where a release is named, with it. Without --catalogue the films
are those of the warehouse. A film that is not among them is left out with a note.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from movie_assets.film_tables import films_of, ratings_of
from movie_assets.movielens import read_ratings
from movie_assets.recommender import (
    MovieFeatures,
    Signal,
    Weights,
    fit_features,
    load_weights,
    nearest_neighbours,
)
from movie_assets.recommender.diversity import spread_collections
from movie_assets.recommender.evaluation.methods import co_liked_pairs
from movie_assets.recommender.films import read_catalogue
from movie_assets.settings import load_settings
from movie_assets.warehouse import TableMissingError
from movie_assets.warehouse.store import read_table

NEIGHBOURS, SHOWN = 50, 10
FILMS = (
    ("The Dark Knight", 2008),
    ("Star Wars", 1977),
    ("Titanic", 1997),
    ("Casablanca", 1943),
    ("Citizen Kane", 1941),
    ("Metropolis", 1927),
    ("The General", 1926),
    ("Nosferatu", 1922),
    ("Spirited Away", 2001),
    ("The Lion King", 1994),
    ("Toy Story", 1995),
    ("My Neighbor Totoro", 1988),
    ("Bowling for Columbine", 2002),
    ("March of the Penguins", 2005),
    ("Man on Wire", 2008),
    ("Lagaan: Once Upon a Time in India", 2001),
    ("3 Idiots", 2009),
    ("Dilwale Dulhania Le Jayenge", 1995),
    ("Seven Samurai", 1954),
    ("Parasite", 2019),
    ("Amélie", 2001),
    ("City of God", 2002),
    ("The Shining", 1980),
    ("Halloween", 1978),
    ("Alien", 1979),
    ("Pride & Prejudice", 2005),
    ("When Harry Met Sally...", 1989),
    ("Groundhog Day", 1993),
    ("Stalker", 1979),
    ("Primer", 2004),
)
#: Films with so many votes are obscure; of them so many are taken, evenly among all by their ids.
OBSCURE_VOTES, OBSCURE_SHOWN = (10, 49), 5


def films_to_show(films: pd.DataFrame) -> tuple[list[int], list[str]]:
    """The places of the films to show, and the names of those that are missing."""
    titles = films["title"].str.casefold()
    places, missing = [], []
    for title, year in FILMS:
        # Years of release differ by country.
        near = (films["year"] - year).abs().fillna(99) <= 1
        found = films[(titles == title.casefold()) & near]
        if found.empty:
            missing.append(f"{title} ({year})")
        else:
            places.append(int(found["vote_count"].idxmax()))
    little_known = films.index[films["vote_count"].between(*OBSCURE_VOTES)]
    step = max(1, len(little_known) // OBSCURE_SHOWN)
    return places + little_known[step // 2 :: step][:OBSCURE_SHOWN].tolist(), missing


def signals_of(folder: Path, features: MovieFeatures, weights: Weights) -> list[Signal]:
    """Films that the same people like."""
    ratings = ratings_of(read_ratings(folder).table, features.movie_ids)
    return [Signal("co_liked", weights.blend.co_liked, co_liked_pairs(ratings, features))]


def lists_of(
    features: MovieFeatures,
    weights: Weights,
    places: list[int],
    signals: list[Signal],
    popularity: float | None = None,
) -> dict[int, NDArray[np.int32]]:
    """The films shown for each film."""
    rows = np.unique(np.array(places, dtype=np.int32))
    found = nearest_neighbours(
        features, weights, NEIGHBOURS, popularity=popularity, signals=signals, rows=rows
    )
    collections = features.collections
    lists = {}
    for place in places:
        columns = found.columns[found.rows == place]
        lists[place] = columns[spread_collections(collections[columns], SHOWN)]
    return lists


def warehouse_films() -> pd.DataFrame:
    """The films that were built last."""
    database = load_settings().database
    names = ("movies_table", "genres_table", "movie_details")
    return films_of(*(read_table(database, name) for name in names))


def main() -> None:
    """Print the section."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--catalogue", type=Path)
    parser.add_argument("--movielens", type=Path)
    options = parser.parse_args()
    try:
        films = read_catalogue(options.catalogue) if options.catalogue else warehouse_films()
    except TableMissingError as missing_table:
        print(f"No lists: {missing_table}")
        return
    weights = load_weights()
    features = fit_features(films, weights)
    places, missing = films_to_show(films)
    kinds = {"Without MovieLens": lists_of(features, weights, places, [])}
    if options.movielens:
        signals = signals_of(options.movielens, features, weights)
        kinds["With MovieLens"] = lists_of(features, weights, places, signals)
        kinds["Hidden gems"] = lists_of(features, weights, places, signals, popularity=0.0)

    def label(place: int) -> str:
        year = films["year"][place]
        return films["title"][place] if pd.isna(year) else f"{films['title'][place]} ({year})"

    print("## Thirty films\n")
    print(f"What is published, to be read: the {SHOWN} films most like each, of {len(films):,},")
    print(
        f"the best first. The last {OBSCURE_SHOWN} have at most {OBSCURE_VOTES[1]} votes and were"
    )
    print("drawn blindly. `benchmarks/lists.py` prints this.\n")
    if options.movielens:
        print("Hidden gems are with MovieLens too, the popularity dial at its lower end.\n")
    for place in places:
        print(f"**{label(place)}**\n")
        for kind, lists in kinds.items():
            shown = " · ".join(label(other) for other in lists[place])
            print(f"- {kind}: {shown}" if len(kinds) > 1 else f"- {shown}")
        print()
    if missing:
        print(f"Not among these films: {', '.join(missing)}.")


if __name__ == "__main__":
    main()
