"""Code versions: a fingerprint of the code that an asset's content depends on."""

from __future__ import annotations

import ast
import hashlib
import inspect
import textwrap
from functools import cache
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator


def code_version(*parts: ModuleType | Callable[..., object] | Path | str) -> str:
    """A version that changes when the code of one of the parts changes.

    A function counts together with all that it uses of its own module: helpers, constants and
    classes. Comments, docstrings and layout do not count, so that a better explanation rebuilds
    nothing.

    Args:
        parts: functions, whole modules, the files of modules that are better not imported for
            this, or text that is taken as it is.
    """
    digest = hashlib.sha256()
    for part in parts:
        kind = "module" if isinstance(part, Path) else type(part).__name__
        digest.update(f"{kind}\n".encode())
        if isinstance(part, str):
            digest.update(part.encode())
        elif isinstance(part, ModuleType | Path):
            digest.update(_dumped(_source(part)).encode())
        else:
            for code in _with_what_it_uses(part):
                digest.update(code.encode())
    return digest.hexdigest()[:12]


def _with_what_it_uses(function: Callable[..., object]) -> list[str]:
    """The function's code and, in order of their names, that of the definitions it leads to."""
    module = inspect.getmodule(function)
    definitions = _definitions(module) if module else {}
    own = _parsed(_source(function))
    found: dict[str, str] = {}
    to_follow: list[ast.AST] = [own]
    while to_follow:
        for name in _free_names(to_follow.pop()) & definitions.keys() - {function.__name__}:
            if name not in found:
                found[name] = "".join(ast.dump(node) for node in definitions[name])
                to_follow += definitions[name]
    return [ast.dump(own), *(found[name] for name in sorted(found))]


@cache
def _definitions(module: ModuleType) -> dict[str, list[ast.AST]]:
    """What a module defines at its top, by name."""
    found: dict[str, list[ast.AST]] = {}
    for node in _parsed(_source(module)).body:
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
            names = [node.name]
        elif isinstance(node, ast.Assign):
            names = [name for target in node.targets for name in _names(target)]
        elif isinstance(node, ast.AnnAssign | ast.AugAssign):
            names = list(_names(node.target))
        else:
            continue
        for name in names:
            found.setdefault(name, []).append(node)
    return found


def _free_names(tree: ast.AST) -> set[str]:
    """The names in some code but for its parameters, which assets call by other assets' names."""
    parameters = {node.arg for node in ast.walk(tree) if isinstance(node, ast.arg)}
    return set(_names(tree)) - parameters


def _names(tree: ast.AST) -> Iterator[str]:
    return (node.id for node in ast.walk(tree) if isinstance(node, ast.Name))


def _source(part: ModuleType | Callable[..., object] | Path) -> str:
    return part.read_text("utf-8") if isinstance(part, Path) else inspect.getsource(part)


@cache
def _dumped(source: str) -> str:
    """A whole module, which many assets depend on: taken apart once, for every start waits."""
    return ast.dump(_parsed(source))


def _parsed(source: str) -> ast.Module:
    """The syntax tree, without docstrings."""
    tree = ast.parse(textwrap.dedent(source))
    for node in ast.walk(tree):
        _drop_docstring(node)
    return tree


def _drop_docstring(node: ast.AST) -> None:
    body = getattr(node, "body", None)
    if (
        isinstance(body, list)
        and body
        and isinstance(body[0], ast.Expr)
        and isinstance(body[0].value, ast.Constant)
        and isinstance(body[0].value.value, str)
    ):
        del body[0]
