"""What lists look like: on terminals of any width, and of data that could mean something to one."""

from __future__ import annotations

import pytest
from rich.console import Console

from movie_assets import recommend
from movie_assets.lookup import Film, Recommendation, Recommendations
from movie_assets.recommend import in_words, show_recommendations

LONG = "The Lord of the Rings: The Fellowship of the Ring"
REASONS = ("directed by Peter Jackson", "with Ian McKellen", "with Elijah Wood", "based on a novel")


def film(title: str, *genres: str) -> Film:
    return Film(1, title, None, 1999, 1.0, 5.0, 10, genres)


def lines_of(
    width: int,
    found: list[Recommendation],
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> list[str]:
    monkeypatch.setattr(recommend, "_out", Console(width=width, highlight=False, emoji=False))
    show_recommendations(Recommendations(film("Heat", "Crime"), (), tuple(found)))
    return capsys.readouterr().out.splitlines()


@pytest.mark.parametrize(
    ("title", "shown"),
    [
        ("[/bold] x", "[/bold] x"),
        ("[red]r[/red]", "[red]r[/red]"),
        (":smile:", ":smile:"),
        ("one\x1b[31m\ntwo\u202eeno", "one [31m two eno"),
    ],
)
def test_titles_are_shown_as_they_are(
    title: str, shown: str, capsys: pytest.CaptureFixture[str]
) -> None:
    found = Recommendation(1, film(title), 0.5, (title,))
    show_recommendations(Recommendations(film(title, title), (film(title),), (found,)))
    out, err = capsys.readouterr()
    assert f"Films like {shown} (1999)  {shown}" in out
    assert f"--year 1999 for {shown} (1999)" in err
    row = next(line for line in out.splitlines() if line.strip().startswith("1 "))
    assert row.count(shown) == 2
    assert "\x1b" not in out + err


@pytest.mark.parametrize("width", [60, 80, 120])
def test_films_can_be_read_and_reasons_are_cut(
    width: int, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    found = [
        Recommendation(1, film("The Shawshank Redempt"), 0.5, REASONS),
        Recommendation(2, film(LONG), 0.25, ("magic",)),
    ]
    lines = lines_of(width, found, monkeypatch, capsys)
    assert all(len(line) <= width for line in lines)
    first = next(line for line in lines if line.split()[:1] == ["1"])
    assert "The Shawshank Redempt (1999)  " in first
    assert first.rstrip().endswith("…")
    second = next(line for line in lines if line.split()[:1] == ["2"])
    assert "The Lord of the Rings: The" in second
    assert "0.250    5.0  magic" in second


def test_a_terminal_too_narrow_for_reasons_has_none(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    lines = lines_of(40, [Recommendation(1, film("Casino"), 0.5, REASONS)], monkeypatch, capsys)
    assert all(len(line) <= 40 for line in lines)
    assert not any("because" in line for line in lines)
    assert any("Casino (1999)" in line for line in lines)


def test_reasons_and_wide_letters_get_the_room_they_need(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    found = [
        Recommendation(1, film("千と千尋の神隠し"), 0.5, ("magic",)),
        Recommendation(2, film("Ran"), 0.25, ()),
    ]
    lines = lines_of(80, found, monkeypatch, capsys)
    [first, second] = lines[-2:]
    assert first.rstrip() == "1  千と千尋の神隠し (1999)  0.500    5.0  magic"
    assert second.rstrip() == "2  Ran (1999)               0.250    5.0"


def test_a_list_without_films_says_so(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert lines_of(80, [], monkeypatch, capsys)[-1].startswith("There is no such film.")


@pytest.mark.parametrize(
    ("reasons", "words"),
    [
        ((), ""),
        (("magic", "Drama"), "magic, Drama"),
        (REASONS[:3], "directed by Peter Jackson, with Ian McKellen and Elijah Wood"),
        (("with A", "with B", "written by C"), "with A and B, written by C"),
        (
            ("liked by the same people", "with A", "Drama"),
            "with A, Drama, liked by the same people",
        ),
        (("liked by the same people",), "liked by the same people"),
    ],
)
def test_reasons_in_words(reasons: tuple[str, ...], words: str) -> None:
    assert in_words(reasons) == words
