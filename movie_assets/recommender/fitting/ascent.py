"""Weights for lists of ten, from near ones: one number after the other, up while NDCG goes up.

Coordinate ascent on the measure itself (Metzler and Croft, "Linear feature-based models for
information retrieval", Information Retrieval 10, 2007). The likelihood of :mod:`.listwise` is over
all candidates; of a list of ten only the first places count, and for them it makes closeness and
prior too steep. Nothing is drawn at random.
"""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from movie_assets.recommender.weights import FIELDS

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from movie_assets.recommender.fitting.contest import Contest
    from movie_assets.recommender.weights import FieldName, Weights

#: So many rounds over all numbers, each with steps so much smaller than the one before.
ROUNDS, SMALLER = 4, 0.6
#: In NDCG@10; less is chance, and would lead to whatever the judges happen to be.
_LEAST_GAIN = 5e-5
#: A field's weight is times exp(step) or exp(-step).
_FIELD_STEP = 0.5
#: And so is a genre's, by less.
_GENRE_STEP = 0.3
#: How far ln(1 + votes) of a film that is asked about is below that of the most famous.
_USUAL_SHORT_OF_FAME = 3.0
_STEPS = {
    "closeness": {"years": 0.15, "newer": 0.1, "known": 0.15, "fame": 0.05, "rating": 0.1},
    "prior": {"votes": 0.08, "fame": 0.1, "rating": 0.08, "era": 0.1, "era_votes": 0.03},
}


class _Step(NamedTuple):
    """One number and how far it goes at a time."""

    part: str
    name: str
    size: float

    def taken(self, weights: Weights) -> Weights:
        """The weights with the number a step further."""
        part = getattr(weights, self.part)
        if self.part in ("fields", "genres"):
            new = _round(float(np.exp(self.size)) * part.get(self.name, 1.0))
            return weights.model_copy(update={self.part: part | {self.name: new}})
        new = _round(getattr(part, self.name) + self.size)
        if self.part == "closeness":
            new = max(0.0, new)
        if (self.part, self.name) == ("closeness", "fame"):
            return with_closeness_by_fame(weights, new)
        return weights.model_copy(update={self.part: part.model_copy(update={self.name: new})})


def ascend(weights: Weights, contests: Sequence[Contest], breadth: float) -> Weights:
    """The weights with fields, genres, closeness and prior such that NDCG@10 is large.

    Args:
        weights: where the search begins; what is 0 among the fields stays so.
        contests: the mean of their values counts.
        breadth: how many different films a list there are where the dial's middle is to be; another
            way of comparing would be won by the narrowest lists.
    """

    with ThreadPoolExecutor(len(contests), thread_name_prefix="ascent") as pool:

        def value(some: Weights) -> float:
            values = pool.map(lambda contest: contest.value(some, breadth), contests)
            return float(np.mean(list(values)))

        return _ascended(weights, _sizes(weights, contests), value)


def _ascended(
    weights: Weights, numbers: Iterator[tuple[str, str, float]], value: Callable[[Weights], float]
) -> Weights:
    sizes = list(numbers)
    best = value(weights)
    for number in range(ROUNDS):
        for part, name, size in sizes:
            there, back = (_Step(part, name, sign * size * SMALLER**number) for sign in (1, -1))
            for step in (there, back):
                went = False
                while (found := value(further := step.taken(weights))) > best + _LEAST_GAIN:
                    weights, best, went = further, found, True
                if went:
                    break
    return weights


def with_closeness_by_fame(weights: Weights, value: float) -> Weights:
    """The weights with another ``closeness.fame``.

    What it takes from films whoever is asked about, the prior gives back: or else neither of the
    two could change without the other.
    """
    more = _USUAL_SHORT_OF_FAME * (value - weights.closeness.fame)
    closeness = weights.closeness.model_copy(update={"fame": value})
    prior = weights.prior.model_copy(update={"fame": _round(weights.prior.fame + more)})
    return weights.model_copy(update={"closeness": closeness, "prior": prior})


def known_fields(contests: Sequence[Contest]) -> tuple[FieldName, ...]:
    """The fields in which any two films are alike."""
    return tuple(
        name
        for place, name in enumerate(FIELDS)
        if any(contest.likeness[place].any() for contest in contests)
    )


def _sizes(weights: Weights, contests: Sequence[Contest]) -> Iterator[tuple[str, str, float]]:
    """Part, name and step of each number."""
    known = [name for name in known_fields(contests) if weights.fields.get(name)]
    yield from (("fields", name, _FIELD_STEP) for name in known)
    for part, of in _STEPS.items():
        yield from ((part, name, size) for name, size in of.items())
    if "genres" in known:
        names = {name for contest in contests for name in contest.genres.names}
        yield from (("genres", name, _GENRE_STEP) for name in sorted(names))


def _round(number: float) -> float:
    return float(f"{number:.4g}")
