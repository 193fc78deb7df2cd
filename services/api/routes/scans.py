"""/v1/scans: uploaded scans for later jobs."""

from __future__ import annotations

from pathlib import Path
from typing import Literal

from fastapi import APIRouter, BackgroundTasks, Request
from fastapi.concurrency import run_in_threadpool
from starlette.exceptions import HTTPException

from services.api import schemas, uploads
from services.api.bounds import takes_body
from services.api.gateway import Gateway, GatewayDep, Writer
from services.api.requests import RAW_TYPES, media_type, raw_or_json, read_json
from services.api.routes import uploads as uploads_route
from shared.ledger import api_keys, audit, jobs
from shared.operations.manifests import file_accepted

router = APIRouter(prefix="/v1/scans", tags=["scans"])
SCAN_BODY = raw_or_json(schemas.inlined(uploads_route.UploadRequest))


@router.post("", status_code=201, openapi_extra=SCAN_BODY)
@takes_body(None)
async def upload_scan(
    request: Request,
    later: BackgroundTasks,
    gateway: GatewayDep,
    caller: Writer,
    spacing: schemas.SpacingText | None = None,
    modality: schemas.Modality | None = None,
    upload: Literal["raw", "direct"] = "raw",
) -> schemas.Scan | uploads_route.Upload:
    """Accept a scan as the raw body, without starting a job; with `upload=direct` start an upload in parts."""
    if upload == "direct":
        body = await read_json(request, uploads_route.UploadRequest)
        return await run_in_threadpool(uploads_route.begin, gateway, caller, body)
    if media_type(request) not in RAW_TYPES:
        raise HTTPException(415)
    await run_in_threadpool(uploads.check_room, gateway, caller.tenant)
    options = schemas.Options.from_query(spacing, modality=modality)
    with gateway.limits.upload(caller.tenant), uploads.spooled(gateway) as path:
        received = await uploads.receive(request, path, gateway.settings.max_upload_bytes)
        scan = await uploads.check(gateway, caller.tenant, received, options)
        await run_in_threadpool(_store, gateway, caller, scan, received.path)
    later.add_task(file_accepted, gateway.ledger, gateway.store, scan.id)
    return schemas.Scan(id=scan.id, sha256=scan.sha256, bytes=scan.bytes, format=scan.format)


def _store(gateway: Gateway, caller: api_keys.Caller, scan: jobs.Scan, path: Path) -> None:
    with uploads.stored(gateway, scan, path), gateway.writing(caller) as connection:
        uploads.record(connection, caller.tenant, scan)
        audit.record(connection, caller.tenant, caller.key_id, "upload", scan.id)
