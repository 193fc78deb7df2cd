"""/v1/jobs/{id}/model-link: an address of the model for programs of a phone, which have no key and no session."""

from __future__ import annotations

from datetime import datetime
from functools import partial
from typing import Annotated

from fastapi import APIRouter, Query, Request, Response
from fastapi.concurrency import run_in_threadpool
from pydantic import BaseModel

from services.api import schemas
from services.api.gateway import Gateway, GatewayDep, Reader, address_of, identify
from services.api.routes.results import FILE, answer_file, find_file
from shared.errors import Unauthorized
from shared.ledger import api_keys, audit, jobs

router = APIRouter(prefix="/v1/jobs/{job_id}", tags=["results"])
SECONDS = 600
"""How long an address is valid: a phone loads the file at once."""
_MODEL = "model.glb"


class ModelLink(BaseModel):
    """An address of a job's `model.glb`, below that of the service, that needs no key until it expires."""

    path: str
    expires: datetime | None


@router.post("/model-link", status_code=201)
def link_model(job_id: str, gateway: GatewayDep, caller: Reader) -> ModelLink:
    """Create an address of this job's model that needs no key for ten minutes.

    A phone's own viewer loads the model from it, such as Scene Viewer on Android. Whoever has the address can read this
    model until then, and no longer than the caller can.
    """
    ticket = api_keys.new_key("ticket")
    with gateway.writing(caller) as connection:
        jobs.get(connection, caller.tenant, job_id)
        key_id = api_keys.derive(
            connection, caller, ticket, kind="ticket", scopes=["jobs:read"], seconds=SECONDS, job_id=job_id
        )
        audit.record(connection, caller.tenant, caller.key_id, "share", job_id)
        expires = api_keys.get_key(connection, caller.tenant, key_id).expires
    return ModelLink(path=f"/v1/jobs/{job_id}/linked/{_MODEL}?ticket={ticket}", expires=schemas.time_or_none(expires))


@router.head("/linked/model.glb", include_in_schema=False, response_class=Response)
@router.get("/linked/model.glb", response_class=Response, responses=FILE)
async def get_linked_model(
    job_id: str, request: Request, gateway: GatewayDep, ticket: Annotated[str, Query(max_length=100)] = ""
) -> Response:
    """Return the model at an address that `model-link` made; 401 once it has expired."""
    caller = await run_in_threadpool(_holder, gateway, ticket, job_id, address_of(request))
    gateway.limits.request(caller.tenant)
    request.state.caller = caller
    find = partial(find_file, gateway, caller, job_id, _MODEL, _MODEL, None)
    return await answer_file(request, gateway, caller, job_id, (_MODEL, _MODEL), find)


def _holder(gateway: Gateway, ticket: str, job_id: str, address: str) -> api_keys.Caller:
    """Return the caller of a ticket.

    Raises Unauthorized for what is no ticket of this job: keys and share links have no place in an address.
    """
    caller = identify(gateway, ticket, address, is_ticket=True)
    if caller.job != job_id:
        raise Unauthorized(api_keys.REFUSED)
    return caller
