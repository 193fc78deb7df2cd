"""/v1/webhooks: messages about ended jobs (Standard Webhooks)."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Literal

from fastapi import APIRouter, Query
from pydantic import BaseModel, ConfigDict, Field

from services.api import schemas
from services.api.gateway import Admin, Gateway, GatewayDep
from shared.ledger import audit, webhooks
from shared.outbound.webhook import Policy

router = APIRouter(prefix="/v1/webhooks", tags=["webhooks"])
Kind = Literal["job.succeeded", "job.failed", "job.cancelled"]
DAY = 86400


class WebhookRequest(BaseModel):
    """The URL and the event kinds."""

    model_config = ConfigDict(extra="forbid")

    url: Annotated[str, Field(max_length=2000)]
    kinds: Annotated[list[Kind], Field(min_length=1)] = ["job.succeeded", "job.failed", "job.cancelled"]


class Rotation(BaseModel):
    """How long the old secret also signs."""

    model_config = ConfigDict(extra="forbid")

    overlap_seconds: Annotated[int, Field(ge=0, le=30 * DAY)] = DAY


class Webhook(BaseModel):
    """A webhook; `secret` is shown only at its creation."""

    id: str
    url: str
    kinds: list[str]
    created: datetime
    secret: str | None = None


class WebhookList(BaseModel):
    """The webhooks of a tenant."""

    items: list[Webhook]


class Delivery(BaseModel):
    """One message and the state of its delivery; `status` is the last HTTP status, `reason` why there was none."""

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
def create_webhook(body: WebhookRequest, gateway: GatewayDep, caller: Admin) -> Webhook:
    """Register a URL that receives a signed message for each ended job; the response has the signing secret."""
    _policy(gateway).check(body.url)
    with gateway.writing(caller) as connection:
        webhook = webhooks.add(connection, caller.tenant, body.url, body.kinds)
        audit.record(connection, caller.tenant, caller.key_id, "create_webhook", webhook.id)
    return _view(webhook, webhook.secrets[0])


@router.get("")
def list_webhooks(gateway: GatewayDep, caller: Admin) -> WebhookList:
    """Return the tenant's webhooks."""
    with gateway.reading(caller) as connection:
        return WebhookList(items=[_view(webhook) for webhook in webhooks.every(connection, caller.tenant)])


@router.delete("/{webhook_id}", status_code=204)
def delete_webhook(webhook_id: str, gateway: GatewayDep, caller: Admin) -> None:
    """Delete a webhook and its pending messages."""
    with gateway.writing(caller) as connection:
        webhooks.remove(connection, caller.tenant, webhook_id)
        audit.record(connection, caller.tenant, caller.key_id, "delete_webhook", webhook_id)


@router.post("/{webhook_id}/rotate")
def rotate_secret(webhook_id: str, body: Rotation, gateway: GatewayDep, caller: Admin) -> Webhook:
    """Give the webhook a new secret; for a while messages have the signatures of both."""
    with gateway.writing(caller) as connection:
        webhook = webhooks.rotate(connection, caller.tenant, webhook_id, body.overlap_seconds)
        audit.record(connection, caller.tenant, caller.key_id, "rotate_webhook", webhook_id)
    return _view(webhook, webhook.secrets[0])


@router.get("/{webhook_id}/deliveries")
def list_deliveries(
    webhook_id: str, gateway: GatewayDep, caller: Admin, limit: Annotated[int, Query(ge=1, le=200)] = 50
) -> DeliveryList:
    """Return the latest messages and the state of their delivery."""
    with gateway.reading(caller) as connection:
        stored = webhooks.log(connection, caller.tenant, webhook_id, limit)
    return DeliveryList(items=[_delivery(delivery) for delivery in stored])


@router.post("/{webhook_id}/deliveries/{delivery_id}/retry", status_code=202)
def retry_delivery(webhook_id: str, delivery_id: str, gateway: GatewayDep, caller: Admin) -> None:
    """Send a message again at once."""
    with gateway.writing(caller) as connection:
        webhooks.retry(connection, caller.tenant, webhook_id, delivery_id)


def _policy(gateway: Gateway) -> Policy:
    return Policy.parse(gateway.settings.webhook_http, gateway.settings.webhook_networks)


def _view(stored: webhooks.Webhook, secret: str | None = None) -> Webhook:
    created = schemas.time_of(stored.created)
    return Webhook(id=stored.id, url=stored.url, kinds=list(stored.kinds), created=created, secret=secret)


def _delivery(stored: webhooks.Delivery) -> Delivery:
    times = {name: getattr(stored, name) for name in ("due", "created", "ended")}
    shown = {name: schemas.time_or_none(t) for name, t in times.items()}
    fields = {name: getattr(stored, name) for name in ("id", "kind", "state", "attempts", "status", "reason")}
    return Delivery(**fields, **shown)
