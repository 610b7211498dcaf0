"""What is asked for a person: films for a taste, and the taste that an export holds."""

from __future__ import annotations

from email.message import Message
from typing import TYPE_CHECKING

from fastapi import APIRouter, Request
from starlette.datastructures import UploadFile
from starlette.responses import Response

from movie_assets.recommender.query import EmptyTasteError
from movie_assets.serving.api import examples, writing
from movie_assets.serving.api.asking import read_json, served_of
from movie_assets.serving.api.documented import request_body, responses, upload_body
from movie_assets.serving.api.models import Imported, TasteAnswered, TasteAsked
from movie_assets.serving.api.naming import resolve
from movie_assets.serving.api.problems import BusyError, Problem
from movie_assets.serving.imports import Limits, match, read_export

if TYPE_CHECKING:
    from anyio import CapacityLimiter

    from movie_assets.serving.api.served import Served
    from movie_assets.serving.api.work import Workers

router = APIRouter(tags=["tastes"])

#: What is somebody's own is kept by nobody in between.
_PERSONAL = {"cache-control": "no-store"}


@router.post(
    "/v1/recommendations",
    response_model=TasteAnswered,
    responses=responses(examples.TASTE, 400, 413, 415, 422),
    openapi_extra=request_body(TasteAsked, examples.TASTE_ASKED),
    summary="Films for somebody",
)
async def for_taste(request: Request) -> Response:
    """The films for who likes these, of the whole catalogue, none of those that were named.

    A film is named by `id` (TMDB's), `imdb_id`, or `title` and maybe `year`. What names no film,
    or several, is told in `unresolved`; of several the best known is taken. Nothing is stored.
    """
    served = served_of(request)
    asked = await read_json(request, TasteAsked)
    workers: Workers = request.app.state.working
    return _personal(await workers.do(_recommend, served, asked))


@router.post(
    "/v1/import",
    response_model=Imported,
    responses=responses(examples.IMPORTED, 400, 413, 415, 422),
    openapi_extra=upload_body(),
    summary="The taste that an export holds",
)
async def import_export(request: Request) -> Response:
    """Your films, from an export of Letterboxd (zip or csv), IMDb, Trakt or MovieLens.

    `profile` is what `POST /v1/recommendations` takes. The file is read in memory; nothing of it
    is stored. It comes as the field `file` of a form, or is itself the body; then its name can be
    told in the query or in Content-Disposition, which helps where columns do not tell what it is.
    """
    served = served_of(request)
    uploads: CapacityLimiter = request.app.state.uploads
    if uploads.borrowed_tokens >= uploads.total_tokens:
        raise BusyError
    async with uploads:
        return await _read_upload(request, served)


async def _read_upload(request: Request, served: Served) -> Response:
    data, filename = await _upload(request)
    workers: Workers = request.app.state.working
    limits = Limits(file_bytes=request.state.settings.max_upload_bytes)
    return _personal(await workers.do(_import, served, data, filename, limits))


def _recommend(served: Served, asked: TasteAsked) -> bytes:
    named = resolve(asked, served.published)
    try:
        found = served.published.for_taste(
            named.likings, named.seen, asked.limit, asked.offset, asked.wishes
        )
    except EmptyTasteError as error:
        raise Problem(422, str(error), kind="empty-taste", unresolved=named.unresolved) from None
    return served.writer.suggested(
        films_used=len(named.likings) + len(named.seen),
        unresolved=named.unresolved,
        limit=asked.limit,
        offset=asked.offset,
        found=found,
    )


def _import(served: Served, data: bytes, filename: str | None, limits: Limits) -> bytes:
    return writing.imported(match(read_export(data, filename, limits=limits), served.published))


async def _upload(request: Request) -> tuple[bytes, str | None]:
    """The file that was sent, and its name."""
    kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if kind == "application/x-www-form-urlencoded":
        raise Problem(415, "Send the file as the field 'file' of a form (curl -F), or as the body.")
    if kind != "multipart/form-data":
        name = request.query_params.get("filename") or _name_in(request)
        return await request.body(), name
    async with request.form(max_files=1, max_fields=8) as form:
        file = form.get("file")
        if not isinstance(file, UploadFile):
            raise Problem(422, "The form has no field 'file' with a file in it.", kind="no-file")
        return await file.read(), file.filename


def _name_in(request: Request) -> str | None:
    disposition = Message()
    disposition["content-disposition"] = request.headers.get("content-disposition", "")
    return disposition.get_filename()


def _personal(body: bytes) -> Response:
    return Response(body, headers=_PERSONAL, media_type="application/json")
