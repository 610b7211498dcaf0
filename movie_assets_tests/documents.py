"""The pages of the documentation as tests read them: blocks of code, and names in the text.

A block is run unless a comment before it says why not, and what it says is compared where it is a
command's output:

    <!-- not run: needs a key -->       what cannot be run here; its names are checked all the same
    <!-- long: takes minutes -->        run by ``make test-long`` only
    <!-- output -->                     what the last command before it printed
    <!-- file: notes.py -->             written into the folder where the commands are run
    <!-- crontab -->                    lines of a crontab, whose commands are run

How blocks are run is for ``integration/test_documents.py`` to say; this module runs nothing.
"""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import typer
import yaml
from markdown_it import MarkdownIt
from markdown_it.token import Token
from pydantic import AliasChoices

from movie_assets.cli import app as command_line
from movie_assets.serving.api.app import create_app
from movie_assets.serving.api.options import ServingSettings
from movie_assets.settings import Settings

PROJECT = Path(__file__).parents[1]
#: Kinds of blocks that are commands.
SHELLS = {"console", "sh", "bash"}

_NOTE = re.compile(
    r"<!-- (?:(?P<what>not run|long|file): (?P<said>.+?)|(?P<is>output|crontab)) -->\s*"
)
_PROMPT = "$ "
# What a command may stand behind: variables of its own, and programs that only pass it on.
_BEFORE = re.compile(
    r"^(?:\w+=\S* +)*(?:sudo +|nice +|docker compose exec \w+ +)?(?:\S*/)?(?=movie-assets\b|make\b)"
)
_VARIABLE = re.compile(r"\b(?:TMDB|MOVIE_ASSETS|MOVIE_API|MOVIELENS)_[A-Z_]+[A-Z]\b")
_FOLDERS = ("movie_assets/", "movie_assets_tests/", "benchmarks/", "deploy/", "docs/")
_PATH = re.compile(rf"(?<![\w./-])(?:{'|'.join(_FOLDERS)})[\w./*-]*[\w*/]")
_BENCHMARK = re.compile(r"python (?:-m )?(benchmarks/\w+\.py)((?: +(?!--? )[^\s|&;]+)*)")
_IMPORTED = re.compile(r"^from (\w+) import", re.MULTILINE)
_MADE = re.compile(r"\bcp (?:-r )?\S+ (\S+)")
_ADDRESS = re.compile(r"(?:https?://(?:127\.0\.0\.1|localhost):8000|^(?:GET|POST) |^)(/[\w/{}-]*)")


@dataclass(frozen=True)
class Block:
    """A fenced block of a page.

    Attributes:
        page: by its path in the project.
        line: where it begins, from 1.
        kind: what stands behind the fence: a language, or a directive in braces.
        why_not: why it is not run; None where it is.
        why_long: why it is run only where that is asked for; None where it always is.
        file: the file that it is the content of; None where it is none.
        is_output: whether it is what the command before it printed.
        is_crontab: whether it is lines of a crontab.
    """

    page: str
    line: int
    kind: str
    text: str
    why_not: str | None = None
    why_long: str | None = None
    file: str | None = None
    is_output: bool = False
    is_crontab: bool = False

    def __str__(self) -> str:
        return f"{self.page}:{self.line} ({self.kind or 'no language'})"

    @property
    def commands(self) -> list[tuple[str, str]]:
        """Of a block of commands: each with the lines below it, which it is to print."""
        if self.kind != "console":
            return [(self.text, "")]
        found: list[tuple[str, str]] = []
        continues = False
        for line in self.text.splitlines(keepends=True):
            if line.startswith(_PROMPT):
                found.append((line.removeprefix(_PROMPT), ""))
            elif not found:
                raise ValueError(f"{self} begins with what is no command: {line}")
            elif continues:
                found[-1] = (found[-1][0] + line, "")
            else:
                found[-1] = (found[-1][0], found[-1][1] + line)
            continues = line.rstrip("\n").endswith("\\") and not found[-1][1]
        return [(command.rstrip("\n"), printed) for command, printed in found]


def pages() -> list[Path]:
    """Every page that a reader is sent to."""
    names = ("README.md", "CONTRIBUTING.md")
    return [PROJECT / name for name in names] + sorted((PROJECT / "docs").rglob("*.md"))


def blocks_of(page: str, text: str) -> list[Block]:
    """The fenced blocks of a page, in their order."""
    found = []
    note: re.Match[str] | None = None
    for token in _tokens(text):
        if token.type == "fence":
            said = note["said"] if note else None
            found.append(
                Block(
                    page,
                    (token.map or [0])[0] + 1,
                    token.info.strip().split(" ")[0],
                    token.content,
                    why_not=said if note and note["what"] == "not run" else None,
                    why_long=said if note and note["what"] == "long" else None,
                    file=said if note and note["what"] == "file" else None,
                    is_output=bool(note and note["is"] == "output"),
                    is_crontab=bool(note and note["is"] == "crontab"),
                )
            )
        note = _NOTE.fullmatch(token.content) if token.type == "html_block" else None
    return found


def code_in_text(text: str) -> Iterator[str]:
    """What is set as code within a page's sentences, and the targets of its links."""
    for token in _tokens(text):
        for part in token.children or ():
            if part.type == "code_inline":
                yield part.content
            elif part.type == "link_open":
                yield str(part.attrGet("href"))


def _tokens(text: str) -> list[Token]:
    return MarkdownIt("commonmark").enable("table").parse(text)


# -- names that must be true ------------------------------------------------------------------


def false_names(code: str) -> list[str]:
    """What a piece of code names that is not there: options, targets, settings, files, calls.

    Args:
        code: a command, a block's text, or what is set as code in a sentence.
    """
    wrong = [
        f"no such setting: {name}" for name in _VARIABLE.findall(code) if name not in settings()
    ]
    made = set(_MADE.findall(code))
    wrong += [
        f"no such file: {name}"
        for name in _PATH.findall(code)
        if name not in made and not _is_there(name)
    ]
    wrong += _not_deployed(code) + _false_benchmarks(code)
    for line in code.replace("\\\n", " ").splitlines():
        wrong += [
            f"no such address: {path}"
            for path in _ADDRESS.findall(line.strip())
            if _is_ours(path) and not any(route.fullmatch(path) for route in routes())
        ]
        for part in re.split(r"&&|\|\||;|\|| -- ", line.removeprefix(_PROMPT)):
            wrong += _false_command(_BEFORE.sub("", part.strip()))
    return wrong


def _false_benchmarks(code: str) -> list[str]:
    return [
        f"{script} has no {option}"
        for script, rest in _BENCHMARK.findall(code)
        for option in re.findall(r"--[a-z-]+", rest)
        if f'"{option}"' not in _with_imported(PROJECT / script)
    ]


def _with_imported(script: Path) -> str:
    """A benchmark's text, and that of the modules beside it that it imports: they read options."""
    text = script.read_text()
    beside = [script.with_name(f"{name}.py") for name in _IMPORTED.findall(text)]
    return "\n".join([text, *(module.read_text() for module in beside if module.exists())])


def _not_deployed(code: str) -> list[str]:
    """What a command of docker's or kubectl's names, and Dockerfile and manifests do not have."""
    return [
        f"no such {what}: {name}"
        for what, (pattern, known) in _deployed().items()
        for name in re.findall(pattern, code)
        if name not in known
    ]


@cache
def _deployed() -> dict[str, tuple[str, frozenset[str]]]:
    """By what it is: how a command names it, and which names there are."""
    dockerfile = (PROJECT / "Dockerfile").read_text()
    compose = yaml.safe_load((PROJECT / "compose.yaml").read_text())
    manifests = [
        manifest
        for file in (PROJECT / "deploy" / "kubernetes").rglob("*.yaml")
        for manifest in yaml.safe_load_all(file.read_text())
        if manifest["kind"] in {"Deployment", "Namespace"}
    ]
    deployments = [each for each in manifests if each["kind"] == "Deployment"]
    containers = [
        container["name"]
        for deployment in deployments
        for container in deployment["spec"]["template"]["spec"].get("containers", ())
    ]
    ports = " ".join(re.findall(r"^EXPOSE (.+)", dockerfile, re.MULTILINE))
    return {
        "service of compose.yaml": (
            r"docker compose (?:exec|logs)(?: --?[a-z-]+)* (\w+)",
            frozenset(compose["services"]),
        ),
        "argument of the Dockerfile": (
            r"--build-arg (\w+)",
            frozenset(re.findall(r"^ARG (\w+)", dockerfile, re.MULTILINE)),
        ),
        "secret of the Dockerfile": (
            r"--secret id=([\w.]+)",
            frozenset(re.findall(r"type=secret,id=([\w.]+)", dockerfile)),
        ),
        "port of the image": (r"--publish \S*:(\d+)", frozenset(ports.split())),
        "deployment": (
            r"\bdeployment/([\w-]+)",
            frozenset(each["metadata"]["name"] for each in deployments),
        ),
        "container": (r"--container ([\w-]+)", frozenset(containers)),
        "namespace": (
            r"--namespace ([\w-]+)",
            frozenset(m["metadata"]["name"] for m in manifests if m["kind"] == "Namespace"),
        ),
    }


def _false_command(command: str) -> list[str]:
    try:
        words = shlex.split(command, comments=True)
    except ValueError:
        return []  # a part of something longer, which bash itself reads
    if words[:1] == ["make"]:
        return _false_make(words[1:])
    if words[:1] == ["movie-assets"]:
        return _false_options(words[1:])
    return []


def _false_make(words: list[str]) -> list[str]:
    makefile = (PROJECT / "Makefile").read_text()
    targets = [word for word in words if "=" not in word and word not in {"&", "…"}]
    return [
        f"make has no such target: {target}"
        for target in targets
        if not re.search(rf"^{re.escape(target)}:", makefile, re.MULTILINE)
    ]


def _false_options(words: list[str]) -> list[str]:
    group = typer.main.get_command(command_line)
    commands: dict[str, Any] = group.commands  # type: ignore[attr-defined]
    if words[:1] in (["--verbose"], ["-v"]):
        words = words[1:]
    if not words or words[0] in {"--help", "-h"}:
        return []
    if words[0] not in commands:
        return [f"movie-assets has no such command: {words[0]}"]
    known = {name for param in commands[words[0]].params for name in param.opts} | {"--help", "-h"}
    asked = [word.partition("=")[0] for word in words[1:] if re.match(r"--?[a-z]", word)]
    return [f"movie-assets {words[0]} has no {name}" for name in asked if name not in known]


@cache
def settings() -> frozenset[str]:
    """Every variable that the project reads."""
    found = set()
    for field in Settings.model_fields.values():
        alias = field.validation_alias
        found |= set(alias.choices) if isinstance(alias, AliasChoices) else {alias}
    return frozenset(str(name) for name in found)


@cache
def routes() -> tuple[re.Pattern[str], ...]:
    """The addresses that the server answers, as patterns."""
    app = create_app(ServingSettings(Path("published")))
    paths = {route.path for route in app.routes if hasattr(route, "path")} | set(
        app.openapi()["paths"]
    )
    return tuple(re.compile(re.sub(r"\\\{[^/]*\\\}", r"[^/]+", re.escape(path))) for path in paths)


def _is_ours(path: str) -> bool:
    """Whether it is meant as an address of the server and not as a path of a file."""
    return path.startswith(("/v1/", "/recommendations", "/health", "/ready", "/metrics"))


def _is_there(name: str) -> bool:
    return bool(list(PROJECT.glob(name.rstrip("/")))) or (PROJECT / name).exists()
