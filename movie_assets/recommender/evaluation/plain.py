"""Films as plain rows of numbers, nothing fitted to anybody's taste: what baselines are made of.

They stay as they are while the recommender gets better, so that figures of one year can be held
against those of another.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
from scipy import sparse

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
#: How many times the tutorial's method has a film's genre names beside its overview.
GENRE_REPEATS = 2

#: The fields that are names: each name is one term.
_NAMES = ("genres", "keywords", "directors", "actors")


def tutorial_terms(films: pd.DataFrame) -> sparse.csr_matrix:
    """The tutorial's features: TF-IDF of the overview and, twice, the names of the genres.

    Args:
        films: one row a film; ``overview`` and ``genres`` are read.

    Returns:
        CSR float32 of shape (n_films, n_terms); rows of length 1, or zero where a film has no word.
    """
    texts = [
        " ".join([overview, *[", ".join(genres)] * GENRE_REPEATS])
        for overview, genres in zip(_texts(films["overview"]), _lists(films["genres"]), strict=True)
    ]
    return _tf_idf(texts, stop_words="english")


def plain_fields(films: pd.DataFrame) -> sparse.csr_matrix:
    """All fields alike: TF-IDF of each, rows of length 1, side by side; rows of length 1 again.

    Fields are overview and tagline, genres, keywords, directors, actors, the collection, the
    original language and the decade. A missing one leaves the others more weight.

    Args:
        films: one row a film.

    Returns:
        CSR float32 of shape (n_films, n_terms).
    """
    overviews, taglines = _texts(films["overview"]), _texts(films["tagline"])
    texts = [" ".join(both) for both in zip(overviews, taglines, strict=True)]
    fields = [
        _tf_idf(texts, stop_words="english", sublinear_tf=True),
        *(_tf_idf(_lists(films[name]), analyzer=_as_it_is) for name in _NAMES),
        *(
            _tf_idf([[text] if text else [] for text in _texts(films[name])], analyzer=_as_it_is)
            for name in ("collection", "original_language")
        ),
        _tf_idf(
            [[] if pd.isna(year) else [int(year) // 10] for year in films["year"]],
            analyzer=_as_it_is,
        ),
    ]
    return _unit_rows(sparse.hstack(fields, format="csr", dtype=np.float32))


def _as_it_is(terms: Sequence[object]) -> Sequence[object]:
    return terms


def _tf_idf(documents: Sequence[object], **options: object) -> sparse.csr_matrix:
    # scikit-learn takes long to import, and most commands need none of this.
    from sklearn.feature_extraction.text import TfidfVectorizer  # noqa: PLC0415

    try:
        rows = TfidfVectorizer(dtype=np.float32, **options).fit_transform(documents)
    except ValueError as error:
        if "empty vocabulary" not in str(error):
            raise
        return sparse.csr_matrix((len(documents), 0), dtype=np.float32)
    return sparse.csr_matrix(rows)


def _unit_rows(matrix: sparse.csr_matrix) -> sparse.csr_matrix:
    from sklearn.preprocessing import normalize  # noqa: PLC0415

    return normalize(matrix) if matrix.shape[1] and matrix.shape[0] else matrix


def _texts(column: Iterable[object]) -> list[str]:
    return [text if isinstance(text, str) else "" for text in column]


def _lists(column: Iterable[Sequence[str] | None]) -> list[list[str]]:
    return [[] if names is None or isinstance(names, float) else list(names) for names in column]
