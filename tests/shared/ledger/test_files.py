"""Requested files: written once, under a lease and a fence; they fail alone; tenants take turns."""

import pytest
from sqlalchemy import select, update

from shared.errors import NotFound
from shared.ledger import claims, erasure, files, jobs, pending_deletes
from shared.ledger.tables import artifacts, file_runs, pending_puts
from tests.shared.ledger.conftest import add_job


def claim(ledger, worker="w", named=""):
    with ledger.write() as connection:
        return files.claim_next(connection, worker, named)


def request(ledger, job, name="model.stl"):
    with ledger.write() as connection:
        return files.request(connection, None, job, name)


def complete(ledger, claimed):
    artifact = jobs.Artifact(claimed.stage, claimed.name, claimed.prefix + claimed.name, "0" * 64, 3)
    with ledger.write() as connection:
        files.complete(connection, claimed, [artifact])


def states(ledger, job):
    with ledger.read() as connection:
        return files.states(connection, job)


def run_out(ledger):
    """The workers are silent until their leases have ended."""
    with ledger.write() as connection:
        connection.execute(update(file_runs).where(file_runs.c.state == "running").values(lease_until=0.0))
        return files.requeue_expired(connection)


def test_a_job_says_which_files_it_can_have_and_those_ahead_are_requested(ledger, job):
    with ledger.write() as connection:
        assert files.offer(connection, job, ["model.stl", "model.3mf"], {"model.3mf", "sr.dcm"}) == ["model.3mf"]
        assert jobs.get(connection, None, job).offers == ("model.stl", "model.3mf")
    assert states(ledger, job) == {"model.3mf": "ready"}


def test_a_file_is_written_once_however_often_it_is_requested(ledger, job):
    assert [request(ledger, job) for _ in range(3)] == ["ready"] * 3
    claimed = claim(ledger)
    assert (claimed.job_id, claimed.name, claimed.attempt) == (job, "model.stl", 1)
    assert claim(ledger) is None
    complete(ledger, claimed)
    assert request(ledger, job) == "done"
    assert claim(ledger) is None
    with ledger.read() as connection:
        assert jobs.published(connection, job)["model.stl"].key.startswith(claimed.prefix)
        assert connection.execute(pending_puts.select()).all() == []


def test_nobody_else_can_request_a_file(ledger, job):
    for tenant, name in (("other", job), (None, "job_unknown")):
        with pytest.raises(NotFound), ledger.write() as connection:
            files.request(connection, tenant, name, "model.stl")


def test_a_worker_that_lost_its_lease_publishes_nothing(ledger, job):
    request(ledger, job)
    lost = claim(ledger)
    assert run_out(ledger) == 1
    newer = claim(ledger, named=job)
    assert newer.prefix != lost.prefix
    with pytest.raises(claims.LostLease):
        complete(ledger, lost)
    with pytest.raises(claims.LostLease), ledger.write() as connection:
        files.renew(connection, lost)
    complete(ledger, newer)
    with ledger.read() as connection:
        assert connection.execute(select(artifacts.c.key)).scalars().all() == [newer.prefix + "model.stl"]
        assert pending_deletes.prefixes(connection) == [lost.prefix]


def test_a_file_whose_worker_dies_three_times_fails_and_the_job_does_not_change(ledger, job):
    with ledger.read() as connection:
        before = jobs.get(connection, None, job)
    request(ledger, job)
    request(ledger, job, "model.3mf")
    for _ in range(claims.ATTEMPTS):
        with ledger.write() as connection:  # only the first file is due
            connection.execute(update(file_runs).where(file_runs.c.name == "model.3mf").values(state="waiting"))
        assert claim(ledger, named=job).name == "model.stl"
        run_out(ledger)
    assert states(ledger, job) == {"model.stl": "failed", "model.3mf": "waiting"}
    assert request(ledger, job) == "failed"
    with ledger.read() as connection:
        assert jobs.get(connection, None, job) == before


def test_a_file_that_failed_has_new_attempts_after_an_hour(ledger, job):
    request(ledger, job)
    claimed = claim(ledger)
    with ledger.write() as connection:
        files.fail(connection, claimed, "bad_scan", "")
        connection.execute(update(file_runs).values(ended=file_runs.c.ended - files.TRY_AGAIN - 1.0))
    assert request(ledger, job) == "ready"
    assert claim(ledger).attempt == 1


def test_a_file_given_back_waits_unless_its_message_names_it(ledger, job):
    request(ledger, job)
    claimed = claim(ledger)
    with ledger.write() as connection:
        files.release(connection, claimed, 60.0, counts=True)
    assert claim(ledger, named="job_other") is None
    assert claim(ledger, named=job).attempt == 2


def test_a_stopping_worker_gives_its_files_back_without_an_attempt(ledger, job):
    request(ledger, job)
    claim(ledger, "stopping")
    with ledger.write() as connection:
        assert files.holds_any(connection, "stopping")
        files.release_all(connection, "stopping")
        assert not files.holds_any(connection, "stopping")
    assert claim(ledger).attempt == 1


def test_what_nobody_claims_is_notified_again_later(ledger, job):
    request(ledger, job)
    with ledger.write() as connection:
        assert files.is_due(connection)
        assert files.due(connection, again=60.0, room=8) == []
        connection.execute(update(file_runs).values(ring_at=0.0))
        assert files.due(connection, again=60.0, room=0) == []
        assert files.due(connection, again=60.0, room=8) == [files.FileMessage(job, urgent=False)]
        assert files.due(connection, again=60.0, room=8) == []


def test_tenants_take_turns(ledger):
    many, one = [add_job(ledger, "many") for _ in range(4)], add_job(ledger, "one")
    for job in (*many, one):
        request(ledger, job)
    assert [claim(ledger).job_id for _ in range(5)] == [many[0], one, *many[1:]]


def test_an_erased_job_takes_its_files_along(ledger, job):
    request(ledger, job)
    claimed = claim(ledger)
    with ledger.write() as connection:
        prefixes = erasure.erase_job(connection, "t", job, "key")
    assert any(claimed.prefix.startswith(prefix) for prefix in prefixes)
    with pytest.raises(claims.LostLease):
        complete(ledger, claimed)
    with ledger.read() as connection:
        assert connection.execute(file_runs.select()).all() == []
