"""Writers that are killed, and disks that are full: what was served before still is."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from movie_assets.serving.snapshot import SnapshotError, layout, open_snapshot
from movie_assets_tests.snapshots import write_small_snapshot

pytestmark = pytest.mark.process
PROJECT = Path(__file__).parents[3]


def run(program: str, *arguments: object, before: tuple[str, ...] = ()) -> str:
    done = subprocess.run(
        [*before, sys.executable, "-c", program, *map(str, arguments)],
        capture_output=True, text=True, timeout=120, cwd=PROJECT, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    return done.stdout


# Writers are forked, so that a kill does not fall into the start of the interpreter. Each writes
# the next generation; after each kill one whole generation must be served, and litter not grow.
KILLED = """
import json, os, random, signal, sys, time
from dataclasses import replace
from pathlib import Path
from movie_assets.serving.snapshot import disk, layout, open_snapshot, write_snapshot
from movie_assets_tests.snapshots import bundled_films, content_of
# So that these small files are read back while they are written, as large ones are.
disk._BYTES_A_READ, disk._BYTES_A_STEP = 1 << 13, 1 << 14
published, kills = Path(sys.argv[1]), int(sys.argv[2])
random.seed(int(sys.argv[3]))
content = content_of(bundled_films()[:60])

def write(number):
    some = replace(content, quality=[{"metric": "generation", "value": number}])
    # Each builds upon the one before, where that one's writer came to its end.
    return write_snapshot(published, some, made_by="this code", keep=2)

def served():
    with open_snapshot(published) as snapshot:
        snapshot.verify()
        return snapshot.quality[0]["value"]

write(0)
usual = min(write(-number).seconds for number in (3, 2, 1))
old, landed, replaced, most_litter = -1, 0, 0, 0
for number in range(1, 6 * kills):
    child = os.fork()
    if child == 0:
        try:
            write(number)
        except BaseException as error:
            print(repr(error), file=sys.stderr, flush=True)
            os._exit(1)
        os._exit(0)
    # Most of the time falls to drafting; half of the kills are to fall to what comes after.
    time.sleep(random.uniform(0, usual) if number % 2 else random.uniform(0.8, 1.1) * usual)
    os.kill(child, signal.SIGKILL)
    _, status = os.waitpid(child, 0)
    landed += status != 0
    assert os.waitstatus_to_exitcode(status) in {0, -signal.SIGKILL}, status
    found = served()
    assert found in {old, number}, (found, old, number)
    replaced += found == number
    old = found
    hidden = {path.name for path in published.iterdir() if path.name.startswith(".")}
    most_litter = max(most_litter, len(hidden - {layout.LOCK, layout.MADE_BY}))
    if landed >= kills:
        break
write(-9)
left = sorted(path.name for path in published.iterdir() if path.name.startswith("."))
names = [path.name for path in published.iterdir() if layout.NAME.fullmatch(path.name)]
print(json.dumps({"landed": landed, "replaced": replaced, "most_litter": most_litter,
                  "left": left, "folders": len(names), "served": served()}))
"""


def test_a_killed_writer_leaves_the_old_one_or_the_new_one(tmp_path: Path) -> None:
    found = json.loads(run(KILLED, tmp_path / "published", 15, 1))
    assert found["landed"] >= 15, found
    assert found["left"] == [layout.LOCK, layout.MADE_BY]
    assert found["folders"] == 2
    assert found["served"] == -9
    # A draft, one that is being removed, and the name that is about to be served.
    assert 1 <= found["most_litter"] <= 3


TOO_MUCH = """
import os, resource, sys
from pathlib import Path
from movie_assets.serving.snapshot import disk, layout, open_snapshot, write_snapshot
from movie_assets_tests.snapshots import bundled_films, content_of
disk._BYTES_A_READ, disk._BYTES_A_STEP = 1 << 13, 1 << 14
published, how = Path(sys.argv[1]), sys.argv[2]
small, large = content_of(bundled_films()[:40]), content_of(bundled_films()[:300])
served = write_snapshot(published, small).name
needed = write_snapshot(published.with_name("elsewhere"), large).manifest
ballast = published.with_name("ballast")

def leave(room):
    ballast.unlink(missing_ok=True)
    disk = os.statvfs(published)
    ballast.write_bytes(bytes(disk.f_bavail * disk.f_frsize - room))

def allow(size):
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, resource.RLIM_INFINITY))

for room in map(int, sys.argv[3:]):
    leave(room) if how == "disk" else allow(room)
    try:
        write_snapshot(published, large)
    except Exception as error:
        print(type(error).__name__, error)
    allow(resource.RLIM_INFINITY)
    with open_snapshot(published) as snapshot:
        snapshot.verify()
        assert snapshot.name == served
    hidden = [path.name for path in published.iterdir() if path.name.startswith(".")]
    assert hidden == [layout.LOCK], hidden
ballast.unlink(missing_ok=True)
print(write_snapshot(published, large).is_new)
"""
IN_A_TMPFS = 'mount -t tmpfs -o size=8m tmpfs "$0" && exec "$@"'


def test_the_largest_file_allowed(tmp_path: Path) -> None:
    # Of the pairs' file of 500 kB, of the films' of 240 kB, and of most others.
    output = run(TOO_MUCH, tmp_path / "published", "file", 400_000, 200_000, 10_000)
    check_full(output, "File too large")


def test_no_space_left(tmp_path: Path) -> None:
    namespace = ("unshare", *(() if os.getuid() == 0 else ("--user", "-r")), "--mount", "sh")
    inside = (*namespace, "-c", IN_A_TMPFS, str(tmp_path))
    if (
        shutil.which("unshare") is None
        or subprocess.run([*inside, "true"], capture_output=True, check=False).returncode
    ):
        pytest.skip("this system lets us mount no file system of our own")
    rooms = (900_000, 300_000, 8_192)
    output = run(TOO_MUCH, tmp_path / "published", "disk", *rooms, before=inside)
    check_full(output, "No space left")


def check_full(output: str, words: str) -> None:
    *messages, again = output.splitlines()
    assert len(messages) == 3, output
    for message in messages:
        assert message.startswith("SnapshotError There is no room to publish in "), message
        assert words in message
        assert "What was served before still is. Free some space" in message
    assert again == "True"


AS_NOBODY = ("setpriv", "--reuid=65534", "--regid=65534", "--clear-groups")
WRITE = """
import sys
from pathlib import Path
from movie_assets_tests.snapshots import write_small_snapshot
try:
    write_small_snapshot(Path(sys.argv[1]), 40)
except Exception as error:
    print(type(error).__name__, error)
"""


def test_a_file_in_the_folders_place(tmp_path: Path) -> None:
    (tmp_path / "published").write_text("no folder")
    with pytest.raises(SnapshotError, match=r"cannot be written to .*MOVIE_ASSETS_HOME"):
        write_small_snapshot(tmp_path / "published", 40)


def test_a_folder_that_may_not_be_written(tmp_path: Path) -> None:
    for folder in (tmp_path, *tmp_path.parents[:2]):
        folder.chmod(0o755)
    (tmp_path / "published").mkdir(mode=0o555)
    # Root may write anywhere, so it becomes somebody else.
    before = AS_NOBODY if os.getuid() == 0 else ()
    output = run(WRITE, tmp_path / "published", before=before)
    assert output.startswith(f"SnapshotError {tmp_path / 'published'} cannot be written"), output


def test_an_interrupted_writer_leaves_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = write_small_snapshot(tmp_path, 40)

    def interrupt(*_: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("movie_assets.serving.snapshot.drafting.Levels.of", interrupt)
    with pytest.raises(KeyboardInterrupt):
        write_small_snapshot(tmp_path, 41)
    assert sorted(path.name for path in tmp_path.iterdir()) == sorted(
        [layout.LOCK, layout.CURRENT, first.name]
    )
    open_snapshot(tmp_path).close()
