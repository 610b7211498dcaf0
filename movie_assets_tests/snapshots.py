"""Real snapshots for tests, without Dagster: of the bundled films, or of made-up ones.

``write_small_snapshot(folder)`` takes about a second and publishes into ``folder``, which
``open_snapshot(folder)`` then opens.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa

import movie_assets
from movie_assets.recommender import (
    MovieFeatures,
    Neighbours,
    Signal,
    fit_features,
    load_weights,
    nearest_neighbours,
    reasons,
)
from movie_assets.recommender.films import film_frame
from movie_assets.serving.snapshot import SnapshotContent, Written, layout, write_snapshot
from movie_assets.tmdb.details import parse_details

_SAMPLE = Path(movie_assets.__file__).parent / "sample"
QUALITY = [
    {
        "task": "similar films", "method": "published", "metric": "catalogue_coverage",
        "value": 0.5, "low": None, "high": None, "description": "The share of films.",
    }
]  # fmt: skip


def write_small_snapshot(
    folder: Path,
    films: int | Sequence[Mapping[str, Any]] | None = None,
    *,
    k: int = 50,
    signals: Sequence[Signal] = (),
    quality: Sequence[Mapping[str, Any]] = QUALITY,
    **options: Any,
) -> Written:
    """Publish a snapshot, and serve it from now on.

    Args:
        folder: the folder of snapshots, to be given to ``open_snapshot``.
        films: how many of the bundled films (the first ones); or films of one's own, whose columns
            may be those of ``layout.FILM_SCHEMA``, ``movie_id``, ``title`` and others, what is
            missing being unknown; all bundled films by default.
        k: how many neighbours a film gets.
        signals: what else goes into scores and is there to be asked.
        quality: the quality's rows.
        options: of ``write_snapshot``.
    """
    if films is None or isinstance(films, int):
        table = bundled_films()[:films]
    else:
        table = film_table(pd.DataFrame(films))
    return write_snapshot(
        folder, content_of(table, k=k, signals=signals, quality=quality), **options
    )


def content_of(
    films: pa.Table,
    *,
    k: int = 50,
    signals: Sequence[Signal] = (),
    quality: Sequence[Mapping[str, Any]] = QUALITY,
) -> SnapshotContent:
    """What to publish of films: their features and neighbours are worked out.

    Args:
        films: of ``layout.FILM_SCHEMA``.
        k: how many neighbours a film gets.
        signals: what else goes into scores.
        quality: the quality's rows.
    """
    films = films.sort_by("movie_id")
    weights = load_weights()
    frame = film_frame(films.to_pandas().rename(columns={"movie_id": "id"}))
    features = fit_features(frame, weights)
    found = nearest_neighbours(features, weights, k, signals=signals)
    return SnapshotContent(
        films=films.to_batches(),
        features=features,
        pairs=[pairs_of(features, found)],
        weights=weights,
        signals={signal.name: [_signal(features, signal)] for signal in signals},
        quality=quality,
    )


def pairs_of(features: MovieFeatures, found: Neighbours) -> pa.RecordBatch:
    """Neighbours as the writer takes them."""
    ids = features.movie_ids
    return pa.record_batch(
        {
            "movie_id": ids[found.rows],
            "neighbour_id": ids[found.columns],
            "score": found.scores,
            "content": found.content,
            "closeness": found.closeness,
            "prior": found.prior,
            **found.signals,
            "reasons": pa.array(reasons(features, found), pa.list_(pa.string())),
        }
    )


@cache
def bundled_films() -> pa.Table:
    """The 941 bundled films as a snapshot has them; the most popular first."""
    genres = json.loads((_SAMPLE / "genres.json").read_bytes())["genres"]
    names = {genre["id"]: genre["name"] for genre in genres}
    details = json.loads((_SAMPLE / "details.json").read_bytes())
    films = json.loads((_SAMPLE / "popular.json").read_bytes())["results"]
    return film_table(
        pd.DataFrame(
            [
                film
                | {"genres": [names[number] for number in film["genre_ids"]]}
                | parse_details(details[str(film["id"])])
                for film in films
            ]
        )
    )


def film_table(films: pd.DataFrame) -> pa.Table:
    """Films as a snapshot has them, of columns named as a snapshot's, TMDB's or a catalogue's.

    What is missing is unknown, and 0 where a film must have a number.
    """
    films = films.rename(
        columns={"id": "movie_id", "cast": "actors", "collection_name": "collection"}
    )
    return pa.table([_column(films, field) for field in layout.FILM_SCHEMA], layout.FILM_SCHEMA)


def _column(films: pd.DataFrame, field: pa.Field) -> pa.Array:
    if field.name not in films:
        values: list[Any] = [None] * len(films)
    elif pa.types.is_date(field.type):
        dates = pd.to_datetime(films[field.name], errors="coerce", format="ISO8601")
        values = [None if pd.isna(date) else date.date() for date in dates]
    elif pa.types.is_list(field.type):
        lists = films[field.name]
        values = [list(names) if isinstance(names, list | np.ndarray) else None for names in lists]
    else:
        values = [None if pd.isna(value) or value == "" else value for value in films[field.name]]
    if not field.nullable:
        unknown: Any = [] if pa.types.is_list(field.type) else 0
        values = [unknown if value is None else value for value in values]
    # Films of a catalogue have whole numbers as floats.
    is_number = pa.types.is_integer(field.type)
    return pa.array([v if v is None or not is_number else int(v) for v in values], field.type)


def _signal(features: MovieFeatures, signal: Signal) -> pa.RecordBatch:
    pairs = signal.pairs.tocsr()
    pairs.sort_indices()
    rows = np.repeat(np.arange(pairs.shape[0]), np.diff(pairs.indptr))
    return pa.record_batch(
        {
            "movie_id": features.movie_ids[rows],
            "neighbour_id": features.movie_ids[pairs.indices],
            "value": pairs.data,
        }
    )
