"""/v1/uploads: a scan in parts, straight to the bucket where there is one, taken up again where it was left."""

from __future__ import annotations

from contextlib import suppress
from datetime import datetime
from typing import Annotated

from fastapi import APIRouter, BackgroundTasks, Request, Response
from fastapi.concurrency import run_in_threadpool
from pydantic import BaseModel, ConfigDict, Field

from services.api import schemas, uploads
from services.api.gateway import Connections, Context, Writer
from services.api.routes.jobs import RAW_BODY
from shared import sandbox
from shared.errors import BadScan, Conflict, NotFound, ScanTooLarge, Unprocessable
from shared.ledger import api_keys, audit, idempotency, jobs
from shared.ledger import uploads as ledger
from shared.operations.manifests import file_accepted
from shared.storage.base import sha256

router = APIRouter(prefix="/v1/uploads", tags=["scans"])
PART = 8 * 2**20
HOURS = 24.0


class UploadRequest(BaseModel):
    """The scan that shall come in parts: its size and, where known, its SHA-256 in hexadecimal."""

    model_config = ConfigDict(extra="forbid")

    bytes: Annotated[int, Field(ge=1)]
    sha256: Annotated[str | None, Field(pattern=r"^[0-9a-f]{64}$")] = None


class Part(BaseModel):
    """One part: PUT its bytes to `url`; `done` once they have arrived."""

    number: int
    url: str
    bytes: int
    done: bool


class Upload(BaseModel):
    """An upload in parts, and what of it has arrived."""

    upload: str
    bytes: int
    part_bytes: int
    expires: datetime
    parts: list[Part]


def begin(context: Context, caller: api_keys.Caller, asked: UploadRequest) -> Upload:
    """Starts an upload in parts."""
    uploads.check_room(context, caller.tenant)
    if asked.bytes > context.settings.max_upload_bytes:
        raise ScanTooLarge(f"At most {context.settings.max_upload_bytes} bytes are accepted.", "upload_too_large")
    scan = ledger.new_scan()
    token = context.store.begin(scan[1])
    with context.writing(caller) as connection:
        made = ledger.begin(
            connection, caller.tenant, scan, token, size=asked.bytes, part_bytes=PART, sha256=asked.sha256,
            seconds=HOURS * 3600.0,
        )  # fmt: skip
    return _view(context, made)


@router.get("/{upload_id}")
def get_upload(upload_id: str, connections: Connections, caller: Writer) -> Upload:
    """Which parts have arrived, and fresh addresses for those that have not."""
    return _view(connections, _find(connections, caller, upload_id))


@router.put("/{upload_id}/parts/{number}", status_code=204, openapi_extra=RAW_BODY)
async def put_part(
    upload_id: str, number: int, request: Request, response: Response, connections: Connections, caller: Writer
) -> None:
    """Takes one part, where the store does not take it itself; sent again it replaces the earlier one."""
    upload = await run_in_threadpool(_find, connections, caller, upload_id)
    size = upload.size(number)
    if not size:
        raise NotFound(f"There is no such part: they are numbered 1 to {upload.count}.")
    with connections.limits.upload(caller.tenant), uploads.spooled(connections) as path:
        received = await uploads.receive(request, path, size)
        if received.bytes != size:
            raise Unprocessable(f"Part {number} has {size} bytes.", "wrong_part")
        await run_in_threadpool(connections.store.put_part, upload.key, upload.token, number, path)
    response.headers["ETag"] = f'"{received.sha256}"'


@router.post("/{upload_id}/complete", status_code=201)
async def complete_upload(
    upload_id: str,
    later: BackgroundTasks,
    connections: Connections,
    caller: Writer,
    spacing: schemas.SpacingText | None = None,
) -> schemas.Scan:
    """Joins the parts, checks size, SHA-256 and headers, and makes them a scan; 409 while parts are missing.

    A scan that can't be used is refused and erased. Sent again after it has succeeded, it gives the same scan.
    """
    sizes = schemas.Options.from_query("standard", spacing).spacing
    scan = await run_in_threadpool(_completed, connections, caller, upload_id)
    if scan is None:
        upload = await run_in_threadpool(_find, connections, caller, upload_id)
        scan = await _complete(connections, caller, upload, sizes)
        later.add_task(file_accepted, connections.ledger, connections.store, scan.id)
    return schemas.Scan(id=scan.id, sha256=scan.sha256, bytes=scan.bytes, format=scan.format)


@router.delete("/{upload_id}", status_code=204)
def abort_upload(upload_id: str, connections: Connections, caller: Writer) -> None:
    """Gives the upload up; what had arrived is erased."""
    with connections.writing(caller) as connection:
        ledger.give_up(connection, caller.tenant, ledger.get(connection, caller.tenant, upload_id))


async def _complete(
    context: Context, caller: api_keys.Caller, upload: ledger.Upload, spacing: tuple[float, float, float] | None
) -> jobs.Scan:
    await run_in_threadpool(_join, context, upload)
    try:
        async with uploads.CHECKS:
            scan = await run_in_threadpool(_check, context, upload, spacing)
    except (BadScan, Unprocessable):  # for good: whoever else completes it at this moment finds the same
        await run_in_threadpool(_give_up, context, caller, upload)
        raise
    await run_in_threadpool(_record, context, caller, upload, scan)
    return scan


def _join(context: Context, upload: ledger.Upload) -> None:
    with suppress(NotFound):  # joined by another call: what it made is looked at below
        arrived = context.store.parts(upload.key, upload.token)
        missing = [n for n in range(1, upload.count + 1) if arrived.get(n) != upload.size(n)]
        if missing:
            raise Conflict(f"Part {missing[0]} has not arrived ({len(missing)} are missing).", "parts_missing")
        context.store.finish(upload.key, upload.token)


def _check(context: Context, upload: ledger.Upload, spacing: tuple[float, float, float] | None) -> jobs.Scan:
    with context.store.file(upload.key) as path:
        digest = sha256(path)
        if path.stat().st_size != upload.bytes or upload.sha256 not in {None, digest}:
            raise Unprocessable("What arrived is not what was announced.", "digest_mismatch")
        declared = sandbox.inspect(path, spacing)
    return jobs.Scan(upload.scan_id, upload.key, digest, upload.bytes, declared.source)


def _record(context: Context, caller: api_keys.Caller, upload: ledger.Upload, scan: jobs.Scan) -> None:
    with context.writing(caller) as connection:
        if not ledger.drop(connection, caller.tenant, upload.id):
            jobs.get_scan(connection, caller.tenant, scan.id)  # the same call, sent twice at once, has recorded it
            return
        jobs.add_scan(connection, caller.tenant, scan)
        idempotency.remember(connection, caller.tenant, upload.id, "", scan.id)
        audit.record(connection, caller.tenant, caller.key_id, "upload", scan.id)


def _completed(context: Context, caller: api_keys.Caller, upload_id: str) -> jobs.Scan | None:
    with context.reading(caller) as connection:
        scan_id = idempotency.recall(connection, caller.tenant, upload_id, "")
        return None if scan_id is None else jobs.get_scan(connection, caller.tenant, scan_id)


def _give_up(context: Context, caller: api_keys.Caller, upload: ledger.Upload) -> None:
    with context.writing(caller) as connection:
        ledger.give_up(connection, caller.tenant, upload)


def _find(context: Context, caller: api_keys.Caller, upload_id: str) -> ledger.Upload:
    with context.reading(caller) as connection:
        return ledger.get(connection, caller.tenant, upload_id)


def _view(context: Context, upload: ledger.Upload) -> Upload:
    arrived = context.store.parts(upload.key, upload.token)
    parts = [
        Part(
            number=number,
            url=context.store.part_link(upload.key, upload.token, number) or f"/v1/uploads/{upload.id}/parts/{number}",
            bytes=upload.size(number),
            done=arrived.get(number) == upload.size(number),
        )
        for number in range(1, upload.count + 1)
    ]
    expires = schemas.time_of(upload.expires)
    return Upload(upload=upload.id, bytes=upload.bytes, part_bytes=upload.part_bytes, expires=expires, parts=parts)
