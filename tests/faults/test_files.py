"""A worker dies or stalls while it writes a requested file: the file is written once, and the job does not change."""

import hashlib
import os
import signal
import threading
import time

import pytest
from sqlalchemy import select

from shared.failpoints import POINTS
from shared.ledger import files
from shared.ledger.tables import file_runs

pytestmark = pytest.mark.timeout(150)
NAME = "model.stl"
REPEATED = {"after-claim", "mid-work", "after-store"}


class Download(threading.Thread):
    """A client that requests the file and waits for it."""

    def __init__(self, rig, job, folder):
        super().__init__()
        self.rig, self.job, self.path = rig, job, folder / NAME
        self.start()

    def run(self):
        self.rig.client.download(self.job, NAME, self.path)

    def digest(self):
        self.join(120.0)
        return hashlib.sha256(self.path.read_bytes()).hexdigest()


def run_of(rig, job):
    query = select(file_runs.c.state, file_runs.c.attempts, file_runs.c.lease_until).where(file_runs.c.job_id == job)
    with rig.ledger.read() as connection:
        return connection.execute(query).one_or_none()


def check(rig, job, download):
    digest = download.digest()
    rig.until(lambda: run_of(rig, job).state == "done")
    assert run_of(rig, job).lease_until is None
    rig.check(job)
    download.path.unlink()
    rig.client.download(job, NAME, download.path)
    assert hashlib.sha256(download.path.read_bytes()).hexdigest() == digest


def finished(rig):
    job = rig.submit()
    rig.check(job)
    return job


@pytest.mark.parametrize("how", ["kill", "kill-worker"])
@pytest.mark.parametrize("point", POINTS)
def test_killed_at(rig, tmp_path, point, how):
    job = finished(rig)
    armed = rig.arm(files.STAGE, point, how)
    download = Download(rig, job, tmp_path)
    rig.taken(armed)
    check(rig, job, download)
    assert run_of(rig, job).attempts == (2 if point in REPEATED else 1)


@pytest.mark.parametrize("point", ["after-claim", "mid-work", "after-store"])
def test_stalled_until_the_lease_is_lost(rig, tmp_path, point):
    job = finished(rig)
    armed = rig.arm(files.STAGE, point, "stop")
    download = Download(rig, job, tmp_path)
    stalled = rig.taken(armed)
    rig.until(lambda: run_of(rig, job).state == "ready")
    os.kill(stalled, signal.SIGCONT)
    check(rig, job, download)
    assert run_of(rig, job).attempts == 2


@pytest.mark.parametrize("point", ["mid-work", "after-store"])
def test_erased_meanwhile(rig, point):
    job = finished(rig)
    armed = rig.arm(files.STAGE, point, "stop")
    with rig.ledger.write() as connection:
        files.request(connection, None, job, NAME, patience=0.0)
    stalled = rig.taken(armed)
    rig.client.delete(job)
    os.kill(stalled, signal.SIGCONT)
    time.sleep(0.5)
    rig.until(lambda: not [key for key in list(rig.store.keys()) if job in key])
    rig.check(finished(rig))
