"""A stage is worked on by one worker at a time, and only the holder of the newest fence changes anything."""

from concurrent.futures import ThreadPoolExecutor

import pytest
from sqlalchemy import select, update

from shared.ledger import claims, jobs, sweep
from shared.ledger.claims import LostLease
from shared.ledger.tables import events, stage_runs


def take(ledger, job, stage="classifier", worker="w1"):
    with ledger.write() as connection:
        return claims.claim(connection, job, stage, worker)


def let_lease_run_out(ledger):
    with ledger.write() as connection:
        connection.execute(update(stage_runs).where(stage_runs.c.state == "running").values(lease_until=0.0))
        sweep.requeue_expired(connection)


def output(name, claim):
    return jobs.Artifact(claim.stage, name, claim.prefix + name, "0" * 64, 1)


def test_only_one_of_eight_workers_gets_the_stage(ledger, job):
    with ThreadPoolExecutor(8) as pool:
        taken = list(pool.map(lambda n: take(ledger, job, worker=f"w{n}"), range(8)))
    assert sum(claim is not None for claim in taken) == 1


def test_a_stage_that_is_not_due_can_not_be_claimed(ledger, job):
    assert take(ledger, job, "segmenter") is None
    assert take(ledger, "job_unknown") is None


def test_three_stages_lead_to_success(ledger, job):
    for stage, following in zip(jobs.STAGES, (*jobs.STAGES[1:], None), strict=True):
        claim = take(ledger, job, stage)
        with ledger.write() as connection:
            claims.renew(connection, claim, 0.5)
            assert claims.complete(connection, claim, [output(f"{stage}.bin", claim)]) == following
    with ledger.read() as connection:
        done = jobs.get(connection, "t", job)
        assert (done.state, done.stage) == ("succeeded", None)
        assert set(jobs.published(connection, job)) == {f"{stage}.bin" for stage in jobs.STAGES}


def test_a_worker_that_lost_its_lease_publishes_nothing(ledger, job):
    old = take(ledger, job)
    let_lease_run_out(ledger)
    new = take(ledger, job, worker="w2")
    assert new.fence > old.fence
    for action in (
        lambda c: claims.renew(c, old),
        lambda c: claims.complete(c, old, [output("a", old)]),
        lambda c: claims.fail(c, old, "x", "y"),
        lambda c: claims.release(c, old),
    ):
        with pytest.raises(LostLease), ledger.write() as connection:
            action(connection)
    with ledger.write() as connection:
        assert jobs.published(connection, job) == {}
        claims.complete(connection, new, [output("a", new)])


def test_after_three_silent_workers_the_job_fails_as_worker_lost(ledger, job):
    for _ in range(claims.ATTEMPTS):
        assert take(ledger, job) is not None
        let_lease_run_out(ledger)
    assert take(ledger, job) is None
    with ledger.read() as connection:
        done = jobs.get(connection, "t", job)
        ends = connection.execute(select(events.c.kind).where(events.c.kind.in_(["failed", "succeeded"]))).all()
    assert (done.state, done.error_code) == ("failed", "worker_lost")
    assert len(ends) == 1


def test_a_lease_given_back_is_no_try(ledger, job):
    for _ in range(5):
        claim = take(ledger, job)
        with ledger.write() as connection:
            claims.release(connection, claim)
    for _ in range(2):
        take(ledger, job)
        with ledger.write() as connection:
            claims.release_all(connection, "w1")
    assert take(ledger, job).attempt == 1
    with ledger.read() as connection:
        assert connection.execute(select(events.c.kind)).scalars().all().count("given_back") == 7


def test_cancel_takes_the_lease_away_and_starts_no_later_stage(ledger, job):
    claim = take(ledger, job)
    with ledger.write() as connection:
        jobs.cancel(connection, "t", job)
    with pytest.raises(LostLease), ledger.write() as connection:
        claims.complete(connection, claim, [])
    assert take(ledger, job, "segmenter") is None


@pytest.mark.parametrize("round_", range(5))
def test_cancel_against_finish_has_exactly_one_winner(ledger, job, round_):
    for stage in jobs.STAGES[:2]:
        claim = take(ledger, job, stage)
        with ledger.write() as connection:
            claims.complete(connection, claim, [])
    last = take(ledger, job, "mesher")

    def finish(_):
        try:
            with ledger.write() as connection:
                claims.complete(connection, last, [])
            return "succeeded"
        except LostLease:
            return None

    def cancel(_):
        try:
            with ledger.write() as connection:
                jobs.cancel(connection, "t", job)
            return "cancelled"
        except Exception:
            return None

    with ThreadPoolExecutor(8) as pool:
        tries = [pool.submit(action, n) for n in range(4) for action in (finish, cancel)]
        won = [attempt.result() for attempt in tries if attempt.result()]
    with ledger.read() as connection:
        assert [jobs.get(connection, "t", job).state] == won
