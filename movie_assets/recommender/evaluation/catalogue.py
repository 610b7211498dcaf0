"""What figures and baselines need to know of the films, as arrays in the order of ids."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Self

import numpy as np
import pandas as pd
from scipy import sparse

from movie_assets.recommender.evaluation.plain import plain_fields

if TYPE_CHECKING:
    from numpy.typing import NDArray


@dataclass(frozen=True)
class Catalogue:
    """The films of an evaluation: all of them can be in a list.

    Attributes:
        films: one row a film, ascending id, as ``recommender.films`` gives them.
        ids: int32 of shape (n_films,): TMDB's numbers.
        votes: float64 of shape (n_films,), at least 0.
        popularity: float64 of shape (n_films,): TMDB's popularity.
        vote_average: float64 of shape (n_films,): 0 to 10.
        collections: int32 of shape (n_films,): a number for each series of films; -1 for none.
    """

    films: pd.DataFrame
    ids: NDArray[np.int32]
    votes: NDArray[np.float64]
    popularity: NDArray[np.float64]
    vote_average: NDArray[np.float64]
    collections: NDArray[np.int32]

    @classmethod
    def of(cls, films: pd.DataFrame) -> Self:
        """The films' figures.

        Args:
            films: a film frame, in which numbers are 0 where unknown.

        Raises:
            ValueError: where ids do not ascend.
        """
        ids = films["id"].to_numpy(np.int32)
        if (np.diff(ids) <= 0).any():
            raise ValueError("the films' ids must ascend without repeats")
        collections, _ = pd.factorize(films["collection"])
        return cls(
            films,
            ids,
            votes=films["vote_count"].to_numpy(np.float64),
            popularity=films["popularity"].to_numpy(np.float64),
            vote_average=films["vote_average"].to_numpy(np.float64),
            collections=collections.astype(np.int32),
        )

    def __len__(self) -> int:
        return len(self.ids)

    @cached_property
    def fields(self) -> sparse.csr_matrix:
        """The films by all their fields alike; see :func:`plain_fields`."""
        return plain_fields(self.films)

    @cached_property
    def by_votes(self) -> NDArray[np.int32]:
        """The films that have votes, those with most first; of equal ones the smaller id first."""
        order = np.argsort(-self.votes, kind="stable").astype(np.int32)
        return order[self.votes[order] > 0]
