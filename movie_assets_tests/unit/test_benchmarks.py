"""The benchmarks, as ``make bench`` starts them: without arguments."""

from __future__ import annotations

import ast
import json
import subprocess
import sys
from pathlib import Path

import pytest

from movie_assets_tests.documents import PROJECT

BENCHMARKS = sorted((PROJECT / "benchmarks").glob("*.py"))


def wanted_arguments(source: str) -> list[str]:
    """The arguments without which a program by argparse only prints how it is used."""
    found = []
    for node in ast.walk(ast.parse(source)):
        if not (
            isinstance(node, ast.Call)
            and isinstance(node.func, ast.Attribute)
            and node.func.attr == "add_argument"
        ):
            continue
        name = ast.literal_eval(node.args[0])
        options = {option.arg: ast.unparse(option.value) for option in node.keywords}
        if name.startswith("-"):
            is_wanted = options.get("required") == "True"
        else:
            is_wanted = options.get("nargs") not in ("'*'", "'?'")
        if is_wanted:
            found.append(name)
    return found


@pytest.mark.parametrize("path", BENCHMARKS, ids=lambda path: path.stem)
def test_a_benchmark_wants_no_arguments(path: Path) -> None:
    assert wanted_arguments(path.read_text("utf-8")) == []


def test_wanted_arguments_are_seen() -> None:
    source = """
parser.add_argument("--catalogue", type=Path, required=True)
parser.add_argument("films", nargs="+")
parser.add_argument("--films", type=int, nargs="+", default=[1])
parser.add_argument("more", nargs="*")
"""
    assert wanted_arguments(source) == ["--catalogue", "films"]


def test_the_kernels_benchmark_times_what_is_published() -> None:
    """On few films, in a process of its own, as for many: growth.py asks for the same."""
    path = PROJECT / "benchmarks" / "kernel.py"
    command = [sys.executable, str(path), "--films", "300", "--ranking", "default ranking"]
    took = json.loads(subprocess.run(command, check=True, stdout=subprocess.PIPE).stdout)
    assert took["seconds"] > 0
    assert took["peak"] > 0
