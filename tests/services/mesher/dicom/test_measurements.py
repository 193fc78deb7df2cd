"""The report of measurements says what and where, in the patient's space, and is valid DICOM."""

import io
import shutil
import subprocess
import warnings

import highdicom
import numpy as np
import pydicom
import pytest

from services.mesher.dicom import source
from services.mesher.dicom.measurements import list_report, principal_axes
from services.mesher.provenance import Series
from shared.dicom.identity import complete
from shared.imaging.formats import open_scan
from shared.imaging.phantoms import abdomen
from shared.ledger.measurements import Amount, Measurement, Shape
from tests.services.mesher.dicom.test_dicom import IDENTITY, NOON, ORIGIN
from tests.support.scans import small_grid, write_dicom, write_enhanced

ENDS = ((1.0, 2.0, 28.0), (4.0, 6.0, 28.0))
CORNER = ((10.0, 0.0, 14.0), (0.0, 0.0, 14.0), (0.0, 5.0, 14.0))
AXES = ((-3.0, 10.0, 14.0), (3.0, 10.0, 14.0), (0.0, 2.0, 14.0), (0.0, 18.0, 14.0))
BENT = ((0.0, 0.0, 14.0), (30.0, 0.0, 14.0), (30.0, 40.0, 20.0), (0.0, 40.0, 14.0))
FOUND = {"mean": 51.5, "deviation": 4.25, "least": 40.0, "most": 61.0, "voxels": 30}


def one(wanted, kind, points, amount, label="", actor="key_1", plane="axial"):
    return Measurement(wanted, Shape(kind, plane, points), amount, label, actor, 0.0, 1)


MEASURED = [
    one("line-0001", "length", ENDS, Amount(5.0, "mm"), "Läsion 1\x07"),
    one("angle-001", "angle", CORNER, Amount(90.0, "deg")),
    one("area-0001", "area", AXES, Amount(np.pi * 24 / 100, "cm2", FOUND), "liver"),
    one("probe-001", "probe", (AXES[0],), Amount(-12.0, "1")),
    one("polygon-1", "polygon", BENT, Amount(12.1, "cm2"), plane="surface"),
    one("arrow-001", "arrow", ENDS, None, "left out", plane="surface"),
]


def written(folder, measured=MEASURED, number=7):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        document = list_report(Series("job_1", open_scan(folder).origin), measured, number, ORIGIN)
    source.set_time(document, NOON)
    return complete(source.to_bytes(document), IDENTITY)


@pytest.fixture
def folder(tmp_path):
    return write_dicom(tmp_path / "s", abdomen(small_grid()).volume)


def groups(content):
    return highdicom.sr.srread(io.BytesIO(content)).content


def test_lengths_angles_and_values_have_their_points_in_the_patient(folder):
    content = groups(written(folder))
    frame = pydicom.dcmread(next(folder.iterdir())).FrameOfReferenceUID
    found = {}
    for group in content.get_image_measurement_groups():
        (measured,) = group.get_measurements()
        (place,) = measured.referenced_coordinates
        assert place.frame_of_reference_uid == frame
        found[group.tracking_identifier] = (
            measured.name.meaning, measured.value, measured.unit.value, place.graphic_type.value, place.value.tolist(),
        )  # fmt: skip
    assert found == {
        "Läsion 1": ("Length", 5.0, "mm", "POLYLINE", [list(point) for point in ENDS]),
        "angle-001": ("Angle", 90.0, "deg", "POLYLINE", [list(point) for point in CORNER]),
        "probe-001": ("MR signal intensity", -12.0, "1", "POINT", [list(AXES[0])]),
        "polygon-1": ("Area", 12.1, "cm2", "POLYLINE", [list(point) for point in (*BENT, BENT[0])]),
    }


def test_an_area_is_an_ellipse_with_its_longer_axis_first_and_its_statistics(folder):
    (group,) = groups(written(folder)).get_planar_roi_measurement_groups()
    assert group.tracking_identifier == "liver"
    assert group.roi.graphic_type.value == "ELLIPSE"
    ends = group.roi.value
    assert np.linalg.norm(ends[1] - ends[0]) == pytest.approx(16.0)
    assert np.linalg.norm(ends[3] - ends[2]) == pytest.approx(6.0)
    area, *statistics = group.get_measurements()
    assert (area.name.meaning, area.value, area.unit.value) == ("Area", pytest.approx(np.pi * 0.24, rel=1e-5), "cm2")
    assert [(one.derivation.meaning, one.value) for one in statistics] == [
        ("Mean", 51.5), ("Standard Deviation", 4.25), ("Minimum", 40.0), ("Maximum", 61.0),
    ]  # fmt: skip


def test_oblique_diameters_give_the_same_ellipse_by_its_axes():
    turns = np.linspace(0.0, 2.0 * np.pi, 50)
    first, second = np.array([5.0, 1.0, 0.0]), np.array([2.0, 3.0, 1.0])
    ends = principal_axes(np.stack([-first, first, -second, second]))
    major, minor = (ends[1] - ends[0]) / 2.0, (ends[3] - ends[2]) / 2.0
    assert abs(major @ minor) < 1e-9
    assert np.linalg.norm(major) > np.linalg.norm(minor)
    points = np.outer(np.cos(turns), first) + np.outer(np.sin(turns), second)
    parts = np.stack([points @ major / (major @ major), points @ minor / (minor @ minor)])
    np.testing.assert_allclose((parts**2).sum(axis=0), 1.0, atol=1e-9)


def test_it_belongs_to_the_study_and_names_images_and_person(folder):
    image = pydicom.dcmread(next(folder.iterdir()))
    document = pydicom.dcmread(io.BytesIO(written(folder)))
    assert document.StudyInstanceUID == image.StudyInstanceUID
    evidence = document.CurrentRequestedProcedureEvidenceSequence[0].ReferencedSeriesSequence[0]
    assert evidence.SeriesInstanceUID == image.SeriesInstanceUID
    assert len(evidence.ReferencedSOPSequence) == len(list(folder.iterdir()))
    assert "key_1" in str(document)
    assert document.PatientName == "Müller^Äda"
    several = written(folder, [MEASURED[0], one("line-0002", "length", ENDS, Amount(5.0, "mm"), actor="key_2")])
    assert "key_" not in str(pydicom.dcmread(io.BytesIO(several))), "a person is named where there is one"


def test_a_later_list_is_another_instance_of_the_same_series(folder):
    first, again, second = (pydicom.dcmread(io.BytesIO(written(folder, number=number))) for number in (7, 7, 8))
    assert first.SOPInstanceUID == again.SOPInstanceUID != second.SOPInstanceUID
    assert first.SeriesInstanceUID == second.SeriesInstanceUID
    assert written(folder) == written(folder)


@pytest.mark.skipif(shutil.which("dciodvfy") is None, reason="dciodvfy (dicom3tools) is not installed")
@pytest.mark.parametrize("writer", [write_dicom, write_enhanced])
def test_dciodvfy_finds_no_error(tmp_path, writer):
    path = tmp_path / "measurements.dcm"
    path.write_bytes(written(writer(tmp_path / "s", abdomen(small_grid()).volume)))
    result = subprocess.run(["dciodvfy", path], capture_output=True, text=True, check=False, timeout=60)
    assert "Error" not in result.stderr, result.stderr
