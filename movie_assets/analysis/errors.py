"""What can go wrong with the report, as types; each message says what to do about it."""

from __future__ import annotations


class ReportError(Exception):
    """The report could not be made; the last one is still there."""


class KernelError(ReportError):
    """The process that runs the notebook did not start, died, or took too long over a cell."""


class CellError(ReportError):
    """A cell of the notebook failed.

    Attributes:
        cell: its place among all cells of the notebook, from 1.
        section: the heading that it stands under.
        reason: the last line of what went wrong.
    """

    def __init__(self, message: str, *, cell: int, section: str, reason: str):
        super().__init__(message)
        self.cell = cell
        self.section = section
        self.reason = reason
