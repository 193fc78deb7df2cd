"""/v1/dicom/deliveries: results on their way to DICOMweb servers, and retries."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Annotated, Literal

from fastapi import APIRouter, Query
from pydantic import BaseModel

from services.api.dicomweb.openapi import REFUSED
from services.api.gateway import DicomReader, DicomWriter, GatewayDep
from shared.ledger.dicom import deliveries

router = APIRouter(prefix="/v1/dicom/deliveries", tags=["dicom"], responses=REFUSED)


class DeliveryView(BaseModel):
    """A revision of the result of one job for one destination; `error` says why the last attempt failed."""

    id: str
    job: str
    revision: int
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
    gateway: GatewayDep,
    caller: DicomReader,
    job: str | None = None,
    state: Literal["pending", "sending", "delivered", "failed"] | None = None,
    limit: Annotated[int, Query(ge=1, le=500)] = 100,
) -> DeliveryList:
    """Return the tenant's deliveries, of one job or in one state."""
    with gateway.reading(caller) as connection:
        page = deliveries.page(connection, caller.tenant, job_id=job, state=state, limit=limit)
    return DeliveryList(items=[_view(delivery) for delivery in page])


@router.post("/{delivery_id}/retry")
def retry(delivery_id: str, gateway: GatewayDep, caller: DicomWriter) -> DeliveryView:
    """Make a failed or waiting delivery due now; 409 if it was delivered or is being sent."""
    with gateway.writing(caller) as connection:
        deliveries.retry(connection, caller.tenant, delivery_id)
        return _view(deliveries.get(connection, caller.tenant, delivery_id))


def _view(delivery: deliveries.Delivery) -> DeliveryView:
    return DeliveryView.model_validate(
        {
            "id": delivery.id,
            "job": delivery.job_id,
            "revision": delivery.revision,
            "destination": delivery.destination,
            "state": delivery.state,
            "attempts": delivery.attempts,
            "error": delivery.error,
            "created": datetime.fromtimestamp(delivery.created, UTC),
            "ended": None if delivery.ended is None else datetime.fromtimestamp(delivery.ended, UTC),
        }
    )
