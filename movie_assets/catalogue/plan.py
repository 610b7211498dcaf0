"""Which films have to be asked for: pure functions on arrays of ids and moments.

A film is up to date as of when it was fetched, or of the beginning of the last refresh of its part
that came to an end, whichever is later: until then all its changes were asked for. Of later changes
TMDB tells which films they were in for a while back; a film that was up to date last before that
while has to be asked for to know.

All moments are UTC without a time zone, to the microsecond.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

import numpy as np
from numpy.typing import NDArray

#: The catalogue is cut into so many parts, by the remainder of the id: its last two digits.
PARTS = 100

#: For how long back TMDB tells changes in one question.
CHANGES_TOLD = timedelta(days=14)

#: How far our clock may be ahead of TMDB's without a change being missed.
CLOCKS_APART = timedelta(hours=1)

#: When a film was fetched that is to be asked for again, whatever is known of it.
FORGOTTEN = datetime(1970, 1, 1)  # noqa: DTZ001 - stored times have no zone

Ids = NDArray[np.int64]
Moments = NDArray[np.datetime64]


@dataclass(frozen=True)
class Known:
    """The films that are stored.

    Attributes:
        ids: int64[n], ascending.
        fetched_at: datetime64[us][n], when each was last asked for.
        gone: bool[n], whether TMDB did not have it then.
        refreshed_at: by part, when the last refresh of it began that came to an end.
    """

    ids: Ids
    fetched_at: Moments
    gone: NDArray[np.bool_]
    refreshed_at: Mapping[int, datetime]


@dataclass(frozen=True)
class Occasion:
    """When, and of what, films are to be asked for.

    Attributes:
        now: the moment of this run.
        begun: when the attempt began that this run belongs to; what was fetched since is not asked
            for again.
        listed_at: when the export that ``listed`` is from was read first.
        renew_after: how long an answer is good without any change.
        parts: the parts to refresh.
    """

    now: datetime
    begun: datetime
    listed_at: datetime
    renew_after: timedelta
    parts: frozenset[int]


@dataclass(frozen=True)
class Plan:
    """The films to ask for.

    Attributes:
        ids: int64[n], each once, in the order in which to ask.
        reasons: how many there are for each reason; a film counts for the first that holds.
    """

    ids: Ids
    reasons: dict[str, int]


def changes_since(known: Known, occasion: Occasion) -> datetime | None:
    """Since when changes have to be asked for; None where no film depends on them."""
    in_question = ~known.gone & _is_open(known, occasion)
    if not in_question.any():
        return None
    earliest = _up_to_date_at(known, occasion)[in_question].min()
    horizon = _moment(occasion.now - CHANGES_TOLD + CLOCKS_APART)
    since: datetime = max(earliest, horizon).astype(datetime)
    return since - CLOCKS_APART


def films_to_ask(known: Known, listed: Ids, changed: Iterable[int], occasion: Occasion) -> Plan:
    """Choose the films to ask for.

    Args:
        known: the films that are stored.
        listed: int64[n_listed], the films of the export that are wanted, the first first.
        changed: films that TMDB says changed since :func:`changes_since`.
        occasion: when, and of what.
    """
    fetched = _sane(known.fetched_at, occasion.now)
    is_open = _is_open(known, occasion)
    is_listed = np.isin(known.ids, listed)
    is_changed = np.isin(known.ids, np.fromiter(changed, np.int64))
    before_the_list = fetched < _moment(occasion.listed_at)
    up_to_date = _up_to_date_at(known, occasion)
    new = listed[~np.isin(listed, known.ids)]
    groups = {
        "asked for by hand": known.ids[is_open & (known.fetched_at <= _moment(FORGOTTEN))],
        "changed": known.ids[is_open & is_changed],
        "not in the export any more": known.ids[
            is_open & ~known.gone & ~is_listed & before_the_list
        ],
        "gone, and in the export": known.ids[is_open & known.gone & is_listed & before_the_list],
        "new": new[_in_parts(new, occasion.parts)],
        "changes not known for so long back": known.ids[
            is_open & ~known.gone & (up_to_date < _moment(occasion.now - CHANGES_TOLD))
        ],
        "due to be renewed": known.ids[
            is_open & ~known.gone & (fetched < _moment(occasion.now - occasion.renew_after))
        ],
    }
    return _once_each(groups)


def _once_each(groups: Mapping[str, Ids]) -> Plan:
    everything = np.concatenate(list(groups.values()))
    kinds = np.repeat(np.arange(len(groups)), [len(ids) for ids in groups.values()])
    _, first = np.unique(everything, return_index=True)
    first.sort()
    counted = np.bincount(kinds[first], minlength=len(groups))
    reasons = {reason: int(count) for reason, count in zip(groups, counted, strict=True) if count}
    return Plan(everything[first], reasons)


def _is_open(known: Known, occasion: Occasion) -> NDArray[np.bool_]:
    """Which films this attempt may still ask for."""
    fetched = _sane(known.fetched_at, occasion.now)
    return _in_parts(known.ids, occasion.parts) & (fetched < _moment(occasion.begun))


def _up_to_date_at(known: Known, occasion: Occasion) -> Moments:
    refreshed = np.full(PARTS, _moment(FORGOTTEN))
    for part, at in known.refreshed_at.items():
        refreshed[part] = _moment(at)
    refreshed = _sane(refreshed, occasion.now)
    return np.maximum(refreshed[known.ids % PARTS], _sane(known.fetched_at, occasion.now))


def _sane(moments: Moments, now: datetime) -> Moments:
    """Moments to come, of a clock that was wrong, say nothing: they count as long ago."""
    return np.where(moments > _moment(now + CLOCKS_APART), _moment(FORGOTTEN), moments)


def _in_parts(ids: Ids, parts: frozenset[int]) -> NDArray[np.bool_]:
    return np.isin(ids % PARTS, list(parts))


def _moment(at: datetime) -> np.datetime64:
    return np.datetime64(at, "us")
