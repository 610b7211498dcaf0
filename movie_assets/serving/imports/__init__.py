"""People's own files of ratings: read, and matched to films, without storing any of it.

What belongs here: the formats that Letterboxd, IMDb, Trakt and MovieLens export, a table of one's
own, and which films their rows are. What does not: HTTP (``api``), pages (``web``), and what is
recommended by it (``published``).
"""

from movie_assets.serving.imports.entries import Entry, Export, Format, Limits, Place, Skipped
from movie_assets.serving.imports.errors import (
    DamagedExportError,
    EmptyExportError,
    EncryptedExportError,
    ExportError,
    ExportTooLargeError,
    UnknownExportError,
)
from movie_assets.serving.imports.matching import (
    Films,
    Match,
    Matched,
    Profile,
    Rated,
    Unmatched,
    match,
)
from movie_assets.serving.imports.reading import read_export

__all__ = [
    "DamagedExportError",
    "EmptyExportError",
    "EncryptedExportError",
    "Entry",
    "Export",
    "ExportError",
    "ExportTooLargeError",
    "Films",
    "Format",
    "Limits",
    "Match",
    "Matched",
    "Place",
    "Profile",
    "Rated",
    "Skipped",
    "UnknownExportError",
    "Unmatched",
    "match",
    "read_export",
]
