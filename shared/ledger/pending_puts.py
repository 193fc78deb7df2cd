"""Store prefixes at which a process is storing bytes that no row owns yet.

A process announces its prefix before the first `put` and settles it in the transaction that creates the owning row. If
that transaction fails, or the process is killed, the announcement stays and the bytes are deleted. Prefixes are never
used again, so an announcement that is still there means that its owner was not created.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress

from sqlalchemy import Connection, insert, select, update

from shared.errors import Unavailable
from shared.ledger.dicom.tables import instances
from shared.ledger.engine import Ledger, now
from shared.ledger.pending_deletes import schedule_delete
from shared.ledger.tables import artifacts, pending_puts, revision_artifacts, scans, uploads

logger = logging.getLogger("viscera.ledger")
_AT_ONCE = 500


def announce(connection: Connection, prefixes: Sequence[str], seconds: float) -> None:
    """Record prefixes before bytes are stored there; without `renew` their deletion is due after `seconds`."""
    rows = [{"prefix": prefix} for prefix in prefixes]
    if rows:
        connection.execute(insert(pending_puts).values(due=now() + seconds), rows)


def renew(connection: Connection, prefixes: Sequence[str], seconds: float) -> None:
    """Put the deletion off by `seconds`, while bytes are still being stored."""
    # A row that is locked is being settled or swept; waiting for it could be a deadlock.
    free = select(pending_puts.c.prefix).where(pending_puts.c.prefix.in_(prefixes)).with_for_update(skip_locked=True)
    mine = connection.execute(free).scalars().all()
    connection.execute(update(pending_puts).where(pending_puts.c.prefix.in_(mine)).values(due=now() + seconds))


def settle(connection: Connection, prefixes: Sequence[str]) -> None:
    """Remove the announcements, in the transaction that creates the rows that own the bytes.

    Raises Unavailable if the deletion of the bytes is already scheduled.
    """
    if not remove(connection, prefixes):
        raise Unavailable("Storing the bytes took too long; nothing was accepted.", "store_unavailable")


def remove(connection: Connection, prefixes: Sequence[str]) -> bool:
    """Remove the announcements; return False if the deletion of some of the bytes is already scheduled."""
    if not prefixes:
        return True
    mine = pending_puts.delete().where(pending_puts.c.prefix.in_(prefixes))
    return connection.execute(mine).rowcount == len(prefixes)


def withdraw(connection: Connection, prefixes: Sequence[str]) -> list[str]:
    """Schedule the deletion of those prefixes that no row owns, and return them."""
    unowned = []
    for prefix in sorted(prefixes):
        # The DELETE waits for a transaction that settles the prefix, so the next query sees its rows.
        connection.execute(pending_puts.delete().where(pending_puts.c.prefix == prefix))
        if not _is_owned(connection, prefix):
            schedule_delete(connection, prefix)
            unowned.append(prefix)
    return unowned


def sweep(connection: Connection) -> int:
    """Schedule the deletion of what was announced, was not renewed and has no owner; return how many prefixes."""
    due = select(pending_puts.c.prefix).where(pending_puts.c.due < now()).limit(_AT_ONCE)
    prefixes = connection.execute(due.with_for_update(skip_locked=True)).scalars().all()
    return len(withdraw(connection, prefixes))


@contextmanager
def announced(ledger: Ledger, prefixes: Sequence[str], seconds: float, delete: Callable[[str], None]) -> Iterator[None]:
    """Announce prefixes, and renew that while the context lasts; what is not settled in it is deleted at its end.

    `delete` deletes a prefix of the store at once; the reconciler repeats it. Raises Unavailable before any byte is
    stored if the ledger is not available.
    """
    with ledger.write() as connection:
        announce(connection, prefixes, seconds)
    stop = threading.Event()
    thread = threading.Thread(target=_keep_renewing, args=(ledger, prefixes, seconds, stop), daemon=True)
    thread.start()
    is_settled = False
    try:
        yield
        with suppress(Unavailable), ledger.read() as connection:
            is_settled = not _announced(connection, prefixes)
    finally:
        stop.set()
        thread.join()
        if not is_settled:
            delete_unsettled(ledger, prefixes, delete)


def _keep_renewing(ledger: Ledger, prefixes: Sequence[str], seconds: float, stop: threading.Event) -> None:
    while not stop.wait(seconds / 6.0):
        with suppress(Exception), ledger.write() as connection:  # `settle` notices if no renewal succeeds in time
            renew(connection, prefixes, seconds)


def _announced(connection: Connection, prefixes: Sequence[str]) -> bool:
    query = select(pending_puts.c.prefix).where(pending_puts.c.prefix.in_(prefixes)).limit(1)
    return connection.execute(query).first() is not None


def delete_unsettled(ledger: Ledger, prefixes: Sequence[str], delete: Callable[[str], None]) -> None:
    """Delete those prefixes that no row owns, at once and by the reconciler; `delete` as for `announced`."""
    try:
        with ledger.write() as connection:
            unowned = withdraw(connection, prefixes)
    except Exception as error:  # the ledger is unavailable: the reconciler sweeps the announcements later
        logger.warning("announced bytes stay until the sweep", exc_info=error, extra={"prefixes": len(prefixes)})
        return
    for prefix in unowned:
        with suppress(Exception):  # the reconciler deletes again until nothing is left
            delete(prefix)


def _is_owned(connection: Connection, prefix: str) -> bool:
    """Return whether a committed row has bytes under the prefix."""
    kind, owner = prefix.split("/")[:2]
    if kind == "dicom":
        queries = [select(instances.c.id).where(instances.c.id == owner)]
    elif kind == "scans":
        queries = [
            select(scans.c.id).where(scans.c.id == owner),
            select(uploads.c.id).where(uploads.c.scan_id == owner),
        ]
    else:
        queries = [
            select(table.key).where(table.job_id == owner, table.key.startswith(prefix, autoescape=True)).limit(1)
            for table in (artifacts.c, revision_artifacts.c)
        ]
    return any(connection.execute(query).first() is not None for query in queries)
