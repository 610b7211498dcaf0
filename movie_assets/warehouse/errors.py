"""What can go wrong with the warehouse, as types; each message says what to do about it.

Only the errors belong here. What raises them is in ``schema.py`` and ``store.py``.
"""

from __future__ import annotations


class WarehouseError(Exception):
    """The warehouse could not do what it was asked; what it held before is still there."""


class SchemaError(WarehouseError):
    """Data, or the stored table, does not have the declared columns, types or values."""


class TableMissingError(WarehouseError):
    """A table, or the whole database, is not there yet."""


class WarehouseLockedError(WarehouseError):
    """The database file is held by someone else for longer than we were told to wait.

    Attributes:
        pid: the process that holds it, where DuckDB names it.
        program: the program of that process, where DuckDB names it.
    """

    def __init__(self, message: str, *, pid: int | None = None, program: str | None = None):
        super().__init__(message)
        self.pid = pid
        self.program = program


class WarehouseVersionError(WarehouseError):
    """The file is no database that the installed DuckDB reads; it was not changed."""


class WarehousePermissionError(WarehouseError):
    """The operating system does not let this user read or write the file or its folder."""


class WarehouseFullError(WarehouseError):
    """There is no room left for what was to be written."""
