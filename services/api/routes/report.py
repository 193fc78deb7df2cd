"""/v1/jobs/{id}/report.pdf: the result as a report to read, to print and to keep."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from typing import Any

from fastapi import APIRouter, Header, Request, Response
from fastapi.concurrency import run_in_threadpool

from services.api import schemas
from services.api.gateway import Gateway, GatewayDep, Reader
from services.api.on_request import FileToWrite
from services.api.report.content import Content, Measurements, Patient
from services.api.report.layout import to_pdf
from services.api.report.words import Language, preferred
from services.api.routes.results import FileContent, answer, find_file, still_waiting
from services.api.schemas import RevisionNumber
from shared.artifacts import PICTURES, VOLUME, unpack_pictures
from shared.ledger import api_keys, descriptions, jobs
from shared.pacs import results

router = APIRouter(prefix="/v1/jobs/{job_id}", tags=["results"])
NAME = "report.pdf"
_PDF: dict[int | str, dict[str, Any]] = {
    200: {"content": {"application/pdf": {}}, "description": "The report."},
    202: {"model": schemas.FileState, "description": "Its pictures are still being drawn: request it again."},
    304: {"description": "The report that the client has is still right."},
}
_PATIENT_SCOPE = "dicom:read"


@router.head(f"/{NAME}", include_in_schema=False, response_class=Response)
@router.get(f"/{NAME}", response_class=Response, responses=_PDF)
async def get_report(
    job_id: str,
    request: Request,
    gateway: GatewayDep,
    caller: Reader,
    lang: Language | None = None,
    revision: RevisionNumber = None,
    accept_language: str = Header("", max_length=1000, include_in_schema=False),
) -> Response:
    """Return the result as a PDF: volumes with warnings, a picture of each organ, models, revision, review state.

    `lang` is `en` or `de`; without it Accept-Language decides. The pictures are drawn at the first request, once: the
    answer waits up to ten seconds, then it is 202 with `Retry-After`. The patient of a DICOM scan is named only to
    callers with the scope `dicom:read`; guests of a share link see neither the patient nor what people wrote.
    """
    composing = _Composing(gateway, caller, job_id, revision, lang or preferred(accept_language))
    for _ in range(3):  # the revision itself may have to be written, then its pictures
        content = await run_in_threadpool(composing.compose)
        if isinstance(content, FileContent):
            return _with_language(answer(request, gateway, NAME, NAME, content), composing.language)
        await gateway.files.write(caller, job_id, content)
    return still_waiting(NAME)


def _with_language(response: Response, language: Language) -> Response:
    response.headers["Content-Language"] = language
    response.headers["Vary"] = "Accept-Language"
    return response


@dataclass(frozen=True, slots=True)
class _Composing:
    gateway: Gateway
    caller: api_keys.Caller
    job_id: str
    revision: int | None
    language: Language

    def compose(self) -> FileContent | FileToWrite:
        """Return the report, or the file that must be written first.

        Raises NotFound or Conflict where the job can't have a report.
        """
        measured = find_file(self.gateway, self.caller, self.job_id, "report.json", "report.json", self.revision)
        if isinstance(measured, FileToWrite):
            return measured
        with self.gateway.reading(self.caller) as connection:
            job = jobs.get(connection, self.caller.tenant, self.job_id)
            scan = jobs.get_scan(connection, self.caller.tenant, job.scan_id)
            wanted = self.revision or job.revision
            pictures = jobs.published(connection, job.id, wanted).get(PICTURES)
            has_volume = VOLUME in jobs.published(connection, job.id)
            described = descriptions.of(connection, [job.id]).get(job.id, descriptions.Description())
        if pictures is None and has_volume:
            return FileToWrite(PICTURES, wanted)
        with self.gateway.turns.in_thread(self.caller.tenant):
            content = Content(
                job=job.id,
                created=schemas.time_of(job.created),
                ended=schemas.time_or_none(job.ended),
                measured=Measurements.model_validate_json(b"".join(measured.read(self.gateway, 0, measured.size))),
                pictures=unpack_pictures(b"".join(self.gateway.store.read(pictures.key))) if pictures else [],
                described=None if self.caller.job else described,
                patient=self._patient(scan),
            )
            data = to_pdf(content, self.language)
        return FileContent(measured.artifact, len(data), hashlib.sha256(data).hexdigest(), data)

    def _patient(self, scan: jobs.Scan) -> Patient | None:
        may_see = self.caller.job is None and _PATIENT_SCOPE in self.caller.scopes
        if scan.format != "dicom" or not may_see:
            return None
        return Patient.of(results.identity(self.gateway.store, scan))
