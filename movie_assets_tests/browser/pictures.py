"""Every picture of README and docs, made anew by one command, so that none is stale.

    python -m movie_assets_tests.browser.pictures [FOLDER] [--only NAME ...]
        [--catalogue FILE --movielens FOLDER]

Pictures of quality are of films and people's ratings that are not in the repository; they are made
where both are named. The growth of the search is measured for many minutes by a benchmark of its
own, which draws it (docs/measurements.md). All else is made of the bundled films.

What belongs here: which pictures there are, and what makes each. What does not: how the web UI and
the web page are photographed (``screenshots``, ``page_screenshots``).
"""

from __future__ import annotations

import argparse
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

from movie_assets_tests.browser import page_screenshots, screenshots

ROOT = Path(__file__).parents[2]
IMAGES = ROOT / "docs" / "images"

#: The drawing stands by itself here, and has to read well on light and on dark pages.
_STYLE = """
svg { color: #24292f; font: 600 12px system-ui, sans-serif }
rect { fill: #f6f8fa; stroke: #8c959f }
.publish rect, .recommend rect { stroke: #0969da; stroke-width: 1.6 }
text { fill: currentColor; text-anchor: middle } text.group { font-weight: 400; font-size: 11px }
.arrow { fill: none; stroke: #8c959f; stroke-width: 1.3 } .tip { fill: #8c959f }
@media (prefers-color-scheme: dark) {
  svg { color: #e6edf3 } rect { fill: #161b22 } .publish rect, .recommend rect { stroke: #4493f8 }
}
"""


class Sources(NamedTuple):
    """What pictures of quality are made of; None for both where there is nothing."""

    catalogue: Path | None
    movielens: Path | None


class Maker(NamedTuple):
    """What makes some pictures, into a folder."""

    pictures: tuple[str, ...]
    make: Callable[[Path, Sources], None]


def draw_graph(folder: Path, _: Sources) -> None:
    """The asset graph, drawn from the definitions by what draws it for the docs' site."""
    sys.path.insert(0, str(ROOT / "docs" / "_site"))
    from data_flow import drawing  # noqa: PLC0415 - a module of the site's, found by now

    svg = drawing().removeprefix('<div class="data-flow">').removesuffix("</div>")
    head, found, rest = svg.partition("</title>")
    (folder / "asset-graph.svg").write_text(f"{head}{found}<style>{_STYLE}</style>{rest}\n")


def take_web_ui(folder: Path, _: Sources) -> None:
    """Dagster's web UI."""
    screenshots.take_pictures(folder)


def take_web_page(folder: Path, sources: Sources) -> None:
    """The web page; its figures with MovieLens' where there are such ratings."""
    page_screenshots.take_pictures(folder, sources.movielens)


def draw_quality(folder: Path, sources: Sources) -> None:
    """Accuracy against breadth, beside the tutorial's way and others."""
    if sources.catalogue is None or sources.movielens is None:
        sys.stdout.write(
            "Pictures of quality need --catalogue and --movielens: left as they are.\n"
        )
        return
    command = [str(Path(sys.executable).with_name("movie-assets")), "evaluate"]
    options = ["--catalogue", sources.catalogue, "--movielens", sources.movielens]
    subprocess.run([*command, *map(str, options), "--plots", str(folder)], check=True)


MAKERS = {
    "graph": Maker(("asset-graph.svg",), draw_graph),
    "web-ui": Maker(("dagster-report.png", "dagster-table.png"), take_web_ui),
    "web-page": Maker(
        (
            "page-home.png",
            "page-film.png",
            "page-taste.png",
            "page-similar.png",
            "page-phone.png",
            "page-data.png",
        ),
        take_web_page,
    ),
    "quality": Maker(("similar-films.svg", "profiles.svg"), draw_quality),
}


def main() -> None:
    """Make the pictures that are asked for."""
    parser = argparse.ArgumentParser(description="Make the pictures of README and docs anew.")
    parser.add_argument("folder", nargs="?", type=Path, default=IMAGES)
    parser.add_argument("--only", choices=MAKERS, nargs="+", default=list(MAKERS))
    parser.add_argument("--catalogue", type=Path, help="films, as movie-assets evaluate takes them")
    parser.add_argument("--movielens", type=Path, help="the folder of a MovieLens release")
    asked = parser.parse_args()
    asked.folder.mkdir(parents=True, exist_ok=True)
    for name in asked.only:
        MAKERS[name].make(asked.folder, Sources(asked.catalogue, asked.movielens))
        for picture in MAKERS[name].pictures:
            path = asked.folder / picture
            size = f"{path.stat().st_size // 1024} KB" if path.exists() else "missing"
            sys.stdout.write(f"{path}  {size}\n")


if __name__ == "__main__":
    main()
