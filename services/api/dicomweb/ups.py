"""UPS-RS (PS3.18 chapter 11; IHE AIW-I): the worklist. Every job from DICOM is a workitem in it."""

from __future__ import annotations

import json
import re
from typing import Any

from fastapi import APIRouter, Request, Response
from fastapi.concurrency import run_in_threadpool

from services.api.dicomweb import encoding, qido, workitems
from services.api.dicomweb.encoding import Json
from services.api.dicomweb.openapi import WORKED
from services.api.dicomweb.workitems import STATE, TRANSACTION
from services.api.gateway import Connections, Context, DicomReader, DicomWriter
from shared.errors import BadRequest, Conflict
from shared.imaging.formats.origin import derived_uid
from shared.ledger import api_keys, jobs
from shared.ledger.dicom import workitems as dicom_workitems
from shared.ledger.ids import new_id

router = APIRouter(prefix="/dicom-web/workitems", tags=["dicomweb"], responses=WORKED)
PERFORMED = "00741216"
_UID = re.compile(r"^[0-9]+(\.[0-9]+)*$")
_MOST = 1 << 20


@router.post("", status_code=201, response_class=Response)
async def create(request: Request, connections: Connections, caller: DicomWriter) -> Response:
    """A new workitem; its UID is the query itself, or in the data set, or given by us."""
    content = await _body(request)
    return await run_in_threadpool(_create, request, connections, caller, content)


@router.get("", response_class=Response)
def search(request: Request, connections: Connections, caller: DicomReader) -> Response:
    """Workitems that match the query's attributes."""
    search, wanted = qido.Search(), dict[str, str]()
    for key, text in request.query_params.multi_items():
        if not qido.paging(search, key, text) and text:
            wanted[qido.tag_of(key)] = text
    search.others = wanted
    with connections.reading(caller) as connection:
        found = dicom_workitems.find(connection, caller.tenant)
        page, more = search.page(workitems.shown(connection, caller, one) for one in list(found))
    return encoding.many(request, page, qido.more_warning() if more else None)


@router.get("/{workitem}", response_class=Response)
def retrieve(workitem: str, request: Request, connections: Connections, caller: DicomReader) -> Response:
    """A workitem as it is now."""
    with connections.reading(caller) as connection:
        found = dicom_workitems.get(connection, caller.tenant, workitem)
        content = workitems.shown(connection, caller, found)
    return encoding.one(request, content)


@router.post("/{workitem}", response_class=Response)
async def update(workitem: str, request: Request, connections: Connections, caller: DicomWriter) -> Response:
    """Changes attributes; while in progress only its holder may (`?transaction-uid=` or in the data set)."""
    content = await _body(request)
    held = _bare_uid(request) or request.query_params.get("transaction-uid") or _value(content, TRANSACTION)
    return await run_in_threadpool(_update, connections, caller, workitem, content, held)


@router.put("/{workitem}/state", response_class=Response)
@router.put("/{workitem}/state/{requester}", response_class=Response, include_in_schema=False)
async def change_state(workitem: str, request: Request, connections: Connections, caller: DicomWriter) -> Response:
    """Claims, completes or cancels a step, under the Transaction UID of its holder."""
    content = await _body(request)
    return await run_in_threadpool(_change_state, connections, caller, workitem, content)


@router.post("/{workitem}/cancelrequest", status_code=202, response_class=Response)
@router.post("/{workitem}/cancelrequest/{requester}", status_code=202, include_in_schema=False, response_class=Response)
def request_cancellation(workitem: str, connections: Connections, caller: DicomWriter) -> Response:
    """Cancels what nobody has claimed, and a job also while it runs; 409 for what others do or has ended."""
    with connections.writing(caller) as connection:
        found = dicom_workitems.get(connection, caller.tenant, workitem)
        if found.job_id is not None:
            jobs.cancel(connection, caller.tenant, found.job_id)
        elif found.state == "SCHEDULED":
            dicom_workitems.change(connection, caller.tenant, found, state="CANCELED")
        else:
            raise Conflict(f"The workitem is {found.state}; its performer decides.", "workitem_state")
    return Response(status_code=202)


def _create(request: Request, context: Context, caller: api_keys.Caller, content: Json) -> Response:
    uid = (
        _bare_uid(request)
        or request.query_params.get("workitem")
        or _value(content, "00080018")
        or derived_uid(new_id("ups"))
    )
    if not _UID.match(uid) or len(uid) > 64:
        raise BadRequest("The workitem's UID is not one.", "bad_workitem")
    attributes = workitems.created(content)
    with context.writing(caller) as connection:
        dicom_workitems.create(connection, caller.tenant, uid, attributes)
    return Response(status_code=201, headers={"Location": str(request.base_url) + f"dicom-web/workitems/{uid}"})


def _update(context: Context, caller: api_keys.Caller, workitem: str, content: Json, held: str) -> Response:
    if content.get(STATE, {}).get("Value"):
        raise BadRequest("The state is changed by PUT on the workitem's state.", "bad_workitem")
    with context.writing(caller) as connection:
        found = _open(dicom_workitems.get(connection, caller.tenant, workitem))
        _check_holder(found, held)
        changed = {tag: value for tag, value in content.items() if tag not in (TRANSACTION, "00080016", "00080018")}
        dicom_workitems.change(connection, caller.tenant, found, attributes=found.attributes | changed)
    return Response(status_code=200)


def _change_state(context: Context, caller: api_keys.Caller, workitem: str, content: Json) -> Response:
    wanted, held = _value(content, STATE), _value(content, TRANSACTION)
    if wanted not in ("IN PROGRESS", "COMPLETED", "CANCELED") or not _UID.match(held):
        raise BadRequest("A change of state names the new state and a Transaction UID.", "bad_workitem")
    with context.writing(caller) as connection:
        found = _open(dicom_workitems.get(connection, caller.tenant, workitem))
        if wanted == "IN PROGRESS":
            if found.state != "SCHEDULED":
                raise Conflict("The workitem is claimed already.", "workitem_state")
            dicom_workitems.change(connection, caller.tenant, found, state="IN PROGRESS", holder=held)
            return Response(status_code=200)
        if found.state != "IN PROGRESS":
            raise Conflict("The workitem is not in progress.", "workitem_state")
        _check_holder(found, held)
        if wanted == "COMPLETED":
            if not found.attributes.get(PERFORMED, {}).get("Value"):
                raise Conflict("What was performed is not told yet.", "workitem_incomplete")
            dicom_workitems.change(connection, caller.tenant, found, state="COMPLETED")
        else:
            dicom_workitems.change(connection, caller.tenant, found, state="CANCELED")
    return Response(status_code=200)


def _bare_uid(request: Request) -> str | None:
    """A UID that is the query itself, as PS3.18 writes it: `?1.2.3`."""
    return next((key for key, text in request.query_params.multi_items() if not text and _UID.match(key)), None)


def _open(found: dicom_workitems.Workitem) -> dicom_workitems.Workitem:
    if found.job_id is not None:
        raise Conflict("The workitem is a job of this service, which performs it itself.", "workitem_is_job")
    if found.state in dicom_workitems.FINAL:
        raise Conflict(f"The workitem is {found.state} already.", "workitem_state")
    return found


def _check_holder(found: dicom_workitems.Workitem, held: str) -> None:
    if found.state == "IN PROGRESS" and held != found.holder:
        raise Conflict("The Transaction UID is not the one that holds the workitem.", "workitem_holder")


def _value(content: Json, tag: str) -> str:
    values: list[Any] = content.get(tag, {}).get("Value") or [""]
    return str(values[0])


async def _body(request: Request) -> Json:
    """The request's one data set, alone or in an array; raises BadRequest."""
    body = b""
    async for chunk in request.stream():
        body += chunk
        if len(body) > _MOST:
            raise BadRequest("The workitem is too long.", "bad_workitem")
    try:
        content = json.loads(body)
    except (ValueError, RecursionError) as error:
        raise BadRequest("The body is not DICOM JSON.", "bad_workitem") from error
    content = content[0] if isinstance(content, list) and len(content) == 1 else content
    if not isinstance(content, dict) or not all(_is_element(tag, held) for tag, held in content.items()):
        raise BadRequest("The body is not one data set in DICOM JSON.", "bad_workitem")
    return content


def _is_element(tag: str, held: Any) -> bool:
    if not re.fullmatch(r"[0-9A-F]{8}", tag) or not isinstance(held, dict):
        return False
    return isinstance(held.get("vr"), str) and isinstance(held.get("Value", []), list)
