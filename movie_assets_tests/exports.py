"""Exports as the sites write them, of people who are made up: for tests of whatever takes one.

``LETTERBOXD`` and ``TRAKT`` are the files of a zip by their names; ``zipped`` makes one of them.
The films are among the bundled ones but for a few that nobody has.
"""

from __future__ import annotations

import io
import json
import zipfile
from collections.abc import Mapping
from typing import Any

#: Somebody called "nobody_real", with all the files that such a zip has.
LETTERBOXD: dict[str, str] = {
    "profile.csv": (
        "Date Joined,Username,Given Name,Family Name,Email Address,Location,Website,Bio,Pronoun,"
        "Favorite Films\n2019-05-04,nobody_real,No,Body,nobody@example.org,,,,They / their,\n"
    ),
    "watched.csv": (
        "Date,Name,Year,Letterboxd URI\n"
        "2019-05-04,Heat,1995,https://boxd.it/2a9q\n"
        "2019-05-04,Alien,1979,https://boxd.it/2awY\n"
        "2020-01-11,Parasite,2019,https://boxd.it/hTha\n"
        "2021-03-05,Amélie,2001,https://boxd.it/29DS\n"
        "2021-03-06,Titanic,1997,https://boxd.it/29jU\n"
        '2022-08-09,"Meadow, Under Glass",2022,https://boxd.it/zzzz\n'
    ),
    "ratings.csv": (
        "Date,Name,Year,Letterboxd URI,Rating\n"
        "2019-05-04,Heat,1995,https://boxd.it/2a9q,5\n"
        "2021-03-05,Amélie,2001,https://boxd.it/29DS,3.5\n"
        "2021-03-06,Titanic,1997,https://boxd.it/29jU,1.5\n"
        '2022-08-09,"Meadow, Under Glass",2022,https://boxd.it/zzzz,4\n'
    ),
    "diary.csv": (
        "Date,Name,Year,Letterboxd URI,Rating,Rewatch,Tags,Watched Date\n"
        "2019-06-01,Heat,1995,https://boxd.it/aaa1,4,Yes,\"cinema, 35mm\",2019-05-31\n"
        "2020-01-11,Parasite,2019,https://boxd.it/aaa2,,,,2020-01-10\n"
    ),
    "reviews.csv": (
        "Date,Name,Year,Letterboxd URI,Rating,Rewatch,Review,Tags,Watched Date\n"
        "2019-06-01,Heat,1995,https://boxd.it/aaa1,4,Yes,\"The <b>diner</b>, the \"\"diner\"\"!\n\n"
        "Twice.\",,2019-05-31\n"
    ),
    "watchlist.csv": "Date,Name,Year,Letterboxd URI\n2023-01-01,Arrival,2016,https://boxd.it/9R0G\n",
    "comments.csv": "Date,Content,Comment\n",
    "likes/films.csv": (
        "Date,Name,Year,Letterboxd URI\n"
        "2020-01-11,Parasite,2019,https://boxd.it/hTha\n"
        "2021-03-05,Amélie,2001,https://boxd.it/29DS\n"
    ),
    "likes/lists.csv": "Date,Letterboxd URI\n",
    "likes/reviews.csv": "Date,Letterboxd URI\n",
    "lists/for-a-rainy-day.csv": (
        "Letterboxd list export v7\nDate,Name,Tags,URL,Description\n"
        "2020-01-01,For a rainy day,,https://boxd.it/l1st,\n\n"
        "Position,Name,Year,URL,Description\n1,WALL·E,2008,https://boxd.it/2adq,\n"
    ),
    "deleted/diary.csv": (
        "Date,Name,Year,Letterboxd URI,Rating,Rewatch,Tags,Watched Date\n"
        "2019-06-01,The Fly,1986,https://boxd.it/aaa9,5,,,2019-05-31\n"
    ),
    "orphaned/diary.csv": (
        "Date,Name,Year,Letterboxd URI,Rating,Rewatch,Tags,Watched Date\n"
        "2019-06-01,The Fly,1958,https://boxd.it/aaa8,5,,,2019-05-31\n"
    ),
}  # fmt: skip

IMDB = (
    "Const,Your Rating,Date Rated,Title,Original Title,URL,Title Type,IMDb Rating,Runtime (mins),"
    "Year,Genres,Num Votes,Release Date,Directors\n"
    'tt0113277,9,2024-01-05,Heat,Heat,https://www.imdb.com/title/tt0113277/,Movie,8.3,170,1995,'
    '"Action, Crime, Drama",750000,1995-12-15,Michael Mann\n'
    "tt0211915,7,2024-02-06,Amélie,Le fabuleux destin d'Amélie Poulain,"
    "https://www.imdb.com/title/tt0211915/,Movie,8.3,122,2001,"
    '"Comedy, Romance",800000,2001-04-25,Jean-Pierre Jeunet\n'
    "tt0903747,10,2023-08-11,Breaking Bad,Breaking Bad,https://www.imdb.com/title/tt0903747/,"
    'TV Series,9.5,49,2008,"Crime, Drama",2300000,2008-01-20,\n'
    "tt0959621,10,2023-08-11,Pilot,Pilot,https://www.imdb.com/title/tt0959621/,TV Episode,9.0,58,"
    "2008,Crime,50000,2008-01-20,Vince Gilligan\n"
)  # fmt: skip

#: As IMDb wrote it until 2017, in Windows' encoding.
OLD_IMDB = (
    '"position","const","created","modified","description","Title","Title type","Directors",'
    '"You rated","IMDb Rating","Runtime (mins)","Year","Genres","Num. Votes",'
    '"Release Date (month/day/year)","URL"\n'
    '"1","tt0211915","Sat Dec 31 00:00:00 2016","","","Amélie","Feature Film",'
    '"Jean-Pierre Jeunet","8","8.4","122","2001","comedy, romance","560000","2001-04-25",'
    '"http://www.imdb.com/title/tt0211915/"\n'
    '"2","tt0306414","Sun Jan 01 00:00:00 2017","","","The Wire","TV Series","","10","9.3","60",'
    '"2002","crime","200000","2002-06-02","http://www.imdb.com/title/tt0306414/"\n'
)  # fmt: skip

TRAKT_CSV = (
    "rated_at,type,title,year,trakt_rating,trakt_id,imdb_id,tmdb_id,tvdb_id,url,released,"
    "season_number,episode_number,episode_title,episode_released,episode_trakt_rating,"
    "episode_trakt_id,episode_imdb_id,episode_tmdb_id,episode_tvdb_id,genres,rating\n"
    "2021-03-22T06:33:24Z,movie,Alien,1979,8.4,295,tt0078748,348,,https://trakt.tv/movies/alien-1979"
    ",1979-05-25,,,,,,,,,,\"horror, science-fiction\",9\n"
    "2021-03-23T20:00:00Z,episode,Star Trek,1966,8.1,480,tt0060028,253,77526,https://trakt.tv/shows/x"
    ",1966-09-08,1,3,Where No Man Has Gone Before,1966-09-22,7.6,30000,,,,drama,8\n"
)  # fmt: skip


def _movie(title: str, year: int | None, trakt: int, imdb: str | None, tmdb: int | None) -> Any:
    slug = f"{title.lower().replace(' ', '-')}-{year}"
    ids = {"trakt": trakt, "slug": slug, "imdb": imdb, "tmdb": tmdb}
    return {"title": title, "year": year, "ids": ids}


_HEAT = _movie("Heat", 1995, 612, "tt0113277", 949)
_ALIEN = _movie("Alien", 1979, 295, "tt0078748", 348)
_WALL_E = _movie("WALL·E", 2008, 6553, "tt0910970", 10681)
_SHOW = _movie("A Show That Is None", 2001, 1, "tt0000001", 1)
TRAKT: dict[str, str] = {
    name: json.dumps(elements)
    for name, elements in {
        "user-profile.json": {"username": "nobody_real"},
        "ratings-movies.json": [
            {"rated_at": "2020-02-02T10:00:00.000Z", "rating": 9, "type": "movie", "movie": _HEAT},
            {"rated_at": "2020-02-03T10:00:00.000Z", "rating": 4, "type": "movie", "movie": _ALIEN},
        ],
        "ratings-shows.json": [
            {"rated_at": "2020-02-02T10:00:00.000Z", "rating": 1, "type": "show", "show": _SHOW}
        ],
        "watched-movies.json": [
            {"plays": 2, "last_watched_at": "2020-02-02T09:00:00.000Z", "movie": _HEAT},
            {"plays": 1, "last_watched_at": "2022-02-02T09:00:00.000Z", "movie": _WALL_E},
        ],
        "watched-history-1.json": [
            {
                "id": 7, "watched_at": "2014-04-05T15:27:00.000Z", "action": "scrobble",
                "type": "movie", "movie": _movie("Arrival", 2016, 9, "tt2543164", 329865),
            }
        ],
        "lists-favorites.json": [
            {"rank": 1, "listed_at": "2022-03-01T00:00:00.000Z", "type": "movie", "movie": _WALL_E}
        ],
        "lists-watchlist.json": [
            {"rank": 1, "listed_at": "2022-03-01T00:00:00.000Z", "type": "movie",
             "movie": _movie("Titanic", 1997, 10, "tt0120338", 597)}
        ],
    }.items()
}  # fmt: skip

MOVIELENS = (
    "movie_id,imdb_id,tmdb_id,rating,average_rating,title\n"
    "6,0113277,949,4.5,3.85,Heat (1995)\n"
    '50,0114814,629,5.0,4.29,"Usual Suspects, The (1995)"\n'
    "1,0114709,862,2.0,3.89,Toy Story (1995)\n"
)


def zipped(files: Mapping[str, str | bytes], *, folder: str = "") -> bytes:
    """A zip of files by their names, as UTF-8."""
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in files.items():
            archive.writestr(folder + name, content)
    return packed.getvalue()
