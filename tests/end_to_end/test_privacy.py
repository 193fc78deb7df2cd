"""Nothing personal leaves the stored original: not in results, logs, ledger, or file names."""

import gzip
import io
import zipfile

import httpx
import pydicom
import pytest
import redis
from pydicom.datadict import DicomDictionary

from shared.errors import VisceraError
from shared.imaging.phantoms import abdomen, default_grid
from tests.support.scans import write_dicom

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
    client.wait(job["id"])
    key = {"Authorization": f"Bearer {system.key}"}
    handed = httpx.get(f"{system.url}/v1/jobs/{job['id']}/segmentation.dcm", headers=key, timeout=60.0)
    assert pydicom.dcmread(io.BytesIO(handed.content)).PatientID == PERSONAL["PatientID"], "it is filled in on the way"
    with pytest.raises(VisceraError) as caught:
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
