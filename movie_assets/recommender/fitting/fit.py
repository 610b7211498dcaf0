"""The whole fit: cross-validated over halves of the people, then on all of them from between these.

What is fitted by gradient is in ``listwise``, and made better for lists of ten in ``ascent``. The
few numbers that neither reaches (where the dial's middle is, how signals and tastes are blended)
are taken from short grids, by people who were held out. Nothing is drawn at random but by the seed,
so that the same ratings give the same file: what the grids start from has fewer digits than another
processor's last bits could change.
"""

from __future__ import annotations

from bisect import bisect_left
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import cached_property, partial
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from movie_assets.recommender.evaluation import accuracy
from movie_assets.recommender.evaluation.methods import (
    co_liked_pairs,
    learned_item_weights,
    learned_transitions,
    lists_of,
)
from movie_assets.recommender.evaluation.profiles import Profiles, split_by_time
from movie_assets.recommender.evaluation.ratings import split_people
from movie_assets.recommender.evaluation.truth import Truth, co_liked_truth
from movie_assets.recommender.features import MovieFeatures, fit_features
from movie_assets.recommender.fitting.ascent import ascend, known_fields, with_closeness_by_fame
from movie_assets.recommender.fitting.contest import Contest
from movie_assets.recommender.fitting.listwise import Fitted, fit_listwise
from movie_assets.recommender.fitting.pairs import pairs_of
from movie_assets.recommender.query import Recommender, Taste
from movie_assets.recommender.similar import Signal, nearest_neighbours
from movie_assets.recommender.weights import FIELDS, FieldName, Weights

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence

    import pandas as pd
    from numpy.typing import NDArray
    from scipy import sparse

    from movie_assets.recommender.evaluation.ratings import Ratings

    Progress = Callable[[str], None]

#: In the dial's middle the lists of n films hold at least so many times n different films. More
#: accuracy is to be had for less breadth, and that is what the dial is for.
BREADTH = 1.37

_EXPONENTS = tuple(float(value) for value in np.round(np.arange(0.3, 1.0, 0.02), 2))
#: Where the search for lists of ten begins, beside what the likelihood found: that gives languages
#: and the floor little, since most films asked about are well known and in English, and makes
#: closeness and prior too steep. Of the prior so much is left.
_FIELDS_AT_FIRST = {"language": 0.8, "floor": 0.1}
_CLOSENESS_AT_FIRST = {"years": 0.85, "newer": 0.2, "fame": 0.2, "rating": 0.3}
_PRIOR_AT_FIRST = 0.4
#: Fame's part of the prior, of which closeness takes back where a film asked about has less.
_FAME_AT_FIRST = 0.7
_CO_LIKED = (0.1, 0.15, 0.2, 0.3, 0.4, 0.5)
#: So much NDCG@10 is given for a smaller share of what people like together: of a few people
#: it brings the films that everybody likes, and with less of it lists are more of a kind.
_FOR_KIND = 0.01
_PROFILE_GRID: dict[str, tuple[float, ...]] = {
    "sharpness": (1.0, 1.5, 2.0, 3.0),
    "dislike": (0.0, 0.3, 0.6),
    "half_life": (100.0, 200.0, 400.0, 1000.0),
    "item_weights": (0.0, 2.0, 4.0, 8.0, 12.0),
    "transitions": (0.0, 5.0, 10.0, 20.0, 30.0, 40.0),
    "last_half_life": (1.0, 2.0, 4.0, 8.0),
}
#: The more what is learned counts, the more different films lists have: of what is within so much
#: NDCG@10 of the best the most is taken.
_LEARNED, _FOR_VARIETY = ("item_weights", "transitions"), 0.003
_PROFILES = 400
#: Which half is learned from, and which one judges.
_FOLDS = ((0, 1), (1, 0))
#: Most people name a few films, and no dates: each judge is asked about by so many likes as well.
_NAMED = 3
#: NDCG@10; less than this is chance.
_LEAST_GAIN = 1e-3
_LIST = 10
_TINY = 1e-9


class Fold(NamedTuple):
    """Some people to learn from, and others to judge by."""

    training: Ratings
    judges: Ratings


@dataclass(frozen=True)
class Gain:
    """What a part of the weights gains: NDCG@10 of held-out people with it and without it."""

    part: str
    ndcg_with: float
    ndcg_without: float


def fit_weights(
    films: pd.DataFrame,
    ratings: Ratings,
    current: Weights,
    *,
    seed: int = 0,
    progress: Progress = lambda _: None,
) -> Weights:
    """Fit all weights.

    Args:
        films: as :func:`movie_assets.recommender.films.film_frame` gives them.
        ratings: by people, of these films.
        current: what is not fitted is taken from here: the weight of audiences, the rating's prior,
            TMDB's share, and the weight (beside the directors') of a field that no film has; and
            how a taste is put together, where the search for better begins.
        seed: of the splits.
        progress: called with what is being done.

    Returns:
        The weights, with what they were fitted on and what each part gained in ``fitted_on``.

    Raises:
        ValueError: where nobody says what is right for any film.
    """
    features = fit_features(films, _with_all_fields(current))
    folds = _folds(ratings, seed)
    trials = [_Trial.of(features, fold, seed) for fold in folds]
    progress("the first half of the people")
    first = _fit(features, current, folds[0].training, seed)
    dropped = _useless_fields(trials[0], first)
    progress(f"each half of the people, {len(dropped)} fields dropped")

    def of_half(training: Ratings) -> tuple[Weights, Contest]:
        known = first if training is folds[0].training and not dropped else None
        weights = known or _fit(features, current, training, seed, dropped)
        contest = Contest.of(features, weights, co_liked_truth(training, features.n_movies))
        return _for_lists(weights, [contest]), contest

    found = _at_once(of_half, [fold.training for fold in folds])
    halves, contests = [half for half, _ in found], [contest for _, contest in found]
    progress("all people")
    everybody = _for_lists(_between(halves), contests)
    progress("the dial, signals and tastes")
    # Weights of half of the people need another middle for equally wide lists than those of all.
    halves = _at_once(lambda trial, weights: _with_middle([trial], weights), trials, halves)
    tuned = _tuned(trials, halves)
    progress("what each part gains")
    changed = [_changed(weights, tuned) for weights in halves]
    scores = [_scores(trial, weights) for trial, weights in zip(trials, changed, strict=True)]
    gains = _gains(trials[0], changed[0], dropped)
    provenance = _provenance(ratings, films, seed, scores, gains)
    everybody = _with_middle(trials, everybody)
    return _changed(everybody, {**tuned, "fitted_on": provenance})


def _at_once(work: Callable[..., Any], *each: Iterable[Any]) -> list[Any]:
    """What the work gives for each, in order; a half of the people is a thread's."""
    with ThreadPoolExecutor(len(_FOLDS), thread_name_prefix="fit") as pool:
        return list(pool.map(work, *each))


def _between(halves: Sequence[Weights]) -> Weights:
    """Between weights: what is multiplied by the geometric mean, what is added by the mean.

    Each half's search ends in another of many places that are about as good. Between them is a
    better place to begin than where either began.
    """

    def times(values: Iterable[float]) -> float:
        logs = np.log(np.maximum(list(values), _TINY))
        return _round(float(np.exp(logs.mean())))

    def mean(part: str) -> Any:
        of = [getattr(half, part) for half in halves]
        names = type(of[0]).model_fields
        found = {n: _round(float(np.mean([getattr(one, n) for one in of]))) for n in names}
        return of[0].model_copy(update=found)

    genres = sorted(set().union(*(half.genres for half in halves)))
    return _changed(
        halves[0],
        {
            "fields": {
                name: times(half.fields[name] for half in halves) if value else 0.0
                for name, value in halves[0].fields.items()
            },
            "genres": {
                name: times(half.genres.get(name, 1.0) for half in halves) for name in genres
            },
            "closeness": mean("closeness"),
            "prior": mean("prior"),
        },
    )


def _folds(ratings: Ratings, seed: int) -> list[Fold]:
    halves = split_people(ratings, seed)
    return [Fold(halves[one], halves[other]) for one, other in _FOLDS]


def _with_all_fields(weights: Weights) -> Weights:
    return weights.model_copy(update={"fields": dict.fromkeys(FIELDS, 1.0), "genres": {}})


def _fit(
    features: MovieFeatures,
    current: Weights,
    training: Ratings,
    seed: int,
    dropped: frozenset[str] = frozenset(),
) -> Weights:
    truth = co_liked_truth(training, features.n_movies)
    all_fields = _with_all_fields(current)
    pairs = pairs_of(features, all_fields, truth, seed)
    for place, name in enumerate(FIELDS):
        if name in dropped:
            pairs.likeness[place] = 0
    found = fit_listwise(pairs)
    known = np.array([field.any() for field in pairs.likeness], dtype=np.bool_)
    weights = _as_weights(found, known, current)
    return weights.model_copy(update={"fields": weights.fields | dict.fromkeys(dropped, 0.0)})


def _as_weights(found: Fitted, known: NDArray[np.bool_], current: Weights) -> Weights:
    fields = {name: _round(value) for name, value in zip(FIELDS, found.fields, strict=True)}
    directors = current.fields.get("directors") or 1.0
    for name, is_known in zip(FIELDS, known, strict=True):
        if not is_known:  # keeps its proportion: there is nothing here to fit it on
            fields[name] = _round(fields["directors"] * current.fields.get(name, 0.0) / directors)
    prior = {
        name: _round(_PRIOR_AT_FIRST * value)
        for name, value in zip(
            ("votes", "fame", "rating", "era", "era_votes"), found.prior, strict=True
        )
    }
    # The likelihood's own is of a prior from which nothing is taken back.
    prior["fame"] = _FAME_AT_FIRST
    closeness = {**_CLOSENESS_AT_FIRST, "known": _round(_PRIOR_AT_FIRST * found.closeness[1])}
    return current.model_copy(
        update={
            "fields": fields | _FIELDS_AT_FIRST,
            "genres": {},
            "prior": current.prior.model_copy(update=prior),
            "closeness": current.closeness.model_copy(update=closeness),
        }
    )


def _for_lists(weights: Weights, contests: Sequence[Contest]) -> Weights:
    """The weights for lists of ten, the largest of the fields' 1."""
    found, known = ascend(weights, contests, BREADTH), known_fields(contests)
    largest = max(found.fields[name] for name in known)
    fields = {name: _round(value / largest) for name, value in found.fields.items()}
    # What no film has keeps its proportion to the directors.
    times = 1.0
    if "directors" in known:
        times = found.fields["directors"] / (weights.fields["directors"] or 1.0) / largest
    for name in set(FIELDS) - set(known):
        fields[name] = _round(times * weights.fields[name])
    return _changed(found, {"fields": fields})


def _round(number: float) -> float:
    return float(f"{number:.4g}")


@dataclass(frozen=True)
class _Trial:
    """One fold, with what does not depend on the weights made only once.

    Attributes:
        features: of all films, a weight above 0 for each field.
        fold: who is learned from, and who judges.
        truth: what is right, by the judges.
        profiles: some of the judges.
        named: int32 of shape (n_profiles, 3): of what each liked before the cut, by chance.
    """

    features: MovieFeatures
    fold: Fold
    truth: Truth
    profiles: Profiles
    named: NDArray[np.int32]

    @classmethod
    def of(cls, features: MovieFeatures, fold: Fold, seed: int) -> _Trial:
        profiles = split_by_time(fold.judges, features.n_movies)
        random = np.random.default_rng(seed)
        some = profiles.some(np.sort(random.permutation(len(profiles))[:_PROFILES]))
        named = [
            random.choice(before.films[before.liked], _NAMED, replace=False) for before in some
        ]
        truth = co_liked_truth(fold.judges, features.n_movies)
        return cls(features, fold, truth, some, np.array(named, np.int32).reshape(-1, _NAMED))

    @cached_property
    def co_liked(self) -> sparse.csr_matrix:
        return co_liked_pairs(self.fold.training, self.features)

    @cached_property
    def item_weights(self) -> sparse.csr_matrix:
        return learned_item_weights(self.fold.training, self.features)

    @cached_property
    def transitions(self) -> sparse.csr_matrix:
        return learned_transitions(self.fold.training, self.features.n_movies)

    def lists(self, weights: Weights, *, with_ratings: bool = False) -> NDArray[np.int32]:
        """The lists of the films asked about."""
        signals = (
            [Signal("co_liked", weights.blend.co_liked, self.co_liked)] if with_ratings else []
        )
        found = nearest_neighbours(
            self.features.reweighted(weights),
            weights,
            _LIST,
            signals=signals,
            rows=self.truth.seeds,
        )
        return lists_of(self.truth.seeds, _LIST, found)

    def ndcg(self, weights: Weights, *, with_ratings: bool = False) -> float:
        """NDCG@10 of the films asked about."""
        return _mean_ndcg(self.lists(weights, with_ratings=with_ratings), self.truth.relevant)

    def profile_ndcg(self, weights: Weights) -> float:
        """NDCG@10 of the profiles, by all of them and by the few films: the mean of the two."""
        features = self.features.reweighted(weights)
        signals = [Signal("co_liked", weights.blend.co_liked, self.co_liked)]
        recommender = Recommender(features, weights, signals, self.item_weights, self.transitions)
        lists = np.full((2, len(self.profiles), _LIST), -1, dtype=np.int32)
        for row, (before, named) in enumerate(zip(self.profiles, self.named, strict=True)):
            rest = np.setdiff1d(before.films, named)
            tastes = (
                Taste.of_ratings(before.films, before.stars, weights, before.seconds),
                Taste(named, np.ones(_NAMED, np.float32), seen=rest),
            )
            for way, taste in enumerate(tastes):
                found = recommender.for_taste(taste, _LIST).films
                lists[way, row, : len(found)] = found
        return float(np.mean([_mean_ndcg(of, self.profiles.relevant) for of in lists]))


def _mean_ndcg(lists: NDArray[np.int32], relevant: sparse.csr_matrix) -> float:
    found = accuracy.hits(lists, relevant)
    return float(accuracy.ndcg(found, np.diff(relevant.indptr)).mean())


def _tuned(trials: Sequence[_Trial], fitted: Sequence[Weights]) -> dict[str, Any]:
    """The blends, and how a taste is put together with them."""
    weights = fitted[0]
    scores = (
        _mean_over(trials, fitted, _co_liked(weights, share), with_ratings=True)
        for share in _CO_LIKED
    )
    tuned = _co_liked(weights, _first_good(_CO_LIKED, scores, _FOR_KIND))
    tuned["profile"] = _profile(trials, _changed(weights, tuned)).profile
    return tuned


def _first_good(values: Sequence[float], scores: Iterable[float], given: float) -> float:
    """The first of the values, which ascend, that has all but so much of the best one's score."""
    found = np.array(list(scores))
    return values[int(np.argmax(found >= found.max() - given))]


def _mean_over(
    trials: Sequence[_Trial],
    fitted: Sequence[Weights],
    parts: dict[str, Any],
    *,
    with_ratings: bool = False,
) -> float:
    """NDCG@10 of all folds' lists by their weights, with these parts in their place."""

    def score(trial: _Trial, weights: Weights) -> float:
        return trial.ndcg(_changed(weights, parts), with_ratings=with_ratings)

    return float(np.mean(_at_once(score, trials, fitted)))


def _co_liked(weights: Weights, share: float) -> dict[str, Any]:
    return {"blend": weights.blend.model_copy(update={"co_liked": share})}


def _with_middle(trials: Sequence[_Trial], weights: Weights) -> Weights:
    """The weights with the largest exponent at which lists are wide enough: narrower is righter."""

    def is_wide(exponent: float) -> bool:
        at_it = _changed(weights, {"popularity": exponent})
        found = [trial.lists(at_it) for trial in trials]
        n_films = sum(len(np.unique(lists[lists >= 0])) for lists in found)
        return n_films >= BREADTH * sum(map(len, found))

    narrow = bisect_left(_EXPONENTS, True, key=lambda exponent: not is_wide(exponent))
    return _changed(weights, {"popularity": _EXPONENTS[max(0, narrow - 1)]})


def _profile(trials: Sequence[_Trial], weights: Weights) -> Weights:
    """One number after the other, the others as they are.

    What is learned counts as much as it may; any other number stays where none gains by a change.
    """
    asked = [trial for trial in trials if len(trial.profiles)]
    if not asked:
        return weights
    for name, values in _PROFILE_GRID.items():
        tried = [_with_profile(weights, name, value) for value in values]
        scores = np.mean(_at_once(partial(_profile_scores, tried), asked), axis=0)
        now = np.interp(getattr(weights.profile, name), values, scores)
        if name in _LEARNED:
            weights = tried[int(np.flatnonzero(scores >= scores.max() - _FOR_VARIETY)[-1])]
        elif scores.max() >= now + _LEAST_GAIN:
            weights = tried[int(scores.argmax())]
    return weights


def _profile_scores(tried: Sequence[Weights], trial: _Trial) -> list[float]:
    return [trial.profile_ndcg(one) for one in tried]


def _with_profile(weights: Weights, name: str, value: float) -> Weights:
    profile = weights.profile.model_copy(update={name: value})
    return weights.model_copy(update={"profile": profile})


def _scores(trial: _Trial, weights: Weights) -> dict[str, float]:
    lists = trial.lists(weights)
    return {
        "ndcg_at_10": _mean_ndcg(lists, trial.truth.relevant),
        "ndcg_at_10_with_ratings": trial.ndcg(weights, with_ratings=True),
        "different_films": float(len(np.unique(lists[lists >= 0]))),
        "films_asked_about": float(len(trial.truth.seeds)),
    }


def _useless_fields(trial: _Trial, weights: Weights) -> frozenset[str]:
    """The fields without which the judges' lists are better: others say the same already."""
    every = trial.ndcg(weights)
    return frozenset(
        name
        for name, value in weights.fields.items()
        if name != "floor"
        and value > 0
        and trial.ndcg(_without_field(weights, name)) > every + _LEAST_GAIN
    )


def _gains(trial: _Trial, weights: Weights, dropped: frozenset[str]) -> list[Gain]:
    """NDCG@10 without each part in turn, the others as they are; 0 for what was dropped."""
    every = trial.ndcg(weights)
    gains = [Gain(part, every, trial.ndcg(less)) for part, less in _without_each(weights)]
    return [*gains, *(Gain(f"fields.{name}", every, every) for name in sorted(dropped))]


def _without_field(weights: Weights, name: FieldName) -> Weights:
    return _changed(weights, {"fields": {**weights.fields, name: 0.0}})


def _changed(weights: Weights, parts: dict[str, Any]) -> Weights:
    return weights.model_copy(update=parts)


def _without_each(weights: Weights) -> Iterator[tuple[str, Weights]]:
    for field, value in weights.fields.items():
        if value > 0:
            yield f"fields.{field}", _without_field(weights, field)
    if weights.genres:
        yield "genres", _changed(weights, {"genres": {}})
    yield "closeness.fame", with_closeness_by_fame(weights, 0.0)
    for name in ("years", "newer", "known", "rating", "audience"):
        less = weights.closeness.model_copy(update={name: 0.0})
        yield f"closeness.{name}", _changed(weights, {"closeness": less})
    for names in (("votes",), ("fame",), ("rating",), ("era", "era_votes")):
        lesser = weights.prior.model_copy(update=dict.fromkeys(names, 0.0))
        yield f"prior.{' and '.join(names)}", _changed(weights, {"prior": lesser})


def _provenance(
    ratings: Ratings,
    films: pd.DataFrame,
    seed: int,
    scores: list[dict[str, float]],
    gains: list[Gain],
) -> dict[str, Any]:
    return {
        "people": ratings.n_users,
        "ratings": len(ratings),
        "likes": int(ratings.liked.sum()),
        "films": len(films),
        "seed": seed,
        "folds": len(scores),
        "held_out": {
            name: round(float(np.mean([score[name] for score in scores])), 4) for name in scores[0]
        },
        "gains": {
            gain.part: round(gain.ndcg_with - gain.ndcg_without, 4)
            for gain in sorted(gains, key=lambda gain: gain.ndcg_without)
        },
    }
