"""A process dies while somebody saves corrected outlines: the revision is written once, and the job does not change."""

import hashlib
import os
import signal
import threading
import time

import httpx
import pytest
from sqlalchemy import select

from shared.failpoints import POINTS
from shared.ledger import files, jobs, revisions
from shared.ledger.tables import artifacts, file_runs, pending_puts, revision_artifacts

pytestmark = pytest.mark.timeout(150)
EDITS = {"edits": [{"kind": "erase", "label": 1}]}
REPEATED = {"after-claim", "mid-work", "after-store"}
MANIFESTS = {"accepted.json", "manifest.json", "revisions/2.json"}
REFERENCE = {}
"""SHA-256 of the model of the revision without a fault; it is the same in every cell."""


def http(rig, job):
    headers = {"Authorization": f"Bearer {rig.system.key}"}
    return httpx.Client(base_url=f"{rig.system.url}/v1/jobs/{job}", headers=headers, timeout=60.0)


def current(client):
    return {"If-Match": client.head("/labels.nii.gz").headers["etag"]}


class Save(threading.Thread):
    """A client that saves corrected outlines, again where the connection breaks, and waits for the model."""

    def __init__(self, rig, job):
        super().__init__()
        self.rig, self.job, self.statuses = rig, job, []
        with http(rig, job) as client:
            self.match = current(client)
        self.start()

    def run(self):
        with http(self.rig, self.job) as client:
            self.until(lambda: client.patch("/labels.nii.gz", json=EDITS, headers=self.match), 202)
            model = self.until(lambda: client.get("/model.glb?revision=2"), 200)
            self.digest = hashlib.sha256(model.content).hexdigest()

    def until(self, ask, status):
        end = time.monotonic() + 110.0
        while time.monotonic() < end:
            try:
                answer = ask()
            except httpx.TransportError:
                time.sleep(0.2)
                continue
            self.statuses.append(answer.status_code)
            if answer.status_code == status:
                return answer
            assert answer.status_code in {202, 503}, answer.text
            time.sleep(0.2)
        raise AssertionError(self.statuses)

    def check(self):
        """One revision, complete, with the right bytes, and no byte that nobody owns."""
        self.join(120.0)
        rig, job = self.rig, self.job
        assert REFERENCE.setdefault("glb", self.digest) == self.digest
        with rig.ledger.read() as connection:
            made = revisions.of_job(connection, job)
            own = connection.execute(select(revision_artifacts).where(revision_artifacts.c.job_id == job)).all()
            first = connection.execute(select(artifacts.c.key).where(artifacts.c.job_id == job)).scalars().all()
            assert jobs.get(connection, None, job).revision == 2
        assert [(revision.number, revision.state) for revision in made] == [(2, "done")]
        assert {row.name for row in own} == {"labels.nii.gz", "model.glb", "report.json"}
        for row in own:
            content = b"".join(rig.store.read(row.key))
            assert (hashlib.sha256(content).hexdigest(), len(content)) == (row.sha256, row.bytes)
        owned = {*first, *(row.key for row in own), *(f"jobs/{job}/{name}" for name in MANIFESTS)}
        rig.until(lambda: set(rig.store.keys(f"jobs/{job}/")) == owned)
        rig.until(lambda: not announced(rig, job))
        rig.check(job)


def announced(rig, job):
    with rig.ledger.read() as connection:
        prefixes = connection.execute(select(pending_puts.c.prefix)).scalars()
        return [prefix for prefix in prefixes if job in prefix]


def run_of(rig, job):
    columns = file_runs.c
    query = select(columns.state, columns.attempts, columns.error_code).where(columns.job_id == job)
    with rig.ledger.read() as connection:
        return connection.execute(query.where(columns.name == jobs.RESULT)).one_or_none()


def finished(rig):
    job = rig.submit()
    rig.check(job)
    return job


CELLS = [(point, "kill") for point in POINTS] + [(point, "kill-worker") for point in POINTS if point != "mid-work"]
"""In the middle of the work `test_files.py` kills the whole worker, on the same rows."""


@pytest.mark.parametrize(("point", "how"), CELLS)
def test_killed_at(rig, point, how):
    job = finished(rig)
    armed = rig.arm(files.STAGE, point, how)
    save = Save(rig, job)
    rig.taken(armed)
    save.check()
    assert run_of(rig, job).attempts == (2 if point in REPEATED else 1)


@pytest.mark.parametrize("point", ["after-claim", "after-store"])
def test_stalled_until_the_lease_is_lost(rig, point):
    job = finished(rig)
    armed = rig.arm(files.STAGE, point, "stop")
    save = Save(rig, job)
    stalled = rig.taken(armed)
    rig.until(lambda: run_of(rig, job).state == "ready")
    os.kill(stalled, signal.SIGCONT)
    save.check()
    assert run_of(rig, job).attempts == 2


def test_gateway_killed_after_it_accepted_a_revision(rig):
    killed_gateway(rig, "after-commit")


@pytest.mark.parametrize("point", ["after-store"])
def test_killed_before_the_ledger_knows_of_the_revision(rig, point):
    killed_gateway(rig, point)


def killed_gateway(rig, point):
    job = finished(rig)
    armed = rig.arm("gateway", point, "kill")
    save = Save(rig, job)
    rig.taken(armed)
    save.check()


@pytest.mark.parametrize("point", ["after-commit"])
def test_the_broker_forgets_the_message(rig, point):
    job = finished(rig)
    with rig.frozen("mesher"):
        save = Save(rig, job)
        rig.until(lambda: run_of(rig, job) is not None)
        rig.flush()
    save.check()


@pytest.mark.parametrize("point", ["after-claim"])
def test_a_revision_that_kills_its_worker_fails_alone(rig, point):
    job = finished(rig)
    rig.arm(files.STAGE, point, f"kill {job}")
    with http(rig, job) as client:
        client.patch("/labels.nii.gz", json=EDITS, headers=current(client))
        rig.until(lambda: run_of(rig, job).state == "failed")
        rig.clear()
        assert run_of(rig, job).error_code == "worker_lost"
        assert rig.client.job(job).revision == 1
        assert client.get("/model.glb?revision=2").json()["code"] == "revision_failed"
    rig.check(job)
