"""/v1/jobs/{id}/shares: links by which somebody without a key may look at one job for a while."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated

from fastapi import APIRouter
from pydantic import BaseModel, ConfigDict, Field

from services.api import schemas
from services.api.gateway import Connections, Writer
from shared.ledger import api_keys, audit, jobs

router = APIRouter(prefix="/v1/jobs/{job_id}", tags=["shares"])
MONTH = 31 * 86400


class ShareRequest(BaseModel):
    """How long the link shall work."""

    model_config = ConfigDict(extra="forbid")

    seconds: Annotated[int, Field(ge=60, le=MONTH)] = 86400


class Share(BaseModel):
    """A link to one job: `token` is a read-only key for it and is told only once."""

    id: str
    token: str | None = None
    created: datetime
    expires: datetime | None


class ShareList(BaseModel):
    """The links to one job that are still valid."""

    items: list[Share]


@router.post("/share", status_code=201)
def share_job(job_id: str, asked: ShareRequest, connections: Connections, caller: Writer) -> Share:
    """Makes a link to this job that works for a while."""
    token = api_keys.new_key("share")
    with connections.writing(caller) as connection:
        jobs.get(connection, caller.tenant, job_id)
        key_id = api_keys.add_key(
            connection, token, caller.tenant, scopes=["jobs:read"], seconds=asked.seconds, kind="share", job_id=job_id
        )
        audit.record(connection, caller.tenant, caller.key_id, "share", job_id)
        return _view(api_keys.get_key(connection, caller.tenant, key_id), token)


@router.get("/shares")
def list_shares(job_id: str, connections: Connections, caller: Writer) -> ShareList:
    """The links to this job that still work."""
    with connections.reading(caller) as connection:
        jobs.get(connection, caller.tenant, job_id)
        found = api_keys.keys(connection, caller.tenant, job_id=job_id, kinds=("share",), valid=True)
    return ShareList(items=[_view(key) for key in found])


@router.delete("/shares/{share_id}", status_code=204)
def end_share(job_id: str, share_id: str, connections: Connections, caller: Writer) -> None:
    """Ends a link at once, and the sessions opened with it."""
    with connections.writing(caller) as connection:
        api_keys.revoke(connection, caller.tenant, share_id, job_id)
        audit.record(connection, caller.tenant, caller.key_id, "unshare", job_id)


def _view(key: api_keys.Key, token: str | None = None) -> Share:
    expires = schemas.time_or_none(key.expires)
    return Share(id=key.id, token=token, created=schemas.time_of(key.created), expires=expires)
