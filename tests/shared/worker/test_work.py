"""A stage's files stay in the store only if its transaction published them."""

import pytest

from shared.ledger import claims, erasure, jobs, pending_deletes
from shared.ledger.tables import pending_puts
from shared.settings import Settings
from shared.worker.work import Work
from tests.shared.ledger.conftest import add_job
from tests.support import contracts


@pytest.fixture
def ledger(tmp_path):
    with contracts.sqlite(tmp_path) as made:
        yield made


@pytest.fixture
def store(tmp_path):
    return contracts.local_store(tmp_path)


@pytest.fixture
def work(ledger, store, tmp_path):
    job_id = add_job(ledger)
    with ledger.write() as connection:
        claim = claims.claim(connection, job_id, "classifier", "w")
        job = jobs.get(connection, None, job_id)
    claimed = Work(job, claim, tmp_path, None, Settings(), ledger, store)
    claimed.output("mask").write_bytes(b"CANARY")
    return claimed


def announced(ledger):
    with ledger.read() as connection:
        return connection.execute(pending_puts.select()).all()


def test_published_files_stay(work, ledger, store):
    assert work.publish() == ["segmenter"]
    assert list(store.keys()) == [work.claim.prefix + "mask"]
    assert announced(ledger) == []
    with ledger.read() as connection:
        assert pending_deletes.prefixes(connection) == []


def test_files_of_a_job_that_was_erased_long_ago_go(work, ledger, store):
    with ledger.write() as connection:
        erasure.erase_job(connection, "t", work.job.id, "key")
        for prefix in pending_deletes.prefixes(connection):
            pending_deletes.forget_deleted(connection, prefix, after=-1.0)
    with pytest.raises(claims.LostLease):
        work.publish()
    assert (list(store.keys()), announced(ledger)) == ([], [])
    with ledger.read() as connection:
        assert pending_deletes.prefixes(connection) == [work.claim.prefix], "the reconciler looks again"
