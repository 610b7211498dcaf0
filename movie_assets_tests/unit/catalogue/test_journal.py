"""The journal: nothing that was noted is lost, and what is torn is left out."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from movie_assets.catalogue.journal import Attempt, Journal, JournalError, read_journal

AT = datetime(2026, 6, 30, 12, 0, 1)  # noqa: DTZ001 - stored times have no zone
ATTEMPT = Attempt(AT, frozenset({3, 7}))


def noted(folder: Path) -> None:
    with Journal.open(folder) as journal:
        journal.begin(ATTEMPT)
        journal.add_film(AT, {"id": 1, "title": "Ein \u00df\n"}, {"id": 1, "tagline": None})
        journal.add_gone(2, AT)
        journal.add_film(AT, {"id": 3, "title": "C"}, {"id": 3, "tagline": "c"})


def test_what_was_noted_is_read_again(tmp_path: Path) -> None:
    noted(tmp_path)
    found = read_journal(tmp_path)
    assert found.attempt == ATTEMPT
    assert found.films[1] == {"id": 1, "title": "Ein \u00df\n", "fetched_at": AT}
    assert found.details == {1: {"id": 1, "tagline": None}, 3: {"id": 3, "tagline": "c"}}
    assert found.gone == {2: AT}
    assert (len(found), found.unreadable) == (3, 0)


def test_a_later_answer_counts(tmp_path: Path) -> None:
    noted(tmp_path)
    with Journal.open(tmp_path) as journal:
        before = journal.begin(ATTEMPT)
        journal.add_gone(1, AT)
        journal.add_film(AT, {"id": 2, "title": "back"}, {"id": 2})
        assert len(before) == 1
    found = read_journal(tmp_path)
    assert set(found.films) == {2, 3}
    assert set(found.gone) == {1}


@given(cut=st.integers(0, 400))
def test_wherever_it_is_cut_off_whole_lines_are_read(
    tmp_path_factory: pytest.TempPathFactory, cut: int
) -> None:
    folder = tmp_path_factory.mktemp("journal")
    noted(folder)
    [path] = folder.glob("journal-*.jsonl")
    lines = path.read_bytes().splitlines()
    content = path.read_bytes()[:cut]
    path.write_bytes(content)
    found = read_journal(folder)
    whole = sum(line in lines for line in content.splitlines())
    assert len(found) + (found.attempt is not None) == whole


def test_one_process_at_a_time_has_it(tmp_path: Path) -> None:
    with (
        Journal.open(tmp_path),
        pytest.raises(JournalError, match="Another run is fetching"),
        Journal.open(tmp_path),
    ):
        pass
    with Journal.open(tmp_path):
        pass


def test_a_full_disk_is_told_and_nothing_before_it_is_lost(tmp_path: Path) -> None:
    noted(tmp_path)
    with Journal.open(tmp_path) as journal:
        journal.begin(ATTEMPT)
        assert journal._file is not None
        journal._file.close()
        journal._file = open("/dev/full", "ab", buffering=0)  # noqa: SIM115 - closed by the journal
        with pytest.raises(JournalError, match=r"No space left.*Free some space"):
            journal.add_gone(9, AT)
    assert len(read_journal(tmp_path)) == 3


def test_ended_it_is_gone(tmp_path: Path) -> None:
    noted(tmp_path)
    with Journal.open(tmp_path) as journal:
        journal.begin(ATTEMPT)
        journal.end()
    assert len(read_journal(tmp_path)) == 0
    assert read_journal(tmp_path).attempt is None
