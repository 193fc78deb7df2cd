"""People measure on a scan: the service computes from the points, keeps it with the job, and two lose nothing."""

import io

import highdicom
import numpy as np
import pytest

from shared import artifacts
from shared.imaging.formats import read_scan
from shared.imaging.phantoms import abdomen
from shared.ledger import claims, jobs, measurements
from shared.storage.base import sha256
from tests.services.api.test_jobs import assert_problem
from tests.services.api.test_on_request import once_requested, while_waiting
from tests.support.scans import rotation, small_grid, write_dicom
from viscera_client import packed

LINE = {"kind": "length", "plane": "axial", "points": [[1, 2, 3], [4, 6, 3]]}
ANGLE = {"kind": "angle", "plane": "axial", "points": [[10, 0, 3], [0, 0, 3], [0, 5, 3]]}


AROUND = [[0, 0, 0], [30, 0, 0], [30, 40, 0], [0, 40, 0]]
POLYGON = {"kind": "polygon", "plane": "surface", "points": AROUND}
ARROW = {"kind": "arrow", "plane": "surface", "points": [[1, 2, 3], [4, 6, 3]], "label": "fissure"}


def keep_volume(runner, job_id, volume, folder):
    """Publish a volume as a job's classifier."""
    path = folder / artifacts.VOLUME
    artifacts.save_volume(path, volume)
    with runner.ledger.write() as connection:
        claim = claims.claim(connection, job_id, "classifier", "w")
        kept = jobs.Artifact("classifier", path.name, claim.prefix + path.name, sha256(path), path.stat().st_size)
    runner.store.put(kept.key, path)
    with runner.ledger.write() as connection:
        claims.complete(connection, claim, [kept])


def scan_of(affine=None):
    return abdomen(small_grid(affine)).volume


@pytest.fixture
def volume():
    affine = np.eye(4)  # no axis of the grid is along one of the patient's
    affine[:3, :3] = rotation((0.2, -0.1, 0.3)) * np.array([7.0, 6.0, 14.0])
    return scan_of(affine)


@pytest.fixture
def job(client, scan, runner, tmp_path, volume):
    """The path of a job whose scan is read."""
    job_id = client.post("/v1/jobs", content=scan).json()["id"]
    keep_volume(runner, job_id, volume, tmp_path)
    return f"/v1/jobs/{job_id}"


def put(client, job, wanted, body, match=None):
    return client.put(f"{job}/measurements/{wanted}", json=body, headers={"If-Match": match} if match else {})


def listed(client, job):
    return client.get(f"{job}/measurements").json()["items"]


def test_lengths_and_angles_are_computed_from_the_points(client, job):
    line = put(client, job, "line-0001", LINE | {"label": "liver, largest"}).json()
    assert (line["value"], line["unit"], line["label"]) == (5.0, "mm", "liver, largest")
    angle = put(client, job, "angle-001", ANGLE).json()
    assert (angle["value"], angle["unit"], angle["statistics"]) == (pytest.approx(90.0), "deg", None)
    assert listed(client, job) == [line, angle]
    assert line["points"] == LINE["points"]
    assert line["measured_by"].startswith("key_")
    assert line["measured_at"].endswith("Z")


def test_a_figure_of_the_client_is_refused_not_believed(client, job):
    assert_problem(put(client, job, "line-0001", LINE | {"value": 7.0}), 422, "invalid_request")


def test_a_value_is_that_of_the_voxel_at_the_point(client, job, volume):
    point = volume.geometry.to_patient(np.array([12.3, 9.0, 4.2]))  # column, row, slice
    value = put(client, job, "probe-001", {"kind": "probe", "plane": "axial", "points": [point.tolist()]}).json()
    assert (value["value"], value["unit"]) == (float(volume.data[4, 9, 12]), "1")


@pytest.mark.parametrize("through", [0, 1, 2], ids=["sagittal", "coronal", "axial"])
def test_an_area_has_the_statistics_of_its_voxels_on_every_plane(client, job, volume, through):
    middle, half = np.array([12.4, 10.2, 4.3]), np.array([6.2, 5.4, 2.6])
    middle[through] = 4
    across, down = (axis for axis in range(3) if axis != through)
    index = np.stack(np.meshgrid(*(np.arange(n) for n in volume.data.shape[::-1]), indexing="ij"), axis=-1)
    parts = (index - middle)[..., [across, down]] / half[[across, down]]
    inside = ((parts**2).sum(axis=-1) <= 1.0) & (index[..., through] == 4)
    values = volume.data.T[inside].astype(float)
    ends = [middle + sign * half[axis] * np.eye(3)[axis] for axis in (across, down) for sign in (-1, 1)]
    body = {"kind": "area", "plane": "axial", "points": volume.geometry.to_patient(np.array(ends)).tolist()}
    area = put(client, job, "area-0001", body).json()
    sides = volume.geometry.spacing[::-1]
    expected = np.pi * half[across] * sides[across] * half[down] * sides[down] / 100.0
    assert (area["value"], area["unit"]) == (pytest.approx(expected, rel=1e-6), "cm2")
    found = area["statistics"]
    assert found["voxels"] == len(values) > 40
    assert found["mean"] == pytest.approx(values.mean(), rel=1e-9)
    assert found["deviation"] == pytest.approx(values.std(), rel=1e-9)
    assert (found["least"], found["most"]) == (values.min(), values.max())


def test_an_area_outside_the_scan_has_no_statistics(client, job):
    points = [[-1e4, -9e3, 0], [-1e4 + 10, -9e3, 0], [-1e4 + 5, -9e3 - 5, 0], [-1e4 + 5, -9e3 + 5, 0]]
    area = put(client, job, "area-0001", {"kind": "area", "plane": "axial", "points": points}).json()
    assert (area["value"], area["statistics"]) == (pytest.approx(np.pi * 25 / 100), None)


def test_a_polygon_on_surfaces_has_the_length_of_its_vector_area(client, job):
    flat = put(client, job, "polygon-1", POLYGON).json()
    assert (flat["value"], flat["unit"], flat["statistics"]) == (pytest.approx(12.0), "cm2", None)
    turn = rotation((0.4, -0.7, 1.1))
    moved = (np.array(AROUND) @ turn.T + [70.0, -300.0, 900.0]).tolist()
    assert put(client, job, "polygon-2", POLYGON | {"points": moved}).json()["value"] == pytest.approx(12.0)
    bent = [*AROUND, [-10, 20, 30]]  # its shadow on the plane across its vector area, in mm2
    corners = np.array(bent, dtype=float)
    vector = sum(np.cross(a, b) for a, b in zip(corners, np.roll(corners, -1, axis=0), strict=True)) / 2.0
    shadow = corners - np.outer(corners @ vector, vector) / (vector @ vector)
    across = np.cross(vector / np.linalg.norm(vector), [1.0, 0.0, 0.0])
    across /= np.linalg.norm(across)
    u, v = shadow @ across, shadow @ np.cross(vector / np.linalg.norm(vector), across)
    shoelace = abs(u @ np.roll(v, -1) - v @ np.roll(u, -1)) / 2.0
    found = put(client, job, "polygon-3", POLYGON | {"points": bent}).json()["value"]
    assert found == pytest.approx(shoelace / 100.0)


def test_an_arrow_has_a_text_and_no_value(client, job):
    arrow = put(client, job, "arrow-001", ARROW).json()
    assert (arrow["value"], arrow["unit"], arrow["statistics"]) == (None, None, None)
    assert (arrow["label"], arrow["points"]) == ("fissure", ARROW["points"])
    assert put(client, job, "arrow-001", ARROW | {"label": "cyst"}, arrow["etag"]).json()["label"] == "cyst"
    assert_problem(put(client, job, "arrow-002", ARROW | {"label": " "}), 422, "bad_measurement")


def test_points_that_make_no_such_shape_are_refused(client, job):
    for change in (
        {"points": [[0, 0, 0]]}, {"points": [[0, 0, 0], [0, 0, 0]]}, {"kind": "angle"},
        {"kind": "probe", "points": [[9e4, 0, 0]]},
        {"kind": "area", "points": [[0, 0, 0], [9, 0, 0], [0, 4, 0], [0, -4, 0]]},
        {"kind": "area", "points": [[-9, 0, 0], [9, 0, 0], [-4, 0, 0], [4, 0, 0]]},
        POLYGON | {"points": AROUND[:2]}, POLYGON | {"points": [[0, 0, 0], [1, 1, 1], [2, 2, 2]]},
        POLYGON | {"plane": "axial"}, ARROW | {"plane": "axial"}, ARROW | {"points": [[1, 2, 3], [1, 2, 3]]},
        {"kind": "probe", "plane": "surface", "points": [[0, 0, 0]]},
        {"kind": "area", "plane": "surface", "points": AROUND},
    ):  # fmt: skip
        assert_problem(put(client, job, "line-0001", LINE | change), 422, "bad_measurement")
    assert listed(client, job) == []


def test_other_requests_are_refused(client, job):
    for change in (
        {"kind": "volume"}, {"plane": "oblique"}, {"points": [[0, 0], [1, 1]]},
        {"points": [["0", 0, 0], [1, 0, 0]]}, {"points": [[0, 0, 1e9], [0, 0, 1]]},
        {"label": "x" * 201}, {"label": "two\nlines"}, {"label": 7}, {"points": []}, {"points": [[0, 0, 0]] * 51},
    ):  # fmt: skip
        assert_problem(put(client, job, "line-0001", LINE | change), 422, "invalid_request")


def test_two_people_lose_nothing(client, job):
    first, second = put(client, job, "line-0001", LINE).json(), put(client, job, "line-0002", LINE).json()
    assert put(client, job, "line-0001", LINE).json() == first, "a request that is sent again"
    renamed = put(client, job, "line-0001", LINE | {"label": "mine"}, first["etag"]).json()
    assert_problem(put(client, job, "line-0001", LINE | {"label": "x"}, first["etag"]), 412, "measurement_changed")
    assert_problem(put(client, job, "line-0001", LINE | {"label": "x"}), 412, "measurement_changed")
    assert listed(client, job) == [renamed, second]
    assert client.delete(f"{job}/measurements/line-0002").status_code == 204
    assert_problem(client.delete(f"{job}/measurements/line-0002"), 404, "not_found")
    assert listed(client, job) == [renamed]


def test_the_number_of_measurements_is_bounded(client, job, monkeypatch):
    monkeypatch.setattr(measurements, "MOST", 1)
    put(client, job, "line-0001", LINE)
    assert_problem(put(client, job, "line-0002", LINE), 429, "quota_measurements")


def test_nothing_is_measured_before_the_scan_is_read(client, scan):
    job_id = client.post("/v1/jobs", content=scan).json()["id"]
    assert_problem(put(client, f"/v1/jobs/{job_id}", "line-0001", LINE), 409, "not_ready")


def test_a_guest_of_the_job_reads_and_changes_nothing_and_strangers_see_nothing(client, live, stranger, job):
    put(client, job, "line-0001", LINE | {"label": "lesion 1"})
    token = client.post(f"{job}/share", json={"seconds": 600}).json()["token"]
    guest = {"Authorization": f"Bearer {token}"}
    seen = live.get(f"{job}/measurements", headers=guest).json()["items"]
    assert [one["label"] for one in seen] == ["lesion 1"]
    path = f"{job}/measurements/line-0001"
    assert live.put(path, headers=guest, json=LINE).status_code == 403
    assert live.delete(path, headers=guest).status_code == 403
    for answer in (stranger.get(f"{job}/measurements"), stranger.put(path, json=LINE), stranger.delete(path)):
        assert_problem(answer, 404, "not_found")
    assert len(listed(client, job)) == 1


def test_changes_are_in_the_audit_and_no_text_is(client, job, caplog):
    put(client, job, "line-0001", LINE | {"label": "Canary^Name"})
    client.delete(f"{job}/measurements/line-0001")
    assert client.put(f"{job}/measurements/line-0001", json=LINE | {"label": ["Canary^Name"]}).status_code == 422
    audit = client.get("/v1/audit").json()["items"]
    assert {"measure", "delete_measurement"} <= {entry["action"] for entry in audit}
    assert "Canary" not in str(audit)
    assert "Canary" not in caplog.text


def report(client, runner, job):
    work = once_requested(runner, lambda: runner.run_file(job.rsplit("/", 1)[1]))
    return while_waiting(client, f"{job}/measurements.dcm", work)


def test_the_report_has_the_list_as_it_is(client, runner, tmp_path):
    folder = write_dicom(tmp_path / "series", scan_of(), PatientID="P-7")
    with packed(folder) as path:
        job_id = client.post("/v1/jobs", content=path.read_bytes()).json()["id"]
    keep_volume(runner, job_id, read_scan(folder), tmp_path)
    job = f"/v1/jobs/{job_id}"
    put(client, job, "arrow-001", ARROW)
    assert_problem(client.get(f"{job}/measurements.dcm"), 409, "no_measurements")
    put(client, job, "line-0001", LINE | {"label": "liver"})
    first = report(client, runner, job)
    assert first.headers["content-type"] == "application/dicom"
    assert client.head(f"{job}/measurements.dcm").headers["etag"] == first.headers["etag"]
    put(client, job, "angle-001", ANGLE)
    second = report(client, runner, job)
    documents = [highdicom.sr.srread(io.BytesIO(answer.content)) for answer in (first, second)]
    names = [
        [str(group.tracking_identifier) for group in document.content.get_image_measurement_groups()]
        for document in documents
    ]
    assert names == [["liver"], ["liver", "angle-001"]]
    assert documents[0].SOPInstanceUID != documents[1].SOPInstanceUID
    assert documents[0].PatientID == "P-7"
    listed_files = client.get(job).json()["links"]
    assert "measurements.dcm" not in listed_files


def test_there_is_no_report_of_a_scan_that_was_not_dicom(client, job):
    put(client, job, "line-0001", LINE)
    assert_problem(client.get(f"{job}/measurements.dcm"), 404, "not_dicom")
