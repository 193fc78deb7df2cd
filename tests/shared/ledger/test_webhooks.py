"""The outbox: written with the end of a job, taken by one, tried again with back-off, until it is over."""

import pytest
from sqlalchemy import update

from shared.errors import NotFound
from shared.ledger import jobs, webhooks
from shared.ledger.tables import deliveries
from tests.shared.ledger.conftest import add_job


@pytest.fixture
def hook(ledger, job):
    with ledger.write() as connection:
        return webhooks.add(connection, "t", "https://hook.example/", ["job.succeeded", "job.failed"])


def end(ledger, job_id, state="succeeded", **given):
    with ledger.write() as connection:
        return jobs.end(connection, job_id, state, **given)


def take(ledger, lease=60.0):
    with ledger.write() as connection:
        return webhooks.take(connection, lease)


def settle(ledger, parcel, status, reason=None):
    with ledger.write() as connection:
        webhooks.settle(connection, parcel, status, reason)


def log(ledger, hook):
    with ledger.read() as connection:
        return webhooks.log(connection, "t", hook.id, 10)


def again(ledger):
    with ledger.write() as connection:
        connection.execute(update(deliveries).where(deliveries.c.state == "due").values(due=0.0))


def test_the_end_of_a_job_is_announced_once_to_those_who_asked_for_it(ledger, job, hook):
    cancelled, foreign = add_job(ledger), add_job(ledger, "other")
    assert end(ledger, job)
    assert not end(ledger, job)
    end(ledger, cancelled, "cancelled")
    end(ledger, foreign)
    parcels = take(ledger)
    assert [(p.payload["type"], p.payload["data"]["id"], p.attempt) for p in parcels] == [("job.succeeded", job, 1)]
    assert parcels[0].webhook.secrets == hook.secrets
    assert take(ledger) == []


def test_a_failed_job_tells_its_code(ledger, job, hook):
    end(ledger, job, "failed", code="not_a_scan", detail="No image.")
    data = take(ledger)[0].payload["data"]
    assert data == {"id": job, "state": "failed", "error": {"code": "not_a_scan", "detail": "No image."}}


def test_nothing_is_announced_when_the_transaction_fails(ledger, job, hook):
    def end_and_fail():
        with ledger.write() as connection:
            jobs.end(connection, job, "succeeded")
            raise RuntimeError

    with pytest.raises(RuntimeError):
        end_and_fail()
    assert take(ledger) == []


def test_a_taker_that_died_leaves_the_message_to_the_next_and_settles_nothing_later(ledger, job, hook):
    end(ledger, job)
    (dead,) = take(ledger, lease=-1.0)
    (second,) = take(ledger)
    assert second.attempt == 2
    settle(ledger, dead, 200)
    assert log(ledger, hook)[0].state == "due"
    settle(ledger, second, 200)
    assert log(ledger, hook)[0].state == "delivered"


def test_tries_come_later_and_later_until_the_delivery_has_failed(ledger, job, hook):
    end(ledger, job)
    for attempt in range(1, len(webhooks.BACK_OFF) + 2):
        (parcel,) = take(ledger)
        assert parcel.attempt == attempt
        settle(ledger, parcel, 500 if attempt % 2 else None, None if attempt % 2 else "ConnectError")
        found = log(ledger, hook)[0]
        if attempt <= len(webhooks.BACK_OFF):
            assert found.state == "due"
            assert take(ledger) == []
        again(ledger)
    assert (found.state, found.attempts, found.due) == ("failed", len(webhooks.BACK_OFF) + 1, None)
    with ledger.write() as connection:
        webhooks.retry(connection, "t", hook.id, found.id)
    assert take(ledger)[0].id == found.id


def test_gone_is_final(ledger, job, hook):
    end(ledger, job)
    settle(ledger, take(ledger)[0], 410)
    assert log(ledger, hook)[0].state == "failed"


def test_a_rotated_secret_signs_beside_the_new_one_for_a_while(ledger, hook):
    with ledger.write() as connection:
        both = webhooks.rotate(connection, "t", hook.id, 100.0).secrets
        assert (len(both), both[1]) == (2, hook.secrets[0])
        assert webhooks.rotate(connection, "t", hook.id, 0.0).secrets[1:] == ()


def test_another_tenants_webhook_is_unknown(ledger, hook):
    add_job(ledger, "other")
    with ledger.write() as connection:
        for call in (
            lambda: webhooks.get(connection, "other", hook.id),
            lambda: webhooks.remove(connection, "other", hook.id),
            lambda: webhooks.rotate(connection, "other", hook.id, 1.0),
            lambda: webhooks.log(connection, "other", hook.id, 1),
            lambda: webhooks.retry(connection, "other", hook.id, "msg"),
        ):
            with pytest.raises(NotFound):
                call()
        assert webhooks.every(connection, "other") == []
