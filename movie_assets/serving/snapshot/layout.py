"""The format of a snapshot: names of files, their columns and dtypes.

Constants only; docs/snapshot.md says what they mean. A change of anything here that an older
reader would not understand raises :data:`FORMAT`.
"""

from __future__ import annotations

import re
from typing import Any

import numpy as np
import pyarrow as pa

#: The version of the format.
FORMAT = 3

CURRENT = "current"
MANIFEST = "manifest.json"
FILMS = "films.arrow"
REASONS = "reasons.arrow"
VOCABULARY = "features/vocabulary.arrow"
QUALITY = "quality.json"
WEIGHTS = "weights.json"
NEIGHBOURS = "neighbours"
PAIRS = "neighbours/pairs.npy"
FEATURES = "features"
SIGNALS = "signals"
#: The index for search. Its files are not in a snapshot's name, but the version of their format.
TITLES = "titles"
#: Each film as a list shows it, as JSON; read where it is there and of a version that is known.
BRIEFS = "briefs"

LOCK = ".lock"
#: Beside the snapshots: by what code the one that is served was made.
MADE_BY = ".made-by.json"
DRAFT = ".draft-"
REMOVED = ".removed-"

#: What a snapshot is called.
NAME = re.compile(r"[0-9a-f]{32}")

#: Rows of a batch in an Arrow file; each batch but the last has as many.
ROWS_A_BATCH = 65_536

#: How many reasons a pair can have.
REASONS_A_PAIR = 3

_NAMES = pa.list_(pa.string())
FILM_SCHEMA = pa.schema(
    [
        pa.field("movie_id", pa.int32(), nullable=False),
        pa.field("imdb_id", pa.string()),
        pa.field("title", pa.string(), nullable=False),
        pa.field("original_title", pa.string()),
        pa.field("overview", pa.string()),
        pa.field("tagline", pa.string()),
        pa.field("poster_path", pa.string()),
        pa.field("release_date", pa.date32()),
        pa.field("runtime", pa.int32()),
        pa.field("original_language", pa.string()),
        pa.field("popularity", pa.float32(), nullable=False),
        pa.field("vote_average", pa.float32(), nullable=False),
        pa.field("vote_count", pa.int32(), nullable=False),
        pa.field("genres", _NAMES, nullable=False),
        pa.field("directors", _NAMES, nullable=False),
        pa.field("writers", _NAMES, nullable=False),
        pa.field("actors", _NAMES, nullable=False),
        pa.field("keywords", _NAMES, nullable=False),
        pa.field("collection", pa.string()),
    ]
)
REASON_SCHEMA = pa.schema([pa.field("reason", pa.string(), nullable=False)])
TERM_SCHEMA = pa.schema([pa.field("term", pa.string(), nullable=False)])

#: Parts of a score that every pair has, and those of signals, which are left out where all are 0.
PARTS = ("score", "content", "closeness", "prior")
SIGNAL_PARTS = ("co_liked", "tmdb")

#: The arrays of ``features``, and their dtypes. ``levels`` has two dimensions.
FEATURE_DTYPES: dict[str, np.dtype[Any]] = {
    "movie_ids": np.dtype("<i4"),
    "indptr": np.dtype("<i8"),
    "indices": np.dtype("<i4"),
    "data": np.dtype("<f4"),
    "by_term_indptr": np.dtype("<i8"),
    "by_term_indices": np.dtype("<i4"),
    "by_term_data": np.dtype("<f4"),
    "idf": np.dtype("<f4"),
    "field_ends": np.dtype("<i8"),
    "years": np.dtype("<i2"),
    "votes": np.dtype("<i8"),
    "ratings": np.dtype("<f4"),
    "runtimes": np.dtype("<i4"),
    "codes": np.dtype("<i4"),
    "levels": np.dtype("<f4"),
}
#: The array of ``features`` that is there only where terms stay frozen while films change.
FROZEN, FROZEN_DTYPE = "frozen", np.dtype("<f8")
#: The arrays of each signal.
SIGNAL_DTYPES = {name: FEATURE_DTYPES[name] for name in ("indptr", "indices", "data")}


def pair_dtype(signals: tuple[str, ...]) -> np.dtype[np.void]:
    """The record of one pair, with the parts of these signals."""
    return np.dtype(
        [
            ("rows", "<i4"),
            *((name, "<f4") for name in (*PARTS, *signals)),
            ("reasons", "<i4", (REASONS_A_PAIR,)),
        ]
    )
