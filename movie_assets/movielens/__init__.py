"""MovieLens: people's ratings of films, from the folder of a release that GroupLens published.

``folder.py`` finds a release's files and tells whether they changed, ``lines.py`` reads numbers
from csv files of any size and judges their lines, ``ratings.py`` makes of both files ratings of
TMDB's films. Nothing is downloaded, and nothing here knows of Dagster or of the warehouse.
"""

from movie_assets.movielens.errors import (
    BadLinesError,
    ColumnsError,
    EncodingError,
    FileMissingError,
    FolderMissingError,
    MovieLensError,
    NoRatingsError,
    TruncatedError,
    UnreadableError,
)
from movie_assets.movielens.folder import fingerprint
from movie_assets.movielens.ratings import MovieLensRatings, read_ratings

__all__ = [
    "BadLinesError",
    "ColumnsError",
    "EncodingError",
    "FileMissingError",
    "FolderMissingError",
    "MovieLensError",
    "MovieLensRatings",
    "NoRatingsError",
    "TruncatedError",
    "UnreadableError",
    "fingerprint",
    "read_ratings",
]
