"""The commands for docker and kubectl in the documentation, read by docker and kubectl themselves.

    commands.py PROJECT DOCKER_CONFIG DOCKER KUBECTL

There is no engine and no cluster here, so each command must end with finding none: a program that
goes as far as asking for one has taken every flag and argument, and built what is to be applied.
Blocks are run by bash in a copy of what they work on, in which only a few commands do anything.

Whether what a command names is there (services, ports, containers) is held by the project's tests.
"""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

#: What a command says that got as far as asking for an engine, a cluster or a registry.
_ASKED = re.compile(r"Cannot connect to the Docker daemon|connection refused|was refused")
_BLOCK = re.compile(r"^```(?:console|sh|bash)\n(.*?)^```", re.MULTILINE | re.DOTALL)
_FENCED = re.compile(r"^```.*?^```", re.MULTILINE | re.DOTALL)
#: A block of commands behind the comment that sends it to one of the checks.
_MARKED = r"^<!-- not run: [^\n]*deploy/check\.sh {check} runs it[^\n]* -->\n(```console\n.*?^```)"
_THEIRS = re.compile(r"\b(?:docker|kubectl) ")
#: What of the project the commands work on.
_FILES = ("Dockerfile", "compose.yaml", ".env.example", "deploy")
#: Where sentences are that speak of kubectl.
_OVERLAY = "deploy/kubernetes/example"
#: What the reader brings.
_BROUGHT = ("pip.conf", "ca.crt")
#: Commands that do what they do elsewhere; all others do nothing, and succeed.
_REAL = ("cp", "chmod")
_SHELL = "command_not_found_handle() { :; }\n"
_RECORD = f"""#!{sys.executable}
import json, os, sys
with open(os.environ["RECORD"], "a") as file:
    print(json.dumps([os.getcwd(), os.path.basename(sys.argv[0]), *sys.argv[1:]]), file=file)
"""


class Command(NamedTuple):
    """A command as bash hands it over."""

    folder: str
    program: str
    arguments: list[str]

    def __str__(self) -> str:
        return " ".join([self.program, *self.arguments])


class Step(NamedTuple):
    """A block, and where it stands."""

    page: str
    line: int
    script: str

    @property
    def name(self) -> str:
        """What messages call it."""
        return f"{self.page}:{self.line}"


def scripts(text: str) -> Iterator[str]:
    """The blocks of a page, and the code in its sentences, that call docker or kubectl."""
    for block in _BLOCK.findall(text):
        lines = re.sub(r"\\\n\s*", "", block).splitlines()
        typed = [line.removeprefix("$ ") for line in lines if line.startswith("$ ")] or lines
        if any(map(_THEIRS.search, typed)):
            yield "\n".join(typed)
    for code in in_sentences(text):
        yield f"cd {_OVERLAY if 'kubectl' in code else '.'}\n{code}"


def in_sentences(text: str) -> Iterator[str]:
    """The code in a page's sentences that calls docker or kubectl."""
    for code in re.findall("`([^`]+)`", _FENCED.sub("", text)):
        joined = " ".join(code.split())
        if any(map(_THEIRS.match, joined.split("&& "))):
            yield joined


def sent_to(check: str, page: str, text: str) -> list[Step]:
    """The blocks of a page whose comment says that ``deploy/check.sh CHECK`` runs them."""
    marked = re.compile(_MARKED.format(check=check), re.MULTILINE | re.DOTALL)
    return [
        Step(page, text.count("\n", 0, block.start(1)) + 1, script)
        for block in marked.finditer(text)
        for script in scripts(block[1] + "\n")
    ]


def commands(script: str, project: Path, scratch: Path) -> list[Command]:
    """What bash would start: variables, quotes and chains are its to resolve."""
    stubs, copy, record = scratch / "stubs", scratch / "copy", scratch / "record"
    for folder in (stubs, copy):
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir()
    for name in ("docker", "kubectl"):
        (stubs / name).write_text(_RECORD)
        (stubs / name).chmod(0o755)
    for name in _REAL:
        (stubs / name).symlink_to(shutil.which(name) or name)
    for name in _FILES:
        source = project / name
        (shutil.copytree if source.is_dir() else shutil.copy)(source, copy / name)
    for name in _BROUGHT:
        (copy / name).write_text("")
    record.write_text("")
    bash = shutil.which("bash") or "bash"
    variables = {"PATH": str(stubs), "RECORD": str(record)}
    subprocess.run([bash, "-c", _SHELL + script], cwd=copy, env=variables, check=True)
    found = [json.loads(line) for line in record.read_text().splitlines()]
    return [Command(folder, program, arguments) for folder, program, *arguments in found]


def problem(command: Command, programs: dict[str, str], variables: dict[str, str]) -> str | None:
    """Why a program does not take a command; None where it does."""
    done = subprocess.run(
        [programs[command.program], *command.arguments],
        cwd=command.folder,
        env=variables,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    said = done.stdout + done.stderr
    return None if done.returncode == 0 or _ASKED.search(said) else said.strip()


def main() -> int:
    """Check every page; the number of commands that are wrong is told, and the others counted."""
    project, config, docker, kubectl = sys.argv[1:]
    nowhere = "http://127.0.0.1:9"
    variables = {
        "PATH": os.environ["PATH"],
        "HOME": config,
        "DOCKER_CONFIG": config,
        "DOCKER_HOST": "tcp://127.0.0.1:9",
        "KUBECONFIG": os.devnull,
        "HTTPS_PROXY": nowhere,
        "HTTP_PROXY": nowhere,
    }
    read: set[str] = set()
    wrong = 0
    root = Path(project)
    with tempfile.TemporaryDirectory() as scratch:
        for page in (root / "README.md", *sorted((root / "docs").rglob("*.md"))):
            for script in scripts(page.read_text()):
                for command in commands(script, root, Path(scratch)):
                    why = problem(command, {"docker": docker, "kubectl": kubectl}, variables)
                    read.add(str(command))
                    if why is not None:
                        wrong += 1
                        print(f"WRONG {page.relative_to(root)}: {command}\n{why}", file=sys.stderr)
    if not read:
        sys.exit("no command of docker's or kubectl's was found")
    print(f"{len(read)} different commands in the documentation, {wrong} of them wrong")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
