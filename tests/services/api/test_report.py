"""The report of a result as PDF, read back with another library."""

import io
import threading

import cv2
import numpy as np
import pytest
from pypdf import PdfReader

from services.api import on_request
from services.api.report.content import Content, Measurements, OrganFacts
from services.api.report.layout import to_pdf
from services.api.report.words import GERMAN, WARNINGS, preferred
from services.api.schemas import time_of
from services.mesher.report import SENTENCES
from shared.artifacts import KeyPicture, unpack_pictures
from shared.imaging.formats import read_scan
from shared.imaging.phantoms import abdomen
from shared.imaging.pictures import slice_jpeg
from shared.imaging.volume import ORGANS, LabelMap
from shared.ledger import api_keys, jobs
from tests.services.api.conftest import outlined
from tests.services.api.test_jobs import assert_problem
from tests.support.scans import small_grid, write_dicom
from viscera_client import packed


def text_of(pdf):
    return " ".join(" ".join(page.extract_text() for page in PdfReader(io.BytesIO(pdf)).pages).split())


def pictures_of(pdf):
    return [image for page in PdfReader(io.BytesIO(pdf)).pages for image in page.images]


def report(client, runner, job, query=""):
    """The answer to a request for the report, while the worker writes what is requested."""
    answers = []
    thread = threading.Thread(target=lambda: answers.append(client.get(f"/v1/jobs/{job}/report.pdf{query}")))
    thread.start()
    while thread.is_alive():
        runner.run_file(job)
        thread.join(0.02)
    return answers[0]


@pytest.fixture
def phantom():
    return abdomen(small_grid())


@pytest.fixture
def finished(client, runner, tmp_path, phantom, scan):
    """A finished job of a scan without a patient, with three organs and its volume."""
    job = outlined(client, runner, tmp_path, scan, phantom.labels, volume=phantom.volume)
    runner.run(job)
    return job


@pytest.fixture
def of_patient(client, runner, tmp_path, phantom):
    """The same of a DICOM scan."""
    who = {"PatientName": "Müller^Jürgen", "PatientID": "P-77", "PatientBirthDate": "19610203", "PatientSex": "M"}
    folder = write_dicom(tmp_path / "series", phantom.volume, SpecificCharacterSet="ISO_IR 192", **who)
    volume = read_scan(folder)
    labels = LabelMap(phantom.labels.data, volume.geometry)
    with packed(folder) as path:
        job = outlined(client, runner, tmp_path, path.read_bytes(), labels, "dicom", volume)
    runner.run(job)
    return job


def test_it_says_what_was_measured_and_how_it_was_made(client, runner, finished):
    client.patch(f"/v1/jobs/{finished}", json={"name": "Case <7> & Söhne", "review": "accepted"})
    answer = report(client, runner, finished)
    assert (answer.status_code, answer.headers["content-type"]) == (200, "application/pdf")
    assert answer.headers["content-disposition"] == 'inline; filename="report.pdf"'
    assert (answer.headers["content-language"], answer.headers["vary"]) == ("en", "Accept-Language")
    text, measured = text_of(answer.content), client.get(f"/v1/jobs/{finished}/report.json").json()
    for organ in measured["organs"]:
        assert f"{organ['title']} {organ['volume_ml']:.1f} mL" in text
    warned = [each["detail"] for organ in measured["organs"] for each in organ["warnings"]]
    assert all(sentence in text for sentence in warned)
    for words in ("Not for diagnosis", finished, "Case <7> & Söhne", measured["software"], "1, by the algorithm"):
        assert words in text
    job = client.get(f"/v1/jobs/{finished}").json()
    when = job["reviewed_at"][:16].replace("T", " ")
    assert f"Accepted by {job['reviewed_by']}, {when} UTC" in text
    reader = PdfReader(io.BytesIO(answer.content))
    assert reader.metadata.title == f"Report on abdominal organs, {finished}"
    assert reader.trailer["/Root"]["/Lang"] == "en"


def test_each_organ_has_a_picture_of_its_largest_slice(client, runner, finished, phantom):
    pdf = report(client, runner, finished).content
    assert len(pictures_of(pdf)) == 3
    with runner.ledger.read() as connection:
        key = jobs.published(connection, finished)["pictures.zip"].key
    for picture in unpack_pictures(b"".join(runner.store.read(key))):
        areas = (phantom.labels.data == picture.label).sum(axis=(1, 2))
        assert areas[picture.slice] == areas.max()
        assert f"slice {picture.slice + 1} of {len(areas)}" in text_of(pdf)
        colour = ORGANS[picture.label - 1].colour
        assert picture.jpeg in pdf, "not compressed a second time"
        drawn = cv2.imdecode(np.frombuffer(picture.jpeg, np.uint8), cv2.IMREAD_COLOR)[:, :, ::-1].astype(int)
        assert (np.abs(drawn - colour).max(axis=2) < 60).sum() > 50, "its outline is drawn"


def test_the_patient_is_named_to_those_who_may_see_dicom_and_to_no_guest(client, live, runner, of_patient, ledger):
    client.patch(f"/v1/jobs/{of_patient}", json={"name": "Case 7"})
    assert "Müller, Jürgen · P-77 · M · born 1961-02-03" in text_of(report(client, runner, of_patient).content)
    assert "geboren 03.02.1961" in text_of(report(client, runner, of_patient, "?lang=de").content)
    token = client.post(f"/v1/jobs/{of_patient}/share", json={"seconds": 600}).json()["token"]
    keys = {"guest": token, "reader": api_keys.new_key()}
    with ledger.write() as connection:
        api_keys.add_key(connection, keys["reader"], "default", scopes=["jobs:read"])
    texts = {
        who: text_of(live.get(f"/v1/jobs/{of_patient}/report.pdf", headers={"Authorization": f"Bearer {key}"}).content)
        for who, key in keys.items()
    }
    assert all("Stomach" in text and "ller" not in text and "P-77" not in text for text in texts.values())
    assert ("Case 7" in texts["guest"], "Case 7" in texts["reader"]) == (False, True)
    assert "Review" not in texts["guest"]


def test_it_is_german_where_the_reader_is(client, runner, finished):
    german = report(client, runner, finished, "?lang=de").content
    text, reader = text_of(german), PdfReader(io.BytesIO(german))
    assert "Nicht zur Diagnose" in text
    assert reader.trailer["/Root"]["/Lang"] == "de"
    header = {"Accept-Language": "fr, de-CH;q=0.9, en;q=0.2"}
    assert client.get(f"/v1/jobs/{finished}/report.pdf", headers=header).content == german
    assert [preferred(wish) for wish in ("", "fr", "en-GB,de", "de;q=x, *", "de;q=0.1,en;q=0.9")] == [
        "en", "en", "en", "en", "en",
    ]  # fmt: skip
    assert_problem(client.get(f"/v1/jobs/{finished}/report.pdf?lang=fr"), 422, "invalid_request")


def test_every_text_and_every_warning_has_a_german_one():
    assert set(SENTENCES) == set(WARNINGS)
    assert all(text.count("{") == german.count("{") for text, german in GERMAN.items())


def test_the_same_result_gives_the_same_bytes_and_an_unchanged_one_is_not_sent_again(client, runner, finished):
    first = report(client, runner, finished)
    again = client.get(f"/v1/jobs/{finished}/report.pdf")
    assert (again.content, again.headers["etag"]) == (first.content, first.headers["etag"])
    unchanged = {"If-None-Match": first.headers["etag"]}
    assert client.get(f"/v1/jobs/{finished}/report.pdf", headers=unchanged).status_code == 304
    client.patch(f"/v1/jobs/{finished}", json={"review": "accepted"})
    assert client.get(f"/v1/jobs/{finished}/report.pdf", headers=unchanged).status_code == 200
    head = client.head(f"/v1/jobs/{finished}/report.pdf")
    assert (head.status_code, head.content) == (200, b"")


def test_it_waits_for_its_pictures_and_says_so_when_they_take_long(client, finished, monkeypatch):
    monkeypatch.setattr(on_request, "SECONDS", 0.1)
    answer = client.get(f"/v1/jobs/{finished}/report.pdf")
    assert (answer.status_code, answer.json()) == (202, {"name": "report.pdf", "state": "waiting"})
    assert answer.headers["retry-after"] == "1"
    assert_problem(client.get(f"/v1/jobs/{finished}/pictures.zip"), 404, "not_found")


def test_a_corrected_revision_has_a_report_of_its_own(client, runner, finished):
    etag = client.get(f"/v1/jobs/{finished}/labels.nii.gz").headers["etag"]
    edit = {"edits": [{"kind": "erase", "label": 1}]}
    assert client.patch(f"/v1/jobs/{finished}/labels.nii.gz", json=edit, headers={"If-Match": etag}).status_code == 202
    runner.run_file(finished)
    second = report(client, runner, finished).content
    assert "2, from revision 1, edited by" in text_of(second)
    assert "Not found: Stomach" in text_of(second)
    assert len(pictures_of(second)) == 2
    first = report(client, runner, finished, "?revision=1").content
    assert "1, by the algorithm" in text_of(first)
    links = [item["links"]["report.pdf"] for item in client.get(f"/v1/jobs/{finished}/revisions").json()["items"]]
    assert links == [f"/v1/jobs/{finished}/report.pdf?revision={number}" for number in (1, 2)]


def test_a_job_at_work_and_another_tenants_have_none(client, stranger, scan, done):
    young = client.post("/v1/jobs", content=scan).json()["id"]
    assert_problem(client.get(f"/v1/jobs/{young}/report.pdf"), 409, "not_ready")
    assert_problem(stranger.get(f"/v1/jobs/{done}/report.pdf"), 404, "not_found")
    assert client.get(f"/v1/jobs/{done}/report.pdf").status_code == 200, "without a stored volume it has no pictures"


def many(count):
    """A report with very many organs, long texts and letters that no font has."""
    warned = [{"code": code, "detail": sentence} for code, sentence in SENTENCES.items()][:6]
    organ = OrganFacts(label=1, title="W" * 300, present=True, volume_ml=12.5, surface_cm2=3.0, warnings=warned)
    titles = {label: f"器官 {label} {'W' * 300}" for label in range(1, count + 1)}
    organs = [organ.model_copy(update={"label": label, "title": title}) for label, title in titles.items()]
    pixels = np.arange(64 * 64, dtype=np.float32).reshape(64, 64)
    mask = (pixels > 2000).astype(np.uint8)
    views = [np.roll(pixels, number, axis=1) for number in range(count)]  # the same picture would be stored once
    jpegs = [slice_jpeg(view, np.eye(4), modality="MR", labels=mask, organs=ORGANS, longer=480) for view in views]
    pictures = [KeyPicture(organ.label, 3, 40, jpeg) for organ, jpeg in zip(organs, jpegs, strict=True)]
    return Content("job_x", time_of(0.0), None, Measurements(software="v", quality="light", organs=organs), pictures)


def test_a_hundred_organs_with_long_names_have_bounded_pages():
    pdf = to_pdf(many(100), "de")
    reader = PdfReader(io.BytesIO(pdf))
    assert 10 < len(reader.pages) < 60
    assert len(pictures_of(pdf)) == 100
    assert f"Seite {len(reader.pages)} von {len(reader.pages)}" in reader.pages[-1].extract_text()
    assert len(pdf) < 6_000_000


def test_letters_that_the_font_lacks_are_seen_to_be_missing():
    text = text_of(to_pdf(many(1), "en"))
    assert "�� 1" in text
    assert "器" not in text
