"""The baselines' lists: what they hold, and what none may hold."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import sparse

from movie_assets.recommender.evaluation import baselines
from movie_assets.recommender.evaluation.catalogue import Catalogue
from movie_assets.recommender.evaluation.plain import plain_fields, tutorial_terms
from movie_assets.recommender.evaluation.profiles import Profiles, split_by_time
from movie_assets.recommender.evaluation.ratings import Ratings
from movie_assets.recommender.films import film_frame

SIMILAR = [
    baselines.at_random,
    baselines.most_popular,
    baselines.tutorial,
    baselines.fields_alone,
]


@pytest.fixture(scope="module")
def profiles(ratings: Ratings, catalogue: Catalogue) -> Profiles:
    return split_by_time(ratings, len(catalogue))


@pytest.mark.parametrize("similar", SIMILAR)
def test_a_list_never_holds_its_film_one_twice_or_one_without_votes(
    similar: Callable[..., np.ndarray], catalogue: Catalogue
) -> None:
    seeds = np.arange(len(catalogue), dtype=np.int32)
    lists = similar(catalogue, seeds, 8)
    assert lists.shape == (len(seeds), 8)
    for seed, films in zip(seeds, lists, strict=True):
        assert seed not in films
        assert len(catalogue) - 1 not in films
        assert len(set(films)) == 8


@pytest.mark.parametrize("similar", SIMILAR)
def test_a_films_list_does_not_depend_on_what_else_is_asked(
    similar: Callable[..., np.ndarray], catalogue: Catalogue
) -> None:
    everything = similar(catalogue, np.arange(len(catalogue), dtype=np.int32), 5)
    some = np.array([30, 2, 59], np.int32)
    assert similar(catalogue, some, 5).tolist() == everything[some].tolist()


@pytest.mark.parametrize("similar", SIMILAR)
def test_two_films_are_short_lists(similar: Callable[..., np.ndarray], films: pd.DataFrame) -> None:
    two = Catalogue.of(films.iloc[[0, 5]].reset_index(drop=True))  # of one group
    assert similar(two, np.array([0, 1], np.int32), 3).tolist() == [[1, -1, -1], [0, -1, -1]]


def test_the_most_popular_are_by_votes(catalogue: Catalogue) -> None:
    best = int(np.argmax(catalogue.votes))
    lists = baselines.most_popular(catalogue, np.array([best, 59], np.int32), 3)
    ranking = np.argsort(-catalogue.votes)
    assert lists.tolist() == [ranking[1:4].tolist(), ranking[:3].tolist()]


def test_films_of_one_group_are_most_alike(catalogue: Catalogue) -> None:
    seeds = np.arange(10, dtype=np.int32)
    for similar in (baselines.tutorial, baselines.fields_alone):
        assert (similar(catalogue, seeds, 5) % 5 == (seeds % 5)[:, None]).all()


def test_the_tutorials_features_say_genres_twice() -> None:
    overviews = ["Space", "Music", "Space"]
    films = pd.DataFrame({"id": [1, 2, 3], "overview": overviews, "genres": [["Music"]] * 3})
    rows = tutorial_terms(film_frame(films))
    assert rows.shape == (3, 2)  # music, space
    idf = np.log([4 / 4, 4 / 3]) + 1  # scikit-learn's smooth one
    expected = np.array([2, 1]) * idf
    assert rows[0].toarray().ravel() == pytest.approx(expected / np.linalg.norm(expected))
    assert rows[1].toarray().ravel() == pytest.approx([1, 0])


def test_a_field_counts_as_much_as_another() -> None:
    genres, directors = [["A"], ["A"], ["B"]], [["X"], [], ["X"]]
    films = pd.DataFrame({"id": [1, 2, 3], "genres": genres, "directors": directors})
    rows = plain_fields(film_frame(films))
    cosines = rows @ rows.T
    # Of two fields one is shared; and of one field of two, which is all that film 1 has.
    assert cosines[0, 2] == pytest.approx(1 / 2)
    assert cosines[0, 1] == pytest.approx(1 / np.sqrt(2))


def test_films_of_which_nothing_is_known_are_like_none() -> None:
    nothing = film_frame(pd.DataFrame({"id": [1, 2], "vote_count": [5, 5]}))
    catalogue = Catalogue.of(nothing)
    for similar in (baselines.tutorial, baselines.fields_alone):
        assert similar(catalogue, np.array([0, 1], np.int32), 2).tolist() == [[-1, -1]] * 2


def test_nobody_gets_what_they_rated(catalogue: Catalogue, profiles: Profiles) -> None:
    assert len(profiles) > 20
    everything = sparse.csr_matrix(np.ones((len(catalogue), len(catalogue)), np.float32))
    for lists in (
        baselines.most_popular_for(catalogue, profiles, 10),
        baselines.fields_for(catalogue, profiles, 10),
        baselines.co_liked_for(catalogue, everything, profiles, 10),
    ):
        for before, films in zip(profiles, lists, strict=True):
            assert not set(before.films) & set(films)
            assert len(set(films)) == 10


def test_co_liked_films_are_added_up(catalogue: Catalogue, profiles: Profiles) -> None:
    one = profiles.some(np.array([0]))
    liked = one.before.films[one.before.stars >= 4]
    others = np.setdiff1d(np.arange(60), one.before.films)[:3]
    pairs = np.zeros((60, 60), np.float32)
    pairs[liked[0], others] = [0.5, 0.4, 0.2]
    pairs[liked[1], others] = [0.0, 0.2, 0.0]
    [films] = baselines.co_liked_for(catalogue, sparse.csr_matrix(pairs), one, 5)
    assert films.tolist() == [others[1], others[0], others[2], -1, -1]


def test_a_profile_is_the_mean_of_its_likes_times_the_prior(
    catalogue: Catalogue, profiles: Profiles
) -> None:
    few = profiles.some(np.arange(3))
    lists = baselines.fields_for(catalogue, few, 4)
    for before, films in zip(few, lists, strict=True):
        liked = before.films[before.stars >= 4]
        taste = catalogue.fields[liked].toarray().mean(axis=0)
        scores = catalogue.fields.toarray() @ taste * np.log1p(catalogue.votes) ** 2
        scores[before.films] = -1
        assert films.tolist() == np.argsort(-scores, kind="stable")[:4].tolist()


@given(scores=st.lists(st.sampled_from([0.0, 1.0, 2.0, 3.0]), max_size=12), k=st.integers(1, 14))
def test_the_best_films_as_by_sorting(scores: list[float], k: int) -> None:
    positive = [place for place, score in enumerate(scores) if score > 0]
    expected = sorted(positive, key=lambda place: (-scores[place], place))[:k]
    assert baselines.best_films(np.array(scores), k).tolist() == expected
