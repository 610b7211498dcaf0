"""The pictures of README and docs: each is shown somewhere, and something makes each."""

from __future__ import annotations

import re
from pathlib import Path

from movie_assets_tests.browser.pictures import IMAGES, MAKERS, ROOT, Sources, draw_graph

#: What a benchmark draws, in many minutes, with the command that the docs give.
BY_BENCHMARKS = {"kernel-growth.svg", "scale.svg"}
_SHOWN = re.compile(r"!\[[^\]]*\]\((?:\.\./)*(?:docs/)?images/([^)]+)\)")


def shown() -> set[str]:
    pages = [ROOT / "README.md", *(ROOT / "docs").rglob("*.md")]
    return {name for page in pages for name in _SHOWN.findall(page.read_text("utf-8"))}


def test_every_picture_is_shown_and_made_by_the_one_command() -> None:
    stored = {path.name for path in IMAGES.iterdir()}
    made = {picture for maker in MAKERS.values() for picture in maker.pictures}
    assert shown() == stored
    assert stored - BY_BENCHMARKS == made


def test_the_drawn_graph_is_the_graph_that_there_is(tmp_path: Path) -> None:
    draw_graph(tmp_path, Sources(None, None))
    drawn = (tmp_path / "asset-graph.svg").read_text("utf-8")
    assert drawn == (IMAGES / "asset-graph.svg").read_text("utf-8")
