"""A scan is decoded in a child that may take only so much, and its errors arrive as they were raised."""

import gzip
import os
import zlib

import nibabel as nib
import numpy as np
import pytest
from pydicom.dataset import FileMetaDataset
from pydicom.filewriter import write_file_meta_info
from pydicom.uid import DeflatedExplicitVRLittleEndian, generate_uid

from shared import sandbox
from shared.errors import BadScan, CorruptScan, NotAScan, ScanTooLarge
from shared.imaging.formats import read_scan
from shared.imaging.phantoms import abdomen
from tests.support.scans import MR, small_grid, write_nifti


def test_decode_gives_what_the_reader_gives(tmp_path):
    path = write_nifti(tmp_path / "a.nii.gz", abdomen(small_grid()).volume)
    here, there = read_scan(path), sandbox.decode(path)
    assert np.array_equal(here.data, there.data)
    assert here.geometry == there.geometry
    assert (here.modality, here.source, here.warnings) == (there.modality, there.source, there.warnings)


def test_inspect_reads_no_voxels(tmp_path):
    path = write_nifti(tmp_path / "a.nii", abdomen(small_grid()).volume)
    os.truncate(path, 400)
    assert sandbox.inspect(path).shape == (12, 40, 48)
    with pytest.raises(CorruptScan):
        sandbox.decode(path)


def test_errors_keep_their_class_code_and_sentence(tmp_path):
    (tmp_path / "a.txt").write_text("nothing")
    with pytest.raises(NotAScan) as caught:
        sandbox.decode(tmp_path / "a.txt")
    assert (caught.value.code, caught.value.detail) == ("not_a_scan", "There is no DICOM, NIfTI or PNG image in it.")


def test_a_scan_that_takes_more_memory_than_it_declares_is_stopped(tmp_path):
    header = nib.Nifti1Header()
    header.set_data_shape((8, 8, 8))
    header.set_data_dtype(np.int16)
    header["vox_offset"] = 2_000_000_000
    (tmp_path / "a.nii.gz").write_bytes(gzip.compress(header.binaryblock + b"\0" * 3_000_000))
    with pytest.raises(BadScan):
        sandbox.decode(tmp_path / "a.nii.gz")


def test_a_deflated_bomb_meets_the_memory_limit(tmp_path):
    meta = FileMetaDataset()
    meta.MediaStorageSOPClassUID, meta.MediaStorageSOPInstanceUID = MR, generate_uid()
    meta.TransferSyntaxUID = DeflatedExplicitVRLittleEndian
    with (tmp_path / "bomb.dcm").open("wb") as file:
        file.write(b"\0" * 128 + b"DICM")
        write_file_meta_info(file, meta)
        packer = zlib.compressobj(9, wbits=-15)
        for _ in range(700):
            file.write(packer.compress(b"\0" * 2**20))
        file.write(packer.flush())
    with pytest.raises(ScanTooLarge) as caught:
        sandbox.inspect(tmp_path / "bomb.dcm")
    assert caught.value.code == "scan_too_large"


def test_a_child_that_dies_is_the_scans_fault_not_ours(tmp_path, monkeypatch):
    monkeypatch.setattr(sandbox, "_COMMAND", ["-c", "import os; os.kill(os.getpid(), 11)"])
    with pytest.raises(CorruptScan) as caught:
        sandbox.decode(tmp_path)
    assert caught.value.code == "decoder_crashed"


def test_a_child_that_loops_is_stopped(tmp_path, monkeypatch):
    monkeypatch.setattr(sandbox, "_COMMAND", ["-c", "while True: pass"])
    monkeypatch.setattr(sandbox, "GRACE", 0.5)
    with pytest.raises(CorruptScan) as caught:
        sandbox.decode(tmp_path, seconds=1.0)
    assert caught.value.code == "scan_too_slow"
