"""What was stored is found and retrieved, by dicomweb-client over a real connection and by hand."""

import io
import json
import os
import re
import subprocess
import threading
import time
from pathlib import Path

import cv2
import numpy as np
import pydicom
import pytest
import uvicorn
from dicomweb_client import DICOMwebClient
from dicomweb_client.session_utils import create_session
from pydicom.uid import ImplicitVRLittleEndian, JPEG2000Lossless, RLELossless

from services.local import free_port
from shared.imaging.phantoms import abdomen
from tests.services.api.conftest import KEY
from tests.support.scans import small_grid, write_dicom


@pytest.fixture
def dicomweb(app):
    port = free_port()
    server = uvicorn.Server(uvicorn.Config(app, host="127.0.0.1", port=port, log_level="warning"))
    thread = threading.Thread(target=server.run, daemon=True)
    thread.start()
    until = time.monotonic() + 30
    while not server.started and time.monotonic() < until:
        time.sleep(0.02)
    session = create_session()
    session.headers["Authorization"] = f"Bearer {KEY}"
    yield DICOMwebClient(f"http://127.0.0.1:{port}/dicom-web", session=session)
    server.should_exit = True
    thread.join(10)


def series_of(tmp_path, name, syntax=None, **attributes):
    given = {} if syntax is None else {"syntax": syntax}
    folder = write_dicom(tmp_path / name, abdomen(small_grid(shape=(4, 41, 48))).volume, **given, **attributes)
    return [pydicom.dcmread(path) for path in sorted(folder.iterdir())]


def test_dicomweb_client_stores_searches_and_retrieves(dicomweb, tmp_path):
    sent = series_of(tmp_path, "a", PatientName="Müller^Äda", SpecificCharacterSet="ISO_IR 192", StudyDate="20240102")
    study, series = sent[0].StudyInstanceUID, sent[0].SeriesInstanceUID
    answer = dicomweb.store_instances(sent)
    assert len(answer.ReferencedSOPSequence) == len(sent)
    found = dicomweb.search_for_studies(search_filters={"PatientName": "müller*", "StudyDate": "20240101-20240105"})
    assert [item["0020000D"]["Value"][0] for item in found] == [study]
    assert found[0]["00100010"]["Value"][0]["Alphabetic"] == "Müller^Äda"
    assert (found[0]["00201206"]["Value"], found[0]["00201208"]["Value"]) == ([1], [4])
    assert found[0]["00080061"]["Value"] == ["MR"]
    assert dicomweb.search_for_studies(search_filters={"PatientID": "nobody"}) == []
    assert dicomweb.search_for_series(study)[0]["0020000E"]["Value"] == [series]
    assert len(dicomweb.search_for_instances(study, series)) == 4
    back = dicomweb.retrieve_series(study, series)
    assert {one.SOPInstanceUID for one in back} == {one.SOPInstanceUID for one in sent}
    one = dicomweb.retrieve_instance(study, series, sent[0].SOPInstanceUID)
    assert one == sent[0]
    told = dicomweb.retrieve_series_metadata(study, series)
    assert pydicom.Dataset.from_json(told[0]).Rows == 41
    frame = dicomweb.retrieve_instance_frames(study, series, sent[1].SOPInstanceUID, [1])[0]
    assert frame == sent[1].PixelData
    picture = dicomweb.retrieve_instance_rendered(study, series, sent[1].SOPInstanceUID, media_types=("image/png",))
    assert cv2.imdecode(np.frombuffer(picture, np.uint8), cv2.IMREAD_UNCHANGED).shape[:2] == (41, 48)


@pytest.mark.parametrize("syntax", [JPEG2000Lossless, RLELossless, ImplicitVRLittleEndian])
def test_what_is_stored_otherwise_is_sent_as_it_is_or_uncompressed(client, store, tmp_path, syntax):
    plain = series_of(tmp_path, "plain")
    one = plain[0]
    pixels = one.PixelData
    if syntax == ImplicitVRLittleEndian:
        one.file_meta.TransferSyntaxUID = syntax
    else:
        one.compress(syntax)
    buffer = io.BytesIO()
    pydicom.dcmwrite(buffer, one, implicit_vr=syntax == ImplicitVRLittleEndian, little_endian=True)
    assert store([buffer.getvalue()]).status_code == 200
    here = f"/dicom-web/studies/{one.StudyInstanceUID}/series/{one.SeriesInstanceUID}/instances/{one.SOPInstanceUID}"

    def get(path, accept):
        return client.get(here + path, headers={"Accept": accept})

    asis = get("", "application/dicom; transfer-syntax=*")
    assert asis.content == buffer.getvalue()
    made = pydicom.dcmread(io.BytesIO(get("", "application/dicom").content))
    assert made.file_meta.TransferSyntaxUID == "1.2.840.10008.1.2.1"
    assert made.PixelData == pixels
    frame = get("/frames/1", 'multipart/related; type="application/octet-stream"')
    assert pixels in frame.content
    stored = get("/frames/1", 'multipart/related; type="application/octet-stream"; transfer-syntax=*')
    assert stored.status_code == 200
    assert (pixels in stored.content) == (syntax == ImplicitVRLittleEndian)
    assert get("", "application/dicom; transfer-syntax=1.2.840.10008.1.2.4.70").status_code == 406
    assert get("/frames/2", "*/*").status_code == 404
    assert get("/rendered", "image/jpeg").headers["content-type"] == "image/jpeg"


def test_searches_page_and_are_empty_with_204(client, store, files):
    assert client.get("/dicom-web/studies").status_code == 204
    store(files)
    seen = []
    for offset in range(0, 8, 2):
        answer = client.get("/dicom-web/instances", params={"limit": 2, "offset": offset})
        seen += [item["00080018"]["Value"][0] for item in answer.json()] if answer.status_code == 200 else []
        assert ("Warning" in answer.headers) == (offset < 4)
    assert len(seen) == len(set(seen)) == 6
    numbered = client.get("/dicom-web/instances", params={"InstanceNumber": "3", "includefield": "PixelSpacing"})
    assert [item["00200013"]["Value"] for item in numbered.json()] == [[3]]
    assert numbered.json()[0]["00280030"]["Value"] == [6.0, 7.0]
    odd = client.get("/dicom-web/studies", params={"PatientComments": "x"})
    assert (odd.status_code, "not all" in odd.headers["Warning"].lower()) == (200, True)
    assert client.get("/dicom-web/studies", params={"NoSuchThing": "x"}).status_code == 400
    assert client.get("/dicom-web/studies", params={"limit": "x"}).json()["code"] == "bad_query"


def test_answers_come_as_xml(client, store, files):
    store(files[:1])
    accept = {"Accept": 'multipart/related; type="application/dicom+xml"'}
    answer = client.get("/dicom-web/studies", headers=accept)
    assert answer.headers["content-type"].startswith("multipart/related")
    assert b'keyword="StudyInstanceUID"' in answer.content


def test_nobody_elses_instances_are_seen(stranger, store, files):
    store(files[:1])
    study = pydicom.dcmread(io.BytesIO(files[0])).StudyInstanceUID
    assert stranger.get("/dicom-web/studies").status_code == 204
    assert stranger.get(f"/dicom-web/studies/{study}").status_code == 404
    assert stranger.get(f"/dicom-web/studies/{study}/metadata").status_code == 404


def test_the_pages_commands_work(dicomweb, tmp_path):
    page = (Path(__file__).parents[4] / "docs" / "dicomweb.md").read_text()
    commands = re.findall(r"^\$ (curl .*)$", page, re.MULTILINE)
    assert len(commands) == 3
    dicomweb.store_instances(series_of(tmp_path, "a", PatientName="Mueller^A", StudyDate="20240102"))
    environment = os.environ | {"VISCERA_KEY": KEY, "VISCERA_URL": dicomweb.base_url.removesuffix("/dicom-web")}
    for command in commands:
        done = subprocess.run(["sh", "-c", command], env=environment, capture_output=True, check=True, timeout=60)
        told = json.loads(done.stdout)
        assert isinstance(told, list) or "items" in told
        assert told != []
