"""Webhooks of a tenant and their messages: an outbox that is written in the transaction that ends a job."""

from __future__ import annotations

import base64
import secrets
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import Connection, case, func, insert, select, update

from shared.errors import NotFound, TooMany
from shared.ledger.engine import now
from shared.ledger.ids import new_id
from shared.ledger.tables import deliveries, webhooks

MOST = 20
"""Webhooks of one tenant at most."""
KINDS = ("job.succeeded", "job.failed", "job.cancelled")
BACK_OFF = (5.0, 30.0, 120.0, 900.0, 3600.0, 10800.0, 28800.0, 50400.0, 86400.0)
"""Seconds between attempts; after the last one a delivery has failed."""


@dataclass(frozen=True, slots=True)
class Webhook:
    """A tenant's webhook: its URL, its event kinds, and the valid signing secrets, newest first."""

    id: str
    url: str
    kinds: tuple[str, ...]
    secrets: tuple[str, ...]
    created: float


@dataclass(frozen=True, slots=True)
class Delivery:
    """One message to one webhook: state (due, delivered, failed), attempts, last HTTP status or reason, times."""

    id: str
    webhook_id: str
    kind: str
    state: str
    attempts: int
    due: float | None
    status: int | None
    reason: str | None
    created: float
    ended: float | None


@dataclass(frozen=True, slots=True)
class PendingDelivery:
    """A delivery that a sender has taken: the webhook, the message and the attempt's number."""

    id: str
    webhook: Webhook
    payload: dict[str, Any]
    attempt: int
    tenant: str


def new_secret() -> str:
    """Return a signing secret in the form of the Standard Webhooks specification."""
    return "whsec_" + base64.b64encode(secrets.token_bytes(32)).decode()


def add(connection: Connection, tenant: str, url: str, kinds: Sequence[str]) -> Webhook:
    """Record a webhook with a new secret.

    Raises TooMany above `MOST` webhooks of the tenant.
    """
    if connection.execute(select(func.count()).where(webhooks.c.tenant == tenant)).scalar_one() >= MOST:
        raise TooMany(f"There are {MOST} webhooks already; delete one first.", "quota_webhooks")
    webhook_id = new_id("hook")
    values = {"url": url, "kinds": list(kinds), "secrets": [{"secret": new_secret(), "until": None}]}
    connection.execute(insert(webhooks).values(id=webhook_id, tenant=tenant, created=now(), **values))
    return get(connection, tenant, webhook_id)


def get(connection: Connection, tenant: str, webhook_id: str) -> Webhook:
    """Return one webhook.

    Raises NotFound, also for a webhook of another tenant.
    """
    query = select(webhooks, now().label("moment")).where(webhooks.c.id == webhook_id, webhooks.c.tenant == tenant)
    row = connection.execute(query).first()
    if row is None:
        raise NotFound("There is no such webhook.")
    return _webhook(row)


def every(connection: Connection, tenant: str) -> list[Webhook]:
    """Return the webhooks of a tenant, oldest first."""
    query = select(webhooks, now().label("moment")).where(webhooks.c.tenant == tenant)
    return [_webhook(row) for row in connection.execute(query.order_by(webhooks.c.created))]


def remove(connection: Connection, tenant: str, webhook_id: str) -> None:
    """Delete a webhook and its deliveries.

    Raises NotFound.
    """
    condition = (webhooks.c.id == webhook_id) & (webhooks.c.tenant == tenant)
    if not connection.execute(webhooks.delete().where(condition)).rowcount:
        raise NotFound("There is no such webhook.")


def rotate(connection: Connection, tenant: str, webhook_id: str, overlap: float) -> Webhook:
    """Give a webhook a new secret; the old ones also sign for `overlap` seconds."""
    get(connection, tenant, webhook_id)
    condition = webhooks.c.id == webhook_id
    row = connection.execute(select(webhooks.c.secrets, now().label("moment")).where(condition)).one()
    ends = row.moment + overlap
    old = [entry | {"until": min(entry["until"] or ends, ends)} for entry in row.secrets]
    fresh = [{"secret": new_secret(), "until": None}, *old]
    connection.execute(update(webhooks).where(condition).values(secrets=fresh))
    return get(connection, tenant, webhook_id)


def announce(connection: Connection, tenant: str, kind: str, data: Mapping[str, Any]) -> None:
    """Write an event to the outbox of every webhook of the tenant for it, in the caller's transaction."""
    moment = connection.execute(select(now())).scalar_one()
    payload = {
        "type": kind,
        "timestamp": datetime.fromtimestamp(moment, UTC).isoformat(timespec="milliseconds"),
        "data": dict(data),
    }
    query = select(webhooks.c.id, webhooks.c.kinds).where(webhooks.c.tenant == tenant)
    rows = [
        {
            "id": new_id("msg"), "tenant": tenant, "webhook_id": row.id, "kind": kind, "payload": payload,
            "state": "due", "attempts": 0, "due": moment, "created": moment,
        }
        for row in connection.execute(query) if kind in row.kinds
    ]  # fmt: skip
    if rows:
        connection.execute(insert(deliveries), rows)


def take(
    connection: Connection,
    lease: float,
    limit: int = 16,
    *,
    under_way: Mapping[str, int] | None = None,
    of_tenant: int | None = None,
) -> list[PendingDelivery]:
    """Take due deliveries for one attempt each; if the sender dies they are due again after `lease` seconds.

    A tenant gets at most `of_tenant` at once, together with those `under_way`.
    """
    ready = (deliveries.c.state == "due") & (deliveries.c.due <= now())
    place = func.row_number().over(partition_by=deliveries.c.tenant, order_by=deliveries.c.due).label("place")
    queue = select(deliveries.c.id, deliveries.c.tenant, deliveries.c.due, place).where(ready).subquery()
    query = select(queue.c.id).order_by(queue.c.due).limit(limit)
    if of_tenant is not None:
        free = {tenant: of_tenant - count for tenant, count in (under_way or {}).items()}
        allowed = case(free, value=queue.c.tenant, else_=of_tenant) if free else of_tenant
        query = query.where(queue.c.place <= allowed)
    pending = []
    for delivery_id in connection.execute(query).scalars().all():
        statement = update(deliveries).where(ready, deliveries.c.id == delivery_id)
        values = {"due": now() + lease, "attempts": deliveries.c.attempts + 1}
        returned = statement.values(values).returning(
            deliveries.c.webhook_id, deliveries.c.tenant, deliveries.c.payload, deliveries.c.attempts
        )
        row = connection.execute(returned).first()
        if row is not None:
            hook = get(connection, row.tenant, row.webhook_id)
            pending.append(PendingDelivery(delivery_id, hook, row.payload, row.attempts, row.tenant))
    return pending


def settle(connection: Connection, delivery: PendingDelivery, status: int | None, reason: str | None) -> None:
    """Record the result of an attempt: delivered on 2xx, failed on 410 or after the last attempt, otherwise due again
    later.
    """
    condition = (
        (deliveries.c.id == delivery.id) & (deliveries.c.attempts == delivery.attempt) & (deliveries.c.state == "due")
    )
    values: dict[str, Any] = {"status": status, "reason": reason}
    if status is not None and 200 <= status < 300:
        values |= {"state": "delivered", "due": None, "ended": now()}
    elif status == 410 or delivery.attempt > len(BACK_OFF):
        values |= {"state": "failed", "due": None, "ended": now()}
    else:
        values |= {"due": now() + BACK_OFF[delivery.attempt - 1]}
    connection.execute(update(deliveries).where(condition).values(values))


def log(connection: Connection, tenant: str, webhook_id: str, limit: int) -> list[Delivery]:
    """Return the latest deliveries to a webhook, newest first.

    Raises NotFound.
    """
    get(connection, tenant, webhook_id)
    columns = [deliveries.c[name] for name in Delivery.__slots__]
    query = select(*columns).where(deliveries.c.webhook_id == webhook_id).order_by(deliveries.c.seq.desc())
    return [Delivery(*row) for row in connection.execute(query.limit(limit))]


def retry(connection: Connection, tenant: str, webhook_id: str, delivery_id: str) -> None:
    """Make a delivery due now and reset its attempts.

    Raises NotFound.
    """
    condition = (
        (deliveries.c.id == delivery_id) & (deliveries.c.webhook_id == webhook_id) & (deliveries.c.tenant == tenant)
    )
    values = {"state": "due", "due": now(), "attempts": 0, "ended": None}
    if not connection.execute(update(deliveries).where(condition).values(values)).rowcount:
        raise NotFound("There is no such delivery.")


def forget(connection: Connection, days: float = 30.0) -> None:
    """Delete deliveries that ended long ago."""
    connection.execute(deliveries.delete().where(deliveries.c.ended < now() - days * 86400.0))


def _webhook(row: Any) -> Webhook:
    valid = tuple(entry["secret"] for entry in row.secrets if entry["until"] is None or entry["until"] > row.moment)
    return Webhook(row.id, row.url, tuple(row.kinds), valid, row.created)
