"""Ascent makes lists of ten righter, and a contest says what the recommender's lists would."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from movie_assets.recommender import Weights, fit_features, load_weights, nearest_neighbours
from movie_assets.recommender.evaluation import accuracy
from movie_assets.recommender.evaluation.methods import lists_of
from movie_assets.recommender.evaluation.truth import Truth, co_liked_truth
from movie_assets.recommender.features import MovieFeatures
from movie_assets.recommender.fitting import ascent
from movie_assets.recommender.fitting import contest as contests
from movie_assets.recommender.fitting.ascent import ascend, known_fields
from movie_assets.recommender.fitting.contest import Contest
from movie_assets.recommender.weights import FIELDS
from movie_assets_tests.unit.recommender.fitting.test_fit import films, ratings

#: With a weight above 0 for each field, so that features can be weighed anew.
EQUAL = load_weights().model_copy(update={"fields": dict.fromkeys(FIELDS, 1.0), "genres": {}})


@pytest.fixture(scope="module")
def features() -> MovieFeatures:
    return fit_features(films(), EQUAL)


@pytest.fixture(scope="module")
def truth(features: MovieFeatures) -> Truth:
    return co_liked_truth(ratings(films(), fame=1.0, likes=12), features.n_movies)


def measured(
    features: MovieFeatures, truth: Truth, weights: Weights, exponent: float
) -> tuple[float, float]:
    """NDCG@10 and different films a list, by the recommender's own lists."""
    at_it = weights.model_copy(update={"popularity": exponent})
    found = nearest_neighbours(features.reweighted(at_it), at_it, 10, rows=truth.seeds)
    lists = lists_of(truth.seeds, 10, found)
    right = accuracy.hits(lists, truth.relevant)
    ndcg = accuracy.ndcg(right, np.diff(truth.relevant.indptr)).mean()
    return float(ndcg), len(np.unique(lists[lists >= 0])) / len(lists)


@pytest.mark.parametrize("genres", [0.3, 1.0])
def test_a_contest_says_what_the_recommenders_lists_would(
    features: MovieFeatures, truth: Truth, genres: float
) -> None:
    weights = EQUAL.model_copy(update={"fields": EQUAL.fields | {"genres": genres}})
    contest = Contest.of(features, EQUAL, truth)
    end, narrow = measured(features, truth, weights, 1.0)
    assert contest.value(weights, breadth=narrow / 2) == pytest.approx(end)
    for exponent in (0.3, 0.6):
        middle, broad = measured(features, truth, weights, exponent)
        assert broad > narrow, "or else there is nothing to tell apart"
        assert contest.value(weights, broad) == pytest.approx((middle + end) / 2, abs=0.01)


def test_a_contest_knows_what_genres_weigh() -> None:
    """Films of several genres each: of one alone, no weight would matter."""
    frame = films()
    second = np.random.default_rng(4).choice(["War", "Music", "Crime"], len(frame))
    frame["genres"] = [[*one, other] for one, other in zip(frame["genres"], second, strict=True)]
    several = fit_features(frame, EQUAL)
    truth = co_liked_truth(ratings(frame, fame=1.0, likes=12), several.n_movies)
    contest = Contest.of(several, EQUAL, truth)
    values = set()
    for genres in ({}, {"War": 0.1, "Music": 0.1}, {"War": 6.0, "Drama": 0.2}):
        weights = EQUAL.model_copy(update={"genres": genres})
        end, narrow = measured(several, truth, weights, 1.0)
        assert contest.value(weights, breadth=narrow / 2) == pytest.approx(end)
        values.add(end)
    assert len(values) == 3, "or else there is nothing to tell apart"
    found = ascend(EQUAL, [contest], breadth=1.5)
    assert found.genres, "what a genre weighs is found as well"
    assert contest.value(found, 1.5) > contest.value(EQUAL, 1.5) + 0.05


def test_fame_moves_in_closeness_and_prior_together() -> None:
    taken = ascent._Step("closeness", "fame", 0.1).taken(EQUAL)
    assert taken.closeness.fame == pytest.approx(EQUAL.closeness.fame + 0.1)
    # To a film asked about whose ln(1 + votes) is 8, a famous one counts what it did.
    added = taken.prior.fame - EQUAL.prior.fame
    assert added == pytest.approx((11 - 8) * 0.1, rel=1e-3)
    none = ascent._Step("closeness", "fame", -9.0).taken(EQUAL)
    assert none.closeness.fame == 0
    gone = 3 * EQUAL.closeness.fame
    assert none.prior.fame == pytest.approx(EQUAL.prior.fame - gone, rel=1e-3)


def test_only_the_best_candidates_take_part(
    features: MovieFeatures, truth: Truth, monkeypatch: pytest.MonkeyPatch
) -> None:
    every = Contest.of(features, EQUAL, truth)
    monkeypatch.setattr(contests, "BEST", 12)
    some = Contest.of(features, EQUAL, truth)
    assert 12 <= some.films.shape[1] < every.films.shape[1]
    for row, seed in enumerate(truth.seeds):
        known = some.films[row][some.films[row] >= 0]
        assert seed not in known
        assert len(np.unique(known)) == len(known)
    end = measured(features, truth, EQUAL, 1.0)[0]
    assert some.value(EQUAL, 0.0) == every.value(EQUAL, 0.0) == pytest.approx(end)


def test_lists_get_righter_and_the_same_each_time(features: MovieFeatures, truth: Truth) -> None:
    contest = Contest.of(features, EQUAL, truth)
    found = ascend(EQUAL, [contest], breadth=1.5)
    assert contest.value(found, 1.5) > contest.value(EQUAL, 1.5) + 0.05
    assert found == ascend(EQUAL, [contest], breadth=1.5)
    assert found.fields["genres"] == max(found.fields[name] for name in known_fields([contest]))
    before, after = (measured(features, truth, weights, 1.0)[0] for weights in (EQUAL, found))
    assert after > before + 0.02


def test_what_no_list_depends_on_stays_as_it_is(features: MovieFeatures, truth: Truth) -> None:
    weights = EQUAL.model_copy(update={"fields": EQUAL.fields | {"keywords": 0.0}})
    found = ascend(weights, [Contest.of(features, EQUAL, truth)], breadth=1.5)
    assert found.fields["keywords"] == 0, "what was left out stays so"
    assert found.fields["actors"] == weights.fields["actors"], "no film has any"
    for part in ("blend", "profile", "gems", "popularity"):
        assert getattr(found, part) == getattr(weights, part)
    assert found.closeness.audience == weights.closeness.audience
    assert min(found.closeness.model_dump().values()) >= 0


def test_who_says_nothing_right_changes_nothing(features: MovieFeatures, truth: Truth) -> None:
    contest = Contest.of(features, EQUAL, truth)
    nothing = replace(contest, right=np.zeros_like(contest.right))
    assert ascend(EQUAL, [nothing], breadth=1.5) == EQUAL
