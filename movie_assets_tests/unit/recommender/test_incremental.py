"""Updated lists, against a search of everything anew."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from scipy import sparse

from movie_assets.recommender import neighbours
from movie_assets.recommender import top_k as kernel
from movie_assets.recommender.changes import same_films
from movie_assets.recommender.incremental import Before, Lists, update
from movie_assets.recommender.neighbours import top_k

N_TERMS, N_CODES = 8, 3
FACTORS = np.array([[1.0, 0.5, 0.2], [0.5, 1.0, 0.0], [0.3, 0.5, 1.0]])


@pytest.fixture(autouse=True)
def by_the_kernel(monkeypatch: pytest.MonkeyPatch) -> None:
    """However small the task is."""
    monkeypatch.setattr(neighbours, "KERNEL_FROM", 0)


class Catalogue(NamedTuple):
    """Films in the order of their positions; those without a prior are no candidates."""

    ids: NDArray[np.int64]
    weights: NDArray[np.float32]
    prior: NDArray[np.float32]
    codes: NDArray[np.int64]

    @property
    def candidates(self) -> NDArray[np.int64]:
        return np.flatnonzero(self.prior >= 0)

    def arguments(self) -> tuple[tuple[Any, ...], dict[str, Any]]:
        """Of top_k but for k, and its options."""
        chosen = self.candidates
        own = np.full(len(self.ids), -1)
        own[chosen] = np.arange(len(chosen))
        rows = sparse.csr_matrix(self.weights)
        return (rows, rows[chosen]), {
            "prior": self.prior[chosen],
            "exclude_self": own,
            "pair_codes": (self.codes, self.codes[chosen], FACTORS),
        }

    def before(self, old: Catalogue) -> Before:
        now, then = sparse.csr_matrix(self.weights), sparse.csr_matrix(old.weights)
        parts = [(then, now), (old.codes, self.codes)]
        mine, its = self.candidates, old.candidates
        return Before(
            rows=same_films(old.ids, self.ids, parts),
            candidates=same_films(
                old.ids[its],
                self.ids[mine],
                [(a[its], b[mine]) for a, b in (*parts, (old.prior, self.prior))],
            ),
        )


FILMS = st.tuples(
    st.one_of(
        st.sampled_from([[0.0] * N_TERMS, [0.5] * N_TERMS, [1.0] + [0.0] * (N_TERMS - 1)]),
        st.lists(st.sampled_from([0.0, 0.0, 0.5, 1.0]), min_size=N_TERMS, max_size=N_TERMS),
        st.lists(st.floats(0, 1, width=32), min_size=N_TERMS, max_size=N_TERMS),
    ),
    st.sampled_from([-1.0, 0.0, 0.5, 0.5, 0.9, 1.0]),
    st.integers(0, N_CODES - 1),
)


def catalogue_of(films: dict[int, Any], order: list[int]) -> Catalogue:
    weights, prior, codes = (
        zip(*(films[film] for film in order), strict=True) if order else ((), (), ())
    )
    return Catalogue(
        np.array(order, np.int64),
        np.array(weights, np.float32).reshape(len(order), N_TERMS),
        np.array(prior, np.float32),
        np.array(codes, np.int64),
    )


@st.composite
def histories(draw: st.DrawFn) -> list[Catalogue]:
    """A catalogue and what becomes of it: films come, go and change, in this and that order."""
    films = dict(enumerate(draw(st.lists(FILMS, min_size=1, max_size=25))))
    history = [catalogue_of(films, sorted(films))]
    for _ in range(draw(st.integers(1, 3))):
        for film in draw(st.lists(st.sampled_from(range(30)), max_size=6)):
            what = draw(st.sampled_from(["goes", "changes", "prior", "code"]))
            weights, prior, code = films.get(film, ([0.5] * N_TERMS, 1.0, 0))
            if what == "goes":
                films.pop(film, None)
            elif what == "changes":
                films[film] = draw(FILMS)
            elif what == "prior":
                films[film] = (weights, draw(st.sampled_from([-1.0, 0.0, 0.4, 0.6, 1.0])), code)
            else:
                films[film] = (weights, prior, draw(st.integers(0, N_CODES - 1)))
        order = sorted(films)
        if draw(st.booleans()):
            order = draw(st.permutations(order))
        history.append(catalogue_of(films, list(order)))
    return history


def rebuilt(catalogue: Catalogue, k: int, margin: int) -> Lists:
    matrices, options = catalogue.arguments()
    return Lists.of(k, top_k(*matrices, k + margin, **options))


@pytest.mark.no_cover
@settings(max_examples=500, deadline=None)
@given(history=histories(), k=st.integers(1, 8), margin=st.integers(0, 4))
def test_updates_are_a_rebuild_to_the_last_bit(
    history: list[Catalogue], k: int, margin: int
) -> None:
    old = history[0]
    lists = rebuilt(old, k, margin)
    for new in history[1:]:
        matrices, options = new.arguments()
        lists = update(lists, *matrices, new.before(old), **options)
        expected = rebuilt(new, k, margin)
        for found, right in zip(lists.best, expected.best, strict=True):
            assert found.dtype == right.dtype
            np.testing.assert_array_equal(found, right)
        # What is kept beyond the K-th is right as well, and so is what is said of the rest.
        kept = lists.indices >= 0
        np.testing.assert_array_equal(lists.indices[kept], expected.indices[kept])
        np.testing.assert_array_equal(lists.scores[kept], expected.scores[kept])
        same_length = (kept == (expected.indices >= 0)).all(axis=1)
        assert same_length[lists.whole].all()
        assert not (lists.whole & ~expected.whole).any()
        old = new


def many_films(n: int) -> Catalogue:
    chance = np.random.default_rng(0)
    weights = chance.random((n, 60)) * (chance.random((n, 60)) < 0.2)
    return Catalogue(
        np.arange(n),
        weights.astype(np.float32),
        chance.random(n).astype(np.float32),
        chance.integers(0, N_CODES, n),
    )


def test_few_rows_are_searched_again() -> None:
    """With a margin: none but the changed; without one: those that lost a candidate as well."""
    old = many_films(2000)
    new = old._replace(weights=old.weights.copy(), prior=old.prior.copy())
    new.weights[5] = old.weights[6]
    new.prior[100:120] *= 0.1
    matrices, options = new.arguments()

    def searched(margin: int) -> int:
        told: list[tuple[int, int]] = []
        lists = update(
            rebuilt(old, 20, margin),
            *matrices,
            new.before(old),
            **options,
            progress=lambda *done: told.append(done),
        )
        np.testing.assert_array_equal(lists.best, rebuilt(new, 20, 0).best)
        assert told[-1][0] == told[-1][1]
        return told[-1][1] - len(new.ids)

    assert searched(10) == 1
    assert searched(0) > 100


def test_a_film_that_stays_is_scored_with_changed_ones_only(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    old = many_films(500)
    new = old._replace(prior=old.prior.copy())
    new.prior[7] = 1.0
    matrices, options = new.arguments()
    lists = rebuilt(old, 10, 5)
    scored: list[tuple[int, int]] = []
    search = kernel.search

    def counted(task: Any, **others: Any) -> Any:
        scored.append((task.n_rows, int((np.diff(task.candidates.indptr) > 0).sum())))
        return search(task, **others)

    monkeypatch.setattr(kernel, "search", counted)
    update(lists, *matrices, new.before(old), **options)
    assert scored == [(500, 1)]


def test_small_catalogues_are_rebuilt(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(neighbours, "KERNEL_FROM", 1e9)
    monkeypatch.setattr(kernel, "search", None)
    old = many_films(50)
    matrices, options = old.arguments()
    lists = update(rebuilt(old, 5, 2), *matrices, old.before(old), **options)
    np.testing.assert_array_equal(lists.indices, rebuilt(old, 5, 2).indices)


EYE = sparse.csr_matrix(np.eye(3, dtype=np.float32))
LISTS = Lists.of(1, (np.zeros((3, 2), np.int32), np.ones((3, 2), np.float32)))


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: Lists.of(3, LISTS.best), "k must be from 1 to the 1 searched for, not 3"),
        (lambda: update(LISTS, EYE, EYE, Before([0, 1], [0, 1, 2])), "must name 3 rows and 3"),
        (lambda: update(LISTS, EYE, EYE, Before([0, 1, 3], [0, 1, 2])), "names row 3 of 3"),
        (lambda: update(LISTS, EYE, EYE, Before([0, 1, 2], [0, 1, 1])), "a candidate twice"),
        (lambda: update(LISTS, -EYE, EYE, Before([0, 1, 2], [0, 1, 2])), "rows has negative"),
    ],
)
def test_what_does_not_fit_is_refused(call: Callable[[], object], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        call()


def test_same_films_by_hand() -> None:
    before = sparse.csr_matrix(np.array([[1, 0], [0, 2], [3, 0], [1, 1]], np.float32))
    now = sparse.csr_matrix(np.array([[3, 0], [0, 2], [1, 0], [0, 0]], np.float32))
    ids_before, ids = [10, 20, 30, 40], [30, 20, 50, 40]
    assert same_films(ids_before, ids, [(before, now)]).tolist() == [2, 1, -1, -1]
    assert same_films(ids_before, ids, [([1, 2, 3, 4], [3, 0, 1, 4])]).tolist() == [2, -1, -1, 3]
    assert same_films([], ids, [(before[:0], now)]).tolist() == [-1] * 4
    assert same_films(ids_before, [], [(before, now[:0])]).tolist() == []


@settings(max_examples=100, deadline=None)
@given(history=histories())
def test_same_films_are_those_whose_weights_are(history: list[Catalogue]) -> None:
    old, new = history[0], history[-1]
    matrices = [sparse.csr_matrix(catalogue.weights) for catalogue in (old, new)]
    then = {film: row.tolist() for film, row in zip(old.ids, old.weights, strict=True)}
    expected = [
        old.ids.tolist().index(film) if then.get(film) == row.tolist() else -1
        for film, row in zip(new.ids, new.weights, strict=True)
    ]
    assert same_films(old.ids, new.ids, [tuple(matrices)]).tolist() == expected
