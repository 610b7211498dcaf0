"""Which assets are out of date, and why: pure functions over what is known of each asset.

Nothing here reads Dagster's history or runs anything; ``movie_assets.build`` does.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True)
class Materialization:
    """The last time that an asset was made.

    Attributes:
        timestamp: seconds since the epoch.
        code_version: of the code and the settings that made it.
        data_version: the content's hash.
        input_versions: the content hashes of the inputs that it was made from.
        run_id: the run that made it.
        rows: how many rows it has; None where that is not known.
    """

    timestamp: float
    code_version: str | None
    data_version: str | None
    input_versions: Mapping[str, str]
    run_id: str = ""
    rows: int | None = None


@dataclass(frozen=True)
class AssetState:
    """What is known of one asset.

    Attributes:
        name: the asset's name.
        inputs: the assets that it is made from.
        code_version: of the code and the settings as they are now.
        last: how it was last made; None if never.
        is_stored: whether what was last made is still there.
        attempt_failed: whether a later attempt to make it did not come to an end.
        failed_checks: its blocking checks that failed on what is stored.
        is_checked: whether all its checks came to a finding on what is stored.
        max_age_seconds: older counts as stale.
    """

    name: str
    inputs: tuple[str, ...]
    code_version: str | None
    last: Materialization | None = None
    is_stored: bool = True
    attempt_failed: bool = False
    failed_checks: tuple[str, ...] = ()
    is_checked: bool = True
    max_age_seconds: float = float("inf")


@dataclass(frozen=True)
class Verdict:
    """Whether an asset is up to date.

    Attributes:
        reasons: why it is out of date, in words; none where it is up to date.
        only_age: whether its age is the only reason, so that its content may still be right.
    """

    reasons: tuple[str, ...] = ()
    only_age: bool = field(default=False)

    def __bool__(self) -> bool:
        """Whether it is out of date."""
        return bool(self.reasons)


def judge(state: AssetState, states: Mapping[str, AssetState], now: float) -> Verdict:
    """Say whether an asset is out of date, and why.

    Args:
        state: the asset.
        states: all assets by name, for the content of its inputs.
        now: seconds since the epoch.
    """
    last = state.last
    failure = _failure(state, states)
    if last is None:
        return Verdict(tuple(failure) or ("never built",))
    reasons = [*failure]
    if not state.is_stored:
        reasons.append("not stored any more")
    reasons += [f"check {name} failed" for name in state.failed_checks]
    if not state.is_checked and not failure:
        reasons.append("not checked yet")
    if last.code_version != state.code_version:
        reasons.append("code or settings changed")
    reasons += [f"{name} changed" for name in state.inputs if _changed(name, last, states)]
    age = now - last.timestamp
    if age > state.max_age_seconds:
        hours = f"{age / 3600:.0f} h old, {state.max_age_seconds / 3600:g} h allowed"
        return Verdict((*reasons, hours), only_age=not reasons)
    return Verdict(tuple(reasons))


def _failure(state: AssetState, states: Mapping[str, AssetState]) -> list[str]:
    if not state.attempt_failed:
        return []
    failed = [name for name in state.inputs if states[name].attempt_failed]
    # Dagster plans a whole run and then leaves out what is below a failure.
    return [f"{name} failed" for name in failed] or ["last attempt failed"]


def _changed(name: str, last: Materialization, states: Mapping[str, AssetState]) -> bool:
    upstream = states[name].last
    return upstream is not None and last.input_versions.get(name) != upstream.data_version


def with_descendants(names: Iterable[str], states: Mapping[str, AssetState]) -> set[str]:
    """The assets and all that is made from them, directly or not."""
    found = set(names)
    while True:
        more = {s.name for s in states.values() if s.name not in found and found & set(s.inputs)}
        if not more:
            return found
        found |= more
