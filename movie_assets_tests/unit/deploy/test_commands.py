"""What deploy/checks/commands.py takes for a command, and what it says of a wrong one."""

from __future__ import annotations

import runpy
import sys
from pathlib import Path
from typing import Any

import pytest

PROJECT = Path(__file__).parents[3]

PAGE = """
Words with `docker compose ps`, `.env`, `git pull && docker
compose up --detach` and `movie-assets build`.

```console
$ run="docker run --cap-drop ALL"     # what they have in common
$ $run --rm \\
    image movie-assets build
docker prints this
$ cd deploy/kubernetes/example && kubectl apply --kustomize .
```

```console
$ movie-assets build
```
"""


@pytest.fixture(scope="module")
def check() -> dict[str, Any]:
    return runpy.run_path(str(PROJECT / "deploy" / "checks" / "commands.py"))


def test_commands_are_those_that_bash_would_start(check: dict[str, Any], tmp_path: Path) -> None:
    found = [
        command
        for script in check["scripts"](PAGE)
        for command in check["commands"](script, PROJECT, tmp_path)
    ]
    assert [str(command) for command in found] == [
        "docker run --cap-drop ALL --rm image movie-assets build",
        "kubectl apply --kustomize .",
        "docker compose ps",
        "docker compose up --detach",
    ]
    assert found[0].arguments[:3] == ["run", "--cap-drop", "ALL"]
    assert (Path(found[1].folder) / "kustomization.yaml").exists()


@pytest.mark.parametrize(
    ("said", "code", "is_taken"),
    [
        ("Cannot connect to the Docker daemon at tcp://127.0.0.1:9.", 1, True),
        ("all is well", 0, True),
        ("unknown flag: --detatch", 125, False),
        ("error: unable to find one of 'kustomization.yaml'", 1, False),
    ],
)
def test_a_command_is_right_where_it_looked_for_an_engine(
    check: dict[str, Any], tmp_path: Path, said: str, code: int, is_taken: bool
) -> None:
    program = tmp_path / "docker"
    program.write_text(f"#!{sys.executable}\nprint({said!r})\nraise SystemExit({code})\n")
    program.chmod(0o755)
    command = check["Command"](str(tmp_path), "docker", ["compose", "up"])
    problem = check["problem"](command, {"docker": str(program)}, {})
    assert problem == (None if is_taken else said)
