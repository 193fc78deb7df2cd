"""A result as DICOM lies on its source voxel for voxel, says what it is, and holds nothing personal."""

import io
import shutil
import subprocess
import warnings
from dataclasses import replace
from datetime import UTC, datetime

import highdicom
import numpy as np
import pydicom
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from services.mesher.dicom.segmentation import segmentation
from services.mesher.dicom.source import source_images, to_bytes
from services.mesher.outputs import Result, files_on_request
from services.mesher.provenance import Edit, Provenance, Series
from shared import sandbox
from shared.artifacts import DICOM_FILES
from shared.dicom.identity import complete
from shared.imaging.confidence import Confidence
from shared.imaging.formats import open_scan, read_scan
from shared.imaging.phantoms import abdomen
from shared.imaging.volume import ORGANS, LabelMap
from tests.support.scans import rotation, small_grid, write_dicom, write_enhanced

NOON = datetime(2026, 5, 17, 12, 0, 0, tzinfo=UTC)
ORIGIN = Provenance(models=(("gate", "ab" * 32), ("outline", "cd" * 32)), software="viscera 0")
IDENTITY = {"00100010": {"vr": "PN", "Value": [{"Alphabetic": "Müller^Äda"}]}, "00100020": {"vr": "LO", "Value": ["1"]}}


def result_of(folder, labels=None, provenance=ORIGIN):
    volume = read_scan(folder)
    if labels is None:
        labels = np.zeros(volume.data.shape, np.uint8)
        labels[2:6, 5:12, 4:20], labels[3:9, 20:30, 8:30] = 1, 3
    label_map = LabelMap(labels, volume.geometry)
    files = dicom_files(label_map, folder, provenance=provenance)
    return label_map, {name: complete(content, IDENTITY) for name, content in files.items()}


def dicom_files(label_map, folder, job="job_1", written=NOON, provenance=ORIGIN):
    result = Result(
        label_map, "light", provenance=provenance, series=lambda: Series(job, open_scan(folder).origin, written)
    )
    return {name: result.file(name) for name in files_on_request(result) if name in DICOM_FILES}


def read(content):
    return pydicom.dcmread(io.BytesIO(content))


def overlay(content, geometry):
    """Label ids per voxel of a grid, from the segmentation's own frames and their places in the patient."""
    image = highdicom.seg.Segmentation.from_dataset(read(content))
    result = np.zeros(geometry.shape, np.uint8)
    ids = {
        item.SegmentNumber: next(o.id for o in ORGANS if o.title == item.SegmentLabel) for item in image.SegmentSequence
    }
    pixels = image.pixel_array if image.NumberOfFrames > 1 else image.pixel_array[None]
    shared = image.SharedFunctionalGroupsSequence[0]
    axes = np.array(shared.PlaneOrientationSequence[0].ImageOrientationPatient, float).reshape(2, 3)
    down, across = (float(v) for v in shared.PixelMeasuresSequence[0].PixelSpacing)
    for frame, groups in zip(pixels, image.PerFrameFunctionalGroupsSequence, strict=True):
        corner = np.array(groups.PlanePositionSequence[0].ImagePositionPatient, float)
        rows, columns = np.nonzero(frame)
        points = corner + np.outer(columns * across, axes[0]) + np.outer(rows * down, axes[1])
        index = geometry.to_index(points)
        assert np.abs(index - np.rint(index)).max() < 1e-3, "the segmentation's voxels lie on the source's"
        i, j, k = np.rint(index).astype(int).T
        result[k, j, i] = ids[groups.SegmentIdentificationSequence[0].ReferencedSegmentNumber]
    return result


AXES = [np.diag([7.0, 6.0, 14.0, 1.0]), np.diag([-7.0, 6.0, -14.0, 1.0]), np.diag([7.0, -6.0, 14.0, 1.0])]
TURNED = np.array([[0, 0, 14.0, 0], [7.0, 0, 0, 0], [0, -6.0, 0, 0], [0, 0, 0, 1.0]])


@pytest.mark.parametrize("affine", [*AXES, TURNED], ids=["plain", "flipped", "mirrored slices", "sagittal"])
def test_the_segmentation_overlays_its_source_voxel_for_voxel(tmp_path, affine):
    labels, files = result_of(write_dicom(tmp_path / "s", abdomen(small_grid(affine)).volume))
    assert (overlay(files["segmentation.dcm"], labels.geometry) == labels.data).all()


@settings(max_examples=12, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.tuples(*[st.floats(-3.1, 3.1)] * 3), st.permutations([0, 1, 2]), st.integers(0, 2**31))
def test_it_does_so_however_the_patient_was_turned(tmp_path, angles, order, seed):
    affine = np.eye(4)
    affine[:3, :3] = rotation(angles)[:, order] * np.array([7.0, 6.0, 14.0])
    folder = tmp_path / f"s{seed}"
    shutil.rmtree(folder, ignore_errors=True)
    write_dicom(folder, abdomen(small_grid(affine, (6, 20, 24))).volume)
    chosen = np.random.default_rng(seed).integers(0, 4, read_scan(folder).data.shape).astype(np.uint8)
    noise = np.where(np.indices(chosen.shape)[1] > 12, chosen, 0).astype(np.uint8)
    labels, origin = LabelMap(noise, read_scan(folder).geometry), open_scan(folder).origin
    written = segmentation(Series("job_1", origin), labels, source_images(origin), ORIGIN)
    assert (overlay(complete(to_bytes(written), IDENTITY), labels.geometry) == labels.data).all()


def test_an_enhanced_image_is_overlaid_frame_by_frame(tmp_path):
    labels, files = result_of(write_enhanced(tmp_path / "s", abdomen(small_grid(AXES[1])).volume))
    assert (overlay(files["segmentation.dcm"], labels.geometry) == labels.data).all()


def test_it_refers_to_its_source_and_says_what_made_it(tmp_path):
    folder = write_dicom(tmp_path / "s", abdomen(small_grid()).volume)
    source = pydicom.dcmread(next(folder.iterdir()))
    _, files = result_of(folder)
    seg = read(files["segmentation.dcm"])
    assert seg.SegmentationType == "BINARY"
    for name in files:
        dataset = read(files[name])
        assert dataset.StudyInstanceUID == source.StudyInstanceUID
        assert dataset.SeriesInstanceUID != source.SeriesInstanceUID
        assert dataset.PatientName == "Müller^Äda"
    assert seg.FrameOfReferenceUID == source.FrameOfReferenceUID
    referenced = {item.ReferencedSOPInstanceUID for item in seg.ReferencedSeriesSequence[0].ReferencedInstanceSequence}
    assert referenced <= {pydicom.dcmread(path).SOPInstanceUID for path in folder.iterdir()}
    first = seg.SegmentSequence[0]
    assert first.SegmentedPropertyTypeCodeSequence[0].CodeValue == "69695003"
    assert first.SegmentAlgorithmType == "AUTOMATIC"
    assert "ab" * 32 in str(first.SegmentationAlgorithmIdentificationSequence[0].AlgorithmParameters)
    assert "not for diagnosis" in seg.ContentDescription
    colour = highdicom.color.CIELabColor.from_dicom_value(first.RecommendedDisplayCIELabValue).to_rgb()
    assert np.abs(np.array(colour) - ORGANS[0].colour).max() <= 2


def test_the_report_gives_volumes_in_millilitres(tmp_path):
    labels, files = result_of(write_dicom(tmp_path / "s", abdomen(small_grid()).volume))
    report = highdicom.sr.srread(io.BytesIO(files["sr.dcm"]))
    groups = report.content.get_volumetric_roi_measurement_groups()
    volumes = {group.tracking_identifier: group.get_measurements()[0] for group in groups}
    assert set(volumes) == {"stomach", "large_bowel"}
    expected = (labels.data == 1).sum() * labels.geometry.voxel_ml
    assert volumes["stomach"].value == pytest.approx(expected, rel=1e-5)
    assert volumes["stomach"].unit.CodeValue == "mL"


def test_the_report_has_the_models_confidence_unless_a_person_changed_the_outlines(tmp_path):
    folder = write_dicom(tmp_path / "s", abdomen(small_grid()).volume)
    sure = replace(ORIGIN, confidence=Confidence(axis=0, slices=(0.5,), organs={"stomach": (0.42, None, 0.5)}))
    for provenance, expected in ((sure, {"stomach": 46.0}), (replace(sure, edit=Edit(2, 1, "a", NOON)), {})):
        _, files = result_of(folder, provenance=provenance)
        report = highdicom.sr.srread(io.BytesIO(files["sr.dcm"]))
        found = {
            group.tracking_identifier: measurement.value
            for group in report.content.get_volumetric_roi_measurement_groups()
            for measurement in group.get_measurements()
            if measurement.name.value == "111012"
        }
        assert found == expected


def test_the_report_says_where_only_a_part_of_an_organ_was_seen(tmp_path):
    folder = write_dicom(tmp_path / "s", abdomen(small_grid()).volume)
    labels = np.zeros(read_scan(folder).data.shape, np.uint8)
    labels[0:6, 5:12, 4:20], labels[4:6, 20:24, 8:12] = 1, 3
    report = highdicom.sr.srread(io.BytesIO(result_of(folder, labels)[1]["sr.dcm"]))
    groups = report.content.get_volumetric_roi_measurement_groups()
    parts = {
        group.tracking_identifier
        for group in groups
        if any(item.value.value == "255599008" for item in group.get_qualitative_evaluations())
    }
    assert parts == {"stomach"}


def test_the_surfaces_come_out_as_they_went_in(tmp_path):
    _, files = result_of(write_dicom(tmp_path / "s", abdomen(small_grid()).volume))
    stl, obj, mtl = (read(files[f"{kind}.dcm"]) for kind in ("stl", "obj", "mtl"))
    assert len(stl.EncapsulatedDocument) == 84 + 50 * int.from_bytes(stl.EncapsulatedDocument[80:84], "little")
    assert b"mtllib model.mtl" in obj.EncapsulatedDocument
    assert b"newmtl stomach" in mtl.EncapsulatedDocument
    assert obj.ReferencedInstanceSequence[0].ReferencedSOPInstanceUID == mtl.SOPInstanceUID
    assert obj.FrameOfReferenceUID == stl.FrameOfReferenceUID


def test_without_an_organ_there_is_no_dicom(tmp_path):
    folder = write_dicom(tmp_path / "s", abdomen(small_grid()).volume)
    assert result_of(folder, np.zeros(read_scan(folder).data.shape, np.uint8))[1] == {}


def test_before_it_is_handed_out_a_result_holds_nothing_personal(tmp_path):
    folder = write_dicom(tmp_path / "s", abdomen(small_grid()).volume, PatientID="CANARY", StudyDescription="CANARY")
    volume = read_scan(folder)
    labels = LabelMap(np.ones(volume.data.shape, np.uint8), volume.geometry)
    files = dicom_files(labels, folder)
    assert set(files) == set(DICOM_FILES)
    assert all(b"CANARY" not in content and b"Phantom" not in content for content in files.values())
    identity = sandbox.call("identity", path=str(folder))["identity"]
    assert read(complete(files["sr.dcm"], identity)).StudyDescription == "CANARY"


def test_a_file_has_the_same_bytes_whenever_it_is_written(tmp_path):
    folder = write_dicom(tmp_path / "s", abdomen(small_grid()).volume)
    labels = np.zeros(read_scan(folder).data.shape, np.uint8)
    labels[2:6, 5:12, 4:20] = 1
    label_map = LabelMap(labels, read_scan(folder).geometry)
    first = dicom_files(label_map, folder)
    again = dicom_files(label_map, folder)  # a moment later by the clock
    assert [name for name in DICOM_FILES if first[name] != again[name]] == []
    assert read(complete(first["sr.dcm"], {})).ContentTime == "120000"


@pytest.mark.skipif(shutil.which("dciodvfy") is None, reason="dciodvfy (dicom3tools) is not installed")
@pytest.mark.parametrize("writer", [write_dicom, write_enhanced])
def test_dciodvfy_finds_no_error(tmp_path, writer):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        _, files = result_of(writer(tmp_path / "s", abdomen(small_grid()).volume))
    for name in ("segmentation.dcm", "sr.dcm", "rtstruct.dcm", "stl.dcm"):
        (tmp_path / name).write_bytes(files[name])
        result = subprocess.run(["dciodvfy", tmp_path / name], capture_output=True, text=True, check=False, timeout=60)
        assert "Error" not in result.stderr, result.stderr
