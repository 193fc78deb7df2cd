"""A node that is killed in the middle of an association: what it answered with success is stored, and once."""

import os
import subprocess
import sys
from contextlib import contextmanager

import pydicom

from services.local import free_port
from shared.ledger import pending_deletes, pending_puts
from shared.storage.connect import open_store
from tests.services.dimse.conftest import uids
from tests.services.dimse.test_storing import CALL
from tests.support import dcmtk
from tests.support.waiting import until


@contextmanager
def program(settings, faults, port):
    """The node as a process of its own, with failpoints."""
    environment = os.environ | {
        "VISCERA_LEDGER_URL": settings.ledger_url, "VISCERA_STORE_URL": settings.store_url,
        "VISCERA_SPOOL": str(settings.spool), "VISCERA_FREE_BYTES": "0", "VISCERA_FAULTS": str(faults),
        "VISCERA_LEASE_SECONDS": "0.1",
    }  # fmt: skip
    command = [sys.executable, "-P", "-m", "services.dimse", "--port", str(port)]
    with subprocess.Popen(command, env=environment, stderr=subprocess.PIPE, text=True) as process:
        for line in process.stderr:
            if '"listening"' in line:
                break
        try:
            yield process
        finally:
            process.kill()


def acknowledged(port, files):
    """How many C-STORE requests were answered with success before the association ended."""
    return dcmtk.run("storescu", *CALL, port, *files)[1].count("Received Store Response (Success)")


def test_what_was_acknowledged_is_stored_and_what_is_sent_again_is_stored_once(files, ledger, settings, tmp_path):
    faults, port, store = tmp_path / "faults", free_port(), open_store(settings.store_url)
    faults.mkdir()
    for point, before, after in (("after-commit", 0, 1), ("after-store", 1, 1)):
        with program(settings, faults, port) as process:
            (faults / f"dimse.{point}").write_text("kill")
            assert acknowledged(port, files) == before, "the first that is new brings it down"
            assert process.wait(10) == -9
        assert len(uids(ledger)) == after
    with program(settings, faults, port):
        assert acknowledged(port, files) == 6
    assert sorted(uids(ledger)) == sorted(pydicom.dcmread(path).SOPInstanceUID for path in files)
    until(lambda: swept(ledger, store) == 6)
    assert not [path for path in settings.spool.rglob("*") if path.is_file()], "the next start swept the spool"


def swept(ledger, store):
    """How many instances are in the store after a round of the reconciler's."""
    with ledger.write() as connection:
        pending_puts.sweep(connection)
        prefixes = pending_deletes.prefixes(connection)
    for prefix in prefixes:
        store.delete(prefix)
    return sum(key.endswith("/original") for key in store.keys("dicom/"))
