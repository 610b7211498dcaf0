"""Code versions: a fingerprint of the code that an asset's content depends on."""

from __future__ import annotations

import ast
import gc
import hashlib
import inspect
import textwrap
from contextlib import contextmanager
from functools import cache
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

#: Where a node has statements, or what has some.
_STATEMENTS = frozenset({"body", "orelse", "finalbody", "handlers", "cases"})


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
    with _garbage_left():
        for part in parts:
            kind = "module" if isinstance(part, Path) else type(part).__name__
            digest.update(f"{kind}\n".encode())
            for code in _codes(part):
                digest.update(code.encode())
    return digest.hexdigest()[:12]


@contextmanager
def _garbage_left() -> Iterator[None]:
    """Collect no garbage meanwhile.

    A syntax tree is many objects at once, and none of them garbage. Looking for some took nearly
    half of the time, and every start waits for it.
    """
    was_enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was_enabled:
            gc.enable()


def _codes(part: ModuleType | Callable[..., object] | Path | str) -> list[str]:
    """What counts of a part."""
    if isinstance(part, str):
        return [part]
    if isinstance(part, ModuleType | Path):
        return [_dumped(_source(part))]
    return _with_what_it_uses(part)


def _with_what_it_uses(function: Callable[..., object]) -> list[str]:
    """The function's code and, in order of their names, that of the definitions it leads to."""
    module = inspect.getmodule(function)
    definitions = _definitions(module) if module else {}
    own = _nodes_of(function, definitions)
    found: dict[str, str] = {}
    to_follow = list(own)
    while to_follow:
        for name in _free_names(to_follow.pop()) & definitions.keys() - {function.__name__}:
            if name not in found:
                found[name] = "".join(_dump(node) for node in definitions[name])
                to_follow += definitions[name]
    return [*map(_dump, own), *(found[name] for name in sorted(found))]


def _nodes_of(
    function: Callable[..., object], definitions: dict[str, list[ast.AST]]
) -> list[ast.AST]:
    """The function's own code: of its module, which is taken apart already, where it is there."""
    nodes = definitions.get(function.__name__, [])
    is_at_the_top = function.__qualname__ == function.__name__ and len(nodes) == 1
    return nodes if is_at_the_top else [_parsed(_source(function))]


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


@cache
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


@cache
def _dump(node: ast.AST) -> str:
    """A definition, which many assets lead to."""
    return ast.dump(node)


@cache
def _parsed(source: str) -> ast.Module:
    """The syntax tree, without docstrings."""
    tree = ast.parse(textwrap.dedent(source))
    _drop_docstrings(tree)
    return tree


def _drop_docstrings(tree: ast.AST) -> None:
    """Of the module, its classes and functions, wherever they are defined."""
    to_follow = [tree]
    while to_follow:
        node = to_follow.pop()
        for name in _STATEMENTS & vars(node).keys():
            if not isinstance(body := getattr(node, name), list):
                continue  # a lambda's, or one of `a if b else c`
            if name == "body" and body and _is_text(body[0]):
                del body[0]
            to_follow += body


def _is_text(node: ast.AST) -> bool:
    return (
        isinstance(node, ast.Expr)
        and isinstance(node.value, ast.Constant)
        and isinstance(node.value.value, str)
    )
