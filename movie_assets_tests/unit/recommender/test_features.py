"""TF-IDF of films, against values worked out by hand."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import sparse

from movie_assets.recommender import MovieFeatures, fit_features, nearest_neighbours
from movie_assets.recommender.features import NoFeaturesError, combined_text

# Document frequencies of three films: 1 or 2. scikit-learn smooths: ln((1 + n) / (1 + df)) + 1.
RARE = math.log(4 / 2) + 1
COMMON = math.log(4 / 3) + 1


def test_three_films_by_hand() -> None:
    fitted = fit_features(
        movie_ids=[30, 10, 20],
        overviews=["The thief and the diamond", "A thief", "Robots"],
        genre_names=["Crime", "Crime", None],
        vote_counts=[5, 0, 1],
    )
    assert fitted.vocabulary == ("crime", "diamond", "robots", "thief")
    assert fitted.movie_ids.tolist() == [10, 20, 30]
    assert fitted.is_candidate.tolist() == [False, True, True]
    # Genres are said twice; "the", "and" and "a" are stop words.
    film_10 = np.array([2 * COMMON, 0, 0, COMMON])
    film_30 = np.array([2 * COMMON, RARE, 0, COMMON])
    expected = [
        film_10 / math.sqrt(5 * COMMON**2),
        [0, 0, 1, 0],
        film_30 / math.sqrt(5 * COMMON**2 + RARE**2),
    ]
    np.testing.assert_allclose(fitted.matrix.toarray(), expected, rtol=1e-6)
    assert fitted.matrix.dtype == np.float32
    assert fitted.movie_ids.dtype == np.int32


def test_score_of_two_films_by_hand() -> None:
    """The cosine is what both share, over the product of their lengths."""
    fitted = fit_features(
        [1, 2, 3],
        ["thief diamond", "thief", "robots"],
        ["Crime", "Crime", ""],
        [1, 1, 1],
    )
    found = nearest_neighbours(fitted, 5)
    shared = 5 * COMMON**2
    score = shared / math.sqrt(shared * (shared + RARE**2))
    assert list(zip(found.rows, found.columns, found.ranks, strict=True)) == [(0, 1, 1), (1, 0, 1)]
    np.testing.assert_allclose(found.scores, [score, score], rtol=1e-6)


@pytest.mark.parametrize(
    ("overview", "genres", "text"),
    [
        ("A plot.", "Crime, Drama", "A plot. Crime, Drama Crime, Drama"),
        (None, "Crime", "Crime Crime"),
        ("A plot.", None, "A plot."),
        ("A plot.", "", "A plot."),
        (None, None, ""),
    ],
)
def test_text_that_films_are_compared_by(
    overview: str | None, genres: str | None, text: str
) -> None:
    assert combined_text(overview, genres) == text


def test_a_film_without_words_is_a_row_of_zeros() -> None:
    fitted = fit_features([1, 2], [None, "robots"], ["", None], [3, 3])
    assert fitted.matrix.toarray().tolist() == [[0.0], [1.0]]


@pytest.mark.parametrize(
    ("overviews", "genres"),
    [([None, ""], ["", None]), (["the and of", "to"], ["", ""]), ([], [])],
    ids=["nothing", "stop words", "no films"],
)
def test_no_words_at_all(overviews: list[str | None], genres: list[str | None]) -> None:
    ids = list(range(1, len(overviews) + 1))
    with pytest.raises(NoFeaturesError, match=f"None of the {len(ids)} films has an overview"):
        fit_features(ids, overviews, genres, [1] * len(ids))


def test_other_errors_are_not_taken_for_missing_words(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object) -> None:
        raise ValueError("something else")

    monkeypatch.setattr(
        "sklearn.feature_extraction.text.TfidfVectorizer.fit_transform", refuse, raising=True
    )
    with pytest.raises(ValueError, match="something else") as raised:
        fit_features([1], ["word"], [""], [1])
    assert not isinstance(raised.value, NoFeaturesError)


def test_ids_must_differ() -> None:
    with pytest.raises(ValueError, match="ascend without repeats"):
        fit_features([7, 7], ["thief", "robot"], ["", ""], [1, 1])


@pytest.mark.parametrize(
    ("ids", "candidates", "terms", "complaint"),
    [
        ([1], [True, True], ("a", "b"), "number of films"),
        ([1, 2], [True], ("a", "b"), "number of films"),
        ([1, 2], [True, True], ("a",), "number of terms"),
        ([2, 1], [True, True], ("a", "b"), "ascend"),
        ([1, 1], [True, True], ("a", "b"), "ascend"),
    ],
)
def test_features_must_fit_together(
    ids: list[int], candidates: list[bool], terms: tuple[str, ...], complaint: str
) -> None:
    with pytest.raises(ValueError, match=complaint):
        MovieFeatures(
            np.array(ids, np.int32), np.array(candidates), sparse.csr_matrix(np.eye(2)), terms
        )


WORDS = st.sampled_from(["thief", "robot", "love", "war", "train", "ship", "the"])
FILMS = st.lists(
    st.tuples(
        st.lists(WORDS, max_size=5).map(" ".join),
        st.sampled_from(["", "Drama", "Crime, Drama"]),
        st.integers(0, 3),
    ),
    min_size=1,
    max_size=9,
)


@settings(max_examples=60, deadline=None)
@given(films=FILMS, data=st.data())
def test_the_order_of_the_films_changes_nothing(
    films: list[tuple[str, str, int]], data: st.DataObject
) -> None:
    numbered = [(3 * n + 1, *film) for n, film in enumerate(films)]
    shuffled = data.draw(st.permutations(numbered))
    try:
        one = fit_features(*map(list, zip(*numbered, strict=True)))
    except NoFeaturesError:
        with pytest.raises(NoFeaturesError):
            fit_features(*map(list, zip(*shuffled, strict=True)))
        return
    other = fit_features(*map(list, zip(*shuffled, strict=True)))
    assert one.vocabulary == other.vocabulary
    np.testing.assert_array_equal(one.movie_ids, other.movie_ids)
    np.testing.assert_array_equal(one.is_candidate, other.is_candidate)
    np.testing.assert_array_equal(one.matrix.toarray(), other.matrix.toarray())
    lengths = np.linalg.norm(one.matrix.toarray(), axis=1)
    assert np.all((lengths == 0) | np.isclose(lengths, 1))
    found, again = nearest_neighbours(one, 3), nearest_neighbours(other, 3)
    np.testing.assert_array_equal(found.columns, again.columns)
    np.testing.assert_array_equal(found.scores, again.scores)
