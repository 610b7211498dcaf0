"""``movie-assets recommend`` and ``movie-assets taste``: films for a film, and for a person.

What a person types and sees of it belongs here. Where lists come from is for ``lookup`` (those that
were worked out beforehand) and ``answers`` (those of dials, filters and tastes).
"""

from __future__ import annotations

import json
from itertools import groupby
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, NamedTuple

import typer
from rich.console import Console
from rich.table import Table
from rich.text import Text

from movie_assets.console import plain
from movie_assets.settings import load_settings

if TYPE_CHECKING:
    from collections.abc import Sequence

    from movie_assets.answers import Catalogue, Rated, Suggestion
    from movie_assets.lookup import Film, Recommendations
    from movie_assets.recommender.query import Wishes
    from movie_assets.settings import Settings

#: How wide the column of films is at least where there is room, and that of reasons.
_FILM_WIDTH, _REASON_WIDTH = 30, 8
_LEFT_OUT_SHOWN = 5
_LIKED, _SEEN, _DISLIKED = 5.0, 3.0, 1.0  # stars, as in a file of ratings

# What comes from data is shown by `plain`, so that none of it is taken for markup.
_out = Console(highlight=False, emoji=False)
_err = Console(stderr=True, highlight=False, emoji=False)


_Number = Annotated[int, typer.Option("--number", "-n", min=1, max=50, help="How many films.")]
_Popularity = Annotated[
    float | None,
    typer.Option(min=0, max=1, help="From 0 (hidden gems) to 1 (crowd favourites)."),
]
_Diversity = Annotated[
    float,
    typer.Option(min=0, max=1, help="From 0 (the best) to 1 (unlike each other)."),
]
_FromYear = Annotated[int | None, typer.Option(help="Only films released since.")]
_ToYear = Annotated[int | None, typer.Option(help="Only films released until.")]
_Genre = Annotated[
    list[str] | None, typer.Option(help="Only films of this genre; of all, if repeated.")
]
_WithoutGenre = Annotated[
    list[str] | None, typer.Option(help="No film of this genre; may be repeated.")
]
_Language = Annotated[
    list[str] | None,
    typer.Option(help="Only films in this original language, as fr; of any, if repeated."),
]
_MinVotes = Annotated[int, typer.Option(min=0, help="Only films with so many votes.")]
_MinRating = Annotated[
    float,
    typer.Option(min=0, max=10, help="Only films rated so high, 0 to 10."),
]
_Json = Annotated[bool, typer.Option("--json", help="Print JSON.")]


def recommend(  # noqa: PLR0913 - what can be asked for
    titles: Annotated[
        list[str], typer.Argument(metavar="TITLE...", help='Such as "Heat" or "Heat (1995)".')
    ],
    *,
    number: _Number = 10,
    year: Annotated[
        int | None, typer.Option(help="Of release, where several films share a title.")
    ] = None,
    popularity: _Popularity = None,
    diversity: _Diversity = 0.0,
    from_year: _FromYear = None,
    to_year: _ToYear = None,
    genre: _Genre = None,
    without_genre: _WithoutGenre = None,
    language: _Language = None,
    min_votes: _MinVotes = 0,
    min_rating: _MinRating = 0.0,
    as_json: _Json = False,
) -> None:
    """Show the films most like a film, or like each of several.

    A title counts whatever its case and accents, and in the film's own language too.
    """
    settings = load_settings()
    wishes = _wishes(
        popularity,
        diversity,
        first_year=from_year,
        last_year=to_year,
        genres=tuple(genre or ()),
        without_genres=tuple(without_genre or ()),
        languages=tuple(language or ()),
        least_votes=min_votes,
        least_rating=min_rating,
    )
    if wishes is None:
        from movie_assets.lookup import recommend as look_up  # noqa: PLC0415

        found = [look_up(settings.database, title, limit=number, year=year) for title in titles]
    else:
        catalogue = _open(settings)
        found = [catalogue.similar(title, number, wishes, year) for title in titles]
    if as_json:
        documents = [_as_json(recommendations) for recommendations in found]
        _print_json(documents if len(documents) > 1 else documents[0])
        return
    for recommendations in found:
        show_recommendations(recommendations)


def taste(  # noqa: PLR0913 - what can be asked for
    liked: Annotated[
        list[str] | None, typer.Argument(metavar="LIKED...", help="Films that you like.")
    ] = None,
    *,
    disliked: Annotated[
        list[str] | None, typer.Option(help="A film that you do not like; may be repeated.")
    ] = None,
    seen: Annotated[
        list[str] | None, typer.Option(help="A film not to be shown; may be repeated.")
    ] = None,
    ratings: Annotated[
        Path | None,
        typer.Option(
            exists=True,
            dir_okay=False,
            help="Your export of Letterboxd (zip or csv), IMDb, Trakt or MovieLens, or a csv with "
            "title,year,rating or tmdb_id,rating from 0.5 to 5.",
        ),
    ] = None,
    number: _Number = 10,
    popularity: _Popularity = None,
    diversity: _Diversity = 0.0,
    from_year: _FromYear = None,
    to_year: _ToYear = None,
    genre: _Genre = None,
    without_genre: _WithoutGenre = None,
    language: _Language = None,
    min_votes: _MinVotes = 0,
    min_rating: _MinRating = 0.0,
    as_json: _Json = False,
) -> None:
    """Show films for somebody who likes these films.

    Films that are liked, disliked, seen or rated are not shown again.
    """
    if not (liked or disliked or ratings):
        raise typer.BadParameter(
            "Name films that you like, or a file: --ratings", param_hint="LIKED"
        )
    settings = load_settings()
    from movie_assets.recommender.query import Wishes  # noqa: PLC0415

    wishes = _wishes(
        popularity,
        diversity,
        first_year=from_year,
        last_year=to_year,
        genres=tuple(genre or ()),
        without_genres=tuple(without_genre or ()),
        languages=tuple(language or ()),
        least_votes=min_votes,
        least_rating=min_rating,
    )
    catalogue = _open(settings)
    rated, left_out = _rated_in(ratings, catalogue, settings.database) if ratings else ([], [])
    latest = max((r.at for r in rated if r.at is not None), default=None)
    for titles, stars in ((liked, _LIKED), (disliked, _DISLIKED), (seen, _SEEN)):
        rated += [_rated(catalogue, title, stars, latest) for title in titles or ()]
    found = catalogue.for_taste(rated, number, wishes or Wishes())
    if as_json:
        _print_json(_taste_as_json(rated, left_out, found))
        return
    _show_left_out(left_out)
    _show_suggestions(found)


def _wishes(popularity: float | None, diversity: float, **filters: Any) -> Wishes | None:
    """What was asked for; None where it was nothing, and the stored lists are what is wanted."""
    from movie_assets.recommender.query import Filters, Wishes  # noqa: PLC0415

    wishes = Wishes(popularity, diversity, Filters(**filters))
    return None if wishes == Wishes() else wishes


def _open(settings: Settings) -> Catalogue:
    from movie_assets.answers import open_catalogue  # noqa: PLC0415

    with _err.status("Reading the films"):
        return open_catalogue(settings.database, settings.features_dir / "movie_features.npz")


def _rated(catalogue: Catalogue, title: str, stars: float, latest: float | None) -> Rated:
    from movie_assets.answers import Rated  # noqa: PLC0415

    return Rated(catalogue.titles.find(title)[0], stars, latest)


class _LeftOut(NamedTuple):
    """A row of a file of ratings that was not used."""

    file: str
    line: int
    film: str
    reason: str

    def __str__(self) -> str:
        return f"{self.file}, line {self.line}: {self.film} ({self.reason})"


def _rated_in(
    path: Path, catalogue: Catalogue, database: Path
) -> tuple[list[Rated], list[_LeftOut]]:
    """The films of a file of ratings, and its rows that are none of ours."""
    from movie_assets.answers import Rated  # noqa: PLC0415
    from movie_assets.rated_films import read_rated_films  # noqa: PLC0415

    matched = read_rated_films(path, catalogue.titles, database)
    profile = matched.profile
    times = [*(one.at for one in profile.liked), *(one.at for one in profile.rated)]
    latest = max((at for at in times if at is not None), default=None)
    rated = [
        Rated(catalogue.by_id[one.id], _LIKED, latest if one.at is None else one.at)
        for one in profile.liked
    ]
    rated += [Rated(catalogue.by_id[one.id], one.stars, one.at) for one in profile.rated]
    rated += [Rated(catalogue.by_id[film], _SEEN) for film in profile.seen]
    left_out = [
        *((one.entry.place, one.entry.label, one.reason) for one in matched.unmatched),
        *((one.place, one.label, one.reason) for one in matched.export.skipped),
    ]
    return rated, [_LeftOut(place.file, place.row, *rest) for place, *rest in left_out]


def _print_json(document: Any) -> None:
    print(json.dumps(document, ensure_ascii=False))  # noqa: T201 - rich would wrap and colour it


# -- tables -----------------------------------------------------------------------------------


class _Line(NamedTuple):
    rank: int
    film: Film
    score: float
    because: str


def show_recommendations(recommendations: Recommendations) -> None:
    """Print the films most like a film."""
    film = recommendations.film
    heading = plain(f"Films like {film.label}", "bold")
    _out.print()
    _out.print(Text.assemble(heading, "  ", plain(", ".join(film.genres))))
    if recommendations.others:
        others = ", ".join(
            f"--year {other.year} for {other.label}" for other in recommendations.others
        )
        _err.print(plain(f"Several films have this title: {others}."), style="yellow")
    _show(
        [
            _Line(found.rank, found.film, found.score, in_words(found.reasons))
            for found in recommendations.found
        ],
        "because",
    )


def _show_suggestions(found: Sequence[Suggestion]) -> None:
    _out.print()
    _out.print("Films for you", style="bold")
    _show(
        [
            _Line(one.rank, one.film, one.score, " and ".join(film.title for film in one.because))
            for one in found
        ],
        "because you liked",
    )


def _show_left_out(left_out: Sequence[_LeftOut]) -> None:
    if not left_out:
        return
    shown = [str(row) for row in left_out[:_LEFT_OUT_SHOWN]]
    if len(left_out) > len(shown):
        shown.append(f"and {len(left_out) - len(shown):,} more")
    _err.print(
        plain(f"Left out: {'; '.join(shown)}."),
        style="yellow",
        soft_wrap=True,
    )


def _show(lines: Sequence[_Line], because: str) -> None:
    if not lines:
        _out.print("There is no such film. Ask for less, or build with more films.")
        return
    table = Table(box=None, pad_edge=False)
    films = [plain(line.film.label) for line in lines]
    reasons = [plain(line.because) for line in lines]
    film_width, reason_width = _widths(
        _out.width,
        max(film.cell_len for film in films),
        max(len(because), *(reason.cell_len for reason in reasons)),
    )
    table.add_column("", justify="right", style="dim", no_wrap=True)
    table.add_column("film", overflow="fold", width=film_width)
    table.add_column("score", justify="right", no_wrap=True)
    table.add_column("rated", justify="right", no_wrap=True)
    if reason_width:
        table.add_column(
            because, style="dim", overflow="ellipsis", no_wrap=True, width=reason_width
        )
    for line, film, reason in zip(lines, films, reasons, strict=True):
        numbers = (f"{line.score:.3f}", f"{line.film.vote_average:.1f}")
        table.add_row(str(line.rank), film, *numbers, *([reason] if reason_width else []))
    _out.print(table)


def _widths(width: int, longest_film: int, longest_reason: int) -> tuple[int, int]:
    """How wide films and reasons are: films can be read, and reasons get what is left.

    Left to itself rich would take from the films alone, down to a letter a line.
    """
    left = width - len("10") - len("score") - len("rated") - 4 * len("  ")
    wanted = min(longest_reason, max(24, int(0.4 * left)))
    film = min(longest_film, max(_FILM_WIDTH, left - wanted))
    reason = min(longest_reason, left - film)
    if reason < min(longest_reason, _REASON_WIDTH):
        return min(longest_film, max(1, left + 2)), 0
    return film, reason


def in_words(reasons: Sequence[str]) -> str:
    """Reasons on one line, as a table has them.

    "with Al Pacino, with Robert De Niro" is said at once. What people liked comes last, though it
    counts most: it is said of nearly every film, and the line may be cut.
    """
    from movie_assets.recommender.explanations import SIGNALS  # noqa: PLC0415

    signals = set(SIGNALS.values())
    parts = []
    for is_cast, group in groupby(
        sorted(reasons, key=signals.__contains__), key=lambda reason: reason.startswith("with ")
    ):
        told = list(group)
        parts += (
            ["with " + " and ".join(reason.removeprefix("with ") for reason in told)]
            if is_cast
            else told
        )
    return ", ".join(parts)


# -- JSON -------------------------------------------------------------------------------------


def _as_json(recommendations: Recommendations) -> dict[str, Any]:
    return {
        "movie": _film_as_json(recommendations.film),
        "others_of_this_title": [_film_as_json(film) for film in recommendations.others],
        "recommendations": [
            {
                "rank": found.rank,
                "score": round(found.score, 6),
                "reasons": list(found.reasons),
                **_film_as_json(found.film),
            }
            for found in recommendations.found
        ],
        "metrics": recommendations.metrics,
    }


def _taste_as_json(
    rated: Sequence[Rated], left_out: Sequence[_LeftOut], found: Sequence[Suggestion]
) -> dict[str, Any]:
    return {
        "rated": [{"stars": one.stars, **_short(one.film)} for one in rated],
        "left_out": [row._asdict() for row in left_out],
        "recommendations": [
            {
                "rank": one.rank,
                "score": round(one.score, 6),
                "because": [_short(film) for film in one.because],
                **_film_as_json(one.film),
            }
            for one in found
        ],
    }


def _short(film: Film) -> dict[str, Any]:
    return {"id": film.id, "title": film.title, "year": film.year}


def _film_as_json(film: Film) -> dict[str, Any]:
    return {
        "id": film.id,
        "title": film.title,
        "original_title": film.original_title,
        "year": film.year,
        "genres": list(film.genres),
        "vote_average": film.vote_average,
        "vote_count": film.vote_count,
        "popularity": film.popularity,
    }
