"""The key is found in whatever form it was written."""

from __future__ import annotations

import json
import logging
from urllib.parse import quote, quote_plus

import pytest

from movie_assets.tmdb import redact
from movie_assets.tmdb.redact import redact_http_logs

KEY = "S3ntinel/+=&k€y"


@pytest.mark.parametrize(
    "written",
    [
        KEY,
        KEY.upper(),
        quote(KEY),
        quote(KEY, safe=""),
        quote(KEY, safe="").lower(),
        quote_plus(KEY),
        quote(quote(KEY, safe="")),
        json.dumps(KEY)[1:-1],
        repr({"k": KEY}),
    ],
)
def test_a_known_secret_goes_in_every_form(written: str) -> None:
    clean = redact(f"before {written} after", [KEY])
    assert clean.startswith("before ")
    assert clean.endswith(" after")
    assert "ntinel" not in clean.lower()


@pytest.mark.parametrize(
    "text",
    [
        "/3/movie/popular?api_key=SECRET&page=2",
        "https://proxy/?u=https%3A%2F%2Fx%2F%3Fapi_key%3DSECRET%26page%3D2",
        "api_key%253DSECRET",
        "{'api_key': 'SECRET', 'page': 2}",
        '{"api_key": "SECRET"}',
        "API_KEY=SECRET",
        "apikey: SECRET",
        "Authorization: Bearer SECRET",
        "authorization=bearer%20SECRET",
        "{'Authorization': 'Bearer SECRET'}",
    ],
)
def test_an_unknown_secret_goes_by_its_place(text: str) -> None:
    assert "SECRET" not in redact(text)


def test_the_rest_stays() -> None:
    assert redact("GET /3/movie/popular?api_key=x&page=2 -> 401", ["", "none"]) == (
        "GET /3/movie/popular?api_key=[redacted]&page=2 -> 401"
    )


def test_http_logs_are_redacted_once_for_all_handlers(caplog: pytest.LogCaptureFixture) -> None:
    redact_http_logs()
    redact_http_logs()
    logger = logging.getLogger("urllib3.connectionpool")
    with caplog.at_level(logging.DEBUG, logger.name):
        logger.debug('%s "GET %s"', "http://x", "/3?api_key=SECRET&page=1")
        try:
            raise ValueError("/3?api_key=SECRET")
        except ValueError:
            logger.warning("Failed to parse headers (url=%s)", "?api_key=SECRET", exc_info=True)
    assert "SECRET" not in caplog.text
    assert "page=1" in caplog.text
    assert "ValueError" in caplog.text
    assert len(logger.filters) == len(set(logger.filters))
