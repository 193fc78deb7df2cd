"""A study leaves without anything personal, its references intact, or not at all."""

import io
import zipfile

import pydicom

from tests.support.multipart import with_uid


def test_an_export_holds_nothing_personal(client, store, files, stranger):
    sent = [with_uid(file, PatientName="CANARY^A", PatientID="CANARY", AccessionNumber="CANARY") for file in files]
    store(sent)
    first = pydicom.dcmread(io.BytesIO(sent[0]))
    url = f"/v1/dicom/studies/{first.StudyInstanceUID}/deidentified.zip"
    assert stranger.get(url).status_code == 404
    answer = client.get(url)
    with zipfile.ZipFile(io.BytesIO(answer.content)) as archive:
        made = [archive.read(name) for name in archive.namelist()]
    assert len(made) == len(files)
    assert not any(b"CANARY" in one or first.StudyInstanceUID.encode() in one for one in made)
    read = [pydicom.dcmread(io.BytesIO(one)) for one in made]
    assert len({one.StudyInstanceUID for one in read}) == len({one.FrameOfReferenceUID for one in read}) == 1
    assert len({one.SOPInstanceUID for one in read}) == len(files)
    assert {one.PixelData for one in read} == {pydicom.dcmread(io.BytesIO(file)).PixelData for file in files}


def test_burned_in_annotations_are_not_exported(client, store, files):
    store([with_uid(files[0], BurnedInAnnotation="YES")])
    study = pydicom.dcmread(io.BytesIO(files[0])).StudyInstanceUID
    answer = client.get(f"/v1/dicom/studies/{study}/deidentified.zip")
    assert (answer.status_code, answer.json()["code"]) == (422, "burned_in_annotation")


def test_a_study_is_erased_with_its_jobs_and_bytes(client, store, files, stranger, settings):
    store(files)
    first = pydicom.dcmread(io.BytesIO(files[0]))
    client.post(f"/v1/dicom/series/{first.SeriesInstanceUID}/close")
    url = f"/v1/dicom/studies/{first.StudyInstanceUID}"
    assert stranger.delete(url).status_code == 404
    assert client.delete(url).status_code == 204
    assert client.get("/v1/jobs").json()["items"] == []
    assert client.get("/dicom-web/studies").status_code == 204
    assert not [path for path in (settings.spool.parent / "store").rglob("*") if path.is_file()]
    assert client.delete(url).status_code == 404
