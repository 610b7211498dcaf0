"""A draft: the files of a snapshot while they are written, from streams, a block at a time.

What belongs here: what each file holds, and how content comes into it. What does not: when a draft
becomes a snapshot (``writer``), and how a file is written (``files``).
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from scipy import sparse

from movie_assets.recommender.ranking import Levels
from movie_assets.recommender.rows import RowsOfIds
from movie_assets.serving.briefs import COLUMNS, write_briefs
from movie_assets.serving.snapshot import layout
from movie_assets.serving.snapshot.ahead import ahead
from movie_assets.serving.snapshot.disk import sync_file, sync_folder, write_bytes
from movie_assets.serving.snapshot.errors import SnapshotError
from movie_assets.serving.snapshot.files import (
    ArrayFile,
    TableFile,
    mapped,
)
from movie_assets.serving.snapshot.manifest import FileEntry, Manifest

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from movie_assets.recommender import MovieFeatures, Weights
    from movie_assets.serving.snapshot.content import Renewal, SnapshotContent
    from movie_assets.serving.snapshot.previous import Previous
    from movie_assets.serving.snapshot.telling import KeptReasons

_NUMBERS_A_BLOCK = 4_000_000

#: What tells whether a film's features are the same.
_COMPARED = tuple(
    f"{layout.FEATURES}/{name}.npy"
    for name in ("movie_ids", "indptr", "indices", "data", "years", "votes", "ratings")
)
#: Makes a folder from films; of those that have a row there, takes over what an old folder has.
Derive = Callable[[Path, Iterator[pa.RecordBatch], "tuple[Path, NDArray[np.int64]] | None"], object]


@dataclass
class Draft:
    """A folder that becomes a snapshot.

    Attributes:
        folder: where it is.
        previous: what is taken over from where films have not changed.
        entries: each file that is there, by its path in the folder.
        counts: what the manifest counts and names.
    """

    folder: Path
    previous: Previous | None = None
    entries: dict[str, FileEntry] = field(default_factory=dict)
    counts: dict[str, Any] = field(default_factory=dict)

    def write(self, content: SnapshotContent) -> None:
        """Write all but the manifest.

        In threads, for most of it is hashing, copying and the disk, where Python lets others work:
        films, signals and pairs do not need each other.

        Raises:
            SnapshotError: where the content does not fit together.
            OSError: where a file cannot be written.
        """
        features = content.features
        with ThreadPoolExecutor(2, thread_name_prefix="snapshot") as beside:
            others = [beside.submit(self._write_all_of_films, content)]
            sound = beside.submit(self._may_keep_reasons, content.renewal)
            others.append(beside.submit(self._write_signals, content))
            self._write_features(features)
            others.append(beside.submit(self._write_of_features, features, content.weights))
            self._write_pairs(content, sound)
            for other in others:
                other.result()
        self._write_json(layout.QUALITY, list(content.quality))
        self._write_json(layout.WEIGHTS, content.weights.model_dump(mode="json"))

    def _write_all_of_films(self, content: SnapshotContent) -> None:
        self._write_films(content.films, content.features.movie_ids)
        self._build_titles()
        self._derive(layout.BRIEFS, write_briefs, COLUMNS)

    def _build_titles(self) -> None:
        """Build the index for search from the films that are there."""
        from movie_assets.serving.titles.build import (  # noqa: PLC0415 - loads numba
            TITLE_COLUMNS,
            build_index,
        )

        self._derive(layout.TITLES, build_index, TITLE_COLUMNS)

    def _derive(self, name: str, derive: Derive, columns: Sequence[str]) -> None:
        """Have a folder made from some columns of the films, and take its files in."""
        folder = self.folder / name
        with pa.memory_map(str(self.folder / layout.FILMS)) as source:
            films = pa.ipc.open_file(source)
            batches = (films.get_batch(i) for i in range(films.num_record_batches))
            if self.previous is not None and self.previous.is_sound(layout.FILMS, name):
                rows = self.previous.rows_of(films.read_all(), columns)
                derive(folder, batches, (self.previous.snapshot.folder / name, rows))
            else:
                derive(folder, batches, None)
        for path in sorted(folder.rglob("*")):
            if path.is_file():
                self.entries[path.relative_to(self.folder).as_posix()] = sync_file(path)

    def manifest(self, refreshed_at: datetime | None = None, run_id: str | None = None) -> Manifest:
        """What there is to say of the files that are there."""
        from movie_assets.serving.titles.files import (  # noqa: PLC0415 - loads numba
            FORMAT as TITLES_FORMAT,
        )

        return Manifest(
            format=layout.FORMAT,
            titles_format=TITLES_FORMAT,
            created_at=datetime.now(UTC),
            refreshed_at=refreshed_at,
            run_id=run_id,
            files=dict(sorted(self.entries.items())),
            **self.counts,
        ).sealed()

    def sync(self) -> None:
        """Have the manifest and every folder's entries on disk."""
        sync_file(self.folder / layout.MANIFEST)
        for path in self.folder.rglob("*"):
            if path.is_dir():
                sync_folder(path)
        sync_folder(self.folder)

    # -- films ------------------------------------------------------------------------------------

    def _write_films(self, batches: Iterable[pa.RecordBatch], movie_ids: NDArray[np.int32]) -> None:
        genres: set[str] = set()
        languages: set[str] = set()
        with (
            self._table(layout.FILMS, layout.FILM_SCHEMA) as films,
            self._array(f"{layout.FEATURES}/runtimes", expected=len(movie_ids)) as runtimes,
        ):
            for batch in batches:
                ids = batch["movie_id"].to_numpy(zero_copy_only=False)
                expected = movie_ids[films.n_rows : films.n_rows + len(ids)]
                if not np.array_equal(ids, expected):
                    raise SnapshotError(_OTHER_FILMS)
                films.append(batch)
                runtimes.append(pc.fill_null(batch["runtime"], 0).to_numpy(zero_copy_only=False))
                genres.update(pc.unique(pc.list_flatten(batch["genres"])).to_pylist())
                languages.update(pc.unique(batch["original_language"].drop_null()).to_pylist())
            if films.n_rows != len(movie_ids):
                raise SnapshotError(_OTHER_FILMS)
        self.counts.update(
            films=films.n_rows, genres=tuple(sorted(genres)), languages=tuple(sorted(languages))
        )

    # -- features ---------------------------------------------------------------------------------

    def _write_features(self, features: MovieFeatures) -> None:
        for name in ("movie_ids", "idf", "field_ends", "years", "votes", "ratings"):
            self._copy(name, getattr(features, name))
        for name in ("indptr", "indices", "data"):
            self._copy(name, getattr(features.matrix, name))
        if features.frozen is not None:
            path = f"{layout.FEATURES}/{layout.FROZEN}"
            with self._array(path, layout.FROZEN_DTYPE, expected=3) as numbers:
                numbers.append(np.asarray(features.frozen, layout.FROZEN_DTYPE))
        with self._table(layout.VOCABULARY, layout.TERM_SCHEMA) as terms:
            for start in range(0, len(features.vocabulary), layout.ROWS_A_BATCH):
                some = features.vocabulary[start : start + layout.ROWS_A_BATCH]
                terms.append(pa.record_batch([pa.array(some, pa.string())], layout.TERM_SCHEMA))
        self.counts.update(terms=len(features.vocabulary), fields=features.fields)

    def _write_of_features(self, features: MovieFeatures, weights: Weights) -> None:
        """Write what follows from the features that are there."""
        # By what was written, which is aligned and mapped, whatever was given.
        written = self._mapped(features)
        self._write_by_term(written)
        levels = Levels.of(written, weights)
        self._copy("codes", levels.codes)
        self._copy("levels", levels.levels)

    def _mapped(self, features: MovieFeatures) -> MovieFeatures:
        def array(name: str) -> NDArray[Any]:
            path = self.folder / layout.FEATURES / f"{name}.npy"
            return mapped(path)

        return replace(
            features,
            matrix=sparse.csr_matrix(
                (array("data"), array("indices"), array("indptr")), features.matrix.shape
            ),
            movie_ids=array("movie_ids"),
            idf=array("idf"),
            years=array("years"),
            votes=array("votes"),
            ratings=array("ratings"),
        )

    def _write_by_term(self, features: MovieFeatures) -> None:
        from movie_assets.serving.snapshot.transpose import (  # noqa: PLC0415 - loads numba
            transposed,
        )

        folder, wanted = f"{layout.FEATURES}/by_term", features.is_candidate
        count = int(np.diff(features.matrix.indptr)[wanted].sum())
        with (
            self._array(f"{folder}_indptr", expected=features.matrix.shape[1] + 1) as indptr,
            self._array(f"{folder}_indices", expected=count) as indices,
            self._array(f"{folder}_data", expected=count) as data,
        ):
            for ends, films, values in transposed(features.matrix, wanted):
                indptr.append(ends)
                indices.append(films)
                data.append(values)

    def _copy(self, name: str, values: NDArray[Any]) -> None:
        path = f"{layout.FEATURES}/{name}"
        with self._array(path, row=values.shape[1:], expected=len(values)) as file:
            for start in range(0, len(values), _NUMBERS_A_BLOCK):
                file.append(values[start : start + _NUMBERS_A_BLOCK])

    # -- pairs ------------------------------------------------------------------------------------

    def _write_pairs(self, content: SnapshotContent, sound: Future[bool]) -> None:
        movie_ids = content.features.movie_ids
        counter, kept = _FilmCounter(movie_ids), self._kept_reasons(content, sound)
        given = content.pairs if kept is None or content.renewal is None else content.renewal.pairs
        blocks = iter(given)
        first = next(blocks, None)
        names = first.schema.names if first is not None else []
        dtype = layout.pair_dtype(tuple(name for name in layout.SIGNAL_PARTS if name in names))
        with (
            self._table(layout.REASONS, layout.REASON_SCHEMA) as reason_file,
            self._array(
                layout.PAIRS.removesuffix(".npy"), dtype, expected=content.n_pairs or 0
            ) as pairs,
            # Reading, numbering and writing: each in a thread of its own, a block after the other.
            ahead(_with_first(first, blocks)) as read,
            ahead(_told(read, dtype, counter, kept)) as told,
        ):
            for new, records in told:
                reason_file.append(pa.record_batch([new], layout.REASON_SCHEMA))
                pairs.append(records)
        ends = counter.indptr
        with self._array(
            f"{layout.NEIGHBOURS}/indptr", np.dtype("<i8"), expected=len(ends)
        ) as indptr:
            indptr.append(ends)
        self.counts.update(pairs=pairs.n_rows, reasons=reason_file.n_rows)

    def _may_keep_reasons(self, renewal: Renewal | None) -> bool:
        """Whether the snapshot before tells by the same, and its files have their checksums."""
        if self.previous is None or renewal is None or self.previous.told_by != renewal.told_by:
            return False
        return self.previous.is_sound(layout.REASONS, layout.NEIGHBOURS, *_COMPARED)

    def _kept_reasons(self, content: SnapshotContent, sound: Future[bool]) -> KeptReasons | None:
        """What the snapshot before tells of pairs; None where it may not be asked."""
        from movie_assets.serving.snapshot.telling import KeptReasons  # noqa: PLC0415 - loads numba

        previous, renewal = self.previous, content.renewal
        if previous is None or renewal is None:
            return None
        known = previous.snapshot
        same = (f"{layout.FEATURES}/idf.npy", f"{layout.FEATURES}/field_ends.npy")
        if any(
            known.manifest.files.get(name) != self.entries[name]
            for name in (*same, layout.VOCABULARY)
        ):
            return None
        if known.manifest.fields != content.features.fields:
            return None
        if "reasons" not in known.neighbours or tuple(known.neighbours)[1:-1] != tuple(
            name for name in ("rows", *layout.PARTS, *renewal.signals)
        ):
            return None
        if not sound.result():
            return None
        written = self._mapped(content.features)
        return KeptReasons(known, previous.same_films(written), renewal.reasons)

    # -- signals ----------------------------------------------------------------------------------

    def _write_signals(self, content: SnapshotContent) -> None:
        for name, pairs in content.signals.items():
            self._write_signal(name, pairs, content.features.movie_ids)
        self.counts["signals"] = tuple(sorted(content.signals))

    def _write_signal(
        self, name: str, batches: Iterable[pa.RecordBatch], movie_ids: NDArray[np.int32]
    ) -> None:
        counter = _FilmCounter(movie_ids)
        folder = f"{layout.SIGNALS}/{name}"
        with (
            self._array(f"{folder}/indices") as indices,
            self._array(f"{folder}/data") as data,
        ):
            for batch in batches:
                ours = counter.are_known(batch["movie_id"]) & counter.are_known(
                    batch["neighbour_id"]
                )
                kept = batch.filter(pa.array(ours))
                counter.rows_of(kept["movie_id"])
                indices.append(counter.known(kept["neighbour_id"]))
                data.append(kept["value"].to_numpy(zero_copy_only=False))
        with self._array(f"{folder}/indptr") as indptr:
            indptr.append(counter.indptr)

    # -- files ------------------------------------------------------------------------------------

    def _write_json(self, name: str, value: object) -> None:
        text = json.dumps(value, indent=1, ensure_ascii=False, allow_nan=False)
        self.entries[name] = write_bytes(self.folder / name, f"{text}\n".encode())

    @contextmanager
    def _array(
        self,
        path: str,
        dtype: np.dtype[Any] | None = None,
        row: tuple[int, ...] = (),
        expected: int = 0,
    ) -> Iterator[ArrayFile]:
        name = f"{path}.npy"
        known = dtype or layout.FEATURE_DTYPES[path.rpartition("/")[2]]
        with ArrayFile(self.folder / name, known, row, expected) as file:
            yield file
        self.entries[name] = file.entry

    @contextmanager
    def _table(self, name: str, schema: pa.Schema) -> Iterator[TableFile]:
        with TableFile(self.folder / name, schema) as file:
            yield file
        self.entries[name] = file.entry


def _told(
    batches: Iterable[pa.RecordBatch],
    dtype: np.dtype[Any],
    counter: _FilmCounter,
    kept: KeptReasons | None,
) -> Iterator[tuple[pa.Array, NDArray[np.void]]]:
    """The pairs as records, a batch after the other, and the reasons that are new in each."""
    from movie_assets.serving.snapshot.telling import Reasons  # noqa: PLC0415 - loads numba

    reasons = Reasons()
    for batch in batches:
        records = np.empty(len(batch), dtype)
        for name in dtype.names or ():
            if name not in {"rows", "reasons"}:
                records[name] = batch[name].to_numpy(zero_copy_only=False)
        rows = counter.rows_of_pairs(batch, records)
        if kept is None:
            new, records["reasons"] = reasons.numbered(batch["reasons"])
        else:
            ids = batch["movie_id"].to_numpy(), batch["neighbour_id"].to_numpy()
            new = kept.numbered(rows, records, ids)
        yield new, records


_OTHER_FILMS = (
    "The films to publish are not those that the features were made of, by ascending id. "
    "Nothing was published; build again: movie-assets build"
)


@dataclass
class _FilmCounter:
    """Counts pairs by their film, which must ascend.

    Attributes:
        movie_ids: int32 of shape (n_films,), ascending.
    """

    movie_ids: NDArray[np.int32]

    def __post_init__(self) -> None:
        self._rows = RowsOfIds(self.movie_ids)
        self._counts = np.zeros(len(self.movie_ids), dtype=np.int64)
        self._last_row = -1
        self._last_score = np.float32(np.inf)

    @property
    def indptr(self) -> NDArray[np.int64]:
        """Where each film's pairs begin and end; shape (n_films + 1,)."""
        return np.concatenate([np.zeros(1, np.int64), np.cumsum(self._counts)])

    def rows_of(self, ids: pa.Array) -> NDArray[np.int64]:
        """The rows of the films of the next pairs."""
        rows = self.known(ids)
        if len(rows):
            if rows[0] < self._last_row or (np.diff(rows) < 0).any():
                raise SnapshotError("Pairs to publish must come by ascending film.")
            self._count(rows)
        return rows

    def _count(self, rows: NDArray[np.int64]) -> None:
        if len(rows):
            first, last = rows[0], rows[-1]
            self._counts[first : last + 1] += np.bincount(rows - first)
            self._last_row = int(last)

    def rows_of_pairs(self, batch: pa.RecordBatch, records: NDArray[np.void]) -> NDArray[np.int64]:
        """The rows of the films of the next pairs; those of their neighbours come to records.

        Args:
            batch: the pairs.
            records: the same; their scores are there.
        """
        from movie_assets.serving.snapshot.pair_rows import place  # noqa: PLC0415 - loads numba

        films, others = (batch[name].to_numpy() for name in ("movie_id", "neighbour_id"))
        rows, table, scores = np.empty(len(films), np.int64), self._rows.table, records["score"]
        last = self._last_row, self._last_score
        if table is not None and place(
            films, others, scores, table, self._rows.first, last, rows, records["rows"]
        ):
            self._count(rows)
        else:  # there is no table, or there is something to refuse
            self._refuse_rising(self.known(batch["movie_id"]), scores)
            rows = self.rows_of(batch["movie_id"])
            records["rows"] = self.known(batch["neighbour_id"])
        if len(rows):
            self._last_score = scores[-1]
        return rows

    def known(self, ids: pa.Array) -> NDArray[np.int64]:
        """The rows of films."""
        wanted = ids.to_numpy(zero_copy_only=False)
        rows = self._rows.of(wanted)
        if len(rows) and rows.min() < 0:
            raise SnapshotError(
                f"Film {wanted[np.argmin(rows)]} is among the pairs to publish, and not among the "
                "films. Nothing was published; build again: movie-assets build"
            )
        return rows

    def are_known(self, ids: pa.Array) -> NDArray[np.bool_]:
        """Whether films are there."""
        return self._rows.of(ids.to_numpy(zero_copy_only=False)) >= 0

    def _refuse_rising(self, rows: NDArray[np.int64], scores: NDArray[np.float32]) -> None:
        """Refuse a film's pairs that do not come best first."""
        before = np.concatenate([[self._last_row], rows])[: len(rows)]
        rises = scores > np.concatenate([[self._last_score], scores])[: len(rows)]
        if (rises & (before == rows)).any():
            raise SnapshotError("Pairs to publish must come best first.")


def _with_first(
    first: pa.RecordBatch | None, rest: Iterable[pa.RecordBatch]
) -> Iterator[pa.RecordBatch]:
    if first is not None:
        yield first
    yield from rest
