"""A made-up MovieLens release for tests, since GroupLens' own may not be passed on."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd


def write_release(folder: Path, films: pd.DataFrame, users: range) -> Path:
    """Write a release: each person likes films of one genre, most of all the well-known ones."""
    folder.mkdir()
    ids, votes = films["id"].to_numpy(), films["vote_count"].to_numpy(float)
    (folder / "links.csv").write_text(
        "movieId,imdbId,tmdbId\n" + "".join(f"{film},1,{film}\n" for film in ids)
    )
    lines = ["userId,movieId,rating,timestamp"]
    genres = films["genre_ids"].explode().value_counts().index[:6]
    for user in users:
        generator = np.random.default_rng(user)
        liked = films["genre_ids"].map(lambda own, u=user: genres[u % 6] in own).to_numpy()
        chances = votes * np.where(liked, 1.0, 0.05)
        seen = generator.choice(len(ids), 40, replace=False, p=chances / chances.sum())
        lines += [
            f"{user},{ids[film]},{4.5 if liked[film] else 2.5},{1000 + second}"
            for second, film in enumerate(seen)
        ]
    (folder / "ratings.csv").write_text("\n".join(lines) + "\n")
    return folder
