"""Receives an upload: streams it to disk while hashing it, checks it in the sandbox, makes it durable."""

from __future__ import annotations

import base64
import binascii
import hashlib
import re
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

from fastapi import Request
from fastapi.concurrency import contextmanager_in_threadpool, run_in_threadpool
from sqlalchemy import Connection

from services.api import domain, schemas
from services.api.gateway import Gateway, gateway_of
from services.api.requests import body_chunks, check_encoding
from services.api.spool import spool_folder
from shared import failpoints, sandbox
from shared.errors import BadRequest, NotAScan, ScanTooLarge, Unavailable, Unprocessable
from shared.intake import admission
from shared.intake.room import Arrival
from shared.ledger import jobs, pending_puts
from shared.ledger.uploads import new_scan, scan_prefix


@dataclass(frozen=True, slots=True)
class Upload:
    """A received body: a file, its SHA-256 and its size in bytes."""

    path: Path
    sha256: str
    bytes: int


@contextmanager
def spooled(gateway: Gateway) -> Iterator[Path]:
    """Yield the path for one upload; its folder is always deleted afterwards."""
    with spool_folder(gateway.settings.spool, "upload") as folder:
        yield folder / "scan"


def check_room(gateway: Gateway, tenant: str) -> None:
    """Refuse new work while queue, disk or the tenant's share is above its limit.

    Raises TooMany or Unavailable.
    """
    admission.check(gateway.ledger, gateway.room, gateway.settings, tenant)


@asynccontextmanager
async def expecting(request: Request, limit: int, *, promised: bool = False) -> AsyncIterator[Arrival]:
    """Count the announced bytes of a request's body as taken while the context lasts.

    A part of an upload is `promised`: its bytes were counted when the upload began. Raises ScanTooLarge above `limit`
    bytes, and Unavailable where the disk has no room.
    """
    declared, gateway = request.headers.get("content-length", ""), gateway_of(request)
    size = int(declared[:20]) if declared.isascii() and declared.isdigit() else 0
    if size > limit:
        raise ScanTooLarge(f"At most {limit} bytes are accepted at once.", "upload_too_large")
    if promised:
        yield Arrival(gateway.room, gateway.settings, 0)
        return
    async with contextmanager_in_threadpool(gateway.room.expecting(gateway.settings, size)) as arrival:
        yield arrival


async def receive(request: Request, path: Path, limit: int, *, promised: bool = False) -> Upload:
    """Stream the body into `path` in bounded memory; check its size and its Content-Digest, if it has one.

    `promised` as for `expecting`.
    """
    check_encoding(request, "the scan itself,")
    digest, total, metrics = hashlib.sha256(), 0, gateway_of(request).metrics

    def keep(file: BinaryIO, data: bytes, arrival: Arrival) -> None:
        digest.update(data)
        try:
            file.write(data)
        except OSError as error:
            raise Unavailable("The scan can't be stored: the disk is full.", "disk_full") from error
        arrival.arrived(len(data))

    async with expecting(request, limit, promised=promised) as arrival:
        with path.open("wb") as file, _counted(request):
            async for data in body_chunks(request):
                total += len(data)
                if total > limit:
                    raise ScanTooLarge(f"At most {limit} bytes are accepted.", "upload_too_large")
                await run_in_threadpool(keep, file, data, arrival)
                metrics.upload_bytes.inc(len(data))
    if not total:
        raise NotAScan("The body is empty: send the scan as the raw body.", "empty_body")
    _check_digest(request.headers.get("content-digest"), digest.digest())
    return Upload(path, digest.hexdigest(), total)


async def check(gateway: Gateway, tenant: str, upload: Upload, options: schemas.Options) -> jobs.Scan:
    """Check container, headers and declared sizes; return the scan with a new id, not yet stored.

    Raises a `BadScan`.
    """
    async with gateway.turns.turn(tenant):
        declared = await run_in_threadpool(sandbox.inspect, upload.path, options.spacing, options.modality)
    scan_id, key = new_scan()
    return jobs.Scan(scan_id, key, upload.sha256, upload.bytes, declared.source, domain.about_scan(declared))


@contextmanager
def stored(gateway: Gateway, scan: jobs.Scan, path: Path) -> Iterator[None]:
    """Make the bytes durable; the context must record the scan with `record`, or they are deleted at its end."""
    with gateway.announced([scan_prefix(scan.id)]):
        gateway.store.put(scan.key, path)
        failpoints.hit("gateway", "after-store")
        yield


def record(connection: Connection, tenant: str, scan: jobs.Scan) -> None:
    """Record a scan whose bytes `stored` has made durable.

    Raises Unavailable if their deletion is already scheduled.
    """
    jobs.add_scan(connection, tenant, scan)
    pending_puts.settle(connection, [scan_prefix(scan.id)])


@contextmanager
def _counted(request: Request) -> Iterator[None]:
    metrics = gateway_of(request).metrics
    outcome = "refused"
    with metrics.uploads_open.track_inprogress(), metrics.upload_seconds.time():
        try:
            yield
            outcome = "received"
        finally:
            metrics.uploads.labels(outcome).inc()


def _check_digest(header: str | None, digest: bytes) -> None:
    """Compare with `Content-Digest: sha-256=:...:` (RFC 9530).

    Raises BadRequest or Unprocessable.
    """
    match = re.search(r"sha-256=:([A-Za-z0-9+/=]*):", header or "", re.IGNORECASE)
    if match is None:
        return
    try:
        expected = base64.b64decode(match[1], validate=True)
    except binascii.Error as error:
        raise BadRequest("The Content-Digest header is damaged.", "bad_digest") from error
    if expected != digest:
        raise Unprocessable("The body does not have the SHA-256 that Content-Digest names.", "digest_mismatch")
