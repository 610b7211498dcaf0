"""Posters: TMDB's by their addresses, and a drawn one for each film.

The drawn one is under every poster, so that a film without one, or one that cannot be reached, has
a face all the same. Only geometry is made here; colours are the style sheet's, markup the
templates'.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

_IMAGES = "https://image.tmdb.org/t/p"
#: What TMDB's file names look like; anything else is no poster of theirs.
_POSTER_PATH = re.compile(r"/[\w.-]+\.(?:jpg|jpeg|png|webp)", re.ASCII)
#: The widths that TMDB has and the pages use, in pixels.
_WIDTHS = (185, 342)

_WORD = re.compile(r"\w+(?:['’]\w+)*")  # noqa: RUF001
_SMALL_WORDS = frozenset(
    {"a", "an", "and", "at", "by", "der", "die", "das", "el", "for", "in", "la", "le", "les"}
    | {"of", "on", "or", "the", "to", "un"}
)
_MOST_INITIALS = 3

#: How many hues the style sheet has (classes h0, h1 ...), and second hues to each (t0, t1 ...).
HUES, TURNS = 24, 4


@dataclass(frozen=True)
class Poster:
    """A poster on TMDB's image server.

    Attributes:
        source: its address, 342 pixels wide.
        sources: each width's, as ``srcset`` takes them.
    """

    source: str
    sources: str


@dataclass(frozen=True)
class Drawing:
    """A drawn poster, 200 wide and 300 high.

    Attributes:
        hue: which of the style sheet's, from 0.
        turn: how far the second hue is from the first, which of the style sheet's, from 0.
        shapes: each shape's tone ("a", "b" or "c") and its path.
        initials: of the title, at most a few characters.
    """

    hue: int
    turn: int
    shapes: tuple[tuple[str, str], ...]
    initials: str


def poster(path: str | None) -> Poster | None:
    """The poster of a TMDB path such as ``/6Ryitt95xrO8KXuqRGm1fUuNwqF.jpg``, if it is one."""
    if path is None or not _POSTER_PATH.fullmatch(path):
        return None
    addresses = [f"{_IMAGES}/w{width}{path}" for width in _WIDTHS]
    pairs = zip(addresses, _WIDTHS, strict=True)
    return Poster(addresses[-1], ", ".join(f"{address} {width}w" for address, width in pairs))


def drawing(film_id: int, title: str) -> Drawing:
    """The drawn poster of a film: always the same for the same film."""
    mixed = film_id * 2_654_435_761 % 2**32  # Knuth's multiplicative hash: neighbours differ
    return Drawing(
        hue=mixed % HUES,
        turn=(mixed >> 7) % TURNS,
        shapes=_MOTIFS[(mixed >> 12) % len(_MOTIFS)],
        initials=initials(title),
    )


def initials(title: str) -> str:
    """The first letters of a title's telling words, or the number that it begins with.

    >>> initials("The Silence of the Lambs"), initials("2001: A Space Odyssey"), initials("…")
    ('SL', '2001', '')
    """
    words: list[str] = _WORD.findall(title)
    words = [word for word in words if word.casefold() not in _SMALL_WORDS] or words
    if words and words[0].isdecimal() and 1 < len(words[0]) <= 4:
        return words[0]
    return "".join(word[0] for word in words[:_MOST_INITIALS]).upper()


def _disc(x: int, y: int, radius: int) -> str:
    return (
        f"M{x - radius} {y}a{radius} {radius} 0 1 0 {2 * radius} 0"
        f"a{radius} {radius} 0 1 0 {-2 * radius} 0z"
    )


def _bar(x: int, y: int, width: int, height: int) -> str:
    return f"M{x} {y}h{width}v{height}h{-width}z"


#: A few pictures that could be of any film.
_MOTIFS = (
    # A sun behind the horizon.
    (("b", _disc(100, 128, 62)), ("a", _bar(0, 150, 200, 150)), ("c", _bar(0, 150, 200, 3))),
    # Rings that rise from below.
    (("a", _disc(100, 300, 190)), ("b", _disc(100, 300, 132)), ("c", _disc(100, 300, 74))),
    # The beam of a projector.
    (
        ("a", "M200 26L0 128v112L200 54z"),
        ("b", "M200 34L0 168v36L200 46z"),
        ("c", _disc(186, 40, 9)),
    ),
    # A moon over two hills.
    (
        ("c", _disc(146, 70, 26)),
        ("a", "M0 196L74 108L168 222L200 190V300H0z"),
        ("b", "M0 262L110 190L200 250V300H0z"),
    ),
    # A striped sun.
    (
        ("b", _disc(100, 120, 70)),
        ("g", _bar(20, 128, 160, 5) + _bar(20, 146, 160, 8) + _bar(20, 166, 160, 12)),
    ),
    # Two that meet.
    (("a", _disc(78, 118, 58)), ("b", _disc(126, 146, 58)), ("c", _disc(102, 132, 7))),
    # A door that is open.
    (
        ("a", "M46 300V122a54 54 0 0 1 108 0V300z"),
        ("b", "M72 300V124a28 28 0 0 1 56 0V300z"),
        ("c", _disc(100, 56, 6)),
    ),
    # An eye, or a lens.
    (
        ("a", "M-6 128Q100 14 206 128Q100 242 -6 128z"),
        ("b", _disc(100, 128, 46)),
        ("g", _disc(100, 128, 20)),
        ("c", _disc(114, 114, 7)),
    ),
    # A city at night.
    (
        ("a", "M0 300V168h40v-52h46v80h30V84h44v70h40V300z"),
        ("b", "M0 300V222h58v-34h40v52h52v-36h50V300z"),
        (
            "c",
            _bar(126, 100, 6, 8)
            + _bar(142, 100, 6, 8)
            + _bar(126, 118, 6, 8)
            + _bar(54, 132, 6, 8),
        ),
    ),
    # The sea.
    (
        ("c", _disc(58, 78, 20)),
        ("a", "M0 150q50-34 100 0t100 0V300H0z"),
        ("b", "M0 206q50-34 100 0t100 0V300H0z"),
    ),
    # A way that leads off.
    (
        ("a", "M0 300L88 120h24L200 300z"),
        ("b", "M74 300L97 120h6L126 300z"),
        ("c", _disc(100, 92, 18)),
    ),
    # Leaves of a shutter.
    (
        ("a", "M100 20L200 128L100 128z" + "M100 236L0 128L100 128z"),
        ("b", "M200 128L100 236L100 128z" + "M0 128L100 20L100 128z"),
        ("g", _disc(100, 128, 30)),
    ),
)
