"""Every file of a result says the same volume of an organ: that of its voxels."""

import io
import json

import highdicom
import numpy as np
import pytest

from services.mesher.outputs import write_outputs
from services.mesher.provenance import Series
from shared.imaging.formats import open_scan, read_scan
from shared.imaging.phantoms import abdomen
from shared.imaging.volume import LabelMap
from tests.services.mesher.glb.reader import parse
from tests.support.scans import small_grid, write_dicom

GLBS = ("model.glb", "model.quantized.glb", "model.meshopt.glb", "model.lod.glb")


@pytest.fixture(scope="module")
def written(tmp_path_factory):
    """A label map of two organs and a speck, and every file made of it."""
    folder = write_dicom(tmp_path_factory.mktemp("volumes") / "s", abdomen(small_grid()).volume)
    volume = read_scan(folder)
    data = np.zeros(volume.data.shape, np.uint8)
    data[2:6, 5:12, 4:20], data[3:9, 20:30, 8:30], data[5, 2, 2:4] = 1, 3, 2
    label_map = LabelMap(data, volume.geometry)
    return label_map, write_outputs(label_map, series=Series("job_1", open_scan(folder).origin))


@pytest.fixture(scope="module")
def expected(written):
    """Organ name to mL, counted."""
    data, voxel = written[0].data, written[0].geometry.voxel_ml
    names = {"stomach": 1, "small_bowel": 2, "large_bowel": 3}
    return {name: float((data == label).sum()) * voxel for name, label in names.items()}


@pytest.mark.parametrize("name", GLBS)
def test_the_nodes_of_every_glb_carry_the_voxels_volume(written, expected, name):
    document, _ = parse(written[1][name])
    volumes = {node["name"].split("_lod")[0]: node["extras"]["volume_ml"] for node in document["nodes"]}
    assert volumes == pytest.approx(expected, abs=5e-4)


def test_the_report_carries_the_voxels_volume(written, expected):
    organs = json.loads(written[1]["report.json"])["organs"]
    assert {organ["name"]: organ["volume_ml"] for organ in organs} == pytest.approx(expected, abs=5e-4)
    assert {organ["name"]: organ["volume_voxels_ml"] for organ in organs} == pytest.approx(expected, abs=5e-4)


def test_the_structured_report_carries_the_voxels_volume(written, expected):
    report = highdicom.sr.srread(io.BytesIO(written[1]["sr.dcm"]))
    groups = report.content.get_volumetric_roi_measurement_groups()
    volumes = {group.tracking_identifier: group.get_measurements()[0].value for group in groups}
    assert volumes == pytest.approx(expected, rel=1e-5)


def test_the_segmentation_has_as_many_voxels(written, expected):
    segmentation = highdicom.seg.segread(io.BytesIO(written[1]["segmentation.dcm"]))
    voxel = written[0].geometry.voxel_ml
    names = {item.SegmentNumber: item.TrackingID for item in segmentation.SegmentSequence}
    volumes = dict.fromkeys(expected, 0.0)
    for frame, groups in zip(segmentation.pixel_array, segmentation.PerFrameFunctionalGroupsSequence, strict=True):
        number = groups.SegmentIdentificationSequence[0].ReferencedSegmentNumber
        volumes[names[number]] += float(frame.sum()) * voxel
    assert volumes == pytest.approx(expected)
