"""3D Slicer's plugin for MONAI Label corrects jobs of this service, with the client of the `monailabel` package."""

import gzip
import importlib
import os
import sys

import nibabel as nib
import numpy as np
import pytest
import SimpleITK as sitk

from services.api import monailabel
from services.api.monailabel.labels import to_nrrd, values_of
from shared.artifacts import ModelFact
from shared.errors import Unprocessable
from shared.imaging.geometry import Geometry
from shared.imaging.phantoms import abdomen
from shared.imaging.volume import ORGANS, LabelMap
from shared.ledger import api_keys, jobs
from tests.services.api.conftest import KEY, outlined
from tests.services.api.test_jobs import assert_problem
from tests.support.scans import small_grid

BASE = "/monailabel"
MADE_BY = ModelFact(name="viscera", version="1", sha256="0" * 64, provider="cpu")


def package():
    """The client of the package, which .ci/run installs in a folder of its own, without what it depends on."""
    if folder := os.environ.get("VISCERA_MONAILABEL"):
        sys.path.append(folder)
    try:
        return importlib.import_module("monailabel.client.client")
    except ImportError:
        pytest.skip("the package monailabel is not installed; VISCERA_MONAILABEL names its folder")


@pytest.fixture
def phantom():
    return abdomen(small_grid())


@pytest.fixture
def finished(client, runner, tmp_path, scan, phantom):
    """A finished job with its volume."""
    made = outlined(client, runner, tmp_path, scan, phantom.labels, "nifti", phantom.volume, (MADE_BY,))
    runner.run(made)
    return made


@pytest.fixture
def slicer(live, tmp_path):
    """The plugin's client, signed in with an API key as the password; the plugin opens a new one for each call."""
    found = package()

    class Fresh:
        def __getattr__(self, name):
            made = found.MONAILabelClient(f"{str(live.base_url).rstrip('/')}{BASE}", str(tmp_path), "user-xyz")
            assert made.auth_enabled()
            made.update_auth(made.auth_token("anybody", KEY))
            return getattr(made, name)

    assert Fresh().auth_valid_token()
    return Fresh()


def image_of(path):
    return sitk.GetArrayFromImage(sitk.ReadImage(str(path)))


def saved(path, array, like):
    image = sitk.GetImageFromArray(array)
    image.CopyInformation(sitk.ReadImage(str(like)))
    sitk.WriteImage(image, str(path))
    return str(path)


def test_slicer_gets_a_sample_corrects_it_and_saves_it(slicer, live, client, finished, phantom, tmp_path):
    about = slicer.info()
    assert "config" not in about, "the plugin takes it for an old server"
    assert about["datastore"] == {"total": 1, "completed": 0, "label_tags": {"final": 0}, "train": {}}
    sample = slicer.next_sample("first", {})
    job = sample["id"].partition("~")[0]
    assert job == finished
    image = live.get(f"{BASE}/datastore/image", params={"image": sample["id"]}, headers={"Authorization": ""})
    assert image.status_code == 200
    path, parameters = slicer.infer("viscera", sample["id"], {"result_extension": ".nrrd"})
    assert parameters["label_names"] == {organ.title: organ.id for organ in ORGANS}
    before = image_of(path)
    assert (before == phantom.labels.data).all()
    after = before.copy()
    after[before == 2] = 3  # the plugin saves the segments under numbers of its own
    renumbered = np.select([after == 1, after == 3], [2, 1], 0).astype(np.uint8)
    info = {"label_info": [{"name": "Large bowel", "idx": 2}, {"name": "stomach", "idx": 3}]}
    answer = slicer.save_label(sample["id"], saved(tmp_path / "label.nrrd", renumbered, path), "final", info)
    assert answer == {"image": sample["id"], "label": job, "revision": 2}
    kept = nib.Nifti1Image.from_bytes(gzip.decompress(client.get(f"/v1/jobs/{job}/labels.nii.gz?revision=2").content))
    assert (after == np.asarray(kept.dataobj).T).all()
    assert client.get(f"/v1/jobs/{job}").json()["review"] == "accepted"
    assert slicer.next_sample("first", {}) == {}, "nothing is left"
    stored = slicer.datastore()["objects"][job]["labels"]
    assert stored["final"]["info"]["revision"] == 2
    for tag, right in (("original", before), ("final", after)):
        assert (image_of(slicer.download_label(job, tag)) == right).all()


def test_an_upload_and_a_session_are_jobs(slicer, live, client, scan, tmp_path):
    path = tmp_path / "volume.nii.gz"
    path.write_bytes(scan)
    assert slicer.upload_image(str(path), "Volume 7")["image"] == "Volume 7"
    (job,) = client.get("/v1/jobs").json()["items"]
    assert job["name"] == "Volume 7"
    assert (
        live.get(f"{BASE}/datastore/image/info", params={"image": "Volume 7"}).json()["name"] == f"{job['id']}.nii.gz"
    )
    session = slicer.create_session(str(path))["session_id"]
    assert slicer.get_session(session)["name"] == session
    assert slicer.remove_session(session)["name"] == session
    assert client.get(f"/v1/jobs/{session}").status_code == 404


def test_training_is_refused_with_what_to_do_instead(slicer):
    found = package()
    assert slicer.train_status(check_if_running=True) is False
    assert slicer.train_status()["status"] == "NONE"
    assert slicer.train_stop()["status"] == "NONE"
    with pytest.raises(found.MONAILabelClientException) as refused:
        slicer.train_start("viscera", {})
    assert "does not train" in refused.value.msg


def test_somebody_elses_revision_is_not_overwritten(client, ledger, finished, phantom):
    with ledger.write() as connection:
        api_keys.add_key(connection, "vsk_colleague", "default")
    sample = client.post(f"{BASE}/activelearning/first", json={}).json()["id"]
    second = np.where(phantom.labels.data == 1, 2, 0).astype(np.uint8)
    content = to_nrrd(LabelMap(second, phantom.volume.geometry))

    def save(key, image, content):
        headers, files = {"Authorization": f"Bearer {key}"}, {"label": ("l.nrrd", content)}
        return client.put(f"{BASE}/datastore/label", params={"image": image}, headers=headers, files=files)

    assert save("vsk_colleague", finished, content).json()["revision"] == 2
    refused = save(KEY, sample, content)
    assert_problem(refused, 412, "revision_changed")
    fresh = client.post(f"{BASE}/activelearning/first", json={}).json()
    assert fresh == {}, "the colleague has accepted it"
    first = to_nrrd(phantom.labels)
    assert save("vsk_colleague", finished, first).json()["revision"] == 3, "one's own revisions are no conflict"


def test_a_guest_and_a_stranger_see_nothing_else(client, stranger, finished):
    sample = client.post(f"{BASE}/activelearning/first", json={}).json()["id"]
    assert_problem(stranger.get(f"{BASE}/datastore/image", params={"image": finished}), 404, "not_found")
    assert stranger.get(f"{BASE}/datastore/?output=all").json()["objects"] == {}
    guest = {"Authorization": f"Bearer {sample.rpartition('~')[2]}"}
    assert list(client.get(f"{BASE}/datastore/?output=all", headers=guest).json()["objects"]) == [finished]
    assert_problem(client.post(f"{BASE}/activelearning/first", json={}, headers=guest), 403, "insufficient_scope")
    wrong = {"image": finished + "~1~vsk_wrong"}
    nobody = client.get(f"{BASE}/datastore/image", params=wrong, headers={"Authorization": ""})
    assert nobody.status_code == 401


def test_a_sample_without_a_key_or_for_another_job_is_not_shown(client, finished, scan):
    other = client.post("/v1/jobs", content=scan).json()["id"]
    key = client.post(f"{BASE}/activelearning/first", json={}).json()["id"].rpartition("~")[2]
    answer = client.get(f"{BASE}/datastore/image", params={"image": f"{other}~1~{key}"}, headers={"Authorization": ""})
    assert_problem(answer, 404, "not_found")


FORM = "multipart/form-data; boundary=b"
PART, END = b"--b\r\nContent-Disposition: form-data; name=params\r\n\r\n", b"\r\n--b--\r\n"


@pytest.mark.parametrize(
    ("body", "kind", "status"),
    [
        (b"x", "application/json", 415),
        (b"x", "multipart/form-data", 415),
        (b"nothing", FORM, 400),
        (b"--b\r\n\r\nx", FORM, 400),
        (PART + b"{}", FORM, 400),
        (PART + b"x" * (1 << 20) + b"y" + END, FORM, 400),
        (PART + b"{" + END, FORM, 422),
        (PART + b"[]" + END, FORM, 422),
        ((PART + b"\r\n") * 21 + b"--b--\r\n", FORM, 400),
    ],
    ids=range(9),
)
def test_a_body_that_is_no_form_is_one_clear_sentence(client, finished, settings, body, kind, status):
    answer = client.post(f"{BASE}/infer/viscera?image={finished}", content=body, headers={"Content-Type": kind})
    assert answer.status_code == status, answer.text
    assert answer.json()["detail"]
    assert not [path for path in settings.spool.rglob("*") if path.is_file()], "nothing stays in the spool"


def test_files_that_can_not_be_labels_of_the_job_are_refused(client, finished, phantom):
    def save(content, **parameters):
        return client.put(
            f"{BASE}/datastore/label", params={"image": finished}, files={"label": ("x", content)}, data=parameters
        )

    grid = phantom.volume.geometry
    moved = Geometry(grid.shape, grid.affine + np.array([[0, 0, 0, 9.0], *[[0.0] * 4] * 3]))
    assert_problem(save(b"not a label"), 422, "bad_labels")
    assert_problem(save(to_nrrd(LabelMap(phantom.labels.data, moved))), 422, "wrong_grid")
    right = to_nrrd(phantom.labels)
    assert_problem(save(right, params='{"label_info": [{"name": "liver"}]}'), 422, "unknown_labels")
    assert_problem(save(right, params='{"label_info": [{"name": "Stomach"}]}'), 422, "unknown_labels")
    assert_problem(save(right, params='{"label_info": [7]}'), 422, "invalid_request")
    assert_problem(save(b""), 400, "incomplete_body")
    assert jobs_revision(client, finished) == 1


def jobs_revision(client, job):
    return client.get(f"/v1/jobs/{job}").json()["revision"]


def test_names_decide_what_a_value_is():
    info = [{"name": "background", "idx": 1}, {"name": "SMALL_BOWEL", "idx": 2}, {"name": "Stomach", "idx": 9}]
    assert values_of(info, ORGANS) == {2: 2, 3: 1}
    assert values_of(None, ORGANS) is None
    with pytest.raises(Unprocessable):
        values_of([{"name": "liver"}], ORGANS)


def test_nrrd_is_where_nifti_is_on_an_oblique_grid(tmp_path):
    rng = np.random.default_rng(3)
    turn, _ = np.linalg.qr(rng.normal(size=(3, 3)))
    affine = np.eye(4)
    affine[:3, :3], affine[:3, 3] = turn * [0.7, 1.3, 4.1], [11.0, -5.0, 3.0]
    data = rng.integers(0, 4, (5, 6, 7)).astype(np.uint8)
    (tmp_path / "a.nrrd").write_bytes(to_nrrd(LabelMap(data, Geometry(data.shape, affine))))
    image = sitk.ReadImage(str(tmp_path / "a.nrrd"))
    assert (sitk.GetArrayFromImage(image) == data).all()
    for index in [(0, 0, 0), (6, 5, 4), (3, 0, 2)]:
        right = (affine @ [*index, 1.0])[:3]
        np.testing.assert_allclose(image.TransformIndexToPhysicalPoint(index), right, atol=1e-4)


def test_the_routes_are_those_that_the_client_calls():
    paths = {route.path for router in monailabel.ROUTERS for route in router.routes}
    assert all(path.startswith(BASE + "/") for path in paths)


def test_a_job_that_failed_says_so(client, ledger, scan):
    job = client.post("/v1/jobs", content=scan).json()["id"]
    with ledger.write() as connection:
        jobs.end(connection, job, "failed", "worker_lost")
    answer = client.post(f"{BASE}/infer/viscera?image={job}", files={"none": ("", b"")}, data={"params": "{}"})
    assert_problem(answer, 409, "job_failed")
