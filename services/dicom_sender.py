"""Sends results from the ledger's outbox by STOW-RS or C-STORE: at least once, verified, with back-off."""

from __future__ import annotations

import logging
import secrets
import threading
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import httpx

from shared.errors import VisceraError
from shared.ledger import Ledger
from shared.ledger.dicom import deliveries
from shared.ledger.dicom.deliveries import Delivery
from shared.outbound import destinations
from shared.outbound.destinations import Destination, NotDelivered
from shared.pacs import instance_list
from shared.storage.base import Store

logger = logging.getLogger("viscera.deliverer")
EVERY = 1.0
STORED = "00081199"
FAILED = "00081198"


class DicomSender(threading.Thread):
    """A thread that sends due deliveries until it is stopped; many may run at once."""

    def __init__(self, ledger: Ledger, store: Store, path: Path | None, stop: threading.Event) -> None:
        super().__init__(name="deliverer", daemon=True)
        self.ledger, self.store, self.path, self.done = ledger, store, path, stop

    def run(self) -> None:
        """Send deliveries until stopped."""
        while not self.done.wait(EVERY):
            try:
                while deliver_one(self.ledger, self.store, destinations.load(self.path)):
                    pass
            except Exception as error:  # ledger or configuration is unavailable: the next round tries again
                logger.warning("deliveries not completed", exc_info=error)


def deliver_one(ledger: Ledger, store: Store, known: dict[str, Destination]) -> bool:
    """Send the delivery that has been due longest and record the result; return False if none is due."""
    longest = max((destination.seconds for destination in known.values()), default=60.0)
    with ledger.write() as connection:
        delivery = deliveries.take(connection, 4.0 * longest + 60.0)
    if delivery is None:
        return False
    error = _try(ledger, store, delivery, known)
    about = {
        "delivery": delivery.id,
        "job": delivery.job_id,
        "revision": delivery.revision,
        "destination": delivery.destination,
        "attempt": delivery.attempts,
    }
    logger.log(
        logging.INFO if error is None else logging.WARNING, "delivery attempted", extra=about | {"problem": error}
    )
    with suppress(VisceraError), ledger.write() as connection:  # otherwise it is sent again: at least once
        deliveries.settle(connection, delivery, error)
    return True


def _try(ledger: Ledger, store: Store, delivery: Delivery, known: dict[str, Destination]) -> str | None:
    try:
        if delivery.destination not in known:
            raise NotDelivered("The destination is no longer configured.")
        to = known[delivery.destination]
        with ledger.read() as connection:
            contents = deliveries.contents(connection, delivery.job_id, to.modalities, delivery.revision)
        if contents:
            (_by_dimse if to.is_dimse else send)(store, to, contents)
    except VisceraError as error:
        return error.detail
    except httpx.TimeoutException:
        return "The destination did not answer in time."
    except httpx.HTTPError as error:
        return f"The destination can't be reached ({type(error).__name__})."
    except Exception as error:
        logger.error("delivery failed in the service", exc_info=error)
        return f"Something went wrong inside ({type(error).__name__})."
    return None


def _by_dimse(store: Store, to: Destination, contents: list[tuple[str, str]]) -> None:
    from services import dimse_sender  # loads pynetdicom, which most installations do not need

    dimse_sender.send(store, to, contents)


def send(store: Store, to: Destination, contents: list[tuple[str, str]]) -> None:
    """Send (instance id, SOP Instance UID) pairs in one STOW-RS request.

    Raises NotDelivered unless all are confirmed.
    """
    boundary = "viscera-" + secrets.token_hex(16)
    headers = {
        "Content-Type": f'multipart/related; type="application/dicom"; boundary={boundary}',
        "Accept": "application/dicom+json",
    }
    verify = str(to.ca_file) if to.ca_file else True
    with httpx.Client(timeout=to.seconds, verify=verify, follow_redirects=False, trust_env=False) as client:
        authorization = _authorization(client, to)
        if authorization:
            headers["Authorization"] = authorization
        body = _body(store, boundary, [instance for instance, _ in contents])
        response = client.post(to.url.rstrip("/") + "/studies", content=body, headers=headers)
    _verify(response, {uid for _, uid in contents})


def _body(store: Store, boundary: str, ids: list[str]) -> Iterator[bytes]:
    for instance in ids:
        yield f"--{boundary}\r\nContent-Type: application/dicom\r\n\r\n".encode()
        yield from store.read(instance_list.instance_key(instance))
        yield b"\r\n"
    yield f"--{boundary}--\r\n".encode()


def _authorization(client: httpx.Client, to: Destination) -> str | None:
    if to.oauth2 is None:
        return to.authorization
    form = {"grant_type": "client_credentials"} | ({"scope": to.oauth2.scope} if to.oauth2.scope else {})
    response = client.post(to.oauth2.token_url, data=form, auth=(to.oauth2.client_id, to.oauth2.secret))
    try:
        token = str(response.json()["access_token"])
    except (ValueError, KeyError, TypeError) as error:
        raise NotDelivered(f"The token server returned no token: status {response.status_code}.") from error
    return f"Bearer {token}"


def _verify(response: httpx.Response, expected_uids: set[str]) -> None:
    """Check the Store Instances Response, because a status alone proves nothing.

    Raises NotDelivered.
    """
    if response.status_code not in (200, 202, 409):
        raise NotDelivered(f"The destination answered with status {response.status_code}.")
    try:
        content = response.json()
        content = content[0] if isinstance(content, list) else content
        stored = {item["00081155"]["Value"][0] for item in content.get(STORED, {}).get("Value", [])}
        failed = [item.get("00081197", {}).get("Value", ["?"])[0] for item in content.get(FAILED, {}).get("Value", [])]
    except (ValueError, KeyError, TypeError, AttributeError, IndexError) as error:
        raise NotDelivered(f"The destination's answer can't be read: status {response.status_code}.") from error
    missing = len(expected_uids - stored)
    if missing:
        reasons = f", failure reasons {sorted(set(map(str, failed)))}" if failed else ""
        raise NotDelivered(f"The destination did not confirm {missing} of {len(expected_uids)} instances{reasons}.")
