"""Corrected outlines of a series from a PACS are added to its study and sent back, beside the algorithm's."""

import io

import numpy as np
import pydicom
import pytest

from services.dicom_sender import deliver_one
from shared.artifacts import DICOM_FILES
from shared.imaging.formats import read_scan
from shared.imaging.volume import LabelMap
from shared.ledger import jobs
from shared.ledger.dicom import deliveries
from shared.outbound import destinations
from shared.pacs import series
from tests.services.api.conftest import outline
from tests.services.test_dicom_sender import Pacs, pacs  # noqa: F401 - a fixture


@pytest.fixture
def configured(settings, pacs, tmp_path):  # noqa: F811
    """A service that closes series at once and sends results to a DICOMweb server."""
    path = tmp_path / "destinations.toml"
    path.write_text(f'[[destination]]\nname = "pacs"\nurl = "{pacs.url}"\n')
    settings.series_quiet_seconds, settings.destinations = 0.0, path
    return settings


@pytest.fixture
def job(store, files, tmp_path, configured, runner):
    """A job on a stored series, whose first result is in the study."""
    assert store(files).status_code == 200
    (job_id,) = series.close_quiet(runner.ledger, runner.store, configured)
    geometry = read_scan(tmp_path / "series").geometry
    data = np.zeros(geometry.shape, np.uint8)
    data[1:4, 5:12, 4:14] = 1
    outline(runner, tmp_path, job_id, LabelMap(data, geometry), "dicom")
    runner.run(job_id)
    published(runner, configured)
    return job_id


def published(runner, settings):
    """Write every DICOM file that is due, and add them to the study."""
    for _ in DICOM_FILES:
        runner.run_file("")
    return series.publish(runner.ledger, runner.store, settings)


def found(client, modality):
    study = client.get("/dicom-web/studies").json()[0]["0020000D"]["Value"][0]
    listed = client.get(f"/dicom-web/studies/{study}/series?Modality={modality}").json()
    return {item["0020000E"]["Value"][0]: item["0008103E"]["Value"][0] for item in listed}


def test_a_revision_is_added_to_the_study_and_sent_back_alone(client, runner, configured, job, pacs):  # noqa: F811
    before = found(client, "SEG")
    assert len(before) == 1
    match = client.head(f"/v1/jobs/{job}/labels.nii.gz").headers["etag"]
    edits = {"edits": [{"kind": "erase", "label": 1, "slices": [3, 5]}]}
    answer = client.patch(f"/v1/jobs/{job}/labels.nii.gz", json=edits, headers={"If-Match": match})
    assert answer.status_code == 202
    assert series.publish(runner.ledger, runner.store, configured) == [], "its model is not written yet"
    runner.run_file(job)
    assert published(runner, configured) == [job]
    assert series.publish(runner.ledger, runner.store, configured) == []
    after = found(client, "SEG")
    assert len(after) == 2
    assert before.items() < after.items()
    assert {title.endswith("revision 2, edited") for title in after.values()} == {True, False}
    with runner.ledger.read() as connection:
        sent = {delivery.revision: delivery for delivery in deliveries.page(connection, "default", job_id=job)}
        contents = [deliveries.contents(connection, job, revision=number) for number in (1, 2)]
        corrected = jobs.published(connection, job, 2)["segmentation.dcm"]
    assert (set(sent), [len(pairs) for pairs in contents]) == ({1, 2}, [len(DICOM_FILES)] * 2)
    assert not {uid for _, uid in contents[0]} & {uid for _, uid in contents[1]}
    segmentation = pydicom.dcmread(io.BytesIO(b"".join(runner.store.read(corrected.key))))
    assert segmentation.SOPInstanceUID in {uid for _, uid in contents[1]}
    assert segmentation.SegmentSequence[0].SegmentAlgorithmType == "SEMIAUTOMATIC"
    listed = client.get(f"/v1/dicom/deliveries?job={job}").json()["items"]
    assert {item["revision"] for item in listed} == {1, 2}
    for _ in range(2):
        assert deliver_one(runner.ledger, runner.store, destinations.load(configured.destinations))
    bodies, expected = [body for _, _, body in pacs.requests], [{uid for _, uid in pairs} for pairs in contents]
    for number, body in enumerate(bodies):
        assert {uid for uid in expected[number] if uid.encode() in body} == expected[number]
        assert body.count(b"application/dicom") == len(DICOM_FILES)
