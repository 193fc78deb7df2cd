"""/v1/scans: uploads that jobs can be started on."""

from __future__ import annotations

from typing import Any, Literal

from fastapi import APIRouter, BackgroundTasks, Request
from fastapi.concurrency import run_in_threadpool
from starlette.exceptions import HTTPException

from services.api import schemas, uploads
from services.api.gateway import Connections, Context, Writer
from services.api.routes import uploads as uploads_route
from services.api.routes.jobs import RAW_BODY, read_json
from shared.ledger import api_keys, audit, jobs
from shared.operations.manifests import file_accepted

router = APIRouter(prefix="/v1/scans", tags=["scans"])
SCAN_BODY: dict[str, Any] = {
    "requestBody": {
        "required": True,
        "content": RAW_BODY["requestBody"]["content"]
        | {"application/json": {"schema": schemas.inlined(uploads_route.UploadRequest)}},
    }
}


@router.post("", status_code=201, openapi_extra=SCAN_BODY)
async def upload_scan(
    request: Request,
    later: BackgroundTasks,
    connections: Connections,
    caller: Writer,
    spacing: schemas.SpacingText | None = None,
    upload: Literal["raw", "direct"] = "raw",
) -> schemas.Scan | uploads_route.Upload:
    """Accepts a scan as the raw body, without starting a job; with `upload=direct` starts an upload in parts."""
    if upload == "direct":
        asked = await read_json(request, uploads_route.UploadRequest)
        return await run_in_threadpool(uploads_route.begin, connections, caller, asked)
    if uploads.media_type(request) not in uploads.RAW_TYPES:
        raise HTTPException(415)
    await run_in_threadpool(uploads.check_room, connections, caller.tenant)
    options = schemas.Options.from_query("standard", spacing)
    with connections.limits.upload(caller.tenant), uploads.spooled(connections) as path:
        received = await uploads.receive(request, path, connections.settings.max_upload_bytes)
        scan = await uploads.accept(connections, received, options.spacing)
    await run_in_threadpool(_record, connections, caller, scan)
    later.add_task(file_accepted, connections.ledger, connections.store, scan.id)
    return schemas.Scan(id=scan.id, sha256=scan.sha256, bytes=scan.bytes, format=scan.format)


def _record(context: Context, caller: api_keys.Caller, scan: jobs.Scan) -> None:
    with context.writing(caller) as connection:
        jobs.add_scan(connection, caller.tenant, scan)
        audit.record(connection, caller.tenant, caller.key_id, "upload", scan.id)
