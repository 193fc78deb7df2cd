"""STOW-RS answers as PS3.18 10.5 says, stores exactly what it claims, and makes one job per series."""

import hashlib
import io
import random
import re
from pathlib import Path
from xml.etree import ElementTree

import pydicom
import pytest

from shared import sandbox
from shared.dicom import decoding
from shared.errors import CorruptScan
from shared.ledger import jobs, open_ledger
from shared.pacs import series as work
from shared.storage.connect import open_store
from tests.support.multipart import content_type, multipart, mutate, with_uid

STORED, FAILED, REASON, WARNING = "00081199", "00081198", "00081197", "00081196"


def uids(answer, tag=STORED):
    return {item["00081155"]["Value"][0] for item in answer.json().get(tag, {}).get("Value", [])}


def uid_of(file):
    return pydicom.dcmread(io.BytesIO(file)).SOPInstanceUID


def reasons(answer):
    return [item[REASON]["Value"][0] for item in answer.json()[FAILED]["Value"]]


def quiet(settings, seconds=0.0):
    """What the reconciler does about series that are quiet."""
    ledger, bytes_store = open_ledger(settings.ledger_url), open_store(settings.store_url)
    work.close_quiet(ledger, bytes_store, settings.model_copy(update={"series_quiet_seconds": seconds}))
    ledger.close()


def test_all_is_stored(store, files, settings):
    answer = store(files)
    assert answer.status_code == 200
    assert answer.headers["content-type"] == "application/dicom+json"
    assert uids(answer) == {uid_of(file) for file in files}
    assert FAILED not in answer.json()
    kept = list((settings.spool.parent / "store").rglob("original"))
    assert {hashlib.sha256(p.read_bytes()).digest() for p in kept} == {hashlib.sha256(f).digest() for f in files}


def test_a_single_instance_may_be_the_body(client, files):
    answer = client.post("/dicom-web/studies", content=files[0], headers={"Content-Type": "application/dicom"})
    assert (answer.status_code, uids(answer)) == (200, {uid_of(files[0])})


@pytest.mark.parametrize("closing", [b"", b"\r\n", b"\r\nepilogue"])
def test_chunked_bodies_with_unquoted_boundaries_are_taken(client, files, closing):
    body = multipart(files, closing=closing)
    pieces = (body[start : start + 777] for start in range(0, len(body), 777))
    answer = client.post("/dicom-web/studies", content=pieces, headers={"Content-Type": content_type(quoted=False)})
    assert (answer.status_code, len(uids(answer))) == (200, len(files))


def test_some_fail_with_the_standards_reasons(store, files):
    foreign = with_uid(files[1], StudyInstanceUID="1.2.3")
    study = pydicom.dcmread(io.BytesIO(files[0])).StudyInstanceUID
    answer = store([files[0], foreign, b"not dicom at all", files[2][:200]], study)
    assert answer.status_code == 202
    assert uids(answer) == {uid_of(files[0])}
    assert reasons(answer) == [0xA900, 0xC000, 0xA900]


def test_none_stored_is_a_conflict(store):
    answer = store([b"x" * 300])
    assert (answer.status_code, reasons(answer)) == (409, [0xC000])
    assert STORED not in answer.json()


def test_the_same_again_is_success_and_other_bytes_are_a_warning(store, files):
    store(files[:1])
    again = store(files[:1])
    assert (again.status_code, uids(again)) == (200, {uid_of(files[0])})
    other = store([with_uid(files[0], PatientID="other")])
    assert other.status_code == 202
    assert other.json()[STORED]["Value"][0][WARNING]["Value"] == [0xB006]


def test_the_preamble_is_zeroed(store, files, settings):
    store([b"MZ" + b"\x90" * 126 + files[0][128:]])
    kept = next((settings.spool.parent / "store").rglob("original")).read_bytes()
    assert kept == b"\0" * 128 + files[0][128:]
    assert store([files[0]]).status_code == 200, "without its preamble it is the same instance"


def test_the_answer_comes_as_xml_on_request(client, files):
    headers = {"Content-Type": content_type(), "Accept": "application/dicom+xml"}
    answer = client.post("/dicom-web/studies", content=multipart(files[:1]), headers=headers)
    tree = ElementTree.fromstring(answer.content)
    found = tree.findall(".//{*}DicomAttribute[@keyword='ReferencedSOPInstanceUID']/{*}Value")
    assert [node.text for node in found] == [uid_of(files[0])]


@pytest.mark.parametrize(
    ("kind", "body", "status"),
    [
        ("multipart/form-data; boundary=x", b"", 415),
        ('multipart/related; type="application/dicom+json"; boundary=x', b"", 415),
        ("text/plain", b"", 415),
        ('multipart/related; type="application/dicom"', b"--x--", 400),
        ('multipart/related; type="application/dicom"; boundary=x', b"garbage", 400),
        ('multipart/related; type="application/dicom"; boundary=x', b"--x--", 400),
        ("application/dicom", b"", 400),
    ],
)
def test_other_bodies_are_refused(client, kind, body, status):
    answer = client.post("/dicom-web/studies", content=body, headers={"Content-Type": kind})
    assert answer.status_code == status
    assert answer.headers["content-type"] == "application/problem+json"


def test_without_a_key_nothing_is_stored(app, client, files):
    answer = client.post(
        "/dicom-web/studies", content=files[0], headers={"Content-Type": "application/dicom", "Authorization": "x"}
    )
    assert (answer.status_code, answer.json()["code"]) == (401, "unauthorized")


def test_many_posts_make_one_series_and_one_job(store, files, client, settings):
    for file in files:
        store([file])
    store(files)
    quiet(settings, 60.0)
    assert client.get("/v1/jobs").json()["items"] == [], "it is not quiet yet"
    quiet(settings)
    quiet(settings)
    made = client.get("/v1/jobs").json()["items"]
    assert len(made) == 1
    seen = client.get("/v1/dicom/series").json()["items"]
    assert [(s["state"], s["instances"], s["attempts"]) for s in seen] == [
        ("closed", 6, [{"job": made[0]["id"], "attempt": 1, "instances": 6}])
    ]


def test_late_instances_start_a_new_attempt(store, files, client, settings):
    store(files[:4])
    quiet(settings)
    store(files)
    quiet(settings)
    seen = client.get("/v1/dicom/series").json()["items"][0]
    assert [(a["attempt"], a["instances"]) for a in seen["attempts"]] == [(1, 4), (2, 6)]


@pytest.mark.parametrize(
    ("attributes", "reason"),
    [
        ({"ImageType": ["ORIGINAL", "PRIMARY", "LOCALIZER"]}, "localizer"),
        ({"ImageType": ["DERIVED", "SECONDARY"]}, "derived"),
        ({"SOPClassUID": "1.2.840.10008.5.1.4.1.1.88.33"}, "not_mr_or_ct_images"),
    ],
)
def test_unsuited_series_are_stored_but_not_run(store, files, client, settings, attributes, reason):
    store([with_uid(file, **attributes) for file in files])
    quiet(settings)
    seen = client.get("/v1/dicom/series").json()["items"][0]
    assert (seen["state"], seen["reason"], seen["attempts"]) == ("unsuited", reason, [])
    assert client.get("/v1/jobs").json()["items"] == []


def test_a_series_is_closed_on_request_and_belongs_to_its_tenant(store, files, client, stranger):
    store(files)
    series = pydicom.dcmread(io.BytesIO(files[0])).SeriesInstanceUID
    assert stranger.post(f"/v1/dicom/series/{series}/close").status_code == 404
    answer = client.post(f"/v1/dicom/series/{series}/close")
    assert (answer.status_code, answer.json()["state"]) == (200, "closed")
    assert client.post(f"/v1/dicom/series/{series}/close").json()["code"] == "series_not_open"
    assert stranger.get("/v1/jobs").json()["items"] == []


def test_erasing_the_job_erases_the_series(store, files, client, settings):
    store(files)
    series = pydicom.dcmread(io.BytesIO(files[0])).SeriesInstanceUID
    job = client.post(f"/v1/dicom/series/{series}/close").json()["attempts"][0]["job"]
    assert client.delete(f"/v1/jobs/{job}").status_code == 204
    assert client.get("/v1/dicom/series").json()["items"] == []
    with open_ledger(settings.ledger_url).read() as connection:
        left = connection.exec_driver_sql("SELECT count(*) FROM dicom_studies").scalar()
        doomed = connection.exec_driver_sql("SELECT prefix FROM doomed").scalars().all()
    assert left == 0
    assert sum(prefix.startswith("dicom/") for prefix in doomed) == 6


@pytest.mark.parametrize("seed", range(3))
def test_mutated_bodies_never_bring_it_down(client, files, monkeypatch, seed):
    """A short run of `bench/stow_fuzz.py`; the decoder runs in this process, its limits aside."""
    monkeypatch.setattr(sandbox, "call", lambda name, *_, **given: getattr(decoding, name)(lambda _: None, **given))
    rng = random.Random(seed)
    body = multipart(files[:2])
    for _ in range(60):
        answer = client.post("/dicom-web/studies", content=mutate(rng, body), headers={"Content-Type": content_type()})
        assert answer.status_code in (200, 202, 400, 409), answer.text
        assert re.fullmatch(r"application/(dicom|problem)\+json", answer.headers["content-type"])


def test_jobs_of_other_sources_have_no_dicom(client, scan):
    job = client.post("/v1/jobs", content=scan, headers={"Content-Type": "application/gzip"}).json()["id"]
    answer = client.get(f"/v1/jobs/{job}/segmentation.dcm")
    assert (answer.status_code, answer.json()["code"]) == (404, "not_dicom")


def test_a_job_without_an_organ_has_no_segmentation(store, files, client, settings):
    store(files)
    series = pydicom.dcmread(io.BytesIO(files[0])).SeriesInstanceUID
    job = client.post(f"/v1/dicom/series/{series}/close").json()["attempts"][0]["job"]
    assert client.get(f"/v1/jobs/{job}/segmentation.dcm").json()["code"] == "not_ready"
    with open_ledger(settings.ledger_url).write() as connection:
        jobs.end(connection, job, "succeeded")
    answer = client.get(f"/v1/jobs/{job}/segmentation.dcm")
    assert (answer.status_code, answer.json()["code"]) == (409, "no_organs")


def test_what_is_personal_lies_where_the_page_says_and_goes_with_the_study(store, files, client, settings, caplog):
    sent = [with_uid(file, PatientName="CANARY^A", PatientID="CANARY", StudyDescription="CANARY") for file in files]
    store(sent)
    series = pydicom.dcmread(io.BytesIO(sent[0])).SeriesInstanceUID
    job = client.post(f"/v1/dicom/series/{series}/close").json()["attempts"][0]["job"]
    client.get("/dicom-web/studies", params={"PatientName": "CANARY*"})
    assert "CANARY" not in caplog.text
    assert holders(settings) == {"dicom_studies", "dicom_workitems"}
    client.delete(f"/v1/jobs/{job}")
    assert holders(settings) == set()


def holders(settings):
    """The tables that hold something personal."""
    with open_ledger(settings.ledger_url).read() as connection:
        tables = connection.exec_driver_sql("SELECT name FROM sqlite_master WHERE type = 'table'").scalars().all()
        return {
            table
            for table in tables
            if any("CANARY" in str(row) for row in connection.exec_driver_sql(f"SELECT * FROM {table}").all())
        }


def test_an_instance_that_brings_the_decoder_down_harms_no_other(store, files, monkeypatch):
    real = sandbox.call

    def fragile(name, *seconds, files):
        if any(b"KILLER" in Path(path).read_bytes() for path, _ in files):
            raise CorruptScan("The scan brought its decoder down.", "decoder_crashed")
        return real(name, *seconds, files=files)

    monkeypatch.setattr(sandbox, "call", fragile)
    answer = store([files[0], with_uid(files[1], PatientID="KILLER"), files[2]])
    assert (answer.status_code, reasons(answer)) == (202, [0xC000])
    assert uids(answer) == {uid_of(files[0]), uid_of(files[2])}
