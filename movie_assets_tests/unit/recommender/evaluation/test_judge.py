"""Methods put to the same questions."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from scipy import sparse

from movie_assets.recommender.evaluation import baselines
from movie_assets.recommender.evaluation.catalogue import Catalogue
from movie_assets.recommender.evaluation.figures import METRICS, PROFILES, SIMILAR, Figure
from movie_assets.recommender.evaluation.judge import (
    BadListsError,
    Method,
    judge_profiles,
    judge_similar,
)
from movie_assets.recommender.evaluation.profiles import split_by_time
from movie_assets.recommender.evaluation.ratings import Ratings, split_people
from movie_assets.recommender.evaluation.truth import co_liked_truth

SEEDS = np.array([0, 1, 2, 3], np.int32)


def always(films: list[int]) -> Method:
    """The same list for everything."""
    padded = (films + [-1] * 10)[:10]
    return Method("always", lambda asked, k: np.array([padded] * len(asked), np.int32))


def right(films: list[int], n_films: int) -> sparse.csr_matrix:
    table = np.zeros((len(SEEDS), n_films), bool)
    table[:, films] = True
    return sparse.csr_matrix(table)


def by_name(figures: list[Figure]) -> dict[tuple[str, str], Figure]:
    assert all(figure.description == METRICS[figure.metric] for figure in figures)
    return {(figure.method, figure.metric): figure for figure in figures}


def test_figures_by_hand(catalogue: Catalogue) -> None:
    seeds, lists = SEEDS, [10, 20, 30]
    methods = [always(lists), Method("nothing", lambda asked, k: np.full((len(asked), k), -1))]
    figures = judge_similar(
        catalogue, methods, seeds, right([20], len(catalogue)), baseline="nothing"
    )
    assert {figure.task for figure in figures} == {SIMILAR}
    found = by_name(figures)
    value = {key: figure.value for key, figure in found.items()}
    second = 1 / np.log2(3)
    assert value["always", "ndcg_at_10"] == pytest.approx(second)
    assert value["always", "ndcg_at_10_gain"] == pytest.approx(second)
    assert ("nothing", "ndcg_at_10_gain") not in value
    assert value["always", "precision_at_10"] == pytest.approx(1 / 10)
    assert value["always", "different_films"] == 3
    assert value["always", "catalogue_coverage"] == pytest.approx(3 / 59)  # one has no votes
    # Series 0 has films 0 and 10; 20 and 30 are of none.
    assert value["always", "sequel_share"] == pytest.approx(1 / 3 / 4)
    assert value["always", "top_100_share"] == 1
    differences = catalogue.votes[seeds][:, None] - catalogue.votes[lists]
    assert value["always", "vote_count_rmse"] == pytest.approx(np.sqrt((differences**2).mean()))
    assert value["nothing", "lists_with_films"] == 0
    assert value["nothing", "novelty"] is None
    assert value["nothing", "popularity_rmse"] is None
    # Sequels differ from list to list, so their mean is not sure; of all lists there is one figure.
    sequels = found["always", "sequel_share"]
    assert sequels.low is not None
    assert sequels.high is not None
    assert 0 <= sequels.low < sequels.value < sequels.high  # type: ignore[operator]
    assert found["always", "different_films"].low is None


def test_accuracy_by_what_is_asked_about(films: pd.DataFrame) -> None:
    first = films.head(4).assign(
        vote_count=[999, 1000, 4999, 5000], original_language=["en", "fr", None, "ja"]
    )
    catalogue = Catalogue.of(first)
    relevant = sparse.csr_matrix(
        np.array([[0, 0, 0, 1], [1, 0, 0, 0], [0, 1, 0, 0], [1, 0, 0, 0]], bool)
    )
    listed = np.full((4, 10), -1, np.int32)
    listed[:, 0] = [3, 2, 1, 0]
    method = Method("fixed", lambda asked, k: listed)
    found = by_name(judge_similar(catalogue, [method], SEEDS, relevant, baseline=""))
    kinds = ("little_known", "known", "well_known", "not_english")
    values = [found["fixed", f"ndcg_at_10_{kind}"].value for kind in kinds]
    assert values == [1.0, 0.5, 1.0, 0.5]


def test_without_ratings_there_is_no_accuracy(catalogue: Catalogue) -> None:
    figures = judge_similar(catalogue, [always([10])], SEEDS, None, baseline="tutorial")
    metrics = {figure.metric for figure in figures}
    assert "novelty" in metrics
    assert not any("ndcg" in metric or "precision" in metric for metric in metrics)


@pytest.mark.parametrize(
    ("listed", "wrong"),
    [
        ([10, 20, 10], "a film twice"),
        ([10, 2], "the film asked about"),
        ([10, 60], "no film"),
        ([-2], "no film"),
    ],
)
def test_lists_that_would_be_measured_too_well_are_refused(
    catalogue: Catalogue, listed: list[int], wrong: str
) -> None:
    with pytest.raises(BadListsError, match=f"always.*{wrong}"):
        judge_similar(catalogue, [always(listed)], SEEDS, None, baseline="")


def test_lists_of_another_shape_are_refused(catalogue: Catalogue) -> None:
    short = Method("short", lambda asked, k: np.zeros((len(asked), k - 1), np.int32))
    with pytest.raises(BadListsError, match=r"short .*\(4, 9\) and not \(4, 10\)"):
        judge_similar(catalogue, [short], SEEDS, None, baseline="")


def test_what_somebody_rated_is_refused(catalogue: Catalogue, ratings: Ratings) -> None:
    profiles = split_by_time(ratings, len(catalogue))
    rated = int(next(iter(profiles)).films[0])
    with pytest.raises(BadListsError, match="rated already"):
        judge_profiles(catalogue, [always([rated])], profiles, baseline="")


def test_likeness_beats_popularity_where_taste_goes_by_groups(
    catalogue: Catalogue, ratings: Ratings
) -> None:
    _, held_out = split_people(ratings)
    truth = co_liked_truth(held_out, len(catalogue))
    similar = [
        Method("popularity", lambda seeds, k: baselines.most_popular(catalogue, seeds, k)),
        Method("fields", lambda seeds, k: baselines.fields_alone(catalogue, seeds, k)),
    ]
    found = by_name(
        judge_similar(catalogue, similar, truth.seeds, truth.relevant, baseline="popularity")
    )
    assert found["fields", "ndcg_at_10"].value == pytest.approx(1)
    gain = found["fields", "ndcg_at_10_gain"]
    assert gain.low is not None
    assert gain.low > 0
    profiles = split_by_time(held_out, len(catalogue))
    said: list[str] = []
    for_people = [
        Method("popularity", lambda people, k: baselines.most_popular_for(catalogue, people, k)),
        Method("fields", lambda people, k: baselines.fields_for(catalogue, people, k)),
    ]
    figures = judge_profiles(
        catalogue, for_people, profiles, baseline="popularity", progress=said.append
    )
    assert said == ["popularity", "fields"]
    assert {figure.task for figure in figures} == {PROFILES}
    found = by_name(figures)
    for metric in ("ndcg_at_10", "recall_at_10", "mrr_at_10"):
        assert found["fields", metric].value > 2 * found["popularity", metric].value  # type: ignore[operator]
