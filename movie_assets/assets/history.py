"""What Dagster's history says of earlier runs, and what may not follow upon it.

A table is replaced only by rows that can be true: so they are held against the last good run's
before they are written, while what is stored is still whole.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import dagster as dg
from dagster._core.storage.asset_check_execution_record import AssetCheckExecutionRecordStatus

from movie_assets.warehouse.cleaning import ALWAYS_GIVEN

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

#: Fewer rows than this share of the last good run's are taken for a fault of the source.
LEAST_SHARE_OF_ROWS = 0.8
#: The check that keeps count of the rows of good runs.
ROW_COUNT_CHECK = "row_count_kept"

#: A value that TMDB always gives and that more than this share of the films lack is a fault too.
_MOST_MENDED = 0.5
_FOUND = {AssetCheckExecutionRecordStatus.SUCCEEDED, AssetCheckExecutionRecordStatus.FAILED}


class RowsLostError(Exception):
    """A source gives so much less than before that it cannot be right; nothing was written."""


def refuse_lost_rows(
    instance: dg.DagsterInstance, table: str, rows: int, asked_for: str
) -> int | None:
    """Refuse far fewer rows than the last good run had, where the same was asked for.

    Returns:
        The last good run's rows; None where nothing can be compared.

    Raises:
        RowsLostError: saying what to do.
    """
    last = last_good_rows(instance, table, asked_for)
    if last is not None and rows < LEAST_SHARE_OF_ROWS * last:
        raise RowsLostError(f"{table} was not written: {too_few(rows, last)}")
    return last


def refuse_lost_values(table: str, films: int, mended: Mapping[str, int]) -> None:
    """Refuse films of which most lack what TMDB always gives: then its answers have changed.

    Args:
        table: which is about to be written.
        films: how many were cleaned.
        mended: how many values were replaced for it, by reason.

    Raises:
        RowsLostError: naming what is missing.
    """
    missing = {
        why: n for why, n in mended.items() if why in ALWAYS_GIVEN and n > _MOST_MENDED * films
    }
    if missing:
        found = "; ".join(f"{why} ({n} of {films} films)" for why, n in missing.items())
        raise RowsLostError(
            f"{table} was not written, what it held is unchanged: {found}. TMDB gives these for "
            "every film: see the raw tables for what it sent this time, and build again later."
        )


def too_few(rows: int, last: int) -> str:
    """What is wrong with so few rows, and what to do."""
    return (
        f"{rows} rows, after {last} in the last good run: less than {LEAST_SHARE_OF_ROWS:.0%}. "
        "What is stored stays. See whether the source is complete, then build again. If so few "
        "are right, ask for another number of films (MOVIE_ASSETS_MAX_MOVIES, or of the whole "
        "catalogue MOVIE_ASSETS_MIN_POPULARITY), which begins a new count."
    )


def last_good_rows(instance: dg.DagsterInstance, table: str, asked_for: str) -> int | None:
    """The rows of the last run whose count was good; None where the same was never asked for."""
    # Each evaluation passes the last good count on, so that the latest one is enough.
    evaluation = latest_evaluation(instance, dg.AssetCheckKey(dg.AssetKey(table), ROW_COUNT_CHECK))
    if evaluation is None or evaluation.metadata["asked_for"].value != asked_for:
        return None
    return int(str(evaluation.metadata["last_good_rows"].value))


def latest_evaluation(
    instance: dg.DagsterInstance, key: dg.AssetCheckKey
) -> dg.AssetCheckEvaluation | None:
    """What a check last found; None where it never came to a finding.

    A run plans all of its checks when it begins, so the latest record of a check that is under way,
    or that did not get its turn, is a plan and no finding.
    """
    records = instance.event_log_storage.get_asset_check_execution_history(
        key, limit=1, status=_FOUND
    )
    return records[0].evaluation if records else None


def latest_evaluations(
    instance: dg.DagsterInstance, keys: Sequence[dg.AssetCheckKey]
) -> dict[dg.AssetCheckKey, dg.AssetCheckEvaluation]:
    """What each of some checks last found, as :func:`latest_evaluation`; most in one question."""
    storage = instance.event_log_storage
    latest = storage.get_latest_asset_check_execution_by_key(keys)
    found = {
        key: record.evaluation
        if record.status in _FOUND
        else latest_evaluation(instance, key)  # of a run that planned it, and no more
        for key, record in latest.items()
    }
    return {key: evaluation for key, evaluation in found.items() if evaluation is not None}


def last_of_code(
    instance: dg.DagsterInstance, table: str, code_version: str | None
) -> dg.AssetMaterialization | None:
    """An asset's last materialization, where the same code made it; else None.

    What it left may be built upon as long as what is stored is still of its data version.
    """
    event = instance.get_latest_materialization_event(dg.AssetKey(table))
    last = event.asset_materialization if event else None
    if last is None or not last.tags or last.tags.get("dagster/code_version") != code_version:
        return None
    return last


def latest_figures(instance: dg.DagsterInstance, table: str) -> dict[str, Any]:
    """The metadata of an asset's last materialization, as plain values."""
    event = instance.get_latest_materialization_event(dg.AssetKey(table))
    materialization = event.asset_materialization if event else None
    if materialization is None:
        return {}
    return {name: value.value for name, value in materialization.metadata.items()}
