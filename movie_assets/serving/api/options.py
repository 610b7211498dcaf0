"""What the API can be told: values only. Where they come from is for ``movie_assets.settings``."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path

    from pydantic import SecretStr


@dataclass(frozen=True)
class ServingSettings:
    """The settings of one application.

    Attributes:
        published_dir: the folder that ``current`` is in.
        api_keys: one of these is asked for, where there are any.
        cors_origins: web pages of these origins may call the API.
        rate_limit: for each key or address, as ``"100/minute"``; None for no limit.
        max_body_bytes: the largest body of JSON.
        max_upload_bytes: the largest export file.
        cache_seconds: how long an answer may be kept before it is asked for again.
        access_log: whether each request is written to stdout, as a line of JSON.
        poll_seconds: how often ``current`` is looked at.
        threads: for work that takes milliseconds.
    """

    published_dir: Path
    api_keys: tuple[SecretStr, ...] = ()
    cors_origins: tuple[str, ...] = ()
    rate_limit: str | None = None
    max_body_bytes: int = 4 << 20
    max_upload_bytes: int = 20_000_000
    cache_seconds: int = 60
    access_log: bool = True
    poll_seconds: float = 0.5
    threads: int = 2
