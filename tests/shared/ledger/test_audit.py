"""The audit chain shows every change, gap and cut."""

from concurrent.futures import ThreadPoolExecutor

import pytest
from sqlalchemy import delete, text, update

from shared.ledger import audit, jobs, open_ledger
from shared.ledger.tables import audit as rows


@pytest.fixture
def trail(ledger):
    with ledger.write() as connection:
        for tenant in ("t", "other"):
            jobs.ensure_tenant(connection, tenant)
            for number in range(5):
                audit.record(connection, tenant, "key_1", "create", f"job_{number}")
    return ledger


def test_an_untouched_trail_is_followed_to_its_head(trail):
    with trail.read() as connection:
        count, head = audit.verify(connection, "t")
        assert count == 5
        assert [record.digest for record in audit.records(connection, "t", after=4)] == [head]
        assert [record.object for record in audit.records(connection, "t", limit=2)] == ["job_0", "job_1"]


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        (update(rows).where(rows.c.number == 3).values(actor="key_2"), "Record 3"),
        (update(rows).where(rows.c.number == 3).values(at=rows.c.at + 1e-3), "Record 3"),
        (delete(rows).where(rows.c.number == 2), "Record 2"),
        (delete(rows).where(rows.c.number == 5), "ends at record 4"),
    ],
)
def test_a_changed_record_a_gap_and_a_cut_end_are_found(trail, change, sentence):
    with trail.write() as connection:
        connection.execute(change.where(rows.c.tenant == "t"))
        with pytest.raises(audit.BrokenChain, match=sentence):
            audit.verify(connection, "t")
        assert audit.verify(connection, "other")[0] == 5


def test_records_written_at_once_make_one_chain(ledger):
    with ledger.write() as connection:
        jobs.ensure_tenant(connection, "t")

    def write(number: int) -> None:
        with ledger.write() as connection:
            audit.record(connection, "t", "key", "read", str(number))

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(write, range(40)))
    with ledger.read() as connection:
        assert audit.verify(connection, "t")[0] == 40


def test_records_from_before_the_chain_are_linked_by_the_migration_and_nothing_is_lost(tmp_path):
    old = open_ledger(f"sqlite:///{tmp_path / 'ledger.db'}")
    old.migrate("0001")
    with old.write() as connection:
        for statement in (
            "INSERT INTO tenants VALUES ('t', 1.0)",
            "INSERT INTO api_keys VALUES ('key_1', 't', 'd', 1.0, NULL)",
            "INSERT INTO scans VALUES ('scan_1', 't', 'k', 's', 1, 'png', 1.0)",
            "INSERT INTO jobs (id, tenant, scan_id, options, state, created, deadline)"
            " VALUES ('job_1', 't', 'scan_1', '{}', 'succeeded', 1.0, 2.0)",
            "INSERT INTO stage_runs (job_id, stage, state, attempts, fence, progress)"
            " VALUES ('job_1', 'mesher', 'done', 1, 1, 1.0)",
            "INSERT INTO audit (at, tenant, actor, action, object) VALUES (0.1, 't', 'key_1', 'delete', 'job_0')",
            "INSERT INTO audit (at, tenant, actor, action, object) VALUES (0.2, 't', 'key_1', 'delete', 'job_9')",
        ):
            connection.execute(text(statement))
    old.migrate()
    with old.write() as connection:
        assert audit.verify(connection, "t")[0] == 2
        audit.record(connection, "t", "key_1", "read", "job_1")
        assert audit.verify(connection, "t")[0] == 3
        assert jobs.get(connection, "t", "job_1").state == "succeeded"
        assert [run.stage for run in jobs.get(connection, "t", "job_1").stages] == ["mesher"]
