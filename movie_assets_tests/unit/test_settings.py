"""Settings: each variable, where values come from, and errors that show no value."""

from __future__ import annotations

import os
import re
from pathlib import Path

import pytest

from movie_assets.settings import POPULAR_LIST_LIMIT, Settings, SettingsError, load_settings

EXAMPLE = Path(__file__).parents[2] / ".env.example"
_PREFIXES = ("TMDB_", "MOVIE_ASSETS_", "MOVIELENS_", "API_KEY")


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty working directory, and an environment without settings."""
    for name in os.environ:
        if name.startswith(_PREFIXES):
            monkeypatch.delenv(name)
    monkeypatch.chdir(tmp_path)
    return tmp_path


def variables() -> set[str]:
    """Every variable that Settings reads."""
    found: set[str] = set()
    for field in Settings.model_fields.values():
        alias = field.validation_alias
        found |= {alias} if isinstance(alias, str) else set(alias.choices)  # type: ignore[union-attr]
    return found


def key(settings: Settings) -> str | None:
    return settings.tmdb_api_key.get_secret_value() if settings.tmdb_api_key else None


def test_defaults(folder: Path) -> None:
    settings = load_settings()
    assert settings.tmdb_api_key is None
    assert settings.tmdb_base_url == "https://api.themoviedb.org/3"
    assert settings.tmdb_requests_per_second == 40
    assert settings.source == "sample"
    assert settings.language is None
    assert settings.max_movies == 1000
    assert settings.home == Path("data")
    assert settings.movielens_dir is None
    assert settings.changes_threshold == 20
    assert settings.refresh_after_hours == 36
    assert settings.failure_webhook_url is None
    assert settings.ray_address is None
    assert settings.executor == "in_process"
    assert settings.database == Path("data/movies_data.duckdb")
    assert settings.features_dir == Path("data/features")
    assert settings.dagster_home == folder / "data" / "dagster"


@pytest.mark.parametrize(
    ("variable", "text", "field", "value"),
    [
        ("TMDB_BASE_URL", "http://127.0.0.1:8900/3/", "tmdb_base_url", "http://127.0.0.1:8900/3"),
        ("TMDB_REQUESTS_PER_SECOND", "2.5", "tmdb_requests_per_second", 2.5),
        ("MOVIE_ASSETS_SOURCE", "popular", "source", "popular"),
        ("MOVIE_ASSETS_LANGUAGE", "fr", "language", "fr"),
        ("MOVIE_ASSETS_MAX_MOVIES", "10000", "max_movies", POPULAR_LIST_LIMIT),
        ("MOVIE_ASSETS_HOME", "/srv/films", "home", Path("/srv/films")),
        ("MOVIELENS_DIR", "/srv/ml-32m", "movielens_dir", Path("/srv/ml-32m")),
        ("MOVIE_ASSETS_CHANGES_THRESHOLD", "1", "changes_threshold", 1),
        ("MOVIE_ASSETS_REFRESH_AFTER_HOURS", "0.5", "refresh_after_hours", 0.5),
        ("MOVIE_ASSETS_EXECUTOR", "multiprocess", "executor", "multiprocess"),
        ("MOVIE_ASSETS_RAY_ADDRESS", "auto", "ray_address", "auto"),
        ("MOVIE_ASSETS_RAY_ADDRESS", "ray://head:10001", "ray_address", "ray://head:10001"),
    ],
)
@pytest.mark.parametrize("place", ["environment", ".env"])
def test_each_variable(
    monkeypatch: pytest.MonkeyPatch,
    folder: Path,
    variable: str,
    text: str,
    field: str,
    value: object,
    place: str,
) -> None:
    assert getattr(load_settings(), field) != value
    if place == "environment":
        monkeypatch.setenv(variable, text)
    else:
        (folder / ".env").write_text(f"{variable}={text}\n")
    assert getattr(load_settings(), field) == value


@pytest.mark.parametrize("variable", ["TMDB_API_KEY", "API_KEY"])
@pytest.mark.parametrize(
    "line", ["{}=k3y", "{} = k3y", "{}='k3y'", '{} = "k3y"', "export {}=k3y", "{}=k3y # mine"]
)
def test_the_key_in_a_file(folder: Path, variable: str, line: str) -> None:
    (folder / ".env").write_text(f"# TMDB\n\n{line.format(variable)}\n")
    settings = load_settings()
    assert key(settings) == "k3y"
    assert settings.source == "popular"
    assert settings.language == "en"


@pytest.mark.parametrize(
    "variable", ["TMDB_API_KEY", "API_KEY", "MOVIE_ASSETS_FAILURE_WEBHOOK_URL"]
)
@pytest.mark.parametrize("value", ["", " ", "\t\n"])
def test_a_blank_secret_is_none(monkeypatch: pytest.MonkeyPatch, variable: str, value: str) -> None:
    monkeypatch.setenv(variable, value)
    settings = load_settings()
    assert settings.tmdb_api_key is None
    assert settings.failure_webhook_url is None
    assert settings.source == "sample"


def test_white_space_around_the_key_is_not_part_of_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TMDB_API_KEY", " k3y\n")
    assert key(load_settings()) == "k3y"


def test_our_name_goes_before_the_tutorials(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TMDB_API_KEY", "ours")
    monkeypatch.setenv("API_KEY", "tutorial")
    assert key(load_settings()) == "ours"


@pytest.mark.parametrize("in_environment", ["TMDB_API_KEY", "API_KEY"])
@pytest.mark.parametrize("in_file", ["TMDB_API_KEY", "API_KEY"])
def test_the_environment_goes_before_the_file(
    monkeypatch: pytest.MonkeyPatch, folder: Path, in_environment: str, in_file: str
) -> None:
    (folder / ".env").write_text(f"{in_file}=file\nMOVIE_ASSETS_MAX_MOVIES=5\n")
    assert key(load_settings()) == "file"
    monkeypatch.setenv(in_environment, "environment")
    monkeypatch.setenv("MOVIE_ASSETS_MAX_MOVIES", "6")
    settings = load_settings()
    assert key(settings) == "environment"
    assert settings.max_movies == 6


def test_an_empty_variable_is_as_none(monkeypatch: pytest.MonkeyPatch, folder: Path) -> None:
    (folder / ".env").write_text("MOVIE_ASSETS_MAX_MOVIES=5\nTMDB_BASE_URL=\n")
    monkeypatch.setenv("MOVIE_ASSETS_MAX_MOVIES", "")
    settings = load_settings()
    assert settings.max_movies == 5
    assert settings.tmdb_base_url == "https://api.themoviedb.org/3"


@pytest.mark.parametrize("name", ["HOME", "home", "MAX_MOVIES", "movie_assets_home", "SOURCE"])
def test_other_variables_are_not_taken_for_ours(monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    expected = load_settings()
    monkeypatch.setenv(name, "/somewhere/else")
    assert load_settings() == expected


def test_the_users_home_may_be_named_in_the_file(
    monkeypatch: pytest.MonkeyPatch, folder: Path
) -> None:
    monkeypatch.setenv("HOME", "/home/somebody")
    (folder / ".env").write_text("MOVIE_ASSETS_HOME=~/films\nMOVIELENS_DIR=~/ml-32m\n")
    assert load_settings().database == Path("/home/somebody/films/movies_data.duckdb")
    assert load_settings().movielens_dir == Path("/home/somebody/ml-32m")


def test_a_home_below_a_folder_that_dagster_takes_for_a_pattern(
    monkeypatch: pytest.MonkeyPatch, folder: Path
) -> None:
    (folder / "films [1]").mkdir()
    monkeypatch.chdir(folder / "films [1]")
    with pytest.raises(SettingsError, match=r"^MOVIE_ASSETS_HOME: .* \[ \] \* \?\. Change it"):
        load_settings()
    monkeypatch.setenv("MOVIE_ASSETS_HOME", str(folder / "films"))
    assert load_settings().home == folder / "films"


@pytest.mark.parametrize(
    ("source", "with_key", "language", "expected"),
    [
        (None, False, None, ("sample", None)),
        (None, True, None, ("popular", "en")),
        ("sample", True, None, ("sample", None)),
        ("popular", False, None, ("popular", "en")),
        ("popular", True, "all", ("popular", None)),
        ("sample", False, "fr", ("sample", "fr")),
        ("popular", True, "de", ("popular", "de")),
    ],
)
def test_source_and_language(
    monkeypatch: pytest.MonkeyPatch,
    source: str | None,
    with_key: bool,
    language: str | None,
    expected: tuple[str, str | None],
) -> None:
    monkeypatch.setenv("MOVIE_ASSETS_SOURCE", source or "")
    monkeypatch.setenv("TMDB_API_KEY", "k3y" if with_key else "")
    monkeypatch.setenv("MOVIE_ASSETS_LANGUAGE", language or "")
    settings = load_settings()
    assert (settings.source, settings.language) == expected


BAD = "s3cr3t-v4lu3"


@pytest.mark.parametrize(
    ("variable", "value"),
    [
        ("TMDB_BASE_URL", BAD),
        ("TMDB_BASE_URL", "http://"),
        ("TMDB_BASE_URL", "https:///3"),
        ("TMDB_BASE_URL", f"ftp://{BAD}"),
        ("TMDB_REQUESTS_PER_SECOND", BAD),
        ("TMDB_REQUESTS_PER_SECOND", "0"),
        ("TMDB_REQUESTS_PER_SECOND", "-4321"),
        ("TMDB_REQUESTS_PER_SECOND", "nan"),
        ("TMDB_REQUESTS_PER_SECOND", "inf"),
        ("MOVIE_ASSETS_SOURCE", BAD),
        ("MOVIE_ASSETS_SOURCE", "SAMPLE"),
        ("MOVIE_ASSETS_LANGUAGE", BAD),
        ("MOVIE_ASSETS_LANGUAGE", "EN"),
        ("MOVIE_ASSETS_LANGUAGE", "english"),
        ("MOVIE_ASSETS_LANGUAGE", "en\n"),
        ("MOVIE_ASSETS_MAX_MOVIES", BAD),
        ("MOVIE_ASSETS_MAX_MOVIES", "0"),
        ("MOVIE_ASSETS_MAX_MOVIES", "10001"),
        ("MOVIE_ASSETS_MAX_MOVIES", "7.5"),
        ("MOVIE_ASSETS_CHANGES_THRESHOLD", "0"),
        ("MOVIE_ASSETS_CHANGES_THRESHOLD", BAD),
        ("MOVIE_ASSETS_REFRESH_AFTER_HOURS", "0"),
        ("MOVIE_ASSETS_REFRESH_AFTER_HOURS", "0.01"),
        ("MOVIE_ASSETS_REFRESH_AFTER_HOURS", "inf"),
        ("MOVIE_ASSETS_REFRESH_AFTER_HOURS", "1e300"),
        ("MOVIE_ASSETS_FAILURE_WEBHOOK_URL", BAD),
        ("MOVIE_ASSETS_FAILURE_WEBHOOK_URL", f"hooks.example.org/{BAD}"),
        ("MOVIE_ASSETS_EXECUTOR", BAD),
        ("MOVIE_ASSETS_RAY_ADDRESS", BAD),
        ("MOVIE_ASSETS_RAY_ADDRESS", f"http://{BAD}:6379"),
        *[("MOVIE_ASSETS_HOME", f"{BAD}/{character}/films") for character in "[]*?"],
    ],
)
def test_a_bad_value_is_named_and_not_shown(
    monkeypatch: pytest.MonkeyPatch, variable: str, value: str
) -> None:
    monkeypatch.setenv(variable, value)
    with pytest.raises(SettingsError, match=rf"^{variable}: .*\.env\.example") as raised:
        load_settings()
    assert BAD not in str(raised.value)
    assert raised.value.__cause__ is None
    assert raised.value.__suppress_context__  # pydantic's error is not printed beside it


def test_all_bad_values_are_named_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MOVIE_ASSETS_MAX_MOVIES", "none")
    monkeypatch.setenv("MOVIE_ASSETS_SOURCE", "none")
    with pytest.raises(SettingsError, match=r"MOVIE_ASSETS_SOURCE: .*; MOVIE_ASSETS_MAX_MOVIES: "):
        load_settings()


def test_the_longest_and_the_shortest_age_make_a_freshness_policy(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    from movie_assets.automation import with_policies  # noqa: PLC0415

    for hours in ("0.1", "87600"):
        monkeypatch.setenv("MOVIE_ASSETS_REFRESH_AFTER_HOURS", hours)
        assert list(with_policies([], load_settings())) == []


@pytest.mark.parametrize("content", ["TMDB_API_KEY=k3y\n".encode("utf-16"), b"TMDB_API_KEY=\xff"])
def test_a_file_that_is_not_utf_8(folder: Path, content: bytes) -> None:
    (folder / ".env").write_bytes(content)
    with pytest.raises(SettingsError, match=r"\.env is not in UTF-8") as raised:
        load_settings()
    assert "k3y" not in str(raised.value)
    assert raised.value.__suppress_context__


def test_secrets_do_not_show(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TMDB_API_KEY", BAD)
    monkeypatch.setenv("MOVIE_ASSETS_FAILURE_WEBHOOK_URL", f"https://hooks.example.org/{BAD}")
    settings = load_settings()
    assert key(settings) == BAD
    for shown in (repr(settings), str(settings), settings.model_dump_json()):
        assert BAD not in shown


def test_a_bad_value_does_not_show_in_a_traceback_either() -> None:
    with pytest.raises(ValueError, match="MOVIE_ASSETS_MAX_MOVIES") as raised:
        Settings(MOVIE_ASSETS_MAX_MOVIES=BAD)  # type: ignore[arg-type]
    assert BAD not in str(raised.value)


def test_settings_do_not_change(monkeypatch: pytest.MonkeyPatch) -> None:
    settings = load_settings()
    with pytest.raises(ValueError, match="frozen"):
        settings.max_movies = 5  # type: ignore[misc]


def test_the_example_names_exactly_the_variables_that_are_read() -> None:
    named = re.findall(r"^# ?([A-Z][A-Z_]*)=", EXAMPLE.read_text(encoding="utf-8"), re.MULTILINE)
    assert len(named) == len(set(named))
    assert set(named) == variables()


def test_the_example_copied_as_it_is_changes_nothing(folder: Path) -> None:
    expected = load_settings()
    (folder / ".env").write_bytes(EXAMPLE.read_bytes())
    assert load_settings() == expected


def test_the_defaults_in_the_example_are_the_defaults(folder: Path) -> None:
    expected = load_settings()
    lines = re.findall(
        r"^# ?([A-Z][A-Z_]*=\S+)$", EXAMPLE.read_text(encoding="utf-8"), re.MULTILINE
    )
    assert len(lines) >= 7
    (folder / ".env").write_text("\n".join(lines))
    assert load_settings() == expected
