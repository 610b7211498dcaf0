"""How a route is told in OpenAPI: its answers, its problems, and an example of each."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from movie_assets.serving.api import examples, problems
from movie_assets.serving.api.models import ProblemTold, TasteAsked, TutorialAsked

if TYPE_CHECKING:
    from pydantic import BaseModel

#: What can go wrong, by status, with an example of what is said.
_PROBLEMS = {
    400: "The body is no JSON: unexpected end of data: line 1 column 1 (char 0).",
    401: "This server asks for a key: send it as 'Authorization: Bearer KEY' or 'X-API-Key: KEY'.",
    404: "There is no film 1.",
    408: "The request took too long to arrive.",
    413: "The body is larger than 4,194,304 bytes.",
    415: "Send JSON, and the header 'Content-Type: application/json'.",
    422: "query limit: Input should be less than or equal to 100.",
    429: "More than 100 per 1 minute were asked for. Ask again in 7 s.",
    500: "The server failed. It has been logged under this request id.",
    503: "There is nothing to answer from yet; GET /ready says why.",
}
#: Any route may answer with these.
_ALWAYS = (401, 429, 500, 503)


def responses(
    example: Any, *statuses: int, media_type: str = "application/json"
) -> dict[int | str, Any]:
    """A route's ``responses``: an example of its answer, and the problems that it may answer with.

    Args:
        example: of the answer.
        statuses: of problems, besides those that any route has.
        media_type: of the answer.
    """
    told: dict[int | str, Any] = {200: {"content": {media_type: {"example": example}}}}
    for status in sorted({*statuses, *_ALWAYS}):
        problem = problems.Problem(status, _PROBLEMS[status])
        told[status] = {
            "description": problem.title,
            "content": {
                problems.MEDIA_TYPE: {
                    "schema": {"$ref": "#/components/schemas/ProblemTold"},
                    "example": {
                        "type": "about:blank",
                        "title": problem.title,
                        "status": status,
                        "detail": problem.detail,
                        "request_id": "5f0c2a9d1e47-1",
                    },
                }
            },
        }
    return told


def request_body(shape: type[BaseModel], example: Any) -> dict[str, Any]:
    """How a body of JSON is told, which the route itself reads."""
    schema = {"$ref": f"#/components/schemas/{shape.__name__}"}
    return {
        "requestBody": {
            "required": True,
            "content": {"application/json": {"schema": schema, "example": example}},
        }
    }


def upload_body() -> dict[str, Any]:
    """How a file is told: in a form, or by itself."""
    file = {"type": "string", "format": "binary"}
    form = {"type": "object", "required": ["file"], "properties": {"file": file}}
    return {
        "requestBody": {
            "required": True,
            "content": {
                "multipart/form-data": {"schema": form},
                "text/csv": {"schema": {"type": "string"}, "example": examples.EXPORT},
                "application/zip": {"schema": file},
            },
        },
        "parameters": [
            {
                "name": "filename",
                "in": "query",
                "required": False,
                "schema": {"type": "string", "maxLength": 300},
                "description": "What a file that is itself the body is called.",
                "example": "ratings.csv",
            }
        ],
    }


def complete(schema: dict[str, Any]) -> dict[str, Any]:
    """Add to a schema the shapes that routes name and FastAPI does not see, and the keys."""
    shapes = schema.setdefault("components", {}).setdefault("schemas", {})
    for shape in (TasteAsked, TutorialAsked, ProblemTold):
        document = shape.model_json_schema(ref_template="#/components/schemas/{model}")
        shapes.update(document.pop("$defs", {}))
        shapes[shape.__name__] = document
    schema["components"]["securitySchemes"] = {
        "bearer": {"type": "http", "scheme": "bearer"},
        "header": {"type": "apiKey", "in": "header", "name": "X-API-Key"},
    }
    # A key is only asked for where the server has been given some.
    schema["security"] = [{}, {"bearer": []}, {"header": []}]
    return schema
