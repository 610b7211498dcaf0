"""Every setting of the project: its environment variable, its default and its meaning.

Nothing else in the project reads the environment. Settings come from environment variables, then
from a ``.env`` file in the working directory, then from the defaults below. ``.env.example`` lists
them all. What a setting *does* belongs to the room that uses it.
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import Literal

from pydantic import AliasChoices, Field, SecretStr, ValidationError, field_validator
from pydantic_settings import BaseSettings, SettingsConfigDict

#: TMDB serves at most 500 pages of 20 films of any list.
POPULAR_LIST_LIMIT = 10_000

_HTTP_URL = re.compile(r"https?://[^/?#\s]+")

#: One can be guessed that is shorter.
_SHORTEST_KEY = 16
_HEADER_VALUE = re.compile(r"[\x21-\x7e]+")
_ORIGIN = re.compile(r"https?://[^/?#\s]+")

_PATTERN_CHARACTERS = "[]*?"

Source = Literal["sample", "popular", "catalogue"]


class SettingsError(ValueError):
    """A setting has a value that cannot be used; the message names the variable."""


class Settings(BaseSettings):
    """The settings of one process, checked.

    Raises:
        pydantic.ValidationError: where a value cannot be used; :func:`load_settings` turns it into
            a :class:`SettingsError` that a person can act on.
    """

    model_config = SettingsConfigDict(
        env_file=".env",
        env_file_encoding="utf-8",
        env_ignore_empty=True,
        extra="ignore",
        frozen=True,
        case_sensitive=True,
        hide_input_in_errors=True,  # a mistyped key must not show up in a traceback
    )

    tmdb_api_key: SecretStr | None = Field(
        default=None,
        validation_alias=AliasChoices("TMDB_API_KEY", "API_KEY"),
        description="TMDB's v3 API key or v4 read access token; API_KEY is read too.",
    )
    tmdb_base_url: str = Field(
        default="https://api.themoviedb.org/3",
        validation_alias="TMDB_BASE_URL",
        description="Where TMDB's v3 API is.",
    )
    tmdb_exports_url: str = Field(
        default="https://files.tmdb.org/p/exports",
        validation_alias="TMDB_EXPORTS_URL",
        description="Where TMDB's daily exports of ids are.",
    )
    tmdb_requests_per_second: float = Field(
        default=40.0,
        gt=0,
        le=1000,
        validation_alias="TMDB_REQUESTS_PER_SECOND",
        description="The most requests a second that are sent to TMDB, by all processes together "
        "that share MOVIE_ASSETS_HOME.",
    )
    chosen_source: Source | None = Field(
        default=None,
        validation_alias="MOVIE_ASSETS_SOURCE",
        description="'sample' (the bundled films), 'popular' (TMDB's popular list) or 'catalogue' "
        "(every film that TMDB has); by default 'popular' where there is a key, else 'sample'.",
    )
    chosen_language: str | None = Field(
        default=None,
        validation_alias="MOVIE_ASSETS_LANGUAGE",
        pattern=r"^([a-z]{2}|all)$",
        description="Original language of the films, as an ISO 639-1 code, or 'all'; by default "
        "'en' of the popular list, else 'all'.",
    )
    max_movies: int = Field(
        default=1000,
        ge=1,
        le=POPULAR_LIST_LIMIT,
        validation_alias="MOVIE_ASSETS_MAX_MOVIES",
        description="How many films to take from the popular list, which ends at 10,000.",
    )
    min_popularity: float = Field(
        default=0.0,
        ge=0,
        validation_alias="MOVIE_ASSETS_MIN_POPULARITY",
        description="Of the catalogue, films with less of TMDB's popularity are left out.",
    )
    include_adult: bool = Field(
        default=False,
        validation_alias="MOVIE_ASSETS_INCLUDE_ADULT",
        description="Whether films that TMDB marks as adult are taken from the catalogue.",
    )
    include_video: bool = Field(
        default=False,
        validation_alias="MOVIE_ASSETS_INCLUDE_VIDEO",
        description="Whether what TMDB counts as a video and not a film is taken from the "
        "catalogue.",
    )
    renew_after_days: float = Field(
        default=30.0,
        ge=1,
        le=180,
        validation_alias="MOVIE_ASSETS_RENEW_AFTER_DAYS",
        description="A film of the catalogue is asked for again after so long, changed or not: "
        "TMDB does not count votes among changes, and its terms let nobody keep data for longer "
        "than six months.",
    )
    rebuild_after_days: float = Field(
        default=7.0,
        gt=0,
        le=365,
        validation_alias="MOVIE_ASSETS_REBUILD_AFTER_DAYS",
        description="Of the catalogue, features are learned anew after so long; until then only "
        "changed films are worked out.",
    )
    rebuild_share: float = Field(
        default=0.1,
        ge=0,
        le=1,
        validation_alias="MOVIE_ASSETS_REBUILD_SHARE",
        description="Of the catalogue, features are learned anew where more than this share of "
        "the films changed since.",
    )
    home: Path = Field(
        default=Path("data"),
        validation_alias="MOVIE_ASSETS_HOME",
        description="The folder of everything that the project writes.",
    )
    movielens_dir: Path | None = Field(
        default=None,
        validation_alias="MOVIELENS_DIR",
        description="The folder of a MovieLens release (ratings.csv and links.csv), for films "
        "that the same people like; by default none.",
    )
    changes_threshold: int = Field(
        default=20,
        ge=1,
        validation_alias="MOVIE_ASSETS_CHANGES_THRESHOLD",
        description="tmdb_changes_sensor asks for a refresh when this many of our films changed.",
    )
    refresh_after_hours: float = Field(
        default=36.0,
        ge=0.1,  # Dagster's freshness policies count in minutes
        le=87_600,
        validation_alias="MOVIE_ASSETS_REFRESH_AFTER_HOURS",
        description="Older data counts as stale: `movie-assets build` asks the source again and "
        "the freshness policies fail.",
    )
    ray_address: str | None = Field(
        default=None,
        validation_alias="MOVIE_ASSETS_RAY_ADDRESS",
        pattern=r"^(auto|(ray://)?[^/\s]+:[0-9]+)$",
        description="A Ray cluster to find neighbours on: 'auto', host:port or ray://host:port; "
        "without one this machine does it.",
    )
    failure_webhook_url: SecretStr | None = Field(
        default=None,
        validation_alias="MOVIE_ASSETS_FAILURE_WEBHOOK_URL",
        description="Where a failed run is posted to as JSON (Slack's shape: a 'text').",
    )
    executor: Literal["in_process", "multiprocess"] = Field(
        default="in_process",
        validation_alias="MOVIE_ASSETS_EXECUTOR",
        description="How Dagster runs the steps of a run; DuckDB has one writer, so more "
        "processes seldom help.",
    )

    api_host: str = Field(
        default="127.0.0.1",
        validation_alias="MOVIE_API_HOST",
        pattern=r"^\S+$",
        description="The address that `movie-assets serve` listens on; 0.0.0.0 for every one.",
    )
    api_port: int = Field(
        default=8000,
        ge=1,
        le=65_535,
        validation_alias="MOVIE_API_PORT",
        description="The port that it listens on.",
    )
    api_workers: int = Field(
        default=1,
        ge=1,
        le=256,
        validation_alias="MOVIE_API_WORKERS",
        description="How many processes answer; they share the snapshot's memory.",
    )
    chosen_api_keys: SecretStr | None = Field(
        default=None,
        validation_alias="MOVIE_API_KEYS",
        description="Keys, with commas between them: a request needs one of them. By default "
        "none is asked for.",
    )
    chosen_api_cors_origins: str = Field(
        default="",
        validation_alias="MOVIE_API_CORS_ORIGINS",
        description="Origins whose web pages may call the API, with commas between them, or '*'.",
    )
    api_rate_limit: str | None = Field(
        default=None,
        validation_alias="MOVIE_API_RATE_LIMIT",
        pattern=r"^[1-9][0-9]{0,8}/(second|minute|hour|day)$",
        description="The most requests of one key, or of one address where there are no keys, in "
        "one worker.",
    )
    api_max_body_bytes: int = Field(
        default=4_194_304,
        ge=1024,
        le=1 << 30,
        validation_alias="MOVIE_API_MAX_BODY_BYTES",
        description="The largest body of JSON that is read.",
    )
    api_max_upload_bytes: int = Field(
        default=20_000_000,
        ge=1024,
        le=1 << 30,
        validation_alias="MOVIE_API_MAX_UPLOAD_BYTES",
        description="The largest export file that is read.",
    )
    api_cache_seconds: int = Field(
        default=60,
        ge=0,
        le=31_536_000,
        validation_alias="MOVIE_API_CACHE_SECONDS",
        description="How long browsers and proxies may keep an answer before they ask again.",
    )
    api_access_log: bool = Field(
        default=True,
        validation_alias="MOVIE_API_ACCESS_LOG",
        description="Whether each request is written to stdout, as a line of JSON.",
    )
    api_trusted_proxies: str = Field(
        default="",
        validation_alias="MOVIE_API_TRUSTED_PROXIES",
        description="Addresses of proxies, with commas between them, whose X-Forwarded-For is "
        "believed; '*' for all.",
    )

    @field_validator("tmdb_base_url", "tmdb_exports_url")
    @classmethod
    def _is_http(cls, url: str) -> str:
        return _http_url(url).rstrip("/")

    @field_validator("tmdb_api_key", "failure_webhook_url", "chosen_api_keys")
    @classmethod
    def _is_not_blank(cls, secret: SecretStr | None) -> SecretStr | None:
        if secret is None or not secret.get_secret_value().strip():
            return None
        return SecretStr(secret.get_secret_value().strip())

    @field_validator("failure_webhook_url")
    @classmethod
    def _is_secret_http(cls, url: SecretStr | None) -> SecretStr | None:
        return url and SecretStr(_http_url(url.get_secret_value()))

    @field_validator("chosen_api_keys")
    @classmethod
    def _are_keys(cls, keys: SecretStr | None) -> SecretStr | None:
        for key in _listed(keys.get_secret_value()) if keys else ():
            if len(key) < _SHORTEST_KEY or not _HEADER_VALUE.fullmatch(key):
                raise ValueError(
                    f"each key must have at least {_SHORTEST_KEY} characters, and only letters, "
                    "digits and signs of ASCII"
                )
        return keys

    @field_validator("chosen_api_cors_origins")
    @classmethod
    def _are_origins(cls, origins: str) -> str:
        for origin in _listed(origins):
            if origin != "*" and not _ORIGIN.fullmatch(origin):
                raise ValueError(
                    "each must be '*' or an origin such as https://films.example.org, without a "
                    "path"
                )
        return origins

    @field_validator("home")
    @classmethod
    def _is_at_home(cls, home: Path) -> Path:
        home = home.expanduser()  # no shell does so for what stands in .env
        # Dagster takes its home for a pattern, finds no dagster.yaml by it, and then goes by its
        # own defaults without a word: it sends telemetry, among others.
        if set(_PATTERN_CHARACTERS) & set(str(home.absolute())):
            raise ValueError(
                "must be a folder whose whole path has none of the characters "
                f"{' '.join(_PATTERN_CHARACTERS)}"
            )
        return home

    @field_validator("movielens_dir")
    @classmethod
    def _is_a_users(cls, folder: Path | None) -> Path | None:
        return folder and folder.expanduser()

    @property
    def source(self) -> Source:
        """Where the films come from."""
        return self.chosen_source or ("popular" if self.tmdb_api_key else "sample")

    @property
    def language(self) -> str | None:
        """The original language that is asked for; None for all.

        The bundled films are few and chosen for their variety, and the catalogue is every film that
        there is: so of both all are taken unless a language was asked for.
        """
        language = self.chosen_language or ("en" if self.source == "popular" else "all")
        return None if language == "all" else language

    @property
    def database(self) -> Path:
        """The DuckDB file."""
        return self.home / "movies_data.duckdb"

    @property
    def features_dir(self) -> Path:
        """The folder of the feature matrices."""
        return self.home / "features"

    @property
    def published_dir(self) -> Path:
        """The folder of the snapshots."""
        return self.home / "published"

    @property
    def reports_dir(self) -> Path:
        """The folder of the analysis' report."""
        return self.home / "reports"

    @property
    def api_keys(self) -> tuple[SecretStr, ...]:
        """The keys of the API; none where it is open."""
        keys = self.chosen_api_keys.get_secret_value() if self.chosen_api_keys else ""
        return tuple(SecretStr(key) for key in _listed(keys))

    @property
    def api_cors_origins(self) -> tuple[str, ...]:
        """The origins whose web pages may call the API."""
        return _listed(self.chosen_api_cors_origins)

    @property
    def running_dir(self) -> Path:
        """The folder of the locks that show which builds are alive."""
        return self.home / "running"

    @property
    def incoming_dir(self) -> Path:
        """The folder where fetched films are kept until the database has them."""
        return self.home / "incoming"

    @property
    def dagster_home(self) -> Path:
        """The folder of Dagster's run history; absolute, since Dagster asks for that."""
        return (self.home / "dagster").absolute()


def load_settings() -> Settings:
    """Read the settings from the environment and ``.env``.

    Raises:
        SettingsError: naming each variable with an unusable value; no value is shown, since it may
            be a secret.
    """
    try:
        return Settings()
    except UnicodeDecodeError:
        raise SettingsError("The file .env is not in UTF-8. Save it again in UTF-8.") from None
    except ValidationError as error:
        problems = "; ".join(
            f"{_variable(str(problem['loc'][0]))}: {problem['msg'].removeprefix('Value error, ')}"
            for problem in error.errors()
        )
        raise SettingsError(
            f"{problems}. Change it in the environment or in .env (see .env.example)."
        ) from None


def _http_url(url: str) -> str:
    if not _HTTP_URL.match(url):
        raise ValueError("must begin with http:// or https:// and a host")
    return url


def _listed(text: str) -> tuple[str, ...]:
    """What stands between commas."""
    return tuple(part.strip() for part in text.split(",") if part.strip())


def _variable(location: str) -> str:
    field = Settings.model_fields.get(location)
    alias = field.validation_alias if field else None
    return alias if isinstance(alias, str) else location
