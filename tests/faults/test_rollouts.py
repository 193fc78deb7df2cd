"""A model is rolled out to half of the jobs and rolled back meanwhile: no job is lost, each has the ledger's model."""

import json

import pytest

from services import cli
from shared.ledger import jobs, model_statistics, rollouts
from shared.models.card import CARD, load_card
from tests.support.volume_models import volume_card, volume_spec, write_value_model

JOBS = 20


@pytest.fixture
def new(rig, tmp_path):
    """A model that reads volumes, so the classifier must know which jobs it scores slices for; a worker has it."""
    spec = volume_spec(spacing=(14.0, 6.0, 6.0), patch=(16, 64, 64))
    folder = write_value_model(tmp_path / "new", volume_card(spec, 3, name="new"), 100.0)
    cli.main(["models", "add", str(folder)])
    rig.until(lambda: "new" in {model.name for model in rig.client.models()})
    yield load_card(folder / CARD)
    cli.main(["models", "remove", "new"])


def models(rig, *words):
    """Run `viscera models` on the ledger of the rig."""
    cli.main(["models", *words, *([] if rig.database else ["--data", str(rig.system.data)])])


def model_of(rig, job_id):
    with rig.ledger.read() as connection:
        return jobs.get(connection, None, job_id).model


def succeeded(rig, model):
    """The jobs of a model that the statistics have."""
    with rig.ledger.read() as connection:
        counted = model_statistics.of_models(connection).get(model.key)
    return counted.jobs if counted else {}


def used(rig, job_id, folder):
    rig.client.download(job_id, "report.json", folder / "report.json")
    return json.loads((folder / "report.json").read_text())["models"]


def test_jobs_get_two_models_until_the_roll_back_and_none_is_lost(rig, new, tmp_path, capsys):
    scan = rig.client.upload(rig.scan).id  # once: the gateway checks each upload in a process of its own

    def submit():
        return rig.client.start(scan, quality="light").id

    old = next(model for model in rig.client.models() if model.name == "tiny-segmenter")
    models(rig, "roll-out", "new", "--share", "50")
    models(rig, "list")
    assert capsys.readouterr().out.count("new 1 gets 50 % of the jobs of MR") == 2
    struck = rig.arm("segmenter", "mid-work", "kill")
    sent = [submit() for _ in range(JOBS // 2)]
    while not any(rollouts.gets(job, 50) for job in sent):
        sent.append(submit())
    rig.until(lambda: any(model_of(rig, job) for job in sent))
    models(rig, "roll-back")
    assert "No further job of MR gets new 1" in capsys.readouterr().out
    decided = {job: model for job in sent if (model := model_of(rig, job))}
    sent += [submit() for _ in range(JOBS - len(sent))]
    rig.taken(struck)
    assert [rig.end(job) for job in sent] == ["succeeded"] * len(sent)
    assert set(decided.values()) == {new.key}
    assert all(rollouts.gets(job, 50) for job in decided)
    rig.until(lambda: succeeded(rig, new) == {"succeeded": len(decided)}, 30.0)
    for job in sent:
        assert model_of(rig, job) == decided.get(job), "nothing changes the model of a job, and no further job gets it"
        expected = (new.name, new.version, new.identity) if job in decided else (old.name, "1", old.sha256)
        facts = used(rig, job, tmp_path)
        assert (facts[-1]["name"], facts[-1]["version"], facts[-1]["sha256"]) == expected
        assert len(facts) == (1 if job in decided else 2), "the classifier knew which model the segmenter runs"
