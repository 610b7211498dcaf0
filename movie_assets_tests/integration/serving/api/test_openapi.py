"""The API keeps to its own OpenAPI: schemathesis makes up the requests, the same ones each time."""

from __future__ import annotations

from typing import Any

import httpx
import orjson
import pytest
import schemathesis
from hypothesis import HealthCheck, given, settings
from hypothesis.errors import Unsatisfiable
from schemathesis.specs.openapi.checks import positive_data_acceptance

from movie_assets.serving.api import examples, models
from movie_assets_tests.api_server import ApiServer

#: What is well formed may still be of no use: a genre that no film has, a picture for an export.
EXCLUDED = [positive_data_acceptance]
EXAMPLES = (
    (models.Welcome, examples.WELCOME),
    (models.TutorialAsked, examples.TUTORIAL_ASKED),
    (models.TutorialAnswered, examples.TUTORIAL),
    (models.FilmsFound, examples.FOUND),
    (models.FilmFull, examples.FULL),
    (models.SimilarFilms, examples.SIMILAR),
    (models.TasteAsked, examples.TASTE_ASKED),
    (models.TasteAnswered, examples.TASTE),
    (models.Imported, examples.IMPORTED),
    (models.Healthy, examples.HEALTHY),
    (models.Ready, examples.READY),
)


OPERATIONS = (
    ("GET", "/"),
    ("POST", "/recommendations/"),
    ("GET", "/v1/movies"),
    ("GET", "/v1/movies/{movie_id}"),
    ("GET", "/v1/movies/{movie_id}/similar"),
    ("POST", "/v1/recommendations"),
    ("POST", "/v1/import"),
    ("GET", "/health"),
    ("GET", "/ready"),
    ("GET", "/metrics"),
)


@pytest.fixture(scope="module")
def document(server: ApiServer) -> Any:
    return server.client.get("/openapi.json").json()


@pytest.fixture(scope="module")
def schema(server: ApiServer) -> Any:
    return schemathesis.openapi.from_url(f"http://127.0.0.1:{server.port}/openapi.json")


@pytest.mark.parametrize(("method", "path"), OPERATIONS)
@pytest.mark.parametrize("mode", list(schemathesis.GenerationMode), ids=lambda mode: mode.value)
def test_answers_are_as_declared(schema: Any, mode: Any, method: str, path: str) -> None:
    operation = schema[path][method]

    @given(case=operation.as_strategy(generation_mode=mode))
    @settings(
        max_examples=25,
        deadline=None,
        derandomize=True,
        database=None,
        suppress_health_check=list(HealthCheck),
    )
    def ask(case: Any) -> None:
        case.call_and_validate(excluded_checks=EXCLUDED)

    try:
        ask()
    except Unsatisfiable:
        assert mode is schemathesis.GenerationMode.NEGATIVE  # there is nothing to get wrong


def test_every_call_has_an_example(document: Any) -> None:
    asked = {
        f"{method.upper()} {path}": operation
        for path, operations in document["paths"].items()
        for method, operation in operations.items()
    }
    assert set(asked) == {f"{method} {path}" for method, path in OPERATIONS}
    for name, operation in asked.items():
        for status, response in operation["responses"].items():
            (content,) = response["content"].values()
            assert content["example"], (name, status)
        assert operation["summary"]
        assert operation["description"]
        body = operation.get("requestBody")
        if body:
            assert any("example" in content for content in body["content"].values()), name


@pytest.mark.parametrize(("shape", "example"), EXAMPLES)
def test_the_examples_have_the_shapes_that_are_declared(shape: Any, example: Any) -> None:
    shape.model_validate_json(orjson.dumps(example), strict=True)


def test_the_examples_can_be_asked(client: httpx.Client) -> None:
    found = client.post("/recommendations/", json=examples.TUTORIAL_ASKED)
    assert len(found.json()["recommendations"]) == 3
    taste = client.post("/v1/recommendations", json=examples.TASTE_ASKED)
    assert len(taste.json()["recommendations"]) == 5
    imported = client.post(
        "/v1/import", content=examples.EXPORT, params={"filename": "ratings.csv"}
    )
    assert imported.json() == examples.IMPORTED
    assert client.get("/").json() == examples.WELCOME
