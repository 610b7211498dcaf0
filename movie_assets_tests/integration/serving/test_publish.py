"""The asset that publishes, in a graph that was built from the stand-in for TMDB."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import dagster as dg
import duckdb
import numpy as np
import pytest
from scipy import sparse

from movie_assets import checks, film_tables, publication
from movie_assets.build import BuildReport
from movie_assets.checks import Finding, build_checks
from movie_assets.definitions import build_stored
from movie_assets.publication import PublicationError, Stored
from movie_assets.recommender.storage import FeatureFileError
from movie_assets.serving.snapshot import Snapshot, SnapshotError, current_name, open_snapshot
from movie_assets.warehouse import TableMissingError, read_table

pytestmark = pytest.mark.filterwarnings("ignore:Function `Definitions.map:Warning")

PUBLISHED = "published_recommendations"


def outcome(report: BuildReport) -> Any:
    return next(found for found in report.outcomes if found.name == PUBLISHED)


def metadata(home: Any) -> dict[str, Any]:
    event = home.instance.get_latest_materialization_event(dg.AssetKey(PUBLISHED))
    return {name: value.value for name, value in event.asset_materialization.metadata.items()}


@contextmanager
def opened(home: Any) -> Iterator[Snapshot]:
    with open_snapshot(home.settings.published_dir) as snapshot:
        yield snapshot


def test_what_is_published_is_what_is_stored(home: Any) -> None:
    with opened(home) as snapshot:
        check_films(snapshot, home)
        check_pairs(snapshot, home)
        details = read_table(home.database, "movie_details")
        expected = film_tables.recommended_pairs(snapshot.movie_ids, details)
        assert set(snapshot.signals) == {"tmdb"}
        assert (matrix_of(snapshot, "tmdb") != expected).nnz == 0
        figures = read_table(home.database, "recommendation_quality")
        assert [row["metric"] for row in snapshot.quality] == figures["metric"].tolist()
        assert {row["value"] for row in snapshot.quality} >= set(figures["value"].dropna())


def check_films(snapshot: Snapshot, home: Any) -> None:
    films = read_table(home.database, "movies_table").set_index("id").sort_index()
    details = read_table(home.database, "movie_details").set_index("id")
    genres = read_table(home.database, "genres_table").set_index("id")["name"]
    found = snapshot.films.to_pandas().set_index("movie_id")
    assert found.index.tolist() == films.index.tolist()
    for name in ("title", "original_title", "overview", "poster_path", "original_language"):
        assert found[name].tolist() == films[name].tolist()
    for name in ("vote_average", "popularity"):
        np.testing.assert_allclose(found[name], films[name], rtol=1e-6)
    assert found["vote_count"].tolist() == films["vote_count"].tolist()
    assert found["release_date"].tolist() == [day.date() for day in films["release_date"]]
    assert [list(names) for names in found["genres"]] == [
        [genres[number] for number in numbers] for numbers in films["genre_ids"]
    ]
    known = details.reindex(found.index)
    for name in ("directors", "writers", "actors", "keywords"):
        assert [list(names) for names in found[name]] == [list(names) for names in known[name]]
    assert found["runtime"].tolist() == known["runtime"].tolist()
    assert found["imdb_id"].tolist() == known["imdb_id"].tolist()
    assert found["collection"].dropna().tolist() == known["collection_name"].dropna().tolist()


def check_pairs(snapshot: Snapshot, home: Any) -> None:
    pairs = read_table(home.database, "similarity_matrix").sort_values(["movie_id", "rank"])
    arrays, ids = snapshot.neighbours, snapshot.movie_ids
    rows = np.repeat(np.arange(len(ids)), np.diff(arrays["indptr"]))
    assert ids[rows].tolist() == pairs["movie_id"].tolist()
    assert ids[arrays["rows"]].tolist() == pairs["neighbour_id"].tolist()
    for name in ("score", "content", "closeness", "prior", "tmdb"):
        np.testing.assert_array_equal(arrays[name], pairs[name].to_numpy(np.float32))
    told = snapshot.reasons.to_pylist()
    assert [[told[i] for i in some if i >= 0] for some in arrays["reasons"].tolist()] == [
        list(reasons)[:3] for reasons in pairs["reasons"]
    ]


def matrix_of(snapshot: Snapshot, signal: str) -> sparse.csr_matrix:
    arrays, n_films = snapshot.signals[signal], snapshot.manifest.films
    return sparse.csr_matrix(
        (arrays["data"], arrays["indices"], arrays["indptr"]), (n_films, n_films)
    )


def test_the_asset_says_what_it_published(home: Any) -> None:
    found = metadata(home)
    with opened(home) as snapshot:
        manifest = snapshot.manifest
        assert found["name"] == snapshot.name
        # The home was copied.
        assert Path(found["path"]).name == snapshot.name
        assert found["films"] == found["dagster/row_count"] == manifest.films == 60
        assert found["pairs"] == manifest.pairs
        on_disk = sum(path.stat().st_size for path in snapshot.folder.rglob("*.*"))
        assert found["bytes"] == on_disk - (snapshot.folder / "manifest.json").stat().st_size
        assert found["seconds"] > 0
        event = home.instance.get_latest_materialization_event(dg.AssetKey(PUBLISHED))
        assert manifest.run_id == event.run_id
        films = home.instance.get_latest_materialization_event(dg.AssetKey("raw_popular_movies"))
        assert manifest.refreshed_at is not None
        assert manifest.refreshed_at.timestamp() == pytest.approx(films.timestamp)
        assert event.asset_materialization.tags["dagster/data_version"] == snapshot.name


def test_people_s_signals_are_published_too(home: Any, tmp_path: Path) -> None:
    release = tmp_path / "release"
    release.mkdir()
    liked = [range(1000, 1010), range(1010, 1020)]
    links = "".join(f"{film},1,{film}\n" for some in liked for film in some)
    (release / "links.csv").write_text(f"movieId,imdbId,tmdbId\n{links}")
    ratings = "".join(
        f"{user},{film},4.5,{1000 * user + film}\n"
        for user in range(1, 21)
        for film in liked[user % 2]
        if (user + film) % 3
    )
    (release / "ratings.csv").write_text(f"userId,movieId,rating,timestamp\n{ratings}")
    before = current_name(home.settings.published_dir)
    assert outcome(home.build(MOVIELENS_DIR=release)).status == "ran"
    with opened(home) as snapshot:
        assert snapshot.name != before
        ids = snapshot.movie_ids
        pairs = read_table(home.database, "co_liked_movies")
        weights = read_table(home.database, "item_weights")
        assert len(pairs)
        assert len(weights)
        co_liked = film_tables.co_liked_pairs(ids, pairs)
        assert (matrix_of(snapshot, "co_liked") != co_liked).nnz == 0
        item_weights = film_tables.item_weights_of(ids, weights)
        assert (matrix_of(snapshot, "item_weights") != item_weights).nnz == 0
        transitions = film_tables.item_weights_of(ids, weights, "transition")
        assert transitions.nnz
        assert (matrix_of(snapshot, "transitions") != transitions).nnz == 0
        assert snapshot.neighbours["co_liked"].max() > 0


def test_blocks_of_any_size_give_the_same(home: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    stored = build_stored(home.settings)
    for films in (1, 7, 1000):
        monkeypatch.setattr(publication, "_FILMS_A_BLOCK", films)
        monkeypatch.setattr(publication, "_FILMS_A_BLOCK_OF_PAIRS", films)
        again = stored.publish()
        assert not again.is_new
        assert again.name == current_name(stored.published)


# -- when it is published, and when not -----------------------------------------------------------


def test_a_failed_check_keeps_what_is_served(home: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    before = current_name(home.settings.published_dir)
    monkeypatch.setattr(checks, "_find_scores_descend", lambda *_: Finding(False, {}, "no"))
    change = {"similarity_matrix": "of tomorrow"}
    report = home.build(definitions=with_code_versions(home.definitions(), change))
    found = {one.name: one.status for one in report.outcomes}
    assert found["similarity_matrix"] == "check failed"
    assert found[PUBLISHED] == "not run"
    assert current_name(home.settings.published_dir) == before


def with_code_versions(definitions: dg.Definitions, versions: dict[str, str]) -> dg.Definitions:
    def change(spec: dg.AssetSpec) -> dg.AssetSpec:
        version = versions.get(spec.key.to_user_string())
        return spec.replace_attributes(code_version=version) if version else spec

    return definitions.map_asset_specs(func=change)


def remove_all(published: Path) -> None:
    shutil.rmtree(published)


def remove_current(published: Path) -> None:
    (published / "current").unlink()


def remove_snapshot(published: Path) -> None:
    shutil.rmtree(published / current_name(published))


def damage(published: Path) -> None:
    path = published / current_name(published) / "neighbours" / "pairs.npy"
    raw = bytearray(path.read_bytes())
    raw[-1] ^= 1
    path.write_bytes(raw)


@pytest.mark.parametrize("harm", [remove_all, remove_current, remove_snapshot, damage])
def test_what_is_missing_or_damaged_is_published_again(
    home: Any, harm: Callable[[Path], None]
) -> None:
    published = home.settings.published_dir
    name = current_name(published)
    harm(published)
    report = home.build()
    assert {one.name for one in report.ran} == {PUBLISHED}
    assert outcome(report).status == "ran"
    assert outcome(report).reasons == ("not stored any more",)
    with open_snapshot(published) as snapshot:
        snapshot.verify()
        assert snapshot.name == name
    assert home.build().ran == ()


def test_what_is_published_again_is_what_would_be_from_nothing(home: Any, tmp_path: Path) -> None:
    stored = replace(build_stored(home.settings), published=tmp_path / "published")
    stored.publish(made_by="this code")
    with closing(duckdb.connect(str(home.database))) as connection:
        for statement in (
            "UPDATE movies_table SET title = 'Another title' WHERE id = 1003",
            "UPDATE similarity_matrix SET score = score * 1.01, reasons = ['new', 'one more'] "
            "WHERE movie_id % 3 = 0 AND rank = 1",
        ):
            connection.execute(statement)
    asked: list[int] = []
    tell = publication._Reading.reasons_of

    def counted(reading: Any, movies: Any, neighbours: Any) -> Any:
        asked.append(len(movies))
        return tell(reading, movies, neighbours)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(publication._Reading, "reasons_of", counted)
        found = stored.publish(made_by="this code")
    anew = replace(stored, published=tmp_path / "anew").publish()
    assert (found.name, found.manifest.files) == (anew.name, anew.manifest.files)
    assert sum(asked) == 20


# -- checks ---------------------------------------------------------------------------------------


@pytest.fixture
def failed(home: Any) -> Callable[[], dict[str, str | None]]:
    """Run the checks of what is published, and give what failed."""
    [step] = [
        step
        for step in build_checks(home.settings.source)
        if step.node_def.name == f"{PUBLISHED}_checks"
    ]

    def run() -> dict[str, str | None]:
        found = list(step(stored=build_stored(home.settings)))
        assert {one.check_name for one in found} == {"films_and_pairs_reconciled", "read_back"}
        return {one.check_name: one.description for one in found if not one.passed}

    return run


def test_the_checks_find_what_is_wrong(
    home: Any, failed: Callable[[], dict[str, str | None]]
) -> None:
    assert failed() == {}
    with closing(duckdb.connect(str(home.database))) as connection:
        connection.execute("DELETE FROM similarity_matrix WHERE movie_id = 1000 AND rank = 50")
    assert set(failed()) == {"films_and_pairs_reconciled"}
    damage(home.settings.published_dir)
    found = failed()
    assert set(found) == {"films_and_pairs_reconciled", "read_back"}
    assert "pairs.npy" in str(found["read_back"])


# -- tables that do not fit together --------------------------------------------------------------


@pytest.mark.parametrize(
    ("statement", "error", "words"),
    [
        ("DELETE FROM movies_table WHERE id = 1003", SnapshotError, "not those that the features"),
        (
            "UPDATE similarity_matrix SET movie_id = 999999 WHERE movie_id = 1003",
            PublicationError,
            "similarity_matrix has 50 rows of films",
        ),
        (
            "UPDATE similarity_matrix SET neighbour_id = 7 WHERE neighbour_id = 1003",
            SnapshotError,
            "Film 7 is among the pairs",
        ),
        ("DROP TABLE item_weights", TableMissingError, "has no item_weights yet"),
    ],
)
def test_tables_that_do_not_fit_together_are_not_published(
    home: Any, statement: str, error: type[Exception], words: str
) -> None:
    stored = build_stored(home.settings)
    before = current_name(stored.published)
    with closing(duckdb.connect(str(home.database))) as connection:
        connection.execute(statement)
    with pytest.raises(error, match=words):
        stored.publish()
    assert current_name(stored.published) == before


def test_missing_features_say_what_to_do(home: Any, tmp_path: Path) -> None:
    stored = Stored(home.database, tmp_path / "none.npz", home.settings.published_dir)
    with pytest.raises(FeatureFileError, match="Materialize movie_features first"):
        stored.publish()
