"""Questions asked at query time: they are answered exactly, over every film."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import sparse

from movie_assets.recommender import Signal, fit_features, load_weights, nearest_neighbours
from movie_assets.recommender.films import film_frame
from movie_assets.recommender.query import EmptyTasteError, Filters, Recommender, Taste
from movie_assets.recommender.ranking import fit_ranking
from movie_assets.recommender.weights import Gems

WEIGHTS = load_weights()
HALF_LIFE = WEIGHTS.profile.last_half_life
GENRES = ["Drama", "Comedy", "Horror", "Family", "Crime"]


def made_up(n: int = 60, seed: int = 0) -> pd.DataFrame:
    random = np.random.default_rng(seed)
    words = [f"word{i}" for i in range(40)]
    return film_frame(
        pd.DataFrame(
            {
                "id": random.permutation(np.arange(1, 3 * n))[:n],
                "title": [f"Film {i}" for i in range(n)],
                "overview": [" ".join(random.choice(words, 8)) for _ in range(n)],
                "genres": [list(random.choice(GENRES, 2, replace=False)) for _ in range(n)],
                "original_language": random.choice(["en", "fr", "ja"], n),
                "release_date": [f"{year}-05-01" for year in random.integers(1950, 2020, n)],
                "vote_count": random.integers(0, 3000, n),
                "vote_average": random.uniform(3, 9, n),
            }
        )
    )


FILMS = made_up()
FEATURES = fit_features(FILMS, WEIGHTS)
RECOMMENDER = Recommender(FEATURES, WEIGHTS)


@pytest.mark.parametrize("popularity", [None, 0.0, 0.3, 1.0])
@pytest.mark.parametrize("film", [0, 17, 59])
def test_similar_is_what_is_published(film: int, popularity: float | None) -> None:
    published = nearest_neighbours(
        FEATURES, WEIGHTS, 10, popularity=popularity, rows=np.array([film], np.int32)
    )
    answer = RECOMMENDER.similar(film, 10, popularity=popularity)
    np.testing.assert_array_equal(answer.columns, published.columns)
    np.testing.assert_allclose(answer.scores, published.scores, rtol=1e-5)
    for part in ("content", "closeness", "prior"):
        np.testing.assert_allclose(getattr(answer, part), getattr(published, part), rtol=1e-4)


def test_similar_with_signals_is_what_is_published() -> None:
    random = np.random.default_rng(1)
    pairs = sparse.random(60, 60, 0.1, "csr", np.float32, random)
    signals = [
        Signal("co_liked", 0.4, sparse.csr_matrix(pairs)),
        Signal("tmdb", 0.1, pairs.T.tocsr()),
    ]
    published = nearest_neighbours(FEATURES, WEIGHTS, 10, signals=signals)
    for film in range(60):
        answer = Recommender(FEATURES, WEIGHTS, signals).similar(film, 10)
        mine = published.rows == film
        np.testing.assert_allclose(answer.scores, published.scores[mine], rtol=1e-5)
        assert set(answer.columns) == set(published.columns[mine])


def test_filters_by_hand() -> None:
    def allowed(**filters: Any) -> pd.DataFrame:
        return FILMS[Filters(**filters).allowed(FEATURES)]

    assert len(allowed()) == (FILMS["vote_count"] > 0).sum()
    assert allowed(first_year=1980, last_year=1989)["year"].between(1980, 1989).all()
    assert all("Horror" in genres for genres in allowed(genres=("Horror",))["genres"])
    assert not any("Horror" in genres for genres in allowed(without_genres=("Horror",))["genres"])
    assert set(allowed(languages=("fr", "ja"))["original_language"]) == {"fr", "ja"}
    assert (allowed(least_votes=500)["vote_count"] >= 500).all()
    assert (allowed(least_rating=7.0)["vote_average"] >= 7).all()
    assert len(allowed(genres=("No such genre",))) == 0


def test_a_filtered_list_is_the_best_of_what_is_allowed() -> None:
    filters = Filters(first_year=1980, languages=("en", "fr"))
    every = RECOMMENDER.similar(3, 59)
    wanted = every.columns[filters.allowed(FEATURES)[every.columns]][:5]
    np.testing.assert_array_equal(RECOMMENDER.similar(3, 5, filters=filters).columns, wanted)


def test_nothing_allowed_is_an_empty_list() -> None:
    answer = RECOMMENDER.similar(3, 5, filters=Filters(least_votes=10**9))
    assert len(answer.columns) == len(answer.scores) == 0


def test_a_diverse_list_holds_other_films() -> None:
    plain = RECOMMENDER.similar(3, 10)
    diverse = RECOMMENDER.similar(3, 10, diversity=0.7)
    assert diverse.columns[0] == plain.columns[0]

    def likeness(columns: np.ndarray[Any, Any]) -> float:
        rows = FEATURES.matrix[columns]
        return float((rows @ rows.T).sum())

    assert likeness(diverse.columns) < likeness(plain.columns)


@pytest.mark.parametrize("k", [0, -1])
def test_too_few_are_refused(k: int) -> None:
    with pytest.raises(ValueError, match="k must be at least 1"):
        RECOMMENDER.similar(0, k)
    with pytest.raises(ValueError, match="k must be at least 1"):
        RECOMMENDER.for_taste(Taste(np.array([1], np.int32), np.ones(1, np.float32)), k)


# -- a person's films ---------------------------------------------------------------------------


def dense_taste_scores(taste: Taste, popularity: float | None = None) -> np.ndarray[Any, Any]:
    ranking = fit_ranking(FEATURES, WEIGHTS, popularity)
    total = np.zeros(60)
    for film, value in zip(taste.films, taste.values, strict=True):
        content = (FEATURES.matrix @ FEATURES.matrix[film].T).toarray().ravel().astype(np.float64)
        scores = content * ranking.closeness(np.full(60, film), np.arange(60)) * ranking.prior
        scores[film] = 0
        scores **= WEIGHTS.profile.sharpness
        total += value * scores / scores.sum()
    total = np.maximum(total, 0)
    total /= total.max()
    total[taste.films] = total[taste.seen] = 0
    return total


@settings(deadline=None, max_examples=40)
@given(
    st.dictionaries(
        st.integers(0, 59), st.floats(-1, 1).filter(lambda v: abs(v) > 0.01), min_size=1, max_size=8
    )
)
def test_a_taste_is_scored_exactly(values: dict[int, float]) -> None:
    values = {film: abs(value) for film, value in values.items()}
    taste = Taste(np.array(list(values), np.int32), np.array(list(values.values()), np.float32))
    answer = RECOMMENDER.for_taste(taste, 10)
    expected = dense_taste_scores(taste)
    np.testing.assert_allclose(
        np.sort(answer.scores)[::-1], np.sort(expected)[::-1][:10], rtol=1e-3
    )
    np.testing.assert_allclose(answer.scores, expected[answer.films], rtol=1e-3)
    assert not set(answer.films) & set(values)
    assert ((answer.scores > 0) & (answer.scores <= 1)).all()


def dense_votes(recommender: Recommender, taste: Taste, popularity: float) -> np.ndarray[Any, Any]:
    """What the films' votes come to, film by film, in double precision and without a kernel."""
    features, weights = recommender.features, recommender.weights
    ranking = fit_ranking(features, weights, popularity)
    every = np.arange(features.n_movies)
    own_share = 1 - sum(signal.share for signal in recommender.signals)
    total = np.zeros(features.n_movies)
    for film, value in zip(taste.films, taste.values, strict=True):
        content = (features.matrix @ features.matrix[film].T).toarray().ravel().astype(np.float64)
        scores = own_share * np.minimum(content, 1) * ranking.prior
        scores *= ranking.closeness(np.full(len(every), film), every)
        for signal in recommender.signals:
            scores += signal.share * ranking.heard(signal.pairs[film]).toarray().ravel()
        scores[(ranking.prior == 0) | (every == film)] = 0
        votes = scores**weights.profile.sharpness
        total += value * votes / max(votes.sum(), 1e-300)
    total = np.maximum(total, 0)
    return total / max(total.max(), 1e-300)


@pytest.mark.parametrize("sharpness", [0.5, 1.0, 2.0, 2.7, 3.0])
@pytest.mark.parametrize("fields", [None, {"genres": 1.0, "text": 0.5}], ids=["all", "no floor"])
@settings(deadline=None, max_examples=10)
@given(
    seed=st.integers(0, 2**32 - 1),
    n_signals=st.integers(0, 2),
    popularity=st.sampled_from([0.0, 0.2, 1.0]),
)
def test_votes_with_signals_and_dislikes_are_exact(
    sharpness: float,
    fields: dict[str, float] | None,
    seed: int,
    n_signals: int,
    popularity: float,
) -> None:
    random = np.random.default_rng(seed)
    weights = WEIGHTS.model_copy(
        update={"profile": WEIGHTS.profile.model_copy(update={"sharpness": sharpness})}
        | ({} if fields is None else {"fields": fields})
    )
    features = FEATURES if fields is None else fit_features(FILMS, weights)
    # Some of their films are without votes, and some pairs are of a film with itself.
    signals = [
        Signal(name, 0.2, sparse.random(60, 60, 0.2, "csr", np.float32, random))
        for name in ("co_liked", "tmdb")[:n_signals]
    ]
    recommender = Recommender(features, weights, signals)
    size = random.integers(1, 9)
    values = random.uniform(-1, 1, size).astype(np.float32)
    values[0] = 1
    taste = Taste(random.choice(60, size, replace=False).astype(np.int32), values)
    expected = dense_votes(recommender, taste, popularity)
    expected[taste.films] = 0
    answer = recommender.for_taste(taste, 60, popularity=popularity)
    np.testing.assert_allclose(answer.scores, expected[answer.films], rtol=1e-3, atol=1e-5)
    left_out = np.setdiff1d(np.arange(60), answer.films)
    np.testing.assert_allclose(expected[left_out], 0, atol=1e-5)


@pytest.mark.parametrize("sharpness", [2.5, 3.0])
def test_without_any_votes_nothing_is_recommended(sharpness: float) -> None:
    nobody = replace(FEATURES, votes=np.zeros_like(FEATURES.votes))
    profile = WEIGHTS.profile.model_copy(update={"sharpness": sharpness})
    liked = Taste(np.array([5, 6], np.int32), np.ones(2, np.float32))
    signal = Signal("tmdb", 0.2, sparse.random(60, 60, 0.2, "csr", np.float32, 1))
    weights = WEIGHTS.model_copy(update={"profile": profile})
    assert len(Recommender(nobody, weights, [signal]).for_taste(liked, 5).films) == 0


def test_seen_films_are_left_out_and_say_nothing() -> None:
    liked = Taste(np.array([5], np.int32), np.ones(1, np.float32))
    first = RECOMMENDER.for_taste(liked, 5).films
    seen = Taste(liked.films, liked.values, seen=first[:1])
    np.testing.assert_array_equal(RECOMMENDER.for_taste(seen, 4).films, first[1:])


def test_a_dislike_speaks_against_films_like_it() -> None:
    liked = Taste(np.array([5, 6], np.int32), np.array([1, 1], np.float32))
    best = int(RECOMMENDER.for_taste(liked, 1).films[0])
    like_best = int(RECOMMENDER.similar(best, 1).columns[0])
    values = np.array([1, 1, -1], np.float32)
    disliked = Taste(np.array([5, 6, like_best], np.int32), values)
    before, after = (
        dict(zip(a.films.tolist(), a.scores.tolist(), strict=True))
        for a in (RECOMMENDER.for_taste(liked, 50), RECOMMENDER.for_taste(disliked, 50))
    )
    assert after.get(best, 0) < before[best]


def test_item_weights_bring_in_what_they_know() -> None:
    weights = sparse.csr_matrix((np.float32([0.9]), ([5], [40])), (60, 60))
    with_them = Recommender(FEATURES, WEIGHTS, item_weights=weights)
    liked = Taste(np.array([5], np.int32), np.ones(1, np.float32))
    answer = with_them.for_taste(liked, 3)
    assert answer.films[0] == 40
    assert with_them.because(liked, answer)[0].tolist() == [5, -1]
    other = Taste(np.array([6], np.int32), np.ones(1, np.float32))
    np.testing.assert_array_equal(
        with_them.for_taste(other, 5).films, RECOMMENDER.for_taste(other, 5).films
    )


@pytest.mark.parametrize("learned", ["item_weights", "transitions"])
@pytest.mark.parametrize("value", [0.001, 0.05, 0.9])
def test_what_is_learned_counts_as_much_as_it_is(learned: str, value: float) -> None:
    """Of films that few people like little is learned, and then what they are about decides."""
    liked = Taste(np.array([5], np.int32), np.ones(1, np.float32))
    plain = RECOMMENDER.for_taste(liked, 60)
    says = sparse.csr_matrix((np.float32([value]), ([5], [40])), (60, 60))
    answer = Recommender(FEATURES, WEIGHTS, **{learned: says}).for_taste(liked, 60)
    adds = getattr(WEIGHTS.profile, learned) * value
    expected = dict(zip(plain.films.tolist(), plain.scores.tolist(), strict=True))
    expected[40] = expected.get(40, 0) + adds
    found = dict(zip(answer.films.tolist(), answer.scores.tolist(), strict=True))
    assert found == {
        film: pytest.approx(score / (1 + adds), rel=1e-5) for film, score in expected.items()
    }


@pytest.mark.parametrize("learned", ["item_weights", "transitions"])
def test_what_people_like_is_marked_down_for_fame_among_hidden_gems(learned: str) -> None:
    """Film 5 speaks for 40, which everybody knows, and a little less for 41, which few know."""
    votes = FEATURES.votes.copy()
    votes[[40, 41]] = 30_000, 150
    says = sparse.csr_matrix((np.float32([0.5, 0.4]), ([5, 5], [40, 41])), (60, 60))
    profile = WEIGHTS.profile.model_copy(update={learned: 100.0})
    weights = WEIGHTS.model_copy(update={"profile": profile, "gems": Gems(rating=0, fame=0.5)})
    recommender = Recommender(replace(FEATURES, votes=votes), weights, **{learned: says})
    liked = Taste(np.array([5], np.int32), np.ones(1, np.float32))
    first = {
        dial: recommender.for_taste(liked, 2, popularity=dial).films.tolist() for dial in (0.0, 0.5)
    }
    assert first == {0.0: [41, 40], 0.5: [40, 41]}


@pytest.mark.parametrize("learned", ["item_weights", "transitions"])
def test_among_hidden_gems_what_everybody_knows_gives_way_to_what_is_alike(learned: str) -> None:
    """Nothing but 40 is spoken for: marked down it is not made the best anew."""
    votes = FEATURES.votes.copy()
    votes[40] = 1_000_000
    says = sparse.csr_matrix((np.float32([0.5]), ([5], [40])), (60, 60))
    weights = WEIGHTS.model_copy(update={"gems": Gems(rating=0, fame=2.0)})
    features = replace(FEATURES, votes=votes)
    liked = Taste(np.array([5], np.int32), np.ones(1, np.float32))
    for dial, comes_first in ((0.0, False), (0.5, True)):
        answer = Recommender(features, weights, **{learned: says}).for_taste(
            liked, 60, popularity=dial
        )
        alike = Recommender(features, weights).for_taste(liked, 60, popularity=dial)
        assert (answer.films[0] == 40) == comes_first
        if not comes_first:
            np.testing.assert_array_equal(answer.films[:3], alike.films[:3])


@pytest.mark.parametrize("learned", ["item_weights", "transitions"])
def test_what_people_like_is_marked_down_where_it_is_for_quite_another_audience(
    learned: str,
) -> None:
    """Film 5 speaks for horror and, a little less, for a film for families."""
    genres = FILMS["genres"].tolist()
    genres[5], genres[6], genres[40], genres[41] = ["Family"], ["Drama"], ["Horror"], ["Family"]
    features = fit_features(FILMS.assign(genres=genres, vote_count=1000), WEIGHTS)
    says = sparse.csr_matrix((np.float32([0.5, 0.4] * 2), ([5, 5, 6, 6], [40, 41] * 2)), (60, 60))
    profile = WEIGHTS.profile.model_copy(update={learned: 100.0})
    recommender = Recommender(
        features, WEIGHTS.model_copy(update={"profile": profile}), **{learned: says}
    )

    def best(*films: int) -> int:
        taste = Taste(np.array(films, np.int32), np.ones(len(films), np.float32))
        return int(recommender.for_taste(taste, 1).films[0])

    assert best(5) == 41
    # Of somebody who likes something else as well nothing of the kind is known.
    assert best(5, 6) == best(6) == 40


def test_what_is_liked_soon_after_the_last_films_is_brought_in() -> None:
    """Film 5 leads to 40 and film 6 to 42; whichever was rated last leads further."""
    follows = sparse.csr_matrix((np.float32([0.5, 0.5]), ([5, 6], [40, 42])), (60, 60))
    with_them = Recommender(FEATURES, WEIGHTS, transitions=follows)
    for last, other, best in ((5, 6, 40), (6, 5, 42)):
        taste = Taste.of_ratings([other, last], [4.5, 4.5], WEIGHTS, [1, 2])
        assert taste.leads(HALF_LIFE)[np.argmax(taste.films == last)] == 1
        answer = with_them.for_taste(taste, 3)
        assert answer.films[0] == best
        assert with_them.because(taste, answer)[0][0] == last


def test_the_film_that_speaks_most_is_the_likest_where_the_dial_stands() -> None:
    liked = Taste(np.array([0, 1], np.int32), np.ones(2, np.float32))
    speak: dict[float, list[int]] = {}
    for dial in (0.0, 1.0):
        answer = RECOMMENDER.for_taste(liked, 60, popularity=dial)
        likeness = np.zeros((2, 60), np.float32)
        for film in (0, 1):
            found = RECOMMENDER.similar(film, 60, popularity=dial)
            likeness[film, found.columns] = found.content * found.closeness
        because = RECOMMENDER.because(liked, answer)[:, 0]
        np.testing.assert_array_equal(because, likeness[:, answer.films].argmax(axis=0))
        speak[dial] = because[np.argsort(answer.films)].tolist()
    assert speak[0.0] != speak[1.0]  # or else nothing was told apart


def test_films_that_are_disliked_lead_nowhere_and_films_only_seen_do() -> None:
    follows = sparse.csr_matrix((np.float32([0.5, 0.5]), ([5, 6], [40, 41])), (60, 60))
    with_them = Recommender(FEATURES, WEIGHTS, transitions=follows)
    plain = {
        stars: with_them.for_taste(Taste.of_ratings([7, 5], [5, stars], WEIGHTS), 60)
        for stars in (2.0, 3.0)
    }
    score = {
        stars: dict(zip(answer.films.tolist(), answer.scores.tolist(), strict=True)).get(40, 0.0)
        for stars, answer in plain.items()
    }
    assert score[3.0] > score[2.0] + 0.2


def test_without_times_all_films_lead_alike() -> None:
    """Each counts what one does in the mean over the three places that it may have come at."""
    mean = pytest.approx((1 + 0.5 ** (1 / HALF_LIFE) + 0.5 ** (2 / HALF_LIFE)) / 3)
    taste = Taste.of_ratings([7, 5, 6], [5, 3, 1], WEIGHTS)
    leads = taste.leads(HALF_LIFE).tolist()
    assert dict(zip(taste.films.tolist(), leads, strict=True)) == {7: mean, 5: mean, 6: 0}
    films = np.array([5, 6, 7], np.int32)
    assert Taste(films, np.float32([1, -0.5, 1])).leads(HALF_LIFE).tolist() == [mean, 0, mean]


def test_films_of_one_moment_lead_alike() -> None:
    taste = Taste.of_ratings([7, 5, 6], [5, 5, 5], WEIGHTS, [2, 2, 1])
    leads = dict(zip(taste.films.tolist(), taste.leads(HALF_LIFE).tolist(), strict=True))
    first_two = pytest.approx((1 + 0.5 ** (1 / HALF_LIFE)) / 2)
    assert leads == {7: first_two, 5: first_two, 6: pytest.approx(0.5 ** (2 / HALF_LIFE))}


def test_what_is_recent_is_of_as_many_films() -> None:
    films = np.array([5, 6], np.int32)
    with pytest.raises(ValueError, match="recent"):
        Taste(films, np.float32([1, 1]), recent=np.ones(3, np.float32))


def test_a_taste_that_says_nothing_is_refused() -> None:
    for films in ([], [3]):
        nothing = Taste(np.array(films, np.int32), np.zeros(len(films), np.float32))
        with pytest.raises(EmptyTasteError, match="at least one film"):
            RECOMMENDER.for_taste(nothing, 5)


@pytest.mark.parametrize(
    ("films", "values", "message"),
    [([1, 1], [1, 1], "twice"), ([1], [float("nan")], "no number"), ([1, 2], [1], "differ")],
)
def test_unusable_tastes_are_refused(films: list[int], values: list[float], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        Taste(np.array(films, np.int32), np.array(values, np.float32))


def test_places_of_the_dial_are_kept_and_forgotten() -> None:
    recommender = Recommender(FEATURES, WEIGHTS)
    first = recommender.similar(3, 5, popularity=0.1)
    for place in np.linspace(0, 1, 40):
        recommender.similar(3, 5, popularity=float(place))
    again = recommender.similar(3, 5, popularity=0.1)
    np.testing.assert_array_equal(first.scores, again.scores)
    with pytest.raises(ValueError, match="popularity must be from 0 to 1"):
        recommender.similar(3, 5, popularity=float("nan"))


@pytest.mark.parametrize("diversity", [0.0, 0.4])
def test_pages_of_a_list_fit_together(diversity: float) -> None:
    features = fit_features(made_up(350, seed=2), WEIGHTS)
    recommender = Recommender(features, WEIGHTS)
    whole = recommender.similar(3, 400, diversity=diversity).columns.tolist()
    assert len(whole) > 300
    for size in (1, 60, 99, 101):
        pages = [
            recommender.similar(3, size, offset=offset, diversity=diversity).columns.tolist()
            for offset in range(0, 220, size)
        ]
        assert [film for page in pages for film in page][:220] == whole[:220]
    assert recommender.similar(3, 10, offset=10**9).columns.tolist() == []
    with pytest.raises(ValueError, match="offset must be at least 0"):
        recommender.similar(3, 10, offset=-1)


def test_one_franchise_is_spread_from_page_to_page() -> None:
    films = made_up(250, seed=3)
    films["collection"] = ["A series" if i % 2 else "" for i in range(250)]
    recommender = Recommender(fit_features(films, WEIGHTS), WEIGHTS)
    of_series = recommender.features.collections
    whole = recommender.similar(0, 250).columns
    pages = [recommender.similar(0, 30, offset=30 * i).columns for i in range(5)]
    np.testing.assert_array_equal(np.concatenate(pages), whole[:150])
    shown = np.cumsum(of_series[whole[:60]] >= 0)
    assert (shown <= np.ceil(0.3 * np.arange(1, 61))).all()


def test_runtimes_of_filters() -> None:
    runtimes = np.arange(60, dtype=np.int32) * 3
    runtimes[5] = 0

    def allowed(**filters: int) -> set[int]:
        found = Filters(**filters).allowed(FEATURES, runtimes)
        return set(np.flatnonzero(found).tolist())

    candidates = set(np.flatnonzero(FEATURES.is_candidate).tolist())
    assert allowed() == candidates
    assert allowed(least_runtime=60) == {i for i in candidates if i >= 20}
    assert allowed(longest_runtime=60) == {i for i in candidates if 0 < i <= 20 and i != 5}
    assert allowed(least_runtime=0) == candidates - {0, 5}
    with pytest.raises(ValueError, match="runtimes are not known here"):
        Filters(least_runtime=60).allowed(FEATURES)


# -- ratings ------------------------------------------------------------------------------------


def test_ratings_become_values() -> None:
    taste = Taste.of_ratings([3, 1, 2], [5.0, 2.5, 3.0], WEIGHTS)
    values = dict(zip(taste.films.tolist(), taste.values.tolist(), strict=True))
    assert values == {3: 1.0, 1: pytest.approx(-WEIGHTS.profile.dislike), 2: 0.0}


def test_younger_ratings_count_more() -> None:
    half_life = WEIGHTS.profile.half_life
    films = np.arange(int(half_life) + 1)
    taste = Taste.of_ratings(films, np.full(len(films), 5.0), WEIGHTS, times=films)
    by_film = dict(zip(taste.films.tolist(), taste.values.tolist(), strict=True))
    assert by_film[films[-1]] == 1.0
    assert by_film[0] == pytest.approx(0.5)


def test_ratings_of_one_moment_are_of_one_age() -> None:
    taste = Taste.of_ratings([4, 5, 6], [5, 5, 5], WEIGHTS, times=[10, 10, 10])
    assert len(set(taste.values.tolist())) == 1


def test_of_two_ratings_of_a_film_the_younger_counts() -> None:
    taste = Taste.of_ratings([4, 4], [1, 5], WEIGHTS, times=[1, 2])
    assert taste.films.tolist() == [4]
    assert taste.values.tolist() == [1.0]
    again = Taste.of_ratings([4, 4], [5, 1], WEIGHTS, times=[2, 1])
    assert again.values.tolist() == [1.0]


@pytest.mark.parametrize("stars", [[float("nan")], [float("inf")], [1.0, 2.0]])
def test_ratings_that_are_none_are_refused(stars: list[float]) -> None:
    with pytest.raises(ValueError, match="one rating, a number"):
        Taste.of_ratings([1], stars, WEIGHTS)


def test_somebody_with_fifty_thousand_ratings() -> None:
    random = np.random.default_rng(0)
    taste = Taste.of_ratings(
        random.integers(0, 60, 50_000), random.uniform(0.5, 5, 50_000), WEIGHTS
    )
    assert len(taste.films) == 60
    assert len(RECOMMENDER.for_taste(taste, 5).films) == 0  # all have been seen
