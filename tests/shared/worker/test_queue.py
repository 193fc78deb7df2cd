"""Doorbells on a real broker: struck work is heard first, and the reconciler does not let a queue grow."""

import pytest
from celery import Celery
from kombu import Consumer

from services.reconciler import notify_due
from shared.ledger import claims, sweep
from shared.worker.queue import make_app, notify, queue_length
from tests.shared.ledger.conftest import add_job
from tests.support import broker, contracts


@pytest.fixture
def app(tmp_path):
    with broker.server(tmp_path) as url:
        made = make_app(url)
        yield made
        made.close()


@pytest.fixture
def ledger(tmp_path):
    with contracts.sqlite(tmp_path) as made:
        yield made


def hear(app: Celery, stage: str, count: int) -> list[str]:
    """The jobs whose doorbells a worker would hear next, in order."""
    heard: list[str] = []

    def note(body, message):
        heard.append(body[0][0])
        message.ack()

    queue = app.amqp.queues[stage]
    with app.connection_for_read() as line, Consumer(line, queue, callbacks=[note], accept=["json"]) as consumer:
        consumer.qos(prefetch_count=1)
        while len(heard) < count:
            line.drain_events(timeout=10)
    return heard


def make_due(ledger):
    with ledger.write() as connection:
        connection.exec_driver_sql("UPDATE stage_runs SET ring_at = 0 WHERE state = 'ready'")


def test_a_struck_stage_is_heard_before_older_doorbells(app):
    for number in range(200):
        notify(app, f"job_{number}", "mesher")
    notify(app, "job_struck", "mesher", retried=True)
    assert queue_length(app, "mesher") == 201
    assert hear(app, "mesher", 3) == ["job_struck", "job_0", "job_1"]


def test_doorbells_that_nobody_hears_do_not_pile_up(app, ledger):
    jobs = [add_job(ledger) for _ in range(sweep.QUEUE_LIMIT + 10)]
    for _ in range(3):
        make_due(ledger)
        notify_due(ledger, app, again=0.0)
    assert queue_length(app, "classifier") == sweep.QUEUE_LIMIT
    assert hear(app, "classifier", 10) == jobs[:10]
    notify_due(ledger, app, again=0.0)
    assert queue_length(app, "classifier") == sweep.QUEUE_LIMIT


def test_the_whole_queue_is_rung_again_after_the_broker_forgot_it(app, ledger):
    jobs = [add_job(ledger) for _ in range(sweep.QUEUE_LIMIT + 10)]
    heard = []
    while len(heard) < len(jobs):
        make_due(ledger)
        notify_due(ledger, app, again=0.0)
        with app.connection_for_write() as line:
            line.default_channel.client.flushall()
        make_due(ledger)
        notify_due(ledger, app, again=0.0)
        for job in hear(app, "classifier", queue_length(app, "classifier")):
            with ledger.write() as connection:
                claims.claim(connection, job, "classifier", "w")
            heard.append(job)
    assert heard == jobs


def test_struck_work_is_rung_though_the_queue_is_full(app, ledger):
    struck, *_ = [add_job(ledger) for _ in range(3)]
    for number in range(sweep.QUEUE_LIMIT):
        notify(app, f"job_{number}", "classifier")
    with ledger.write() as connection:
        claims.release(connection, claims.claim(connection, struck, "classifier", "w"))
    make_due(ledger)
    notify_due(ledger, app, again=30.0)
    assert queue_length(app, "classifier") == sweep.QUEUE_LIMIT + 1
    assert hear(app, "classifier", 1) == [struck]
