"""Features whose terms are frozen, against all films transformed by the same terms."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from movie_assets.recommender import MovieFeatures, fit_features, load_weights
from movie_assets.recommender.explanations import Explainer
from movie_assets.recommender.features import FilmVectorizer
from movie_assets.recommender.frozen import freeze, update_features
from movie_assets.recommender.ranking import fit_ranking
from movie_assets.recommender.storage import features_hash, load_features, save_features
from movie_assets_tests.films import films_of

WEIGHTS = load_weights()
WORDS = ["thief", "diamond", "robot", "love", "war"]

FILMS = st.fixed_dictionaries(
    {
        "overview": st.lists(st.sampled_from(WORDS), max_size=4).map(" ".join),
        "genres": st.lists(st.sampled_from(["Drama", "Horror", "Family"]), max_size=2),
        "actors": st.lists(st.sampled_from(["A B", "C D", "E F"]), max_size=3),
        "original_language": st.sampled_from(["en", "hi", "fr"]),
        "vote_count": st.sampled_from([0, 1, 50, 90_000]),
        "vote_average": st.sampled_from([0.0, 5.5, 9.0]),
        "release_date": st.sampled_from([None, "1931-01-01", "1999-05-05", "2020-02-02"]),
    }
)
CATALOGUES = st.dictionaries(st.integers(1, 12), FILMS, min_size=1, max_size=10)


def frame_of(films: dict[int, dict[str, Any]]) -> Any:
    some = [{"id": film} | columns for film, columns in films.items()]
    return films_of(*some) if some else films_of(id=[])


@pytest.mark.no_cover
@settings(max_examples=100, deadline=None)
@given(before=CATALOGUES, changes=st.dictionaries(st.integers(1, 15), st.none() | FILMS))
def test_updated_rows_are_those_of_a_rebuild_by_the_same_terms(
    before: dict[int, Any], changes: dict[int, Any]
) -> None:
    old = freeze(fit_features(frame_of(before), WEIGHTS), WEIGHTS)
    after = {film: columns for film, columns in (before | changes).items() if columns}
    changed = {film: columns for film, columns in changes.items() if columns}
    removed = [film for film, columns in changes.items() if not columns]
    found = update_features(old, frame_of(changed), removed, WEIGHTS)
    vectorizer = FilmVectorizer.from_features(old, WEIGHTS)
    expected = replace(vectorizer.transform(frame_of(after)), frozen=old.frozen)
    assert features_hash(found) == features_hash(expected)


def two_films(**second: Any) -> MovieFeatures:
    first = {"overview": "thief diamond", "vote_count": 1000, "vote_average": 7.0}
    return freeze(fit_features(films_of(first, {"overview": "robot"} | second), WEIGHTS), WEIGHTS)


def test_a_film_that_overtakes_all_changes_no_other_and_counts_no_more_than_1() -> None:
    old = two_films(vote_count=10, vote_average=6.0)
    film = films_of({"id": 2, "overview": "robot", "vote_count": 90_000, "vote_average": 9.0})
    new = update_features(old, film, [], WEIGHTS)
    before, after = (fit_ranking(features, WEIGHTS).prior for features in (old, new))
    assert before[0] == after[0] == after[1] == 1
    assert fit_ranking(replace(new, frozen=None), WEIGHTS).prior[0] < 1


def test_what_is_well_known_and_common_stays() -> None:
    old = two_films(vote_count=10)
    film = films_of({"id": 2, "vote_count": 90_000, "vote_average": 9.0})
    new = update_features(old, film, [], WEIGHTS)
    rows, columns = np.array([0], np.int32), np.array([1], np.int32)
    assert Explainer(new).reasons(rows, columns, {}) == [["well known"]]
    assert old.frozen is not None
    famous = replace(new, frozen=old.frozen._replace(well_known=1e6))
    assert Explainer(famous).reasons(rows, columns, {}) == [[]]


def test_the_file_keeps_what_is_frozen(tmp_path: Path) -> None:
    features = two_films()
    path = tmp_path / "features.npz"
    save_features(path, features)
    assert load_features(path).frozen == features.frozen
    assert features_hash(load_features(path)) == features_hash(features)
    assert features_hash(features) != features_hash(replace(features, frozen=None))


def test_features_that_are_not_frozen_cannot_be_updated() -> None:
    with pytest.raises(ValueError, match="freeze them first"):
        update_features(replace(two_films(), frozen=None), films_of({}), [], WEIGHTS)
