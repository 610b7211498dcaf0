"""How the pages of this folder become a site: ``make docs`` writes it into ``build/docs``.

Sphinx reads the pages as they are, by MyST, so that they look right where the code is hosted as
well. What is generated is in ``_site``. Nothing here asks another server, and neither does the
site.
"""

from __future__ import annotations

import re
import sys
from importlib.metadata import version as version_of
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from sphinx.application import Sphinx

sys.path.insert(0, str(Path(__file__).parent / "_site"))

project = "movie_assets"
author = "The authors of movie_assets"
release = version = version_of("movie_assets")
extensions = ["myst_parser", "generated"]
exclude_patterns = ["_site"]

# As on a code host: every heading can be linked to by its words.
myst_heading_anchors = 4
nitpicky = True
# A drawing, a formula, or what a command printed: no language to colour.
highlight_language = "text"

html_theme = "furo"
html_title = "movie_assets"
html_static_path = ["_site/static"]
html_css_files = ["site.css"]
html_copy_source = False
html_show_sphinx = False
html_theme_options = {
    "source_repository": "",
    "light_css_variables": {"color-brand-primary": "#8a4b08", "color-brand-content": "#8a4b08"},
    "dark_css_variables": {"color-brand-primary": "#f0b35b", "color-brand-content": "#f0b35b"},
}

#: Pages of the checkout that the site has too, under a name of its own.
_ELSEWHERE = re.compile(r"\]\((?:\.\./)+(CONTRIBUTING|CHANGELOG)\.md(#[\w-]+)?\)")


def _link_within_the_site(_: Sphinx, page: str, source: list[str]) -> None:
    up = "../" * page.count("/")
    source[0] = _ELSEWHERE.sub(
        lambda found: f"]({up}{found[1].lower()}.md{found[2] or ''})", source[0]
    )


def setup(app: Sphinx) -> None:
    """Called by Sphinx."""
    app.connect("source-read", _link_within_the_site)
