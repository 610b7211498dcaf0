"""Films from TMDB, or from the bundle, behind one interface.

What belongs here: asking for films and genres (:class:`MovieSource` and its two kinds), everything
that may go wrong on the way as types, the pace and the patience, keeping the key secret, and taking
rows apart without losing anything (:func:`parse_movie`, :func:`parse_genre`,
:func:`parse_details`, :func:`parse_catalogue_movie`, and :func:`open_export` for the daily export
of ids). What does not: what a row is worth, where it is stored and when it is
fetched; nothing here knows of Dagster, pandas or DuckDB.
"""

from movie_assets.tmdb.bundled import BundledCatalogue
from movie_assets.tmdb.client import TmdbClient
from movie_assets.tmdb.details import (
    DETAIL_BLOCKS,
    DetailsRow,
    parse_catalogue_movie,
    parse_details,
)
from movie_assets.tmdb.download import open_export
from movie_assets.tmdb.errors import (
    BodyTooLargeError,
    CatalogueBrokenError,
    CatalogueMissingError,
    ConnectionFailedError,
    ExportBrokenError,
    ExportLinesError,
    ExportMissingError,
    InvalidKeyError,
    InvalidRequestError,
    MalformedBodyError,
    MissingKeyError,
    NameResolutionError,
    NotFoundError,
    RateLimitedError,
    RedirectError,
    RequestFailedError,
    RequestTimeoutError,
    ServerError,
    TemporaryFileError,
    TlsError,
    TmdbError,
    TooManyChangesError,
    UnexpectedShapeError,
)
from movie_assets.tmdb.export import ExportCounts, ExportFilter, ExportReading, MovieExport
from movie_assets.tmdb.failures import Timeouts
from movie_assets.tmdb.redact import redact
from movie_assets.tmdb.retry import RetryPolicy
from movie_assets.tmdb.rows import GenreRow, MovieRow, parse_genre, parse_movie
from movie_assets.tmdb.source import Details, MovieSource, PopularMovies

__all__ = [
    "DETAIL_BLOCKS",
    "BodyTooLargeError",
    "BundledCatalogue",
    "CatalogueBrokenError",
    "CatalogueMissingError",
    "ConnectionFailedError",
    "Details",
    "DetailsRow",
    "ExportBrokenError",
    "ExportCounts",
    "ExportFilter",
    "ExportLinesError",
    "ExportMissingError",
    "ExportReading",
    "GenreRow",
    "InvalidKeyError",
    "InvalidRequestError",
    "MalformedBodyError",
    "MissingKeyError",
    "MovieExport",
    "MovieRow",
    "MovieSource",
    "NameResolutionError",
    "NotFoundError",
    "PopularMovies",
    "RateLimitedError",
    "RedirectError",
    "RequestFailedError",
    "RequestTimeoutError",
    "RetryPolicy",
    "ServerError",
    "TemporaryFileError",
    "Timeouts",
    "TlsError",
    "TmdbClient",
    "TmdbError",
    "TooManyChangesError",
    "UnexpectedShapeError",
    "open_export",
    "parse_catalogue_movie",
    "parse_details",
    "parse_genre",
    "parse_movie",
    "redact",
]
