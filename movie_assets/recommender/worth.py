"""Worth: what a rating says of liking a film, in likes.

Who gives a film three and a half stars likes it too, only less; and with few ratings what such
people say is worth having. Only what somebody says they like is *called* a like: what is worth 1.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import ArrayLike, NDArray

#: Stars, falling, and how many likes a rating from there on is worth; below the last it is none.
WORTH = ((4.0, 1.0), (3.5, 0.5), (3.0, 0.25))


def worth_in_likes(
    stars: ArrayLike, steps: tuple[tuple[float, float], ...] = WORTH
) -> NDArray[np.float32]:
    """How many likes each rating is worth.

    Args:
        stars: of shape (n_ratings,), 0.5 to 5.
        steps: as :data:`WORTH`.

    Returns:
        float32 of shape (n_ratings,), in [0, 1].
    """
    given = np.asarray(stars)
    return np.select([given >= least for least, _ in steps], [of for _, of in steps], 0.0).astype(
        np.float32
    )
