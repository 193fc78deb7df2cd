"""A job may name its model; the list names the models of live workers."""

import pytest

from shared.ledger import jobs, models, workers
from shared.models.shelf import Shelf
from shared.settings import Settings
from tests.services.api.test_jobs import assert_problem

LIVER = "1" * 64


@pytest.fixture(autouse=True)
def known(ledger):
    with ledger.write() as connection:
        models.report(connection, [models.KnownModel(LIVER, "liver", "1", True)])


def model_of(ledger, job):
    with ledger.read() as connection:
        stored = jobs.get(connection, None, job["id"])
    return stored.model, stored.options["model"]


@pytest.mark.parametrize("name", ["liver", "liver@1"])
def test_a_job_gets_the_model_that_it_names(client, ledger, scan, name):
    raw = client.post(f"/v1/jobs?model={name}", content=scan)
    assert raw.status_code == 202
    assert model_of(ledger, raw.json()) == (LIVER, name)
    upload = client.post("/v1/scans", content=scan).json()["id"]
    answer = client.post("/v1/jobs", json={"scan": upload, "options": {"model": name}})
    assert model_of(ledger, answer.json()) == (LIVER, name)


def test_a_job_that_names_none_gets_the_default_of_its_modality_later(client, ledger, scan):
    assert model_of(ledger, client.post("/v1/jobs", content=scan).json()) == (None, None)


@pytest.mark.parametrize("name", ["spleen", "liver@2"])
def test_an_unknown_model_is_refused_and_nothing_is_kept(client, scan, name):
    answer = client.post(f"/v1/jobs?model={name}", content=scan)
    assert_problem(answer, 422, "unknown_model")
    assert "there are: liver." in answer.json()["detail"]
    assert client.get("/v1/jobs").json()["items"] == []


@pytest.mark.parametrize("name", ["", "x" * 201])
def test_a_name_of_no_or_too_many_letters_is_refused(client, scan, name):
    assert_problem(client.post(f"/v1/jobs?model={name}", content=scan), 422, "invalid_request")


def test_another_model_under_the_same_idempotency_key_is_another_request(client, scan):
    headers = {"Idempotency-Key": "k"}
    assert client.post("/v1/jobs?model=liver", content=scan, headers=headers).status_code == 202
    assert_problem(client.post("/v1/jobs", content=scan, headers=headers), 422, "idempotency_mismatch")


def test_the_list_has_every_offered_model_of_a_worker_once(client, ledger, tmp_path):
    about = Shelf(Settings(models=tmp_path / "none")).describe()
    removed = about["cards"][0] | {"offered": False, "sha256": "2" * 64}
    other_labels = about["card"] | {"name": "same weights"}
    about["cards"] += [about["cards"][0] | {"card": other_labels}, removed]
    with ledger.write() as connection:
        for worker in ("a", "b"):
            workers.seen(connection, workers.Worker(worker, "segmenter", about))
    listed = client.get("/v1/models").json()["items"]
    assert sorted(model["name"] for model in listed) == sorted([about["card"]["name"], "same weights"])
    assert {model["stage"] for model in listed} == {"segmenter"}
