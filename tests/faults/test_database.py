"""PostgreSQL stalls, restarts, crashes, and is cut off between a commit and its answer."""

import time

import pytest

from shared.ledger.jobs import STAGES
from viscera_client import ServiceError

pytestmark = [pytest.mark.timeout(150), pytest.mark.usefixtures("server_only")]


def test_database_stalled_while_jobs_run(rig):
    jobs = [rig.submit() for _ in range(3)]
    with rig.stalled_database():
        time.sleep(4.0)
    rig.check(*jobs)
    rig.system.wait_ready()


def test_database_connections_cut_while_jobs_run(rig):
    jobs = [rig.submit() for _ in range(3)]
    for _ in range(5):
        rig.cut_database_connections()
        time.sleep(0.4)
    rig.check(*jobs)


@pytest.mark.parametrize("how", ["fast", "immediate", "crash"])
def test_database_restarted_while_jobs_run(rig, how):
    jobs = [rig.submit() for _ in range(3)]
    time.sleep(0.5)
    rig.restart_database(how)
    rig.system.wait_ready()
    rig.check(*jobs, rig.submit())


def test_cut_off_between_the_commit_and_the_answer_of_an_acceptance(rig, database):
    database.arm("queued", "scans/")
    with pytest.raises(ServiceError):
        rig.submit(key="cut-off")
    assert database.cut.wait(60)
    job = rig.submit(key="cut-off")
    rig.check(job)
    assert [one.id for one in rig.client.jobs().items].count(job) == 1


@pytest.mark.parametrize("stage", STAGES)
def test_cut_off_between_the_commit_and_the_answer_of_a_claim(rig, database, stage):
    database.arm("stage_started", f'"{stage}"')
    job = rig.submit()
    assert database.cut.wait(60)
    rig.check(job)
    assert rig.attempts(job, stage) == 2, "nobody worked on the first claim"


@pytest.mark.parametrize("stage", STAGES)
def test_cut_off_between_the_commit_and_the_answer_of_a_result(rig, database, stage):
    database.arm("stage_done", f'"{stage}"')
    job = rig.submit()
    assert database.cut.wait(60)
    rig.check(job)
    assert rig.attempts(job, stage) == 1, "the result counts and its bytes are kept"


def test_cut_off_between_the_commit_and_the_answer_of_a_cancellation(rig, database):
    armed = rig.arm("segmenter", "mid-work", "stop")
    job = rig.submit()
    rig.taken(armed)
    database.arm("cancelled", "audit")
    with pytest.raises(ServiceError):
        rig.client.cancel(job)
    assert database.cut.wait(60)
    with pytest.raises(ServiceError) as again:
        rig.client.cancel(job)
    assert again.value.code == "job_cancelled"
    rig.check(job, ended="cancelled")
