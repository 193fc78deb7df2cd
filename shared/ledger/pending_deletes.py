"""Store prefixes whose bytes must be deleted: written in the transaction that erases, emptied by the reconciler."""

from __future__ import annotations

from sqlalchemy import Connection, select

from shared.ledger.engine import insert, now
from shared.ledger.tables import pending_deletes


def schedule_delete(connection: Connection, prefix: str) -> None:
    """Record a store prefix whose bytes the reconciler must delete, from now on once more if it is recorded already."""
    statement = insert(connection, pending_deletes).values(prefix=prefix, at=now())
    connection.execute(statement.on_conflict_do_update(index_elements=["prefix"], set_={"at": now()}))


def prefixes(connection: Connection) -> list[str]:
    """Return the store prefixes of erased jobs and lost attempts that may still hold bytes."""
    return list(connection.execute(select(pending_deletes.c.prefix)).scalars())


def forget_deleted(connection: Connection, prefix: str, after: float = 120.0) -> None:
    """Remove an emptied prefix once it is older than `after` seconds: until then a worker may still write there."""
    old = (pending_deletes.c.prefix == prefix) & (pending_deletes.c.at < now() - after)
    connection.execute(pending_deletes.delete().where(old))
