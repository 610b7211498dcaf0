"""What is asked of TMDB, and how a list that moves is read."""

from __future__ import annotations

import random
import signal
import threading
import time
from collections import Counter
from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta, timezone
from typing import Any

import pytest

from movie_assets.tmdb import (
    MovieSource,
    NotFoundError,
    PopularMovies,
    RetryPolicy,
    ServerError,
    TmdbClient,
    TmdbError,
    TooManyChangesError,
    UnexpectedShapeError,
)

WINDOW = ("start", "end")
TOKEN = "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiJzZW50aW5lbCJ9.c2VudGluZWwtc2lnbmF0dXJl"
Popular = Callable[..., Any]
QUICK_TRIES = 4  # of a client as `client_of` makes it


def ids_of(popular: PopularMovies) -> list[object]:
    return [film["id"] for film in popular.movies]


def test_it_is_a_source(client: TmdbClient) -> None:
    source: MovieSource = client
    assert source.name == "TMDB"


def test_a_v3_key_goes_in_the_query(client: TmdbClient, tmdb: Any, popular: Popular) -> None:
    tmdb.answer = lambda asked: popular(asked.page, 5)
    client.popular_movies(limit=5, language="en")
    (asked,) = tmdb.asked
    assert asked.path == "/3/movie/popular"
    assert set(asked.query) == {"api_key", "page", "with_original_language"}
    assert asked.query["with_original_language"] == "en"
    assert "Authorization" not in asked.headers


def test_a_v4_token_goes_in_the_header(tmdb: Any, client_of: Any, popular: Popular) -> None:
    tmdb.answer = lambda asked: popular(asked.page, 5)
    client_of(tmdb.url, TOKEN).popular_movies(limit=5)
    (asked,) = tmdb.asked
    assert asked.headers["Authorization"] == f"Bearer {TOKEN}"
    assert asked.query == {"page": "1"}


def test_a_netrc_entry_does_not_replace_the_token(
    tmdb: Any, client_of: Any, tmp_path: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    netrc = tmp_path / "netrc"
    netrc.write_text("machine 127.0.0.1 login me password secret\n")
    monkeypatch.setenv("NETRC", str(netrc))
    tmdb.reply({"body": {"id": 1}})
    client_of(tmdb.url, TOKEN).movie(1)
    assert tmdb.asked[0].headers["Authorization"] == f"Bearer {TOKEN}"


def test_the_language_may_be_left_out(client: TmdbClient, tmdb: Any, popular: Popular) -> None:
    tmdb.answer = lambda asked: popular(asked.page, 5)
    client.popular_movies(limit=5)
    assert "with_original_language" not in tmdb.asked[0].query


def film_of(asked: Any) -> int:
    return int(asked.path.removeprefix("/3/movie/"))


def details(asked: Any) -> dict[str, Any]:
    """The answer for a film: its details."""
    return {"body": {"id": film_of(asked), "keywords": {}}}


def test_a_film_with_its_blocks(client: TmdbClient, tmdb: Any) -> None:
    tmdb.answer = details
    assert client.movie(550, append=["keywords", "credits"]) == {"id": 550, "keywords": {}}
    client.movie(551)
    assert tmdb.asked[0].path == "/3/movie/550"
    assert tmdb.asked[0].query["append_to_response"] == "keywords,credits"
    assert "append_to_response" not in tmdb.asked[1].query


def test_genres_come_as_they_are(client: TmdbClient, tmdb: Any) -> None:
    entries = [{"id": 18, "name": "Drama", "new": 1}, None, "odd"]
    tmdb.reply({"body": {"genres": entries}})
    assert client.genres(language="de") == entries
    assert tmdb.asked[0].query["with_original_language"] == "de"


class TestPopularMovies:
    """The exact number of films, in order, for no more requests than it takes."""

    @pytest.mark.parametrize("limit", [1, 19, 20, 21, 205])
    def test_exactly_as_many_as_asked_for(
        self, limit: int, client: TmdbClient, tmdb: Any, popular: Popular
    ) -> None:
        tmdb.answer = lambda asked: popular(asked.page, 1000)
        answer = client.popular_movies(limit=limit)
        assert ids_of(answer) == list(range(1, limit + 1))
        assert answer.complete
        assert (answer.total_results, answer.repeated, answer.rejected) == (1000, 0, {})
        assert tmdb.pages == list(range(1, -(-limit // 20) + 1))
        assert answer.pages == len(tmdb.pages)

    def test_films_are_given_as_they_are(self, client: TmdbClient, tmdb: Any) -> None:
        films = [{"id": 1, "title": None, "new": {"a": [1.5]}}, {"id": 2, "overview": "\u2028é"}]
        tmdb.reply({"body": {"results": films, "total_pages": 1, "total_results": 2}})
        assert client.popular_movies(limit=9).movies == films

    def test_a_short_list_is_complete(
        self, client: TmdbClient, tmdb: Any, popular: Popular
    ) -> None:
        tmdb.answer = lambda asked: popular(asked.page, 45)
        answer = client.popular_movies(limit=1000)
        assert len(answer.movies) == 45
        assert answer.complete
        assert tmdb.pages == [1, 2, 3]

    def test_an_empty_list_is_complete(
        self, client: TmdbClient, tmdb: Any, popular: Popular
    ) -> None:
        tmdb.answer = lambda asked: popular(asked.page, 0)
        answer = client.popular_movies(limit=10)
        assert (answer.movies, answer.complete, tmdb.pages) == ([], True, [1])

    def test_repeated_films_are_made_up_for_by_further_pages(
        self, client: TmdbClient, tmdb: Any, popular: Popular
    ) -> None:
        # Every page begins with the last five films of the one before.
        tmdb.answer = lambda asked: popular(asked.page, 1000, shift=-5 * (asked.page - 1))
        answer = client.popular_movies(limit=300)
        assert ids_of(answer) == list(range(1, 301))
        assert answer.repeated > 0
        assert answer.pages <= 22

    @pytest.mark.parametrize("seed", range(3))
    def test_a_drifting_list_gives_as_many_films_as_it_has(
        self, seed: int, client: TmdbClient, tmdb: Any, popular: Popular
    ) -> None:
        times: Counter[int] = Counter()

        def answer_of(asked: Any) -> Any:
            # By page and time, not by whichever request comes first: else a film may be missed
            # however often pages are read again, with one seed in 25.
            times[asked.page] += 1
            chance = random.Random(f"{seed} {asked.page} {times[asked.page]}")
            return popular(asked.page, 400, shift=chance.randint(-3, 3))

        tmdb.answer = answer_of
        answer = client.popular_movies(limit=400)
        assert sorted(ids_of(answer), key=int) == list(range(1, 401))  # type: ignore[call-overload]
        assert answer.complete

    def test_skipped_films_are_looked_for_again_where_pages_end(
        self, client: TmdbClient, tmdb: Any, popular: Popular
    ) -> None:
        def answer(asked: Any) -> dict[str, Any]:
            first_time = tmdb.pages.count(asked.page) == 1
            reply = popular(asked.page, 60)
            if asked.page == 2 and first_time:
                reply["body"]["results"] = reply["body"]["results"][3:]
            return reply

        tmdb.answer = answer
        found = client.popular_movies(limit=60)
        ids = [int(str(film)) for film in ids_of(found)]
        assert sorted(ids) == list(range(1, 61))
        # What is found late stands on its own page's place.
        assert set(ids[20:40]) == set(range(21, 41))
        assert found.complete
        assert len(tmdb.asked) <= 6

    def test_looking_again_ends(self, client: TmdbClient, tmdb: Any, popular: Popular) -> None:
        def answer(asked: Any) -> dict[str, Any]:
            reply = popular(asked.page, 60)
            reply["body"]["total_results"] = 70
            return reply

        tmdb.answer = answer
        found = client.popular_movies(limit=1000)
        assert (len(found.movies), found.complete) == (60, False)
        assert tmdb.pages == [1, 1, 1, 2, 2, 2, 3, 3, 3]

    def test_a_list_that_grows_is_read_on(
        self, client: TmdbClient, tmdb: Any, popular: Popular
    ) -> None:
        tmdb.answer = lambda asked: popular(asked.page, 40 if asked.page == 1 else 200)
        answer = client.popular_movies(limit=190)
        assert ids_of(answer) == list(range(1, 191))

    def test_a_length_that_is_wrong_once_loses_nothing(
        self, client: TmdbClient, tmdb: Any, popular: Popular
    ) -> None:
        def answer(asked: Any) -> dict[str, Any]:
            reply = popular(asked.page, 400)
            if asked.page % 3 == 0:
                reply["body"]["total_pages"] = 1
            return reply

        tmdb.answer = answer
        assert ids_of(client.popular_movies(limit=400)) == list(range(1, 401))

    @pytest.mark.parametrize(
        "past_the_end",
        [
            {"body": {"results": [], "total_pages": 3, "total_results": 60}},
            {"status": 400, "body": {"status_code": 22, "status_message": "Invalid page."}},
            {"status": 422, "body": {"errors": ["page must be less than or equal to 3"]}},
        ],
    )
    def test_a_list_that_shrinks_ends_where_it_ends(
        self, past_the_end: dict[str, Any], client: TmdbClient, tmdb: Any, popular: Popular
    ) -> None:
        def answer(asked: Any) -> dict[str, Any]:
            if asked.page > 3:
                return past_the_end
            return popular(asked.page, 4000 if asked.page == 1 else 60)

        tmdb.answer = answer
        found = client.popular_movies(limit=4000)
        assert ids_of(found) == list(range(1, 61))
        assert found.complete
        assert len(tmdb.asked) < 40  # what was under way, and not 200 pages

    def test_no_page_after_the_500th_is_asked_for(
        self, tmdb: Any, client_of: Any, popular: Popular
    ) -> None:
        tmdb.answer = lambda asked: popular(asked.page, 20_000)
        client = client_of(tmdb.url, requests_per_second=100_000)
        answer = client.popular_movies(limit=15_000)
        assert tmdb.pages == list(range(1, 501))
        assert (len(answer.movies), answer.complete) == (10_000, False)

    def test_rows_that_are_no_films_are_counted(self, client: TmdbClient, tmdb: Any) -> None:
        rows = [None, {"id": 1}, "x", {"id": None}]
        tmdb.reply({"body": {"results": rows, "total_pages": 1, "total_results": 4}})
        answer = client.popular_movies(limit=4)
        assert answer.movies == [{"id": 1}]
        assert answer.rejected == {"not an object": 2, "no usable id": 1}

    def test_faults_on_the_way_cost_no_film(
        self, client: TmdbClient, tmdb: Any, popular: Popular
    ) -> None:
        faults: list[dict[str, Any]] = [
            {"status": 500, "body": {}},
            {"fault": "reset"},
            {"body": [1, 2], "fault": "truncate"},
            {"body": b"<html>"},
            {"status": 429, "body": {}, "headers": {"Retry-After": "0"}},
        ]
        spoilt: set[int] = set()

        def answer(asked: Any) -> dict[str, Any]:
            with tmdb.lock:
                if asked.page % 2 or asked.page in spoilt:
                    return popular(asked.page, 1000)
                spoilt.add(asked.page)
            return faults[asked.page // 2 % len(faults)]

        tmdb.answer = answer
        assert ids_of(client.popular_movies(limit=600)) == list(range(1, 601))

    def test_progress_is_told_in_the_calling_thread(
        self, client: TmdbClient, tmdb: Any, popular: Popular
    ) -> None:
        told: list[tuple[int, int, bool]] = []

        def progress(found: int, wanted: int) -> None:
            told.append((found, wanted, threading.current_thread() is threading.main_thread()))

        tmdb.answer = lambda asked: popular(asked.page, 1000)
        client.popular_movies(limit=50, progress=progress)
        assert told == [(20, 50, True), (40, 50, True), (50, 50, True)]

    def test_a_limit_below_one_is_refused(self, client: TmdbClient, tmdb: Any) -> None:
        with pytest.raises(ValueError, match="limit"):
            client.popular_movies(limit=0)
        assert tmdb.asked == []


class TestManyThreads:
    """Pages come at the same time, at one pace, and all stops at the first error."""

    def test_pages_are_read_at_the_same_time(
        self, tmdb: Any, client_of: Any, popular: Popular
    ) -> None:
        together = threading.Barrier(8)

        def answer(asked: Any) -> dict[str, Any]:
            if 2 <= asked.page <= 9:
                together.wait(timeout=10)  # fails unless eight are here at once
            return popular(asked.page, 1000)

        tmdb.answer = answer
        assert len(client_of(tmdb.url, max_workers=8).popular_movies(limit=180).movies) == 180

    def test_two_threads_share_one_pace(self, tmdb: Any, client_of: Any, popular: Popular) -> None:
        tmdb.answer = lambda asked: popular(asked.page, 1000)
        client = client_of(tmdb.url, requests_per_second=50)
        answers: list[PopularMovies] = []
        threads = [
            threading.Thread(target=lambda: answers.append(client.popular_movies(limit=400)))
            for _ in range(2)
        ]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(timeout=20)
        assert [len(answer.movies) for answer in answers] == [400, 400]
        # Only ever slower than that, however busy the machine is.
        assert tmdb.asked[-1].at - tmdb.asked[0].at > 39 / 50 - 0.1

    def test_the_first_error_ends_all(self, tmdb: Any, client_of: Any, popular: Popular) -> None:
        def answer(asked: Any) -> dict[str, Any]:
            if asked.page == 1:
                return popular(1, 10_000)
            if asked.page == 5:
                time.sleep(0.2)
                return {"status": 404, "body": {}}
            return {"fault": "hang"}

        tmdb.answer = answer
        before = set(threading.enumerate())
        started = time.monotonic()
        with pytest.raises(Exception, match="HTTP 404"):
            client_of(tmdb.url).popular_movies(limit=10_000)
        assert time.monotonic() - started < 4  # the hanging ones would take 5
        asked = len(tmdb.asked)
        assert asked <= 18
        assert not _threads_left(before)
        assert len(tmdb.asked) == asked

    def test_an_interrupt_ends_all(self, tmdb: Any, client_of: Any, popular: Popular) -> None:
        def answer(asked: Any) -> dict[str, Any]:
            return popular(1, 10_000) if asked.page == 1 else {"fault": "hang"}

        def interrupt(found: int, wanted: int) -> None:
            raise KeyboardInterrupt

        tmdb.answer = answer
        before = set(threading.enumerate())
        with pytest.raises(KeyboardInterrupt):
            client_of(tmdb.url, requests_per_second=2).popular_movies(
                limit=10_000, progress=interrupt
            )
        assert not _threads_left(before)

    def test_a_real_interrupt_is_prompt(self, tmdb: Any, client_of: Any, popular: Popular) -> None:
        def answer(asked: Any) -> dict[str, Any]:
            if asked.page == 4:
                main = threading.main_thread().ident
                assert main is not None
                signal.pthread_kill(main, signal.SIGINT)
            return popular(1, 10_000) if asked.page == 1 else {"fault": "hang"}

        tmdb.answer = answer
        before = set(threading.enumerate())
        started = time.monotonic()
        with pytest.raises(KeyboardInterrupt):
            client_of(tmdb.url).popular_movies(limit=10_000)
        assert time.monotonic() - started < 4
        assert not _threads_left(before)

    def test_a_client_works_on_after_an_error(
        self, client: TmdbClient, tmdb: Any, popular: Popular
    ) -> None:
        tmdb.reply({"status": 500, "body": {}})
        with pytest.raises(ServerError):
            client.popular_movies(limit=10)
        tmdb.answer = lambda asked: popular(asked.page, 100)
        assert len(client.popular_movies(limit=100).movies) == 100


def _threads_left(before: set[threading.Thread]) -> list[threading.Thread]:
    """Give the client's threads that are still there after a moment."""
    until = time.monotonic() + 3
    while time.monotonic() < until:
        left = [t for t in set(threading.enumerate()) - before if t.name.startswith("tmdb")]
        if not left:
            return []
        time.sleep(0.01)
    return left


class TestDetails:
    """The details of many films, each asked for once, what is wrong with one told of that one."""

    @staticmethod
    def read(client: TmdbClient, films: list[int]) -> dict[int, Any]:
        found: dict[int, Any] = {}

        def take(film: int, answer: Any) -> None:
            assert threading.current_thread() is threading.main_thread()
            assert film not in found
            found[film] = answer

        client.details(films, take, append=["keywords", "credits"])
        return found

    def test_every_film_is_asked_for_once(self, client: TmdbClient, tmdb: Any) -> None:
        tmdb.answer = details
        films = list(range(100, 350))
        found = self.read(client, films)
        assert found == {film: {"id": film, "keywords": {}} for film in films}
        assert sorted(map(film_of, tmdb.asked)) == films
        assert {asked.query["append_to_response"] for asked in tmdb.asked} == {"keywords,credits"}

    def test_no_film_is_no_request(self, client: TmdbClient, tmdb: Any) -> None:
        assert self.read(client, []) == {}
        assert tmdb.asked == []

    def test_films_are_asked_for_at_the_same_time(self, tmdb: Any, client_of: Any) -> None:
        together = threading.Barrier(8)

        def answer(asked: Any) -> dict[str, Any]:
            together.wait(timeout=10)  # fails unless eight are here at once
            return details(asked)

        tmdb.answer = answer
        assert len(self.read(client_of(tmdb.url, max_workers=8), list(range(1, 9)))) == 8

    @pytest.mark.parametrize(
        ("reply", "kind", "tries"),
        [
            ({"status": 404, "body": {"status_code": 34}}, NotFoundError, 1),
            ({"body": {"id": 4}}, UnexpectedShapeError, 2),
            ({"body": {"title": "?"}}, UnexpectedShapeError, 2),
            ({"body": [{"id": 3}]}, UnexpectedShapeError, 2),
        ],
    )
    def test_what_is_wrong_with_one_film_is_told_of_that_one(
        self, client: TmdbClient, tmdb: Any, reply: dict[str, Any], kind: type, tries: int
    ) -> None:
        tmdb.answer = lambda asked: reply if film_of(asked) == 3 else details(asked)
        found = self.read(client, [1, 2, 3, 4, 5])
        assert isinstance(found.pop(3), kind)
        assert found == {film: {"id": film, "keywords": {}} for film in (1, 2, 4, 5)}
        assert sum(film_of(asked) == 3 for asked in tmdb.asked) == tries

    def test_another_films_details_that_come_once_cost_nothing(
        self, client: TmdbClient, tmdb: Any
    ) -> None:
        def answer(asked: Any) -> dict[str, Any]:
            first_time = [a.path for a in tmdb.asked].count(asked.path) == 1
            return {"body": {"id": 99}} if first_time else details(asked)

        tmdb.answer = answer
        assert self.read(client, [1, 2]) == {film: {"id": film, "keywords": {}} for film in (1, 2)}

    @pytest.mark.parametrize("status", [401, 422])
    def test_another_failure_ends_all(self, client: TmdbClient, tmdb: Any, status: int) -> None:
        tmdb.answer = lambda asked: (
            {"status": status, "body": {}} if film_of(asked) == 5 else details(asked)
        )
        before = set(threading.enumerate())
        with pytest.raises(TmdbError, match=r"127\.0\.0\.1"):
            self.read(client, list(range(1, 5000)))
        assert len(tmdb.asked) < 1000
        assert not _threads_left(before)

    def test_a_film_that_was_not_given_is_asked_for_again_after_the_others(
        self, tmdb: Any, client_of: Any
    ) -> None:
        def answer(asked: Any) -> dict[str, Any]:
            failed = [a.path for a in tmdb.asked].count(asked.path) <= 2
            return {"status": 500} if film_of(asked) == 5 and failed else details(asked)

        tmdb.answer = answer
        client = client_of(tmdb.url, retry=RetryPolicy(attempts=2, initial_wait=0.001))
        found = self.read(client, list(range(1, 301)))
        assert found == {film: {"id": film, "keywords": {}} for film in range(1, 301)}
        tries = [n for n, asked in enumerate(tmdb.asked) if film_of(asked) == 5]
        assert len(tries) == 3
        assert tries[-1] > 250  # of 300 others, some may be under way still

    def test_a_film_that_is_never_given_is_told_of_and_ends_nothing(
        self, client: TmdbClient, tmdb: Any
    ) -> None:
        broken = set(range(100, 120))  # more of them than may fail in a row, but none after another
        tmdb.answer = lambda asked: {"status": 503} if film_of(asked) in broken else details(asked)
        films = [film for n in range(20) for film in (100 + n, *range(1000 + n, 6000, 1000))]
        found = self.read(client, films)
        assert {film for film, answer in found.items() if isinstance(answer, ServerError)} == broken
        assert len(found) == len(films)
        assert sum(film_of(asked) == 100 for asked in tmdb.asked) == 3 * QUICK_TRIES

    @pytest.mark.parametrize("films", [1, 3, 4000])
    def test_a_source_that_fails_over_and_over_ends_all(
        self, films: int, client: TmdbClient, tmdb: Any
    ) -> None:
        tmdb.reply({"status": 500})
        before = set(threading.enumerate())
        with pytest.raises(ServerError, match="gave up after 4 tries"):
            self.read(client, list(range(films)))
        # Those that failed first may be under way for the second time.
        assert len(tmdb.asked) <= 2 * 4 * min(films, 60)
        assert not _threads_left(before)

    def test_what_take_raises_ends_all(self, client: TmdbClient, tmdb: Any) -> None:
        def take(film: int, answer: Any) -> None:
            raise KeyboardInterrupt

        tmdb.answer = details
        before = set(threading.enumerate())
        with pytest.raises(KeyboardInterrupt):
            client.details(list(range(1, 5000)), take)
        assert not _threads_left(before)


class TestChanges:
    """The ids of the films that changed."""

    NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)

    @staticmethod
    def page_of(*entries: object, pages: int = 1) -> dict[str, Any]:
        return {"body": {"results": list(entries), "total_pages": pages, "total_results": 1}}

    def test_all_pages_are_read(self, client: TmdbClient, tmdb: Any) -> None:
        tmdb.answer = lambda asked: self.page_of({"id": asked.page, "adult": None}, pages=4)
        since = self.NOW - timedelta(days=2)
        assert client.changed_movie_ids(since, self.NOW) == {1, 2, 3, 4}
        assert tmdb.pages == [1, 2, 3, 4]
        assert {asked.path for asked in tmdb.asked} == {"/3/movie/changes"}
        assert tmdb.asked[0].query["start_date"] == "2026-02-27"
        assert tmdb.asked[0].query["end_date"] == "2026-03-01"

    def test_bad_entries_are_passed_over(self, client: TmdbClient, tmdb: Any) -> None:
        entries = [{"id": 1}, None, {"id": None}, {"id": "x"}, {"adult": False}, 7, {"id": True}]
        tmdb.reply(self.page_of(*entries))
        assert client.changed_movie_ids(self.NOW, self.NOW) == {1}

    def test_a_list_that_shrinks_ends(self, client: TmdbClient, tmdb: Any) -> None:
        tmdb.answer = lambda asked: (
            self.page_of({"id": 1}, pages=3)
            if asked.page == 1
            else {"status": 400, "body": {"status_code": 22}}
        )
        assert client.changed_movie_ids(self.NOW, self.NOW) == {1}

    def test_a_long_time_is_asked_for_in_windows(self, client: TmdbClient, tmdb: Any) -> None:
        tmdb.reply(self.page_of())
        client.changed_movie_ids(self.NOW - timedelta(days=30), self.NOW)
        windows = [(a.query["start_date"], a.query["end_date"]) for a in tmdb.asked]
        assert windows == [
            ("2026-01-30", "2026-02-13"),
            ("2026-02-13", "2026-02-27"),
            ("2026-02-27", "2026-03-01"),
        ]

    def test_a_time_with_more_changes_than_are_listed_is_asked_for_in_shorter_ones(
        self, client: TmdbClient, tmdb: Any
    ) -> None:
        def answer(asked: Any) -> dict[str, Any]:
            start, end = (date.fromisoformat(asked.query[f"{which}_date"]) for which in WINDOW)
            days = (end - start).days
            return self.page_of({"id": start.day}, pages=501 if days > 2 else 1)

        tmdb.answer = answer
        since = self.NOW - timedelta(days=8)  # 21 February
        assert client.changed_movie_ids(since, self.NOW) == {21, 23, 25, 27}

    @pytest.mark.parametrize("told", [{"total_pages": 501}, {"total_results": 50_001}])
    def test_a_day_with_more_changes_than_are_listed_is_an_error(
        self, client: TmdbClient, tmdb: Any, told: dict[str, int]
    ) -> None:
        reply = self.page_of({"id": 1})
        tmdb.reply({"body": reply["body"] | told})
        with pytest.raises(TooManyChangesError, match="2026-02-28 to 2026-03-01"):
            client.changed_movie_ids(self.NOW - timedelta(days=1), self.NOW)

    def test_a_list_as_long_as_can_be_is_read(self, tmdb: Any, client_of: Any) -> None:
        tmdb.answer = lambda asked: self.page_of({"id": asked.page}, pages=500)
        client = client_of(tmdb.url, requests_per_second=100_000)
        assert client.changed_movie_ids(self.NOW, self.NOW) == set(range(1, 501))

    def test_days_are_those_of_utc(self, client: TmdbClient, tmdb: Any) -> None:
        tmdb.reply(self.page_of())
        tokyo = datetime(2026, 3, 1, 5, tzinfo=timezone(timedelta(hours=9)))
        client.changed_movie_ids(tokyo, tokyo)
        assert tmdb.asked[0].query["start_date"] == "2026-02-28"

    def test_a_time_that_ends_before_it_begins_is_empty(
        self, client: TmdbClient, tmdb: Any
    ) -> None:
        assert client.changed_movie_ids(self.NOW, self.NOW - timedelta(days=1)) == set()
        assert tmdb.asked == []

    def test_a_moment_without_time_zone_is_refused(self, client: TmdbClient) -> None:
        naive = self.NOW.replace(tzinfo=None)
        with pytest.raises(ValueError, match="time zone"):
            client.changed_movie_ids(naive, self.NOW)
