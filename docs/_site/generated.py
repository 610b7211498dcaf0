"""The directive ``{generated}``: a part of a page that is made from the code.

    ```{generated} settings
    ```

What can stand there is in ``PARTS``. This module only puts it into the page.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, ClassVar

import reference
from data_flow import drawing
from docutils import nodes
from sphinx.util.docutils import SphinxDirective

if TYPE_CHECKING:
    from sphinx.application import Sphinx

PARTS: dict[str, Callable[[], str]] = {
    "settings": reference.settings,
    "tables": reference.tables,
    "assets": reference.assets,
    "automation": reference.automation,
    "api": reference.api,
    "cli": reference.command_line,
    "metrics": reference.metrics,
    "data-flow": drawing,
}


class Generated(SphinxDirective):
    """Markdown that is made from the code, read as if it stood in the page."""

    required_arguments = 1
    option_spec: ClassVar[dict[str, Any]] = {}

    def run(self) -> list[nodes.Node]:
        """The part's nodes."""
        part = PARTS.get(self.arguments[0])
        if part is None:
            raise self.error(f"nothing is generated as {self.arguments[0]!r}: {sorted(PARTS)}")
        text = part()
        if text.startswith("<"):
            return [nodes.raw("", text, format="html")]
        return self.parse_text_to_nodes(text, allow_section_headings=True)


def setup(app: Sphinx) -> dict[str, bool]:
    """Called by Sphinx."""
    app.add_directive("generated", Generated)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
