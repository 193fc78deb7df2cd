"""A scan is decoded in a child that may take only so much, and its errors arrive as they were raised."""

import gzip
import os
import shlex
import subprocess
import sys
import zlib

import nibabel as nib
import numpy as np
import pytest
from pydicom.dataset import FileMetaDataset
from pydicom.filewriter import write_file_meta_info
from pydicom.uid import DeflatedExplicitVRLittleEndian, generate_uid

from shared import sandbox
from shared.errors import BadScan, CorruptScan, NotAScan, ScanTooLarge, Unavailable
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
    assert (caught.value.code, caught.value.detail) == (
        "not_a_scan",
        "There is no DICOM, NIfTI, NRRD, MGH or PNG image in it.",
    )


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
    monkeypatch.setattr(sandbox, "GRACE", 4.0)
    with pytest.raises(CorruptScan) as caught:
        sandbox.decode(tmp_path, seconds=1.0)
    assert caught.value.code == "scan_too_slow"


def test_a_child_that_gets_no_processor_is_the_machines_fault(tmp_path, monkeypatch):
    monkeypatch.setattr(sandbox, "_COMMAND", ["-c", "import time; time.sleep(60)"])
    monkeypatch.setattr(sandbox, "GRACE", 0.5)
    with pytest.raises(Unavailable) as caught:
        sandbox.decode(tmp_path, seconds=0.5)
    assert (caught.value.code, caught.value.status) == ("busy", 503)


def test_a_memory_limit_of_the_shell_is_kept(tmp_path):
    scan = write_nifti(tmp_path / "scan.nii", abdomen(small_grid()).volume)
    program = "import sys; from shared import sandbox; print(sandbox.decode(sys.argv[1]).data.shape)"
    command = shlex.join([sys.executable, "-P", "-c", program, str(scan)])
    enough = subprocess.run(
        ["bash", "-c", f"ulimit -v 16777216; {command}"], capture_output=True, text=True, check=False
    )
    assert enough.stdout == "(12, 40, 48)\n", enough.stderr


def test_a_limit_of_the_shell_that_is_too_low_is_blamed_and_not_the_scan(tmp_path, monkeypatch):
    nib.save(nib.Nifti1Image(np.zeros((512, 512, 400), np.int16), np.eye(4)), tmp_path / "large.nii")  # 200 MiB
    program = (
        "import resource, nibabel; from shared.sandbox import __main__ as child; import shared.imaging.formats.nifti;"
        "resource.setrlimit(resource.RLIMIT_AS, (child._mapped() + (128 << 20),) * 2); child.main()"
    )
    monkeypatch.setattr(sandbox, "_COMMAND", ["-P", "-c", program])
    with pytest.raises(Unavailable) as caught:
        sandbox.decode(tmp_path / "large.nii")
    assert caught.value.code == "memory_limit"


def test_the_child_knows_no_secret_and_starts_no_process(monkeypatch):
    for name in ("VISCERA_KEY", "VISCERA_LEDGER_URL", "AWS_SECRET_ACCESS_KEY", "ANYTHING_ELSE"):
        monkeypatch.setenv(name, "canary")
    code = (
        "import os, resource; from shared.sandbox import __main__ as child; import json;"
        "child._answer.__globals__['_read'] = lambda _: {'environment': dict(os.environ),"
        " 'processes': resource.getrlimit(resource.RLIMIT_NPROC)[0],"
        " 'file': resource.getrlimit(resource.RLIMIT_FSIZE)[0]};"
        "child.main()"
    )
    monkeypatch.setattr(sandbox, "_COMMAND", ["-P", "-c", code])
    told = sandbox._ask({"path": "x", "spacing": None, "out": None}, 20.0)
    assert "canary" not in told["environment"].values()
    assert set(told["environment"]) <= {
        *sandbox._KEPT,
        *sandbox._SINGLE_THREAD,
        "PYTHONPATH",
        "PYTHONWARNINGS",
        "LC_CTYPE",
    }
    assert told["processes"] == 0
    assert 0 < told["file"] <= 16 * 2**30
