"""The tutorial's way of serving, as a baseline: everything is worked out on every request.

    uvicorn --app-dir benchmarks tutorial_service:app      SNAPSHOT=<folder of snapshots>

For each request the texts become a TF-IDF matrix, all films are compared with all films, and one
row of the result is sorted. Written from the tutorial's description; benchmarks/serving.py asks it.
"""

from __future__ import annotations

import os
from functools import cache
from pathlib import Path

import numpy as np
import pandas as pd
from fastapi import FastAPI, HTTPException
from pydantic import BaseModel
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.metrics.pairwise import cosine_similarity

from movie_assets.serving.snapshot import open_snapshot

app = FastAPI()


class Asked(BaseModel):
    """A title, and how many films."""

    movie: str
    num_rec: int = 10


@cache
def films() -> pd.DataFrame:
    """The films, which the tutorial reads once."""
    with open_snapshot(Path(os.environ["SNAPSHOT"])) as snapshot:
        columns = ["title", "overview", "genres", "popularity", "vote_average", "vote_count"]
        found = snapshot.films.select(columns).to_pandas()
    found["title"] = found["title"].str.lower()
    names = found["genres"].map(", ".join)
    found["text"] = found["overview"].fillna("") + " " + names + ", " + names + ", "
    return found


@app.get("/ready")
def ready() -> dict[str, int]:
    """How many films there are."""
    return {"films": len(films())}


@app.post("/recommendations/")
def recommendations(asked: Asked) -> dict[str, object]:
    """The films whose texts are most like a film's."""
    known = films()
    wanted = asked.movie.lower()
    alike = cosine_similarity(TfidfVectorizer(stop_words="english").fit_transform(known["text"]))
    rows = np.flatnonzero(known["title"] == wanted)
    if not len(rows):
        raise HTTPException(404, "There is no such film.")
    row = rows[0]
    best = np.argsort(alike[row])[::-1][1 : asked.num_rec + 1]
    metrics = {
        name: float(np.sqrt(((known[column][best] - known[column][row]) ** 2).mean()).round(3))
        for name, column in (
            ("popularity", "popularity"),
            ("vote_avg", "vote_average"),
            ("vote_count", "vote_count"),
        )
    }
    return {"movie": wanted, "recommendations": list(known["title"][best]), "metrics": metrics}
