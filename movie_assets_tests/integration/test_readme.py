"""The commands of the README, run as they are written.

Every command in a block of the README is run, but for make's targets, which must exist, and for
blocks after a comment that says why not: ``<!-- not run: needs a key -->``.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from movie_assets_tests.checkout import PROJECT, make_checkout

# A block of commands, with the comment before it where there is one.
_BLOCK = re.compile(
    r"(?:^<!-- not run: (?P<why>.+?) -->\s*\n)?^```(?P<kind>console|bash|sh)\n(?P<body>.*?)^```",
    re.MULTILINE | re.DOTALL,
)
_VARIABLES = re.compile(r"^(?:\w+=\S+ )*")
_RUN = ("movie-assets ", "dagster asset ", "dagster definitions ", "dg check ", "dg launch ")
_SERVERS = ("movie-assets ui",)


def commands(text: str) -> Iterator[str]:
    """The commands of a page of markdown that are to be run, in their order."""
    for block in _BLOCK.finditer(text):
        if block["why"] is None:
            lines = block["body"].replace("\\\n", " ").splitlines()
            if block["kind"] == "console":
                yield from (line.removeprefix("$ ") for line in lines if line.startswith("$ "))
            else:
                yield from (line for line in lines if line and not line.startswith("#"))


def is_run(command: str) -> bool:
    bare = _VARIABLES.sub("", command)
    return bare.startswith(_RUN) and not bare.startswith(_SERVERS)


def unknown_to_make(command: str, makefile: str) -> list[str]:
    """The targets of a call of make that the Makefile does not have."""
    targets = [word for word in command.split()[1:] if "=" not in word]
    return [target for target in targets if not re.search(rf"^{target}:", makefile, re.MULTILINE)]


def test_commands_are_found() -> None:
    text = """
```console
$ movie-assets recommend "Heat" \\
    --number 5
Films like Heat (1995)
$ make demo
```

<!-- not run: needs a key -->
```bash
movie-assets build --refresh
```

```sh
# a remark
A=1 dg check defs
```

```python
print("$ no command")
```
"""
    assert [re.sub(" +", " ", command) for command in commands(text)] == [
        'movie-assets recommend "Heat" --number 5',
        "make demo",
        "A=1 dg check defs",
    ]
    assert [is_run(command) for command in ("A=1 dg check defs", "movie-assets ui")] == [
        True,
        False,
    ]
    assert unknown_to_make("make -s PYTHON=python3 demo nothing", "demo: setup\n") == [
        "-s",
        "nothing",
    ]


def test_every_command_is_run_or_said_to_be_left_out() -> None:
    makefile = (PROJECT / "Makefile").read_text()
    for command in commands((PROJECT / "README.md").read_text()):
        if command.startswith("make "):
            assert not unknown_to_make(command, makefile), f"make has no such target: {command}"
        else:
            assert is_run(command), (
                f"The README has a command that no test runs: {command}\n"
                "Say why in a comment before its block: <!-- not run: why -->"
            )


@pytest.mark.process
@pytest.mark.timeout(900)
def test_the_commands_work(tmp_path: Path) -> None:
    checkout = make_checkout(tmp_path)
    ran = [command for command in commands((PROJECT / "README.md").read_text()) if is_run(command)]
    assert ran, "The README shows no command."
    for command in ran:
        done = checkout.run("bash", "-c", command)
        assert done.returncode == 0, f"$ {command}\n{done.stdout[-5000:]}{done.stderr[-5000:]}"
