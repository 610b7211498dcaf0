"""The whole evaluation on made-up people, whose taste is known."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from scipy import sparse

from movie_assets.recommender.evaluation.catalogue import Catalogue
from movie_assets.recommender.evaluation.figures import PROFILES, SIMILAR, Figure
from movie_assets.recommender.evaluation.methods import Evaluated
from movie_assets.recommender.evaluation.ratings import Ratings, split_people
from movie_assets.recommender.evaluation.run import Evaluation, evaluate
from movie_assets.recommender.features import NoFeaturesError
from movie_assets.recommender.films import film_frame
from movie_assets.recommender.similar import Signal
from movie_assets.recommender.weights import Weights, load_weights


@pytest.fixture(scope="module")
def weights() -> Weights:
    return load_weights()


@pytest.fixture(scope="module")
def found(films: pd.DataFrame, ratings: Ratings, weights: Weights) -> Evaluation:
    training, held_out = split_people(ratings)
    return evaluate(films, weights, training=training, held_out=held_out)


def values(figures: tuple[Figure, ...], task: str, metric: str) -> dict[str, float | None]:
    return {
        figure.method: figure.value
        for figure in figures
        if (figure.task, figure.metric) == (task, metric)
    }


def test_what_the_figures_are_of(found: Evaluation, ratings: Ratings) -> None:
    training, held_out = split_people(ratings)
    assert found.n_films == 60
    assert (found.n_learned_from, found.n_judges) == (training.n_users, held_out.n_users)
    assert found.n_learned_from + found.n_judges == 120
    assert found.n_seeds == 60  # each film is liked by a fifth of 60 people
    assert 0 < found.n_profiles <= found.n_judges


def test_every_method_has_every_figure_once(found: Evaluation) -> None:
    keys = [(figure.task, figure.method, figure.metric) for figure in found.figures]
    assert len(set(keys)) == len(keys)
    for task in (SIMILAR, PROFILES):
        methods = set(values(found.figures, task, "ndcg_at_10"))
        assert "ours + MovieLens" in methods
        for metric in ("novelty", "gini", "different_films"):
            assert set(values(found.figures, task, metric)) == methods


def test_who_learned_the_taste_beats_who_did_not(found: Evaluation) -> None:
    similar = values(found.figures, SIMILAR, "ndcg_at_10")
    assert similar["co-likes only"] > 2 * similar["popularity"]  # type: ignore[operator]
    assert similar["ours"] > 2 * similar["random"]  # type: ignore[operator]
    people = values(found.figures, PROFILES, "ndcg_at_10")
    for method in ("ours", "co-likes only", "ours + MovieLens"):
        assert people[method] > 2 * people["popularity"]  # type: ignore[operator]


def test_without_ratings_there_is_only_what_needs_none(
    films: pd.DataFrame, weights: Weights
) -> None:
    found = evaluate(films, weights)
    assert {figure.task for figure in found.figures} == {SIMILAR}
    assert (found.n_seeds, found.n_profiles, found.n_judges) == (60, 0, 0)
    assert not values(found.figures, SIMILAR, "ndcg_at_10")
    assert "ours" in values(found.figures, SIMILAR, "gini")
    assert not {"co-likes only", "ours + MovieLens"} & {f.method for f in found.figures}


def test_judges_who_like_too_little_leave_accuracy_out(
    films: pd.DataFrame, ratings: Ratings, weights: Weights
) -> None:
    first = ratings.where(ratings.users == 0)
    found = evaluate(films, weights, training=ratings, held_out=first)
    assert found.n_seeds == 60
    assert not values(found.figures, SIMILAR, "ndcg_at_10")


def test_no_more_are_asked_about_than_is_said(
    films: pd.DataFrame, ratings: Ratings, weights: Weights
) -> None:
    training, held_out = split_people(ratings)
    few = [
        evaluate(films, weights, training=training, held_out=held_out, most=(7, 5), seed=seed)
        for seed in (0, 0, 1)
    ]
    assert {(found.n_seeds, found.n_profiles) for found in few} == {(7, 5)}
    assert few[0] == few[1]
    assert few[0] != few[2]


def test_what_comes_next_is_said(films: pd.DataFrame, weights: Weights) -> None:
    said: list[str] = []
    evaluate(films, weights, progress=said.append)
    assert said[0] == "films like a film: random"
    assert "films like a film: ours" in said


def test_another_signal_changes_our_lists(films: pd.DataFrame, weights: Weights) -> None:
    catalogue = Catalogue.of(films)
    # Film 0 goes together with film 3, of another group, and with no other.
    pairs = sparse.csr_matrix(([1.0], ([0], [3])), (60, 60), dtype=np.float32)
    seeds = np.array([0], np.int32)
    without = Evaluated(catalogue, weights).similar(seeds, 10)
    with_it = Evaluated(catalogue, weights, signals=(Signal("tmdb", 0.9, pairs),))
    assert without[0, 0] != 3
    assert with_it.similar(seeds, 10)[0, 0] == 3


def test_without_ratings_nothing_can_be_learned(films: pd.DataFrame, weights: Weights) -> None:
    evaluated = Evaluated(Catalogue.of(films), weights)
    for learned in ("co_liked", "item_weights"):
        with pytest.raises(ValueError, match="no ratings to learn from"):
            getattr(evaluated, learned)


def test_without_films_there_is_nothing_to_evaluate(weights: Weights) -> None:
    with pytest.raises(NoFeaturesError):
        evaluate(film_frame(pd.DataFrame({"id": pd.Series([], dtype="int64")})), weights)
