"""The analysis: the notebook about the films and the recommendations, run and kept as a report.

The notebook, its plots and its runner are in ``movie_assets.analysis``; the small pictures that are
shown in Dagster's web UI are drawn by ``pictures``, of the figures that the notebook's plots show.
"""

import json
import re
from pathlib import Path
from typing import Any

import dagster as dg

from movie_assets import analysis
from movie_assets.analysis import NOTEBOOK, Report, Reports, notebook, page, report
from movie_assets.assets.declare import timed
from movie_assets.assets.pictures import SHOWN_IN_PLACE, bars, histogram_of
from movie_assets.assets.versions import code_version

_ROOM = Path(analysis.__file__).parent


def _cells() -> str:
    """What the notebook's cells say, without what an editor writes around it."""
    cells = json.loads(NOTEBOOK.read_text("utf-8"))["cells"]
    return json.dumps([(cell["cell_type"], cell["source"]) for cell in cells])


def _eda_report(
    context: dg.AssetExecutionContext, reports: dg.ResourceParam[Reports]
) -> dg.MaterializeResult[None]:
    """Run the notebook and keep what it shows."""
    made = reports.make()
    context.log.info("The report is at %s", made.page.absolute().as_uri())
    return dg.MaterializeResult(
        metadata={
            "notebook": dg.MetadataValue.notebook(str(made.notebook.absolute())),
            "page": dg.MetadataValue.path(str(made.page.absolute())),
            "page_address": dg.MetadataValue.url(made.page.absolute().as_uri()),
            "findings": _findings(made),
            "report": dg.MetadataValue.md(_in_short(made)),
            "plots": len(made.plots),
            "notebook_seconds": round(made.seconds, 3),
            # Numbered, since two may have the same title in a notebook that somebody changed.
            **{f"{i:02d} {plot['title']}": _picture(plot) for i, plot in enumerate(made.plots, 1)},
        }
    )


eda_report = dg.asset(
    name=report.NAME,
    group_name="analysis",
    description="The analysis of films and recommendations: a notebook, run on the warehouse, and "
    "the web page made of it.",
    deps=report.TABLES,
    kinds={"jupyter", "duckdb"},
    code_version=code_version(
        _eda_report,
        notebook,
        page,
        report,
        *(_ROOM / name for name in ("cells.py", "plots.py")),
        _cells(),
        *(path.read_text("utf-8") for path in (page.TEMPLATE, page.STYLE)),
    ),
)(timed(_eda_report))


def _findings(made: Report) -> dg.MarkdownMetadataValue:
    """As many of the sections' sentences as the web UI shows in place."""
    text = ""
    for finding in made.findings:
        line = f"- {_escaped(finding)}\n"
        if len(text) + len(line) >= SHOWN_IN_PLACE:
            break
        text += line
    return dg.MetadataValue.md(text)


def _in_short(made: Report) -> str:
    """The report as markdown, which the web UI opens in a window of its own.

    Its browser page lies in a file, which no page that comes from a server may link to, and the
    web UI shows a notebook only where dagstermill ran it.
    """
    text, section = "", ""
    for told in made.told:
        if told["section"] != section:
            section = told["section"]
            text += f"## {_escaped(section)}\n\n"
        text += (_escaped(told["finding"]) if "finding" in told else _picture(told).value) + "\n\n"
    return text


def _escaped(text: str) -> str:
    """Text that is not taken for markdown, whatever titles of films are in it."""
    return re.sub(r"([\\`*_\[\]<>|~#])", r"\\\1", text)


def _picture(plot: dict[str, Any]) -> dg.MarkdownMetadataValue:
    if plot["kind"] == "named":
        return bars(plot["names"], plot["values"], plot["title"], plot["unit"])
    return histogram_of(
        plot["values"],
        (plot["low"], plot["high"]),
        plot["title"],
        plot["unit"],
        log_counts=plot["log"],
        log_scale=plot["powers"],
    )
