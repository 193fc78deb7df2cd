"""STOW-RS (PS3.18 10.5): receives instances and answers what became of each."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import Any, BinaryIO

from fastapi import APIRouter, Request, Response
from fastapi.concurrency import run_in_threadpool
from starlette.exceptions import HTTPException

from services.api import uploads
from services.api.bounds import takes_body
from services.api.dicomweb import encoding
from services.api.dicomweb.multipart import Begin, Data, End, Event, Parser, parse_media_type
from services.api.dicomweb.openapi import STORED
from services.api.gateway import DicomWriter, Gateway, GatewayDep
from services.api.requests import body_chunks, check_encoding
from services.api.spool import spool_folder
from shared.errors import BadRequest, ScanTooLarge, Unavailable
from shared.intake.instances import NOT_UNDERSTOOD, PREAMBLE, Part, describe_files
from shared.ledger import api_keys

router = APIRouter(prefix="/dicom-web", tags=["dicomweb"], responses=STORED)


class Spool:
    """Writes parts into files of a folder as they arrive; preambles are zeroed, because they may hide a second
    format.
    """

    def __init__(self, folder: Path) -> None:
        self.folder, self.parts = folder, list[Part]()
        self._file: BinaryIO | None = None
        self._digest = hashlib.sha256()

    def take(self, event: Event) -> None:
        """Apply one event of the parser."""
        try:
            if isinstance(event, Begin):
                self._begin(event.headers.get("content-type", "application/dicom"))
            elif isinstance(event, Data):
                self._data(event.content)
            else:
                self._end()
        except OSError as error:
            raise Unavailable("The instances can't be stored: the disk is full.", "disk_full") from error

    def close(self) -> None:
        """Close the file that is being written."""
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
@takes_body(None)
async def store(request: Request, gateway: GatewayDep, caller: DicomWriter) -> Response:
    """Store instances of any studies."""
    return await _store(request, gateway, caller, None)


@router.post("/studies/{study}", response_class=Response)
@takes_body(None)
async def store_in_study(study: str, request: Request, gateway: GatewayDep, caller: DicomWriter) -> Response:
    """Store instances of one study; instances of another study fail."""
    return await _store(request, gateway, caller, study)


async def _store(request: Request, gateway: Gateway, caller: api_keys.Caller, study: str | None) -> Response:
    kind, parameters = parse_media_type(request.headers.get("content-type", ""))
    single = kind == "application/dicom"
    if not single and (
        kind != "multipart/related" or parameters.get("type", "application/dicom").lower() != "application/dicom"
    ):
        raise HTTPException(415)
    if encoding.accepted(request, encoding.JSON, encoding.XML) is None:
        raise HTTPException(406)
    await run_in_threadpool(uploads.check_room, gateway, caller.tenant)
    with (
        gateway.limits.upload(caller.tenant),
        spool_folder(gateway.settings.spool, "stow") as folder,
    ):
        spool = Spool(folder)
        try:
            parser = None if single else Parser(parameters.get("boundary", ""))
            await _receive(request, parser, spool, gateway.settings.max_upload_bytes)
        finally:
            spool.close()
        async with gateway.turns.turn(caller.tenant):
            await run_in_threadpool(gateway.intake.keep, caller.tenant, spool.parts, study, describe_files)
    return _respond(request, spool.parts)


async def _receive(request: Request, parser: Parser | None, spool: Spool, limit: int) -> None:
    check_encoding(request, "the instances")
    total = 0
    if parser is None:
        spool.take(Begin({}))
    async with uploads.expecting(request, limit) as arrival:
        async for chunk in body_chunks(request):
            total += len(chunk)
            if total > limit:
                raise ScanTooLarge(f"At most {limit} bytes are accepted at once.", "upload_too_large")
            events = parser.feed(chunk) if parser else iter([Data(chunk)])
            await run_in_threadpool(_take, spool, events)
            await run_in_threadpool(arrival.arrived, len(chunk))
    if parser is None:
        spool.take(End())
    else:
        list(parser.finish())
    if not spool.parts or (parser is None and total == 0):
        raise BadRequest("There is no instance in the body.", "empty_body")


def _take(spool: Spool, events: Any) -> None:
    for event in events:
        spool.take(event)


def _respond(request: Request, parts: list[Part]) -> Response:
    """Return the Store Instances Response (PS3.18 table I.1-1): 200 all stored, 202 some or with warnings, 409 none."""
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
    return encoding.single(request, encoding.data_set(**content), 409 if not stored else 200 if clean else 202)


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
