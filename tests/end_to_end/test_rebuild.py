"""An embedded system whose ledger is gone: one command, and the results are there again."""

import subprocess
import sys
import time
from pathlib import Path

import httpx
import pytest

from services.local import LocalSystem
from shared.imaging.phantoms import abdomen
from tests.support.scans import small_grid, write_nifti
from viscera_client import Client

FILES = ("model.glb", "labels.nii.gz", "report.json")


def rebuild(data: Path) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-P", "-m", "services.cli", "ledger", "rebuild", "--data", str(data)]
    return subprocess.run(command, capture_output=True, text=True, check=False, timeout=60)


def filed(data: Path, job_id: str) -> None:
    """Waits until the reconciler has written down how the job ended."""
    until = time.monotonic() + 30
    while not (data / "store" / "jobs" / job_id / "manifest.json").exists():
        assert time.monotonic() < until, "no manifest"
        time.sleep(0.1)


@pytest.mark.timeout(240)
def test_a_lost_ledger_is_rebuilt_and_gives_the_same_bytes(tmp_path):
    scan, data = write_nifti(tmp_path / "scan.nii.gz", abdomen(small_grid()).volume), tmp_path / "data"
    before, after = {}, {}
    with LocalSystem(data) as system, Client(system.url, system.key) as client:
        system.wait_ready()
        done, erased = (client.submit(scan, quality="light").id for _ in range(2))
        for job in (done, erased):
            client.wait(job)
            filed(data, job)
        answer = httpx.delete(f"{system.url}/v1/jobs/{erased}", headers={"Authorization": f"Bearer {system.key}"})
        assert answer.status_code == 204
        for name in FILES:
            client.download(done, name, tmp_path / name)
            before[name] = (tmp_path / name).read_bytes()
        assert "Another viscera is running" in rebuild(data).stderr
        still = client.submit(scan, quality="light").id
        while not (data / "store" / "jobs" / still / "accepted.json").exists():
            time.sleep(0.05)
    # as if the ledger had been lost before it ended
    (data / "store" / "jobs" / still / "manifest.json").unlink(missing_ok=True)
    for path in data.glob("ledger.db*"):
        path.unlink()
    made = rebuild(data)
    assert (made.returncode, made.stdout) == (
        0, "2 scans and 2 jobs are back, 1 of them begin anew; 0 jobs were there.\n",
    ), made.stderr  # fmt: skip
    with LocalSystem(data) as system, Client(system.url, system.key) as client:
        system.wait_ready()
        assert {job.id for job in client.jobs().items} == {done, still}
        for name in FILES:
            client.download(done, name, tmp_path / f"after-{name}")
            after[name] = (tmp_path / f"after-{name}").read_bytes()
        assert client.wait(still).state == "succeeded"
    assert after == before
