"""Numbers for strings: as a dictionary would give them."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
from hypothesis import given, settings
from hypothesis import strategies as st

from movie_assets.serving.snapshot.interning import Interner

BATCHES = st.lists(st.lists(st.sampled_from(["", "a", "b", "ab", "é", "七人"]) | st.text()))


@settings(deadline=None)  # it is compiled at the first call
@given(BATCHES, st.integers(0, 3))
def test_as_a_dictionary_numbers_them(batches: list[list[str]], cut: int) -> None:
    interner, expected = Interner(), {}
    for batch in batches:
        known = len(expected)
        numbers = [expected.setdefault(text, len(expected)) for text in batch[cut:]]
        # A slice begins in the middle of its buffers.
        new, found = interner.numbered(pa.array(batch, pa.string()).slice(cut))
        assert found.tolist() == numbers
        assert new.to_pylist() == list(expected)[known:]
    every = np.arange(len(expected), dtype=np.int32)[::-1]
    assert interner.texts(every).to_pylist() == list(expected)[::-1]


def test_many_that_differ_little() -> None:
    interner = Interner()
    texts = [f"with Actor {i % 30_000}" for i in range(60_000)]
    for start in range(0, len(texts), 7_000):
        interner.numbered(pa.array(texts[start : start + 7_000]))
    new, found = interner.numbered(pa.array(texts))
    assert len(new) == 0
    np.testing.assert_array_equal(found, np.arange(60_000) % 30_000)
