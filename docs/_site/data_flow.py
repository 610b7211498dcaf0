"""The drawing of the asset graph: an SVG in levels, as the data flow from above.

Made of the graph itself, so that it cannot be another one. Only positions are decided here.
"""

from __future__ import annotations

from html import escape
from itertools import pairwise

from reference import graph

_WIDTH, _HEIGHT, _GAP, _DOWN, _EDGE = 204, 44, 20, 84, 12
#: Where an arrow runs past a level.
_LANE = 16
Place = tuple[float, float]


def drawing() -> str:
    """The SVG, to stand in a page."""
    parents = _parents()
    ways = _ways(parents)
    levels = _levels(ways, _depths(parents))
    widths = [sum(_width(item) + _GAP for item in items) - _GAP for items in levels]
    at = {}
    for level, items in enumerate(levels):
        x = _EDGE + (max(widths) - widths[level]) / 2
        for item in items:
            at[item] = x + _width(item) / 2, float(_EDGE + level * _DOWN)
            x += _width(item) + _GAP
    width, height = 2 * _EDGE + max(widths), 2 * _EDGE + (len(levels) - 1) * _DOWN + _HEIGHT
    arrows = [_arrow([at[item] for item in way]) for way in ways]
    boxes = [_box(name, at[name]) for name in parents]
    return (
        f'<div class="data-flow"><svg viewBox="0 0 {width} {height}" role="img" '
        'xmlns="http://www.w3.org/2000/svg"><title>The asset graph</title>'
        '<defs><marker id="tip" viewBox="0 0 8 8" refX="7" refY="4" markerWidth="7" '
        'markerHeight="7" orient="auto"><path d="M0 0 8 4 0 8z" class="tip"/></marker></defs>'
        f"{''.join(arrows)}{''.join(boxes)}</svg></div>"
    )


def _parents() -> dict[str, set[str]]:
    """By asset, those it is made from; in an order in which they can be made."""
    return {
        key.to_user_string(): {parent.to_user_string() for parent in graph().get(key).parent_keys}
        for key in graph().toposorted_asset_keys
    }


def _direct(name: str, parents: dict[str, set[str]]) -> set[str]:
    """Those parents that no other parent is made from: the other arrows would only cross."""
    behind = {far for parent in parents[name] for far in _ancestors(parent, parents)}
    return parents[name] - behind


def _ancestors(name: str, parents: dict[str, set[str]]) -> set[str]:
    return parents[name].union(*(_ancestors(parent, parents) for parent in parents[name]))


def _depths(parents: dict[str, set[str]]) -> dict[str, int]:
    """Each asset's level: below all it is made from."""
    depths: dict[str, int] = {}
    for name, above in parents.items():
        depths[name] = max((depths[parent] + 1 for parent in above), default=0)
    return depths


def _ways(parents: dict[str, set[str]]) -> list[list[str]]:
    """Of each arrow what it runs through: an asset, a lane on each level between, an asset."""
    depths = _depths(parents)
    return [
        [
            source,
            *(f"{source} > {name} {n}" for n in range(depths[source] + 1, depths[name])),
            name,
        ]
        for name in parents
        for source in sorted(_direct(name, parents))
    ]


def _width(item: str) -> int:
    return _LANE if ">" in item else _WIDTH


def _levels(ways: list[list[str]], depths: dict[str, int]) -> list[list[str]]:
    """What is on each level, near to what it is joined with."""
    levels: list[list[str]] = [[] for _ in range(max(depths.values()) + 1)]
    joined: dict[str, set[str]] = {name: set() for name in depths}
    for name, depth in sorted(depths.items()):
        levels[depth].append(name)
    for way in ways:
        for item, below in pairwise(way):
            joined.setdefault(item, set()).add(below)
            joined.setdefault(below, set()).add(item)
        for lane, item in enumerate(way[1:-1], depths[way[0]] + 1):
            levels[lane].append(item)
    for _ in range(12):
        place = {item: i - len(items) / 2 for items in levels for i, item in enumerate(items)}
        for items in levels:
            items.sort(key=lambda item: _mean([place[other] for other in joined[item]]))
            place |= {item: i - len(items) / 2 for i, item in enumerate(items)}
    return levels


def _mean(values: list[float]) -> float:
    return sum(values) / len(values) if values else 0.0


def _arrow(way: list[Place]) -> str:
    x, y = way[0][0], way[0][1] + _HEIGHT
    path = f"M{x:.0f} {y:.0f}"
    for place, (to_x, to_y) in enumerate(way[1:], 1):
        bend = (to_y - y) / 2
        path += f"C{x:.0f} {y + bend:.0f} {to_x:.0f} {to_y - bend:.0f} {to_x:.0f} {to_y:.0f}"
        x, y = to_x, to_y
        if place < len(way) - 1:
            y += _HEIGHT
            path += f"V{y:.0f}"
    return f'<path class="arrow" marker-end="url(#tip)" d="{path}"/>'


def _box(name: str, at: Place) -> str:
    group = next(
        graph().get(key).group_name
        for key in graph().toposorted_asset_keys
        if key.to_user_string() == name
    )
    x, y = at[0] - _WIDTH / 2, at[1]
    return (
        f'<g class="box {escape(group)}"><rect x="{x:.0f}" y="{y:.0f}" width="{_WIDTH}" '
        f'height="{_HEIGHT}" rx="6"/><text x="{x + _WIDTH / 2:.0f}" y="{y + 19:.0f}">'
        f'{escape(name)}</text><text class="group" x="{x + _WIDTH / 2:.0f}" y="{y + 35:.0f}">'
        f"{escape(group)}</text></g>"
    )
