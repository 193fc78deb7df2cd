"""/v1/audit: who did what to which object of the tenant, when."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Query
from fastapi.responses import JSONResponse
from pydantic import BaseModel

from services.api import fhir, schemas
from services.api.gateway import Admin, GatewayDep
from shared.ledger import audit

router = APIRouter(prefix="/v1/audit", tags=["access"])
_FHIR: dict[int | str, dict[str, Any]] = {200: {"content": {fhir.MEDIA_TYPE: {}}}}


class Entry(BaseModel):
    """One audit record; `digest` covers it and the digest of the record before."""

    number: int
    at: datetime
    actor: str
    action: str
    object: str
    outcome: str
    digest: str


class Trail(BaseModel):
    """A page of the trail, oldest first; pass `next` as `after` to get the page after it."""

    items: list[Entry]
    next: int | None


@router.get("", response_model=Trail, responses=_FHIR)
def read_trail(
    gateway: GatewayDep,
    caller: Admin,
    after: Annotated[int, Query(ge=0, le=2**62)] = 0,
    limit: Annotated[int, Query(ge=1, le=1000)] = 100,
    format: Literal["json", "fhir"] = "json",
) -> Trail | JSONResponse:
    """Return the tenant's audit records, as they are or as a FHIR Bundle of AuditEvents (IHE BALP)."""
    with gateway.reading(caller) as connection:
        page = list(audit.records(connection, caller.tenant, after, limit))
    if format == "fhir":
        return JSONResponse(fhir.bundle(page), media_type=fhir.MEDIA_TYPE)
    return Trail(items=[_entry(record) for record in page], next=page[-1].number if len(page) == limit else None)


def _entry(record: audit.Record) -> Entry:
    return Entry(
        number=record.number, at=schemas.time_of(record.at), actor=record.actor, action=record.action,
        object=record.object, outcome=record.outcome, digest=record.digest,
    )  # fmt: skip
