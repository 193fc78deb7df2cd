import threading
import time

import httpx
import pytest
import uvicorn
from fastapi.testclient import TestClient

from services.api.app import create_app
from services.local import free_port
from services.mesher.tasks import LatestResult, mesher
from shared import artifacts
from shared.imaging.phantoms import abdomen
from shared.ledger import api_keys, claims, jobs, open_ledger
from shared.settings import Settings
from shared.storage.base import sha256
from shared.storage.connect import open_store
from shared.worker.queue import make_app
from shared.worker.runner import StageRunner
from tests.services.mesher.shapes import ball, labels
from tests.support import contracts
from tests.support.scans import small_grid, write_nifti

KEY = "vsk_test"


@pytest.fixture
def settings(tmp_path) -> Settings:
    """A gateway of its own; nobody listens on the broker's port, which must not matter."""
    return Settings(
        ledger_url=contracts.sqlite_url(tmp_path),
        store_url=f"file://{tmp_path / 'store'}",
        broker_url="redis://127.0.0.1:1/0",
        spool=tmp_path / "spool",
        max_upload_bytes=2_000_000,
        loopback=True,
    )


@pytest.fixture
def app(settings):
    ledger = open_ledger(settings.ledger_url)
    with ledger.write() as connection:
        api_keys.add_key(connection, KEY, "default")
        api_keys.add_key(connection, "vsk_other", "other")
    ledger.close()
    return create_app(settings)


@pytest.fixture
def client(app):
    with TestClient(app, headers={"Authorization": f"Bearer {KEY}"}, raise_server_exceptions=False) as made:
        yield made


@pytest.fixture
def stranger(app):
    with TestClient(app, headers={"Authorization": "Bearer vsk_other"}, raise_server_exceptions=False) as made:
        yield made


@pytest.fixture
def live(app):
    """The gateway on a loopback port, for what only shows over the wire."""
    server = uvicorn.Server(uvicorn.Config(app, port=free_port(), log_config=None, access_log=False))
    thread = threading.Thread(target=server.run)
    thread.start()
    while not server.started and thread.is_alive():
        time.sleep(0.01)
    headers = {"Authorization": f"Bearer {KEY}"}
    with httpx.Client(base_url=f"http://127.0.0.1:{server.config.port}", headers=headers, timeout=30.0) as made:
        yield made
    server.should_exit = True
    thread.join(20)


@pytest.fixture
def ledger(settings):
    made = open_ledger(settings.ledger_url)
    yield made
    made.close()


@pytest.fixture
def scan(tmp_path) -> bytes:
    return write_nifti(tmp_path / "scan.nii.gz", abdomen(small_grid()).volume).read_bytes()


@pytest.fixture
def runner(settings):
    ledger, store = open_ledger(settings.ledger_url), open_store(settings.store_url)
    yield StageRunner(mesher, "w", make_app(settings.broker_url), settings, ledger, store, LatestResult())
    ledger.close()


@pytest.fixture
def job(client, scan, runner, tmp_path):
    """A job whose segmenter has found a ball; the mesher has not worked yet."""
    return outlined(client, runner, tmp_path, scan, labels(ball((20, 24, 28), (10, 12, 14), 7)))


def outlined(client, runner, tmp_path, scan, label_map, source="nifti", volume=None, models=()):
    """Return a job on a scan whose segmenter has published a label map."""
    return outline(
        runner, tmp_path, client.post("/v1/jobs", content=scan).json()["id"], label_map, source, volume, models
    )


def outline(runner, tmp_path, job_id, label_map, source="nifti", volume=None, models=()):
    """Publish a label map as a job's segmenter, and the volume as its classifier; the mesher has not worked yet."""
    if volume is not None:
        artifacts.save_volume(tmp_path / artifacts.VOLUME, volume)
    artifacts.save_labels(tmp_path / artifacts.LABELS, label_map)
    facts = tmp_path / artifacts.facts_name("segmenter")
    facts.write_text(artifacts.Facts(source=source, modality="MR", warnings=(), models=models).model_dump_json())
    seen = () if volume is None else (artifacts.VOLUME,)
    for stage, names in (("classifier", seen), ("segmenter", (artifacts.LABELS, facts.name))):
        written = []
        with runner.ledger.write() as connection:
            claim = claims.claim(connection, job_id, stage, "w")
        for name in names:
            path = tmp_path / name
            written.append(jobs.Artifact(stage, name, claim.prefix + name, sha256(path), path.stat().st_size))
            runner.store.put(written[-1].key, path)
        with runner.ledger.write() as connection:
            claims.complete(connection, claim, written)
    return job_id


@pytest.fixture
def done(job, runner):
    runner.run(job)
    return job
