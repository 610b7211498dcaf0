"""The analysis: a notebook about the films and their recommendations, run and kept as a report.

``eda_report.ipynb`` is the notebook, which anybody can open and run (docs/analysis.md); its cells
call ``cells.py`` and ``plots.py``. ``notebook.py`` runs it in a kernel of its own, ``page.py``
makes a web page of it, and ``report.py`` keeps both. Nothing here imports Dagster; what Jupyter
brings is imported where it is used, since it takes a second.
"""

from movie_assets.analysis.errors import CellError, KernelError, ReportError
from movie_assets.analysis.report import NOTEBOOK, Report, Reports

__all__ = ["NOTEBOOK", "CellError", "KernelError", "Report", "ReportError", "Reports"]
