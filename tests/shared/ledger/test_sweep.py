"""The reconciler rings what is due, ends what is late, and two at once do no harm."""

from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress

from sqlalchemy import update

from shared.ledger import claims, jobs, pending_deletes, sweep
from shared.ledger.tables import stage_runs
from tests.shared.ledger.conftest import add_job


def make_due(ledger):
    with ledger.write() as connection:
        connection.execute(update(stage_runs).where(stage_runs.c.state == "ready").values(ring_at=0.0))


def test_a_new_job_is_rung_again_once_until_its_next_time(ledger, job):
    with ledger.write() as connection:
        assert sweep.due(connection) == [], "the gateway has just rung"
    make_due(ledger)
    with ledger.write() as connection:
        assert sweep.due(connection) == [sweep.StageMessage(job, "classifier")]
        assert sweep.due(connection) == []


def test_a_stage_is_due_while_a_job_waits_for_it(ledger, job):
    with ledger.write() as connection:
        assert [sweep.is_due(connection, stage) for stage in jobs.STAGES] == [True, False, False]
        claims.claim(connection, job, "classifier", "w")
        assert not sweep.is_due(connection, "classifier")


def test_the_oldest_jobs_are_rung_first_and_only_as_many_as_there_is_room_for(ledger):
    made = [add_job(ledger) for _ in range(8)]
    make_due(ledger)
    room = {"classifier": 5, "segmenter": 0, "mesher": 0}
    with ledger.write() as connection:
        assert [bell.job_id for bell in sweep.due(connection, room=room)] == made[:5]
        assert [bell.job_id for bell in sweep.due(connection, room=room)] == made[5:]


def test_struck_work_is_rung_first_even_where_there_is_no_room(ledger):
    *_, struck = [add_job(ledger) for _ in range(3)]
    with ledger.write() as connection:
        claims.claim(connection, struck, "classifier", "w")
        connection.execute(update(stage_runs).where(stage_runs.c.state == "running").values(lease_until=0.0))
        sweep.requeue_expired(connection)
    make_due(ledger)
    with ledger.write() as connection:
        assert sweep.due(connection, room=dict.fromkeys(jobs.STAGES, 0)) == [
            sweep.StageMessage(struck, "classifier", retried=True)
        ]
    make_due(ledger)
    with ledger.write() as connection:
        assert sweep.due(connection)[0].job_id == struck


def test_eight_reconcilers_ring_each_doorbell_once(ledger):
    made = [add_job(ledger) for _ in range(20)]
    make_due(ledger)

    def due(_):
        with ledger.write() as connection:
            return [bell.job_id for bell in sweep.due(connection)]

    with ThreadPoolExecutor(8) as pool:
        rung = [job for some in pool.map(due, range(8)) for job in some]
    assert sorted(rung) == sorted(made)


def test_a_job_past_its_deadline_fails_as_timeout(ledger):
    late = add_job(ledger, seconds=-1.0)
    kept = add_job(ledger)
    with ledger.write() as connection:
        assert sweep.expire(connection) == 1
        assert jobs.get(connection, "t", late).error_code == "timeout"
        assert jobs.get(connection, "t", kept).state == "queued"
        assert claims.claim(connection, late, "classifier", "w") is None


def test_eight_reconcilers_rescue_a_job_once(ledger, job):
    with ledger.write() as connection:
        claims.claim(connection, job, "classifier", "w")
        connection.execute(update(stage_runs).values(lease_until=0.0))

    def requeue_expired(_):
        with ledger.write() as connection:
            sweep.requeue_expired(connection)

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(requeue_expired, range(8)))
    with ledger.write() as connection:
        run = jobs.get(connection, "t", job).stages[0]
        assert (run.state, run.attempts) == ("ready", 1)
        assert pending_deletes.prefixes(connection) == [f"jobs/{job}/classifier/1/"], (
            "what the lost attempt stored goes"
        )


def test_a_worker_that_finishes_while_it_is_being_rescued_keeps_its_bytes(ledger, job):
    with ledger.write() as connection:
        claim = claims.claim(connection, job, "classifier", "w")
        connection.execute(update(stage_runs).where(stage_runs.c.state == "running").values(lease_until=0.0))

    def finish(_):
        with suppress(claims.LostLease), ledger.write() as connection:
            claims.complete(connection, claim, [jobs.Artifact(claim.stage, "a", claim.prefix + "a", "0" * 64, 1)])

    def requeue_expired(_):
        with ledger.write() as connection:
            sweep.requeue_expired(connection)

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(lambda n: (finish if n % 2 else requeue_expired)(n), range(8)))
    with ledger.read() as connection:
        published = set(jobs.published(connection, job))
        condemned = pending_deletes.prefixes(connection)
    assert (published, condemned) in [({"a"}, []), (set(), [claim.prefix])]
