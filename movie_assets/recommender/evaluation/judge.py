"""Methods judged by the same questions: their lists made, checked, and measured.

What a method is stands here as well: a name, and a function from what is asked about to lists.
Which methods there are is for ``methods.py``.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Generic, NamedTuple, TypeVar

import numpy as np

from movie_assets.recommender.evaluation import accuracy, breadth
from movie_assets.recommender.evaluation.bootstrap import Interval, intervals
from movie_assets.recommender.evaluation.figures import (
    LIST_LENGTH,
    METRICS,
    PROFILES,
    SIMILAR,
    Figure,
)
from movie_assets.recommender.evaluation.profiles import Profiles
from movie_assets.recommender.metrics import rmse

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from numpy.typing import NDArray
    from scipy import sparse

    from movie_assets.recommender.evaluation.catalogue import Catalogue

    #: A number a list by the metric that is its mean.
    OfLists = dict[str, NDArray[np.float64]]

Asked = TypeVar("Asked")


class Method(NamedTuple, Generic[Asked]):
    """Something that recommends.

    Attributes:
        name: what figures call it.
        lists: from what is asked about (films by index, or :class:`Profiles`) and k to int32 of
            shape (n, k): films by index, the best first, -1 where a list is shorter.
    """

    name: str
    lists: Callable[[Asked, int], NDArray[np.int32]]


class BadListsError(ValueError):
    """A method's lists hold what no list may."""


def judge_similar(
    catalogue: Catalogue,
    methods: Sequence[Method[NDArray[np.int32]]],
    seeds: NDArray[np.int32],
    relevant: sparse.csr_matrix | None,
    *,
    baseline: str,
    progress: Callable[[str], None] | None = None,
) -> list[Figure]:
    """Ask each method for the films most like each seed, and measure them.

    Args:
        catalogue: the films.
        methods: of different names.
        seeds: int32 of shape (n_seeds,): the films asked about, by index.
        relevant: CSR of shape (n_seeds, n_films): what is right for each; None where nobody knows,
            and then there are no figures of accuracy.
        baseline: the name of the method that the others are compared with.
        progress: called with each method's name before it is asked.

    Raises:
        BadListsError: where a list holds its seed, a film twice, or what is no film.
    """
    of_lists: dict[str, OfLists] = {}
    of_all: dict[str, dict[str, float | None]] = {}
    for method in methods:
        if progress:
            progress(method.name)
        lists = method.lists(seeds, LIST_LENGTH)
        _refuse(method.name, lists, seeds[:, None], len(catalogue))
        right = {} if relevant is None else _accuracy(lists, relevant, ("ndcg", "precision"))
        of_lists[method.name] = {
            **right,
            **(_by_kind(catalogue, seeds, right["ndcg_at_10"]) if right else {}),
            **_breadth(catalogue, lists),
            "sequel_share": breadth.sequels(lists, seeds, catalogue.collections),
        }
        of_all[method.name] = {**_together(catalogue, lists), **_rmse(catalogue, seeds, lists)}
    return _figures(SIMILAR, of_lists, of_all, baseline)


def judge_profiles(
    catalogue: Catalogue,
    methods: Sequence[Method[Profiles]],
    profiles: Profiles,
    *,
    baseline: str,
    progress: Callable[[str], None] | None = None,
) -> list[Figure]:
    """Ask each method for films for each profile, and measure them; as :func:`judge_similar`.

    Raises:
        BadListsError: where a list holds a film that was rated already, one twice, or none.
    """
    of_lists: dict[str, OfLists] = {}
    of_all: dict[str, dict[str, float | None]] = {}
    rated = _side_by_side([before.films for before in profiles])
    for method in methods:
        if progress:
            progress(method.name)
        lists = method.lists(profiles, LIST_LENGTH)
        _refuse(method.name, lists, rated, len(catalogue))
        of_lists[method.name] = {
            **_accuracy(lists, profiles.relevant, ("ndcg", "recall", "mrr")),
            **_breadth(catalogue, lists),
        }
        of_all[method.name] = _together(catalogue, lists)
    return _figures(PROFILES, of_lists, of_all, baseline)


def _accuracy(
    lists: NDArray[np.int32], relevant: sparse.csr_matrix, names: Sequence[str]
) -> OfLists:
    found, n_relevant = accuracy.hits(lists, relevant), np.diff(relevant.indptr)
    values = {
        "ndcg": accuracy.ndcg(found, n_relevant),
        "precision": accuracy.precision(found),
        "recall": accuracy.recall(found, n_relevant),
        "mrr": accuracy.reciprocal_rank(found),
    }
    return {f"{name}_at_10": values[name] for name in names}


def _by_kind(catalogue: Catalogue, seeds: NDArray[np.int32], ndcg: NDArray[np.float64]) -> OfLists:
    """NDCG by what kind of film is asked about: the mean over all hides where a method is weak."""
    votes = catalogue.votes[seeds]
    languages = catalogue.films["original_language"].to_numpy()[seeds]
    kinds = {
        "little_known": votes < 1000,
        "known": (votes >= 1000) & (votes < 5000),
        "well_known": votes >= 5000,
        "not_english": np.array([isinstance(own, str) and own != "en" for own in languages], bool),
    }
    return {f"ndcg_at_10_{kind}": np.where(of_it, ndcg, np.nan) for kind, of_it in kinds.items()}


def _breadth(catalogue: Catalogue, lists: NDArray[np.int32]) -> OfLists:
    popular = breadth.most_voted(catalogue.votes).astype(np.float64)
    return {
        "lists_with_films": np.asarray((lists >= 0).any(axis=1), dtype=np.float64),
        "novelty": breadth.self_information(lists, catalogue.votes),
        "intra_list_diversity": breadth.diversity(lists, catalogue.fields),
        "top_100_share": breadth.mean_over(lists, popular),
    }


def _together(catalogue: Catalogue, lists: NDArray[np.int32]) -> dict[str, float | None]:
    """What is a figure of all lists together and not a mean over them."""
    recommended = breadth.counts(lists, len(catalogue))
    of_candidates = recommended[catalogue.votes > 0]
    n_candidates = len(of_candidates)
    return {
        "different_films": float((recommended > 0).sum()),
        "catalogue_coverage": (of_candidates > 0).sum() / n_candidates if n_candidates else None,
        "gini": breadth.gini(of_candidates),
    }


def _rmse(
    catalogue: Catalogue, seeds: NDArray[np.int32], lists: NDArray[np.int32]
) -> dict[str, float | None]:
    """The tutorial's three figures: how alike in numbers, which is not how good."""
    rows, places = np.nonzero(lists >= 0)
    asked, found = seeds[rows], lists[rows, places]
    return {
        f"{name}_rmse": rmse(values[asked], values[found])
        for name, values in (
            ("popularity", catalogue.popularity),
            ("vote_avg", catalogue.vote_average),
            ("vote_count", catalogue.votes),
        )
    }


def _figures(
    task: str,
    of_lists: dict[str, OfLists],
    of_all: dict[str, dict[str, float | None]],
    baseline: str,
) -> list[Figure]:
    """All methods' figures, by method; intervals are of the same resamples for all of them."""
    columns = {
        (method, metric): values
        for method, metrics in of_lists.items()
        for metric, values in metrics.items()
    }
    reference = of_lists.get(baseline, {}).get("ndcg_at_10")
    if reference is not None:
        for method in of_lists.keys() - {baseline}:
            columns[method, "ndcg_at_10_gain"] = of_lists[method]["ndcg_at_10"] - reference
    measured = dict(zip(columns, intervals(np.stack(list(columns.values()), axis=1)), strict=True))
    for method, metrics in of_all.items():
        for metric, value in metrics.items():
            measured[method, metric] = Interval(None if value is None else float(value), None, None)
    return [
        Figure(task, method, metric, *measured[method, metric], description)
        for method in of_lists
        for metric, description in METRICS.items()
        if (method, metric) in measured
    ]


def _refuse(name: str, lists: NDArray[np.int32], excluded: NDArray[np.int32], n_films: int) -> None:
    """Refuse lists that would be measured too well, or not at all."""
    if lists.shape != (len(excluded), LIST_LENGTH):
        raise BadListsError(
            f"{name} gave lists of shape {lists.shape} and not {(len(excluded), LIST_LENGTH)}"
        )
    if lists.size and (lists.min() < -1 or lists.max() >= n_films):
        raise BadListsError(f"{name} lists what is no film of the catalogue")
    ordered = np.sort(lists, axis=1)
    if ((ordered[:, 1:] == ordered[:, :-1]) & (ordered[:, 1:] >= 0)).any():
        raise BadListsError(f"{name} lists a film twice")
    for row, films in zip(lists, excluded, strict=True):
        if np.isin(row[row >= 0], films).any():
            raise BadListsError(f"{name} lists the film asked about, or what was rated already")


def _side_by_side(lists: list[NDArray[np.int32]]) -> NDArray[np.int32]:
    """Lists of different lengths as one array, -1 where one is shorter."""
    longest = max((len(films) for films in lists), default=0)
    table = np.full((len(lists), longest), -1, dtype=np.int32)
    for row, films in enumerate(lists):
        table[row, : len(films)] = films
    return table
