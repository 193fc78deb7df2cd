"""The three stages in this process: what a job leaves for the statistics of the model that its segmenter ran."""

import json

import pytest

from shared.ledger import jobs, model_statistics
from shared.ledger.model_statistics import OUT_OF_DOMAIN
from shared.models import library
from shared.models.card import CARD, load_card
from shared.telemetry import metrics
from tests.support import contracts


@pytest.fixture
def seconds(monkeypatch):
    """How many scans were timed by model."""
    meters = metrics.Meters()
    monkeypatch.setattr(metrics, "_meters", [meters])
    name = "viscera_model_seconds_count"
    return lambda model: meters.registry.get_sample_value(name, {"name": model, "version": "1"})


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
    assert found[key].quantities[OUT_OF_DOMAIN, ""].first == model_statistics.Sums(1, 1.0, 1.0)
    volumes = {organ: each.every.mean for (_, organ), each in found[key].quantities.items() if organ}
    organs = report(ledger, job.id, tmp_path)["organs"]
    assert volumes == {organ["name"]: organ["volume_ml"] for organ in organs if organ["present"]} != {}


def test_a_model_that_can_not_be_loaded_is_a_failure_of_its_own(ledger, settings, run, tmp_path):
    (folder,) = library.named(settings.models, "new")
    job = run(100, between=lambda: (folder / "model.onnx").write_bytes(b""))
    assert (job.state, job.error_code) == ("failed", "bad_model")
    assert counted(ledger)[job.model].jobs == {"failed": 1}
