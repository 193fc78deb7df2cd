"""WADO-RS (PS3.18 10.4): instances, their metadata, and pictures of them."""

from __future__ import annotations

import secrets
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated

from fastapi import APIRouter, Query, Request, Response
from fastapi.responses import StreamingResponse
from starlette.exceptions import HTTPException

from services.api.dicomweb import encoding, frames, qido
from services.api.dicomweb.openapi import RETRIEVED
from services.api.dicomweb.transcoding import EXPLICIT, transcoded
from services.api.gateway import Connections, Context, DicomReader
from shared import sandbox
from shared.errors import BadRequest
from shared.ledger import api_keys
from shared.ledger.dicom import search
from shared.ledger.dicom.instances import Instance
from shared.pacs import instance_list

router = APIRouter(prefix="/dicom-web/studies/{study}", tags=["dicomweb"], responses=RETRIEVED)
DICOM = "multipart/related; type=application/dicom"
PICTURES = ("image/jpeg", "image/png")
Window = Annotated[str | None, Query(max_length=100)]


@router.get("", response_class=Response)
def retrieve_study(study: str, request: Request, connections: Connections, caller: DicomReader) -> Response:
    """All instances of a study."""
    return _instances(request, connections, caller, _found(connections, caller, study))


@router.get("/series/{series}", response_class=Response)
def retrieve_series(
    study: str, series: str, request: Request, connections: Connections, caller: DicomReader
) -> Response:
    """All instances of a series."""
    return _instances(request, connections, caller, _found(connections, caller, study, series))


@router.get("/metadata", response_class=Response)
def study_metadata(study: str, request: Request, connections: Connections, caller: DicomReader) -> Response:
    """The attributes of a study's instances, without bulk data."""
    return _metadata(request, connections, _found(connections, caller, study))


@router.get("/series/{series}/metadata", response_class=Response)
def series_metadata(
    study: str, series: str, request: Request, connections: Connections, caller: DicomReader
) -> Response:
    """The attributes of a series' instances, without bulk data."""
    return _metadata(request, connections, _found(connections, caller, study, series))


@router.get("/series/{series}/instances/{instance}", response_class=Response)
def retrieve_instance(
    study: str, series: str, instance: str, request: Request, connections: Connections, caller: DicomReader
) -> Response:
    """One instance, alone or as the only part."""
    found = _found(connections, caller, study, series, instance)
    for kind, _ in encoding.ranges(request):
        if kind == "application/dicom":
            syntax = _syntax(request, found)
            return StreamingResponse(_file(connections, found[0], syntax), media_type="application/dicom")
        if kind in (DICOM, "*/*"):
            break
    return _instances(request, connections, caller, found)


@router.get("/series/{series}/instances/{instance}/metadata", response_class=Response)
def instance_metadata(
    study: str, series: str, instance: str, request: Request, connections: Connections, caller: DicomReader
) -> Response:
    """The attributes of an instance, without bulk data."""
    return _metadata(request, connections, _found(connections, caller, study, series, instance))


@router.get("/series/{series}/instances/{instance}/frames/{numbers}", response_class=Response)
def retrieve_frames(
    study: str,
    series: str,
    instance: str,
    numbers: str,
    request: Request,
    connections: Connections,
    caller: DicomReader,
) -> Response:
    """Frames (from 1, separated by commas), as they are stored or uncompressed."""
    one = _found(connections, caller, study, series, instance)[0]
    wanted = frames.numbers(numbers, one)
    kind, syntax = frames.choose(encoding.ranges(request), one)
    if kind is None:
        raise HTTPException(406)
    held = qido.metadata(connections, one)
    body = frames.read(connections, one, held, wanted, decoded=syntax == EXPLICIT)
    boundary = _boundary()
    part = f"{kind}; transfer-syntax={syntax}"
    media = f'multipart/related; type="{kind}"; boundary={boundary}'
    return StreamingResponse(_parts(boundary, part, ([content] for content in body)), media_type=media)


@router.get("/series/{series}/instances/{instance}/rendered", response_class=Response)
@router.get("/series/{series}/instances/{instance}/thumbnail", response_class=Response)
def render_instance(
    study: str, series: str, instance: str, request: Request, connections: Connections, caller: DicomReader,
    window: Window = None, viewport: Window = None,
) -> Response:  # fmt: skip
    """An instance's middle frame as JPEG or PNG; `window` is centre,width,function."""
    one = _found(connections, caller, study, series, instance)[0]
    return _rendered(request, connections, one, (one.frames + 1) // 2, window, viewport)


@router.get("/series/{series}/instances/{instance}/frames/{number}/rendered", response_class=Response)
@router.get("/series/{series}/instances/{instance}/frames/{number}/thumbnail", response_class=Response)
def render_frame(
    study: str, series: str, instance: str, number: str, request: Request, connections: Connections,
    caller: DicomReader, window: Window = None, viewport: Window = None,
) -> Response:  # fmt: skip
    """One frame as JPEG or PNG."""
    one = _found(connections, caller, study, series, instance)[0]
    return _rendered(request, connections, one, frames.numbers(number, one)[0], window, viewport)


@router.get("/series/{series}/rendered", response_class=Response)
@router.get("/series/{series}/thumbnail", response_class=Response)
def render_series(
    study: str, series: str, request: Request, connections: Connections, caller: DicomReader,
    window: Window = None, viewport: Window = None,
) -> Response:  # fmt: skip
    """A series' middle image as JPEG or PNG."""
    found = _found(connections, caller, study, series)
    one = found[len(found) // 2]
    return _rendered(request, connections, one, (one.frames + 1) // 2, window, viewport)


def _found(
    context: Context, caller: api_keys.Caller, study: str, series: str | None = None, instance: str | None = None
) -> list[Instance]:
    with context.reading(caller) as connection:
        return search.retrieve(connection, caller.tenant, study, series, instance)


def _metadata(request: Request, context: Context, found: list[Instance]) -> Response:
    url = "RetrieveURL"
    return encoding.many(
        request,
        [
            qido.metadata(context, one)
            | encoding.data_set(
                AvailableTransferSyntaxUID=one.syntax, **{url: qido.url(request, one.study, one.series, one.uid)}
            )
            for one in found
        ],
    )


def _instances(request: Request, context: Context, caller: api_keys.Caller, found: list[Instance]) -> Response:
    syntax = _syntax(request, found)
    context.audit(caller, "read", found[0].study)
    boundary = _boundary()
    media = f'multipart/related; type="application/dicom"; boundary={boundary}'
    body = _parts(boundary, "application/dicom", (_file(context, one, syntax) for one in found))
    return StreamingResponse(body, media_type=media)


def _syntax(request: Request, found: list[Instance]) -> str:
    """The transfer syntax to send in, * for the one stored; raises 406 for one that can't be had."""
    for kind, parameters in encoding.ranges(request):
        if kind in (DICOM, "application/dicom"):
            syntax = parameters.get("transfer-syntax", EXPLICIT)
            if syntax in ("*", EXPLICIT) or all(one.syntax == syntax for one in found):
                return syntax
        elif kind in ("*/*", "multipart/*", "multipart/related; type=*/*"):
            return "*"
    raise HTTPException(406)


def _file(context: Context, one: Instance, syntax: str) -> Iterator[bytes]:
    if syntax in ("*", one.syntax):
        yield from context.store.read(instance_list.instance_key(one.id))
        return
    with transcoded(context, one) as path, path.open("rb") as file:
        while chunk := file.read(1 << 20):
            yield chunk


def _parts(boundary: str, kind: str, contents: Iterator[Iterator[bytes]] | Iterator[list[bytes]]) -> Iterator[bytes]:
    for content in contents:
        yield f"--{boundary}\r\nContent-Type: {kind}\r\n\r\n".encode()
        yield from content
        yield b"\r\n"
    yield f"--{boundary}--\r\n".encode()


def _boundary() -> str:
    return "viscera-" + secrets.token_hex(16)


def _rendered(
    request: Request, context: Context, one: Instance, frame: int, window: str | None, viewport: str | None
) -> Response:
    media = encoding.accepted(request, *PICTURES)
    if media is None:
        raise HTTPException(406)
    if not one.rows:
        raise BadRequest("The instance is no image.", "not_an_image")
    side = 256 if request.url.path.endswith("/thumbnail") else None
    side = int(_numbers(viewport, 2, "viewport")[0]) if viewport else side
    asked = _numbers(window, 2, "window") if window else None
    with tempfile.TemporaryDirectory(prefix="wado-", dir=context.settings.spool) as folder:
        out = Path(folder) / "picture"
        with context.store.file(instance_list.instance_key(one.id)) as path:
            sandbox.call(
                "render", 60.0, path=str(path), out=str(out), frame=max(frame, 1), media=media, window=asked, side=side
            )
        return Response(out.read_bytes(), media_type=media)


def _numbers(text: str, count: int, name: str) -> list[float]:
    try:
        values = [float(part) for part in text.split(",")[:count]]
    except ValueError:
        values = []
    if (
        len(values) != count
        or not all(-1e9 < v < 1e9 for v in values)
        or values[-1] <= 0
        or (values[0] <= 0 and name == "viewport")
    ):
        raise BadRequest(f"{name} begins with {count} numbers.", "bad_query")
    return values
