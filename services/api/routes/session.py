"""/v1/session: a browser's sign-in, as a cookie that scripts can't read."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated

from fastapi import APIRouter, Request, Response
from pydantic import BaseModel, ConfigDict, Field

from services.api import schemas
from services.api.gateway import COOKIE, Caller, Gateway, GatewayDep, address_of, identify
from shared.errors import TooMany, Unauthorized
from shared.ledger import api_keys, audit

router = APIRouter(prefix="/v1/session", tags=["session"])
HOURS = 12.0


class SignIn(BaseModel):
    """An API key or a share link's token."""

    model_config = ConfigDict(extra="forbid")

    key: Annotated[str, Field(min_length=1, max_length=4096)]


class Session(BaseModel):
    """The session's caller; `job` is the only visible job, if it came from a share link."""

    tenant: str
    key_id: str
    name: str
    scopes: list[str]
    job: str | None
    expires: datetime | None


@router.post("", status_code=204)
def sign_in(body: SignIn, request: Request, gateway: GatewayDep, response: Response) -> None:
    """Open a session for the holder of a key; it expires with the key, at the latest after twelve hours.

    Raises Unauthorized also for a session's own value, which would otherwise renew itself for ever.
    """
    holder = identify(gateway, body.key.strip(), address_of(request))
    if holder.kind == "session":
        raise Unauthorized(api_keys.REFUSED)
    gateway.limits.request(holder.tenant)
    open_session(gateway, holder, request, response)


@router.get("")
def get_session(caller: Caller) -> Session:
    """Return the caller of this request's key or session."""
    return Session(
        tenant=caller.tenant,
        key_id=caller.key_id,
        name=caller.name,
        scopes=sorted(caller.scopes),
        job=caller.job,
        expires=schemas.time_or_none(caller.expires),
    )


@router.delete("", status_code=204)
def sign_out(caller: Caller, gateway: GatewayDep, response: Response) -> None:
    """End the session, and let the browser forget what it showed; its key stays valid."""
    if caller.kind == "session":
        with gateway.writing(caller) as connection:
            api_keys.revoke(connection, caller.tenant, caller.key_id)
    response.delete_cookie(COOKIE, httponly=True, samesite="strict")
    response.headers["Clear-Site-Data"] = '"cache"'


def open_session(gateway: Gateway, holder: api_keys.Caller, request: Request, response: Response) -> None:
    """Set a session cookie with the scopes and at most the lifetime of its holder's credential."""
    set_cookie(response, create_session(gateway, holder), request)


def create_session(gateway: Gateway, holder: api_keys.Caller) -> str:
    """Return the value of a new session, which is in the ledger and in the audit trail."""
    key = api_keys.new_key("session")
    with gateway.ledger.write(holder.tenant) as connection:
        api_keys.derive(
            connection, holder, key, kind="session", scopes=holder.scopes, seconds=HOURS * 3600.0, job_id=holder.job
        )
        audit.record(connection, holder.tenant, holder.key_id, "sign_in", holder.key_id)
    return key


def set_cookie(response: Response, key: str, request: Request) -> None:
    """Set the session cookie; over HTTPS it is never sent without encryption."""
    secure = request.url.scheme == "https"
    response.set_cookie(COOKIE, key, httponly=True, samesite="strict", secure=secure, max_age=int(HOURS * 3600))


def has_session(request: Request, gateway: Gateway) -> bool:
    """Return whether the request has a valid session."""
    cookie = request.cookies.get(COOKIE, "")
    if not cookie:
        return False
    try:
        identify(gateway, cookie, address_of(request))
    except (Unauthorized, TooMany):
        return False
    return True
