"""What is wrong with stored pairs, against a count film by film."""

from __future__ import annotations

import math
from collections import defaultdict

import duckdb
import pyarrow as pa
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from movie_assets import pair_checks
from movie_assets.pair_checks import WrongPairs, count_wrong_pairs

K = 3
Pair = tuple[int, int, int, float]

#: By id, whether it has votes.
FILMS = st.dictionaries(st.integers(1, 6), st.booleans(), min_size=1, max_size=5)
PAIRS = st.lists(
    st.tuples(
        st.integers(1, 6),
        st.integers(0, K + 1),
        st.integers(1, 6),
        st.sampled_from([0.0, 0.25, 0.5, 1.0, 1.5, -0.5, math.nan]),
    ),
    max_size=12,
    unique_by=lambda pair: pair[:2],  # of two pairs at one place any may be looked at
)


def expected(films: dict[int, bool], pairs: list[Pair]) -> WrongPairs:
    found: dict[int, dict[int, tuple[int, float]]] = defaultdict(dict)
    for film, rank, other, score in pairs:
        found[film][rank] = other, score
    wrong = dict.fromkeys(("incomplete", "ranks", "scores", "names"), 0)
    for film, seen in films.items():
        ranks = sorted(found[film])
        placed = [rank for rank in ranks if 1 <= rank <= K]
        others = [found[film][rank][0] for rank in placed]
        scores = {rank: found[film][rank][1] for rank in placed}
        wanted = min(K, sum(films.values()) - seen)
        wrong["incomplete"] += not wanted <= len(ranks) <= K
        wrong["ranks"] += ranks != list(range(1, len(ranks) + 1)) or len(ranks) > K
        wrong["scores"] += any(
            not 0 <= score <= 1 or (rank - 1 in scores and not score <= scores[rank - 1])
            for rank, score in scores.items()
        )
        wrong["names"] += film in others or len(set(others)) < len(others)
    unknown = sum(film not in films or other not in films for film, _, other, _ in pairs)
    return WrongPairs(unknown, **wrong)


def counted(films: dict[int, bool], pairs: list[Pair]) -> WrongPairs:
    columns = list(zip(*pairs, strict=True)) or [(), (), (), ()]
    types = {
        "movie_id": pa.int32(), "rank": pa.int32(), "neighbour_id": pa.int32(),
        "score": pa.float32(),
    }  # fmt: skip
    with duckdb.connect() as connection:
        connection.register(
            "movies_table",
            pa.table(
                {"id": pa.array(films, pa.int32()), "vote_count": [9 * v for v in films.values()]}
            ),
        )
        connection.register(
            "similarity_matrix",
            pa.table({n: pa.array(c, t) for (n, t), c in zip(types.items(), columns, strict=True)}),
        )
        return count_wrong_pairs(connection, K)


@given(films=FILMS, pairs=PAIRS)
@example(films={1: True, 2: True}, pairs=[(1, 1, 2, 0.5), (2, 1, 1, 0.5)])
def test_each_way_is_counted_film_by_film(films: dict[int, bool], pairs: list[Pair]) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(pair_checks, "_FILMS_A_BLOCK", 2)
        patch.setattr(pair_checks, "_ROWS_A_BATCH", 2)
        assert counted(films, pairs) == expected(films, pairs)


def test_two_pairs_at_one_rank() -> None:
    pairs = [(1, 1, 2, 0.5), (1, 1, 3, 0.5), (2, 1, 1, 0.5), (2, 2, 3, 0.5)]
    films = {1: True, 2: True, 3: False}
    assert counted(films, [*pairs, (3, 1, 1, 0.5), (3, 2, 2, 0.5)]).ranks == 1
