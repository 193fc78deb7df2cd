"""Idempotency keys: the object that an earlier request with the same key created."""

from __future__ import annotations

from sqlalchemy import Connection, insert, select

from shared.errors import Unprocessable
from shared.ledger.engine import now
from shared.ledger.tables import idempotency


def remember(connection: Connection, tenant: str, key: str, digest: str, subject: str) -> None:
    """Record what the request with this Idempotency-Key created."""
    values = {"tenant": tenant, "key": key, "digest": digest, "subject": subject}
    connection.execute(insert(idempotency).values(created=now(), **values))


def recall(connection: Connection, tenant: str, key: str, digest: str) -> str | None:
    """Return what a request with this Idempotency-Key created, or None.

    Raises Unprocessable if that was another request.
    """
    query = select(idempotency.c.digest, idempotency.c.subject)
    row = connection.execute(query.where(idempotency.c.tenant == tenant, idempotency.c.key == key)).first()
    if row is None:
        return None
    if row.digest != digest:
        raise Unprocessable("This Idempotency-Key was used for another request.", "idempotency_mismatch")
    return str(row.subject)
