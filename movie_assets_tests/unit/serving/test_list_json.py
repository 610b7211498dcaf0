"""Lists' JSON by compiled code: what a library for JSON makes of the same values."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import orjson
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from movie_assets.recommender.inverted import read_only
from movie_assets.serving.list_json import ListWriter
from movie_assets.serving.snapshot.layout import PARTS, pair_dtype
from movie_assets.serving.texts import Texts, texts_in, texts_of

SHARES = st.floats(0, 1, width=32)
TEXTS = st.text(st.characters(codec="utf-8"), max_size=12)


@st.composite
def lists(draw: st.DrawFn) -> dict[str, Any]:
    """Pairs, which of them are shown, and the texts that they name."""
    signals = draw(st.sampled_from([(), ("co_liked",), ("co_liked", "tmdb")]))
    reasons = draw(st.lists(TEXTS, min_size=1, max_size=5))
    number = st.integers(-1, len(reasons) - 1)
    n_parts = len(PARTS) + len(signals)
    rows = draw(
        st.lists(
            st.tuples(
                st.lists(SHARES, min_size=n_parts, max_size=n_parts),
                st.lists(number, min_size=3, max_size=3),
            ),
            max_size=6,
        )
    )
    records = np.zeros(len(rows), pair_dtype(signals))
    names = (*PARTS, *signals)
    for place, (shares, told) in enumerate(rows):
        records[place] = (place, *shares, told)
    places = draw(st.lists(st.integers(0, len(rows) - 1), max_size=6)) if rows else []
    films = [orjson.dumps({"title": draw(TEXTS)}) for _ in places]
    return {"records": records, "names": names, "reasons": reasons, "places": places,
            "films": films, "rank": draw(st.integers(1, 10**9))}  # fmt: skip


def all_of(films: list[bytes]) -> tuple[Texts, Any]:
    """Films' JSON, each in its place."""
    return texts_of(films), np.arange(len(films), dtype=np.int32)


def written(
    records: Any, names: Any, reasons: Any, places: Any, films: Any, rank: int
) -> list[dict[str, Any]]:
    writer = ListWriter(names[1:], texts_of(reason.encode() for reason in reasons))
    found = writer.written(records[places], rank, all_of(films))
    told: list[dict[str, Any]] = orjson.loads(b"[" + found + b"]")
    return told


def rounded(share: Any) -> float:
    return int(float(share) * 1e6 + 0.5) / 1e6


@settings(deadline=None)  # the first example compiles
@given(asked=lists())
def test_it_is_what_a_library_makes_of_the_same_values(asked: dict[str, Any]) -> None:
    records, names = asked["records"], asked["names"]
    assert written(**asked) == [
        {
            "rank": rank,
            "score": rounded(records["score"][place]),
            "parts": {name: rounded(records[name][place]) for name in names[1:]},
            "reasons": [asked["reasons"][n] for n in records["reasons"][place] if n >= 0],
            "movie": orjson.loads(film),
        }
        for rank, (place, film) in enumerate(
            zip(asked["places"], asked["films"], strict=True), start=asked["rank"]
        )
    ]


def one(**fields: Any) -> dict[str, Any]:
    """A list of one pair with these values."""
    records = np.zeros(1, pair_dtype(()))
    records["reasons"] = -1
    for name, value in fields.items():
        records[name] = value
    return {"records": records, "names": PARTS, "reasons": ["one"], "places": [0],
            "films": [b"{}"], "rank": 1}  # fmt: skip


@pytest.mark.parametrize(
    ("share", "text"),
    [
        (0, b"0.0"),
        (1, b"1.0"),
        (0.5, b"0.5"),
        (1e-7, b"0.0"),
        (6e-7, b"0.000001"),
        (0.0625, b"0.0625"),
        (0.9999999, b"1.0"),
        (0.123456789, b"0.123457"),
    ],
)
def test_numbers_have_six_places_and_no_zeros_behind_them(share: float, text: bytes) -> None:
    asked = one(score=share)
    writer = ListWriter(PARTS[1:], texts_of([]))
    found = writer.written(asked["records"], 1, all_of([b"{}"]))
    assert found.startswith(b'{"rank":1,"score":%b,"parts":{"content":0.0,' % text)


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"score": np.nan}, "out of range"),
        ({"score": np.inf}, "out of range"),
        ({"score": -0.5}, "out of range"),
        ({"prior": 1e30}, "out of range"),
        ({"reasons": (1, -1, -1)}, "is not there"),
        ({"reasons": (-1, -1, 2**31 - 1)}, "is not there"),
    ],
)
def test_what_a_damaged_file_may_hold_is_refused(fields: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        written(**one(**fields))


def test_each_pair_has_one_film() -> None:
    for films in ([], [b"{}"] * 2):
        with pytest.raises(ValueError, match="one film"):
            written(**(one() | {"films": films}))


@pytest.mark.parametrize(("begin", "end"), [(-1, 1), (0, 3), (2, 1), (0, 2**62)])
def test_texts_that_are_not_where_they_should_be_are_refused(begin: int, end: int) -> None:
    texts = texts_of([b"{}"])
    writer = ListWriter(PARTS[1:], texts_of([]))
    damaged = Texts(texts.bytes, read_only(np.array([begin])), read_only(np.array([end])))
    with pytest.raises(ValueError, match="not where it should be"):
        writer.written(one()["records"], 1, (damaged, np.zeros(1, np.int32)))


@pytest.mark.parametrize("batches", [[], [[]], [["a", "", "ä"], [], ["七人"]]])
def test_the_texts_of_a_file(tmp_path: Path, batches: list[list[str]]) -> None:
    schema = pa.schema([pa.field("reason", pa.string(), nullable=False)])
    path = tmp_path / "reasons.arrow"
    with pa.OSFile(str(path), "wb") as file, pa.ipc.new_file(file, schema) as writer:
        for batch in batches:
            writer.write_batch(pa.record_batch([pa.array(batch, pa.string())], schema=schema))
    texts = texts_in(path, "reason")
    found = [
        texts.bytes[begin:end].tobytes().decode()
        for begin, end in zip(texts.begins.tolist(), texts.ends.tolist(), strict=True)
    ]
    assert found == [text for batch in batches for text in batch]


def test_every_character_of_ascii_in_a_reason() -> None:
    text = "".join(map(chr, range(128))) + "é七🎬\u2028"
    asked = one(reasons=(0, -1, -1)) | {"reasons": [text]}
    assert written(**asked)[0]["reasons"] == [text]
