"""Jobs on studies of one patient find each other by the Patient ID in the archive's index, within a tenant."""

import pydicom

from shared.imaging.phantoms import abdomen
from tests.services.api.test_jobs import assert_problem
from tests.support.scans import small_grid, write_dicom


def job_on(client, store, folder, date, **attributes):
    written = write_dicom(folder, abdomen(small_grid(shape=(4, 20, 24))).volume, StudyDate=date, **attributes)
    paths = sorted(written.iterdir())
    assert store([path.read_bytes() for path in paths]).status_code == 200
    series = pydicom.dcmread(paths[0]).SeriesInstanceUID
    closed = client.post(f"/v1/dicom/series/{series}/close").json()
    return closed["attempts"][0]["job"]


def found(client, job):
    items = client.get(f"/v1/dicom/jobs/{job}/same-patient").json()["items"]
    return [(item["job"], item["study_date"]) for item in items]


def test_jobs_of_one_patient_find_each_other_newest_study_first(client, store, scan, stranger, tmp_path):
    later = job_on(client, store, tmp_path / "a", "20240301", PatientID="P-7")
    earlier = job_on(client, store, tmp_path / "b", "20231105", PatientID="P-7")
    other = job_on(client, store, tmp_path / "c", "20240102", PatientID="P-8")
    unknown = job_on(client, store, tmp_path / "d", "20240102", PatientID="")
    assert found(client, earlier) == found(client, later) == [(later, "20240301"), (earlier, "20231105")]
    assert found(client, other) == [(other, "20240102")]
    uploaded = client.post("/v1/jobs", content=scan).json()["id"]
    assert found(client, unknown) == found(client, uploaded) == []
    assert_problem(stranger.get(f"/v1/dicom/jobs/{later}/same-patient"), 404, "not_found")
