"""Announced prefixes: settled with their rows, or deleted; never both, whoever is faster."""

from concurrent.futures import ThreadPoolExecutor

import pytest
from sqlalchemy import update

from shared.errors import Unavailable
from shared.ledger import claims, jobs, pending_deletes, pending_puts
from shared.ledger.tables import pending_deletes as deletes_table
from shared.ledger.tables import pending_puts as rows
from shared.ledger.uploads import new_scan, scan_prefix
from tests.shared.ledger.conftest import add_job


def deletes(ledger):
    with ledger.read() as connection:
        return sorted(pending_deletes.prefixes(connection))


def announced(ledger):
    with ledger.read() as connection:
        return sorted(connection.execute(rows.select()).scalars())


def make_due(ledger):
    with ledger.write() as connection:
        connection.execute(update(rows).values(due=0.0))


def sweep(ledger):
    with ledger.write() as connection:
        return pending_puts.sweep(connection)


def add_scan(connection, scan_id):
    jobs.add_scan(connection, "t", jobs.Scan(scan_id, scan_prefix(scan_id) + "original", "0" * 64, 1, "png"))


def record(ledger, *scan_ids):
    with ledger.write() as connection:
        for scan_id in scan_ids:
            add_scan(connection, scan_id)
        pending_puts.settle(connection, [scan_prefix(scan_id) for scan_id in scan_ids])


def test_only_what_is_due_is_swept(ledger):
    with ledger.write() as connection:
        pending_puts.announce(connection, ["dicom/inst_a/", "scans/scan_a/"], 60.0)
    assert sweep(ledger) == 0
    make_due(ledger)
    with ledger.write() as connection:
        pending_puts.renew(connection, ["scans/scan_a/"], 60.0)
    assert sweep(ledger) == 1
    assert (deletes(ledger), announced(ledger)) == (["dicom/inst_a/"], ["scans/scan_a/"])


def test_what_was_swept_can_not_be_settled(ledger, job):
    scan_id, _ = new_scan()
    with ledger.write() as connection:
        pending_puts.announce(connection, [scan_prefix(scan_id)], -1.0)
    assert sweep(ledger) == 1
    with pytest.raises(Unavailable):
        record(ledger, scan_id)
    with ledger.read() as connection, pytest.raises(jobs.NotFound):
        jobs.get_scan(connection, "t", scan_id)


def test_bytes_of_a_row_are_never_scheduled(ledger):
    job = add_job(ledger)
    with ledger.write() as connection:
        scan = jobs.get(connection, "t", job).scan_id
        claim = claims.claim(connection, job, "classifier", "w")
        claims.complete(connection, claim, [jobs.Artifact(claim.stage, "a", claim.prefix + "a", "0" * 64, 1)])
        other = f"jobs/{job}/classifier/2/"
        pending_puts.announce(connection, [scan_prefix(scan), claim.prefix, other], -1.0)
    sweep(ledger)
    assert (deletes(ledger), announced(ledger)) == ([other], [])


def test_an_owner_and_many_sweeps_agree(ledger, job):
    for _ in range(4):
        scan_ids = [new_scan()[0] for _ in range(6)]
        prefixes = [scan_prefix(scan_id) for scan_id in scan_ids]
        with ledger.write() as connection:
            pending_puts.announce(connection, prefixes, -1.0)

        def settle(scan_ids=scan_ids):
            try:
                record(ledger, *scan_ids)
            except Unavailable:
                return False
            return True

        def renew(prefixes=prefixes):
            with ledger.write() as connection:
                pending_puts.renew(connection, prefixes[::-1], -1.0)

        with ThreadPoolExecutor(8) as pool:
            owner = pool.submit(settle)
            others = [pool.submit(call) for call in (renew, lambda: sweep(ledger)) * 3]
            is_settled = owner.result()
            for other in others:
                other.result()
        sweep(ledger)
        assert set(prefixes) & set(deletes(ledger)) == (set() if is_settled else set(prefixes))


def test_what_a_context_does_not_settle_is_deleted_at_once_and_again(ledger, job):
    deleted = []
    scan_id, _ = new_scan()
    kept, left = scan_prefix(scan_id), "dicom/inst_b/"
    with pending_puts.announced(ledger, [kept, left], 60.0, deleted.append), ledger.write() as connection:
        add_scan(connection, scan_id)
        pending_puts.settle(connection, [kept])
    assert (deleted, deletes(ledger), announced(ledger)) == ([left], [left], [])


def test_a_deletion_that_is_scheduled_again_is_not_forgotten_meanwhile(ledger):
    with ledger.write() as connection:
        pending_deletes.schedule_delete(connection, "scans/scan_a/")
        connection.execute(update(deletes_table).values(at=0.0))
        pending_deletes.schedule_delete(connection, "scans/scan_a/")
        pending_deletes.forget_deleted(connection, "scans/scan_a/")
    assert deletes(ledger) == ["scans/scan_a/"]
