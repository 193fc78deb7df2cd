import io

import pydicom
import pytest

from shared.imaging.phantoms import abdomen
from tests.support.scans import small_grid, write_dicom

BOUNDARY = "b0undary"


def multipart(files, boundary=BOUNDARY, final=True, closing=b"\r\n"):
    """A multipart/related body of DICOM files."""
    body = b"".join(
        b"--" + boundary.encode() + b"\r\nContent-Type: application/dicom\r\n\r\n" + file + b"\r\n" for file in files
    )
    return body + (b"--" + boundary.encode() + b"--" + closing if final else b"")


def content_type(boundary=BOUNDARY, quoted=True):
    kind = '"application/dicom"' if quoted else "application/dicom"
    return f"multipart/related; type={kind}; boundary={boundary}"


def with_uid(file: bytes, **attributes) -> bytes:
    data = pydicom.dcmread(io.BytesIO(file))
    for name, value in attributes.items():
        setattr(data, name, value)
    data.file_meta.MediaStorageSOPInstanceUID = data.SOPInstanceUID
    out = io.BytesIO()
    data.save_as(out)
    return out.getvalue()


@pytest.fixture
def files(tmp_path) -> list[bytes]:
    """Six slices of one series."""
    folder = write_dicom(tmp_path / "series", abdomen(small_grid(shape=(6, 20, 24))).volume, StudyDate="20240102")
    return [path.read_bytes() for path in sorted(folder.iterdir())]


@pytest.fixture
def store(client):
    def send(files, study=None, **kwargs):
        url = "/dicom-web/studies" + (f"/{study}" if study else "")
        return client.post(url, content=multipart(files, **kwargs), headers={"Content-Type": content_type()})

    return send
