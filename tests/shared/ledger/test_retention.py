"""What is past its time is erased with its bytes, what is not stays, and the trail says so."""

import pytest
from sqlalchemy import select, update

from shared.errors import NotFound
from shared.ledger import audit, jobs, pending_deletes, retention
from shared.ledger.tables import jobs as rows
from shared.ledger.tables import scans, tenants
from tests.shared.ledger.conftest import add_job

DAY = 86400.0


def end(ledger, job_id, days_ago):
    with ledger.write() as connection:
        jobs.end(connection, job_id, "succeeded")
        connection.execute(update(rows).where(rows.c.id == job_id).values(ended=rows.c.ended - days_ago * DAY))


def sweep_all(ledger, days):
    with ledger.write() as connection:
        retention.set_expiry(connection, days)
        return retention.expire_jobs(connection)


def test_jobs_are_erased_with_their_bytes_once_their_time_is_over(ledger, job):
    fresh, running = add_job(ledger), add_job(ledger)
    end(ledger, job, 8)
    end(ledger, fresh, 6)
    assert sweep_all(ledger, 7) == 1
    with ledger.read() as connection:
        with pytest.raises(NotFound):
            jobs.get(connection, "t", job)
        kept = jobs.get(connection, "t", fresh)
        assert kept.expires == pytest.approx(kept.ended + 7 * DAY)
        assert jobs.get(connection, "t", running).expires is None
        assert f"jobs/{job}/" in pending_deletes.prefixes(connection)
        last = list(audit.records(connection, "t"))[-1]
        assert (last.actor, last.action, last.object) == ("retention", "expire", job)


def test_without_a_time_jobs_are_kept_for_ever_and_a_tenants_own_time_goes_first(ledger, job):
    other = add_job(ledger, "other")
    for ended in (job, other):
        end(ledger, ended, 1000)
    assert sweep_all(ledger, 0) == 0
    with ledger.write() as connection:
        connection.execute(update(tenants).where(tenants.c.id == "other").values(limits={"keep_days": 3}))
    assert sweep_all(ledger, 0) == 1
    with ledger.write() as connection:
        connection.execute(update(tenants).where(tenants.c.id == "t").values(limits={"keep_days": 0}))
    assert sweep_all(ledger, 1) == 0


def test_scans_without_a_job_are_erased_and_those_of_a_job_are_not(ledger, job):
    with ledger.write() as connection:
        for name in ("scan_old", "scan_new"):
            jobs.add_scan(connection, "t", jobs.Scan(name, f"scans/{name}/original", "0" * 64, 1, "png"))
        connection.execute(update(scans).where(scans.c.id != "scan_new").values(created=scans.c.created - 2 * DAY))
        assert retention.expire_scans(connection, 24.0) == 1
        assert "scan_old" not in set(connection.execute(select(scans.c.id)).scalars())
        assert "scans/scan_old/" in pending_deletes.prefixes(connection)
        assert jobs.get(connection, "t", job).scan_id in set(connection.execute(select(scans.c.id)).scalars())
