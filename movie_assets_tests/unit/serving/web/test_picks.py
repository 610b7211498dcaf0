from __future__ import annotations

import base64
import zlib
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st
from starlette.datastructures import QueryParams

from movie_assets.serving.web.picks import (
    LONGEST_IN_ADDRESS,
    MOST_PICKED,
    BrokenProfileError,
    Brought,
    Picks,
    read_picks,
    read_profile,
    write_profile,
)

IDS = st.integers(1, 2**31 - 1)
SAYINGS = st.one_of(
    st.integers(1, 10).map(lambda halves: {"stars": halves / 2}),
    st.sampled_from([{"value": 1.0}, {"value": -1.0}, {}]),
)


@given(st.dictionaries(IDS, SAYINGS))
def test_a_profile_without_times_comes_back_by_number(said: dict[int, dict[str, float]]) -> None:
    brought = [Brought(film_id, **saying) for film_id, saying in said.items()]
    token = write_profile(brought)
    assert read_profile(token) == tuple(sorted(brought, key=lambda film: film.id))


@given(st.dictionaries(IDS, st.floats(0, 1e10), min_size=1))
def test_a_profile_with_times_comes_back_in_their_order(times: dict[int, float]) -> None:
    brought = [Brought(film_id, stars=4.0, at=at) for film_id, at in times.items()]
    read = read_profile(write_profile(brought))
    assert [film.id for film in read] == sorted(
        times, key=lambda film_id: (times[film_id], film_id)
    )
    assert [film.at for film in read] == list(range(len(times)))


def test_what_was_liked_without_a_time_is_the_latest_word() -> None:
    brought = [Brought(1, value=1.0), Brought(2, stars=5.0, at=7.0), Brought(3, stars=1.0, at=3.0)]
    assert [film.id for film in read_profile(write_profile(brought))] == [3, 2, 1]


def test_a_thousand_films_fit_into_an_address() -> None:
    random = Random(4)
    ids = random.sample(range(1, 2_000_000), 1000)
    rated = [Brought(one, random.randint(1, 10) / 2, at=float(i)) for i, one in enumerate(ids)]
    token = write_profile(rated)
    assert token.isascii()
    assert token.replace("-", "").replace("_", "").isalnum()
    assert len(token) < LONGEST_IN_ADDRESS


def packed(data: bytes) -> str:
    return base64.urlsafe_b64encode(zlib.compress(data)).decode()


@pytest.mark.parametrize(
    "token",
    [
        "!",
        "eNpj",
        "é",
        write_profile([Brought(949, stars=5.0)])[:-4],
        packed(b""),
        packed(b"\x00\x02\x02\x02\x05"),  # two films, and what is said of one
        packed(b"\x00\x01\x02\x0d"),  # a mark that is none
        packed(b"\x00\x01\x00\x05"),  # film 0
        packed(b"\x00\x01\x01\x05"),  # film -1
        packed(b"\x00\x02\x02\x00\x05\x05"),  # the same film twice
        packed(b"\x00\xff\xff\xff\xff\xff\xff\xff"),  # a number without an end
        packed(b"\x00\x01\xfe\xff\xff\xff\x7f\x05"),  # film 2^34
        packed(b"\x00" * 10_000_000),  # unpacks to more than any export has
    ],
)
def test_a_profile_that_was_cut_or_changed_is_refused(token: str) -> None:
    with pytest.raises(BrokenProfileError, match="Bring your export file once more"):
        read_profile(token)
    picks = read_picks(QueryParams({"profile": token, "liked": "949"}))
    assert picks.liked == (949,)
    assert picks.brought == ()
    assert len(picks.problems) == 1


def test_picks_stand_in_the_address() -> None:
    picks = read_picks(QueryParams("liked=949,680&liked=949&not=597,680"))
    assert picks == Picks(liked=(949, 680), disliked=(597,))
    assert picks.fields == [("liked", "949,680"), ("not", "597")]


def test_changing_ones_mind() -> None:
    picks = Picks().like(949).like(680).dislike(949)
    assert picks == Picks(liked=(680,), disliked=(949,))
    assert picks.like(949) == Picks(liked=(680, 949))
    assert picks.drop(949).drop(680) == Picks()


@pytest.mark.parametrize("text", ["-1", "0", "x", "1.5", "²", str(2**63), "9" * 5000, "\x00"])
def test_what_is_no_number_is_told_in_short(text: str) -> None:
    picks = read_picks(QueryParams({"liked": f"949,{text}"}))
    assert picks.liked == (949,)
    (problem,) = picks.problems
    assert problem.endswith("is no film's number.")
    assert len(problem) < 80


def test_only_so_many_are_picked() -> None:
    picks = read_picks(QueryParams({"liked": ",".join(map(str, range(1, 200)))}))
    assert picks.liked == tuple(range(1, MOST_PICKED + 1))
    assert picks.problems == ("Of the films in the address the first 60 were taken.",)
    assert len(picks.like(500).liked) == MOST_PICKED
