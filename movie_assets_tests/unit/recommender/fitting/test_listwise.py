"""The fit's gradient is right, and it finds weights that made-up data were made by."""

from __future__ import annotations

import numpy as np
import pytest

from movie_assets.recommender.fitting import listwise
from movie_assets.recommender.fitting.listwise import fit_listwise, loss_and_gradient
from movie_assets.recommender.fitting.pairs import Pairs


def made_up(n_seeds: int = 40, n_candidates: int = 60, seed: int = 0) -> Pairs:
    random = np.random.default_rng(seed)

    def drawn(*shape: int) -> np.ndarray[tuple[int, ...], np.dtype[np.float64]]:
        return random.random(shape)

    given = np.zeros((n_seeds, n_candidates))
    given[np.arange(n_seeds), np.arange(n_seeds)] = -np.inf
    return Pairs(
        likeness=drawn(3, n_seeds, n_candidates),
        apart=drawn(3, n_seeds, n_candidates),
        alone=4 * drawn(4, n_candidates),
        given=given,
        right=np.zeros((n_seeds, n_candidates)),
    )


def with_right(
    pairs: Pairs, fields: list[float], prior: list[float], closeness: list[float]
) -> Pairs:
    """The five films with the best scores by these weights are right."""
    content = np.tensordot(np.array(fields), pairs.likeness, 1)
    logs = np.log(content) + np.array(prior) @ pairs.alone + pairs.given
    logs -= np.tensordot(np.array(closeness), pairs.apart, 1)
    best = np.argsort(-logs, axis=1)[:, :5]
    right = np.zeros_like(pairs.right)
    np.put_along_axis(right, best, 0.2, axis=1)
    return Pairs(pairs.likeness, pairs.apart, pairs.alone, pairs.given, right)


def test_gradient_is_that_of_the_loss() -> None:
    pairs = with_right(made_up(6, 20), [1, 0.5, 0.2], [0.3, 0, 0, 0], [1, 0, 0])
    theta = np.random.default_rng(1).normal(0, 0.3, 11)
    _, gradient = loss_and_gradient(theta, pairs)
    step = 1e-5
    numeric = [
        (
            loss_and_gradient(theta + step * unit, pairs)[0]
            - loss_and_gradient(theta - step * unit, pairs)[0]
        )
        / (2 * step)
        for unit in np.eye(11)
    ]
    np.testing.assert_allclose(gradient, numeric, atol=1e-7)


def test_the_weights_behind_the_data_are_found() -> None:
    pairs = with_right(made_up(), [1.0, 0.3, 0.01], [0.5, 0.2, 0.0, -0.3], [1.5, 0.0, 0.6])
    found = fit_listwise(pairs)
    assert found.fields.argmax() == 0
    assert found.fields[0] > found.fields[1] > found.fields[2]
    assert found.prior[0] > found.prior[1] > abs(found.prior[2])
    assert found.prior[3] < 0
    assert found.closeness[0] > found.closeness[2] > found.closeness[1]
    assert (found.closeness >= 0).all()
    nothing = np.zeros(11)
    assert found.loss < loss_and_gradient(nothing, pairs)[0] - 1


def test_the_same_data_give_the_same_weights() -> None:
    pairs = with_right(made_up(), [1.0, 0.3, 0.01], [0.5, 0.2, 0.0, -0.3], [1.5, 0.0, 0.6])
    one, other = fit_listwise(pairs), fit_listwise(pairs)
    np.testing.assert_array_equal(one.fields, other.fields)
    np.testing.assert_array_equal(one.prior, other.prior)
    assert one.loss == other.loss


def test_it_goes_on_until_nothing_changes(monkeypatch: pytest.MonkeyPatch) -> None:
    """Half way last bits, which differ between processors, would say how far it came."""
    pairs = with_right(made_up(), [1.0, 0.3, 0.01], [0.5, 0.2, 0.0, -0.3], [1.5, 0.0, 0.6])
    noise = 1 + 1e-13 * np.random.default_rng(2).normal(size=pairs.likeness.shape)
    noisy = Pairs(pairs.likeness * noise, pairs.apart, pairs.alone, pairs.given, pairs.right)
    found = fit_listwise(pairs)
    monkeypatch.setattr(listwise, "_ITERATIONS", 5000)
    for again in (fit_listwise(pairs), fit_listwise(noisy)):
        for name in ("fields", "prior", "closeness"):
            np.testing.assert_allclose(
                getattr(found, name), getattr(again, name), rtol=1e-5, atol=1e-6
            )


def test_a_film_is_never_right_for_itself() -> None:
    pairs = with_right(made_up(6, 20), [1, 1, 1], [0, 0, 0, 0], [0, 0, 0])
    loss, _ = loss_and_gradient(np.zeros(11), pairs)
    assert np.isfinite(loss)
    assert loss <= np.log(19) + 1e-3


def test_a_film_without_anything_right_changes_nothing() -> None:
    pairs = with_right(made_up(6, 20), [1, 1, 1], [0, 0, 0, 0], [0, 0, 0])
    pairs.right[0] = 0
    _, gradient = loss_and_gradient(np.zeros(11), pairs)
    assert np.isfinite(gradient).all()
    pairs.likeness[:, 0] = 0.5
    np.testing.assert_allclose(loss_and_gradient(np.zeros(11), pairs)[1], gradient, atol=1e-6)


@pytest.mark.parametrize("scale", [1e-8, 1e4])
def test_likeness_of_any_size_is_taken(scale: float) -> None:
    pairs = with_right(made_up(6, 20), [1, 1, 1], [0, 0, 0, 0], [0, 0, 0])
    scaled = Pairs(pairs.likeness * scale, pairs.apart, pairs.alone, pairs.given, pairs.right)
    loss, gradient = loss_and_gradient(np.zeros(11), scaled)
    assert np.isfinite(loss)
    assert np.isfinite(gradient).all()
