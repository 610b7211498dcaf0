"""``movie-assets fit``: fit the recommender's weights to what people like together.

What a person types and sees of it belongs here; the fit itself is ``recommender.fitting``.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.console import Console
from rich.table import Table

from movie_assets.console import plain
from movie_assets.evaluate import CatalogueOption, MovieLensOption, films_to_use
from movie_assets.settings import load_settings

if TYPE_CHECKING:
    from movie_assets.recommender.weights import Weights

_out = Console(highlight=False, emoji=False)
_err = Console(stderr=True, highlight=False, emoji=False)


def fit(
    catalogue: CatalogueOption = None,
    movielens: MovieLensOption = None,
    output: Annotated[
        Path | None,
        typer.Option(dir_okay=False, help="Where to write them; else the package's weights.json."),
    ] = None,
    seed: Annotated[int, typer.Option(min=0, help="Which people are in which half.")] = 0,
) -> None:
    """Fit the weights of fields, closeness, prior and blends to people's ratings.

    Cross-validated over people, then on all of them; the same ratings give the same file.
    """
    settings = load_settings()
    folder = movielens or settings.movielens_dir
    if folder is None:
        raise typer.BadParameter(
            "is needed, or MOVIELENS_DIR: weights are fitted to people's ratings "
            "(docs/movielens.md says where to get some)",
            param_hint="--movielens",
        )
    from movie_assets.film_tables import ratings_of  # noqa: PLC0415 - takes long to import
    from movie_assets.movielens import read_ratings  # noqa: PLC0415
    from movie_assets.recommender.fitting.fit import fit_weights  # noqa: PLC0415
    from movie_assets.recommender.weights import (  # noqa: PLC0415
        BUNDLED,
        load_weights,
        save_weights,
    )

    current = load_weights()
    with _err.status("Reading films and ratings") as status:
        films, _ = films_to_use(settings, catalogue, current)
        fitted = fit_weights(
            films,
            ratings_of(read_ratings(folder).table, films["id"]),
            current,
            seed=seed,
            progress=lambda words: status.update(f"Fitting: {words}"),
        )
    target = output or BUNDLED
    save_weights(fitted, target)
    _show(fitted)
    _out.print(plain(f"Written: {target}"), soft_wrap=True)


def _show(fitted: Weights) -> None:
    gains = fitted.fitted_on["gains"]
    parts = {
        **{f"fields.{name}": value for name, value in fitted.fields.items()},
        "genres": None,
        **{f"genres.{name}": value for name, value in sorted(fitted.genres.items())},
        **{f"closeness.{name}": value for name, value in fitted.closeness.model_dump().items()},
        **{f"prior.{name}": value for name, value in fitted.prior.model_dump().items()},
    }
    table = Table("part", box=None, pad_edge=False)
    table.add_column("weight", justify="right")
    table.add_column("NDCG@10 gained", justify="right")
    for part, value in parts.items():
        gain = gains.get(part)
        table.add_row(
            plain(part),
            "" if value is None else f"{value:.3f}",
            "" if gain is None else f"{gain:+.4f}",
        )
    _out.print(table)
    held_out = fitted.fitted_on["held_out"]
    _out.print(
        f"\nBy people who were held out: NDCG@10 {held_out['ndcg_at_10']:.3f} with "
        f"{held_out['different_films']:.0f} films in the lists of "
        f"{held_out['films_asked_about']:.0f}; with ratings "
        f"{held_out['ndcg_at_10_with_ratings']:.3f}."
    )
