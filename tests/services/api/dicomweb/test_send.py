"""A result is sent to a destination when somebody asks for it, also that of an uploaded scan."""

import numpy as np
import pytest
from sqlalchemy import select, update

from services.dicom_sender import deliver_one
from shared.artifacts import DICOM_FILES
from shared.imaging.formats import read_scan
from shared.imaging.phantoms import abdomen
from shared.imaging.volume import LabelMap
from shared.ledger.dicom import deliveries
from shared.ledger.dicom.tables import deliveries as table
from shared.ledger.tables import pending_deletes
from shared.outbound import destinations
from shared.pacs import series
from tests.services.api.conftest import outlined
from tests.services.api.test_jobs import assert_problem
from tests.services.mesher.shapes import ball, labels
from tests.services.test_dicom_sender import pacs  # noqa: F401 - a fixture
from tests.support.scans import small_grid, write_dicom
from viscera_client import packed


@pytest.fixture
def configured(settings, pacs, tmp_path):  # noqa: F811
    """A service with a destination for this tenant and one for another."""
    path = tmp_path / "destinations.toml"
    other = '[[destination]]\nname = "theirs"\nurl = "dimse://A@127.0.0.1:4242"\ntenants = ["other"]\n'
    path.write_text(f'[[destination]]\nname = "pacs"\nurl = "{pacs.url}"\n{other}')
    settings.destinations = path
    return settings


@pytest.fixture
def job(client, runner, tmp_path, configured):
    """A finished job of an uploaded DICOM scan, whose result is in no archive."""
    folder = write_dicom(tmp_path / "series", abdomen(small_grid(shape=(6, 20, 24))).volume, PatientID="P-77")
    geometry = read_scan(folder).geometry
    data = np.zeros(geometry.shape, np.uint8)
    data[1:4, 5:12, 4:14] = 1
    with packed(folder) as path:
        made = outlined(client, runner, tmp_path, path.read_bytes(), LabelMap(data, geometry), "dicom")
    runner.run(made)
    return made


def send(client, job, name="pacs"):
    return client.post(f"/v1/jobs/{job}/deliveries", json={"destination": name})


def published(runner, settings):
    """Write every DICOM file that is due, and add the results that are requested to their studies."""
    series.publish(runner.ledger, runner.store, settings)
    for _ in DICOM_FILES:
        runner.run_file("")
    return series.publish(runner.ledger, runner.store, settings)


def state(client, job):
    [item] = client.get(f"/v1/dicom/deliveries?job={job}").json()["items"]
    return item["state"]


def test_the_destinations_of_the_tenant_are_named_and_no_address(client, stranger, configured):
    assert client.get("/v1/dicom/destinations").json() == {"items": [{"name": "pacs", "protocol": "DICOMweb"}]}
    names = [(item["name"], item["protocol"]) for item in stranger.get("/v1/dicom/destinations").json()["items"]]
    assert names == [("pacs", "DICOMweb"), ("theirs", "DIMSE")]


def test_the_result_of_an_uploaded_scan_is_written_sent_sent_again_and_erased(client, runner, job, configured, pacs):  # noqa: F811
    answer = send(client, job)
    assert (answer.status_code, answer.json()["state"], answer.json()["destination"]) == (202, "pending", "pacs")
    known = destinations.load(configured.destinations)
    assert deliver_one(runner.ledger, runner.store, known) is False, "it waits for its files"
    assert_problem(client.post(f"/v1/dicom/deliveries/{answer.json()['id']}/retry"), 409, "delivery_state")
    assert published(runner, configured) == [job]
    with runner.ledger.write() as connection:
        once = sorted(deliveries.contents(connection, job))
        connection.execute(update(table).values(due=None))  # as a second process saw it
    series.publish(runner.ledger, runner.store, configured)
    with runner.ledger.read() as connection:
        assert (sorted(deliveries.contents(connection, job)), deliveries.waiting(connection)) == (once, [])
    assert deliver_one(runner.ledger, runner.store, known) is True
    [(path, _, body)] = pacs.requests
    assert path == "/studies"
    assert body.count(b"DICM") == len(DICOM_FILES)
    assert body.count(b"P-77") >= len(DICOM_FILES), "with the patient, as every file that leaves"
    assert [item["action"] for item in client.get("/v1/audit").json()["items"]].count("send") == 1
    with runner.ledger.write() as connection:
        connection.execute(update(table).values(state="delivered", due=None))
    assert send(client, job).json()["state"] == "pending"
    assert deliver_one(runner.ledger, runner.store, known) is True
    assert len(pacs.requests) == 2
    send(client, job)
    assert client.delete(f"/v1/jobs/{job}").status_code == 204
    assert deliver_one(runner.ledger, runner.store, known) is False
    assert client.get("/dicom-web/studies").status_code == 204
    with runner.ledger.read() as connection:
        scheduled = list(connection.execute(select(pending_deletes.c.prefix)).scalars())
    stored = {key.rpartition("/")[0] + "/" for key in list(runner.store.keys()) if key.startswith("dicom/")}
    assert len(stored) == len(DICOM_FILES)
    assert stored <= set(scheduled), "the reconciler deletes them"


def test_files_that_cannot_be_written_end_the_delivery(client, runner, job, configured, monkeypatch):
    monkeypatch.setattr(series, "_are_written", lambda *_: True)
    send(client, job)
    series.publish(runner.ledger, runner.store, configured)
    assert state(client, job) == "failed"
    assert client.get(f"/v1/dicom/deliveries?job={job}").json()["items"][0]["error"] == "The result has no DICOM files."


def test_what_cannot_be_sent_is_refused(client, stranger, live, runner, tmp_path, scan, job, configured):
    plain = outlined(client, runner, tmp_path, scan, labels(ball((20, 24, 28), (10, 12, 14), 7)))
    assert_problem(send(client, plain), 409, "not_ready")
    runner.run(plain)
    assert_problem(send(client, job, "theirs"), 404, "not_found")
    assert_problem(send(stranger, job), 404, "not_found")
    assert_problem(send(client, plain), 404, "not_dicom")
    assert_problem(client.post(f"/v1/jobs/{job}/deliveries", json={"url": "http://x"}), 422, "invalid_request")
    token = client.post(f"/v1/jobs/{job}/share", json={"seconds": 600}).json()["token"]
    guest = {"Authorization": f"Bearer {token}"}
    refused = live.post(f"/v1/jobs/{job}/deliveries", json={"destination": "pacs"}, headers=guest)
    assert refused.status_code == 403
    assert live.get("/v1/dicom/destinations", headers=guest).status_code == 403
