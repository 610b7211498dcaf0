"""Commands as a reader types them: by bash, one after another, in a shell that has nothing else.

What belongs here: how a block of the documentation is run, and where what it says goes. What does
not: which blocks there are (``commands``), and what is expected of them (``engine``, ``cluster``).
"""

from __future__ import annotations

import subprocess
from collections.abc import Mapping
from pathlib import Path

COMMAND_SECONDS = 1800


def typed(script: str, *, folder: Path, variables: Mapping[str, str], log: Path) -> tuple[int, str]:
    """Run commands until one fails.

    Args:
        script: of bash.
        folder: where it runs.
        variables: all of its environment.
        log: a file that what is printed is added to.

    Returns:
        The exit code and all that was printed.

    Raises:
        subprocess.TimeoutExpired: after :data:`COMMAND_SECONDS`.
    """
    with log.open("a+") as file:
        print(f"--- {script}", file=file, flush=True)
        begun = file.tell()
        done = subprocess.run(
            ["bash", "-e", "-o", "pipefail", "-c", script],
            cwd=folder,
            env=variables,
            stdin=subprocess.DEVNULL,
            stdout=file,
            stderr=subprocess.STDOUT,
            timeout=COMMAND_SECONDS,
            check=False,
        )
        file.seek(begun)
        return done.returncode, file.read()
