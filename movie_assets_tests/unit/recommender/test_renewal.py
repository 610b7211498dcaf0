"""Renewed neighbours, against those of a search of everything by the same frozen terms."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import sparse

from movie_assets.recommender import (
    MovieFeatures,
    Neighbours,
    Signal,
    fit_features,
    load_weights,
    nearest_neighbours,
    neighbours,
    renewal,
)
from movie_assets.recommender.explanations import Explainer
from movie_assets.recommender.frozen import freeze, update_features
from movie_assets.recommender.renewal import Renewed, renew
from movie_assets_tests.films import films_of
from movie_assets_tests.unit.recommender.test_frozen import FILMS, frame_of

WEIGHTS, K = load_weights(), 4
IDS = range(1, 19)

#: What becomes of films, and what signals list for some of them.
DAYS = st.tuples(
    st.dictionaries(st.sampled_from(IDS), st.none() | FILMS, max_size=4),
    st.dictionaries(
        st.sampled_from(IDS),
        st.dictionaries(st.sampled_from(IDS), st.sampled_from([0.03, 0.5, 1.0]), max_size=4),
        max_size=4,
    ),
)

Told = dict[tuple[int, int], tuple[Any, ...]]


@pytest.fixture(autouse=True)
def by_the_kernel(monkeypatch: pytest.MonkeyPatch) -> None:
    """However small the task is; and with so few places to spare that lists are searched again."""
    monkeypatch.setattr(neighbours, "KERNEL_FROM", 0)
    monkeypatch.setattr(renewal, "MARGIN", 2)


def told(features: MovieFeatures, found: Neighbours) -> Told:
    """All that is stored of pairs, by film and rank."""
    ids, why = features.movie_ids, Explainer(features)
    columns = [ids[found.columns], found.scores, found.content, found.closeness, found.prior]
    columns += [found.signals.get(name, np.zeros(len(found.rows))) for name in ("co_liked", "tmdb")]
    keys = zip(ids[found.rows].tolist(), found.ranks.tolist(), strict=True)
    values = zip(
        *(column.tolist() for column in columns),
        map(tuple, why.reasons(found.rows, found.columns, found.signals)),
        strict=True,
    )
    return dict(zip(keys, values, strict=True))


def after(stored: Told, renewed: Renewed) -> Told:
    """What is stored once the changes are merged."""
    out = {} if renewed.anew else dict(stored)
    for film, rank in renewed.gone.tolist():
        del out[film, rank]
    moved = {}
    for film, was, now, neighbour in renewed.moved().tolist():
        moved[film, now] = out.pop((film, was))
        assert moved[film, now][0] == neighbour
    new: Told = {}
    for pairs in renewed.pairs():
        new |= told(renewed.features, pairs)
    # Each place is free, and taken once.
    assert len(out | moved | new) == len(out) + len(moved) + len(new)
    assert renewed.n_changed == len(new)
    return out | moved | new


def signals_of(features: MovieFeatures, *lists: dict[int, dict[int, float]]) -> list[Signal]:
    n = features.n_movies
    made = []
    for name, pairs in zip(("co_liked", "tmdb"), lists, strict=True):
        matrix = np.zeros((n, n), np.float32)
        for film, others in pairs.items():
            for other, value in others.items():
                at = [np.flatnonzero(features.movie_ids == i) for i in (film, other)]
                matrix[np.ix_(*at)] = value
        made.append(Signal(name, 0.3, sparse.csr_matrix(matrix)))
    return made


@pytest.mark.no_cover
@settings(max_examples=100, deadline=None)
@given(
    films=st.dictionaries(st.sampled_from(IDS), FILMS, min_size=6, max_size=16),
    days=st.lists(DAYS, min_size=1, max_size=4),
)
def test_merged_changes_are_a_rebuild_to_the_last_bit(
    films: dict[int, Any], days: Sequence[tuple[dict[int, Any], dict[int, dict[int, float]]]]
) -> None:
    """Scores, their parts, the order of ties, and reasons."""
    features = freeze(fit_features(frame_of(films), WEIGHTS), WEIGHTS)
    liked: dict[int, dict[int, float]] = {}
    renewed = renew(features, WEIGHTS, K)
    stored = after({}, renewed)
    for changes, lists in days:
        changed = {film: columns for film, columns in changes.items() if columns}
        removed = [film for film, columns in changes.items() if not columns]
        features = update_features(features, frame_of(changed), removed, WEIGHTS)
        if not features.n_movies:
            return
        liked |= lists
        signals = signals_of(features, liked, {9: {1: 1.0, 2: 0.5}})
        renewed = renew(features, WEIGHTS, K, before=renewed.kept, signals=signals)
        stored = after(stored, renewed)
        expected = nearest_neighbours(features, WEIGHTS, K, signals=signals)
        assert stored == told(features, expected)
        assert renewed.n_pairs == len(stored)


def catalogue(n: int = 300) -> pd.DataFrame:
    chance = np.random.default_rng(1)
    words = np.array([f"w{i}" for i in range(60)])
    return films_of(
        overview=[" ".join(chance.choice(words, 6)) for _ in range(n)],
        actors=[[f"a{i}" for i in chance.integers(0, 40, 3)] for _ in range(n)],
        vote_count=[0, *chance.integers(1, 900, n - 1)],
        vote_average=chance.integers(40, 90, n) / 10,
    )


def pairs_told(renewed: Renewed) -> int:
    return sum(len(pairs.rows) for pairs in renewed.pairs())


def test_what_did_not_change_is_not_told_again() -> None:
    frame = catalogue()
    features = freeze(fit_features(frame, WEIGHTS), WEIGHTS)
    first = renew(features, WEIGHTS, K)
    assert first.anew
    assert pairs_told(first) == first.n_pairs == K * len(frame)
    same = renew(features, WEIGHTS, K, before=first.kept)
    assert (same.anew, same.n_films_changed, pairs_told(same), len(same.gone)) == (False, 0, 0, 0)
    # A film without votes is nobody's neighbour: so nobody's pairs change but its own.
    unseen = frame.iloc[:1].assign(overview="w1 w2")
    changed = update_features(features, unseen, [], WEIGHTS)
    one = renew(changed, WEIGHTS, K, before=first.kept)
    assert (one.anew, one.n_films_changed, pairs_told(one)) == (False, 1, K)


@pytest.mark.parametrize(
    "other",
    [
        lambda features: replace(features, frozen=features.frozen._replace(log_prior=1.0)),
        lambda features: replace(features, idf=features.idf * 2),
        lambda features: replace(features, vocabulary=("other", *features.vocabulary[1:])),
    ],
)
def test_other_frozen_terms_make_all_anew(other: Callable[[Any], MovieFeatures]) -> None:
    features = freeze(fit_features(catalogue(40), WEIGHTS), WEIGHTS)
    kept = renew(features, WEIGHTS, K).kept
    assert not renew(features, WEIGHTS, K, before=kept).anew
    assert renew(other(features), WEIGHTS, K, before=kept).anew
    assert renew(features, WEIGHTS.model_copy(update={"popularity": 0.1}), K, before=kept).anew
    assert renew(features, WEIGHTS, K + 1, before=kept).anew


def test_signals_whose_shares_are_too_much() -> None:
    features = freeze(fit_features(catalogue(5), WEIGHTS), WEIGHTS)
    signals = [replace(signal, share=0.5) for signal in signals_of(features, {}, {})]
    with pytest.raises(ValueError, match="less than 1"):
        renew(features, WEIGHTS, K, signals=signals)
