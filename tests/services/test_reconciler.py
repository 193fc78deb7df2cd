"""One round rings, deletes what was erased, and a dead broker hinders only the ringing."""

import pytest
from kombu.exceptions import OperationalError

from services.reconciler import reconcile
from shared.errors import Unavailable
from shared.ledger import erasure, jobs, pending_deletes
from shared.worker.queue import make_app
from tests.shared.ledger.conftest import add_job
from tests.support import contracts


@pytest.fixture
def ledger(tmp_path):
    with contracts.sqlite(tmp_path) as made:
        yield made


def test_erased_bytes_go_even_while_the_broker_is_dead(ledger, tmp_path):
    store = contracts.local_store(tmp_path)
    erased, kept = add_job(ledger), add_job(ledger)
    for job in (erased, kept):
        (tmp_path / "f").write_bytes(b"1")
        store.put(f"jobs/{job}/mesher/1/model.glb", tmp_path / "f")
    with ledger.write() as connection:
        erasure.erase_job(connection, "t", erased, "key")
        connection.exec_driver_sql("UPDATE stage_runs SET ring_at = 0 WHERE state = 'ready'")
    with pytest.raises(OperationalError):
        reconcile(ledger, store, make_app("redis://127.0.0.1:1/0"), again=5.0)
    with ledger.read() as connection:
        scan = jobs.get(connection, "t", kept).scan_id
    manifests = {f"jobs/{kept}/accepted.json", f"scans/{scan}/manifest.json"}
    assert set(store.keys()) == manifests | {f"jobs/{kept}/mesher/1/model.glb"}


def test_a_prefix_that_can_not_be_deleted_keeps_no_other(ledger, tmp_path):
    store = contracts.local_store(tmp_path)
    stuck, other = add_job(ledger), add_job(ledger)
    (tmp_path / "f").write_bytes(b"1")
    store.put(f"jobs/{other}/mesher/1/model.glb", tmp_path / "f")
    (tmp_path / "store" / "jobs" / stuck).symlink_to(tmp_path)  # a folder that is a link is not emptied
    with ledger.write() as connection:
        for job in sorted((stuck, other)):
            erasure.erase_job(connection, "t", job, "key")
    with pytest.raises(Unavailable, match="can't be deleted"):
        reconcile(ledger, store, make_app("redis://127.0.0.1:1/0"), again=5.0)
    assert list(store.keys()) == []
    with ledger.read() as connection:
        assert f"jobs/{stuck}/" in pending_deletes.prefixes(connection)
