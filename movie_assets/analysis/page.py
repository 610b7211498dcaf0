"""The executed notebook as one web page that holds all it needs: no script, no address outside."""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from nbformat import NotebookNode

_HERE = Path(__file__).parent
TEMPLATE, STYLE = _HERE / "page.html.j2", _HERE / "page.css"


def render(notebook: NotebookNode, *, title: str, digest: str) -> str:
    """The page.

    Args:
        notebook: executed.
        title: the page's.
        digest: of the notebook's file, so that it can be told whether the two belong together.
    """
    from nbconvert.exporters.html import HTMLExporter  # noqa: PLC0415 - takes a second
    from pygments.formatters import HtmlFormatter  # noqa: PLC0415
    from traitlets.config import Config  # noqa: PLC0415

    exporter = HTMLExporter(
        config=Config(
            {
                "HighlightMagicsPreprocessor": {"languages": {"%%sql": "sql"}},
                "TagRemovePreprocessor": {
                    "enabled": True,
                    "remove_all_outputs_tags": ["remove-output"],
                },
            }
        ),
        template_name="basic",
        template_file=str(TEMPLATE),
        exclude_input_prompt=True,
        exclude_output_prompt=True,
        mathjax_url="",
        require_js_url="",
        mermaid_js_url="",
        jquery_url="",
    )
    headings = [
        heading[1].strip()
        for cell in notebook.cells
        if cell.cell_type == "markdown" and (heading := re.match(r"## (.+)", cell.source))
    ]
    style = STYLE.read_text("utf-8") + HtmlFormatter(style="default").get_style_defs(".highlight")
    resources = {
        "title": title,
        "digest": digest,
        "style": style,
        "headings": [(heading, heading.replace(" ", "-")) for heading in headings],
    }
    body, _ = exporter.from_notebook_node(notebook, resources=resources)
    return str(body)
