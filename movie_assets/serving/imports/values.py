"""From the text of a cell to a title, a year, an id, stars or a time: pure functions."""

from __future__ import annotations

import math
import re
from datetime import UTC, datetime, timedelta

LEAST_STARS, MOST_STARS = 0.5, 5.0
_LONGEST_TITLE = 500
_LONGEST_NUMBER = 40
_FIRST_YEAR = 1870  # of TMDB's oldest film, and a little
_YEARS_AHEAD = 20
_MOST_TMDB_ID = 2**31 - 1
#: A date may be this far ahead: it is tomorrow in New Zealand.
_AHEAD = timedelta(days=1)

# Controls and halves of surrogate pairs, which JSON can carry and no answer could.
_UNPRINTABLE = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029\ud800-\udfff]")
_IMDB_ID = re.compile(r"(?:^|/|\b)tt0*([0-9]{1,10})\b")
_DIGITS = re.compile(r"0*([0-9]{1,10})")
# Whole numbers as spreadsheets write them, and the years of a series.
_YEAR = re.compile(r"([0-9]{4})(?:\.0)?(?:\s*[\u2013-].*)?")
_YEAR_AT_END = re.compile(r"^(?P<title>.*\S)\s*\((?P<year>[0-9]{4})\)$")
_ARTICLE_AT_END = re.compile(
    r"^(?P<title>.+), (?P<article>The|A|An|La|Le|Les|L'|El|Los|Las|Il|Lo|Gli|Der|Die|Das)$"
)
#: As IMDb's exports had it until 2017: Sat Dec 31 00:00:00 2016.
_OLD_IMDB_TIME = "%a %b %d %H:%M:%S %Y"


class BadRowError(ValueError):
    """A row that cannot be used; the message says why and goes into the list of skipped rows."""


def clean(text: str) -> str:
    """One line without control characters; HTML and everything else stays what it is."""
    return " ".join(_UNPRINTABLE.sub(" ", text).split())


def shortened(text: str, length: int = 60) -> str:
    """As much of a text as fits a message, of letters and signs that can be seen."""
    text = clean("".join(c if c.isprintable() else " " for c in text[: 4 * length]))
    return text if len(text) <= length else text[: length - 1] + "…"


def title_of(text: str) -> str:
    """A film's title.

    Raises:
        BadRowError: where it is longer than any film's.
    """
    title = clean(text)
    if len(title) > _LONGEST_TITLE:
        raise BadRowError(f"its title has {len(title):,} characters")
    return title


def title_and_year_of(text: str) -> tuple[str, int | None]:
    """What MovieLens writes: "Usual Suspects, The (1995)".

    >>> title_and_year_of("Usual Suspects, The (1995)")
    ('The Usual Suspects', 1995)
    """
    title, year = title_of(text), None
    if found := _YEAR_AT_END.match(title):
        title, year = found["title"], int(found["year"])
    return article_first(title), year


def article_first(title: str) -> str:
    """A title as it is said.

    >>> article_first("Avventura, L'")
    "L'Avventura"
    """
    found = _ARTICLE_AT_END.match(title)
    if not found:
        return title
    space = "" if found["article"].endswith("'") else " "
    return f"{found['article']}{space}{found['title']}"


def year_of(text: str, now: datetime) -> int | None:
    """A year, None where there is none.

    Raises:
        BadRowError: where it is no year of a film.
    """
    if not text:
        return None
    found = _YEAR.fullmatch(text)
    if found and _FIRST_YEAR <= int(found[1]) <= now.year + _YEARS_AHEAD:
        return int(found[1])
    raise BadRowError(f"its year is {shortened(text)!r}")


def imdb_id_of(text: str) -> str | None:
    """IMDb's id from "tt0114709", "0114709" or an address; None where there is none."""
    found = _IMDB_ID.search(text[:200]) or _DIGITS.fullmatch(text.removesuffix(".0"))
    return f"tt{int(found[1]):07d}" if found and int(found[1]) else None


def tmdb_id_of(text: str) -> int | None:
    """TMDB's id; None where there is none that a film could have."""
    found = _DIGITS.fullmatch(text.removesuffix(".0"))  # as spreadsheets write numbers beside gaps
    return int(found[1]) if found and 1 <= int(found[1]) <= _MOST_TMDB_ID else None


def stars_of(text: str, *, most: float) -> float | None:
    """A rating in stars from 0.5 to 5; None where the film was not rated.

    Args:
        text: the number, with a point or a comma.
        most: the best rating there is: 5, or 10 for one that is twice the stars.

    Raises:
        BadRowError: where it is no number, or out of range.
    """
    if not text:
        return None
    scale = most / MOST_STARS
    try:
        stars = float(text[:_LONGEST_NUMBER].replace(",", ".")) / scale
    except ValueError:
        stars = math.nan
    if not LEAST_STARS <= stars <= MOST_STARS:
        raise BadRowError(
            f"its rating is {shortened(text)!r}, and must be from {LEAST_STARS * scale:g} to "
            f"{most:g}"
        )
    return stars


def time_of(text: str, now: datetime) -> datetime | None:
    """When something was rated, in UTC; None where that is unknown, unreadable or in the future.

    Given as a date, a date and time, or seconds since 1970.
    """
    try:
        at = _parsed(text[:_LONGEST_NUMBER])
        at = (at if at.tzinfo else at.replace(tzinfo=UTC)).astimezone(UTC)
    except (ValueError, OverflowError, OSError):
        return None
    return at if at <= now + _AHEAD else None


def _parsed(text: str) -> datetime:
    try:
        return datetime.fromisoformat(text)
    except ValueError:
        pass
    try:
        return datetime.fromtimestamp(float(text), UTC)
    except ValueError:
        return datetime.strptime(text, _OLD_IMDB_TIME)  # noqa: DTZ007 - it has none
