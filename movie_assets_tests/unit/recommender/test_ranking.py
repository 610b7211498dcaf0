"""What multiplies a likeness: the prior of a film and the closeness of two, by their formulas."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import sparse

from movie_assets.recommender import MovieFeatures, fit_features, load_weights
from movie_assets.recommender.ranking import (
    ADULT,
    DOCUMENTARY,
    FAMILY,
    GENERAL,
    HORROR,
    audiences,
    fit_ranking,
    log_prior,
    prior_exponent,
    shrunk_rating,
)
from movie_assets_tests.films import features_of, films_of, weights_of


def films(votes: Any, ratings: Any = None, years: Any = None) -> MovieFeatures:
    return features_of(np.ones((len(votes), 1)), votes, ratings, years)


def closeness_of_two(weights: Any, popularity: float | None = None, **films_: Any) -> float:
    ranking = fit_ranking(films(**({"votes": [1, 1]} | films_)), weights, popularity)
    return float(ranking.closeness(np.array([0]), np.array([1]))[0])


# -- the prior ----------------------------------------------------------------------------------


def test_prior_by_hand() -> None:
    weights = weights_of(
        prior={
            "votes": 0.3, "rating": 0.5, "era": -0.2, "era_votes": -0.04,
            "rating_mean": 6, "rating_votes": 50,
        },
        popularity=0.8,
    )  # fmt: skip
    features = films(votes=[999, 50, 0], ratings=[8, 4, 10], years=[2005, 0, 1990])
    rated = (6 + (8 - 6) * 999 / 1049, 6 + (4 - 6) * 50 / 100)
    np.testing.assert_allclose(shrunk_rating(features, weights), [*rated, 6])
    first = 0.3 * math.log(1000) + 0.5 * (rated[0] - 6) + 1 * (-0.2 - 0.04 * (math.log(1000) - 7))
    second = 0.3 * math.log(51) + 0.5 * (rated[1] - 6)  # of no year, and so of no era
    prior = fit_ranking(features, weights).prior
    np.testing.assert_allclose(prior, [1, math.exp(0.8 * (second - first)), 0], rtol=1e-6)
    assert prior.dtype == np.float32


def test_fame_counts_from_eight_thousand_votes_on() -> None:
    weights = weights_of(prior={"fame": 0.5}, popularity=0.8)
    votes = [10, 8102, 8103, 22_025, 1_000_000]
    above = [max(0.0, math.log(1 + one) - 9) for one in votes]
    expected = [math.exp(0.8 * 0.5 * (one - above[-1])) for one in above]
    prior = fit_ranking(films(votes), weights).prior
    np.testing.assert_allclose(prior, expected, rtol=1e-6)
    assert prior[0] == prior[1] < prior[2] < prior[3] < 1


FILMS = st.lists(
    st.tuples(
        st.one_of(st.just(0), st.integers(0, 40_000)),
        st.floats(0, 10, width=32),
        st.sampled_from([0, 1888, 1931, 1990, 2020, 2150]),
    ),
    min_size=1,
    max_size=12,
)
DIAL = st.one_of(st.none(), st.floats(0, 1))


@settings(max_examples=100, deadline=None)
@given(given=FILMS, popularity=DIAL)
def test_bounds_of_prior_and_closeness(given: Any, popularity: float | None) -> None:
    features = films(*zip(*given, strict=True))
    ranking = fit_ranking(features, load_weights(), popularity)
    candidates = features.is_candidate
    assert np.all((ranking.prior >= 0) & (ranking.prior <= 1))
    np.testing.assert_array_equal(ranking.prior > 0, candidates)
    assert ranking.prior.max() == (1 if candidates.any() else 0)
    assert np.all((ranking.factors() > 0) & (ranking.factors() <= 1))
    every = np.arange(len(given), dtype=np.int32)
    pairs = ranking.closeness(np.repeat(every, len(given)), np.tile(every, len(given)))
    table = ranking.factors()[ranking.codes][:, ranking.codes]
    np.testing.assert_array_equal(pairs.reshape(table.shape), table)
    # But for fame, which is no distance, no film is far from itself.
    bundled = load_weights()
    unfamed = bundled.closeness.model_copy(update={"fame": 0.0})
    others = fit_ranking(features, bundled.model_copy(update={"closeness": unfamed}), popularity)
    known = features.years > 0
    assert np.all(others.closeness(every, every)[known] == 1)


def test_what_a_film_counts_depends_on_no_other_film_to_the_last_bit() -> None:
    """Before the largest is made 1: else adding a film would change others' scores at random."""
    chance = np.random.default_rng(3)
    votes, ratings = chance.integers(0, 9999, 1003), chance.random(1003) * 10
    years = chance.integers(1900, 2030, 1003)
    whole = log_prior(films(votes, ratings, years), load_weights())
    for start in range(1, 1003, 5):
        later = films(votes[start:], ratings[start:], years[start:])
        np.testing.assert_array_equal(log_prior(later, load_weights()), whole[start:])


def test_nobody_has_votes() -> None:
    ranking = fit_ranking(films([0, 0, 0]), load_weights())
    assert ranking.prior.tolist() == [0, 0, 0]


def test_more_votes_and_a_better_rating_count_more() -> None:
    weights = load_weights()
    prior = fit_ranking(films([100, 1000, 1000], [7, 7, 8], [2000] * 3), weights).prior
    assert prior[0] < prior[1] < prior[2] == 1
    # One vote of 10 is less than a thousand of 8.
    prior = fit_ranking(films([1, 1000], [10, 8], [2000] * 2), weights).prior
    assert prior[0] < prior[1]


# -- the dial -----------------------------------------------------------------------------------


def test_the_dials_ends_and_middle() -> None:
    weights = weights_of(prior={"votes": 1}, closeness={"known": 0.5}, popularity=0.6)
    features = films([9, 0, 999])
    for popularity, exponent in [(0, 0), (0.25, 0.3), (0.5, 0.6), (None, 0.6), (0.75, 0.8), (1, 1)]:
        assert prior_exponent(weights, popularity) == pytest.approx(exponent)
        ranking = fit_ranking(features, weights, popularity)
        np.testing.assert_allclose(ranking.prior, [100**-exponent, 0, 1], rtol=1e-5)
        # ln(1 + votes) is rounded: 7 and 2.
        lost = float(ranking.closeness(np.array([2]), np.array([0]))[0])
        assert lost == pytest.approx(math.exp(-exponent * 0.5 * (7 - 2)), rel=1e-5)


def test_hidden_gems_by_hand() -> None:
    """A rating counts to the dial's end, and what people like of a well-known film does not."""
    weights = weights_of(
        prior={"votes": 1, "rating": 0.5, "rating_mean": 6, "rating_votes": 0},
        popularity=0.6,
        gems={"rating": 0.4, "fame": 0.3},
    )
    features = films([9, 0, 999, 99_999], [8, 9, 5, 6])
    pairs = sparse.csr_matrix(np.full((2, 4), 0.5, np.float32))
    for popularity, exponent, gems in [(0, 0, 1), (0.25, 0.3, 0.5), (0.5, 0.6, 0), (1, 1, 0)]:
        ranking = fit_ranking(features, weights, popularity)
        logs = [math.log(10), 0, math.log(1000), math.log(100_000)]
        ratings = [0.5 * (rating - 6) for rating in (8, 9, 5, 6)]
        total = [
            exponent * votes + (exponent + gems * 0.4) * rating
            for votes, rating in zip(logs, ratings, strict=True)
        ]
        largest = max(total[0], *total[2:])  # nobody has rated the second
        expected = [math.exp(one - largest) for one in total]
        np.testing.assert_allclose(ranking.prior, [expected[0], 0, *expected[2:]], rtol=1e-6)
        above = [max(0, one - math.log(101)) for one in logs]
        heard = [0.5 * math.exp(-gems * 0.3 * one) for one in above]
        found = ranking.heard(pairs).toarray()
        np.testing.assert_allclose(found, [heard, heard], rtol=1e-6)
        assert found.dtype == np.float32
        assert (ranking.heard(pairs) is pairs) == (gems == 0), "nothing is copied for nothing"


@pytest.mark.parametrize("popularity", [-0.01, 1.01, float("nan"), float("inf")])
def test_a_dial_beyond_its_ends(popularity: float) -> None:
    with pytest.raises(ValueError, match=f"popularity must be from 0 to 1, not {popularity}"):
        fit_ranking(films([1]), load_weights(), popularity)


# -- closeness ----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("years", "apart"),
    [
        ([1995, 1995], 0),
        ([1995, 2010], 15),
        ([2010, 1995], 15),
        ([1960, 2020], 60),
        ([1888, 1900], 0),  # older films count as of 1900
        ([1995, 0], 30),
        ([0, 1995], 30),
        ([0, 0], 30),
    ],
)
def test_closeness_in_time(years: list[int], apart: int) -> None:
    found = closeness_of_two(weights_of(closeness={"years": 1.1}), years=years)
    assert found == pytest.approx(math.exp(-1.1 * math.sqrt(apart / 15)), rel=1e-6)


def test_a_less_known_film_is_further_than_a_better_known_one() -> None:
    weights = weights_of(closeness={"known": 0.5}, popularity=1)
    # ln(1 + votes) is rounded: 3 and 7.
    assert closeness_of_two(weights, votes=[1000, 20]) == pytest.approx(math.exp(-0.5 * 4))
    assert closeness_of_two(weights, votes=[20, 1000]) == 1


@pytest.mark.parametrize(
    ("years", "apart"),
    [([1995, 2010], 15), ([2010, 1995], 0), ([1995, 1995], 0), ([1995, 0], 0), ([0, 1995], 0)],
)
def test_a_newer_film_is_further_than_an_older_one(years: list[int], apart: int) -> None:
    found = closeness_of_two(weights_of(closeness={"newer": 0.4}), years=years)
    assert found == pytest.approx(math.exp(-0.4 * math.sqrt(apart / 15)), rel=1e-6)


@pytest.mark.parametrize(
    ("logs", "product"),
    [
        ((7.0, 10.0), 4 * 1),
        ((7.0, 10.4), 4 * 1.5),  # in quarters, where votes are many
        ((9.1, 10.0), 2 * 1),
        ((9.2, 10.0), 1.75 * 1),
        ((7.4, 10.0), 4 * 1),
        ((7.6, 10.0), 3 * 1),
        ((11.4, 11.4), 0),
        ((7.0, 9.1), 0),
        ((10.0, 7.0), 0),
    ],
)
@pytest.mark.parametrize("popularity", [0, 0.25, 1])
def test_fame_counts_less_where_the_film_asked_about_has_less(
    logs: tuple[float, float], product: float, popularity: float
) -> None:
    weights = weights_of(closeness={"fame": 0.3}, popularity=0.6)
    votes = [round(math.exp(log)) - 1 for log in logs]
    found = closeness_of_two(weights, popularity, votes=votes)
    exponent = prior_exponent(weights, popularity)
    assert found == pytest.approx(math.exp(-exponent * 0.3 * product), rel=1e-6)


def test_closeness_of_ratings_in_steps_of_a_half() -> None:
    weights = weights_of(closeness={"rating": 0.4}, prior={"rating_votes": 0})
    found = closeness_of_two(weights, ratings=[8.1, 5.9])
    assert found == pytest.approx(math.exp(-0.4 * 2), rel=1e-6)
    assert closeness_of_two(weights, ratings=[5.9, 8.1]) == pytest.approx(found)
    assert closeness_of_two(weights, ratings=[7.9, 8.1]) == 1


def test_closeness_is_the_product_of_its_parts() -> None:
    parts = {
        "years": 0.9, "newer": 0.2, "known": 0.5, "fame": 0.1, "rating": 0.3, "audience": 0.4,
    }  # fmt: skip
    for votes in ([1000, 20], [1000, 60_000]):  # one less known, and one of more fame
        two: dict[str, Any] = {"votes": votes, "ratings": [8, 6], "years": [1995, 2005]}
        each = {
            name: closeness_of_two(weights_of(closeness={name: part}), **two)
            for name, part in parts.items()
        }
        together = closeness_of_two(weights_of(closeness=parts), **two)
        assert together == pytest.approx(math.prod(each.values()))
        assert closeness_of_two(weights_of(), **two) == 1
        assert (each["known"] < 1) != (each["fame"] < 1)


# -- audiences ----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("genres", "audience"),
    [
        ([], GENERAL),
        (["Drama", "Thriller"], ADULT),
        (["Drama", "Comedy"], GENERAL),
        (["Family"], FAMILY),
        (["Animation", "Comedy"], FAMILY),
        (["Animation", "War"], ADULT),
        (["Animation", "Crime"], ADULT),
        (["Animation", "Horror"], HORROR),
        (["Family", "Horror"], HORROR),
        (["Family", "Crime"], FAMILY),
        (["Documentary", "War"], DOCUMENTARY),
        (["Documentary", "Family"], DOCUMENTARY),
    ],
)
def test_whom_a_film_is_for(genres: list[str], audience: int) -> None:
    fitted = fit_features(films_of({"genres": genres}), load_weights())
    assert audiences(fitted).tolist() == [audience]


def test_what_frightens_and_what_is_for_grown_ups_is_far_from_families() -> None:
    weights = load_weights()
    same: dict[str, Any] = {"vote_count": 9, "vote_average": 7, "release_date": "2000"}
    genres = ["Family", "Drama", "Documentary", "Crime", "Horror"]
    fitted = fit_features(films_of(*(same | {"genres": [name]} for name in genres)), weights)
    table = fit_ranking(fitted, weights).closeness(np.repeat(np.arange(5), 5), np.tile(range(5), 5))
    table = table.reshape(5, 5)
    np.testing.assert_array_equal(table, table.T)
    assert np.diag(table).tolist() == [1] * 5
    assert np.argsort(-table[0]).tolist() == [0, 1, 2, 3, 4]
    assert table[1, 3] == 1  # grown-ups do not mind


def test_closeness_is_the_product_of_its_halves() -> None:
    random = np.random.default_rng(0)
    features = features_of(
        np.ones((300, 1)),
        votes=random.integers(0, 5000, 300),
        ratings=random.uniform(0, 10, 300),
        years=random.choice([0, 1925, 1950, 1987, 2003, 2024], 300),
    )
    ranking = fit_ranking(features, load_weights(), 0.8)
    years, others = ranking.by_halves
    product = (
        years.factors[years.places[:, None], years.places]
        * others.factors[others.places[:, None], others.places]
    )
    assert len(years.factors) * len(others.factors) < len(product) ** 2
    np.testing.assert_allclose(product, ranking.factors(), rtol=1e-6)
