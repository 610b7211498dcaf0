"""The port of the web UI: one that is taken is refused at once, before anything is started."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
from pathlib import Path

import pytest

COMMAND = str(Path(sys.executable).with_name("movie-assets"))


@pytest.mark.process
def test_a_taken_port_is_refused(tmp_path: Path) -> None:
    kept = {name: os.environ[name] for name in ("PATH", "HOME") if name in os.environ}
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        refused = subprocess.run(
            [COMMAND, "ui", "--port", str(port)],
            env={**kept, "MOVIE_ASSETS_HOME": str(tmp_path / "home")},
            cwd=tmp_path,
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )
    assert refused.returncode == 1
    assert refused.stderr.startswith(f"Error: Port {port} of 127.0.0.1 cannot be used")
    assert f"--port {port + 1}" in refused.stderr
    assert not (tmp_path / "home").exists()
