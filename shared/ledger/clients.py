"""Hospital systems that authenticate with a key pair of their own (SMART Backend Services)."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, insert, select, update

from shared.errors import NotFound, Unprocessable
from shared.ledger.api_keys import SCOPES
from shared.ledger.engine import insert as insert_new
from shared.ledger.engine import now
from shared.ledger.jobs import ensure_tenant
from shared.ledger.tables import api_keys, assertions, clients


@dataclass(frozen=True, slots=True)
class Client:
    """A registered system: its tenant, its scopes, and its public keys or the URL where they are published."""

    id: str
    tenant: str
    scopes: tuple[str, ...]
    jwks: dict[str, Any] | None
    jwks_url: str | None


def add(
    connection: Connection,
    client_id: str,
    tenant: str,
    scopes: Collection[str],
    *,
    jwks: dict[str, Any] | None = None,
    jwks_url: str | None = None,
) -> Client:
    """Register a system, replacing one of the same name, whose tokens end."""
    if set(scopes) - set(SCOPES):
        raise Unprocessable(f"There is no scope of this name; there are {', '.join(SCOPES)}.", "unknown_scope")
    ensure_tenant(connection, tenant)
    connection.execute(clients.delete().where(clients.c.id == client_id))
    _end_tokens(connection, client_id)
    values = {"id": client_id, "tenant": tenant, "scopes": sorted(scopes), "jwks": jwks, "jwks_url": jwks_url}
    connection.execute(insert(clients).values(created=now(), **values))
    return get(connection, client_id)


def get(connection: Connection, client_id: str) -> Client:
    """Return one system.

    Raises NotFound.
    """
    columns = (clients.c.id, clients.c.tenant, clients.c.scopes, clients.c.jwks, clients.c.jwks_url)
    row = connection.execute(select(*columns).where(clients.c.id == client_id)).first()
    if row is None:
        raise NotFound("There is no such client.")
    return Client(row.id, row.tenant, tuple(row.scopes), row.jwks, row.jwks_url)


def every(connection: Connection) -> list[Client]:
    """Return all registered systems."""
    ids = connection.execute(select(clients.c.id).order_by(clients.c.id)).scalars().all()
    return [get(connection, client_id) for client_id in ids]


def remove(connection: Connection, client_id: str) -> None:
    """Remove a system; its tokens end at once.

    Raises NotFound.
    """
    if not connection.execute(clients.delete().where(clients.c.id == client_id)).rowcount:
        raise NotFound("There is no such client.")
    _end_tokens(connection, client_id)


def first_use(connection: Connection, client_id: str, jti: str, expires: float) -> bool:
    """Record that an assertion was used; return False if it had been used before. Forgets expired assertions."""
    connection.execute(assertions.delete().where(assertions.c.expires < now()))
    statement = insert_new(connection, assertions).values(client=client_id, jti=jti, expires=expires)
    return connection.execute(statement.on_conflict_do_nothing()).rowcount == 1


def _end_tokens(connection: Connection, client_id: str) -> None:
    tokens = (api_keys.c.kind == "token") & (api_keys.c.name == client_id) & api_keys.c.revoked.is_(None)
    connection.execute(update(api_keys).where(tokens).values(revoked=now()))
