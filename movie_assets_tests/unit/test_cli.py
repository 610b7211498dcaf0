"""What the command shows of films whose titles could mean something to a terminal."""

from __future__ import annotations

from pathlib import Path

import pytest

from movie_assets import cli
from movie_assets.build import AssetOutcome, BuildReport
from movie_assets.lookup import Film, Recommendation, Recommendations
from movie_assets.settings import Settings


def film(title: str, *genres: str) -> Film:
    return Film(1, title, None, 1999, 1.0, 5.0, 10, genres)


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
    cli._show_recommendations(Recommendations(film(title, title), (film(title),), (found,)))
    out, err = capsys.readouterr()
    assert f"Films like {shown} (1999)  {shown}" in out
    assert f"--year 1999 for {shown} (1999)" in err
    row = next(line for line in out.splitlines() if line.startswith("1 "))
    assert row.count(shown) == 2
    assert "\x1b" not in out + err


def test_a_home_and_an_error_are_shown_as_they_are(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    settings = Settings(_env_file=None, MOVIE_ASSETS_HOME=tmp_path / ":smile: \x1b")
    ran = AssetOutcome("genres_table", "ran", seconds=1.0)
    cli._show_build(BuildReport((ran,), 1.0), settings)
    assert f"into {tmp_path}/:smile:  /movies_data.duckdb." in capsys.readouterr().out
    failed = AssetOutcome("genres_table", "failed", error="[/x] \x1b:smile:")
    cli._show_build(BuildReport((failed,), 1.0), settings)
    assert "genres_table: [/x]  :smile:" in capsys.readouterr().err


def test_an_error_is_one_line(capsys: pytest.CaptureFixture[str]) -> None:
    cli._tell(OSError("[/x]\n\x1b:smile:"))
    assert capsys.readouterr().err == "Error: [/x] :smile:\n"
