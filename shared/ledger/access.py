"""API keys: 256 random bits shown once, kept as a SHA-256 digest."""

from __future__ import annotations

import hashlib
import secrets
from dataclasses import dataclass

from sqlalchemy import Connection, insert, select

from shared.errors import Unauthorized
from shared.ledger.engine import now
from shared.ledger.jobs import ensure_tenant, new_id
from shared.ledger.tables import api_keys


@dataclass(frozen=True, slots=True)
class Caller:
    """Who is asking: the key's id and its tenant."""

    key_id: str
    tenant: str


def new_key() -> str:
    """A fresh API key."""
    return "vsk_" + secrets.token_urlsafe(32)


def digest(key: str) -> str:
    """What the ledger keeps of a key. A key has 256 random bits, so a plain hash can't be reversed by guessing."""
    return hashlib.sha256(key.encode()).hexdigest()


def add_key(connection: Connection, key: str, tenant: str) -> str:
    """Admits a key to a tenant (both are created where needed); returns the key's id."""
    ensure_tenant(connection, tenant)
    known = connection.execute(select(api_keys.c.id).where(api_keys.c.digest == digest(key))).scalar()
    if known is not None:
        return str(known)
    key_id = new_id("key")
    connection.execute(insert(api_keys).values(id=key_id, tenant=tenant, digest=digest(key), created=now()))
    return key_id


def caller(connection: Connection, key: str) -> Caller:
    """Whose key this is; raises Unauthorized for unknown and revoked keys."""
    query = select(api_keys.c.id, api_keys.c.tenant).where(
        api_keys.c.digest == digest(key), api_keys.c.revoked.is_(None)
    )
    row = connection.execute(query).first()
    if row is None:
        raise Unauthorized("A valid API key is needed: Authorization: Bearer <key>.")
    return Caller(row.id, row.tenant)
