"""Renewal: the neighbours of all films after some changed, working out only what changed.

What is kept of the last time is each film's list by content, its best pairs, and a number that
tells whether it is still the same film. From that come, exactly as from a search of everything:
the lists (``incremental``), the pairs of the films whose list, signals or listed films changed
(``similar``), and which of these pairs are not what they were, reasons included.

Where what all films share is other (the frozen terms, the weights), everything is found anew.
How what is kept is stored is for ``kept_lists``.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
from scipy import sparse

from movie_assets.recommender.changes import digests
from movie_assets.recommender.incremental import MARGIN, Before, Lists, update
from movie_assets.recommender.neighbours import top_k
from movie_assets.recommender.ranking import fit_ranking
from movie_assets.recommender.similar import Blended, ContentQuestion, named, scored
from movie_assets.recommender.threads import in_threads, processors

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from numpy.typing import NDArray

    from movie_assets.recommender.features import MovieFeatures
    from movie_assets.recommender.ranking import Ranking
    from movie_assets.recommender.similar import Neighbours, Progress, Search, Signal
    from movie_assets.recommender.weights import Weights

_ROWS_A_BLOCK = 20_000
#: Pairs are told with their reasons, which as text take more room.
_ROWS_TOLD_A_BLOCK = 4_000


@dataclass(frozen=True)
class KeptLists:
    """What was found last time, and of which films.

    Attributes:
        key: of what all films share.
        movie_ids: int32 of shape (n_movies,), ascending.
        as_row: uint64 of shape (n_movies,): a number of what a film is as one that asks.
        facts: uint64 of shape (n_movies,): of all that is known of it.
        listed: uint64 of shape (n_movies,): of what signals list for it.
        prior: float32 of shape (n_movies,): above 0 for candidates.
        lists: by content; their candidates are numbered by id.
        neighbours: int32 of shape (n_movies, k): ids of the best by everything, then -1.
        by_content: float32 of shape (n_movies, k): their scores by content alone.
    """

    key: str
    movie_ids: NDArray[np.int32]
    as_row: NDArray[np.uint64]
    facts: NDArray[np.uint64]
    listed: NDArray[np.uint64]
    prior: NDArray[np.float32]
    lists: Lists
    neighbours: NDArray[np.int32]
    by_content: NDArray[np.float32]

    @property
    def candidate_ids(self) -> NDArray[np.int32]:
        """The ids of the lists' candidates."""
        return self.movie_ids[self.prior > 0]


@dataclass(frozen=True)
class Renewed:
    """The neighbours of all films, and which of them are not what they were.

    Attributes:
        features: of the films.
        ranking: of the films.
        signals: what else went into scores.
        kept: for the next time.
        anew: whether everything was found anew; then all pairs are new.
        ranks_before: unsigned integers of shape (n_movies, k): the rank that the pair at this rank
            had, where nothing else that is told of it is other; 0 where it is new, or anything is,
            and where there is no pair.
        gone: int64 of shape (n_gone, 2): movie id and rank of the pairs before that are no more,
            or of which something else is told now.
        n_films_changed: how many films are new or not what they were.
    """

    features: MovieFeatures
    ranking: Ranking
    signals: tuple[Signal, ...]
    kept: KeptLists
    anew: bool
    ranks_before: NDArray[np.unsignedinteger]
    gone: NDArray[np.int64]
    n_films_changed: int

    @cached_property
    def n_pairs(self) -> int:
        """How many pairs there are."""
        return int(np.count_nonzero(self.kept.neighbours >= 0))

    @cached_property
    def n_changed(self) -> int:
        """How many pairs are new, or told otherwise than before."""
        return self.n_pairs - int(np.count_nonzero(self.ranks_before))

    def moved(self) -> NDArray[np.int32]:
        """Pairs that are as they were but for their rank.

        Returns:
            int32 of shape (n_moved, 4): movie id, rank before, rank now, the neighbour's id.
        """
        ranks = np.arange(1, self.ranks_before.shape[1] + 1, dtype=np.int32)
        rows, places = np.nonzero((self.ranks_before > 0) & (self.ranks_before != ranks))
        films, others = self.features.movie_ids[rows], self.kept.neighbours[rows, places]
        before = self.ranks_before[rows, places]
        return np.stack([films, before, ranks[places], others], 1, dtype=np.int32)

    def pairs(self, *, every: bool = False) -> Iterator[Neighbours]:
        """The changed pairs, or every pair, by film and rank, some films at a time."""
        for start in range(0, len(self.ranks_before), _ROWS_TOLD_A_BLOCK):
            block = slice(start, start + _ROWS_TOLD_A_BLOCK)
            told = self.kept.neighbours[block] >= 0
            if not every:
                told &= self.ranks_before[block] == 0
            rows, places = np.nonzero(told)
            if len(rows):
                rows += start
                ids = self.kept.neighbours[rows, places]
                pairs = Blended(
                    rows.astype(np.int32),
                    np.searchsorted(self.features.movie_ids, ids).astype(np.int32),
                    (places + 1).astype(np.int32),
                    self.kept.by_content[rows, places],
                )
                yield scored(self.ranking, self.signals, pairs)


def renew(
    features: MovieFeatures,
    weights: Weights,
    k: int,
    *,
    before: KeptLists | None = None,
    signals: Sequence[Signal] = (),
    search: Search = top_k,
    progress: Progress | None = None,
) -> Renewed:
    """Find films' K best neighbours; as ``similar.nearest_neighbours`` does, to the last bit.

    Args:
        features: n_movies films; frozen ones if anything is to stay the same.
        weights: of everything.
        k: the most neighbours a film gets, at least 1.
        before: what was kept the last time; None to find everything anew.
        signals: what else goes into a score.
        search: finds the best by content where everything is found anew.
        progress: called with films done and films in all, now and then.

    Raises:
        ValueError: where k is out of range, or the signals' shares add up to 1 or more.
    """
    if sum(signal.share for signal in signals) >= 1:
        raise ValueError("the signals' shares must add up to less than 1")
    ranking = fit_ranking(features, weights)
    films = _Films.of(features, ranking, signals)
    key = _key_of(features, weights, k)
    if before is not None and before.key != key:
        before = None
    question = ContentQuestion.of(features, ranking, np.arange(features.n_movies, dtype=np.int32))
    places = _places(before, features.movie_ids)
    if before is None:
        best = search(
            question.rows, question.candidates, k + MARGIN, **question.options, progress=progress
        )
        lists = Lists.of(k, best)
    else:
        lists = update(
            before.lists,
            question.rows,
            question.candidates,
            _before(before, films, places, question.chosen),
            **question.options,
            progress=progress,
        )
    chosen = question.chosen
    del question  # gigabytes, which are not to be there beside what comes now
    renewing = _Renewing(features, ranking, tuple(signals), films, lists, chosen)
    found = renewing.all(before, places)
    kept = KeptLists(
        key=key,
        movie_ids=features.movie_ids,
        as_row=films.as_row,
        facts=films.facts,
        listed=films.listed,
        prior=ranking.prior,
        lists=lists,
        neighbours=found.neighbours,
        by_content=found.by_content,
    )
    return Renewed(
        features=features,
        ranking=ranking,
        signals=tuple(signals),
        kept=kept,
        anew=before is None,
        ranks_before=found.ranks_before,
        gone=found.gone,
        n_films_changed=int(np.count_nonzero(_is_other(films.facts, before, places))),
    )


class _Films(NamedTuple):
    """Numbers of what films are; see :class:`KeptLists`."""

    as_row: NDArray[np.uint64]
    facts: NDArray[np.uint64]
    listed: NDArray[np.uint64]
    prior: NDArray[np.float32]

    @classmethod
    def of(cls, features: MovieFeatures, ranking: Ranking, signals: Sequence[Signal]) -> _Films:
        content = digests(features.matrix)
        facts = digests(content, features.years, features.votes, features.ratings)
        listed = np.zeros(features.n_movies, dtype=np.uint64)
        for signal in signals:
            # By ids: where a film stands among the others says nothing of it.
            ids = features.movie_ids[signal.pairs.indices]
            shape = (features.n_movies, int(features.movie_ids.max(initial=0)) + 1)
            by_id = sparse.csr_matrix((signal.pairs.data, ids, signal.pairs.indptr), shape)
            listed = digests(listed, by_id)
        levels = digests(ranking.levels)[ranking.codes]
        return cls(digests(content, levels), facts, listed, ranking.prior)


def _key_of(features: MovieFeatures, weights: Weights, k: int) -> str:
    key = hashlib.sha256(f"{k} {MARGIN} {weights.model_dump_json()} {features.frozen}".encode())
    key.update("\n".join((*features.fields, "", *features.vocabulary)).encode())
    key.update(features.field_ends.tobytes())
    key.update(features.idf.tobytes())
    return key.hexdigest()


def _places(before: KeptLists | None, ids: NDArray[np.int32]) -> NDArray[np.int64]:
    """Where films stood before, -1 for new ones."""
    if before is None or not len(before.movie_ids):
        return np.full(len(ids), -1, dtype=np.int64)
    ids_before = before.movie_ids
    places = np.minimum(np.searchsorted(ids_before, ids), len(ids_before) - 1)
    return np.where(ids_before[places] == ids, places, -1)


def _before(
    before: KeptLists, films: _Films, places: NDArray[np.int64], chosen: NDArray[np.int32]
) -> Before:
    rows = np.where(_is_same(before.as_row, films.as_row, places), places, -1)
    was_candidate = before.prior > 0
    candidate = np.where(was_candidate, np.cumsum(was_candidate) - 1, -1)
    same = _is_same(before.prior, films.prior, places) & (rows >= 0)
    return Before(rows, np.where(same, candidate[rows], -1)[chosen])


def _is_same(
    before: NDArray[np.generic], now: NDArray[np.generic], places: NDArray[np.int64]
) -> NDArray[np.bool_]:
    return np.asarray((places >= 0) & (before[places] == now))


def _is_other(
    facts: NDArray[np.uint64], before: KeptLists | None, places: NDArray[np.int64]
) -> NDArray[np.bool_]:
    if before is None:
        return np.ones(len(facts), dtype=np.bool_)
    return ~_is_same(before.facts, facts, places)


class _Pairs(NamedTuple):
    """What is found of all pairs; see :class:`KeptLists` and :class:`Renewed`."""

    neighbours: NDArray[np.int32]
    by_content: NDArray[np.float32]
    ranks_before: NDArray[np.unsignedinteger]
    gone: NDArray[np.int64]


class _Renewing(NamedTuple):
    """What each film's pairs are made from."""

    features: MovieFeatures
    ranking: Ranking
    signals: tuple[Signal, ...]
    films: _Films
    lists: Lists
    chosen: NDArray[np.int32]

    def all(self, before: KeptLists | None, places: NDArray[np.int64]) -> _Pairs:
        """All pairs, and what they were."""
        n, k = self.features.n_movies, self.lists.k
        found = _Pairs(
            neighbours=np.full((n, k), -1, dtype=np.int32),
            by_content=np.zeros((n, k), dtype=np.float32),
            ranks_before=np.zeros((n, k), dtype=np.min_scalar_type(k)),
            gone=np.zeros((0, 2), dtype=np.int64),
        )
        is_other = _is_other(self.films.facts, before, places)
        own = is_other if before is None else is_other | ~_is_same(
            before.listed, self.films.listed, places
        )  # fmt: skip
        to_blend = own | self._lists_one_of(is_other)
        blocks = range(0, n, _ROWS_A_BLOCK)
        gone: dict[int, NDArray[np.int64]] = {}

        def renew_block(start: int) -> int:
            block = slice(start, start + _ROWS_A_BLOCK)
            best = named(self.lists.best[0][block], self.chosen)
            some = to_blend[block] | _any_of(is_other, best)
            if before is not None:
                some |= _differs(before, places[block], self._ids(best), self.lists.best[1][block])
                _take_over(before, places[block], found.neighbours[block], found.by_content[block])
                found.ranks_before[block] = _own_ranks(found.neighbours[block])
            rows = np.flatnonzero(some).astype(np.int32)
            gone[start] = self._renew(rows + np.int32(start), best[rows], found, own, is_other)
            return len(some)

        in_threads(renew_block, blocks, processors(), n, None)
        gone_films = found.gone if before is None else _of_gone_films(before, places)
        return found._replace(gone=np.concatenate([*map(gone.__getitem__, blocks), gone_films]))

    def _renew(
        self,
        at: NDArray[np.int32],
        best: NDArray[np.int32],
        found: _Pairs,
        own: NDArray[np.bool_],
        is_other: NDArray[np.bool_],
    ) -> NDArray[np.int64]:
        """Blend the pairs of some films in the place of those before; which of these are gone."""
        columns, values = self._blended(at, best, self.lists.best[1][at])
        ids = self._ids(columns)
        were, ranks = found.neighbours[at], np.zeros_like(ids)
        same = np.flatnonzero(~own[at])
        ranks_before = _ranks_before(
            (were[same], found.by_content[at[same]]), (ids[same], values[same])
        )
        ranks[same] = np.where(is_other[columns[same]], 0, ranks_before)
        rows, places = _left_out(were, ranks)
        found.neighbours[at], found.by_content[at], found.ranks_before[at] = ids, values, ranks
        return np.stack([self.features.movie_ids[at[rows]], places + 1], 1, dtype=np.int64)

    def _ids(self, found: NDArray[np.int32]) -> NDArray[np.int32]:
        return named(found, self.features.movie_ids)

    def _lists_one_of(self, films: NDArray[np.bool_]) -> NDArray[np.bool_]:
        """Whether a film's signals list one of these films."""
        found = np.zeros(len(films), dtype=np.bool_)
        for signal in self.signals:
            sums = np.concatenate([[0], np.cumsum(films[signal.pairs.indices])])
            found |= np.diff(sums[signal.pairs.indptr]) > 0
        return found

    def _blended(
        self, asking: NDArray[np.int32], best: NDArray[np.int32], scores: NDArray[np.float32]
    ) -> tuple[NDArray[np.int32], NDArray[np.float32]]:
        """The best of films by everything, and their scores by content: (n_asking, k) each."""
        if not self.signals or not len(asking):
            return best, scores
        from movie_assets.recommender.blending import blend  # noqa: PLC0415 - loads numba

        return blend(self.features.matrix, self.ranking, self.signals, asking, (best, scores))


def _take_over(
    before: KeptLists,
    places: NDArray[np.int64],
    neighbours: NDArray[np.int32],
    by_content: NDArray[np.float32],
) -> None:
    """Lay down the pairs of films that were there before."""
    were = places >= 0
    neighbours[were] = before.neighbours[places[were]]
    by_content[were] = before.by_content[places[were]]


def _own_ranks(neighbours: NDArray[np.int32]) -> NDArray[np.int64]:
    """The rank of each pair, 0 where there is none."""
    return np.where(neighbours >= 0, np.arange(1, neighbours.shape[1] + 1), 0)


def _ranks_before(
    before: tuple[NDArray[np.int32], NDArray[np.float32]],
    now: tuple[NDArray[np.int32], NDArray[np.float32]],
) -> NDArray[np.int64]:
    """The rank that each pair had with the same score by content, 0 for none; (n_rows, k) each."""
    (were, their_scores), (ids, scores) = before, now
    ranks = _own_ranks(ids)
    moved = np.flatnonzero((were != ids).any(axis=1))
    ranks[moved] = _ranks_among(were[moved], ids[moved])
    scores_before = np.take_along_axis(their_scores, np.maximum(ranks - 1, 0), axis=1)
    # By their bits, as all that follows from them.
    return np.where(scores_before.view(np.int32) == scores.view(np.int32), ranks, 0)


def _ranks_among(were: NDArray[np.int32], ids: NDArray[np.int32]) -> NDArray[np.int64]:
    """The rank that each id had in the same row, 0 for none and for -1; (n_rows, k) each."""
    k = ids.shape[1]
    ranks, every = np.zeros(ids.shape, dtype=np.int64), np.arange(1, k + 1)
    # Most are where they were or a few places on, so that few are looked for in a whole row.
    for by in (0, -1, 1, 2):
        now, then = slice(max(0, by), max(0, k + by)), slice(max(0, -by), max(0, k - by))
        np.copyto(ranks[:, now], every[then], where=were[:, then] == ids[:, now])
    rows, places = np.nonzero((ranks == 0) & (ids >= 0))
    same = were[rows] == ids[rows, places][:, None]
    ranks[rows, places] = np.where(same.any(axis=1), same.argmax(axis=1) + 1, 0)
    return np.where(ids >= 0, ranks, 0)


def _left_out(
    neighbours: NDArray[np.int32], ranks_before: NDArray[np.integer]
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Rows and places of the pairs before that no pair of now has been."""
    left = np.pad(neighbours >= 0, ((0, 0), (1, 0)))
    np.put_along_axis(left, ranks_before.astype(np.int64), False, axis=1)
    rows, places = np.nonzero(left[:, 1:])
    return rows, places


def _of_gone_films(before: KeptLists, places: NDArray[np.int64]) -> NDArray[np.int64]:
    """Movie id and rank of the pairs of films that are no more."""
    is_gone = np.ones(len(before.movie_ids), dtype=np.bool_)
    is_gone[places[places >= 0]] = False
    films = np.flatnonzero(is_gone)
    rows, at = np.nonzero(before.neighbours[films] >= 0)
    return np.stack([before.movie_ids[films[rows]], at + 1], 1, dtype=np.int64)


def _any_of(films: NDArray[np.bool_], found: NDArray[np.int32]) -> NDArray[np.bool_]:
    """Whether one of these films is among those found, -1 being none."""
    return np.asarray(np.append(films, False)[found].any(axis=1))


def _differs(
    before: KeptLists,
    places: NDArray[np.int64],
    ids: NDArray[np.int32],
    scores: NDArray[np.float32],
) -> NDArray[np.bool_]:
    """Whether a list by content is not the one that it was."""
    were, their_scores = before.lists.best
    other = named(were[places], before.candidate_ids) != ids
    other |= their_scores[places] != scores
    return np.asarray(other.any(axis=1) | (places < 0))
