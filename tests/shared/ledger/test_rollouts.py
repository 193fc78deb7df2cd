"""A share of the jobs that name no model gets a new one; each job's model is recorded once."""

import threading

import pytest
from sqlalchemy import update

from shared.ledger import claims, jobs, models, rollouts, submission, workers
from shared.ledger.model_tables import models as known_models
from shared.ledger.tables import stage_runs
from tests.shared.ledger.conftest import add_job

OLD, NEW, PAIR = (character * 64 for character in "123")


@pytest.fixture
def ledger(ledger):
    """The ledger with three models that a worker has reported."""
    with ledger.write() as connection:
        models.report(
            connection,
            [
                models.KnownModel(OLD, "liver", "1", True),
                models.KnownModel(NEW, "liver", "2", True, ("MR", "CT")),
                models.KnownModel(PAIR, "pair", "1", True, ("MR",), 2),
            ],
        )
    return ledger


def begin(ledger, name="liver@2", share=100):
    with ledger.write() as connection:
        return rollouts.begin(connection, name, share)


def end(ledger):
    with ledger.write() as connection:
        return rollouts.end(connection)


def claim(ledger, job):
    with ledger.write() as connection:
        return claims.claim(connection, job, "classifier", "w")


def assign(ledger, claimed, modality="MR", images=1):
    with ledger.write() as connection:
        return rollouts.assign(connection, claimed, modality, images)


def model_of(ledger, job):
    with ledger.read() as connection:
        return jobs.get(connection, None, job).model


def release(ledger, claimed):
    with ledger.write() as connection:
        claims.release(connection, claimed)


def test_a_share_is_that_part_of_all_jobs_and_a_larger_one_keeps_them():
    ids = [jobs.new_id("job") for _ in range(4000)]
    few, many = ({each for each in ids if rollouts.gets(each, share)} for share in (20, 50))
    assert few < many
    assert (abs(len(few) / 4000 - 0.2) < 0.04, abs(len(many) / 4000 - 0.5) < 0.04) == (True, True)
    assert not any(rollouts.gets(each, 0) for each in ids)
    assert all(rollouts.gets(each, 100) for each in ids)


def test_a_job_gets_the_model_of_its_modality_and_the_ledger_says_so(ledger, job):
    assert {(each.modality, each.version, each.share) for each in begin(ledger)} == {("MR", "2", 100), ("CT", "2", 100)}
    claimed = claim(ledger, job)
    assert model_of(ledger, job) is None
    assert assign(ledger, claimed, "CT") == NEW
    assert model_of(ledger, job) == NEW


def test_the_share_decides_and_the_job_id_alone(ledger):
    begin(ledger, share=50)
    for job in [add_job(ledger) for _ in range(12)]:
        assert assign(ledger, claim(ledger, job)) == model_of(ledger, job) == (NEW if rollouts.gets(job, 50) else None)


def test_a_job_keeps_its_model_after_the_roll_out_and_later_jobs_get_the_default(ledger, job):
    begin(ledger)
    claimed = claim(ledger, job)
    assign(ledger, claimed)
    assert [each.modality for each in end(ledger)] == ["CT", "MR"]
    release(ledger, claimed)
    assert model_of(ledger, job) == NEW, "the segmenter and a second attempt of the classifier run the same one"
    later = add_job(ledger)
    assert assign(ledger, claim(ledger, later)) is None
    assert model_of(ledger, later) is None
    assert end(ledger) == []


def test_only_the_newest_claim_records_a_model(ledger, job):
    begin(ledger)
    first = claim(ledger, job)
    release(ledger, first)
    claim(ledger, job)
    with pytest.raises(claims.LostLease):
        assign(ledger, first)
    assert model_of(ledger, job) is None


def test_the_end_of_a_roll_out_waits_for_a_job_that_is_getting_its_model(ledger, job):
    begin(ledger)
    claimed, ended = claim(ledger, job), []
    thread = threading.Thread(target=lambda: ended.extend(end(ledger)))
    with ledger.write() as connection:
        assert rollouts.assign(connection, claimed, "MR", 1) == NEW
        thread.start()
        thread.join(0.3)
        assert not ended
    thread.join(20)
    assert len(ended) == 2
    assert model_of(ledger, job) == NEW


def test_a_scan_of_another_number_of_images_goes_to_the_default(ledger, job):
    claimed = claim(ledger, job)
    begin(ledger, "liver@2")
    assert assign(ledger, claimed, images=2) is None
    end(ledger)
    begin(ledger, "pair")
    assert assign(ledger, claimed, images=1) is None
    assert assign(ledger, claimed, images=2) == PAIR


def test_a_model_that_was_removed_or_that_no_live_worker_has_gets_no_job(ledger, job):
    begin(ledger)
    claimed = claim(ledger, job)
    with ledger.write() as connection:
        workers.seen(connection, workers.Worker("w", "segmenter", {"models": [OLD]}))
    assert assign(ledger, claimed) is None
    with ledger.write() as connection:
        workers.seen(connection, workers.Worker("w", "segmenter", {"models": [OLD, NEW]}))
        models.report(connection, [models.KnownModel(NEW, "liver", "2", False, ("MR",))])
    assert assign(ledger, claimed) is None
    with ledger.read() as connection:
        assert not rollouts.every(connection)[0].offered
    with ledger.write() as connection:
        models.report(connection, [models.KnownModel(NEW, "liver", "2", True, ("MR",))])
    assert assign(ledger, claimed) == NEW


def test_a_job_that_names_its_model_keeps_it(ledger, job):
    begin(ledger)
    with ledger.write() as connection:
        scan = jobs.get(connection, None, job).scan_id
        named = submission.submit(connection, "t", scan, {"model": "liver@1"}, seconds=600.0)
        assert jobs.get(connection, None, named).model == OLD


def test_the_share_of_a_running_roll_out_changes_and_another_model_has_to_wait(ledger):
    begin(ledger, share=20)
    begin(ledger, share=60)
    with ledger.read() as connection:
        assert [each.share for each in rollouts.every(connection)] == [60, 60]
    with pytest.raises(rollouts.BadRollOut, match=r"liver 2 is rolled out; end that first"):
        begin(ledger, "pair")
    end(ledger)
    assert len(begin(ledger, "pair")) == 1


def test_a_share_is_one_to_a_hundred_percent(ledger):
    for share in (0, -1, 101):
        with pytest.raises(rollouts.BadRollOut, match="1 to 100 percent"):
            begin(ledger, share=share)


def test_a_model_must_be_known_with_its_modalities(ledger):
    with pytest.raises(models.UnknownModel, match="there are: liver, pair"):
        begin(ledger, "spleen")
    with ledger.write() as connection:
        connection.execute(update(known_models).values(modalities=None))
    with pytest.raises(rollouts.BadRollOut, match="has reported liver@2 yet"):
        begin(ledger)


def test_a_lost_job_of_a_roll_out_waits_for_a_worker_that_has_the_model(ledger, job):
    begin(ledger)
    claimed = claim(ledger, job)
    assign(ledger, claimed)
    with ledger.write() as connection:
        claims.complete(connection, claimed, [])
        assert claims.claim_next(connection, "segmenter", "w", job, models={OLD}) is None
        assert claims.claim_next(connection, "segmenter", "w", job, models={NEW}).job_id == job
        running = stage_runs.select().where(stage_runs.c.job_id == job, stage_runs.c.state == "running")
        assert len(connection.execute(running).all()) == 1
