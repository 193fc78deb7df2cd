"""The worklist moves only as PS3.4 CC.1.1 allows, and shows every job from DICOM."""

import io
import zipfile

import pydicom
import pytest

from shared.ledger import claims, jobs, open_ledger
from shared.ledger.dicom import workitems

STATE, TRANSACTION, PROGRESS, PERFORMED = "00741000", "00081195", "00741002", "00741216"
WORKITEM = {
    "00741200": {"vr": "CS", "Value": ["HIGH"]},
    "00741204": {"vr": "LO", "Value": ["Read this"]},
    "00100010": {"vr": "PN", "Value": [{"Alphabetic": "Müller^Äda"}]},
}
HERE = "/dicom-web/workitems"


def state(name, transaction="1.2.3"):
    return {STATE: {"vr": "CS", "Value": [name]}, TRANSACTION: {"vr": "UI", "Value": [transaction]}}


def shown(client, uid):
    return client.get(f"{HERE}/{uid}").json()


@pytest.fixture
def step(client):
    answer = client.post(f"{HERE}?1.2.840.99", json=[WORKITEM])
    assert (answer.status_code, answer.headers["location"].rpartition("/")[2]) == (201, "1.2.840.99")
    return "1.2.840.99"


def test_a_workitem_is_created_found_and_retrieved(client, step, stranger):
    assert client.post(f"{HERE}?{step}", json=WORKITEM).status_code == 409
    content = shown(client, step)
    assert content[STATE]["Value"] == ["SCHEDULED"]
    assert content["00100010"]["Value"][0]["Alphabetic"] == "Müller^Äda"
    found = client.get(HERE, params={"PatientName": "Müller*", "ProcedureStepState": "SCHEDULED"}).json()
    assert [one["00080018"]["Value"] for one in found] == [[step]]
    assert client.get(HERE, params={"ProcedureStepState": "COMPLETED"}).status_code == 204
    assert stranger.get(f"{HERE}/{step}").status_code == 404
    assert stranger.get(HERE).status_code == 204


def test_it_is_claimed_updated_and_completed_by_its_holder_only(client, step):
    assert client.put(f"{HERE}/{step}/state", json=state("COMPLETED")).status_code == 409
    assert client.put(f"{HERE}/{step}/state", json=state("IN PROGRESS")).status_code == 200
    assert client.put(f"{HERE}/{step}/state", json=state("IN PROGRESS", "1.9")).status_code == 409
    assert TRANSACTION not in shown(client, step), "the holder's secret"
    done = {PERFORMED: {"vr": "SQ", "Value": [{"00404050": {"vr": "DT", "Value": ["20240101"]}}]}}
    assert client.post(f"{HERE}/{step}", json=[done]).json()["code"] == "workitem_holder"
    assert client.put(f"{HERE}/{step}/state", json=state("COMPLETED")).json()["code"] == "workitem_incomplete"
    assert client.post(f"{HERE}/{step}?1.2.3", json=[done]).status_code == 200
    assert client.put(f"{HERE}/{step}/state", json=state("COMPLETED", "1.9")).status_code == 409
    assert client.put(f"{HERE}/{step}/state", json=state("COMPLETED")).status_code == 200
    assert shown(client, step)[STATE]["Value"] == ["COMPLETED"]
    assert client.put(f"{HERE}/{step}/state", json=state("CANCELED")).status_code == 409
    assert client.post(f"{HERE}/{step}/cancelrequest").status_code == 409


def test_what_nobody_claimed_is_cancelled_on_request(client, step):
    assert client.post(f"{HERE}/{step}/cancelrequest").status_code == 202
    assert shown(client, step)[STATE]["Value"] == ["CANCELED"]


@pytest.mark.parametrize(
    ("content", "status"),
    [
        ({}, 422),
        (WORKITEM | state("IN PROGRESS"), 422),
        ("nonsense", 400),
        ({"x": 1}, 400),
        ([WORKITEM, WORKITEM], 400),
        ({"00741204": {"vr": "LO", "Value": "no list"}}, 400),
    ],
)
def test_what_is_no_workitem_is_refused(client, content, status):
    answer = client.post(HERE, json=content)
    assert (answer.status_code, answer.json()["code"]) == (status, "bad_workitem")


@pytest.fixture
def job(client, store, files):
    store(files)
    series = pydicom.dcmread(io.BytesIO(files[0])).SeriesInstanceUID
    return client.post(f"/v1/dicom/series/{series}/close").json()["attempts"][0]["job"]


def test_a_job_is_a_workitem_with_progress(client, job, settings, files):
    uid = workitems.job_uid(job)
    first = shown(client, uid)
    assert first[STATE]["Value"] == ["SCHEDULED"]
    source = pydicom.dcmread(io.BytesIO(files[0]))
    assert first["00404021"]["Value"][0]["0020000E"]["Value"] == [source.SeriesInstanceUID]
    assert first["00100020"]["Value"] == [source.PatientID]
    with open_ledger(settings.ledger_url).write() as connection:
        claim = claims.claim(connection, job, "classifier", "w")
        claims.renew(connection, claim, 0.5)
    running = shown(client, uid)
    assert running[STATE]["Value"] == ["IN PROGRESS"]
    assert running[PROGRESS]["Value"][0]["00741004"]["Value"] == [12.5]
    assert client.put(f"{HERE}/{uid}/state", json=state("IN PROGRESS")).json()["code"] == "workitem_is_job"
    assert client.post(f"{HERE}/{uid}/cancelrequest").status_code == 202
    assert client.get(f"/v1/jobs/{job}").json()["state"] == "cancelled"
    ended = shown(client, uid)
    assert ended[STATE]["Value"] == ["CANCELED"]
    assert ended[PROGRESS]["Value"][0]["0074100E"]["Value"][0]["00080100"]["Value"] == ["110513"]
    assert client.post(f"{HERE}/{uid}/cancelrequest").status_code == 409


@pytest.mark.parametrize(
    ("outcome", "code", "expected"), [("succeeded", None, "COMPLETED"), ("failed", "worker_lost", "CANCELED")]
)
def test_how_a_job_ended_is_how_its_workitem_ended(client, job, settings, outcome, code, expected):
    with open_ledger(settings.ledger_url).write() as connection:
        jobs.end(connection, job, outcome, code, "why" if code else None)
    content = shown(client, workitems.job_uid(job))
    assert content[STATE]["Value"] == [expected]
    if code:
        reason = content[PROGRESS]["Value"][0]["0074100E"]["Value"][0]
        assert reason["00080100"]["Value"] == ["110501"]


def test_erasing_a_job_erases_its_workitem(client, job):
    assert client.delete(f"/v1/jobs/{job}").status_code == 204
    assert client.get(HERE).status_code == 204


def test_a_job_of_an_uploaded_scan_from_dicom_is_a_workitem_too(client, files, scan):
    def submit(content, kind):
        return client.post("/v1/jobs", content=content, headers={"Content-Type": kind}).json()["id"]

    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as archive:
        for number, file in enumerate(files):
            archive.writestr(f"{number}.dcm", file)
    job, other = submit(packed.getvalue(), "application/zip"), submit(scan, "application/gzip")
    assert shown(client, workitems.job_uid(job))[STATE]["Value"] == ["SCHEDULED"]
    assert client.get(f"{HERE}/{workitems.job_uid(other)}").status_code == 404
