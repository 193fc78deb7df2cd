"""An instance that a tenant already has is known again; another one under its UID is not taken for it."""

import pydicom
import pytest

from shared.imaging.phantoms import abdomen
from shared.intake.instances import same_data_set
from tests.support.scans import small_grid, write_dicom


@pytest.fixture
def path(tmp_path):
    return next(write_dicom(tmp_path / "scan", abdomen(small_grid(shape=(2, 20, 24))).volume).iterdir())


def copy(path, name, change):
    dataset = pydicom.dcmread(path)
    change(dataset)
    dataset.save_as(path.with_name(name))
    return path.with_name(name)


def test_another_senders_file_meta_information_makes_no_other_instance(path):
    other = copy(path, "other", lambda d: setattr(d.file_meta, "ImplementationVersionName", "ANOTHER_ONE"))
    assert other.read_bytes() != path.read_bytes()
    assert same_data_set(path, other)


@pytest.mark.parametrize("name", ["value", "longer", "shorter", "no meta", "empty"])
def test_every_other_difference_does(path, name):
    other = copy(path, "other", lambda d: setattr(d, "PatientID", "another") if name == "value" else None)
    content = other.read_bytes()
    changed = {
        "longer": content + b"\0\0",
        "shorter": content[:-2],
        "no meta": content[:132] + content[144:],
        "empty": b"",
    }
    other.write_bytes(changed.get(name, content))
    assert not same_data_set(path, other)
    assert not same_data_set(other, path)
