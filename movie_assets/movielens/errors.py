"""What can be wrong with a MovieLens folder, as types; each message says what to do about it.

Only the errors belong here. What raises them is in ``folder.py``, ``lines.py`` and ``ratings.py``.
"""

from __future__ import annotations


class MovieLensError(Exception):
    """A MovieLens folder cannot be used; nothing of it was taken."""


class FolderMissingError(MovieLensError):
    """What MOVIELENS_DIR names is no folder."""


class FileMissingError(MovieLensError):
    """A file of the release is not in the folder."""


class UnreadableError(MovieLensError):
    """The operating system does not give the file's content."""


class EncodingError(MovieLensError):
    """The file is not in UTF-8, so it is no csv file of a release."""


class ColumnsError(MovieLensError):
    """The file's first line does not name the columns of a release."""


class TruncatedError(MovieLensError):
    """The file ends in the middle of a line."""


class BadLinesError(MovieLensError):
    """More of the file's lines are unusable than an otherwise good file can have."""


class NoRatingsError(MovieLensError):
    """There is no rating, or none of a film that TMDB knows."""
