"""Tenants take turns at due work, on SQLite and PostgreSQL."""

import threading
from pathlib import Path
from tempfile import TemporaryDirectory

from hypothesis import given, settings
from hypothesis import strategies as st
from sqlalchemy import update

from shared.ledger import claims, jobs, quotas
from shared.ledger.tables import stage_runs
from tests.shared.ledger.conftest import add_job
from tests.support import contracts

STAGE = "classifier"


def claim_next(ledger, named, worker="w"):
    with ledger.write() as connection:
        return claims.claim_next(connection, STAGE, worker, named)


def finish(ledger, claim):
    with ledger.write() as connection:
        claims.complete(connection, claim, [])


def served(ledger, named, count):
    """The jobs that one worker claims one after another, whatever job its messages name."""
    order = []
    for _ in range(count):
        claim = claim_next(ledger, named)
        finish(ledger, claim)
        order.append(claim.job_id)
    return order


def test_one_tenants_jobs_are_claimed_oldest_first(ledger):
    queued = [add_job(ledger) for _ in range(5)]
    assert served(ledger, queued[-1], 5) == queued
    assert claim_next(ledger, queued[0]) is None


def test_one_worker_serves_tenants_in_turn_and_a_single_job_waits_for_one_other(ledger):
    many = [add_job(ledger, "many") for _ in range(20)]
    assert served(ledger, many[0], 3) == many[:3]
    one = add_job(ledger, "one")
    assert served(ledger, many[5], 4) == [one, *many[3:6]]
    first, second = add_job(ledger, "one"), add_job(ledger, "one")
    assert served(ledger, many[5], 4) == [first, many[6], second, many[7]]


def test_a_tenant_whose_jobs_run_waits_behind_one_whose_jobs_do_not(ledger):
    many = [add_job(ledger, "many") for _ in range(6)]
    running = [claim_next(ledger, many[0], f"w{n}") for n in range(3)]
    first, second = add_job(ledger, "one"), add_job(ledger, "one")
    assert [claim_next(ledger, many[4]).job_id for _ in range(3)] == [first, second, many[3]]
    assert [claim.job_id for claim in running] == many[:3]


def test_each_stage_has_its_own_turns(ledger):
    many = [add_job(ledger, "many") for _ in range(3)]
    one = add_job(ledger, "one")
    served(ledger, one, 4)
    with ledger.write() as connection:
        segmented = [claims.claim_next(connection, "segmenter", "w", one).job_id for _ in range(4)]
    assert segmented == [many[0], one, *many[1:]]


def test_retried_work_comes_first_within_its_tenant_but_not_before_its_time(ledger):
    early, retried = add_job(ledger), add_job(ledger)
    other = add_job(ledger, "other")
    with ledger.write() as connection:
        claims.release(connection, claims.claim(connection, retried, STAGE, "w"), wait=60.0, counts=True)
        claims.release(connection, claims.claim(connection, other, STAGE, "w"), wait=60.0, counts=True)
    assert served(ledger, early, 1) == [early]
    assert claim_next(ledger, early) is None, "both wait for their time"
    fresh = add_job(ledger)
    with ledger.write() as connection:
        due = (stage_runs.c.job_id == retried) & (stage_runs.c.stage == STAGE)
        connection.execute(update(stage_runs).where(due).values(ring_at=0.0))
    assert served(ledger, fresh, 2) == [retried, fresh]
    assert claim_next(ledger, other).job_id == other, "the reconciler's message names it"


def test_positions_follow_the_turns(ledger):
    many = [add_job(ledger, "many") for _ in range(4)]
    one = [add_job(ledger, "one") for _ in range(2)]
    with ledger.read() as connection:
        places = {job.id: job.position for job in jobs.several(connection, [*many, *one])}
    assert [places[job] for job in (many[0], one[0], many[1], one[1], *many[2:])] == [1, 2, 3, 4, 5, 6]
    with ledger.read("one") as connection:
        assert [jobs.get(connection, "one", job).position for job in one] == [2, 4], "others' jobs are counted"
    assert served(ledger, many[0], 1) == [many[0]]
    with ledger.read() as connection:
        assert {job.id: job.position for job in jobs.several(connection, one)} == {one[0]: 1, one[1]: 3}


@given(before=st.lists(st.sampled_from("abc"), max_size=9), claimed=st.integers(0, 6))
@settings(max_examples=30, deadline=None)
def test_positions_are_the_order_in_which_one_worker_claims(before, claimed):
    with TemporaryDirectory() as folder, contracts.sqlite(Path(folder)) as ledger:
        queued = [add_job(ledger, tenant) for tenant in before]
        served(ledger, "none", min(claimed, len(queued)))
        with ledger.read() as connection:
            waiting = [job for job in jobs.several(connection, queued) if job.state == "queued"]
        places = {job.position or 0: job.id for job in waiting}
        assert sorted(places) == [*range(1, len(waiting) + 1)]
        assert served(ledger, "none", len(waiting)) == [places[place] for place in sorted(places)]


def test_jobs_that_ended_or_run_are_not_claimed(ledger):
    cancelled, running, queued = (add_job(ledger) for _ in range(3))
    with ledger.write() as connection:
        jobs.cancel(connection, "t", cancelled)
        claims.claim(connection, running, STAGE, "w")
    assert claim_next(ledger, cancelled).job_id == queued
    assert claim_next(ledger, running) is None


def test_eight_workers_claim_each_job_once_and_both_tenants_first_jobs_early(ledger):
    many = [add_job(ledger, "many") for _ in range(40)]
    one = add_job(ledger, "one")
    claimed = []

    def work(name):
        while claim := claim_next(ledger, many[0], name):
            claimed.append(claim.job_id)

    workers = [threading.Thread(target=work, args=(f"w{n}",)) for n in range(8)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    assert sorted(claimed) == sorted([*many, one])
    assert claimed.index(one) < 16, "at most one job of each other worker and its own before it"


def test_a_full_queue_still_takes_each_tenants_part(ledger):
    for _ in range(4):
        add_job(ledger, "many")
    with ledger.read("one") as connection:
        assert not quotas.queue_is_full(connection, "many", 5)
        assert quotas.queue_is_full(connection, "many", 4)
        assert not quotas.queue_is_full(connection, "one", 4)
    for _ in range(2):
        add_job(ledger, "one")
    with ledger.read() as connection:
        assert quotas.queue_is_full(connection, "one", 4)
        assert not quotas.queue_is_full(connection, "third", 4)
