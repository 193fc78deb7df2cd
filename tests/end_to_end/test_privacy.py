"""Nothing personal leaves the stored original, and nothing of it stays once it is erased, refused or interrupted."""

import gzip
import io
import sqlite3
import time
import zipfile
from contextlib import closing

import httpx
import numpy as np
import psutil
import pydicom
import pytest
import redis
from pydicom.datadict import DicomDictionary

from services.local import LocalSystem
from shared.imaging.phantoms import abdomen, default_grid
from tests.support.multipart import content_type, multipart
from tests.support.scans import small_grid, write_dicom, write_zip
from tests.support.waiting import until
from viscera_client import ServiceError

TOKEN = "CANARY7F3A"
PERSONAL = {
    "PatientName": f"{TOKEN}^Name", "PatientID": f"{TOKEN}ID", "PatientBirthDate": "19010203", "AccessionNumber": TOKEN,
    "SeriesDescription": f"{TOKEN} series", "StudyDescription": f"{TOKEN} study", "InstitutionName": TOKEN,
    "ReferringPhysicianName": f"{TOKEN}^Doctor", "PatientComments": TOKEN, "ProtocolName": TOKEN, "StationName": TOKEN,
}  # fmt: skip


NEEDED = {
    "Modality", "PhotometricInterpretation", "ImageType", "SpecificCharacterSet", "LossyImageCompression",
    "PixelPresentation", "PatientName", "PatientID", "RescaleType", "BurnedInAnnotation",
}  # fmt: skip
"""Attributes that say how to read the pixels, and two that are set above."""
TEXT = {"AE", "CS", "LO", "LT", "PN", "SH", "ST", "UC", "UR", "UT"}


def fill(folder):
    """Every attribute of the standard that holds text, a private one, and one deep in a sequence, with the token."""
    for path in folder.iterdir():
        data = pydicom.dcmread(path)
        for tag, (kind, _, _, retired, keyword) in DicomDictionary.items():
            if (
                kind in TEXT
                and not retired
                and keyword not in NEEDED
                and 0x0008 <= tag >> 16 < 0x0070
                and tag not in data
            ):
                data.add_new(tag, kind, TOKEN)
        data.private_block(0x0099, TOKEN, create=True).add_new(1, "LO", TOKEN)
        inner = pydicom.Dataset()
        inner.PersonName, inner.InstitutionName = f"{TOKEN}^Deep", TOKEN
        data.PersonIdentificationCodeSequence = [inner]
        data.save_as(path)
    assert sum(TOKEN in str(element.value) for element in data) > 800
    return folder


def contents(path):
    """A file's bytes, and what its gzip or zip wrapping holds."""
    raw = path.read_bytes()
    yield raw
    if raw.startswith(b"\x1f\x8b"):
        yield gzip.decompress(raw)
    if raw.startswith(b"PK"):
        with zipfile.ZipFile(path) as archive:
            yield from (archive.read(name) for name in archive.namelist())


def test_names_in_headers_and_files_stay_in_the_sealed_original(system, client, tmp_path):
    series = write_dicom(tmp_path / f"{TOKEN}_folder", abdomen(default_grid(slices=24, side=96)).volume, **PERSONAL)
    fill(series)
    for file in series.iterdir():
        file.rename(file.with_name(f"{TOKEN}_{file.name}"))
    assert TOKEN.encode() in next(series.iterdir()).read_bytes()
    job = client.submit(series, filename=f"{TOKEN}.zip")
    client.wait(job.id)
    key = {"Authorization": f"Bearer {system.key}"}
    handed = httpx.get(f"{system.url}/v1/jobs/{job.id}/segmentation.dcm", headers=key, timeout=60.0)
    assert pydicom.dcmread(io.BytesIO(handed.content)).PatientID == PERSONAL["PatientID"], "it is filled in on the way"
    with pytest.raises(ServiceError) as caught:
        client.submit(write_dicom(tmp_path / TOKEN, abdomen(default_grid(8, 16)).volume, PixelSpacing=None, **PERSONAL))
    assert TOKEN not in caught.value.detail
    seen = 0
    for path in sorted(system.data.rglob("*")):
        assert TOKEN not in path.name
        if path.is_file() and path.name != "original":
            seen += 1
            assert all(TOKEN.encode() not in content for content in contents(path)), path.name
    assert seen > 10
    assert TOKEN not in httpx.get(f"{system.url}/metrics", headers=key, timeout=60.0).text
    assert TOKEN not in httpx.get(f"{system.url}/v1/audit?limit=1000", headers=key, timeout=60.0).text
    broker = redis.Redis.from_url(system.children[0].environment["VISCERA_BROKER_URL"])
    assert all(TOKEN.encode() not in broker.dump(name) for name in broker.scan_iter())


# What is erased, refused or interrupted leaves nothing on the disk.

PIXELS = np.frombuffer(b"PIXELCANARY7F3A!" * 2, dtype="<u2") & 0x3FFF
"""Grey levels of one row of each slice, which no phantom has."""
TRACES = [TOKEN.encode(), TOKEN.encode("utf-16-le"), PERSONAL["PatientBirthDate"].encode()] + [
    order.astype(kind).tobytes() for order in (PIXELS, PIXELS[::-1]) for kind in ("<i2", "<f4", "<f8")
]
SECONDS = 45.0


@pytest.fixture(scope="module")
def place(tmp_path_factory):
    """A folder with everything that the processes write: their data, their temporary files, armed faults."""
    folder = tmp_path_factory.mktemp("place")
    (folder / "tmp").mkdir()
    return folder


@pytest.fixture(scope="module")
def watched(place, tmp_path_factory):
    """A system of real processes whose every file can be looked at."""
    faults = tmp_path_factory.mktemp("faults")
    settings = {
        "TMPDIR": place / "tmp", "VISCERA_FAULTS": faults, "VISCERA_LEASE_SECONDS": 4,
        "VISCERA_SERIES_QUIET_SECONDS": 0.5,
    }  # fmt: skip
    with pytest.MonkeyPatch.context() as patch:
        for name, value in settings.items():
            patch.setenv(name, str(value))
        with LocalSystem(place / "data", calm=1.0) as running:
            running.wait_ready()
            yield running, faults


@pytest.fixture
def http(watched):
    headers = {"Authorization": f"Bearer {watched[0].key}"}
    with httpx.Client(base_url=watched[0].url, headers=headers, timeout=60.0) as made:
        yield made


def patient(folder):
    """A small series with the token in its texts and the grey levels above in every slice."""
    write_dicom(folder, abdomen(small_grid()).volume, **PERSONAL)
    for path in folder.iterdir():
        data = pydicom.dcmread(path)
        pixels = data.pixel_array.copy()
        pixels[0, : len(PIXELS)] = PIXELS
        data.PixelData = pixels.astype("<i2").tobytes()
        data.save_as(path)
    return folder


def traces(system, place):
    """The files, and keys of the broker, that still have something of the patient."""
    found = {
        str(path.relative_to(place))
        for path in place.rglob("*")
        if path.is_file() and (TOKEN in path.name or has_trace(path))
    }
    with redis.Redis.from_url(system.children[0].environment["VISCERA_BROKER_URL"]) as broker:
        found |= {name.decode() for name in broker.scan_iter() if any(t in value_of(broker, name) for t in TRACES)}
    return found


def has_trace(path):
    try:
        return any(trace in content for content in contents(path) for trace in TRACES)
    except OSError:  # deleted meanwhile
        return False


def value_of(broker, name):
    """What a key has; its dump would be compressed."""
    read = {
        b"string": broker.get, b"hash": broker.hgetall, b"set": broker.smembers,
        b"list": lambda key: broker.lrange(key, 0, -1), b"zset": lambda key: broker.zrange(key, 0, -1),
        b"none": lambda _: b"",  # deleted since the keys were listed
    }  # fmt: skip
    return repr(read[broker.type(name)](name)).encode()


def remains(system, place):
    """Traces of a patient, and whatever is in store, spool and temporary folders."""
    files = [path for folder in ("data/store", "data/spool", "tmp") for path in (place / folder).rglob("*")]
    left = {str(path.relative_to(place)) for path in files if path.is_file() and "metrics" not in str(path)}
    return left | traces(system, place)


def check_nothing_left(system, place):
    until = time.monotonic() + SECONDS
    while (left := remains(system, place)) and time.monotonic() < until:
        time.sleep(0.3)
    assert not left


def stow(http, folder):
    body = multipart([path.read_bytes() for path in sorted(folder.iterdir())])
    return http.post("/dicom-web/studies", content=body, headers={"Content-Type": content_type()})


def upload(http, folder, path):
    return http.post("/v1/jobs", content=write_zip(path, folder).read_bytes())


def in_parts(http, folder, path):
    content = write_zip(path, folder).read_bytes()
    made = http.post("/v1/scans?upload=direct", json={"bytes": len(content)}).json()
    assert http.put(made["parts"][0]["url"], content=content).status_code == 204
    scan = http.post(f"/v1/uploads/{made['upload']}/complete").json()["id"]
    return http.post("/v1/jobs", json={"scan": scan})


def ended(http, job_id):
    state = http.get(f"/v1/jobs/{job_id}?wait=20").json()["state"]
    assert state in {"queued", "running", "succeeded"}
    return state == "succeeded"


def wait_taken(faults, stage):
    """Wait until a process of the stage has done what was armed."""
    for mark in until(lambda: list(faults.glob(f"{stage}.taken-*"))):
        mark.unlink()


def test_a_crash_writes_no_core_file(watched):
    system, _ = watched
    services = [child.process.pid for child in system.children if child.name != "valkey"]
    family = [member for pid in services for member in (psutil.Process(pid), *psutil.Process(pid).children())]
    assert len(family) >= 8, "three workers with a child each, reconciler and gateway"
    assert {member.rlimit(psutil.RLIMIT_CORE) for member in family} == {(0, 0)}


@pytest.mark.timeout(150)
def test_an_erased_patient_leaves_nothing(watched, http, place, tmp_path):
    system, _ = watched
    assert stow(http, patient(tmp_path / "stow")).status_code == 200
    jobs = [upload(http, patient(tmp_path / "zip"), tmp_path / "a.zip").json()["id"]]
    jobs.append(in_parts(http, patient(tmp_path / "parts"), tmp_path / "b.zip").json()["id"])
    until(lambda: len(http.get("/v1/jobs").json()["items"]) == 3)
    for job in http.get("/v1/jobs").json()["items"]:
        until(lambda job=job: ended(http, job["id"]))
    study = http.get("/dicom-web/studies").json()[0]["0020000D"]["Value"][0]
    found = traces(system, place)
    assert sum(name.endswith("original") for name in found) >= 4, "what this test looks for is there before"
    assert any("ledger.db" in name for name in found)
    assert http.delete(f"/v1/dicom/studies/{study}").status_code == 204
    for job in jobs:
        assert http.delete(f"/v1/jobs/{job}").status_code == 204
    check_nothing_left(system, place)


@pytest.mark.timeout(200)
def test_killed_processes_leave_nothing_of_a_patient(watched, http, place, tmp_path):
    system, faults = watched
    (faults / "gateway.after-store").write_text("kill")
    with pytest.raises(httpx.TransportError):
        upload(http, patient(tmp_path / "upload"), tmp_path / "a.zip")
    assert traces(system, place)
    system.wait_ready()
    (faults / "gateway.after-store").write_text("kill")
    with pytest.raises(httpx.TransportError):
        stow(http, patient(tmp_path / "stow"))
    system.wait_ready()
    (faults / "segmenter.mid-work").write_text("kill")
    assert stow(http, patient(tmp_path / "series")).status_code == 200
    wait_taken(faults, "segmenter")
    (faults / "mesher.after-store").write_text("kill-worker")
    wait_taken(faults, "mesher")
    study = http.get("/dicom-web/studies").json()[0]["0020000D"]["Value"][0]
    assert http.delete(f"/v1/dicom/studies/{study}").status_code == 204
    check_nothing_left(system, place)


@pytest.mark.timeout(100)
def test_a_failed_transaction_leaves_nothing_of_a_patient(watched, http, place, tmp_path):
    system, _ = watched
    with closing(sqlite3.connect(place / "data" / "ledger.db")) as ledger:
        for table in ("scans", "dicom_instances"):
            ledger.execute(f"CREATE TRIGGER no_{table} BEFORE INSERT ON {table} BEGIN SELECT RAISE(ABORT, 'no'); END")
    assert upload(http, patient(tmp_path / "upload"), tmp_path / "a.zip").status_code == 500
    assert stow(http, patient(tmp_path / "stow")).status_code == 500
    check_nothing_left(system, place)
