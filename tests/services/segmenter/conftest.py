"""A small installation in this process: tiny models, and a job that the three stages run."""

from pathlib import Path

import pytest

from services.classifier.tasks import classifier
from services.mesher.tasks import mesher
from services.segmenter.tasks import segmenter
from shared.ledger import jobs, models, rollouts
from shared.models import library
from shared.models.card import CARD, load_card
from shared.settings import Settings
from shared.storage.base import sha256
from shared.worker.queue import make_app
from shared.worker.runner import StageRunner
from tests.faults.conftest import painted_scan
from tests.support import contracts
from tests.support.tiny_models import tiny_models
from tests.support.volume_models import volume_card, volume_spec, write_value_model


@pytest.fixture
def ledger(tmp_path):
    with contracts.sqlite(tmp_path) as opened:
        yield opened


@pytest.fixture
def settings(tmp_path):
    """An installation with tiny models of slices, and a model `new` of volumes and of thinner slices."""
    spec = volume_spec(spacing=(14.0, 6.0, 6.0), patch=(16, 64, 64))
    card = volume_card(spec, 3, name="new", modalities=("MR",), domain={"slice_mm": (1.0, 2.0)})
    library.add(write_value_model(tmp_path / "new", card, 100.0), tmp_path / "models")
    scores, outlines = (Path(folder) for folder in tiny_models(tmp_path / "own").values())
    return Settings(
        models=tmp_path / "models",
        classifier_model=scores,
        segmenter_model=outlines,
        threads=1,
        broker_url="redis://127.0.0.1:1/0",
    )


@pytest.fixture
def run(ledger, settings, tmp_path):
    """Run a job through the stages, while `new` is rolled out to a share of the jobs, if any; return the job."""
    store, app = contracts.local_store(tmp_path), make_app(settings.broker_url)
    key = load_card(tmp_path / "new" / CARD).key
    scan = painted_scan(tmp_path / "scan.nii.gz")
    about = jobs.Scan("scan_1", "scans/scan_1/original", sha256(scan), scan.stat().st_size, "nifti")
    store.put(about.key, scan)
    with ledger.write() as connection:
        models.report(connection, [models.KnownModel(key, "new", "1", True)])
        jobs.ensure_tenant(connection, "t")
        jobs.add_scan(connection, "t", about)

    def through(share, between=lambda: None):
        with ledger.write() as connection:
            if share:
                rollouts.begin(connection, "new", share)
            job_id = jobs.create(connection, "t", about.id, {"quality": "light"}, seconds=600.0)
        for stage in (classifier, segmenter, mesher):
            runner = StageRunner(stage, "w", app, settings, ledger, store, stage.load(settings))
            runner.run(job_id)
            between()
        with ledger.read() as connection:
            return jobs.get(connection, None, job_id)

    yield through
    app.close()
