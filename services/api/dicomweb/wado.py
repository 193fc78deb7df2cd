"""WADO-RS (PS3.18 10.4): instances, their metadata and rendered images."""

from __future__ import annotations

import secrets
from collections.abc import Iterator
from typing import Annotated

from fastapi import APIRouter, Query, Request, Response
from fastapi.responses import StreamingResponse
from starlette.exceptions import HTTPException

from services.api.dicomweb import encoding, frames, qido
from services.api.dicomweb.openapi import RETRIEVED
from services.api.dicomweb.transcoding import EXPLICIT, transcoded
from services.api.gateway import DicomReader, Gateway, GatewayDep
from services.api.spool import spool_folder
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
def retrieve_study(study: str, request: Request, gateway: GatewayDep, caller: DicomReader) -> Response:
    """Return all instances of a study."""
    return _instances(request, gateway, caller, _find(gateway, caller, study))


@router.get("/series/{series}", response_class=Response)
def retrieve_series(study: str, series: str, request: Request, gateway: GatewayDep, caller: DicomReader) -> Response:
    """Return all instances of a series."""
    return _instances(request, gateway, caller, _find(gateway, caller, study, series))


@router.get("/metadata", response_class=Response)
def study_metadata(study: str, request: Request, gateway: GatewayDep, caller: DicomReader) -> Response:
    """Return the attributes of a study's instances, without bulk data."""
    return _metadata(request, gateway, _find(gateway, caller, study))


@router.get("/series/{series}/metadata", response_class=Response)
def series_metadata(study: str, series: str, request: Request, gateway: GatewayDep, caller: DicomReader) -> Response:
    """Return the attributes of a series' instances, without bulk data."""
    return _metadata(request, gateway, _find(gateway, caller, study, series))


@router.get("/series/{series}/instances/{instance}", response_class=Response)
def retrieve_instance(
    study: str, series: str, instance: str, request: Request, gateway: GatewayDep, caller: DicomReader
) -> Response:
    """Return one instance, alone or as the only part."""
    instances = _find(gateway, caller, study, series, instance)
    for kind, _ in encoding.ranges(request):
        if kind == "application/dicom":
            syntax = _syntax(request, instances)
            return StreamingResponse(
                _file(gateway, caller.tenant, instances[0], syntax), media_type="application/dicom"
            )
        if kind in (DICOM, "*/*"):
            break
    return _instances(request, gateway, caller, instances)


@router.get("/series/{series}/instances/{instance}/metadata", response_class=Response)
def instance_metadata(
    study: str, series: str, instance: str, request: Request, gateway: GatewayDep, caller: DicomReader
) -> Response:
    """Return the attributes of an instance, without bulk data."""
    return _metadata(request, gateway, _find(gateway, caller, study, series, instance))


@router.get("/series/{series}/instances/{instance}/frames/{numbers}", response_class=Response)
def retrieve_frames(
    study: str,
    series: str,
    instance: str,
    numbers: str,
    request: Request,
    gateway: GatewayDep,
    caller: DicomReader,
) -> Response:
    """Return frames (from 1, separated by commas), as stored or uncompressed."""
    item = _find(gateway, caller, study, series, instance)[0]
    frame_numbers = frames.numbers(numbers, item)
    kind, syntax = frames.choose(encoding.ranges(request), item)
    if kind is None:
        raise HTTPException(406)
    attributes = qido.metadata(gateway, item)
    body = frames.read(gateway, caller.tenant, item, attributes, frame_numbers, decoded=syntax == EXPLICIT)
    boundary = _boundary()
    part = f"{kind}; transfer-syntax={syntax}"
    media = f'multipart/related; type="{kind}"; boundary={boundary}'
    return StreamingResponse(_parts(boundary, part, ([content] for content in body)), media_type=media)


@router.get("/series/{series}/instances/{instance}/rendered", response_class=Response)
@router.get("/series/{series}/instances/{instance}/thumbnail", response_class=Response)
def render_instance(
    study: str, series: str, instance: str, request: Request, gateway: GatewayDep, caller: DicomReader,
    window: Window = None, viewport: Window = None,
) -> Response:  # fmt: skip
    """Return an instance's middle frame as JPEG or PNG; `window` is centre,width,function."""
    item = _find(gateway, caller, study, series, instance)[0]
    return _rendered(request, gateway, caller.tenant, item, (item.frames + 1) // 2, window, viewport)


@router.get("/series/{series}/instances/{instance}/frames/{number}/rendered", response_class=Response)
@router.get("/series/{series}/instances/{instance}/frames/{number}/thumbnail", response_class=Response)
def render_frame(
    study: str, series: str, instance: str, number: str, request: Request, gateway: GatewayDep,
    caller: DicomReader, window: Window = None, viewport: Window = None,
) -> Response:  # fmt: skip
    """Return one frame as JPEG or PNG."""
    item = _find(gateway, caller, study, series, instance)[0]
    return _rendered(request, gateway, caller.tenant, item, frames.numbers(number, item)[0], window, viewport)


@router.get("/series/{series}/rendered", response_class=Response)
@router.get("/series/{series}/thumbnail", response_class=Response)
def render_series(
    study: str, series: str, request: Request, gateway: GatewayDep, caller: DicomReader,
    window: Window = None, viewport: Window = None,
) -> Response:  # fmt: skip
    """Return a series' middle image as JPEG or PNG."""
    instances = _find(gateway, caller, study, series)
    item = instances[len(instances) // 2]
    return _rendered(request, gateway, caller.tenant, item, (item.frames + 1) // 2, window, viewport)


def _find(
    gateway: Gateway, caller: api_keys.Caller, study: str, series: str | None = None, instance: str | None = None
) -> list[Instance]:
    with gateway.reading(caller) as connection:
        return search.retrieve(connection, caller.tenant, study, series, instance)


def _metadata(request: Request, gateway: Gateway, instances: list[Instance]) -> Response:
    url = "RetrieveURL"
    return encoding.many(
        request,
        [
            qido.metadata(gateway, item)
            | encoding.data_set(
                AvailableTransferSyntaxUID=item.syntax, **{url: qido.url(request, item.study, item.series, item.uid)}
            )
            for item in instances
        ],
    )


def _instances(request: Request, gateway: Gateway, caller: api_keys.Caller, instances: list[Instance]) -> Response:
    syntax = _syntax(request, instances)
    boundary = _boundary()
    media = f'multipart/related; type="application/dicom"; boundary={boundary}'
    body = _parts(boundary, "application/dicom", (_file(gateway, caller.tenant, item, syntax) for item in instances))
    return StreamingResponse(body, media_type=media)


def _syntax(request: Request, instances: list[Instance]) -> str:
    """Return the transfer syntax of the response, * for the stored one.

    Raises 406 for one that is not available.
    """
    for kind, parameters in encoding.ranges(request):
        if kind in (DICOM, "application/dicom"):
            syntax = parameters.get("transfer-syntax", EXPLICIT)
            if syntax in ("*", EXPLICIT) or all(item.syntax == syntax for item in instances):
                return syntax
        elif kind in ("*/*", "multipart/*", "multipart/related; type=*/*"):
            return "*"
    raise HTTPException(406)


def _file(gateway: Gateway, tenant: str, item: Instance, syntax: str) -> Iterator[bytes]:
    if syntax in ("*", item.syntax):
        yield from gateway.store.read(instance_list.instance_key(item.id))
        return
    with transcoded(gateway, tenant, item) as path, path.open("rb") as file:
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
    request: Request,
    gateway: Gateway,
    tenant: str,
    item: Instance,
    frame: int,
    window: str | None,
    viewport: str | None,
) -> Response:
    media = encoding.accepted(request, *PICTURES)
    if media is None:
        raise HTTPException(406)
    if not item.rows:
        raise BadRequest("The instance is not an image.", "not_an_image")
    side = 256 if request.url.path.endswith("/thumbnail") else None
    side = int(_numbers(viewport, 2, "viewport")[0]) if viewport else side
    window_values = _numbers(window, 2, "window") if window else None
    with spool_folder(gateway.settings.spool, "wado") as folder:
        out = folder / "picture"
        with gateway.store.file(instance_list.instance_key(item.id)) as path:
            gateway.sandboxed(
                tenant,
                "render",
                60.0,
                path=str(path),
                out=str(out),
                frame=max(frame, 1),
                media=media,
                window=window_values,
                side=side,
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
