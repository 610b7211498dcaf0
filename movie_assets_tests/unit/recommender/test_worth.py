"""What ratings are worth, by hand."""

from __future__ import annotations

import numpy as np

from movie_assets.recommender.worth import worth_in_likes


def test_by_hand() -> None:
    found = worth_in_likes([0.5, 2.5, 3.0, 3.5, 4.0, 4.5, 5.0])
    np.testing.assert_array_equal(found, np.float32([0, 0, 0.25, 0.5, 1, 1, 1]))
    assert found.dtype == np.float32


def test_other_steps_and_no_ratings() -> None:
    np.testing.assert_array_equal(worth_in_likes([2.0, 3.0], ((3.0, 1.0),)), [0, 1])
    assert worth_in_likes(np.zeros(0, np.float32)).shape == (0,)
