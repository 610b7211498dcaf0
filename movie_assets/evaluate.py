"""``movie-assets evaluate``: how good the recommendations are, beside baselines.

What a person types and sees of it belongs here. What is measured, and how, is in
``movie_assets.recommender.evaluation``; what the figures mean in ``docs/quality.md``.
"""

from __future__ import annotations

import json
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, NamedTuple

import typer
from rich.console import Console
from rich.table import Table

from movie_assets.console import plain
from movie_assets.settings import load_settings

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    import pandas as pd

    from movie_assets.recommender.evaluation.figures import Figure
    from movie_assets.recommender.evaluation.run import Evaluation
    from movie_assets.recommender.similar import Signal
    from movie_assets.recommender.weights import Weights
    from movie_assets.settings import Settings

_out = Console(highlight=False, emoji=False)
_err = Console(stderr=True, highlight=False, emoji=False)

_NO_RATINGS = (
    "How often the lists are right cannot be told without ratings. Name the folder of a MovieLens "
    "release with --movielens or MOVIELENS_DIR (docs/movielens.md says where to get one)."
)
_NO_JUDGES = (
    "Nobody in these ratings can say what is right: it takes films of the catalogue that 10 people "
    "of those held out like. Take a larger release, or more films."
)


CatalogueOption = Annotated[
    Path | None,
    typer.Option(
        exists=True, dir_okay=False, help="A parquet file of films; else the warehouse's."
    ),
]
MovieLensOption = Annotated[
    Path | None,
    typer.Option(exists=True, file_okay=False, help="A MovieLens release; else MOVIELENS_DIR's."),
]


def evaluate(
    catalogue: CatalogueOption = None,
    movielens: MovieLensOption = None,
    held_out: Annotated[
        Path | None,
        typer.Option(
            exists=True,
            file_okay=False,
            help="A second release, of other people: these judge, and all of the first are learned "
            "from. Else some of the people judge.",
        ),
    ] = None,
    judges: Annotated[
        float,
        typer.Option(min=0.01, max=0.99, help="The share of the people who judge, of one release."),
    ] = 0.5,
    seed: Annotated[int, typer.Option(min=0, help="Which people judge.")] = 0,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
    plots: Annotated[
        Path | None, typer.Option(file_okay=False, help="A folder to draw SVG pictures into.")
    ] = None,
) -> None:
    """Measure the recommendations beside baselines, by people nobody learned from.

    Accuracy needs ratings; how wide, well known and varied the lists are is told without.
    """
    settings = load_settings()
    folder = movielens or settings.movielens_dir
    _refuse_same_people(folder, held_out)
    with _err.status("Reading films and ratings") as status:
        found = _measure(
            settings,
            catalogue,
            (folder, held_out),
            (seed, judges),
            lambda words: status.update(f"Measuring {words}"),
        )
    drawn = _draw(found, plots) if plots else []
    if as_json:
        print(json.dumps(_as_json(found), ensure_ascii=False))  # noqa: T201 - rich would wrap it
        return
    _show(found, has_ratings=folder is not None)
    for path in drawn:
        _out.print(plain(f"Drawn: {path}"), soft_wrap=True)


def _refuse_same_people(folder: Path | None, held_out: Path | None) -> None:
    if held_out is None:
        return
    if folder is None:
        raise typer.BadParameter(
            "takes a release to learn from as well: --movielens", param_hint="--held-out"
        )
    if folder.resolve() == held_out.resolve():
        raise typer.BadParameter(
            "is the release that is learned from: leave it away, and half of its people judge",
            param_hint="--held-out",
        )


def _measure(
    settings: Settings,
    catalogue: Path | None,
    folders: tuple[Path | None, Path | None],
    split: tuple[int, float],
    progress: Callable[[str], None],
) -> Evaluation:
    from movie_assets.film_tables import ratings_of  # noqa: PLC0415 - takes long to import
    from movie_assets.movielens import read_ratings  # noqa: PLC0415
    from movie_assets.recommender.evaluation.ratings import split_people  # noqa: PLC0415
    from movie_assets.recommender.evaluation.run import evaluate as measure  # noqa: PLC0415
    from movie_assets.recommender.weights import load_weights  # noqa: PLC0415

    weights = load_weights()
    films, signals = films_to_use(settings, catalogue, weights)
    training, held_out = (
        None if folder is None else ratings_of(read_ratings(folder).table, films["id"])
        for folder in folders
    )
    if training is not None and held_out is None:
        training, held_out = split_people(training, *split)
    return measure(
        films,
        weights,
        training=training,
        held_out=held_out,
        signals=signals,
        seed=split[0],
        progress=progress,
    )


def films_to_use(
    settings: Settings, catalogue: Path | None, weights: Weights
) -> tuple[pd.DataFrame, list[Signal]]:
    """The films, and what the graph knows of them beside: TMDB's own recommendations.

    Args:
        settings: where the warehouse is.
        catalogue: a parquet file of films to take in its place.
        weights: the share of TMDB's recommendations.

    Raises:
        CatalogueError: where the file cannot be read.
        TableMissingError: where nothing has been built yet.
    """
    if catalogue is not None:
        from movie_assets.recommender.films import read_catalogue  # noqa: PLC0415

        return read_catalogue(catalogue), []
    from movie_assets.film_tables import films_of, recommended_pairs  # noqa: PLC0415
    from movie_assets.recommender.similar import Signal  # noqa: PLC0415
    from movie_assets.warehouse import TableMissingError  # noqa: PLC0415
    from movie_assets.warehouse.contents import stored_tables  # noqa: PLC0415
    from movie_assets.warehouse.store import read_table  # noqa: PLC0415

    names = ("movies_table", "genres_table", "movie_details")
    if not set(names) <= stored_tables(settings.database):
        raise TableMissingError(
            f"There are no films in {settings.database} yet. Make them with: movie-assets build. "
            "Or name a parquet file of films: --catalogue"
        )
    movies, genres, details = (read_table(settings.database, name) for name in names)
    films = films_of(movies, genres, details)
    pairs = recommended_pairs(films["id"].to_numpy(), details)
    return films, [Signal("tmdb", weights.blend.tmdb, pairs)] if pairs.nnz else []


def _draw(found: Evaluation, folder: Path) -> list[Path]:
    """One picture a task that has figures of accuracy."""
    from movie_assets.recommender.evaluation.figures import PROFILES, SIMILAR  # noqa: PLC0415
    from movie_assets.recommender.evaluation.plots import (  # noqa: PLC0415
        accuracy_against_breadth,
    )

    folder.mkdir(parents=True, exist_ok=True)
    drawn = []
    for task in (SIMILAR, PROFILES):
        drawing = accuracy_against_breadth(found.figures, task)
        if drawing is not None:
            path = folder / f"{task.replace(' ', '-')}.svg"
            path.write_text(drawing, encoding="utf-8")
            drawn.append(path)
    return drawn


def _as_json(found: Evaluation) -> dict[str, Any]:
    return asdict(found) | {"figures": [figure._asdict() for figure in found.figures]}


class _Column(NamedTuple):
    """A column of a table: its heading, the metric, and how numbers are written."""

    heading: str
    metric: str
    form: str
    interval: bool = False


_ACCURACY = (
    _Column("NDCG@10", "ndcg_at_10", "{:.3f}", interval=True),
    _Column("gain", "ndcg_at_10_gain", "{:+.3f}", interval=True),
    _Column("precision", "precision_at_10", "{:.3f}"),
    _Column("recall", "recall_at_10", "{:.3f}"),
    _Column("MRR", "mrr_at_10", "{:.3f}"),
)
_BY_KIND = (
    _Column("< 1,000 votes", "ndcg_at_10_little_known", "{:.3f}"),
    _Column("< 5,000", "ndcg_at_10_known", "{:.3f}"),
    _Column("more", "ndcg_at_10_well_known", "{:.3f}"),
    _Column("not English", "ndcg_at_10_not_english", "{:.3f}"),
)
_BREADTH = (
    _Column("films", "different_films", "{:,.0f}"),
    _Column("covered", "catalogue_coverage", "{:.1%}"),
    _Column("Gini", "gini", "{:.2f}"),
    _Column("novelty", "novelty", "{:.1f}"),
    _Column("variety", "intra_list_diversity", "{:.2f}"),
    _Column("top 100", "top_100_share", "{:.0%}"),
    _Column("sequels", "sequel_share", "{:.1%}"),
)
_LIKENESS = (
    _Column("popularity", "popularity_rmse", "{:.1f}"),
    _Column("average vote", "vote_avg_rmse", "{:.2f}"),
    _Column("votes", "vote_count_rmse", "{:,.0f}"),
)


def _show(found: Evaluation, *, has_ratings: bool) -> None:
    from movie_assets.recommender.evaluation.figures import PROFILES, SIMILAR  # noqa: PLC0415
    from movie_assets.recommender.evaluation.methods import (  # noqa: PLC0415
        PROFILE_BASELINE,
        SIMILAR_BASELINE,
    )

    of_films = [figure for figure in found.figures if figure.task == SIMILAR]
    of_people = [figure for figure in found.figures if figure.task == PROFILES]
    judged = any(figure.metric == "ndcg_at_10" for figure in of_films)
    about = f"{found.n_films:,} films"
    if has_ratings:
        about += f"; {found.n_judges:,} people judge, {found.n_learned_from:,} are learned from"
    _out.print(about)
    heading = f"Films like a film: lists of 10 for {found.n_seeds:,} films"
    _print_tables(heading, of_films, SIMILAR_BASELINE)
    if of_people:
        heading = f"Films for somebody: lists of 10 for {found.n_profiles:,} people"
        _print_tables(heading, of_people, PROFILE_BASELINE)
    if not judged:
        _out.print()
        _out.print(_NO_JUDGES if has_ratings else _NO_RATINGS)


def _print_tables(heading: str, figures: Sequence[Figure], baseline: str) -> None:
    _out.print()
    _out.print(plain(heading, "bold"))
    for title, columns in (
        (f"How right they are, with 95% intervals; gain over {baseline}", _ACCURACY),
        ("NDCG@10 by what kind of film is asked about", _BY_KIND),
        ("How wide, well known and varied the same lists are", _BREADTH),
        ("How far from the film in numbers (RMSE), as the tutorial measured it", _LIKENESS),
    ):
        table = _table(figures, columns)
        if table is not None:
            _out.print()
            _out.print(title, style="dim")
            _out.print(table)


def _table(figures: Sequence[Figure], columns: Sequence[_Column]) -> Table | None:
    """A row a method, of those columns that there are figures for; None where there are none."""
    by_name = {(figure.method, figure.metric): figure for figure in figures}
    there = {figure.metric for figure in figures if figure.value is not None}
    columns = [column for column in columns if column.metric in there]
    if not columns:
        return None
    table = Table(box=None, pad_edge=False)
    table.add_column("", no_wrap=True)
    for column in columns:
        table.add_column(column.heading, justify="right", no_wrap=True)
        if column.interval:
            table.add_column("", justify="center", style="dim", no_wrap=True)
    for method in dict.fromkeys(figure.method for figure in figures):
        cells = []
        for column in columns:
            cells += _cells(by_name.get((method, column.metric)), column)
        table.add_row(plain(method), *cells)
    return table


def _cells(figure: Figure | None, column: _Column) -> list[str]:
    if figure is None or figure.value is None:
        return ["", ""] if column.interval else [""]
    cells = [column.form.format(figure.value)]
    if column.interval:
        ends = (figure.low, figure.high)
        cells.append("..".join(column.form.format(end) for end in ends if end is not None))
    return cells
