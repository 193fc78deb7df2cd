"""Delivers webhooks from the ledger's outbox: at least once, signed, with back-off."""

from __future__ import annotations

import logging
import threading
from collections import Counter
from collections.abc import Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import suppress

from shared.errors import VisceraError
from shared.ledger import Ledger, webhooks
from shared.outbound import webhook

logger = logging.getLogger("viscera.notifier")
AT_ONCE, OF_TENANT = 8, 2
"""Messages that are sent at once, of all tenants and of one: a receiver that hangs holds up its own tenant."""
EVERY = 1.0
LEASE = 60.0


class WebhookSender(threading.Thread):
    """A thread that sends due messages until it is stopped; many may run at once."""

    def __init__(self, ledger: Ledger, policy: webhook.Policy, stop: threading.Event) -> None:
        super().__init__(name="notifier", daemon=True)
        self.ledger, self.policy, self.done = ledger, policy, stop

    def run(self) -> None:
        """Send messages until stopped."""
        under_way: dict[Future[None], str] = {}
        pool = ThreadPoolExecutor(AT_ONCE, "webhook")
        while not self.done.wait(EVERY):
            under_way = {future: tenant for future, tenant in under_way.items() if not future.done()}
            try:  # no more than there are threads: the lease of a waiting delivery would expire
                for parcel in take(self.ledger, AT_ONCE - len(under_way), Counter(under_way.values())):
                    under_way[pool.submit(deliver, self.ledger, parcel, self.policy)] = parcel.tenant
            except Exception as error:  # the ledger is unavailable: the next round tries again
                logger.warning("deliveries not completed", exc_info=error)
        pool.shutdown(wait=False, cancel_futures=True)


def take(ledger: Ledger, limit: int, under_way: Mapping[str, int] | None = None) -> list[webhooks.PendingDelivery]:
    """Return up to `limit` deliveries that are due now, of each tenant at most two with those under way."""
    with ledger.write() as connection:
        return webhooks.take(connection, LEASE, limit, under_way=under_way, of_tenant=OF_TENANT)


def deliver(ledger: Ledger, parcel: webhooks.PendingDelivery, policy: webhook.Policy) -> None:
    """Send one delivery and record the result."""
    status, reason = _try(parcel, policy)
    with suppress(VisceraError), ledger.write() as connection:  # otherwise it is sent again: at least once
        webhooks.settle(connection, parcel, status, reason)


def _try(parcel: webhooks.PendingDelivery, policy: webhook.Policy) -> tuple[int | None, str | None]:
    try:
        status = webhook.send(parcel.webhook.url, parcel.id, parcel.webhook.secrets, parcel.payload, policy)
    except VisceraError as error:
        return None, error.code
    except Exception as error:
        return None, type(error).__name__
    logger.info("webhook sent", extra={"delivery": parcel.id, "status": status, "attempt": parcel.attempt})
    return status, None
