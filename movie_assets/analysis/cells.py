"""What the notebook's cells call, but for its plots: the warehouse, tables and sentences.

Runs in the notebook's kernel. What is particular to one section belongs in the notebook, where its
readers see it.
"""

from __future__ import annotations

import html
import time
from contextlib import suppress
from pathlib import Path
from typing import Any

import duckdb
import pandas as pd
from IPython.core.getipython import get_ipython
from IPython.display import HTML, display

#: What DuckDB may take of the memory; beyond it, it goes on in files.
_CONFIG: Any = {"memory_limit": "2GB"}
#: A longer table is for SQL, not for reading.
_MOST_ROWS = 40

_PAUSE_SECONDS = 0.2


def open_warehouse(
    database: str | Path, *, wait_seconds: float = 10.0
) -> duckdb.DuckDBPyConnection:
    """A connection that can only read.

    Args:
        database: the DuckDB file.
        wait_seconds: how long to wait where another process writes.

    Raises:
        WarehouseError: of the type that says why the file cannot be read.
    """
    deadline = time.monotonic() + wait_seconds
    while True:
        try:
            return duckdb.connect(database, read_only=True, config=_CONFIG)
        except duckdb.Error as error:
            if "Could not set lock" not in str(error) or time.monotonic() > deadline:
                _raise_named(Path(database))
                raise
        time.sleep(_PAUSE_SECONDS)


def _raise_named(database: Path) -> None:
    """The warehouse's own error for a file that DuckDB does not open."""
    from movie_assets.warehouse.store import connect  # noqa: PLC0415 - a second, and seldom needed

    with suppress(duckdb.Error), connect(database, read_only=True, wait_seconds=0):
        pass


def prepare() -> None:
    """Show frames as plain tables, without the numbers of their rows."""
    shell: Any = get_ipython()
    if shell is not None:
        shell.display_formatter.formatters["text/html"].for_type(pd.DataFrame, table)


def table(frame: pd.DataFrame) -> str:
    """A frame as HTML, everything in it escaped.

    >>> "&lt;b&gt;" in table(pd.DataFrame({"title": ["<b>"]}))
    True
    """
    found: str = frame.to_html(
        index=False, border=0, na_rep="", max_rows=_MOST_ROWS, float_format=_number, justify="left"
    )
    return found


def say(text: str) -> None:
    """What a section found, as a paragraph; titles in it may hold anything."""
    display(HTML(f"<p>{html.escape(text)}</p>"), metadata={"movie_assets": {"finding": text}})


def share(part: float, whole: float) -> str:
    """A share in per cent; of nothing it is 0.

    >>> share(1, 3), share(1, 2000), share(0, 0)
    ('33 %', '0.05 %', '0 %')
    """
    percent = 100 * part / whole if whole else 0.0
    return f"{percent:.0f} %" if percent >= 10 or percent == 0 else f"{percent:.2g} %"


def _number(value: Any) -> str:
    return f"{value:,.0f}" if abs(value) >= 1000 else f"{value:.3g}"
