"""A backup that was taken while the system ran, restored elsewhere, has every result and goes on with open jobs."""

import hashlib
import shutil
import sqlite3
from contextlib import closing

from services.doctor import examine
from services.local import LocalSystem
from shared.imaging.phantoms import abdomen
from shared.settings import Settings
from tests.support.scans import small_grid, write_nifti
from viscera_client import Client


def test_the_copy_of_a_running_system_is_whole(tmp_path):
    scan = write_nifti(tmp_path / "scan.nii.gz", abdomen(small_grid()).volume)
    original, copy = tmp_path / "original", tmp_path / "copy"
    copy.mkdir()
    with LocalSystem(original) as system, Client(system.url, system.key) as client:
        system.wait_ready()
        done = client.submit(scan, quality="light")
        client.wait(done.id)
        client.download(done.id, "model.glb", tmp_path / "before.glb")
        still = client.submit(scan, quality="light")
        with (
            closing(sqlite3.connect(original / "ledger.db")) as live,
            closing(sqlite3.connect(copy / "ledger.db")) as kept,
        ):
            live.backup(kept)
        shutil.copytree(original / "store", copy / "store")
    with LocalSystem(copy, key=system.key) as restored, Client(restored.url, restored.key) as client:
        restored.wait_ready()
        client.download(done.id, "model.glb", tmp_path / "after.glb")
        assert client.wait(still.id).state == "succeeded"
        settings = Settings(
            ledger_url=f"sqlite:///{copy / 'ledger.db'}", store_url=f"file://{copy / 'store'}", spool=copy / "spool"
        )
        assert [finding.text for finding in examine(settings, broker=False) if not finding.well] == []
    digests = {hashlib.sha256((tmp_path / name).read_bytes()).hexdigest() for name in ("before.glb", "after.glb")}
    assert len(digests) == 1
