"""The catalogue's recommendations, run after run, against those of all films worked out anew."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import dagster as dg
import duckdb
import numpy as np
import pandas as pd
import pyarrow as pa
import pytest

from movie_assets import film_tables, recommender
from movie_assets.assets import renewed
from movie_assets.assets.feature_files import FeatureFileIOManager
from movie_assets.assets.merged import ALL_CLEANED_IN
from movie_assets.assets.recommend import NEIGHBOURS_A_FILM, NeighbourSearch, pairs_table
from movie_assets.assets.renewed import Renewal
from movie_assets.recommender import frozen, neighbours
from movie_assets.recommender.features import FilmVectorizer
from movie_assets.recommender.storage import load_features, save_features
from movie_assets.warehouse import TABLES, digest_of_table, read_arrow, read_table, validate
from movie_assets.warehouse import write_table as write
from movie_assets.warehouse.io_manager import WarehouseIOManager

ASSETS = [renewed.movie_features, renewed.similarity_matrix, renewed.recommendation_quality]
INPUTS = (
    "movies_table", "genres_table", "movie_details", "co_liked_movies", "movielens_ratings",
)  # fmt: skip
GENRES = {18: "Drama", 27: "Horror", 35: "Comedy", 99: "Documentary"}
N = 90


def film(number: int, seed: int = 0) -> dict[str, Any]:
    chance = np.random.default_rng([number, seed])
    return {
        "id": number,
        "genre_ids": chance.choice(list(GENRES), 2, replace=False).tolist(),
        "original_language": str(chance.choice(["en", "en", "fr", "hi"])),
        "overview": " ".join(chance.choice([f"word{i}" for i in range(40)], 6)),
        "popularity": float(chance.integers(1, 90)),
        "release_date": datetime(int(chance.integers(1950, 2024)), 5, 1),  # noqa: DTZ001 - stored so
        "title": f"Film {number}",
        "vote_average": float(chance.integers(30, 90)) / 10,
        "vote_count": int(chance.choice([0, 5, 300, 9000])),
        "adult": False,
        "video": False,
        "keywords": [f"key {i}" for i in chance.integers(0, 15, 3)],
        "actors": [f"Actor {i}" for i in chance.integers(0, 30, 3)],
        "writers": [],
        "composers": [],
        "directors": [f"Director {chance.integers(0, 20)}"],
        "recommended_ids": chance.integers(1, N, int(chance.integers(0, 4))).tolist(),
    }


@dataclass
class Catalogue:
    """A warehouse whose films change, and the runs that follow."""

    folder: Path
    instance: dg.DagsterInstance
    films: dict[int, dict[str, Any]] = field(
        default_factory=lambda: {i: film(i) for i in range(1, N)}
    )
    revisions: dict[int, int] = field(default_factory=dict)
    all_cleaned_in: str = "the first run"
    renewal: Renewal = field(init=False)

    def __post_init__(self) -> None:
        self.renewal = Renewal(self.folder / "features", timedelta(days=7), 0.2)
        self.store(1, self.films)

    @property
    def database(self) -> Path:
        return self.folder / "films.duckdb"

    def store(self, revision: int, changed: Any, genres: dict[int, str] = GENRES) -> None:
        """Store the films as they are now, these of them with a new revision."""
        self.revisions |= dict.fromkeys(changed, revision)
        films = list(self.films.values())
        rows: dict[str, list[dict[str, Any]]] = {
            "movies_table": films,
            "movie_details": films,
            "genres_table": [{"id": number, "name": name} for number, name in genres.items()],
            "raw_catalogue_movies": [
                {"id": number, "revision": of, "fetched_at": datetime(2026, 1, 1)}  # noqa: DTZ001
                for number, of in self.revisions.items()
            ],
        }
        for name, some in rows.items():
            table = pa.Table.from_pylist(some, schema=TABLES[name].arrow_schema)
            write(self.database, TABLES[name], validate(table, TABLES[name]))
        for name in ("co_liked_movies", "movielens_ratings"):
            write(self.database, TABLES[name], TABLES[name].arrow_schema.empty_table())
        for name in ("movies_table", "movie_details"):
            self.instance.report_runless_asset_event(
                dg.AssetMaterialization(
                    name, metadata={"revision": revision, ALL_CLEANED_IN: self.all_cleaned_in}
                )
            )

    def run(self, n_assets: int = len(ASSETS)) -> dict[str, dict[str, Any]]:
        """Run the first assets; gives what each reports, and its data version."""
        inputs = [dg.AssetSpec(name).with_io_manager_key("io_manager") for name in INPUTS]
        result = dg.materialize(
            [*ASSETS[:n_assets], *inputs],
            instance=self.instance,
            resources={
                "io_manager": WarehouseIOManager(database=str(self.database)),
                "features_io_manager": FeatureFileIOManager(directory=str(self.renewal.folder)),
                "neighbour_search": NeighbourSearch(),
                "renewal": dg.ResourceDefinition(lambda _: self.renewal),
            },
        )
        assert result.success
        return {
            event.asset_key.to_python_identifier(): {
                name: value.value for name, value in event.materialization.metadata.items()
            }
            | {"version": (event.materialization.tags or {})["dagster/data_version"]}
            for event in result.get_asset_materialization_events()
        }

    def expected(self) -> tuple[Any, pd.DataFrame]:
        """Features and similarity_matrix as all films and the frozen terms make them."""
        by = recommender.load_weights()
        stored = load_features(self.renewal.features)
        films = film_tables.films_of(
            *(
                read_table(self.database, n)
                for n in ("movies_table", "genres_table", "movie_details")
            )
        )
        features = replace(
            FilmVectorizer.from_features(stored, by).transform(films), frozen=stored.frozen
        )
        signals = film_tables.signals_of(
            features.movie_ids, by.blend,
            read_table(self.database, "co_liked_movies"),
            read_table(self.database, "movie_details"),
        )  # fmt: skip
        found = recommender.nearest_neighbours(features, by, NEIGHBOURS_A_FILM, signals=signals)
        return features, pairs_table(features, found, recommender.reasons(features, found))

    def is_right(self, figures: dict[str, dict[str, Any]]) -> bool:
        """Hold what is stored against what it has to be."""
        features, pairs = self.expected()
        table = TABLES["similarity_matrix"]
        keys = list(table.primary_key)
        stored = read_arrow(self.database, table).sort_by([(key, "ascending") for key in keys])
        assert stored.equals(validate(pairs, table))
        assert figures["similarity_matrix"]["version"] == str(digest_of_table(self.database, table))
        assert figures["similarity_matrix"]["dagster/row_count"] == len(pairs)
        stored_features = load_features(self.renewal.features)
        np.testing.assert_array_equal(stored_features.movie_ids, features.movie_ids)
        return (stored_features.matrix != features.matrix).nnz == 0


@pytest.fixture
def catalogue(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Catalogue]:
    monkeypatch.setattr(neighbours, "KERNEL_FROM", 0)
    with dg.DagsterInstance.ephemeral() as instance:
        yield Catalogue(tmp_path, instance)


def why_rebuilt(figures: dict[str, dict[str, Any]]) -> dict[str, str]:
    return {name: its["rebuilt"] and its["rebuilt_why"] for name, its in figures.items()}


@pytest.mark.parametrize("most_merged", [0.0, 1.0], ids=["written anew", "merged"])
def test_run_after_run_what_changed_is_worked_out(
    catalogue: Catalogue, monkeypatch: pytest.MonkeyPatch, most_merged: float
) -> None:
    monkeypatch.setattr(renewed, "_MOST_MERGED", most_merged)
    first = catalogue.run()
    assert all(figures["rebuilt"] for figures in first.values())
    assert catalogue.is_right(first)

    same = catalogue.run()
    assert not any(why_rebuilt(same).values())
    assert same["similarity_matrix"]["rows_changed"] == same["movie_features"]["films_changed"] == 0
    for name, figures in first.items():
        assert same[name]["version"] == figures["version"]

    del catalogue.films[7]
    catalogue.films |= {3: film(3, 1), 40: film(40, 1), 500: film(500)}
    catalogue.store(2, [3, 40, 500, 7])
    second = catalogue.run()
    assert not any(why_rebuilt(second).values())
    assert second["movie_features"]["films_changed"] == 4
    assert {"rows_changed", "rows_moved", "rows_removed"} <= {
        name for name, figure in second["similarity_matrix"].items() if figure
    }
    assert second["movie_features"]["revision"] == second["similarity_matrix"]["revision"] == 2
    assert catalogue.is_right(second)
    assert second["similarity_matrix"]["version"] != first["similarity_matrix"]["version"]
    quality = "recommendation_quality"
    assert second[quality]["version"] == first[quality]["version"]
    assert len(list((catalogue.renewal.folder / "lists").iterdir())) == 2

    # Of all that changed since the terms were learned, more than a fifth.
    changed = range(10, 26)
    catalogue.films |= {number: film(number, 2) for number in changed}
    catalogue.store(3, changed)
    third = catalogue.run()
    assert all(figures["rebuilt"] for figures in third.values())
    assert "of the films changed since" in third["movie_features"]["rebuilt_why"]
    assert "learned anew" in third["similarity_matrix"]["rebuilt_why"]
    assert catalogue.is_right(third)


def test_what_is_not_what_the_last_run_left_is_not_built_upon(catalogue: Catalogue) -> None:
    catalogue.run(2)
    with duckdb.connect(catalogue.database) as connection:
        connection.execute("UPDATE similarity_matrix SET score = 0 WHERE movie_id = 3")
    found = catalogue.run(2)
    assert not found["movie_features"]["rebuilt"]
    assert "is not what the last run left" in found["similarity_matrix"]["rebuilt_why"]
    assert catalogue.is_right(found)

    shutil.rmtree(catalogue.renewal.folder / "lists")
    found = catalogue.run(2)
    assert "cannot be read" in found["similarity_matrix"]["rebuilt_why"]
    assert catalogue.is_right(found)

    by = recommender.load_weights()
    other = frozen.update_features(load_features(catalogue.renewal.features), [], [3], by)
    save_features(catalogue.renewal.features, other)
    found = catalogue.run(2)
    assert "the feature file is not what" in found["movie_features"]["rebuilt_why"]
    assert catalogue.is_right(found)

    catalogue.store(2, [], GENRES | {18: "Tragedy"})
    found = catalogue.run(2)
    assert found["movie_features"]["rebuilt_why"] == "the genres changed"
    assert catalogue.is_right(found)

    # As after an upgrade that cleans otherwise: the films are others, and none has a new revision.
    catalogue.films |= {5: film(5, 9)}
    catalogue.all_cleaned_in = "a later run"
    catalogue.store(2, [], GENRES | {18: "Tragedy"})
    found = catalogue.run(2)
    assert "cleaned anew" in found["movie_features"]["rebuilt_why"]
    assert catalogue.is_right(found)
    assert not catalogue.run(2)["movie_features"]["rebuilt"]

    catalogue.renewal = replace(catalogue.renewal, rebuild_after=timedelta(seconds=0))
    found = catalogue.run(2)
    assert (
        f"the terms were learned at {datetime.now(UTC):%Y}"
        in found["movie_features"]["rebuilt_why"]
    )
