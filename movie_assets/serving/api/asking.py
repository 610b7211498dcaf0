"""What a request has: its snapshot, and its body of JSON. Each refusal says what would be taken."""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeVar

from pydantic import BaseModel, ValidationError

from movie_assets.serving.api.problems import NotPublishedError, Problem, invalid

if TYPE_CHECKING:
    from starlette.requests import Request

    from movie_assets.serving.api.served import Served

_JSON = "application/json"

Asked = TypeVar("Asked", bound=BaseModel)


def served_of(request: Request) -> Served:
    """The snapshot that this request is answered from.

    Raises:
        Problem: where there is none.
    """
    served: Served | None = request.state.served
    if served is None:
        raise NotPublishedError
    return served


async def read_json(request: Request, shape: type[Asked]) -> Asked:
    """The body, checked.

    Raises:
        Problem: 415, 400 or 422, by what is wrong with it.
        BodyTooLargeError: where it is over the limit.
    """
    return parsed(await request.body(), request.headers.get("content-type"), shape)


def parsed(body: bytes, content_type: str | None, shape: type[Asked]) -> Asked:
    """What a body asks.

    Raises:
        Problem: 415, 400 or 422, by what is wrong with it.
    """
    kind = (content_type or _JSON).partition(";")[0].strip().lower()
    if kind != _JSON and not (kind.startswith("application/") and kind.endswith("+json")):
        raise Problem(
            415,
            f"Send JSON, and the header 'Content-Type: {_JSON}'.",
            headers={"accept": _JSON},
        )
    try:
        return shape.model_validate_json(body, strict=True)
    except ValidationError as error:
        errors = error.errors(include_url=False, include_context=False, include_input=False)
    if errors[0]["type"] == "json_invalid":
        reason = errors[0]["msg"].removeprefix("Invalid JSON: ")
        raise Problem(400, f"The body is no JSON: {reason}.", kind="malformed-json")
    raise invalid(errors, "body")
