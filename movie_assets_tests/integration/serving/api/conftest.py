"""What the API's tests share: one server for all that only ask."""

from __future__ import annotations

from collections.abc import Iterator

import httpx
import pytest

from movie_assets_tests.api_server import ApiServer, serving_api, write_home


@pytest.fixture(scope="session")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ApiServer]:
    with serving_api(write_home(tmp_path_factory.mktemp("api"))) as running:
        yield running


@pytest.fixture
def client(server: ApiServer) -> httpx.Client:
    return server.client
