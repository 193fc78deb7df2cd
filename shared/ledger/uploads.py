"""Uploads in parts: begin, read, finish, abandon."""

from __future__ import annotations

from dataclasses import dataclass

from sqlalchemy import Connection, func, insert, select

from shared.errors import NotFound, TooMany
from shared.ledger.engine import now
from shared.ledger.ids import new_id
from shared.ledger.pending_deletes import schedule_delete
from shared.ledger.tables import tenants, uploads


@dataclass(frozen=True, slots=True)
class Upload:
    """An upload in parts: its store key and token, its sizes in bytes, its expiry (seconds since 1970)."""

    id: str
    key: str
    token: str
    bytes: int
    part_bytes: int
    sha256: str | None
    scan_id: str
    expires: float

    @property
    def count(self) -> int:
        """Return the number of parts."""
        return -(-self.bytes // self.part_bytes)

    def size(self, number: int) -> int:
        """Return the bytes of one part, counted from 1; 0 for a number without a part."""
        if not 1 <= number <= self.count:
            return 0
        return min(self.part_bytes, self.bytes - (number - 1) * self.part_bytes)


_COLUMNS = [uploads.c[name] for name in Upload.__slots__]


def new_scan() -> tuple[str, str]:
    """Return a new scan id and the store key of its bytes."""
    scan_id = new_id("scan")
    return scan_id, f"{scan_prefix(scan_id)}original"


def scan_prefix(scan_id: str) -> str:
    """Return the store prefix of everything of a scan."""
    return f"scans/{scan_id}/"


def begin(
    connection: Connection,
    tenant: str,
    scan: tuple[str, str],
    token: str,
    *,
    size: int,
    part_bytes: int,
    sha256: str | None,
    seconds: float,
    most: int = 0,
) -> Upload:
    """Record an upload that the store has started and that expires after `seconds`.

    Raises TooMany if the tenant has `most` unfinished ones (0: no limit).
    """
    if most and _unfinished(connection, tenant) >= most:
        detail = f"You have {most} uploads in parts that are not finished; finish or abandon one first."
        raise TooMany(detail, "too_many_uploads")
    upload_id, (scan_id, key) = new_id("upload"), scan
    connection.execute(
        insert(uploads).values(
            id=upload_id, tenant=tenant, key=key, token=token, bytes=size, part_bytes=part_bytes, sha256=sha256,
            scan_id=scan_id, created=now(), expires=now() + seconds,
        )
    )  # fmt: skip
    return get(connection, tenant, upload_id)


def _unfinished(connection: Connection, tenant: str) -> int:
    mine = (uploads.c.tenant == tenant) & (uploads.c.expires > now())
    connection.execute(select(tenants.c.id).where(tenants.c.id == tenant).with_for_update())  # one count at a time
    return connection.execute(select(func.count()).select_from(uploads).where(mine)).scalar_one()


def unfinished(connection: Connection) -> list[Upload]:
    """Return the uploads of all tenants that are begun and not finished."""
    return [Upload(*row) for row in connection.execute(select(*_COLUMNS).where(uploads.c.expires > now()))]


def get(connection: Connection, tenant: str, upload_id: str) -> Upload:
    """Return the upload with this id.

    Raises NotFound, also for an expired one and for one of another tenant.
    """
    query = select(*_COLUMNS).where(uploads.c.id == upload_id, uploads.c.tenant == tenant, uploads.c.expires > now())
    row = connection.execute(query).first()
    if row is None:
        raise NotFound("There is no such upload.")
    return Upload(*row)


def drop(connection: Connection, tenant: str, upload_id: str) -> bool:
    """Delete an upload; return False if another process was faster."""
    condition = (uploads.c.id == upload_id) & (uploads.c.tenant == tenant)
    return bool(connection.execute(uploads.delete().where(condition)).rowcount)


def give_up(connection: Connection, tenant: str, upload: Upload) -> None:
    """Delete an upload and schedule the deletion of its bytes."""
    if drop(connection, tenant, upload.id):
        schedule_delete(connection, scan_prefix(upload.scan_id))


def expire(connection: Connection) -> int:
    """Abandon every expired upload; return how many."""
    over = select(uploads.c.id, uploads.c.tenant, uploads.c.scan_id).where(uploads.c.expires <= now())
    rows = connection.execute(over).all()
    for row in rows:
        if drop(connection, row.tenant, row.id):
            schedule_delete(connection, scan_prefix(row.scan_id))
    return len(rows)
