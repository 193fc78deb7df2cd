"""An upload on its way in: streamed to disk while it is hashed, checked in the sandbox, made durable."""

from __future__ import annotations

import base64
import binascii
import hashlib
import re
import shutil
import tempfile
from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

import anyio
from fastapi import Request
from fastapi.concurrency import run_in_threadpool
from starlette.requests import ClientDisconnect

from services.api.gateway import Context, context
from shared import sandbox
from shared.errors import BadRequest, NotAScan, ScanTooLarge, TooMany, Unavailable, Unprocessable
from shared.ledger import jobs
from shared.ledger.uploads import new_scan
from shared.worker import failpoints

RAW_TYPES = (
    "application/octet-stream", "application/zip", "application/x-zip-compressed", "application/dicom",
    "application/gzip", "application/x-gzip", "application/x-www-form-urlencoded", "",
)  # fmt: skip
_BUFFER = 1 << 20
CHECKS = anyio.CapacityLimiter(2)
"""Sandboxes at work at once in this process."""


@dataclass(frozen=True, slots=True)
class Upload:
    """A received body: a file, its SHA-256 and its size in bytes."""

    path: Path
    sha256: str
    bytes: int


def media_type(request: Request) -> str:
    """The request's media type, without parameters, in lower case."""
    return request.headers.get("content-type", "").partition(";")[0].strip().lower()


@contextmanager
def spooled(opened: Context) -> Iterator[Path]:
    """A place for one upload; whatever happens, nothing is left there."""
    with tempfile.TemporaryDirectory(prefix="upload-", dir=opened.settings.spool) as folder:
        yield Path(folder) / "scan"


def check_room(opened: Context, tenant: str) -> None:
    """Refuses new work while queue, disk or the tenant's share is over its bound: TooMany or Unavailable."""
    with opened.ledger.read() as connection:
        if jobs.waiting(connection) >= opened.settings.queue_bound:
            raise TooMany("Too many jobs are waiting; send it again later.", "queue_full")
        share = jobs.share(connection, tenant, opened.settings.open_jobs)
    if share is not None and share <= 0:
        raise TooMany("Too many of your jobs wait or run; send it again when one has ended.", "quota_jobs")
    opened.settings.spool.mkdir(parents=True, exist_ok=True)
    if shutil.disk_usage(opened.settings.spool).free < opened.settings.free_bytes:
        raise Unavailable("There is too little disk space to accept a scan; nothing was accepted.", "disk_full")


async def receive(request: Request, path: Path, limit: int) -> Upload:
    """Streams the body into `path` in bounded memory; checks its size and, where given, its Content-Digest."""
    if request.headers.get("content-encoding", "identity").lower() != "identity":
        raise BadRequest("Send the scan itself, without Content-Encoding.", "content_encoding")
    declared = request.headers.get("content-length", "")
    if declared.isdigit() and int(declared) > limit:
        raise ScanTooLarge(f"At most {limit} bytes are accepted.", "upload_too_large")
    digest, total, metrics = hashlib.sha256(), 0, context(request).metrics

    def keep(file: BinaryIO, data: bytes) -> None:
        digest.update(data)
        try:
            file.write(data)
        except OSError as error:
            raise Unavailable("The scan can't be kept: the disk is full.", "disk_full") from error

    with path.open("wb") as file, _counted(request):
        async for data in _pieces(request):
            total += len(data)
            if total > limit:
                raise ScanTooLarge(f"At most {limit} bytes are accepted.", "upload_too_large")
            await run_in_threadpool(keep, file, data)
            metrics.upload_bytes.inc(len(data))
    if not total:
        raise NotAScan("The body is empty: send the scan as the raw body.", "empty_body")
    _check_digest(request.headers.get("content-digest"), digest.digest())
    return Upload(path, digest.hexdigest(), total)


async def accept(opened: Context, upload: Upload, spacing: tuple[float, float, float] | None) -> jobs.Scan:
    """Checks container, headers and declared sizes, then makes the bytes durable; raises a `BadScan`."""
    async with CHECKS:
        declared = await run_in_threadpool(sandbox.inspect, upload.path, spacing)
    scan_id, key = new_scan()
    scan = jobs.Scan(scan_id, key, upload.sha256, upload.bytes, declared.source)
    await run_in_threadpool(opened.store.put, scan.key, upload.path)
    failpoints.hit("gateway", "after-store")
    return scan


@contextmanager
def _counted(request: Request) -> Iterator[None]:
    metrics = context(request).metrics
    outcome = "refused"
    with metrics.uploads_open.track_inprogress(), metrics.upload_seconds.time():
        try:
            yield
            outcome = "received"
        finally:
            metrics.uploads.labels(outcome).inc()


async def _pieces(request: Request) -> AsyncIterator[bytes]:
    buffer = bytearray()
    try:
        async for chunk in request.stream():
            buffer += chunk
            if len(buffer) >= _BUFFER:
                yield bytes(buffer)
                buffer.clear()
    except ClientDisconnect as error:
        raise BadRequest("The upload ended before its end.", "incomplete_body") from error
    if buffer:
        yield bytes(buffer)


def _check_digest(header: str | None, digest: bytes) -> None:
    """Compares with `Content-Digest: sha-256=:...:` (RFC 9530)."""
    match = re.search(r"sha-256=:([A-Za-z0-9+/=]*):", header or "", re.IGNORECASE)
    if match is None:
        return
    try:
        expected = base64.b64decode(match[1], validate=True)
    except binascii.Error as error:
        raise BadRequest("The Content-Digest header is damaged.", "bad_digest") from error
    if expected != digest:
        raise Unprocessable("The body does not have the SHA-256 that Content-Digest names.", "digest_mismatch")
