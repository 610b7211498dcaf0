"""Several processes and threads at one file: killed, waiting for each other, at once."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import duckdb
import pandas as pd
import pytest

from movie_assets.warehouse import (
    TABLES,
    WarehouseLockedError,
    read_table,
    validate,
    write_table,
)
from movie_assets.warehouse import store as store_module

Start = Callable[..., "subprocess.Popen[str]"]

GENRES = TABLES["genres_table"]
OLD = pd.DataFrame({"id": [1, 2], "name": ["Drama", "War"]})


@pytest.fixture
def stored(database: Path) -> Path:
    write_table(database, GENRES, validate(OLD, GENRES))
    return database


# Writers are forked, so that a kill does not fall into the start of the interpreter. Each writes
# the next generation; after each kill the file must hold all of one generation and its view too.
KILLED = """
    import json, os, random, signal, sys, time
    from pathlib import Path
    import pandas as pd
    import duckdb
    from movie_assets.warehouse import TABLES, validate, write_table
    database, rows, kills = Path(sys.argv[1]), int(sys.argv[2]), int(sys.argv[3])
    how = signal.Signals[sys.argv[4]]
    genres = TABLES["genres_table"]
    random.seed(rows)

    def generation(number):
        return validate(pd.DataFrame({"id": range(rows), "name": f"generation {number}"}), genres)

    def stored():
        with duckdb.connect(database, read_only=True) as connection:
            return connection.execute(
                "SELECT DISTINCT name, count(*) OVER () FROM genres_table "
                "UNION ALL SELECT DISTINCT name, count(*) OVER () FROM genres"
            ).fetchall()

    write_table(database, genres, generation(0))
    usual = min(write_table(database, genres, generation(0)).seconds for _ in range(3))
    old, landed, replaced = 0, 0, 0
    for number in range(1, 5 * kills):
        new = generation(number)
        child = os.fork()
        if child == 0:
            try:
                write_table(database, genres, new)
            except KeyboardInterrupt:
                os._exit(130)
            except BaseException as error:
                print(repr(error), file=sys.stderr, flush=True)
                os._exit(1)
            os._exit(0)
        time.sleep(random.uniform(0, 0.9 * usual))
        os.kill(child, how)
        _, status = os.waitpid(child, 0)
        landed += status != 0
        assert os.waitstatus_to_exitcode(status) in {0, 130, -signal.SIGKILL}, status
        found = stored()
        assert found[0] == found[1] and len(found) == 2, found
        name, count = found[0]
        assert count == rows, found
        assert name in {f"generation {old}", f"generation {number}"}, (found, old, number)
        if name == f"generation {number}":
            old, replaced = number, replaced + 1
        if landed == kills:
            break
    print(json.dumps({"landed": landed, "replaced": replaced, "rounds": number}))
"""


@pytest.mark.process
@pytest.mark.parametrize(
    ("rows", "kills", "how"),
    [
        pytest.param(300_000, 20, "SIGKILL", id="killed in a large table"),
        pytest.param(60_000, 15, "SIGKILL", id="killed in one that goes through the log"),
        pytest.param(300_000, 4, "SIGINT", id="interrupted"),
    ],
)
def test_killed_writer_leaves_all_old_or_all_new_rows(
    database: Path, start: Start, rows: int, kills: int, how: str
) -> None:
    output, errors = start(KILLED, database, rows, kills, how).communicate(timeout=120)
    assert output, errors
    assert json.loads(output)["landed"] == kills


@pytest.mark.process
def test_writer_killed_while_it_makes_the_file_leaves_none_or_a_whole_one(
    tmp_path: Path, start: Start
) -> None:
    program = """
        import os, random, signal, sys, time
        from pathlib import Path
        import pandas as pd
        from movie_assets.warehouse import TABLES, TableMissingError, read_table
        from movie_assets.warehouse import validate, write_table
        random.seed(1)
        genres = TABLES["genres_table"]
        rows = validate(pd.DataFrame({"id": [1], "name": ["Drama"]}), genres)
        for number in range(20):
            database = Path(sys.argv[1]) / f"{number}.duckdb"
            child = os.fork()
            if child == 0:
                write_table(database, genres, rows)
                os._exit(0)
            time.sleep(random.uniform(0, 0.06))
            os.kill(child, signal.SIGKILL)
            os.waitpid(child, 0)
            try:
                read_table(database, "genres_table")
            except TableMissingError:
                pass
            write_table(database, genres, rows)
        print("done")
    """
    output, errors = start(program, tmp_path).communicate(timeout=60)
    assert output == "done\n", errors


WRITER = """
    import sys
    from pathlib import Path
    import pandas as pd
    from movie_assets.warehouse import TABLES, WarehouseLockedError, validate, write_table
    database, name, wait = Path(sys.argv[1]), sys.argv[2], float(sys.argv[3])
    genres = TABLES["genres_table"]
    rows = validate(pd.DataFrame({"id": range(100_000), "name": name}), genres)
    print("ready", flush=True)
    sys.stdin.readline()
    try:
        for _ in range(3):
            write_table(database, genres, rows, wait_seconds=wait)
    except WarehouseLockedError as error:
        print("locked", error.pid)
    else:
        print("written")
"""


@pytest.mark.process
@pytest.mark.parametrize("wait", [0, 20])
def test_two_writers_at_once_take_turns_or_give_up(stored: Path, start: Start, wait: float) -> None:
    writers = {name: start(WRITER, stored, name, wait) for name in ("one", "two")}
    for writer in writers.values():
        assert writer.stdout is not None
        assert writer.stdout.readline() == "ready\n"
    outcomes = {}
    for writer in writers.values():
        assert writer.stdin is not None
        writer.stdin.write("go\n")
        writer.stdin.flush()
    for name, writer in writers.items():
        outcomes[name], errors = writer.communicate(timeout=60)
        assert outcomes[name], errors
    others = {"one": writers["two"].pid, "two": writers["one"].pid}
    for name, outcome in outcomes.items():
        allowed = {"written\n"} if wait else {"written\n", f"locked {others[name]}\n"}
        assert outcome in allowed
    winners = {name for name, outcome in outcomes.items() if outcome == "written\n"}
    found = read_table(stored, "genres_table")
    assert len(found) == 100_000
    assert set(found["name"].unique()) <= winners
    assert found["name"].nunique() == 1


HOLDER = """
    import sys
    import duckdb
    with duckdb.connect(sys.argv[1], read_only=sys.argv[2] == "reader"):
        print("ready", flush=True)
        sys.stdin.readline()
"""


@contextmanager
def held(database: Path, start: Start, how: str) -> Iterator[subprocess.Popen[str]]:
    """Another process has the file open until the end."""
    process = start(HOLDER, database, how)
    assert process.stdout is not None
    assert process.stdout.readline() == "ready\n"
    yield process
    process.kill()
    process.wait()


@pytest.mark.process
@pytest.mark.parametrize("how", ["reader", "writer"])
def test_lock_error_names_who_holds_the_file(stored: Path, start: Start, how: str) -> None:
    rows = validate(OLD, GENRES)
    with held(stored, start, how) as holder:
        started = time.monotonic()
        with pytest.raises(WarehouseLockedError) as caught:
            write_table(stored, GENRES, rows, wait_seconds=0.3)
        assert time.monotonic() - started < 3
        assert caught.value.pid == holder.pid
        assert caught.value.program == os.path.realpath(sys.executable)
        assert f"held by process {holder.pid} ({caught.value.program})" in str(caught.value)
        assert "waited 0.3 s" in str(caught.value)
        if how == "reader":
            assert len(read_table(stored, "genres_table")) == 2
        else:
            with pytest.raises(WarehouseLockedError):
                read_table(stored, "genres_table", wait_seconds=0)
    assert write_table(stored, GENRES, rows, wait_seconds=0).rows == 2


@pytest.mark.process
def test_a_holder_that_lets_go_is_waited_for(stored: Path, start: Start) -> None:
    with held(stored, start, "writer") as holder:
        timer = threading.Timer(0.4, holder.kill)
        timer.start()
        assert len(read_table(stored, "genres_table", wait_seconds=20)) == 2
        timer.join()


@pytest.mark.parametrize(
    "error",
    [
        RuntimeError("Query interrupted"),
        duckdb.InvalidInputException("Invalid Input Error: reading failed: KeyboardInterrupt: "),
    ],
)
def test_what_duckdb_makes_of_an_interrupt_is_one_again(stored: Path, error: Exception) -> None:
    with pytest.raises(KeyboardInterrupt), store_module.connect(stored, read_only=True):
        raise error


def test_an_error_of_the_caller_is_left_as_it_is(stored: Path) -> None:
    with (
        pytest.raises(RuntimeError, match="something else"),
        store_module.connect(stored, read_only=True),
    ):
        raise RuntimeError("something else")


def test_words_that_name_no_holder_are_taken_too(stored: Path) -> None:
    with (
        pytest.raises(WarehouseLockedError, match="held by another process") as caught,
        store_module.connect(stored, read_only=True),
    ):
        raise duckdb.IOException("IO Error: Could not set lock on file: no idea who holds it")
    assert caught.value.pid is None


def test_threads_of_one_process_read_and_write_at_once(stored: Path) -> None:
    seen: list[set[str]] = []
    failures: list[BaseException] = []
    stop = threading.Event()

    def read() -> None:
        while not stop.is_set():
            seen.append(set(read_table(stored, "genres_table", wait_seconds=30)["name"]))

    def write(name: str) -> None:
        rows = validate(pd.DataFrame({"id": range(1000), "name": name}), GENRES)
        for _ in range(10):
            write_table(stored, GENRES, rows, wait_seconds=30)

    def run(work: Callable[..., None], *arguments: str) -> None:
        try:
            work(*arguments)
        except BaseException as error:  # noqa: BLE001 - shown by the assertion below
            failures.append(error)

    readers = [threading.Thread(target=run, args=(read,)) for _ in range(4)]
    writers = [threading.Thread(target=run, args=(write, name)) for name in ("a", "b")]
    for thread in (*readers, *writers):
        thread.start()
    for thread in writers:
        thread.join()
    stop.set()
    for thread in readers:
        thread.join()
    assert not failures
    assert seen
    assert all(names in ({"Drama", "War"}, {"a"}, {"b"}) for names in seen)


def test_writing_while_this_very_process_reads_is_told_apart(stored: Path) -> None:
    rows = validate(OLD, GENRES)
    with (
        store_module.connect(stored, read_only=True),
        pytest.raises(WarehouseLockedError, match="this very process"),
    ):
        write_table(stored, GENRES, rows, wait_seconds=0.1)
    with (
        duckdb.connect(stored, read_only=True),
        pytest.raises(WarehouseLockedError, match="this very process"),
    ):
        write_table(stored, GENRES, rows, wait_seconds=0.1)
    write_table(stored, GENRES, rows, wait_seconds=0)
