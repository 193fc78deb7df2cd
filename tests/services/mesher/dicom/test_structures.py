"""A structure set has the voxels of its label map: its contours are drawn again here, by patient coordinates alone."""

import shutil
import subprocess

import numpy as np
import pytest
import SimpleITK as sitk
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from shared.imaging.phantoms import abdomen
from shared.imaging.volume import ORGANS
from tests.services.mesher.dicom.test_dicom import AXES, TURNED, read, result_of
from tests.support.scans import rotation, small_grid, write_dicom, write_enhanced


def redrawn(structures, geometry):
    """Label ids per voxel: those whose centres lie in a contour, by the even-odd rule, on the contour's slice."""
    result = np.zeros(geometry.shape, np.uint8)
    ids = {
        item.ROINumber: next(o.id for o in ORGANS if o.title == item.ROIName)
        for item in structures.StructureSetROISequence
    }
    rows, columns = np.indices(geometry.shape[1:])
    for region in structures.ROIContourSequence:
        for contour in region.ContourSequence:
            assert contour.ContourGeometricType == "CLOSED_PLANAR"
            points = geometry.to_index(np.array(contour.ContourData, float).reshape(-1, 3))
            assert len(points) == contour.NumberOfContourPoints
            number = round(float(points[0, 2]))
            assert np.abs(points[:, 2] - number).max() < 0.01, "a contour lies in the plane of its slice"
            inside = np.zeros(geometry.shape[1:], bool)
            for (x, y), (to_x, to_y) in zip(points[:, :2], np.roll(points[:, :2], -1, axis=0), strict=True):
                crosses = (y > rows) != (to_y > rows)
                with np.errstate(divide="ignore", invalid="ignore"):
                    inside ^= crosses & (columns < x + (rows - y) * (to_x - x) / (to_y - y))
            result[number][inside] = ids[region.ReferencedROINumber]
    return result


def labels_with_holes(shape):
    labels = np.zeros(shape, np.uint8)
    labels[2:6, 5:17, 4:20], labels[3:9, 20:30, 8:30] = 1, 3
    labels[3:5, 8:12, 7:10] = labels[4, 9:15, 13:17] = 0
    labels[4, 11:13, 14:16] = 2
    labels[5, 18, 22], labels[5, 19, 23] = 1, 1
    return labels


@pytest.mark.parametrize("affine", [*AXES, TURNED], ids=["plain", "flipped", "mirrored slices", "sagittal"])
@pytest.mark.parametrize("writer", [write_dicom, write_enhanced])
def test_contours_enclose_the_voxels_of_the_label_map_with_holes_and_islands(tmp_path, affine, writer):
    folder = writer(tmp_path / "s", abdomen(small_grid(affine)).volume)
    shape = result_of(folder)[0].data.shape
    labels, files = result_of(folder, labels_with_holes(shape))
    assert (redrawn(read(files["rtstruct.dcm"]), labels.geometry) == labels.data).all()


@settings(max_examples=6, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.tuples(*[st.floats(-3.1, 3.1)] * 3), st.integers(0, 2**31))
def test_they_do_so_in_oblique_series(tmp_path, angles, seed):
    affine = np.eye(4)
    affine[:3, :3] = rotation(angles) * np.array([7.0, 6.0, 14.0])
    folder = write_dicom(tmp_path / f"s{seed}{abs(hash(angles))}", abdomen(small_grid(affine, (6, 20, 24))).volume)
    shape = result_of(folder)[0].data.shape
    labels = np.zeros(shape, np.uint8)
    labels[2:4, 5:11, 9:17] = np.random.default_rng(seed).integers(0, 4, (2, 6, 8))
    labels, files = result_of(folder, labels)
    assert (redrawn(read(files["rtstruct.dcm"]), labels.geometry) == labels.data).all()


def test_regions_name_organ_colour_code_volume_and_source(tmp_path):
    folder = write_dicom(tmp_path / "s", abdomen(small_grid()).volume)
    labels, files = result_of(folder)
    structures, seg = read(files["rtstruct.dcm"]), read(files["segmentation.dcm"])
    assert [region.ROIName for region in structures.StructureSetROISequence] == ["Stomach", "Large bowel"]
    assert [list(region.ROIDisplayColor) for region in structures.ROIContourSequence] == [
        list(organ.colour) for organ in ORGANS if organ.name != "small_bowel"
    ]
    codes = [item.RTROIIdentificationCodeSequence[0].CodeValue for item in structures.RTROIObservationsSequence]
    assert codes == ["69695003", "71854001"]
    for region, label in zip(structures.StructureSetROISequence, (1, 3), strict=True):
        voxels = np.count_nonzero(labels.data == label)
        assert float(region.ROIVolume) == pytest.approx(voxels * labels.geometry.voxel_ml, abs=1e-3)
        assert region.ReferencedFrameOfReferenceUID == seg.FrameOfReferenceUID
    assert structures.ApprovalStatus == "UNAPPROVED"
    series = structures.ReferencedFrameOfReferenceSequence[0].RTReferencedStudySequence[0].RTReferencedSeriesSequence[0]
    assert len(series.ContourImageSequence) == labels.data.shape[0]
    used = {
        contour.ContourImageSequence[0].ReferencedSOPInstanceUID
        for region in structures.ROIContourSequence
        for contour in region.ContourSequence
    }
    assert len(used) == np.count_nonzero(labels.data.any(axis=(1, 2))), "no slice is missing"


def test_a_contour_of_more_than_64_kib_is_written(tmp_path):
    volume = abdomen(small_grid(shape=(4, 160, 160))).volume
    folder = write_dicom(tmp_path / "s", volume)
    comb = np.zeros(volume.data.shape, np.uint8)
    comb[1, 2:158, 2], comb[1, 2:158:6, 2:158], comb[1, 3:158:6, 2:158:2] = 1, 1, 1
    labels, files = result_of(folder, comb)
    structures = read(files["rtstruct.dcm"])
    (contour,) = structures.ROIContourSequence[0].ContourSequence
    assert sum(len(str(value)) + 1 for value in contour.ContourData) > 2**16
    assert (redrawn(structures, labels.geometry) == labels.data).all()


@pytest.mark.skipif(shutil.which("plastimatch") is None, reason="plastimatch is not installed")
def test_plastimatch_reads_the_same_voxels(tmp_path):
    folder = write_dicom(tmp_path / "s", abdomen(small_grid()).volume)
    labels, files = result_of(folder, labels_with_holes((12, 40, 48)))
    path, out = tmp_path / "rtstruct.dcm", tmp_path / "masks"
    path.write_bytes(files["rtstruct.dcm"])
    command = ["plastimatch", "convert", "--input", path, "--referenced-ct", folder, "--output-prefix", out]
    subprocess.run([*command, "--prefix-format", "nrrd"], check=True, capture_output=True, timeout=60)
    masks = {file.stem: sitk.ReadImage(file) for file in out.iterdir()}
    assert set(masks) == {organ.title for organ in ORGANS}
    for organ in ORGANS:
        voxels = np.argwhere(sitk.GetArrayFromImage(masks[organ.title]))[:, ::-1]
        points = [masks[organ.title].TransformIndexToPhysicalPoint(voxel.tolist()) for voxel in voxels]
        i, j, k = np.rint(labels.geometry.to_index(np.array(points))).astype(int).T
        read = np.zeros(labels.data.shape, bool)
        read[k, j, i] = True
        assert (read == (labels.data == organ.id)).all()
