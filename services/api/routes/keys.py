"""/v1/keys: the API keys of the caller's tenant."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated

from fastapi import APIRouter
from pydantic import BaseModel, ConfigDict, Field

from services.api import schemas
from services.api.gateway import Admin, GatewayDep
from shared.errors import Forbidden
from shared.ledger import api_keys, audit

router = APIRouter(prefix="/v1/keys", tags=["access"])
YEARS = 10 * 366 * 86400


class KeyRequest(BaseModel):
    """A new key: its name, its scopes and its lifetime."""

    model_config = ConfigDict(extra="forbid")

    name: Annotated[str, Field(max_length=100)] = ""
    scopes: list[api_keys.Scope] = ["jobs:read", "jobs:write"]
    seconds: Annotated[int | None, Field(ge=60, le=YEARS)] = None


class Key(BaseModel):
    """An API key; `key` itself is shown only once, at its creation."""

    id: str
    name: str
    prefix: str
    scopes: list[str]
    created: datetime
    expires: datetime | None
    revoked: datetime | None
    key: str | None = None


class KeyList(BaseModel):
    """The keys of a tenant, newest first."""

    items: list[Key]


@router.post("", status_code=201)
def create_key(body: KeyRequest, gateway: GatewayDep, caller: Admin) -> Key:
    """Create a key in the caller's tenant, with at most the caller's scopes."""
    if not set(body.scopes) & set(api_keys.SCOPES) <= caller.scopes:
        raise Forbidden("A key can't be given scopes that its maker lacks.", "insufficient_scope")
    key = api_keys.new_key()
    with gateway.writing(caller) as connection:
        key_id = api_keys.add_key(
            connection, key, caller.tenant, name=body.name, scopes=body.scopes, seconds=body.seconds
        )
        audit.record(connection, caller.tenant, caller.key_id, "create_key", key_id)
        return _view(api_keys.get_key(connection, caller.tenant, key_id), key)


@router.get("")
def list_keys(gateway: GatewayDep, caller: Admin) -> KeyList:
    """Return the tenant's keys, including revoked ones."""
    with gateway.reading(caller) as connection:
        return KeyList(items=[_view(key) for key in api_keys.keys(connection, caller.tenant)])


@router.delete("/{key_id}", status_code=204)
def revoke_key(key_id: str, gateway: GatewayDep, caller: Admin) -> None:
    """Revoke a key and the sessions opened with it, at once and for ever."""
    with gateway.writing(caller) as connection:
        api_keys.revoke(connection, caller.tenant, key_id)
        audit.record(connection, caller.tenant, caller.key_id, "revoke_key", key_id)


def _view(key: api_keys.Key, secret: str | None = None) -> Key:
    times = (schemas.time_or_none(t) for t in (key.expires, key.revoked))
    expires, revoked = times
    created = schemas.time_of(key.created)
    return Key(
        id=key.id, name=key.name, prefix=key.prefix, scopes=list(key.scopes), created=created, expires=expires,
        revoked=revoked, key=secret,
    )  # fmt: skip
