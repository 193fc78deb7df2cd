"""A job that asks for a model gets a worker that has it, or ends with a sentence."""

import pytest
from sqlalchemy import update

from shared.ledger import claims, jobs, models, submission, workers
from shared.ledger.model_tables import models as known_models
from shared.ledger.tables import stage_runs
from tests.shared.ledger.conftest import add_job

ONE, TWO, OTHER = (character * 64 for character in "123")


@pytest.fixture(autouse=True)
def known(ledger):
    with ledger.write() as connection:
        models.report(connection, [models.KnownModel(ONE, "liver", "1", True)])
    with ledger.write() as connection:
        connection.execute(update(known_models).values(added=1.0))
        models.report(
            connection, [models.KnownModel(TWO, "liver", "2", True), models.KnownModel(OTHER, "old", "1", False)]
        )


def submit(ledger, job, **options):
    with ledger.write() as connection:
        scan = jobs.get(connection, None, job).scan_id
        return submission.submit(connection, "t", scan, options, seconds=600.0)


def at_segmenter(ledger, job):
    with ledger.write() as connection:
        claims.complete(connection, claims.claim(connection, job, "classifier", "w"), [])
    return job


def claim(ledger, named, has):
    with ledger.write() as connection:
        return claims.claim_next(connection, "segmenter", "w", named, models=has)


@pytest.mark.parametrize(("name", "key"), [("liver", TWO), ("liver@1", ONE), ("liver@2", TWO)])
def test_a_name_means_the_version_that_was_added_last(ledger, job, name, key):
    asked = submit(ledger, job, model=name)
    with ledger.read() as connection:
        assert models.find(connection, name) == key
        assert jobs.get(connection, None, asked).model == key


@pytest.mark.parametrize("name", ["spleen", "liver@3", "old", ""])
def test_unknown_and_removed_models_are_refused_with_the_names_that_there_are(ledger, job, name):
    with ledger.read() as connection, pytest.raises(models.UnknownModel, match=r"there are: liver\."):
        models.find(connection, name)


def test_only_a_worker_that_has_the_model_gets_the_job(ledger, job):
    asked = at_segmenter(ledger, submit(ledger, job, model="liver"))
    assert claim(ledger, asked, {ONE, OTHER}) is None
    assert claim(ledger, asked, {ONE, TWO}).job_id == asked


def test_every_worker_takes_jobs_that_ask_for_none(ledger, job):
    at_segmenter(ledger, job)
    asked = at_segmenter(ledger, submit(ledger, job, model="liver"))
    assert claim(ledger, asked, set()).job_id == job
    assert claim(ledger, asked, set()) is None


def waiting(ledger, job):
    asked = at_segmenter(ledger, submit(ledger, job, model="liver"))
    with ledger.write() as connection:
        connection.execute(update(stage_runs).where(stage_runs.c.stage == "classifier").values(ended=1.0))
    return asked


def seen(ledger, *keys):
    with ledger.write() as connection:
        workers.seen(connection, workers.Worker("w", "segmenter", {"models": list(keys)}))


def end_without_worker(ledger):
    with ledger.write() as connection:
        return models.end_without_worker(connection)


def test_a_job_whose_model_no_worker_has_ends_with_a_code(ledger, job):
    asked = waiting(ledger, job)
    assert end_without_worker(ledger) == 0, "without any segmenter its pool may be starting"
    seen(ledger, ONE, TWO)
    assert end_without_worker(ledger) == 0
    seen(ledger, ONE)
    assert end_without_worker(ledger) == 1
    with ledger.read() as connection:
        ended = jobs.get(connection, None, asked)
        assert (ended.state, ended.error_code) == ("failed", "model_removed")
        assert jobs.get(connection, None, job).state == "queued"


def test_a_job_that_has_just_reached_the_segmenter_waits_a_while(ledger, job):
    at_segmenter(ledger, submit(ledger, job, model="liver"))
    seen(ledger, ONE)
    assert end_without_worker(ledger) == 0


def test_open_jobs_keep_the_models_that_they_ask_for(ledger, job):
    asked = submit(ledger, job, model="liver@1")
    with ledger.write() as connection:
        assert models.wanted(connection) == {ONE}
        jobs.end(connection, asked, "cancelled")
        assert models.wanted(connection) == set()


def test_a_worker_says_once_what_it_has_and_then_that_it_is_there(ledger):
    with ledger.write() as connection:
        assert not workers.still_there(connection, "w")
    seen(ledger, ONE)
    with ledger.write() as connection:
        assert workers.still_there(connection, "w")
        assert workers.alive(connection)[0].model == {"models": [ONE]}


def test_jobs_of_several_tenants_are_in_turn_among_those_that_fit(ledger, job):
    second = add_job(ledger, "u")
    for each in (job, second):
        at_segmenter(ledger, each)
    asked = at_segmenter(ledger, submit(ledger, job, model="liver"))
    assert {claim(ledger, asked, set()).job_id for _ in range(2)} == {job, second}
