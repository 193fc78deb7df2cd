"""A job may name its model; the list names the models of live workers."""

import zipfile
from pathlib import Path

import pytest

from shared.imaging.phantoms import abdomen
from shared.ledger import jobs, models, rollouts, workers
from shared.models.card import ModelCard
from shared.models.shelf import Shelf
from shared.settings import Settings
from tests.services.api.test_jobs import assert_problem
from tests.support.scans import small_grid, write_nifti
from tests.support.volume_models import RAW, volume_card, volume_spec

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


@pytest.fixture
def pool(ledger, tmp_path):
    """A live segmenter with the shipped model as default, and one of two channels that knows its training data."""
    shipped = Shelf(Settings(models=tmp_path / "none")).describe()["cards"][0]
    spec = volume_spec(channels=(RAW, RAW.model_copy(update={"name": "T2"})))
    domain = {"pixel_mm": (0.1, 50.0), "slice_mm": (40.0, 50.0)}
    card = volume_card(spec, name="pair", domain=domain)
    about = {"card": card.model_dump(mode="json"), "offered": True, "default_for": []}
    keys = [ModelCard.model_validate(shipped["card"]).key, card.key]
    described = shipped | {"cards": [shipped, about], "models": keys}
    with ledger.write() as connection:
        workers.seen(connection, workers.Worker("w", "segmenter", described))
        models.report(connection, [models.KnownModel(card.key, "pair", "1", True)])


def channels(folder, count):
    """A zip of NIfTI files, the channels of one scan."""
    path = folder / "scan.zip"
    volume = abdomen(small_grid()).volume
    with zipfile.ZipFile(path, "w") as archive:
        for number in range(count):
            archive.write(write_nifti(folder / "a.nii", volume), f"a_{number:04d}.nii")
    return path.read_bytes()


@pytest.mark.usefixtures("pool")
def test_a_scan_of_another_number_of_images_is_refused_before_it_is_accepted(client, tmp_path):
    two = channels(tmp_path, 2)
    answer = client.post("/v1/jobs", content=two)
    assert_problem(answer, 422, "wrong_channels")
    assert "reads one image, and the scan has 2 images" in answer.json()["detail"]
    assert_problem(client.post("/v1/jobs?model=pair", content=channels(tmp_path, 3)), 422, "wrong_channels")
    assert client.get("/v1/jobs").json()["items"] == []
    assert client.post("/v1/jobs?model=pair", content=two).status_code == 202
    scan = client.post("/v1/scans", content=two).json()["id"]
    assert_problem(client.post("/v1/jobs", json={"scan": scan}), 422, "wrong_channels")
    assert client.post("/v1/jobs", json={"scan": scan, "options": {"model": "pair"}}).status_code == 202


@pytest.mark.usefixtures("pool")
def test_a_job_says_what_is_unusual_about_its_scan_before_any_work(client, tmp_path):
    two = channels(tmp_path, 2)
    job = client.post("/v1/jobs?model=pair&modality=CT", content=two).json()
    details = [warning["detail"] for warning in job["warnings"]]
    assert {warning["code"] for warning in job["warnings"]} == {"out_of_domain"}
    assert details[0] == "The model was trained on MR, and the scan is CT."
    assert "40 to 50 mm (distance between slices)" in details[1]
    assert client.get(f"/v1/jobs/{job['id']}").json()["warnings"] == job["warnings"]


@pytest.mark.usefixtures("pool")
def test_a_usual_scan_has_no_warnings_and_another_modality_has_one(client, scan):
    assert client.post("/v1/jobs", content=scan).json()["warnings"] == []
    (warning,) = client.post("/v1/jobs?modality=CT", content=scan).json()["warnings"]
    assert warning == {"code": "out_of_domain", "detail": "The model was trained on MR, and the scan is CT."}


@pytest.mark.usefixtures("pool")
def test_while_a_model_is_rolled_out_the_warnings_are_those_of_every_model_that_the_job_can_get(client, ledger, scan):
    about = Shelf(Settings(models=Path("none"))).describe()["cards"][0]
    both = ModelCard.model_validate(about["card"] | {"name": "both", "modalities": ("MR", "CT")})
    described = {"cards": [about | {"card": both.model_dump(mode="json"), "default_for": []}], "models": [both.key]}
    known = models.KnownModel(both.key, "both", "1", True, ("CT",))
    (warning,) = client.post("/v1/jobs?modality=CT", content=scan).json()["warnings"]
    assert warning["code"] == "out_of_domain"
    with ledger.write() as connection:
        workers.seen(connection, workers.Worker("v", "segmenter", described))
        models.report(connection, [known])
        rollouts.begin(connection, "both", 20)
    assert client.post("/v1/jobs?modality=CT", content=scan).json()["warnings"] == []
    with ledger.write() as connection:
        rollouts.end(connection)
    assert client.post("/v1/jobs?modality=CT", content=scan).json()["warnings"] == [warning]


def test_without_a_live_worker_nothing_is_known_and_the_scan_is_accepted(client, tmp_path):
    job = client.post("/v1/jobs", content=channels(tmp_path, 2))
    assert (job.status_code, job.json()["warnings"]) == (202, [])
