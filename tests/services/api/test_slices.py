"""Slices as pictures and the volume as NIfTI: the same voxels in the same place, never mirrored."""

import cv2
import nibabel as nib
import numpy as np
import pytest

from shared import artifacts
from shared.imaging.phantoms import abdomen
from shared.ledger import claims, files, jobs
from shared.storage.base import sha256
from shared.storage.connect import open_store
from tests.services.api.test_jobs import assert_problem
from tests.support.scans import small_grid


@pytest.fixture
def phantom():
    return abdomen(small_grid())


@pytest.fixture
def job(client, scan, settings, ledger, tmp_path, phantom):
    """A job whose first two stages are done."""
    job_id = client.post("/v1/jobs", content=scan).json()["id"]
    store = open_store(settings.store_url)
    made = {
        "classifier": (artifacts.VOLUME, lambda path: artifacts.save_volume(path, phantom.volume)),
        "segmenter": (artifacts.LABELS, lambda path: artifacts.save_labels(path, phantom.labels)),
    }
    for stage, (name, save) in made.items():
        path = tmp_path / name
        save(path)
        with ledger.write() as connection:
            claim = claims.claim(connection, job_id, stage, "w")
            artifact = jobs.Artifact(claim.stage, name, claim.prefix + name, sha256(path), path.stat().st_size)
        store.put(artifact.key, path)
        with ledger.write() as connection:
            claims.complete(connection, claim, [artifact])
    return f"/v1/jobs/{job_id}"


def picture(answer):
    assert answer.headers["content-type"] == "image/png"
    return cv2.imdecode(np.frombuffer(answer.content, np.uint8), cv2.IMREAD_COLOR)[:, :, ::-1]


def test_the_volume_comes_back_voxel_for_voxel_on_its_affine(client, job, phantom, tmp_path):
    path = tmp_path / "volume.nii.gz"
    path.write_bytes(client.get(job + "/volume.nii.gz").content)
    image = nib.load(path)
    np.testing.assert_array_equal(np.asanyarray(image.dataobj).T, phantom.volume.data)
    np.testing.assert_allclose(image.affine, phantom.volume.geometry.ras, atol=1e-4)
    assert image.header.get_xyzt_units()[0] == "mm"


def test_outlines_lie_on_the_organs_in_their_colours(client, job, phantom):
    number = int((phantom.labels.data == 1).sum(axis=(1, 2)).argmax())
    plain = picture(client.get(f"{job}/slices/{number}.png"))
    drawn = picture(client.get(f"{job}/slices/{number}.png?overlay=1"))
    assert plain.shape == drawn.shape
    stomach = (drawn == np.array([230, 159, 0])).all(axis=-1)
    assert stomach.sum() > 10
    height, width = stomach.shape
    rows, columns = np.nonzero(phantom.labels.data[number] == 1)
    scale = np.array([height, width]) / phantom.labels.data.shape[1:]
    expected = (np.array([rows.mean(), columns.mean()]) + 0.5) * scale
    np.testing.assert_allclose(np.argwhere(stomach).mean(axis=0), expected, atol=2.5 * scale.max())


def test_outlines_are_those_of_the_newest_finished_revision(client, job, phantom, ledger):
    with ledger.write() as connection:
        claims.complete(connection, claims.claim(connection, job.split("/")[-1], "mesher", "w"), [])
    number = int((phantom.labels.data == 1).sum(axis=(1, 2)).argmax())
    match = {"If-Match": client.head(job + "/labels.nii.gz").headers["etag"]}
    edits = {"edits": [{"kind": "erase", "label": 1}]}
    assert client.patch(job + "/labels.nii.gz", json=edits, headers=match).status_code == 202

    def stomach(revision=""):
        drawn = picture(client.get(f"{job}/slices/{number}.png?overlay=1{revision}"))
        return bool((drawn == np.array([230, 159, 0])).all(axis=-1).any())

    assert (stomach(), stomach("&revision=2")) == (True, False)
    with ledger.write() as connection:
        files.complete(connection, files.claim_next(connection, "w", ""), [])
    assert (stomach(), stomach("&revision=1")) == (False, True)
    assert_problem(client.get(f"{job}/slices/{number}.png?overlay=1&revision=3"), 404, "not_found")


def test_slices_beyond_the_scan_and_before_their_time(client, stranger, job, scan):
    assert_problem(client.get(job + "/slices/99999.png"), 404, "not_found")
    assert_problem(client.get(job + "/slices/-1.png"), 422, "invalid_request")
    assert_problem(stranger.get(job + "/slices/0.png"), 404, "not_found")
    assert_problem(stranger.get(job + "/volume.nii.gz"), 404, "not_found")
    young = client.post("/v1/jobs", content=scan).json()["links"]["self"]
    assert_problem(client.get(young + "/slices/0.png"), 409, "not_ready")
    assert_problem(client.get(young + "/volume.nii.gz"), 409, "not_ready")


def test_a_picture_the_client_has_is_not_sent_again(client, job):
    etag = client.get(job + "/slices/0.png").headers["etag"]
    assert client.get(job + "/slices/0.png", headers={"If-None-Match": etag}).status_code == 304
    assert client.get(job + "/slices/0.png?center=10&width=5").headers["etag"] != etag


@pytest.mark.parametrize("path", ["/slices/3.png", "/volume.nii.gz"])
def test_a_slice_and_the_volume_are_readings_and_no_browser_keeps_them_unasked(client, job, path):
    answer = client.get(job + path)
    items = client.get("/v1/audit").json()["items"]
    assert [item["object"] for item in items if item["action"] == "read"] == [job.rpartition("/")[2]]
    assert answer.headers["cache-control"] == "private, no-cache"


@pytest.mark.parametrize("path", ["/slices/3.png", "/volume.nii.gz"])
def test_head_says_what_get_would_without_the_bytes(client, stranger, job, path):
    head = client.head(job + path)
    assert (head.status_code, head.content) == (200, b"")
    assert head.headers["content-type"] == client.get(job + path).headers["content-type"]
    assert stranger.head(job + path).status_code == 404
