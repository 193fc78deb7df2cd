"""/v1/jobs/{id}/<file>: the files of a job, with ETag and Range (RFC 9110)."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from typing import Any, Literal

from fastapi import APIRouter, Request, Response
from fastapi.concurrency import run_in_threadpool
from fastapi.responses import JSONResponse, StreamingResponse

from services.api import schemas
from services.api.gateway import Gateway, GatewayDep, Reader
from services.api.on_request import FileToWrite
from services.api.schemas import MEDIA_TYPES, RevisionNumber
from services.api.views import missing_file
from shared.artifacts import DICOM_FILES
from shared.errors import Conflict, NotFound, VisceraError
from shared.ledger import api_keys, jobs, revisions
from shared.pacs import results

router = APIRouter(prefix="/v1/jobs/{job_id}", tags=["results"])
_RANGE = re.compile(r"^bytes=([0-9]{0,18})-([0-9]{0,18})$")
FILE: dict[int | str, dict[str, Any]] = {
    200: {"content": {kind: {} for kind in sorted(set(MEDIA_TYPES.values()))}, "description": "The file."},
    206: {"description": "The part that Range asked for."},
    202: {"model": schemas.FileState, "description": "The file is still being written: request it again."},
    304: {"description": "The file the client has is still right."},
}
"""Answers of a route that returns a file."""
DICOM = "application/dicom"
_INLINE = {"report.pdf"}


class BadRange(VisceraError):
    """The requested range is outside the file."""

    code = "bad_range"
    status = 416


def _variant(compression: str, lod: bool) -> str:
    if lod:
        return "model.lod.glb"
    return "model.glb" if compression == "none" else f"model.{compression}.glb"


@dataclass(frozen=True, slots=True)
class FileContent:
    """What a request can get: size and SHA-256 of the file; `data` where it differs from the stored file."""

    artifact: jobs.Artifact
    size: int
    sha256: str
    data: bytes | None = None

    def read(self, gateway: Gateway, start: int, stop: int) -> Iterator[bytes]:
        """Return the bytes [start, stop) in chunks."""
        if self.data is not None:
            return iter([self.data[start:stop]])
        return gateway.store.read(self.artifact.key, start, stop)


@router.head("/{name}", include_in_schema=False, response_class=Response)
@router.get("/{name}", response_class=Response, responses=FILE)
async def get_file(
    job_id: str,
    name: str,
    request: Request,
    gateway: GatewayDep,
    caller: Reader,
    compression: Literal["none", "quantized", "meshopt"] = "none",
    lod: bool = False,
    revision: RevisionNumber = None,
) -> Response:
    """Return one file of the job's result; 409 while the job runs, or where there is no such file.

    `model.glb`, `labels.nii.gz` and `report.json` exist when the job has succeeded. Every other file is written at its
    first request, once: the answer waits up to ten seconds, then it is 202 with `Retry-After`.

    `model.glb` also comes smaller: with `compression`, and with `lod` as one file with several levels of detail
    (MSFT_lod), which is compressed with meshopt.

    `revision` is 1 for the algorithm's result, or one that a person made; the default is the newest finished one.
    """
    if name not in MEDIA_TYPES:
        raise NotFound("There is no such file.")
    stored_name = _variant(compression, lod) if name == "model.glb" else name
    find = partial(find_file, gateway, caller, job_id, name, stored_name, revision)
    return await answer_file(request, gateway, caller, job_id, (name, stored_name), find)


async def answer_file(
    request: Request,
    gateway: Gateway,
    caller: api_keys.Caller,
    job_id: str,
    names: tuple[str, str],
    find: Callable[[], FileContent | FileToWrite],
) -> Response:
    """Return the file that `find` finds, written first where it must be.

    `names` are the one in the path, and the one under which a client keeps the file.
    """
    name, stored_name = names
    content = await run_in_threadpool(find)
    if isinstance(content, FileToWrite):
        await gateway.files.write(caller, job_id, content)
        content = await run_in_threadpool(find)
    if isinstance(content, FileToWrite):
        return still_waiting(name)
    return answer(request, gateway, name, stored_name, content)


def still_waiting(name: str) -> JSONResponse:
    """Return the answer for a file that is not written yet."""
    state = schemas.FileState(name=name, state="waiting")
    return JSONResponse(state.model_dump(), 202, headers={"Retry-After": "1", "Cache-Control": "no-store"})


def answer(request: Request, gateway: Gateway, name: str, stored_name: str, content: FileContent) -> Response:
    """Return the file, a part of it, or 304; a report opens in the browser, other files are saved."""
    etag = f'"{content.sha256}"'
    headers = {"ETag": etag, "Accept-Ranges": "bytes", "Cache-Control": "private, no-cache"}
    if is_not_modified(request, etag):
        return Response(status_code=304, headers=headers)
    start, stop = parse_range(request, etag, content.size)
    shown = "inline" if name in _INLINE else "attachment"
    headers |= {"Content-Length": str(stop - start), "Content-Disposition": f'{shown}; filename="{stored_name}"'}
    status = 200
    if (start, stop) != (0, content.size):
        status = 206
        headers["Content-Range"] = f"bytes {start}-{stop - 1}/{content.size}"
    if request.method == "HEAD":
        return Response(status_code=status, headers=headers, media_type=MEDIA_TYPES.get(name, DICOM))
    return StreamingResponse(content.read(gateway, start, stop), status, headers, MEDIA_TYPES.get(name, DICOM))


def find_file(
    gateway: Gateway, caller: api_keys.Caller, job_id: str, name: str, stored_name: str, number: int | None
) -> FileContent | FileToWrite:
    """Return the content of a file, or what must be written first where the job can have it.

    Raises NotFound or Conflict where the job can't have it.
    """
    with gateway.reading(caller) as connection:
        job = jobs.get(connection, caller.tenant, job_id)
        scan = jobs.get_scan(connection, caller.tenant, job.scan_id)
        wanted = number or job.revision
        artifact = jobs.published(connection, job_id, wanted).get(stored_name)
        revision = revisions.get(connection, job_id, wanted) if wanted > 1 else None
    is_dicom = name in DICOM_FILES
    if is_dicom and scan.format != "dicom":
        raise NotFound(f"The scan was not DICOM: there is no {name}.", "not_dicom")
    if artifact is None and revision is not None and revision.is_pending:
        return FileToWrite(jobs.RESULT, wanted)
    if artifact is None and revision is not None and revision.state == "failed":
        raise Conflict(f"Revision {wanted} could not be written.", "revision_failed")
    if artifact is None and stored_name in (revision or job).offers:
        return FileToWrite(stored_name, wanted)
    if artifact is None and is_dicom and job.state == "succeeded":
        raise Conflict("No organ was found in the scan.", "no_organs")
    if artifact is None:
        raise missing_file(job, name)
    if not is_dicom:
        return FileContent(artifact, artifact.bytes, artifact.sha256)
    return dicom_content(gateway, caller, scan, artifact)


def dicom_content(gateway: Gateway, caller: api_keys.Caller, scan: jobs.Scan, artifact: jobs.Artifact) -> FileContent:
    """Return a stored DICOM file as it is downloaded: only then it gets the patient's attributes.

    A guest of a share link gets it as it is stored, without them.
    """
    if caller.job is not None:
        return FileContent(artifact, artifact.bytes, artifact.sha256)
    with gateway.turns.in_thread(caller.tenant):
        data = results.file(gateway.store, scan, artifact)
    return FileContent(artifact, len(data), hashlib.sha256(data).hexdigest(), data)


def is_not_modified(request: Request, etag: str) -> bool:
    """Return whether the client already has the file with this ETag (RFC 9110, 13.1.2)."""
    tags = request.headers.get("if-none-match", "").split(",")
    return etag in [tag.strip().removeprefix("W/") for tag in tags]


def parse_range(request: Request, etag: str, size: int) -> tuple[int, int]:
    """Return the requested bytes as (start, stop); the whole file without a Range header of one byte range.

    Raises BadRange for a range outside the file.
    """
    match = _RANGE.match(request.headers.get("range", ""))
    if match is None or request.headers.get("if-range", etag) != etag or not (match[1] or match[2]):
        return 0, size
    if not match[1]:
        start, stop = max(size - int(match[2]), 0), size
    else:
        start, stop = int(match[1]), min(int(match[2]) + 1, size) if match[2] else size
    if start >= stop:
        raise BadRange(f"The file has {size} bytes; the range is outside.")
    return start, stop
