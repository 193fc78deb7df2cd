"""Delivers webhooks from the ledger's outbox: at least once, signed, with back-off."""

from __future__ import annotations

import logging
import threading
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import suppress

from shared.errors import VisceraError
from shared.ledger import Ledger, webhooks
from shared.outbound import webhook

logger = logging.getLogger("viscera.notifier")
AT_ONCE = 8
EVERY = 1.0
LEASE = 60.0


class WebhookSender(threading.Thread):
    """A thread that sends due messages until it is stopped; many may run at once."""

    def __init__(self, ledger: Ledger, policy: webhook.Policy, stop: threading.Event) -> None:
        super().__init__(name="notifier", daemon=True)
        self.ledger, self.policy, self.done = ledger, policy, stop

    def run(self) -> None:
        """Send messages until stopped."""
        under_way: set[Future[None]] = set()
        pool = ThreadPoolExecutor(AT_ONCE, "webhook")
        while not self.done.wait(EVERY):
            under_way = {future for future in under_way if not future.done()}
            try:  # no more than there are threads: the lease of a waiting delivery would expire
                for parcel in take(self.ledger, AT_ONCE - len(under_way)):
                    under_way.add(pool.submit(deliver, self.ledger, parcel, self.policy))
            except Exception as error:  # the ledger is unavailable: the next round tries again
                logger.warning("deliveries not completed", exc_info=error)
        pool.shutdown(wait=False, cancel_futures=True)


def take(ledger: Ledger, limit: int) -> list[webhooks.PendingDelivery]:
    """Return up to `limit` deliveries that are due now."""
    with ledger.write() as connection:
        return webhooks.take(connection, LEASE, limit)


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
