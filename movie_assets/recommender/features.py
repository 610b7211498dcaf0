"""Features: films' texts as one sparse, L2-normalised row a film.

The first version follows the tutorial that the project grew from: TF-IDF over the overview and the
genre names, the latter said twice. What turns rows into neighbours is not here.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from scipy import sparse

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

#: How many times a film's genre names stand beside its overview.
GENRE_WEIGHT = 2


class NoFeaturesError(ValueError):
    """There is no word to compare films by."""


@dataclass(frozen=True)
class MovieFeatures:
    """The feature matrix of all films.

    Attributes:
        movie_ids: int32 array of shape (n_movies,), ascending.
        is_candidate: bool array of shape (n_movies,): whether a film may be recommended.
        matrix: CSR float32 of shape (n_movies, n_terms); each row has length 1, or is all zero
            where a film has neither overview nor genre.
        vocabulary: the term of each column, in column order.
    """

    movie_ids: NDArray[np.int32]
    is_candidate: NDArray[np.bool_]
    matrix: sparse.csr_matrix
    vocabulary: tuple[str, ...]

    def __post_init__(self) -> None:
        n_movies, n_terms = self.matrix.shape
        if (n_movies,) != self.movie_ids.shape or (n_movies,) != self.is_candidate.shape:
            raise ValueError("movie_ids, is_candidate and matrix differ in their number of films")
        if n_terms != len(self.vocabulary):
            raise ValueError("vocabulary and matrix differ in their number of terms")
        if np.any(np.diff(self.movie_ids) <= 0):
            raise ValueError("movie_ids must ascend without repeats")


def fit_features(
    movie_ids: Sequence[int],
    overviews: Sequence[str | None],
    genre_names: Sequence[str | None],
    vote_counts: Sequence[int],
) -> MovieFeatures:
    """Fit TF-IDF on the films and transform them.

    A missing overview or a film without genres lowers nothing but itself. A film without votes
    gets neighbours of its own but is recommended to nobody: nobody has seen it.

    Args:
        movie_ids: TMDB ids, distinct; in any order.
        overviews: one text a film.
        genre_names: one text a film, genre names separated by commas.
        vote_counts: votes a film.

    Returns:
        The features, films in the order of their ids.

    Raises:
        NoFeaturesError: where no film has a word beside stop words.
    """
    # scikit-learn takes long to import, and most commands need only to look features up.
    from sklearn.feature_extraction.text import TfidfVectorizer  # noqa: PLC0415

    order = np.argsort(np.asarray(movie_ids), kind="stable")
    texts = [combined_text(overviews[i], genre_names[i]) for i in order]
    vectorizer = TfidfVectorizer(stop_words="english", dtype=np.float32)
    try:
        matrix = vectorizer.fit_transform(texts)
    except ValueError as error:
        if "empty vocabulary" not in str(error):
            raise
        raise NoFeaturesError(
            f"None of the {len(texts)} films has an overview or a genre to compare films by. "
            "Look at the overview and genre_ids columns of movies_table."
        ) from error
    return MovieFeatures(
        movie_ids=np.asarray(movie_ids, dtype=np.int32)[order],
        is_candidate=np.asarray(vote_counts)[order] > 0,
        matrix=sparse.csr_matrix(matrix, dtype=np.float32),
        vocabulary=tuple(vectorizer.get_feature_names_out()),
    )


def combined_text(overview: str | None, genre_names: str | None) -> str:
    """The text that a film is compared by: its overview and :data:`GENRE_WEIGHT` times its genres.

    >>> combined_text("A thief plans a last job.", "Crime, Drama")
    'A thief plans a last job. Crime, Drama Crime, Drama'
    """
    return " ".join([overview or "", *[genre_names or ""] * GENRE_WEIGHT]).strip()
