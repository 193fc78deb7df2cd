"""Real organ shapes, drawn by people and by other models."""

import pytest

from bench.cases import case139, nifti_labels, real
from bench.intersections import self_intersections
from bench.voxelise import dice, voxelise
from services.mesher.core import mesh
from tests.services.mesher.shapes import surface


def hold(label_map, quality="standard"):
    """Every organ is sound, keeps its volume, covers its voxels and does not pass through itself."""
    for result in mesh(label_map, quality).organs:
        if result.mesh is None:
            continue
        assert result.method == "field"
        assert result.checks.passed
        assert result.volume_mesh_ml == pytest.approx(result.volume_voxels_ml, rel=5e-3)
        assert self_intersections(result.mesh.vertices, result.mesh.faces) == 0
        covered = dice(
            voxelise(result.mesh.vertices, result.mesh.faces, label_map.geometry), label_map.data == result.label
        )
        assert covered >= (0.97 if result.volume_voxels_ml >= 50.0 else 0.95)


def test_outlines_of_a_day_are_covered_and_the_stomach_lies_left_of_and_above_the_bowel(data):
    label_map = case139(data)
    hold(label_map)
    meshed = mesh(label_map)
    stomach, bowel = (surface(meshed, label).vertices.mean(axis=0) for label in (1, 2))
    assert stomach[0] > bowel[0]
    assert stomach[2] > bowel[2]


def test_ct_organs_are_covered(data):
    hold(nifti_labels(data / "ct" / "example_ct_organs.nii.gz"))


@pytest.mark.slow
def test_all_real_label_maps_are_covered(data):
    for _, label_map in real(data):
        hold(label_map)
