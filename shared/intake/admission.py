"""Whether new work is accepted: the queue, the tenant's share of it, the disk."""

from __future__ import annotations

from shared.errors import TooMany
from shared.intake.room import Room
from shared.ledger import Ledger, quotas
from shared.settings import Settings


def check(ledger: Ledger, room: Room, settings: Settings, tenant: str) -> None:
    """Refuse new work while queue, disk or the tenant's share is above its limit.

    Raises TooMany or Unavailable.
    """
    with ledger.read() as connection:
        if quotas.queue_is_full(connection, tenant, settings.queue_bound):
            raise TooMany("Too many jobs are queued; send it again later.", "queue_full")
        share = quotas.share(connection, tenant, settings.open_jobs)
    if share is not None and share <= 0:
        raise TooMany("Too many of your jobs are queued or running; send it again when one has ended.", "quota_jobs")
    room.check(settings)
