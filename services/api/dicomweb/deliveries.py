"""/v1/dicom/deliveries: what was sent to which DICOMweb server, and trying again."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Annotated, Literal

from fastapi import APIRouter, Query
from pydantic import BaseModel

from services.api.dicomweb.openapi import REFUSED
from services.api.gateway import Connections, DicomReader, DicomWriter
from shared.ledger.dicom import deliveries

router = APIRouter(prefix="/v1/dicom/deliveries", tags=["dicom"], responses=REFUSED)


class DeliveryView(BaseModel):
    """One job's results for one destination; `error` says how the last try failed."""

    id: str
    job: str
    destination: str
    state: Literal["pending", "sending", "delivered", "failed"]
    attempts: int
    error: str | None
    created: datetime
    ended: datetime | None


class DeliveryList(BaseModel):
    """Deliveries, newest first."""

    items: list[DeliveryView]


@router.get("")
def list_deliveries(
    connections: Connections,
    caller: DicomReader,
    job: str | None = None,
    state: Literal["pending", "sending", "delivered", "failed"] | None = None,
    limit: Annotated[int, Query(ge=1, le=500)] = 100,
) -> DeliveryList:
    """The tenant's deliveries, of one job or in one state."""
    with connections.reading(caller) as connection:
        found = deliveries.page(connection, caller.tenant, job_id=job, state=state, limit=limit)
    return DeliveryList(items=[_view(one) for one in found])


@router.post("/{delivery_id}/retry")
def retry(delivery_id: str, connections: Connections, caller: DicomWriter) -> DeliveryView:
    """Makes a failed or waiting delivery due now; 409 if it was delivered or is under way."""
    with connections.writing(caller) as connection:
        deliveries.retry(connection, caller.tenant, delivery_id)
        return _view(deliveries.get(connection, caller.tenant, delivery_id))


def _view(one: deliveries.Delivery) -> DeliveryView:
    return DeliveryView.model_validate(
        {
            "id": one.id,
            "job": one.job_id,
            "destination": one.destination,
            "state": one.state,
            "attempts": one.attempts,
            "error": one.error,
            "created": datetime.fromtimestamp(one.created, UTC),
            "ended": None if one.ended is None else datetime.fromtimestamp(one.ended, UTC),
        }
    )
