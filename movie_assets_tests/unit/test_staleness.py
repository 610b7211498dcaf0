"""Which assets are out of date, and why."""

from __future__ import annotations

from typing import Any

import pytest

from movie_assets.staleness import AssetState, Materialization, Verdict, judge, with_descendants

NOW = 1_000_000.0


def made(**changes: Any) -> Materialization:
    fields = {
        "timestamp": NOW - 3600,
        "code_version": "code",
        "data_version": "data",
        "input_versions": {"above": "above data"},
    }
    return Materialization(**(fields | changes))


def state(**changes: Any) -> AssetState:
    fields = {"name": "asset", "inputs": ("above",), "code_version": "code", "last": made()}
    return AssetState(**(fields | changes))


def above(data_version: str | None = "above data") -> AssetState:
    return AssetState("above", (), "code", made(data_version=data_version, input_versions={}))


def verdict(asset: AssetState, upstream: AssetState | None = None) -> Verdict:
    return judge(asset, {"above": upstream or above(), asset.name: asset}, NOW)


def test_up_to_date() -> None:
    found = verdict(state())
    assert found == Verdict()
    assert not found


@pytest.mark.parametrize(
    ("changes", "reasons"),
    [
        ({"last": None}, ("never built",)),
        ({"last": None, "attempt_failed": True}, ("last attempt failed",)),
        ({"last": None, "code_version": "new", "is_stored": False}, ("never built",)),
        ({"is_stored": False}, ("not stored any more",)),
        ({"attempt_failed": True}, ("last attempt failed",)),
        ({"failed_checks": ("a", "b")}, ("check a failed", "check b failed")),
        ({"code_version": "new"}, ("code or settings changed",)),
        ({"code_version": None}, ("code or settings changed",)),
        ({"last": made(input_versions={"above": "old"})}, ("above changed",)),
        ({"last": made(input_versions={})}, ("above changed",)),  # an input that is new
        ({"max_age_seconds": 1800}, ("1 h old, 0.5 h allowed",)),
        (
            {
                "is_stored": False,
                "attempt_failed": True,
                "failed_checks": ("a",),
                "code_version": "new",
                "last": made(input_versions={"above": "old"}),
                "max_age_seconds": 60,
            },
            (
                "last attempt failed",
                "not stored any more",
                "check a failed",
                "code or settings changed",
                "above changed",
                "1 h old, 0.0166667 h allowed",
            ),
        ),
    ],
)
def test_each_reason(changes: dict[str, Any], reasons: tuple[str, ...]) -> None:
    found = verdict(state(**changes))
    assert found.reasons == reasons
    assert found


def test_an_input_that_was_never_made_is_no_change() -> None:
    assert not verdict(state(), AssetState("above", (), "code", None))


def test_an_input_that_was_made_again_with_the_same_content_is_no_change() -> None:
    again = AssetState("above", (), "new code", made(timestamp=NOW, data_version="above data"))
    assert not verdict(state(), again)
    assert verdict(state(), above("other data")).reasons == ("above changed",)


def test_what_is_below_a_failure_says_so() -> None:
    content = made(data_version="above data")
    failed = AssetState("above", (), "code", content, attempt_failed=True)
    assert verdict(state(attempt_failed=True), failed).reasons == ("above failed",)
    assert verdict(state(attempt_failed=True, last=None), failed).reasons == ("above failed",)
    assert not verdict(state(), failed)  # what is stored may still be right


def test_age_alone_is_told_apart() -> None:
    assert verdict(state(max_age_seconds=60)).only_age
    assert not verdict(state(max_age_seconds=60, code_version="new")).only_age
    assert not verdict(state(code_version="new")).only_age
    assert not verdict(state()).only_age


@pytest.mark.parametrize(("allowed", "is_stale"), [(3600, False), (3599.9, True)])
def test_the_limit_of_age_itself_is_still_fresh(allowed: float, is_stale: bool) -> None:
    assert bool(verdict(state(max_age_seconds=allowed))) is is_stale


def graph(**inputs: tuple[str, ...]) -> dict[str, AssetState]:
    return {name: AssetState(name, above, "code") for name, above in inputs.items()}


DIAMOND = graph(top=(), left=("top",), right=("top",), bottom=("left", "right"), apart=())


@pytest.mark.parametrize(
    ("names", "expected"),
    [
        ((), set()),
        (("top",), {"top", "left", "right", "bottom"}),
        (("left",), {"left", "bottom"}),
        (("bottom",), {"bottom"}),
        (("left", "apart"), {"left", "bottom", "apart"}),
    ],
)
def test_descendants(names: tuple[str, ...], expected: set[str]) -> None:
    assert with_descendants(names, DIAMOND) == expected
    backwards = dict(reversed(DIAMOND.items()))
    assert with_descendants(iter(names), backwards) == expected


def test_a_diamond_whose_one_side_changed() -> None:
    def side(name: str, data_version: str) -> AssetState:
        return AssetState(name, (), "code", made(data_version=data_version, input_versions={}))

    bottom = AssetState(
        "bottom", ("left", "right"), "code", made(input_versions={"left": "l1", "right": "r1"})
    )
    states = {"left": side("left", "l1"), "right": side("right", "r2"), "bottom": bottom}
    assert judge(bottom, states, NOW).reasons == ("right changed",)
