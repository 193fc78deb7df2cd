"""/v1/jobs/{id}/shares: links that show one job for a while without a key."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated

from fastapi import APIRouter
from pydantic import BaseModel, ConfigDict, Field

from services.api import schemas
from services.api.gateway import GatewayDep, Writer
from shared.ledger import api_keys, audit, jobs

router = APIRouter(prefix="/v1/jobs/{job_id}", tags=["shares"])
MONTH = 31 * 86400


class ShareRequest(BaseModel):
    """How long the link is valid."""

    model_config = ConfigDict(extra="forbid")

    seconds: Annotated[int, Field(ge=60, le=MONTH)] = 86400


class Share(BaseModel):
    """A link to one job: `token` is a read-only key for it and is shown only once."""

    id: str
    token: str | None = None
    created: datetime
    expires: datetime | None


class ShareList(BaseModel):
    """The valid links to one job."""

    items: list[Share]


@router.post("/share", status_code=201)
def share_job(job_id: str, body: ShareRequest, gateway: GatewayDep, caller: Writer) -> Share:
    """Create a link to this job that is valid for a while, at most as long as the caller's key.

    Raises Forbidden for a caller that may not read the job itself.
    """
    token = api_keys.new_key("share")
    with gateway.writing(caller) as connection:
        jobs.get(connection, caller.tenant, job_id)
        key_id = api_keys.derive(
            connection, caller, token, kind="share", scopes=["jobs:read"], seconds=body.seconds, job_id=job_id
        )
        audit.record(connection, caller.tenant, caller.key_id, "share", job_id)
        return _view(api_keys.get_key(connection, caller.tenant, key_id), token)


@router.get("/shares")
def list_shares(job_id: str, gateway: GatewayDep, caller: Writer) -> ShareList:
    """Return the valid links to this job."""
    with gateway.reading(caller) as connection:
        jobs.get(connection, caller.tenant, job_id)
        links = api_keys.keys(connection, caller.tenant, job_id=job_id, kinds=("share",), valid=True)
    return ShareList(items=[_view(key) for key in links])


@router.delete("/shares/{share_id}", status_code=204)
def end_share(job_id: str, share_id: str, gateway: GatewayDep, caller: Writer) -> None:
    """Revoke a link and the sessions opened with it, at once."""
    with gateway.writing(caller) as connection:
        api_keys.revoke(connection, caller.tenant, share_id, job_id)
        audit.record(connection, caller.tenant, caller.key_id, "unshare", job_id)


def _view(key: api_keys.Key, token: str | None = None) -> Share:
    expires = schemas.time_or_none(key.expires)
    return Share(id=key.id, token=token, created=schemas.time_of(key.created), expires=expires)
