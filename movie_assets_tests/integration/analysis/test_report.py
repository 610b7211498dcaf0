"""The report: all of it on the bundled films and on 10,000, and the last good one when it fails."""

from __future__ import annotations

import json
import re
import shutil
from html import unescape
from pathlib import Path
from typing import Any

import duckdb
import nbformat
import pytest
from playwright.sync_api import sync_playwright

from movie_assets.analysis import NOTEBOOK, CellError, Report, Reports
from movie_assets.warehouse import TableMissingError, WarehouseLockedError
from movie_assets.warehouse.store import connect
from movie_assets_tests.browser.web_ui import browser_of_tests

#: What the tutorial's analysis shows, and what it does not.
SECTIONS = [
    "The two tables",
    "The films",
    "The genres",
    "One row a film",
    "Films without votes",
    "Missing values",
    "Popularity",
    "Average vote",
    "Vote count",
    "Films a year",
    "Genres of the films",
    "Votes against their average",
    "Languages and decades",
    "Genres that go together",
    "How scores are distributed",
    "Neighbours and their reasons",
    "Popularity bias",
    "Quality, beside baselines",
]
PLOTS = 13


@pytest.fixture(scope="module")
def report(bundled: Any, tmp_path_factory: pytest.TempPathFactory) -> Report:
    """The report that ``movie-assets build`` made would do; its figures are not in its files."""
    folder = tmp_path_factory.mktemp("reports")
    return Reports(bundled.home / "movies_data.duckdb", folder).make()


def break_notebook(folder: Path, source: str) -> Path:
    """Our notebook with this as its last cell."""
    notebook = nbformat.read(NOTEBOOK, as_version=4)
    kept = [cell for cell in notebook.cells if "parameters" in cell.metadata.get("tags", [])]
    notebook.cells = [*kept, nbformat.v4.new_code_cell(source)]
    path = folder / "broken.ipynb"
    nbformat.write(notebook, path)
    return path


def test_the_notebook_in_the_project_has_no_outputs_and_a_cell_of_parameters() -> None:
    cells = json.loads(NOTEBOOK.read_text("utf-8"))["cells"]
    assert not any(cell.get("outputs") or cell.get("execution_count") for cell in cells)
    assert sum("parameters" in cell["metadata"].get("tags", []) for cell in cells) == 1


def test_the_report_on_the_bundled_films(report: Report, bundled: Any) -> None:
    assert len(report.plots) == PLOTS
    assert next(told["section"] for told in report.told if "finding" in told) == "The films"
    page = report.page.read_text("utf-8")
    assert re.findall(r"<h2[^>]*>([^<]+)<", page) == SECTIONS
    assert not re.search(r"https?://|<script|<iframe|<link", page), "Nothing from elsewhere."
    assert page.count("data:image/png;base64,") == PLOTS
    assert str(bundled.home / "movies_data.duckdb") in unescape(page), "The parameters are shown."
    with duckdb.connect(bundled.home / "movies_data.duckdb", read_only=True) as connection:
        [(films,)] = connection.execute("SELECT count(*) FROM movies").fetchall()
    assert report.findings[0].startswith(f"There are {films} films in ")
    [by_genre] = [plot for plot in report.plots if plot["title"] == "Films of each genre"]
    assert by_genre["names"][0] == "Drama"
    executed = nbformat.read(report.notebook, as_version=4)
    nbformat.validate(executed)


@pytest.mark.browser
def test_every_plot_is_there_in_a_browser(report: Report) -> None:
    path = browser_of_tests()
    with (
        sync_playwright() as playwright,
        playwright.chromium.launch(executable_path=path, args=["--no-sandbox"]) as browser,
    ):
        page = browser.new_page()
        asked: list[str] = []
        page.on("request", lambda request: asked.append(request.url))
        page.goto(report.page.absolute().as_uri())
        images = page.eval_on_selector_all("img", "all => all.map(i => [i.alt, i.naturalWidth])")
        assert [alt for alt, _ in images] == [plot["title"] for plot in report.plots]
        assert all(width > 0 for _, width in images)
        links = page.eval_on_selector_all(
            "nav a",
            "all => all.map(a => !!document.getElementById(decodeURIComponent(a.hash.slice(1))))",
        )
        assert links == [True] * len(SECTIONS)
        others = [url for url in asked if not url.startswith(("data:", "file:"))]
        assert others == []


def test_a_report_is_stored_only_where_both_files_belong_together(
    report: Report, tmp_path: Path
) -> None:
    copy = tmp_path / "reports"
    shutil.copytree(report.page.parent, copy)
    reports = Reports(tmp_path / "none.duckdb", copy)
    assert reports.is_stored
    with reports.paths[0].open("a") as notebook:
        notebook.write("\n")
    assert not reports.is_stored
    reports.paths[1].unlink()
    assert not reports.is_stored


def test_the_last_good_report_stays_when_a_cell_fails(
    report: Report, bundled: Any, tmp_path: Path
) -> None:
    copy = tmp_path / "reports"
    shutil.copytree(report.page.parent, copy)
    template = break_notebook(tmp_path, "print(database)\n1 / 0")
    reports = Reports(bundled.home / "movies_data.duckdb", copy, template=template)
    before = [path.read_bytes() for path in reports.paths]
    with pytest.raises(CellError, match="ZeroDivisionError: division by zero"):
        reports.make()
    assert [path.read_bytes() for path in reports.paths] == before
    assert reports.is_stored
    failed = (copy / "eda_report.failed.ipynb").read_text("utf-8")
    assert "ZeroDivisionError" in failed
    assert str(reports.database) in failed
    assert {path.name for path in copy.iterdir()} == {
        *(path.name for path in reports.paths),
        "eda_report.failed.ipynb",
    }


def test_what_the_warehouse_lacks_or_who_holds_it_is_told(tmp_path: Path, bundled: Any) -> None:
    with pytest.raises(TableMissingError, match="movie-assets build"):
        Reports(tmp_path / "none.duckdb", tmp_path).make()
    database = tmp_path / "movies_data.duckdb"
    shutil.copy(bundled.home / "movies_data.duckdb", database)
    from movie_assets.analysis.cells import open_warehouse  # noqa: PLC0415 - what a cell calls

    with (
        connect(database, read_only=False),
        pytest.raises(WarehouseLockedError, match="held by"),
    ):
        open_warehouse(database, wait_seconds=0.1)
    with open_warehouse(database) as connection, pytest.raises(duckdb.InvalidInputException):
        connection.execute("DELETE FROM movies_table")


#: Repeats every film of a warehouse under new ids, until there are as many as are wanted.
_MANY = """
CREATE OR REPLACE TABLE copies AS SELECT range AS n FROM range({copies});
CREATE OR REPLACE TABLE movies_table AS
    SELECT * REPLACE (id + 10000000 * n::INTEGER AS id) FROM movies_table, copies
    ORDER BY n, id LIMIT {films};
CREATE OR REPLACE TABLE similarity_matrix AS
    SELECT * REPLACE (movie_id + 10000000 * n::INTEGER AS movie_id,
                      neighbour_id + 10000000 * n::INTEGER AS neighbour_id)
    FROM similarity_matrix, copies;
DROP TABLE copies;
"""


def test_ten_thousand_films_take_at_most_thirty_seconds(bundled: Any, tmp_path: Path) -> None:
    database = tmp_path / "movies_data.duckdb"
    shutil.copy(bundled.home / "movies_data.duckdb", database)
    with duckdb.connect(database) as connection:
        connection.execute(_MANY.format(copies=11, films=10_000))
    report = Reports(database, tmp_path / "reports").make()
    assert report.seconds < 30
    assert report.findings[0].startswith("There are 10,000 films in ")
    assert len(report.plots) == PLOTS
