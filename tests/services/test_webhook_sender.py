"""A job's end reaches a real receiver, also one that was away at first."""

import base64
import hashlib
import hmac
import json
import threading

import pytest
from sqlalchemy import update

from services.webhook_sender import WebhookSender, deliver, take
from shared.errors import TooMany
from shared.ledger import jobs, webhooks
from shared.ledger.tables import deliveries
from tests.shared.ledger.conftest import add_job
from tests.shared.outbound.test_webhook import LOOPBACK, Receiver, receiver
from tests.support import contracts
from tests.support.waiting import until

__all__ = ["receiver"]


@pytest.fixture
def ledger(tmp_path):
    with contracts.sqlite(tmp_path) as made:
        yield made


@pytest.fixture
def hook(ledger, receiver):
    with ledger.write() as connection:
        jobs.ensure_tenant(connection, "t")
        return webhooks.add(connection, "t", receiver + "/hook", webhooks.KINDS)


def finish(ledger):
    job_id = add_job(ledger)
    with ledger.write() as connection:
        jobs.end(connection, job_id, "succeeded")
    return job_id


def log(ledger, hook):
    with ledger.read() as connection:
        return webhooks.log(connection, "t", hook.id, 10)


def test_the_thread_delivers_what_falls_due_and_stops(ledger, hook):
    stop = threading.Event()
    notifier = WebhookSender(ledger, LOOPBACK, stop)
    notifier.start()
    job_id = finish(ledger)
    until(lambda: log(ledger, hook)[0].state == "delivered")
    stop.set()
    notifier.join(60)
    assert not notifier.is_alive()
    _, headers, body = Receiver.seen[0]
    assert json.loads(body)["data"]["id"] == job_id
    key = base64.b64decode(hook.secrets[0].removeprefix("whsec_"))
    signed = f"{headers['webhook-id']}.{headers['webhook-timestamp']}.".encode() + body
    expected = base64.b64encode(hmac.new(key, signed, hashlib.sha256).digest()).decode()
    assert headers["webhook-signature"] == f"v1,{expected}"


def test_a_receiver_that_fails_is_tried_again_with_the_same_message(ledger, hook):
    finish(ledger)
    Receiver.answers = [503]
    deliver(ledger, take(ledger, 1)[0], LOOPBACK)
    assert (log(ledger, hook)[0].state, log(ledger, hook)[0].status) == ("due", 503)
    Receiver.answers = [204]
    with ledger.write() as connection:
        connection.execute(update(deliveries).values(due=0.0))
    deliver(ledger, take(ledger, 1)[0], LOOPBACK)
    assert (log(ledger, hook)[0].state, log(ledger, hook)[0].attempts) == ("delivered", 2)
    assert len({headers["webhook-id"] for _, headers, _ in Receiver.seen}) == 1
    assert len({body for _, _, body in Receiver.seen}) == 1


def test_a_receiver_inside_the_network_is_not_reached(ledger, hook):
    finish(ledger)
    deliver(ledger, take(ledger, 1)[0], LOOPBACK.__class__())
    found = log(ledger, hook)[0]
    assert (found.state, found.reason, Receiver.seen) == ("due", "bad_webhook_url", [])


def test_one_tenants_messages_leave_hands_for_the_others(ledger):
    with ledger.write() as connection:
        for tenant, count in (("many", 5), ("one", 1)):
            jobs.ensure_tenant(connection, tenant)
            webhooks.add(connection, tenant, "https://hook.example/", webhooks.KINDS)
            for _ in range(count):
                webhooks.announce(connection, tenant, "job.succeeded", {})
    assert [parcel.tenant for parcel in take(ledger, 8, {"many": 1})] == ["many", "one"]
    assert take(ledger, 8, {"many": 2, "one": 1}) == []
    assert len(take(ledger, 8)) == 2


def test_a_tenants_webhooks_are_bounded(ledger):
    with ledger.write() as connection:
        jobs.ensure_tenant(connection, "t")
        for _ in range(webhooks.MOST):
            webhooks.add(connection, "t", "https://hook.example/", webhooks.KINDS)
        with pytest.raises(TooMany):
            webhooks.add(connection, "t", "https://hook.example/", webhooks.KINDS)
        jobs.ensure_tenant(connection, "other")
        webhooks.add(connection, "other", "https://hook.example/", webhooks.KINDS)
