"""The API's settings, from the environment to what the application is told."""

from __future__ import annotations

from pathlib import Path

import pytest

from movie_assets.settings import SettingsError, load_settings

KEY, OTHER = "0123456789abcdef-SENTINEL", "fedcba9876543210-SENTINEL"


@pytest.fixture(autouse=True)
def _alone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


def test_nothing_is_asked_for_and_nobody_else_may_call_by_default() -> None:
    settings = load_settings()
    assert settings.api_keys == ()
    assert settings.api_cors_origins == ()
    assert settings.api_rate_limit is None
    assert (settings.api_host, settings.api_port, settings.api_workers) == ("127.0.0.1", 8000, 1)


def test_keys_stand_between_commas_and_do_not_show(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MOVIE_API_KEYS", f" {KEY}, {OTHER},, ")
    settings = load_settings()
    assert [key.get_secret_value() for key in settings.api_keys] == [KEY, OTHER]
    assert "SENTINEL" not in repr(settings) + str(settings.api_keys)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("MOVIE_API_KEYS", "short-SENTINEL"),
        ("MOVIE_API_KEYS", f"{KEY},short-SENTINEL"),
        ("MOVIE_API_KEYS", "with a space-SENTINEL"),
        ("MOVIE_API_KEYS", "schlüssel-0123456789-SENTINEL"),
        ("MOVIE_API_CORS_ORIGINS", "films.example.org"),
        ("MOVIE_API_CORS_ORIGINS", "https://films.example.org/path"),
        ("MOVIE_API_RATE_LIMIT", "100"),
        ("MOVIE_API_RATE_LIMIT", "0/minute"),
        ("MOVIE_API_RATE_LIMIT", "100/fortnight"),
        ("MOVIE_API_PORT", "65536"),
        ("MOVIE_API_WORKERS", "0"),
        ("MOVIE_API_MAX_BODY_BYTES", "10"),
        ("MOVIE_API_CACHE_SECONDS", "-1"),
        ("MOVIE_API_ACCESS_LOG", "perhaps"),
    ],
)
def test_what_cannot_be_used_is_named_and_not_shown(
    monkeypatch: pytest.MonkeyPatch, name: str, value: str
) -> None:
    monkeypatch.setenv(name, value)
    with pytest.raises(SettingsError, match=name) as raised:
        load_settings()
    assert "SENTINEL" not in str(raised.value)


def test_origins(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MOVIE_API_CORS_ORIGINS", "https://a.example.org, http://localhost:5173")
    assert load_settings().api_cors_origins == ("https://a.example.org", "http://localhost:5173")
