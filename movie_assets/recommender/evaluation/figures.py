"""The figures that are measured: what each is called, and what it says.

How each is computed is in ``accuracy.py`` and ``breadth.py``; of which lists, in ``judge.py``.
"""

from __future__ import annotations

from typing import NamedTuple

#: How many films a list has.
LIST_LENGTH = 10

#: What methods are asked for: films like a film, or films for somebody.
SIMILAR, PROFILES = "similar films", "profiles"

#: What each figure says, and in which unit.
METRICS = {
    "ndcg_at_10": "NDCG of lists of 10, gains 0 or 1 (0 to 1, more is better)",
    "ndcg_at_10_gain": "NDCG@10 less that of the baseline on the same lists (more is better)",
    "ndcg_at_10_little_known": "NDCG@10 where the film asked about has fewer than 1,000 votes",
    "ndcg_at_10_known": "NDCG@10 where it has 1,000 to 4,999",
    "ndcg_at_10_well_known": "NDCG@10 where it has 5,000 or more",
    "ndcg_at_10_not_english": "NDCG@10 where its original language is not English",
    "precision_at_10": "share of the 10 places with a film that is right (0 to 1, more is better)",
    "recall_at_10": "share found of the films that are right, of 10 at most (0 to 1, more is "
    "better)",
    "mrr_at_10": "mean of 1 / the place of the first film that is right, 0 where none of the 10 is",
    "lists_with_films": "share of the lists that have a film at all (0 to 1)",
    "different_films": "how many different films are in the lists",
    "catalogue_coverage": "share of the films with votes that are in a list (0 to 1)",
    "gini": "Gini's coefficient of how often films with votes are recommended (0 all equally "
    "often, 1 always one)",
    "novelty": "mean over lists of -log2(votes of the film / all votes), in bits: the more, the "
    "less known the films",
    "intra_list_diversity": "mean cosine distance of two films of a list, by all fields alike "
    "(0 to 1, more is more varied)",
    "top_100_share": "share of places with one of the 100 films that have most votes (0 to 1)",
    "sequel_share": "share of places with a film of the same series as the film asked about (0 to "
    "1)",
    "popularity_rmse": "RMSE of TMDB's popularity between a film and those of its list",
    "vote_avg_rmse": "RMSE of the average vote (0 to 10) between a film and those of its list",
    "vote_count_rmse": "RMSE of the number of votes between a film and those of its list",
}


class Figure(NamedTuple):
    """One figure of one method.

    Attributes:
        task: what was asked for, :data:`SIMILAR` or :data:`PROFILES`.
        method: what made the lists.
        metric: one of :data:`METRICS`.
        value: None where it cannot be told.
        low: where the value of other films or people can be expected, from here; None where the
            figure is of all lists together.
        high: to here.
        description: what the metric says.
    """

    task: str
    method: str
    metric: str
    value: float | None
    low: float | None
    high: float | None
    description: str
