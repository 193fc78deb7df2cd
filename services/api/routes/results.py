"""/v1/jobs/{id}/<file>: the files of a job, with ETag and Range (RFC 9110)."""

from __future__ import annotations

import hashlib
import re
from typing import Any, Literal

from fastapi import APIRouter, Request, Response
from fastapi.responses import StreamingResponse

from services.api.gateway import Connections, Reader
from services.api.routes.jobs import ended
from services.api.schemas import MEDIA_TYPES
from shared.errors import Conflict, NotFound, VisceraError
from shared.ledger import jobs
from shared.pacs import results

router = APIRouter(prefix="/v1/jobs/{job_id}", tags=["results"])
_RANGE = re.compile(r"^bytes=(\d*)-(\d*)$")
_FILE: dict[int | str, dict[str, Any]] = {
    200: {"content": {kind: {} for kind in sorted(set(MEDIA_TYPES.values()))}, "description": "The file."},
    206: {"description": "The part that Range asked for."},
    304: {"description": "The file the client has is still right."},
}


class BadRange(VisceraError):
    """The range asked for lies outside the file."""

    code = "bad_range"
    status = 416


def _variant(compression: str, lod: bool) -> str:
    if lod:
        return "model.lod.glb"
    return "model.glb" if compression == "none" else f"model.{compression}.glb"


@router.head("/{name}", include_in_schema=False, response_class=Response)
@router.get("/{name}", response_class=Response, responses=_FILE)
def get_file(
    job_id: str,
    name: str,
    request: Request,
    connections: Connections,
    caller: Reader,
    compression: Literal["none", "quantized", "meshopt"] = "none",
    lod: bool = False,
) -> Response:
    """One file of the job's result; 409 until there is one.

    Of `model.glb` there are smaller ones: `compression`, and with `lod` one of several levels of detail (MSFT_lod),
    which is compressed with meshopt.
    """
    if name not in MEDIA_TYPES:
        raise NotFound("There is no such file.")
    stored = _variant(compression, lod) if name == "model.glb" else name
    with connections.reading(caller) as connection:
        job = jobs.get(connection, caller.tenant, job_id)
        artifact = jobs.published(connection, job_id).get(stored)
        scan = jobs.get_scan(connection, caller.tenant, job.scan_id)
    if name in results.FILES and scan.format != "dicom":
        raise NotFound(f"The scan was not DICOM: there is no {name}.", "not_dicom")
    if artifact is None and name in results.FILES and job.state == "succeeded":
        raise Conflict("No organ was found in the scan.", "no_organs")
    if artifact is None:
        raise ended(job, name)
    # The patient of a DICOM file is filled in only now.
    content = results.file(connections.store, scan, artifact) if name in results.FILES else None
    size, sha256 = artifact.bytes, artifact.sha256
    if content is not None:
        size, sha256 = len(content), hashlib.sha256(content).hexdigest()
    etag = f'"{sha256}"'
    headers = {"ETag": etag, "Accept-Ranges": "bytes", "Cache-Control": "private, no-cache"}
    if etag in [tag.strip().removeprefix("W/") for tag in request.headers.get("if-none-match", "").split(",")]:
        return Response(status_code=304, headers=headers)
    start, stop = _range(request, etag, size)
    partial = (start, stop) != (0, size)
    headers |= {"Content-Length": str(stop - start), "Content-Disposition": f'attachment; filename="{stored}"'}
    if partial:
        headers["Content-Range"] = f"bytes {start}-{stop - 1}/{size}"
    status = 206 if partial else 200
    if request.method == "HEAD":
        return Response(status_code=status, headers=headers, media_type=MEDIA_TYPES[name])
    if start == 0:
        connections.audit(caller, "read", job_id)
    if content is not None:
        return Response(content[start:stop], status, headers, MEDIA_TYPES[name])
    body = connections.store.read(artifact.key, start, stop)
    return StreamingResponse(body, status, headers, MEDIA_TYPES[name])


def _range(request: Request, etag: str, size: int) -> tuple[int, int]:
    """The bytes asked for as (start, stop); the whole file where the header is absent or of another kind."""
    match = _RANGE.match(request.headers.get("range", ""))
    if match is None or request.headers.get("if-range", etag) != etag or not (match[1] or match[2]):
        return 0, size
    if not match[1]:
        start, stop = max(size - int(match[2]), 0), size
    else:
        start, stop = int(match[1]), min(int(match[2]) + 1, size) if match[2] else size
    if start >= stop:
        raise BadRange(f"The file has {size} bytes; the range lies outside.")
    return start, stop
