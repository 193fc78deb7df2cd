"""The three stages in this process: what a job leaves for the statistics of the model that its segmenter ran."""

import json
from pathlib import Path

import pytest

from services.classifier.tasks import classifier
from services.mesher.tasks import mesher
from services.segmenter.tasks import segmenter
from shared.ledger import jobs, model_statistics, models, rollouts
from shared.ledger.model_statistics import OUT_OF_DOMAIN
from shared.models import library
from shared.models.card import CARD, load_card
from shared.settings import Settings
from shared.storage.base import sha256
from shared.telemetry import metrics
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
def seconds(monkeypatch):
    """How many scans were timed by model."""
    meters = metrics.Meters()
    monkeypatch.setattr(metrics, "_meters", [meters])
    name = "viscera_model_seconds_count"
    return lambda model: meters.registry.get_sample_value(name, {"name": model, "version": "1"})


@pytest.fixture
def run(ledger, settings, tmp_path):
    """Run a job through the stages, while `new` is rolled out to a share of the jobs; return the job."""
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


def counted(ledger):
    with ledger.write() as connection:
        model_statistics.add_up(connection)
        return model_statistics.of_models(connection)


def report(ledger, job_id, folder):
    with ledger.read() as connection:
        key = jobs.published(connection, job_id)["report.json"].key
    return json.loads(b"".join(contracts.local_store(folder).read(key)))


def test_a_result_is_counted_for_the_model_of_the_roll_out(ledger, settings, run, seconds, tmp_path):
    job = run(100)
    assert (job.state, job.model) == ("succeeded", load_card(tmp_path / "new" / CARD).key)
    assert (seconds("new"), seconds("tiny-segmenter")) == (1, None)
    (key,) = (found := counted(ledger))
    assert (key, found[key].jobs) == (job.model, {"succeeded": 1})
    assert found[key].quantities[OUT_OF_DOMAIN].first == model_statistics.Sums(1, 1.0, 1.0)
    volumes = {name: each.every.mean for name, each in found[key].quantities.items() if name != OUT_OF_DOMAIN}
    organs = report(ledger, job.id, tmp_path)["organs"]
    assert volumes == {organ["name"]: organ["volume_ml"] for organ in organs if organ["present"]} != {}


def test_a_model_that_can_not_be_loaded_is_a_failure_of_its_own(ledger, settings, run, tmp_path):
    (folder,) = library.named(settings.models, "new")
    job = run(100, between=lambda: (folder / "model.onnx").write_bytes(b""))
    assert (job.state, job.error_code) == ("failed", "bad_model")
    assert counted(ledger)[job.model].jobs == {"failed": 1}
