"""Merges: what they leave is what a rebuild would, whatever stops them half-way."""

from __future__ import annotations

import signal
import subprocess
from collections.abc import Callable
from datetime import datetime
from pathlib import Path
from typing import Any

import dagster as dg
import duckdb
import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from movie_assets.warehouse import (
    TABLES,
    Merge,
    MergedFilms,
    SchemaError,
    changed_ids,
    digest_of_rows,
    digest_of_table,
    latest_revision,
    merge_films,
    merge_table,
    read_keys,
    read_table,
    spool,
    validate,
    write_batches,
    write_table,
)
from movie_assets.warehouse import store as store_module
from movie_assets.warehouse.io_manager import WarehouseIOManager

Start = Callable[..., "subprocess.Popen[str]"]
GENRES = TABLES["genres_table"]
NOTHING = np.empty(0, np.int64)
DAY, NEXT = datetime(2026, 1, 1), datetime(2026, 1, 2)  # noqa: DTZ001 - stored times are naive


def genres(**names: str) -> pa.Table:
    """Rows of genres_table, named as g1, g2 and so on."""
    frame = pd.DataFrame({"id": [int(key[1:]) for key in names], "name": list(names.values())})
    return pa.Table.from_pandas(frame.astype({"id": "int64", "name": "str"})).cast(
        GENRES.arrow_schema
    )


def stored(database: Path) -> dict[int, str]:
    frame = read_table(database, "genres_table")
    assert frame["id"].is_unique
    return dict(zip(frame["id"], frame["name"], strict=True))


# -- tables of one asset ------------------------------------------------------------------------


@settings(
    max_examples=6, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(
    steps=st.lists(
        st.tuples(
            st.dictionaries(st.integers(0, 6), st.sampled_from("abc"), max_size=4),
            st.lists(st.integers(0, 6), max_size=3),
        ),
        max_size=4,
    )
)
def test_any_merges_leave_what_a_rebuild_would(
    tmp_path_factory: pytest.TempPathFactory,
    steps: list[tuple[dict[int, str], list[int]]],
) -> None:
    database = tmp_path_factory.mktemp("merges") / "movies_data.duckdb"
    expected = {99: "always"}
    write_table(database, GENRES, genres(g99="always"))
    digest = digest_of_table(database, GENRES)
    for put, removed in steps:
        rows = genres(**{f"g{key}": name for key, name in put.items()})
        merge = Merge(rows, np.array(removed, np.int64))
        keys = np.array([*put, *removed], np.int64)
        digest = digest - digest_of_table(database, GENRES, keys) + digest_of_rows(rows, GENRES)
        merge_table(database, GENRES, merge)
        expected = {k: v for k, v in expected.items() if k not in removed} | put
        assert stored(database) == expected
        assert digest_of_table(database, GENRES) == digest
    rebuilt = database.with_name("rebuilt.duckdb")
    write_table(rebuilt, GENRES, genres(**{f"g{key}": name for key, name in expected.items()}))
    assert digest_of_table(rebuilt, GENRES) == digest


def test_a_merge_is_done_once_however_often(database: Path) -> None:
    merge = Merge(genres(g1="Drama", g2="War"), np.array([3]))
    for _ in range(2):
        assert merge_table(database, GENRES, merge).table_rows == 2
        assert stored(database) == {1: "Drama", 2: "War"}
    with duckdb.connect(database, read_only=True) as connection:
        assert connection.execute("SELECT count(*) FROM genres").fetchall() == [(2,)]


def test_all_rows_of_a_film_are_replaced_where_it_has_several(database: Path) -> None:
    schema = TABLES["item_weights"]

    def pairs(*rows: tuple[int, int, float]) -> pa.Table:
        frame = pd.DataFrame(list(rows), columns=["movie_id", "neighbour_id", "weight"])
        return validate(frame.assign(transition=0.0), schema)

    write_table(database, schema, pairs((1, 2, 0.5), (1, 3, 0.4), (2, 1, 0.3), (3, 1, 0.2)))
    merge_table(database, schema, Merge(pairs((1, 9, 0.1)), np.array([3])))
    assert sorted(read_table(database, "item_weights").itertuples(index=False, name=None)) == [
        (1, 9, 0.1, 0.0),
        (2, 1, 0.3, 0.0),
    ]
    assert len(read_keys(database, schema, np.array([2, 7]))) == 1


def test_what_is_not_as_declared_is_not_merged(database: Path) -> None:
    write_table(database, GENRES, genres(g1="Drama"))
    twice = pa.concat_tables([genres(g2="a"), genres(g2="b")])
    with pytest.raises(SchemaError, match="share their primary key"):
        merge_table(database, GENRES, Merge(twice, NOTHING))
    with pytest.raises(SchemaError, match="would leave the table empty"):
        merge_table(database, GENRES, Merge(genres(), np.array([1])))
    assert stored(database) == {1: "Drama"}
    with duckdb.connect(database) as connection:
        connection.execute("CREATE OR REPLACE TABLE genres_table (id INTEGER, name INTEGER)")
    with pytest.raises(SchemaError, match="another declaration"):
        merge_table(database, GENRES, Merge(genres(g2="a"), NOTHING))


def test_what_fails_half_way_leaves_nothing_of_it(
    database: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write_table(database, GENRES, genres(g1="Drama"))

    def fail(*_: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(store_module, "describe", fail)
    with pytest.raises(KeyboardInterrupt):
        merge_table(database, GENRES, Merge(genres(g2="War"), np.array([1])))
    with pytest.raises(KeyboardInterrupt):
        write_batches(database, GENRES, [genres(g2="War")])
    assert stored(database) == {1: "Drama"}


KILLED = """
import os, signal, sys
from movie_assets_tests.integration.warehouse import test_merging as these
from movie_assets.warehouse import store
what, database = sys.argv[1], these.Path(sys.argv[2])
def die(*_):
    os.kill(os.getpid(), signal.SIGKILL)
store.describe = die
if what == "merge":
    merge = these.Merge(these.genres(g2="War"), these.np.array([1]))
    these.merge_table(database, these.GENRES, merge)
elif what == "batches":
    these.write_batches(database, these.GENRES, [these.genres(g2="War")])
else:
    these.fetch(database, f1="Another", f2="New")
"""


@pytest.mark.parametrize("what", ["merge", "batches", "films"])
def test_a_process_that_is_killed_leaves_what_was_there(
    database: Path, start: Start, what: str
) -> None:
    write_table(database, GENRES, genres(g1="Drama"))
    fetch(database, f1="One")
    killed = start(KILLED, what, database)
    killed.communicate(timeout=60)
    assert killed.returncode == -signal.SIGKILL
    assert stored(database) == {1: "Drama"}
    assert titles(database) == {1: "One"}
    merge_table(database, GENRES, Merge(genres(g2="War"), np.array([1])))
    assert stored(database) == {2: "War"}
    assert fetch(database, f1="Another", f2="New").revision == 2
    assert [path.name for path in database.parent.iterdir()] == [database.name]


def test_who_reads_meanwhile_sees_before_or_after(database: Path) -> None:
    write_table(database, GENRES, genres(g1="Drama"))

    def batches() -> Any:
        yield genres(g1="War")
        assert stored(database) == {1: "Drama"}  # nobody is kept out while rows are made
        yield genres(g2="Western")

    write_batches(database, GENRES, batches())
    assert stored(database) == {1: "War", 2: "Western"}


# -- tables in batches --------------------------------------------------------------------------


def test_batches_are_checked_each_and_together(database: Path) -> None:
    write_table(database, GENRES, genres(g1="Drama"))
    with pytest.raises(SchemaError, match="primary key"):
        write_batches(database, GENRES, [genres(g2="a", g5="b"), genres(g3="c", g5="d")])
    with pytest.raises(SchemaError, match="there are no rows"):
        write_batches(database, GENRES, [])
    with pytest.raises(SchemaError, match="missing columns"):
        write_batches(database, GENRES, [genres(g2="a"), genres(g3="b").select(["id"])])

    def fail() -> Any:
        yield genres(g2="a")
        raise ValueError("the source broke off")

    with pytest.raises(ValueError, match="broke off"):
        write_batches(database, GENRES, fail())
    assert stored(database) == {1: "Drama"}
    # In any order, as long as no key comes twice.
    assert write_batches(database, GENRES, [genres(g5="a", g4="b"), genres(g3="c")]).rows == 3
    assert [path.name for path in database.parent.iterdir()] == [database.name]


def test_what_is_laid_down_is_described(tmp_path: Path) -> None:
    with spool(GENRES, [genres(g1="a"), genres(), genres(g2="b")], tmp_path) as spooled:
        assert spooled.digest == digest_of_rows(genres(g2="b", g1="a"), GENRES)
        assert spooled.first_rows["name"].to_pylist() == ["a", "b"]
        assert spooled.batches().read_all()["id"].to_pylist() == [1, 2]
        assert spooled.in_key_order
    with spool(TABLES["item_weights"], [], tmp_path) as empty:
        assert empty.digest.rows == 0


FULL = """
import resource, sys
from movie_assets.warehouse import WarehouseFullError
from movie_assets_tests.integration.warehouse import test_merging as these
limit = 3_000_000
resource.setrlimit(resource.RLIMIT_FSIZE, (limit, limit))
import signal; signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
database = these.Path(sys.argv[2])
import random, string
def name(i): return "".join(random.choices(string.ascii_letters, k=400))
rows = these.genres(**{f"g{i}": name(i) for i in range(2, 20_000)})
try:
    if sys.argv[1] == "merge":
        these.merge_table(database, these.GENRES, these.Merge(rows, these.np.array([1])))
    else:
        these.write_batches(database, these.GENRES, [rows])
except WarehouseFullError as error:
    print(error)
"""


@pytest.mark.parametrize("what", ["merge", "batches"])
def test_without_room_what_was_there_stays(database: Path, start: Start, what: str) -> None:
    write_table(database, GENRES, genres(g1="Drama"))
    full = start(FULL, what, database)
    said, errors = full.communicate(timeout=60)
    assert "There is no room" in said, errors
    assert stored(database) == {1: "Drama"}


def test_the_io_manager_merges_and_takes_what_was_laid_down(database: Path) -> None:
    manager = WarehouseIOManager(database=str(database))
    storage = manager.create_io_manager(dg.build_init_resource_context())

    def materialize(value: Any) -> Any:
        @dg.asset(name="genres_table")
        def made() -> Any:
            return value

        result = dg.materialize(
            [made], resources={"io_manager": manager}, instance=dg.DagsterInstance.ephemeral()
        )
        (event,) = result.asset_materializations_for_node("genres_table")
        return event.metadata["dagster/row_count"].value

    spooled = storage.spool("genres_table", [genres(g1="Drama"), genres(g2="War")])
    assert materialize(spooled) == 2
    assert materialize(Merge(genres(g3="Western"), np.array([1]))) == 2
    assert stored(database) == {2: "War", 3: "Western"}


# -- films that were fetched ----------------------------------------------------------------------


def fetch(
    database: Path,
    *,
    gone: tuple[int, ...] = (),
    at: datetime = DAY,
    keywords: list[str] | None = None,
    **films: str,
) -> MergedFilms:
    """Merge films with these titles, named as f1, f2 and so on."""
    found = [{"id": int(name[1:]), "title": title} for name, title in films.items()]

    def rows(table: str, more: dict[str, Any]) -> pd.DataFrame:
        columns = [c for c in TABLES[table].columns if c.name not in ("gone_at", "revision")]
        return pd.DataFrame(
            {
                c.name: pd.Series(
                    [{**film, **more}.get(c.name) for film in found], dtype=c.pandas_dtype
                )
                for c in columns
            }
        )

    return merge_films(
        database,
        rows("raw_catalogue_movies", {"fetched_at": at}),
        rows("raw_movie_details", {"keywords": keywords}),
        dict.fromkeys(gone, at),
    )


def titles(database: Path) -> dict[int, str]:
    frame = read_table(database, "raw_catalogue_movies", ["id", "title"])
    return dict(zip(frame["id"], frame["title"], strict=True))


def state(database: Path) -> dict[int, tuple[Any, ...]]:
    names = ["id", "title", "fetched_at", "gone_at", "revision"]
    frame = read_table(database, "raw_catalogue_movies", names).astype(object)
    frame = frame.where(frame.notna(), None)
    return {row[0]: row[1:] for row in frame.itertuples(index=False, name=None)}


def test_only_a_change_of_content_is_a_revision(database: Path) -> None:
    assert (latest_revision(database), changed_ids(database, 0).tolist()) == (0, [])
    first = fetch(database, f1="One", f2="Two", f3="Three")
    assert (first.films, first.changed.tolist(), first.revision) == (3, [1, 2, 3], 1)

    again = fetch(database, f1="One", f2="Another", f3="Three", at=NEXT)
    assert (again.changed.tolist(), again.revision) == ([2], 2)
    assert state(database) == {
        1: ("One", NEXT, None, 1),
        2: ("Another", NEXT, None, 2),
        3: ("Three", NEXT, None, 1),
    }
    details = fetch(database, f3="Three", keywords=["new"])
    assert (details.changed.tolist(), details.revision) == ([3], 3)
    assert latest_revision(database) == 3
    assert changed_ids(database, 1).tolist() == [2, 3]
    same = fetch(database, f3="Three", keywords=["new"])
    assert (same.changed.tolist(), same.revision) == ([], 3)


def test_a_film_that_is_gone_is_remembered(database: Path) -> None:
    fetch(database, f1="One", keywords=["kept"])
    gone = fetch(database, gone=(1, 7))
    assert (gone.films, gone.changed.tolist()) == (2, [1, 7])
    assert state(database) == {1: ("One", DAY, DAY, 2), 7: (None, DAY, DAY, 2)}
    assert fetch(database, gone=(1, 7), at=NEXT).changed.tolist() == []
    assert state(database) == {1: ("One", NEXT, DAY, 2), 7: (None, NEXT, DAY, 2)}
    assert read_table(database, "raw_movie_details")["keywords"].tolist() == [["kept"]]
    back = fetch(database, f1="One", keywords=["kept"], at=NEXT)
    assert back.changed.tolist() == [1]
    assert state(database)[1] == ("One", NEXT, None, 3)


def test_half_a_film_is_refused(database: Path) -> None:
    fetch(database, f1="One")
    none = read_table(database, "raw_movie_details").iloc[:0]
    film = read_table(database, "raw_catalogue_movies").drop(columns=["gone_at", "revision"])
    with pytest.raises(SchemaError, match="only one of their two rows"):
        merge_films(database, film, none, {})
    with pytest.raises(SchemaError, match="both found and gone"):
        fetch(database, f1="One", gone=(1,))
    with pytest.raises(SchemaError, match="for the merge to fill"):
        merge_films(database, film.assign(revision=1), none, {})
    assert state(database) == {1: ("One", DAY, None, 1)}


@settings(
    max_examples=5, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(
    folds=st.lists(
        st.dictionaries(st.integers(1, 5), st.sampled_from(["a", "b", None]), max_size=4),
        max_size=5,
    )
)
def test_folds_leave_what_was_fetched_last(
    tmp_path_factory: pytest.TempPathFactory, folds: list[dict[int, str | None]]
) -> None:
    database = tmp_path_factory.mktemp("folds") / "movies_data.duckdb"
    last: dict[int, str | None] = {}
    for fold in folds:
        before = {**last}
        last |= fold
        found = {f"f{film}": title for film, title in fold.items() if title is not None}
        gone = tuple(film for film, title in fold.items() if title is None)
        merged = fetch(database, gone=gone, **found)
        assert merged.changed.tolist() == sorted(
            film for film, title in fold.items() if film not in before or before[film] != title
        )
        # A fold whose commit nobody knows of is folded again.
        assert fetch(database, gone=gone, **found).changed.tolist() == []
        assert {
            film: None if gone_at else title
            for film, (title, _, gone_at, _) in state(database).items()
        } == last
