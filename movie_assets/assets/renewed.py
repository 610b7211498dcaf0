"""Recommendations of the whole catalogue: what changed is worked out, and the rest stays.

They are what ``recommend`` and ``quality`` make of fewer films, by the same functions; here is what
may be built upon, and when all is learned anew. In between the terms, their weights and the scale
of the prior are frozen, so that a film that did not change stays the same to the last bit.
"""

import shutil
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import uuid4

import dagster as dg
import numpy as np
import pandas as pd
import pyarrow as pa
from numpy.typing import NDArray

from movie_assets import film_tables, recommender
from movie_assets.assets import compiled
from movie_assets.assets.declare import (
    merge_result,
    preview,
    reporter,
    spooled_result,
    table_asset,
    table_result,
    timed,
)
from movie_assets.assets.history import last_of_code, latest_figures
from movie_assets.assets.merged import ALL_CLEANED_IN
from movie_assets.assets.quality import QUALITY_USES, drawn, halves, published
from movie_assets.assets.recommend import (
    NEIGHBOURS_A_FILM,
    PAIRS_COLUMNS,
    PAIRS_LINEAGE,
    PAIRS_USE,
    NeighbourSearch,
    NothingAlikeError,
    fields_frame,
    pairs_table,
)
from movie_assets.assets.versions import code_version
from movie_assets.recommender import (
    MovieFeatures,
    changes,
    features,
    films,
    frozen,
    incremental,
    kept_lists,
    text,
    weights,
)
from movie_assets.recommender import renewal as renewing
from movie_assets.recommender.evaluation import run
from movie_assets.recommender.evaluation.figures import Figure
from movie_assets.recommender.explanations import Explainer
from movie_assets.recommender.rows import RowsOfIds
from movie_assets.recommender.storage import FeatureFileError, features_hash, load_features
from movie_assets.warehouse import (
    TABLES,
    Digest,
    SchemaError,
    TableMissingError,
    changed_ids,
    content_hash,
    digest_of_rows,
    read_arrow,
    read_keys,
    validate,
)
from movie_assets.warehouse.io_manager import WarehouseStorage
from movie_assets.warehouse.row_merging import TO, RowMerge, digests
from movie_assets.warehouse.store import named_errors, reading

#: Where more of the pairs than this share are told otherwise, the table is written anew: what is
#: merged is held in memory, and what it replaces leaves holes in the file.
_MOST_MERGED = 0.1
#: The methods are compared on so many films, those with the most votes; on all of a million it
#: would take hours, and those few hardly ever are in a list.
FILMS_COMPARED = 30_000
_PAIRS = TABLES["similarity_matrix"]


@dataclass(frozen=True)
class Renewal:
    """The resource that says how long terms stay frozen, and where is kept what is built upon.

    Attributes:
        folder: of the feature file and of the lists.
        rebuild_after: terms are learned anew after so long.
        rebuild_share: and where more than this share of the films changed since.
    """

    folder: Path
    rebuild_after: timedelta
    rebuild_share: float

    @property
    def features(self) -> Path:
        """The feature file, which the IO manager of features writes."""
        return self.folder / "movie_features.npz"

    def lists(self, name: str) -> Path:
        """A folder of lists."""
        return self.folder / "lists" / name

    def forget_lists(self, *but: str) -> None:
        """Remove the lists that nobody can build upon any more."""
        for path in self.lists("").glob("*"):
            if path.name not in but:
                shutil.rmtree(path, ignore_errors=True)


@dataclass(frozen=True)
class _Learned:
    """The features that the last run left.

    Attributes:
        features: frozen.
        revision: of the raw films that they are made of.
        at: when their terms were learned.
        changed: how many films changed since, those twice that did so in two runs.
    """

    features: MovieFeatures
    revision: int
    at: datetime
    changed: int


class _AnewError(Exception):
    """Why nothing can be built upon: everything has to be made anew. Never leaves this module."""


def _movie_features(
    context: dg.AssetExecutionContext,
    io_manager: dg.ResourceParam[WarehouseStorage],
    renewal: dg.ResourceParam[Renewal],
) -> dg.MaterializeResult[MovieFeatures]:
    """Transform the films that changed; where it is time for that, learn from all of them."""
    now = datetime.now(UTC)
    database, by = io_manager.database, recommender.load_weights()
    # Read before the films are: changes that come in between are then seen twice, and not missed.
    made_of = [latest_figures(context.instance, name) for name in ("movies_table", "movie_details")]
    revision = min(int(of.get("revision") or 0) for of in made_of)
    all_cleaned_in = ", ".join(str(of.get(ALL_CLEANED_IN)) for of in made_of)
    genres = content_hash(read_arrow(database, TABLES["genres_table"]))
    ids = film_tables.film_ids(database)
    try:
        learned = _find_learned(context, renewal, genres, all_cleaned_in, now)
        known, ours = learned.features.movie_ids, RowsOfIds(ids)
        changed = changed_ids(database, learned.revision)
        changed = changed[ours.of(changed) >= 0]
        changed = np.union1d(changed, ids[RowsOfIds(known).of(ids) < 0])
        removed = known[ours.of(known) < 0]
        others = len(changed) + len(removed)
        share = (learned.changed + others) / max(1, learned.features.n_movies)
        if share > renewal.rebuild_share:
            raise _AnewError(f"{share:.1%} of the films changed since the terms were learned")
    except _AnewError as reason:
        why, at, others, since = str(reason), now, len(ids), 0
        context.log.info("Learning from all films: %s.", why)
        fitted = frozen.freeze(
            recommender.fit_features(film_tables.film_blocks(database, ids), by), by
        )
    else:
        why, at, since = "", learned.at, learned.changed + others
        fitted = frozen.update_features(
            learned.features, film_tables.film_blocks(database, changed), removed, by
        )
    return dg.MaterializeResult(
        value=fitted,
        data_version=dg.DataVersion(features_hash(fitted)),
        metadata={
            "dagster/row_count": fitted.n_movies,
            "revision": revision,
            "rebuilt": bool(why),
            "rebuilt_why": why or "not rebuilt: the terms are still good",
            "films_changed": others,
            "learned_at": at.isoformat(),
            "changed_since_learned": since,
            "genres": genres,
            ALL_CLEANED_IN: all_cleaned_in,
            "terms": len(fitted.vocabulary),
            "films_that_can_be_recommended": int(fitted.is_candidate.sum()),
            **({"fields": preview(fields_frame(fitted))} if why else {}),
        },
    )


movie_features = dg.asset(
    name="movie_features",
    group_name="recommend",
    description="One sparse row a film: the TF-IDF of each field, times the field's weight.",
    kinds={"scikitlearn", "numpy"},
    deps=["movies_table", "genres_table", "movie_details"],
    code_version=code_version(
        _movie_features, features, text, films, frozen, film_tables.films_of, weights.BUNDLED
    ),
    io_manager_key="features_io_manager",
)(timed(_movie_features))


def _find_learned(
    context: dg.AssetExecutionContext,
    renewal: Renewal,
    genres: str,
    all_cleaned_in: str,
    now: datetime,
) -> _Learned:
    """The features that the last run left, where they may be built upon."""
    last, noted = _last_run(context)
    if noted["genres"] != genres:
        raise _AnewError("the genres changed")
    if noted.get(ALL_CLEANED_IN) != all_cleaned_in:
        raise _AnewError("all films were cleaned anew, and no revision tells which are other")
    at = datetime.fromisoformat(noted["learned_at"])
    # A clock that was set back since cannot say how long ago that was.
    if not at <= now < at + renewal.rebuild_after:
        raise _AnewError(f"the terms were learned at {at:%Y-%m-%d %H:%M} UTC")
    try:
        stored = load_features(renewal.features)
    except FeatureFileError as error:
        raise _AnewError(str(error)) from error
    if features_hash(stored) != last:
        raise _AnewError("the feature file is not what the last run left")
    return _Learned(stored, int(noted["revision"]), at, int(noted["changed_since_learned"]))


@table_asset(
    group="recommend",
    uses=(
        *PAIRS_USE,
        *compiled.REASONS,
        *compiled.UPDATES,
        renewing,
        incremental,
        changes,
        kept_lists,
    ),
    kinds=frozenset({"numba", "duckdb"}),
    lineage=PAIRS_LINEAGE,
    columns=PAIRS_COLUMNS,
)
def similarity_matrix(
    context: dg.AssetExecutionContext,
    movie_features: MovieFeatures,
    co_liked_movies: pa.Table,
    movie_details: pa.Table,
    io_manager: dg.ResourceParam[WarehouseStorage],
    neighbour_search: dg.ResourceParam[NeighbourSearch],
    renewal: dg.ResourceParam[Renewal],
) -> dg.MaterializeResult[Any]:
    """Find the best neighbours of the films for which they may be other."""
    started = time.perf_counter()
    by = recommender.load_weights()
    last = _last_pairs(context)
    with _beside() as beside:
        found = beside.submit(_find_lists, last, renewal)
        signals = film_tables.signals_of(
            movie_features.movie_ids, by.blend, co_liked_movies, movie_details
        )
        before, why = found.result()
    renewed = renewing.renew(
        movie_features,
        by,
        NEIGHBOURS_A_FILM,
        before=before,
        signals=signals,
        search=neighbour_search.top_k,
        progress=reporter(context.log, "Compared %s of %s films."),
    )
    if not renewed.n_pairs:
        raise NothingAlikeError(
            f"None of the {movie_features.n_movies} films has a neighbour with votes: see which "
            "films movies_table has. What is stored stays as it was."
        )
    compared, name, moved = time.perf_counter(), uuid4().hex, renewed.moved()
    saving = _beside()
    saved = saving.submit(_save, renewal, name, renewed.kept, last.lists)
    saving.shutdown(wait=False)  # once it is done
    merged = None
    if not renewed.anew and renewed.n_changed <= _MOST_MERGED * renewed.n_pairs:
        merged = _merged(renewed, moved, io_manager.database, last.digest)
        why = "" if merged else "similarity_matrix is not what the last run left"
    elif renewed.anew:
        why = why or "the weights changed, or the terms were learned anew"
    figures = {
        "revision": int(latest_figures(context.instance, "movie_features").get("revision") or 0),
        "rebuilt": bool(why),
        "rebuilt_why": why or "not rebuilt: the lists are still good",
        **_counts(renewed, moved),
        "lists": name,
        "neighbours_per_film": NEIGHBOURS_A_FILM,
        "searched_by": neighbour_search.ray_address or "this machine",
        "compare_seconds": round(compared - started, 3),
    }
    if merged is None:
        saved.result()  # first: nobody would remove what is spooled
        spooled = io_manager.spool(_PAIRS.name, _rows(renewed, every=True))
        return spooled_result(spooled, figures | _told_since(compared))
    # The disk has time for the lists while the table is changed.
    merge = replace(merged[0], ready=saved.result)
    return merge_result(_PAIRS.name, merge, merged[1], figures | _told_since(compared))


def _counts(renewed: renewing.Renewed, moved: NDArray[np.int32]) -> dict[str, Any]:
    return {
        "films": renewed.features.n_movies,
        "films_changed": renewed.n_films_changed,
        "rows_changed": renewed.n_changed,
        "rows_moved": len(moved),
        "rows_removed": len(renewed.gone),
        "signals": ", ".join(signal.name for signal in renewed.signals) or "content alone",
    }


def _beside() -> ThreadPoolExecutor:
    """For what another processor can do meanwhile: DuckDB, checksums, the disk."""
    return ThreadPoolExecutor(1, thread_name_prefix="beside")


@dataclass(frozen=True)
class _LastPairs:
    """What the last run noted of its pairs.

    Attributes:
        digest: of the table, as text.
        lists: the name of the lists that it kept.
        why: why nothing can be built upon; "" where something can.
    """

    digest: str = ""
    lists: str = ""
    why: str = ""


def _last_pairs(context: dg.AssetExecutionContext) -> _LastPairs:
    try:
        digest, noted = _last_run(context)
    except _AnewError as reason:
        # Other code's lists stay too as long as its table does.
        lists = latest_figures(context.instance, _PAIRS.name).get("lists")
        return _LastPairs(lists=str(lists), why=str(reason))
    return _LastPairs(digest, str(noted["lists"]))


def _find_lists(last: _LastPairs, renewal: Renewal) -> tuple[renewing.KeptLists | None, str]:
    """The lists that the last run left, where they may be built upon; else None, and why."""
    if last.why:
        return None, last.why
    try:
        return kept_lists.load_lists(renewal.lists(last.lists)), ""
    except kept_lists.KeptListsError as error:
        return None, str(error)


def _save(renewal: Renewal, name: str, kept: renewing.KeptLists, last: str) -> None:
    """Keep the lists for the next run, beside those that the last run left."""
    folder = renewal.lists(name)
    with named_errors(folder):
        kept_lists.save_lists(folder, kept)
    renewal.forget_lists(name, last)


def _merged(
    renewed: renewing.Renewed, moved: NDArray[np.int32], database: Path, digest_before: str
) -> tuple[RowMerge, Digest] | None:
    """What changed of the pairs, and the digest that the table has then.

    Returns:
        None where the table does not have the digest that it was left with.
    """
    merge = RowMerge(
        _PAIRS.arrow_schema.empty_table(),
        removed=pa.table(dict(zip(_PAIRS.primary_key, renewed.gone.T, strict=True))),
        moved=pa.table(dict(zip((*_PAIRS.primary_key, TO, _PAIRS.placed), moved.T, strict=True))),
    )
    with _beside() as beside:
        found = beside.submit(digests, database, _PAIRS, merge)
        rows = pa.concat_tables([merge.rows, *_checked(_rows(renewed))])
        try:
            before, left = found.result()
        except (SchemaError, TableMissingError):
            return None
    if str(before) != digest_before:
        return None
    return replace(merge, rows=rows), left + digest_of_rows(rows, _PAIRS)


def _rows(renewed: renewing.Renewed, *, every: bool = False) -> Iterator[pa.Table]:
    """The rows of similarity_matrix that changed, or every row, some at a time."""
    explainer = Explainer(renewed.features)
    for pairs in renewed.pairs(every=every):
        why = explainer.told(pairs.rows, pairs.columns, pairs.signals)
        yield pairs_table(renewed.features, pairs, why)


def _checked(tables: Iterator[pa.Table]) -> Iterator[pa.Table]:
    return (validate(table, _PAIRS) for table in tables)


def _told_since(moment: float) -> dict[str, float]:
    return {"tell_seconds": round(time.perf_counter() - moment, 3)}


def _last_run(context: dg.AssetExecutionContext) -> tuple[str, dict[str, Any]]:
    """The data version and the metadata of the asset's last materialization by the same code.

    Raises:
        _AnewError: where there is none.
    """
    name = context.asset_key.to_python_identifier()
    version = context.assets_def.specs_by_key[context.asset_key].code_version
    last = last_of_code(context.instance, name, version)
    if last is None:
        raise _AnewError(f"{name} was not made by this code yet")
    noted = {label: value.value for label, value in last.metadata.items()}
    return str((last.tags or {}).get("dagster/data_version")), noted


@table_asset(
    group="recommend",
    uses=QUALITY_USES,
    kinds=frozenset({"numpy", "duckdb"}),
    deps=("similarity_matrix", "movie_features", "movies_table", "genres_table", "movie_details"),
)
def recommendation_quality(
    context: dg.AssetExecutionContext,
    movielens_ratings: pa.Table,
    io_manager: dg.ResourceParam[WarehouseStorage],
    renewal: dg.ResourceParam[Renewal],
) -> dg.MaterializeResult[pa.Table]:
    """Measure what is published, and the recommender beside its baselines, when all is anew.

    Between full rebuilds the figures hardly move, and stay as they are.
    """
    learned_at = latest_figures(context.instance, "movie_features").get("learned_at")
    judged_by = content_hash(movielens_ratings)
    measured_of = {"learned_at": learned_at, "judged_by": judged_by}
    try:
        last, noted = _last_run(context)
        stored = io_manager.read_stored("recommendation_quality")
        if {name: noted.get(name) for name in measured_of} != measured_of:
            raise _AnewError("the terms were learned anew, or other people judge")
        if stored is None or content_hash(stored) != last:
            raise _AnewError("recommendation_quality is not what the last run left")
    except _AnewError as reason:
        # Only now: to read them takes longer than to see that nothing is to be measured.
        fitted = load_features(renewal.features)
        figures = _measured(context, fitted, movielens_ratings, io_manager.database)
        return table_result(
            "recommendation_quality",
            pd.DataFrame(figures, columns=list(Figure._fields)),
            {
                **measured_of,
                "rebuilt": True,
                "rebuilt_why": str(reason),
                "films_compared": min(FILMS_COMPARED, fitted.n_movies),
                **drawn(figures),
            },
        )
    kept = {name: value for name, value in noted.items() if ": " in name}
    return table_result(
        "recommendation_quality",
        stored,
        {**measured_of, "rebuilt": False, "rebuilt_why": "the terms are as they were", **kept},
    )


def _measured(
    context: dg.AssetExecutionContext,
    movie_features: MovieFeatures,
    movielens_ratings: pa.Table,
    database: Path,
) -> list[Figure]:
    by, ids = recommender.load_weights(), movie_features.movie_ids
    # Films with as many votes in the order of their ids.
    best = np.sort(np.argsort(-movie_features.votes, kind="stable")[:FILMS_COMPARED])
    compared = pd.concat(film_tables.film_blocks(database, ids[best].astype(np.int64)))
    compared = compared.reset_index(drop=True)
    training, held_out = halves(movielens_ratings, compared)
    recommended = film_tables.recommended_pairs(
        compared["id"].to_numpy(np.int32),
        read_keys(database, TABLES["movie_details"], compared["id"].to_numpy(np.int64)),
    )
    evaluation = run.evaluate(
        compared,
        by,
        training=training,
        held_out=held_out,
        signals=[recommender.Signal("tmdb", by.blend.tmdb, recommended)] if recommended.nnz else [],
        progress=lambda what: context.log.debug("Measuring %s.", what),
    )
    pairs, films_of_pairs = _numbers_of_pairs(database)
    return [*published(pairs, movie_features, films_of_pairs), *evaluation.figures]


def _numbers_of_pairs(database: Path) -> tuple[pd.DataFrame, pd.DataFrame]:
    """The first neighbours of all films, and what is a number of films; numbers alone."""
    with reading(database, _PAIRS) as connection:
        pairs = connection.sql(
            "SELECT movie_id, rank, neighbour_id, score FROM similarity_matrix WHERE rank <= 10"
        ).df()
        numbers = connection.sql(
            "SELECT popularity, vote_average, vote_count FROM movies_table ORDER BY id"
        ).df()
    return pairs, numbers
