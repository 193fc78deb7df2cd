"""/v1/uploads: a scan in parts, to the bucket where there is one; an interrupted upload can continue."""

from __future__ import annotations

from contextlib import suppress
from datetime import datetime
from typing import Annotated

from fastapi import APIRouter, BackgroundTasks, Path, Request, Response
from fastapi.concurrency import run_in_threadpool
from pydantic import BaseModel, ConfigDict, Field

from services.api import domain, schemas, uploads
from services.api.bounds import takes_body
from services.api.gateway import Gateway, GatewayDep, Writer
from services.api.requests import RAW_BODY
from shared import sandbox
from shared.errors import BadScan, Conflict, NotFound, ScanTooLarge, Unprocessable
from shared.ledger import api_keys, audit, idempotency, jobs, pending_puts
from shared.ledger import uploads as ledger
from shared.operations.manifests import file_accepted
from shared.storage.base import sha256

router = APIRouter(prefix="/v1/uploads", tags=["scans"])
PART = 8 * 2**20
HOURS = 24.0


class UploadRequest(BaseModel):
    """The scan to upload in parts: its size and, where known, its SHA-256 in hexadecimal."""

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
    """An upload in parts, and which parts have arrived."""

    upload: str
    bytes: int
    part_bytes: int
    expires: datetime
    parts: list[Part]


def begin(gateway: Gateway, caller: api_keys.Caller, body: UploadRequest) -> Upload:
    """Start an upload in parts."""
    uploads.check_room(gateway, caller.tenant)
    if body.bytes > gateway.settings.max_upload_bytes:
        raise ScanTooLarge(f"At most {gateway.settings.max_upload_bytes} bytes are accepted.", "upload_too_large")
    scan = ledger.new_scan()
    prefixes = [ledger.scan_prefix(scan[0])]
    with gateway.room.expecting(gateway.settings, body.bytes), gateway.announced(prefixes):
        token = gateway.store.begin(scan[1])
        with gateway.writing(caller) as connection:
            upload = ledger.begin(
                connection, caller.tenant, scan, token, size=body.bytes, part_bytes=PART, sha256=body.sha256,
                seconds=HOURS * 3600.0, most=gateway.settings.unfinished_uploads,
            )  # fmt: skip
            pending_puts.settle(connection, prefixes)
    return _view(gateway, upload)


@router.get("/{upload_id}")
def get_upload(upload_id: str, gateway: GatewayDep, caller: Writer) -> Upload:
    """Return which parts have arrived, and new URLs for the others."""
    return _view(gateway, _find(gateway, caller, upload_id))


@router.put("/{upload_id}/parts/{number}", status_code=204, openapi_extra=RAW_BODY)
@takes_body(None)
async def put_part(
    upload_id: str,
    number: Annotated[int, Path(le=2**31 - 1)],
    request: Request,
    response: Response,
    gateway: GatewayDep,
    caller: Writer,
) -> None:
    """Store one part, where the store does not take it itself; a repeated part replaces the earlier one."""
    await run_in_threadpool(gateway.room.check, gateway.settings)
    upload = await run_in_threadpool(_find, gateway, caller, upload_id)
    size = upload.size(number)
    if not size:
        raise NotFound(f"There is no such part: they are numbered 1 to {upload.count}.")
    with gateway.limits.upload(caller.tenant), uploads.spooled(gateway) as path:
        received = await uploads.receive(request, path, size, promised=True)
        if received.bytes != size:
            raise Unprocessable(f"Part {number} has {size} bytes.", "wrong_part")
        await run_in_threadpool(gateway.store.put_part, upload.key, upload.token, number, path)
    response.headers["ETag"] = f'"{received.sha256}"'


@router.post("/{upload_id}/complete", status_code=201)
async def complete_upload(
    upload_id: str,
    later: BackgroundTasks,
    gateway: GatewayDep,
    caller: Writer,
    spacing: schemas.SpacingText | None = None,
    modality: schemas.Modality | None = None,
) -> schemas.Scan:
    """Join the parts, check size, SHA-256 and headers, and record the scan; 409 while parts are missing.

    A scan that can't be used is refused and erased. A repeated call after success returns the same scan.
    """
    options = schemas.Options.from_query(spacing, modality=modality)
    scan = await run_in_threadpool(_completed, gateway, caller, upload_id)
    if scan is None:
        upload = await run_in_threadpool(_find, gateway, caller, upload_id)
        scan = await _complete(gateway, caller, upload, options)
        later.add_task(file_accepted, gateway.ledger, gateway.store, scan.id)
    return schemas.Scan(id=scan.id, sha256=scan.sha256, bytes=scan.bytes, format=scan.format)


@router.delete("/{upload_id}", status_code=204)
def abort_upload(upload_id: str, gateway: GatewayDep, caller: Writer) -> None:
    """Abandon the upload and erase its parts."""
    with gateway.writing(caller) as connection:
        ledger.give_up(connection, caller.tenant, ledger.get(connection, caller.tenant, upload_id))


async def _complete(
    gateway: Gateway, caller: api_keys.Caller, upload: ledger.Upload, options: schemas.Options
) -> jobs.Scan:
    await run_in_threadpool(_join, gateway, upload)
    try:
        async with gateway.turns.turn(caller.tenant):
            scan = await run_in_threadpool(_check, gateway, upload, options)
    except (BadScan, Unprocessable):  # permanent: a concurrent completion finds the same
        await run_in_threadpool(_give_up, gateway, caller, upload)
        raise
    await run_in_threadpool(_record, gateway, caller, upload, scan)
    return scan


def _join(gateway: Gateway, upload: ledger.Upload) -> None:
    with suppress(NotFound):  # joined by another call: its result is checked below
        arrived = gateway.store.parts(upload.key, upload.token)
        missing = [n for n in range(1, upload.count + 1) if arrived.get(n) != upload.size(n)]
        if missing:
            raise Conflict(f"Part {missing[0]} has not arrived ({len(missing)} are missing).", "parts_missing")
        gateway.room.check_join(gateway.settings, upload.bytes)
        gateway.store.finish(upload.key, upload.token)


def _check(gateway: Gateway, upload: ledger.Upload, options: schemas.Options) -> jobs.Scan:
    with gateway.store.file(upload.key) as path:
        digest = sha256(path)
        if path.stat().st_size != upload.bytes or upload.sha256 not in {None, digest}:
            raise Unprocessable("What arrived is not what was announced.", "digest_mismatch")
        declared = sandbox.inspect(path, options.spacing, options.modality)
    return jobs.Scan(upload.scan_id, upload.key, digest, upload.bytes, declared.source, domain.about_scan(declared))


def _record(gateway: Gateway, caller: api_keys.Caller, upload: ledger.Upload, scan: jobs.Scan) -> None:
    with gateway.writing(caller) as connection:
        if not ledger.drop(connection, caller.tenant, upload.id):
            jobs.get_scan(connection, caller.tenant, scan.id)  # a concurrent call has recorded it
            return
        jobs.add_scan(connection, caller.tenant, scan)
        idempotency.remember(connection, caller.tenant, upload.id, "", scan.id)
        audit.record(connection, caller.tenant, caller.key_id, "upload", scan.id)


def _completed(gateway: Gateway, caller: api_keys.Caller, upload_id: str) -> jobs.Scan | None:
    with gateway.reading(caller) as connection:
        scan_id = idempotency.recall(connection, caller.tenant, upload_id, "")
        return None if scan_id is None else jobs.get_scan(connection, caller.tenant, scan_id)


def _give_up(gateway: Gateway, caller: api_keys.Caller, upload: ledger.Upload) -> None:
    with gateway.writing(caller) as connection:
        ledger.give_up(connection, caller.tenant, upload)


def _find(gateway: Gateway, caller: api_keys.Caller, upload_id: str) -> ledger.Upload:
    with gateway.reading(caller) as connection:
        return ledger.get(connection, caller.tenant, upload_id)


def _view(gateway: Gateway, upload: ledger.Upload) -> Upload:
    arrived = gateway.store.parts(upload.key, upload.token)
    parts = [
        Part(
            number=number,
            url=gateway.store.part_link(upload.key, upload.token, number) or f"/v1/uploads/{upload.id}/parts/{number}",
            bytes=upload.size(number),
            done=arrived.get(number) == upload.size(number),
        )
        for number in range(1, upload.count + 1)
    ]
    expires = schemas.time_of(upload.expires)
    return Upload(upload=upload.id, bytes=upload.bytes, part_bytes=upload.part_bytes, expires=expires, parts=parts)
