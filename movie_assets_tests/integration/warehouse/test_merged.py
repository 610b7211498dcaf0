"""The catalogue's cleaned tables: whatever was merged, they are what a rebuild would make."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import datetime
from pathlib import Path
from typing import Any

import dagster as dg
import numpy as np
import pandas as pd
import pytest

from movie_assets.assets import merged
from movie_assets.assets.extract import Extraction
from movie_assets.assets.history import RowsLostError
from movie_assets.warehouse import (
    TABLES,
    Merge,
    changed_ids,
    digest_of_table,
    merge_films,
    merge_table,
    read_table,
    validate,
    write_table,
)
from movie_assets.warehouse.io_manager import WarehouseIOManager

NOW = datetime(2026, 1, 1)  # noqa: DTZ001 - stored times are naive
Run = Callable[..., dict[str, Any]]


def rows(table: str, films: dict[int, dict[str, Any]]) -> pd.DataFrame:
    return pd.DataFrame(
        {
            column.name: pd.Series(
                [
                    {"id": film, "fetched_at": NOW, **values}.get(column.name)
                    for film, values in films.items()
                ],
                dtype=column.pandas_dtype,
            )
            for column in TABLES[table].columns
            if column.name not in ("gone_at", "revision")
        }
    )


def film(title: str | None, **values: Any) -> dict[str, Any]:
    return {
        "title": title,
        "original_language": "en",
        "genre_ids": [18],
        "popularity": 1.0,
        "vote_average": 5.0,
        "vote_count": 3,
        **values,
    }


def fetch(database: Path, *gone: int, **films: dict[str, Any]) -> None:
    """Merge fetched films, named as f1, f2 and so on."""
    found = {int(name[1:]): values for name, values in films.items()}
    merge_films(
        database,
        rows("raw_catalogue_movies", found),
        rows("raw_movie_details", found),
        dict.fromkeys(gone, NOW),
    )


@pytest.fixture
def run(database: Path) -> Iterator[Run]:
    """Builds both tables, and gives the metadata of each, with its data version."""
    with dg.DagsterInstance.ephemeral() as instance:

        def build(
            language: str | None = None,
            genres: tuple[int, ...] = (18,),
            raise_on_error: bool = True,
        ) -> dict[str, Any]:
            names = pd.DataFrame({"id": genres, "name": [f"genre {i}" for i in genres]})
            schema = TABLES["genres_table"]
            write_table(database, schema, validate(names, schema))
            result = dg.materialize(
                [
                    dg.AssetSpec("genres_table").with_io_manager_key("io_manager"),
                    dg.AssetSpec("raw_movie_details"),
                    merged.movies_table,
                    merged.movie_details,
                ],
                resources={
                    "io_manager": WarehouseIOManager(database=str(database)),
                    "extraction": dg.ResourceDefinition(
                        lambda _: Extraction(lambda _: None, language, 0)  # type: ignore[arg-type, return-value]
                    ),
                },
                instance=instance,
            )
            out: dict[str, Any] = {}
            for name in ("movies_table", "movie_details"):
                (event,) = result.asset_materializations_for_node(name)
                out[name] = {key: value.value for key, value in event.metadata.items()}
                out[name]["version"] = (event.tags or {})["dagster/data_version"]
            return out

        yield build


def content(database: Path) -> dict[str, list[dict[str, Any]]]:
    return {
        name: read_table(database, name)
        .sort_values("id")
        .astype(object)
        .fillna("null")
        .to_dict("records")
        for name in ("movies_table", "movie_details")
    }


def test_only_what_changed_is_cleaned(database: Path, run: Run) -> None:
    fetch(database, **{f"f{i}": film(f"Film {i}", keywords=[f"k{i}"]) for i in range(1, 31)})
    first = run()
    assert first["movies_table"]["rebuilt"]
    assert first["movies_table"]["rows_cleaned"] == 30
    assert first["movies_table"]["revision"] == 1

    fetch(database, 2, f1=film("Another"), f31=film("New", keywords=["new"]))
    second = run()
    for name in ("movies_table", "movie_details"):
        assert not second[name]["rebuilt"]
        assert second[name]["rows_cleaned"] == 2
        assert (
            second[name]["rows_removed"] == 2
        )  # the film that is gone, and the old row of another
        assert second[name]["dagster/row_count"] == 30
        assert second[name]["revision"] == 2
        assert second[name][merged.ALL_CLEANED_IN] == first[name][merged.ALL_CLEANED_IN]
        assert second[name]["version"] == str(digest_of_table(database, TABLES[name]))
        assert second[name]["version"] != first[name]["version"]
    movies = read_table(database, "movies_table").set_index("id")
    assert movies.loc[[1, 31], "title"].tolist() == ["Another", "New"]
    assert 2 not in movies.index
    details = read_table(database, "movie_details").set_index("id")
    assert details.loc[[1, 3, 31], "keywords"].tolist() == [[], ["k3"], ["new"]]

    third = run()
    assert third["movies_table"]["rows_cleaned"] == 0
    assert third["movies_table"]["version"] == second["movies_table"]["version"]

    anew = run(genres=(18, 35))["movies_table"]
    assert anew["rebuilt"]
    assert anew[merged.ALL_CLEANED_IN] != third["movies_table"][merged.ALL_CLEANED_IN]


def test_a_film_that_came_back_is_there_again(database: Path, run: Run) -> None:
    films = {f"f{i}": film(f"Film {i}") for i in range(1, 11)}
    fetch(database, **films)
    before = run()
    fetch(database, 5)
    assert run()["movies_table"]["dagster/row_count"] == 9
    fetch(database, f5=films["f5"])
    after = run()
    assert not after["movies_table"]["rebuilt"]
    assert [after[name]["version"] for name in after] == [
        before[name]["version"] for name in before
    ]


def test_what_is_of_no_use_is_counted_in_every_run(database: Path, run: Run) -> None:
    fetch(
        database,
        f11=film("  "),
        f3000000000=film("Far"),
        **{f"f{i}": film("x") for i in range(1, 11)},
    )
    for _ in range(2):
        figures = run()["movies_table"]
        assert figures["rows_in"] == 12
        assert figures["rows_dropped"] == 1
        assert figures["films_left_out"] == 1
        assert figures["dagster/row_count"] == 10
    fetch(database, f11=film("Now it has one"))
    figures = run()["movies_table"]
    assert (figures["rows_dropped"], figures["dagster/row_count"]) == (0, 11)


def test_what_cannot_be_built_upon_is_made_anew(database: Path, run: Run) -> None:
    fetch(database, **{f"f{i}": film(f"Film {i}", genre_ids=[18, 35]) for i in range(1, 11)})
    run()
    assert run(genres=(18, 35))["movies_table"]["rebuilt"]
    assert read_table(database, "movies_table")["genre_ids"].tolist() == [[18, 35]] * 10

    # Somebody changes what is stored.
    schema = TABLES["movies_table"]
    merge_table(database, schema, Merge(schema.arrow_schema.empty_table(), np.array([3])))
    assert run(genres=(18, 35))["movies_table"]["rebuilt"]
    assert len(read_table(database, "movies_table")) == 10


def test_one_language_alone_is_taken_where_one_is_asked_for(database: Path, run: Run) -> None:
    languages = {1: "de", 2: None}
    fetch(
        database,
        **{f"f{i}": film("x", original_language=languages.get(i, "en")) for i in range(1, 11)},
    )
    run()
    figures = run(language="en")
    assert figures["movies_table"]["films_left_out"] == 2
    assert read_table(database, "movies_table")["id"].tolist() == list(range(3, 11))
    assert read_table(database, "movie_details")["id"].tolist() == list(range(3, 11))
    # A film that changes its language goes, though it is not gone.
    fetch(database, f4=film("x", original_language="fr"))
    figures = run(language="en")
    assert not figures["movies_table"]["rebuilt"]
    assert figures["movies_table"]["dagster/row_count"] == 7
    assert 4 not in set(read_table(database, "movie_details")["id"])


def test_no_film_at_all_is_refused(database: Path, run: Run) -> None:
    fetch(database, f1=film("x"))
    run()
    fetch(database, 1)
    with pytest.raises(RowsLostError, match="what it held is unchanged"):
        run()
    assert read_table(database, "movies_table")["id"].tolist() == [1]


def test_any_merges_leave_what_a_rebuild_makes(database: Path, run: Run, tmp_path: Path) -> None:
    random = np.random.default_rng(7)
    every = np.arange(1, 101)
    fetch(database, **{f"f{i}": film(f"Film {i}", keywords=["a"]) for i in every})
    run()
    for step in range(3):
        some = random.choice(every, 12, replace=False)
        changed = {
            f"f{i}": film(
                None if random.random() < 0.2 else f"Film {i} of {step % 2}",
                keywords=[str(random.integers(2))],
                vote_count=int(random.integers(3)),
            )
            for i in some[:9]
        }
        fetch(database, *(int(i) for i in some[9:]), **changed)
        figures = run()
        assert not figures["movies_table"]["rebuilt"]
    by_merges, versions = content(database), {name: of["version"] for name, of in figures.items()}
    assert len(changed_ids(database, 1)) > 20
    run(genres=(18, 99))  # everything anew, for another genre that no film has
    assert content(database) == by_merges
    for name, version in versions.items():
        assert str(digest_of_table(database, TABLES[name])) == version
