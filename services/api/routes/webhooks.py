"""/v1/webhooks: being told when a job has ended (Standard Webhooks)."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Literal

from fastapi import APIRouter, Query
from pydantic import BaseModel, ConfigDict, Field

from services.api import schemas
from services.api.gateway import Admin, Connections, Context
from shared.ledger import audit, webhooks
from shared.outbound.webhook import Policy

router = APIRouter(prefix="/v1/webhooks", tags=["webhooks"])
Kind = Literal["job.succeeded", "job.failed", "job.cancelled"]
DAY = 86400


class WebhookRequest(BaseModel):
    """Where to send which messages."""

    model_config = ConfigDict(extra="forbid")

    url: Annotated[str, Field(max_length=2000)]
    kinds: Annotated[list[Kind], Field(min_length=1)] = ["job.succeeded", "job.failed", "job.cancelled"]


class Rotation(BaseModel):
    """For how long the old secret goes on signing beside the new one."""

    model_config = ConfigDict(extra="forbid")

    overlap_seconds: Annotated[int, Field(ge=0, le=30 * DAY)] = DAY


class Webhook(BaseModel):
    """A webhook; `secret` is told only when it is made."""

    id: str
    url: str
    kinds: list[str]
    created: datetime
    secret: str | None = None


class WebhookList(BaseModel):
    """The webhooks of a tenant."""

    items: list[Webhook]


class Delivery(BaseModel):
    """One message and how its delivery stands; `status` is the last answer, `reason` why there was none."""

    id: str
    kind: str
    state: Literal["due", "delivered", "failed"]
    attempts: int
    due: datetime | None
    status: int | None
    reason: str | None
    created: datetime
    ended: datetime | None


class DeliveryList(BaseModel):
    """The latest messages to a webhook, newest first."""

    items: list[Delivery]


@router.post("", status_code=201)
def create_webhook(asked: WebhookRequest, connections: Connections, caller: Admin) -> Webhook:
    """Registers a URL to which the ends of the tenant's jobs are sent, signed with the secret that is told here."""
    _policy(connections).check(asked.url)
    with connections.writing(caller) as connection:
        made = webhooks.add(connection, caller.tenant, asked.url, asked.kinds)
        audit.record(connection, caller.tenant, caller.key_id, "create_webhook", made.id)
    return _view(made, made.secrets[0])


@router.get("")
def list_webhooks(connections: Connections, caller: Admin) -> WebhookList:
    """The tenant's webhooks."""
    with connections.reading(caller) as connection:
        return WebhookList(items=[_view(found) for found in webhooks.every(connection, caller.tenant)])


@router.delete("/{webhook_id}", status_code=204)
def delete_webhook(webhook_id: str, connections: Connections, caller: Admin) -> None:
    """Removes a webhook and what was still to be sent to it."""
    with connections.writing(caller) as connection:
        webhooks.remove(connection, caller.tenant, webhook_id)
        audit.record(connection, caller.tenant, caller.key_id, "delete_webhook", webhook_id)


@router.post("/{webhook_id}/rotate")
def rotate_secret(webhook_id: str, asked: Rotation, connections: Connections, caller: Admin) -> Webhook:
    """Gives the webhook a new secret; for a while messages carry the signatures of both."""
    with connections.writing(caller) as connection:
        made = webhooks.rotate(connection, caller.tenant, webhook_id, asked.overlap_seconds)
        audit.record(connection, caller.tenant, caller.key_id, "rotate_webhook", webhook_id)
    return _view(made, made.secrets[0])


@router.get("/{webhook_id}/deliveries")
def list_deliveries(
    webhook_id: str, connections: Connections, caller: Admin, limit: Annotated[int, Query(ge=1, le=200)] = 50
) -> DeliveryList:
    """The latest messages and what became of them."""
    with connections.reading(caller) as connection:
        found = webhooks.log(connection, caller.tenant, webhook_id, limit)
    return DeliveryList(items=[_delivery(one) for one in found])


@router.post("/{webhook_id}/deliveries/{delivery_id}/retry", status_code=202)
def retry_delivery(webhook_id: str, delivery_id: str, connections: Connections, caller: Admin) -> None:
    """Sends a message again at once."""
    with connections.writing(caller) as connection:
        webhooks.retry(connection, caller.tenant, webhook_id, delivery_id)


def _policy(context: Context) -> Policy:
    return Policy.parse(context.settings.webhook_http, context.settings.webhook_networks)


def _view(found: webhooks.Webhook, secret: str | None = None) -> Webhook:
    created = schemas.time_of(found.created)
    return Webhook(id=found.id, url=found.url, kinds=list(found.kinds), created=created, secret=secret)


def _delivery(found: webhooks.Delivery) -> Delivery:
    times = {name: getattr(found, name) for name in ("due", "created", "ended")}
    shown = {name: schemas.time_or_none(t) for name, t in times.items()}
    kept = {name: getattr(found, name) for name in ("id", "kind", "state", "attempts", "status", "reason")}
    return Delivery(**kept, **shown)
