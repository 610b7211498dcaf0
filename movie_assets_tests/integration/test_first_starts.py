"""Several first starts at once, as when somebody opens the web UI and builds at the same time."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

COMMAND = str(Path(sys.executable).with_name("movie-assets"))


@pytest.mark.process
def test_first_starts_at_once_leave_a_history_that_can_be_read(tmp_path: Path) -> None:
    kept = {name: os.environ[name] for name in ("PATH", "HOME") if name in os.environ}
    environment = {**kept, "MOVIE_ASSETS_HOME": str(tmp_path / "home")}

    def status() -> subprocess.Popen[str]:
        return subprocess.Popen(
            [COMMAND, "status"],
            env=environment,
            cwd=tmp_path,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )

    for process in [*[status() for _ in range(4)], status()]:
        shown, said = process.communicate(timeout=120)
        assert process.returncode == 1, said  # nothing is built yet
        assert shown.count("never built") >= 8
        assert "Error" not in said
