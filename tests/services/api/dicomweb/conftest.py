import pytest

from shared.imaging.phantoms import abdomen
from tests.support.multipart import content_type, multipart
from tests.support.scans import small_grid, write_dicom


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
