"""The whole evaluation: who judges, what is asked, and all methods' figures.

The graph and the command line call :func:`evaluate` and nothing else of this package but what reads
ratings into it.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from movie_assets.recommender.evaluation.catalogue import Catalogue
from movie_assets.recommender.evaluation.judge import judge_profiles, judge_similar
from movie_assets.recommender.evaluation.methods import (
    PROFILE_BASELINE,
    SIMILAR_BASELINE,
    Evaluated,
    profile_methods,
    similar_methods,
)
from movie_assets.recommender.evaluation.profiles import Profiles, split_by_time
from movie_assets.recommender.evaluation.truth import co_liked_truth

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    import pandas as pd
    from numpy.typing import NDArray
    from scipy import sparse

    from movie_assets.recommender.evaluation.figures import Figure
    from movie_assets.recommender.evaluation.ratings import Ratings
    from movie_assets.recommender.similar import Signal
    from movie_assets.recommender.weights import Weights

#: So many films and people are asked about at most; of more, some are drawn. A list for somebody
#: takes a thousand times as long as one for a film.
MOST_FILMS, MOST_PEOPLE = 5000, 1000


@dataclass(frozen=True)
class Evaluation:
    """All figures of a run, and what they are of.

    Attributes:
        figures: by task, then method.
        n_films: the films of the catalogue, all of which can be in a list.
        n_seeds: the films that were asked about.
        n_profiles: the people whose profiles were asked about.
        n_learned_from: the people whose ratings could be learned from.
        n_judges: the people who say what is right.
    """

    figures: tuple[Figure, ...]
    n_films: int
    n_seeds: int
    n_profiles: int
    n_learned_from: int
    n_judges: int


def evaluate(
    films: pd.DataFrame,
    weights: Weights,
    *,
    training: Ratings | None = None,
    held_out: Ratings | None = None,
    signals: Sequence[Signal] = (),
    seed: int = 0,
    most: tuple[int, int] = (MOST_FILMS, MOST_PEOPLE),
    progress: Callable[[str], None] | None = None,
) -> Evaluation:
    """Measure all methods by the same questions.

    Args:
        films: a film frame (``recommender.films``).
        weights: of the recommender.
        training: what may be learned from; without it there are no methods that learn.
        held_out: by people who are not in ``training``; without it there are no figures of
            accuracy, and the films asked about are all.
        signals: what else goes into the recommender's scores, such as TMDB's recommendations.
        seed: of what is drawn.
        most: how many films, and how many people, are asked about at most.
        progress: called with what comes next, in words.

    Raises:
        NoFeaturesError: where there is no film.
    """
    catalogue = Catalogue.of(films)
    evaluated = Evaluated(catalogue, weights, training, tuple(signals))
    seeds, relevant = _questions(held_out, len(catalogue), seed, most[0])
    figures = judge_similar(
        catalogue,
        similar_methods(evaluated),
        seeds,
        relevant,
        baseline=SIMILAR_BASELINE,
        progress=_saying("films like a film", progress),
    )
    profiles = _people(held_out, len(catalogue), seed, most[1])
    if profiles is not None and len(profiles):
        figures += judge_profiles(
            catalogue,
            profile_methods(evaluated),
            profiles,
            baseline=PROFILE_BASELINE,
            progress=_saying("films for people", progress),
        )
    return Evaluation(
        figures=tuple(figures),
        n_films=len(catalogue),
        n_seeds=len(seeds),
        n_profiles=0 if profiles is None else len(profiles),
        n_learned_from=0 if training is None else training.n_users,
        n_judges=0 if held_out is None else held_out.n_users,
    )


def _questions(
    held_out: Ratings | None, n_films: int, seed: int, most: int
) -> tuple[NDArray[np.int32], sparse.csr_matrix | None]:
    """The films asked about, and what is right for each; None where nobody says."""
    if held_out is not None:
        truth = co_liked_truth(held_out, n_films)
        if len(truth.seeds):
            chosen = _drawn(len(truth.seeds), seed, most)
            return truth.seeds[chosen], truth.relevant[chosen]
    return _drawn(n_films, seed, most).astype(np.int32), None


def _people(held_out: Ratings | None, n_films: int, seed: int, most: int) -> Profiles | None:
    if held_out is None:
        return None
    profiles = split_by_time(held_out, n_films)
    return profiles.some(_drawn(len(profiles), seed, most))


def _drawn(number: int, seed: int, most: int) -> NDArray[np.int64]:
    """Places among so many, ascending; some of them where there are more than are asked about."""
    if number <= most:
        return np.arange(number)
    return np.sort(np.random.default_rng(seed).choice(number, most, replace=False))


def _saying(task: str, progress: Callable[[str], None] | None) -> Callable[[str], None]:
    def say(method: str) -> None:
        if progress:
            progress(f"{task}: {method}")

    return say
