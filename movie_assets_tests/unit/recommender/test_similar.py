"""Nearest neighbours by all that goes into a score, against the same in dense NumPy."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from scipy import sparse

from movie_assets.recommender import (
    MovieFeatures,
    Neighbours,
    Signal,
    Weights,
    load_weights,
    nearest_neighbours,
    neighbours,
)
from movie_assets.recommender.blending import content_of_pairs
from movie_assets.recommender.neighbours import top_k
from movie_assets.recommender.ranking import Ranking, fit_ranking
from movie_assets_tests.films import features_of, weights_of

N_TERMS = 16
PLAIN = weights_of()  # closeness and prior are 1: a score is the likeness of content


def signal_of(pairs: Any, share: float = 0.5, name: str = "co_liked") -> Signal:
    return Signal(name, share, sparse.csr_matrix(np.array(pairs, dtype=np.float32)))


class Pair(NamedTuple):
    row: int
    column: int
    rank: int
    score: float


def as_pairs(found: Neighbours) -> list[Pair]:
    columns = (found.rows, found.columns, found.ranks, found.scores)
    return [Pair(*row) for row in zip(*(column.tolist() for column in columns), strict=True)]


def dense_scores(
    features: MovieFeatures,
    weights: Weights,
    signals: list[Signal],
    popularity: float | None = None,
) -> NDArray[np.float64]:
    """The definition itself: the score of every film with every candidate, 0 with itself."""
    ranking = fit_ranking(features, weights, popularity)
    rows = features.matrix.toarray().astype(np.float64)
    scores = np.minimum(rows @ rows.T, 1)
    scores *= ranking.factors()[np.ix_(ranking.codes, ranking.codes)].astype(np.float64)
    scores *= ranking.prior
    content_share = 1 - sum(signal.share for signal in signals)
    scores *= content_share
    shares = np.full(len(rows), content_share)
    for signal in signals:
        lists = signal.pairs.toarray().astype(np.float64)
        scores += signal.share * lists * obscurity_of(ranking)
        shares += signal.share * (lists > 0).any(axis=1)
    scores /= shares[:, None]
    scores[:, ranking.prior == 0] = 0
    np.fill_diagonal(scores, 0)
    return scores


def obscurity_of(ranking: Ranking) -> NDArray[np.float32]:
    """As an array, wherever the dial stands."""
    if ranking.obscurity is None:
        return np.ones(len(ranking.prior), np.float32)
    return ranking.obscurity


def dense_neighbours(scores: NDArray[np.float64], k: int) -> list[Pair]:
    """All scores, sorted by score and then by film."""
    found = []
    for row, its in enumerate(scores.astype(np.float32)):
        best = sorted(np.flatnonzero(its > 0), key=lambda column: (-its[column], column))
        found += [
            Pair(row, int(column), rank, float(its[column]))
            for rank, column in enumerate(best[:k], start=1)
        ]
    return found


def row_of(terms: set[int]) -> NDArray[np.float32]:
    """A row of length 1 whose products are exact in float32: 1, 4 or 16 equal weights."""
    row = np.zeros(N_TERMS, np.float32)
    size = max((n for n in (1, 4, 16) if n <= len(terms)), default=0)
    row[sorted(terms)[:size]] = 1 / np.sqrt(max(size, 1))
    return row


EXACT_ROWS = st.lists(
    st.one_of(
        st.sets(st.integers(0, N_TERMS - 1), max_size=6),
        st.just(set(range(N_TERMS))),
        st.sampled_from([set(), {0}, {0, 1, 2, 3}]),  # empty rows and films of the same text
    ),
    min_size=1,
    max_size=14,
).map(lambda rows: np.array([row_of(terms) for terms in rows]))


@st.composite
def exact_signals(draw: st.DrawFn, n_movies: int) -> list[Signal]:
    """Lists whose blended scores are exact too, some films being without one."""
    signals = []
    for name, share in (("co_liked", 0.5), ("tmdb", 0.25)):
        values = st.lists(
            st.sampled_from([0.0, 0.0, 0.25, 0.5, 1.0]), min_size=n_movies, max_size=n_movies
        )
        lists = st.lists(
            st.one_of(st.just([0.0] * n_movies), values), min_size=n_movies, max_size=n_movies
        )
        if draw(st.booleans()):
            signals.append(signal_of(draw(lists), share, name))
    return signals


@settings(max_examples=200, deadline=None)
@given(rows=EXACT_ROWS, k=st.integers(1, 20), data=st.data())
def test_as_in_dense_numpy_ties_included(
    rows: NDArray[np.float32], k: int, data: st.DataObject
) -> None:
    n_movies = len(rows)
    votes = data.draw(st.lists(st.integers(0, 1), min_size=n_movies, max_size=n_movies))
    signals = data.draw(exact_signals(n_movies))
    features = features_of(rows, votes)
    found = nearest_neighbours(features, PLAIN, k, signals=signals)
    assert as_pairs(found) == dense_neighbours(dense_scores(features, PLAIN, signals), k)
    assert (found.rows.dtype, found.columns.dtype, found.ranks.dtype) == (np.int32,) * 3
    assert found.scores.dtype == np.float32


class Catalogue(NamedTuple):
    """Films and signals of any numbers."""

    features: MovieFeatures
    signals: list[Signal]


def any_catalogue(seed: int, n_movies: int, n_signals: int) -> Catalogue:
    chance = np.random.default_rng(seed)
    rows = chance.random((n_movies, 30)) * (chance.random((n_movies, 30)) < chance.random())
    lengths = np.linalg.norm(rows, axis=1, keepdims=True)
    rows = np.divide(rows, lengths, out=np.zeros_like(rows), where=lengths > 0)
    features = features_of(
        rows,
        votes=chance.integers(0, 5, n_movies) * chance.integers(0, 2000, n_movies),
        ratings=chance.random(n_movies) * 10,
        years=chance.choice([0, 1920, 1980, 1999, 2020], n_movies),
    )
    signals = []
    for name, share in (("co_liked", 0.6), ("tmdb", 0.1))[:n_signals]:
        lists = chance.random((n_movies, n_movies)) * (chance.random((n_movies, n_movies)) < 0.3)
        lists[chance.random(n_movies) < 0.3] = 0
        signals.append(signal_of(lists, share, name))
    return Catalogue(features, signals)


@settings(max_examples=80, deadline=None)
@given(
    catalogue=st.builds(
        any_catalogue, st.integers(0, 2**32 - 1), st.integers(1, 50), st.integers(0, 2)
    ),
    k=st.integers(1, 60),
    popularity=st.sampled_from([None, 0.0, 0.3, 1.0]),
)
def test_contract_on_any_numbers(catalogue: Catalogue, k: int, popularity: float | None) -> None:
    features, signals = catalogue
    weights = load_weights()
    found = nearest_neighbours(features, weights, k, popularity=popularity, signals=signals)
    scores = dense_scores(features, weights, signals, popularity)
    assert not np.any(found.rows == found.columns)
    assert features.is_candidate[found.columns].all()
    assert np.all((found.scores > 0) & (found.scores <= 1))
    np.testing.assert_allclose(found.scores, scores[found.rows, found.columns], atol=2e-6)
    for row in range(features.n_movies):
        mine = found.rows == row
        best = -np.sort(-scores[row])[:k]
        np.testing.assert_allclose(found.scores[mine], best[best > 0], atol=2e-6)
        assert found.ranks[mine].tolist() == list(range(1, mine.sum() + 1))
        order = np.lexsort((found.columns[mine], -found.scores[mine]))
        assert order.tolist() == list(range(mine.sum()))
    assert np.all(np.diff(found.rows) >= 0)
    assert_parts_make_the_score(found, features, weights, signals, popularity)


def assert_parts_make_the_score(
    found: Neighbours,
    features: MovieFeatures,
    weights: Weights,
    signals: list[Signal],
    popularity: float | None,
) -> None:
    rows = features.matrix.toarray().astype(np.float64)
    ranking = fit_ranking(features, weights, popularity)
    for part in (found.content, found.closeness, found.prior, *found.signals.values()):
        assert np.all((part >= 0) & (part <= 1))
    content = np.minimum((rows @ rows.T)[found.rows, found.columns], 1)
    np.testing.assert_allclose(found.content, content, rtol=1e-4, atol=1e-6)
    np.testing.assert_array_equal(found.prior, ranking.prior[found.columns])
    np.testing.assert_array_equal(found.closeness, ranking.closeness(found.rows, found.columns))
    assert set(found.signals) == {signal.name for signal in signals}
    content_share = 1 - sum(signal.share for signal in signals)
    total = content_share * found.content * found.closeness * found.prior.astype(np.float64)
    shares = np.full(features.n_movies, content_share)
    for signal in signals:
        lists = signal.pairs.toarray()
        np.testing.assert_array_equal(
            found.signals[signal.name],
            (lists * obscurity_of(ranking))[found.rows, found.columns],
            strict=True,
        )
        total += signal.share * found.signals[signal.name]
        shares += signal.share * (lists > 0).any(axis=1)
    np.testing.assert_allclose(found.scores, total / shares[found.rows], rtol=1e-5, atol=1e-7)


# -- what nothing depends on --------------------------------------------------------------------


def assert_same(one: Neighbours, other: Neighbours) -> None:
    for name in ("rows", "columns", "ranks", "scores", "content", "closeness", "prior"):
        np.testing.assert_array_equal(getattr(one, name), getattr(other, name), err_msg=name)
    assert set(one.signals) == set(other.signals)
    for name, values in one.signals.items():
        np.testing.assert_array_equal(values, other.signals[name], err_msg=name)


@pytest.mark.parametrize("n_signals", [0, 2])
def test_threads_and_the_kernel_change_nothing(
    n_signals: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    features, signals = any_catalogue(5, 60, n_signals)
    weights = load_weights()
    whole = nearest_neighbours(features, weights, 7, signals=signals)
    assert len(whole.rows) > 300
    for threads in (1, 2):
        monkeypatch.setattr(neighbours, "KERNEL_FROM", 0)

        def search(*arguments: Any, threads: int = threads, **options: Any) -> Any:
            return top_k(*arguments, threads=threads, **options)

        found = nearest_neighbours(features, weights, 7, signals=signals, search=search)
        assert_same(found, whole)


@pytest.mark.parametrize("n_signals", [0, 2])
@pytest.mark.parametrize("asking", [[], [0], [3, 4, 59], list(range(0, 60, 2))])
def test_some_films_alone_get_what_they_get_among_all(n_signals: int, asking: list[int]) -> None:
    features, signals = any_catalogue(6, 60, n_signals)
    weights = load_weights()
    whole = nearest_neighbours(features, weights, 5, signals=signals)
    rows = np.array(asking, dtype=np.int32)
    some = nearest_neighbours(features, weights, 5, signals=signals, rows=rows)
    kept = np.isin(whole.rows, rows)
    assert some.rows.tolist() == whole.rows[kept].tolist()
    assert some.columns.tolist() == whole.columns[kept].tolist()
    assert some.scores.tolist() == whole.scores[kept].tolist()
    assert some.signals.keys() == whole.signals.keys()


def test_films_without_a_list_lose_nothing() -> None:
    """To the last bit: their lists are those of content alone."""
    features, _ = any_catalogue(7, 50, 0)
    lists = np.zeros((50, 50))
    lists[0, 1:20] = np.linspace(0.1, 1, 19)
    weights = load_weights()
    plain = nearest_neighbours(features, weights, 10)
    for share in (0.15, 0.5, 0.65):
        blended = nearest_neighbours(features, weights, 10, signals=[signal_of(lists, share)])
        others, before = blended.rows > 0, plain.rows > 0
        for name in ("rows", "columns", "ranks", "scores", "content"):
            mine, its = getattr(blended, name)[others], getattr(plain, name)[before]
            np.testing.assert_array_equal(mine, its, err_msg=f"{name} {share}")
        assert not blended.signals["co_liked"][others].any()
        assert blended.columns[~others].tolist() != plain.columns[~before].tolist()


def test_the_first_few_are_those_of_a_longer_list() -> None:
    features, signals = any_catalogue(8, 40, 2)
    weights = load_weights()
    long = nearest_neighbours(features, weights, 12, signals=signals)
    assert_same(long.of_first(12), long)
    short = long.of_first(3)
    assert short.ranks.max() == 3
    again = nearest_neighbours(features, weights, 3, signals=signals)
    assert as_pairs(short) == as_pairs(again)
    assert set(short.signals) == {"co_liked", "tmdb"}
    assert len(short.signals["tmdb"]) == len(short.rows)


# -- by hand ------------------------------------------------------------------------------------


def test_scores_by_hand() -> None:
    rows = np.array([[1, 0, 0], [0.6, 0.8, 0], [0, 0.8, 0.6], [0, 0, 1]])
    found = as_pairs(nearest_neighbours(features_of(rows), PLAIN, 2))
    assert [pair[:3] for pair in found] == [
        (0, 1, 1),
        (1, 2, 1),
        (1, 0, 2),
        (2, 1, 1),
        (2, 3, 2),
        (3, 2, 1),
    ]
    assert [pair.score for pair in found] == pytest.approx([0.6, 0.64, 0.6, 0.64, 0.6, 0.6])


def test_blended_scores_by_hand() -> None:
    """Film 2 is in no way like film 0; but the same people like it, and it is second."""
    rows = np.array([[1, 0], [0.8, 0.6], [0, 1], [0.6, 0.8]])
    lists = np.zeros((4, 4))
    lists[0] = [0, 0.5, 0.9, 0]
    found = nearest_neighbours(features_of(rows), PLAIN, 2, signals=[signal_of(lists, 0.5)])
    assert found.columns[:2].tolist() == [1, 2]
    assert found.scores[:2].tolist() == pytest.approx([0.5 * 0.8 + 0.5 * 0.5, 0.5 * 0.9])
    assert found.content[:2].tolist() == pytest.approx([0.8, 0])
    assert found.signals["co_liked"][:2].tolist() == pytest.approx([0.5, 0.9])
    # Film 1 has no list itself, and is in one: its own scores are of content alone.
    assert found.scores[2:4].tolist() == pytest.approx([0.96, 0.8])


def test_prior_and_closeness_by_hand() -> None:
    weights = weights_of(closeness={"years": 1}, prior={"votes": 1}, popularity=1)
    features = features_of(np.ones((3, 1)), votes=[9, 99, 49], years=[2000, 2015, 2000])
    found = nearest_neighbours(features, weights, 2)
    assert [pair[:2] for pair in as_pairs(found)] == [
        (0, 2),
        (0, 1),
        (1, 2),
        (1, 0),
        (2, 1),
        (2, 0),
    ]
    far, ten, fifty = np.exp(-1), 0.1, 0.5
    assert found.scores.tolist() == pytest.approx(
        [fifty, far, far * fifty, far * ten, far, ten], rel=1e-5
    )
    assert found.content.tolist() == pytest.approx([1] * 6)


def test_equal_scores_are_ordered_by_film() -> None:
    """Six films of one text: every score is the same, and the K-th place has many ties."""
    six = features_of(np.tile([1.0, 0.0], (6, 1)))
    for signals in ([], [signal_of(np.ones((6, 6)))]):
        found = nearest_neighbours(six, PLAIN, 3, signals=signals)
        assert found.columns.reshape(6, 3).tolist() == [
            [1, 2, 3], [0, 2, 3], [0, 1, 3], [0, 1, 2], [0, 1, 2], [0, 1, 2],
        ]  # fmt: skip


def test_scores_never_exceed_1() -> None:
    weights = np.full(7, 0.37796450, np.float32)  # 1 / sqrt(7), a little more in float32
    weights[0] = np.nextafter(weights[0], np.float32(1))
    rows = np.tile(weights, (2, 1))
    assert float(rows[0] @ rows[1]) > 1
    for signals in ([], [signal_of([[0, 1], [1, 0]], 0.3)]):
        found = nearest_neighbours(features_of(rows), PLAIN, 1, signals=signals)
        assert found.scores.tolist() == [1.0, 1.0]
        assert found.content.tolist() == [1.0, 1.0]


# -- little, nothing and nonsense ---------------------------------------------------------------


@pytest.mark.parametrize(
    "features",
    [
        features_of(np.zeros((0, 3))),
        features_of(np.zeros((3, 3))),
        features_of(np.zeros((3, 0))),
        features_of(np.eye(3)),
        features_of(np.ones((3, 1)), votes=[0] * 3),
        features_of(np.ones((1, 1))),
    ],
    ids=["no films", "empty rows", "no terms", "nothing shared", "no votes", "one film"],
)
@pytest.mark.parametrize("with_signals", [False, True])
def test_no_neighbours_at_all(features: MovieFeatures, with_signals: bool) -> None:
    n_movies = features.n_movies
    signals = [signal_of(np.zeros((n_movies, n_movies)))] if with_signals else []
    found = nearest_neighbours(features, load_weights(), 5, signals=signals)
    assert as_pairs(found) == []
    assert (found.rows.dtype, found.scores.dtype) == (np.int32, np.float32)
    assert len(found.of_first(1).rows) == 0


def test_films_with_nothing_in_common_that_the_same_people_like() -> None:
    lists = [[0.5, 0.25, 0.0], [0, 0, 0], [1.0, 0, 0]]
    features = features_of(np.zeros((3, 2)), votes=[1, 1, 0])
    found = nearest_neighbours(features, PLAIN, 5, signals=[signal_of(lists)])
    # Not film 0 with itself, and nobody with film 2, which has no votes.
    assert [pair[:3] for pair in as_pairs(found)] == [(0, 1, 1), (2, 0, 1)]
    assert found.scores.tolist() == pytest.approx([0.125, 0.5])
    assert found.content.tolist() == [0, 0]


def test_a_closeness_of_0_in_float32_leaves_the_parts_numbers() -> None:
    far = weights_of(closeness={"years": 1000})
    features = features_of(np.ones((2, 1)), years=[1900, 2000])
    assert len(nearest_neighbours(features, far, 1).rows) == 0
    found = nearest_neighbours(features, far, 1, signals=[signal_of([[0, 1], [1, 0]])])
    assert found.closeness.tolist() == [0, 0]
    assert np.isfinite(found.content).all()


@pytest.mark.parametrize("k", [0, -1])
def test_k_must_be_positive(k: int) -> None:
    with pytest.raises(ValueError, match=f"at least 1, not {k}"):
        nearest_neighbours(features_of(np.eye(2)), PLAIN, k)


def test_signals_must_leave_something_to_content() -> None:
    def never(*_: Any, **__: Any) -> Any:
        raise AssertionError("refused only after the search")

    halves = [signal_of(np.eye(2), 0.5, name) for name in ("co_liked", "tmdb")]
    with pytest.raises(ValueError, match="add up to less than 1"):
        nearest_neighbours(features_of(np.eye(2)), PLAIN, 1, signals=halves, search=never)


@pytest.mark.parametrize("value", [1.5, -0.1, float("nan"), float("inf")])
def test_the_values_of_a_signal_lie_between_0_and_1(value: float) -> None:
    with pytest.raises(ValueError, match="the values of co_liked must be from 0 to 1"):
        signal_of([[0, value], [0, 0]])


def test_progress_is_told() -> None:
    told: list[tuple[int, int]] = []
    nearest_neighbours(features_of(np.eye(5)), PLAIN, 1, progress=lambda *done: told.append(done))
    assert told[-1] == (5, 5)


def test_content_of_pairs_is_added_up_in_the_order_of_columns() -> None:
    """As the kernel does; in another order the last bit would be another one here."""
    weights = np.array([[0.1, 0.7, 0.0, 0.3], [0.9, 0.2, 0.5, 0.6], [0, 0, 0.5, 0]], np.float32)
    rows, columns = np.array([0, 0, 1], np.int32), np.array([1, 2, 1], np.int32)
    found = content_of_pairs(sparse.csr_matrix(weights), rows, columns)
    by_hand = np.float32(0)
    for one, other in zip(weights[0], weights[1], strict=True):
        by_hand += one * other
    assert found.tolist() == [by_hand, 0, 1]  # of a product above 1 there is 1
    assert found.dtype == np.float32


def test_content_of_pairs_refuses_unsorted_terms() -> None:
    matrix = sparse.csr_matrix((np.ones(2, np.float32), [1, 0], [0, 2]), shape=(1, 2))
    one = np.zeros(1, np.int32)
    with pytest.raises(ValueError, match="sorted indices"):
        content_of_pairs(matrix, one, one)
