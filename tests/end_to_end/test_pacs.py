"""Real Orthancs forward series by their own Lua script, and get segmentation, report, contours and surfaces back."""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pydicom
import pytest
from pydicom.uid import generate_uid

from shared.imaging.formats import read_scan
from tests.services.mesher.dicom.test_dicom import overlay
from tests.support.scans import write_dicom

ROOT = Path(__file__).resolve().parent.parent.parent
CONFIGURATION = ROOT / "deploy" / "pacs" / "orthanc.json"
PLUGINS = Path("/usr/share/orthanc/plugins")
"""Where that configuration looks for the plugin; Debian has it in a package of its own."""


def missing() -> list[str]:
    """The parts of the system under test that are not installed here."""
    assert str(PLUGINS) in CONFIGURATION.read_text()
    programs = [program for program in ("Orthanc", "unshare") if shutil.which(program) is None]
    return programs if any(PLUGINS.glob("*DicomWeb*")) else [*programs, "orthanc-dicomweb"]


NAMESPACE = ["unshare", "--map-root-user", "--net"]


def whole_ct(source: Path, folder: Path) -> Path:
    """The CT example as a scanner would send it: its study, series and instances named, a patient too."""
    folder.mkdir()
    study, series = generate_uid(), generate_uid()
    for number, path in enumerate(sorted(source.iterdir())):
        data = pydicom.dcmread(path)
        data.SOPClassUID = data.file_meta.MediaStorageSOPClassUID
        data.SOPInstanceUID = data.file_meta.MediaStorageSOPInstanceUID
        data.StudyInstanceUID, data.SeriesInstanceUID = study, series
        data.PatientName, data.PatientID = "Example^CT", "CT1"
        data.save_as(folder / f"{number:04d}.dcm")
    return folder


@pytest.fixture(scope="module")
def exchanged(data, tmp_path_factory):
    if absent := missing():
        pytest.skip(f"not installed: {', '.join(absent)}")
    if subprocess.run([*NAMESPACE, "true"], check=False, capture_output=True).returncode:
        pytest.skip("network namespaces are not allowed here")
    work = tmp_path_factory.mktemp("pacs")
    scans = work / "scans"
    scans.mkdir()
    whole_ct(data / "ct" / "example_ct_dicom", scans / "ct")
    mr = read_scan(data / "uwm" / "case139_day0" / "scans")
    write_dicom(scans / "mr", mr, PatientName="Example^MR", PatientID="MR1")
    (work / "dimse").mkdir()
    write_dicom(work / "dimse" / "dimse", mr, PatientName="Example^DIMSE", PatientID="MR2")
    program = ["-P", "-m", "tests.end_to_end.pacs", str(scans), str(work / "dimse"), str(work)]
    command = [*NAMESPACE, sys.executable, *program]
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    done = subprocess.run(command, check=False, capture_output=True, text=True, timeout=290, env=environment)
    assert done.returncode == 0, done.stderr[-3000:] + (work / "orthanc.log").read_text()[-3000:]
    results = [pydicom.dcmread(path) for path in sorted(work.glob("result_*.dcm"))]
    return scans, results, json.loads((work / "state.json").read_text()), work


@pytest.mark.timeout(320)
def test_every_series_made_one_job_and_was_delivered(exchanged):
    _, _, state, _ = exchanged
    assert [job["state"] for job in state["jobs"]] == ["succeeded", "succeeded"]
    assert {d["state"] for d in state["deliveries"]} == {"delivered"}
    sources = [one for one in state["series"] if one["state"] == "closed"]
    assert [len(one["attempts"]) for one in sources] == [1, 1], "the same series sent twice makes one job"


@pytest.mark.timeout(320)
def test_a_series_sent_by_c_store_made_one_job_and_its_results_came_by_c_store(exchanged):
    state = json.loads((exchanged[3] / "dimse.json").read_text())
    assert [job["state"] for job in state["jobs"]] == ["succeeded"]
    assert [(d["destination"], d["state"]) for d in state["deliveries"]] == [("archive", "delivered")]
    sources = [one for one in state["series"] if one["state"] == "closed"]
    assert [len(one["attempts"]) for one in sources] == [1], "what was sent again, results too, makes no other job"


@pytest.mark.timeout(320)
@pytest.mark.parametrize("name", ["ct", "mr", "dimse"])
def test_the_results_in_orthanc_belong_to_their_source(exchanged, name):
    scans, results, _, work = exchanged
    folder = (work / "dimse" if name == "dimse" else scans) / name
    first = pydicom.dcmread(next(folder.iterdir()), stop_before_pixels=True)
    mine = [one for one in results if one.StudyInstanceUID == first.StudyInstanceUID]
    assert sorted(one.Modality for one in mine) == ["M3D", "M3D", "M3D", "RTSTRUCT", "SEG", "SR"]
    assert {str(one.PatientName) for one in mine} == {str(first.PatientName)}
    assert {one.PatientID for one in mine} == {first.PatientID}
    seg = next(one for one in mine if one.Modality == "SEG")
    volume = read_scan(folder)
    labels = overlay(_bytes(work, seg), volume.geometry)
    assert set(np.unique(labels)) > {0}
    assert seg.FrameOfReferenceUID == (first.get("FrameOfReferenceUID") or seg.FrameOfReferenceUID)
    if shutil.which("dciodvfy"):
        for path in work.glob("result_*.dcm"):
            checked = subprocess.run(["dciodvfy", path], capture_output=True, text=True, check=False, timeout=60)
            known = "Information Object Not found" not in checked.stderr
            assert not known or "Error" not in checked.stderr, checked.stderr


@pytest.mark.timeout(320)
def test_a_corrected_segmentation_arrives_beside_the_algorithms(exchanged):
    _, results, _, work = exchanged
    paths = {path: pydicom.dcmread(path) for path in work.glob("revised_*.dcm")}
    known = {one.SOPInstanceUID for one in results}
    (first,) = [one for one in paths.values() if one.SOPInstanceUID in known]
    (second,) = [one for one in paths.values() if one.SOPInstanceUID not in known]
    assert first.SeriesInstanceUID != second.SeriesInstanceUID
    assert second.SeriesDescription == f"{first.SeriesDescription}, revision 2, edited"
    assert first.SOPInstanceUID in {item.ReferencedSOPInstanceUID for item in second.SourceImageSequence}
    assert "SEMIAUTOMATIC" in {item.SegmentAlgorithmType for item in second.SegmentSequence}
    assert {item.SegmentAlgorithmType for item in first.SegmentSequence} == {"AUTOMATIC"}
    assert (second.PatientName, second.PatientID) == (first.PatientName, first.PatientID)
    if shutil.which("dciodvfy"):
        for path in paths:
            checked = subprocess.run(["dciodvfy", path], capture_output=True, text=True, check=False, timeout=60)
            assert "Error" not in checked.stderr, checked.stderr


def _bytes(work, dataset):
    for path in work.glob("result_*.dcm"):
        if pydicom.dcmread(path, stop_before_pixels=True).SOPInstanceUID == dataset.SOPInstanceUID:
            return path.read_bytes()
    raise AssertionError("not found")
