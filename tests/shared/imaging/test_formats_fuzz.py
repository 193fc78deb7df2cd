"""Damaged files of each format: a typed refusal or a volume that keeps its promises, never anything else."""

from __future__ import annotations

import io
import struct
import zipfile

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from shared.errors import BadScan
from shared.imaging.formats import Limits, open_scan
from shared.imaging.phantoms import abdomen
from tests.support.scans import small_grid, write_dicom, write_nifti, write_png, write_zip

LIMITS = Limits(files=100, inflated_bytes=2**22, voxels=2**20, side=512)
SLOW = settings(max_examples=300, deadline=None, suppress_health_check=list(HealthCheck))


@st.composite
def damage(draw) -> list[tuple[str, float, bytes]]:
    """Edits by place (a share of the length): bytes overwritten, put in, cut out, or all that follows cut off."""
    kinds = st.sampled_from(["write", "insert", "remove", "cut"])
    return draw(st.lists(st.tuples(kinds, st.floats(0, 1), st.binary(min_size=1, max_size=12)), min_size=1, max_size=6))


def apply(content: bytes, edits: list[tuple[str, float, bytes]]) -> bytes:
    for kind, share, data in edits:
        at = int(share * len(content))
        after = {"write": at + len(data), "insert": at, "remove": at + len(data), "cut": len(content)}[kind]
        content = content[:at] + (data if kind in {"write", "insert"} else b"") + content[after:]
    return content


@pytest.fixture(scope="module")
def good(tmp_path_factory) -> dict[str, bytes]:
    folder = tmp_path_factory.mktemp("good")
    volume = abdomen(small_grid(shape=(4, 16, 16))).volume
    series = write_dicom(folder / "dicom", volume)
    slices = write_png(folder / "png", volume)
    return {
        "nifti": write_nifti(folder / "scan.nii", volume).read_bytes(),
        "nifti-gz": write_nifti(folder / "scan.nii.gz", volume).read_bytes(),
        "png-zip": write_zip(folder / "png.zip", slices).read_bytes(),
        "dicom-zip": write_zip(folder / "dicom.zip", series).read_bytes(),
        "png": next(slices.rglob("*.png")).read_bytes(), "dicom": next(series.iterdir()).read_bytes(),
    }  # fmt: skip


def read(path) -> None:
    plan = volume = refusal = None
    try:
        plan = open_scan(path, limits=LIMITS)
        volume = plan.decode()
    except BadScan as error:
        refusal = error
    if refusal is not None:
        assert refusal.code
        assert refusal.detail.endswith(".")
        assert str(path) not in refusal.detail
        return
    assert volume.data.shape == plan.geometry.shape == volume.geometry.shape
    assert np.isfinite(volume.geometry.affine).all()
    assert volume.data.size <= LIMITS.voxels


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("kind", ["nifti", "nifti-gz", "png-zip", "dicom-zip"])
@SLOW
@given(edits=damage())
def test_a_damaged_file_is_refused_or_read(good, tmp_path, kind, edits):
    path = tmp_path / "scan"
    path.write_bytes(apply(good[kind], edits))
    read(path)


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("kind", ["png", "dicom"])
@SLOW
@given(edits=damage(), number=st.integers(0, 3))
def test_a_damaged_slice_among_good_ones_is_refused_or_read(good, tmp_path, kind, edits, number):
    """The zip around it is whole, so that the damage reaches the reader of the slice."""
    replace(good[f"{kind}-zip"], tmp_path / "scan.zip", number, lambda content: apply(content, edits))
    read(tmp_path / "scan.zip")


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("tag", [(0x08, 0x60), (0x18, 0x50), (0x20, 0x32), (0x20, 0x37), (0x28, 0x10), (0x28, 0x30)])
@pytest.mark.parametrize("kind", [b"D\0", b"SQ", b"OB", b"AT", b"FD"])
def test_an_attribute_whose_type_is_damaged_is_refused_or_read(good, tmp_path, tag, kind):
    """pydicom converts a value when it is first asked for, far from where the file was read."""
    start = struct.pack("<HH", *tag)

    def damaged(content: bytes) -> bytes:
        return content.replace(start + content[content.index(start) + 4 :][:2], start + kind, 1)

    replace(good["dicom-zip"], tmp_path / "scan.zip", 1, damaged)
    read(tmp_path / "scan.zip")


def replace(archive: bytes, path, number: int, change) -> None:
    source = zipfile.ZipFile(io.BytesIO(archive))
    with source, zipfile.ZipFile(path, "w") as target:
        for at, name in enumerate(source.namelist()):
            target.writestr(name, change(source.read(name)) if at == number else source.read(name))
