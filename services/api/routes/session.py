"""/v1/session: a browser's sign-in, as a cookie that its scripts can't read."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated

from fastapi import APIRouter, Request, Response
from pydantic import BaseModel, ConfigDict, Field

from services.api import schemas
from services.api.gateway import COOKIE, Caller, Connections, Context, identify
from shared.errors import Unauthorized
from shared.ledger import api_keys, audit

router = APIRouter(prefix="/v1/session", tags=["session"])
HOURS = 12.0


class SignIn(BaseModel):
    """An API key or a share link's token."""

    model_config = ConfigDict(extra="forbid")

    key: Annotated[str, Field(min_length=1, max_length=4096)]


class Session(BaseModel):
    """Whose session this is; `job` is the only job it may see, if it came from a share link."""

    tenant: str
    key_id: str
    name: str
    scopes: list[str]
    job: str | None
    expires: datetime | None


@router.post("", status_code=204)
def sign_in(asked: SignIn, request: Request, connections: Connections, response: Response) -> None:
    """Opens a session for the holder of a key; it ends with the key, at the latest after twelve hours."""
    found = identify(connections, asked.key.strip())
    connections.limits.request(found.tenant)
    open_session(connections, found, request, response)


@router.get("")
def get_session(caller: Caller) -> Session:
    """Whose key or session came with this request."""
    return Session(
        tenant=caller.tenant,
        key_id=caller.key_id,
        name=caller.name,
        scopes=sorted(caller.scopes),
        job=caller.job,
        expires=schemas.time_or_none(caller.expires),
    )


@router.delete("", status_code=204)
def sign_out(caller: Caller, connections: Connections, response: Response) -> None:
    """Ends the session; a key stays valid."""
    if caller.kind == "session":
        with connections.writing(caller) as connection:
            api_keys.revoke(connection, caller.tenant, caller.key_id)
    response.delete_cookie(COOKIE, httponly=True, samesite="strict")


def open_session(context: Context, holder: api_keys.Caller, request: Request, response: Response) -> None:
    """Gives the response a session cookie that may do what its holder may, for no longer than the holder."""
    key = api_keys.new_key("session")
    parent = holder.key_id if holder.kind in {"key", "share", "session", "token"} else None
    with context.ledger.write(holder.tenant) as connection:
        api_keys.add_key(
            connection, key, holder.tenant, name=holder.name, scopes=holder.scopes, kind="session",
            seconds=HOURS * 3600.0, job_id=holder.job, parent=parent,
        )  # fmt: skip
        audit.record(connection, holder.tenant, holder.key_id, "sign_in", holder.key_id)
    set_cookie(response, key, request)


def set_cookie(response: Response, key: str, request: Request) -> None:
    """Sets the session cookie; over HTTPS it never travels without."""
    secure = request.url.scheme == "https"
    response.set_cookie(COOKIE, key, httponly=True, samesite="strict", secure=secure, max_age=int(HOURS * 3600))


def has_session(request: Request, context: Context) -> bool:
    """Whether the request brings a session that is still valid."""
    try:
        identify(context, request.cookies.get(COOKIE, ""))
    except Unauthorized:
        return False
    return True
