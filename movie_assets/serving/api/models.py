"""The shapes of what is asked and answered, as OpenAPI tells them.

Requests are checked by these. Answers are written by ``writing`` without them, since that is many
times faster; the tests hold one against the other.
"""

from __future__ import annotations

from datetime import date, datetime
from typing import Annotated, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, StringConstraints, model_validator

from movie_assets.recommender.query import Filters
from movie_assets.serving.published import Wishes

#: The longest list that can be asked for, and how far into one.
MOST, FARTHEST = 100, 1000
#: The most films of one person.
MOST_FILMS = 50_000
_LARGEST_ID = 2**31 - 1
#: Text of one line that says something.
SOMETHING = r"^[^\x00-\x1f\x7f]*[^\s\x00-\x1f\x7f][^\x00-\x1f\x7f]*$"

Title = Annotated[str, StringConstraints(min_length=1, max_length=300, pattern=SOMETHING)]
Stars = Annotated[float, Field(ge=0.5, le=5, allow_inf_nan=False)]
Moment = Annotated[float, Field(allow_inf_nan=False)]
Dial = Annotated[float, Field(ge=0, le=1, allow_inf_nan=False)]
Year = Annotated[int, Field(ge=1800, le=2200)]
Minutes = Annotated[int, Field(ge=1, le=10_000)]
Name = Annotated[str, StringConstraints(min_length=1, max_length=60, pattern=SOMETHING)]
Language = Annotated[str, StringConstraints(pattern=r"^[a-z]{2}$")]
_TmdbId = Annotated[int, Field(ge=1, le=_LARGEST_ID)]
_ImdbId = Annotated[str, StringConstraints(pattern=r"^tt[0-9]{7,9}$")]


# -- what is asked ----------------------------------------------------------------------------


class Asked(BaseModel):
    """What is asked; what has another name is refused, since it is a slip of the pen."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class FilmNamed(Asked):
    """A film, named by TMDB's number, by IMDb's id, or by its title and maybe its year."""

    id: _TmdbId | None = Field(None, description="TMDB's number.")
    imdb_id: _ImdbId | None = Field(None, description="IMDb's id.")
    title: Title | None = Field(None, description="Whatever its case and accents.")
    year: Year | None = Field(None, description="Of release, where several films share a title.")

    @model_validator(mode="after")
    def _is_named(self) -> Self:
        if self.id is None and self.imdb_id is None and self.title is None:
            raise ValueError("Name the film by its id, imdb_id or title")
        return self


class FilmMarked(FilmNamed):
    """A film that somebody likes or does not, and since when."""

    at: Moment | None = Field(
        None, description="When, in Unix time; without it, it is their latest word."
    )


class FilmRated(FilmNamed):
    """A film and the stars that somebody gave it."""

    stars: Stars = Field(description="From 4 on it is liked, up to 2.5 it is disliked.")
    at: Moment | None = Field(None, description="When, in Unix time; younger ratings count more.")


class FilterFields(Asked):
    """Which films may be recommended."""

    from_year: Year | None = Field(None, description="Released since.")
    to_year: Year | None = Field(None, description="Released until.")
    genres: tuple[Name, ...] = Field((), max_length=20, description="Has all of these.")
    without_genres: tuple[Name, ...] = Field((), max_length=20, description="Has none of these.")
    languages: tuple[Language, ...] = Field(
        (), max_length=20, description="Its original language is one of these (ISO 639-1)."
    )
    min_votes: int = Field(0, ge=0, le=_LARGEST_ID, description="Votes on TMDB.")
    min_rating: float = Field(
        0.0, ge=0, le=10, allow_inf_nan=False, description="Average of the votes, 0 to 10."
    )
    min_runtime: Minutes | None = Field(None, description="In minutes.")
    max_runtime: Minutes | None = Field(None, description="In minutes.")

    @property
    def filters(self) -> Filters:
        """The same, as the recommender takes it."""
        return Filters(
            first_year=self.from_year,
            last_year=self.to_year,
            genres=self.genres,
            without_genres=self.without_genres,
            languages=self.languages,
            least_votes=self.min_votes,
            least_rating=self.min_rating,
            least_runtime=self.min_runtime,
            longest_runtime=self.max_runtime,
        )


class WishFields(FilterFields):
    """What somebody wants of a list."""

    popularity: Dial | None = Field(
        None, description="From 0 (hidden gems) to 1 (crowd favourites)."
    )
    diversity: Dial = Field(0.0, description="From 0 (the best) to 1 (unlike each other).")
    limit: int = Field(10, ge=1, le=MOST, description="How many films.")
    offset: int = Field(0, ge=0, le=FARTHEST, description="How many to leave out before them.")

    @property
    def wishes(self) -> Wishes:
        """The same, as the service takes it."""
        return Wishes(self.popularity, self.diversity, self.filters)


class TasteAsked(WishFields):
    """Somebody's films, and what is wanted of a list for them."""

    liked: tuple[FilmMarked, ...] = Field((), max_length=MOST_FILMS)
    disliked: tuple[FilmMarked, ...] = Field((), max_length=MOST_FILMS)
    rated: tuple[FilmRated, ...] = Field((), max_length=MOST_FILMS)
    seen: tuple[FilmNamed, ...] = Field(
        (), max_length=MOST_FILMS, description="Not recommended, and nothing is learned from them."
    )


class TutorialAsked(BaseModel):
    """The tutorial's request; what else there is in it is left alone, as its own service does."""

    movie: Title = Field(description="A title, whatever its case.")
    num_rec: int = Field(10, ge=1, le=MOST, description="How many films.")


# -- what is answered -------------------------------------------------------------------------


class FilmBrief(BaseModel):
    """A film, as far as a list shows it."""

    id: int = Field(description="TMDB's number.")
    imdb_id: str | None
    title: str
    original_title: str | None
    year: int | None
    genres: list[str]
    language: str | None = Field(description="The original one, ISO 639-1.")
    runtime: int | None = Field(description="In minutes.")
    popularity: float = Field(description="TMDB's.")
    vote_average: float = Field(description="0 to 10.")
    vote_count: int
    poster_path: str | None = Field(
        description="To be put behind https://image.tmdb.org/t/p/w342, for one."
    )


class FilmFull(FilmBrief):
    """All that is known of a film."""

    release_date: date | None
    overview: str | None
    tagline: str | None
    directors: list[str]
    writers: list[str]
    actors: list[str]
    keywords: list[str]
    collection: str | None


class FilmName(BaseModel):
    """A film by its name."""

    id: int
    title: str
    year: int | None


class FilmsFound(BaseModel):
    """The films that a search has found, the best first."""

    query: str
    movies: list[FilmBrief]


class SimilarFilm(BaseModel):
    """A film that is like another."""

    rank: int = Field(description="From 1; counted through the pages.")
    score: float = Field(description="0 to 1.")
    parts: dict[str, float] = Field(description="What the score is made of, 0 to 1 each.")
    reasons: list[str]
    movie: FilmBrief


class SimilarFilms(BaseModel):
    """The films most like a film, the best first."""

    movie: FilmBrief
    limit: int
    offset: int
    recommendations: list[SimilarFilm]


class SuggestedFilm(BaseModel):
    """A film for somebody."""

    rank: int
    score: float = Field(description="0 to 1.")
    because: list[FilmName] = Field(description="The films of the taste that speak most for it.")
    reasons: list[str]
    movie: FilmBrief


class Unresolved(BaseModel):
    """A film that was named so that none, or more than one, has that name."""

    where: str = Field(description="Such as liked.0: the list, and the place in it from 0.")
    asked: str
    problem: Literal["unknown", "ambiguous"] = Field(
        description="Of an ambiguous title the first candidate was taken."
    )
    candidates: list[FilmName]


class TasteAnswered(BaseModel):
    """Films for somebody, the best first."""

    films_used: int = Field(description="How many of the films that were named are known.")
    unresolved: list[Unresolved]
    limit: int
    offset: int
    recommendations: list[SuggestedFilm]


class TutorialMetrics(BaseModel):
    """How far the films are from the one that was asked for: RMSE, to three places."""

    popularity: float | None
    vote_avg: float | None
    vote_count: float | None


class TutorialAnswered(BaseModel):
    """The tutorial's answer."""

    movie: str = Field(description="The title, in small letters.")
    recommendations: list[str] = Field(description="Titles, in small letters.")
    metrics: TutorialMetrics


class Welcome(BaseModel):
    """The tutorial's greeting."""

    message: str


class ImportedFilm(BaseModel):
    """A row of an export that is a film here."""

    id: int
    title: str
    year: int | None
    stars: float | None
    liked: bool | None
    how: str = Field(description="By what it was found: id, title and year, title, near miss.")
    row: str = Field(description="File and row.")


class ImportedRow(BaseModel):
    """A row of an export that could not be used."""

    film: str
    row: str = Field(description="File and row.")
    reason: str


class ProfileFilm(BaseModel):
    """A film of a profile."""

    id: int


class ProfileMark(ProfileFilm):
    """A film of a profile that was marked as liked."""

    at: float | None = None


class ProfileRating(ProfileFilm):
    """A film of a profile, with its stars."""

    stars: float
    at: float | None = None


class Profile(BaseModel):
    """A person's films, as POST /v1/recommendations takes them."""

    liked: list[ProfileMark]
    disliked: list[ProfileFilm]
    rated: list[ProfileRating]
    seen: list[ProfileFilm]


class Imported(BaseModel):
    """What an export says."""

    format: str = Field(description="letterboxd, imdb, trakt, movielens or table.")
    files: list[str]
    profile: Profile
    matched: list[ImportedFilm]
    unmatched: list[ImportedRow] = Field(description="Films that are not here.")
    skipped: list[ImportedRow] = Field(description="Rows that could not be read.")
    ignored: dict[str, int] = Field(description="Rows of no use here, such as series.")
    notes: list[str]


class SnapshotTold(BaseModel):
    """The snapshot that is served."""

    name: str
    created_at: datetime
    refreshed_at: datetime | None = Field(description="When the films were last asked for.")
    age_seconds: float
    films: int
    pairs: int
    run_id: str | None


class Ready(BaseModel):
    """What is served."""

    status: Literal["ready"]
    snapshot: SnapshotTold
    problem: str | None = Field(description="Why the newest snapshot is not the one served.")


class Healthy(BaseModel):
    """The process answers."""

    status: Literal["ok"]


class InvalidValue(BaseModel):
    """A value that cannot be used."""

    model_config = ConfigDict(populate_by_name=True)

    source: str = Field(alias="in", description="path, query, header or body.")
    name: str
    message: str


class ProblemTold(BaseModel):
    """Problem details (RFC 9457)."""

    type: str = Field(description="about:blank, or urn:movie-assets:problem: and its kind.")
    title: str
    status: int
    detail: str
    request_id: str | None
    errors: list[InvalidValue] | None = None
    unresolved: list[Unresolved] | None = None
    suggestions: list[FilmName] | None = None
