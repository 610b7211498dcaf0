"""Which blocks deploy/checks/engine.py runs, and what it changes in their commands."""

from __future__ import annotations

import re
import runpy
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from movie_assets_tests.documents import blocks_of

PROJECT = Path(__file__).parents[3]
CHECKS = PROJECT / "deploy" / "checks"

PAGE = """
<!-- not run: takes Docker; deploy/check.sh engine runs it on a real engine -->
```console
$ run="docker run --volume movies:/data"
$ $run \\
    image
what it prints
```

<!-- not run: takes Docker and a registry of images; deploy/check.sh lint has docker read it -->
```console
$ docker push image
```
"""


@pytest.fixture(scope="module")
def check() -> dict[str, Any]:
    with pytest.MonkeyPatch.context() as patch:
        patch.syspath_prepend(str(CHECKS))
        found = runpy.run_path(str(CHECKS / "engine.py"))
    for module in ("commands", "shell", "verdicts"):
        sys.modules.pop(module, None)
    return found


def test_blocks_are_those_that_say_so(check: dict[str, Any]) -> None:
    (step,) = check["sent_to"]("engine", "page.md", PAGE)
    assert step.name == "page.md:3"
    assert step.script == 'run="docker run --volume movies:/data"\n$run image'
    assert check["_volumes"]([step]) == ["movies"]


@pytest.mark.parametrize("page", ["docs/deploy.md", "docs/tutorial.md"])
def test_every_block_for_docker_is_run(check: dict[str, Any], page: str) -> None:
    text = (PROJECT / page).read_text()
    ours = {
        block.line
        for block in blocks_of(page, text)
        if re.search(r"^\$ .*docker (?!-)", block.text, re.MULTILINE)
    }
    assert ours
    assert ours == {step.line for step in check["sent_to"]("engine", page, text)}


def test_builds_are_given_this_machines_secrets_and_nothing_else_changes(
    check: dict[str, Any], tmp_path: Path
) -> None:
    project, folder = tmp_path / "project", tmp_path / "folder"
    for file in ("project/movie_assets/__init__.py", "folder/secrets/pip.conf"):
        (tmp_path / file).parent.mkdir(parents=True)
        (tmp_path / file).write_text("here\n")
    (folder / "secrets" / "ca.crt").write_text("")
    subprocess.run(["git", "init", "--quiet"], cwd=project, check=True)
    docker = tmp_path / "docker"
    docker.write_text('#!/bin/sh\necho "$@"\n')
    docker.chmod(0o755)
    engine = check["Engine"](folder, str(docker), "unix:///nowhere")
    check["_stand_ins"](project, engine, "a-canary")
    given = "--secret id=pip.conf,src=pip.conf --secret id=ca.crt,src=ca.crt"
    for typed, handed in {
        "docker build --tag x .": f"build {given} --tag x .",
        f"docker build {given} .": f"build {given} .",
        "docker compose up --build": "compose up --build",
        "docker compose exec code movie-assets build": "compose exec code movie-assets build",
    }.items():
        assert engine.bash(typed) == (0, handed + "\n")
    assert engine.bash("cat pip.conf movie_assets/__init__.py; exit 3; echo") == (3, "here\nhere\n")
