"""The declared tables and views of the warehouse, as data.

A table that is not declared here cannot be written. What a declaration means is in ``schema.py``;
how the rows come about is for the assets to say.
"""

from __future__ import annotations

from movie_assets.warehouse.errors import TableMissingError
from movie_assets.warehouse.schema import Column, TableSchema, View

_EXTRA_FIELDS = Column(
    "extra_fields", "VARCHAR", "Fields that TMDB added and we do not know yet, as JSON.", True
)
_MALFORMED_FIELDS = Column(
    "malformed_fields", "VARCHAR", "Values that are not of their field's type, as JSON.", True
)

#: What TMDB's lists and details say of a film itself.
_FILM_FIELDS = (
    Column("adult", "BOOLEAN", "Whether TMDB marks the film as adult.", True),
    Column("backdrop_path", "VARCHAR", "Path of the backdrop image on TMDB's servers.", True),
    Column("genre_ids", "BIGINT[]", "TMDB's numbers of the film's genres.", True),
    Column("original_language", "VARCHAR", "ISO 639-1 code of the original language.", True),
    Column("original_title", "VARCHAR", "Title in the original language.", True),
    Column("overview", "VARCHAR", "TMDB's summary of the plot; '' where unknown.", True),
    Column("popularity", "DOUBLE", "TMDB's popularity, a daily figure without a unit.", True),
    Column("poster_path", "VARCHAR", "Path of the poster image on TMDB's servers.", True),
    Column("release_date", "VARCHAR", "First release, verbatim: YYYY-MM-DD or ''.", True),
    Column("title", "VARCHAR", "Title in the language asked for.", True),
    Column("video", "BOOLEAN", "Whether TMDB counts it as a video and not a film.", True),
    Column("vote_average", "DOUBLE", "Mean rating by TMDB's users, 0 to 10.", True),
    Column("vote_count", "BIGINT", "Number of ratings by TMDB's users.", True),
    _EXTRA_FIELDS,
    _MALFORMED_FIELDS,
)

RAW_POPULAR_MOVIES = TableSchema(
    name="raw_popular_movies",
    description="The popular list as its source returned it, one row a film, nothing corrected.",
    columns=(
        Column("position", "INTEGER", "Place in the list as it was read, from 1.", minimum=1),
        Column("id", "BIGINT", "TMDB's number of the film.", True),
        *_FILM_FIELDS,
    ),
    primary_key=("position",),
)

RAW_MOVIE_IDS = TableSchema(
    name="raw_movie_ids",
    description="The films of TMDB's daily export that are wanted, one row a film, by id.",
    columns=(
        Column("id", "BIGINT", "TMDB's number of the film."),
        Column("adult", "BOOLEAN", "Whether TMDB marks the film as adult."),
        Column("video", "BOOLEAN", "Whether TMDB counts it as a video and not a film."),
        Column("popularity", "DOUBLE", "TMDB's popularity on the day of the export."),
    ),
    primary_key=("id",),
)

RAW_CATALOGUE_MOVIES = TableSchema(
    name="raw_catalogue_movies",
    description="The films of the catalogue as their details say, one row a film, nothing "
    "corrected; what else the details hold is in raw_movie_details.",
    columns=(
        Column("id", "BIGINT", "TMDB's number of the film."),
        *_FILM_FIELDS,
        Column("fetched_at", "TIMESTAMP", "When the film was last asked for, in UTC."),
        Column("gone_at", "TIMESTAMP", "Since when TMDB does not have it, in UTC.", True),
        Column(
            "revision",
            "BIGINT",
            "Number of the last merge that changed the film, here or in raw_movie_details.",
            minimum=1,
        ),
    ),
    primary_key=("id",),
)

CATALOGUE_REFRESHES = TableSchema(
    name="catalogue_refreshes",
    description="Since when the films of the catalogue are up to date, by the last two digits of "
    "their ids.",
    columns=(
        Column("part", "INTEGER", "The last two digits of the ids.", minimum=0, maximum=99),
        Column(
            "refreshed_at",
            "TIMESTAMP",
            "When the last refresh that came to its end began, in UTC.",
        ),
    ),
    primary_key=("part",),
)

RAW_GENRES = TableSchema(
    name="raw_genres",
    description="TMDB's genre list as it was returned, one row a genre, nothing corrected.",
    columns=(
        Column("position", "INTEGER", "Place in the list as it was read, from 1.", minimum=1),
        Column("id", "BIGINT", "TMDB's number of the genre.", True),
        Column("name", "VARCHAR", "Name of the genre.", True),
        _EXTRA_FIELDS,
        _MALFORMED_FIELDS,
    ),
    primary_key=("position",),
)

RAW_MOVIE_DETAILS = TableSchema(
    name="raw_movie_details",
    description="The films' details as their source returned them, one row a film, by id.",
    columns=(
        Column("id", "BIGINT", "TMDB's number of the film."),
        Column("imdb_id", "VARCHAR", "IMDb's number of the film, as tt0137523.", True),
        Column("tagline", "VARCHAR", "The slogan of the film's posters; '' where unknown.", True),
        Column("runtime", "BIGINT", "Length in minutes; 0 where unknown.", True),
        Column("collection_id", "BIGINT", "TMDB's number of the series it belongs to.", True),
        Column("collection_name", "VARCHAR", "Name of the series that it belongs to.", True),
        Column("keywords", "VARCHAR[]", "What the film is about, in TMDB's keywords.", True),
        Column("directors", "VARCHAR[]", "Names of the directors.", True),
        Column("writers", "VARCHAR[]", "Names of who wrote the film or what it is after.", True),
        Column("composers", "VARCHAR[]", "Names of the composers.", True),
        Column("actors", "VARCHAR[]", "Names of the first ten actors of the credits.", True),
        Column("recommended_ids", "BIGINT[]", "The films that TMDB recommends with it.", True),
        _MALFORMED_FIELDS,
    ),
    primary_key=("id",),
)

MOVIES_TABLE = TableSchema(
    name="movies_table",
    description="The films, cleaned, typed and each only once.",
    columns=(
        Column("genre_ids", "INTEGER[]", "TMDB's numbers of the film's genres; may be empty."),
        Column("id", "INTEGER", "TMDB's number of the film."),
        Column("original_language", "VARCHAR", "ISO 639-1 code of the original language.", True),
        Column("overview", "VARCHAR", "TMDB's summary of the plot.", True),
        Column(
            "popularity", "DOUBLE", "TMDB's popularity, a daily figure without a unit.", minimum=0
        ),
        Column("release_date", "TIMESTAMP", "Day of the first release, at midnight.", True),
        Column("title", "VARCHAR", "Title in the language asked for."),
        Column(
            "vote_average", "DOUBLE", "Mean rating by TMDB's users, 0 to 10.", minimum=0, maximum=10
        ),
        Column("vote_count", "INTEGER", "Number of ratings by TMDB's users.", minimum=0),
        Column("original_title", "VARCHAR", "Title in the original language.", True),
        Column("adult", "BOOLEAN", "Whether TMDB marks the film as adult."),
        Column("video", "BOOLEAN", "Whether TMDB counts it as a video and not a film."),
        Column("backdrop_path", "VARCHAR", "Path of the backdrop image on TMDB's servers.", True),
        Column("poster_path", "VARCHAR", "Path of the poster image on TMDB's servers.", True),
        Column(
            "popularity_rank",
            "INTEGER",
            "Place in the popular list, from 1; null where the films come from the catalogue.",
            True,
            minimum=1,
        ),
    ),
    primary_key=("id",),
    views=(
        View(
            "movies",
            (
                "genre_ids",
                "id",
                "original_language",
                "overview",
                "popularity",
                "release_date",
                "title",
                "vote_average",
                "vote_count",
            ),
            "The films in nine columns, so that SQL written for the tutorial runs as it is.",
        ),
    ),
)

GENRES_TABLE = TableSchema(
    name="genres_table",
    description="The genres, each only once.",
    columns=(
        Column("id", "INTEGER", "TMDB's number of the genre."),
        Column("name", "VARCHAR", "Name of the genre."),
    ),
    primary_key=("id",),
    views=(View("genres", ("id", "name"), "The genres."),),
)

MOVIE_DETAILS = TableSchema(
    name="movie_details",
    description="The films' keywords, people and collections, cleaned and typed, by id.",
    columns=(
        Column("id", "INTEGER", "TMDB's number of the film."),
        Column("imdb_id", "VARCHAR", "IMDb's number of the film, as tt0137523.", True),
        Column("tagline", "VARCHAR", "The slogan of the film's posters.", True),
        Column("runtime", "INTEGER", "Length in minutes.", True, minimum=1),
        Column("collection_id", "INTEGER", "TMDB's number of the series it belongs to.", True),
        Column("collection_name", "VARCHAR", "Name of the series that it belongs to.", True),
        Column("keywords", "VARCHAR[]", "What the film is about, in TMDB's keywords."),
        Column("directors", "VARCHAR[]", "Names of the directors."),
        Column("writers", "VARCHAR[]", "Names of who wrote the film or what it is after."),
        Column("composers", "VARCHAR[]", "Names of the composers."),
        Column("actors", "VARCHAR[]", "Names of up to ten actors, in the order of the credits."),
        Column(
            "recommended_ids",
            "INTEGER[]",
            "The films that TMDB recommends with it, the best first; not all need be ours.",
        ),
    ),
    primary_key=("id",),
)

MOVIE_GENRE_DATA = TableSchema(
    name="movie_genre_data",
    description="The films that have votes, with the names of their genres, for analysis.",
    columns=(
        Column("id", "INTEGER", "TMDB's number of the film."),
        Column("title", "VARCHAR", "Title in the language asked for."),
        Column("original_language", "VARCHAR", "ISO 639-1 code of the original language.", True),
        Column("overview", "VARCHAR", "TMDB's summary of the plot.", True),
        Column("release_date", "TIMESTAMP", "Day of the first release, at midnight.", True),
        Column(
            "popularity", "DOUBLE", "TMDB's popularity, a daily figure without a unit.", minimum=0
        ),
        Column(
            "vote_average", "DOUBLE", "Mean rating by TMDB's users, 0 to 10.", minimum=0, maximum=10
        ),
        Column("vote_count", "INTEGER", "Number of ratings by TMDB's users.", minimum=1),
        Column("genre_ids", "INTEGER[]", "TMDB's numbers of the film's genres; may be empty."),
        Column("genre_names", "VARCHAR", "The genres' names, joined by ', '; '' for none."),
    ),
    primary_key=("id",),
)

MOVIELENS_RATINGS = TableSchema(
    name="movielens_ratings",
    description="Who rated which film how, from a MovieLens release; empty without MOVIELENS_DIR.",
    columns=(
        Column("user_id", "INTEGER", "MovieLens' number of the person.", minimum=0),
        Column("movie_id", "INTEGER", "TMDB's number of the film."),
        Column("rating", "FLOAT", "Stars, 0.5 to 5.", minimum=0.5, maximum=5),
        Column("rated_at", "TIMESTAMP", "When, in UTC."),
    ),
    primary_key=("user_id", "movie_id"),
    may_be_empty=True,
)

CO_LIKED_MOVIES = TableSchema(
    name="co_liked_movies",
    description="For each film those that the same people like, or would, by what they like; empty "
    "without MOVIELENS_DIR.",
    columns=(
        Column("movie_id", "INTEGER", "TMDB's number of the film."),
        Column("rank", "INTEGER", "Place among the film's co-liked films, from 1.", minimum=1),
        Column("neighbour_id", "INTEGER", "TMDB's number of the film that its likers like."),
        Column("score", "DOUBLE", "How much their likers agree, 0 to 1.", minimum=0, maximum=1),
        Column("liked_by_both", "INTEGER", "Number of people who like both.", minimum=0),
    ),
    primary_key=("movie_id", "rank"),
    placed="neighbour_id",
    may_be_empty=True,
)

ITEM_WEIGHTS = TableSchema(
    name="item_weights",
    description="What liking one film says of liking another, for well-known films; empty without "
    "MOVIELENS_DIR.",
    columns=(
        Column("movie_id", "INTEGER", "TMDB's number of the film that somebody likes."),
        Column("neighbour_id", "INTEGER", "TMDB's number of the film that it speaks for."),
        Column("weight", "DOUBLE", "How much it speaks for it; below 0: against it."),
        Column("transition", "DOUBLE", "How often it is liked soon after it.", minimum=0),
    ),
    primary_key=("movie_id", "neighbour_id"),
    may_be_empty=True,
)

SIMILARITY_MATRIX = TableSchema(
    name="similarity_matrix",
    description="For each film the films most like it: the largest entries of its row.",
    columns=(
        Column("movie_id", "INTEGER", "TMDB's number of the film."),
        Column("rank", "INTEGER", "Place among the film's neighbours, from 1.", minimum=1),
        Column("neighbour_id", "INTEGER", "TMDB's number of the film that is like it."),
        Column("score", "FLOAT", "How well the two go together, 0 to 1.", minimum=0, maximum=1),
        Column("content", "FLOAT", "Likeness of what they are, 0 to 1.", minimum=0, maximum=1),
        Column(
            "closeness",
            "FLOAT",
            "How close they are in time, votes and rating, 0 to 1.",
            minimum=0,
            maximum=1,
        ),
        Column(
            "prior", "FLOAT", "What the neighbour counts by itself, 0 to 1.", minimum=0, maximum=1
        ),
        Column(
            "co_liked",
            "FLOAT",
            "How much the same people like both, 0 to 1; 0 without MOVIELENS_DIR.",
            minimum=0,
            maximum=1,
        ),
        Column(
            "tmdb", "FLOAT", "How much TMDB recommends it, 0 to 1; 0 for no.", minimum=0, maximum=1
        ),
        Column("reasons", "VARCHAR[]", "Why they go together, the strongest reason first."),
    ),
    primary_key=("movie_id", "rank"),
    placed="neighbour_id",
)

RECOMMENDATION_QUALITY = TableSchema(
    name="recommendation_quality",
    description="How good the recommendations are beside baselines, one row a figure.",
    columns=(
        Column("task", "VARCHAR", "What was asked for: 'similar films' or 'profiles'."),
        Column("method", "VARCHAR", "What made the lists; 'published' is similarity_matrix."),
        Column("metric", "VARCHAR", "Name of the metric."),
        Column("value", "DOUBLE", "Its value, in the unit that the description names.", True),
        Column("low", "DOUBLE", "Its 95 % bootstrap interval begins here.", True),
        Column("high", "DOUBLE", "And ends here.", True),
        Column("description", "VARCHAR", "What the metric says, its unit, and which way is good."),
    ),
    primary_key=("task", "method", "metric"),
)

#: The declared tables by name.
TABLES: dict[str, TableSchema] = {
    table.name: table
    for table in (
        RAW_POPULAR_MOVIES,
        RAW_GENRES,
        RAW_MOVIE_IDS,
        RAW_CATALOGUE_MOVIES,
        CATALOGUE_REFRESHES,
        RAW_MOVIE_DETAILS,
        MOVIES_TABLE,
        GENRES_TABLE,
        MOVIE_DETAILS,
        MOVIE_GENRE_DATA,
        MOVIELENS_RATINGS,
        CO_LIKED_MOVIES,
        ITEM_WEIGHTS,
        SIMILARITY_MATRIX,
        RECOMMENDATION_QUALITY,
    )
}


def find_table(name: str) -> TableSchema:
    """The declaration of a table.

    Raises:
        TableMissingError: where no such table is declared.
    """
    if name not in TABLES:
        raise TableMissingError(
            f"There is no table {name!r} in the warehouse. Declared are: {', '.join(TABLES)}. To "
            "add one, declare it in movie_assets/warehouse/tables.py."
        )
    return TABLES[name]
