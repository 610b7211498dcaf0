"""Similar films: each film's K best by score, with the parts that the score is made of.

The content's part comes from the exact kernel over all candidates. What people liked (a signal) is
a list of films for some films; a film that is in no list has nothing from it, so the best by all
parts together are among the K best by content and the films of the lists. So the result is exact.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from movie_assets.recommender.neighbours import top_k
from movie_assets.recommender.ranking import fit_ranking

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from numpy.typing import NDArray
    from scipy import sparse

    from movie_assets.recommender.features import MovieFeatures
    from movie_assets.recommender.ranking import Ranking
    from movie_assets.recommender.weights import Weights

    Progress = Callable[[int, int], None]
    #: What finds the best by content: ``neighbours.top_k``, or what does so on many machines.
    Search = Callable[..., tuple[NDArray[np.int32], NDArray[np.float32]]]


@dataclass(frozen=True)
class Signal:
    """Films that go together, by something else than content.

    Attributes:
        name: such as "co_liked".
        share: of a score, of a film that has a list here; the others' shares are not touched.
        pairs: CSR float32 of shape (n_movies, n_movies), in [0, 1]; sparse rows.
    """

    name: str
    share: float
    pairs: sparse.csr_matrix

    def __post_init__(self) -> None:
        values = self.pairs.data
        # Not "any is beyond": NaN is neither.
        if not ((values >= 0) & (values <= 1)).all():
            raise ValueError(f"the values of {self.name} must be from 0 to 1")


@dataclass(frozen=True)
class Neighbours:
    """Pairs of films, one a row of each array; by film, then by rank.

    Attributes:
        rows: int32 of shape (n_pairs,): index of the film among the features' rows.
        columns: int32 of shape (n_pairs,): index of its neighbour among the features' rows.
        ranks: int32 of shape (n_pairs,): 1 for the best.
        scores: float32 of shape (n_pairs,), in (0, 1].
        content: float32 of shape (n_pairs,), in [0, 1]: likeness of what the films are.
        closeness: float32 of shape (n_pairs,), in (0, 1]: in time, votes and rating.
        prior: float32 of shape (n_pairs,), in (0, 1]: of the neighbour.
        signals: for each signal by name, float32 of shape (n_pairs,), in [0, 1].
    """

    rows: NDArray[np.int32]
    columns: NDArray[np.int32]
    ranks: NDArray[np.int32]
    scores: NDArray[np.float32]
    content: NDArray[np.float32]
    closeness: NDArray[np.float32]
    prior: NDArray[np.float32]
    signals: dict[str, NDArray[np.float32]]

    def of_first(self, k: int) -> Neighbours:
        """The first ``k`` of each film alone."""
        kept = self.ranks <= k
        arrays = {
            name: getattr(self, name)[kept]
            for name in ("rows", "columns", "ranks", "scores", "content", "closeness", "prior")
        }
        signals = {name: values[kept] for name, values in self.signals.items()}
        return Neighbours(**arrays, signals=signals)


def nearest_neighbours(
    features: MovieFeatures,
    weights: Weights,
    k: int,
    *,
    popularity: float | None = None,
    signals: Sequence[Signal] = (),
    rows: NDArray[np.int32] | None = None,
    search: Search = top_k,
    progress: Progress | None = None,
) -> Neighbours:
    """Find films' K best neighbours, themselves excluded.

    Equal scores are ordered by film id, so the result depends on nothing but what is given here.

    Args:
        features: n_movies films.
        weights: of everything.
        k: the most neighbours a film gets, at least 1.
        popularity: the dial, from 0 (hidden gems) to 1 (crowd favourites); None for the default.
        signals: what else goes into a score.
        rows: int32 of shape (n_rows,): which films ask, ascending; None for all.
        search: finds the best by content.
        progress: called with films done and films in all, now and then.

    Raises:
        ValueError: where k or the dial is out of range, or the signals' shares add up to 1 or more.
    """
    if sum(signal.share for signal in signals) >= 1:
        raise ValueError("the signals' shares must add up to less than 1")
    if rows is None:
        rows = np.arange(features.n_movies, dtype=np.int32)
    ranking = fit_ranking(features, weights, popularity)
    if ranking.obscurity is not None:  # else all values would be checked again
        signals = [replace(signal, pairs=ranking.heard(signal.pairs)) for signal in signals]
    indices, scores = search_by_content(features, ranking, rows, k, search, progress)
    if signals:
        from movie_assets.recommender.blending import blend  # noqa: PLC0415 - loads numba

        indices, scores = blend(features.matrix, ranking, signals, rows, (indices, scores))
    return scored(ranking, signals, Blended.of(rows, indices, scores))


class ContentQuestion(NamedTuple):
    """What is asked to find the best by content, as ``neighbours.top_k`` takes it.

    Attributes:
        rows: the features of the films that ask.
        candidates: the features of the films that may be recommended.
        options: keyword arguments.
        chosen: int32 of shape (n_candidates,): the candidates' indices among all films.
    """

    rows: sparse.csr_matrix
    candidates: sparse.csr_matrix
    options: dict[str, Any]
    chosen: NDArray[np.int32]

    @classmethod
    def of(
        cls, features: MovieFeatures, ranking: Ranking, rows: NDArray[np.int32]
    ) -> ContentQuestion:
        """Only candidates are searched, which for TMDB are half of all films."""
        candidates = np.flatnonzero(ranking.prior > 0).astype(np.int32)
        own = np.full(features.n_movies, -1, dtype=np.int32)
        own[candidates] = np.arange(len(candidates), dtype=np.int32)
        every = len(rows) == features.n_movies
        options = {
            "prior": ranking.prior[candidates],
            "pair_codes": (ranking.codes[rows], ranking.codes[candidates], ranking.factors()),
            "exclude_self": own[rows],
            # Rows of length 1 in float32 can give a product a little above 1.
            "ceiling": 1.0,
        }
        asking = features.matrix if every else features.matrix[rows]
        return cls(asking, features.matrix[candidates], options, candidates)


def search_by_content(
    features: MovieFeatures,
    ranking: Ranking,
    rows: NDArray[np.int32],
    k: int,
    search: Search = top_k,
    progress: Progress | None = None,
) -> tuple[NDArray[np.int32], NDArray[np.float32]]:
    """The K best candidates of some films by content, closeness and prior.

    Returns:
        Indices among all films, int32, and scores, float32, of shape (len(rows), k); -1 and 0
        where there are fewer.
    """
    if not features.n_movies:
        return np.zeros((0, k), dtype=np.int32), np.zeros((0, k), dtype=np.float32)
    question = ContentQuestion.of(features, ranking, rows)
    found, scores = search(
        question.rows, question.candidates, k, **question.options, progress=progress
    )
    return named(found, question.chosen), scores


def named(found: NDArray[np.int32], names: NDArray[np.int32]) -> NDArray[np.int32]:
    """Names in the place of positions, -1 where there is none."""
    return np.append(names, np.int32(-1)).astype(np.int32)[found]


def _parts(
    ranking: Ranking,
    rows: NDArray[np.int32],
    columns: NDArray[np.int32],
    scores: NDArray[np.float32],
) -> dict[str, NDArray[np.float32]]:
    closeness, prior = ranking.closeness(rows, columns), ranking.prior[columns]
    # Cheaper than the products of 50 pairs a film, and the same but for rounding.
    factors = closeness * prior
    content = np.divide(scores, factors, where=factors > 0, out=np.zeros_like(scores))
    return {"content": np.minimum(content, np.float32(1)), "closeness": closeness, "prior": prior}


class Blended(NamedTuple):
    """The best pairs of some films by all that goes into a score; by film, then by rank.

    Attributes:
        rows: as :class:`Neighbours` has it, and so the following.
        columns: as there.
        ranks: as there.
        by_content: float32 of shape (n_pairs,): what the score would be by content alone.
    """

    rows: NDArray[np.int32]
    columns: NDArray[np.int32]
    ranks: NDArray[np.int32]
    by_content: NDArray[np.float32]

    @classmethod
    def of(
        cls, rows: NDArray[np.int32], found: NDArray[np.int32], scores: NDArray[np.float32]
    ) -> Blended:
        """Of lists of shape (n_rows, k), -1 where there are fewer."""
        places, ranks = np.nonzero(found >= 0)
        return cls(
            rows[places], found[places, ranks], (ranks + 1).astype(np.int32), scores[places, ranks]
        )


def scored(ranking: Ranking, signals: Sequence[Signal], pairs: Blended) -> Neighbours:
    """Pairs with their scores and what these are made of."""
    asking, n = pairs.rows[np.diff(pairs.rows, prepend=-1) > 0], np.int64(len(ranking.prior))
    keys = pairs.rows * n + pairs.columns
    values = [_look_up(keys, *_listed(signal, ranking, asking, n)) for signal in signals]
    return Neighbours(
        rows=pairs.rows,
        columns=pairs.columns,
        ranks=pairs.ranks,
        scores=_weighted(signals, pairs.rows, pairs.by_content, values)
        if signals
        else pairs.by_content,
        **_parts(ranking, pairs.rows, pairs.columns, pairs.by_content),
        signals={signal.name: found for signal, found in zip(signals, values, strict=True)},
    )


def _listed(
    signal: Signal, ranking: Ranking, asking: NDArray[np.int32], n: np.int64
) -> tuple[NDArray[np.int64], NDArray[np.float32]]:
    """A signal's pairs of the films that ask: ascending keys, and values."""
    lists = signal.pairs[asking].tocoo()
    rows, columns = asking[lists.row], lists.col
    kept = (lists.data > 0) & (ranking.prior[columns] > 0) & (rows != columns)
    keys = rows[kept] * n + columns[kept]
    order = np.argsort(keys)
    return keys[order], lists.data[kept][order]


def _look_up(
    wanted: NDArray[np.int64], keys: NDArray[np.int64], values: NDArray[np.float32]
) -> NDArray[np.float32]:
    """The value of each wanted key, 0 where there is none; keys ascending."""
    if not len(keys):
        return np.zeros(len(wanted), dtype=np.float32)
    places = np.minimum(np.searchsorted(keys, wanted), len(keys) - 1)
    return np.where(keys[places] == wanted, values[places], 0).astype(np.float32)


def _weighted(
    signals: Sequence[Signal],
    rows: NDArray[np.int32],
    by_content: NDArray[np.float32],
    values: Sequence[NDArray[np.float32]],
) -> NDArray[np.float32]:
    content_share = 1 - sum(signal.share for signal in signals)
    # In float64 what is divided by the share again is what it was before.
    total = content_share * by_content.astype(np.float64)
    shares = np.full(len(rows), content_share)
    for signal, value in zip(signals, values, strict=True):
        total += signal.share * value
        # A film without such a list loses nothing by it.
        shares[np.diff(signal.pairs.indptr)[rows] > 0] += signal.share
    return np.asarray(total / shares, dtype=np.float32)
