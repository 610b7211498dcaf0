"""What can be asked of a snapshot, against the recommender in memory that it was made by."""

from __future__ import annotations

import math
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import orjson
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from scipy import sparse

from movie_assets.recommender import Signal, fit_features, load_weights, reasons
from movie_assets.recommender.films import film_frame
from movie_assets.recommender.frozen import freeze
from movie_assets.recommender.query import Recommender, Taste
from movie_assets.serving.published import (
    MOST_FILMS,
    EmptyTasteError,
    Filters,
    Liking,
    Published,
    Similar,
    TasteError,
    UnknownFilmError,
    UnknownNameError,
    Wishes,
    WishesError,
)
from movie_assets.serving.snapshot import open_snapshot, write_snapshot
from movie_assets.serving.texts import Texts, texts_of
from movie_assets_tests.films import pairs_of
from movie_assets_tests.snapshots import bundled_films, content_of, write_small_snapshot

WEIGHTS = load_weights()
FILMS = bundled_films().sort_by("movie_id")
ROWS = FILMS.to_pylist()
IDS = [row["movie_id"] for row in ROWS]
N = len(ROWS)
HEAT, ALIEN = 949, 348


def made_up_signals() -> list[Signal]:
    random = np.random.default_rng(0)
    pairs = [sparse.random(N, N, share, "csr", np.float32, random) for share in (0.02, 0.01)]
    return [
        Signal("co_liked", WEIGHTS.blend.co_liked, pairs[0]),
        Signal("tmdb", WEIGHTS.blend.tmdb, pairs[1]),
    ]


ITEM_WEIGHTS = Signal(
    "item_weights", 0, sparse.random(N, N, 0.01, "csr", np.float32, np.random.default_rng(1))
)
TRANSITIONS = Signal(
    "transitions", 0, sparse.random(N, N, 0.01, "csr", np.float32, np.random.default_rng(2))
)
LEARNED = (ITEM_WEIGHTS, TRANSITIONS)
SIGNALS = {"plain": [], "signals": [*made_up_signals(), *LEARNED]}


@pytest.fixture(scope="module", params=SIGNALS)
def both(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[tuple[Published, Recommender]]:
    folder: Path = tmp_path_factory.mktemp("published")
    signals = SIGNALS[request.param]
    write_small_snapshot(folder, signals=signals)
    features = fit_features(
        film_frame(FILMS.to_pandas().rename(columns={"movie_id": "id"})), WEIGHTS
    )
    in_scores = [signal for signal in signals if signal not in LEARNED]
    learned = [of.pairs for of in LEARNED if of in signals]
    recommender = Recommender(features, WEIGHTS, in_scores, *learned)
    with open_snapshot(folder) as snapshot:
        yield Published(snapshot), recommender


@pytest.fixture(scope="module")
def published(both: tuple[Published, Recommender]) -> Published:
    return both[0]


def ids(found: list[Any]) -> list[int]:
    return [one.film.id for one in found]


# -- films --------------------------------------------------------------------------------------


def test_films_by_their_numbers(published: Published) -> None:
    for row in (0, 17, N - 1):
        film = published.film(IDS[row])
        assert (film.row, film.id, film.title) == (row, IDS[row], ROWS[row]["title"])
        assert published.film_of(row) is film
        assert published.row_of(film.id) == row
    with_imdb = [row for row in range(N) if ROWS[row]["imdb_id"]]
    assert with_imdb
    for row in with_imdb:
        assert published.row_of_imdb(ROWS[row]["imdb_id"]) == row


@pytest.mark.parametrize("movie_id", [0, -1, 1, IDS[-1] + 1, 2**31 - 1, 2**31, 2**63, -(2**63)])
def test_films_that_are_not_there(published: Published, movie_id: int) -> None:
    assert published.row_of(movie_id) is None
    with pytest.raises(UnknownFilmError, match=f"There is no film {movie_id}"):
        published.film(movie_id)
    with pytest.raises(UnknownFilmError):
        published.similar(movie_id)


@pytest.mark.parametrize(
    "imdb_id", ["", "tt", "tt1", "nm0000001", "tt" + "9" * 400, "tt\u0661\u0662", "t\0"]
)
def test_imdb_ids_that_no_film_has(published: Published, imdb_id: str) -> None:
    assert published.row_of_imdb(imdb_id) is None


def test_films_by_their_titles(published: Published) -> None:
    assert published.find("heat")[0].id == HEAT
    assert published.find("Heat", 1995)[0].id == HEAT
    assert published.find("no film is called so") == []
    assert published.search("alie", 5)[0].id == ALIEN
    assert published.near("The Shawshank Redemtion")[0].title == "The Shawshank Redemption"
    with pytest.raises(WishesError, match="limit must be from 1 to 1,000"):
        published.search("heat", 0)


def test_the_best_known_films(published: Published) -> None:
    votes = [film.vote_count for film in published.best_known(20)]
    assert votes == sorted((row["vote_count"] for row in ROWS), reverse=True)[:20]


def test_what_it_is(published: Published) -> None:
    assert published.manifest.films == N
    assert len(published.name) == 32
    assert published.quality[0]["metric"] == "catalogue_coverage"


# -- lists that were published -------------------------------------------------------------------


def test_stored_lists_are_what_is_worked_out(both: tuple[Published, Recommender]) -> None:
    published, recommender = both
    for row in range(0, N, 40):
        stored = published.similar(IDS[row], 10)
        found = recommender.similar(row, 10)
        assert [one.film.row for one in stored] == found.columns.tolist()
        np.testing.assert_allclose([one.score for one in stored], found.scores, rtol=1e-4)
        parts = {"content": found.content, "closeness": found.closeness, "prior": found.prior}
        for name, values in (parts | found.signals).items():
            np.testing.assert_allclose([one.parts[name] for one in stored], values, rtol=1e-3)
        assert [list(one.reasons) for one in stored] == [
            why[:3] for why in reasons(recommender.features, found)
        ]


def test_pages_of_a_stored_list_fit_together(published: Published) -> None:
    whole = published.similar(HEAT, MOST_FILMS)
    assert len(whole) == 50
    pages = [published.similar(HEAT, 7, offset) for offset in range(0, 70, 7)]
    assert [one for page in pages for one in page] == whole
    assert published.similar(HEAT, 10, 10**9) == []


@pytest.mark.no_cover
@pytest.mark.parametrize(("limit", "offset"), [(10, 0), (1, 0), (50, 0), (7, 44), (5, 1000)])
def test_a_stored_list_as_json_says_the_same(published: Published, limit: int, offset: int) -> None:
    for row in range(N):
        written = published.neighbours.json_of(row, limit, offset, numbers_of)
        assert orjson.loads(b"[" + written + b"]") == [
            {
                "rank": rank,
                "score": pytest.approx(one.score, abs=5.1e-7),
                "parts": pytest.approx(one.parts, abs=5.1e-7),
                "reasons": list(one.reasons),
                "movie": one.film.row,
            }
            for rank, one in enumerate(published.similar(IDS[row], limit, offset), offset + 1)
        ]


def numbers_of(rows: Any) -> tuple[Texts, Any]:
    """Films' JSON, if their rows were all about them."""
    return texts_of(str(row).encode() for row in range(N)), rows


def test_one_franchise_does_not_fill_a_list(published: Published) -> None:
    filled = 0
    for row in range(N):
        collections = [one.film.collection for one in published.similar(IDS[row], 10)]
        named = [name for name in collections if name]
        assert max((named.count(name) for name in named), default=0) <= 3
        own = [one.film.collection for one in published.similar(IDS[row], 50)[:10]]
        assert own == collections
        filled += any(named.count(name) > 1 for name in named)
    assert filled  # or the rule was never asked for


# -- lists by wishes -----------------------------------------------------------------------------


@pytest.mark.no_cover
def test_scores_go_by_what_stays_frozen(tmp_path: Path) -> None:
    """Where one film counted e times as much as any does now, all others count the less."""
    content, wishes = content_of(FILMS), Wishes(popularity=1.0)
    frozen = freeze(content.features, WEIGHTS)
    assert frozen.frozen is not None
    larger = frozen.frozen._replace(log_prior=frozen.frozen.log_prior + 1)
    found = []
    for features in (content.features, frozen, replace(frozen, frozen=larger)):
        write_snapshot(tmp_path, replace(content_of(FILMS), features=features))
        with open_snapshot(tmp_path) as snapshot:
            found.append(Published(snapshot).similar(IDS[0], wishes=wishes))
    assert found[0] == found[1]
    assert ids(found[0]) == ids(found[2])
    for one, less in zip(found[0], found[2], strict=True):
        assert less.parts["prior"] == pytest.approx(one.parts["prior"] / math.e, rel=1e-5)


@pytest.mark.parametrize("popularity", [0.0, 0.3, 1.0])
def test_dials_are_the_recommenders(both: tuple[Published, Recommender], popularity: float) -> None:
    published, recommender = both
    wishes = Wishes(popularity=popularity, diversity=0.2)
    for row in (3, 400, 900):
        found = recommender.similar(row, 15, popularity=popularity, diversity=0.2)
        asked = published.similar(IDS[row], 15, wishes=wishes)
        assert [one.film.row for one in asked] == found.columns.tolist()
        np.testing.assert_allclose([one.score for one in asked], found.scores, rtol=1e-6)
        told = [why[:3] for why in reasons(recommender.features, found)]
        assert [list(one.reasons) for one in asked] == told
        assert set(asked[0].parts) == {"content", "closeness", "prior", *found.signals}


def test_the_middle_of_the_dial_is_what_is_stored(published: Published) -> None:
    for row in range(0, N, 30):
        stored = published.similar(IDS[row], 50)
        asked = published.similar(IDS[row], 50, 0, Wishes(0.5))
        assert ids(stored) == ids(asked)
        assert [one.reasons for one in stored] == [one.reasons for one in asked]


YEARS = st.none() | st.integers(1900, 2030)
WISHES = st.builds(
    Wishes,
    popularity=st.none() | st.floats(0, 1),
    diversity=st.sampled_from([0.0, 0.3, 1.0]),
    filters=st.builds(
        Filters,
        first_year=YEARS,
        last_year=YEARS,
        genres=st.sampled_from([(), ("Drama",), ("Crime", "Drama")]),
        without_genres=st.sampled_from([(), ("Horror",)]),
        languages=st.sampled_from([(), ("en",), ("fr", "ja")]),
        least_votes=st.integers(0, 5000),
        least_rating=st.floats(0, 10),
        least_runtime=st.none() | st.integers(0, 200),
        longest_runtime=st.none() | st.integers(0, 200),
    ),
)


def fits(row: dict[str, Any], filters: Filters) -> bool:
    year = row["release_date"].year if row["release_date"] else None
    runtime = row["runtime"] or None
    between = [
        (year, filters.first_year, filters.last_year),
        (runtime, filters.least_runtime, filters.longest_runtime),
    ]
    return (
        row["vote_count"] >= max(1, filters.least_votes)
        and row["vote_average"] >= np.float32(filters.least_rating)
        and all(
            (least is None and most is None)
            or (value is not None and (least or 0) <= value <= (10**9 if most is None else most))
            for value, least, most in between
        )
        and set(filters.genres) <= set(row["genres"])
        and not set(filters.without_genres) & set(row["genres"])
        and (not filters.languages or row["original_language"] in filters.languages)
    )


QUICK = settings(
    max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)


@QUICK
@given(wishes=WISHES, row=st.integers(0, N - 1), page=st.integers(1, 160))
def test_a_wished_list_is_of_what_is_allowed_and_its_pages_fit(
    published: Published, wishes: Wishes, row: int, page: int
) -> None:
    whole = published.similar(IDS[row], MOST_FILMS, wishes=wishes)
    if wishes == Wishes():
        return
    # Every film has a score with every other: all know the floor.
    expected = {i for i in range(N) if fits(ROWS[i], wishes.filters)} - {row}
    assert {one.film.row for one in whole} == expected
    for offset in range(0, min(len(whole), 3 * page) + 1, page):
        found = published.similar(IDS[row], page, offset, wishes)
        assert ids(found) == ids(whole[offset : offset + page])
    likings = [Liking(row, value=1), Liking((row + 7) % N, stars=1)]
    for_taste = published.for_taste(likings, [(row + 1) % N], MOST_FILMS, 0, wishes)
    assert {one.film.row for one in for_taste} <= expected - {(row + 1) % N, (row + 7) % N}
    halves = [published.for_taste(likings, [(row + 1) % N], page, i * page, wishes) for i in (0, 1)]
    assert ids(halves[0] + halves[1]) == ids(for_taste[: 2 * page])


def test_the_runtime_of_some_films_is_unknown(published: Published) -> None:
    known = {row["movie_id"] for row in ROWS if row["runtime"]}
    long = published.similar(HEAT, MOST_FILMS, wishes=Wishes(filters=Filters(least_runtime=1)))
    assert set(ids(long)) <= known


@pytest.mark.parametrize(
    ("filters", "message"),
    [
        ({"genres": ("Ballet",)}, "genre 'Ballet'. There are: Action, Adventure"),
        ({"without_genres": ("",)}, "genre ''. There are"),
        ({"languages": ("xx",)}, r"language 'xx'. There are: .*\ben\b"),
    ],
)
def test_names_that_no_film_has(
    published: Published, filters: dict[str, Any], message: str
) -> None:
    wishes = Wishes(filters=Filters(**filters))
    with pytest.raises(UnknownNameError, match=message):
        published.similar(HEAT, wishes=wishes)
    with pytest.raises(UnknownNameError, match=message):
        published.for_taste([Liking(0, value=1)], wishes=wishes)


def test_names_may_be_typed_as_people_do(published: Published) -> None:
    typed = Wishes(filters=Filters(genres=("science-fiction",), languages=("EN",)))
    as_is = Wishes(filters=Filters(genres=("Science Fiction",), languages=("en",)))
    assert published.similar(ALIEN, wishes=typed) == published.similar(ALIEN, wishes=as_is) != []


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"limit": 0}, "limit must be from 1 to 1,000, not 0"),
        ({"limit": -1}, "limit must be"),
        ({"limit": 10**9}, "limit must be"),
        ({"offset": -1}, "offset must be at least 0, not -1"),
        ({"wishes": Wishes(popularity=math.nan)}, "popularity must be from 0 to 1, not nan"),
        ({"wishes": Wishes(popularity=math.inf)}, "popularity must be"),
        ({"wishes": Wishes(popularity=-0.1)}, "popularity must be"),
        ({"wishes": Wishes(diversity=math.nan)}, "diversity must be from 0 to 1"),
        ({"wishes": Wishes(diversity=1.1)}, "diversity must be"),
        ({"wishes": Wishes(filters=Filters(least_rating=math.nan))}, "least_rating must be"),
        ({"wishes": Wishes(filters=Filters(least_rating=1e300))}, "must be from 0 to 10, not 1e"),
    ],
)
def test_what_is_out_of_range(
    published: Published, arguments: dict[str, Any], message: str
) -> None:
    with pytest.raises(WishesError, match=message):
        published.similar(HEAT, **arguments)
    with pytest.raises(WishesError, match=message):
        published.for_taste([Liking(0, value=1)], **arguments)


@pytest.mark.parametrize(
    ("filters", "expected"),
    [
        ({"first_year": 10**30}, 0),
        ({"last_year": 10**30}, N),
        ({"least_votes": 10**30}, 0),
        ({"least_votes": -(10**30)}, N),
        ({"longest_runtime": -(10**30)}, 0),
        ({"genres": ("Drama", "drama") * 50_000}, N),
    ],
)
def test_numbers_and_names_without_end(
    published: Published, filters: dict[str, Any], expected: int
) -> None:
    found = published.similar(HEAT, MOST_FILMS, 0, Wishes(filters=Filters(**filters)))
    assert len(found) <= expected
    assert bool(found) == bool(expected)


def test_beyond_the_end_is_nothing(published: Published) -> None:
    wishes = Wishes(popularity=0.2)
    assert published.similar(HEAT, 10, 10**9, wishes) == []
    assert published.for_taste([Liking(0, value=1)], offset=10**9) == []
    assert published.similar(HEAT, 10, 0, Wishes(filters=Filters(first_year=3000))) == []


# -- lists for somebody --------------------------------------------------------------------------


def test_a_taste_is_the_recommenders(both: tuple[Published, Recommender]) -> None:
    published, recommender = both
    rows = [published.row_of(HEAT), published.row_of(ALIEN), 5, 80]
    films = np.array(rows, np.int32)
    values = np.array([1, 1, 1, -WEIGHTS.profile.dislike], np.float32)
    taste = Taste(films, values, np.array([9], np.int32))
    expected = recommender.for_taste(taste, 20)
    likings = [
        *(Liking(row, value=1.0) for row in rows[:2]),
        Liking(5, stars=4.5),
        Liking(80, value=-1.0),
    ]
    found = published.for_taste(likings, [9], 20)
    assert [one.film.row for one in found] == expected.films.tolist()
    np.testing.assert_allclose([one.score for one in found], expected.scores, rtol=1e-6)
    speak = recommender.because(taste, expected)
    because = [[row for row in two if row >= 0] for two in speak.tolist()]
    assert [[film.row for film in one.because] for one in found] == because
    for one in found:
        if one.because:
            pair = one.because[0].row, one.film.row
            is_learned = (
                recommender.item_weights is not None and recommender.item_weights[pair] > 0.05
            )
            assert is_learned <= ("liked by the same people" in one.reasons)
            if recommender.item_weights is None:
                assert list(one.reasons) == reasons(recommender.features, pairs_of(pair))[0] != []


def test_who_likes_nothing_is_asked_for_more(published: Published) -> None:
    for likings in ([], [Liking(3, value=-1)], [Liking(3, stars=3)]):
        with pytest.raises(EmptyTasteError, match="at least one film that you like"):
            published.for_taste(likings)


def test_a_taste_that_makes_no_sense(published: Published) -> None:
    with pytest.raises(TasteError, match="no film in row"):
        published.for_taste([Liking(N, value=1)])
    with pytest.raises(TasteError, match="both liked and disliked"):
        published.for_taste([Liking(1, value=1), Liking(1, value=-1)])


def test_somebody_who_has_seen_everything(published: Published) -> None:
    likings = [Liking(row % N, stars=5) for row in range(50_000)]
    assert published.for_taste(likings) == []
    assert published.for_taste([Liking(0, value=1)], range(N)) == []


# -- opening -------------------------------------------------------------------------------------


def test_warming_changes_nothing(published: Published) -> None:
    before = published.similar(HEAT)
    published.warm()
    assert published.similar(HEAT) == before


def test_a_snapshot_of_one_film(tmp_path: Path) -> None:
    film = {"movie_id": 5, "title": "Alone", "vote_count": 3, "genres": ["Drama"]}
    write_small_snapshot(tmp_path, [film])
    with open_snapshot(tmp_path) as snapshot:
        published = Published(snapshot)
        published.warm()
        assert published.similar(5) == published.similar(5, wishes=Wishes(popularity=1)) == []
        assert published.neighbours.json_of(0, 10, 0, numbers_of) == b""
        assert published.for_taste([Liking(0, value=1)]) == []
        assert published.film(5).title == "Alone"


def test_many_threads_are_told_the_same(published: Published, tmp_path: Path) -> None:
    """A fresh one, so that they all open what is opened at the first question."""
    write_small_snapshot(tmp_path, 200)
    with open_snapshot(tmp_path) as snapshot:
        fresh, calm = Published(snapshot), Published(snapshot)
        some = snapshot.movie_ids.tolist()

        def ask(published: Published, n: int) -> tuple[list[Similar], list[Any]]:
            wishes = Wishes(popularity=n % 5 / 5, filters=Filters(genres=("Drama",)))
            return (
                published.similar(some[n], wishes=wishes if n % 2 else Wishes()),
                published.for_taste([Liking(n, value=1)], wishes=wishes),
            )

        with ThreadPoolExecutor(8) as threads:
            found = list(threads.map(lambda n: ask(fresh, n), range(60)))
        assert found == [ask(calm, n) for n in range(60)]
