"""Cancel against finish, a thousand times: one winner, one end, on both databases."""

import threading
from collections import Counter
from contextlib import suppress

import pytest
from sqlalchemy import insert, select

from shared.errors import Conflict
from shared.ledger import claims, jobs
from shared.ledger.jobs import STAGES
from shared.ledger.tables import events, stage_runs
from shared.ledger.tables import jobs as job_rows
from tests.shared.ledger.conftest import add_job

TIMES = 1000


@pytest.mark.timeout(280)
def test_cancel_against_finish_a_thousand_times(ledger):
    claimed = at_the_last_stage(ledger, TIMES)
    won: dict[str, list[str]] = {claim.job_id: [] for claim in claimed}

    def finish(claim, start):
        start.wait()
        with suppress(claims.LostLease):
            with ledger.write() as connection:
                claims.complete(
                    connection, claim, [jobs.Artifact(claim.stage, "model.glb", claim.prefix + "g", "0" * 64, 1)]
                )
            won[claim.job_id].append("succeeded")

    def cancel(claim, start):
        start.wait()
        with suppress(Conflict):
            with ledger.write() as connection:
                jobs.cancel(connection, "t", claim.job_id)
            won[claim.job_id].append("cancelled")

    start = threading.Barrier(2)
    ways = [threading.Thread(target=lambda way=way: [way(one, start) for one in claimed]) for way in (finish, cancel)]
    for racer in ways:
        racer.start()
    for racer in ways:
        racer.join()
    check(ledger, won)


def check(ledger, won):
    with ledger.read() as connection:
        ends = Counter(map(tuple, connection.execute(select(events.c.job_id, events.c.kind).where(ended()))))
        states = {job.id: job.state for job in jobs.several(connection, won)}
        held = connection.execute(select(stage_runs.c.job_id).where(stage_runs.c.lease_until.is_not(None))).all()
    assert {job: (state,) for job, state in states.items()} == {job: tuple(winners) for job, winners in won.items()}
    assert ends == Counter(dict.fromkeys(states.items(), 1))
    assert not held


def ended():
    return events.c.kind.in_(["succeeded", "failed", "cancelled"])


def at_the_last_stage(ledger, count):
    """Jobs whose last stage is claimed, put there at once: made one by one they take longer than the race."""
    first = add_job(ledger)
    with ledger.write() as connection:
        like = connection.execute(select(job_rows).where(job_rows.c.id == first)).one()._mapping
        ids = [f"job_{number:024x}" for number in range(count)]
        common = {name: value for name, value in like.items() if name not in {"seq", "id"}}
        common |= {"state": "running", "stage": STAGES[-1]}
        connection.execute(insert(job_rows), [common | {"id": job} for job in ids])
        run = {"attempts": 1, "fence": 1, "progress": 0.0, "worker": "w"}
        done = [run | {"job_id": job, "stage": stage, "state": "done"} for job in ids for stage in STAGES[:-1]]
        running = run | {"stage": STAGES[-1], "state": "running", "lease_until": 4e9}
        connection.execute(insert(stage_runs), done)
        connection.execute(insert(stage_runs), [running | {"job_id": job} for job in ids])
    return [claims.Claim(job, STAGES[-1], 1, 1) for job in ids]
