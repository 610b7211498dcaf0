"""From a film's details, as TMDB gives them, to rows, losing nothing that is used.

As in ``rows.py``, a value that cannot be taken is kept as it was in ``malformed_fields``; of a list
that is the entries that cannot be taken. Dozens of further fields are of no use here and are left.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Collection, Mapping
from typing import Any, TypedDict, cast

from movie_assets.tmdb.listing import wrong_shape
from movie_assets.tmdb.rows import (
    MOVIE_FIELDS,
    MovieRow,
    Taken,
    as_integer,
    take_integer,
    take_text,
    to_json,
)

#: What has to be asked for beside a film's own fields.
DETAIL_BLOCKS = ("keywords", "credits", "recommendations")

#: Big productions name hundreds; those who are named first are those whom people look for.
MOST_ACTORS = 10

_DIRECTORS = frozenset({"Director"})
_WRITERS = frozenset(
    {
        "Adaptation",
        "Author",
        "Book",
        "Co-Writer",
        "Comic Book",
        "Graphic Novel",
        "Novel",
        "Original Story",
        "Screenplay",
        "Short Story",
        "Story",
        "Teleplay",
        "Theatre Play",
        "Writer",
    }
)
_COMPOSERS = frozenset({"Original Music Composer"})


class DetailsRow(TypedDict):
    """One film's details. A list is None where its block did not come, and empty where it was."""

    id: int | None
    imdb_id: str | None
    tagline: str | None
    runtime: int | None
    collection_id: int | None
    collection_name: str | None
    keywords: list[str] | None
    directors: list[str] | None
    writers: list[str] | None
    composers: list[str] | None
    actors: list[str] | None
    recommended_ids: list[int] | None
    malformed_fields: str | None


def expect_details(answer: object, movie_id: int) -> dict[str, object]:
    """Give an answer as what it must be: the details of the film that was asked for.

    Raises:
        UnexpectedShapeError: where it is no object, or another film's.
    """
    if not isinstance(answer, dict):
        raise wrong_shape(f"/movie/{movie_id}", "is not an object")
    if as_integer(answer.get("id")) != movie_id:
        raise wrong_shape(f"/movie/{movie_id}", "has another film's id, or none")
    return answer


def parse_details(answer: Mapping[str, object]) -> DetailsRow:
    """Give the row of a film's details, with its keywords, credits and recommendations in them.

    Actors are in the order of the credits; those whose ``order`` is not told come last.
    """
    taking = _Taking()
    collection = taking.block("belongs_to_collection", answer)
    people = taking.block("credits", answer)
    cast, crew = taking.entries("cast", people), taking.entries("crew", people)
    keywords = taking.entries("keywords", taking.block("keywords", answer))
    recommended = taking.entries("results", taking.block("recommendations", answer))
    actors = taking.each("actors", "name", take_text, _in_order(cast))
    row = DetailsRow(
        id=taking.value("id", answer.get("id"), take_integer),
        imdb_id=taking.value("imdb_id", answer.get("imdb_id"), take_text),
        tagline=taking.value("tagline", answer.get("tagline"), take_text),
        runtime=taking.value("runtime", answer.get("runtime"), take_integer),
        collection_id=taking.value("collection_id", collection.get("id"), take_integer),
        collection_name=taking.value("collection_name", collection.get("name"), take_text),
        keywords=taking.each("keywords", "name", take_text, keywords),
        directors=taking.each("directors", "name", take_text, _with_job(crew, _DIRECTORS)),
        writers=taking.each("writers", "name", take_text, _with_job(crew, _WRITERS)),
        composers=taking.each("composers", "name", take_text, _with_job(crew, _COMPOSERS)),
        actors=None if actors is None else actors[:MOST_ACTORS],
        recommended_ids=taking.each("recommended_ids", "id", take_integer, recommended),
        malformed_fields=None,
    )
    row["malformed_fields"] = to_json(taking.malformed) if taking.malformed else None
    return row


def parse_catalogue_movie(answer: Mapping[str, object]) -> MovieRow:
    """Give the film's own fields of its details, as a list of films would give them.

    The numbers of the genres are those of the entries of ``genres``. `extra_fields` is None: of
    the details' many further fields only a list of names, which would age, could tell those that
    are new from those that are of no use here.
    """
    taking = _Taking()
    fields = {
        name: taking.value(name, answer.get(name), take)
        for name, take in MOVIE_FIELDS.items()
        if name != "genre_ids"
    }
    fields["genre_ids"] = taking.each(
        "genres", "id", take_integer, taking.entries("genres", answer)
    )
    malformed = to_json(taking.malformed) if taking.malformed else None
    return cast("MovieRow", fields | {"extra_fields": None, "malformed_fields": malformed})


_Entries = list[Mapping[str, object]]


class _Taking:
    """Takes values out of one answer, and keeps what cannot be taken under its name."""

    def __init__(self) -> None:
        self.malformed: dict[str, Any] = {}

    def value(self, name: str, value: object, take: Callable[[object], Taken]) -> Any:
        """Give a value with its type; None where there is none, or none that can be taken."""
        if value is None:
            return None
        taken, is_whole = take(value)
        if not is_whole:
            self.malformed[name] = value
        return taken

    def block(self, name: str, of: Mapping[str, object]) -> Mapping[str, object]:
        """Give an object; an empty one where there is none."""
        found: Mapping[str, object] | None = self.value(name, of.get(name), _take_object)
        return found or {}

    def entries(self, name: str, of: Mapping[str, object]) -> _Entries | None:
        """Give the objects of a list; None where there is no list."""
        found: list[object] | None = self.value(name, of.get(name), _take_list)
        if found is None:
            return None
        self._keep(name, [entry for entry in found if not isinstance(entry, Mapping)])
        return [entry for entry in found if isinstance(entry, Mapping)]

    def each(
        self, name: str, field: str, take: Callable[[object], Taken], entries: _Entries | None
    ) -> list[Any] | None:
        """Give one field of each entry, those without it left out."""
        if entries is None:
            return None
        taken = [(entry, *take(entry.get(field))) for entry in entries]
        self._keep(name, [entry for entry, _, is_whole in taken if not is_whole])
        return [value for _, value, _ in taken if value is not None]

    def _keep(self, name: str, entries: list[Any]) -> None:
        if entries:
            self.malformed[name] = [*self.malformed.get(name, []), *entries]


def _take_object(value: object) -> Taken:
    return (value, True) if isinstance(value, Mapping) else (None, False)


def _take_list(value: object) -> Taken:
    return (value, True) if isinstance(value, list) else (None, False)


def _in_order(cast: _Entries | None) -> _Entries | None:
    def place(entry: Mapping[str, object]) -> float:
        order = as_integer(entry.get("order"))
        return math.inf if order is None else order

    return None if cast is None else sorted(cast, key=place)


def _with_job(crew: _Entries | None, jobs: Collection[str]) -> _Entries | None:
    if crew is None:
        return None
    return [entry for entry in crew if isinstance(job := entry.get("job"), str) and job in jobs]
