"""STOW-RS (PS3.18 10.5): instances come in, are checked in the sandbox, made durable and recorded."""

from __future__ import annotations

import hashlib
import re
import tempfile
from collections.abc import AsyncIterator
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, BinaryIO

from fastapi import APIRouter, Request, Response
from fastapi.concurrency import run_in_threadpool
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect

from services.api import uploads
from services.api.dicomweb import encoding
from services.api.dicomweb.multipart import Begin, Data, End, Event, Parser, parse_media_type
from services.api.dicomweb.openapi import STORED
from services.api.gateway import Connections, Context, DicomWriter
from shared import sandbox
from shared.errors import BadRequest, BadScan, ScanTooLarge, Unavailable
from shared.ledger import api_keys
from shared.ledger.dicom import instances
from shared.ledger.ids import new_id
from shared.pacs import describe, instance_list

router = APIRouter(prefix="/dicom-web", tags=["dicomweb"], responses=STORED)
PREAMBLE = 128
BATCH = 100

_UID = re.compile(r"^[0-9]+(\.[0-9]+)*$")
OUT_OF_RESOURCES, MISMATCH, NOT_UNDERSTOOD, PROCESSING = 0xA700, 0xA900, 0xC000, 0x0110
DISCARDED = 0xB006
"""Warning: the tenant holds other bytes under this UID; the new ones were discarded."""


@dataclass(slots=True)
class Part:
    """One received instance: its file without preamble text, its SHA-256, its size, and what became of it."""

    path: Path
    sha256: str = ""
    bytes: int = 0
    about: dict[str, Any] = field(default_factory=dict)
    failure: int | None = None
    warning: int | None = None


class Spool:
    """Writes parts into files of a folder as they come, each file's preamble zeroed (it may hold a second format)."""

    def __init__(self, folder: Path) -> None:
        self.folder, self.parts = folder, list[Part]()
        self._file: BinaryIO | None = None
        self._digest = hashlib.sha256()

    def take(self, event: Event) -> None:
        """Follows one event of the parser."""
        try:
            if isinstance(event, Begin):
                self._begin(event.headers.get("content-type", "application/dicom"))
            elif isinstance(event, Data):
                self._data(event.content)
            else:
                self._end()
        except OSError as error:
            raise Unavailable("The instances can't be kept: the disk is full.", "disk_full") from error

    def close(self) -> None:
        """Closes the file that is being written."""
        if self._file is not None:
            self._file.close()
            self._file = None

    def _begin(self, kind: str) -> None:
        part = Part(self.folder / f"{len(self.parts):06d}")
        if parse_media_type(kind)[0] != "application/dicom":
            part.failure = NOT_UNDERSTOOD
        self.parts.append(part)
        self._file, self._digest = part.path.open("wb"), hashlib.sha256()

    def _data(self, content: bytes) -> None:
        part = self.parts[-1]
        covered = max(min(PREAMBLE - part.bytes, len(content)), 0)
        content = b"\0" * covered + content[covered:]
        part.bytes += len(content)
        self._digest.update(content)
        if self._file is not None:
            self._file.write(content)

    def _end(self) -> None:
        self.parts[-1].sha256 = self._digest.hexdigest()
        self.close()


@router.post("/studies", response_class=Response)
async def store(request: Request, connections: Connections, caller: DicomWriter) -> Response:
    """Stores instances of any studies."""
    return await _store(request, connections, caller, None)


@router.post("/studies/{study}", response_class=Response)
async def store_in_study(study: str, request: Request, connections: Connections, caller: DicomWriter) -> Response:
    """Stores instances of one study; those of another fail."""
    return await _store(request, connections, caller, study)


async def _store(request: Request, context: Context, caller: api_keys.Caller, study: str | None) -> Response:
    kind, parameters = parse_media_type(request.headers.get("content-type", ""))
    single = kind == "application/dicom"
    if not single and (
        kind != "multipart/related" or parameters.get("type", "application/dicom").lower() != "application/dicom"
    ):
        raise HTTPException(415)
    if encoding.accepted(request, encoding.JSON, encoding.XML) is None:
        raise HTTPException(406)
    await run_in_threadpool(uploads.check_room, context, caller.tenant)
    with tempfile.TemporaryDirectory(prefix="stow-", dir=context.settings.spool) as folder:
        spool = Spool(Path(folder))
        try:
            parser = None if single else Parser(parameters.get("boundary", ""))
            await _receive(request, parser, spool, context.settings.max_upload_bytes)
        finally:
            spool.close()
        async with uploads.CHECKS:
            await run_in_threadpool(_keep, context, caller, study, spool.parts)
    return _answer(request, spool.parts)


async def _receive(request: Request, parser: Parser | None, spool: Spool, limit: int) -> None:
    total = 0
    if parser is None:
        spool.take(Begin({}))
    async for chunk in _chunks(request):
        total += len(chunk)
        if total > limit:
            raise ScanTooLarge(f"At most {limit} bytes are accepted at once.", "upload_too_large")
        events = parser.feed(chunk) if parser else iter([Data(chunk)])
        await run_in_threadpool(_take, spool, events)
    if parser is None:
        spool.take(End())
    else:
        list(parser.finish())
    if not spool.parts or (parser is None and total == 0):
        raise BadRequest("There is no instance in the body.", "empty_body")


def _take(spool: Spool, events: Any) -> None:
    for event in events:
        spool.take(event)


async def _chunks(request: Request) -> AsyncIterator[bytes]:
    if request.headers.get("content-encoding", "identity").lower() != "identity":
        raise BadRequest("Send the instances without Content-Encoding.", "content_encoding")
    buffer = bytearray()
    try:
        async for chunk in request.stream():
            buffer += chunk
            if len(buffer) >= 1 << 20:
                yield bytes(buffer)
                buffer.clear()
    except ClientDisconnect as error:
        raise BadRequest("The upload ended before its end.", "incomplete_body") from error
    if buffer:
        yield bytes(buffer)


def _keep(context: Context, caller: api_keys.Caller, study: str | None, parts: list[Part]) -> None:
    """Describes the parts in the sandbox, stores what is new, and records it in one transaction per batch."""
    for start in range(0, len(parts), BATCH):
        batch = parts[start : start + BATCH]
        _describe(batch, study)
        good = [part for part in batch if part.failure is None]
        with context.reading(caller) as connection:
            held = instances.known(connection, caller.tenant, [part.about["instance"] for part in good])
        new = []
        for part in good:
            uid = part.about["instance"]
            if uid in held:
                part.warning = None if held[uid] == part.sha256 else DISCARDED
            else:
                held[uid] = part.sha256
                new.append(part)
        _record(context, caller, new)


def _describe(batch: list[Part], study: str | None) -> None:
    files = [[str(part.path), str(_metadata(part))] for part in batch]
    found = _described(files)
    for part, about in zip(batch, found, strict=True):
        part.about = about
        if part.failure is None:
            part.failure = _failure(about, study)


def _described(files: list[list[str]]) -> list[dict[str, Any]]:
    """What the sandbox says of each file; one that brings it down is found by halving and harms no other."""
    try:
        found: list[dict[str, Any]] = sandbox.call("describe", 20.0 + 0.5 * len(files), files=files)["instances"]
    except BadScan:
        if len(files) == 1:
            return [{"error": "damaged"}]
        middle = len(files) // 2
        return _described(files[:middle]) + _described(files[middle:])
    return found


def _failure(about: dict[str, Any], study: str | None) -> int | None:
    """The failure reason of PS3.18 table 10.5.3-1 that applies, if one does."""
    if "error" in about:
        return OUT_OF_RESOURCES if about["error"] == "too_large" else NOT_UNDERSTOOD
    uids = [about[name] for name in ("instance", "study", "series", "sop_class")]
    if not all(_UID.match(uid) and len(uid) <= 64 for uid in uids) or not about["syntax"]:
        return MISMATCH
    return MISMATCH if study is not None and about["study"] != study else None


def _record(context: Context, caller: api_keys.Caller, new: list[Part]) -> None:
    made = []
    for part in new:
        instance_id, path = new_id("inst"), _metadata(part)
        made.append((part, *describe.instance(instance_id, part.about, path, part.sha256, part.bytes)))
        context.store.put(instance_list.metadata_key(instance_id), path)
        context.store.put(instance_list.instance_key(instance_id), part.path)
    surplus = []
    with context.writing(caller) as connection:
        for part, instance, about in made:
            if not instances.add(connection, caller.tenant, instance, about):  # another request was faster
                surplus.append(instance.id)
                if instances.known(connection, caller.tenant, [instance.uid])[instance.uid] != part.sha256:
                    part.warning = DISCARDED
    for instance_id in surplus:
        with suppress(Unavailable):
            context.store.delete(f"dicom/{instance_id}/")


def _metadata(part: Part) -> Path:
    return part.path.with_name(part.path.name + ".json")


def _answer(request: Request, parts: list[Part]) -> Response:
    """The Store Instances Response (PS3.18 table I.1-1): 200 all stored, 202 some or with warnings, 409 none."""
    stored = [_item(request, part) for part in parts if part.failure is None]
    failed = [_item(request, part) for part in parts if part.failure is not None]
    content: dict[str, Any] = {}
    studies = {part.about["study"] for part in parts if part.failure is None}
    if len(studies) == 1:
        content["RetrieveURL"] = f"{_base(request)}/studies/{studies.pop()}"
    if failed:
        content["FailedSOPSequence"] = failed
    if stored:
        content["ReferencedSOPSequence"] = stored
    clean = not failed and all(part.warning is None for part in parts)
    return encoding.one(request, encoding.data_set(**content), 409 if not stored else 200 if clean else 202)


def _item(request: Request, part: Part) -> dict[str, Any]:
    about = part.about
    item = {
        "ReferencedSOPClassUID": about.get("sop_class", ""),
        "ReferencedSOPInstanceUID": about.get("instance", ""),
    }
    if part.failure is not None:
        return encoding.data_set(**item, FailureReason=part.failure)
    url = f"{_base(request)}/studies/{about['study']}/series/{about['series']}/instances/{about['instance']}"
    if part.warning is not None:
        return encoding.data_set(**item, RetrieveURL=url, WarningReason=part.warning)
    return encoding.data_set(**item, RetrieveURL=url)


def _base(request: Request) -> str:
    return str(request.base_url).rstrip("/") + "/dicom-web"
