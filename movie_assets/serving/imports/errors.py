"""Why a file cannot be read as an export; the message is for the person who sent it.

Nothing here knows HTTP, and nothing of the file but names of its columns is in a message.
"""

from __future__ import annotations


class ExportError(ValueError):
    """A file that no profile can be made of; the subclass says why."""


class EmptyExportError(ExportError):
    """The file has no bytes, or no row that could be used."""


class ExportTooLargeError(ExportError):
    """The file, what it unpacks to, or its number of rows or files is over a limit."""


class UnknownExportError(ExportError):
    """The file is of no format that is known; the message says which are."""


class DamagedExportError(ExportError):
    """The file is of a known format, but broken: a zip cut short, a quote that is never closed."""


class EncryptedExportError(ExportError):
    """The zip asks for a password."""
