"""Films as rows, field beside field, against values worked out by hand."""

from __future__ import annotations

import dataclasses
import itertools
import math
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import sparse

from movie_assets.recommender import MovieFeatures, fit_features, load_weights, nearest_neighbours
from movie_assets.recommender.features import FilmVectorizer, NoFeaturesError, rows_of_parts
from movie_assets.recommender.weights import FIELDS
from movie_assets_tests.films import features_of, films_of, weights_of

# Document frequencies of three films, 1 or 2 or 3, smoothed: ln((1 + n) / (1 + df)) + 1.
RARE = math.log(4 / 2) + 1
COMMON = math.log(4 / 3) + 1
ALL = 1.0

FULL = {
    "title": "Heat",
    "overview": "A thief and a detective",
    "tagline": "A Los Angeles crime saga",
    "genres": ["Crime", "Drama"],
    "keywords": ["heist", "los angeles"],
    "directors": ["Michael Mann"],
    "writers": ["Michael Mann"],
    "actors": ["Al Pacino", "Robert De Niro"],
    "collection": "Heat Collection",
    "original_language": "en",
    "release_date": "1995-12-15",
    "vote_count": 7000,
    "vote_average": 7.9,
}


def block(features: MovieFeatures, name: str) -> Any:
    return features.matrix[:, features.columns_of(name)].toarray()


def test_three_films_by_hand() -> None:
    films = films_of(
        {
            "id": 30,
            "overview": "The thief and the diamond",
            "tagline": "Thief!",
            "genres": ["Crime"],
        },
        {"id": 10, "overview": "A thief", "genres": ["Crime"], "release_date": "1999"},
        {"id": 20, "overview": "Robots", "vote_count": 4, "vote_average": 6.5},
    )
    fitted = fit_features(films, weights_of({"text": 3, "genres": 1}))
    assert fitted.movie_ids.tolist() == [10, 20, 30]
    assert fitted.fields == ("text", "genres")
    assert fitted.vocabulary == ("diamond", "robots", "thief", "Crime")
    assert fitted.field_ends.tolist() == [0, 3, 4]
    np.testing.assert_allclose(fitted.idf, [RARE, RARE, COMMON, COMMON], rtol=1e-6)
    # "the", "and" and "a" are stop words; a word that is said twice counts 1 + ln 2 times.
    film_30 = np.array([RARE, 0, (1 + math.log(2)) * COMMON])
    film_30 *= math.sqrt(3 / 4) / np.linalg.norm(film_30)
    expected = [
        [0, 0, math.sqrt(3 / 4), math.sqrt(1 / 4)],
        [0, math.sqrt(3 / 4), 0, 0],
        [*film_30, math.sqrt(1 / 4)],
    ]
    np.testing.assert_allclose(fitted.matrix.toarray(), expected, rtol=1e-6)
    assert (fitted.years.tolist(), fitted.votes.tolist()) == ([1999, 0, 0], [0, 4, 0])
    assert fitted.ratings.tolist() == [0, 6.5, 0]
    assert fitted.is_candidate.tolist() == [False, True, False]
    dtypes = [fitted.matrix.dtype, fitted.movie_ids.dtype, fitted.years.dtype, fitted.ratings.dtype]
    assert dtypes == [np.float32, np.int32, np.int16, np.float32]


def test_a_product_of_rows_is_the_sum_of_the_fields_cosines_times_their_weights() -> None:
    films = films_of(
        {"overview": "thief diamond", "genres": ["Crime", "Drama"], "original_language": "en"},
        {"overview": "thief", "genres": ["Crime"], "original_language": "fr"},
        {"overview": "robots", "original_language": "en"},
    )
    fitted = fit_features(films, weights_of({"text": 0.5, "genres": 0.3, "language": 0.2}))
    text = COMMON / math.hypot(COMMON, RARE)
    genres = COMMON / math.hypot(COMMON, RARE)
    products = (fitted.matrix @ fitted.matrix.T).toarray()
    assert products[0, 1] == pytest.approx(0.5 * text + 0.3 * genres, rel=1e-6)
    english = 0.2 * COMMON / RARE  # of three films two are in English, one in French
    assert products[0, 2] == pytest.approx(english, rel=1e-6)
    assert products[1, 2] == 0
    expected = [0.8 + english, 1, 0.5 + english]
    assert np.diag(products) == pytest.approx(expected, rel=1e-6)


def test_a_genres_weight_makes_it_count_more_or_less_beside_others() -> None:
    films = films_of({"genres": ["Crime", "Drama"]}, {"genres": ["Crime"]}, {"genres": ["War"]})
    weights = weights_of({"genres": 2, "floor": 1}, genres={"Crime": 0.5, "Western": 3})
    fitted = fit_features(films, weights)
    crime, drama = 0.5 * COMMON, RARE
    both = np.array([crime, drama, 0]) / math.hypot(crime, drama)
    expected = math.sqrt(2 / 3) * np.array([both, [1, 0, 0], [0, 0, 1]])
    np.testing.assert_allclose(block(fitted, "genres"), expected, rtol=1e-6)
    # How rare a term is stays what it is: reasons go by it.
    np.testing.assert_allclose(
        fitted.idf[fitted.columns_of("genres")], [COMMON, RARE, RARE], rtol=1e-6
    )
    later = FilmVectorizer.from_features(fitted, weights).transform(films)
    np.testing.assert_array_equal(later.matrix.toarray(), fitted.matrix.toarray())


def test_every_field_has_its_terms() -> None:
    fitted = fit_features(films_of(FULL), weights_of(dict.fromkeys(FIELDS, 1.0)))
    assert fitted.fields == FIELDS
    assert {name: fitted.vocabulary[fitted.columns_of(name)] for name in FIELDS} == {
        "text": ("angeles", "crime", "detective", "los", "saga", "thief"),
        "genres": ("Crime", "Drama"),
        "keywords": ("heist", "los angeles"),
        "directors": ("Michael Mann",),
        "writers": ("Michael Mann",),
        "actors": ("Al Pacino", "Robert De Niro"),
        "collection": ("Heat Collection",),
        "decade": ("1990s",),
        "language": ("en",),
        "floor": ("a film",),
    }
    names = [fitted.fields[place] for place in fitted.fields_of(np.arange(18, dtype=np.int32))]
    assert names == ["text"] * 6 + [
        *["genres"] * 2, *["keywords"] * 2, "directors", "writers", *["actors"] * 2,
        "collection", "decade", "language", "floor",
    ]  # fmt: skip


def test_a_field_without_a_weight_has_no_columns() -> None:
    fitted = fit_features(films_of(FULL), weights_of({"genres": 1, "text": 0}))
    assert fitted.fields == ("genres",)
    assert fitted.vocabulary == ("Crime", "Drama")


def test_names_are_tidied_and_count_once() -> None:
    actors = ["Al\tPacino ", "Al Pacino", "Al\nPacino", "Ann"]
    fitted = fit_features(films_of({"actors": actors}), weights_of({"actors": 1}))
    assert fitted.vocabulary == ("Al Pacino", "Ann")
    assert fitted.matrix.toarray().tolist() == [pytest.approx([0.5**0.5] * 2)]


@pytest.mark.parametrize("missing", ["overview", "genres", "keywords", "actors", "collection"])
def test_a_missing_field_takes_nothing_from_the_others(missing: str) -> None:
    other = {name: value for name, value in FULL.items() if name not in (missing, "tagline")}
    fitted = fit_features(films_of(FULL, other), load_weights())
    lost = "text" if missing == "overview" else missing
    for name in fitted.fields:
        rows = block(fitted, name)
        if name == lost:
            assert not rows[1].any()
        elif name != "text":
            np.testing.assert_array_equal(rows[0], rows[1])
    length = float((fitted.matrix[1].toarray() ** 2).sum())
    assert length == pytest.approx(1 - load_weights().shares()[lost], rel=1e-6)  # type: ignore[index]


# -- few films, and little of them --------------------------------------------------------------


def test_no_films() -> None:
    for make in (FilmVectorizer.fit, FilmVectorizer.fit_transform):
        with pytest.raises(NoFeaturesError, match="There is no film to compare"):
            make(FilmVectorizer(load_weights()), films_of())


def test_one_film() -> None:
    fitted = fit_features(films_of(FULL), load_weights())
    assert float((fitted.matrix.toarray() ** 2).sum()) == pytest.approx(1, rel=1e-6)
    assert len(nearest_neighbours(fitted, load_weights(), 5).rows) == 0


def test_two_identical_films_are_each_others_best() -> None:
    fitted = fit_features(films_of(FULL, FULL, FULL | {"genres": ["War"]}), load_weights())
    found = nearest_neighbours(fitted, load_weights(), 1)
    assert found.columns.tolist() == [1, 0, 0]
    np.testing.assert_allclose(found.scores[:2], 1, rtol=1e-6)
    np.testing.assert_array_equal(fitted.matrix[0].toarray(), fitted.matrix[1].toarray())


def test_a_vocabulary_of_one_word() -> None:
    films = films_of(*[{"overview": "zebra", "vote_count": 1}] * 3)
    fitted = fit_features(films, weights_of({"text": 1}))
    assert fitted.vocabulary == ("zebra",)
    assert fitted.matrix.toarray().tolist() == [[1.0]] * 3


@pytest.mark.parametrize("overview", [None, "", "the and of a", "?!"])
def test_no_text_at_all(overview: str | None) -> None:
    films = films_of(*[FULL | {"overview": overview, "tagline": None}] * 2)
    fitted = fit_features(films, load_weights())
    assert fitted.vocabulary[fitted.columns_of("text")] == ()
    assert "text" in fitted.fields
    assert len(nearest_neighbours(fitted, load_weights(), 5).rows) == 2
    # By nothing but texts there is then nothing to compare by, and nobody has neighbours.
    nothing = fit_features(films, weights_of({"text": 1}))
    assert nothing.matrix.shape == (2, 0)
    assert len(nearest_neighbours(nothing, load_weights(), 5).rows) == 0


def test_films_of_which_nothing_is_known_still_have_the_floor() -> None:
    fitted = fit_features(films_of({"vote_count": 3}, {"vote_count": 3}), load_weights())
    share = load_weights().shares()["floor"]
    np.testing.assert_allclose((fitted.matrix.toarray() ** 2).sum(axis=1), share, rtol=1e-6)


def test_a_catalogue_of_one_language() -> None:
    """All share the language's term, whose IDF is then 1; it is a block like any other."""
    films = films_of({"original_language": "cs"}, {"original_language": "cs"}, {})
    fitted = fit_features(films, weights_of({"language": 1, "genres": 1}))
    assert fitted.matrix.toarray().ravel() == pytest.approx([0.5**0.5, 0.5**0.5, 0])
    assert fitted.idf.tolist() == pytest.approx([COMMON])


def test_a_word_of_a_single_text_is_left_out_where_there_are_many() -> None:
    texts = [f"shared word{n}" for n in range(100)]
    many, few = films_of(overview=texts), films_of(overview=texts[:99])
    weights = weights_of({"text": 1, "genres": 1})
    assert fit_features(many, weights).vocabulary == ("shared",)
    assert len(fit_features(few, weights).vocabulary) == 100
    names = films_of(genres=[[f"Genre {n}"] for n in range(100)])
    assert len(fit_features(names, weights).vocabulary) == 100, "names are never left out"


# -- properties ---------------------------------------------------------------------------------

NAMES = st.lists(st.sampled_from(["Ann", "Bob", "Čeněk", "Dora", "Eve"]), max_size=4)
FILM = st.fixed_dictionaries(
    {
        "overview": st.lists(
            st.sampled_from(["thief", "robot", "love", "war", "the", "千と千尋"]), max_size=5
        ).map(" ".join),
        "tagline": st.sampled_from([None, "love and war"]),
        "genres": NAMES,
        "keywords": NAMES,
        "directors": NAMES,
        "actors": NAMES,
        "collection": st.sampled_from([None, "Tales", "Stories"]),
        "original_language": st.sampled_from([None, "en", "hi"]),
        "release_date": st.sampled_from([None, "1931", "1939-05-01", "2020-01-01"]),
        "vote_count": st.integers(0, 3),
        "vote_average": st.floats(0, 10),
    }
)
FILMS = st.lists(FILM, min_size=1, max_size=8)
WEIGHTS = st.dictionaries(
    st.sampled_from(FIELDS), st.sampled_from([0.5, 1.0, 3.0]), min_size=1
).map(weights_of)


@settings(max_examples=60, deadline=None)
@given(films=FILMS, weights=WEIGHTS)
def test_each_block_has_the_squared_length_of_its_share_or_none(films: Any, weights: Any) -> None:
    fitted = fit_features(films_of(*films), weights)
    shares = weights.shares()
    for name in fitted.fields:
        lengths = (block(fitted, name).astype(np.float64) ** 2).sum(axis=1)
        if name == "language":  # as long as it is rare
            assert np.all(lengths <= shares[name] * (1 + 1e-6))
            assert not lengths.any() or np.isclose(lengths.max(), shares[name], rtol=1e-6)
            continue
        assert np.all((lengths == 0) | np.isclose(lengths, shares[name], rtol=1e-6)), name
    assert fitted.matrix.nnz == 0 or fitted.matrix.data.min() > 0
    # A film has a block in every field of which it has a term.
    if "genres" in fitted.fields:
        has = block(fitted, "genres").any(axis=1).tolist()
        assert has == [bool(film["genres"]) for film in films]


def assert_same(one: MovieFeatures, other: MovieFeatures) -> None:
    for part in dataclasses.fields(MovieFeatures):
        mine, its = getattr(one, part.name), getattr(other, part.name)
        if part.name == "matrix":
            mine, its = mine.toarray(), its.toarray()
        np.testing.assert_array_equal(mine, its, err_msg=part.name)


@settings(max_examples=40, deadline=None)
@given(films=FILMS, data=st.data())
def test_the_order_of_the_films_changes_nothing(films: Any, data: st.DataObject) -> None:
    numbered = [film | {"id": 3 * n + 1} for n, film in enumerate(films)]
    shuffled = data.draw(st.permutations(numbered))
    one = fit_features(films_of(*numbered), load_weights())
    assert_same(one, fit_features(films_of(*shuffled), load_weights()))


@settings(max_examples=40, deadline=None)
@given(films=FILMS, weights=WEIGHTS, data=st.data())
def test_films_added_by_what_was_learned_have_the_rows_that_they_had(
    films: Any, weights: Any, data: st.DataObject
) -> None:
    """IDF is frozen, so no film moves because others came."""
    frame = films_of(*films)
    fitted = fit_features(frame, weights)
    learned = FilmVectorizer.from_features(fitted, weights)
    assert_same(learned.transform(frame), fitted)
    assert_same(FilmVectorizer(weights).fit(frame).transform(frame), fitted)
    new = {**data.draw(FILM), "id": 1000, "genres": ["never seen"]}
    more = learned.transform(films_of(*(film | {"id": n} for n, film in enumerate(films)), new))
    assert more.vocabulary == fitted.vocabulary
    np.testing.assert_array_equal(more.matrix[:-1].toarray(), fitted.matrix.toarray())
    if "genres" in more.fields:
        assert not block(more, "genres")[-1].any()


@settings(max_examples=40, deadline=None)
@given(films=FILMS, weights=WEIGHTS, data=st.data())
def test_reweighted_is_as_fitted_by_those_weights(
    films: Any, weights: Any, data: st.DataObject
) -> None:
    frame = films_of(*films)
    names = [name for name, weight in weights.fields.items() if weight > 0]
    chosen = st.sampled_from([0.25, 1.0, 2.0])
    genres = {name: data.draw(chosen) for name in ("Crime", "War")}
    others = weights_of({name: data.draw(chosen) for name in names}, genres=genres)
    weights = weights.model_copy(update={"genres": {"War": data.draw(chosen)}})
    again = fit_features(frame, weights).reweighted(others)
    fitted = fit_features(frame, others)
    assert again.vocabulary == fitted.vocabulary
    np.testing.assert_allclose(again.matrix.toarray(), fitted.matrix.toarray(), rtol=1e-6)


# -- reweighting, adding, and looking up --------------------------------------------------------


def test_a_field_may_be_weighed_0_but_not_afterwards_again() -> None:
    films = films_of({"genres": ["War"], "overview": "tanks"}, {"genres": ["War"]})
    both, one = weights_of({"text": 1, "genres": 1}), weights_of({"text": 1})
    without = fit_features(films, both).reweighted(one)
    assert not block(without, "genres").any()
    np.testing.assert_allclose(block(without, "text"), [[1], [0]], rtol=1e-6)
    with pytest.raises(ValueError, match=r"the features were made without genres$"):
        without.reweighted(both)
    with pytest.raises(ValueError, match=r"the features were made without genres, floor$"):
        fit_features(films, one).reweighted(weights_of({"text": 1, "genres": 1, "floor": 1}))


def test_a_field_that_no_film_has_may_get_any_weight() -> None:
    films = films_of({"genres": ["War"]}, {"genres": ["War"]})
    fitted = fit_features(films, weights_of({"text": 1, "genres": 1}))
    again = fitted.reweighted(weights_of({"text": 3, "genres": 1}))
    np.testing.assert_allclose(again.matrix.toarray(), [[0.5], [0.5]], rtol=1e-6)


def test_what_was_never_learned_cannot_be_weighed() -> None:
    films = films_of({"genres": ["War"]})
    with pytest.raises(ValueError, match="nothing was learned of genres: fit films first"):
        FilmVectorizer(weights_of({"genres": 1})).transform(films)
    fitted = fit_features(films, weights_of({"genres": 1}))
    learned = FilmVectorizer.from_features(fitted, weights_of({"genres": 1, "text": 1}))
    with pytest.raises(ValueError, match="nothing was learned of text: fit films first"):
        learned.transform(films)


def test_which_films_have_a_term() -> None:
    films = films_of({"genres": ["War"]}, {}, {"genres": ["Crime", "War"]})
    fitted = fit_features(films, weights_of({"genres": 1, "keywords": 1}))
    assert fitted.has_term("genres", "War").tolist() == [True, False, True]
    assert fitted.has_term("genres", "Crime").tolist() == [False, False, True]
    assert not fitted.has_term("genres", "Western").any()
    assert not fitted.has_term("keywords", "War").any()
    assert not fitted.has_term("language", "en").any()


def test_collections() -> None:
    films = films_of({"collection": "B"}, {}, {"collection": "A"}, {"collection": " B "})
    found = fit_features(films, weights_of({"collection": 1, "genres": 1})).collections
    assert found[1] == -1
    assert found[0] == found[3] != found[2]
    without = fit_features(films, weights_of({"genres": 1}))
    assert without.collections.tolist() == [-1] * 4


@pytest.mark.parametrize(
    ("changes", "complaint"),
    [
        ({"movie_ids": np.array([1], np.int32)}, "movie_ids .* number of films"),
        ({"years": np.zeros(3, np.int16)}, "years .* number of films"),
        ({"votes": np.zeros(1, np.int64)}, "votes .* number of films"),
        ({"ratings": np.zeros((2, 1), np.float32)}, "ratings .* number of films"),
        ({"vocabulary": ("a",)}, "number of terms"),
        ({"idf": np.ones(3, np.float32)}, "number of terms"),
        ({"fields": ("text", "genres")}, "differ in their terms"),
        ({"field_ends": np.array([0, 1])}, "differ in their terms"),
        ({"movie_ids": np.array([2, 1], np.int32)}, "ascend without repeats"),
        ({"movie_ids": np.array([1, 1], np.int32)}, "ascend without repeats"),
    ],
)
def test_features_must_fit_together(changes: dict[str, Any], complaint: str) -> None:
    with pytest.raises(ValueError, match=complaint):
        dataclasses.replace(features_of(np.eye(2)), **changes)


@settings(max_examples=20, deadline=None)
@given(
    overviews=st.lists(st.sampled_from(["thief", "diamond thief thief", "", "robot"]), min_size=1),
    ends=st.sets(st.integers(0, 120)),
)
def test_films_in_blocks_give_what_all_at_once_give(overviews: list[str], ends: set[int]) -> None:
    """Also where a word of one block alone is rare among a hundred texts, and a block is empty."""
    texts = [*(overviews * 120)[:120], "lone pair", "pair"]
    frame = films_of(overview=texts, actors=[[f"a {i % 7}", "b"] for i in range(len(texts))])
    at = [0, *sorted(ends), len(frame), len(frame)]
    blocks = (frame.iloc[start:stop] for start, stop in itertools.pairwise(at))
    one = fit_features(frame, load_weights())
    assert "pair" in one.vocabulary
    assert_same(fit_features(blocks, load_weights()), one)


def test_squared_lengths_of_each_field() -> None:
    films = films_of(
        {"id": 1, "overview": "thief thief diamond", "genres": ["Crime"]},
        {"id": 2, "overview": "", "genres": ["Crime", "Drama"]},
        {"id": 3},
    )
    fitted = fit_features(films, weights_of({"text": 3, "genres": 1}))
    found = fitted.squared_lengths()
    assert found.dtype == np.float64
    # The weights are shares of all: three quarters and one.
    np.testing.assert_allclose(found, [[0.75, 0.25], [0, 0.25], [0, 0]], atol=1e-6)


@settings(max_examples=100, deadline=None)
@given(data=st.data(), sizes=st.lists(st.integers(0, 6), min_size=1, max_size=4))
def test_rows_of_parts_are_those_of_all_parts_together(
    data: st.DataObject, sizes: list[int]
) -> None:
    random = np.random.default_rng(data.draw(st.integers(0, 99)))
    parts = [sparse.random_array((n, 5), density=0.4, rng=random, format="csr") for n in sizes]
    parts = [sparse.csr_matrix(part.astype(np.float32)) for part in parts]
    rows = st.lists(st.integers(0, sum(sizes) - 1), max_size=12) if sum(sizes) else st.just([])
    chosen = np.array(data.draw(rows | st.just(list(range(sum(sizes))))), np.int64)
    found, expected = rows_of_parts(parts, chosen), sparse.vstack(parts, format="csr")[chosen]
    assert found.shape == expected.shape
    assert found.dtype == np.float32
    np.testing.assert_array_equal(found.toarray(), expected.toarray())
    np.testing.assert_array_equal(found.indptr, expected.indptr)
