"""What can go wrong between us and TMDB: one type for each failure.

Every message is one line that says what happened and what to do about it, and none ever holds the
API key. ``transient`` says whether the same request may well succeed a little later; only such
failures are tried again, and the final error says how many tries there were and how long they took.
"""

from __future__ import annotations

from typing import ClassVar


class TmdbError(Exception):
    """Base of everything that this package raises of its own accord.

    Attributes:
        transient: whether the same request may succeed a little later.
        status: TMDB's HTTP status, where there was an answer.
        tmdb_code: TMDB's own status code (22 is "invalid page"), where the answer had one.
        said: TMDB's own words, redacted, where the answer had any.
        tries: how often the request was sent; None where nothing was sent.
        seconds: how long all those tries took together, waits included.
        retry_after: seconds that the server asked to be left alone, already bounded.
    """

    transient: ClassVar[bool] = False

    status: int | None = None
    tmdb_code: int | None = None
    said: str = ""
    tries: int | None = None
    seconds: float = 0.0
    retry_after: float | None = None

    def __str__(self) -> str:
        message = super().__str__()
        if self.tries is None or (self.tries == 1 and not self.transient):
            return message
        noun = "try" if self.tries == 1 else "tries"
        return f"{message} (gave up after {self.tries} {noun} in {self.seconds:.1f} s)"


class MissingKeyError(TmdbError):
    """A key is needed and there is none."""


class InvalidKeyError(TmdbError):
    """TMDB does not accept the key (401 or 403), or it cannot be a key at all."""


class NotFoundError(TmdbError):
    """There is no such film or address (404)."""


class InvalidRequestError(TmdbError):
    """TMDB refuses the request as it is (400, 422 and the other 4xx)."""


class RateLimitedError(TmdbError):
    """TMDB asks for fewer requests (429)."""

    transient = True


class ServerError(TmdbError):
    """TMDB failed on its side (5xx)."""

    transient = True


class ConnectionFailedError(TmdbError):
    """The connection was refused or broke off."""

    transient = True


class NameResolutionError(TmdbError):
    """The host's name could not be looked up.

    Transient, since a resolver that has just lost its network gives the same answer as one that
    knows the name to be wrong.
    """

    transient = True


class RequestTimeoutError(TmdbError):
    """No connection, or no complete answer, in time."""

    transient = True


class TlsError(TmdbError):
    """The encrypted connection could not be set up, most often for the certificate's sake."""


class MalformedBodyError(TmdbError):
    """The answer is not JSON: cut short, an HTML page, NaN in place of a number."""

    transient = True


class UnexpectedShapeError(TmdbError):
    """The answer is JSON, of another shape than TMDB documents.

    Not transient: the API has changed, or the base URL is some other service. It is asked for once
    more all the same, since one odd answer among hundreds of pages should not end a run.
    """


class BodyTooLargeError(TmdbError):
    """The answer is larger than any that TMDB gives; it was not read to its end."""


class RedirectError(TmdbError):
    """The server redirects elsewhere. It is not followed: the key must go to no other host."""


class RequestFailedError(TmdbError):
    """The request could not be made for any other reason, such as an unusable base URL."""


class ExportMissingError(TmdbError):
    """There is no daily export of ids of any of the last days."""


class ExportBrokenError(TmdbError):
    """The export is empty, not gzip, or cut short. Transient: it may be written just then."""

    transient = True


class ExportLinesError(TmdbError):
    """The export's lines are not what they should be, or none of them is wanted."""


class TemporaryFileError(TmdbError):
    """There is no room for an export in the folder of temporary files."""


class TooManyChangesError(TmdbError):
    """More films changed in a day than TMDB lists: what changed is to be found another way."""


class CatalogueMissingError(TmdbError):
    """A file of the bundled films is not there, or cannot be opened."""


class CatalogueBrokenError(TmdbError):
    """A file of the bundled films cannot be read as what it should be."""
