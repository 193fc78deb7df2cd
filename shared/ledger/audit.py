"""The audit trail: append-only, one hash chain per tenant, no personal data.

Each record's digest covers its own fields and the digest before it, so a changed, missing or inserted record breaks
every later one. The head that is stored with the tenant reveals a truncated end.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator
from dataclasses import dataclass

from sqlalchemy import Connection, insert, select, update

from shared.errors import NotFound, VisceraError
from shared.ledger.engine import now
from shared.ledger.tables import audit, tenants


class BrokenChain(VisceraError):
    """The audit trail was changed after it was written."""

    code = "audit_broken"


@dataclass(frozen=True, slots=True)
class Record:
    """Who (`actor`, a key's id) did what (`action`) to which object, when (seconds since 1970), with what outcome."""

    number: int
    at: float
    tenant: str
    actor: str
    action: str
    object: str
    outcome: str
    digest: str

    def linked(self, head: str) -> str:
        """Return the digest that this record must have after the record whose digest is `head`."""
        fields = [head, self.number, self.at, self.tenant, self.actor, self.action, self.object, self.outcome]
        return hashlib.sha256(json.dumps(fields, separators=(",", ":")).encode()).hexdigest()


def record(
    connection: Connection, tenant: str, actor: str, action: str, target: str, *, outcome: str = "success"
) -> None:
    """Append one record to the tenant's chain, in the caller's transaction."""
    head = (
        select(tenants.c.audit_count, tenants.c.audit_head)
        .where(tenants.c.id == tenant)
        .with_for_update(key_share=True)
    )
    count, last = connection.execute(head).one()
    at = connection.execute(select(now())).scalar_one()
    entry = Record(count + 1, at, tenant, actor, action, target, outcome, "")
    linked = entry.linked(last)
    connection.execute(
        insert(audit).values(
            at=at, tenant=tenant, number=entry.number, actor=actor, action=action, object=target, outcome=outcome,
            digest=linked,
        )
    )  # fmt: skip
    grown = update(tenants).where(tenants.c.id == tenant)
    connection.execute(grown.values(audit_count=entry.number, audit_head=linked))


def records(connection: Connection, tenant: str, after: int = 0, limit: int | None = None) -> Iterator[Record]:
    """Yield a tenant's records after a number, oldest first."""
    columns = (audit.c.number, audit.c.at, audit.c.tenant, audit.c.actor, audit.c.action, audit.c.object)
    query = select(*columns, audit.c.outcome, audit.c.digest).where(audit.c.tenant == tenant, audit.c.number > after)
    for row in connection.execute(query.order_by(audit.c.number).limit(limit)):
        yield Record(*row)


def verify(connection: Connection, tenant: str) -> tuple[int, str]:
    """Verify a tenant's whole chain; return the number of records and the last digest.

    Raises BrokenChain.
    """
    count, head = 0, ""
    for entry in records(connection, tenant):
        count += 1
        if entry.number != count:
            raise BrokenChain(f"Record {count} of tenant {tenant} is missing.")
        if entry.linked(head) != entry.digest:
            raise BrokenChain(f"Record {count} of tenant {tenant} is not as it was written.")
        head = entry.digest
    head_row = connection.execute(
        select(tenants.c.audit_count, tenants.c.audit_head).where(tenants.c.id == tenant)
    ).first()
    if head_row is None:
        raise NotFound("There is no such tenant.")
    if (head_row.audit_count, head_row.audit_head) != (count, head):
        raise BrokenChain(f"The trail of tenant {tenant} ends at record {count}, not at {head_row.audit_count}.")
    return count, head


def audited(connection: Connection) -> list[str]:
    """Return every tenant, sorted."""
    return list(connection.execute(select(tenants.c.id).order_by(tenants.c.id)).scalars())
