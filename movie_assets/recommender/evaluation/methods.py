"""The methods that are compared in one run: the baselines, and the recommender in its variants.

A new one is one line here. What of them learns from ratings learns from the people to learn from.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property, partial
from typing import TYPE_CHECKING

import numpy as np
from scipy import sparse

from movie_assets.recommender.co_likes import co_liked_films
from movie_assets.recommender.evaluation import baselines
from movie_assets.recommender.evaluation.judge import Method
from movie_assets.recommender.features import MovieFeatures, fit_features
from movie_assets.recommender.item_weights import fit_item_weights
from movie_assets.recommender.query import Recommender, Taste
from movie_assets.recommender.ranking import audiences
from movie_assets.recommender.similar import Neighbours, Signal, nearest_neighbours
from movie_assets.recommender.transitions import fit_transitions
from movie_assets.recommender.worth import worth_in_likes

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from movie_assets.recommender.evaluation.catalogue import Catalogue
    from movie_assets.recommender.evaluation.profiles import Profiles
    from movie_assets.recommender.evaluation.ratings import Ratings
    from movie_assets.recommender.weights import Weights

#: What the others are compared with.
SIMILAR_BASELINE = "tutorial's TF-IDF"
PROFILE_BASELINE = "fields x prior²"


@dataclass(frozen=True)
class Evaluated:
    """The recommender as it is evaluated: all of it, learned from the people to learn from.

    Attributes:
        catalogue: the films.
        weights: of everything.
        training: ratings to learn from; None where there are none.
        signals: what else goes into a score beside content and ratings.
    """

    catalogue: Catalogue
    weights: Weights
    training: Ratings | None = None
    signals: Sequence[Signal] = ()

    @cached_property
    def features(self) -> MovieFeatures:
        """The films' rows."""
        return fit_features(self.catalogue.films, self.weights)

    @cached_property
    def co_liked(self) -> Signal:
        """The films that the people to learn from like together."""
        pairs = co_liked_pairs(self._training, self.features)
        return Signal("co_liked", self.weights.blend.co_liked, pairs)

    @cached_property
    def item_weights(self) -> sparse.csr_matrix:
        """What liking one film says of liking another, by the people to learn from."""
        return learned_item_weights(self._training, self.features)

    @cached_property
    def transitions(self) -> sparse.csr_matrix:
        """What the people to learn from like soon after a film."""
        return learned_transitions(self._training, len(self.catalogue))

    @property
    def _training(self) -> Ratings:
        if self.training is None:
            raise ValueError("there are no ratings to learn from")
        return self.training

    def similar(
        self,
        seeds: NDArray[np.int32],
        k: int,
        popularity: float | None = None,
        *,
        with_ratings: bool = False,
    ) -> NDArray[np.int32]:
        """Lists for films, as the published ones are made.

        Args:
            seeds: int32 of shape (n_seeds,), ascending: films by index.
            k: how long a list is.
            popularity: the dial, 0 (hidden gems) to 1 (crowd favourites); None for its default.
            with_ratings: whether what the people to learn from like counts.
        """
        signals = [*self.signals, *([self.co_liked] if with_ratings else [])]
        found = nearest_neighbours(
            self.features, self.weights, k, popularity=popularity, signals=signals, rows=seeds
        )
        return lists_of(seeds, k, found)

    def for_profiles(
        self,
        profiles: Profiles,
        k: int,
        popularity: float | None = None,
        *,
        with_ratings: bool = False,
    ) -> NDArray[np.int32]:
        """Lists for people, by what they rated before; the rest as for :meth:`similar`."""
        answers = Recommender(
            self.features,
            self.weights,
            [*self.signals, *([self.co_liked] if with_ratings else [])],
            self.item_weights if with_ratings else None,
            self.transitions if with_ratings else None,
        )
        lists = np.full((len(profiles), k), -1, dtype=np.int32)
        for row, before in enumerate(profiles):
            taste = Taste.of_ratings(before.films, before.stars, self.weights, before.seconds)
            found = answers.for_taste(taste, k, popularity=popularity).films
            lists[row, : len(found)] = found
        return lists

    def similar_by_co_likes(self, seeds: NDArray[np.int32], k: int) -> NDArray[np.int32]:
        """Lists for films of what the same people like, and nothing else."""
        lists = np.full((len(seeds), k), -1, dtype=np.int32)
        pairs = self.co_liked.pairs
        for row, seed in enumerate(seeds):
            entries = slice(pairs.indptr[seed], pairs.indptr[seed + 1])
            films, scores = pairs.indices[entries], pairs.data[entries]
            best = films[np.lexsort((films, -scores))[:k]]
            lists[row, : len(best)] = best
        return lists


def similar_methods(evaluated: Evaluated) -> list[Method[NDArray[np.int32]]]:
    """What is asked for films like a film."""
    films = evaluated.catalogue
    methods = [
        Method("random", partial(baselines.at_random, films)),
        Method("popularity", partial(baselines.most_popular, films)),
        Method(SIMILAR_BASELINE, partial(baselines.tutorial, films)),
        Method("fields, no prior", partial(baselines.fields_alone, films)),
        Method("ours, hidden gems", partial(evaluated.similar, popularity=0.0)),
        Method("ours", evaluated.similar),
        Method("ours, crowd favourites", partial(evaluated.similar, popularity=1.0)),
    ]
    if evaluated.training is not None:
        methods += [
            Method("co-likes only", evaluated.similar_by_co_likes),
            Method(
                "gems + MovieLens", partial(evaluated.similar, popularity=0.0, with_ratings=True)
            ),
            Method("ours + MovieLens", partial(evaluated.similar, with_ratings=True)),
        ]
    return methods


def profile_methods(evaluated: Evaluated) -> list[Method[Profiles]]:
    """What is asked for films for somebody."""
    films = evaluated.catalogue
    methods = [
        Method("popularity", partial(baselines.most_popular_for, films)),
        Method(PROFILE_BASELINE, partial(baselines.fields_for, films)),
        Method("ours", evaluated.for_profiles),
    ]
    if evaluated.training is not None:
        co_likes_only = partial(baselines.co_liked_for, films, evaluated.co_liked.pairs)
        methods += [
            Method("co-likes only", co_likes_only),
            Method("ours + MovieLens", partial(evaluated.for_profiles, with_ratings=True)),
        ]
    return methods


def co_liked_pairs(training: Ratings, features: MovieFeatures) -> sparse.csr_matrix:
    """The films that people like together; CSR float32 of shape (n_films, n_films)."""
    n_films = features.n_movies
    _, users = np.unique(training.users, return_inverse=True)
    found = co_liked_films(
        users.astype(np.int32),
        training.films,
        training.stars,
        n_films,
        audiences=audiences(features),
    )
    return sparse.csr_matrix((found.scores, (found.rows, found.columns)), (n_films, n_films))


def learned_item_weights(training: Ratings, features: MovieFeatures) -> sparse.csr_matrix:
    """What liking one film says of liking another; CSR float32 of shape (n_films, n_films)."""
    worth = worth_in_likes(training.stars)
    says = (worth > 0) & (training.films >= 0)
    known = training.where(says)
    _, users = np.unique(known.users, return_inverse=True)
    shape = (int(users.max(initial=-1)) + 1, features.n_movies)
    likes = sparse.csr_matrix((worth[says], (users, known.films)), shape)
    return fit_item_weights(likes, contents=features.matrix)


def learned_transitions(training: Ratings, n_films: int) -> sparse.csr_matrix:
    """What people like soon after a film; CSR float32 of shape (n_films, n_films)."""
    return fit_transitions(
        training.users, training.films, training.stars, training.seconds, n_films
    )


def lists_of(seeds: NDArray[np.int32], k: int, found: Neighbours) -> NDArray[np.int32]:
    """Pairs of films as lists of the seeds, which ascend; -1 where a list is shorter.

    Returns:
        int32 of shape (n_seeds, k).
    """
    lists = np.full((len(seeds), k), -1, dtype=np.int32)
    places = np.searchsorted(seeds, found.rows)
    wanted = found.ranks <= k
    lists[places[wanted], found.ranks[wanted] - 1] = found.columns[wanted]
    return lists
