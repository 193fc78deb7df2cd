"""Files that are written at their first request: the gateway waits for the real worker's code."""

import io
import threading
import time
from dataclasses import replace

import numpy as np
import pydicom
import pytest
from sqlalchemy import select, update

from services.api import on_request
from services.mesher import outputs
from services.mesher.tasks import LatestResult
from shared.imaging.formats import read_scan
from shared.imaging.phantoms import abdomen
from shared.imaging.volume import LabelMap
from shared.ledger import api_keys, claims, files, jobs, tables
from shared.ledger.tables import file_runs
from tests.services.api.conftest import KEY, outlined
from tests.services.api.test_jobs import assert_problem
from tests.services.mesher.shapes import ball, labels
from tests.support.scans import small_grid, write_dicom
from viscera_client import packed

ON_REQUEST = {
    "model.meshopt.glb", "model.quantized.glb", "model.lod.glb", "model.stl", "model.obj.zip", "model.3mf",
    "model.usdz", "thumbnail.png",
}  # fmt: skip


def runs(runner):
    with runner.ledger.read() as connection:
        return {row.name: row.state for row in connection.execute(select(file_runs.c.name, file_runs.c.state))}


def while_waiting(client, path, act, method="GET"):
    """Return the answer to a request, and what `act` does once the request waits."""
    answers = []
    thread = threading.Thread(target=lambda: answers.append(client.request(method, path)))
    thread.start()
    while not act() and thread.is_alive():
        time.sleep(0.01)
    thread.join()
    return answers[0]


def once_requested(runner, act):
    return lambda: bool(runs(runner)) and (act() or True)


def get(client, runner, job, path, method="GET"):
    return while_waiting(client, f"/v1/jobs/{job}/{path}", once_requested(runner, lambda: runner.run_file(job)), method)


def test_a_job_succeeds_with_model_and_report_and_names_the_other_files(client, runner, done):
    described = client.get(f"/v1/jobs/{done}").json()
    assert described["state"] == "succeeded"
    assert {"model.stl", "model.obj.zip", "model.3mf", "model.usdz", "thumbnail.png", "model.glb"} <= set(
        described["links"]
    )
    assert "segmentation.dcm" not in described["links"]
    with runner.ledger.read() as connection:
        assert set(jobs.published(connection, done)) == {
            "labels.nii.gz", "facts.segmenter.json", "model.glb", "report.json",
        }  # fmt: skip
        assert set(jobs.get(connection, None, done).offers) == ON_REQUEST
    assert runs(runner) == {}


def test_the_first_request_waits_for_the_file_and_later_ones_find_it(client, runner, done):
    first = get(client, runner, done, "model.stl")
    assert first.status_code == 200
    assert first.content == outputs.write_outputs(labels(ball((20, 24, 28), (10, 12, 14), 7)))["model.stl"]
    runner.store.delete = None  # nothing is written nor deleted again
    again = client.get(f"/v1/jobs/{done}/model.stl", headers={"Range": "bytes=0-9"})
    assert (again.status_code, again.content, again.headers["etag"]) == (206, first.content[:10], first.headers["etag"])
    assert runs(runner) == {"model.stl": "done"}


def test_head_and_variants_are_written_too(client, runner, done):
    head = get(client, runner, done, "model.3mf", "HEAD")
    assert (head.status_code, head.content) == (200, b"")
    assert int(head.headers["content-length"]) == len(client.get(f"/v1/jobs/{done}/model.3mf").content)
    with runner.ledger.write() as connection:
        connection.execute(file_runs.delete())
    assert get(client, runner, done, "model.glb?compression=meshopt").content[:4] == b"glTF"


def test_a_request_that_waited_long_enough_is_answered_202(client, runner, done, monkeypatch):
    monkeypatch.setattr(on_request, "SECONDS", 0.1)
    answer = client.get(f"/v1/jobs/{done}/model.stl")
    assert (answer.status_code, answer.json()) == (202, {"name": "model.stl", "state": "waiting"})
    assert answer.headers["retry-after"] == "1"
    runner.run_file(done)
    assert client.get(f"/v1/jobs/{done}/model.stl").status_code == 200


def test_only_some_requests_wait_at_once(client, done, monkeypatch):
    monkeypatch.setattr(on_request, "MOST", 0)
    assert client.get(f"/v1/jobs/{done}/model.stl").status_code == 202


def test_a_file_that_cannot_be_written_fails_alone(client, runner, done, monkeypatch):
    def broken(_):
        raise RuntimeError("no")

    monkeypatch.setitem(outputs._WRITERS, "model.stl", broken)
    monkeypatch.setattr(on_request, "SECONDS", 0.1)
    assert client.get(f"/v1/jobs/{done}/model.stl").status_code == 202
    for _ in range(claims.ATTEMPTS):
        runner.run_file(done)
    assert_problem(client.get(f"/v1/jobs/{done}/model.stl"), 409, "file_failed")
    assert client.get(f"/v1/jobs/{done}").json()["state"] == "succeeded"
    assert client.get(f"/v1/jobs/{done}/model.glb").status_code == 200


def test_a_job_erased_meanwhile_is_not_found(client, runner, done):
    answer = while_waiting(
        client,
        f"/v1/jobs/{done}/model.stl",
        once_requested(runner, lambda: client.delete(f"/v1/jobs/{done}")),
    )
    assert_problem(answer, 404, "not_found")
    runner.run_file(done)
    assert [key for key in list(runner.store.keys()) if done in key] == []


def test_a_key_revoked_meanwhile_gets_nothing(client, runner, done):
    def revoke():
        with runner.ledger.write() as connection:
            api_keys.revoke(connection, "default", api_keys.caller(connection, KEY).key_id)

    answer = while_waiting(client, f"/v1/jobs/{done}/model.stl", once_requested(runner, revoke))
    assert_problem(answer, 401, "unauthorized")


def test_a_stranger_and_a_job_at_work_request_nothing(client, stranger, runner, job):
    assert_problem(client.get(f"/v1/jobs/{job}/model.stl"), 409, "not_ready")
    runner.run(job)
    assert_problem(stranger.get(f"/v1/jobs/{job}/model.stl"), 404, "not_found")
    assert_problem(client.get(f"/v1/jobs/{job}/segmentation.dcm"), 404, "not_dicom")
    assert runs(runner) == {}


def test_dicom_files_have_the_same_bytes_from_the_worker_that_meshed_and_from_another(client, runner, tmp_path):
    folder, name = write_dicom(tmp_path / "series", abdomen(small_grid()).volume), "segmentation.dcm"
    geometry = read_scan(folder).geometry
    data = np.zeros(geometry.shape, np.uint8)
    data[2:6, 5:12, 4:20] = 1
    with packed(folder) as path:
        job = outlined(client, runner, tmp_path, path.read_bytes(), LabelMap(data, geometry), "dicom")
    with runner.ledger.write() as connection:  # accepted long before it ended
        connection.execute(update(tables.jobs).values(created=tables.jobs.c.created - 100.0))
    runner.run(job)
    contents = []
    for worker in (runner, replace(runner, tool=LatestResult())):
        with runner.ledger.write() as connection:
            files.request(connection, None, job, name)
        worker.run_file(job)
        with runner.ledger.write() as connection:
            contents.append(b"".join(runner.store.read(jobs.published(connection, job)[name].key)))
            connection.execute(file_runs.delete())
            connection.execute(tables.artifacts.delete().where(tables.artifacts.c.name == name))
    assert contents[0] == contents[1]


@pytest.mark.parametrize("name", ["segmentation.dcm", "sr.dcm", "rtstruct.dcm"])
def test_a_guest_gets_dicom_files_without_the_patient(client, runner, tmp_path, name):
    folder = write_dicom(tmp_path / "series", abdomen(small_grid()).volume, PatientName="Secret^Anna", PatientID="P-77")
    geometry = read_scan(folder).geometry
    data = np.zeros(geometry.shape, np.uint8)
    data[2:6, 5:12, 4:20] = 1
    with packed(folder) as path:
        job = outlined(client, runner, tmp_path, path.read_bytes(), LabelMap(data, geometry), "dicom")
    runner.run(job)
    with runner.ledger.write() as connection:
        files.request(connection, None, job, name)
    runner.run_file(job)
    url = f"/v1/jobs/{job}/{name}"
    own = client.get(url)
    assert b"Secret^Anna" in own.content
    token = client.post(f"/v1/jobs/{job}/share", json={"seconds": 600}).json()["token"]
    guest = client.get(url, headers={"Authorization": f"Bearer {token}"})
    assert guest.status_code == 200
    assert b"Secret" not in guest.content
    assert b"P-77" not in guest.content
    one, other = (pydicom.dcmread(io.BytesIO(answer.content)) for answer in (guest, own))
    assert one.SOPInstanceUID == other.SOPInstanceUID
    assert guest.headers["etag"] != own.headers["etag"]


def test_files_of_the_setting_are_requested_when_the_job_succeeds(job, runner, settings):
    settings.files = "thumbnail.png, default:model.stl, other:model.3mf, sr.dcm"
    runner.run(job)
    assert runs(runner) == {"thumbnail.png": "ready", "model.stl": "ready"}
    runner.run_file(job)
    runner.run_file(job)
    assert set(runs(runner).values()) == {"done"}


def test_a_result_without_an_organ_has_every_file_but_the_dicom_ones():
    empty = outputs.Result(labels(np.zeros((3, 4, 5))), series=lambda: pytest.fail("the scan is not needed"))
    assert set(outputs.files_on_request(empty)) == ON_REQUEST
