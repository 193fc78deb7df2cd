"""/v1/dicom/deliveries: results on their way to other DICOM systems, new ones and retries."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Annotated, Literal

from fastapi import APIRouter, Query
from pydantic import BaseModel, ConfigDict, Field

from services.api.dicomweb.openapi import REFUSED
from services.api.gateway import DicomReader, DicomWriter, Gateway, GatewayDep
from services.api.views import missing_file
from shared.errors import Conflict, NotFound
from shared.ledger import api_keys, audit, jobs
from shared.ledger.dicom import deliveries
from shared.outbound import destinations

router = APIRouter(tags=["dicom"], responses=REFUSED)


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


class DestinationView(BaseModel):
    """A system that results can be sent to; its address is the operator's matter."""

    name: str
    protocol: Literal["DICOMweb", "DIMSE"]


class DestinationList(BaseModel):
    """The destinations of the tenant."""

    items: list[DestinationView]


class DeliveryRequest(BaseModel):
    """Where a result must go: a name of `GET /v1/dicom/destinations`."""

    model_config = ConfigDict(extra="forbid")

    destination: Annotated[str, Field(min_length=1, max_length=64)]


@router.get("/v1/dicom/destinations")
def list_destinations(gateway: GatewayDep, caller: DicomReader) -> DestinationList:
    """Return the DICOM systems that the operator configured for the tenant's results."""
    known = _destinations(gateway, caller)
    protocols: dict[bool, Literal["DICOMweb", "DIMSE"]] = {False: "DICOMweb", True: "DIMSE"}
    return DestinationList(
        items=[DestinationView(name=name, protocol=protocols[to.is_dimse]) for name, to in known.items()]
    )


@router.post("/v1/jobs/{job_id}/deliveries", status_code=202)
def send(job_id: str, body: DeliveryRequest, gateway: GatewayDep, caller: DicomWriter) -> DeliveryView:
    """Send the newest finished revision of a result to a destination, again if it was sent before.

    The scan must have been DICOM. The DICOM files of an uploaded scan are written first, and are then instances of the
    tenant's archive. 404 for an unknown destination, 409 where no organ was found.
    """
    if body.destination not in _destinations(gateway, caller):
        raise NotFound("There is no such destination.")
    with gateway.writing(caller) as connection:
        jobs.lock(connection, job_id)
        job = jobs.get(connection, caller.tenant, job_id)
        _check_dicom(job, jobs.get_scan(connection, caller.tenant, job.scan_id))
        ready = bool(deliveries.contents(connection, job_id, revision=job.revision))
        delivery = deliveries.request(connection, caller.tenant, job_id, body.destination, job.revision, ready)
        audit.record(connection, caller.tenant, caller.key_id, "send", job_id)
    return _view(delivery)


def _destinations(gateway: Gateway, caller: api_keys.Caller) -> dict[str, destinations.Destination]:
    known = destinations.load(gateway.settings.destinations)
    return {name: known[name] for name in destinations.of_tenant(known, caller.tenant)}


def _check_dicom(job: jobs.Job, scan: jobs.Scan) -> None:
    """Raise NotFound or Conflict where there is nothing to send."""
    if job.state != "succeeded":
        raise missing_file(job, "result to send")
    if scan.format != "dicom":
        raise NotFound("The scan was not DICOM: there is nothing to send.", "not_dicom")
    if "segmentation.dcm" not in job.current_offers:
        raise Conflict("No organ was found in the scan.", "no_organs")


@router.get("/v1/dicom/deliveries")
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


@router.post("/v1/dicom/deliveries/{delivery_id}/retry")
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
