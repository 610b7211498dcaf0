"""The content of a snapshot, as it is handed to the writer: streams, so that none is held whole.

What belongs here: what the writer takes. What does not: where it comes from.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import pyarrow as pa

if TYPE_CHECKING:
    from movie_assets.recommender import MovieFeatures, Weights
    from movie_assets.serving.snapshot.telling import TellPairs


@dataclass(frozen=True)
class Renewal:
    """The pairs once more, for who knows most of their reasons already.

    Attributes:
        told_by: names what reasons follow from beside the films and their terms.
        signals: the signals whose parts the pairs have.
        pairs: as in :class:`SnapshotContent`, without ``reasons``.
        reasons: the reasons of some pairs, by the numbers of their films and of their neighbours,
            which come in the order in which ``pairs`` has them.
    """

    told_by: str
    signals: tuple[str, ...]
    pairs: Iterable[pa.RecordBatch]
    reasons: TellPairs


@dataclass(frozen=True)
class SnapshotContent:
    """What is to be published. Each stream is read once.

    Attributes:
        films: batches of :data:`layout.FILM_SCHEMA`'s columns, by ascending ``movie_id``.
        features: of these very films; their arrays may be mapped from a file.
        pairs: batches of ``movie_id``, ``neighbour_id``, ``score``, ``content``, ``closeness``,
            ``prior`` and ``reasons`` (lists of strings), and ``co_liked`` and ``tmdb`` where any
            is not 0; by ascending ``movie_id``, each film's best neighbour first.
        weights: what the features and the pairs were made by.
        n_pairs: how many pairs there are, where that is known: it saves time.
        signals: by name, batches of ``movie_id``, ``neighbour_id`` and ``value``, by ascending
            ``movie_id``; those of films that are not there are left out.
        quality: rows of figures, of values that JSON has.
        renewal: the pairs in another way, where there is one.
    """

    films: Iterable[pa.RecordBatch]
    features: MovieFeatures
    pairs: Iterable[pa.RecordBatch]
    weights: Weights
    n_pairs: int | None = None
    signals: Mapping[str, Iterable[pa.RecordBatch]] = field(default_factory=dict)
    quality: Sequence[Mapping[str, Any]] = ()
    renewal: Renewal | None = None
