"""The report: the executed notebook and its page, made anew together or not at all.

Both files are whole before either takes its place, and the page names the notebook that it was made
of: a pair that does not belong together, which only a crash between two renames could leave, counts
as not stored.
"""

from __future__ import annotations

import hashlib
import os
import re
import threading
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from movie_assets.analysis import notebook as notebooks
from movie_assets.analysis import page
from movie_assets.analysis.errors import ReportError
from movie_assets.warehouse import TableMissingError
from movie_assets.warehouse.contents import stored_tables

if TYPE_CHECKING:
    from nbformat import NotebookNode

NAME = "eda_report"
NOTEBOOK = Path(__file__).with_name(f"{NAME}.ipynb")
#: The tables that the notebook reads, beside the raw one.
TABLES = (
    "movies_table",
    "genres_table",
    "movie_genre_data",
    "movie_details",
    "similarity_matrix",
    "recommendation_quality",
)

_DIGEST = re.compile(r'<meta (?=[^>]*name="notebook-sha256")[^>]*content="([0-9a-f]{64})"')
#: Where in the page the digest stands.
_HEAD = 2000


@dataclass(frozen=True)
class Report:
    """A report that was made.

    Attributes:
        notebook: the executed notebook.
        page: the web page made of it.
        seconds: how long it took.
        told: what the notebook said, in its order, each with its ``section``: what was found
            (``finding``, a sentence or two), or what a plot shows in numbers (``title`` and what
            else ``plots.show`` puts there).
    """

    notebook: Path
    page: Path
    seconds: float
    told: Sequence[dict[str, Any]] = ()

    @property
    def plots(self) -> list[dict[str, Any]]:
        """What each plot shows in numbers."""
        return [told for told in self.told if "title" in told]

    @property
    def findings(self) -> list[str]:
        """What the sections found."""
        return [told["finding"] for told in self.told if "finding" in told]


@dataclass(frozen=True)
class Reports:
    """Makes reports and knows where they are kept.

    Attributes:
        database: the warehouse.
        folder: where the report is kept; made where it is missing.
        source: 'sample', 'popular' or 'catalogue': says which raw table the films come from.
        template: the notebook to run.
    """

    database: Path
    folder: Path
    source: str = "sample"
    template: Path = NOTEBOOK

    @property
    def raw_films(self) -> tuple[str, str]:
        """The raw table, and SQL for its rows that count."""
        if self.source == "catalogue":
            return "raw_catalogue_movies", "(FROM raw_catalogue_movies WHERE gone_at IS NULL)"
        return "raw_popular_movies", "raw_popular_movies"

    @property
    def paths(self) -> tuple[Path, Path]:
        """The notebook and the page."""
        return self.folder / f"{NAME}.ipynb", self.folder / f"{NAME}.html"

    @property
    def is_stored(self) -> bool:
        """Whether both are there and belong together."""
        executed, shown = self.paths
        try:
            with shown.open(encoding="utf-8") as file:
                named = _DIGEST.search(file.read(_HEAD))
            return named is not None and named[1] == _sha256(executed.read_bytes())
        except (OSError, ValueError):
            return False

    def make(self) -> Report:
        """Run the notebook and put the report in the place of the last one.

        Where a cell fails, the notebook as far as it came is kept as ``eda_report.failed.ipynb``,
        until the next one succeeds.

        Raises:
            ReportError: of the type that says what failed; the last report is as it was.
            WarehouseError: where the tables are not there or cannot be read.
        """
        started = time.perf_counter()
        self._refuse_missing_tables()
        _load_page_makers_meanwhile()
        parameters = {"database": str(self.database.absolute()), "raw_films": self.raw_films[1]}
        notebook = notebooks.with_parameters(notebooks.read(self.template), parameters)
        failed = self.folder / f"{NAME}.failed.ipynb"
        try:
            notebooks.execute(notebook)
        except ReportError:
            _write({failed: _written(notebook)})
            raise
        executed, shown = self.paths
        content = _written(notebook)
        title = next(c.source for c in notebook.cells if c.source.startswith("# "))[2:].splitlines()
        html = page.render(notebook, title=title[0], digest=_sha256(content))
        _write({executed: content, shown: html.encode()})
        failed.unlink(missing_ok=True)
        return Report(executed, shown, time.perf_counter() - started, _told(notebook))

    def _refuse_missing_tables(self) -> None:
        there = stored_tables(self.database)
        missing = sorted({*TABLES, self.raw_films[0]} - there)
        if missing:
            raise TableMissingError(
                f"The report needs {', '.join(missing)} in {self.database}. Make what is missing "
                "with: movie-assets build"
            )


def _load_page_makers_meanwhile() -> None:
    """Load in a thread, while the kernel works, what takes a second and is needed after it."""
    # Not these in the thread: two threads that import them at once get them half made.
    import jupyter_client  # noqa: F401, PLC0415
    import nbclient  # noqa: F401, PLC0415

    def load() -> None:
        import nbconvert.exporters.html  # noqa: F401, PLC0415

    threading.Thread(target=load, daemon=True).start()


def _told(notebook: NotebookNode) -> list[dict[str, Any]]:
    """What our cells said beside what they showed."""
    return [
        {"section": notebooks.section_of(notebook, place), **output.metadata["movie_assets"]}
        for place, cell in enumerate(notebook.cells)
        if cell.cell_type == "code"
        for output in cell.outputs
        if "movie_assets" in output.get("metadata", {})
    ]


def _written(notebook: NotebookNode) -> bytes:
    import nbformat  # noqa: PLC0415

    return bytes(nbformat.writes(notebook).encode())


def _sha256(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()


def _write(contents: dict[Path, bytes]) -> None:
    """Write all files whole beside their places, and only then put each into its own.

    Raises:
        ReportError: where the folder cannot be written.
    """
    drafts = {path.with_name(f".{path.name}.{os.getpid()}.new"): path for path in contents}
    try:
        for draft, path in drafts.items():
            path.parent.mkdir(parents=True, exist_ok=True)
            with draft.open("wb") as file:
                file.write(contents[path])
                file.flush()
                os.fsync(file.fileno())
        for draft, path in drafts.items():
            draft.replace(path)
    except OSError as error:
        raise ReportError(
            f"The report could not be written to {error.filename}: {error.strerror}. Make room or "
            "give the user the right to write there; the last report stays."
        ) from error
    finally:
        for draft in drafts:
            draft.unlink(missing_ok=True)
