"""What the documentation names is there; and what finds its blocks finds them."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest

from movie_assets_tests.documents import (
    PROJECT,
    SHELLS,
    Block,
    blocks_of,
    code_in_text,
    false_names,
    pages,
)

PAGE = """
Words with `movie-assets status` and [a link](docs/api.md).

```console
$ movie-assets recommend "Heat" \\
    --number 5
Films like Heat
$ make demo
```

<!-- not run: needs a key -->

```sh
movie-assets build
```

<!-- long: takes minutes -->
```sh
make bench
```

<!-- file: notes.py -->
```python
print("$ no command")
```

<!-- output -->
```text
printed
```

<!-- crontab -->
```text
30 9 * * *  cd here && ls
```
"""


def test_blocks_are_found_with_what_is_said_of_them() -> None:
    console, script, lengthy, file, output, crontab = blocks_of("page.md", PAGE)
    assert (console.kind, console.line, console.why_not) == ("console", 4, None)
    assert console.commands == [
        ('movie-assets recommend "Heat" \\\n    --number 5', "Films like Heat\n"),
        ("make demo", ""),
    ]
    assert script.why_not == "needs a key"
    assert script.commands == [("movie-assets build\n", "")]
    assert (lengthy.why_long, lengthy.why_not) == ("takes minutes", None)
    assert (script.why_long, file.why_long) == (None, None)
    assert (file.file, file.kind) == ("notes.py", "python")
    assert (output.is_output, output.is_crontab) == (True, False)
    assert (crontab.is_output, crontab.is_crontab) == (False, True)
    assert list(code_in_text(PAGE)) == ["movie-assets status", "docs/api.md"]


def test_a_comment_counts_for_the_block_right_behind_it_only() -> None:
    text = "<!-- not run: why -->\n\nWords.\n\n```sh\nls\n```\n"
    assert [block.why_not for block in blocks_of("page.md", text)] == [None]


@pytest.mark.parametrize(
    "code",
    [
        "movie-assets build --refesh",
        "movie-assets biuld",
        "TMDB_API_KEY=x .venv/bin/movie-assets taste --ratins file.csv",
        "cd x && make demmo",
        "MOVIE_ASSETS_LANGAUGE=fr",
        "python benchmarks/kernels.py",
        "curl http://127.0.0.1:8000/v1/movie/949",
        "GET /v1/films",
        "docker compose exec code -- movie-assets stats",
        "docker compose exec cod movie-assets status",
        "docker compose logs --follow codes",
        "docker build --build-arg REVISON=1 .",
        "docker build --secret id=pip.cnf,src=pip.conf .",
        "docker run --publish 127.0.0.1:8000:8001 movie-assets:0.1.0",
        "kubectl --namespace movies get pods",
        "kubectl exec deployment/movie-assets-pipelin",
        "kubectl exec deployment/movie-assets-pipeline --container api -- true; --container cod",
        "python benchmarks/scale.py --film 10",
        "python benchmarks/plain.py --catalog films.parquet",
    ],
)
def test_names_that_are_not_there_are_found(code: str) -> None:
    assert false_names(code)


@pytest.mark.parametrize(
    "code",
    [
        "movie-assets --verbose build --refresh",
        "TMDB_API_KEY=x .venv/bin/movie-assets taste Heat --ratings file.csv",
        "make PYTHON=python3.12 demo",
        "MOVIE_ASSETS_LANGUAGE=fr",
        "python benchmarks/kernel.py --films 1000",
        "python benchmarks/plain.py --catalogue films.parquet",
        "docker compose logs --follow code",
        "kubectl exec deployment/movie-assets-pipeline --container code",
        "curl 'http://127.0.0.1:8000/v1/movies/949/similar?limit=3'",
        "movie_assets/warehouse/",
        "movie_assets/recommender/*.json",
        "data/movies_data.duckdb",
    ],
)
def test_names_that_are_there_are_not(code: str) -> None:
    assert false_names(code) == []


@pytest.mark.parametrize("page", pages(), ids=lambda page: str(page.relative_to(PROJECT)))
def test_every_name_in_the_page_is_there(page: str) -> None:
    text = (PROJECT / page).read_text()
    wrong = [
        f"{block}: {problem}" for block in _blocks(page) for problem in false_names(block.text)
    ]
    wrong += [f"{page}: {problem}" for code in code_in_text(text) for problem in false_names(code)]
    assert wrong == []


@pytest.mark.parametrize("page", pages(), ids=lambda page: str(page.relative_to(PROJECT)))
def test_every_command_is_one_that_bash_can_read(page: str) -> None:
    for block in _blocks(page):
        for command, _ in block.commands if block.kind in SHELLS else ():
            read = subprocess.run(
                ["bash", "-n", "-c", command], capture_output=True, text=True, check=False
            )
            assert read.returncode == 0, f"{block}: {read.stderr}"


def test_every_long_block_is_run_by_make_test_long_and_by_nothing_else() -> None:
    long = {f"{block.page}:{block.line}" for page in pages() for block in _own(page)}
    assert long
    assert _collected("-m", "long") == long
    assert _collected() == set()


def _own(page: Path) -> list[Block]:
    """A page's blocks that are long."""
    blocks = blocks_of(str(page.relative_to(PROJECT)), page.read_text())
    return [block for block in blocks if block.why_long]


def _collected(*options: str) -> set[str]:
    """The long blocks that pytest would run."""
    tests = "movie_assets_tests/integration/test_documents.py"
    command = [sys.executable, "-m", "pytest", "--collect-only", "--quiet", *options, tests]
    collected = subprocess.run(
        command, cwd=PROJECT, capture_output=True, text=True, check=True
    ).stdout
    return set(re.findall(r"test_the_long_block_runs\[(.+)\]", collected))


def test_the_readmes_links_lead_somewhere() -> None:
    """The other pages' are the site's to check, which takes the README's from here."""
    links = [name for name in code_in_text((PROJECT / "README.md").read_text()) if " " not in name]
    near = [
        link for link in links if re.fullmatch(r"[\w./-]+\.(?:md|example)|NOTICE|LICENSE", link)
    ]
    assert len(near) > 10
    assert [link for link in near if not (PROJECT / link).exists()] == []


def _blocks(page: str) -> list[Block]:
    return blocks_of(str(page), (PROJECT / page).read_text())
