"""Workers die, stall and come back at every point of every stage."""

import os
import signal
import time

import pytest

from shared.failpoints import POINTS
from shared.ledger.claims import ATTEMPTS
from shared.ledger.jobs import STAGES

pytestmark = pytest.mark.timeout(150)
REPEATED = {"after-claim", "mid-work", "after-store"}


@pytest.mark.parametrize("what", ["kill", "kill-worker"])
@pytest.mark.parametrize("point", POINTS)
@pytest.mark.parametrize("stage", STAGES)
def test_killed_at(rig, stage, point, what):
    armed = rig.arm(stage, point, what)
    job = rig.submit()
    rig.taken(armed)
    rig.check(job)
    assert rig.attempts(job, stage) == (2 if point in REPEATED else 1)


@pytest.mark.parametrize("point", ["after-claim", "mid-work", "after-store"])
@pytest.mark.parametrize("stage", STAGES)
def test_stalled_until_the_lease_is_lost(rig, stage, point):
    armed = rig.arm(stage, point, "stop")
    job = rig.submit()
    stalled = rig.taken(armed)
    until = time.monotonic() + 30
    while rig.attempts(job, stage) == 1 and rig.state(job, stage) == "running" and time.monotonic() < until:
        time.sleep(0.05)
    assert rig.state(job, stage) == "ready", "the reconciler took the lease away"
    os.kill(stalled, signal.SIGCONT)
    rig.check(job)
    assert rig.attempts(job, stage) == 2


@pytest.mark.parametrize("stage", STAGES)
def test_an_old_attempt_arrives_after_a_newer_one_won(rig, stage):
    armed = rig.arm(stage, "after-store", "stop")
    job = rig.submit()
    stalled = rig.taken(armed)
    with rig.second_worker(stage):
        rig.check(job)
        os.kill(stalled, signal.SIGCONT)
        time.sleep(1.0)
        rig.check(job)
    assert rig.attempts(job, stage) == 2


@pytest.mark.parametrize("stage", STAGES)
def test_a_scan_that_kills_its_worker_fails_after_three_tries_and_others_flow(rig, stage):
    armed = rig.arm(stage, "after-claim", "kill")
    poison = rig.submit()
    rig.taken(armed)
    rig.arm(stage, "after-claim", f"kill {poison}")
    rig.check(*[rig.submit() for _ in range(2)])
    rig.check(poison, ended="failed")
    assert rig.error(poison) == "worker_lost"
    assert rig.attempts(poison, stage) == ATTEMPTS


@pytest.mark.parametrize("point", ["after-claim", "mid-work", "after-store"])
@pytest.mark.parametrize("stage", STAGES)
def test_cancelled_at(rig, stage, point):
    armed = rig.arm(stage, point, "stop")
    job = rig.submit()
    stalled = rig.taken(armed)
    assert rig.client.cancel(job).state == "cancelled"
    os.kill(stalled, signal.SIGCONT)
    time.sleep(0.5)
    rig.check(job, ended="cancelled")
    following = STAGES[STAGES.index(stage) + 1 :]
    assert all(rig.fence(job, later) == 0 for later in following)


@pytest.mark.parametrize("stage", STAGES)
def test_five_doorbells_for_one_stage_give_one_result(rig, stage):
    job = rig.submit()
    rig.notify(job, stage, times=5)
    rig.check(job)
    rig.notify(job, stage, times=5)
    rig.check(job)
    assert rig.fence(job, stage) == 1


def test_every_message_delivered_five_times(rig):
    jobs = [rig.submit() for _ in range(4)]
    while open_ := [job for job in jobs if rig.client.job(job).state in {"queued", "running"}]:
        for job in open_:
            for stage in STAGES:
                rig.notify(job, stage, times=5)
    rig.check(*jobs)
    assert {rig.fence(job, stage) for job in jobs for stage in STAGES} == {1}


def test_soft_shutdown_gives_the_lease_back_and_counts_no_try(rig):
    armed = rig.arm("segmenter", "mid-work", "stop")
    job = rig.submit()
    stalled = rig.taken(armed)
    rig.child("segmenter").process.send_signal(signal.SIGTERM)
    until = time.monotonic() + 10
    while rig.state(job, "segmenter") == "running" and time.monotonic() < until:
        time.sleep(0.02)
    assert rig.state(job, "segmenter") == "ready"
    assert rig.attempts(job, "segmenter") == 0
    os.kill(stalled, signal.SIGCONT)
    rig.check(job)
    assert rig.attempts(job, "segmenter") == 1
