"""Jobs are created, found, listed, ended and erased, and no tenant sees another's."""

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext

from shared.errors import Conflict, NotFound, Unprocessable
from shared.ledger import erasure, idempotency, jobs, pending_deletes
from shared.ledger.tables import audit, metadata
from tests.shared.ledger.conftest import add_job


def test_migrations_make_exactly_the_tables_the_code_names(ledger):
    with ledger.engine.connect() as connection:
        assert compare_metadata(MigrationContext.configure(connection), metadata) == []


def test_new_job_is_queued_with_three_stages_and_a_position(ledger, job):
    second = add_job(ledger)
    with ledger.read() as connection:
        one, two = jobs.get(connection, "t", job), jobs.get(connection, "t", second)
    assert (one.state, one.stage, one.position, two.position) == ("queued", "classifier", 1, 2)
    assert [run.state for run in one.stages] == ["ready", "waiting", "waiting"]


def test_other_tenants_and_unknown_ids_are_not_found(ledger, job):
    with ledger.read() as connection:
        for tenant, job_id in (("other", job), ("t", "job_unknown"), ("t", "'; drop table jobs")):
            with pytest.raises(NotFound):
                jobs.get(connection, tenant, job_id)
        assert jobs.page(connection, "other") == []


def test_pages_run_newest_first_without_gaps(ledger):
    made = [add_job(ledger) for _ in range(7)]
    with ledger.read() as connection:
        first = jobs.page(connection, "t", limit=3)
        rest = jobs.page(connection, "t", before=first[-1].seq, limit=10)
    assert [job.id for job in first + rest] == made[::-1]


def test_cancel_wins_once_and_says_how_a_job_ended(ledger, job):
    with ledger.write() as connection:
        jobs.cancel(connection, "t", job)
    with ledger.write() as connection, pytest.raises(Conflict, match="cancelled"):
        jobs.cancel(connection, "t", job)
    with ledger.read() as connection:
        assert jobs.get(connection, "t", job).state == "cancelled"


def test_idempotency_key_recalls_the_same_request_only(ledger, job):
    with ledger.write() as connection:
        idempotency.remember(connection, "t", "key", "d" * 64, job)
    with ledger.read() as connection:
        assert idempotency.recall(connection, "t", "key", "d" * 64) == job
        assert idempotency.recall(connection, "other", "key", "d" * 64) is None
        with pytest.raises(Unprocessable):
            idempotency.recall(connection, "t", "key", "e" * 64)


def test_erase_removes_rows_dooms_bytes_and_leaves_an_audit_record(ledger, job):
    with ledger.write() as connection:
        prefixes = erasure.erase_job(connection, "t", job, "key_1")
    assert len(prefixes) == 2
    with ledger.write() as connection:
        assert sorted(pending_deletes.prefixes(connection)) == sorted(prefixes)
        pending_deletes.forget_deleted(connection, prefixes[0])
        assert sorted(pending_deletes.prefixes(connection)) == sorted(prefixes), "a late worker may still write there"
        pending_deletes.forget_deleted(connection, prefixes[0], after=-1.0)
        assert pending_deletes.prefixes(connection) == prefixes[1:]
        row = connection.execute(audit.select()).one()
        assert (row.action, row.object, row.actor) == ("delete", job, "key_1")
        with pytest.raises(NotFound):
            jobs.get(connection, "t", job)


def test_erase_keeps_a_scan_that_another_job_uses(ledger, job):
    with ledger.write() as connection:
        scan_id = jobs.get(connection, "t", job).scan_id
        jobs.create(connection, "t", scan_id, {}, seconds=600.0)
        assert erasure.erase_job(connection, "t", job, "key_1") == [f"jobs/{job}/"]
        assert jobs.get_scan(connection, "t", scan_id).id == scan_id
