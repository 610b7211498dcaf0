"""A clean checkout in a folder of its own, as somebody has it who has just cloned the project."""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from movie_assets_tests.dagster_server import bare_environment

PROJECT = Path(__file__).parents[1]


@dataclass(frozen=True)
class Checkout:
    """A copy of the project's files, and the environment in which commands are run there.

    Attributes:
        folder: the copy.
        environment: of commands; their code is the copy's.
        seconds: that a command may take.
    """

    folder: Path
    environment: Mapping[str, str]
    seconds: float = 240

    def run(self, *command: str, **environment: str) -> subprocess.CompletedProcess[str]:
        """Run a command in the copy."""
        return subprocess.run(
            command,
            cwd=self.folder,
            env={**self.environment, **environment},
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=self.seconds,
            check=False,
        )


def make_checkout(target: Path) -> Checkout:
    """Copy what git knows, and what it would be told with the next ``git add``."""
    listed = subprocess.run(
        ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"],
        cwd=PROJECT,
        capture_output=True,
        text=True,
        check=True,
    ).stdout
    folder = target / "checkout"
    for name in filter(None, listed.split("\0")):
        if (PROJECT / name).exists():
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(PROJECT / name, folder / name, follow_symlinks=False)
    (target / "home").mkdir()
    environment = bare_environment(target / "home") | {"PYTHONPATH": str(folder)}
    return Checkout(folder, environment)
