"""Gateway, reconciler and broker die, stall and forget."""

import os
import signal
import socket
import time

import pytest

from shared.ledger.jobs import STAGES
from viscera_client import ServiceError

pytestmark = pytest.mark.timeout(150)


@pytest.mark.parametrize("point", ["after-store", "after-commit"])
def test_gateway_killed_before_202_and_the_client_tries_again(rig, point):
    armed = rig.arm("gateway", point, "kill")
    with pytest.raises(ServiceError):
        rig.submit(key="again-" + point)
    rig.taken(armed)
    rig.system.wait_ready()
    job = rig.submit(key="again-" + point)
    rig.check(job)
    assert rig.submit(key="again-" + point) == job


def test_gateway_killed_in_the_middle_of_an_upload(rig):
    before = rig.client.jobs()
    with socket.create_connection(("127.0.0.1", rig.system.port)) as line:
        head = [
            "POST /v1/jobs HTTP/1.1",
            "Host: x",
            f"Authorization: Bearer {rig.system.key}",
            "Content-Length: 9000000",
        ]
        line.sendall("\r\n".join([*head, "", ""]).encode() + b"x" * 3_000_000)
        time.sleep(0.3)
        rig.kill("gateway")
    rig.system.wait_ready()
    assert rig.client.jobs() == before
    rig.check(rig.submit())


def test_gateway_killed_while_jobs_run(rig):
    jobs = [rig.submit() for _ in range(3)]
    rig.kill("gateway")
    rig.check(*jobs)
    rig.system.wait_ready()


def test_reconciler_killed_when_it_is_needed(rig):
    armed = rig.arm("mesher", "after-claim", "kill")
    job = rig.submit()
    rig.taken(armed)
    rig.kill("reconciler")
    rig.check(job)


def test_two_reconcilers_at_once(rig):
    armed = rig.arm("segmenter", "mid-work", "kill")
    with rig.second_worker("reconciler"):
        jobs = [rig.submit() for _ in range(4)]
        rig.taken(armed)
        rig.flush()
        rig.check(*jobs)
    assert sum(rig.attempts(job, "segmenter") for job in jobs) == len(jobs) + 1


def test_every_worker_killed_at_once(rig):
    jobs = [rig.submit() for _ in range(3)]
    time.sleep(0.3)
    for stage in STAGES:
        rig.kill(stage)
    rig.check(*jobs)


@pytest.mark.parametrize("stage", STAGES)
@pytest.mark.parametrize("how", ["flushall", "kill", "stop"])
def test_broker_struck_while_a_stage_works(rig, stage, how):
    armed = rig.arm(stage, "mid-work", "stop")
    jobs = [rig.submit() for _ in range(3)]
    stalled = rig.taken(armed)
    broker = rig.child("valkey").process
    if how == "flushall":
        rig.flush()
    else:
        broker.send_signal(signal.SIGKILL if how == "kill" else signal.SIGSTOP)
    os.kill(stalled, signal.SIGCONT)
    if how == "stop":
        time.sleep(4.0)
        broker.send_signal(signal.SIGCONT)
    rig.check(*jobs)


def test_jobs_sent_while_the_broker_is_dead(rig):
    rig.child("valkey").process.send_signal(signal.SIGSTOP)
    try:
        jobs = [rig.submit() for _ in range(2)]
    finally:
        rig.child("valkey").process.send_signal(signal.SIGCONT)
    rig.check(*jobs)
