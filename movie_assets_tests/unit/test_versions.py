"""Code versions: logic changes them, explanations do not."""

from __future__ import annotations

import importlib.util
import itertools
import sys
from collections.abc import Callable
from pathlib import Path
from types import ModuleType

import pytest

from movie_assets import recommender
from movie_assets.assets import compiled
from movie_assets.assets.versions import code_version

CODE = '''
"""A module."""

import math

LIMIT = 50
_names: list[str] = ["a"]
_names += ["b"]
UNUSED = 1


class Shape:
    """A shape."""

    sides = 3


def helper(x):
    return x + deeper()


def deeper():
    return 1


def unused():
    return 1


def asset(x, unused=None):
    """What it does."""
    # why
    return helper(x) * LIMIT + Shape.sides + len(_names) + math.pi + bool(unused)


async def other():
    return 1
'''

Load = Callable[[str], ModuleType]


@pytest.fixture
def load(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Load:
    """Make a module of some code; each has a name of its own."""
    numbers = itertools.count()

    def load(code: str) -> ModuleType:
        name = f"made_up_{next(numbers)}"
        path = tmp_path / f"{name}.py"
        path.write_text(code)
        spec = importlib.util.spec_from_file_location(name, path)
        assert spec
        assert spec.loader
        module = importlib.util.module_from_spec(spec)
        monkeypatch.setitem(sys.modules, name, module)  # where inspect looks for it
        spec.loader.exec_module(module)
        return module

    return load


def edited(old: str, new: str) -> str:
    assert CODE.count(old) == 1
    return CODE.replace(old, new)


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("# why", "# for another reason"),
        ("    # why\n", ""),
        ('    """What it does."""\n', ""),
        ('"""What it does."""', '"""What it does, at length.\n\n    And why.\n    """'),
        ('"""A shape."""', '"""A form."""'),
        ("helper(x) * LIMIT", "(helper( x )*LIMIT)"),
    ],
)
def test_explanations_and_layout_change_nothing(load: Load, old: str, new: str) -> None:
    before, after = load(CODE), load(edited(old, new))
    assert code_version(after.asset) == code_version(before.asset)
    assert code_version(after) == code_version(before)


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("* LIMIT", "/ LIMIT"),
        ("def asset(x, unused=None)", "def asset(x, unused=1)"),
        ("LIMIT = 50", "LIMIT = 60"),
        ("return x + deeper()", "return x - deeper()"),
        ("def deeper():\n    return 1", "def deeper():\n    return 2"),
        ("sides = 3", "sides = 4"),
        ('= ["a"]', '= ["c"]'),
        ('+= ["b"]', '+= ["c"]'),
    ],
)
def test_logic_changes_the_version(load: Load, old: str, new: str) -> None:
    before, after = load(CODE), load(edited(old, new))
    assert code_version(after.asset) != code_version(before.asset)
    assert code_version(after) != code_version(before)


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("UNUSED = 1", "UNUSED = 2"),
        ("def unused():\n    return 1", "def unused():\n    return 2"),  # a parameter's name
        ("async def other():\n    return 1", "async def other():\n    return 2"),
        ('"""A module."""', '"""A module"""\n\nimport os'),
    ],
)
def test_what_a_function_does_not_use_is_not_in_its_version(load: Load, old: str, new: str) -> None:
    before, after = load(CODE), load(edited(old, new))
    assert code_version(after.asset) == code_version(before.asset)
    assert code_version(after) != code_version(before)


def test_a_string_that_is_no_docstring_counts(load: Load) -> None:
    one, other = ("def asset():\n    'why'\n    return 'a'\n", "def asset():\n    return 'b'\n")
    same = "def asset():\n    return 'a'\n"
    versions = [code_version(load(code).asset) for code in (one, other, same)]
    assert versions[0] == versions[2] != versions[1]


def test_every_part_counts_and_their_order(load: Load) -> None:
    module = load(CODE)
    versions = {
        code_version(module.asset),
        code_version(module.asset, module.other),
        code_version(module.other, module.asset),
        code_version(module.asset, module),
        code_version(module.asset, "id INTEGER"),
        code_version(module.asset, "id BIGINT"),
        code_version(),
    }
    assert len(versions) == 7
    assert all(len(version) == 12 for version in versions)


def test_a_modules_file_stands_for_the_module(load: Load) -> None:
    module = load(CODE)
    assert module.__file__
    assert code_version(Path(module.__file__)) == code_version(module)


def test_functions_within_functions() -> None:
    def inner() -> int:
        return 1

    def same() -> int:
        """Says the same."""
        return 1

    assert code_version(inner) == code_version(inner)
    assert code_version(inner) != code_version(same)  # by its name


def test_compiled_modules_are_named_for_the_versions_of_what_they_make() -> None:
    """Nothing else would name them: they are imported where they are called."""
    folder = Path(recommender.__file__).parent
    files = {
        path for path in folder.rglob("*.py")
        if "\n@compiled" in path.read_text() or "\n@partial(compiled" in path.read_text()
    }  # fmt: skip
    parts = (compiled.KERNEL, compiled.BLENDING, compiled.UPDATES, compiled.REASONS,
             compiled.TRANSITIONS)  # fmt: skip
    named = {*itertools.chain(*parts), *compiled.CO_LIKE_SEARCH, *compiled.VOTES}
    assert named == files
