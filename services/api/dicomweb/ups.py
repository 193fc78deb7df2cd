"""UPS-RS (PS3.18 chapter 11; IHE AIW-I): the worklist. Every job of a DICOM scan is a workitem."""

from __future__ import annotations

import json
import re
from contextlib import suppress
from typing import Any

from fastapi import APIRouter, Request, Response
from fastapi.concurrency import run_in_threadpool
from sqlalchemy import Connection

from services.api.bounds import takes_body
from services.api.dicomweb import encoding, qido, workitems
from services.api.dicomweb.encoding import Json
from services.api.dicomweb.openapi import WORKED
from services.api.dicomweb.workitems import STATE, TRANSACTION
from services.api.gateway import DicomReader, DicomWriter, Gateway, GatewayDep
from shared.errors import BadRequest, Conflict
from shared.imaging.formats.origin import derived_uid
from shared.ledger import api_keys, jobs, models
from shared.ledger.dicom import requests
from shared.ledger.dicom import series as ledger_series
from shared.ledger.dicom import workitems as dicom_workitems
from shared.ledger.ids import new_id
from shared.worker.queue import notify

router = APIRouter(prefix="/dicom-web/workitems", tags=["dicomweb"], responses=WORKED)
PERFORMED = "00741216"
_UID = re.compile(r"^[0-9]+(\.[0-9]+)*$")
_MOST = 1 << 20


@router.post("", status_code=201, response_class=Response)
@takes_body(_MOST)
async def create(request: Request, gateway: GatewayDep, caller: DicomWriter) -> Response:
    """Create a workitem; its UID is the query itself, or in the data set, or new."""
    content = await _body(request)
    return await run_in_threadpool(_create, request, gateway, caller, content)


@router.get("", response_class=Response)
def search(request: Request, gateway: GatewayDep, caller: DicomReader) -> Response:
    """Return workitems that match the query's attributes."""
    search, conditions = qido.Search(), dict[str, str]()
    for key, text in request.query_params.multi_items():
        if not qido.paging(search, key, text) and text:
            conditions[qido.tag_of(key)] = text
    search.others = conditions
    with gateway.reading(caller) as connection:
        stored = dicom_workitems.find(connection, caller.tenant)
        page, more = search.page(workitems.shown(connection, caller, item) for item in list(stored))
    return encoding.many(request, page, qido.more_warning() if more else None)


@router.get("/{workitem}", response_class=Response)
def retrieve(workitem: str, request: Request, gateway: GatewayDep, caller: DicomReader) -> Response:
    """Return a workitem in its current state."""
    with gateway.reading(caller) as connection:
        stored = dicom_workitems.get(connection, caller.tenant, workitem)
        content = workitems.shown(connection, caller, stored)
    return encoding.single(request, content)


@router.post("/{workitem}", response_class=Response)
@takes_body(_MOST)
async def update(workitem: str, request: Request, gateway: GatewayDep, caller: DicomWriter) -> Response:
    """Change attributes; while in progress only its owner may do so (`?transaction-uid=` or in the data set)."""
    content = await _body(request)
    transaction_uid = _bare_uid(request) or request.query_params.get("transaction-uid") or _value(content, TRANSACTION)
    return await run_in_threadpool(_update, gateway, caller, workitem, content, transaction_uid)


@router.put("/{workitem}/state", response_class=Response)
@router.put("/{workitem}/state/{requester}", response_class=Response, include_in_schema=False)
@takes_body(_MOST)
async def change_state(workitem: str, request: Request, gateway: GatewayDep, caller: DicomWriter) -> Response:
    """Claim, complete or cancel a step, under the Transaction UID of its owner."""
    content = await _body(request)
    return await run_in_threadpool(_change_state, gateway, caller, workitem, content)


@router.post("/{workitem}/cancelrequest", status_code=202, response_class=Response)
@router.post("/{workitem}/cancelrequest/{requester}", status_code=202, include_in_schema=False, response_class=Response)
def request_cancellation(workitem: str, gateway: GatewayDep, caller: DicomWriter) -> Response:
    """Cancel an unclaimed step, and a job also while it runs; 409 for steps of other performers and for ended ones."""
    with gateway.writing(caller) as connection:
        stored = dicom_workitems.get(connection, caller.tenant, workitem)
        if stored.job_id is not None:
            jobs.cancel(connection, caller.tenant, stored.job_id)
        elif stored.state == "SCHEDULED":
            dicom_workitems.change(connection, caller.tenant, stored, state="CANCELED")
        else:
            raise Conflict(f"The workitem is {stored.state}; only its performer can cancel it.", "workitem_state")
    return Response(status_code=202)


def _create(request: Request, gateway: Gateway, caller: api_keys.Caller, content: Json) -> Response:
    uid = (
        _bare_uid(request)
        or request.query_params.get("workitem")
        or _value(content, "00080018")
        or derived_uid(new_id("ups"))
    )
    if not _UID.match(uid) or len(uid) > 64:
        raise BadRequest("The workitem's UID is not a valid UID.", "bad_workitem")
    attributes = workitems.created(content)
    wanted = requests.requested(attributes)
    with gateway.writing(caller) as connection:
        dicom_workitems.create(connection, caller.tenant, uid, attributes)
        job_id = _ask(connection, gateway, caller.tenant, uid, wanted) if wanted else None
    if job_id is not None:
        with suppress(Exception):  # the reconciler notifies again
            notify(gateway.queue, job_id, jobs.STAGES[0])
    return Response(status_code=201, headers={"Location": str(request.base_url) + f"dicom-web/workitems/{uid}"})


def _ask(connection: Connection, gateway: Gateway, tenant: str, uid: str, wanted: requests.JobRequest) -> str | None:
    """Start the job that a workitem asks for, or have it wait for its series; return the job's id."""
    if wanted.model:
        models.find(connection, wanted.model)
    stored = ledger_series.list_series(connection, tenant, uid=wanted.series, limit=1)
    if not stored or stored[0].state == "open":
        requests.wait(connection, tenant, uid, wanted.series)
        return None
    if stored[0].state != "closed":
        raise Conflict(f"No job can run on the series: it is {stored[0].state}.", "series_not_open")
    workitem = dicom_workitems.get(connection, tenant, uid)
    seconds, patience = gateway.settings.job_seconds, gateway.settings.ring_seconds
    return ledger_series.start_again(connection, stored[0], workitem, wanted.model, seconds=seconds, patience=patience)


def _update(gateway: Gateway, caller: api_keys.Caller, workitem: str, content: Json, transaction_uid: str) -> Response:
    if content.get(STATE, {}).get("Value"):
        raise BadRequest("The state is changed by PUT on the workitem's state.", "bad_workitem")
    with gateway.writing(caller) as connection:
        stored = _open(dicom_workitems.get(connection, caller.tenant, workitem))
        _check_holder(stored, transaction_uid)
        changed = {tag: value for tag, value in content.items() if tag not in (TRANSACTION, "00080016", "00080018")}
        dicom_workitems.change(connection, caller.tenant, stored, attributes=stored.attributes | changed)
    return Response(status_code=200)


def _change_state(gateway: Gateway, caller: api_keys.Caller, workitem: str, content: Json) -> Response:
    new_state, transaction_uid = _value(content, STATE), _value(content, TRANSACTION)
    if new_state not in ("IN PROGRESS", "COMPLETED", "CANCELED") or not _UID.match(transaction_uid):
        raise BadRequest("A change of state has the new state and a Transaction UID.", "bad_workitem")
    with gateway.writing(caller) as connection:
        stored = _open(dicom_workitems.get(connection, caller.tenant, workitem))
        if new_state == "IN PROGRESS":
            if stored.state != "SCHEDULED":
                raise Conflict("The workitem is already claimed.", "workitem_state")
            dicom_workitems.change(connection, caller.tenant, stored, state="IN PROGRESS", holder=transaction_uid)
            return Response(status_code=200)
        if stored.state != "IN PROGRESS":
            raise Conflict("The workitem is not in progress.", "workitem_state")
        _check_holder(stored, transaction_uid)
        if new_state == "COMPLETED":
            if not stored.attributes.get(PERFORMED, {}).get("Value"):
                raise Conflict("The performed procedure is not described yet.", "workitem_incomplete")
            dicom_workitems.change(connection, caller.tenant, stored, state="COMPLETED")
        else:
            dicom_workitems.change(connection, caller.tenant, stored, state="CANCELED")
    return Response(status_code=200)


def _bare_uid(request: Request) -> str | None:
    """Return a UID that is the query itself, as PS3.18 writes it: `?1.2.3`."""
    return next((key for key, text in request.query_params.multi_items() if not text and _UID.match(key)), None)


def _open(stored: dicom_workitems.Workitem) -> dicom_workitems.Workitem:
    if stored.job_id is not None:
        raise Conflict("The workitem is a job of this service; only the service changes its state.", "workitem_is_job")
    if stored.state in dicom_workitems.FINAL:
        raise Conflict(f"The workitem is already {stored.state}.", "workitem_state")
    return stored


def _check_holder(stored: dicom_workitems.Workitem, transaction_uid: str) -> None:
    if stored.state == "IN PROGRESS" and transaction_uid != stored.holder:
        raise Conflict("The Transaction UID is not that of the workitem's claim.", "workitem_holder")


def _value(content: Json, tag: str) -> str:
    values: list[Any] = content.get(tag, {}).get("Value") or [""]
    return str(values[0])


async def _body(request: Request) -> Json:
    """Return the request's one data set, alone or in an array.

    Raises BadRequest.
    """
    body = b""
    async for chunk in request.stream():
        body += chunk
        if len(body) > _MOST:
            raise BadRequest("The workitem is too long.", "bad_workitem")
    try:
        content = json.loads(body, parse_constant=_not_a_number)
    except (ValueError, RecursionError) as error:
        raise BadRequest("The body is not DICOM JSON.", "bad_workitem") from error
    content = content[0] if isinstance(content, list) and len(content) == 1 else content
    if not encoding.is_data_set(content):
        raise BadRequest("The body is not one data set in DICOM JSON.", "bad_workitem")
    return dict(content)


def _not_a_number(text: str) -> float:
    raise ValueError(f"JSON has no {text}")
