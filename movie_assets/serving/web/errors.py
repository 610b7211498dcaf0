"""What a page can fail with: told to people as a page of its own."""

from __future__ import annotations


class PageError(Exception):
    """A page cannot be shown.

    Attributes:
        status: the HTTP status.
        title: what went wrong, in a few words.
        detail: what can be done, a sentence or two.
    """

    def __init__(self, status: int, title: str, detail: str) -> None:
        super().__init__(title)
        self.status = status
        self.title = title
        self.detail = detail


class NothingPublishedError(PageError):
    """There is no snapshot yet."""

    def __init__(self) -> None:
        super().__init__(
            503,
            "Nothing is published yet",
            "The films are still being prepared. If this is your installation, run "
            "“movie-assets build”: this page finds what it publishes by itself.",
        )


class NoSuchFilmError(PageError):
    """No film has this number."""

    def __init__(self) -> None:
        super().__init__(
            404,
            "There is no such film here",
            "It may have been taken from TMDB since, or the address was mistyped. Search for it by "
            "its title.",
        )
