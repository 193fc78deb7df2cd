"""What meshing promises of surfaces, places, volumes and warnings."""

import numpy as np
import pytest

from bench.voxelise import dice, voxelise
from services.mesher.core import BUDGETS, mesh
from shared.imaging.geometry import Geometry
from shared.imaging.volume import LabelMap
from tests.services.mesher.shapes import ball, labels, oblique, organ_of, phantom_labels, shells, surface, winding


def l_shape(affine):
    """An organ with no symmetry, and a second one beside it, on the given grid."""
    data = np.zeros((24, 30, 40), dtype=np.uint8)
    data[4:20, 5:12, 6:34] = 1
    data[4:9, 12:24, 6:14] = 1
    data[12:20, 12:16, 28:34] = 2
    return LabelMap(data, Geometry(data.shape, affine))


@pytest.mark.parametrize("determinant", [1, -1])
def test_surface_lies_where_the_voxels_are_on_oblique_and_left_handed_grids(determinant):
    label_map = l_shape(oblique(determinant))
    meshed = mesh(label_map)
    for label in (1, 2):
        shape = surface(meshed, label)
        mask = voxelise(shape.vertices, shape.faces, label_map.geometry)
        assert dice(mask, label_map.data == label) > 0.95
        slices, rows, columns = np.nonzero(label_map.data == label)
        centre = label_map.geometry.to_patient(np.stack([columns, rows, slices], axis=1)).mean(axis=0)
        assert np.allclose(shape.vertices.mean(axis=0), centre, atol=6.0)


@pytest.mark.parametrize("determinant", [1, -1])
def test_winding_is_outward_on_oblique_and_left_handed_grids(determinant):
    label_map = l_shape(oblique(determinant))
    shape = surface(mesh(label_map), 1)
    inside = label_map.geometry.to_patient(np.array([[10.0, 8.0, 12.0], [30.0, 8.0, 12.0], [9.0, 20.0, 6.0]]))
    outside = label_map.geometry.to_patient(np.array([[30.0, 20.0, 6.0], [0.0, 0.0, 0.0]]))
    assert np.allclose(winding(shape, inside), 1.0)
    assert np.allclose(winding(shape, outside), 0.0)
    toward = shape.vertices + 0.5 * shape.normals
    assert np.allclose(winding(shape, toward[::97]), 0.0)


@pytest.mark.parametrize("flip", [(1, 1, 1), (-1, 1, 1), (1, -1, 1), (1, 1, -1), (-1, -1, -1)])
def test_stored_axes_do_not_matter_only_the_patient_does(flip):
    label_map = phantom_labels()
    sz, sy, sx = flip
    affine = label_map.geometry.affine.copy()
    for column, (sign, size) in enumerate(zip((sx, sy, sz), label_map.geometry.shape[::-1], strict=True)):
        if sign < 0:
            affine[:3, 3] += affine[:3, column] * (size - 1)
            affine[:3, column] *= -1
    turned = LabelMap(label_map.data[::sz, ::sy, ::sx], Geometry(label_map.geometry.shape, affine))
    for label in (1, 2, 3):
        before, after = surface(mesh(label_map), label).vertices, surface(mesh(turned), label).vertices
        assert np.allclose(before.min(axis=0), after.min(axis=0), atol=0.3)
        assert np.allclose(before.max(axis=0), after.max(axis=0), atol=0.3)


def test_the_stomach_of_the_phantom_is_left_of_and_above_the_bowel():
    meshed = mesh(phantom_labels())
    stomach, small = surface(meshed, 1).vertices.mean(axis=0), surface(meshed, 2).vertices.mean(axis=0)
    assert stomach[0] > small[0] + 20
    assert stomach[2] > small[2] + 40


@pytest.mark.parametrize("quality", ["light", "standard", "fine"])
def test_volume_of_the_mesh_is_that_of_the_voxels(quality):
    meshed = mesh(phantom_labels(), quality)
    for organ in meshed.organs:
        assert organ.method == "field"
        assert organ.volume_mesh_ml == pytest.approx(organ.volume_voxels_ml, rel=5e-4)


def test_a_ball_is_round_to_a_tenth_of_a_voxel():
    shape = surface(mesh(labels(ball((48, 48, 48), (23.5, 23.5, 23.5), 18.0))), 1)
    radius = np.linalg.norm(shape.vertices - 23.5, axis=1)
    expected = np.cbrt(3.0 * ball((48, 48, 48), (23.5, 23.5, 23.5), 18.0).sum() / (4.0 * np.pi))
    assert np.abs(radius - expected).mean() < 0.1
    assert np.abs(radius - expected).max() < 0.4


def test_slopes_between_thick_slices_are_slopes_not_stairs():
    data = np.zeros((12, 60, 60), dtype=np.uint8)
    for number in range(12):
        data[number, 10:50, 4 : 12 + 4 * number] = 1
    shape = surface(mesh(labels(data, (4.0, 1.0, 1.0))), 1)
    slope = shape.vertices[(shape.vertices[:, 0] > 20) & (shape.vertices[:, 0] < 44)]
    slope = slope[(slope[:, 1] > 16) & (slope[:, 1] < 44) & (slope[:, 2] > 6) & (slope[:, 2] < 38)]
    assert len(slope) > 50
    line = np.polynomial.Polynomial.fit(slope[:, 2], slope[:, 0], 1)
    assert np.abs(slope[:, 0] - line(slope[:, 2])).max() < 0.6


@pytest.mark.parametrize(("quality", "most"), [("light", 50_000), ("standard", 150_000)])
def test_triangles_stay_within_the_budget(quality, most):
    rng = np.random.default_rng(3)
    data = np.zeros((120, 120, 120), dtype=np.uint8)
    for _ in range(60):
        data[ball(data.shape, tuple(rng.integers(10, 110, 3)), float(rng.integers(5, 12)))] = rng.integers(1, 4)
    meshed = mesh(labels(data), quality)
    assert BUDGETS[quality].triangles == most
    assert 0.6 * most < sum(len(organ.faces) for organ in meshed.meshes) <= most


def test_a_map_too_ragged_for_the_budget_exceeds_it_and_says_so():
    noise = np.random.default_rng(1).random((70, 70, 70)) < 0.05
    meshed = mesh(labels(noise, (1.0, 1.0, 1.0)), "light")
    assert sum(len(organ.faces) for organ in meshed.meshes) > 50_000
    assert meshed.warnings == ("triangle_budget",)
    assert organ_of(meshed, 1).checks.passed


def test_more_quality_means_more_triangles():
    counts = [sum(len(m.faces) for m in mesh(phantom_labels(), q).meshes) for q in ("light", "standard", "fine")]
    assert counts == sorted(counts)


def test_an_organ_of_one_voxel_keeps_its_place_and_volume():
    data = np.zeros((9, 9, 9), dtype=np.uint8)
    data[4, 5, 6] = 1
    meshed = mesh(labels(data, (2.0, 1.0, 1.0)))
    organ = organ_of(meshed, 1)
    assert organ.volume_mesh_ml == pytest.approx(0.002, rel=5e-3)
    assert np.allclose(surface(meshed, 1).vertices.mean(axis=0), [6, 5, 8], atol=1e-6)
    assert "tiny" in organ.warnings


def test_a_speck_beside_a_large_organ_is_not_lost():
    data = ball((60, 60, 60), (30, 30, 20), 15).astype(np.uint8)
    data[50, 50, 55] = 1
    meshed = mesh(labels(data))
    shape = surface(meshed, 1)
    assert organ_of(meshed, 1).components == 2
    assert sum(volume > 0 for volume in shells(shape.vertices, shape.faces)) == 2
    assert shape.vertices[:, 0].max() > 54.5


def test_small_components_go_only_when_asked_and_are_reported():
    data = ball((60, 60, 60), (30, 30, 20), 15).astype(np.uint8)
    data[50:52, 50:52, 55:57] = 1
    kept, dropped = organ_of(mesh(labels(data)), 1), organ_of(mesh(labels(data), min_component=0.01), 1)
    assert (kept.dropped_components, kept.components) == (0, 2)
    assert (dropped.dropped_components, dropped.components) == (1, 2)
    assert dropped.dropped_ml == pytest.approx(0.008)
    assert "components_dropped" in dropped.warnings
    assert dropped.volume_mesh_ml == pytest.approx(kept.volume_voxels_ml - 0.008, rel=1e-3)


def test_an_organ_all_of_whose_pieces_were_dropped_has_a_line_but_no_mesh():
    data = np.zeros((9, 9, 9), dtype=np.uint8)
    data[4, 4, 4] = 1
    organ = organ_of(mesh(labels(data), min_component=1.0), 1)
    assert organ.mesh is None
    assert organ.dropped_components == 1
    assert organ.warnings == ("absent", "components_dropped")


def test_an_organ_at_the_edge_of_the_scan_is_closed_and_flagged():
    data = np.zeros((20, 20, 20), dtype=np.uint8)
    data[0:12, 5:15, 5:15] = 1
    data[5:9, 16:20, 5:9] = 2
    data[15:18, 5:9, 5:9] = 3
    meshed = mesh(labels(data))
    assert [organ_of(meshed, label).touches_border for label in (1, 2, 3)] == [True, True, False]
    assert all(organ.checks.watertight for organ in meshed.organs)
    assert "touches_border" in organ_of(meshed, 1).warnings


def test_a_hole_inside_an_organ_stays_a_hole():
    data = (ball((50, 50, 50), (25, 25, 25), 20) & ~ball((50, 50, 50), (25, 25, 25), 9)).astype(np.uint8)
    meshed = mesh(labels(data))
    shape = surface(meshed, 1)
    volumes = sorted(shells(shape.vertices, shape.faces))
    assert len(volumes) == 2
    assert volumes[0] < 0 < volumes[1]
    assert winding(shape, np.array([[25.0, 25.0, 25.0]]))[0] == pytest.approx(0.0, abs=1e-9)


def test_no_organ_gives_three_lines_and_no_mesh():
    meshed = mesh(labels(np.zeros((4, 5, 6))))
    assert meshed.meshes == ()
    assert [organ.name for organ in meshed.organs] == ["stomach", "small_bowel", "large_bowel"]


def test_labels_the_project_does_not_name_are_meshed_too():
    data = np.zeros((20, 20, 20), dtype=np.uint8)
    data[5:15, 5:15, 5:15] = 200
    meshed = mesh(labels(data))
    assert organ_of(meshed, 200).name == "label_200"
    assert organ_of(meshed, 200).mesh is not None


def test_many_pieces_are_kept_and_warned_of():
    data = np.zeros((40, 40, 40), dtype=np.uint8)
    data[2::4, 2::4, 2::4] = 1
    organ = organ_of(mesh(labels(data)), 1)
    assert organ.components == 1000
    assert sum(volume > 0 for volume in shells(organ.mesh.vertices, organ.mesh.faces)) == 1000
    assert "many_components" in organ.warnings


def test_neighbours_do_not_sink_into_each_other():
    data = np.zeros((40, 60, 60), dtype=np.uint8)
    data[ball(data.shape, (20, 30, 20), 14)] = 1
    data[ball(data.shape, (20, 30, 40), 14)] = 2
    meshed = mesh(labels(data, (3.0, 1.5, 1.5)))
    geometry = Geometry.from_spacing((400, 300, 300), (0.3, 0.3, 0.3))
    first, second = (
        voxelise(surface(meshed, label).vertices, surface(meshed, label).faces, geometry) for label in (1, 2)
    )
    assert (first & second).sum() < 1e-3 * first.sum()


def test_progress_only_grows_and_ends_at_one():
    fractions = []
    mesh(phantom_labels(), "light", progress=fractions.append)
    assert fractions == sorted(fractions)
    assert fractions[-1] == 1.0


def test_the_label_map_is_left_as_it_was():
    label_map = phantom_labels()
    before = label_map.data.copy()
    mesh(label_map)
    assert (label_map.data == before).all()
