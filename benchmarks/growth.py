"""How the search grows with the number of films: a table, and a plot with two logarithmic axes.

    python benchmarks/growth.py                                    up to 100,000 films, the table
    python benchmarks/growth.py --to 1000000 --plot docs/images/kernel-growth.svg

Films and rankings are those of benchmarks/kernel.py; each measurement has a process of its own.
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from math import ceil, floor, log10
from pathlib import Path

from kernel import DEFAULT, THREADS, K, alone

SIZES = (10_000, 30_000, 100_000, 300_000, 1_000_000)
COLOURS = {"no prior": "#888", DEFAULT: "#47a"}  # read well on light and dark pages
WIDTH, HEIGHT, LEFT, RIGHT, TOP, BOTTOM = 640, 400, 70, 40, 20, 50

Measured = dict[str, list[tuple[int, float]]]


def drawing(measured: Measured, colours: Sequence[str], title: str) -> str:
    """The plot as SVG: seconds over films, a line for each that was measured."""
    films = [n for n, _ in next(iter(measured.values()))]
    logs = [log10(seconds) for points in measured.values() for _, seconds in points]
    lowest = floor(min(logs))
    highest = max(ceil(max(logs)), lowest + 1)

    def x(n: float) -> float:
        return LEFT + (WIDTH - LEFT - RIGHT) * log10(n / films[0]) / log10(films[-1] / films[0])

    def y(seconds: float) -> float:
        share = (log10(seconds) - lowest) / (highest - lowest)
        return HEIGHT - BOTTOM - (HEIGHT - TOP - BOTTOM) * share

    parts = []
    for power in range(lowest, highest + 1):
        at = y(10**power)
        parts.append(f'<path d="M{LEFT} {at:.0f}H{WIDTH - RIGHT}" stroke="#8884"/>')
        parts.append(_text(LEFT - 8, at + 4, f"{10**power:g} s", "end"))
    parts += [_text(x(n), HEIGHT - BOTTOM + 20, f"{n:,}") for n in films]
    parts.append(_text((LEFT + WIDTH - RIGHT) / 2, HEIGHT - 8, "films"))
    for place, (name, points) in enumerate(measured.items()):
        line = " ".join(f"{x(n):.1f},{y(seconds):.1f}" for n, seconds in points)
        colour = colours[place]
        parts.append(f'<polyline points="{line}" fill="none" stroke="{colour}" stroke-width="2"/>')
        parts += [
            f'<circle cx="{x(n):.1f}" cy="{y(seconds):.1f}" r="3" fill="{colour}"/>'
            for n, seconds in points
        ]
        parts.append(_text(LEFT + 20, TOP + 20 + 18 * place, name, "start", colour))
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{WIDTH}" height="{HEIGHT}" '
        f'viewBox="0 0 {WIDTH} {HEIGHT}" font-family="sans-serif" font-size="12">'
        f"<title>{title}</title>" + "".join(parts) + "</svg>\n"
    )


def _text(x: float, y: float, text: str, anchor: str = "middle", colour: str = "#888") -> str:
    return f'<text x="{x:.0f}" y="{y:.0f}" text-anchor="{anchor}" fill="{colour}">{text}</text>'


def main() -> None:
    """Measure, print and draw."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--to", type=int, default=100_000)
    parser.add_argument("--plot", type=Path)
    options = parser.parse_args()
    print("| films | ranking | seconds | peak, GiB | load |\n|---|---|---|---|---|")
    measured: Measured = {name: [] for name in COLOURS}
    for n in (size for size in SIZES if size <= options.to):
        for name, points in measured.items():
            took = alone(n, name)
            points.append((n, took["seconds"]))
            print(
                f"| {n:,} | {name} | {took['seconds']:.2f} | {took['peak']:.2f} "
                f"| {took['load']:.1f} |",
                flush=True,
            )
    if options.plot:
        title = f"Seconds for the {K} best of every film, {THREADS} threads"
        options.plot.write_text(drawing(measured, list(COLOURS.values()), title), encoding="utf-8")


if __name__ == "__main__":
    main()
