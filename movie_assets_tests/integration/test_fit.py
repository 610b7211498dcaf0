"""``movie-assets fit`` as a person runs it: what it writes, and what it refuses."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import Any

import pytest

from movie_assets.recommender.weights import BUNDLED, load_weights
from movie_assets.warehouse import read_table
from movie_assets_tests.integration.test_evaluate import write_release

pytestmark = pytest.mark.process


def digest(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


def test_weights_are_fitted_and_the_bundled_ones_stay(
    bundled: Any, shell: Any, tmp_path: Path
) -> None:
    films = read_table(bundled.home / "movies_data.duckdb", "movies_table")
    release = write_release(tmp_path / "people", films, range(1, 81))
    before, target = digest(BUNDLED), tmp_path / "weights.json"
    process = shell.movie_assets(
        "fit", "--movielens", str(release), "--output", str(target),
        MOVIE_ASSETS_HOME=str(bundled.home),
    )  # fmt: skip
    assert process.returncode == 0, process.stderr
    fitted = load_weights(target)
    assert fitted.fitted_on["people"] == 80
    assert fitted.fields["genres"] > fitted.fields["text"]
    assert "NDCG@10 gained" in process.stdout
    assert digest(BUNDLED) == before


def test_without_ratings_nothing_is_fitted(bundled: Any, shell: Any) -> None:
    before = digest(BUNDLED)
    process = shell.movie_assets("fit", MOVIE_ASSETS_HOME=str(bundled.home))
    assert process.returncode == 2
    assert "MOVIELENS_DIR" in process.stderr
    assert digest(BUNDLED) == before


def test_too_few_people_are_told(bundled: Any, shell: Any, tmp_path: Path) -> None:
    folder = tmp_path / "few"
    folder.mkdir()
    (folder / "links.csv").write_text("movieId,imdbId,tmdbId\n1,1,603\n2,1,604\n")
    (folder / "ratings.csv").write_text(
        "userId,movieId,rating,timestamp\n" + "".join(f"{u},1,5.0,{u}\n" for u in range(1, 6))
    )
    target = tmp_path / "weights.json"
    process = shell.movie_assets(
        "fit", "--movielens", str(folder), "--output", str(target),
        MOVIE_ASSETS_HOME=str(bundled.home),
    )  # fmt: skip
    assert process.returncode == 1
    assert "no film is liked by 10 people" in process.stderr
    assert not target.exists()
