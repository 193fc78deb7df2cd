"""DICOM files of a revision say that a person edited them, refer to the algorithm's and are told apart from them."""

import io
import shutil
import subprocess
from dataclasses import replace

import numpy as np
import pydicom
import pytest

from services.mesher.outputs import Result
from services.mesher.provenance import Edit, Series
from shared.artifacts import DICOM_FILES
from shared.dicom.identity import complete
from shared.imaging.formats import open_scan, read_scan
from shared.imaging.phantoms import abdomen
from shared.imaging.volume import LabelMap
from tests.services.mesher.dicom.test_dicom import IDENTITY, NOON, ORIGIN
from tests.support.scans import small_grid, write_dicom

EDIT = Edit(revision=2, base=1, by="oidc:a^b=c", at=NOON, kinds=("relabel", "paint"), changed={1: (3, 4)})

NAME = "oidc:a_b_c^"
OBSERVER = "121008"
"""Code of Person Observer Name (PS3.16)."""


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return write_dicom(tmp_path_factory.mktemp("scan") / "s", abdomen(small_grid()).volume)


@pytest.fixture(scope="module")
def maps(folder):
    """Outlines of the algorithm, and corrected: stomach smaller, small bowel by hand, large bowel as it was."""
    found = np.zeros(read_scan(folder).data.shape, np.uint8)
    found[2:6, 5:12, 4:20], found[3:9, 20:30, 8:30] = 1, 3
    corrected = found.copy()
    corrected[2:6, 5:12, 14:20], corrected[2:4, 14:18, 4:9] = 0, 2
    return found, corrected


def written(folder, data, edit=EDIT, by_algorithm=None):
    number = edit.revision if edit else 1
    series = Series("job_1", open_scan(folder).origin, NOON, number, by_algorithm)
    label_map = LabelMap(data, read_scan(folder).geometry)
    result = Result(label_map, "light", provenance=replace(ORIGIN, edit=edit), series=lambda: series)
    files = {name: complete(result.file(name), IDENTITY) for name in DICOM_FILES}
    return {name: pydicom.dcmread(io.BytesIO(content)) for name, content in files.items()}


@pytest.fixture(scope="module")
def first(folder, maps):
    return written(folder, maps[0], edit=None)


@pytest.fixture(scope="module")
def second(folder, maps):
    return written(folder, maps[1], by_algorithm=maps[0])


def test_every_file_is_another_instance_in_another_series_and_says_so(first, second):
    for name in DICOM_FILES:
        assert first[name].SOPInstanceUID != second[name].SOPInstanceUID
        assert first[name].SeriesInstanceUID != second[name].SeriesInstanceUID
        assert second[name].SeriesDescription == f"{first[name].SeriesDescription}, revision 2, edited"
        assert "edited" not in str(first[name])


def test_a_segment_says_whether_a_person_changed_it(second):
    kinds = {item.TrackingID: item.SegmentAlgorithmType for item in second["segmentation.dcm"].SegmentSequence}
    assert kinds == {"stomach": "SEMIAUTOMATIC", "small_bowel": "MANUAL", "large_bowel": "AUTOMATIC"}
    regions = second["rtstruct.dcm"].StructureSetROISequence
    assert {item.ROIName: item.ROIGenerationAlgorithm for item in regions} == {
        "Stomach": "SEMIAUTOMATIC", "Small bowel": "MANUAL", "Large bowel": "AUTOMATIC",
    }  # fmt: skip


def test_an_organ_keeps_its_tracking_uid(first, second):
    tracked = [
        {item.TrackingID: item.TrackingUID for item in files["segmentation.dcm"].SegmentSequence}
        for files in (first, second)
    ]
    assert tracked[0].items() <= tracked[1].items()


def test_the_files_refer_to_those_of_the_algorithm(first, second):
    original = first["segmentation.dcm"]
    seg = second["segmentation.dcm"]
    assert original.SOPInstanceUID in {item.ReferencedSOPInstanceUID for item in seg.SourceImageSequence}
    series = {item.SeriesInstanceUID: item.ReferencedInstanceSequence for item in seg.ReferencedSeriesSequence}
    assert series[original.SeriesInstanceUID][0].ReferencedSOPInstanceUID == original.SOPInstanceUID
    document = second["sr.dcm"].PredecessorDocumentsSequence[0]
    assert document.StudyInstanceUID == first["sr.dcm"].StudyInstanceUID
    inside = document.ReferencedSeriesSequence[0]
    assert inside.SeriesInstanceUID == first["sr.dcm"].SeriesInstanceUID
    assert inside.ReferencedSOPSequence[0].ReferencedSOPInstanceUID == first["sr.dcm"].SOPInstanceUID
    predecessor = second["rtstruct.dcm"].PredecessorStructureSetSequence[0]
    assert predecessor.ReferencedSOPInstanceUID == first["rtstruct.dcm"].SOPInstanceUID


def test_the_files_name_who_edited(first, second):
    seg = second["segmentation.dcm"]
    assert (seg.ContentCreatorName, seg.OperatorsName) == (NAME, NAME)
    assert "relabel, paint" in seg.DerivationDescription
    items = second["sr.dcm"].ContentSequence
    people = [str(item.PersonName) for item in items if item.ConceptNameCodeSequence[0].CodeValue == OBSERVER]
    assert people == [NAME]
    assert second["rtstruct.dcm"].OperatorsName == second["stl.dcm"].OperatorsName == NAME


def test_where_the_algorithm_found_nothing_there_is_nothing_to_refer_to(folder, maps):
    files = written(folder, maps[1], by_algorithm=np.zeros_like(maps[0]))
    assert {item.SegmentAlgorithmType for item in files["segmentation.dcm"].SegmentSequence} == {"MANUAL"}
    sources = {item.ReferencedSOPClassUID for item in files["segmentation.dcm"].SourceImageSequence}
    assert files["segmentation.dcm"].SOPClassUID not in sources
    assert "PredecessorDocumentsSequence" not in files["sr.dcm"]
    assert "PredecessorStructureSetSequence" not in files["rtstruct.dcm"]


@pytest.mark.skipif(shutil.which("dciodvfy") is None, reason="dciodvfy (dicom3tools) is not installed")
def test_dciodvfy_finds_no_error(tmp_path, second):
    for name in ("segmentation.dcm", "sr.dcm", "rtstruct.dcm", "stl.dcm"):
        second[name].save_as(tmp_path / name)
        result = subprocess.run(["dciodvfy", tmp_path / name], capture_output=True, text=True, check=False, timeout=60)
        assert "Error" not in result.stderr, result.stderr
